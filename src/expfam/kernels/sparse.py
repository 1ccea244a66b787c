"""The sparse verbs compiled: one loop over the nonzeros of a row, as `kernels.sparse_definition` means them.

Same arguments and results as there. Imported on first need, for it brings Numba. Indices travel as unsigned numbers:
a signed one is checked for counting from the end, which can triple the time. `data is None` is decided when a
kernel is compiled. NaN and infinities must be seen, so of fast-math only what keeps them is allowed.
"""

import numpy as np
from numba import njit

from expfam._typing import AnyArray, FloatArray
from expfam.kernels.prefetch import prefetch
from expfam.kernels.sparse_definition import Rows
from expfam.parallel import LINE

FAR = 1 << 19  # numbers in a table from which on its lines are asked for in advance: it is larger than a core's cache
AHEAD = 24  # nonzeros between asking for a line and using it

_compile = njit(nogil=True, cache=True, fastmath={"reassoc", "contract", "arcp", "nsz"})


@_compile
def _forward(indptr, indices, data, theta, out):  # type: ignore[no-untyped-def]
    for i in range(len(out)):
        total = 0.0
        for at in range(indptr[i], indptr[i + 1]):
            total += theta[indices[at]] * (1.0 if data is None else data[at])
        out[i] = total


@_compile
def _forward_many(indptr, indices, data, theta, out, ahead):  # type: ignore[no-untyped-def]
    """Four nonzeros at a time: a row of out is loaded and stored once for all of them."""
    last, d = indptr[-1] - 1, theta.shape[1]
    for i in range(len(out)):
        row = out[i]
        row[:] = 0.0
        lo, hi = indptr[i], indptr[i + 1]
        mid = hi - (hi - lo) % 4
        for at in range(lo, mid, 4):
            for k in range(4 if ahead else 0):
                soon = indices[min(at + k + ahead, last)]
                for j in range(0, d, LINE):
                    prefetch(theta, soon, j)  # type: ignore[call-arg]
            a, b, c, e = indices[at], indices[at + 1], indices[at + 2], indices[at + 3]
            if data is None:
                for j in range(d):
                    row[j] += (theta[a, j] + theta[b, j]) + (theta[c, j] + theta[e, j])
            else:
                s, t, u, v = data[at], data[at + 1], data[at + 2], data[at + 3]
                for j in range(d):
                    row[j] += (s * theta[a, j] + t * theta[b, j]) + (u * theta[c, j] + v * theta[e, j])
        for at in range(mid, hi):
            value, column = 1.0 if data is None else data[at], theta[indices[at]]
            for j in range(d):
                row[j] += value * column[j]


@_compile
def _adjoint(indptr, indices, data, vector, out):  # type: ignore[no-untyped-def]
    for i in range(len(vector)):
        r = vector[i]
        for at in range(indptr[i], indptr[i + 1]):
            out[indices[at]] += r if data is None else r * data[at]


@_compile
def _adjoint_many(indptr, indices, data, vectors, out, ahead):  # type: ignore[no-untyped-def]
    last, d = indptr[-1] - 1, vectors.shape[1]
    for i in range(len(vectors)):
        row = vectors[i]
        for at in range(indptr[i], indptr[i + 1]):
            soon = indices[min(at + ahead, last)]
            for j in range(0, d if ahead else 0, LINE):
                prefetch(out, soon, j)  # type: ignore[call-arg]
            value, column = 1.0 if data is None else data[at], out[indices[at]]
            for j in range(d):
                column[j] += value * row[j]


@_compile
def _gram(indptr, indices, data, weights, out):  # type: ignore[no-untyped-def]
    for i in range(len(weights)):
        for at in range(indptr[i], indptr[i + 1]):
            row = out[indices[at]]
            w = weights[i] if data is None else weights[i] * data[at]
            for other in range(at, indptr[i + 1]):
                row[indices[other]] += w if data is None else w * data[other]


@_compile
def _mirror(out):  # type: ignore[no-untyped-def]
    """The upper triangle onto the lower, a line of memory at a time."""
    for lo in range(0, len(out), LINE):
        hi = min(lo + LINE, len(out))
        for i in range(hi):
            for j in range(max(lo, i + 1), hi):
                out[j, i] = out[i, j]


@_compile
def _pairs(indptr, indices, data, others, columns, values, weights, out):  # type: ignore[no-untyped-def]
    for i in range(len(weights)):
        for at in range(indptr[i], indptr[i + 1]):
            row = out[indices[at]]
            w = weights[i] if data is None else weights[i] * data[at]
            for other in range(others[i], others[i + 1]):
                row[columns[other]] += w if values is None else w * values[other]


def forward(rows: Rows, theta: FloatArray, out: FloatArray | None = None) -> FloatArray:
    """R theta: (n,) for theta (r,), (n, d) for theta (r, d); in `out` if there is one."""
    out = np.empty((len(rows[0]) - 1, *theta.shape[1:])) if out is None else out
    if theta.ndim == 1:
        _forward(*_unsigned(rows), np.ascontiguousarray(theta), out)
    else:
        _forward_many(*_unsigned(rows), np.ascontiguousarray(theta), out, AHEAD if theta.size > FAR else 0)
    return out


def adjoint(rows: Rows, vectors: FloatArray, width: int) -> FloatArray:
    """R' vectors: (r,) for vectors (n,), (r, d) for vectors (n, d)."""
    out = np.zeros((width, *vectors.shape[1:]))
    if vectors.ndim == 1:
        _adjoint(*_unsigned(rows), np.ascontiguousarray(vectors), out)
    else:
        _adjoint_many(*_unsigned(rows), np.ascontiguousarray(vectors), out, AHEAD if out.size > FAR else 0)
    return out


def gram(rows: Rows, weights: FloatArray, width: int) -> FloatArray:
    """R' diag(weights) R, (r, r), symmetric: the upper triangle row by row, then its mirror image."""
    out = np.zeros((width, width))
    _gram(*_unsigned(rows), np.ascontiguousarray(weights), out)
    _mirror(out)
    return out


def pairs(rows: Rows, others: Rows, weights: FloatArray, width: int, other_width: int) -> FloatArray:
    """R' diag(weights) S, (r, s), for sparse rows of both."""
    out = np.zeros((width, other_width))
    _pairs(*_unsigned(rows), *_unsigned(others), np.ascontiguousarray(weights), out)
    return out


def _unsigned(rows: Rows) -> tuple[AnyArray, AnyArray, AnyArray | None]:
    """Rows as kernels take them: indices as they are stored, the short indptr always alike, for fewer compilations."""
    indptr, indices, data = rows
    return indptr.astype(np.uint64), indices.view(f"u{indices.itemsize}"), data
