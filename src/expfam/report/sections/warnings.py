"""What should be looked at before anything else? Every check of the fit, grave things first."""

from collections.abc import Iterator

import numpy as np

from expfam.diagnostics.findings import Finding, Findings
from expfam.report.numbers import count, p_value, several
from expfam.report.parts import Cell, Column, Folded, Notice, Part, Section, Table, number
from expfam.report.study import Study

LOST = 0.05  # share of rows left out from which it is worth a warning
GRAVE = ("convergence", "separation")
GRADES = {"warning": "warn", "look": "look"}
ORDER = ("bad", "warn", "look")


def warnings(study: Study) -> Section:
    """A notice for each finding; that all is well is said, too."""
    checked = study.check()
    found = sorted(_found(study, checked), key=lambda notice: ORDER.index(notice.grade))
    calm = Notice("good", "Nothing stands out", "Every check that applies to this model was passed.")
    parts: tuple[Part, ...] = (
        *(found or (calm,)),
        Folded(f"All {count(len(checked))} checks", (_table(study, checked),)),
    )
    return Section("warnings", "To look at first", "", parts)


def _found(study: Study, checked: Findings) -> Iterator[Notice]:
    separation = study.fit.certificate.separation
    if separation is not None and separation.names:
        text = f"{several(separation.limits)}: {study.advice(separation.remedy)}."
        yield Notice("bad", "Coefficients without a finite estimate", text)
    for finding in checked:
        told = separation is not None and separation.names and finding.name in GRAVE
        if finding.verdict != "ok" and not told:
            grade = "bad" if finding.name in GRAVE else GRADES[finding.verdict]
            yield Notice(grade, _title(finding), study.advice(finding.sentence))
    for beside in study.fit.nuisance:
        if beside.note:
            yield Notice("warn", beside.name.capitalize(), f"{study.advice(beside.note)}.")
    given = study.here.prepared.given
    if study.fit.dropped_rows > LOST * given:
        text = f"{count(study.fit.dropped_rows)} of {count(given)} rows lack a value. Are they like the others?"
        yield Notice("warn", "Many rows were left out", text)
    yield from (Notice("look", "Told while this page was made", study.advice(text)) for text in study.told)


def _title(finding: Finding) -> str:
    name, p = finding.name, p_value(finding.p_value)
    said = "" if np.isnan(finding.p_value) else f", P {p}" if p.startswith("<") else f", P = {p}"
    return f"{name[0].upper()}{name[1:]}: {finding.figure}{said}"


def _table(study: Study, checked: Findings) -> Table:
    heads = Column("Check"), Column("Verdict"), Column("Found"), Column("P", number=True)
    rows = [(Cell(each.name), Cell(each.verdict), Cell(each.figure), number(each.p_value, p_value)) for each in checked]
    rows += [
        (Cell(name), Cell("not judged"), Cell(study.advice(why)), Cell("")) for name, why in checked.left_out.items()
    ]
    note = "A verdict other than ok needs a small P and a size that matters: with many rows everything is significant."
    return Table("Checks", heads, tuple(rows), note)
