"""What a family is: (1) to (4) of the theory, and all that follows from a, natural, variance, conjugate."""

from abc import ABC, abstractmethod
from collections.abc import Iterable
from difflib import get_close_matches
from typing import Any, NoReturn, TypeAlias

import numpy as np

from expfam._typing import AnyArray, BoolArray, FloatArray
from expfam.errors import FamilyError, ResponseError
from expfam.parallel import ordered_map, ordered_sum, repeated, slices

ROWS = 1 << 15  # rows whose densities are worked out at a time
LARGEST, LEAST = 1e150, 1e-150  # numbers beyond have squares that overflow, and those below squares that underflow

Scale: TypeAlias = FloatArray | float


class ExponentialFamily(ABC):
    """p(y; psi) = b(y, phi/w) exp(w (psi . T(y) - a(psi)) / phi), equations (1) and (3).

    Means, natural parameters and t = T(y) are float64 arrays of shape (n,), or (n, d) for a vector family.
    Every method is pure; numbers are accepted where arrays are.
    """

    __slots__ = ()

    @property
    @abstractmethod
    def name(self) -> str:
        """The key of FAMILIES."""

    @property
    @abstractmethod
    def mean_domain(self) -> tuple[float, float]:
        """The open interval of mu."""

    @property
    @abstractmethod
    def default_link(self) -> str:
        """The name of the link used when none is given: the canonical one unless the family says why not."""

    @property
    @abstractmethod
    def allowed(self) -> str:
        """The support of y in words."""

    @property
    def remedy(self) -> str:
        """What to do about a y outside the support."""
        return "correct or drop such rows, or choose another family"

    @property
    def fixed_dispersion(self) -> bool:
        """Is phi = 1 known?"""
        return False

    @property
    def has_likelihood(self) -> bool:
        """Are density, draws and distribution function defined?"""
        return True

    @property
    def vector(self) -> bool:
        """Is psi in R^d, with arrays (n, d)?"""
        return False

    @abstractmethod
    def a(self, psi: FloatArray, /) -> FloatArray:
        """a(psi), the log-partition; (n,)."""

    @abstractmethod
    def mean(self, psi: FloatArray, /) -> FloatArray:
        """mu = grad a(psi), equation (2)."""

    @abstractmethod
    def natural(self, mu: FloatArray, /) -> FloatArray:
        """psi = (grad a)^-1 (mu)."""

    @abstractmethod
    def variance(self, mu: FloatArray, /) -> FloatArray:
        """V(mu) = hess a at natural(mu), equation (2); (n,) or (n, d, d)."""

    @abstractmethod
    def dvariance(self, mu: FloatArray) -> FloatArray:
        """V'(mu); scalar families only."""

    @abstractmethod
    def conjugate(self, t: FloatArray, /) -> FloatArray:
        """a*(t) = sup_psi psi . t - a(psi); (n,)."""

    @abstractmethod
    def outside(self, y: FloatArray) -> BoolArray:
        """Which finite y lie outside the support?"""

    def T(self, y: FloatArray, /) -> FloatArray:
        """T(y), the sufficient statistic: y itself."""
        return np.asarray(y, dtype=np.float64)

    def all_means(self, mu: FloatArray) -> FloatArray:
        """The means a prediction shows: mu itself, (n,); for classes all k probabilities, (n, k)."""
        return mu

    def variance_at(self, psi: FloatArray) -> FloatArray:
        """hess a(psi) = V(mean(psi)), equation (2)."""
        return self.variance(self.mean(psi))

    def inner(self, psi: FloatArray, t: FloatArray) -> FloatArray:
        """psi . t, a row at a time; (n,)."""
        return psi * t

    def fenchel_young(self, t: FloatArray, psi: FloatArray) -> FloatArray:
        """a*(t) + a(psi) - psi . t: equation (4) as it stands."""
        return self.conjugate(t) + self.a(psi) - self.inner(psi, t)

    def loss(self, t: FloatArray, mu: FloatArray) -> FloatArray:
        """Half the unit deviance: (4) at psi = natural(mu), in the form that cancels least; (n,)."""
        return np.maximum(self.fenchel_young(t, self.natural(mu)), 0.0)

    def deviance(self, y: FloatArray, mu: FloatArray, weight: Scale = 1.0) -> float:
        """2 sum_i w_i loss_i, in units of phi."""
        return 2.0 * float(np.sum(weight * self.loss(self.T(y), mu)))

    def check(self, y: FloatArray, name: str = "y", rows: AnyArray | None = None) -> None:
        """Is every y a number of the support whose square can be computed with? Raises ResponseError naming column, row
        (from 0) and value.

        `rows` (n,) says where each y stood in the data, where some rows were left out before.
        """
        y = np.atleast_1d(np.asarray(y))
        if y.dtype.kind not in "fiub":
            raise ResponseError(
                f"column {name!r} holds {y.dtype} values; the {self.name} family needs {self.allowed}; "
                "convert the column to numbers"
            )
        numbers = y.astype(np.float64, copy=False)
        if all(ordered_map(lambda at: self._holds(numbers[at]), slices(len(y)))):
            return
        for bad, allowed, remedy in (
            (~np.isfinite(y), "finite numbers", "drop or fill such rows first"),
            (self.outside(numbers), self.allowed, self.remedy),
            (
                np.abs(numbers) > LARGEST,
                f"numbers up to {LARGEST:g}, whose squares do not overflow",
                "check the value, or divide the response by a power of ten",
            ),
        ):
            if bad.any():
                at, others = int(np.argmax(bad)), int(bad.sum()) - 1
                row = at if rows is None else int(rows[at])
                raise ResponseError(
                    f"column {name!r}, row {row} (from 0) is {y[at]:.12g}{f', and {others} more' if others else ''}; "
                    f"the {self.name} family needs {allowed}; {remedy}",
                    row=row,
                )

    def _holds(self, y: FloatArray) -> bool:
        within = max(-y.min(initial=0.0), y.max(initial=0.0)) <= LARGEST  # nor is it true of NaN
        return bool(within and not self.outside(y).any())

    def log_saturated(self, y: FloatArray, precision: Scale) -> FloatArray:
        """log density at mu = T(y), with precision = w / phi; log b follows from it without cancellation."""
        self.no_likelihood("density")

    def b(self, y: FloatArray, phi: Scale = 1.0, weight: Scale = 1.0) -> FloatArray:
        """b(y, phi/w), the base measure of (3); see log_b where it underflows."""
        return np.asarray(np.exp(self.log_b(y, phi, weight)))

    def log_b(self, y: FloatArray, phi: Scale = 1.0, weight: Scale = 1.0) -> FloatArray:
        """log b(y, phi/w), the base measure of (3)."""
        precision = np.asarray(weight / phi)
        return self.log_saturated(y, precision) - precision * self.conjugate(self.T(y))

    def log_density(self, y: FloatArray, mu: FloatArray, phi: Scale = 1.0, weight: Scale = 1.0) -> FloatArray:
        """log b(y, phi/w) + w (psi . T(y) - a(psi)) / phi = log density at mu = T(y), less w loss / phi."""
        precision = np.asarray(weight / phi)
        return self.log_saturated(y, precision) - precision * self.loss(self.T(y), mu)

    def loglik(self, y: FloatArray, deviance: float, weight: Scale = 1.0, frequency: Scale = 1.0) -> float:
        """The log-likelihood with every constant, such that AIC = 2 (p + [phi estimated]) - 2 loglik as in R.

        The means enter by their deviance alone: log density = log density at mu = T(y), less w loss / phi. Known phi:
        w counts rows; estimated: phi = deviance / sum f w, and w divides it.
        """
        w, f = repeated(weight, len(y)), repeated(frequency, len(y))
        if self.fixed_dispersion:
            total = ordered_sum(lambda at: float(f[at] * w[at] @ self.log_saturated(y[at], 1.0)), slices(len(y), ROWS))
            return total - deviance / 2
        return self.loglik_at(deviance / float(f @ w), y, deviance, w, f)

    def loglik_at(
        self, phi: float, y: FloatArray, deviance: float, weight: Scale = 1.0, frequency: Scale = 1.0
    ) -> float:
        """sum f log p(y; mu, phi / w) at a given phi; +inf at phi = 0."""
        if not phi > 0:
            return np.inf
        w, f = repeated(weight, len(y)), repeated(frequency, len(y))
        at_means = ordered_sum(lambda at: float(f[at] @ self.log_saturated(y[at], w[at] / phi)), slices(len(y), ROWS))
        return at_means - deviance / (2 * phi)

    def draw(self, mu: FloatArray, rng: np.random.Generator, phi: Scale = 1.0, weight: Scale = 1.0) -> FloatArray:
        """y ~ p(.; natural(mu)) with dispersion phi / w; (n,)."""
        self.no_likelihood("draws")

    def cdf(self, y: FloatArray, mu: FloatArray, phi: Scale = 1.0, weight: Scale = 1.0) -> FloatArray:
        """P(Y <= y); (n,)."""
        self.no_likelihood("distribution function")

    def cdf_left(self, y: FloatArray, mu: FloatArray, phi: Scale = 1.0, weight: Scale = 1.0) -> FloatArray:
        """P(Y < y): equal to cdf where y has a density; (n,)."""
        return self.cdf(y, mu, phi, weight)

    def no_likelihood(self, what: str) -> NoReturn:
        """Raise FamilyError: there is no `what`, why, and what to use instead."""
        raise FamilyError(f"the {self.name} family has no {what}: {self.why_no_likelihood}")

    @property
    def why_no_likelihood(self) -> str:
        """The reason, and the remedy."""
        return "it is given by its mean and variance alone; take the family it is named after"

    def to_dict(self) -> dict[str, Any]:
        """Name and parameters, as JSON can hold them; `families.from_dict` reads them."""
        return {"name": self.name}


def unknown(kind: str, name: object, known: Iterable[str], meant: str | None = None) -> FamilyError:
    """The error for a name that no index holds: what was asked, what is meant or near, all that are allowed."""
    names = list(known)
    near = get_close_matches(str(name), names, n=1) if meant is None else [meant]
    hint = f"; did you mean {near[0]!r}?" if near else "."
    return FamilyError(f"there is no {kind} {name!r}{hint} Allowed: {', '.join(names)}, or an object of your own")
