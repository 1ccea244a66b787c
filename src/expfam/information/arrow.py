"""The information with one factor's block eliminated: H = [[D, B], [B', A]], D diagonal, solved by A - B' D^-1 B.

A row has one level of a factor, so the levels meet on the diagonal alone. Memory and time grow linearly with them.
"""

from dataclasses import dataclass, replace

import numpy as np

from expfam._typing import AnyArray, BoolArray, FloatArray
from expfam.errors import SolverError
from expfam.information._information import Factor, Information
from expfam.information.covariance import LowRank, check_written
from expfam.information.full import LIFTS, Cholesky, cholesky
from expfam.information.rank import RANK_TOL, independent


@dataclass(frozen=True, slots=True)
class Shaft(Factor):
    """H^-1 by the Schur complement: `own` D (l,), `share` D^-1 B (l, r), `schur` the Cholesky factor of A - B' D^-1 B.

    `condition` estimates that of the Schur complement scaled to unit diagonal; D itself loses no digits.
    """

    own: FloatArray
    share: FloatArray
    schur: Cholesky
    levels: AnyArray
    others: AnyArray
    condition: float
    definite: bool

    def solve(self, rhs: FloatArray) -> FloatArray:
        own, rest = rhs[self.levels], rhs[self.others]
        out = np.empty_like(rhs, dtype=np.float64)
        out[self.others] = self.schur.solve(rest - self.share.T @ own)
        out[self.levels] = (own.T / self.own).T - self.share @ out[self.others]
        return out

    def inverse(self) -> LowRank:
        q, r = len(self.levels) + len(self.others), len(self.others)
        own, tall = np.zeros(q), np.empty((q, r))
        own[self.levels], tall[self.levels], tall[self.others] = 1 / self.own, -self.share, np.eye(r)
        return LowRank(own, tall, self.schur.inverse().matrix)


@dataclass(frozen=True, slots=True)
class Arrow(Information):
    """`own` D (l,), `border` B (l, r), `corner` A (r, r); the coefficients numbered `levels` (l,), `others` (r,)."""

    own: FloatArray
    border: FloatArray
    corner: FloatArray
    levels: AnyArray
    others: AnyArray

    def __add__(self, other: Information) -> "Arrow":
        assert isinstance(other, Arrow)
        assert len(other.own) == len(self.own)
        return replace(
            self, own=self.own + other.own, border=self.border + other.border, corner=self.corner + other.corner
        )

    def __mul__(self, share: float) -> "Arrow":
        return replace(self, own=self.own * share, border=self.border * share, corner=self.corner * share)

    def plus(self, diagonal: FloatArray, matrix: FloatArray | None = None) -> "Arrow":
        """H + diag(diagonal) + matrix; SolverError for a matrix that ties levels of the wide factor to anything."""
        corner = self.corner + np.diag(diagonal[self.others])
        if matrix is not None:
            if matrix[self.levels].any():
                raise SolverError(
                    f"the penalty's matrix ties levels of the factor with {len(self.levels):,} levels, whose block of "
                    "the information must stay diagonal; give these levels strengths, one a column, or solver='lbfgs'"
                )
            corner = corner + matrix[np.ix_(self.others, self.others)]
        return replace(self, own=self.own + diagonal[self.levels], corner=corner)

    @property
    def diagonal(self) -> FloatArray:
        return self._joined(self.own, np.diagonal(self.corner))

    @property
    def matrix(self) -> FloatArray:
        """H written out, (q, q); ExpfamError beyond a few thousand coefficients."""
        q = len(self.own) + len(self.corner)
        check_written(q, "the information", "Use times and factor, which need no such matrix")
        out = np.zeros((q, q))
        out[self.levels, self.levels] = self.own
        out[np.ix_(self.levels, self.others)] = self.border
        out[np.ix_(self.others, self.levels)] = self.border.T
        out[np.ix_(self.others, self.others)] = self.corner
        return out

    def times(self, vector: FloatArray) -> FloatArray:
        own, rest = vector[self.levels], vector[self.others]
        return self._joined(
            (own.T * self.own).T + self.border @ rest, np.asarray(self.border.T @ own + self.corner @ rest)
        )

    def part(self, kept: BoolArray) -> "Arrow":
        place = np.cumsum(kept) - 1
        levels, others = kept[self.levels], kept[self.others]
        return Arrow(
            self.own[levels],
            self.border[np.ix_(levels, others)],
            self.corner[np.ix_(others, others)],
            place[self.levels[levels]],
            place[self.others[others]],
        )

    def independent(self, tol: float = RANK_TOL) -> BoolArray:
        """Which columns are no combination of others, (q,): every level with rows, then, in order, what the levels and
        the earlier ones leave a share of."""
        safe = np.where(self.own > 0, self.own, np.inf)
        schur = self.corner - self.border.T @ (self.border / safe[:, None])
        free = independent(schur, tol, np.diagonal(self.corner))
        return np.asarray(self._joined(self.own > 0, free), dtype=bool)

    def factor(self) -> Shaft:
        """Elimination of the levels of H scaled to unit diagonal, that raised where H is not positive definite."""
        size = np.abs(self.diagonal)
        scale = 1 / np.sqrt(np.where(size > 0, size, 1.0))
        one, other = scale[self.levels], scale[self.others]
        own, border = self.own * one**2, self.border * one[:, None] * other
        corner = self.corner * other[:, None] * other
        for lift in LIFTS:
            raised = own + lift
            share = border / np.where(raised > 0, raised, 1.0)[:, None]
            schur = cholesky(corner + lift * np.eye(len(corner)) - border.T @ share)
            if schur.definite and raised.min(initial=1.0) > 0:
                break
        condition = np.inf if lift else schur.condition
        schur = replace(schur, scale=schur.scale * other)
        share = share * one[:, None] / other
        return Shaft(raised / one**2, share, schur, self.levels, self.others, condition, lift == 0)

    def _joined(self, own: AnyArray, rest: AnyArray) -> FloatArray:
        out = np.empty((len(self.own) + len(self.corner), *own.shape[1:]))
        out[self.levels], out[self.others] = own, rest
        return out
