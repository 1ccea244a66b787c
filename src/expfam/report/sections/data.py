"""Which rows is it from? What was read, what was left out for missing values, and each column at a glance."""

from collections.abc import Iterator
from functools import partial

import numpy as np

from expfam.data.column import Column as Values
from expfam.data.share import each
from expfam.data.table import Table as Rows
from expfam.errors import SchemaError
from expfam.report.numbers import brief, count, several
from expfam.report.parts import Cell, Column, Facts, Omitted, Part, Section, Table, number
from expfam.report.study import Study

HEADS = (
    Column("Column"), Column("Role"), Column("Type"), Column("Distinct", True), Column("Missing", True),
    Column("Minimum", True), Column("Mean", True), Column("Maximum", True), Column("Most frequent"),
)  # fmt: skip
UNKNOWN = Cell("")


def data(study: Study) -> Section:
    """Rows and columns."""
    parts: list[Part] = [Facts(tuple(_facts(study))), _columns(study.table, study.roles)]
    if study.unread:
        parts.append(Omitted(f"Columns beyond the first ones, not shown: {several(study.unread)}."))
    return Section("data", "The data", "Which rows the model was fitted on, and what their columns hold.", tuple(parts))


def _facts(study: Study) -> Iterator[tuple[str, str]]:
    fit, prepared = study.fit, study.here.prepared
    yield "Rows read", count(prepared.given)
    yield "Rows used", count(prepared.data.n)
    if prepared.frequency is not None:
        yield "Observations", f"{count(fit.n)}, by frequency weights"
    if fit.dropped_rows:
        lacking = ", ".join(f"{name} {count(number)}" for name, number in fit.dropped.items())
        yield "Left out for missing values", f"{count(fit.dropped_rows)} rows ({lacking})"
    weightless = prepared.given - fit.dropped_rows - prepared.data.n
    if weightless:
        yield "Left out for weight zero", f"{count(weightless)} rows"
    if not np.isclose(fit.weights_sum, fit.n):
        yield "Sum of weights", f"{fit.weights_sum:,.6g}"
    if prepared.exposure is not None:
        yield "Sum of exposure", f"{float(np.sum(prepared.exposure)):,.6g}"
    summed = fit.certificate
    if summed.rows < summed.summed_from:
        yield "Rows of equal predictors", f"summed, {count(summed.summed_from)} to {count(summed.rows)}"


def _columns(table: Rows, roles: dict[str, str]) -> Table:
    ordered = sorted(table.names, key=lambda name: (name not in roles, roles.get(name) != "response"))
    cells = each(partial(_column, table, roles), tuple(ordered), table.n)
    return Table("Columns of the data", HEADS, tuple(cells), note="Of all rows read, missing values left aside.")


def _column(table: Rows, roles: dict[str, str], name: str) -> tuple[Cell, ...]:
    """One line: a number by its range, a factor by its most frequent level."""
    head = Cell(name), Cell(roles.get(name, "not used"))
    try:
        column = table.column(name)
    except SchemaError:  # a date, a list: no model reads it
        return *head, Cell("other"), *(UNKNOWN,) * 6
    missing = 0 if column.null is None else int(column.null.sum())
    return (*head, Cell(column.kind), *(_levels if column.codes is not None else _numbers)(column, missing))


def _levels(column: Values, missing: int) -> tuple[Cell, ...]:
    assert column.codes is not None
    held = column.codes if column.null is None else column.codes[~column.null]
    sizes = np.bincount(held, minlength=len(column.labels))
    most = Cell("")
    if sizes.size and len(held):
        most = Cell(f"{column.labels[int(sizes.argmax())]} ({sizes.max() / len(held):.1%})")
    return number(len(column.labels), count), number(missing, count), UNKNOWN, UNKNOWN, UNKNOWN, most


def _numbers(column: Values, missing: int) -> tuple[Cell, ...]:
    assert column.values is not None
    known = column.values[~np.isnan(column.values)]
    missing = len(column.values) - len(known)
    if not len(known):
        return (number(0, count), number(missing, count), *(UNKNOWN,) * 4)
    values, sizes = np.unique(known, return_counts=True)
    most = Cell("")
    if sizes.max() > 1 and sizes.max() >= len(known) / 20:
        most = Cell(f"{values[sizes.argmax()]:g} ({sizes.max() / len(known):.1%})")
    figures = (values[0], float(known.mean()), values[-1])
    return (number(len(values), count), number(missing, count), *(number(float(v), brief) for v in figures), most)
