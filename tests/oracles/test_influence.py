"""Residuals and influence: R's on recorded/, statsmodels live, rows really left out, quantile residuals uniform."""

import warnings
from collections.abc import Callable
from dataclasses import astuple
from typing import Any

import numpy as np
import pytest
from scipy.stats import kstest
from tests.oracles.test_r import FACTS, R_RESOLUTION, fit_of

import expfam as ef
from expfam.diagnostics.residuals import KINDS

NAMES = [name for name, fact in FACTS.items() if fact.get("hat")]
MEASURES = ("leverage", "cooks_distance", "rstandard", "rstudent", "dffits", "sigma")


def of_r(values: list[float | None]) -> np.ndarray:
    return np.array([np.nan if value is None else value for value in values], dtype=float)


@pytest.mark.parametrize("name", NAMES)
def test_residuals_are_those_of_r(name: str) -> None:
    """A residual near 0 is known to 1e-6 of a typical one: it is a difference."""
    fact = FACTS[name]
    fit = fit_of(fact)
    for kind in ("deviance", "pearson", "working"):
        theirs = of_r(fact[f"res_{kind}"])
        assert fit.residuals(kind) == pytest.approx(theirs, rel=1e-6, abs=1e-6 * np.median(np.abs(theirs)))


@pytest.mark.parametrize("name", NAMES)
def test_influence_is_that_of_r(name: str) -> None:
    fact = FACTS[name]
    found = fit_of(fact).influence()
    fuzzy = 5.0 if name in R_RESOLUTION else 1.0
    for measure, theirs in (("leverage", "hat"), ("cooks_distance", "cooks"), ("rstandard", "rstandard")):
        ours, expected = getattr(found, measure), of_r(fact[theirs])
        assert ours == pytest.approx(expected, rel=1e-6 * fuzzy, abs=1e-6 * float(np.median(np.abs(expected))))


def counts(n: int = 120) -> dict[str, Any]:
    rng = np.random.default_rng(4)
    x, g = rng.normal(size=n), rng.choice(["a", "b"], n)
    return {"y": rng.poisson(np.exp(0.4 + 0.5 * x)).astype(float), "x": x, "g": g}


def test_influence_is_that_of_statsmodels() -> None:
    import statsmodels.api as sm

    data = counts()
    X = np.column_stack([np.ones(120), data["x"], data["g"] == "b"]).astype(float)
    theirs = sm.GLM(data["y"], X, family=sm.families.Poisson()).fit(tol=1e-13).get_influence(observed=False)
    fit = ef.glm("y ~ x + g", data, family="poisson")
    found = fit.influence()
    assert found.leverage == pytest.approx(theirs.hat_matrix_diag, rel=1e-6)
    assert found.cooks_distance == pytest.approx(theirs.cooks_distance[0], rel=1e-6)
    assert found.dfbeta() == pytest.approx(theirs.d_params, rel=1e-5, abs=1e-9)
    assert fit.residuals("anscombe") == pytest.approx(fit_anscombe(data["y"], fit.predict()), rel=1e-6)


def test_all_measures_of_least_squares_are_the_classical_ones() -> None:
    """Those of R's influence.measures, by statsmodels."""
    import statsmodels.api as sm

    data = counts()
    X = np.column_stack([np.ones(120), data["x"], data["g"] == "b"]).astype(float)
    theirs = sm.OLS(data["y"], X).fit().get_influence()
    found = ef.glm("y ~ x + g", data).influence()
    assert found.rstudent == pytest.approx(theirs.resid_studentized_external, rel=1e-8)
    assert found.dffits == pytest.approx(theirs.dffits[0], rel=1e-8)
    assert found.dfbetas() == pytest.approx(theirs.dfbetas, rel=1e-8)


def test_measures_of_counts_are_by_pearson_residuals_and_the_known_dispersion() -> None:
    """Not R's dffits and dfbetas, which take deviance residuals and an s_(i) of the rows."""
    data = counts()
    fit = ef.glm("y ~ x + g", data, family="poisson")
    found, r = fit.influence(), fit.residuals("pearson")
    assert found.sigma == pytest.approx(np.ones(120))
    assert found.dffits == pytest.approx(r * np.sqrt(found.leverage) / (1 - found.leverage), rel=1e-8)
    assert found.dfbetas() == pytest.approx(found.dfbeta() / fit.se, rel=1e-7)


def fit_anscombe(y: np.ndarray, mu: np.ndarray) -> np.ndarray:
    """Poisson's: 1.5 (y^2/3 - mu^2/3) / mu^1/6."""
    return np.asarray(1.5 * (y ** (2 / 3) - mu ** (2 / 3)) / mu ** (1 / 6))


def test_a_row_left_out_of_least_squares() -> None:
    """For a Gaussian response one step is the whole way: dfbeta and s_(i) are those of the fit without the row."""
    rng = np.random.default_rng(1)
    x, z = rng.normal(size=(2, 30))
    y = 1 + x + rng.normal(size=30)
    fit = ef.glm("y ~ x + z", {"y": y, "x": x, "z": z})
    found = fit.influence()
    for i in (0, 7, 29):
        keep = np.arange(30) != i
        without = ef.glm("y ~ x + z", {"y": y[keep], "x": x[keep], "z": z[keep]})
        assert found.dfbeta()[i] == pytest.approx(fit.coef - without.coef, rel=1e-8)
        assert found.sigma[i] ** 2 == pytest.approx(without.dispersion, rel=1e-8)
        change = fit.predict()[i] - without.predict({"x": x[[i]], "z": z[[i]]})[0]
        assert found.dffits[i] == pytest.approx(change / (found.sigma[i] * np.sqrt(found.leverage[i])), rel=1e-7)
    scale = np.sqrt(np.diagonal(fit.vcov()) / fit.dispersion)
    assert found.dfbetas() == pytest.approx(found.dfbeta() / (found.sigma[:, None] * scale), rel=1e-9)


DRAWN = {
    "gaussian": lambda rng, eta: eta + rng.normal(size=len(eta)),
    "poisson": lambda rng, eta: rng.poisson(np.exp(eta)),
    "bernoulli": lambda rng, eta: rng.random(len(eta)) < 1 / (1 + np.exp(-eta)),
    "gamma": lambda rng, eta: rng.gamma(2.0, np.exp(eta) / 2),
    "negative_binomial": lambda rng, eta: rng.negative_binomial(2, 2 / (2 + np.exp(eta))),
    "inverse_gaussian": lambda rng, eta: rng.wald(np.exp(eta), 3.0),
}


@pytest.mark.parametrize("family", DRAWN)
def test_quantile_residuals_are_standard_normal(family: str) -> None:
    rng = np.random.default_rng(6)
    x = rng.normal(size=2_000)
    y = np.asarray(DRAWN[family](rng, 0.3 + 0.5 * x), dtype=float)
    link = "log" if family in ("gamma", "inverse_gaussian") else None
    fit = ef.glm("y ~ x", {"y": y, "x": x}, family=family, link=link, dispersion="ml" if family == "gamma" else None)
    assert kstest(fit.residuals("quantile"), "norm").pvalue > 1e-3
    assert np.array_equal(fit.residuals("quantile", seed=3), fit.residuals("quantile", seed=3))


def test_overdispersion_is_seen_by_quantile_residuals() -> None:
    rng = np.random.default_rng(6)
    y = rng.negative_binomial(1, 1 / 4, 1_000).astype(float)
    fit = ef.glm("y ~ 1", {"y": y}, family="poisson")
    assert kstest(fit.residuals("quantile"), "norm").pvalue < 1e-10


def test_rows_keep_their_places() -> None:
    data = counts()
    data["x"][[3, 50]] = np.nan
    weights = np.ones(120)
    weights[7] = 0
    with pytest.warns(ef.DataWarning):
        fit = ef.glm("y ~ x + g", data, family="poisson", weights=weights)
    found = fit.influence()
    for values in (fit.residuals("pearson"), found.leverage, found.dfbeta()[:, 0]):
        assert np.flatnonzero(np.isnan(values)).tolist() == [3, 7, 50]


def test_a_row_of_frequency_two_is_two_rows() -> None:
    data = counts()
    twice = np.where(np.arange(120) % 3 == 0, 2, 1)
    repeated = {name: np.repeat(values, twice) for name, values in data.items()}
    one = ef.glm("y ~ x + g", {**data, "f": twice}, family="poisson", weights="f", weights_kind="frequency")
    many = ef.glm("y ~ x + g", repeated, family="poisson")
    first = np.append(0, np.cumsum(twice)[:-1])
    for measure in ("leverage", "cooks_distance", "rstandard", "rstudent", "dffits"):
        ours, theirs = getattr(one.influence(), measure), getattr(many.influence(), measure)
        assert ours == pytest.approx(theirs[first], rel=1e-8)
    assert one.influence().dfbeta() == pytest.approx(many.influence().dfbeta()[first], rel=1e-7, abs=1e-12)


def test_a_row_met_exactly_has_leverage_one() -> None:
    data = {"y": [1.0, 3.0, 2.0, 5.0, 9.0], "g": ["a", "a", "a", "a", "b"]}
    found = ef.glm("y ~ g", data).influence()
    assert found.leverage[4] == pytest.approx(1.0)
    assert np.isnan(found.rstandard[4])
    assert np.isfinite(found.rstandard[:4]).all()


@pytest.mark.parametrize("far", [0.0, 1e5])
def test_a_far_origin_costs_no_digits(far: float) -> None:
    """Leverages beside factors come from tables of V, in which an uncentred column would have (mean / spread)^2 to
    cancel: 1e10 here."""
    rng = np.random.default_rng(11)
    x, a, b = rng.normal(size=90_000).round(3), rng.integers(0, 4, 90_000), rng.integers(0, 6, 90_000)
    y = rng.poisson(np.exp(0.2 * x + 0.1 * a - 0.1 * b))
    fits = [ef.glm("y ~ C(a) + C(b) + t", {"y": y, "a": a, "b": b, "t": x + at}, family="poisson") for at in (0.0, far)]
    near, ours = (fit.influence().leverage for fit in fits)
    X = np.column_stack([np.ones_like(x), *(a == k for k in (1, 2, 3)), *(b == k for k in (1, 2, 3, 4, 5)), x])
    w = fits[0].predict()
    assert near[:500] == pytest.approx(np.einsum("nj,nj->n", X @ fits[0].vcov(), X)[:500] * w[:500], rel=1e-9)
    assert ours == pytest.approx(near, rel=1e-8)


def test_bad_input() -> None:
    fit = ef.glm("y ~ x", counts(), family="poisson")
    with pytest.raises(ef.ExpfamError, match="'deviance', 'pearson'"):
        fit.residuals("raw")
    with pytest.raises(ef.ExpfamError, match="hand the data over"):
        fit.detach().influence()
    classes = ef.glm("g ~ x", {**counts(), "g": np.resize(["u", "v", "w"], 120)}, family="categorical")
    for ask in (classes.residuals, classes.influence):
        with pytest.raises(ef.ExpfamError, match="class"):
            ask()
    quasi = ef.glm("y ~ x", counts(), family="quasipoisson")
    with pytest.raises(ef.ExpfamError, match="no distribution function"):
        quasi.residuals("quantile")


@pytest.mark.parametrize("seed", range(3))
def test_a_row_of_leverage_one_has_no_influence_to_tell(seed: int) -> None:
    """Without it its own coefficient is open: rounding of 1 - h divides by anything. The other rows are as ever."""
    rng = np.random.default_rng(seed)
    data = {"x": rng.normal(size=40), "g": np.r_[["solo"], rng.choice(["a", "b"], 39)], "k": rng.poisson(3, 40) + 1}
    found = ef.glm("k ~ x + g", data, family="poisson").influence()
    assert found.leverage[0] == pytest.approx(1)
    for measure in (found.dfbeta(), found.dfbetas(), found.dffits[:, None], found.cooks_distance[:, None]):
        assert np.isnan(measure[0]).all()
        assert np.isfinite(measure[1:]).all()
    rest = ef.glm("k ~ x + g", {name: values[1:] for name, values in data.items()}, family="poisson").influence()
    assert found.dfbeta()[1:, 1] == pytest.approx(rest.dfbeta()[:, 1], rel=1e-6)


@pytest.mark.parametrize(
    "options",
    [
        {}, {"penalty": ef.Ridge(0.05)}, {"bias": "firth"}, {"offset": "e"}, {"vcov": "HC1"},
        {"weights": "f"}, {"weights": "f", "weights_kind": "frequency"}, {"weights": "f", "weights_kind": "sampling"},
    ],
    ids=str,
)  # fmt: skip
def test_two_classes_are_judged_as_the_first_of_them_against_the_reference(options: dict[str, Any]) -> None:
    rng, n = np.random.default_rng(4), 300
    x, f = rng.normal(size=n), rng.integers(0, 4, n).astype(float)
    first = rng.random(n) < 1 / (1 + np.exp(-x))
    x[7] = np.nan
    data = {"x": x, "f": f, "g": rng.choice(["u", "v"], n), "one": first * 1.0, "y": np.where(first, "a", "b")}
    offset = rng.normal(size=n) if "offset" in options else None
    options = {name: value for name, value in options.items() if name != "offset"}
    beside = [{} if offset is None else {"offset": e} for e in (offset, None if offset is None else offset[:, None])]
    with warnings.catch_warnings(action="ignore", category=ef.DataWarning):  # of the row that was left out
        one = ef.glm("one ~ x + g", data, family="bernoulli", **options, **beside[0])
        two = ef.glm("y ~ x + g", data, family="categorical", **options, **beside[1])
    response = two.residuals("response")
    seen = ~np.isnan(response)
    assert np.array_equal(response[seen] > 0, first[seen])
    assert seen.sum() == (~np.isnan(x) & (f > 0 if "weights" in options else True)).sum()
    asked: dict[str, Callable[[ef.Fit], Any]] = {
        **{kind: lambda fit, kind=kind: fit.residuals(kind) for kind in KINDS},
        **{name: lambda fit, name=name: getattr(fit.influence(), name) for name in MEASURES},
        "dfbetas": lambda fit: fit.influence().dfbetas(),
        "partial": lambda fit: np.column_stack(list(fit.partial_residuals().values())),
        "vif": lambda fit: fit.vif().gvif,
        "worm": lambda fit: np.column_stack(list(fit.plot.worm().data.values())),
        "panels": lambda fit: fit.plot.panels().data["leverage.x"],
    }
    if not {"penalty", "bias"} & set(options) and options.get("weights_kind") != "sampling":
        asked["link"] = lambda fit: astuple(fit.link_test())
        asked["form"] = lambda fit: fit.form_tests().statistic
    if options.get("weights_kind") != "sampling":
        asked["uniformity"] = lambda fit: astuple(fit.uniformity_test())
    for name, ask in asked.items():
        found, want = ask(two), ask(one)
        assert np.shape(found) == np.shape(want), name
        assert found == pytest.approx(want, rel=1e-5, abs=1e-7, nan_ok=True), name
    verdicts = [{each.name: each.verdict for each in fit.checks() if "calib" not in each.name} for fit in (one, two)]
    assert verdicts[0] == verdicts[1]
