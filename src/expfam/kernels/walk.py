"""One row after the other, compiled, for one linear predictor: the twin of `walk_definition` for batches of one row.

Mini-batches, classes and Adam go through `walk_batches`. Numba's cache watches the file of a kernel alone: after a
change in `row`, `steps` or `scores`, touch this file.
"""

import math

import numpy as np
from numba import njit

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
from expfam.kernels.steps import STAGES, straight


@njit(nogil=True, cache=True, error_model="numpy", fastmath={"contract"})
def walk(pair, rows, given, ask, strength, arrays, clock):  # type: ignore[no-untyped-def]
    """eta of every row before it was learned from, how many were learned from, and why not all."""
    (t, weight, offset), size, slopes = given, len(arrays.theta), np.empty(STAGES)
    state, penalty, work = pointers(arrays), (pointer(strength[0]), pointer(strength[1])), pointer(slopes)
    eta, block = np.full(len(t), np.nan), block_of(rows, size)
    for i in range(len(t)):
        row, w = row_of(block, i, 0), weight[i]
        clock[NORM] += w * prepared(ask, penalty, state, clock, row)
        at = offset[i] + dot(row, state.theta)
        eta[i] = at
        if not math.isfinite(at):
            return eta, i, INFINITE
        if ask.update == EXPLICIT and not pair[5] < at < pair[6]:
            return eta, i, OUTSIDE
        if w > 0:
            clock[STEPS] += 1
            q, speed, g = form_of(pair, ask, state, row, at, t[i], w), pace(ask, clock, w), age(ask, clock)
            mean = at - dot(row, state.lag) / g if g > 0 else math.nan
            z = straight(pair, ask.update, at, mean, t[i], speed * w * q, ask.unit, work)
            if ask.update == EXPLICIT and not abs(z) <= TOO_FAR * ask.unit:
                return eta, i, FAR
            if q > 0:
                change(ask, state, row, z / q, g)
            clock[DUE] += speed * w
        finish(ask, state, clock, w, 1, size)
    return eta, len(t), 0
