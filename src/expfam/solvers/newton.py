"""theta <- theta - (H + damping D)^-1 gradient: Newton's method (10), the exact solver."""

from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from expfam._typing import FloatArray
from expfam.objective import Evaluation, Objective
from expfam.response import observed_differs
from expfam.solvers.descent import descend
from expfam.solvers.loop import iterate
from expfam.solvers.optimality import Reading, read, runs_away
from expfam.solvers.problem import Problem, Solution, Solver
from expfam.solvers.status import Status
from expfam.solvers.warm import sample_of


@dataclass(frozen=True, slots=True)
class Newton(Solver):
    """Newton's method, damped where a full step does not pay: every iterate is feasible and F never rises.

    Large data starts from the optimum of a sample of its rows, which costs little and saves most steps.

    Away from canonical links it steps with the observed information, which converges quadratically, and with
    Fisher's wherever that is not positive definite. It stops when the scaled gradient is at most `tol` and the step
    left is below `tol` standard errors.
    """

    def solve(self, problem: Problem) -> Solution:
        exact = observed_differs(problem.objective.family, problem.objective.link)
        curved = replace(problem.objective, observed=True) if exact else problem.objective
        theta, at, passes = _begin(problem, curved)
        first = read(at, problem.scale, problem.kept)
        begin = _State(theta, at, first, _judge(problem, first, None, 0), 0.0, 0, passes)
        end = iterate(partial(_advance, problem, curved), begin, partial(_report, problem))
        return Solution(end.theta, None if exact else end.at, end.status, end.steps, end.passes)


def _begin(problem: Problem, curved: Objective) -> tuple[FloatArray, Evaluation, float]:
    """The optimum of a sample of the rows where that is worth while and lowers F, else the start; and passes spent."""
    sample = sample_of(problem)
    if sample is not None:
        rough = Newton().solve(sample)
        at = curved(rough.theta)
        if at.hessian is not None and at.value < problem.first.value:
            share = sample.objective.data.n / problem.objective.data.n
            return rough.theta, at, 2 + rough.passes * share
    return problem.start, problem.first, 1.0


@dataclass(frozen=True, slots=True)
class _State:
    theta: FloatArray
    at: Evaluation
    reading: Reading
    status: Status
    damping: float
    steps: int
    passes: float


def _advance(problem: Problem, curved: Objective, state: _State) -> _State:
    """One step downhill, and what it leads to."""
    assert problem.first.hessian is not None
    metric = np.diagonal(problem.first.hessian)[state.reading.kept]
    step = descend(curved, state.theta, state.at, state.reading, metric, state.damping)
    passes = state.passes + step.passes
    if not step.moved:
        flat = state.reading.gradient <= problem.tol
        status = Status.CONVERGED if flat else Status.STALLED
        return replace(state, status=status, steps=state.steps + 1, passes=passes)
    at, reading = step.at, read(step.at, problem.scale, problem.kept)
    if curved.observed and not reading.factor.definite:
        at, passes = problem.objective(step.theta), passes + 1
        reading = read(at, problem.scale, problem.kept)
    status = _judge(problem, reading, state.reading, state.steps + 1)
    return _State(step.theta, at, reading, status, step.damping, state.steps + 1, passes)


def _judge(problem: Problem, now: Reading, before: Reading | None, steps: int) -> Status:
    """Done when the gradient is flat and the step left is negligible, or no longer shrinks for rounding."""
    if now.gradient <= problem.tol:
        if runs_away(now, problem.scale, problem.objective.data.design):
            return Status.SEPARATED
        if now.decrement <= problem.tol or (before is not None and now.decrement >= before.decrement):
            return Status.CONVERGED
    return Status.MAX_ITER if steps >= problem.max_iter else Status.RUNNING


def _report(problem: Problem, state: _State) -> None:
    problem.tell(f"Newton step {state.steps}: objective {state.at.value:.10g}, gradient {state.reading.gradient:.1e}")
