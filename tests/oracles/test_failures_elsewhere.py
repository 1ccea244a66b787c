"""What current releases of other packages get wrong, a line of the field's list each, and what is right."""

import tracemalloc
import warnings
from typing import Any

import numpy as np
import pytest
from scipy.optimize import minimize

import expfam as ef
from expfam.families import family as family_of
from expfam.links import link as link_of
from expfam.solvers import Status


@pytest.mark.parametrize("family", ["poisson", "gamma"])
@pytest.mark.parametrize("column", ["spread of 250", "uncentred year"])
def test_columns_of_any_scale(family: str, column: str) -> None:
    """scikit-learn's PoissonRegressor and GammaRegressor stop at coefficient 0, silently."""
    rng = np.random.default_rng(1)
    n = 2_000
    x = rng.normal(size=n) * 250 if column.startswith("spread") else rng.integers(1995, 2025, n).astype(float)
    unit = (x - x.mean()) / x.std()
    mu = np.exp(0.5 + 0.4 * unit)
    y = rng.poisson(mu) if family == "poisson" else rng.gamma(2.0, mu / 2)
    raw = ef.glm("y ~ x", {"y": y, "x": x}, family=family, link="log")
    scaled = ef.glm("y ~ unit", {"y": y, "unit": unit}, family=family, link="log")
    assert raw.converged
    assert raw.coef[1] * x.std() == pytest.approx(scaled.coef[1], rel=1e-8)
    assert raw.statistic[1] == pytest.approx(scaled.statistic[1], rel=1e-8)
    assert scaled.coef[1] == pytest.approx(0.4, abs=0.1)


def test_perfect_separation_is_told() -> None:
    """glum ends at 183 and scikit-learn at 173 to 269 without a word; statsmodels says converged."""
    x = np.linspace(-2, 2, 100)
    with pytest.warns(ef.SeparationWarning, match="x"):
        fit = ef.glm("y ~ x", {"y": (x > 0.01).astype(float), "x": x}, family="bernoulli")
    assert not fit.converged
    assert fit.certificate.status is Status.SEPARATED
    assert "x" in fit.certificate.separated


def test_a_level_without_events_is_told() -> None:
    """-10, -9, -26: silent everywhere. The other coefficients are those without the level's rows."""
    rng = np.random.default_rng(2)
    g = np.repeat(["a", "b", "c"], 60)
    y = np.where(g == "c", 0, rng.poisson(1.5, 180))
    with pytest.warns(ef.SeparationWarning, match=r"g\[c\]"):
        fit = ef.glm("y ~ g", {"y": y, "g": g}, family="poisson")
    assert not fit.converged
    assert fit.certificate.separated == ("g[c]",)
    rest = ef.glm("y ~ g", {"y": y[g != "c"], "g": g[g != "c"]}, family="poisson")
    assert fit.coef[:2] == pytest.approx(rest.coef, rel=1e-6)
    assert fit.se[:2] == pytest.approx(rest.se, rel=1e-6)


@pytest.mark.parametrize("seed", range(25))
def test_a_duplicated_column_is_named(seed: int) -> None:
    """glum and statsmodels' Logit raise LinAlgError; statsmodels' GLM ran off to 1e14 in most draws, converged=True."""
    rng = np.random.default_rng(seed)
    x, z = rng.normal(size=(2, 200))
    y = (rng.random(200) < 1 / (1 + np.exp(-0.5 - x + 0.3 * z))).astype(float)
    with pytest.warns(ef.AliasWarning, match="again"):
        fit = ef.glm("y ~ x + z + again", {"y": y, "x": x, "z": z, "again": x.copy()}, family="bernoulli")
    alone = ef.glm("y ~ x + z", {"y": y, "x": x, "z": z}, family="bernoulli")
    assert fit.converged
    assert np.isnan(fit.coef[3])
    assert fit.coef[:3] == pytest.approx(alone.coef, rel=1e-9)


def test_errors_under_a_penalty_know_the_penalty() -> None:
    """glum's are those of no penalty. Here they are of (H + S)^-1, H written out."""
    rng = np.random.default_rng(3)
    X = rng.normal(size=(150, 3)) * [1, 5, 0.2]
    y = rng.poisson(np.exp(0.3 + X @ [0.2, 0.05, 0.5]))
    fit = ef.glm_arrays(X, y, family="poisson", penalty=ef.Ridge(0.5))
    Z = np.column_stack([np.ones(150), X])
    H = Z.T @ (fit.predict()[:, None] * Z)
    S = np.diag([0.0, 0.5, 0.5, 0.5]) * 150
    assert fit.se == pytest.approx(np.sqrt(np.diagonal(np.linalg.inv(H + S))), rel=1e-7)
    assert fit.se[3] < 0.5 * np.sqrt(np.linalg.inv(H)[3, 3])


def test_a_refit_leaves_earlier_results_alone() -> None:
    """In statsmodels a second fit of a model changes the first one's information matrix."""
    rng = np.random.default_rng(4)
    data = {"y": rng.poisson(2.0, 80), "x": rng.normal(size=80), "z": rng.normal(size=80)}
    fit = ef.glm("y ~ x", data, family="poisson")
    before = fit.vcov(), fit.coef, str(fit)
    ef.glm("y ~ x + z", data, family="poisson")
    fit.with_vcov("HC3"), fit.anova(), fit.bootstrap(5), fit.confint(method="profile")
    fit.vcov()[:] = 0.0
    assert np.array_equal(before[0], fit.vcov())
    assert np.array_equal(before[1], fit.coef)
    assert before[2] == str(fit)


def test_ten_thousand_levels_take_no_square_of_memory() -> None:
    """glum took 6.7 GB and 110 s for 1M rows (`python -m benchmarks factor`); a square of 10,000 levels is 800 MB."""
    rng = np.random.default_rng(5)
    n, levels = 40_000, 10_000
    g = np.concatenate([np.arange(levels), rng.integers(0, levels, n - levels)])
    x = rng.normal(size=n)
    y = rng.normal(size=n) + rng.normal(size=levels)[g] + 0.5 * x
    data = {"y": y, "x": x, "g": g.astype(str)}
    ef.glm("y ~ x", {name: v[:100] for name, v in data.items()})  # imports are no part of it
    tracemalloc.start()
    fit = ef.glm("y ~ x + g", data)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 100e6
    within = [v - (np.bincount(g, v) / np.bincount(g))[g] for v in (x, y)]
    assert fit.coef[fit.names.index("x")] == pytest.approx(within[0] @ within[1] / (within[0] @ within[0]), rel=1e-8)


def test_no_nan_at_the_ends() -> None:
    """exp(eta) / (1 + exp(eta)) is nan at 800, y log(y / mu) at y = 0."""
    eta = np.array([-800.0, 0.0, 800.0])
    assert np.array_equal(link_of("logit", family_of("bernoulli")).inverse(eta), [0.0, 0.5, 1.0])
    poisson = family_of("poisson")
    assert poisson.loss(np.zeros(2), np.array([0.5, 1e-300])) == pytest.approx([0.5, 1e-300])
    fit = ef.glm("y ~ x", {"y": [0.0, 0, 1, 2, 0, 3], "x": [0.0, 1, 2, 3, 4, 5]}, family="poisson")
    assert np.isfinite(fit.deviance)


def hard(case: str, seed: int) -> tuple[dict[str, Any], str, str]:
    """Data near the edge of the mean's domain, where full Fisher scoring leaves it."""
    rng = np.random.default_rng(seed)
    x = rng.uniform(0, 1, 60)
    if case == "log-binomial":
        return {"y": (rng.random(60) < np.exp(-2.5 + 2.4 * x)).astype(float), "x": x}, "bernoulli", "log"
    mu = 0.02 + 5 * x
    y = rng.poisson(mu) if case == "poisson" else rng.gamma(0.7, mu / 0.7) + 1e-9
    return {"y": y.astype(float), "x": x}, case, "identity"


@pytest.mark.parametrize("case", ["poisson", "gamma", "log-binomial"])
@pytest.mark.parametrize("seed", range(8))
def test_domains_are_not_left(case: str, seed: int) -> None:
    """R's glm diverges here from many starts. The best that Nelder and Mead find is reached where it is inside the
    domain; where it is at its edge, there is no maximum and the fit says it has not converged."""
    data, family, link = hard(case, seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ef.ConvergenceWarning)
        fit = ef.glm("y ~ x", data, family=family, link=link)
    member, link_object = family_of(family), link_of(link, family_of(family))

    def deviance(theta: np.ndarray) -> float:
        with np.errstate(all="ignore"):
            mu = link_object.inverse(theta[0] + theta[1] * data["x"])
            lo, hi = member.mean_domain
            return member.deviance(data["y"], mu) if np.all((mu > lo) & (mu < hi)) else np.inf

    start = np.array([data["y"].mean() if link == "identity" else np.log(data["y"].mean()), 0.0])
    options = {"xatol": 1e-9, "fatol": 1e-11, "maxiter": 4000}
    moves = np.array([[0.0, 0.0], [0.0, 0.1], [-0.1, 0.2]])
    found = [minimize(deviance, start + move, method="Nelder-Mead", options=options) for move in moves]
    best = min(found, key=lambda end: float(end.fun))
    mu = link_object.inverse(best.x[0] + best.x[1] * data["x"])
    inside = np.minimum(mu - member.mean_domain[0], member.mean_domain[1] - mu).min() > 1e-9
    assert fit.converged == inside
    assert np.isfinite(fit.deviance)
    if inside:
        assert fit.deviance <= best.fun + 1e-8
