"""What it means to learn from rows one after the other, in NumPy: any family, any rule, slowly.

A step is one row, or the mean of what `batch` rows do to one theta. A row moves its linear predictors from eta to
eta - z, by the update, and theta by -R x z / x'Rx, R the rates; where an average is kept, by a score that is straight
about it. A column where a row has none is left alone: penalties wait until it comes again, and averages are kept as
their distance from theta.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from expfam._typing import FloatArray, IntArray
from expfam.kernels.pace import (
    ENDLESS,
    FIRST,
    FOLDED,
    ROUNDING,
    SECOND,
    SLOW,
    SMALL,
    TOO_FAR,
    Ask,
    Average,
    Clock,
    Rule,
    State,
    Stop,
    Update,
)
from expfam.kernels.steps_definition import Domain, straight


class Family(NamedTuple):
    """The score of row i at some eta, (d,), its expected slope there, (d, d), and the domain of eta."""

    score: Callable[[FloatArray, int], FloatArray]
    weight: Callable[[FloatArray], FloatArray]
    domain: Domain


class One(NamedTuple):
    """A row: its number, its columns, x in them and its weight."""

    i: int
    at: IntArray
    x: FloatArray
    w: float


def walk(
    family: Family,
    rows: Any,
    given: tuple[FloatArray, FloatArray],
    ask: Ask,
    strength: tuple[FloatArray, FloatArray],
    state: State,
    clock: FloatArray,
) -> tuple[FloatArray, int, Stop]:
    """eta of every row before it was learned from, (n, d), how many were learned from, and why not all.

    given: weight (n,) and offset (n, d); strength: of ridge and absolute values, (p,). Changes state and clock.
    """
    weight, offset = given
    eta = np.full((len(weight), state.theta.shape[1]), np.nan)
    for lo in range(0, len(weight), ask.batch):
        batch = [_one(rows, weight, i) for i in range(lo, min(lo + ask.batch, len(weight)))]
        for row in batch:
            pay(ask, strength, state, clock, row.at)
            if ask.rule == Rule.NORMALISED:
                _stretch(ask, state, clock, row)
        for row in batch:
            eta[row.i] = offset[row.i] + row.x @ state.theta[row.at]
            why = _stopped(family, ask, eta[row.i])
            if why is not Stop.NOT:
                return eta, row.i, why
        if not _step(family, ask, state, clock, batch, eta):
            return eta, lo, Stop.FAR
        clock[Clock.ROWS] += len(batch)
        mark(ask, strength, state, clock)
    return eta, len(weight), Stop.NOT


def _one(rows: Any, weight: FloatArray, i: int) -> One:
    dense, indptr, indices, values = rows
    at = slice(indptr[i], indptr[i + 1])
    columns = np.concatenate([np.arange(dense.shape[1]), indices[at].astype(np.intp)])
    return One(i, columns, np.concatenate([dense[i], values[at]]), float(weight[i]))


def _stopped(family: Family, ask: Ask, eta: FloatArray) -> Stop:
    if not np.isfinite(eta).all():
        return Stop.INFINITE
    inside = (eta > family.domain[0]).all() and (eta < family.domain[1]).all()
    return Stop.NOT if inside or ask.update != Update.EXPLICIT else Stop.OUTSIDE


def age(ask: Ask, clock: FloatArray) -> float:
    """What a change of theta now adds to the lag, in units of the change: what the average has weighed before it."""
    if ask.average == Average.POLYAK:
        return max(float(clock[Clock.WEIGHT]) - ask.burn_in, 0.0)
    if ask.average != Average.FADING:
        return 0.0
    return float(2 ** ((clock[Clock.WEIGHT] - clock[Clock.ANCHOR]) / ask.half_life)) * _faded(ask, clock)


def _faded(ask: Ask, clock: FloatArray) -> float:
    """What a fading average weighs all rows so far by, in units of what it would weigh endlessly many by."""
    return float(-np.expm1(-np.log(2) * clock[Clock.WEIGHT] / ask.half_life))


def _change(ask: Ask, state: State, clock: FloatArray, at: IntArray, by: FloatArray) -> None:
    state.theta[at] += by
    if ask.average != Average.LAST:
        state.lag[at] += age(ask, clock) * by


def pay(ask: Ask, strength: tuple[FloatArray, FloatArray], state: State, clock: FloatArray, at: IntArray) -> None:
    """The penalties of some columns that became due since they were last paid: the exact flow of the ridge,
    theta e^(-R S due), then what is owed of the absolute value, but never across zero."""
    if not ask.penalised:
        return
    ridge, absolute = (part[at, None] for part in strength)
    due = state.local[at] * (clock[Clock.DUE] - state.paid[at])
    old, kept, left = state.theta[at], np.ones_like(due), np.ones_like(due)
    with np.errstate(over="ignore"):
        decay = np.minimum(ridge * due, ENDLESS)
    new = shrunk = old * np.exp(-decay)
    if ask.penalised > 1:
        size, sign, accrued = np.abs(shrunk), np.sign(shrunk), absolute * due
        before = np.maximum(state.owed[at] + sign * state.received[at], 0.0)
        state.owed[at] += accrued
        new = sign * np.maximum(size - np.maximum(state.owed[at] + sign * state.received[at], 0.0), 0.0)
        rest = np.maximum(size - before, 0.0)
        kept = np.divide(rest, size, out=kept, where=size > 0)
        left = np.divide(rest, accrued, out=left, where=accrued > rest)
        state.received[at] += new - shrunk
    state.theta[at], state.paid[at] = new, clock[Clock.DUE]
    if ask.average != Average.LAST:
        fall, line = (old * kept, decay), (new - shrunk * kept, left)
        state.lag[at] += _waited(ask, clock, state.since[at], old * (kept - 1), fall, line)
        state.since[at] = clock[Clock.WEIGHT]


Fall: TypeAlias = tuple[FloatArray, FloatArray]
"""With u from 0 to 1 while penalties wait: of a ridge, theta e^(-decay u), where it begins, and the decay; of absolute
values, a straight line, by how much, and until which u."""


def _waited(ask: Ask, clock: FloatArray, since: FloatArray, at_once: FloatArray, ridge: Fall, line: Fall) -> FloatArray:
    """What theta adds to the lag as it falls off: the integral of age d theta. `at_once` is what was owed from before;
    the weight grows evenly meanwhile."""
    (old, decay), (by, left), now = ridge, line, float(clock[Clock.WEIGHT])
    faded = _faded(ask, clock) if ask.average == Average.FADING else 0.0
    if faded < SLOW:  # it fades so little that the ages of a fading average grow evenly, too
        level = _level(now, since, 0.0 if faded else ask.burn_in, at_once, ridge, line)
        return level * (age(ask, clock) / now if faded else 1.0)
    last, grown = age(ask, clock) / faded, np.log(2) * (now - since) / ask.half_life
    ahead = decay * _mean_exp(-np.abs(grown - decay)) * np.exp(-np.minimum(grown, decay))
    straight_on = np.exp(-grown * (1 - left)) * _mean_exp(-grown * left)
    change = at_once + old * np.expm1(-decay) + by
    found = at_once * np.exp(-grown) - old * ahead + by * straight_on
    return np.asarray(last * (found - (1 - faded) * change))


def _level(now: float, since: FloatArray, burn_in: float, at_once: FloatArray, ridge: Fall, line: Fall) -> FloatArray:
    """The same where the age is the weight beyond the burn-in."""
    (old, decay), (by, left), length = ridge, line, now - since
    begin, end = since - burn_in, now - burn_in
    skipped = np.clip(np.divide(-begin, length, out=np.zeros_like(length), where=length > 0), 0.0, 1.0)
    first, rest = np.maximum(begin, 0.0), decay * (1 - skipped)
    along = first * -np.expm1(-rest) + (max(end, 0.0) - first) * _mean_time(rest)
    counted = np.divide(left - skipped, left, out=np.zeros_like(left), where=left > skipped)
    straight_on = counted * (first + np.maximum(begin + length * left, 0.0)) / 2
    return np.asarray(at_once * first - old * np.exp(-decay * skipped) * along + by * straight_on)


def _mean_exp(x: FloatArray) -> FloatArray:
    """The mean of e^(x u) over u from 0 to 1."""
    return np.divide(np.expm1(x), x, out=np.ones_like(x), where=x != 0)


def _mean_time(x: FloatArray) -> FloatArray:
    """The integral of u x e^(-x u) over u from 0 to 1."""
    return np.divide(-np.expm1(-x) - x * np.exp(-x), x, out=np.zeros_like(x), where=x > 0)


def _stretch(ask: Ask, state: State, clock: FloatArray, row: One) -> None:
    """Scales grow to |x_j|, theta shrinks with them (Ross, Mineiro and Langford 2013); the row adds to the norm."""
    size, scale = np.abs(row.x), state.scale[row.at, 0]
    grown = size > scale
    at, ratio = row.at[grown], np.where(scale > 0, scale / np.where(grown, size, 1.0), 1.0)[grown]
    _change(ask, state, clock, at, state.theta[at] * (ratio - 1)[:, None])
    state.scale[at] = size[grown, None]
    scale = state.scale[row.at, 0]
    clock[Clock.NORM] += row.w * np.sum(np.divide(size, scale, out=np.zeros_like(size), where=scale > 0) ** 2)


def _step(family: Family, ask: Ask, state: State, clock: FloatArray, batch: list[One], eta: FloatArray) -> bool:
    """One step with the rows of a batch; False where an explicit one goes too far."""
    total = sum(row.w for row in batch)
    if total == 0:
        return True
    clock[Clock.STEPS] += 1
    moments = _rates(family, ask, state, clock, batch, eta)
    pace, past = _pace(ask, clock, total), age(ask, clock)
    changes = []
    for row in batch:
        local = state.local[row.at]
        q = np.square(row.x) @ local
        if ask.rule == Rule.ADAM:
            continue
        mean = eta[row.i] - (row.x @ state.lag[row.at] / past if past > 0 else np.nan)
        score, line = partial(_of_row, family, row.i), partial(_line, family, row.i, mean)
        z = straight(score, line, ask.update, family.domain, eta[row.i], mean, pace * row.w * q, ask.unit)
        if ask.update == Update.EXPLICIT and not (np.abs(z) <= TOO_FAR * ask.unit).all():
            return False
        share = np.divide(z, q, out=np.zeros_like(z), where=q > 0)
        changes.append((row.at, -local * row.x[:, None] * share / len(batch)))
    for at, by in changes:
        _change(ask, state, clock, at, by)
    if ask.rule == Rule.ADAM:
        _change(ask, state, clock, moments, -pace * state.local[moments] * state.moment[moments])
    clock[Clock.DUE] += pace * total / len(batch)
    clock[Clock.WEIGHT] += total
    _fold(ask, state, clock)
    return True


def _of_row(family: Family, i: int, eta: FloatArray) -> FloatArray:
    return family.score(eta, i)


def _line(family: Family, i: int, mean: FloatArray, eta: FloatArray) -> FloatArray:
    return family.score(mean, i) + family.weight(mean) @ (eta - mean)


def _rates(family: Family, ask: Ask, state: State, clock: FloatArray, batch: list[One], eta: FloatArray) -> IntArray:
    """R of the columns of a batch, from the squares of their gradients; which columns these are. Adam's moments move
    theta without a gradient, too, so that zeros, stored or not, are none of its columns."""
    at = np.unique(np.concatenate([row.at[(row.x != 0) | (ask.rule != Rule.ADAM)] for row in batch]))
    if ask.rule in (Rule.CONSTANT, Rule.INVERSE):
        return at
    mean, size = np.zeros_like(state.theta), np.zeros_like(state.theta)
    for row in batch:
        if row.w > 0:
            s = family.score(np.clip(eta[row.i], *_nearly(family.domain, ask.unit)), row.i)
            part = row.w / len(batch) * row.x[:, None] * s
            mean[row.at] += part
            size[row.at] += np.abs(part)
    g = np.where(np.abs(mean[at]) > ROUNDING * size[at], mean[at], 0.0)
    if ask.rule == Rule.ADAM:
        state.moment[at] = FIRST * state.moment[at] + (1 - FIRST) * g
        state.squares[at] = SECOND * state.squares[at] + (1 - SECOND) * g**2
        steps = clock[Clock.STEPS]
        size = np.sqrt(state.squares[at] / (1 - SECOND**steps)) + SMALL
        state.local[at] = ask.unit / (size * (1 - FIRST**steps))
        return at
    state.squares[at] += g**2 * len(batch) / sum(row.w for row in batch)
    size = np.sqrt(state.squares[at]) * (state.scale[at] if ask.rule == Rule.NORMALISED else 1.0)
    state.local[at] = np.divide(ask.unit, size, out=np.zeros_like(size), where=size > 0)
    return at


def _nearly(domain: Domain, unit: float) -> Domain:
    """The domain but for its edge, where scores may be infinite."""
    edge = min(1e-3 * unit, (domain[1] - domain[0]) / 4)
    return domain[0] + edge, domain[1] - edge


def _pace(ask: Ask, clock: FloatArray, total: float) -> float:
    """The part of a rate common to all coefficients; of the inverse rule its mean over the weight of the batch, so that
    it matters not how that comes in rows."""
    past = float(clock[Clock.WEIGHT])
    if ask.rule == Rule.INVERSE and ask.decay > 0:
        grown, rest = np.log1p(ask.decay * total / (1 + ask.decay * past)), 1 - ask.power
        area = (1 + ask.decay * past) ** rest * (np.expm1(rest * grown) / rest if rest != 0 else grown)
        return float(ask.rate * area / (ask.decay * total))
    if ask.rule == Rule.NORMALISED:
        return float(ask.rate * np.sqrt((past + total) / clock[Clock.NORM])) if clock[Clock.NORM] > 0 else 0.0
    return ask.rate


def _fold(ask: Ask, state: State, clock: FloatArray) -> None:
    """Anchor the fading average anew before its numbers overflow."""
    if ask.average == Average.FADING:
        times = np.floor((clock[Clock.WEIGHT] - clock[Clock.ANCHOR]) / (FOLDED * ask.half_life))
        if times > 0:
            state.lag[:] *= 2.0 ** (-FOLDED * times)
            clock[Clock.ANCHOR] += times * FOLDED * ask.half_life


def mark(ask: Ask, strength: tuple[FloatArray, FloatArray], state: State, clock: FloatArray) -> None:
    """A point of the path of averages, every so many rows, of theta without a debt."""
    weight = clock[Clock.WEIGHT] - ask.burn_in
    if not ask.every or clock[Clock.ROWS] % ask.every >= ask.batch or weight <= 0:
        return
    pay(ask, strength, state, clock, np.arange(len(state.theta)))
    gap = weight - max(clock[Clock.MARKED] - ask.burn_in, 0.0)
    bar = state.theta - state.lag / weight
    state.line[:] += gap * weight**2 * bar
    state.area[:] += gap * weight**2 * bar**2
    clock[Clock.MASS] += gap * weight**2
    clock[Clock.MARKED] = clock[Clock.WEIGHT]
