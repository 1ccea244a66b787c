"""theta <- argmin of F's quadratic model at theta + W l' |theta|: Newton's method where F has corners at zero."""

from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from expfam._typing import FloatArray
from expfam.errors import SolverError
from expfam.objective import Evaluation
from expfam.response import Level
from expfam.solvers.corner import corner
from expfam.solvers.loop import iterate
from expfam.solvers.optimality import by_class, from_classes
from expfam.solvers.problem import WRITTEN_OUT, Problem, Solution, Solver
from expfam.solvers.status import Status

HALVINGS = 40
ENOUGH = 1e-4  # of the fall that the model promises: Armijo's share


@dataclass(frozen=True, slots=True)
class Proximal(Solver):
    """Newton's method for penalties with |theta_j|, of Fisher's information (Lee, Sun and Saunders 2014).

    Each step minimises the quadratic model of the smooth part beside the penalty itself, by coordinate descent; it ends
    where the subgradient nearest to zero is within `tol`.
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
    bound = objective.absolute(theta)
    slope = by_class(at.gradient)
    flat = by_class(theta)
    step = corner(at.hessian.matrix, slope, bound, flat)
    before = float(bound @ np.abs(flat))
    promised = float(slope @ step + bound @ np.abs(flat + step)) - before
    for halving in range(HALVINGS):
        share = 0.5**halving
        there = theta + share * from_classes(step, theta)
        value = objective(there, Level.VALUE).value + float(bound @ np.abs(by_class(there)))
        if value <= at.value + before + ENOUGH * share * promised:
            return _State(there, objective(there), state.steps + 1)
    return replace(state, status=Status.STALLED)


def _report(problem: Problem, state: _State) -> None:
    problem.tell(f"proximal Newton step {state.steps}: F {state.at.value:.9g}")
