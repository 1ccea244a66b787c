"""What does each level pay? Factors on the mean or the odds, with the rows behind them."""

from collections.abc import Iterator
from itertools import groupby
from typing import Any

import numpy as np

from expfam.errors import ExpfamError
from expfam.report.numbers import count, counted, figure, several
from expfam.report.parts import Folded, Omitted, Part, Section, Table, counted_by, tabled
from expfam.report.study import Study

LARGEST = 30  # levels of a term that are listed, those with most exposure
TERMS = 30
BASE = {"relativity": "Mean", "odds_ratio": "Odds"}  # of levels that are compared with no reference
WHOLE = "fit.relativities() has all"


def relativities(study: Study) -> Section:
    """A picture and a table of each term, where effects are factors."""
    lead = "The factor by which each level moves the mean or the odds, beside what the rows show at that level."
    return Section("relativities", "Relativities", lead, study.attempt(lambda: _parts(study), "No relativities"))


def _parts(study: Study) -> Iterator[Part]:
    found = study.fit._of_levels(0.95)
    answer = found.columns
    rows_of = groupby(range(len(answer["term"])), key=lambda at: str(answer["term"][at]))
    terms = [(term, list(rows)) for term, rows in rows_of if term != "Intercept"]
    if not terms:
        raise ExpfamError("the model has no terms but the intercept")
    if any(answer["level"]):
        yield from study.picture("relativities")
    for term, rows in terms[:TERMS]:
        yield Folded(f"{term}: {counted(len(rows), 'line')}", (_table(study, found, term, rows),))
    if len(terms) > TERMS:
        yield Omitted(f"Not shown: {several([term for term, _ in terms[TERMS:]])}; {study.advice(WHOLE)}.")


def _table(study: Study, found: Any, term: str, rows: list[int]) -> Table:
    answer, unit = found.columns, found.unit
    factor = "odds_ratio" if "odds_ratio" in answer else "relativity"
    head = BASE[factor] if found.terms[term].against == "nothing" else factor.replace("_", " ").capitalize()
    columns = [
        ("level", "Level", None), *([("class", "Class", None)] if "class" in answer else []),
        (factor, head, figure), ("conf_low", "Lower", figure),
        ("conf_high", "Upper", figure), ("rows", "Rows", count), *counted_by(unit),
        ("observed", "Observed", lambda x: f"{x:,.6g}"), ("fitted", "Fitted", lambda x: f"{x:,.6g}"),
    ]  # fmt: skip
    note = ""
    if len(rows) > LARGEST:
        largest = np.argsort(-answer["exposure"][rows], kind="stable")[:LARGEST]
        note = f"The {LARGEST} of {count(len(rows))} levels with the most {unit}; {study.advice(WHOLE)}."
        rows = [rows[at] for at in sorted(largest)]
    return tabled(answer, columns, term, rows=rows, note=note)
