"""One row after the other, compiled, for one linear predictor: the twin of `walk_definition` for batches of one row.

Mini-batches, classes and Adam go through `walk_batches`. Numba's cache watches the file of a kernel alone: after a
change in `row`, `steps` or `scores`, touch this file.
"""

import math

from numba import njit

from expfam.kernels.compiling import ALONE
from expfam.kernels.pace import TOO_FAR
from expfam.kernels.pointer import pointer
from expfam.kernels.row import (
    DUE,
    EXPLICIT,
    FAR,
    INFINITE,
    NORM,
    OUTSIDE,
    STEPS,
    age,
    block_of,
    change,
    dot,
    finish,
    form_of,
    pace,
    pointers,
    prepared,
    row_of,
)
from expfam.kernels.scores import OPTIONS
from expfam.kernels.steps import STAGES, straight


def space(rows: int, d: int, size: int) -> int:
    """Numbers to work in, as those of `walk_batches`."""
    return STAGES


@njit(**ALONE, **OPTIONS)
def walk(pair, rows, given, ask, strength, arrays, clock, out):  # type: ignore[no-untyped-def]
    """How many rows were learned from, and why not all. out: where eta of every row goes as it was before that, `space`
    numbers to work in, and the addresses of `steps.moved` of the update and, if there is a penalty, `debt.pay`."""
    n, size, (etas, numbers, by, pay) = len(given[0]), len(arrays.theta), out
    t, weight, offset = pointer(given[0]), pointer(given[1]), pointer(given[2])
    state, penalty, work = pointers(arrays), (pointer(strength[0]), pointer(strength[1]), pay), pointer(numbers)
    block, eta = block_of(rows, size), pointer(etas)
    for i in range(n):
        row, w = row_of(block, i, 0), weight[i]
        clock[NORM] += w * prepared(ask, penalty, state, clock, row)
        at = offset[i] + dot(row, state.theta)
        eta[i] = at
        if not math.isfinite(at):
            return i, INFINITE
        if ask.update == EXPLICIT and not pair[5] < at < pair[6]:
            return i, OUTSIDE
        if w > 0:
            clock[STEPS] += 1
            q, speed, g = form_of(pair, ask, state, row, at, t[i], w), pace(ask, clock, w), age(ask, clock)
            mean = at - dot(row, state.lag) / g if g > 0 else math.nan
            z = straight(pair, (ask.update, by), at, mean, t[i], speed * w * q, ask.unit, work)
            if ask.update == EXPLICIT and not abs(z) <= TOO_FAR * ask.unit:
                return i, FAR
            if q > 0:
                change(ask, state, row, z / q, g)
            clock[DUE] += speed * w
        finish(ask, penalty, state, clock, w, 1, size)
    return n, 0
