"""From a model and its rows to a fit: pose the problem, solve it, certify the answer."""

import warnings
from dataclasses import dataclass, replace
from time import perf_counter

import numpy as np

from expfam._typing import BoolArray, FloatArray
from expfam.diagnostics.certificate import Certificate, certify, closing_evaluation
from expfam.errors import AliasWarning, ConvergenceWarning, DataWarning, SchemaError, SeparationWarning, SolverError
from expfam.fit import Fit
from expfam.inference.covariance import bread, effective_df, meat, sandwich
from expfam.inference.statistics import Statistics, statistics
from expfam.model import Model, Prepared, choice, prepare
from expfam.objective import Evaluation, Objective
from expfam.response import Level
from expfam.solvers import Problem, Solver, Status, choose
from expfam.solvers.linear import independent
from expfam.solvers.problem import Null, Tell
from expfam.solvers.start import null_model, standpoint, starting_point
from expfam.source import RowSet, Source


@dataclass(frozen=True, slots=True)
class How:
    """How to solve: solver, stopping rule, what to do with aliased columns, seed, and whom to tell of progress."""

    solver: str | Solver
    tol: float
    max_iter: int
    aliased: str
    seed: int
    tell: Tell

    def __post_init__(self) -> None:
        choice("aliased", self.aliased)
        if not self.tol > 0 or self.max_iter < 1:
            raise SolverError(f"tol={self.tol}, max_iter={self.max_iter}: tol is positive, max_iter at least 1")


def fit(model: Model, rows: RowSet, source: Source, how: How, began: float) -> Fit:
    """Fit a model to rows; `began` is when the work started, for the certificate's seconds."""
    _tell_dropped(rows)
    prepared = prepare(model, rows)
    penalty = prepared.model.penalty.bind(prepared.data.design.names)
    objective = Objective(prepared.model.family, prepared.model.link, penalty, prepared.data)
    problem, null = pose(objective, how, "Intercept" in model.names)
    solution = choose(how.solver, problem).solve(problem)
    at = closing_evaluation(problem, solution)
    loss, inverse = _without_penalty(objective, solution.theta, at), bread(at, problem.kept)
    df_model = _df_model(problem, at, loss)
    sums = statistics(prepared, objective, solution.theta, loss.value, null.deviance, df_model)
    covariance = _covariance(prepared, objective, solution.theta, inverse, sums)
    certificate = certify(problem, solution, at, prepared.model.flat_names, perf_counter() - began)
    _tell_certificate(certificate)
    dropped_rows = 0 if rows.kept is None else int((~rows.kept).sum())
    return Fit(
        prepared.model,
        solution.theta,
        problem.kept,
        covariance,
        sums,
        certificate,
        rows.dropped,
        dropped_rows,
        rows.kind,
        source,
    )


def pose(objective: Objective, how: How, intercept: bool) -> tuple[Problem, Null]:
    """The problem seen from its starting point: independent columns and scale come from the first information."""
    null = null_model(objective)
    start, first = starting_point(objective, null)
    p = objective.data.design.p
    assert first.hessian is not None
    kept = independent(first.hessian[:p, :p])
    if how.aliased == "error" and not kept.all():
        raise SchemaError(f"{_list(_names(objective, ~kept))}: linear combinations of earlier columns; leave them out")
    gram = first.hessian[:p, :p] - objective.weight * objective.penalty.matrix
    scale = standpoint(objective, null, gram)
    if not intercept:
        null = _without_intercept(objective, null)
    problem = Problem(objective, start, first, kept, scale, null, how.tol, how.max_iter, how.seed, how.tell)
    return problem, null


def _without_intercept(objective: Objective, null: Null) -> Null:
    """Without an intercept the null deviance is that of eta = offset, as in R; NaN where that is no feasible mean."""
    design = objective.data.design
    d = len(null.eta)
    zero = np.zeros((design.p, d) if objective.family.vector else design.p)
    half = objective.loss(zero, Level.VALUE).value
    return replace(null, deviance=2 * half if np.isfinite(half) else np.nan)


def _without_penalty(objective: Objective, theta: FloatArray, at: Evaluation) -> Evaluation:
    """Half the deviance and the information of the likelihood alone."""
    share = objective.penalised(theta)
    assert at.hessian is not None
    assert share.hessian is not None
    return Evaluation(at.value - share.value, None, at.hessian - share.hessian)


def _df_model(problem: Problem, at: Evaluation, loss: Evaluation) -> float:
    """How many coefficients are free: those kept, fewer under a penalty."""
    assert at.hessian is not None
    assert loss.hessian is not None
    if problem.objective.penalty.is_zero:
        return float(problem.kept.sum() * (len(at.hessian) // len(problem.kept)))
    return effective_df(at, loss.hessian, problem.kept)


def _covariance(
    prepared: Prepared, objective: Objective, theta: FloatArray, inverse: FloatArray, sums: Statistics
) -> FloatArray:
    """phi H^-1, or the sandwich where weights are sampling weights and nothing else is valid."""
    if prepared.model.weights_kind == "sampling":
        return sandwich(inverse, meat(objective, theta), sums.n)
    return sums.dispersion * inverse


def _names(objective: Objective, chosen: BoolArray) -> list[str]:
    return [name for name, yes in zip(objective.data.design.names, chosen, strict=True) if yes]


def _list(names: list[str] | tuple[str, ...], most: int = 10) -> str:
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")


def _tell_dropped(rows: RowSet) -> None:
    if rows.kept is not None:
        counts = ", ".join(f"{name} ({count:,})" for name, count in rows.dropped.items())
        warnings.warn(
            f"{int((~rows.kept).sum()):,} of {len(rows.kept):,} rows left out for missing values in {counts}; "
            "missing='error' refuses them instead",
            DataWarning,
            stacklevel=4,
        )


def _tell_certificate(certificate: Certificate) -> None:
    if certificate.aliased:
        many = len(certificate.aliased) > 1
        warnings.warn(
            f"{len(certificate.aliased)} column{'s are linear combinations' if many else ' is a linear combination'} "
            f"of earlier ones and left out: {_list(certificate.aliased)}; aliased='error' refuses them instead",
            AliasWarning,
            stacklevel=4,
        )
    if certificate.separated:
        warnings.warn(f"{_list(certificate.separated)}: {certificate.status.value}", SeparationWarning, stacklevel=4)
    elif not certificate.converged and certificate.status is not Status.PASSES_DONE:
        warnings.warn(
            f"not converged: gradient {certificate.gradient:.1e} > {certificate.tol:.1e}; {certificate.status.value}",
            ConvergenceWarning,
            stacklevel=4,
        )
