"""What a stream has taught so far: a frozen value, and the next one after some rows more.

Rows wait until a batch is full. Where batches end depends on how many rows came before and on nothing else, so a stream
handed over row by row ends where the same stream in one piece does, to the last bit; whoever asks in between gets the
answer that the waiting rows as a last batch would give.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any

import numpy as np

from expfam._typing import FloatArray
from expfam.design.standard import far
from expfam.errors import ExpfamError, SolverError
from expfam.fit import Fit
from expfam.formula.origins import Origins, back
from expfam.kernels.ready import CODED
from expfam.model import Model
from expfam.objective import Objective
from expfam.parallel import one_blas_thread
from expfam.solvers.implicit import FEW, Memory, batch_rows, blank, learn, together
from expfam.solvers.learning import BANDED, Point, due, stacked
from expfam.solvers.problem import WRITTEN_OUT
from expfam.solvers.start import null_model, starting_point
from expfam.source import check_felt
from expfam.stream import walking
from expfam.stream.answer import Context, errors, fit_of, fit_of_walk, own, walked_errors
from expfam.stream.ask import Ask
from expfam.stream.batches import begins, begun, centred, inside, lead, objectives, origins, part_of, rested, waits
from expfam.stream.growth import met, places, schema_of, widened
from expfam.stream.rows import Entry, Rows, enter
from expfam.stream.walking import Walked, walked

AT_ONCE = 1 << 16  # rows whose columns are laid out together, so that they stay in cache
SOUGHT = 1 << 11  # rows of a batch that is laid out alone, and searched for columns of zeros and ones


@dataclass(frozen=True, slots=True, eq=False)
class Stream:
    """The model with the levels it has met, what was learned, and the rows that wait for their batch to be full.

    `known` is the model with the levels of waiting rows, too: memory must not depend on what comes later. While there
    are few rows none is forgotten: `gathered` of those waiting were learned from before. `null` is what the null model
    has learned. Numbers are taken less their `origins`, which the first batch tells, and columns that have none less
    their `centre` (p,): without them squares of a time stamp have no digits left for its spread. `given` counts rows
    handed over, `left_out` those with gaps, `lacking` their missing values by column.
    """

    ask: Ask
    known: Model
    model: Model
    memory: Memory | Walked | None = None
    null: Memory | None = None
    centre: FloatArray | None = None
    waiting: Rows | None = None
    gathered: int = 0
    points: tuple[Point, ...] = ()
    kind: str = "dict"
    given: int = 0
    left_out: int = 0
    lacking: Mapping[str, int] = field(default_factory=dict)
    origins: Origins = ()

    @property
    def rows(self) -> int:
        """How many rows were learned from or wait to be, frequencies counted."""
        new = 0 if self.waiting is None else self.waiting.take(slice(self.gathered, self.waiting.n)).count
        return new + (0 if self.memory is None else self.memory.rows)

    def after(self, data: object) -> "Stream":
        """The stream after a frame more; unchanged where the frame is refused."""
        with one_blas_thread():
            return self._with(enter(self.ask.request, self.known, schema_of(self.known), data))

    def settled(self) -> "Stream":
        """The stream as it would be if no more rows came: the waiting ones are a batch."""
        rows = self.waiting
        if rows is None or not rows.n or self.idle:
            return self
        with one_blas_thread():
            if self.gathers:
                near = replace(self._together(rows), gathered=rows.n)
                return replace(near._together(rows), waiting=None, gathered=0)  # with the information at its own end
            model = met(self.known, self.model, rows)
            now = self._set_out(model, rows)
            pair = objectives(model, rows, _large(self, model, rows.n), now.origins, self._seeks(rows.n))
            return replace(now._learned(model, *pair, rows.frequency), waiting=None)

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
            current = current._set_out(model, rows.take(slice(ends[0], ends[1])))
            seek = current._seeks(ends[1] - ends[0])
            objective, alone = objectives(model, rows.take(span), compiled, current.origins, seek)
            for lo, hi in pairwise(ends):
                batch = slice(lo - ends[0], hi - ends[0])
                frequency = None if rows.frequency is None else rows.frequency[lo:hi]
                current = current._learned(model, part_of(objective, batch), part_of(alone, batch), frequency)
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
            memory = current.memory
            if memory is None:
                end = lead(self.known, rows, batch_rows(0)) or rows.n + 1
            else:
                end = current.gathered + batch_rows(memory.rows, kept=True)
            if end > FEW and memory is not None:
                return replace(current, waiting=rows.take(slice(current.gathered, rows.n)), gathered=0)
            if end > rows.n:
                break
            current = replace(current._together(rows.take(slice(0, end))), gathered=end)
        return current

    def _together(self, rows: Rows) -> "Stream":
        """The stream after all its rows, the gathered ones first."""
        model = met(self.known, self.model, rows)
        now, large = self._set_out(model, rows), _compiled(self, model, 0, rows.n)
        objective, alone = objectives(model, rows, large, now.origins, self._seeks(rows.n))
        grown = _grown(now, model, objective)
        assert isinstance(grown.memory, Memory)
        assert grown.centre is not None
        objective = centred(objective, grown.centre)
        mean = starting_point(alone, null_model(alone))
        null = rested(objective, alone, blank(mean), self.ask.resting, rows.frequency, self.ask.offsets(model))
        start = inside(objective, grown.memory.theta, mean)
        memory = together(objective, self.gathered, grown.memory, self.ask.options, rows.frequency, start)
        return grown._with_memory(memory, null)

    def _set_out(self, model: Model, rows: Rows) -> "Stream":
        """The stream that knows the origins of its numbers, of the rows of its first batch."""
        return self if self.centre is not None else replace(self, origins=origins(model, rows))

    def _with_memory(self, memory: Memory | Walked, null: Memory) -> "Stream":
        points = (*self.points, self._point(memory)) if due(self.points, memory.rows) else self.points
        return replace(self, memory=memory, null=null, points=points)

    def _learned(self, model: Model, objective: Objective, alone: Objective, frequency: FloatArray | None) -> "Stream":
        """The stream after a batch: its loss as a function of all coefficients of the model, and of the intercept."""
        grown = _grown(self, model, objective)
        assert grown.null is not None
        assert grown.centre is not None
        objective = centred(objective, grown.centre)
        rest = grown.null if grown.null.rows else blank(starting_point(alone, null_model(alone)))
        null = rested(objective, alone, rest, self.ask.resting, frequency, self.ask.offsets(model))
        if self.ask.walks is not None:
            assert not isinstance(grown.memory, Memory)
            start = inside(objective, np.zeros(grown.shape), rest.theta)
            return grown._with_memory(walked(objective, grown.memory or start, self.ask.walks, frequency), null)
        assert isinstance(grown.memory, Memory)
        start = inside(objective, grown.memory.theta, rest.theta)
        memory = begun(objective, grown.memory, start)
        return grown._with_memory(learn(objective, memory, self.ask.options, frequency, start), null)

    def _seeks(self, rows: int) -> bool:
        """Are so many rows searched for columns of zeros and ones? Rows that are walked are centred as they are read,
        and so of codes are not."""
        apart = self.ask.walks is not None and self.centre is not None and bool(self.centre.any())
        return rows >= SOUGHT and not apart

    def _point(self, memory: Memory | Walked) -> Point:
        if isinstance(memory, Walked) and memory.theta.size > BANDED:
            return Point(memory.rows, memory.weight, memory.progressive, np.zeros(0), np.zeros(0))
        back = self.back
        if isinstance(memory, Walked):
            se = walked_errors(self.model, memory, back)
        else:
            se = errors(self.model, memory, self.ask.vcov, back)
        theta = own(memory.theta, back)
        return Point(memory.rows, memory.weight, memory.progressive, theta, se, self.model.flat_names)

    @property
    def back(self) -> Any:
        """(p, p), sparse: coefficients of the columns as they are, from those learned."""
        schema = schema_of(self.model)
        assert schema is not None
        assert self.centre is not None
        return back(schema, self.origins, self.centre)

    @property
    def shape(self) -> tuple[int, ...]:
        """That of theta."""
        d = len(self.model.modelled) or 1
        return (len(self.model.names), d) if self.model.family.vector else (len(self.model.names),)

    @property
    def idle(self) -> str | None:
        """Why rows that have come cannot be learned from yet; None where they can, or none have."""
        rows = self.waiting
        if self.memory is not None or rows is None or not rows.n or begins(self.known, rows):
            return None
        return waits(self.known, rows)

    @property
    def emptied(self) -> str | None:
        """Why none of the rows that have come is left; None where some are, or none have come."""
        if self.rows or not self.given:
            return None
        counts = ", ".join(f"{name} ({count:,})" for name, count in self.lacking.items())
        gaps = f"{self.left_out:,} lack a value, in {counts}" if counts else "none has a weight"
        return f"no rows are left: of {self.given:,} rows {gaps}; fill or drop columns, or look at the weights"

    def fit(self) -> Fit:
        """The fit so far; ExpfamError before the first rows that there is an answer for."""
        now = self.settled()
        if now.memory is None or now.null is None or now.centre is None or not now.memory.rows:
            none = "no rows have come yet: hand some over with partial_fit(frame)"
            raise ExpfamError(now.idle or now.emptied or none)
        check_felt(now.memory.weight, now.memory.rows)
        way = stacked(self.points, now.model.flat_names, fades=self.ask.half_life is not None)
        context = Context(self.kind, self.left_out, self.lacking, way, now.back)
        if isinstance(now.memory, Walked):
            return fit_of_walk(now.model, now.memory, now.null, context)
        return fit_of(now.model, now.memory, now.null, self.ask.vcov, context)


def _grown(stream: Stream, model: Model, objective: Objective) -> Stream:
    """The same stream with coefficients for the levels that came in; its first batch tells where columns are."""
    if model is stream.model and stream.centre is not None:
        return stream
    grown = replace(stream, model=model)
    shape = grown.shape
    if stream.ask.walks is None and np.prod(shape) > WRITTEN_OUT:
        raise SolverError(
            f"{int(np.prod(shape)):,} coefficients: a stream keeps their information, a matrix, up to {WRITTEN_OUT:,}. "
            "Take solver=SGD(step='normalised'), which needs none, leave out the factor of most levels, or group them"
        )
    if stream.centre is None:
        start = None if stream.ask.walks is not None else blank(np.zeros(shape))
        return replace(grown, memory=start, null=blank(np.zeros((1, *shape[1:]))), centre=far(objective.data.design))
    at, centre = places(stream.model, model), np.zeros(shape[0])
    centre[at] = stream.centre
    memory = stream.memory
    assert memory is not None
    wide = walking.widened(memory, at, shape) if isinstance(memory, Walked) else widened(memory, at, shape)
    return replace(grown, memory=wide, centre=centre)


def runs(stream: Stream, rows: Rows) -> Iterator[tuple[Model, bool, list[int]]]:
    """Batches that have the same levels and kernels, so that their columns are laid out at once: the model, whether the
    kernels are compiled, and where the batches end."""
    before = 0 if stream.memory is None else stream.memory.rows
    model, ends, compiled = stream.model, [0], False
    for _ in range(rows.n):
        at = ends[-1]
        size = _light(rows, at, batch_rows(before), stream.ask.heaviest)
        if not before and stream.memory is None:
            size = lead(stream.known, rows, size) or rows.n + 1
        batch = rows.take(slice(at, at + size))
        whole = at + size <= rows.n
        new = met(stream.known, model, batch) if whole else model
        large = whole and _compiled(stream, new, before, size)
        alike = new is model and large == compiled and at + size - ends[0] <= AT_ONCE and size < SOUGHT
        if len(ends) > 1 and not (whole and alike):
            yield model, compiled, ends
            ends = [at]
        if not whole:
            return
        model, compiled = new, large
        ends = [*ends, at + size]
        before += batch.count


def _light(rows: Rows, at: int, size: int, heaviest: float) -> int:
    """How many rows a batch has from `at` on: so many, or those up to the one with which it is too heavy."""
    if np.isinf(heaviest):
        return size
    heavy = np.flatnonzero(np.cumsum(rows.weight[at : at + size]) >= heaviest)
    return int(heavy[0]) + 1 if len(heavy) else size


def _compiled(stream: Stream, model: Model, before: int, rows: int) -> bool:
    """Has the stream become so long that the compiled kernels pay?"""
    schema, d = schema_of(model), len(model.modelled) or 1
    numbers = (before + rows) * max(len(schema.variables) if schema else 1, 1)
    bound = stream.ask.compiled  # pairs of classes are work, but few numbers do not pay for loading kernels
    return numbers >= min(CODED, bound) and numbers * d * (d + 1) // 2 >= bound


def _large(stream: Stream, model: Model, rows: int) -> bool:
    return _compiled(stream, model, 0 if stream.memory is None else stream.memory.rows, rows)
