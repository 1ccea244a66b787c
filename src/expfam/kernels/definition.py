"""The coded verbs in plain NumPy: the meaning that `kernels.compiled` is tested against, and what small data runs on.

A coded row i is k pairs (code, value): codes (n, k) number raw columns, values (n, k) multiply them (None: ones).
The raw matrix is R[i, codes[i, a]] += values[i, a].
"""

import numpy as np

from expfam._typing import FloatArray, IntArray


def forward(codes: IntArray, values: FloatArray | None, theta: FloatArray) -> FloatArray:
    """R theta: (n,) for theta (P,), (n, d) for theta (P, d)."""
    picked = theta[codes]
    if values is not None:
        picked = picked * (values if theta.ndim == 1 else values[:, :, None])
    return np.asarray(picked.sum(axis=1))


def adjoint(codes: IntArray, values: FloatArray | None, rows: FloatArray, width: int) -> FloatArray:
    """R' rows: (P,) for rows (n,), (P, d) for rows (n, d)."""
    if rows.ndim == 2:
        return np.stack([adjoint(codes, values, column, width) for column in rows.T], axis=1)
    out = np.zeros(width)
    for a in range(codes.shape[1]):
        weights = rows if values is None else rows * values[:, a]
        out += np.bincount(codes[:, a], weights=weights, minlength=width)
    return out


def cross(
    codes: IntArray, values: FloatArray | None, weights: FloatArray, columns: FloatArray, width: int
) -> FloatArray:
    """R' diag(weights) columns, (P, m) for columns (n, m)."""
    return adjoint(codes, values, weights[:, None] * columns, width)


def gram(codes: IntArray, values: FloatArray | None, weights: FloatArray, width: int) -> FloatArray:
    """R' diag(weights) R, (P, P), symmetric."""
    out = np.zeros((width, width))
    for a in range(codes.shape[1]):
        for b in range(a, codes.shape[1]):
            both = weights if values is None else weights * values[:, a] * values[:, b]
            _add_table(out, codes[:, a], codes[:, b], both, mirrored=a != b)
    return out


def _add_table(out: FloatArray, one: IntArray, other: IntArray, weights: FloatArray, mirrored: bool) -> None:
    """Add the two-way table of `weights` by the codes `one` x `other`, spanning only the codes that occur."""
    low, base = int(one.min()), int(other.min())
    rows, cols = int(one.max()) - low + 1, int(other.max()) - base + 1
    cell = (one - low).astype(np.int64) * cols + (other - base)
    table = np.bincount(cell, weights=weights, minlength=rows * cols).reshape(rows, cols)
    out[low : low + rows, base : base + cols] += table
    if mirrored:
        out[base : base + cols, low : low + rows] += table.T
