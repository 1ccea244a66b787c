"""Coefficients and a number of the family together: maximum likelihood of both, by turns.

The score of theta is (T - mu) times what depends on the means and the number, so its derivative in the number has mean
zero: theta and every nuisance number are orthogonal (Cox and Reid 1987). So each is found given the other, and each
turn leaves a share of order 1 / n of what was left; and the standard error of the number is that of known means.

  log p(y; mu, u) = log b(y; u) + w (psi_u(mu) T - a_u(psi_u(mu)))

The first part is summed over the rows (`Base`), the second, which is linear in T, over rows or the cells of equal
predictors (`Means`).
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from functools import partial
from typing import TypeAlias

import numpy as np

from expfam._typing import BoolArray, FloatArray
from expfam.aggregate import aggregated
from expfam.families import ExponentialFamily
from expfam.model import Prepared
from expfam.nuisance.number import Box, Curve, Nuisance, climb
from expfam.objective import Objective
from expfam.parallel import ordered_map, ordered_sum, slices
from expfam.solvers import Problem, Status, choose
from expfam.solvers.loop import iterate
from expfam.solvers.pose import Posed, pose
from expfam.solvers.problem import Tell, within
from expfam.solvers.start import null_seen, scale_of

NEAR = 1e-7  # standard errors by which a turn may still move the numbers
TURNS = 50
WILD = 0.5  # share of a turn that a secant may add to it or take off

Turned: TypeAlias = tuple[FloatArray, FloatArray]


@dataclass(frozen=True, slots=True, eq=False)
class Base:
    """What log b is summed over: responses y, their precision w, and how often each counts; (n,) each."""

    y: FloatArray
    precision: FloatArray
    frequency: FloatArray

    def take(self, at: slice | BoolArray) -> "Base":
        """Some of them."""
        return Base(self.y[at], self.precision[at], self.frequency[at])

    def thinned(self, most: int) -> "Base":
        """One in so many, standing for the others."""
        step = -(-len(self.y) // most) or 1
        some = self.take(slice(None, None, step))
        return replace(some, frequency=step * some.frequency)


@dataclass(frozen=True, slots=True, eq=False)
class Means:
    """Means with their logarithms, responses T and weights (n,) of rows or cells."""

    mu: FloatArray
    log: FloatArray
    t: FloatArray
    weight: FloatArray

    def take(self, at: slice) -> "Means":
        """Some of them."""
        return Means(self.mu[at], self.log[at], self.t[at], self.weight[at])

    def thinned(self, most: int) -> "Means":
        """One in so many, standing for the others."""
        step = -(-len(self.mu) // most) or 1
        some = self.take(slice(None, None, step))
        return replace(some, weight=step * some.weight)


class Free(ABC):
    """A family with a number to be estimated: u (m,) are its numbers on a free scale, the one it is named for first."""

    __slots__ = ()

    @property
    @abstractmethod
    def name(self) -> str:
        """What the fit calls its number."""

    @property
    @abstractmethod
    def box(self) -> Box:
        """Where its numbers may go."""

    @property
    @abstractmethod
    def first(self) -> ExponentialFamily:
        """The family of the first means."""

    @abstractmethod
    def number(self, first: float) -> float:
        """The number it is named for, from its free scale; its limit at an end of the box."""

    @abstractmethod
    def at(self, number: float, phi: float = 1.0) -> FloatArray:
        """u where the number it is named for has this value, and a free phi that one."""

    def in_unit(self, prepared: Prepared) -> "Free":
        """The same with numbers u that the unit of these responses does not move."""
        return self

    @abstractmethod
    def family(self, u: FloatArray) -> ExponentialFamily:
        """The family at numbers u."""

    @abstractmethod
    def base(self, prepared: Prepared) -> Base:
        """What its log b is to be summed over."""

    @abstractmethod
    def log_b(self, u: FloatArray, base: Base) -> Curve:
        """sum f log b(y; u), but for constants."""

    @abstractmethod
    def of_means(self, u: FloatArray, means: Means) -> Curve:
        """sum w (psi T - a(psi)) at psi = natural(mu; u)."""

    @abstractmethod
    def start(self, base: Base, means: Means) -> FloatArray | Nuisance:
        """Numbers to start from, given the first means; or what to say of a number that has no finite value there."""

    @abstractmethod
    def told(self, u: FloatArray, at: Curve) -> tuple[Nuisance, ...]:
        """The numbers that were estimated, with their errors."""

    def curve(self, u: FloatArray, base: Base, means: Means) -> Curve:
        """The log-likelihood of the numbers at these means."""
        whole = ordered_sum(lambda at: self.of_means(u, means.take(at)), slices(len(means.mu)))
        return whole + ordered_sum(lambda at: self.log_b(u, base.take(at)), slices(len(base.y), 1 << 11))


@dataclass(frozen=True, slots=True, eq=False)
class Study:
    """A family with a free number, and its rows laid out once for all numbers."""

    free: Free
    prepared: Prepared
    posed: Posed
    base: Base

    def problem(self, family: ExponentialFamily, beta: FloatArray) -> Problem:
        """The same problem, but for a constant, with another number in the family, seen from beta."""
        problem = self.posed.problem
        data = problem.objective.data
        data = replace(data, conjugate=family.conjugate(family.T(data.y)), within=0.0)
        objective = replace(problem.objective, family=family, data=data)
        null = null_seen(objective, problem.null)
        scale = scale_of(objective, null)
        return replace(problem, objective=objective, start=beta, first=None, sample=None, null=null, scale=scale)

    def means(self, beta: FloatArray) -> Means:
        """The means at beta."""
        objective = self.posed.problem.objective
        data, family = objective.data, objective.family
        raw = data.design.maps.forward(beta)

        def part(rows: slice) -> FloatArray:
            eta = data.design.take(rows).forward(raw)
            return np.asarray(objective.link.inverse(eta if data.offset is None else eta + data.offset[rows]))

        mu = np.concatenate(ordered_map(part, slices(data.n)))
        log = np.log(np.maximum(mu, np.finfo(float).tiny))  # a mean that underflows has a response of zero
        return Means(mu, log, family.T(data.y), data.weight)


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """The family with its number, the rows as it sees them, the coefficients theta (p,), and what was estimated."""

    prepared: Prepared
    theta: FloatArray
    numbers: tuple[Nuisance, ...]


@dataclass(frozen=True, slots=True, eq=False)
class State:
    """Numbers and coefficients after some turns; `at` is the curve of the numbers at the last means, `last` where the
    numbers stood before the last turn and what it added."""

    u: FloatArray
    beta: FloatArray
    at: Curve | None = None
    status: Status = Status.RUNNING
    steps: int = 0
    last: Turned | None = None


def estimate(prepared: Prepared, free: Free, aggregate: str, tol: float, max_iter: int, seed: int, tell: Tell) -> Found:
    """Maximum likelihood of coefficients and numbers; under a penalty, of the numbers at the penalised means."""
    study = lay_out(prepared, free, aggregate, tol, max_iter, seed, tell)
    problem = replace(study.posed.problem, tell=within(tell, "first means"))
    beta = choose("auto", problem).solve(problem).theta
    free = study.free
    begin = free.start(study.base, study.means(beta))
    original = study.posed.standard.original
    if isinstance(begin, Nuisance):
        return Found(with_family(prepared, free.first), original(beta), (begin,))
    end = iterate(partial(turn, study), State(begin, beta), lambda state: _report(free, tell, state))
    assert end.at is not None
    numbers = free.told(end.u, end.at)
    if end.status is not Status.CONVERGED:
        note = f"{free.name} has not settled after {TURNS} turns; check the model for coefficients that run to infinity"
        numbers = (replace(numbers[0], note=note, settled=False), *numbers[1:])
    if prepared.model.weights_kind == "sampling":
        numbers = tuple(replace(number, se=np.nan) for number in numbers)
    return Found(with_family(prepared, free.family(end.u)), original(end.beta), numbers)


def lay_out(
    prepared: Prepared,
    free: Free,
    aggregate: str,
    tol: float,
    max_iter: int,
    seed: int,
    tell: Tell,
    near: FloatArray | None = None,
) -> Study:
    """The rows in standard coordinates, seen from `near`; equal rows are summed where no offset makes their units
    depend on the number."""
    free, first = free.in_unit(prepared), with_family(prepared, free.first)
    penalty = first.model.penalty.bind(first.data.design.names)
    objective = Objective(first.model.family, first.model.link, penalty, first.data)
    summed = aggregated(objective, aggregate if first.data.offset is None else "never")
    return Study(free, prepared, pose(summed, tol, max_iter, seed, tell, near), free.base(prepared))


def with_family(prepared: Prepared, family: ExponentialFamily) -> Prepared:
    """The same rows for a family with another number."""
    y = prepared.data.y
    conjugate = np.concatenate(ordered_map(lambda at: family.conjugate(family.T(y[at])), slices(len(y))))
    data = replace(prepared.data, conjugate=conjugate)
    return replace(prepared, model=replace(prepared.model, family=family), data=data)


def turn(study: Study, state: State) -> State:
    """The coefficients given the numbers, then the numbers given the means."""
    free = study.free
    problem = study.problem(free.family(state.u), state.beta)
    stage = f"turn {state.steps + 1}, {free.name} {free.number(state.u[0]):.6g}"
    problem = replace(problem, tell=within(problem.tell, stage))
    beta = choose("auto", problem).solve(problem).theta
    means = study.means(beta)
    u, at, moved = climb(lambda u: free.curve(u, study.base, means), state.u, free.box)
    steps = state.steps + 1
    status = Status.CONVERGED if moved <= NEAR else Status.MAX_ITER if steps >= TURNS else Status.RUNNING
    last = state.u, u - state.u
    if status is Status.RUNNING and state.last is not None:
        u = np.clip(u + _ahead(at, last, state.last), free.box.lower, free.box.upper)
    return State(u, beta, at, status, steps, last)


def _ahead(at: Curve, now: Turned, before: Turned) -> FloatArray:
    """What the turns to come would add, by the secant of the last two (Anderson 1965); nothing where they do not
    shrink."""
    moved, change = now[0] - before[0], now[1] - before[1]
    size = float(change @ at.curvature @ change)
    share = float(now[1] @ at.curvature @ change) / size if size else 0.0
    return -share * (moved + change) if abs(share) < WILD else np.zeros_like(moved)


def _report(free: Free, tell: Tell, state: State) -> None:
    tell(f"turn {state.steps}: {free.name} {free.number(state.u[0]):.10g}")
