"""What was estimated: every coefficient with its error, and a forest of the intervals."""

import numpy as np

from expfam.report.content import MANY
from expfam.report.numbers import count, figure, p_value
from expfam.report.parts import Section, Table, tabled
from expfam.report.study import Study


def coefficients(study: Study) -> Section:
    """A table of all coefficients, or of the largest statistics where they are many; the forest above it."""
    lead = "Each on the scale of the linear predictor, with its standard error and 95% interval."
    return Section("coefficients", "Coefficients", lead, (*study.picture("forest"), _table(study)))


def _table(study: Study) -> Table:
    fit = study.fit
    answer = fit.tidy()
    letter = "z" if fit.reference is None else "t"
    columns = [
        ("term", "Term", None), *([("class", "Class", None)] if "class" in answer else []),
        ("estimate", "Estimate", figure), ("std_error", "Std. error", figure),
        ("statistic", letter, lambda value: f"{value:.2f}"), ("p_value", f"P(>|{letter}|)", p_value),
        ("conf_low", "2.5%", figure), ("conf_high", "97.5%", figure),
    ]  # fmt: skip
    size = len(answer["term"])
    if size <= MANY:
        return tabled(answer, columns, "Coefficients")
    largest = np.argsort(-np.nan_to_num(np.abs(answer["statistic"])), kind="stable")[:MANY]
    note = f"The {MANY} of {count(size)} with the largest statistics; {study.advice('fit.tidy()')} has all."
    return tabled(answer, columns, "Coefficients", rows=sorted(largest.tolist()), note=note)
