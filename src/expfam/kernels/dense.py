"""The dense verbs compiled: same arguments and results as `kernels.dense_definition`.

Every row is centred where it is used, in a register. For one vector theta or r the rows are read as they lie (`lines`);
a Gram matrix is a product of `panels`. A kernel is compiled for float32 or float64, whatever the memory order.
"""

from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import numpy as np
from numba import from_dtype, njit, types

from expfam._typing import AnyArray, FloatArray
from expfam.kernels import lines
from expfam.kernels.block import rows_by_eight, rows_by_twelve
from expfam.kernels.compiling import ALONE, compiling
from expfam.kernels.dense_definition import columns
from expfam.kernels.panels import OPTIONS, group, pack, times, weighted
from expfam.kernels.pointer import place, pointer, window
from expfam.kernels.tally import FEW, sizes
from expfam.kernels.vector import LANES
from expfam.parallel import scratch

PANELS_BYTES = 1 << 19  # a core's second cache
SPARE = 2  # rows between panels, lest all of them fall on the same lines of the cache

_VECTOR = types.Array(types.float64, 1, "C", readonly=True)
_MATRIX = types.Array(types.float64, 2, "A", readonly=True)
_CUBE = types.Array(types.float64, 3, "C", readonly=True)


def _grams(values, centre, weights, turned, panels, scaled, out, sums):  # type: ignore[no-untyped-def]
    """out[a] += R' diag(weights[a]) R, sums[a] += R' weights[a]."""
    n, width, rows = len(values), out.shape[1], panels.shape[1] - SPARE
    for lo in range(0, n, rows):
        hi = lo + rows if lo + rows < n else n
        pack(window(values, lo, hi), centre, turned, panels)
        for a in range(len(weights)):
            weighted(panels, window(weights[a], lo, hi), scaled, out[a], sums[a])
    for a in range(len(weights)):
        for i in range(width):
            for j in range(i):
                out[a, i, j] = out[a, j, i]


def _dots(values, centre, rows, out):  # type: ignore[no-untyped-def]
    """out += the sum of R * rows over the columns."""
    n, m = values.shape
    for i in range(n):
        total = 0.0
        for j in range(m):
            total += (values[i, j] - centre[j]) * rows[i, j]
        out[i] += total


def _forward_many(values, centre, theta, out):  # type: ignore[no-untyped-def]
    """out (n, 4 d') = R theta for panels of theta (d', m, 4): four rows and two or three panels side by side, and a row
    that is left over as if it were four."""
    (n, m), (between, along) = values.shape, values.strides
    between, along, fours = between // values.itemsize, along // values.itemsize, n // 4
    for k in range(fours + n % 4):
        first, step = (4 * k, 1) if k < fours else (3 * fours + k, 0)
        rows = place(values, (first, 0)), along, step * between, pointer(centre)
        for g in range(len(theta)):
            j, width = group(g, len(theta))
            right, sums = (place(theta, (j, 0, 0)), LANES * m), (place(out, (first, 4 * j)), step * out.shape[1])
            if width == 3:
                rows_by_twelve(rows, right, m, sums)
            elif width == 2:
                rows_by_eight(rows, right, m, sums)


def _adjoint_many(values, centre, vectors, none, turned, panels, right, out):  # type: ignore[no-untyped-def]
    """out (m', 4 d') += R' vectors for vectors (n, d), row by row in memory; none (d,) holds zeros."""
    n, rows = len(values), panels.shape[1] - SPARE
    for lo in range(0, n, rows):
        hi = lo + rows if lo + rows < n else n
        end = pack(window(values, lo, hi), centre, turned, panels)
        pack(window(vectors, lo, hi), none, None, right)
        for g in range(len(right)):
            j, count = group(g, len(right))
            for i in range(len(panels)):
                times(panels, i, right, j, count, end, out, (4 * i, 4 * j))


_OUT = types.Array(types.float64, 1, "C"), types.Array(types.float64, 2, "C"), types.Array(types.float64, 3, "C")
_TURNED = object()
_REST: dict[Callable[..., None], tuple[Any, ...]] = {
    **dict.fromkeys(lines.KERNELS, (_VECTOR, _OUT[0])),
    _forward_many: (_CUBE, _OUT[1]),
    _adjoint_many: (_MATRIX, _VECTOR, _TURNED, _OUT[2], _OUT[2], _OUT[1]),
    _grams: (_MATRIX, _TURNED, _OUT[2], _OUT[2], _OUT[2], _OUT[1]),
    _dots: (_MATRIX, _OUT[0]),
}
"""What a kernel takes after values and centre; `_TURNED`: None or a boolean, as `pack` wants."""


@cache
def _kernel(
    function: Callable[..., None], dtype: np.dtype[Any], turned: bool | None = None, layout: Any = "A"
) -> Callable[..., None]:
    """The kernel for float32 or float64: one for all memory orders, or for two where it packs; read-only or not."""
    values = types.Array(from_dtype(dtype), 2, layout, readonly=True)
    order = types.none if turned is None else types.boolean
    rest = (order if kind is _TURNED else kind for kind in _REST[function])
    with compiling():
        compiled: Callable[..., None] = njit([(values, _VECTOR, *rest)], **ALONE, **OPTIONS)(function)
    return compiled


def one_vector(verb: str, part: AnyArray, turned: bool | None) -> Callable[..., None]:
    """The kernel (values, centre, theta or r, out) of R theta ("forward") or R' r ("adjoint") for numbers stored so."""
    return _kernel(lines.chosen(verb, part.shape[1], turned), part.dtype, None, layout_of(part, turned))


def layout_of(part: AnyArray, turned: bool | None) -> str:
    """ "C" where nothing stands between rows, whose kernels are faster, else "A"."""
    return "C" if turned is None and part.flags.c_contiguous else "A"


def forward(
    values: AnyArray, centre: FloatArray | None, theta: FloatArray, out: FloatArray | None = None
) -> FloatArray:
    """R theta: (n,) for theta (m,), (n, d) for theta (m, d); added to `out` if there is one."""
    n, m = values.shape
    if theta.ndim == 1:
        out, theta = np.zeros(n) if out is None else out, _numbers(theta)
        for rows, part, turned in orderly(values):
            one_vector("forward", part, turned)(part, centre_of(centre, m), theta, out[rows])
        return out
    d, count = theta.shape[1], max(_panels(theta.shape[1]), 2)
    wide = np.zeros((m, LANES * count))
    wide[:, :d] = theta
    panels = np.ascontiguousarray(wide.reshape(m, count, LANES).transpose(1, 0, 2))
    product = scratch("product", n, LANES * count)
    for rows, part, _ in orderly(values):
        _kernel(_forward_many, part.dtype)(part, centre_of(centre, m), panels, product[rows])
    return product[:, :d].copy() if out is None else np.add(out, product[:, :d], out=out)


def dots(values: AnyArray, centre: FloatArray | None, rows: FloatArray, out: FloatArray) -> None:
    """out += the sum of R * rows over the columns, (n,) for rows (n, m)."""
    for at, part, _ in orderly(values):
        _kernel(_dots, part.dtype)(part, centre_of(centre, values.shape[1]), rows[at], out[at])


def adjoint(values: AnyArray, centre: FloatArray | None, rows: FloatArray) -> FloatArray:
    """R' rows: (m,) for rows (n,), (m, d) for rows (n, d)."""
    m, rows = values.shape[1], _numbers(rows)
    if rows.ndim == 1:
        out = np.zeros(LANES * _panels(m))
        for at, part, turned in orderly(values):
            one_vector("adjoint", part, turned)(part, centre_of(centre, m), rows[at], out)
        return out[:m]
    d = rows.shape[1]
    panels, none = workspace(_panels(m)), np.zeros(d)
    right = np.zeros((max(_panels(d), 2), *panels.shape[1:]))
    out = np.zeros((LANES * len(panels), LANES * len(right)))
    for at, part, turned in orderly(values):
        kernel = _kernel(_adjoint_many, part.dtype, turned)
        kernel(part, centre_of(centre, m), rows[at], none, turned, panels, right, out)
    return out[:m, :d]


def grams(values: AnyArray, centre: FloatArray | None, weights: FloatArray) -> tuple[FloatArray, FloatArray]:
    """R' diag(w) R, symmetric, and R' w for every w of weights (k, n): (k, m, m) and (k, m)."""
    m, k, weights = values.shape[1], len(weights), _numbers(weights)
    if m <= FEW:
        return _by_adjoints(values, centre_of(centre, m), weights)
    _, _, width = sizes((), m)
    panels = workspace(width // LANES)
    scaled = np.empty((3, *panels.shape[1:]))
    out, sums = np.zeros((k, width, width)), np.zeros((k, width))
    for at, part, turned in orderly(values):
        products(part, turned)(part, centre_of(centre, m), weights[:, at], turned, panels, scaled, out, sums)
    return out[:, :m, :m], sums[:, :m]


def products(part: AnyArray, turned: bool | None) -> Callable[..., None]:
    """The kernel of R' W R and R' W 1 for numbers stored so: it leaves the last rows in its panels."""
    return _kernel(_grams, part.dtype, turned)


def _by_adjoints(values: AnyArray, centre: FloatArray, weights: FloatArray) -> tuple[FloatArray, FloatArray]:
    """The same as R' (w r_j), column by column: of few columns as fast, and panels take a second to compile."""
    (n, m), k = values.shape, len(weights)
    out, sums, product = np.empty((k, m, m)), np.empty((k, m)), scratch("few", n)
    for gram, total_, w in zip(out, sums, weights, strict=True):
        total_[:] = adjoint(values, centre, w)
        for j in range(m):
            np.multiply(np.subtract(values[:, j], centre[j], out=product), w, out=product)
            gram[j] = adjoint(values, centre, product)
    return (out + out.transpose(0, 2, 1)) / 2, sums


def squares(values: AnyArray, centre: FloatArray | None, weights: FloatArray) -> FloatArray:
    """(R * R)' weights, (m,): R squared block by block in cache, where another kernel would have to be compiled."""
    m, total = values.shape[1], np.zeros(values.shape[1])
    rows = max(PANELS_BYTES // (8 * max(m, 1)), LANES)
    for lo in range(0, len(values), rows):
        some = values[lo : lo + rows]
        block = scratch("squares", *some.shape)
        columns(some, centre, block)
        total += adjoint(np.square(block, out=block), None, weights[lo : lo + rows])
    return total


def _panels(m: int) -> int:
    """How many panels hold m columns."""
    return -(-m // LANES)


def workspace(panels: int) -> FloatArray:
    """So many panels of zeros, of as many rows as stay in cache and at least 256, for sums begin and end with them."""
    rows = min(max(PANELS_BYTES // (8 * LANES * max(panels, 1)), 256), 512) // LANES * LANES
    return np.zeros((panels, rows + SPARE, LANES))


def _numbers(array: FloatArray) -> FloatArray:
    return np.ascontiguousarray(array, dtype=np.float64)


def centre_of(centre: FloatArray | None, m: int) -> FloatArray:
    return np.zeros(m) if centre is None else _numbers(centre)


def orderly(values: AnyArray) -> Iterator[tuple[slice, AnyArray, bool | None]]:
    """(rows, values, None where a row's numbers stand one after the other, else True), all at once where a row's or a
    column's do."""
    item = values.itemsize
    if values.flags.aligned and item in values.strides:
        yield slice(0, len(values)), values, True if values.strides[0] == item else None
        return
    for lo in range(0, len(values), lines.CHUNK):
        yield slice(lo, lo + lines.CHUNK), np.array(values[lo : lo + lines.CHUNK], order="C"), None
