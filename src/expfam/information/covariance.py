"""V, the covariance of the coefficients: written out, or a diagonal and a low rank where a factor is very wide."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from expfam._typing import FloatArray
from expfam.design import Design
from expfam.errors import ExpfamError
from expfam.information.half import Half
from expfam.parallel import slices

if TYPE_CHECKING:
    from expfam.information._information import Information

MOST = 10_000  # coefficients up to which a matrix of them is ever written out: 0.8 GB
EPS = float(np.finfo(np.float64).eps)
QUICK = 500  # coefficients up to which eigenvalues take milliseconds
CELLS = 1 << 22  # numbers of rows x rank that are held together


class Covariance(ABC):
    """V (m, m), class after class; NaN in the rows and columns of coefficients that were left out."""

    __slots__ = ()

    @property
    @abstractmethod
    def size(self) -> int:
        """How many coefficients, m."""

    @property
    @abstractmethod
    def diagonal(self) -> FloatArray:
        """The variances, (m,)."""

    @abstractmethod
    def full(self) -> FloatArray:
        """V written out, (m, m), a fresh array; ExpfamError beyond MOST coefficients."""

    def written(self) -> "Written":
        """V as a matrix: what a meat without zeros leaves of any form."""
        return Written(self.full())

    def apart(self) -> "Covariance":
        """V without the rows that it may still have to be read from."""
        return self

    @abstractmethod
    def times(self, share: float) -> "Covariance":
        """share V."""

    def trace(self, diagonal: FloatArray, matrix: FloatArray | None) -> float:
        """tr(V S) for S = diag(diagonal) + matrix, as a penalty gives it."""
        return self.written().trace(diagonal, matrix)

    def sandwich(self, meat: "Information") -> "Covariance":
        """V M V."""
        return self.written().sandwich(meat)

    @abstractmethod
    def of(self, gradients: FloatArray) -> FloatArray:
        """g' V g, the delta method's variance of a function of gradient g, for each of gradients (r, m): (r,).

        A coefficient that was left out is fixed and adds nothing.
        """

    @abstractmethod
    def reached(self, gradients: FloatArray) -> FloatArray:
        """V G' for gradients G (r, m): (m, r), how each coefficient moves with each of the functions."""

    @abstractmethod
    def of_rows(self, design: Design, classes: int) -> FloatArray:
        """The covariance of every row's linear predictors x_i' V x_i, (n, d, d)."""

    @abstractmethod
    def to_json(self) -> Any:
        """V for a model file, None for NaN."""


@dataclass(frozen=True, slots=True, eq=False)
class Written(Covariance):
    """V as a matrix; with its `half` where products with the matrix would lose digits."""

    matrix: FloatArray
    half: Half | None = None

    @property
    def size(self) -> int:
        return len(self.matrix)

    @property
    def diagonal(self) -> FloatArray:
        return np.diagonal(self.matrix)

    def full(self) -> FloatArray:
        return self.matrix.copy()

    def written(self) -> "Written":
        return self

    def times(self, share: float) -> "Written":
        return Written(share * self.matrix, None if self.half is None else self.half.times(share))

    def trace(self, diagonal: FloatArray, matrix: FloatArray | None) -> float:
        return float(self.diagonal @ diagonal) + (0.0 if matrix is None else float(np.sum(self.matrix * matrix)))

    def sandwich(self, meat: "Information") -> "Written":
        return self.around(self.turned(self.turned(meat.matrix).T))

    def turned(self, scores: FloatArray) -> FloatArray:
        """S A' of scores S (r, m), V = A' A: rows whose products keep their digits; S itself where those of S do."""
        return scores if self.half is None else self.half.turned(scores).T

    def around(self, meat: FloatArray) -> "Written":
        """V M V of the products M (m, m) of `turned` scores."""
        if self.half is None:
            return Written(self.matrix @ meat @ self.matrix)
        half = self.half.around(meat)
        turned = half.turned(np.eye(self.size))
        return Written(turned.T @ half.weighed(turned), half)

    def of(self, gradients: FloatArray) -> FloatArray:
        if self.half is not None:
            return self.half.of(gradients)
        return np.asarray(np.einsum("rm,rm->r", gradients @ _fixed(self.matrix), gradients))

    def reached(self, gradients: FloatArray) -> FloatArray:
        return _fixed(self.matrix) @ gradients.T if self.half is None else self.half.reached(gradients)

    def of_rows(self, design: Design, classes: int) -> FloatArray:
        """A variance that is less than what its terms may round by is that, negative: it is lost."""
        if self.half is not None:
            return _of_rows(self.half, design, classes)
        p, vcov = design.p, _fixed(self.matrix)
        out = np.empty((design.n, classes, classes))
        for a, b in zip(*np.triu_indices(classes), strict=True):
            out[:, a, b] = design.quadratic(vcov[a * p : (a + 1) * p, b * p : (b + 1) * p])
            out[:, b, a] = out[:, a, b]
        if not _is_precise(vcov, design.n):
            for k, variance in enumerate(np.abs(np.diagonal(vcov)).reshape(classes, p)):
                rounding = EPS * p * design.quadratic(np.diag(variance))  # at least EPS (sum_j |x_j| s_j)^2
                out[:, k, k] = np.where(out[:, k, k] > rounding, out[:, k, k], -rounding)
        return out

    def to_json(self) -> Any:
        if self.half is None:
            return _plain(self.matrix)
        named = {name: getattr(self.half, name) for name in ("lower", "scale", "middle")}
        return {"matrix": _plain(self.matrix), **{k: None if v is None else _plain(v) for k, v in named.items()}}


def _fixed(matrix: FloatArray) -> FloatArray:
    """V with zeros for coefficients that were left out; all NaN, where there is no dispersion, it stays."""
    lost = np.isnan(np.diagonal(matrix))
    return np.nan_to_num(matrix) if lost.any() and not lost.all() else matrix


def _is_precise(vcov: FloatArray, n: int) -> bool:
    """Is x' V x more than rounding whatever x is, because the least eigenvalue of the correlations is? Of few rows, or
    many coefficients, that is not asked: to look at each row is quicker."""
    variance = np.abs(np.diagonal(vcov))
    if not np.isfinite(variance).all():
        return True  # no dispersion, so no variance
    if len(vcov) > min(n, QUICK):
        return False
    some = np.flatnonzero(variance)
    correlations = vcov[np.ix_(some, some)] / np.sqrt(np.outer(variance[some], variance[some]))
    return bool(np.linalg.eigvalsh(correlations).min(initial=1.0) > 2 * len(some) * EPS)


def _of_rows(half: Half, design: Design, classes: int) -> FloatArray:
    """x_i' V x_i with the rows written out, some at a time."""
    size, p = len(half.scale), design.p
    out = np.empty((design.n, classes, classes))
    units = design.maps.forward(np.eye(p))
    for rows in slices(design.n, max(CELLS // max(size * classes, 1), 1)):
        x = design.take(rows).forward(units)
        wide = np.zeros((classes, len(x), classes, p))
        wide[np.arange(classes), :, np.arange(classes)] = x
        turned = half.turned(wide.reshape(-1, size))
        shape = size, classes, len(x)
        out[rows] = np.einsum("qan,qbn->nab", turned.reshape(shape), half.weighed(turned).reshape(shape))
    return out


@dataclass(frozen=True, slots=True, eq=False)
class LowRank(Covariance):
    """V = diag(own) + U K U': own (m,), zero but for the levels of one factor; `tall` is U (m, r), `middle` K (r, r).

    From a Schur complement S: own = D^-1, U = [-D^-1 B; I], K = S^-1.
    """

    own: FloatArray
    tall: FloatArray
    middle: FloatArray

    @property
    def size(self) -> int:
        return len(self.own)

    @property
    def diagonal(self) -> FloatArray:
        return self.own + self._quadratic(self.tall)

    def full(self) -> FloatArray:
        check_written(self.size, "the covariance", "fit.se, fit.tidy() and predict(interval=...) need no such matrix")
        return np.asarray(np.diag(self.own) + self.tall @ self.middle @ self.tall.T)

    def times(self, share: float) -> "LowRank":
        return LowRank(share * self.own, self.tall, share * self.middle)

    def trace(self, diagonal: FloatArray, matrix: FloatArray | None) -> float:
        total = float(self.diagonal @ diagonal)
        if matrix is None:
            return total
        return total + float(self.own @ np.diagonal(matrix) + np.sum(self.middle * (self.tall.T @ matrix @ self.tall)))

    def sandwich(self, meat: "Information") -> "LowRank":
        """P M P is diagonal, for M is on the levels; what is beside it has the columns of U and Y = P M U."""
        reached = meat.times(self.tall)
        inner = self.middle @ (self.tall.T @ reached) @ self.middle
        middle = np.block([[inner, self.middle], [self.middle, np.zeros_like(inner)]])
        tall = np.concatenate([self.tall, self.own[:, None] * reached], axis=1)
        return LowRank(self.own**2 * meat.diagonal, tall, middle)

    def of(self, gradients: FloatArray) -> FloatArray:
        return gradients**2 @ np.nan_to_num(self.own) + self._quadratic(gradients @ np.nan_to_num(self.tall))

    def reached(self, gradients: FloatArray) -> FloatArray:
        own, tall = np.nan_to_num(self.own), np.nan_to_num(self.tall)
        return np.asarray(own[:, None] * gradients.T + tall @ (self.middle @ (gradients @ tall).T))

    def of_rows(self, design: Design, classes: int) -> FloatArray:
        """A row has one level, marked by e, which is 1 or its scale: so its share of the diagonal is x'(e own)."""
        marked = np.sqrt(design.peaks()) * np.nan_to_num(self.own)
        units = design.maps.forward(np.column_stack([marked, np.nan_to_num(self.tall)]))
        step = max(CELLS // units.shape[1], 1)
        parts = [design.take(slice(lo, lo + step)).forward(units) for lo in range(0, design.n, step)]
        variance = [part[:, 0] + self._quadratic(part[:, 1:]) for part in parts]
        return np.concatenate([np.empty(0), *variance])[:, None, None]

    def to_json(self) -> Any:
        return {"diagonal": _plain(self.own), "tall": _plain(self.tall), "middle": _plain(self.middle)}

    def _quadratic(self, rows: FloatArray) -> FloatArray:
        return np.asarray(np.einsum("nr,nr->n", rows @ self.middle, rows))


@dataclass(frozen=True, slots=True, eq=False)
class Apart(Covariance):
    """The variances of single coefficients, own (m,), and nothing of how they move together: what one that learned row
    by row knows by random scaling. ExpfamError for whatever would need V."""

    own: FloatArray

    @property
    def size(self) -> int:
        return len(self.own)

    @property
    def diagonal(self) -> FloatArray:
        return self.own

    def times(self, share: float) -> "Apart":
        return Apart(share * self.own)

    def to_json(self) -> Any:
        return {"apart": _plain(self.own)}

    def full(self) -> FloatArray:
        raise _of_several()

    def trace(self, diagonal: FloatArray, matrix: FloatArray | None) -> float:
        raise _of_several()

    def sandwich(self, meat: "Information") -> "Apart":
        raise _of_several()

    def of(self, gradients: FloatArray) -> FloatArray:
        raise _of_several()

    def reached(self, gradients: FloatArray) -> FloatArray:
        raise _of_several()

    def of_rows(self, design: Design, classes: int) -> FloatArray:
        raise _of_several()


def _of_several() -> ExpfamError:
    return ExpfamError(
        "random scaling tells the errors of single coefficients, not how they move together: fit.se, fit.p_values and "
        "fit.confint() have them; for tests of several, or errors of predictions, learn with SGD(step='information')"
    )


def from_json(plain: Any) -> Covariance:
    """The covariance that `to_json` wrote."""
    if isinstance(plain, Mapping) and "apart" in plain:
        return Apart(np.array(plain["apart"], dtype=float))
    if not isinstance(plain, Mapping):
        return Written(_square(np.array(plain, dtype=float).reshape(len(plain), -1 if plain else 0)))
    if "matrix" in plain:
        matrix, lower, scale = (_whole(name, plain[name]) for name in ("matrix", "lower", "scale"))
        middle = None if plain["middle"] is None else _whole("middle", plain["middle"])
        if not matrix.shape == lower.shape == 2 * scale.shape or (middle is not None and middle.shape != matrix.shape):
            raise ValueError(f"a covariance of shapes {matrix.shape}, {lower.shape}, {scale.shape}")
        return Written(matrix, Half(np.asfortranarray(lower), scale, middle))  # as LAPACK has it: to the last bit
    own, tall = (np.array(plain[name], dtype=float) for name in ("diagonal", "tall"))
    middle = _whole("middle", plain["middle"])
    if tall.shape != (len(own), len(middle)) or middle.shape != tall.shape[1:] * 2:
        raise ValueError(f"a covariance of shapes {own.shape}, {tall.shape}, {middle.shape}")
    return LowRank(own, tall, middle)


def _whole(name: str, plain: Any) -> FloatArray:
    """An array of numbers, or of NaN alone, where there is no dispersion."""
    found = np.array(plain, dtype=float)
    if np.isnan(found).any() and not np.isnan(found).all():
        raise ValueError(f"{name}: null among numbers")
    return found


def _square(matrix: FloatArray) -> FloatArray:
    """A matrix with NaN in all of the row and the column of a coefficient, or in none of it."""
    lost = np.isnan(np.diagonal(matrix))
    if matrix.shape != (len(lost), len(lost)) or not np.array_equal(np.isnan(matrix), lost[:, None] | lost):
        raise ValueError(f"null among the numbers of a covariance of shape {matrix.shape}")
    return matrix


def check_written(size: int, what: str, instead: str) -> None:
    """ExpfamError where a matrix of so many coefficients would fill the memory."""
    if size > MOST:
        raise ExpfamError(
            f"{what} of {size:,} coefficients would take {8e-9 * size**2:,.0f} GB; it is written out up to {MOST:,}. "
            f"{instead[:1].upper()}{instead[1:]}"
        )


def _plain(values: FloatArray) -> list[Any]:
    """Nested lists with None for NaN, which JSON does not have."""
    if values.ndim == 2:
        return [_plain(row) for row in values]
    return [None if np.isnan(v) else v for v in values.tolist()]
