"""Newton's linear algebra on p-sized matrices: which columns are independent, the step, the condition."""

from dataclasses import dataclass

import numpy as np
from scipy.linalg import lapack

from expfam._typing import BoolArray, FloatArray

RANK_TOL = 1e-12
"""A column is aliased where less than this share of its sum of squares is left over by the earlier columns.
Rounding in a Gram product leaves about p x 1e-16 of an exact alias; an uncentred column keeps (sd / mean)^2."""


def independent(gram: FloatArray, tol: float = RANK_TOL) -> BoolArray:
    """Which columns are no linear combination of earlier ones, (p,), from X'WX: scaled pivoted Cholesky.

    Like R, the earlier column of a dependent set is kept. The quick pivoted factorisation settles full rank; only a
    deficient matrix is eliminated column by column in order.
    """
    diagonal = np.diagonal(gram)
    alive = diagonal > 0
    if not alive.all():
        kept = np.zeros(len(diagonal), dtype=bool)
        kept[alive] = independent(gram[np.ix_(alive, alive)], tol)
        return kept
    scale = 1 / np.sqrt(diagonal)
    unit = gram * scale[:, None] * scale
    _, _, rank, info = lapack.dpstrf(unit, tol=tol, lower=1)
    return np.ones(len(unit), dtype=bool) if info == 0 and rank == len(unit) else _in_order(unit, tol)


def _in_order(unit: FloatArray, tol: float) -> BoolArray:
    """Cholesky without pivoting that skips a column whose pivot vanishes; unit diagonal assumed."""
    p = len(unit)
    factor = np.zeros((p, p))
    pivots = np.ones(p)
    kept = np.zeros(p, dtype=bool)
    for j in range(p):
        if pivots[j] <= tol:
            continue
        kept[j] = True
        column = (unit[j + 1 :, j] - factor[j + 1 :] @ factor[j]) / np.sqrt(pivots[j])
        factor[j, j] = np.sqrt(pivots[j])
        factor[j + 1 :, j] = column
        pivots[j + 1 :] -= column**2
    return kept


@dataclass(frozen=True, slots=True)
class Factor:
    """S H S = L L' with S = diag(scale): a Cholesky factor of the information on its own scale."""

    lower: FloatArray
    scale: FloatArray
    condition: float
    definite: bool

    def solve(self, rhs: FloatArray) -> FloatArray:
        """H^-1 rhs, (q,) or (q, m)."""
        scale = self.scale if rhs.ndim == 1 else self.scale[:, None]
        solved, _ = lapack.dpotrs(self.lower, rhs * scale, lower=1)
        return np.asarray(solved) * scale

    def inverse(self) -> FloatArray:
        """H^-1, (q, q), symmetric."""
        inverse, _ = lapack.dpotri(self.lower, lower=1)
        full = np.tril(inverse) + np.tril(inverse, -1).T
        return np.asarray(full * self.scale[:, None] * self.scale)


def factorise(hessian: FloatArray) -> Factor:
    """Cholesky of the information scaled to unit diagonal, with a 1-norm condition estimate.

    Where it is not positive definite, the diagonal is raised just enough: the step stays a descent direction.
    """
    diagonal = np.abs(np.diagonal(hessian))
    scale = 1 / np.sqrt(np.where(diagonal > 0, diagonal, 1.0))
    unit = hessian * scale[:, None] * scale
    for lift in (0.0, *(10.0**k for k in range(-15, 9))):
        lower, info = lapack.dpotrf(unit + lift * np.eye(len(unit)) if lift else unit, lower=1)
        if info == 0:
            break
    norm = float(np.abs(unit).sum(axis=0).max(initial=0.0))
    rcond, _ = lapack.dpocon(lower, norm, uplo="L")
    return Factor(lower, scale, np.inf if lift or rcond == 0 else 1 / float(rcond), lift == 0)
