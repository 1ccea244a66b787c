"""Where to begin: the null model, which is also the yardstick of the null deviance, and a feasible first theta."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from expfam._typing import FloatArray
from expfam.design import Columns, assemble
from expfam.errors import SchemaError, SolverError
from expfam.objective import Evaluation, Objective
from expfam.penalties import NoPenalty
from expfam.solvers.newton import Newton
from expfam.solvers.optimality import Scale, scale_of
from expfam.solvers.problem import Null, Problem


def null_model(objective: Objective) -> Null:
    """Fit the intercept alone, the offset kept. Without an offset the mean is the mean of T(y), for every link."""
    data = objective.data
    ones = assemble((Columns(("Intercept",)),), data.n)
    alone = replace(objective, data=replace(data, design=ones), penalty=NoPenalty().bind(ones.names))
    theta = objective.link(_mean(objective, objective.family.T(data.y)))
    if data.offset is None:
        return _null(theta, alone(theta))
    theta, at = _first_feasible(alone, _less_offset(objective, theta))
    scale = Scale(np.zeros(1), np.ones(1), 1.0, objective.weight, 0)
    kept = np.ones(1, dtype=bool)
    problem = Problem(alone, theta, at, kept, scale, _null(theta, at), 1e-6, 50, 0, lambda _: None)
    solution = Newton().solve(problem)
    return _null(solution.theta, alone(solution.theta) if solution.at is None else solution.at)


def _null(theta: FloatArray, at: Evaluation) -> Null:
    weight = float(at.hessian[0, 0]) if at.hessian is not None else np.nan
    return Null(theta.reshape(-1), 2 * at.value, weight)


def _mean(objective: Objective, values: FloatArray) -> FloatArray:
    """The weighted mean over the rows, kept as a row: (1,) or (1, d), the shape of an intercept."""
    return np.asarray(np.average(values, axis=0, keepdims=True, weights=objective.data.weight))


def _less_offset(objective: Objective, theta: FloatArray) -> Iterator[FloatArray]:
    """Intercepts theta - level: the level g(mean of h(offset)), exact for Gaussian identity and Poisson log, then the
    mean, lowest and highest offset."""
    offset, link = objective.data.offset, objective.link
    assert offset is not None
    with np.errstate(all="ignore"):
        level = link(_mean(objective, link.inverse(offset)))
    if np.isfinite(level).all():
        yield theta - level
    for level in (offset.mean(axis=0), offset.min(axis=0), offset.max(axis=0)):
        yield theta - level


def _first_feasible(objective: Objective, candidates: Iterator[FloatArray]) -> tuple[FloatArray, Evaluation]:
    """The first candidate at which every mean is inside its domain, with F there."""
    for theta in candidates:
        at = objective(theta)
        if at.hessian is not None:
            _check_overflow(objective, at.hessian)
            return theta, at
    raise SolverError(
        f"no starting point found: with the {objective.link.name} link some mean always leaves the domain "
        f"{objective.family.mean_domain} of the {objective.family.name} family. Use a link that maps into the domain "
        "(log for positive means, logit for shares), or check the offset"
    )


def _check_overflow(objective: Objective, hessian: FloatArray) -> None:
    """Sums of squares of a column must be finite numbers."""
    names = objective.data.design.names
    bad = [name for name, entry in zip(names, np.diagonal(hessian), strict=False) if not np.isfinite(entry)]
    if bad or not np.isfinite(hessian).all():
        raise SchemaError(
            f"column {(bad or names[-1:])[0]!r} holds values so large that their squares overflow (beyond 1e150); "
            "check them, or divide the column by a power of ten"
        )


def starting_point(objective: Objective, null: Null) -> tuple[FloatArray, Evaluation]:
    """A theta whose means are all feasible, with F there: the null model, without an intercept its projection."""
    return _first_feasible(objective, _starts(objective, null))


def _starts(objective: Objective, null: Null) -> Iterator[FloatArray]:
    design = objective.data.design
    shape = (design.p, len(null.eta)) if objective.family.vector else (design.p,)
    theta = np.zeros(shape)
    if design.intercept is not None:
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
    gram = design.maps.congruence(design.gram(w))
    offset = 0.0 if objective.data.offset is None else objective.data.offset.reshape(len(w), -1)
    rows = w[:, None] * (eta[None, :] - offset)
    return np.asarray(np.linalg.lstsq(gram, design.maps.adjoint(design.adjoint(rows)), rcond=1e-12)[0])


def _interior(objective: Objective) -> FloatArray | None:
    """theta with the widest margin inside the link's domain of eta, by linear programming; None if unbounded."""
    lo, hi = objective.link.domain
    if objective.family.vector or not (np.isfinite(lo) or np.isfinite(hi)):
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


def standpoint(objective: Objective, null: Null, gram: FloatArray) -> Scale:
    """The scale of the columns and of the score, from X'WX at the starting point."""
    total = objective.weight
    fixed = objective.family.fixed_dispersion
    response = 1.0 if fixed or not null.deviance > 0 else float(np.sqrt(null.deviance / total))
    weight = null.weight if np.isfinite(null.weight) and null.weight > 0 else total
    return scale_of(gram, weight, objective, response)
