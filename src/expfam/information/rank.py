"""Which columns are independent? Asked of their Gram matrix."""

import numpy as np
from scipy.linalg import lapack

from expfam._typing import BoolArray, FloatArray

RANK_TOL = 1e-12
"""A column is aliased where less than this share of its sum of squares is left over by the earlier columns.
Rounding in a Gram product leaves about p x 1e-16 of an exact alias."""
ROOT_TOL = 1e-13  # the same for R of a QR decomposition, where nothing is squared
CLEAR = 1e-6  # from this share on there is no doubt


def independent(gram: FloatArray, tol: float = RANK_TOL, whole: FloatArray | None = None) -> BoolArray:
    """Which columns are no linear combination of earlier ones, (p,), from X'WX: scaled pivoted Cholesky.

    Like R, the earlier column of a dependent set is kept. The quick pivoted factorisation settles full rank; only a
    deficient matrix is eliminated column by column in order. `whole` (p,) are the sums of squares of the columns where
    `gram` is that of what other columns, eliminated before, leave over of them.
    """
    diagonal = np.diagonal(gram) if whole is None else whole
    alive = diagonal > 0
    if not alive.all():
        kept = np.zeros(len(diagonal), dtype=bool)
        kept[alive] = independent(gram[np.ix_(alive, alive)], tol, diagonal[alive])
        return kept
    scale = 1 / np.sqrt(diagonal)
    unit = gram * scale[:, None] * scale
    _, _, rank, info = lapack.dpstrf(unit, tol=tol, lower=1)
    # LAPACK takes the first pivot on trust
    full = info == 0 and rank == len(unit) and bool(np.diagonal(unit).max(initial=0.0) > tol)
    return np.ones(len(unit), dtype=bool) if full else _in_order(unit, tol)


def independent_of_root(triangle: FloatArray) -> BoolArray:
    """The same from R of a QR decomposition, (p,): R_jj is what the earlier columns leave over of column j."""
    size = np.sqrt(np.square(triangle).sum(axis=0))
    return np.asarray(np.abs(np.diagonal(triangle)) > ROOT_TOL * size)


def _in_order(unit: FloatArray, tol: float) -> BoolArray:
    """Cholesky without pivoting that skips a column whose pivot vanishes; a diagonal of 1, or what others leave."""
    p = len(unit)
    factor = np.zeros((p, p))
    pivots = np.diagonal(unit).copy()
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
