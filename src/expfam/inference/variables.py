"""The rows of a formula, variable by variable: factors set to a level, numbers moved or held."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any, final

import numpy as np

from expfam._typing import AnyArray, FloatArray, IntArray
from expfam.data.names import some
from expfam.data.table import Table, read
from expfam.design import Columns, Design, assemble
from expfam.errors import ExpfamError, SchemaError
from expfam.formula import coding
from expfam.formula.algebra import variables as nodes_of
from expfam.formula.encode import evaluate, lay_out, replay
from expfam.formula.expression import Call, Name, Node, columns_of
from expfam.formula.interpret import replayer
from expfam.formula.learn import Plan, Values, missing_in, plan
from expfam.formula.schema import ROLES, Schema
from expfam.formula.slopes import slope
from expfam.formula.transforms.factor import as_factor
from expfam.formula.values import Factor
from expfam.inference.scene import (
    Indicators,
    Move,
    Scene,
    Switch,
    check_size,
    check_supplied,
    counted,
    counts,
    tell_left_out,
)
from expfam.model import Model, offset_of
from expfam.source import RowSet, Source, at_kept, vectors_of, with_gaps
from expfam.terms import FormulaTerms

GROUPS = 1000  # levels of a column that rows are grouped by, at most


@final
@dataclass(frozen=True, slots=True, eq=False)
class FormulaScene(Scene):
    """Complete rows as a table, and the values of the formula's variables there; `given` are row vectors beside it."""

    model: Model
    schema: Schema
    table: Table
    values: Values
    given: Mapping[str, FloatArray]
    weight: FloatArray
    offset: FloatArray | None
    kind: str

    @property
    def plan(self) -> Plan:
        """The trees of the formula."""
        return plan(self.schema, tuple(self.schema.columns))

    @property
    def nodes(self) -> dict[str, Node]:
        """The variables of the terms by their text."""
        return {node.text: node for node in nodes_of(self.plan.terms)}

    def design(self) -> Design:
        return assemble(lay_out(self.schema, self.values), self.n)

    def indicators(self, names: Sequence[str]) -> Indicators:
        columns, parts, levels, start = [], [], {}, 0
        terms = zip(self.schema.terms, self._spans(), lay_out(self.schema, self.values), strict=True)
        for term, span, part in terms:
            unit = self._unit(term.variables[0]) if len(term.variables) == 1 and part.codes is not None else None
            width, matrix = span.stop - span.start, None
            if unit in names:
                matrix = coding.coded_row(term, self.schema.variables, {})
                width = part.levels
                part = replace(part, names=tuple(f"{term.variables[0]} {k}" for k in range(width)), contrast=None)
                levels[str(unit)] = slice(start, start + width)
            columns.append(part)
            parts.append((slice(start, start + width), span, matrix))
            start += width
        return Indicators(assemble(tuple(columns), self.n), tuple(parts), levels)

    # ---- what there is -----------------------------------------------------------------------------------------
    @property
    def numbers(self) -> tuple[str, ...]:
        """Columns of numbers that some variable reads as such."""
        read = (name for text, node in self.nodes.items() if not self._coded(text) for name in columns_of(node))
        return tuple(dict.fromkeys(name for name in read if self.schema.columns[name] == "number"))

    @property
    def factors(self) -> Mapping[str, tuple[str, ...]]:
        """Columns used as factors, g or C(g), by the column's name; other factors, cut(x, 3), by their text."""
        found: dict[str, tuple[str, ...]] = {}
        for text in self.nodes:
            if self._coded(text):
                found.setdefault(self._unit(text), self.schema.variables[text].levels)
        return found

    @property
    def order(self) -> tuple[str, ...]:
        numbers, found = self.numbers, []
        for text, node in self.nodes.items():
            found += [self._unit(text)] if self._coded(text) else [c for c in columns_of(node) if c in numbers]
        return tuple(dict.fromkeys(found))

    def reads(self, unit: str) -> tuple[str, ...]:
        texts = [text for text in self.nodes if self._coded(text) and self._unit(text) == unit]
        return columns_of(self.nodes[texts[0]]) if texts else (unit,)

    def _coded(self, text: str) -> bool:
        return bool(self.schema.variables[text].levels)

    def _unit(self, text: str) -> str:
        """The column that a factor is, or its own text."""
        node = self.nodes[text]
        inner = node.args[0] if isinstance(node, Call) and node.function == "C" and node.args else node
        return inner.column if isinstance(inner, Name) and self._plain(inner.column) else text

    def _plain(self, column: str) -> bool:
        """Does no variable read the column as a number?"""
        return not any(column in columns_of(node) for text, node in self.nodes.items() if not self._coded(text))

    # ---- how X moves -------------------------------------------------------------------------------------------
    def _spans(self) -> list[slice]:
        """The coefficients of each term."""
        widths = [len(coding.names(term, self.schema.variables)) for term in self.schema.terms]
        return [slice(int(a), int(b)) for a, b in pairwise(np.cumsum([0, *widths]))]

    def move(self, name: str) -> Move:
        x = self.table.column(name).values
        assert x is not None, "numbers are columns of numbers"
        slopes = {text: self._slope(node, name) for text, node in self.nodes.items() if not self._coded(text)}
        slopes = {text: move for text, move in slopes.items() if np.ndim(move)}
        touched = [k for k, term in enumerate(self.schema.terms) if any(v in slopes for v in term.variables)]
        spans = self._spans()
        drift = sum((self._slope(node, name) for node in self.plan.asks("offset")), start=np.float64(0.0))
        for node in self.plan.asks("exposure"):
            drift = drift + self._slope(node, name) / evaluate(self.schema, self.table, "exposure")
        still = not np.any(drift)
        only = self.schema.terms[touched[0]].variables if len(touched) == 1 else ()
        if still and only and only == tuple(slopes) and isinstance(self.nodes[only[0]], Name):
            return Move(name, x, unit=spans[touched[0]].start)
        pieces = [
            (spans[k], assemble((self._columns(k, slice(None), {text: slopes[text]}),), self.n))
            for k in touched
            for text in self.schema.terms[k].variables
            if text in slopes
        ]
        return Move(name, x, tuple(pieces), None if still else np.broadcast_to(drift, self.n))

    def _slope(self, node: Node, column: str) -> Any:
        """d node / d column, looked up where the column holds few whole numbers."""
        recall = replayer(self.schema.states)
        few = self.table.few(column, False) if columns_of(node) == (column,) else None
        if few is None:
            return slope(node, column, self.table, recall)
        return few.spread(slope(node, column, read({column: few.values}), recall))

    def switch(self, name: str) -> Switch:
        texts = [text for text in self.nodes if self._coded(text) and self._unit(text) == name]
        variable = self.schema.variables[texts[0]]
        levels, terms, spans = variable.levels, self.schema.terms, self._spans()
        touched = [k for k, term in enumerate(terms) if any(text in term.variables for text in texts)]
        known = self.values[texts[0]]
        assert isinstance(known, Factor)
        check_size([(name, len(levels))], (len(self.model.names), 1))
        rows = None
        if len(touched) == 1 and terms[touched[0]].variables == (texts[0],):
            rows = np.zeros((len(levels), len(self.model.names)))
            rows[:, spans[touched[0]]] = coding.coded_row(terms[touched[0]], self.schema.variables, {})

        def set_to(level: int | None, at: slice) -> list[tuple[slice, Columns]]:
            there = {} if level is None else {text: self._constant(text, levels[level]) for text in texts}
            return [(spans[k], self._columns(k, at, there)) for k in touched]

        places = tuple(spans[k] for k in touched)
        return Switch(name, levels, levels.index(variable.reference), known.codes, places, rows, set_to)

    def _constant(self, text: str, level: str) -> Factor:
        """A factor that is one level in every row."""
        known = self.values[text]
        assert isinstance(known, Factor)
        code = self.schema.variables[text].levels.index(level)
        return replace(known, codes=np.full(self.n, code, dtype=known.codes.dtype))

    def _columns(self, k: int, at: slice, instead: Mapping[str, Any]) -> Columns:
        """The columns of a term at some rows, some of its variables replaced."""
        term = self.schema.terms[k]
        values = {v: instead.get(v, self.values[v]) for v in term.variables}
        return coding.columns(term, self.schema.variables, {v: _at(value, at) for v, value in values.items()})

    def balanced(self, levels: Mapping[str, str]) -> FloatArray:
        """The mean of X over all combinations of levels, some factors held, numbers at their means, (p,)."""
        here, at = self.typical(), {}
        for text, variable in self.schema.variables.items():
            known = here.values[text]
            if isinstance(known, Factor):
                k, held = len(variable.levels), levels.get(self._unit(text))
                at[text] = np.full(k, 1 / k) if held is None else np.eye(k)[variable.levels.index(held)]
            else:
                at[text] = known.reshape(-1)
        rows = [coding.coded_row(term, self.schema.variables, at)[0] for term in self.schema.terms]
        return np.concatenate(rows)

    def observed(self, levels: Mapping[str, str], means: bool) -> FloatArray:
        """The mean of X over the rows, some factors held, numbers as they are or at their means (p,)."""
        share = self.weight / self.weight.sum()
        numbers = {name: float(share @ _numbers(self.table, name)) for name in self.numbers} if means else {}
        kept = {text: value for text, value in self.values.items() if isinstance(value, Factor)}
        moved = self.held(numbers)
        design = replace(moved, values={**moved.values, **kept}).held(levels).design()
        return design.maps.adjoint(design.adjoint(share))

    # ---- other rows --------------------------------------------------------------------------------------------
    def held(self, values: Mapping[str, Any]) -> "FormulaScene":
        found = self
        for name, value in values.items():
            found = found._level(name, str(value)) if name in found.factors else found._number(name, value)
        return found

    def _level(self, name: str, level: str) -> "FormulaScene":
        if level not in self.factors[name]:
            raise ExpfamError(f"{name} has no level {level!r}; its levels are {some(self.factors[name])}")
        texts = [text for text in self.nodes if self._coded(text) and self._unit(text) == name]
        return replace(self, values={**self.values, **{text: self._constant(text, level) for text in texts}})

    def _number(self, name: str, value: Any) -> "FormulaScene":
        import pyarrow as pa

        if not isinstance(value, int | float | np.number) or not np.isfinite(value):
            raise ExpfamError(f"{name}={value!r} cannot be held; give a finite number")
        column = pa.array(np.full(self.n, float(value)))
        return self._on(replace(self.table, columns={**self.table.columns, name: column}), name)

    def _on(self, table: Table, *names: str) -> "FormulaScene":
        """The same rows on a table where some columns were replaced."""
        fresh, _, _ = replay(self.schema, table)
        read = {text for text, node in self.nodes.items() if set(names) & set(columns_of(node))}
        values = {text: fresh[text] if text in read else known for text, known in self.values.items()}
        rows = _rows(self.schema, table, self.given)
        return replace(self, table=table, values=values, offset=offset_of(self.model, rows))

    def typical(self) -> "FormulaScene":
        share = self.weight / self.weight.sum()
        means = {name: float(share @ _numbers(self.table, name)) for name in self.numbers}
        offset = None if self.offset is None else (share @ self.offset)[None]
        one = self.take(np.zeros(1, dtype=np.intp))
        modes = {
            text: _only(value, int(np.bincount(value.codes, self.weight).argmax()))
            for text, value in self.values.items()
            if isinstance(value, Factor) and not set(columns_of(self.nodes[text])) & set(means)
        }
        found = one.held(means)
        return replace(found, values={**found.values, **modes}, weight=np.ones(1), offset=offset)

    def along(self, name: str, values: AnyArray) -> "FormulaScene":
        import pyarrow as pa

        again, m = np.zeros(len(values), dtype=np.intp), len(values)
        first = replace(
            self, table=self.table.take(again), values={text: _at(value, again) for text, value in self.values.items()},
            given={key: vector[again] for key, vector in self.given.items()}, weight=np.ones(m),
        )  # fmt: skip
        if name not in self.factors:
            columns = {**first.table.columns, name: pa.array(np.asarray(values, dtype=np.float64))}
            return replace(first._on(replace(first.table, columns=columns), name), offset=None)
        texts = [text for text in self.nodes if self._coded(text) and self._unit(text) == name]
        there = {text: _coded_at(first.values[text], values) for text in texts}
        return replace(first, values={**first.values, **there}, offset=None)

    def take(self, rows: IntArray) -> "FormulaScene":
        mask = np.zeros(self.n, dtype=bool)
        mask[rows] = True
        values = {text: _at(value, rows) for text, value in self.values.items()}
        given = {name: vector[rows] for name, vector in self.given.items()}
        offset = None if self.offset is None else self.offset[rows]
        return replace(
            self, table=self.table.filter(mask), values=values, given=given, weight=self.weight[rows], offset=offset
        )

    def without_offset(self) -> "FormulaScene":
        return replace(self, offset=None)

    def column(self, name: str) -> AnyArray:
        if name not in self.factors:
            return _numbers(self.table, name)
        return next(v.codes for t, v in self.values.items() if isinstance(v, Factor) and self._unit(t) == name)

    @property
    def vectors(self) -> Mapping[str, FloatArray]:
        return _rows(self.schema, self.table, self.given).vectors

    def groups(self, name: str) -> tuple[tuple[str, ...], IntArray]:
        unit = next((text for text in self.nodes if self._coded(text) and name in (text, self._unit(text))), None)
        if unit is not None:
            known = self.values[unit]
            assert isinstance(known, Factor)
            return known.levels, known.codes
        column = self.table.column(name)
        codes = column.codes
        if (codes is not None and (codes < 0).any()) or (column.values is not None and np.isnan(column.values).any()):
            raise SchemaError(f"by={name!r} is missing in some rows; fill it, or leave such rows out")
        found = as_factor(_numbers(self.table, name) if codes is None else Factor(codes, column.labels))
        if len(found.levels) > GROUPS:
            raise ExpfamError(f"by={name!r} has {len(found.levels):,} values; group it first, as in cut(...): {GROUPS}")
        return found.levels, found.codes


def of_formula(model: Model, source: Source, fitted: bool, beside: Sequence[str]) -> FormulaScene:
    """The complete rows of a source that have a weight, where it says one; `fitted`: those of the fit."""
    assert isinstance(model.terms, FormulaTerms)
    schema = model.terms.schema
    found = plan(schema, tuple(schema.columns))
    unknown = [name for name in beside if name not in schema.variables]
    table = read(source.data, lambda names: _read(model, found, fitted, names, unknown))
    given, gaps = vectors_of(source, table.n)
    needed = _needed(model, found, fitted, table.names)
    gone, lacking = with_gaps(*missing_in(table, needed, frozenset(found.predictors)), gaps)
    kept = ~gone if gone.any() else None
    if gone.all():
        raise SchemaError("every row lacks a value in some column that the model reads; nothing is left to average")
    table = table if kept is None else table.filter(kept)
    given = at_kept(given, kept) | _trials(found, schema, table)
    rows = replace(_rows(schema, table, given), kept=kept, dropped=lacking)
    check_supplied(model, rows)
    if not fitted:
        tell_left_out(rows)
    there = counted(rows)  # others are not asked for their levels
    table, given = table.filter(there), at_kept(given, there)
    values, rows = replay(schema, table)[0], replace(rows, n=table.n, vectors=at_kept(rows.vectors, there))
    return FormulaScene(model, schema, table, values, given, counts(model, rows), offset_of(model, rows), table.kind)


def _read(model: Model, found: Plan, fitted: bool, names: Sequence[str], beside: Sequence[str]) -> tuple[str, ...]:
    """The columns to read: those needed, those that say what rows stand for, where they are there, and others."""
    roles = [node for role in ROLES[1:] for node in found.asks(role)] + list(found.pair)
    there = (name for node in roles for name in columns_of(node) if name in names)
    return tuple(dict.fromkeys((*_needed(model, found, fitted, names), *there, *beside)))


def _needed(model: Model, found: Plan, fitted: bool, names: Sequence[str]) -> tuple[str, ...]:
    """The columns that a row may not lack: all those of the fit; of other rows none of the response, and of weights
    that do not count rows, and trials, those that are there."""
    if fitted:
        return found.columns
    nodes = [*found.asks("offset"), *found.asks("exposure")]
    for role in ("weights", "trials"):
        must = role == "weights" and model.weights_kind != "precision"
        nodes += [node for node in found.asks(role) if must or set(columns_of(node)) <= set(names)]
    return tuple(dict.fromkeys((*found.predictors, *(name for node in nodes for name in columns_of(node)))))


def _rows(schema: Schema, table: Table, given: Mapping[str, FloatArray]) -> RowSet:
    """The row vectors of a table, those given beside it among them."""
    vectors = dict(given)
    for name in ROLES[1:]:
        if _at_hand(schema, table, name):
            found: Any = evaluate(schema, table, name)
            vectors[name] = np.asarray(found, dtype=np.float64) + (given.get(name, 0.0) if name == "offset" else 0.0)
    return RowSet((), table.n, table.kind, None, vectors)


def _trials(found: Plan, schema: Schema, table: Table) -> dict[str, FloatArray]:
    """The trials that a response of cbind tells, (n,), as the row vector that they are; of other rows none where it
    holds no counts: it may be yet to come, whatever stands in its place, and each row is one then."""
    if not found.pair or not _at_hand(schema, table, "response"):
        return {}
    try:
        counts: Any = evaluate(schema, table, "response")
    except SchemaError:  # text or dates
        return {}
    total = np.add(*counts)
    return {"trials": total} if np.min(counts) >= 0 and 0 < total.max() < np.inf else {}  # no NaN


def _at_hand(schema: Schema, table: Table, role: str) -> bool:
    nodes = plan(schema, tuple(schema.columns)).asks(role)
    return bool(nodes) and all(name in table.columns for node in nodes for name in columns_of(node))


def _at(value: Any, rows: slice | IntArray) -> Any:
    return replace(value, codes=value.codes[rows]) if isinstance(value, Factor) else value[rows]


def _coded_at(factor: Any, codes: IntArray) -> Factor:
    assert isinstance(factor, Factor)
    return replace(factor, codes=codes.astype(factor.codes.dtype))


def _only(factor: Factor, code: int) -> Factor:
    return replace(factor, codes=np.array([code], dtype=factor.codes.dtype))


def _numbers(table: Table, name: str) -> FloatArray:
    values = table.column(name).values
    assert values is not None
    return values
