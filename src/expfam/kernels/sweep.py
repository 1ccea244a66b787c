"""One read of rows of numbers, tile by tile: all that is asked of a row while it is near, from eta to R' score.

The kernels of the design and of the pair are called by their addresses, so a sweep is compiled once for all of them.
Imported on first need, for it brings Numba.
"""

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
from numba import from_dtype, njit, types

from expfam._typing import AnyArray, FloatArray
from expfam.kernels import dense
from expfam.kernels.compiling import ALONE, compiling
from expfam.kernels.panels import OPTIONS
from expfam.kernels.pointer import address, number, run, window
from expfam.kernels.rows import PARTS, Given, Option, Weighted, kernel, side_by_side, signature, space
from expfam.kernels.tiles import TILE
from expfam.kernels.vector import LANES
from expfam.parallel import scratch

TILE_BYTES = 1 << 21  # what a tile of wide rows may take: beyond, its rows would come from memory twice
LEAST = 64  # rows of a tile, however wide


def _sweep(numbers, coefficients, kernels, given, option, work, result):  # type: ignore[no-untyped-def]
    """sum w loss at eta = constant + R theta, and sum w score; out += R' (w score), w weight."""
    (values, centre), (constant, theta), (weight, out), level = numbers, coefficients, result, option[0]
    (forward, adjoint, row), (t, a, w, plus) = kernels, given
    (etas, scores, parts), n, total, sums = work, len(values), 0.0, 0.0
    for lo in range(0, n, len(etas)):
        hi = lo + len(etas) if lo + len(etas) < n else n
        block, eta, score = window(values, lo, hi), window(etas, 0, hi - lo), window(scores, 0, hi - lo)
        for i in range(hi - lo):
            eta[i] = constant
        run(forward, (block, centre, theta, eta))
        offset = window(plus, lo, hi) if lo < len(plus) else window(plus, 0, hi - lo)
        here = window(t, lo, hi), window(a, lo, hi), window(w, lo, hi), offset
        v = window(weight, lo, hi) if level > 1 else window(weight, 0, 0)
        total += number(row, (eta, here, (score, v, parts), option))
        if level > 0:
            run(adjoint, (block, centre, score, out))
            for i in range(hi - lo):
                sums += score[i]
    return total, sums


@cache
def _kernel(dtype: np.dtype[Any], layout: str) -> Callable[..., tuple[float, float]]:
    """The loop over tiles for numbers of a type; "C" where nothing stands between rows."""
    make: Any = types
    vector, given, (out, weight, parts), option = signature(1).args
    values = make.Array(from_dtype(dtype), 2, layout, readonly=True)
    numbers, coefficients = make.Tuple((values, vector)), make.Tuple((types.float64, vector))
    kernels, work, result = make.UniTuple(types.intp, 3), make.UniTuple(parts, 3), make.Tuple((weight, out))
    arguments = numbers, coefficients, kernels, given, option, work, result
    with compiling():
        compiled: Callable[..., tuple[float, float]]
        compiled = njit(make.UniTuple(types.float64, 2)(*arguments), **ALONE, **OPTIONS)(_sweep)
    return compiled


def sweep(
    values: AnyArray, centre: FloatArray | None, theta: FloatArray, row: str, given: Given, option: Option
) -> Weighted:
    """sum w loss at eta = theta[0] + R theta[1:], its gradient (1 + m,), w weight (n,): what the level asks for.

    `row` is the name of the pair's kernel; `given` and `option` are its arguments. The weights are in `scratch`.
    """
    (n, m), level = values.shape, option[0]
    t, a, w, plus = side_by_side(given)
    rows = min(max(TILE_BYTES // (values.itemsize * max(m, 1)), LEAST), TILE)
    plus = plus[:rows] if given[3] is None else plus  # one tile of zeros, for all tiles
    work = scratch("eta", rows), scratch("score", rows), scratch("parts", PARTS)
    out, weight = np.zeros(m + -m % LANES), space("weight", level > 1, n)
    centre, slopes, total = dense.centre_of(centre, m), theta[1:].copy(), np.zeros(2)
    for at, part, turned in dense.orderly(values):
        verbs = (address(dense.one_vector(verb, part, turned)) for verb in ("forward", "adjoint"))
        kernels, here = (*verbs, address(kernel(row))), (t[at], a[at], w[at], plus if given[3] is None else plus[at])
        loop = _kernel(part.dtype, dense.layout_of(part, turned))
        total += loop((part, centre), (theta[0], slopes), kernels, here, option, work, (weight[at], out))
    gradient = np.concatenate([total[1:], out[:m]]) if level > 0 else None
    return float(total[0]), gradient, weight if level > 1 else None
