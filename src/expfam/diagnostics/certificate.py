"""Is this an optimum? The figures of theory.md 6, computed from (9) and (10) at the returned theta."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import compress

import numpy as np

from expfam._typing import FloatArray
from expfam.design.standard import Standard
from expfam.information import Factor
from expfam.objective import Evaluation
from expfam.response import Level
from expfam.solvers import Problem, Solution, Status
from expfam.solvers.optimality import Reading, Scale, by_class, movers, read, runs_away
from expfam.solvers.pose import Posed
from expfam.solvers.problem import LOSES, affordable, sharpened


@dataclass(frozen=True, slots=True)
class Certificate:
    """The evidence for (or against) an optimum.

    gradient   max_j |gradient_j| / sum w, columns standardised: what `tol` bounds
    raw        the same in the columns' own units
    kkt        max_j |gradient_j| / sqrt(information_jj sum w), free of any scale of the columns
    decrement  sqrt(g' H^-1 g): how many standard errors of the starting model the optimum is away
    condition  of the information scaled to unit diagonal
    aliased    columns left out as combinations of earlier ones; separated: coefficients that run to infinity
    status     how the solver stopped, `status.value` the advice
    passes     over the rows, those over a sample in proportion; hessians: how many of them took the information, too
    rows       that the solver read; summed_from: how many they were before equal rows were summed
    timings    seconds of each phase: reading, design, start, solver, inference
    """

    gradient: float
    raw: float
    kkt: float
    decrement: float
    condition: float
    tol: float
    aliased: tuple[str, ...]
    separated: tuple[str, ...]
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
    def converged(self) -> bool:
        """The gradient is within `tol` and no coefficient runs to infinity: a statement about the figures above."""
        return self.gradient <= self.tol and not self.separated

    def __str__(self) -> str:
        verdict = "Converged" if self.converged else f"NOT converged ({self.status.name.lower()})"
        figures = f"gradient {self.gradient:.0e}, KKT {self.kkt:.0e}, condition {self.condition:.2g}"
        return f"{verdict}: {figures}; {self.passes:.3g} passes, {_seconds(self.seconds)}"


def _seconds(seconds: float) -> str:
    return f"{seconds * 1e3:.3g} ms" if seconds < 1 else f"{seconds:.3g} s"


def closing_evaluation(problem: Problem, solution: Solution) -> tuple[Evaluation, Factor | None]:
    """F, gradient, information and its factor at the returned theta: the same whether the solver has them already."""
    at = solution.at
    if at is None:
        level = Level.HESSIAN if affordable(problem.objective, solution.theta.size) else Level.GRADIENT
        at = problem.objective(solution.theta, level)
    return (at, None) if at.hessian is None else sharpened(problem.objective, solution.theta, at, LOSES)


def certify(
    posed: Posed,
    solution: Solution,
    at: Evaluation,
    factor: Factor | None,
    names: Callable[[], tuple[str, ...]],
    timings: Mapping[str, float],
) -> Certificate:
    """The certificate of a solution in standard coordinates; `names` gives all coefficients', class after class."""
    problem, standard = posed.problem, posed.standard
    data = problem.objective.data
    assert at.gradient is not None
    condition, kkt = np.nan, np.nan
    reading = Reading(problem.scale.gradient(at.gradient), np.nan, np.zeros_like(at.gradient))
    if at.hessian is not None and factor is not None:
        condition, kkt = factor.condition, _kkt(at.gradient, at.hessian.diagonal, problem.scale)
        reading = read(at, problem.scale, factor)
    flat = reading.gradient <= max(problem.tol, 1e-6)
    runaway = flat and runs_away(reading, problem.scale, problem.objective.data.design)
    return Certificate(
        gradient=reading.gradient,
        raw=float(np.abs(standard.gradient(at.gradient)).max(initial=0.0)) / problem.scale.weight,
        kkt=kkt,
        decrement=reading.decrement,
        condition=condition,
        tol=problem.tol,
        aliased=standard.aliased,
        separated=_moving(names(), standard, reading) if runaway else (),
        status=_status(problem, solution, reading, runaway),
        steps=solution.steps,
        passes=solution.passes + (solution.at is None),
        hessians=solution.hessians + (solution.at is None and at.hessian is not None),
        rows=data.n,
        summed_from=data.n if data.rows is None else data.rows,
        timings=timings,
    )


def _moving(names: tuple[str, ...], standard: Standard, reading: Reading) -> tuple[str, ...]:
    """The coefficients that carry a runaway step."""
    kept = compress(names, np.tile(standard.kept, len(names) // len(standard.kept)))
    return tuple(compress(kept, movers(by_class(standard.spreads(reading.step)))))


def _kkt(gradient: FloatArray, diagonal: FloatArray, scale: Scale) -> float:
    """max_j |gradient_j| / sqrt(information_jj sum w), in units of a score."""
    information = np.maximum(diagonal, np.finfo(float).tiny)
    size = np.abs(by_class(gradient)) / np.sqrt(information * scale.weight)
    return float(size.max(initial=0.0)) / scale.response


def _status(problem: Problem, solution: Solution, reading: Reading, runaway: bool) -> Status:
    """The solver's own word, corrected by the figures."""
    if runaway:
        return Status.SEPARATED
    return Status.CONVERGED if reading.gradient <= problem.tol else solution.status
