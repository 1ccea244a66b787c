"""R's glm, statmod and nnet on the data sets of recorded/: the same numbers from `glm`.

recorded/*.json is the output of `Rscript make.R` (R 4.2.2) with the formula and family of each file; nothing here
writes them. Tolerances are relative: 1e-7 for exact solvers, 1e-5 for nnet::multinom, whose optimiser stops there.
"""

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import expfam as ef
from expfam.inference.wald import critical

FACTS = {
    path.stem: json.loads(path.read_text()) for path in sorted((Path(__file__).parent / "recorded").glob("*.json"))
}
GLM = [name for name, fact in FACTS.items() if fact["kind"] in ("glm", "glm_nolik")]
MULTINOMIAL = [name for name, fact in FACTS.items() if fact["kind"] == "multinomial"]

R_RESOLUTION = {"infert_cauchit": 3e-7, "infert_cloglog": 1e-7}
"""Standard errors by which R's own answer misses the optimum: its Fisher scoring ends when the deviance no longer
changes in its 16 digits. `test_where_r_stops_early` polishes R's coefficients by statsmodels' Newton to ours."""


def fit_of(fact: dict[str, Any], **options: Any) -> ef.Fit:
    """The fit that the R call of a fact describes; factors get R's level order."""
    formula = fact["formula"]
    left, right = formula.split("~")
    for factor, levels in fact["levels"].items():
        right = re.sub(rf"\b{factor}\b", f"C({factor}, levels={levels})", right)
    extra = fact.get("extra") or {}
    family: Any = ef.families.Tweedie(**extra) if extra else fact["family"]
    if fact["kind"] == "multinomial":
        family = ef.families.Categorical(reference=fact["classes"][0])
    role = "trials" if fact["family"] == "binomial" else "weights"
    given = {role: fact.get("weights") or None, "offset": fact.get("offset") or None}
    link = None if fact["kind"] == "multinomial" else fact["link"]
    return ef.glm(f"{left}~{right}", fact["data"], family=family, link=link, **given, **options)


def r_name(name: str) -> str:
    """`C(tension, levels=[...])[M]:wool` as R writes it."""
    plain = re.sub(r"C\((\w+), levels=\[[^]]*\]\)\[([^]]*)\]", r"\1\2", name)
    return "(Intercept)" if plain == "Intercept" else plain


def named(fit: ef.Fit, values: np.ndarray) -> dict[str, float]:
    return dict(zip(map(r_name, fit.names), values, strict=True))


def agrees(ours: dict[str, float], theirs: dict[str, float], rtol: float, floor: dict[str, float]) -> None:
    """Same names in the same order; equal within rtol of the value, or within an absolute floor."""
    assert list(ours) == list(theirs)
    for name, value in theirs.items():
        assert ours[name] == pytest.approx(value, rel=rtol, abs=floor[name]), name


def share(errors: dict[str, float], of: float) -> dict[str, float]:
    return {name: of * error for name, error in errors.items()}


@pytest.mark.parametrize("name", GLM)
def test_coefficients_errors_and_sums(name: str) -> None:
    fact = FACTS[name]
    fit = fit_of(fact)
    assert fit.converged
    agrees(named(fit, fit.coef), fact["coef"], 1e-7, share(fact["se"], R_RESOLUTION.get(name, 1e-10)))
    agrees(named(fit, fit.se), fact["se"], 1e-7, share(fact["se"], R_RESOLUTION.get(name, 1e-10)))
    for figure in ("deviance", "null_deviance", "dispersion", "df_residual", "loglik", "aic", "bic"):
        if fact.get(figure) is not None:
            assert getattr(fit, figure) == pytest.approx(fact[figure], rel=1e-7), figure


@pytest.mark.parametrize("name", R_RESOLUTION)
def test_where_r_stops_early(name: str) -> None:
    """Newton's method of statsmodels, started at R's coefficients, ends at ours."""
    import statsmodels.api as sm

    fact = FACTS[name]
    data, levels = fact["data"], fact["levels"]["education"]
    dummies = [[float(e == level) for e in data["education"]] for level in levels[1:]]
    X = np.column_stack([np.ones(len(data["case"])), data["spontaneous"], data["induced"], data["age"], *dummies])
    link = {"cauchit": sm.families.links.Cauchy, "cloglog": sm.families.links.CLogLog}[fact["link"]]
    model = sm.GLM(np.array(data["case"], float), X, family=sm.families.Binomial(link=link()))
    theta = np.array(list(fact["coef"].values()))
    for _ in range(3):
        theta = theta - np.linalg.solve(model.hessian(theta), model.score(theta))
    assert fit_of(fact).coef == pytest.approx(theta, rel=1e-7)


@pytest.mark.parametrize("name", GLM)
def test_fitted_means(name: str) -> None:
    fact = FACTS[name]
    assert fit_of(fact).predict() == pytest.approx(np.array(fact["fitted"]), rel=1e-6)


@pytest.mark.parametrize("name", [name for name in GLM if FACTS[name].get("link_se")])
def test_standard_errors_of_the_linear_predictor(name: str) -> None:
    fact = FACTS[name]
    fit = fit_of(fact)
    eta = fit.predict(type="link")
    assert np.all(np.abs(eta - fact["link_fit"]) <= 1e-6 * np.array(fact["link_se"]))
    ends = fit.predict(type="link", interval="confidence", level=0.95)
    half = (np.asarray(ends["upper"]) - np.asarray(ends["lower"])) / 2
    assert half / critical(0.95, fit.df_reference) == pytest.approx(np.array(fact["link_se"]), rel=1e-6)


def test_multinomial() -> None:
    fact = FACTS["housing_multinomial"]
    fit = fit_of(fact)
    assert fit.converged
    assert fit.classes is not None
    for k, label in enumerate(fit.classes[:-1]):
        scale = fact["se"][label]
        agrees(named(fit, fit.coef[:, k]), fact["coef"][label], 1e-5, share(scale, 1e-8))
        agrees(named(fit, fit.se[:, k]), scale, 1e-5, share(scale, 1e-8))
    assert fit.deviance == pytest.approx(fact["deviance"], rel=1e-9)
    assert fit.loglik == pytest.approx(fact["loglik"], rel=1e-9)
    assert fit.aic == pytest.approx(fact["aic"], rel=1e-9)
    order = [fit.classes.index(label) for label in fact["classes"]]
    assert fit.predict()[:, order] == pytest.approx(np.array(fact["fitted"]), rel=1e-4, abs=1e-6)


def test_separated_multinomial() -> None:
    """iris: Petal.Width separates setosa (up to 0.6, others from 1.0), so no maximum exists; nnet stops somewhere.

    The fit says so by name, fits at least as well, and agrees with R where the data decide: virginica and versicolor.
    """
    fact = FACTS["iris_multinomial"]
    with pytest.warns(ef.SeparationWarning, match="Petal.Width"):
        fit = fit_of(fact)
    assert not fit.converged
    assert {"versicolor:Petal.Width", "virginica:Petal.Width"} <= set(fit.certificate.separated)
    assert fact["deviance"] * (1 - 5e-5) < fit.deviance < fact["deviance"]
    assert fit.classes == ("versicolor", "virginica", "setosa")
    theirs = np.array([fact["coef"]["virginica"][n] - fact["coef"]["versicolor"][n] for n in fact["coef"]["virginica"]])
    assert fit.coef[:, 1] - fit.coef[:, 0] == pytest.approx(theirs, rel=1e-3)
    order = [fit.classes.index(label) for label in fact["classes"]]
    assert fit.predict()[:, order] == pytest.approx(np.array(fact["fitted"]), abs=2e-4)


def test_every_recorded_fact_is_tested() -> None:
    assert len(GLM) == 16
    assert len(MULTINOMIAL) == 2
