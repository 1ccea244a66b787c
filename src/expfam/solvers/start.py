"""Where to begin: the null model, which is also the yardstick of the null deviance, and a feasible first theta."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from expfam._typing import FloatArray
from expfam.aggregate import Moments, moments, power_of
from expfam.design import Columns, assemble
from expfam.errors import SolverError
from expfam.families._mean import weighted_mean
from expfam.information import Arrow
from expfam.objective import Evaluation, Objective, information
from expfam.penalties import NoPenalty
from expfam.response import At, Level, weighted
from expfam.solvers.looking import glance
from expfam.solvers.newton import Newton
from expfam.solvers.optimality import Scale
from expfam.solvers.problem import Null, Problem

EDGED = 2.0  # V = mu^p: from there on one response near zero has a deviance without bound, and would be all of it

FLOOR = 1e-6
"""The share of the curvature at the mean response that rows are taken to have at least: offsets so far apart that all
are saturated leave nearly none, which tells neither how far to step nor what a small gradient is."""


def null_model(objective: Objective) -> Null:
    """Fit the intercept alone, the offset kept: to sums over rows, where those keep the digits and an offset is a unit.
    Without an offset the mean is the mean of T(y), for every link."""
    sums = moments(objective)
    pooled = None if sums is None else _pooled(objective, sums)
    if pooled is not None:
        return pooled
    plain = objective.data.offset is None
    mean = sums.mean if plain and sums is not None else _mean(objective, objective.family.T, objective.data.y)
    with np.errstate(all="ignore"):  # a mean that the link cannot have is told below
        theta = objective.link(mean)
    alone = _alone(objective)
    if plain:
        return _null(theta, _feasible_mean(alone, theta, mean))
    least = FLOOR * _one_row(objective, theta, mean, objective.weight)[1]
    tried = list(_less_offset(objective, theta))
    theta, first = _first_feasible(alone, iter(tried), Level.HESSIAN)
    if not _null(theta, first).weight >= least:  # nearly all rows are saturated, and others may be anywhere
        theta, first = min(((t, alone(t)) for t in tried), key=lambda found: np.nan_to_num(found[1].value, nan=np.inf))
    problem = Problem(
        alone, theta, first, None, Scale(1.0, objective.weight), _null(theta, first, least), 1e-6, 50, 0, lambda _: None
    )
    solution = Newton().solve(problem)
    return _null(solution.theta, alone(solution.theta) if solution.at is None else solution.at, least)


def null_seen(objective: Objective, null: Null) -> Null:
    """The figures of the null model at the same eta, for another family."""
    return _null(null.eta, _alone(objective)(null.eta))


def _alone(objective: Objective) -> Objective:
    """The objective of an intercept alone."""
    data = objective.data
    ones = assemble((Columns(("Intercept",)),), data.n, data.design.compiled)
    return replace(objective, data=replace(data, design=ones), penalty=NoPenalty().bind(ones.names))


def _pooled(objective: Objective, sums: Moments) -> Null | None:
    """The same from sums over rows; None where these lose digits, or the mean is none of the link or the family."""
    link, deviance = objective.link, sums.within(objective.family)
    if deviance is None:
        return None
    with np.errstate(all="ignore"):
        eta = link(sums.mean)
    value, weight = _one_row(objective, eta, sums.mean, sums.weight)
    if not np.isfinite(value) or np.isnan(weight):
        return None
    return Null(eta.reshape(-1), 2 * (deviance + objective.data.within), weight)


def _one_row(objective: Objective, eta: FloatArray, mean: FloatArray, weight: float) -> tuple[float, float]:
    """The loss and the curvature of one row of the mean response that weighs as much as all."""
    row = weighted(objective.family, objective.link, At(eta, mean, np.zeros(1)), np.array([weight]))
    return row.value, np.nan if row.weight is None else float(row.weight.flat[0])


def _feasible_mean(alone: Objective, theta: FloatArray, mean: FloatArray) -> Evaluation:
    """F of the intercept alone, every mean that of the response; SolverError where the link has no such mean."""
    at = alone(theta)
    if not np.isfinite(at.value):
        raise SolverError(
            f"the mean of the response, {float(mean.flat[0]):.4g}, is none that the {alone.link.name} link of the "
            f"{alone.family.name} family can have, so there is nothing to start from; take a link that has it, such as "
            "'identity', or look at the response"
        )
    return at


def _null(theta: FloatArray, at: Evaluation, least: float = 0.0) -> Null:
    weight = float(at.hessian.diagonal[0]) if at.hessian is not None else np.nan
    return Null(theta.reshape(-1), 2 * at.value, least if weight < least else weight)


def _mean(objective: Objective, of: Callable[[FloatArray], FloatArray], values: FloatArray) -> FloatArray:
    """The weighted mean of a function of values, (n, ...), kept as a row: (1,) or (1, d), the shape of an intercept."""
    mean = weighted_mean(of, values, objective.data.weight)
    return mean.reshape(1, -1) if objective.family.vector else mean


def _less_offset(objective: Objective, theta: FloatArray) -> Iterator[FloatArray]:
    """Intercepts theta - level: the level g(mean of h(offset)), exact for Gaussian identity and Poisson log, then the
    mean, lowest and highest offset."""
    offset, link = objective.data.offset, objective.link
    assert offset is not None
    with np.errstate(all="ignore"):
        level = link(_mean(objective, link.inverse, offset))
    if np.isfinite(level).all():
        yield theta - level
    for level in (offset.mean(axis=0), offset.min(axis=0), offset.max(axis=0)):
        yield theta - level


def _first_feasible(
    objective: Objective, candidates: Iterator[FloatArray], level: Level
) -> tuple[FloatArray, Evaluation]:
    """The first candidate at which every mean is inside its domain, and F there."""
    for theta in candidates:
        at = objective(theta, level)
        if np.isfinite(at.value):
            return theta, at
    (lo, hi), (low, high) = objective.link.domain, objective.family.mean_domain
    raise SolverError(
        f"no starting point found: some row always leaves the linear predictors ({lo:g}, {hi:g}) of the "
        f"{objective.link.name} link or the means ({low:g}, {high:g}) of the {objective.family.name} family. Use a "
        "link that takes every linear predictor to such a mean (log for positive means, logit for shares), add an "
        "intercept, or check the offset"
    )


def starting_point(objective: Objective, null: Null) -> FloatArray:
    """A theta whose means are all feasible: the null model, without an intercept its projection."""
    starts = _starts(objective, null)
    if objective.data.design.intercept is not None:
        return next(starts)
    return _first_feasible(objective, starts, Level.VALUE)[0]


def _starts(objective: Objective, null: Null) -> Iterator[FloatArray]:
    design = objective.data.design
    shape = (design.p, len(null.eta)) if objective.family.vector else (design.p,)
    theta = np.zeros(shape)
    if design.intercept is not None:  # feasible, for the null model was
        theta[design.intercept] = null.eta if theta.ndim == 2 else null.eta[0]
        yield theta
    yield np.zeros(shape)
    for eta in (null.eta, 2 * null.eta, 10 * null.eta):
        yield _projection(objective, eta).reshape(shape)
    inside = _interior(objective)
    if inside is not None:
        yield inside.reshape(shape)


def _projection(objective: Objective, eta: FloatArray) -> FloatArray:
    """The least-squares theta whose linear predictor comes closest to eta in every row, (p, d)."""
    design, w = objective.data.design, objective.data.weight
    gram = information(design.grams(w[None]), design.maps)
    offset = 0.0 if objective.data.offset is None else objective.data.offset.reshape(len(w), -1)
    rows = w[:, None] * (eta[None, :] - offset)
    sums = design.maps.adjoint(design.adjoint(rows))
    if isinstance(gram, Arrow):
        return gram.factor().solve(sums)
    return np.asarray(np.linalg.lstsq(gram.matrix, sums, rcond=1e-12)[0])


def _interior(objective: Objective) -> FloatArray | None:
    """theta with the widest margin inside the link's domain of eta, by linear programming; None if unbounded."""
    lo, hi = objective.link.domain
    if objective.family.vector or objective.data.design.wide or not (np.isfinite(lo) or np.isfinite(hi)):
        return None
    from scipy.optimize import linprog  # heavy, and rarely needed

    design = objective.data.design
    X = np.stack([design.forward(design.maps.forward(unit)) for unit in np.eye(design.p)], axis=1)
    offset = np.zeros(len(X)) if objective.data.offset is None else objective.data.offset
    sides = [(s, b) for s, b in ((-1.0, lo), (1.0, hi)) if np.isfinite(b)]
    rows = np.concatenate([np.column_stack([s * X, np.ones(len(X))]) for s, _ in sides])
    bounds = np.concatenate([s * (b - offset) for s, b in sides])
    goal = np.append(np.zeros(design.p), -1.0)
    best: Any = linprog(goal, A_ub=rows, b_ub=bounds, bounds=[(None, None)] * design.p + [(None, 1.0)])
    return np.asarray(best.x[:-1]) if best.success and best.x[-1] > 0 else None


def scale_of(objective: Objective, null: Null) -> Scale:
    """The size of a score and the sum of the weights."""
    curved = float(null.weight / objective.weight)
    if objective.family.vector:  # one class may be rare, and the others are not
        return Scale(1.0, objective.weight)
    if objective.family.fixed_dispersion:
        return Scale(1.0, objective.weight, float(np.sqrt(curved)) if 0.0 < curved < np.inf else 1.0)
    phi = float(null.deviance / objective.weight)
    if (power_of(objective.family) or 0.0) > EDGED and objective.data.rows is None:  # summed rows have lost theirs
        pearson = glance(_alone(objective), null.eta).pearson / objective.weight
        phi = pearson if 0.0 < pearson < phi else phi
    return Scale(np.sqrt(phi) if phi > 0 else 1.0, objective.weight, np.sqrt(curved) if curved > 0 else 1.0)
