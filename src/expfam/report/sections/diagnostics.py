"""Where does the model miss? The four panels, quantile residuals, the rows that move the fit most."""

from collections.abc import Iterator

import numpy as np

from expfam._typing import FloatArray
from expfam.diagnostics.residuals import KINDS, residuals
from expfam.report.numbers import count, figure
from expfam.report.parts import Cell, Column, Omitted, Part, Section, Table, number
from expfam.report.study import Study

SHOWN = 10
SUMMARY = {"deviance": "Deviance", "pearson": "Pearson", "quantile": "Quantile"}
SHARES = {"Minimum": 0.0, "Quarter": 0.25, "Median": 0.5, "Three quarters": 0.75, "Maximum": 1.0}


def diagnostics(study: Study) -> Section:
    """Pictures of residuals, then their numbers, then single rows."""
    lead = "Residuals show what the model does not: a missing curve, the wrong spread, rows that it never expected."
    if study.here.classes > 1:
        none = Omitted("Residuals are of one number a row, and this response has several classes: see the calibration.")
        return Section("diagnostics", "Diagnostics", lead, (none,))
    pictures = *study.picture("panels"), *study.picture("worm")
    numbers = (
        *study.attempt(lambda: _residuals(study), "No residuals"),
        *study.attempt(lambda: _influential(study), "No influence"),
    )
    return Section("diagnostics", "Diagnostics", lead, (*pictures, *numbers))


def _residuals(study: Study) -> Iterator[Part]:
    heads = (Column("Residual"), *(Column(title, number=True) for title in (*SHARES, "Mean", "Std. deviation")))
    rows = []
    for kind in KINDS:
        if kind in SUMMARY and (kind != "quantile" or study.model.family.has_likelihood):
            values = residuals(study.here, kind, study.fit.dispersion, seed=0)
            rows.append((Cell(SUMMARY[kind]), *(number(float(value), figure) for value in _spread(values))))
    note = "Quantile residuals are standard normal where the model holds, whatever the family."
    yield Table("Residuals", heads, tuple(rows), note)


def _spread(values: FloatArray) -> list[float]:
    known = values[np.isfinite(values)]
    if not known.size:
        return [np.nan] * (len(SHARES) + 2)
    return [*np.quantile(known, list(SHARES.values())), known.mean(), known.std(ddof=1) if known.size > 1 else np.nan]


def _influential(study: Study) -> Iterator[Part]:
    """The rows with the largest Cook's distance, by their numbers in the data."""
    found = study.plots.influence(study.here)
    cooks = np.nan_to_num(found.cooks_distance, nan=-1.0)
    most = min(SHOWN, len(cooks))
    rows = np.argpartition(-cooks, most - 1)[:most]
    rows = rows[np.lexsort((rows, -cooks[rows]))]
    titles = "Row", "Observed", "Fitted", "Leverage", "Studentised residual", "Cook's distance", "DFFITS"
    columns = (_observed(study), _fitted(study), found.leverage, found.rstudent, found.cooks_distance, found.dffits)
    cells = tuple(
        (number(float(at), count), *(number(float(values[at]), figure) for values in columns))
        for at in rows.tolist()
        if cooks[at] >= 0
    )
    note = "Rows are counted from 0, as they stand in the data."
    yield Table("Rows that move the fit most", tuple(Column(title, number=True) for title in titles), cells, note)


def _observed(study: Study) -> FloatArray:
    prepared = study.here.one_line("observed").prepared
    return prepared.placed(prepared.data.y.astype(np.float64))


def _fitted(study: Study) -> FloatArray:
    here = study.here.one_line("fitted")
    return here.prepared.placed(here.means(here.problem.objective.data))
