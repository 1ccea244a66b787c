"""Workers side by side: blocks of rows walked from one state at once, without a lock, and averaged.

What comes out depends on how many workers were asked for, never on the machine.
"""

from dataclasses import replace
from functools import partial
from itertools import pairwise

import numpy as np

from expfam._typing import FloatArray
from expfam.kernels import walk_definition
from expfam.kernels.pace import Average, Clock, Rule, State
from expfam.parallel import ordered_map
from expfam.solvers.course import Course, Place, advance
from expfam.solvers.trail import lag_of

ROUND, SPARED = 4096, 8  # rows of a block, and at least one for so many coefficients: an average looks at all of them


def abreast(course: Course, place: Place) -> Place:
    """The way over all places: in every round each worker has a block of rows and a copy of the state."""
    batch, count = course.ask.batch, course.queue.count
    workers = min(course.how.workers, max(-(-count // batch), 1))  # no more than batches
    size = -(-max(ROUND, len(course.layout.order) // SPARED) // batch) * batch
    apart = replace(course, ask=course.ask._replace(every=0))
    for lo in range(0, count, workers * size):
        here = min(size, -(-(count - lo) // (workers * batch)) * batch)
        ends = [min(lo + k * here, count) for k in range(workers + 1)]
        spans = [(a, b) for a, b in pairwise(ends) if a < b]
        parts = ordered_map(partial(_walked, apart, place), spans)
        place = _merged(course, place, parts)
    return place


def _walked(course: Course, before: Place, span: tuple[int, int]) -> Place:
    """A worker's way over its block, all penalties paid that are due."""
    place = advance(course, before.copy(), *span)
    if course.ask.penalised:
        state = State(*(part[:, None] if part.size else part for part in place.state))
        walk_definition.pay(course.ask, course.strength, state, place.clock, np.arange(len(state.theta)))
    return place


def _merged(course: Course, before: Place, parts: list[Place]) -> Place:
    """The mean of some states by the weight of their rows.

    Where squares of gradients are summed a coefficient is averaged by its share of those: what only one worker has met
    is that worker's. The sums go on as if one block had been walked, for theta has gone as far as that.
    """
    gone = np.array([part.clock[Clock.WEIGHT] - before.clock[Clock.WEIGHT] for part in parts])
    share = gone / gone.sum() if gone.sum() > 0 else np.full(len(parts), 1 / len(parts))
    own = np.repeat(share[:, None], len(before.state.theta), axis=1)
    if course.ask.rule in (Rule.ADAGRAD, Rule.NORMALISED):
        squares = np.stack([part.state.squares for part in parts])
        total = squares.sum(axis=0)
        own = np.where(total > 0, squares / np.where(total > 0, total, 1.0), own)

    def mean(arrays: list[FloatArray]) -> FloatArray:
        return np.asarray((own * np.stack(arrays)).sum(axis=0)) if arrays[0].size else arrays[0]

    state = State(*(mean(list(arrays)) for arrays in zip(*(part.state for part in parts), strict=True)))
    if state.scale.size:
        state = state._replace(scale=np.max([part.state.scale for part in parts], axis=0))
    clock = before.clock + sum(part.clock - before.clock for part in parts)
    for place in (Clock.STEPS, Clock.DUE):
        clock[place] = share @ [part.clock[place] for part in parts]
    if state.paid.size:
        state.paid[:], state.since[:] = clock[Clock.DUE], clock[Clock.WEIGHT]
    return _averaged(course, before, parts, replace(before, state=state, clock=clock))


def _averaged(course: Course, before: Place, parts: list[Place], after: Place) -> Place:
    """The merged state with the average of all iterates, a point of its path, and the losses of all rows."""
    ask, clock, state = course.ask, after.clock, after.state
    if ask.average != Average.LAST:
        weights = [max(place.clock[Clock.WEIGHT] - ask.burn_in, 0.0) for place in (before, *parts)]
        means = [place.state.theta - lag_of(place.state.lag, ask, place.clock) for place in (before, *parts)]
        clock[Clock.ANCHOR], total = clock[Clock.WEIGHT], max(clock[Clock.WEIGHT] - ask.burn_in, 0.0)
        if ask.average == Average.FADING:
            state.lag[:] = (state.theta - np.mean(means[1:], axis=0)) * walk_definition.age(ask, clock)
        else:
            sums = np.einsum("k,kj->j", weights[1:], means[1:]) - (len(parts) - 1) * weights[0] * means[0]
            # In the round in which the burn-in ends it ends for all rows before it does for those of one worker.
            sums += (total - (sum(weights[1:]) - (len(parts) - 1) * weights[0])) * state.theta
            state.lag[:] = total * state.theta - sums
    if ask.every:
        paid = ask._replace(every=1, batch=1, penalised=0)
        walk_definition.mark(paid, course.strength, state, clock)
    progressive = before.progressive + sum(part.progressive - before.progressive for part in parts)
    outside = before.outside + sum(part.outside - before.outside for part in parts)
    return replace(after, progressive=progressive, outside=outside)
