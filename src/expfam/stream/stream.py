"""What a stream has taught so far: a frozen value, and the next one after some rows more.

Rows wait until a batch is full. Where batches end depends on how many rows came before and on nothing else, so a stream
handed over row by row ends where the same stream in one piece does, to the last bit; whoever asks in between gets the
answer that the waiting rows as a last batch would give.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import pairwise

import numpy as np

from expfam._typing import FloatArray, IntArray
from expfam.aggregate import pooled
from expfam.design import Columns, assemble
from expfam.errors import ExpfamError, SolverError, one_of
from expfam.families import Categorical
from expfam.fit import Fit
from expfam.formula.encode import lay_out
from expfam.formula.grow import free, with_levels
from expfam.formula.schema import Request, Schema
from expfam.kernels.ready import CODED
from expfam.model import Model
from expfam.objective import Data, Objective
from expfam.parallel import one_blas_thread
from expfam.penalties import NoPenalty
from expfam.solvers.implicit import FEW, MOST, Memory, Options, batch_rows, blank, learn, together
from expfam.solvers.learning import BANDED, Point, due, stacked
from expfam.solvers.problem import WRITTEN_OUT
from expfam.solvers.sgd import SGD
from expfam.solvers.start import null_model, starting_point
from expfam.stream import walking
from expfam.stream.answer import errors, fit_of, fit_of_walk
from expfam.stream.rows import Entry, Rows, enter
from expfam.stream.walking import Walked, check, walked
from expfam.terms import FormulaTerms

OPEN = SGD(step="normalised", rate=0.5)  # levels without end are rare ones, which steps of the usual rate overfit
AT_ONCE = 1 << 16  # rows whose columns are laid out together, so that they stay in cache
FADES = 1 / 16  # of a half-life: the longest batch where rows fade
SOUGHT = 1 << 11  # rows of a batch that is laid out alone, and searched for columns of zeros and ones


@dataclass(frozen=True, slots=True, eq=False)
class Ask:
    """What is to be learned: the formula with its row vectors, the model free of any terms, and how.

    vcov       "HC0", the sandwich, or "model"
    prior      pseudo-rows at zero that a coefficient starts with
    half_life  weight after which a row counts half; None: rows never fade
    solver     how to step; None: by the information, but where hashed levels may be too many for it
    compiled   numbers from which kernels are compiled: kept with the state, for its bits are not to depend on machines
    """

    request: Request
    model: Model
    vcov: str = "HC0"
    prior: float = 0.01
    half_life: float | None = None
    solver: SGD | None = None
    compiled: int = CODED

    def __post_init__(self) -> None:
        if self.solver is not None:
            check(self.solver)
        if self.half_life is not None and self.walks is not None:
            raise SolverError("half_life= is for steps by the information; leave it out, or take step='information'")
        one_of("vcov", self.vcov, ("HC0", "model"))
        if not (np.isfinite(self.prior) and self.prior > 0):
            raise SolverError(f"prior={self.prior}: a positive number of pseudo-rows, 0.01 by default")
        if self.half_life is not None and not self.half_life > 0:
            raise SolverError(
                f"half_life={self.half_life}: a positive sum of weights, or None for rows that never fade"
            )

    @property
    def walks(self) -> SGD | None:
        """Steps of first order, row after row, where those are asked for."""
        if self.solver is None:
            bits = self.request.hash_bits
            return None if bits is None or 2**bits <= WRITTEN_OUT else OPEN
        first = self.solver.step not in (None, "information") or self.solver.update != "implicit"
        return self.solver if first else None

    @property
    def options(self) -> Options:
        """How a batch is learned from."""
        keep = 1.0 if self.half_life is None else float(0.5 ** (1 / self.half_life))
        return Options(self.prior, keep, scores=self.vcov == "HC0")

    @property
    def longest(self) -> int:
        """Rows of a batch at most: those of one fade together, so they are a small part of a half-life."""
        return MOST if self.half_life is None else max(int(self.half_life * FADES), 1)

    @property
    def resting(self) -> Options:
        """The same for the intercept alone, of which no errors are asked."""
        return replace(self.options, scores=False)


@dataclass(frozen=True, slots=True, eq=False)
class Stream:
    """The model with the levels it has met, what was learned, and the rows that wait for their batch to be full.

    `known` is the model with the levels of waiting rows, too: memory must not depend on what comes later. While there
    are few rows none is forgotten: `gathered` of those waiting were learned from before. `null` is what the intercept
    alone has learned; `given` counts rows handed over, `left_out` those with gaps, `lacking` their missing values by
    column.
    """

    ask: Ask
    known: Model
    model: Model
    memory: Memory | Walked | None = None
    null: Memory | None = None
    waiting: Rows | None = None
    gathered: int = 0
    points: tuple[Point, ...] = ()
    kind: str = "dict"
    given: int = 0
    left_out: int = 0
    lacking: Mapping[str, int] = field(default_factory=dict)

    @property
    def rows(self) -> int:
        """How many rows were learned from or wait to be, frequencies counted."""
        new = 0 if self.waiting is None else self.waiting.take(slice(self.gathered, self.waiting.n)).count
        return new + (0 if self.memory is None else self.memory.rows)

    def after(self, data: object) -> "Stream":
        """The stream after a frame more; unchanged where the frame is refused."""
        entry = enter(self.ask.request, self.known, schema_of(self.known), data)
        with one_blas_thread():
            return self._with(entry)

    def settled(self) -> "Stream":
        """The stream as it would be if no more rows came: the waiting ones are a batch."""
        rows = self.waiting
        if rows is None or not rows.n:
            return self
        if self.gathers:
            near = replace(self._together(rows), gathered=rows.n)
            return replace(near._together(rows), waiting=None, gathered=0)  # with the information at its own end
        model = _met(self.known, self.model, rows)
        with one_blas_thread():
            pair = objectives(model, rows, _large(self, model, rows.n), rows.n >= SOUGHT)
            return replace(self._learned(model, *pair, rows.frequency), waiting=None)

    def _with(self, entry: Entry) -> "Stream":
        lacking = {
            name: self.lacking.get(name, 0) + entry.lacking.get(name, 0) for name in {**self.lacking, **entry.lacking}
        }
        current = replace(
            self, known=entry.model, kind=entry.kind, given=self.given + entry.given,
            left_out=self.left_out + entry.left_out, lacking=lacking,
        )  # fmt: skip
        if entry.rows is None:
            return current
        rows = entry.rows if self.waiting is None else self.waiting + entry.rows
        if self.gathers:
            current = current._gathering(rows)
            assert current.waiting is not None
            rows = current.waiting
            if current.gathers:
                return replace(current, waiting=self._left(rows, 0))
        done = 0
        for model, compiled, ends in runs(current, rows):
            span = slice(ends[0], ends[-1])
            objective, alone = objectives(model, rows.take(span), compiled, ends[1] - ends[0] >= SOUGHT)
            for lo, hi in pairwise(ends):
                batch = slice(lo - ends[0], hi - ends[0])
                frequency = None if rows.frequency is None else rows.frequency[lo:hi]
                current = current._learned(model, _at(objective, batch), _at(alone, batch), frequency)
            done = ends[-1]
        return replace(current, waiting=self._left(rows, done))

    def _left(self, rows: Rows, done: int) -> Rows:
        """The rows that go on waiting, no views of a frame that its owner may write to again, nor of those learned."""
        left = rows.take(slice(done, rows.n))
        return left.each(np.copy) if self.waiting is None or done else left

    @property
    def gathers(self) -> bool:
        """Are all rows so far kept? Those of a stream that forgets are not."""
        forgets = self.ask.half_life is not None or self.ask.walks is not None
        return not forgets and (self.memory is None or self.gathered > 0)

    def _gathering(self, rows: Rows) -> "Stream":
        """The stream after the full batches among some rows, the gathered ones first, or once they are too many to be
        kept, with those alone waiting that were not learned from."""
        current = replace(self, waiting=rows)
        for _ in range(rows.n):
            end = current.gathered + batch_rows(0 if current.memory is None else current.memory.rows, kept=True)
            if end > FEW:
                return replace(current, waiting=rows.take(slice(current.gathered, rows.n)), gathered=0)
            if end > rows.n:
                break
            current = replace(current._together(rows.take(slice(0, end))), gathered=end)
        return current

    def _together(self, rows: Rows) -> "Stream":
        """The stream after all its rows, the gathered ones first."""
        model = _met(self.known, self.model, rows)
        objective, alone = objectives(model, rows, _compiled(self, model, 0, rows.n), rows.n >= SOUGHT)
        grown = _grown(self, model)
        assert isinstance(grown.memory, Memory)
        mean = starting_point(alone, null_model(alone))
        null = _rested(alone, blank(mean), self.ask.resting, rows.frequency, mean)
        inside = _inside(objective, grown.memory.theta, mean)
        memory = together(objective, self.gathered, grown.memory, self.ask.options, rows.frequency, inside)
        return grown._with_memory(memory, null)

    def _with_memory(self, memory: Memory | Walked, null: Memory) -> "Stream":
        points = (*self.points, self._point(memory)) if due(self.points, memory.rows) else self.points
        return replace(self, memory=memory, null=null, points=points)

    def _learned(self, model: Model, objective: Objective, alone: Objective, frequency: FloatArray | None) -> "Stream":
        """The stream after a batch: its loss as a function of all coefficients of the model, and of the intercept."""
        grown = _grown(self, model)
        assert grown.null is not None
        mean = grown.null.theta if grown.null.rows else starting_point(alone, null_model(alone))
        null = _rested(alone, grown.null, self.ask.resting, frequency, mean)
        if self.ask.walks is not None:
            assert not isinstance(grown.memory, Memory)
            return grown._with_memory(walked(objective, grown.memory, self.ask.walks, frequency), null)
        assert isinstance(grown.memory, Memory)
        inside = _inside(objective, grown.memory.theta, mean)
        memory = learn(objective, grown.memory, self.ask.options, frequency, inside)
        return grown._with_memory(memory, null)

    def _point(self, memory: Memory | Walked) -> Point:
        if isinstance(memory, Walked):
            if memory.theta.size > BANDED:
                return Point(memory.rows, memory.weight, memory.progressive, np.zeros(0), np.zeros(0))
            se = walking.errors(memory) if self.model.penalty.smooth else np.full_like(memory.theta, np.nan)
        else:
            se = errors(self.model, memory, self.ask.vcov)
        return Point(memory.rows, memory.weight, memory.progressive, memory.theta, se, self.model.flat_names)

    def fit(self) -> Fit:
        """The fit so far; ExpfamError before the first row."""
        now = self.settled()
        if now.memory is None or now.null is None or not now.memory.rows:
            raise ExpfamError("no rows have come yet: hand some over with partial_fit(frame)")
        way = stacked(self.points, now.model.flat_names, fades=self.ask.half_life is not None)
        lost = self.left_out, self.lacking
        if isinstance(now.memory, Walked):
            return fit_of_walk(now.model, now.memory, now.null, self.kind, lost, way)
        return fit_of(now.model, now.memory, now.null, self.ask.vcov, self.kind, lost, way)


def schema_of(model: Model) -> Schema | None:
    """The terms with their levels, once a row has come."""
    return model.terms.schema if isinstance(model.terms, FormulaTerms) else None


def _rested(alone: Objective, memory: Memory, how: Options, frequency: FloatArray | None, mean: FloatArray) -> Memory:
    """What the intercept alone learns from a batch, as one row that stands for all wherever it can."""
    one = pooled(alone)
    if one is None:
        return learn(alone, memory, how, frequency, mean)
    return learn(one, memory, how, np.atleast_1d(alone.data.n if frequency is None else frequency.sum()), mean)


def _inside(objective: Objective, like: FloatArray, mean: FloatArray) -> FloatArray:
    """A theta at which all means are those of the intercept alone."""
    inside, at = np.zeros_like(like), objective.data.design.intercept
    if at is not None:
        inside[at] = mean[0]
    return inside


def _met(known: Model, model: Model, rows: Rows) -> Model:
    """The model with the levels of a batch and of those before, itself where no level is new; they are numbered as they
    came."""
    schema, before = schema_of(known), schema_of(model)
    assert schema is not None
    changed = before is None
    for text in free(schema):
        variable = schema.variables[text]
        count, had = int(rows.values[text].max()) + 1, 0 if before is None else len(before.variables[text].levels)
        changed |= count > had
        if max(count, had) < len(variable.levels):
            schema = with_levels(schema, text, variable.levels[: max(count, had)], variable.reference)
    return replace(known, terms=FormulaTerms(schema)) if changed else model


def _grown(stream: Stream, model: Model) -> Stream:
    """The same stream with coefficients for the levels that came in."""
    if model is stream.model and stream.null is not None:
        return stream
    d = len(model.modelled) or 1
    shape = (len(model.names), d) if model.family.vector else (len(model.names),)
    if stream.ask.walks is not None:
        memory = stream.memory
        assert not isinstance(memory, Memory)
        wide = None if memory is None else walking.widened(memory, _places(stream.model, model), shape)
        null = stream.null or blank(np.zeros((1, *shape[1:])))
        return replace(stream, model=model, memory=wide, null=null)
    if np.prod(shape) > WRITTEN_OUT:
        raise SolverError(
            f"{int(np.prod(shape)):,} coefficients: a stream keeps their information, a matrix, up to {WRITTEN_OUT:,}. "
            "Take solver=SGD(step='normalised'), which needs none, leave out the factor of most levels, or group them"
        )
    if stream.memory is None:
        start = blank(np.zeros(shape)), blank(np.zeros((1, *shape[1:])))
        return replace(stream, model=model, memory=start[0], null=start[1])
    assert isinstance(stream.memory, Memory)
    return replace(stream, model=model, memory=widened(stream.memory, _places(stream.model, model), shape))


def _places(before: Model, after: Model) -> IntArray:
    """Where the coefficients of a model are among those of one with more levels."""
    place = {name: j for j, name in enumerate(after.names)}
    return np.array([place[name] for name in before.names])


def widened(memory: Memory, at: IntArray, shape: tuple[int, ...]) -> Memory:
    """A memory of more coefficients: those it has are number `at` (p,) among the new ones."""
    p, d = shape[0], int(np.prod(shape[1:]))
    flat = np.concatenate([at + k * p for k in range(d)])

    theta, places = np.zeros(shape), np.zeros((4, p))
    theta[at], places[:, at] = memory.theta, memory.places

    def wide(old: FloatArray, new: float) -> FloatArray:
        out = new * np.eye(p * d)
        out[np.ix_(flat, flat)] = old
        return out

    pull = None if memory.pull is None else np.zeros(p * d)
    if pull is not None:
        pull[flat] = memory.pull
    meat = None if memory.meat is None else wide(memory.meat, 0.0)
    information, prior = wide(memory.information, 0.0), wide(memory.prior, 1.0)
    return replace(memory, theta=theta, information=information, meat=meat, prior=prior, places=places, pull=pull)


def runs(stream: Stream, rows: Rows) -> Iterator[tuple[Model, bool, list[int]]]:
    """Batches that have the same levels and kernels, so that their columns are laid out at once: the model, whether the
    kernels are compiled, and where the batches end."""
    before = 0 if stream.memory is None else stream.memory.rows
    model, ends, compiled = stream.model, [0], False
    for _ in range(rows.n):
        at = ends[-1]
        size = min(batch_rows(before), stream.ask.longest)
        batch = rows.take(slice(at, at + size))
        whole = at + size <= rows.n
        met = _met(stream.known, model, batch) if whole else model
        large = whole and _compiled(stream, met, before, size)
        alike = met is model and large == compiled and at + size - ends[0] <= AT_ONCE and size < SOUGHT
        if len(ends) > 1 and not (whole and alike):
            yield model, compiled, ends
            ends = [at]
        if not whole:
            return
        model, compiled = met, large
        ends = [*ends, at + size]
        before += batch.count


def _compiled(stream: Stream, model: Model, before: int, rows: int) -> bool:
    """Has the stream become so long that the compiled kernels pay?"""
    schema, d = schema_of(model), len(model.modelled) or 1
    numbers = (before + rows) * max(len(schema.variables) if schema else 1, 1)
    bound = stream.ask.compiled  # pairs of classes are work, but few numbers do not pay for loading kernels
    return numbers >= min(CODED, bound) and numbers * d * (d + 1) // 2 >= bound


def _large(stream: Stream, model: Model, rows: int) -> bool:
    return _compiled(stream, model, 0 if stream.memory is None else stream.memory.rows, rows)


def objectives(model: Model, rows: Rows, compiled: bool, seek: bool = False) -> tuple[Objective, Objective]:
    """The loss of some rows as a function of all coefficients, and of the intercept alone."""
    assert isinstance(model.terms, FormulaTerms)
    schema = model.terms.schema
    columns = lay_out(schema, rows.variables(schema))
    design = assemble(columns, rows.n, compiled, seek=seek)
    alone = assemble((Columns(("Intercept",)),), rows.n, compiled)
    conjugate = model.family.conjugate(model.family.T(rows.y))
    data = Data(design, rows.y, conjugate, rows.weight, rows.offset if rows.offset.any() else None)
    penalty, none = model.penalty.bind(design.names), NoPenalty().bind(alone.names)
    return (
        Objective(model.family, model.link, penalty, data),
        Objective(model.family, model.link, none, replace(data, design=alone)),
    )


def _at(objective: Objective, rows: slice) -> Objective:
    """The same of some of the rows."""
    return replace(objective, data=objective.data.take(rows))


def classes_of(model: Model, classes: tuple[str, ...]) -> Model:
    """The model with the classes of its response named beforehand."""
    family = replace(model.family, k=len(classes)) if isinstance(model.family, Categorical) else model.family
    return replace(model, family=family, classes=classes)
