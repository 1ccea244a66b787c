"""Is this an optimum? The figures of theory.md 6, computed from (9) and (10) at the returned theta."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from expfam._typing import FloatArray
from expfam.inference.separation import Separation
from expfam.information import Factor
from expfam.objective import Evaluation
from expfam.solvers import Problem, Solution, Status
from expfam.solvers.ended import ended
from expfam.solvers.optimality import Reading, Scale, by_class, read
from expfam.solvers.pose import Posed
from expfam.solvers.problem import loses, sharpened

AWAY, MOVED = 0.1, 1e-6
"""Standard errors of the starting model that the optimum is away, and by how much linear predictors would move on the
way there, in spreads of the response where those are its unit, beyond which a flat gradient proves nothing."""


@dataclass(frozen=True, slots=True)
class Certificate:
    """The evidence for (or against) an optimum.

    gradient   max_j |gradient_j| / sum w, columns standardised: what `tol` bounds
    raw        the same in the columns' own units
    kkt        max_j |gradient_j| / sqrt(information_jj sum w), free of any scale of the columns
    decrement  sqrt(g' H^-1 g): how many standard errors of the starting model the optimum is away
    condition  of the information scaled to unit diagonal
    aliased    columns left out as combinations of earlier ones
    separation which coefficients run to infinity, and where to; None where nothing gave rise to the question
    status     how the solver stopped, `status.value` the advice
    passes     over the rows, those over a sample in proportion; hessians: how many of them took the information, too
    rows       that the solver read; summed_from: how many they were before equal rows were summed
    timings    seconds of each phase: reading, design, start, solver, inference

    Where errors are read later, as of a large fit, kkt, decrement and condition are those of the information that led
    to the end: of a sample, or of a point before.
    """

    gradient: float
    raw: float
    kkt: float
    decrement: float
    condition: float
    tol: float
    aliased: tuple[str, ...]
    separation: Separation | None
    status: Status
    steps: int
    passes: float
    hessians: float
    rows: int
    summed_from: int
    timings: Mapping[str, float]

    @property
    def seconds(self) -> float:
        """Of the whole fit."""
        return sum(self.timings.values())

    @property
    def separated(self) -> tuple[str, ...]:
        """The coefficients that run to infinity."""
        return () if self.separation is None else self.separation.names

    @property
    def converged(self) -> bool:
        """The gradient is within `tol`, no coefficient runs to infinity, and no optimum is known to be elsewhere."""
        flat = self.gradient <= self.tol and not self.separated
        return flat and self.status not in (Status.EDGE, Status.FLAT)

    @property
    def streamed(self) -> bool:
        """Is it of a stream, whose rows are gone?"""
        return self.status in (Status.STREAMED, Status.HELD, Status.WALKED)

    def __str__(self) -> str:
        if self.streamed:
            known = "" if self.status is Status.WALKED else f"; condition {self.condition:.2g}"
            return f"Streamed: {self.rows:,} rows, each read once{known}"
        verdict = "Converged" if self.converged else f"NOT converged ({self.status.name.lower()})"
        figures = f"gradient {self.gradient:.0e}, KKT {self.kkt:.0e}, condition {self.condition:.2g}"
        return f"{verdict}: {figures}; {self.passes:.3g} pass{'es' * (self.passes != 1)}, {_seconds(self.seconds)}"


def _seconds(seconds: float) -> str:
    return f"{seconds * 1e3:.3g} ms" if seconds < 1 else f"{seconds:.3g} s"


@dataclass(frozen=True, slots=True)
class Closing:
    """F with gradient and information at the returned theta, its factor, and the Newton step that is left; without an
    information the gradient alone."""

    at: Evaluation
    factor: Factor | None
    reading: Reading


def closing(problem: Problem, solution: Solution) -> tuple[Solution, Closing]:
    """The same whether the solver has it already, and the solution that it is of: one at which F has a value."""
    solution = ended(problem, solution)
    at, factor = _evaluation(problem, solution)
    assert at.gradient is not None
    if factor is None:
        reading = Reading(problem.scale.gradient(at.gradient), np.nan, np.zeros_like(at.gradient))
        return solution, Closing(at, None, reading)
    return solution, Closing(at, factor, read(at, problem.scale, factor))


def _evaluation(problem: Problem, solution: Solution) -> tuple[Evaluation, Factor | None]:
    at, objective = solution.at, problem.objective
    assert at is not None
    if objective.penalty.absolute is not None:
        assert at.gradient is not None
        nearest = objective.penalty.residual(at.gradient, solution.theta, objective.weight)
        return Evaluation(at.value, nearest), None
    if at.hessian is None:
        return at, None
    return sharpened(objective, solution.theta, at, loses(objective), solution.adjusted)


def certify(
    posed: Posed,
    solution: Solution,
    end: Closing,
    separation: Separation | None,
    timings: Mapping[str, float],
) -> Certificate:
    """The certificate of a solution in standard coordinates."""
    problem, at, factor, reading = posed.problem, end.at, end.factor, end.reading
    data = problem.objective.data
    assert at.gradient is not None
    condition, kkt = np.nan, np.nan
    if at.hessian is not None and factor is not None:
        condition, kkt = factor.condition, _kkt(at.gradient, at.hessian.diagonal, problem.scale)
    return Certificate(
        gradient=reading.gradient,
        raw=_raw(posed, solution) / problem.scale.weight,
        kkt=kkt,
        decrement=reading.decrement,
        condition=condition,
        tol=problem.tol,
        aliased=posed.standard.aliased,
        separation=separation,
        status=_status(problem, solution, reading, separation),
        steps=solution.steps,
        passes=solution.passes,
        hessians=solution.hessians,
        rows=data.n,
        summed_from=data.n if data.rows is None else data.rows,
        timings=timings,
    )


def _raw(posed: Posed, solution: Solution) -> float:
    """max_j |gradient_j| in the columns' own units, of a penalty with corners that of the subgradient nearest to zero
    there: which one that is depends on the coordinates, so that it is not mapped as a gradient is."""
    standard, objective = posed.standard, posed.problem.objective
    assert solution.at is not None
    assert solution.at.gradient is not None
    gradient, theta = standard.gradient(solution.at.gradient), standard.original(solution.theta)[standard.kept]
    form = objective.penalty.congruence(1 / standard.scale[standard.kept], np.arange(len(theta)))
    return float(np.abs(form.residual(gradient, theta, objective.weight)).max(initial=0.0))


def _kkt(gradient: FloatArray, diagonal: FloatArray, scale: Scale) -> float:
    """max_j |gradient_j| / sqrt(information_jj sum w), in units of a score."""
    information = np.maximum(diagonal, np.finfo(float).tiny)
    size = np.abs(by_class(gradient)) / np.sqrt(information * scale.weight)
    return float(size.max(initial=0.0)) / scale.response


def _status(problem: Problem, solution: Solution, reading: Reading, separation: Separation | None) -> Status:
    """The solver's own word, corrected by the figures."""
    if separation is not None and separation.names:
        return Status.UNREACHED if separation.unreached else Status.SEPARATED
    if reading.gradient > problem.tol or solution.status is Status.EDGE:
        return solution.status
    size = 1.0 if problem.objective.family.fixed_dispersion else problem.scale.slope  # a free phi has the unit of eta
    moved = reading.decrement * size / float(np.sqrt(problem.null.weight))
    return Status.FLAT if reading.decrement > AWAY and moved > MOVED else Status.CONVERGED
