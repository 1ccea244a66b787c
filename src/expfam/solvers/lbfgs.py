"""theta <- theta - step B^-1 gradient with B from a metric and the last steps: a read of X each, no information."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from expfam._typing import AnyArray, FloatArray
from expfam.errors import SolverError
from expfam.objective import Evaluation
from expfam.response import Level
from expfam.solvers.descent import fair
from expfam.solvers.loop import iterate
from expfam.solvers.metrics import columns_at, null_metric
from expfam.solvers.problem import Problem, Solution, Solver
from expfam.solvers.secants import Coupled, Diagonal, Metric, Secants, direction, remember
from expfam.solvers.status import Status

SHORTER = 30  # halvings before a direction is given up
STEPS = 10  # remembered,
FEW = 5  # or so few, where that costs as much as the rows do
RENEWED = 10  # after so many steps, and twice as many, .., a metric of columns is taken anew
LONG, UNUSUAL = 1 << 17, 1e12
"""From so many coefficients on few steps are remembered, for to read them costs as much as rows do, and in single
precision, unless weights or responses come in such units that its range might not do."""


@dataclass(frozen=True, slots=True)
class LBFGS(Solver):
    """Limited-memory BFGS in the metric of the null model's information.

    `memory` steps are remembered, None for 10, or 5 of very many coefficients. The metric is exact at the null model
    where X'WX can be written out (up to `widest` columns): Z'WZ kron V for classes; else it is that of each column
    alone, taken anew after 10, 20, 40, .. steps. It stops when the scaled gradient is at most `tol`; of an information
    that is too large to be written out there are no errors.
    """

    memory: int | None = None
    widest: int = 2500

    def __post_init__(self) -> None:
        if (self.memory is not None and self.memory < 1) or self.widest < 0:
            raise SolverError(f"LBFGS(memory={self.memory}, widest={self.widest}): at least 1 and 0")

    def solve(self, problem: Problem) -> Solution:
        metric, kind = null_metric(problem, self.widest), _precision(problem)
        at = problem.objective(problem.start, Level.GRADIENT)
        assert at.gradient is not None
        gradient = at.gradient.astype(kind, copy=False)
        begin = _State(problem.start, at, gradient, metric.astype(kind), (), Status.RUNNING, 0, 2.0)
        limit = 10 * problem.max_iter  # a step is a read of the rows, not an information
        memory = self.memory or (STEPS if problem.start.size < LONG else FEW)
        advance = partial(_advance, problem, memory, kind, limit)
        end = iterate(advance, begin, partial(_report, problem))
        return Solution(end.theta, None, end.status, end.steps, end.passes, 0.0)


@dataclass(frozen=True, slots=True)
class _State:
    """`gradient` is that of `at` in the precision of steps."""

    theta: FloatArray
    at: Evaluation
    gradient: AnyArray
    metric: Metric
    secants: Secants
    status: Status
    steps: int
    passes: float


def _advance(problem: Problem, memory: int, kind: type[np.floating[Any]], limit: int, state: _State) -> _State:
    """One step; without a fall along the corrected direction the memory is dropped, and then the search ends."""
    step = direction(state.metric, state.secants, state.gradient)
    slope = float(np.vdot(state.gradient, step))
    tries = 0
    for share in _shares():
        tries += 1
        move = step if share == 1.0 else kind(share) * step
        theta = move.astype(float)  # by itself a cast is vectorised, and of a million coefficients every copy is felt
        theta += state.theta
        new = problem.objective(theta, Level.GRADIENT)
        if new.gradient is not None and fair(state.at, new, -share * slope / 2):
            break
    else:
        if state.secants:
            return replace(state, secants=(), passes=state.passes + tries)
        return replace(state, status=Status.STALLED, passes=state.passes + tries)
    gradient = new.gradient.astype(kind, copy=False)
    secants = remember(state.secants, move, gradient - state.gradient, memory)
    done = replace(
        state, theta=theta, at=new, gradient=gradient, secants=secants, steps=state.steps + 1,
        passes=state.passes + tries,
    )  # fmt: skip
    if problem.scale.gradient(new.gradient) <= problem.tol:
        return replace(done, status=Status.CONVERGED)
    return replace(done, status=Status.MAX_ITER) if done.steps >= limit else _renewed(problem, kind, done)


def _precision(problem: Problem) -> type[np.floating[Any]]:
    """In which steps are remembered: single precision where steps, gradients and information are of ordinary size."""
    scale = problem.scale
    sizes = scale.response / scale.slope, scale.weight * scale.response * scale.slope, scale.weight * scale.slope**2
    ordinary = all(1 / UNUSUAL < size < UNUSUAL for size in sizes)
    return np.float32 if ordinary and problem.start.size >= LONG else np.float64


def _renewed(problem: Problem, kind: type[np.floating[Any]], state: _State) -> _State:
    """A metric of columns is that of the point again: the information of one far from the null model is another."""
    periods, rest = divmod(state.steps, RENEWED)
    if rest or periods.bit_count() != 1 or not isinstance(state.metric, Diagonal | Coupled):
        return state
    metric = columns_at(problem.objective, state.theta).astype(kind)
    return replace(state, metric=metric, passes=state.passes + 1)


def _shares() -> Iterator[float]:
    yield from (0.5**k for k in range(SHORTER))


def _report(problem: Problem, state: _State) -> None:
    assert state.at.gradient is not None
    gradient = problem.scale.gradient(state.at.gradient)
    problem.tell(f"L-BFGS step {state.steps}: objective {state.at.value:.10g}, gradient {gradient:.1e}")
