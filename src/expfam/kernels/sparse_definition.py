"""The sparse verbs in plain SciPy: the meaning that `kernels.sparse` is tested against, and what small data runs on.

Rows of R are a triple (indptr (n + 1,), indices, data): row i holds the columns indices[indptr[i]:indptr[i+1]],
ascending, with the values at the same places of data (None: ones). Some rows are a shorter indptr into the same arrays.
"""

from typing import Any, TypeAlias

import numpy as np

from expfam._typing import AnyArray, FloatArray

Rows: TypeAlias = tuple[AnyArray, AnyArray, AnyArray | None]


def matrix(rows: Rows, width: int) -> Any:
    """R as a SciPy array (n, width) of float64."""
    from scipy.sparse import csr_array  # on first need: most fits have no sparse columns

    indptr, indices, data = rows
    at = slice(int(indptr[0]), int(indptr[-1]))
    values = np.ones(at.stop - at.start) if data is None else data[at].astype(np.float64, copy=False)
    return csr_array((values, indices[at], indptr - indptr[0]), shape=(len(indptr) - 1, width))


def forward(rows: Rows, theta: FloatArray, out: FloatArray | None = None) -> FloatArray:
    """R theta: (n,) for theta (r,), (n, d) for theta (r, d); in `out` if there is one."""
    found = np.asarray(matrix(rows, len(theta)) @ theta)
    if out is None:
        return found
    out[:] = found
    return out


def adjoint(rows: Rows, vectors: FloatArray, width: int) -> FloatArray:
    """R' vectors: (r,) for vectors (n,), (r, d) for vectors (n, d)."""
    return np.asarray(matrix(rows, width).T @ vectors)


def gram(rows: Rows, weights: FloatArray, width: int) -> FloatArray:
    """R' diag(weights) R, (r, r), symmetric."""
    return pairs(rows, rows, weights, width, width)


def pairs(rows: Rows, others: Rows, weights: FloatArray, width: int, other_width: int) -> FloatArray:
    """R' diag(weights) S, (r, s), for sparse rows of both."""
    weighted = matrix(rows, width)
    weighted.data = weighted.data * np.repeat(weights, np.diff(rows[0]))
    return np.asarray((weighted.T @ matrix(others, other_width)).toarray())
