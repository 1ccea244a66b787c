"""The terms of a formula on a source: read, drop what is missing, learn once, replay ever after."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np

from expfam._typing import BoolArray, FloatArray
from expfam.data.column import Column
from expfam.data.table import Table, read
from expfam.design import Columns, shared
from expfam.errors import FormulaError, SchemaError
from expfam.formula.agree import check_agrees
from expfam.formula.coding import names
from expfam.formula.encode import encode, evaluate, lay_out
from expfam.formula.expression import columns_of, parse
from expfam.formula.interpret import learner, replayer
from expfam.formula.learn import learn_values, missing_rows, needed, plan
from expfam.formula.roles import Worth, plain, worth
from expfam.formula.schema import ROLES, Request, Schema
from expfam.source import VECTORS, Block, RowSet, Source, Terms, at_kept, check_vectors, vectors_of, whole, with_gaps
from expfam.target import RawResponse


@dataclass(frozen=True, slots=True)
class FormulaTerms(Terms):
    """A formula with all it has learned: levels, means, knots."""

    schema: Schema

    @property
    def names(self) -> tuple[str, ...]:
        return self.schema.names

    @property
    def blocks(self) -> tuple[Block, ...]:
        counts = [len(names(term, self.schema.variables)) for term in self.schema.terms]
        ends = np.cumsum([0, *counts]).tolist()
        return tuple(
            Block(":".join(term.variables) or "Intercept", frozenset(term.variables), slice(lo, hi))
            for term, (lo, hi) in zip(self.schema.terms, pairwise(ends), strict=True)
        )

    @property
    def references(self) -> Mapping[str, str]:
        return self.schema.references

    @property
    def title(self) -> str:
        return " ".join(self.schema.formula.split())

    @property
    def asked(self) -> tuple[str, ...]:
        return tuple(name for name in VECTORS if getattr(self.schema.request, name) is not None)

    def column(self, response: str) -> str:
        return plain(parse(response, tuple(self.schema.columns))).text

    def rows(self, source: Source, *, response: bool, missing: str, unseen: str) -> RowSet:
        if response:
            return _replayed(self.schema, source, missing, unseen)
        return _new_rows(self.schema, source, unseen)

    def to_dict(self) -> dict[str, Any]:
        return {"schema": self.schema.to_dict()}

    @classmethod
    def from_dict(cls, plain: Mapping[str, Any]) -> "FormulaTerms":
        """The terms that `to_dict` wrote."""
        schema = Schema.from_dict(plain["schema"])
        check_agrees(schema)
        return cls(schema)


def learn_terms(
    formula: str, texts: Mapping[str, str], source: Source, missing: str, weights_kind: str
) -> tuple[FormulaTerms, RowSet]:
    """Learn a formula on a source, and its rows; `texts` are weights, offset, exposure, trials given as expressions.

    Rows count as often as their frequency says, so that one of 0 is not there: other weights do not count rows.
    """
    request = Request(formula, *(texts.get(name) for name in VECTORS))
    complete = _complete(request, source, missing)
    times = frequencies(request, complete.table, at_kept(complete.given, complete.kept), weights_kind)
    if times is not None:
        complete, times = _counted(complete, times), times[times > 0]
    learned = learn_values(request, complete.table, times)
    if learned.schema.response is None:
        raise FormulaError(f"{formula!r} has no response; write it on the left: 'y ~ {formula.lstrip(' ~')}'")
    columns = shared(lay_out(learned.schema, learned.values))
    return FormulaTerms(learned.schema), _rows(learned.schema, columns, learned.roles, complete)


@dataclass(frozen=True, slots=True, eq=False)
class _Complete:
    """The complete rows of a table: which they are (None: all), how many values the others lack by column, the row
    vectors of all rows that were given as arrays, and how many complete rows of weight 0 are not among them."""

    table: Table
    kept: BoolArray | None
    lacking: Mapping[str, int]
    given: Mapping[str, FloatArray]
    idle: int = 0


def _complete(request: Request | Schema, source: Source, missing: str) -> _Complete:
    table = read(source.data, lambda names: needed(request, names))
    given, gaps = vectors_of(source, table.n)
    mask, lacking = with_gaps(*missing_rows(request, table), gaps)
    if not lacking:
        return _Complete(table, None, {}, given)
    if missing == "error":
        name, count = next(iter(lacking.items()))
        row = table.row(int(np.flatnonzero(mask)[0]))
        where = name if name in gaps else f"column {name!r}"
        raise SchemaError(
            f"{int(mask.sum())} rows have missing values, {count} in {where}; the first is row {row}. "
            "Fill them, or take missing='drop'"
        )
    if mask.all():
        counts = ", ".join(f"{name} ({count:,})" for name, count in lacking.items())
        raise SchemaError(
            f"no rows are left: of {table.n:,} rows each lacks a value, in {counts}; fill or drop columns"
        )
    return _Complete(table.filter(~mask), ~mask, lacking, given)


def weights_of(request: Request | Schema, table: Table, given: Mapping[str, FloatArray]) -> FloatArray | None:
    """The weights of the rows of a table, (n,), read from it or given beside it; None without. SchemaError for those
    that are none, and where not one is positive."""
    if isinstance(request, Schema):
        names, recall = tuple(request.columns), replayer(request.states)
    else:
        names, recall = table.names, learner({})
    nodes = plan(request, names).asks("weights")
    found = _numbers(worth("weights", nodes, table, recall)) if nodes else given.get("weights")
    if found is not None:
        check_vectors(_weighed(found, table))
    return found


def frequencies(
    request: Request, table: Table, given: Mapping[str, FloatArray], weights_kind: str
) -> FloatArray | None:
    """How often each row counts, (n,), None for once; SchemaError for weights of this kind that are not whole."""
    found = weights_of(request, table, given) if weights_kind == "frequency" else None
    return None if found is None else whole(found, _weighed(found, table))


def _weighed(weights: FloatArray, table: Table) -> RowSet:
    """The rows of a table with nothing but their weights, for messages to name them as they came."""
    kept = None if table.rows is None else np.bincount(table.rows).astype(bool)
    return RowSet((), table.n, table.kind, None, {"weights": weights}, kept)


def _counted(complete: _Complete, weights: FloatArray) -> _Complete:
    """Those of the complete rows that have a weight (n,)."""
    there = weights > 0
    if there.all():
        return complete
    kept = there if complete.kept is None else _within(complete.kept, there)
    return replace(complete, table=complete.table.filter(there), kept=kept, idle=int((~there).sum()))


def _replayed(schema: Schema, source: Source, missing: str, unseen: str) -> RowSet:
    """Rows with their response, those of the fit read again or others, its learned state replayed."""
    complete = _complete(schema, source, missing)
    weights = weights_of(schema, complete.table, at_kept(complete.given, complete.kept))
    if weights is not None:  # rows of weight 0 are not asked for their levels
        complete = _counted(complete, weights)
    encoded = encode(schema, complete.table, unseen)  # type: ignore[arg-type]
    if encoded.valid is not None:  # levels that the model never saw, and unseen="missing"
        kept = encoded.valid if complete.kept is None else _within(complete.kept, encoded.valid)
        lacking = {**complete.lacking, **encoded.unseen}
        complete = replace(complete, table=complete.table.filter(encoded.valid), kept=kept, lacking=lacking)
        encoded = encode(schema, complete.table)
    found = ((role, evaluate(schema, complete.table, role)) for role in ROLES)
    roles: dict[str, Worth] = {role: values for role, values in found if values is not None}
    return _rows(schema, encoded.columns, roles, complete)


def _within(kept: BoolArray, some: BoolArray) -> BoolArray:
    """The rows that are kept, but of these only some."""
    out = kept.copy()
    out[kept] = some
    return out


def _rows(schema: Schema, columns: tuple[Columns, ...], roles: Mapping[str, Worth], complete: _Complete) -> RowSet:
    """Columns together with the response and the row vectors of the complete rows."""
    table, kept = complete.table, complete.kept
    vectors = at_kept(complete.given, kept)
    for name in VECTORS:
        if name in roles:
            vectors[name] = _numbers(roles[name]) + vectors[name] if name in vectors else _numbers(roles[name])
    response = response_of(schema.response or "y", roles["response"], table)
    return RowSet(columns, table.n, table.kind, response, vectors, kept, complete.lacking, complete.idle)


def _new_rows(schema: Schema, source: Source, unseen: str) -> RowSet:
    """The rows of a prediction: no response, offset and exposure asked for, incomplete rows marked."""
    table = read(source.data, lambda names: _asked(schema))
    encoded = encode(schema, table, unseen)  # type: ignore[arg-type]
    kept = np.ones(table.n, dtype=bool) if encoded.valid is None else encoded.valid.copy()
    vectors, gaps = vectors_of(source, table.n)
    kept = ~with_gaps(~kept, {}, gaps)[0]
    for name in ("offset", "exposure"):
        values = evaluate(schema, table, name)
        if values is not None:
            own = _numbers(values)
            if name in vectors:  # offsets add up; an exposure given beside the column is the one that is meant
                own = own + vectors[name] if name == "offset" else vectors[name]
            vectors[name] = own
            kept &= ~np.isnan(vectors[name])
    columns = encoded.columns
    if not kept.all():
        columns = tuple(part.take(kept) for part in columns)
        vectors = {name: vector[kept] for name, vector in vectors.items()}
    return RowSet(columns, int(kept.sum()), table.kind, None, vectors, None if kept.all() else kept)


def _asked(schema: Schema) -> tuple[str, ...]:
    """The columns a prediction reads: all but those that only the response, weights and trials use."""
    found = plan(schema, tuple(schema.columns))
    extra = [*found.offsets, *(node for role, node in found.roles.items() if role in ("offset", "exposure"))]
    return tuple(dict.fromkeys((*found.predictors, *(name for node in extra for name in columns_of(node)))))


def _numbers(values: Any) -> FloatArray:
    return np.asarray(values, dtype=np.float64)


def response_of(name: str, found: Worth, table: Table) -> RawResponse:
    """What the response's role is worth, as numbers, codes, or shares with their trials."""
    if isinstance(found, tuple):
        successes, failures = found
        trials = successes + failures
        with np.errstate(invalid="ignore", divide="ignore"):
            share = np.where(trials > 0, successes / trials, 0.0)
        return RawResponse(name, numbers=share, trials=trials, rows=table.rows)
    assert isinstance(found, Column)
    if found.codes is not None:
        return RawResponse(
            name, codes=found.codes, labels=found.labels, rows=table.rows, label_kind=found.label_kind,
            reference=found.reference,
        )  # fmt: skip
    return RawResponse(name, numbers=found.values, rows=table.rows)
