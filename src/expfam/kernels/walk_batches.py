"""Steps of several rows, of several classes, or Adam's, compiled: the twin of `walk_definition` in general.

Coefficients lie class after class, so that those of one linear predictor are neighbours. A batch is read three times:
for eta and the mean gradient, for the rates of its columns, for the steps. After a change in `row`, `steps`,
`steps_classes` or `scores`, touch this file.
"""

import math
from typing import Any, NamedTuple

from numba import njit

from expfam.kernels.compiling import ALONE
from expfam.kernels.pace import FIRST, ROUNDING, SECOND, SMALL, TOO_FAR, Rule
from expfam.kernels.pointer import pointer
from expfam.kernels.row import (
    ADAGRAD,
    DUE,
    EXPLICIT,
    FAR,
    INFINITE,
    NORM,
    NORMALISED,
    OUTSIDE,
    STEPS,
    age,
    block_of,
    change,
    clamped,
    dot,
    finish,
    form,
    pace,
    place,
    pointers,
    prepared,
    row_of,
    within,
)  # fmt: skip
from expfam.kernels.scores import OPTIONS, score
from expfam.kernels.steps import STAGES, straight
from expfam.kernels.steps_classes import ETA, GAP, MU, ROOM, K, T, Z, mean
from expfam.kernels.steps_classes import straight as straight_classes

ADAM = int(Rule.ADAM)


class Read(NamedTuple):
    """The rows with t, weight and offset, all pointers."""

    block: Any
    t: Any
    weight: Any
    offset: Any


@within
def _add(mean, j, part):  # type: ignore[no-untyped-def]
    mean[0][j] += part
    mean[1][j] += abs(part)


@within
def _gather(row, mean, by):  # type: ignore[no-untyped-def]
    """Mean gradient += x by, and the mean size of its terms += |x by|."""
    for j in range(row.k):
        _add(mean, row.base + j, row.x[row.at + j] * by)
    for at in range(row.lo, row.hi):
        _add(mean, place(row, at), row.values[at] * by)


@within
def _rate_of(ask, state, mean, weight, steps, j):  # type: ignore[no-untyped-def]
    """R_j from the mean gradient of a batch of this mean weight; Adam moves at once. Returns by how much."""
    g = mean[0][j] if abs(mean[0][j]) > ROUNDING * mean[1][j] else 0.0
    if ask.rule == ADAM:
        state.moment[j] = FIRST * state.moment[j] + (1 - FIRST) * g
        state.squares[j] = SECOND * state.squares[j] + (1 - SECOND) * g * g
        size = math.sqrt(state.squares[j] / (1 - SECOND**steps)) + SMALL
        state.local[j] = ask.unit / (size * (1 - FIRST**steps))
        return ask.rate * state.local[j] * state.moment[j]
    state.squares[j] += g * g / weight
    size = math.sqrt(state.squares[j])
    if ask.rule == NORMALISED:
        size *= state.scale[j]
    state.local[j] = ask.unit / size if size > 0 else 0.0
    return 0.0


@within
def _rated(ask, state, mean, stamp, weight, steps, g, j):  # type: ignore[no-untyped-def]
    """The same once a batch."""
    if stamp[j] == steps:
        return
    stamp[j] = steps
    by = _rate_of(ask, state, mean, weight, steps, j)
    mean[0][j] = mean[1][j] = 0.0
    if ask.rule == ADAM:
        state.theta[j] -= by
        if ask.average != 0:
            state.lag[j] -= g * by


@within
def _rates(ask, state, row, mean, stamp, weight, steps, g):  # type: ignore[no-untyped-def]
    """Without a gradient, moments would move Adam's theta all the same: zeros are left alone, stored or not."""
    for j in range(row.k):
        if ask.rule != ADAM or row.x[row.at + j] != 0:
            _rated(ask, state, mean, stamp, weight, steps, g, row.base + j)
    for at in range(row.lo, row.hi):
        if ask.rule != ADAM or row.values[at] != 0:
            _rated(ask, state, mean, stamp, weight, steps, g, place(row, at))


@within
def _given(read, eta, i, v, d):  # type: ignore[no-untyped-def]
    """eta and t of a row where the steps of classes want them."""
    for c in range(d):
        v[ETA * d + c], v[T * d + c] = eta[i * d + c], read.t[i * d + c]


@within
def _seen(told, read, kept, eta, lo, hi):  # type: ignore[no-untyped-def]
    """eta of some rows, once their penalties are paid and scales met; the row at which to stop, and why."""
    (pair, ask, penalty, d), (state, clock) = told, kept
    for i in range(lo, hi):
        for c in range(d):
            norm = prepared(ask, penalty, state, clock, row_of(read.block, i, c))
            clock[NORM] += read.weight[i] * norm if c == 0 else 0.0
    for i in range(lo, hi):
        for c in range(d):
            at = read.offset[i * d + c] + dot(row_of(read.block, i, c), state.theta)
            eta[i * d + c] = at
            if not math.isfinite(at):
                return i, INFINITE
            if d == 1 and ask.update == EXPLICIT and not pair[5] < at < pair[6]:
                return i, OUTSIDE
    return hi, 0


@within
def _rated_rows(told, read, kept, eta, some, room):  # type: ignore[no-untyped-def]
    """R of the columns of some rows from their mean gradient."""
    (pair, ask, _, d), (state, clock), (lo, hi, total), (v, sums, stamp, _, _, _) = told, kept, some, room
    for i in range(lo, hi):
        w = read.weight[i] / (hi - lo)
        if w > 0:
            if d > 1:
                _given(read, eta, i, v, d)
                mean(v, d, ETA, MU)
            for c in range(d):
                s = v[MU * d + c] - v[T * d + c] if d > 1 else score(pair, clamped(pair, eta[i], ask.unit), read.t[i])
                _gather(row_of(read.block, i, c), sums, s * w)
    for i in range(lo, hi):
        for c in range(d):
            row = row_of(read.block, i, c)
            _rates(ask, state, row, sums, stamp, total / (hi - lo), clock[STEPS], age(ask, clock))


@within
def _step(told, read, kept, eta, some, room):  # type: ignore[no-untyped-def]
    """The mean of the steps of some rows; False where an explicit one goes too far."""
    (pair, ask, _, d), (state, clock), (lo, hi, total), (v, _, _, shares, slopes, by) = told, kept, some, room
    speed, g = pace(ask, clock, total), age(ask, clock)
    for i in range(lo, hi):
        _given(read, eta, i, v, d)
        for c in range(d):
            row = row_of(read.block, i, c)
            q = form(row, state.local)
            shares[(i - lo) * d + c] = q
            v[K * d + c] = speed * read.weight[i] * q
            v[GAP * d + c] = dot(row, state.lag) / g if g > 0 else math.nan
        if d == 1:
            v[Z] = straight(pair, (ask.update, by), eta[i], eta[i] - v[GAP], read.t[i], v[K], ask.unit, slopes)
        else:
            straight_classes(v, d, by, ask.unit)
        for c in range(d):
            z, q = v[Z * d + c], shares[(i - lo) * d + c]
            if ask.update == EXPLICIT and not abs(z) <= TOO_FAR * ask.unit:
                return False
            shares[(i - lo) * d + c] = z / q / (hi - lo) if q > 0 else 0.0
    for i in range(lo, hi):
        for c in range(d):
            change(ask, state, row_of(read.block, i, c), shares[(i - lo) * d + c], g)
    return True


def space(rows: int, d: int, size: int) -> int:
    """Numbers to work in, zeros: for batches of so many rows, d linear predictors and `size` coefficients in all."""
    return (ROOM + rows) * d + STAGES + 3 * size


@njit(**ALONE, **OPTIONS)
def walk(pair, rows, given, ask, strength, arrays, clock, out):  # type: ignore[no-untyped-def]
    """How many rows were learned from, and why not all. out: where eta of every row goes as it was before that, `space`
    zeros to work in, and the addresses of `moved` of the update, in `steps` or, of several classes, `steps_classes`,
    and of `debt.pay`, if there is a penalty."""
    size, (t, weight, offset), (etas, work, by, pay) = len(arrays.theta), given, out
    n, d = t.shape
    state, penalty, shares = pointers(arrays), (pointer(strength[0]), pointer(strength[1]), pay), work[ROOM * d :]
    slopes = shares[(ask.batch if ask.batch < n else n) * d :]
    sums, stamp = slopes[STAGES:], slopes[STAGES + 2 * size :]
    read = Read(block_of(rows, size // d), pointer(t), pointer(weight), pointer(offset))
    mean = pointer(sums), pointer(sums[size:])
    room = pointer(work), mean, pointer(stamp), pointer(shares), pointer(slopes), by
    told, kept, eta = (pair, ask, penalty, d), (state, clock), pointer(etas)
    for lo in range(0, n, ask.batch):
        hi, total = lo + ask.batch if lo + ask.batch < n else n, 0.0
        for i in range(lo, hi):
            total += weight[i]
        end, why = _seen(told, read, kept, eta, lo, hi)
        if why != 0:
            return end, why
        if total > 0:
            clock[STEPS] += 1
            if ask.rule >= ADAGRAD:
                _rated_rows(told, read, kept, eta, (lo, hi, total), room)
            if ask.rule != ADAM and not _step(told, read, kept, eta, (lo, hi, total), room):
                return lo, FAR
            clock[DUE] += pace(ask, clock, total) * total / (hi - lo)
        finish(ask, penalty, state, clock, total, hi - lo, size)
    return n, 0
