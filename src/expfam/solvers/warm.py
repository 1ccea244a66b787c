"""A start near the optimum for little: the same problem on a sample of the rows (engine: warm start on a subsample)."""

from dataclasses import replace

import numpy as np

from expfam._typing import AnyArray
from expfam.objective import Objective
from expfam.penalties import PenaltyForm
from expfam.response import rows
from expfam.solvers.looking import glance
from expfam.solvers.problem import Problem

ROWS_A_COEFFICIENT = 40
SHARE = 30  # a sample holds at least one row in so many,
WORTH = 6  # and pays only where the data is so many times larger
LARGE = 2_000_000  # stored numbers from which a pass takes milliseconds
LONG = 100_000  # and from which it takes longer than what a step does without it
HEAVY = 20  # times the null deviance that squared residuals are where a sample tells little
CLOSE = 0.5  # standard errors of the sample to which it is solved: from all rows' optimum it is several away


def is_large(objective: Objective) -> bool:
    """Does a read of the rows take so long that it pays to spare some?"""
    return objective.data.n * max(objective.data.design.stored, 1) >= LARGE


def is_long(objective: Objective) -> bool:
    """Does a read of the rows take longer than a step, so that it pays to choose what is read?"""
    return objective.data.n * max(objective.data.design.stored, 1) >= LONG


def sample(objective: Objective, coefficients: int, seed: int) -> AnyArray | None:
    """The numbers of some rows, enough for so many coefficients; None where the data is too small for that to pay.

    Of so many rows that follow one another one each, by lot: rows that are in some order are all there.
    """
    n = objective.data.n
    rows = max(ROWS_A_COEFFICIENT * coefficients, n // SHARE)
    if not is_large(objective) or n < WORTH * rows:
        return None
    edges = np.arange(rows + 1) * n // rows
    return edges[:-1] + np.random.default_rng(seed).integers(0, np.diff(edges))


def sample_of(problem: Problem) -> Problem | None:
    """The problem on a sample of its rows, to be solved roughly; None where the data is too small for that to pay.

    One pseudo-row at zero a coefficient keeps levels without events in the sample from running off.
    """
    if problem.sample is None:
        return None
    part = replace(problem.objective, data=problem.sample)
    part = replace(part, penalty=_with_pseudo_rows(part, problem))
    at = part.loss(problem.start) if problem.sampled is None else problem.sampled
    if not np.isfinite(at.value) or at.hessian is None:
        return None
    first, scale = part.penalised(at, problem.start, 1.0), replace(problem.scale, weight=part.weight)
    rough = replace(problem, tol=CLOSE, alone=False, max_iter=30)
    return replace(rough, objective=part, first=first, sample=None, sampled=None, scale=scale)


def tells(problem: Problem, sample: Problem) -> bool:
    """Does the optimum of a sample tell where that of all rows is? It is as much farther off as its residuals, squared,
    are larger than the deviance promises: of claims a few decide, and most of those are not in the sample."""
    objective, phi = sample.objective, max(problem.scale.response**2, problem.null.deviance / problem.scale.weight)
    return glance(objective, sample.start).pearson <= HEAVY * phi * objective.weight


def _with_pseudo_rows(part: Objective, problem: Problem) -> PenaltyForm:
    """The penalty, and W z_j^2 for a row of weight W at zero: x_j = 1 in a column of codes, else its spread."""
    design = part.data.design
    size = design.peaks()
    if design.intercept is not None:
        size[design.intercept] = 0.0
    penalty = part.penalty
    return replace(penalty, diagonal=penalty.diagonal + _of_pseudo_row(problem) * size / part.data.n)


def _of_pseudo_row(problem: Problem) -> float:
    """W of a pseudo-row: the average one, or so much that a coefficient which it alone holds stays, within its standard
    error, where weights are of about one size.

    An average row of rare events would let a level without any run to where its weights are next to none, and the
    information of the sample would then be no guide to that of all rows.
    """
    objective, null, scale = problem.objective, problem.null, problem.scale
    average = null.weight / scale.weight
    with np.errstate(all="ignore"):  # far may be out of the domain, where there is no weight to compare with
        eta = null.eta + scale.response / np.sqrt(average) * np.array([[0.0], [-1.0], [1.0]])
        mean = np.repeat(objective.link.inverse(eta[:1]), 3, axis=0)
        eta, mean = (eta, mean) if objective.family.vector else (eta[:, 0], mean[:, 0])
        weight = rows(objective.family, objective.link, eta, mean, np.zeros(3)).weight
        assert weight is not None
        here, *beside = weight.reshape(3, -1)[:, 0]
        moved = np.square(np.log([there / here for there in beside]))
    return float(average * moved.max(where=np.isfinite(moved), initial=1.0))
