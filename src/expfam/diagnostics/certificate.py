"""Is this an optimum? The figures of theory.md 6, computed from (9) and (10) at the returned theta."""

from dataclasses import dataclass

import numpy as np

from expfam._typing import BoolArray
from expfam.objective import Evaluation
from expfam.solvers import Problem, Solution, Status
from expfam.solvers.optimality import Reading, by_class, movers, read, runs_away


@dataclass(frozen=True, slots=True)
class Certificate:
    """The evidence for (or against) an optimum.

    gradient   max_j |gradient_j| / sum w, columns standardised: what `tol` bounds
    raw        the same in the columns' own units
    kkt        max_j |gradient_j| / sqrt(information_jj sum w), free of any scale of the columns
    decrement  sqrt(g' H^-1 g): how many standard errors of the starting model the optimum is away
    condition  of the information scaled to unit diagonal
    aliased    columns left out as combinations of earlier ones; separated: coefficients that run to infinity
    status     how the solver stopped, `status.value` the advice; passes over the rows; seconds of the whole fit
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
    seconds: float

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


def closing_evaluation(problem: Problem, solution: Solution) -> Evaluation:
    """F, gradient and information at the returned theta: the same numbers whether the solver has them already."""
    return problem.objective(solution.theta) if solution.at is None else solution.at


def certify(
    problem: Problem, solution: Solution, at: Evaluation, names: tuple[str, ...], seconds: float
) -> Certificate:
    """The certificate of a solution; `names` are the coefficients' in the order of `by_class`."""
    reading = read(at, problem.scale, problem.kept)
    design = problem.objective.data.design
    runaway = runs_away(reading, problem.scale, design) and reading.gradient <= max(problem.tol, 1e-6)
    moving = movers(by_class(reading.step), problem.scale) if runaway else np.zeros(len(names), dtype=bool)
    kept = np.tile(problem.kept, len(names) // design.p)
    raw, kkt = _unscaled(at, kept, problem.scale.weight)
    return Certificate(
        gradient=reading.gradient,
        raw=raw,
        kkt=kkt / problem.scale.response,
        decrement=reading.decrement,
        condition=reading.factor.condition,
        tol=problem.tol,
        aliased=tuple(name for name, keep in zip(design.names, problem.kept, strict=True) if not keep),
        separated=tuple(name for name, moves in zip(names, moving, strict=True) if moves),
        status=_status(problem, solution, reading, runaway),
        steps=solution.steps,
        passes=solution.passes + (solution.at is None),
        seconds=seconds,
    )


def _unscaled(at: Evaluation, kept: BoolArray, weight: float) -> tuple[float, float]:
    assert at.gradient is not None
    assert at.hessian is not None
    size = np.abs(by_class(at.gradient))[kept]
    information = np.maximum(np.diagonal(at.hessian)[kept], np.finfo(float).tiny)
    return float(size.max(initial=0.0)) / weight, float((size / np.sqrt(information * weight)).max(initial=0.0))


def _status(problem: Problem, solution: Solution, reading: Reading, runaway: bool) -> Status:
    """The solver's own word, corrected by the figures."""
    if runaway:
        return Status.SEPARATED
    return Status.CONVERGED if reading.gradient <= problem.tol else solution.status
