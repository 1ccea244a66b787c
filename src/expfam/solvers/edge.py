"""The optimum where no gradient vanishes: some means are on the edge of those allowed, at an eta that is finite, and
pressed against it.

F_t, of responses (1 - t) y + t m with m their mean, has its optimum inside, for the loss of m is infinite at the edge:
a barrier of the family's own. For t = 1/8, 1/16, ... the optima follow the central path to that of F over the allowed
means and their edge (Fiacco and McCormick 1968), a straight line at its end, so that each foretells the next.

Where h' = 0 at an end of the link's domain, as of the square root at 0, the gradient does vanish there, and with it the
information, whatever the responses.
"""

from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike

from expfam._typing import FloatArray
from expfam.families._mean import mean_of
from expfam.objective import Objective
from expfam.response import Level
from expfam.solvers.newton import Newton
from expfam.solvers.problem import Problem, Solution, affordable
from expfam.solvers.status import Status

SHARES = 2.0 ** -np.arange(3, 25)
FAR = 1e15  # an eta as good as infinite: the tangent of the cauchit is finite, and has no digits there
LEANS = 1e-6  # of the mean response: a mean so near to the edge leans on it
ROUGH = 1e-6  # `tol` of a point on the way: so near to the edge rounding shows in the gradient
LAST = 1e-6  # the share of the way from the last point to the edge at which to end: F has a value there


def edged(problem: Problem, solution: Solution) -> Solution:
    """The optimum on the edge, where a solver ended beside it; elsewhere the solution as it is."""
    objective = problem.objective
    if solution.status not in (Status.STALLED, Status.MAX_ITER) or not affordable(objective, problem.start.size):
        return solution
    if objective.family.vector or objective.penalty.absolute is not None:
        return solution
    with np.errstate(all="ignore"):
        ends = np.array(objective.family.mean_domain)
        reached = ends[np.abs(objective.link(ends)) < FAR]
    if not _leans(objective, solution.theta, reached):
        return solution
    mean = _mean(objective)
    theta, before, spent = problem.start, problem.start, solution
    rough = replace(problem, tol=max(problem.tol, ROUGH), first=None, sample=None)
    for share in SHARES:
        leaning = _leaning(objective, mean, share)
        start = _first(leaning, theta + (theta - before) / 2, theta)
        part = Newton().solve(replace(rough, objective=leaning, start=start))
        done = {name: getattr(spent, name) + getattr(part, name) for name in ("steps", "passes", "hessians")}
        spent = replace(spent, **done)
        if part.status is not Status.CONVERGED:  # slacks as small as the rounding of eta
            break
        theta, before = part.theta, theta
    theta = _first(objective, theta + (1 - LAST) * (theta - before), theta)
    lower = objective(theta, Level.VALUE).value <= objective(solution.theta, Level.VALUE).value
    return replace(spent, theta=theta, at=None, status=Status.EDGE) if lower else solution


def flattened(problem: Problem, solution: Solution) -> Solution:
    """A solution where gradient and information vanish, told to be on the edge if a mean is next to the link's end."""
    objective = problem.objective
    if objective.family.vector:
        return solution
    ends = np.array([end for end in objective.link.domain if np.isfinite(end)])
    with np.errstate(all="ignore"):
        edges = objective.link.inverse(ends)
    return replace(solution, status=Status.EDGE) if _leans(objective, solution.theta, edges) else solution


def _leans(objective: Objective, theta: FloatArray, edges: ArrayLike) -> bool:
    """Is a mean next to one of the edges?"""
    data = objective.data
    eta = data.design.forward(data.design.maps.forward(theta))
    mu = objective.link.inverse(eta if data.offset is None else eta + data.offset)
    near = LEANS * abs(_mean(objective))
    return any(bool((np.abs(mu - edge) <= near).any()) for edge in np.asarray(edges))


def _mean(objective: Objective) -> float:
    """The mean response."""
    return float(mean_of(objective.family, objective.data.y, objective.data.weight)[0])


def _leaning(objective: Objective, mean: float, share: float) -> Objective:
    """F of responses with this share of the mean response in them."""
    data, family = objective.data, objective.family
    y = (1 - share) * data.y + share * mean
    return replace(objective, data=replace(data, y=y, conjugate=family.conjugate(family.T(y))))


def _first(objective: Objective, ahead: FloatArray, theta: FloatArray) -> FloatArray:
    """`ahead` if F has a value there, else theta."""
    return ahead if np.isfinite(objective(ahead, Level.VALUE).value) else theta
