"""Stochastic gradient descent: theta <- theta - alpha_t x_i w_i (h(x_i) - T(y_i)), one line for all families.

Explicit (11), the textbook's, implicit (12), where h is that of the new theta, or exact, the limit of ever smaller
steps. alpha_t is a matrix, the inverse of the information of the rows before (`implicit.py`), or a number for every
coefficient (`first_order.py`).
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import Literal

import numpy as np

from expfam._typing import AnyArray, FloatArray
from expfam.errors import SolverError, is_finite, is_whole
from expfam.information import Full
from expfam.objective import Evaluation, Objective
from expfam.parallel import ahead, meanwhile
from expfam.response import Level
from expfam.solvers.apart import set_apart
from expfam.solvers.blocks import fits, in_blocks
from expfam.solvers.first_order import FirstOrder
from expfam.solvers.implicit import FEW, Memory, Options, batch_rows, blank, learn, together
from expfam.solvers.learning import BANDED, Point, due
from expfam.solvers.loop import iterate
from expfam.solvers.problem import WRITTEN_OUT, Problem, Solution, Solver
from expfam.solvers.status import Status
from expfam.solvers.trail import How
from expfam.solvers.warm import is_long

AT_HAND = 8 * FEW
"""Rows from which the first step takes all that are kept: to learn a few of them first, and twice as many with them,
and so on, takes as long as all later rows do, and ends no nearer."""
BATCH = 32  # rows of an explicit step of a rate that is not adapted
RATES = {"constant": 0.1, "inverse": 0.25, "adagrad": 0.5, "normalised": 4.0, "adam": 0.01}
SHORT = RATES | {"constant": 0.01, "adagrad": 0.1, "normalised": 0.5, "adam": 0.001}  # where no average calms the steps
PART = 0.1  # of a pass, after which a fading average has forgotten half
UPDATES = ("implicit", "explicit", "importance")
STEPS = ("information", "constant", "inverse", "adagrad", "normalised", "adam")
AVERAGES = (True, False, "polyak", "exponential")
CHOICES = {"update": UPDATES, "step": (None, *STEPS), "average": AVERAGES, "shuffle": (True, False)}


@dataclass(frozen=True, slots=True)
class SGD(Solver):
    """One pass, or more, in steps of some rows; a step sees no rows but its own.

    passes     how often the rows are read
    update     "implicit" (12), which cannot diverge; "explicit" (11); "importance", the exact flow of (11) over a time
               that is the weight of the row, by which weight 2 is the row twice (Karampatziakis and Langford 2011)
    step       "information": alpha_t = H_t^-1 with H_t that of the rows before, which needs no rate, and after one pass
               is about as good as all rows together; implicit only. "constant"; "inverse", rate / (1 + decay t)^power
               with t in passes; "adagrad" (Duchi, Hazan and Singer 2011); "normalised", which no unit of a column
               matters to (Ross, Mineiro and Langford 2013); "adam", explicit only (Kingma and Ba 2015; a coefficient
               moves only with rows where x is not zero). None: information for implicit steps of at most 3,000
               coefficients; of more in classes, what each class has with itself of it (up to 1,500 columns; `batch`
               None); else normalised
    batch      rows a step, which is the mean of theirs from one theta; None: a growing share of those before for steps
               by information (of many rows 16,384 at first), 32 for explicit ones of a rate that is not adapted, else
               1, and more for explicit ones alone: implicit ones of an adapted rate then come nearer only slowly
    prior      information: pseudo-rows at the start that a coefficient has, so that the first rows do not carry it off
    rate       in units of what is natural for the data; None: 0.1 for constant, 0.25 for inverse, 0.5 for adagrad, 4
               for normalised, 0.01 for adam; less where nothing is averaged
    average    True or "polyak": return the mean of the iterates by weight after the first `burn_in` share of it;
               "exponential": their fading mean, of a `half_life` in passes, by default a tenth. About either, scores
               are taken as lines, so that it does not go off where they bend (Bach and Moulines 2013). False: the
               last. Only the last has zeros under an absolute penalty. Not for information
    workers    blocks of rows walked side by side and averaged, round after round; what comes out depends on the number,
               not on the machine. Not for information, whose sums share the threads anyway
    shuffle    draw the order of the rows anew for every pass, from `seed` of the fit
    """

    passes: int = 1
    update: Literal["implicit", "explicit", "importance"] = "implicit"
    step: Literal["information", "constant", "inverse", "adagrad", "normalised", "adam"] | None = None
    batch: int | None = None
    prior: float = 0.01
    rate: float | None = None
    decay: float = 1.0
    power: float = 0.75
    average: bool | Literal["polyak", "exponential"] = True
    burn_in: float = 0.25
    half_life: float | None = None
    workers: int = 1
    shuffle: bool = True

    def __post_init__(self) -> None:
        batch = 1 if self.batch is None else self.batch
        for name, value in (("passes", self.passes), ("batch", batch), ("workers", self.workers)):
            if not (is_whole(value) and value >= 1):
                raise SolverError(f"SGD({name}={value!r}): a whole number, at least 1")
        fine = all(is_finite(value) and value >= 0 for value in (self.decay, self.power))
        if not ((self.rate is None or _positive(self.rate)) and fine):
            raise SolverError(
                f"SGD(rate={self.rate!r}, decay={self.decay!r}, power={self.power!r}): the rate is positive, "
                "the others not negative"
            )
        if not _positive(self.prior):
            raise SolverError(f"SGD(prior={self.prior!r}): a positive number of pseudo-rows, 0.01 by default")
        if not (self.half_life is None or _positive(self.half_life)):
            raise SolverError(f"SGD(half_life={self.half_life!r}): a positive sum of weights, or None")
        if not (is_finite(self.burn_in) and 0 <= self.burn_in < 1):
            raise SolverError(f"SGD(burn_in={self.burn_in!r}): a share of the steps, from 0 to below 1")
        for name, allowed in CHOICES.items():
            value = getattr(self, name)
            if not isinstance(value, bool | str | None) or value not in allowed:  # 1 is not True
                raise SolverError(f"SGD({name}={value!r}): allowed are {', '.join(map(repr, allowed))}")
        if self.step == "information" and self.update != "implicit":
            raise SolverError(
                f"SGD(step='information', update={self.update!r}): steps by the information are implicit; take another "
                "step, such as 'normalised', or update='implicit'"
            )
        if self.step == "adam":
            self.first_order("adam")

    def solve(self, problem: Problem) -> Solution:
        free = self.update == "implicit" and self.step in (None, "information")
        if free and self.batch is None and fits(problem):
            return in_blocks(problem, self.passes, self.prior, self.shuffle)
        small = problem.start.size <= WRITTEN_OUT
        step = self.step or ("information" if self.update == "implicit" and small else "normalised")
        if step != "information":
            return self.first_order(step).solve(problem)
        draw, found = np.random.default_rng(problem.seed), set_apart(problem)
        begin = _State(blank(found.problem.start), 0, 0, (), Status.RUNNING)
        end = iterate(partial(_pass, self, found.problem, draw), begin, partial(_report, problem))
        theta, passes = found.back(end.memory.theta), float(end.passes)
        at = None if len(found.moved) else _ended(problem, end)
        read = passes + (at is not None)
        return Solution(theta, at, end.status, end.steps, read, passes, near=at is not None, points=end.points)

    def first_order(self, step: str) -> FirstOrder:
        """How steps of first order go with these options."""
        plain = step in ("constant", "inverse") and self.update == "explicit"
        batch = self.batch or (BATCH if plain else 1)
        kind = "polyak" if self.average is True else self.average or None
        rate = (RATES if kind else SHORT)[step] if self.rate is None else self.rate
        half_life = PART if self.half_life is None else self.half_life
        given = self.update, step, rate, self.decay, self.power, kind, self.burn_in, half_life, batch, self.workers
        return FirstOrder(How(*given), self.passes, self.shuffle)


def _positive(number: float) -> bool:
    return is_finite(number) and number > 0


@dataclass(frozen=True, slots=True)
class _State:
    memory: Memory
    steps: int
    passes: int
    points: tuple[Point, ...]
    status: Status


def _pass(options: SGD, problem: Problem, draw: np.random.Generator, state: _State) -> _State:
    """One pass over the rows."""
    how = Options(options.prior, scores=False)
    memory, steps, points, data = state.memory, state.steps, state.points, problem.objective.data
    chosen = enumerate(_batches(options, data.n, memory.rows, draw))
    way = ahead if is_long(problem.objective) else map  # to ask a helper takes longer than a few rows
    for batch, gathered, rows in way(partial(_gathered, problem.objective), chosen):
        frequency = None if problem.frequency is None else problem.frequency[rows]
        if gathered:
            memory = together(batch, gathered, memory, how, frequency, problem.start)
        else:
            memory = learn(batch, memory, how, frequency, problem.start)
        steps += 1
        points = (*points, _point(problem, memory, problem.objective.weight)) if due(points, memory.rows) else points
    passes = state.passes + 1
    return _State(memory, steps, passes, points, Status.PASSES_DONE if passes == options.passes else Status.RUNNING)


def _gathered(
    objective: Objective, step: tuple[int, tuple[int, slice | AnyArray]]
) -> tuple[Objective, int, slice | AnyArray]:
    """The rows of a step, in memory by turns: those of the next are gathered while these are learned from."""
    number, (gathered, rows) = step
    return replace(objective, data=objective.data.fleeting(rows, number % 2)), gathered, rows


def _ended(problem: Problem, state: _State) -> Evaluation | None:
    """F where the steps ended, with what they know of the information, if theta is asked for alone."""
    at = problem.objective(state.memory.theta, Level.GRADIENT) if problem.alone else None
    if at is None or at.gradient is None:
        return None
    return replace(at, hessian=Full(state.memory.information / state.passes))


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
    """diag(phi T H^-1 T') in the shape of theta."""
    bread, q = Full(memory.metric).factor().inverse().full(), len(memory.theta)
    blocks = (bread[lo : lo + q, lo : lo + q] for lo in range(0, len(bread), q))  # class by class
    found = [np.diagonal(problem.original(problem.original(block).T)) for block in blocks]
    phi = 1.0 if problem.objective.family.fixed_dispersion else memory.pearson / memory.free
    return phi * np.maximum(found[0] if memory.theta.ndim == 1 else np.stack(found, axis=1), 0.0)


def _batches(options: SGD, n: int, before: int, draw: np.random.Generator) -> Iterator[tuple[int, slice | AnyArray]]:
    """The rows of each step of a pass, after so many of earlier passes; the first of them, a number that comes along,
    were in the step before, too, while rows are few."""
    order, lo = _shuffled(n, draw) if options.shuffle else slice, 0
    begin = FEW if n >= AT_HAND and not before and options.batch is None else 0
    for _ in range(n):
        if lo == n:
            break
        kept = options.batch is None and not before and min(lo + batch_rows(lo, kept=True), n) <= FEW
        hi = min(lo + (options.batch or batch_rows(before + lo, kept)), n) if lo or not begin else begin
        gathered = lo if kept else 0
        yield gathered, order(lo - gathered, hi)
        lo = hi


def _shuffled(n: int, draw: np.random.Generator) -> Callable[[int, int], AnyArray]:
    """The rows lo to hi in an order by lot: of many the first few at once, the others meanwhile."""
    if n < AT_HAND:
        order = draw.permutation(n)
        return lambda lo, hi: order[lo:hi]
    few = draw.choice(n, FEW, replace=False)

    def shuffle() -> AnyArray:
        left = np.ones(n, dtype=bool)
        left[few] = False
        return draw.permutation(np.flatnonzero(left))

    rest = meanwhile(shuffle)

    def rows(lo: int, hi: int) -> AnyArray:
        return few[lo:hi] if hi <= FEW else np.concatenate([few[lo:], rest()[max(lo - FEW, 0) : hi - FEW]])

    return rows


def _report(problem: Problem, state: _State) -> None:
    problem.tell(f"SGD pass {state.passes}: {state.steps} steps")
