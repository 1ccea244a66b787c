"""The way of one worker over rows: blocks laid out, handed to a kernel, losses summed."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from expfam._typing import AnyArray, FloatArray, IntArray
from expfam.design.rows import Layout
from expfam.errors import SolverError
from expfam.kernels import walk_definition
from expfam.kernels.pace import Ask, Clock, Rule, State, Stop
from expfam.kernels.pairs import Pair, domain, pair
from expfam.objective import Data, Objective
from expfam.response import At, Level, rows, weighted
from expfam.solvers.trail import How

NUMBERS, MOST = 1 << 18, 8192  # stored numbers and rows that are laid out at a time
CLASSES = Pair(0, 1.0, 1.0, 0, 0.0, -np.inf, np.inf)  # softmax has no pair; what stands here is not read


@dataclass(frozen=True, slots=True, eq=False)
class Queue:
    """Which rows come in which order, each `frequency` (n,) times, None for once."""

    rows: slice | AnyArray
    frequency: FloatArray | None

    @property
    def count(self) -> int:
        """How many places there are."""
        return int(self._ends[-1]) if len(self._ends) else 0

    @property
    def _ends(self) -> IntArray:
        """The place after the last of each row."""
        if self.frequency is not None:
            return np.cumsum(self.frequency[self.rows].astype(np.int64))
        rows = self.rows
        return np.array([rows.stop - rows.start if isinstance(rows, slice) else len(rows)])

    def at(self, data: Data, lo: int, hi: int) -> Data:
        """The rows that stand in the places lo to hi, with the weight of one repetition."""
        rows = self.rows
        if self.frequency is None:
            return data.take(slice(rows.start + lo, rows.start + hi) if isinstance(rows, slice) else rows[lo:hi])
        found = np.searchsorted(self._ends, np.arange(lo, hi), side="right")
        found = found + rows.start if isinstance(rows, slice) else rows[found]
        some = data.take(found)
        return replace(some, weight=some.weight / self.frequency[found])


@dataclass(frozen=True, slots=True, eq=False)
class Course:
    """What does not change on the way: the rows and their layout, penalties in its order, how, and family and link as
    the kernels have them, None for a user's own."""

    objective: Objective
    layout: Layout
    how: How
    ask: Ask
    strength: tuple[FloatArray, FloatArray]
    queue: Queue
    pair: Pair | None


@dataclass(frozen=True, slots=True, eq=False)
class Place:
    """Where a worker is: arrays (p d,) class after class in the layout's order, which a kernel changes."""

    state: State
    clock: FloatArray
    progressive: float
    outside: int

    def copy(self) -> "Place":
        """The same in arrays of its own."""
        return replace(self, state=State(*(part.copy() for part in self.state)), clock=self.clock.copy())


def advance(course: Course, place: Place, lo: int, hi: int) -> Place:
    """One worker's way over the places lo to hi, a block of rows laid out at a time; changes the arrays of `place`."""
    batch, width = course.ask.batch, max(course.objective.data.design.stored, 1)
    step = -(-min(max(NUMBERS // width, 256), MOST) // batch) * batch
    for first in range(lo, hi, step):
        data = course.queue.at(course.objective.data, first, min(first + step, hi))
        eta, reached, why = _kernel(course, place, data)
        if why is not Stop.NOT:
            raise _error(course, place, eta[reached], why)
        loss, outside = _losses(course.objective, data, eta)
        place = replace(place, progressive=place.progressive + loss, outside=place.outside + outside)
    return place


def _kernel(course: Course, place: Place, data: Data) -> tuple[FloatArray, int, Stop]:
    """Learn from a block of rows: compiled, or by the definition where the family is a user's own."""
    family, ask = course.objective.family, course.ask
    t = np.array(family.T(data.y), dtype=np.float64, order="C").reshape(data.n, -1)
    offset = np.zeros_like(t) if data.offset is None else data.offset.reshape(t.shape).astype(np.float64, order="C")
    rows_of, weight, d = course.layout.rows(data.design), data.weight.astype(np.float64), t.shape[1]
    numbers = CLASSES if family.vector and d > 1 else course.pair
    if numbers is None:
        return _by_definition(course, place, rows_of, t, (weight, offset))
    found = tuple(float(x) if isinstance(x, float) else int(x) for x in numbers)
    twin, state = _twin(ask, d), place.state
    eta, work = np.full(t.shape, np.nan), np.zeros(twin.space(min(ask.batch, data.n), d, len(state.theta)))
    given, out = (t, weight, offset), (eta.reshape(-1), work, *_addresses(ask, d))
    with np.errstate(all="ignore"):
        reached, why = twin.walk(found, tuple(rows_of), given, ask, course.strength, state, place.clock, out)
    return eta, reached, Stop(why)


def _twin(ask: Ask, d: int) -> Any:
    """The compiled walk along rows of d linear predictors; brings Numba."""
    from expfam.kernels import walk, walk_batches

    return walk if d == 1 and ask.batch == 1 and ask.rule != Rule.ADAM else walk_batches


def _addresses(ask: Ask, d: int) -> tuple[int, int]:
    """Where the kernels begin by which a row of d linear predictors moves them, and by which penalties are paid."""
    from expfam.kernels import debt, steps, steps_classes

    return steps.moved(ask.update) if d == 1 else steps_classes.moved(ask.update), debt.pay() if ask.penalised else 0


def pair_of(objective: Objective) -> Pair | None:
    """Two classes are a share by its logit."""
    from expfam.families import Bernoulli
    from expfam.links import Logit

    return pair(Bernoulli(), Logit()) if objective.family.vector else pair(objective.family, objective.link)


def _by_definition(
    course: Course, place: Place, rows_of: tuple[AnyArray, ...], t: FloatArray, given: tuple[FloatArray, FloatArray]
) -> tuple[FloatArray, int, Stop]:
    family, link = course.objective.family, course.objective.link

    def score(eta: FloatArray, i: int) -> FloatArray:
        found = rows(family, link, eta, t[i], np.zeros(1), Level.GRADIENT).score
        assert found is not None
        return found

    def weight(eta: FloatArray) -> FloatArray:
        return np.diag(link.derivative(eta) ** 2 / family.variance(link.inverse(eta)))

    own = walk_definition.Family(score, weight, domain(family, link))
    p = len(course.layout.order)
    state = State(*(part.reshape(-1, p).T if part.size else part for part in place.state))
    strength = course.strength[0][:p], course.strength[1][:p]
    return walk_definition.walk(own, rows_of, given, course.ask, strength, state, place.clock)


def _losses(objective: Objective, data: Data, eta: FloatArray) -> tuple[float, int]:
    """The sum of w loss at these linear predictors, and how many have no mean."""
    eta = eta if objective.family.vector else eta[:, 0]
    t = objective.family.T(data.y)
    total = weighted(objective.family, objective.link, At(eta, t, data.conjugate, Level.VALUE), data.weight).value
    if np.isfinite(total):
        return total, 0
    loss = rows(objective.family, objective.link, eta, t, data.conjugate, Level.VALUE).loss
    known = np.isfinite(loss)
    return float(data.weight[known] @ loss[known]), int((~known & (data.weight > 0)).sum())


def _error(course: Course, place: Place, eta: FloatArray, why: Stop) -> SolverError:
    """What happened at which row, and what to do."""
    family, link, how = course.objective.family, course.objective.link, course.how
    done, said = int(place.clock[Clock.ROWS]), f"SGD(update={how.update!r}, step={how.step!r})"
    if why is Stop.OUTSIDE:
        return SolverError(
            f"after {done:,} rows a step of stochastic gradient descent had left the means that the {family.name} "
            f"family allows with the {link.name} link; lower the rate, take update='implicit', whose steps end inside, "
            "or a link that maps into the domain"
        )
    what = "is no finite number" if why is Stop.INFINITE else f"went as far as {float(np.abs(eta).max()):.3g}"
    remedy = (
        "lower the rate, or scale the columns"
        if how.update != "explicit"
        else ("lower the rate, or take update='implicit', which cannot")
    )
    return SolverError(f"{said} diverged after {done:,} rows: a linear predictor {what}; {remedy}")
