"""Stochastic gradient descent: theta <- theta - alpha_t x_i w_i (h(x_i) - T(y_i)), one line for all families.

Explicit (11), the textbook's, or implicit (12), where h is that of the new theta and alpha_t a matrix: `explicit.py`
and `implicit.py`.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from numbers import Integral
from typing import Literal

import numpy as np

from expfam._typing import AnyArray, FloatArray
from expfam.errors import SolverError
from expfam.information import Full
from expfam.solvers.explicit import Textbook
from expfam.solvers.implicit import FEW, Memory, Options, batch_rows, blank, learn, together
from expfam.solvers.learning import BANDED, Point, due
from expfam.solvers.loop import iterate
from expfam.solvers.problem import WRITTEN_OUT, Problem, Solution, Solver
from expfam.solvers.status import Status

BATCH = 32  # rows of an explicit step


@dataclass(frozen=True, slots=True)
class SGD(Solver):
    """One pass, or more, in steps of some rows; a step sees no rows but its own.

    passes    how often the rows are read
    update    "implicit" (12): alpha_t = H_t^-1 with H_t the information of the rows before, which needs no tuning,
              cannot diverge, and after one pass is about as good as all rows together; "explicit" (11): alpha_t a
              number. More than 3,000 coefficients, whose information is no matter of memory any more, step explicitly
    batch     rows a step; None: a growing share of those before, or 32 for explicit steps. 1 is the textbook's
    prior     implicit: pseudo-rows at the start that a coefficient has, so that the first rows do not carry it off
    rate      explicit: alpha_0, in units of a step that is stable for average rows
    schedule  explicit: "inverse", alpha_t = rate / (1 + decay t)^power with t counted in passes; or "constant"
    average   explicit: return the Polyak-Ruppert mean of the iterates after the first `burn_in` share of the steps
    shuffle   draw the order of the rows anew for every pass, from `seed` of the fit
    """

    passes: int = 1
    update: Literal["implicit", "explicit"] = "implicit"
    batch: int | None = None
    prior: float = 0.01
    rate: float = 0.5
    schedule: Literal["inverse", "constant"] = "inverse"
    decay: float = 1.0
    power: float = 0.75
    average: bool = True
    burn_in: float = 0.25
    shuffle: bool = True

    def __post_init__(self) -> None:
        for name, value in (("passes", self.passes), ("batch", 1 if self.batch is None else self.batch)):
            if isinstance(value, bool) or not isinstance(value, Integral) or value < 1:
                raise SolverError(f"SGD({name}={value!r}): a whole number, at least 1")
        if not (np.isfinite(self.rate) and self.rate > 0 and self.decay >= 0 and self.power >= 0):
            raise SolverError(
                f"SGD(rate={self.rate}, decay={self.decay}, power={self.power}): the rate is positive, "
                "the others not negative"
            )
        if not (np.isfinite(self.prior) and self.prior > 0):
            raise SolverError(f"SGD(prior={self.prior}): a positive number of pseudo-rows, 0.01 by default")
        for name, allowed in (("update", ("implicit", "explicit")), ("schedule", ("inverse", "constant"))):
            if getattr(self, name) not in allowed:
                raise SolverError(
                    f"SGD({name}={getattr(self, name)!r}): allowed are {' and '.join(map(repr, allowed))}"
                )
        if not 0 <= self.burn_in < 1:
            raise SolverError(f"SGD(burn_in={self.burn_in}): a share of the steps, from 0 to below 1")

    def solve(self, problem: Problem) -> Solution:
        if self.update == "explicit" or problem.start.size > WRITTEN_OUT:
            batch = BATCH if self.batch is None else self.batch
            walk = self.schedule, self.decay, self.power, self.average, self.burn_in, self.shuffle
            return Textbook(self.passes, batch, self.rate, *walk).solve(problem)
        draw = np.random.default_rng(problem.seed)
        begin = _State(blank(problem.start), 0, 0, (), Status.RUNNING)
        end = iterate(partial(_pass, self, problem, draw), begin, partial(_report, problem))
        passes = float(end.passes)
        return Solution(end.memory.theta, None, end.status, end.steps, passes, passes, points=end.points)


@dataclass(frozen=True, slots=True)
class _State:
    memory: Memory
    steps: int
    passes: int
    points: tuple[Point, ...]
    status: Status


def _pass(options: SGD, problem: Problem, draw: np.random.Generator, state: _State) -> _State:
    """One pass over the rows."""
    how = Options(options.prior)
    memory, steps, points, data = state.memory, state.steps, state.points, problem.objective.data
    for gathered, rows in _batches(options, data.n, memory.rows, draw):
        batch = replace(problem.objective, data=data.take(rows))
        frequency = None if problem.frequency is None else problem.frequency[rows]
        if gathered:
            memory = together(batch, gathered, memory, how, frequency, problem.start)
        else:
            memory = learn(batch, memory, how, frequency, problem.start)
        steps += 1
        points = (*points, _point(problem, memory, problem.objective.weight)) if due(points, memory.rows) else points
    passes = state.passes + 1
    return _State(memory, steps, passes, points, Status.PASSES_DONE if passes == options.passes else Status.RUNNING)


def _point(problem: Problem, memory: Memory, whole: float) -> Point:
    """Where the memory is, in the columns' own units; `whole` is the weight of all rows."""
    theta = problem.original(memory.theta)
    again = max(1.0, memory.weight / whole)  # a row that comes again tells nothing new
    se = (
        np.sqrt(again * _variances(problem, memory))
        if memory.pull is None and memory.theta.size <= BANDED
        else np.full_like(theta, np.nan)
    )
    return Point(memory.rows, memory.weight, memory.progressive, theta, se)


def _variances(problem: Problem, memory: Memory) -> FloatArray:
    """diag(T H^-1 S H^-1 T') in the shape of theta."""
    bread, q = Full(memory.metric).factor().inverse().full(), len(memory.theta)
    rows = (problem.original(bread[lo : lo + q]) for lo in range(0, len(bread), q))  # T H^-1, class by class
    found = [np.einsum("ij,ij->i", part @ memory.meat, part) for part in rows]
    return np.asarray(np.maximum(found[0] if memory.theta.ndim == 1 else np.stack(found, axis=1), 0.0))


def _batches(options: SGD, n: int, before: int, draw: np.random.Generator) -> Iterator[tuple[int, slice | AnyArray]]:
    """The rows of each step of a pass, after so many of earlier passes; the first of them, a number that comes along,
    were in the step before, too, while rows are few."""
    order, lo = draw.permutation(n) if options.shuffle else None, 0
    for _ in range(n):
        if lo == n:
            break
        hi = min(lo + (options.batch or batch_rows(before + lo)), n)
        gathered = lo if hi <= FEW and not before and options.batch is None else 0
        rows = slice(lo - gathered, hi)
        yield gathered, rows if order is None else order[rows]
        lo = hi


def _report(problem: Problem, state: _State) -> None:
    problem.tell(f"SGD pass {state.passes}: {state.steps} steps")
