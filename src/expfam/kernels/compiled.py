"""The coded verbs compiled: one loop over rows, every pair of a row added where it belongs.

Same arguments and results as `kernels.definition`. Imported on first need, for it brings Numba.
NaN and infinities must be seen, so of fast-math only what keeps them is allowed.
"""

import numpy as np
from numba import njit

from expfam._typing import FloatArray, IntArray

TWO_TABLES = 1024  # columns up to which a second table of sums costs little memory

_compile = njit(nogil=True, cache=True, fastmath={"reassoc", "contract", "arcp", "nsz"})


@_compile
def _forward(codes, theta, out):  # type: ignore[no-untyped-def]
    for i in range(codes.shape[0]):
        total = 0.0
        for a in range(codes.shape[1]):
            total += theta[codes[i, a]]
        out[i] = total


@_compile
def _forward_valued(codes, values, theta, out):  # type: ignore[no-untyped-def]
    for i in range(codes.shape[0]):
        total = 0.0
        for a in range(codes.shape[1]):
            total += theta[codes[i, a]] * values[i, a]
        out[i] = total


@_compile
def _adjoint(codes, rows, out):  # type: ignore[no-untyped-def]
    for i in range(codes.shape[0]):
        for a in range(codes.shape[1]):
            for j in range(rows.shape[1]):
                out[codes[i, a], j] += rows[i, j]


@_compile
def _adjoint_valued(codes, values, rows, out):  # type: ignore[no-untyped-def]
    for i in range(codes.shape[0]):
        for a in range(codes.shape[1]):
            for j in range(rows.shape[1]):
                out[codes[i, a], j] += rows[i, j] * values[i, a]


@_compile
def _sums(codes, rows, out):  # type: ignore[no-untyped-def]
    for i in range(codes.shape[0]):
        r = rows[i]
        for a in range(codes.shape[1]):
            out[codes[i, a]] += r


@_compile
def _cross(codes, weights, columns, out):  # type: ignore[no-untyped-def]
    for i in range(codes.shape[0]):
        for a in range(codes.shape[1]):
            c = codes[i, a]
            for j in range(columns.shape[1]):
                out[c, j] += weights[i] * columns[i, j]


@_compile
def _cross_valued(codes, values, weights, columns, out):  # type: ignore[no-untyped-def]
    for i in range(codes.shape[0]):
        for a in range(codes.shape[1]):
            c, w = codes[i, a], weights[i] * values[i, a]
            for j in range(columns.shape[1]):
                out[c, j] += w * columns[i, j]


@_compile
def _gram(codes, weights, even, odd):  # type: ignore[no-untyped-def]
    n, k = codes.shape
    for i in range(0, n - 1, 2):
        w, v = weights[i], weights[i + 1]
        for a in range(k):
            c, d = codes[i, a], codes[i + 1, a]
            for b in range(a, k):
                even[c, codes[i, b]] += w
                odd[d, codes[i + 1, b]] += v
    if n % 2:
        for a in range(k):
            for b in range(a, k):
                even[codes[n - 1, a], codes[n - 1, b]] += weights[n - 1]


@_compile
def _gram_valued(codes, values, weights, even, odd):  # type: ignore[no-untyped-def]
    n, k = codes.shape
    for i in range(0, n - 1, 2):
        for a in range(k):
            c, d = codes[i, a], codes[i + 1, a]
            w, v = weights[i] * values[i, a], weights[i + 1] * values[i + 1, a]
            for b in range(a, k):
                even[c, codes[i, b]] += w * values[i, b]
                odd[d, codes[i + 1, b]] += v * values[i + 1, b]
    if n % 2:
        for a in range(k):
            for b in range(a, k):
                product = values[n - 1, a] * values[n - 1, b]
                even[codes[n - 1, a], codes[n - 1, b]] += weights[n - 1] * product


def forward(codes: IntArray, values: FloatArray | None, theta: FloatArray) -> FloatArray:
    """R theta: (n,) for theta (P,), (n, d) for theta (P, d)."""
    if theta.ndim == 2:
        return np.stack([forward(codes, values, np.ascontiguousarray(column)) for column in theta.T], axis=1)
    out = np.empty(codes.shape[0])
    if values is None:
        _forward(codes, theta, out)
    else:
        _forward_valued(codes, values, theta, out)
    return out


def adjoint(codes: IntArray, values: FloatArray | None, rows: FloatArray, width: int) -> FloatArray:
    """R' rows: (P,) for rows (n,), (P, d) for rows (n, d)."""
    out = np.zeros((width, *rows.shape[1:]))
    if values is None and rows.ndim == 1:
        _sums(codes, rows, out)
    elif values is None:
        _adjoint(codes, rows, out)
    else:
        _adjoint_valued(codes, values, rows.reshape(len(rows), -1), out.reshape(width, -1))
    return out


def cross(
    codes: IntArray, values: FloatArray | None, weights: FloatArray, columns: FloatArray, width: int
) -> FloatArray:
    """R' diag(weights) columns, (P, m) for columns (n, m)."""
    out = np.zeros((width, columns.shape[1]))
    if values is None:
        _cross(codes, weights, columns, out)
    else:
        _cross_valued(codes, values, weights, columns, out)
    return out


def gram(codes: IntArray, values: FloatArray | None, weights: FloatArray, width: int) -> FloatArray:
    """R' diag(weights) R, (P, P), symmetric; the codes of a row must ascend or be equal from left to right.

    Rows go by turns to two tables: a common level would make every addition wait for the one before.
    """
    even = np.zeros((width, width))
    odd = np.zeros((width, width)) if width <= TWO_TABLES else even
    if values is None:
        _gram(codes, weights, even, odd)
    else:
        _gram_valued(codes, values, weights, even, odd)
    out = even if odd is even else even + odd
    return np.triu(out) + np.triu(out, 1).T
