"""How much loss is left after how many seconds, by Newton's method and by stochastic gradient descent?"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from statistics import median
from time import perf_counter
from typing import Any

import numpy as np

from benchmarks import data
from benchmarks.problem import Problem, Settings
from benchmarks.race import quiet
from benchmarks.table import Point, Report

WAYS: tuple[tuple[str, dict[str, Any]], ...] = (
    *((f"Newton, tol {tol:g}", {"solver": "newton", "tol": tol}) for tol in (1e-1, 1e-3, 1e-8)),
    *((f"by information, passes {k}", {"solver": "sgd", "passes": k}) for k in (1, 3)),
    *((f"normalised, passes {k}", {"step": "normalised", "passes": k}) for k in (1, 3, 10)),
    *((f"explicit (11), passes {k}", {"step": "inverse", "update": "explicit", "passes": k}) for k in (1, 10)),
)
"""Points of the curves of loss against seconds: what each solver has reached when it is stopped there."""
COLUMNS = ("", "seconds", "excess mean loss", "max|coef - Newton| / se")
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
    """Every way with its default options; cases whose file is absent are told and left out."""
    points: list[tuple[Point, float]] = []
    left_out: list[str] = []
    for case in (iris,) if settings.quick else (adult, diamonds, iris):
        try:
            points += lines(case())
        except data.Absent as reason:
            left_out.append(f"{case.__name__} left out: {reason}.")
    notes = (
        "mean loss: half the unit deviance, in units of phi; se: Newton's standard errors. Medians of three runs, from "
        "the data at hand to the certified fit.",
        "Newton stopped at 0.1 leaves doubts whether classes are separated, which are then settled by linear "
        "programmes: they take longer than the steps it saves.",
        *left_out,
    )
    rows = tuple((p.panel, p.curve, f"{p.seconds:.3f}", f"{p.excess:.1e}", f"{away:.2g}") for p, away in points)
    told = tuple(replace(p, curve=p.curve.split(",")[0]) for p, _ in points)
    return (Report("Loss against seconds: Newton and SGD", ("", *COLUMNS), rows, notes, points=told),)


def lines(case: Case) -> Iterator[tuple[Point, float]]:
    """What each way reaches, the median of three runs, and how many standard errors from the optimum."""
    import expfam as ef

    best, _ = _timed(case, {"solver": "newton"})
    for name, options in WAYS:
        given = options if "solver" in options else {"solver": ef.SGD(**options)}
        laps = [_timed(case, given) for _ in range(3)]
        fit, seconds = laps[0][0], median(lap for _, lap in laps)
        excess = (fit.deviance - best.deviance) / (2 * best.weights_sum)
        away = np.nanmax(np.abs(fit.coef - best.coef) / best.se)
        yield Point(case.name, name, seconds, excess), float(away)


def _timed(case: Case, options: dict[str, Any]) -> tuple[Any, float]:
    import expfam as ef

    began = perf_counter()
    with quiet():
        fit = ef.glm(case.formula, case.data, family=case.family, **options)
    return fit, perf_counter() - began


PROBLEM = Problem("sgd_vs_newton", "How much loss is left after how many seconds, by Newton's method and by SGD?", run)
