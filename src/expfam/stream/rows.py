"""Rows of a stream as they are kept until a batch is full: every check passed, every level numbered."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from math import prod

import numpy as np

from expfam._typing import AnyArray, FloatArray
from expfam.data.bits import bits
from expfam.data.share import each
from expfam.data.table import Table, read
from expfam.errors import FormulaError, SchemaError
from expfam.families._family import LARGEST
from expfam.formula.algebra import variables
from expfam.formula.encode import evaluate
from expfam.formula.expression import Name
from expfam.formula.grow import begin, grown
from expfam.formula.interpret import learner, replayer
from expfam.formula.learn import Values, missing_rows, needed, plan
from expfam.formula.roles import Worth, worth
from expfam.formula.schema import ROLES, Request, Schema
from expfam.formula.values import Factor
from expfam.model import Model, offset_of, trials_of
from expfam.source import RowSet, check_vectors, whole
from expfam.target import RawResponse, Target, known
from expfam.terms import FormulaTerms, frequencies, response_of


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """values: the variables of the terms, codes of levels (n,) or numbers (n,) or (n, m), bytes where many came at once
    that are zeros and ones; y, weight (n,) with trials and frequency in it; offset (n,); frequency (n,) of each row,
    None for one each."""

    values: Mapping[str, AnyArray]
    y: FloatArray
    weight: FloatArray
    offset: FloatArray
    frequency: FloatArray | None

    @property
    def n(self) -> int:
        """How many rows."""
        return len(self.y)

    @property
    def count(self) -> int:
        """How many rows they stand for, frequencies counted."""
        return self.n if self.frequency is None else int(self.frequency.sum())

    def each(self, do: Callable[[AnyArray], AnyArray]) -> "Rows":
        """The same done to every array."""
        frequency = None if self.frequency is None else do(self.frequency)
        values = {name: do(array) for name, array in self.values.items()}
        return Rows(values, do(self.y), do(self.weight), do(self.offset), frequency)

    def take(self, at: slice) -> "Rows":
        """Some of the rows."""
        return self.each(lambda array: array[at])

    def __add__(self, other: "Rows") -> "Rows":
        both = {name: np.concatenate([array, other.values[name]]) for name, array in self.values.items()}
        frequency = None
        if self.frequency is not None and other.frequency is not None:
            frequency = np.concatenate([self.frequency, other.frequency])
        y, weight, offset = (
            np.concatenate(pair)
            for pair in ((self.y, other.y), (self.weight, other.weight), (self.offset, other.offset))
        )
        return Rows(both, y, weight, offset, frequency)

    def variables(self, schema: Schema) -> Values:
        """The values as the terms of a schema take them: codes with the levels known by now."""
        found: Values = {}
        for name, array in self.values.items():
            known = schema.variables[name]
            found[name] = Factor(array, known.levels, known.reference, known.contrasts) if known.levels else array
        return found


@dataclass(frozen=True, slots=True, eq=False)
class Entry:
    """A frame come in: the model that knows its levels, its complete rows if there are any, how many rows were given,
    how many left out, and how many values these lack by column."""

    model: Model
    rows: Rows | None
    kind: str
    given: int
    left_out: int
    lacking: Mapping[str, int]


def enter(request: Request, model: Model, known: Schema | None, data: object) -> Entry:
    """Read a frame, leave out incomplete rows, learn its levels, check it: nothing enters that cannot be learned from.

    SchemaError, ResponseError: a column that is missing or of another type, values that are not finite, a response
    outside its support, a label that is no class.
    """
    asked = known or request
    table = read(data, lambda names: needed(asked, names), empty=True)
    if known is not None and table.n:
        table = table.typed(known.columns)
        _same_kinds(known, table)
    table = table.with_bits(_plain(asked, table))
    mask, lacking = missing_rows(asked, table)
    if lacking and model.missing == "error":
        name, row = next(iter(lacking)), int(np.flatnonzero(mask)[0])
        raise SchemaError(f"column {name!r} lacks {lacking[name]} values, the first row that does is {row}", row=row)
    full, left_out = (table.filter(~mask), int(mask.sum())) if lacking else (table, 0)
    full = _counted(asked, full)
    if not full.n:
        return Entry(model, None, table.kind, table.n, left_out, lacking)
    if known is None:
        learned = begin(request, full, frequencies(request, full, {}, model.weights_kind))
        if learned.schema.response is None:
            raise FormulaError(f"{request.formula!r} has no response; write it on the left: 'y ~ ...'")
        schema, values, roles = learned.schema, learned.values, learned.roles
    else:
        schema, values = grown(known, full)
        found = ((role, evaluate(schema, full, role)) for role in ROLES)
        roles = {role: worth for role, worth in found if worth is not None}
    bound, rows = _rows(replace(model, terms=FormulaTerms(schema)), schema, values, roles, full)
    return Entry(bound, rows, table.kind, table.n, left_out, lacking)


def _counted(asked: Request | Schema, table: Table) -> Table:
    """The rows that have a weight and trials: others are no rows, and bring no levels."""
    trees = plan(asked, table.names)
    for role in ("weights", "trials"):
        nodes = trees.asks(role)
        if nodes and table.n:
            found = worth(role, nodes, table, replayer(asked.states) if isinstance(asked, Schema) else learner({}))
            there = np.asarray(found) != 0
            table = table if there.all() else table.filter(there)
    return table


def _plain(asked: Request | Schema, table: Table) -> Iterator[str]:
    """The columns that are terms as they are."""
    yield from (node.column for node in variables(plan(asked, table.names).terms) if isinstance(node, Name))


def _same_kinds(schema: Schema, table: Table) -> None:
    for name, kind in schema.columns.items():
        if table.kind_of(name) != kind:
            raise SchemaError(
                f"column {name!r} is {table.kind_of(name)} now and was {kind} before; cast it as it was, or begin anew"
            )


def _rows(model: Model, schema: Schema, values: Values, roles: Mapping[str, Worth], table: Table) -> tuple[Model, Rows]:
    """The model bound to its classes, and checked rows."""
    vectors = {name: np.asarray(worth, dtype=float) for name, worth in roles.items() if name != "response"}
    raw = response_of(schema.response or "y", roles["response"], table)
    kept = None if table.rows is None else np.bincount(table.rows).astype(bool)
    given = RowSet((), table.n, table.kind, raw, vectors, kept)  # errors name rows as they came
    check_vectors(given, some=False)
    _check_sizes(schema, values, table)
    bound, goal = _response(model, raw)
    weight = np.ones(table.n)
    frequency = None
    if "weights" in vectors:
        weight = vectors["weights"].copy()
        frequency = whole(weight, given) if model.weights_kind == "frequency" else None
    trials = trials_of(goal, given)
    weight = weight if trials is None else weight * trials
    offset = offset_of(bound, given)
    codes_or_numbers = [found.codes if isinstance(found, Factor) else found for found in values.values()]
    plain = dict(zip(values, each(_narrowed, codes_or_numbers, table.n), strict=True))
    rows = Rows(plain, goal.y, weight, np.zeros(table.n) if offset is None else offset, frequency)
    counted = weight > 0
    return bound, rows if counted.all() else rows.each(lambda array: array[counted])


def _check_sizes(schema: Schema, values: Values, table: Table) -> None:
    """SchemaError where squares of a term's numbers may overflow: no later row would undo that."""
    arrays = {text: found for text, found in values.items() if not isinstance(found, Factor)}
    bounds = {text: _bound(x) for text, x in arrays.items()}
    for term in schema.terms:
        numbers = [text for text in term.variables if text in arrays]
        if prod(bounds[text] for text in numbers) <= LARGEST:
            continue
        largest = {text: float(np.abs(arrays[text]).max(initial=0)) for text in numbers}
        if prod(largest.values()) > LARGEST:
            worst = max(numbers, key=lambda text: largest[text])
            row = table.row(int(np.argmax(np.abs(arrays[worst]).reshape(table.n, -1).max(axis=1))))
            raise SchemaError(
                f"{worst} is {largest[worst]:g} in size at row {row} (the first row is 0); beyond {LARGEST:g} squares "
                f"of {':'.join(numbers)} overflow. Check the value, or divide the column by a power of ten",
                row=row,
            )


def _bound(x: AnyArray) -> float:
    """No less than the largest |x|, by one read without a copy; bytes are zeros and ones."""
    if x.dtype == np.uint8:
        return 1.0
    with np.errstate(over="ignore"):
        return float(np.sqrt(np.vdot(x, x)))


def _narrowed(array: AnyArray) -> AnyArray:
    """Numbers that were worked out to be zeros and ones, as bytes; codes and others as they are."""
    found = bits(array) if array.dtype == np.float64 and array.ndim == 1 else None
    return array if found is None else found


def _response(model: Model, raw: RawResponse) -> tuple[Model, Target]:
    """A response checked and numbered by the classes that the model knows, or by those here if it knows none yet."""
    goal = known(model.family, model.classes, raw, "name all that may come by classes=[...]")
    kind = model.label_kind if model.response else goal.label_kind  # the first rows tell it
    return replace(model, family=goal.family, classes=goal.classes, response=raw.name, label_kind=kind), goal
