"""Steps of several rows, of several classes, or Adam's, compiled: the twin of `walk_definition` in general.

Coefficients lie class after class, so that those of one linear predictor are neighbours. A batch is read three times:
for eta and the mean gradient, for the rates of its columns, for the steps. After a change in `row`, `steps`,
`steps_classes` or `scores`, touch this file.
"""

import math

import numpy as np
from numba import njit

from expfam.kernels.pace import FIRST, SECOND, SMALL, TOO_FAR, Rule
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
)
from expfam.kernels.scores import score
from expfam.kernels.steps import STAGES, moved
from expfam.kernels.steps_classes import WORK, mean
from expfam.kernels.steps_classes import moved as moved_classes

ADAM = int(Rule.ADAM)


@within
def _gather(row, gradient, by):  # type: ignore[no-untyped-def]
    """gradient += x by."""
    for j in range(row.k):
        gradient[row.base + j] += row.x[row.at + j] * by
    for at in range(row.lo, row.hi):
        gradient[place(row, at)] += row.values[at] * by


@within
def _rate_of(ask, state, gradient, weight, steps, j):  # type: ignore[no-untyped-def]
    """R_j from the mean gradient of a batch of this mean weight; Adam moves at once. Returns by how much."""
    g = gradient[j]
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
def _rated(ask, state, gradient, stamp, weight, steps, g, j):  # type: ignore[no-untyped-def]
    """The same once a batch."""
    if stamp[j] == steps:
        return
    stamp[j] = steps
    by = _rate_of(ask, state, gradient, weight, steps, j)
    gradient[j] = 0.0
    if ask.rule == ADAM:
        state.theta[j] -= by
        if ask.average != 0:
            state.lag[j] -= g * by


@within
def _rates(ask, state, row, gradient, stamp, weight, steps, g):  # type: ignore[no-untyped-def]
    for j in range(row.k):
        _rated(ask, state, gradient, stamp, weight, steps, g, row.base + j)
    for at in range(row.lo, row.hi):
        _rated(ask, state, gradient, stamp, weight, steps, g, place(row, at))


@within
def _scores(pair, unit, eta, t, s):  # type: ignore[no-untyped-def]
    """The scores of a row, (d,)."""
    if len(eta) == 1:
        s[0] = score(pair, clamped(pair, eta[0], unit), t[0])
        return
    mean(eta, s)
    for c in range(len(eta)):
        s[c] -= t[c]


@within
def _moved(pair, ask, eta, t, k, z, work, slopes):  # type: ignore[no-untyped-def]
    if len(eta) == 1:
        z[0] = moved(pair, ask.update, eta[0], t[0], k[0], ask.unit, slopes)
    else:
        moved_classes(ask.update, eta, t, k, z, work)


@within
def _seen(told, read, kept, eta, lo, hi):  # type: ignore[no-untyped-def]
    """eta of some rows, once their penalties are paid and scales met; the row at which to stop, and why."""
    (pair, ask, penalty), (block, (_, weight, offset)), (state, clock), d = told, read, kept, eta.shape[1]
    for i in range(lo, hi):
        for c in range(d):
            norm = prepared(ask, penalty, state, clock, row_of(block, i, c))
            clock[NORM] += weight[i] * norm if c == 0 else 0.0
    for i in range(lo, hi):
        for c in range(d):
            eta[i, c] = offset[i, c] + dot(row_of(block, i, c), state.theta)
            if not math.isfinite(eta[i, c]):
                return i, INFINITE
        if d == 1 and ask.update == EXPLICIT and not pair[5] < eta[i, 0] < pair[6]:
            return i, OUTSIDE
    return hi, 0


@within
def _rated_rows(told, read, kept, eta, rows, sums):  # type: ignore[no-untyped-def]
    """R of the columns of some rows from their mean gradient."""
    (pair, ask, _), (block, (t, weight, _)), (state, clock) = told, read, kept
    (lo, hi, total), (gradient, stamp, s) = rows, sums
    for i in range(lo, hi):
        if weight[i] > 0:
            _scores(pair, ask.unit, eta[i], t[i], s)
            for c in range(len(s)):
                _gather(row_of(block, i, c), gradient, s[c] * weight[i] / (hi - lo))
    for i in range(lo, hi):
        for c in range(len(s)):
            _rates(ask, state, row_of(block, i, c), gradient, stamp, total / (hi - lo), clock[STEPS], age(ask, clock))


@within
def _step(told, read, kept, eta, rows, room):  # type: ignore[no-untyped-def]
    """The mean of the steps of some rows; False where an explicit one goes too far."""
    (pair, ask, _), (block, (t, weight, _)), (state, clock) = told, read, kept
    (lo, hi, total), (shares, work, slopes) = rows, room
    q, k, z, speed, d = work[0], work[1], work[2], pace(ask, clock, total), eta.shape[1]
    for i in range(lo, hi):
        for c in range(d):
            q[c] = form(row_of(block, i, c), state.local)
            k[c] = speed * weight[i] * q[c]
        _moved(pair, ask, eta[i], t[i], k, z, work[3:], slopes)
        for c in range(d):
            if ask.update == EXPLICIT and not abs(z[c]) <= TOO_FAR * ask.unit:
                return False
            shares[i - lo, c] = z[c] / q[c] / (hi - lo) if q[c] > 0 else 0.0
    for i in range(lo, hi):
        for c in range(d):
            change(ask, state, row_of(block, i, c), shares[i - lo, c], age(ask, clock))
    return True


@njit(nogil=True, cache=True, error_model="numpy", fastmath={"contract"})
def walk(pair, rows, given, ask, strength, arrays, clock):  # type: ignore[no-untyped-def]
    """eta of every row before it was learned from, how many were learned from, and why not all."""
    state, penalty = pointers(arrays), (pointer(strength[0]), pointer(strength[1]))
    n, d, size = len(given[0]), given[0].shape[1], len(arrays.theta)
    block, slopes, gradient, stamp = block_of(rows, size // d), np.empty(STAGES), np.zeros(size), np.zeros(size)
    eta, room = np.full((n, d), np.nan), (np.empty((ask.batch, d)), np.empty((WORK + 3, d)), pointer(slopes))
    sums = pointer(gradient), pointer(stamp), np.empty(d)
    told, read, kept = (pair, ask, penalty), (block, given), (state, clock)
    for lo in range(0, n, ask.batch):
        hi = min(lo + ask.batch, n)
        some = lo, hi, given[1][lo:hi].sum()
        end, why = _seen(told, read, kept, eta, lo, hi)
        if why != 0:
            return eta, end, why
        if some[2] > 0:
            clock[STEPS] += 1
            if ask.rule >= ADAGRAD:
                _rated_rows(told, read, kept, eta, some, sums)
            if ask.rule != ADAM and not _step(told, read, kept, eta, some, room):
                return eta, lo, FAR
            clock[DUE] += pace(ask, clock, some[2]) * some[2] / (hi - lo)
        finish(ask, state, clock, some[2], hi - lo, size)
    return eta, n, 0
