"""NIST StRD linear regression: how many digits of coefficients and standard errors does each package get?

Digits are -log10 of the largest relative error, from 0 to 15. Where the certified standard error is 0 (Wampler1 and
Wampler2, exact fits) the error is taken relative to the coefficient. Every package gets the columns x, x^2, ... in
float64 as they come; expfam gets them through its formula.
"""

import json
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import numpy as np

from benchmarks import data, machine
from benchmarks.problem import Problem, Settings
from benchmarks.race import quiet
from benchmarks.table import Report
from benchmarks.task import Array

MOST = 15.0
Found: TypeAlias = tuple[Array, Array | None]


def terms(case: Mapping[str, Any]) -> tuple[str, ...]:
    """The terms of the formula: powers of the one x, or the columns of Longley."""
    names, slopes = tuple(case["x"]), len(case["coef"]) - ("no intercept" not in case["model"])
    if len(names) > 1:
        return names
    return (names[0], *(f"I({names[0]}**{k})" for k in range(2, slopes + 1)))


def matrix(case: Mapping[str, Any]) -> Array:
    """The same columns as a matrix, the intercept first where there is one."""
    x = np.array(list(case["x"].values()), dtype=float)
    columns = x if len(x) > 1 else [x[0] ** k for k in range(1, len(terms(case)) + 1)]
    ones = [] if "no intercept" in case["model"] else [np.ones(x.shape[1])]
    return np.column_stack([*ones, *columns])


def by_expfam(case: Mapping[str, Any]) -> Found:
    """`expfam.glm` with its defaults."""
    import expfam as ef

    absent = " - 1" if "no intercept" in case["model"] else ""
    fit = ef.glm(f"y ~ {' + '.join(terms(case))}{absent}", {"y": np.array(case["y"]), **_arrays(case["x"])})
    return fit.coef, fit.se


def by_statsmodels_ols(case: Mapping[str, Any]) -> Found:
    """statsmodels' OLS by QR, the more exact of its two ways."""
    from statsmodels.regression.linear_model import OLS

    fit = OLS(np.array(case["y"]), matrix(case)).fit(method="qr")
    return np.asarray(fit.params), np.asarray(fit.bse)


def by_statsmodels_glm(case: Mapping[str, Any]) -> Found:
    """statsmodels' GLM, Gaussian."""
    from statsmodels.genmod.generalized_linear_model import GLM

    fit = GLM(np.array(case["y"]), matrix(case)).fit()
    return np.asarray(fit.params), np.asarray(fit.bse)


def by_sklearn(case: Mapping[str, Any]) -> Found:
    """scikit-learn's LinearRegression, which has no standard errors."""
    from sklearn.linear_model import LinearRegression

    X, inside = matrix(case), "no intercept" in case["model"]
    fit = LinearRegression(fit_intercept=not inside).fit(X if inside else X[:, 1:], case["y"])
    return (fit.coef_ if inside else np.append(fit.intercept_, fit.coef_)), None


def by_lstsq(case: Mapping[str, Any]) -> Found:
    """numpy.linalg.lstsq, rank by machine precision."""
    return np.linalg.lstsq(matrix(case), np.array(case["y"]), rcond=0)[0], None


WAYS: dict[str, tuple[str, Callable[[Mapping[str, Any]], Found]]] = {
    "expfam glm": ("expfam", by_expfam),
    "statsmodels OLS": ("statsmodels", by_statsmodels_ols),
    "statsmodels GLM": ("statsmodels", by_statsmodels_glm),
    "sklearn": ("sklearn", by_sklearn),
    "numpy lstsq": ("numpy", by_lstsq),
}


def run(settings: Settings) -> tuple[Report, ...]:
    """A line for each data set, two columns for each way."""
    everything = json.loads(data.oracle("nist_strd.json").read_text(encoding="utf-8"))
    cases = {name: case for name, case in everything.items() if isinstance(case, dict)}
    allowed = ("expfam", "numpy", *settings.against)
    ways = {name: way for name, (package, way) in WAYS.items() if package in allowed and machine.installed(package)}
    rows = tuple((name, *(cell for way in ways.values() for cell in digits(way, case))) for name, case in cases.items())
    columns = ("", *(f"{name}: {what}" for name in ways for what in ("coef", "se")))
    notes = (
        "Goal for expfam: 9 digits on all but Filip, Wampler4 and Wampler5, 7 there; no column dropped.",
        "gone: a column was left out; -: the package has no standard errors.",
    )
    return (Report(f"NIST StRD: correct digits, {len(cases)} data sets", columns, rows, notes),)


def digits(way: Callable[[Mapping[str, Any]], Found], case: Mapping[str, Any]) -> tuple[str, str]:
    """Correct digits of coefficients and standard errors."""
    with quiet():
        coef, se = way(case)
    certified, errors = (np.array(case[key], dtype=float) for key in ("coef", "se"))
    size = np.where(errors > 1e-30 * np.abs(certified), errors, np.abs(certified))
    return agreeing(coef, certified, certified), "-" if se is None else agreeing(se, errors, size)


def agreeing(found: Array, certified: Array, size: Array) -> str:
    """-log10 max |found - certified| / |size|."""
    if not np.isfinite(found).all():
        return "gone"
    away = float((np.abs(found - certified) / np.abs(size)).max())
    return f"{np.clip(-np.log10(max(away, 1e-300)), 0, MOST):.1f}"


def _arrays(columns: Mapping[str, Any]) -> dict[str, Array]:
    return {name: np.array(values, dtype=float) for name, values in columns.items()}


PROBLEM = Problem("nist", "How many digits are right on the hard linear problems of NIST?", run)
