"""Penalties of one coefficient that wait until its column comes again, compiled: the twin of `walk_definition.pay`.

A walk calls it by its address, so that one without a penalty compiles nothing of it.
"""

import math
from functools import cache
from typing import Any

from numba import njit, types

from expfam.kernels.compiling import compiling
from expfam.kernels.elementary import larger, smaller
from expfam.kernels.pace import ENDLESS, SLOW, Ask, Average, State
from expfam.kernels.pointer import address
from expfam.kernels.scores import KEPT, plain

FADING = int(Average.FADING)
NEAR = 1e-3  # below it a series has all digits


@plain
def _mean_exp(x):  # type: ignore[no-untyped-def]
    return math.expm1(x) / x if x != 0 else 1.0


@plain
def _fallen(x, left):  # type: ignore[no-untyped-def]
    """1 - e^-x, and the integral of u x e^(-x u) over u from 0 to 1; left: e^-x, so that none is taken anew."""
    if x < NEAR:
        return x * (1 - x / 2 * (1 - x / 3 * (1 - x / 4))), x * (1 / 2 - x * (1 / 3 - x * (1 / 8 - x / 30)))
    return 1 - left, (1 - left - x * left) / x


@plain
def _level(now, since, burn_in, at_once, ridge, line):  # type: ignore[no-untyped-def]
    (old, decay, kept), (by, left), length, begin, skipped = ridge, line, now - since, since - burn_in, 0.0
    if begin < 0:
        if now <= burn_in:
            return 0.0
        skipped = -begin / length
        before = math.exp(-decay * skipped)
        old, kept, decay = old * before, math.exp(-decay * (1 - skipped)), decay * (1 - skipped)
    first = larger(begin, 0.0)
    fall, time = _fallen(decay, kept)
    found = at_once * first - old * (first * fall + (now - burn_in - first) * time)
    if by != 0 and left > skipped:
        found += by * (left - skipped) / left * (first + begin + length * left) / 2
    return found


@plain
def _waited(ask, now, since, at_once, ridge, line):  # type: ignore[no-untyped-def]
    (old, decay, _), (by, left), (_, weight, age) = ridge, line, now
    faded = -math.expm1(-math.log(2.0) * weight / ask.half_life) if ask.average == FADING else 0.0
    if faded < SLOW:
        level = _level(weight, since, 0.0 if faded > 0 else ask.burn_in, at_once, ridge, line)
        return level * (age / weight) if faded > 0 else level
    last, grown = age / faded, math.log(2.0) * (weight - since) / ask.half_life
    ahead = decay * _mean_exp(-abs(grown - decay)) * math.exp(-smaller(grown, decay))
    straight_on = math.exp(-grown * (1 - left)) * _mean_exp(-grown * left)
    change = at_once + old * math.expm1(-decay) + by
    found = at_once * math.exp(-grown) - old * ahead + by * straight_on
    return last * (found - (1 - faded) * change)


def _pay(ask, strength, state, now, j):  # type: ignore[no-untyped-def]
    """now: the sum of pace times weight up to which penalties are due, the weight, and the age of a change."""
    old, kept, left = state.theta[j], 1.0, 1.0
    due = state.local[j] * (now[0] - state.paid[j])
    decay = smaller(strength[0][j] * due, ENDLESS)
    share = math.exp(-decay)
    new = shrunk = old * share
    if ask.penalised > 1:
        size, accrued = abs(shrunk), strength[1][j] * due
        sign = 1.0 if shrunk > 0 else -1.0 if shrunk < 0 else 0.0
        before = larger(state.owed[j] + sign * state.received[j], 0.0)
        state.owed[j] += accrued
        new = sign * larger(size - larger(state.owed[j] + sign * state.received[j], 0.0), 0.0)
        rest = larger(size - before, 0.0)
        kept = rest / size if size > 0 else 1.0
        left = rest / accrued if accrued > rest else 1.0
        state.received[j] += new - shrunk
    state.theta[j], state.paid[j] = new, now[0]
    if ask.average != 0:
        fall, line = (old * kept, decay, share), (new - shrunk * kept, left)
        state.lag[j] += _waited(ask, now, state.since[j], old * (kept - 1), fall, line)
        state.since[j] = now[1]


@cache
def pay() -> int:
    """Where it begins in memory."""
    make: Any = types
    numbers = make.CPointer(make.float64)
    ask = make.NamedTuple([make.int64] * 6 + [make.float64] * 6, Ask)
    arrays = make.NamedUniTuple(numbers, len(State._fields), State)
    now = make.UniTuple(make.float64, 3)
    with compiling():
        return address(njit(make.void(ask, make.UniTuple(numbers, 2), arrays, now, make.intp), **KEPT)(_pay))
