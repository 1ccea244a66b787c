"""A start near the optimum for little: the same problem on a sample of the rows (engine: warm start on a subsample)."""

from dataclasses import replace

import numpy as np

from expfam._typing import FloatArray
from expfam.objective import Objective
from expfam.penalties import QuadraticForm
from expfam.solvers.linear import independent
from expfam.solvers.problem import Problem

ROWS_A_COEFFICIENT = 40
SHARE = 30  # a sample holds at least one row in so many,
WORTH = 6  # and pays only where the data is so many times larger
LARGE = 2_000_000  # stored numbers from which a pass takes milliseconds
CLOSE = 0.05  # standard errors of the sample to which it is solved


def sample_of(problem: Problem) -> Problem | None:
    """The problem on a sample of its rows, to be solved roughly; None where the data is too small for that to pay.

    One pseudo-row at zero a coefficient keeps levels without events in the sample from running off.
    """
    objective = problem.objective
    data = objective.data
    rows = max(ROWS_A_COEFFICIENT * problem.start.size, data.n // SHARE)
    if data.n * max(data.design.stored, 1) < LARGE or data.n < WORTH * rows:
        return None
    chosen = np.unique(np.random.default_rng(problem.seed).integers(0, data.n, rows))
    sample = replace(objective, data=data.take(chosen))
    sample = replace(sample, penalty=_with_pseudo_rows(sample, problem))
    first = sample(problem.start)
    if first.hessian is None:
        return None
    scale = replace(problem.scale, weight=sample.weight)
    kept = problem.kept & independent(first.hessian[: data.design.p, : data.design.p])
    return replace(problem, objective=sample, first=first, scale=scale, kept=kept, tol=CLOSE, max_iter=30)


def _with_pseudo_rows(sample: Objective, problem: Problem) -> QuadraticForm:
    """The penalty, and W x_j^2 for one row of an average weight W: x_j = 1 in a column of codes, else its spread."""
    size: FloatArray = np.where(sample.data.design.coded, 1.0, problem.scale.spread)
    if problem.scale.intercept is not None:
        size[problem.scale.intercept] = 0.0
    weight = problem.null.weight / problem.scale.weight
    return QuadraticForm(sample.penalty.matrix + np.diag(weight * size**2) / sample.data.n)
