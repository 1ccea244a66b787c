"""Was as much seen as expected? Every column of the data, fitted or not, level by level."""

from collections.abc import Iterator
from dataclasses import replace
from functools import partial

import numpy as np

from expfam.data.table import Table as Rows
from expfam.diagnostics.experience import ActualExpected, actual_expected
from expfam.diagnostics.groups import of_column
from expfam.errors import ExpfamError
from expfam.pictures import actual_expected as picture
from expfam.report.numbers import brief, count, figure, several
from expfam.report.parts import Cell, Column, Folded, Omitted, Part, Section, Table, counted_by, number, tabled
from expfam.report.study import Study

BINS = 10
LARGEST = 30  # levels of a column that are listed
DRAWN, OPEN = 12, 2  # columns that have a picture, and those that are open from the start
WIDE = 5_000  # levels beyond which a text column that the model does not use names rows more than groups


def experience(study: Study) -> Section:
    """The columns by how far what was seen is from what was expected; then each, level by level."""
    lead = "Where observed and expected part along a column, the model has missed something of it."
    return Section("experience", "Actual and expected", lead, study.attempt(lambda: _parts(study), "No comparison"))


def _parts(study: Study) -> Iterator[Part]:
    table = study.table if study.aside_table is None else study.aside_table
    if study.model.family.vector:
        raise ExpfamError("a response of classes is compared class by class: fit.actual_expected(column, label=...)")
    names, left = _columns(study, table)
    places = study.new.prepared.places
    found = actual_expected(study.new, [of_column(table, name, places, BINS) for name in names], BINS)
    order = sorted(found.columns, key=lambda name: -_worst(found[name])[1])
    yield _summary(study, found, order)
    for k, name in enumerate(order):
        drawn = study.drawn(name, partial(picture.of, study.model, found[name])) if k < DRAWN else ()
        yield Folded(_title(found[name]), (*drawn, _levels(study, found[name])), open=k < OPEN)
    if left:
        yield Omitted(f"Not compared: {several(left)}, which name rows more than groups of them, or cannot be read.")


def _columns(study: Study, table: Rows) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The columns that are compared: all but response, weights and those that name rows; and the rest."""
    roles = study.roles
    named = [name for name in table.names if roles.get(name) not in ("response", "weights", "trials")]
    taken: list[str] = []
    left: list[str] = []
    for name in named:
        try:
            column = table.column(name)
        except ExpfamError:
            left.append(name)
            continue
        wide = len(column.labels) > WIDE and roles.get(name) != "predictor"
        (left if wide else taken).append(name)
    return tuple(taken), tuple(left)


def _worst(found: ActualExpected) -> tuple[str, float, float]:
    """The level whose observed is furthest from its expected: its name, |z|, and the ratio."""
    z = np.abs(np.nan_to_num(found.z))
    at = int(z.argmax())
    return found.level[at], float(z[at]), float(found.ratio[at])


def _summary(study: Study, found: ActualExpected, order: list[str]) -> Table:
    heads = (
        Column("Column"), Column("In the model"), Column("Levels", True), Column("Furthest level"),
        Column("Actual / expected there", True), Column("|z|", True, "difference in standard errors"),
    )  # fmt: skip
    rows = []
    for name in order:
        level, z, ratio = _worst(found[name])
        role = study.roles.get(name, "no")
        held = "yes" if role == "predictor" else role
        rows.append((Cell(name), Cell(held), number(len(found[name].level), count), Cell(level), number(ratio, figure),
                     number(z, lambda value: f"{value:.1f}")))  # fmt: skip
    note = f"Of the {study.of}. Numbers in {BINS} bins with equal shares of {found.unit}; |z| above 3 is seldom chance."
    return Table("Columns, the worst first", heads, tuple(rows), note)


def _title(found: ActualExpected) -> str:
    return f"{found.column[0]}: {count(len(found.level))} levels, largest |z| {_worst(found)[1]:.1f}"


def _levels(study: Study, found: ActualExpected) -> Table:
    """The levels of one column, those with most exposure where they are many."""
    columns = [
        ("level", "Level", None), ("rows", "Rows", count), *counted_by(found.unit),
        ("observed", "Actual", brief), ("expected", "Expected", brief), ("ratio", "Ratio", figure),
        ("conf_low", "Lower", figure), ("conf_high", "Upper", figure),
    ]  # fmt: skip
    name, size = found.column[0], len(found.level)
    rows, note = None, ""
    if size > LARGEST:
        rows = np.sort(np.argsort(-found.sums.exposure, kind="stable")[:LARGEST]).tolist()
        whole = study.advice(f"fit.actual_expected({name!r})")
        note = f"The {LARGEST} of {count(size)} levels with the most {found.unit}; {whole} has all."
    answer = replace(found, kind="dict").table()
    return tabled(answer, columns, name, rows=rows, note=note)
