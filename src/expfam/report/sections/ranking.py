"""Does the model tell rows apart? Lift, Lorenz and ROC curves."""

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from expfam.diagnostics.judged import Judged
from expfam.diagnostics.lift import lift
from expfam.diagnostics.ranking import ClassRocs, lorenz, roc
from expfam.errors import ExpfamError
from expfam.pictures import lift as lift_picture
from expfam.pictures import lorenz as lorenz_picture
from expfam.pictures import roc as roc_picture
from expfam.pictures.picture import Picture
from expfam.report.numbers import count, figure
from expfam.report.parts import Cell, Column, Folded, Part, Section, Table, counted_by, number, tabled
from expfam.report.study import Study

HEADS = ("Gini", "Gini of a perfect order", "Share of it", "Area under the ROC curve", "Its standard error")


def ranking(study: Study) -> Section:
    """Pictures of the curves, and their areas for both sets of rows."""
    lead = "How far apart are the rows that the model tells apart, and does what happened follow that order?"
    parts: list[Part] = []
    for label in study.labels:
        parts += study.attempt(partial(_lifts, study, label), "No lift")
    for label in study.labels:
        parts += study.drawn("lorenz", partial(_lorenz, study, label))
    curves = _ordered(study.new)
    if curves is not None:
        parts += study.drawn("roc", lambda: roc_picture.of(curves))
    return Section("ranking", "Lift and ranking", lead, (*parts, *study.attempt(lambda: (_areas(study),), "No areas")))


def _lifts(study: Study, label: str | None) -> Iterator[Part]:
    of, found = f" of {label}" if label else "", lift(study.new.one(label))
    columns = [
        ("bin", "Bin", count), ("rows", "Rows", count), *counted_by(found.unit),
        ("expected", "Expected", figure), ("observed", "Observed", figure), ("lift", "Lift", figure),
    ]  # fmt: skip
    yield from study.drawn("lift", lambda: lift_picture.of(study.model, found, label))
    yield Folded(f"The bins{of}", (tabled(found.table(), columns, f"Lift{of}, {study.of}"),))


def _lorenz(study: Study, label: str | None) -> Picture:
    found = lorenz_picture.of(study.model, lorenz(study.new.one(label)))
    return found if label is None else replace(found, title=f"{found.title} of {label}")


def _areas(study: Study) -> Table:
    """One row a set of rows and class: Gini and its bound, AUC with its error where there is one."""
    sets = [("rows of the fit", study.judged), *([] if study.aside is None else [("kept aside", study.aside)])]
    found = {
        name if label is None else f"{label}, {name}": (*_gini(judged.one(label)), *_area(judged, label))
        for name, judged in sets
        for label in study.labels
    }
    told = [k for k in range(len(HEADS)) if not all(np.isnan(row[k]) for row in found.values())]
    rows = tuple((Cell(name), *(number(row[k], figure) for k in told)) for name, row in found.items())
    return Table("Areas", (Column("Rows"), *(Column(HEADS[k], number=True) for k in told)), rows)


def _gini(judged: Judged) -> tuple[float, float, float]:
    try:
        found = lorenz(judged)
    except ExpfamError:  # negative responses have no shares of a total
        return np.nan, np.nan, np.nan
    return found.gini, found.oracle, found.normalised


def _ordered(judged: Judged) -> Any:
    """The ROC curves, None for a response without two classes."""
    try:
        return roc(judged)
    except ExpfamError:
        return None


def _area(judged: Judged, label: str | None) -> tuple[float, float]:
    found = _ordered(judged)
    if isinstance(found, ClassRocs) and label is not None:
        found = found[label]
    return (np.nan, np.nan) if found is None else (found.auc, found.se)
