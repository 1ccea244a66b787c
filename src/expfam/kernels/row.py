"""What a row reads and changes of the state, one linear predictor at a time: inlined into the walks.

Everything is a pointer. `at` is where the dense numbers of the row begin, `base` where the coefficients of the linear
predictor do; a row costs what it holds, and nothing more.
"""

import math
from typing import Any, NamedTuple

from numba import njit

from expfam.kernels.elementary import WITHIN, larger, smaller
from expfam.kernels.pace import FOLDED, Average, Clock, Rule, State, Stop, Update
from expfam.kernels.pointer import pointer, run
from expfam.kernels.scores import OPTIONS, score
from expfam.kernels.steps import NEAR

INVERSE, ADAGRAD, NORMALISED = int(Rule.INVERSE), int(Rule.ADAGRAD), int(Rule.NORMALISED)
POLYAK, FADING, EXPLICIT = int(Average.POLYAK), int(Average.FADING), int(Update.EXPLICIT)
INFINITE, OUTSIDE, FAR = int(Stop.INFINITE), int(Stop.OUTSIDE), int(Stop.FAR)
ROWS, WEIGHT, STEPS, DUE, NORM, ANCHOR, MARKED, MASS = map(int, Clock)

# Inlined, for a call would carry all arrays of the state from one stack to the other.
within = njit(forceinline=True, **OPTIONS, **WITHIN)
summed = njit(forceinline=True, error_model="numpy", fastmath={"reassoc", "contract", "nsz"}, **WITHIN)


class Row(NamedTuple):
    """k dense numbers from place `at` of x on, nonzeros from lo to hi, coefficients from `base` on."""

    base: Any
    k: Any
    at: Any
    x: Any
    lo: Any
    hi: Any
    indices: Any
    values: Any


class Block(NamedTuple):
    """Rows of k dense numbers and of nonzeros, of p coefficients a linear predictor; all pointers."""

    k: Any
    p: Any
    x: Any
    indptr: Any
    indices: Any
    values: Any


@within
def block_of(rows, p):  # type: ignore[no-untyped-def]
    """`design.rows.Rows` as pointers."""
    dense, indptr, indices, values = rows
    return Block(dense.shape[1], p, pointer(dense), pointer(indptr), pointer(indices), pointer(values))


@within
def row_of(block, i, c):  # type: ignore[no-untyped-def]
    """Row i of linear predictor c."""
    lo, hi = block.indptr[i], block.indptr[i + 1]
    return Row(c * block.p, block.k, i * block.k, block.x, lo, hi, block.indices, block.values)


@within
def place(row, at):  # type: ignore[no-untyped-def]
    """The coefficient of a nonzero."""
    return row.base + int(row.indices[at])


@summed
def dot(row, theta):  # type: ignore[no-untyped-def]
    """x . theta."""
    total = 0.0
    for j in range(row.k):
        total += row.x[row.at + j] * theta[row.base + j]
    for at in range(row.lo, row.hi):
        total += row.values[at] * theta[place(row, at)]
    return total


@summed
def form(row, local):  # type: ignore[no-untyped-def]
    """x'Rx."""
    total = 0.0
    for j in range(row.k):
        total += row.x[row.at + j] ** 2 * local[row.base + j]
    for at in range(row.lo, row.hi):
        total += row.values[at] ** 2 * local[place(row, at)]
    return total


@within
def pointers(state):  # type: ignore[no-untyped-def]
    """The state, its arrays as pointers."""
    return State(
        pointer(state.theta), pointer(state.lag), pointer(state.squares), pointer(state.moment), pointer(state.local),
        pointer(state.scale), pointer(state.paid), pointer(state.owed), pointer(state.received), pointer(state.line),
        pointer(state.area), pointer(state.since),
    )  # fmt: skip


@within
def age(ask, clock):  # type: ignore[no-untyped-def]
    if ask.average == POLYAK:
        return larger(clock[WEIGHT] - ask.burn_in, 0.0)
    if ask.average != FADING:
        return 0.0
    faded = -math.expm1(-math.log(2.0) * clock[WEIGHT] / ask.half_life)
    return 2.0 ** ((clock[WEIGHT] - clock[ANCHOR]) / ask.half_life) * faded


@within
def pace(ask, clock, total):  # type: ignore[no-untyped-def]
    past = clock[WEIGHT]
    if ask.rule == INVERSE and ask.decay > 0:
        grown, rest = math.log1p(ask.decay * total / (1 + ask.decay * past)), 1 - ask.power
        area = (1 + ask.decay * past) ** rest * (math.expm1(rest * grown) / rest if rest != 0 else grown)
        return ask.rate * area / (ask.decay * total)
    if ask.rule == NORMALISED:
        return ask.rate * math.sqrt((past + total) / clock[NORM]) if clock[NORM] > 0 else 0.0
    return ask.rate


@within
def _now(ask, clock):  # type: ignore[no-untyped-def]
    return clock[DUE], clock[WEIGHT], age(ask, clock)


@within
def finish(ask, penalty, state, clock, total, rows, size):  # type: ignore[no-untyped-def]
    """What happens after a step: the fading average is anchored anew, and the path of averages gets a point, of theta
    without a debt."""
    clock[WEIGHT] += total
    clock[ROWS] += rows
    if ask.average == FADING:
        times = math.floor((clock[WEIGHT] - clock[ANCHOR]) / (FOLDED * ask.half_life))
        if times > 0:
            for j in range(size):
                state.lag[j] *= 2.0 ** (-FOLDED * times)
            clock[ANCHOR] += times * FOLDED * ask.half_life
    weight = clock[WEIGHT] - ask.burn_in
    if ask.every == 0 or clock[ROWS] % ask.every >= ask.batch or weight <= 0:
        return
    if ask.penalised > 0:
        now = _now(ask, clock)
        for j in range(size):
            run(penalty[2], (ask, (penalty[0], penalty[1]), state, now, j))
    gap = (weight - larger(clock[MARKED] - ask.burn_in, 0.0)) * weight**2
    for j in range(size):
        bar = state.theta[j] - state.lag[j] / weight
        state.line[j] += gap * bar
        state.area[j] += gap * bar**2
    clock[MASS] += gap
    clock[MARKED] = clock[WEIGHT]


@within
def _stretch(ask, state, x, g, j):  # type: ignore[no-untyped-def]
    """(x_j / scale_j)^2, once the scale has grown to |x_j| and theta has shrunk with it."""
    size, scale = abs(x), state.scale[j]
    if size > scale:
        if scale > 0:
            old = state.theta[j]
            state.theta[j] = old * (scale / size)
            if ask.average != 0:
                state.lag[j] += g * (state.theta[j] - old)
        state.scale[j] = size
        return 1.0
    return (size / scale) ** 2 if scale > 0 else 0.0


@within
def _rate(ask, state, squared, x, j):  # type: ignore[no-untyped-def]
    """R_j once the square of a gradient is added; R_j x^2."""
    squares = state.squares[j] + squared * x * x
    state.squares[j] = squares
    size = math.sqrt(squares)
    if ask.rule == NORMALISED:
        size *= state.scale[j]
    local = ask.unit / size if size > 0 else 0.0
    state.local[j] = local
    return local * x * x


@within
def prepared(ask, penalty, state, clock, row):  # type: ignore[no-untyped-def]
    """Penalties paid, scales met; the share of the norm. penalty: of the ridge, of absolute values, and where
    `debt.pay` begins in memory."""
    norm = 0.0
    if ask.penalised > 0:
        strength, now = (penalty[0], penalty[1]), _now(ask, clock)
        for j in range(row.k):
            run(penalty[2], (ask, strength, state, now, row.base + j))
        for at in range(row.lo, row.hi):
            run(penalty[2], (ask, strength, state, now, place(row, at)))
    if ask.rule == NORMALISED:
        g = age(ask, clock)
        for j in range(row.k):
            norm += _stretch(ask, state, row.x[row.at + j], g, row.base + j)
        for at in range(row.lo, row.hi):
            norm += _stretch(ask, state, row.values[at], g, place(row, at))
    return norm


@within
def clamped(pair, eta, unit):  # type: ignore[no-untyped-def]
    """eta, or the place nearest to it that is clearly inside the domain."""
    low, high = pair[5], pair[6]
    edge = smaller(NEAR * unit, (high - low) / 4)
    return smaller(larger(eta, low + edge), high - edge)


@within
def form_of(pair, ask, state, row, eta, t, w):  # type: ignore[no-untyped-def]
    """x'Rx, with R that of this row's gradient."""
    if ask.rule < ADAGRAD:
        return form(row, state.local)
    squared = w * score(pair, clamped(pair, eta, ask.unit), t) ** 2
    q = 0.0
    for j in range(row.k):
        q += _rate(ask, state, squared, row.x[row.at + j], row.base + j)
    for at in range(row.lo, row.hi):
        q += _rate(ask, state, squared, row.values[at], place(row, at))
    return q


@within
def change(ask, state, row, share, g):  # type: ignore[no-untyped-def]
    """theta -= R x share."""
    theta, lag, local, kept = state.theta, state.lag, state.local, ask.average != 0
    for i in range(row.k):
        j = row.base + i
        by = local[j] * row.x[row.at + i] * share
        theta[j] -= by
        if kept:
            lag[j] -= g * by
    for at in range(row.lo, row.hi):
        j = place(row, at)
        by = local[j] * row.values[at] * share
        theta[j] -= by
        if kept:
            lag[j] -= g * by
