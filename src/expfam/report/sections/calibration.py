"""Are the fitted rates right, the low and the high ones? Of the rows of the fit, and of those kept aside."""

from collections.abc import Iterator
from functools import partial

from expfam.diagnostics.calibration import Calibration
from expfam.diagnostics.calibration import calibration as calibrated
from expfam.diagnostics.judged import Judged
from expfam.pictures import calibration as picture
from expfam.report.numbers import brief, count, figure, p_value
from expfam.report.parts import Cell, Column, Folded, Omitted, Part, Section, Table, counted_by, number, tabled
from expfam.report.study import SEVERAL, Study


def calibration(study: Study) -> Section:
    """A picture, the figures of both sets of rows side by side, and the bins."""
    lead = "Do the rows of low and of high fitted means come out as the model says?"
    parts: list[Part] = []
    for label in study.labels:
        parts += study.attempt(partial(_parts, study, label), "No calibration")
    classes = len(study.model.classes or ())
    if study.model.family.vector and classes > SEVERAL:
        more = study.advice("fit.calibration(label=...) has any.")
        parts.append(Omitted(f"The first {SEVERAL} of {classes} classes; {more}"))
    return Section("calibration", "Calibration", lead, tuple(parts))


def _parts(study: Study, label: str | None) -> Iterator[Part]:
    sets = [("Rows of the fit", study.judged), *([] if study.aside is None else [("Kept aside", study.aside)])]
    judged = [(name, rows.one(label)) for name, rows in sets]
    found = [(name, rows, calibrated(rows)) for name, rows in judged]
    last, of = found[-1][2], f" of {label}" if label else ""
    yield from study.drawn("calibration", lambda: picture.of(study.model, last, label))
    yield _figures(f"Calibration{of}", found)
    columns = [
        ("bin", "Bin", count), ("rows", "Rows", count), *counted_by(last.unit),
        ("expected", "Expected", figure), ("observed", "Observed", figure),
        ("conf_low", "Lower", figure), ("conf_high", "Upper", figure),
    ]  # fmt: skip
    note = (
        f"Bins with equal shares of {last.unit} along the fitted rate; expected and observed as rates, with 95% score "
        "intervals."
    )
    yield Folded(f"The bins{of}", (tabled(last.table(), columns, f"Bins{of}, {study.of}", note=note),))


def _figures(caption: str, found: list[tuple[str, Judged, Calibration]]) -> Table:
    """One row a figure, one column a set of rows."""
    lines = {
        "Rows": [number(rows.n, count) for _, rows, _ in found],
        "Observed": [number(float(rows.observed.sum()), brief) for _, rows, _ in found],
        "Expected": [number(float(rows.expected.sum()), brief) for _, rows, _ in found],
        "Observed / expected": [number(each.ratio) for *_, each in found],
        "Recalibration intercept": [number(each.recalibration.intercept) for *_, each in found],
        "Recalibration slope": [number(each.recalibration.slope) for *_, each in found],
        "P of intercept 0 and slope 1": [number(each.recalibration.p_value, p_value) for *_, each in found],
        "P of the bins": [number(each.p_value, p_value) for *_, each in found],
        "Mean distance of rates": [number(each.error) for *_, each in found],
    }
    heads = Column("Figure"), *(Column(name, number=True) for name, *_ in found)
    rows = tuple((Cell(name), *cells) for name, cells in lines.items())
    note = "Of the rows of a fit by maximum likelihood the ratio is near 1 by construction."
    if any(each.recalibration.df == 1 for *_, each in found):
        note += " No predictor varies, so there is no slope: it is held at 1."
    return Table(caption, heads, rows, note)
