"""Columns that are nearly combinations of others, such as products with a time stamp, as what the others leave over.

Sums of products of such columns have no digits left for what is their own; row by row it is there. The coordinates are
beta = D gamma of a triangular D, so that what is minimised stays the same.
"""

from dataclasses import dataclass, replace

import numpy as np

from expfam._typing import AnyArray, FloatArray
from expfam.design.replaced import replaced
from expfam.information import CLEAR, Full, independent
from expfam.objective import Objective
from expfam.solvers.leftover import fitted
from expfam.solvers.problem import Problem

MOST = 1 << 26  # numbers that what is left over may be


@dataclass(frozen=True, slots=True)
class SetApart:
    """A problem in gamma, and the way back: beta = D gamma, where D is the identity but for the columns `moved` (u,),
    which are `directions` (q, u)."""

    problem: Problem
    moved: AnyArray
    directions: FloatArray

    def back(self, gamma: FloatArray) -> FloatArray:
        """D gamma, (q,) or (q, m)."""
        if not len(self.moved):
            return gamma
        rest = gamma.copy()
        rest[self.moved] = 0.0
        return np.asarray(rest + self.directions @ gamma[self.moved])


def set_apart(problem: Problem) -> SetApart:
    """The same problem in coordinates that keep the digits; the problem itself where none are in doubt, or where a
    penalty says what coefficients are."""
    objective = problem.objective
    data, q = objective.data, len(problem.start)
    moved, directions = np.zeros(0, dtype=int), np.zeros((q, 0))
    hessian = None if problem.first is None else problem.first.hessian
    if isinstance(hessian, Full) and objective.penalty.is_zero and data.design.wide is None:
        gram = hessian.matrix[:q, :q]  # of the first class
        clear = independent(gram, CLEAR)
        moved = np.flatnonzero(~clear)
        directions = np.eye(q)[:, moved] - fitted(gram, clear, moved, gram[:, moved])
    if not 0 < len(moved) * data.n <= MOST:
        return SetApart(problem, moved[:0], directions[:, :0])
    values = data.design.forward(data.design.maps.forward(directions))
    spread = np.sqrt(np.einsum("nu,nu->u", values, values) / data.n)
    spread = np.where(spread > 0, spread, 1.0)
    values /= spread  # no copy: they may be as many as the data
    found = SetApart(problem, moved, directions / spread)
    return replace(found, problem=_seen(found, objective, values))


def _seen(found: SetApart, objective: Objective, values: FloatArray) -> Problem:
    """The problem as a function of gamma."""
    problem, data, start = found.problem, objective.data, found.problem.start
    sizes = found.directions[found.moved].diagonal()
    own = (start[found.moved].T / sizes).T
    start = start - found.directions @ own
    start[found.moved] = own
    design = replaced(data.design, found.moved, values)
    return replace(
        problem,
        objective=replace(objective, data=replace(data, design=design)),
        start=start,
        first=None,
        sample=None,
        sampled=None,
        original=lambda gamma: problem.original(found.back(gamma)),
    )
