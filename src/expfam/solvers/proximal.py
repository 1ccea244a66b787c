"""theta <- argmin of F's quadratic model at theta + W l' |theta|: Newton's method where F has corners at zero."""

from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from expfam._typing import FloatArray
from expfam.errors import SolverError
from expfam.objective import Evaluation
from expfam.solvers.corner import corner
from expfam.solvers.loop import iterate
from expfam.solvers.optimality import by_class, from_classes
from expfam.solvers.problem import WRITTEN_OUT, Problem, Solution, Solver
from expfam.solvers.status import Status

DOUBLINGS = 40
ENOUGH = 0.25  # of the fall that the slopes promise, where the model itself brings half: Armijo's share
QUADRATIC = 0.5  # the share by which the curvature on the way may differ from that of the model


@dataclass(frozen=True, slots=True)
class Proximal(Solver):
    """Newton's method for penalties with |theta_j|, of Fisher's information (Lee, Sun and Saunders 2014).

    Each step minimises the quadratic model of the smooth part beside the penalty itself, the information doubled until
    F falls, for a shortened step would never bring a coefficient to zero. It ends where the subgradient nearest to zero
    is within `tol`.
    """

    def solve(self, problem: Problem) -> Solution:
        if problem.start.size > WRITTEN_OUT:
            raise SolverError(
                f"{problem.start.size:,} coefficients are too many for the information that an absolute penalty is "
                "solved with exactly; take solver='sgd', or Ridge"
            )
        begin = _State(problem.start, problem.objective(problem.start))
        end = iterate(partial(_advance, problem), begin, partial(_report, problem))
        return Solution(end.theta, end.at, end.status, end.steps, end.steps + 1.0, end.steps + 1.0)


@dataclass(frozen=True, slots=True)
class _State:
    """`at` is the smooth part of F, its gradient and its information."""

    theta: FloatArray
    at: Evaluation
    steps: int = 0
    status: Status = Status.RUNNING


def _advance(problem: Problem, state: _State) -> _State:
    theta, at, objective = state.theta, state.at, problem.objective
    assert at.gradient is not None
    assert at.hessian is not None
    if problem.scale.gradient(objective.penalty.residual(at.gradient, theta, objective.weight)) <= problem.tol:
        return replace(state, status=Status.CONVERGED)
    if state.steps == problem.max_iter:
        return replace(state, status=Status.MAX_ITER)
    bound, flat, slope = objective.absolute(theta), by_class(theta), by_class(at.gradient)
    for doubling in range(DOUBLINGS):
        step = corner(at.hessian.matrix * 2.0**doubling, slope, bound, flat)
        there = theta + from_classes(step, theta)
        new = objective(there)
        beside = float(bound @ (np.abs(by_class(there)) - np.abs(flat)))
        if _change(at, new, step) + beside <= ENOUGH * (float(slope @ step) + beside):
            return _State(there, new, state.steps + 1)
    return replace(state, status=Status.STALLED)


def _change(at: Evaluation, new: Evaluation, step: FloatArray) -> float:
    """The smooth part at the end of a step less that at its start: by its values, and where it is as quadratic as the
    model says by the slopes at both ends, for large terms that cancel leave no digits of a small difference."""
    if new.gradient is None:
        return new.value
    assert at.gradient is not None
    assert at.hessian is not None
    before, after = float(by_class(at.gradient) @ step), float(by_class(new.gradient) @ step)
    bend = float(step @ at.hessian.times(step))
    quadratic = abs(after - before - bend) <= QUADRATIC * bend
    return (before + after) / 2 if quadratic else new.value - at.value


def _report(problem: Problem, state: _State) -> None:
    problem.tell(f"proximal Newton step {state.steps}: F {state.at.value:.9g}")
