"""VIF and partial residuals as R's, score tests as differences of fits, residuals uniform for every family, and wrong
models named by the check that is meant for them.

recorded_validation.json is the output of `Rscript recorded/validation.R recorded`.
"""

import json
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.special import binom, expit
from scipy.stats import kstest
from tests.oracles.test_r import FACTS, R_RESOLUTION, fit_of

import expfam as ef
from expfam.diagnostics.findings import verdict
from expfam.diagnostics.specification import curve
from expfam.diagnostics.uniformity import anderson_tail
from expfam.families import FAMILIES, Binomial, Categorical, Family, NegativeBinomial, Tweedie

R = json.loads((Path(__file__).parent / "recorded_validation.json").read_text())


def column(table: Any, name: str) -> np.ndarray:
    return np.asarray(table[name], dtype=float)


def several(values: Any) -> list[Any]:
    return values if isinstance(values, list) else [values]


# ---- R -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [name for name, facts in R.items() if "vif" in facts])
def test_variance_inflation_is_that_of_car(name: str) -> None:
    found, theirs = fit_of(FACTS[name]).vif(), R[name]["vif"]
    assert len(found.term) == len(theirs["term"])
    assert found.df.tolist() == theirs["df"]
    assert found.gvif == pytest.approx(np.array(theirs["gvif"]), rel=1e-6)
    assert found.scaled == pytest.approx(np.array(theirs["scaled"]), rel=1e-6)


@pytest.mark.parametrize("name", R)
def test_partial_residuals_are_those_of_r(name: str) -> None:
    found = fit_of(FACTS[name]).partial_residuals()
    fuzzy = 10.0 if name in R_RESOLUTION else 1.0
    for ours, theirs in zip(found.values(), R[name]["partial"], strict=True):
        scale = float(np.median(np.abs(several(theirs))))
        assert ours == pytest.approx(np.array(theirs), rel=1e-6 * fuzzy, abs=1e-6 * fuzzy * scale)


def test_variance_inflation_is_that_of_statsmodels() -> None:
    """For a Gaussian model: of each column regressed on the others."""
    from statsmodels.stats.outliers_influence import variance_inflation_factor

    rng = np.random.default_rng(0)
    x, z = rng.normal(size=(2, 200))
    data = {"x": x, "z": z, "u": x + z + rng.normal(size=200), "y": rng.normal(size=200)}
    X = np.column_stack([np.ones(200), x, z, data["u"]])
    found = ef.glm("y ~ x + z + u", data).vif()
    assert found.gvif == pytest.approx([variance_inflation_factor(X, j) for j in (1, 2, 3)], rel=1e-9)
    robust = ef.glm("y ~ x + z + u", data, vcov="HC3").vif()
    assert robust.gvif == pytest.approx(found.gvif, rel=1e-9)


def test_left_out_columns_have_no_inflation() -> None:
    rng = np.random.default_rng(1)
    data = {"x": rng.normal(size=60), "z": rng.normal(size=60), "y": rng.normal(size=60)}
    with pytest.warns(ef.AliasWarning):
        fit = ef.glm("y ~ x + z + copy", {**data, "copy": data["x"] + data["z"]})
    found = fit.vif()
    assert np.isnan(found.gvif).tolist() == [False, False, True]
    assert found.df.tolist() == [1, 1, 0]
    assert np.isinf(found.gvif[:2]).all()  # whichever of the three was left out, the other two say it
    assert len(ef.glm("y ~ 1", data).vif().term) == 0


def test_partial_residuals_keep_places_and_are_asked_for_by_name() -> None:
    rng = np.random.default_rng(2)
    data = {"x": rng.normal(size=50), "g": rng.choice(["a", "b"], 50), "y": rng.poisson(2.0, 50).astype(float)}
    data["x"][4] = np.nan
    with pytest.warns(ef.DataWarning):
        fit = ef.glm("y ~ x + g", data, family="poisson")
    found = fit.partial_residuals("x")
    assert list(found) == ["x"]
    assert np.flatnonzero(np.isnan(found["x"])).tolist() == [4]
    assert found["x"] == pytest.approx(fit.partial_residuals()["x"], nan_ok=True)
    with pytest.raises(ef.ExpfamError, match="no term 'h'"):
        fit.partial_residuals("h")
    bare = ef.glm("y ~ 0 + z", {"y": data["y"], "z": data["y"] + 1})
    mu = bare.predict()
    assert bare.partial_residuals()["z"] == pytest.approx(data["y"] - mu + bare.coef[0] * (data["y"] + 1))


# ---- tests of link and form ----------------------------------------------------------------------------------------


def drawn(seed: int = 3, n: int = 400, family: str = "poisson", bend: float = 0.0) -> dict[str, Any]:
    rng = np.random.default_rng(seed)
    x, z, g = rng.normal(size=n), rng.uniform(1, 3, n), rng.choice(["a", "b", "c"], n)
    eta = 0.2 + 0.4 * x - 0.3 * z + 0.3 * (g == "b") + bend * x**2
    e = rng.uniform(0.3, 2, n)
    y = {
        "poisson": lambda: rng.poisson(e * np.exp(eta)), "bernoulli": lambda: rng.random(n) < expit(eta),
        "gaussian": lambda: eta + rng.normal(size=n), "gamma": lambda: rng.gamma(2, np.exp(eta) / 2),
    }[family]()  # fmt: skip
    return {"x": x, "z": z, "g": g, "e": e, "y": np.asarray(y, dtype=float), "f": rng.integers(1, 4, n)}


@pytest.mark.parametrize("family", ["poisson", "bernoulli", "gaussian", "gamma"])
def test_the_link_test_is_a_score_test_of_eta_squared(family: str) -> None:
    """As add1(test="rao") has it, and by a refit to 1, eta, eta^2."""
    data, link = drawn(family=family), "log" if family == "gamma" else None
    fit = ef.glm("y ~ x + z + g", data, family=family, link=link)
    line = fit.predict(type="link")
    wide = ef.glm("y ~ x + z + g", {**data, "square": line**2}, family=family, link=link)
    table, found = wide.add1("square", test="rao"), fit.link_test()
    assert found.statistic == pytest.approx(column(table, "statistic")[1], rel=1e-6)
    assert found.p_value == pytest.approx(column(table, "p_value")[1], rel=1e-6)
    again = ef.glm("y ~ line + square", {"y": data["y"], "line": line, "square": line**2}, family=family, link=link,
                   dispersion=None if family in ("poisson", "bernoulli") else fit.dispersion)  # fmt: skip
    assert found.coefficient == pytest.approx(again.coef[2], rel=1e-5, abs=1e-8)
    assert found.se == pytest.approx(again.se[2], rel=1e-4)
    assert found.df == 1


def test_an_offset_is_no_part_of_what_is_squared() -> None:
    data = drawn()
    fit = ef.glm("y ~ x + z", data, family="poisson", exposure="e")
    line = fit.predict(type="link") - np.log(data["e"])
    wide = ef.glm("y ~ x + z", {**data, "square": line**2}, family="poisson", exposure="e")
    assert fit.link_test().statistic == pytest.approx(column(wide.add1("square", test="rao"), "statistic")[1], rel=1e-6)


def test_form_tests_are_score_tests() -> None:
    data = drawn()
    fit = ef.glm("y ~ x + log(z) + g", data, family="poisson", exposure="e", weights="f", weights_kind="frequency")
    found = fit.form_tests()
    assert found.term == ("x", "log(z)")
    counted = np.repeat((data["x"] - data["x"].mean()) / np.ptp(data["x"]), data["f"].astype(int))
    knots = np.quantile(counted, [0.05, 0.275, 0.5, 0.725, 0.95])
    splines = curve((data["x"] - data["x"].mean()) / np.ptp(data["x"]), knots)
    more = {"square": data["x"] ** 2, **{f"s{j}": splines[:, j] for j in (1, 2, 3)}}
    wide = ef.glm(
        "y ~ x + log(z) + g", {**data, **more}, family="poisson", exposure="e", weights="f", weights_kind="frequency"
    )
    square = wide.add1("square", test="rao")
    assert found.square[0] ** 2 == pytest.approx(column(square, "statistic")[1], rel=1e-6)
    larger = wide.update(". ~ . + square")
    assert np.sign(found.square[0]) == np.sign(larger.coef[-1])
    steps = wide.update(". ~ . + s1 + s2 + s3")
    ratio = wide.deviance - steps.deviance
    assert found.statistic[0] == pytest.approx(ratio, rel=0.15)
    assert found.df.tolist() == [3, 3]
    assert np.all(found.p_adjusted >= found.p_value)
    assert found.p_adjusted.max() == pytest.approx(max(2 * found.p_value.min(), found.p_value.max()))


def test_a_row_of_frequency_f_is_f_rows() -> None:
    data = drawn()
    data["f"] = np.where(np.arange(len(data["y"])) < 20, 30, 1 + np.arange(len(data["y"])) % 3)
    repeated = {name: np.repeat(values, data["f"]) for name, values in data.items()}
    fit = ef.glm("y ~ x + z", data, family="poisson", weights="f", weights_kind="frequency")
    long = ef.glm("y ~ x + z", repeated, family="poisson")
    for name in ("statistic", "p_value", "square", "size"):
        assert getattr(fit.form_tests(), name) == pytest.approx(getattr(long.form_tests(), name), rel=1e-6)
    assert fit.link_test().statistic == pytest.approx(long.link_test().statistic, rel=1e-6)


def test_the_spline_is_linear_beyond_its_knots() -> None:
    x = np.linspace(-3, 3, 601)
    found = curve(x, np.array([-1.0, -0.5, 0.0, 0.5, 1.0]))
    assert found[:, 0] == pytest.approx(x**2)
    for j in (1, 2, 3):
        bend = np.diff(found[:, j], 2)
        assert np.abs(bend[(x[1:-1] < -1.02) | (x[1:-1] > 1.02)]).max() < 1e-10
        assert np.abs(bend).max() > 1e-5
    assert not curve(x, np.array([0.0, 1.0]))[:, 1:].any()


def test_numbers_of_few_values_have_few_forms() -> None:
    rng = np.random.default_rng(4)
    data = {"two": rng.integers(0, 2, 300), "three": rng.integers(0, 3, 300), "y": rng.normal(size=300)}
    data["many"] = np.where(rng.random(300) < 0.97, 0.0, rng.exponential(size=300))
    found = ef.glm("y ~ two + three + many", data).form_tests()
    assert found.term == ("three", "many")
    assert found.df.tolist() == [1, 1]
    only = ef.glm("y ~ two", data).form_tests()
    assert "three values" in str(only)
    assert len(only.term) == 0


def test_classes_have_a_link_test_too() -> None:
    """A score test on two degrees of freedom has the mean 2 on right models."""
    rng, statistics = np.random.default_rng(5), []
    for _ in range(40):
        x, z = rng.normal(size=(2, 300))
        p = np.exp(np.column_stack([0.5 * x, 0.3 - 0.5 * z, np.zeros(300)]))
        y = (rng.random(300)[:, None] > np.cumsum(p / p.sum(axis=1, keepdims=True), axis=1)).sum(axis=1)
        found = ef.glm("y ~ x + z", {"x": x, "z": z, "y": y.astype(float)}, family="categorical").link_test()
        statistics.append(found.statistic)
        assert found.df == 2
    assert abs(np.mean(statistics) - 2) < 4 * 2 / np.sqrt(40)


def test_score_tests_hold_their_level() -> None:
    """Of 100 right models a share of 5% is rejected at 5%, within three binomial errors."""
    found = []
    for seed in range(100):
        fit = ef.glm("y ~ x + z", drawn(seed, 200), family="poisson", exposure="e")
        form = fit.form_tests()
        found.append([fit.link_test().p_value < 0.05, *(form.p_value < 0.05), *(form.p_square < 0.05)])
    shares = np.mean(found, axis=0)
    assert np.all(np.abs(shares - 0.05) < 3 * np.sqrt(0.05 * 0.95 / 100))


def test_where_score_tests_mean_nothing_they_are_refused() -> None:
    data = drawn()
    for options, told in (
        ({"penalty": ef.Ridge(0.1)}, "penalised fit"), ({"weights": "f", "weights_kind": "sampling"}, "no likelihood"),
    ):  # fmt: skip
        fit = ef.glm("y ~ x + z", data, family="poisson", **options)  # type: ignore[arg-type]
        for ask in (fit.link_test, fit.form_tests):
            with pytest.raises(ef.ExpfamError, match=told):
                ask()
    firth = ef.glm("y ~ x + z", drawn(family="bernoulli"), family="bernoulli", bias="firth")
    with pytest.raises(ef.ExpfamError, match="bias reduction"):
        firth.link_test()
    saturated = ef.glm("y ~ g", data, family="poisson").link_test()
    assert saturated.df <= 1
    flat = ef.glm("y ~ 1", data, family="poisson").link_test()
    assert np.isnan(flat.statistic)
    assert flat.df == 0


# ---- distributions -------------------------------------------------------------------------------------------------

EXTRA = {
    "binomial": Binomial(), "negative_binomial": NegativeBinomial(theta=2.0), "tweedie": Tweedie(power=1.5),
}  # fmt: skip


@pytest.mark.parametrize("name", FAMILIES)
def test_quantile_residuals_are_uniform_for_every_family(name: str) -> None:
    """Right models give uniform residuals: the KS distance of 2,000 rows stays below its 1 in 1,000 point."""
    rng, n = np.random.default_rng(6), 2_000
    x = rng.normal(size=n)
    family = EXTRA.get(name, FAMILIES[name]() if name not in EXTRA else None)
    assert family is not None
    if isinstance(family, Categorical):
        y = rng.integers(0, 3, n).astype(float)
        with pytest.raises(ef.ExpfamError, match="several classes"):
            ef.glm("y ~ x", {"y": y, "x": x}, family="categorical").uniformity_test()
        return
    log = name in ("gamma", "inverse_gaussian", "tweedie", "negative_binomial")
    eta = 0.3 + 0.4 * x
    mu = np.exp(eta) if log or name in ("poisson", "quasipoisson") else eta if name == "gaussian" else expit(eta)
    if not family.has_likelihood:
        y = rng.poisson(mu) if name == "quasipoisson" else (rng.random(n) < mu)
        with pytest.raises(ef.ExpfamError, match="no distribution function"):
            ef.glm("y ~ x", {"y": y.astype(float), "x": x}, family=name).uniformity_test()
        return
    phi, trials = (0.4 if log and name != "negative_binomial" else 1.0), rng.integers(1, 9, n).astype(float)
    weight = trials if name == "binomial" else np.ones(n)
    data = {"y": family.draw(mu, rng, phi, weight), "x": x, "t": trials}
    options: dict[str, Any] = {"trials": "t"} if name == "binomial" else {}
    if name == "gamma":
        options["dispersion"] = "ml"
    fit = ef.glm("y ~ x", data, family=family, link="log" if log else None, **options)
    found = fit.uniformity_test()
    assert found.distance < 1.95 / np.sqrt(n)
    assert found.anderson_p > 1e-3
    assert found.dispersion == pytest.approx(phi, abs=0.15)


def test_a_family_of_ones_own_is_judged_like_others() -> None:
    own = Family(
        name="exponential", a=lambda psi: -np.log(-psi), natural=lambda mu: -1 / mu, variance=lambda mu: mu**2,
        conjugate=lambda t: -1 - np.log(t), support=(0, np.inf),
    )  # fmt: skip
    rng = np.random.default_rng(7)
    x = rng.normal(size=800)
    fit = ef.glm("y ~ x", {"x": x, "y": rng.exponential(np.exp(0.5 * x))}, family=own, link="log")
    assert fit.calibration().p_value > 0.01
    assert fit.link_test().p_value > 0.01


def test_uniformity_is_that_of_scipy() -> None:
    data = drawn()
    fit = ef.glm("y ~ x + z + g", data, family="poisson", exposure="e")
    found, u = fit.uniformity_test(seed=5), fit.residuals("quantile", seed=5)
    theirs = kstest(u, "norm", method="asymp")
    assert found.distance == pytest.approx(theirs.statistic, rel=1e-9)
    assert found.p_value == pytest.approx(theirs.pvalue, rel=1e-9)
    i, v = np.arange(1, 401), np.sort(0.5 * (1 + np.array([_erf(r) for r in u])))
    square = -400 - np.mean((2 * i - 1) * (np.log(v) + np.log(1 - v[::-1])))
    assert found.anderson == pytest.approx(square, rel=1e-7)
    pearson = np.sum(fit.residuals("pearson") ** 2) / fit.df_residual
    assert found.dispersion == pytest.approx(pearson)
    with pytest.raises(ef.ExpfamError, match="sampling weights"):
        ef.glm("y ~ x", data, family="poisson", weights="f", weights_kind="sampling").uniformity_test()


@pytest.mark.parametrize("point", [0.3, 0.5, 1.0, 1.999, 2.001, 2.492, 4.0])
def test_the_tail_of_anderson_and_darling_is_their_series(point: float) -> None:
    """Anderson and Darling 1952: sqrt(2 pi) / z sum_j C(-1/2, j) (4j + 1) e^-a int exp(z / (8 (w^2 + 1)) - a w^2)."""
    below = 0.0
    for j in range(40):
        a = (4 * j + 1) ** 2 * np.pi**2 / (8 * point)
        area = quad(lambda w, a=a: np.exp(point / (8 * (w * w + 1)) - a * w * w), 0, np.inf)[0]
        below += binom(-0.5, j) * (4 * j + 1) * np.exp(-a) * area * np.sqrt(2 * np.pi) / point
    assert anderson_tail(point) == pytest.approx(1 - below, abs=2e-5)
    assert anderson_tail(0.0) == 1.0


def _erf(value: float) -> float:
    from math import erf, sqrt

    return erf(value / sqrt(2))


# ---- checks --------------------------------------------------------------------------------------------------------


def counts(seed: int, shape: str, n: int = 3_000) -> dict[str, Any]:
    """Counts of a right Poisson model, and of four wrong ones."""
    rng = np.random.default_rng(seed)
    x, z = rng.normal(size=n), rng.normal(size=n)
    mu = np.exp(0.5 + 0.4 * x - 0.3 * z + (0.25 * x**2 if shape == "square" else 0.0))
    mu = np.maximum(2 + 0.6 * x - 0.5 * z, 0.1) ** 2 / 2 if shape == "link" else mu
    y = rng.poisson(mu * rng.gamma(1.0, 1.0, n)) if shape == "overdispersed" else rng.poisson(mu)
    y = np.where(rng.random(n) < 0.25, 0, y) if shape == "zeros" else y
    return {"x": x, "z": z, "y": y.astype(float)}


def test_a_right_model_raises_no_warning() -> None:
    for seed in range(3):
        found = ef.glm("y ~ x + z", counts(seed, "right"), family="poisson").checks()
        assert [finding.name for finding in found if finding.verdict != "ok"] == []
    assert {finding.name for finding in found} == {
        "convergence", "separation", "aliasing", "collinearity", "overdispersion", "zeros", "link", "form of x",
        "form of z", "distribution", "influence", "calibration",
    }  # fmt: skip
    assert not found.left_out


@pytest.mark.parametrize(
    ("shape", "name"),
    [("square", "form of x"), ("link", "link"), ("overdispersed", "overdispersion"), ("zeros", "zeros")],
)
def test_a_wrong_model_is_named(shape: str, name: str) -> None:
    found = ef.glm("y ~ x + z", counts(8, shape), family="poisson").checks()
    assert found[name].verdict == "warning"
    assert found[name].p_value < 1e-6
    verdicts = [finding.verdict for finding in found]
    assert verdicts == sorted(verdicts, key=["warning", "look", "ok"].index)
    assert str(found).startswith("warning")
    assert found.warnings == tuple(finding for finding in found if finding.verdict == "warning")
    if shape == "square":
        assert found["form of z"].verdict == "ok"
        assert "bs(x, df=4)" in found[name].sentence
        right = ef.glm("y ~ x + I(x**2) + z", counts(8, shape), family="poisson").checks()
        assert [finding.name for finding in right.warnings] == []


def test_the_wrong_link_of_shares_is_seen() -> None:
    rng = np.random.default_rng(9)
    x, z = rng.normal(size=(2, 8_000))
    data = {"x": x, "z": z, "y": (rng.random(8_000) < 1 - np.exp(-np.exp(-0.5 + x + z))).astype(float)}
    wrong = ef.glm("y ~ x + z", data, family="bernoulli").checks()
    right = ef.glm("y ~ x + z", data, family="bernoulli", link="cloglog").checks()
    assert wrong["link"].verdict == "warning"
    assert right["link"].verdict == "ok"
    assert "zeros" in right.left_out


def test_size_counts_as_well_as_p() -> None:
    assert verdict(1e-30, 0.01, 0.05, 0.2) == "ok"
    assert verdict(1e-30, 0.1, 0.05, 0.2) == "look"
    assert verdict(1e-30, 0.3, 0.05, 0.2) == "warning"
    assert verdict(0.005, 0.3, 0.05, 0.2) == "look"
    assert verdict(0.5, 9.0, 0.05, 0.2) == "ok"
    assert verdict(np.nan, 9.0, 0.05, 0.2) == verdict(0.0, np.nan, 0.05, 0.2) == "nothing"
    rng = np.random.default_rng(10)
    x = rng.normal(size=200_000)
    data = {"x": x, "y": rng.poisson(np.exp(0.5 * x + 0.006 * x**2)).astype(float)}
    found = ef.glm("y ~ x", data, family="poisson").checks()["form of x"]
    assert found.p_value < 0.01
    assert found.verdict == "ok"


def test_bad_fits_are_told() -> None:
    x = np.linspace(-1, 1, 60)
    with pytest.warns(ef.SeparationWarning):
        apart = ef.glm("y ~ x", {"x": x, "y": (x > 0).astype(float)}, family="bernoulli").checks()
    assert apart["separation"].verdict == "warning"
    assert "bias='firth'" in apart["separation"].sentence
    rng = np.random.default_rng(11)
    data = {"x": x, "copy": 2 * x, "near": x + 1e-3 * rng.normal(size=60), "y": rng.normal(size=60)}
    with pytest.warns(ef.AliasWarning):
        twice = ef.glm("y ~ x + copy", data).checks()
    assert twice["aliasing"].verdict == "look"
    assert ef.glm("y ~ x + near", data).checks()["collinearity"].verdict == "warning"
    counted = {"x": x, "y": rng.poisson(5, 60).astype(float)}
    with pytest.warns(ef.ConvergenceWarning):
        stopped = ef.glm("y ~ x", counted, family="poisson", max_iter=1, tol=1e-14)
    assert stopped.checks()["convergence"].verdict == "warning"
    far = {"x": np.append(x, 30.0), "y": np.append(x + 0.1 * rng.normal(size=60), -40.0)}
    assert ef.glm("y ~ x", far).checks()["influence"].verdict == "warning"
    assert "Row 60" in ef.glm("y ~ x", far).checks()["influence"].sentence


def test_errors_that_count_overdispersion_are_not_called_too_small() -> None:
    data, family = counts(8, "overdispersed"), {"family": "poisson"}
    ways: list[dict[str, Any]] = [family, {"family": "quasipoisson"}, family | {"vcov": "HC0"}]
    ways += [family | {"vcov": {"bootstrap": 30, "kind": "parametric"}}, {"family": "quasipoisson", "dispersion": 1.0}]
    found = [ef.glm("y ~ x + z", data, **options).checks()["overdispersion"] for options in ways]
    assert {one.value for one in found} == {found[0].value}
    assert found[0].value > 1.5
    assert [one.verdict for one in found] == ["warning", "ok", "look", "warning", "warning"]
    assert ["too small" in one.sentence for one in found] == [True, False, False, True, True]
    assert "Standard errors stand (HC0)" in found[2].sentence
    assert "leave dispersion= out" in found[4].sentence


def test_separation_that_was_not_looked_for_is_not_denied() -> None:
    x = np.linspace(-1, 1, 200)
    fit = ef.glm("y ~ x", {"x": x, "y": (x > 0).astype(float)}, family="bernoulli", solver=ef.SGD(step="normalised"))
    found = fit.checks()
    assert "x" in fit.separation().names
    assert "not decided" in found.left_out["separation"]
    assert "separation" not in [finding.name for finding in found]


def test_rows_of_leverage_one_and_zero_weight() -> None:
    rng = np.random.default_rng(12)
    n = 80
    data = {
        "x": rng.normal(size=n), "g": np.array(["a", "b"] * 39 + ["a", "c"]), "y": rng.poisson(3.0, n).astype(float),
        "w": np.where(np.arange(n) < 5, 0.0, 1.0), "one": np.full(n, "u"), "flat": np.ones(n),
    }  # fmt: skip
    fit = ef.glm("y ~ x + g", data, family="poisson", weights="w")
    found = fit.checks()
    assert found["leverage"].value == 1
    assert found["leverage"].verdict == "look"
    seen = fit.actual_expected(["one", "g"])
    assert seen.level == ("u:a", "u:b", "u:c")
    assert fit.actual_expected("flat").level == ("1",)
    assert fit.calibration(3).sums.rows.sum() == n - 5
    assert np.isfinite(fit.vif().gvif).all()


def test_checks_of_every_kind_of_fit() -> None:
    data = drawn(13)
    for options in (
        {"penalty": ef.Ridge(0.01)}, {"weights": "f", "weights_kind": "sampling"}, {"vcov": "HC1"},
        {"weights": "f", "weights_kind": "frequency"}, {"exposure": "e"},
    ):  # fmt: skip
        found = ef.glm("y ~ x + z + g", data, family="poisson", **options).checks()  # type: ignore[arg-type]
        assert found["convergence"].verdict == "ok"
        assert ("link" in found.left_out) == ("penalty" in options or options.get("weights_kind") == "sampling")
    classes = ef.glm("g ~ x + z", data, family="categorical").checks()
    assert {f"calibration of {label}" for label in "abc"} <= {finding.name for finding in classes}
    assert "one linear predictor" in classes.left_out["influence"]
    with pytest.raises(ef.ExpfamError, match="was not checked"):
        _ = classes["influence"]
    with pytest.raises(ef.ExpfamError, match="no check is named 'mood'"):
        _ = classes["mood"]
    fit = ef.glm("y ~ x + z", data, family="poisson")
    with pytest.raises(ef.ExpfamError, match="hand the data over"):
        fit.detach().checks()
    assert str(fit.detach().checks(data=data)) == str(fit.checks())
    sampled = ef.glm("y ~ x + z", data, family="poisson", weights="f", weights_kind="sampling")
    assert str(sampled.detach().checks(data=data)) == str(sampled.checks())
    assert sampled.detach().checks(data=data)["collinearity"].value == sampled.checks()["collinearity"].value
    assert list(fit.checks().table()) == ["name", "verdict", "figure", "value", "p_value", "sentence"]
    assert len(fit.checks()) == len(list(fit.checks()))
    matrix = ef.glm_arrays(np.column_stack([data["x"], data["z"]]), data["y"], family="poisson")
    assert matrix.form_tests().term == ("x1", "x2")
    assert matrix.checks()["form of x1"].verdict == "ok"


@pytest.mark.parametrize(
    ("formula", "family", "open_", "judged"),
    [
        ("y ~ 1", "poisson", {"link", "calibration"}, {"overdispersion", "zeros", "distribution", "influence"}),
        ("y ~ g", "poisson", {"link", "overdispersion", "influence"}, {"zeros", "calibration", "leverage"}),
        ("z ~ g", "gaussian", {"link", "distribution", "influence", "collinearity"}, {"calibration", "leverage"}),
        ("flat ~ z", "gaussian", {"link", "form of z", "distribution", "influence", "calibration"}, {"aliasing"}),
    ],
)
def test_what_cannot_be_judged_has_no_verdict(formula: str, family: str, open_: set[str], judged: set[str]) -> None:
    data = {"y": [3, 1, 4, 2, 5, 7], "z": [0.3, 1.2, -0.4, 0.8, 2.1, -1.0], "g": list("abcdef"), "flat": [3.0] * 6}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ef.ConvergenceWarning)  # the fit meets every response
        found = ef.glm(formula, data, family=family).checks()
    assert open_ <= {name for name, why in found.left_out.items() if "nothing to judge it by" in why}
    assert judged <= {finding.name for finding in found}
    assert not any("nan" in finding.figure or np.isnan(finding.value) for finding in found)
    with pytest.raises(ef.ExpfamError, match="'link' was not checked: there is nothing to judge it by"):
        found["link"]
