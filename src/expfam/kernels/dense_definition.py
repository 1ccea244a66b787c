"""The dense verbs in plain NumPy: the meaning that `kernels.dense` is tested against, and what small data runs on.

R = values - 1 centre', values (n, m) float64 or float32 in any memory order, centre (m,) or None for zeros. R is
written out a few rows at a time, never in full: sums are of centred numbers and lose no digits to a large mean.
"""

from collections.abc import Iterator

import numpy as np

from expfam._typing import AnyArray, FloatArray

CELLS = 1 << 16  # numbers written out at once
TOGETHER = 64  # rows that are centred as one
NARROW = 16  # columns below which BLAS takes longer for half of a product with itself than for all of any product


def forward(
    values: AnyArray, centre: FloatArray | None, theta: FloatArray, out: FloatArray | None = None
) -> FloatArray:
    """R theta: (n,) for theta (m,), (n, d) for theta (m, d); added to `out` if there is one."""
    if out is None and _plain(values, centre):
        return np.asarray(values @ theta)
    total = np.zeros((len(values), *theta.shape[1:])) if out is None else out
    for rows, R in _parts(values, centre):
        total[rows] += R @ theta
    return total


def adjoint(values: AnyArray, centre: FloatArray | None, rows: FloatArray) -> FloatArray:
    """R' rows: (m,) for rows (n,), (m, d) for rows (n, d)."""
    if _plain(values, centre):
        return np.asarray(values.T @ rows)
    return np.asarray(sum(R.T @ rows[at] for at, R in _parts(values, centre)))


def grams(values: AnyArray, centre: FloatArray | None, weights: FloatArray) -> tuple[FloatArray, FloatArray]:
    """R' diag(w) R, symmetric, and R' w for every w of weights (k, n): (k, m, m) and (k, m)."""
    if len(weights) == 1 and _plain(values, centre):
        return gram(values, weights[0])[None], weights @ values
    count, m = len(weights), values.shape[1]
    out, sums = np.zeros((count, m, m)), np.zeros((count, m))
    for at, R in _parts(values, centre):
        for a, w in enumerate(weights[:, at]):
            out[a] += gram(R, w)
            sums[a] += R.T @ w
    return out, sums


def columns(values: AnyArray, centre: FloatArray | None, out: FloatArray) -> None:
    """out = R, (n, m), the numbers of a row one after the other.

    Rows that lie so already are taken many as one, for NumPy's loops begin anew with every row.
    """
    (n, m), less = values.shape, np.zeros(values.shape[1]) if centre is None else centre
    many = n // TOGETHER if values.flags.c_contiguous else 0
    first = slice(0, many * TOGETHER)
    shape = many, TOGETHER * m
    np.subtract(values[first].reshape(shape), np.tile(less, TOGETHER), out=out[first].reshape(shape))
    np.subtract(values[first.stop :], less, out=out[first.stop :])


def dots(values: AnyArray, centre: FloatArray | None, rows: FloatArray, out: FloatArray) -> None:
    """out += the sum of R * rows over the columns, (n,) for rows (n, m)."""
    for at, R in _parts(values, centre):
        out[at] += np.einsum("nr,nr->n", R, rows[at])


def squares(values: AnyArray, centre: FloatArray | None, weights: FloatArray) -> FloatArray:
    """(R * R)' weights, (m,)."""
    return np.asarray(sum((R * R).T @ weights[at] for at, R in _parts(values, centre)))


def gram(R: FloatArray, w: FloatArray) -> FloatArray:
    """R' diag(w) R: a product of a matrix with itself takes half the work, for wide rows and w of one sign."""
    if R.shape[1] >= NARROW:
        if w.min(initial=0.0) >= 0:
            half = np.sqrt(w)[:, None] * R
            return np.asarray(half.T @ half)
        if w.max(initial=0.0) <= 0:
            return -gram(R, -w)
    full = R.T @ (w[:, None] * R)
    return np.asarray((full + full.T) / 2)


def _plain(values: AnyArray, centre: FloatArray | None) -> bool:
    """Are the numbers R already?"""
    return centre is None and values.dtype == np.float64


def _parts(values: AnyArray, centre: FloatArray | None) -> Iterator[tuple[slice, FloatArray]]:
    """R, a few rows at a time; numbers that are R already come as they are, all at once."""
    n, m = values.shape
    step = max(n if _plain(values, centre) else CELLS // max(m, 1), 1)
    for lo in range(0, max(n, 1), step):
        rows = slice(lo, lo + step)
        some = values[rows].astype(np.float64, copy=False)
        yield rows, some if centre is None else some - centre
