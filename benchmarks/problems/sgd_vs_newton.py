"""How close does stochastic gradient descent come to Newton's answer after so many passes over the rows?"""

from collections.abc import Iterator
from dataclasses import dataclass
from time import perf_counter
from typing import Any

import numpy as np

from benchmarks import data
from benchmarks.problem import Problem, Settings
from benchmarks.table import Report

PASSES = (1, 3, 10, 30)
COLUMNS = ("passes", "seconds", "Newton s", "excess mean loss", "max|coef - Newton| / se")
SPECIES = {  # means and common standard deviations of Fisher's four lengths and widths
    "setosa": (5.006, 3.428, 1.462, 0.246),
    "versicolor": (5.936, 2.770, 4.260, 1.326),
    "virginica": (6.588, 2.974, 5.552, 2.026),
}
SPREAD = (0.515, 0.340, 0.430, 0.205)


@dataclass(frozen=True, slots=True)
class Case:
    """A data set with a model on it."""

    name: str
    formula: str
    data: Any
    family: str


def adult() -> Case:
    """Income above 50,000 of 48,842 adults; only factors all of whose levels have both outcomes."""
    formula = (
        "income ~ age + I(age**2) + education_num + marital_status + relationship + race + sex + hours_per_week"
        " + log(1 + capital_gain) + log(1 + capital_loss)"
    )
    return Case("adult, logit", formula, data.file("adult.parquet"), "bernoulli")


def diamonds() -> Case:
    """The logarithm of the price of 53,940 diamonds."""
    formula = "log(price) ~ log(carat) + cut + color + clarity + depth + table"
    return Case("diamonds, Gaussian", formula, data.file("r/diamonds.csv"), "gaussian")


def iris() -> Case:
    """9,000 flowers drawn around the means of Fisher's three species, twice as spread so that they overlap."""
    draw = np.random.default_rng(1936)
    labels = np.repeat(list(SPECIES), 3000)
    means = np.repeat(np.array(list(SPECIES.values())), 3000, axis=0)
    X = means + 2 * np.array(SPREAD) * draw.standard_normal(means.shape)
    columns = dict(zip(("length", "width", "petal_length", "petal_width"), X.T, strict=True))
    formula = "species ~ length + width + petal_length + petal_width"
    return Case("iris-like, softmax", formula, {"species": labels, **columns}, "categorical")


def run(settings: Settings) -> tuple[Report, ...]:
    """SGD with its default options but for the passes; cases whose file is absent are told and left out."""
    rows: list[tuple[str, ...]] = []
    left_out: list[str] = []
    for case in (iris,) if settings.quick else (adult, diamonds, iris):
        try:
            rows += lines(case())
        except data.Absent as reason:
            left_out.append(f"{case.__name__} left out: {reason}.")
    notes = ("mean loss: half the unit deviance, in units of phi; se: Newton's standard errors.", *left_out)
    return (Report("SGD after so many passes against Newton", ("", *COLUMNS), tuple(rows), notes),)


def lines(case: Case) -> Iterator[tuple[str, ...]]:
    """A line for each number of passes."""
    import expfam as ef

    best, newton_seconds = _timed(case, "newton")
    for passes in PASSES:
        fit, seconds = _timed(case, ef.SGD(passes=passes))
        excess = (fit.deviance - best.deviance) / (2 * best.weights_sum)
        away = np.nanmax(np.abs(fit.coef - best.coef) / best.se)
        yield case.name, str(passes), f"{seconds:.2f}", f"{newton_seconds:.2f}", f"{excess:.1e}", f"{away:.2g}"


def _timed(case: Case, solver: Any) -> tuple[Any, float]:
    import expfam as ef

    began = perf_counter()
    fit = ef.glm(case.formula, case.data, family=case.family, solver=solver)
    return fit, perf_counter() - began


PROBLEM = Problem("sgd_vs_newton", "How close does SGD come to Newton's answer, and after how many passes?", run)
