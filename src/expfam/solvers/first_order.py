"""Passes over the rows of a problem in steps of first order: in what units, from where, and the points on the way."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from expfam._typing import AnyArray, FloatArray
from expfam.design.rows import layout
from expfam.design.standard import Rescaled
from expfam.errors import SolverError
from expfam.objective import Objective
from expfam.solvers.learning import KEPT, TRACED, Point
from expfam.solvers.loop import iterate
from expfam.solvers.natural import natural
from expfam.solvers.problem import Problem, Solution
from expfam.solvers.status import Status
from expfam.solvers.trail import How, Trail, estimate, start
from expfam.solvers.walk import walk
from expfam.solvers.workers import ROUND

FIRST = 256  # rows before the first point of the way
BRIEF = 1e-3  # of a row, after which a fading average is the last iterate


@dataclass(frozen=True, slots=True)
class FirstOrder:
    """Passes, each over the rows in a new order if `shuffle`; `how` in natural units: a rate that is not adapted is one
    of a step that is stable for an average row, decay counts passes, burn-in is a share of all, the half life one of a
    pass."""

    how: How
    passes: int
    shuffle: bool

    def solve(self, problem: Problem) -> Solution:
        """The average, or the last iterate, in standard coordinates."""
        whole = problem.objective
        objective, begin = uncentred(whole, problem.start, -1.0)
        how, draw = self._in_units(problem, objective), np.random.default_rng(problem.seed)
        state = _State(start(begin, how, objective.penalty))
        end = iterate(partial(self._pass, problem, objective, how, draw), state, partial(_report, problem))
        theta = uncentred(whole, _finite(estimate(end.trail, how, objective.penalty), how), 1.0)[1]
        return Solution(theta, None, end.status, end.trail.steps, float(end.passes), 0.0, points=end.points)

    def _in_units(self, problem: Problem, objective: Objective) -> How:
        how, weight, n = self.how, objective.weight, objective.data.n
        count = n if problem.frequency is None else int(problem.frequency.sum())
        batch = max(min(how.batch, count), 1)  # one step a pass at least
        units = natural(objective, problem.null, problem.scale, batch)
        return replace(
            how,
            rate=how.rate * (units.rate if how.step in ("constant", "inverse") else 1.0),
            decay=how.decay / weight,
            burn_in=how.burn_in * self.passes * weight,
            half_life=max(how.half_life, BRIEF / n) * weight,
            batch=batch,
            unit=units.eta,
        )

    def _pass(
        self, problem: Problem, objective: Objective, how: How, draw: np.random.Generator, state: "_State"
    ) -> "_State":
        """One pass over the rows, a point of the way whenever they have grown by a share."""
        n, trail, points, plan = objective.data.n, state.trail, state.points, layout(objective.data.design)
        order = draw.permutation(n) if self.shuffle else None
        for lo, hi in _legs(n, trail.rows, how, trail.theta.size):
            rows: slice | AnyArray = slice(lo, hi) if order is None else order[lo:hi]
            trail = walk(objective, trail, how, problem.frequency, rows, plan)
            points = (*points, _point(problem, how, trail))
        passes = state.passes + 1
        return _State(trail, passes, points, Status.PASSES_DONE if passes == self.passes else Status.RUNNING)


@dataclass(frozen=True, slots=True)
class _State:
    trail: Trail
    passes: int = 0
    points: tuple[Point, ...] = ()
    status: Status = Status.RUNNING


def _legs(n: int, before: int, how: How, coefficients: int) -> Iterator[tuple[int, int]]:
    """Rows from one point to the next, whole batches and rounds of workers; at least as many as it costs to stop."""
    whole, lo = how.batch * (1 if how.workers == 1 else how.workers * -(-ROUND // how.batch)), 0
    for _ in range(n):
        if lo >= n:
            return
        grown = max(FIRST if not before + lo else (KEPT - 1) * (before + lo), coefficients / 8, 1)
        hi = min(lo + int(-(-grown // whole)) * whole, n)
        yield lo, hi
        lo = hi


def uncentred(objective: Objective, theta: FloatArray, sign: float) -> tuple[Objective, FloatArray]:
    """The objective of columns that the map does not centre, so that rows keep their zeros, and theta there (sign -1),
    or back (sign 1)."""
    design = objective.data.design
    if not isinstance(design.maps, Rescaled):
        return objective, theta
    maps = replace(design.maps, mean=np.zeros_like(design.maps.mean), intercept=None)
    data = replace(objective.data, design=replace(design, maps=maps))
    return replace(objective, data=data), design.maps.shifted(theta, sign)


def _point(problem: Problem, how: How, trail: Trail) -> Point:
    """What would be returned now, in the columns' own units; single steps know no errors of a normal estimate."""
    theta = np.zeros(0)
    if trail.theta.size <= TRACED:
        now = estimate(trail, how, problem.objective.penalty)
        theta = problem.original(uncentred(problem.objective, now, 1.0)[1])
    return Point(trail.rows, trail.weight, trail.progressive, theta, np.full_like(theta, np.nan))


def _finite(theta: FloatArray, how: How) -> FloatArray:
    if not np.isfinite(theta).all():
        raise SolverError(
            f"SGD(update={how.update!r}, step={how.step!r}) diverged; lower the rate, or take update='implicit'"
        )
    return theta


def _report(problem: Problem, state: _State) -> None:
    problem.tell(f"SGD pass {state.passes}: {state.trail.steps} steps")
