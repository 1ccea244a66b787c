"""From a model and its rows to a fit: pose the problem, solve it, certify the answer."""

import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import pairwise
from time import perf_counter
from typing import TypeAlias

import numpy as np

from expfam._typing import BoolArray, FloatArray
from expfam.aggregate import aggregated
from expfam.diagnostics.certificate import Certificate, Closing, certify, closing
from expfam.diagnostics.doubt import doubtful, resumed, settled
from expfam.errors import (
    AliasWarning,
    ConvergenceWarning,
    SchemaError,
    SeparationWarning,
    SolverError,
    is_finite,
    is_whole,
)
from expfam.fit import Fit
from expfam.inference import reduction
from expfam.inference.covariance import effective_df, known, tell_lost, unbounded
from expfam.inference.estimable import unknown
from expfam.inference.later import End, later
from expfam.inference.optimum import Optimum
from expfam.inference.robust import sampled
from expfam.inference.separation import Separation
from expfam.inference.statistics import Statistics, left_over, statistics
from expfam.inference.vcov import Asked
from expfam.inference.vcov import covariance as asked_covariance
from expfam.information import Covariance
from expfam.model import Model, Prepared, choice, prepare
from expfam.nuisance import Free, Nuisance
from expfam.nuisance.dispersion import EXACT, SO_FAR, Dispersion, dispersion, meets
from expfam.nuisance.dispersion import Asked as DispersionAsked
from expfam.nuisance.joint import estimate
from expfam.objective import Objective
from expfam.parallel import one_blas_thread
from expfam.response import Level
from expfam.solvers import SGD, Problem, Solution, Solver, Status, choose
from expfam.solvers.adjusted import AdjustedScores
from expfam.solvers.edge import edged, flattened
from expfam.solvers.learning import Learning, stacked
from expfam.solvers.pose import Posed, pose
from expfam.solvers.problem import AWAY, Tell, affordable, within
from expfam.solvers.warm import is_large, is_long
from expfam.source import RowSet, Source, tell_dropped

PHASES = ("reading", "design", "start", "solver", "inference")
Phi: TypeAlias = Callable[[FloatArray, float], float]


@dataclass(frozen=True, slots=True)
class How:
    """How to solve: solver, stopping rule, aliased columns, sums of equal rows, seed, whom to tell of progress; the
    covariance to answer with, the dispersion, and which number of the family is to be estimated, too."""

    solver: str | Solver
    tol: float
    max_iter: int
    aliased: str
    aggregate: str
    seed: int
    tell: Tell
    vcov: Asked
    dispersion: DispersionAsked
    free: Free | None = None

    def __post_init__(self) -> None:
        choice("aliased", self.aliased)
        choice("aggregate", self.aggregate)
        if not (is_finite(self.tol) and self.tol > 0):
            raise SolverError(f"tol={self.tol!r} is not allowed; give a positive number, such as 1e-8")
        if not (is_whole(self.max_iter) and self.max_iter >= 1):
            raise SolverError(f"max_iter={self.max_iter!r} is not allowed; give a whole number, at least 1")
        if not (is_whole(self.seed) and self.seed >= 0):
            raise SolverError(f"seed={self.seed!r} is not allowed; give a whole number, at least 0")


@dataclass(frozen=True, slots=True, eq=False)
class Begun:
    """A fit whose design is laid out: its rows as the model sees them, what is told of them, and the moments when the
    work started, the data was read, the design was there."""

    prepared: Prepared
    rows: RowSet
    began: float
    read: float
    laid_out: float


def begin(model: Model, rows: RowSet, began: float) -> Begun:
    """Lay out the design of some rows. Who lets go of them then has their numbers in memory once, not twice."""
    read = perf_counter()
    tell_dropped(rows, "missing values", "missing='error' refuses them instead", 4)
    with one_blas_thread():
        return Begun(prepare(model, rows), rows.bare, began, read, perf_counter())


def fit(begun: Begun, source: Source, how: How) -> Fit:
    """Fit a model to its rows."""
    with one_blas_thread():
        found, left = _fit(begun, source, how)
    _tell_certificate(found.certificate)
    _tell_numbers(found.nuisance)
    _tell_exact(begun.prepared, found, left)
    return found


def _fit(begun: Begun, source: Source, how: How) -> tuple[Fit, float]:
    """The fit, and g' H^-1 g: what one more Newton step would take off the deviance."""
    rows, model = begun.rows, begun.prepared.model
    prepared, near, numbers = _estimated(begun.prepared, how)
    penalty = prepared.model.penalty.bind(prepared.data.design.names)
    objective = Objective(prepared.model.family, prepared.model.link, penalty, prepared.data)
    summed = _summed(objective, model, how)
    frequency = prepared.frequency if summed is objective else None
    tell = within(how.tell, f"{numbers[0].name} {numbers[0].value:.6g}") if numbers else how.tell
    posed = pose(summed, how.tol, how.max_iter, how.seed, tell, near, frequency)
    posed = replace(posed, problem=_asked(posed.problem, prepared.model, how))
    problem, standard = posed.problem, posed.standard
    if how.aliased == "error" and standard.aliased:
        raise SchemaError(f"{_list(standard.aliased)}: linear combinations of earlier columns; leave them out")
    started = perf_counter()
    phi = None if model.bias is None else _phi(prepared, objective, posed, how)
    solution, end, separation = _solved(prepared.model, summed, posed, how, phi)
    solved, at, factor = perf_counter(), end.at, end.factor
    theta = standard.original(solution.theta)
    half = at.value - problem.objective.value_of_penalty(solution.theta)
    inverse = None if factor is None or solution.near else factor.inverse()
    df = _df_model(problem, theta, inverse)
    sums, numbers = _statistics(prepared, objective, theta, 2 * half, _null_deviance(problem), df, how, numbers)
    covariance: Covariance | None = None
    if factor is None:
        sums = sums.settled
    else:
        here = Optimum(prepared, objective, posed, solution.theta, at, factor)
        found, sums = _covariance(here, inverse, sums, how.vcov, source)
        covariance = here.original(found)
        if separation is not None and how.vcov.robust:
            away = [name in separation.names for name in prepared.model.flat_names]
            covariance = unbounded(covariance, np.array(away))
    ends = begun.began, begun.read, begun.laid_out, started, solved, perf_counter()
    timings = {name: b - a for name, (a, b) in zip(PHASES, pairwise(ends), strict=True)}
    answer = Fit(
        prepared.model, theta, standard.kept, covariance, sums, certify(posed, solution, end, separation, timings),
        rows.dropped, rows.incomplete, rows.kind, source, how.vcov.label, numbers,
        _learning(solution, prepared.model, standard.kept),
        unknown(summed.data.design, standard, standard.kept, penalty.holds),
    )  # fmt: skip
    return answer, (end.reading.decrement * problem.scale.response) ** 2


def _asked(problem: Problem, model: Model, how: How) -> Problem:
    """The problem, where at first theta alone is asked for: of long data, if the answer needs no information. Refuses
    errors that there will not be."""
    plain = problem.objective.penalty.is_zero and model.bias is None
    if how.vcov.kind != "model":
        known(problem.objective.penalty)
    wanted = how.vcov.kind != "model" or model.weights_kind == "sampling"
    alone = plain and not wanted and is_long(problem.objective) and affordable(problem.objective, problem.start.size)
    slack = AWAY if is_large(problem.objective) else 1.0
    return replace(problem, alone=alone, slack=slack) if alone or slack != problem.slack else problem


def _learning(solution: Solution, model: Model, kept: BoolArray) -> Learning | None:
    """The way of a solver that takes rows one after the other; NaN where a column was left out."""
    if not solution.points:
        return None
    found = stacked(solution.points, model.flat_names)
    there = np.tile(kept, found.theta.shape[1] // len(kept))
    return replace(found, theta=np.where(there, found.theta, np.nan), se=np.where(there, found.se, np.nan))


def _phi(prepared: Prepared, objective: Objective, posed: Posed, how: How) -> Phi:
    """phi of a fit by adjusted scores as a function of theta, in standard coordinates, and half the deviance there."""
    size = posed.problem.start.size
    left = prepared.n * posed.problem.start[0:1].size - size
    reduction.check(prepared, how.solver, left)
    if not affordable(posed.problem.objective, size):
        raise SolverError(f"bias= needs the information, and {size:,} coefficients are too many for it")

    def phi(beta: FloatArray, half: float) -> float:
        return dispersion(how.dispersion, prepared, objective, posed.standard.original(beta), 2 * half, left).phi

    return phi


def _solved(
    model: Model, objective: Objective, posed: Posed, how: How, phi: Phi | None
) -> tuple[Solution, Closing, Separation | None]:
    """The solution with F and its factorised information there, and what runs to infinity, where that is in doubt.

    A solver stops where F is flat and still falls; if linear programming finds a finite optimum, it goes on.
    """
    if phi is not None and model.bias is not None:
        solution = AdjustedScores(model.bias, posed.standard, phi).solve(posed.problem)
        return *closing(posed.problem, solution), None
    solution = edged(posed.problem, choose(how.solver, posed.problem).solve(posed.problem))
    solution, end = closing(posed.problem, solution)
    if not doubtful(posed.problem, solution, end.factor, end.reading):
        return solution, end, None
    found = settled(objective, posed, lambda: model.flat_names, solution.theta, end.reading)
    if found.exact and not found.names and solution.status is Status.SEPARATED:
        solution = resumed(posed.problem, solution)
        solution, end = closing(posed.problem, solution)
    if not found.names and end.reading.gradient <= posed.problem.tol:
        solution = flattened(posed.problem, solution)
    return solution, end, found


def _estimated(prepared: Prepared, how: How) -> tuple[Prepared, FloatArray | None, tuple[Nuisance, ...]]:
    """The rows as the family with its number sees them, where to start, and the numbers estimated."""
    if how.free is None:
        return prepared, None, ()
    if prepared.model.bias is not None:
        raise SolverError(
            f"bias={prepared.model.bias!r} is worked out for a family whose {how.free.name} is known; give it, as "
            "NegativeBinomial(theta=2) or Tweedie(power=1.5)"
        )
    found = estimate(prepared, how.free, how.aggregate, how.tol, how.max_iter, how.seed, how.tell)
    return found.prepared, found.theta, found.numbers


def _statistics(
    prepared: Prepared,
    objective: Objective,
    theta: FloatArray,
    deviance: float,
    null_deviance: float,
    df_model: float,
    how: How,
    numbers: tuple[Nuisance, ...],
) -> tuple[Statistics, tuple[Nuisance, ...]]:
    """The sums over rows, and the numbers to report: a phi estimated on the way is told where it was asked for."""
    deviance = max(deviance, 0.0)
    df_residual = prepared.n * theta[0:1].size - df_model
    own = [number for number in numbers if number.name != "dispersion"]
    inside = [number for number in numbers if number.name == "dispersion"]
    if inside and how.dispersion.kind == "ml":
        found = Dispersion("ml", inside[0].value, inside[0].value, (inside[0],))
    else:
        found = dispersion(how.dispersion, prepared, objective, theta, deviance, df_residual)
        found = replace(found, inside=inside[0].value) if inside else found
    df = df_model, df_residual
    sums = statistics(prepared, objective.weight, deviance, null_deviance, df, found, len(own))
    return sums, (*own, *found.numbers)


def _summed(objective: Objective, model: Model, how: How) -> Objective:
    """The objective with equal rows summed; not where single rows matter, to a sandwich or a stochastic step."""
    robust = model.weights_kind == "sampling" or how.vcov.kind != "model"
    single = robust or isinstance(how.solver, SGD) or how.solver == "sgd"
    return objective if single else aggregated(objective, how.aggregate)


def _null_deviance(problem: Problem) -> float:
    """That of the intercept alone; without one that of eta = offset, as in R, NaN where that is no feasible mean."""
    if problem.objective.data.design.intercept is not None:
        return problem.null.deviance
    half = problem.objective.loss(np.zeros_like(problem.start), Level.VALUE).value
    return 2 * half if np.isfinite(half) else np.nan


def _df_model(problem: Problem, theta: FloatArray, inverse: Covariance | None) -> float:
    """How many coefficients are free: those kept, fewer under a penalty, those that are not zero under an absolute one
    (Zou, Hastie and Tibshirani 2007)."""
    if problem.objective.penalty.is_zero:
        return float(problem.start.size)
    if problem.objective.penalty.absolute is not None:
        return float(np.count_nonzero(theta))
    classes = problem.start[0:1].size
    return np.nan if inverse is None else effective_df(problem.objective, inverse, classes)


def _covariance(
    here: Optimum, inverse: Covariance | None, sums: Statistics, ask: Asked, source: Source
) -> tuple[Covariance, Statistics]:
    """phi H^-1, another that was asked for, or the sandwich where weights are sampling weights; it and the likelihood
    read later where H is that of another point, which has no `inverse`."""
    if inverse is None:
        end = End(here.problem.objective, here.beta, here.at.value, here.problem.null.deviance)
        errors, likelihood = later(end, sums.dispersion, lambda: sums.loglik)
        return errors, replace(sums, likelihood=likelihood)
    settled = sums.settled
    if ask.kind != "model":
        return asked_covariance(here, ask, sums.dispersion, source), settled
    tell_lost(here.factor, rooted=here.rooted)
    if here.model.weights_kind == "sampling":
        return sampled(here, inverse), settled
    return inverse.times(sums.dispersion), settled


def _list(names: list[str] | tuple[str, ...], most: int = 10) -> str:
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")


def _tell_numbers(numbers: tuple[Nuisance, ...]) -> None:
    for number in numbers:
        if number.note:
            warnings.warn(number.note, ConvergenceWarning, stacklevel=4)


def _tell_exact(prepared: Prepared, found: Fit, left: float) -> None:
    """A dispersion that no row is left for, of nothing but rounding, or of what the solver left, where no number's own
    note has told of it."""
    sums, certificate = found.statistics, found.certificate
    if sums.dispersion_fixed or any(number.note for number in found.nuisance):
        return
    plain = found.model.bias is None and found.model.penalty.bind(found.model.names).is_zero
    if (plain and sums.df_residual <= 0) or meets(prepared, found.model.family, sums.dispersion, sums.null_deviance):
        warnings.warn(EXACT, ConvergenceWarning, stacklevel=4)
    elif certificate.converged and found.model.bias is None and left_over(sums, left):
        warnings.warn(SO_FAR.format(tol=certificate.tol), ConvergenceWarning, stacklevel=4)


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
        limits = certificate.separation.limits if certificate.separation else ()
        warnings.warn(f"{_list(limits)}: {certificate.status.value}", SeparationWarning, stacklevel=4)
    elif not certificate.converged and certificate.status is not Status.PASSES_DONE:
        warnings.warn(
            f"not converged: gradient {certificate.gradient:.1e} (tolerance {certificate.tol:.1e}); "
            f"{certificate.status.value}",
            ConvergenceWarning,
            stacklevel=4,
        )
