"""theta <- argmin of F's quadratic model at theta + W l' |theta|: Newton's method where F has corners at zero."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from expfam._typing import FloatArray
from expfam.errors import SolverError
from expfam.information import Information
from expfam.objective import Evaluation, Objective
from expfam.response import observed_differs
from expfam.solvers.corner import corner
from expfam.solvers.descent import NONE, Damping, damped_by
from expfam.solvers.loop import iterate
from expfam.solvers.optimality import by_class, from_classes
from expfam.solvers.problem import WRITTEN_OUT, Problem, Solution, Solver
from expfam.solvers.status import Status

DOUBLINGS = 40  # of the information, before a step is damped
ENOUGH = 0.25  # of the fall that the slopes promise, where the model itself brings half: Armijo's share
QUADRATIC = 0.5  # the share by which the curvature on the way may differ from that of the model
SEMI = 1e-10  # of the weights of damping, by which an information that is singular and no worse is positive definite


@dataclass(frozen=True, slots=True)
class Proximal(Solver):
    """Newton's method for penalties with |theta_j| (Lee, Sun and Saunders 2014).

    Each step minimises the quadratic model of the smooth part beside the penalty itself, the information doubled and
    then damped until F falls, for a shortened step would never bring a coefficient to zero. It is the observed one, and
    Fisher's wherever that is not semidefinite. It ends where the subgradient nearest to zero is within `tol`.
    """

    def solve(self, problem: Problem) -> Solution:
        if problem.start.size > WRITTEN_OUT:
            raise SolverError(
                f"{problem.start.size:,} coefficients are too many for the information that an absolute penalty is "
                "solved with exactly; take solver='sgd', or Ridge"
            )
        exact = observed_differs(problem.objective.family, problem.objective.link)
        curved = replace(problem.objective, observed=True) if exact else problem.objective
        begin = _arrived(problem, curved, _State(problem.start, curved(problem.start)))
        end = iterate(partial(_advance, problem, curved), begin, partial(_report, problem))
        if exact and end.status is Status.STALLED:  # at an edge of the means Fisher's leads further along
            at, passes = problem.objective(end.theta), end.passes + 1
            again = replace(end, at=at, damping=NONE, passes=passes, status=Status.RUNNING)
            end = iterate(partial(_advance, problem, problem.objective), again, partial(_report, problem))
        reads = float(end.passes)
        return Solution(end.theta, None if exact else end.at, end.status, end.steps, reads, reads)


@dataclass(frozen=True, slots=True)
class _State:
    """`at` is the smooth part of F, its gradient and its information; `damping` that of the next step."""

    theta: FloatArray
    at: Evaluation
    damping: Damping = NONE
    steps: int = 0
    passes: int = 1
    status: Status = Status.RUNNING


def _advance(problem: Problem, curved: Objective, state: _State) -> _State:
    theta, at, objective = state.theta, state.at, problem.objective
    assert at.gradient is not None
    assert at.hessian is not None
    if problem.scale.gradient(objective.penalty.residual(at.gradient, theta, objective.weight)) <= problem.tol:
        return replace(state, status=Status.CONVERGED)
    if state.steps == problem.max_iter:
        return replace(state, status=Status.MAX_ITER)
    bound, flat, slope = objective.absolute(theta), by_class(theta), by_class(at.gradient)
    weights, passes = damped_by(at.hessian, problem.null.weight), state.passes
    for passes, (trial, model) in enumerate(_models(at.hessian, weights, state.damping), start=state.passes + 1):
        step = corner(model, slope, bound, flat)
        there = theta + from_classes(step, theta)
        new = curved(there)
        beside = float(bound @ (np.abs(by_class(there)) - np.abs(flat)))
        fall, slopes = -_change(at, new, step) - beside, -float(slope @ step) - beside
        if fall >= ENOUGH * slopes:
            promised = slopes - float(step @ at.hessian.times(step)) / 2
            damping = state.damping.after(trial, fall / promised if promised > 0 else 1.0)
            return _arrived(problem, curved, _State(there, new, damping, state.steps + 1, passes))
    return replace(state, status=Status.STALLED, passes=passes)


def _models(hessian: Information, weights: FloatArray, damping: Damping) -> Iterator[tuple[float, FloatArray]]:
    """The information itself and doubled, which shortens a step as it is to be where it leaves the domain; then damped
    by the weights, which shortens it where the information tells next to nothing. Each with its damping."""
    if not damping.now:
        yield from ((0.0, hessian.matrix * 2.0**k) for k in range(DOUBLINGS))
    yield from ((trial, hessian.plus(trial * weights).matrix) for trial in damping.ladder() if trial)


def _arrived(problem: Problem, curved: Objective, state: _State) -> _State:
    """The state with Fisher's information where the observed one is not semidefinite."""
    hessian = state.at.hessian
    assert hessian is not None
    if not curved.observed or hessian.plus(SEMI * damped_by(hessian, problem.null.weight)).factor().definite:
        return state
    return replace(state, at=problem.objective(state.theta), passes=state.passes + 1)


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
