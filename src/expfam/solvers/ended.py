"""F where a solver ended, once for all of them; and the way back of one that ended where F has no value."""

from dataclasses import replace

import numpy as np

from expfam._typing import FloatArray
from expfam.objective import Evaluation
from expfam.response import Level
from expfam.solvers.problem import Problem, Solution, affordable
from expfam.solvers.status import Status

BACK = 2.0 ** -np.arange(1, 31)  # shares of the way from the start that are tried
ROUND = 1e-9  # of F: a fall by less is no reason to go on


def ended(problem: Problem, solution: Solution) -> Solution:
    """The solution with F and its gradient there, and the information where that is affordable.

    Steps of some rows know nothing of the means of others, which may lie outside the domain where the steps end. Then
    the end is drawn back on the straight line to the start, where F has a value, by halves until F falls no more.
    """
    if solution.at is not None:
        return solution
    at = _seen(problem, solution.theta)
    if at.gradient is not None:
        return replace(solution, at=at, passes=solution.passes + 1, hessians=solution.hessians + _heavy(at))
    theta, tried = _drawn(problem, solution.theta)
    at, passes = _seen(problem, theta), solution.passes + tried + 2
    return replace(
        solution, theta=theta, at=at, status=Status.OUTSIDE, passes=passes, hessians=solution.hessians + _heavy(at)
    )


def _seen(problem: Problem, theta: FloatArray) -> Evaluation:
    objective = problem.objective
    full = objective.penalty.absolute is None and affordable(objective, theta.size)
    return objective(theta, Level.HESSIAN if full else Level.GRADIENT)


def _heavy(at: Evaluation) -> int:
    return int(at.hessian is not None)


def _drawn(problem: Problem, theta: FloatArray) -> tuple[FloatArray, int]:
    """A theta on the way to the start where F is no higher than there, and how often F was looked at."""
    start = problem.start
    best, least, tried = start, problem.objective(start, Level.VALUE).value, 1
    for share in BACK:
        there = start + share * (theta - start)
        value, tried = problem.objective(there, Level.VALUE).value, tried + 1
        if value < least - ROUND * abs(least):
            best, least = there, value
        elif best is not start:
            break
    return best, tried
