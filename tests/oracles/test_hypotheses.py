"""Hypotheses as text, fits compared, formulas revised, score intervals: by statsmodels, R's step, and by hand."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import chdtrc
from scipy.stats import norm
from tests.oracles.test_r import FACTS, fit_of

import expfam as ef
from expfam.families import Tweedie
from expfam.inference.anova import Step
from expfam.inference.hypotheses import equations
from expfam.inference.optimum import refit

MORE = json.loads((Path(__file__).parent / "recorded_inference.json").read_text())
STEPS = [name for name, facts in MORE.items() if "step" in facts]


def claims(n: int = 500) -> dict[str, Any]:
    rng = np.random.default_rng(11)
    x, z, g = rng.normal(size=n), rng.normal(size=n), rng.choice(["a", "b", "c"], n)
    mu = np.exp(0.2 + 0.4 * x + 0.3 * (g == "b") + 0.2 * x * z)
    return {"y": rng.poisson(mu), "x": x, "z": z, "g": g, "w": rng.integers(0, 25, n)}


EQUATIONS = {  # of Intercept, x, z, g[b], g[c]
    "x = 0.4": ([[0, 1, 0, 0, 0]], [0.4]),
    "x = z, g[b] = 0": ([[0, 1, -1, 0, 0], [0, 0, 0, 1, 0]], [0, 0]),
    "2 * x - z + 1 = g[b] + 1.5, g[c]": ([[0, 2, -1, -1, 0], [0, 0, 0, 0, 1]], [0.5, 0]),
}


@pytest.mark.parametrize("cov", ["nonrobust", "HC0", "cluster"])
@pytest.mark.parametrize("text", EQUATIONS)
def test_wald_is_that_of_statsmodels(cov: str, text: str) -> None:
    import statsmodels.formula.api as smf
    import statsmodels.genmod.families as families

    data = claims()
    vcov: Any = {"nonrobust": "model", "HC0": "HC0", "cluster": {"cluster": "w", "ssc": "statsmodels"}}[cov]
    options: dict[str, Any] = {"cov_kwds": {"groups": data["w"]}} if cov == "cluster" else {}
    model = smf.glm("y ~ x + z + g", pd.DataFrame(data), family=families.Poisson())
    theirs = model.fit(tol=1e-13, cov_type=cov, **options)
    order = ["Intercept", "x", "z", "g[T.b]", "g[T.c]"]
    R = np.array(EQUATIONS[text][0], dtype=float)[:, [order.index(name) for name in theirs.params.index]]
    expected = theirs.wald_test((R, np.array(EQUATIONS[text][1])), scalar=True, use_f=False)
    found = ef.glm("y ~ x + z + g", data, family="poisson", vcov=vcov).wald_test(text)
    assert found.statistic == pytest.approx(float(expected.statistic), rel=1e-6)
    assert found.p_value == pytest.approx(float(expected.pvalue), rel=1e-5)
    assert found.df == len(R)


def test_f_where_the_dispersion_is_estimated() -> None:
    import statsmodels.formula.api as smf

    data = claims()
    fit = ef.glm("y ~ x + z + g", data)
    model = smf.ols("y ~ x + z + g", pd.DataFrame(data)).fit()
    names = list(model.params.index)
    R = np.zeros((2, 5))
    R[0, names.index("x")], R[0, names.index("z")], R[1, names.index("g[T.b]")] = 1, -1, 1
    theirs = model.f_test(R)
    found = fit.wald_test("x = z, g[b]")
    assert str(fit.wald_test(["x = z", "g[b]"])) == str(found)
    assert (found.statistic, found.p_value) == pytest.approx((float(theirs.fvalue), float(theirs.pvalue)), rel=1e-8)
    assert (found.df, found.df_residual) == (2, 495)
    assert str(found).startswith("Wald test of x = z, g[b]: F ")


def test_classes_are_named_in_hypotheses() -> None:
    fit = fit_of(FACTS["housing_multinomial"])
    one, two = (name for name in fit.model.flat_names if "Cont" in name)
    V, theta = fit.vcov(), fit.flat(fit.coef)
    c = np.zeros(len(theta))
    c[[fit.model.flat_names.index(name) for name in (one, two)]] = 1.0, -1.0
    assert fit.wald_test(f"{one} = {two}").statistic == pytest.approx((c @ theta) ** 2 / (c @ V @ c))


@given(st.lists(st.tuples(st.integers(-5, 5), st.integers(-5, 5), st.integers(-9, 9)), min_size=1, max_size=4))
def test_equations_come_back(rows: list[tuple[int, int, int]]) -> None:
    names = ("log(x, 2)", "C(z, levels=[1, 2])[2]")
    text = ", ".join(f"{a} * {names[0]} + {b}*{names[1]} - {names[0]} = {names[1]} + {r}" for a, b, r in rows)
    R, r = equations(text.replace("+ -", "- "), names)
    assert np.array_equal(R, [[a - 1.0, b - 1.0] for a, b, _ in rows])
    assert np.array_equal(r, [float(r) for *_, r in rows])


def test_a_number_is_a_number_whatever_columns_are_called() -> None:
    """A matrix that pandas numbered has a coefficient 1: in backticks."""
    R, r = equations("x = 1, `1` = 2 * `a = b`, `odd, name` - `x` = 1 + `0`", ["0", "1", "x", "a = b", "odd, name"])
    np.testing.assert_array_equal(R, [[0, 0, 1, 0, 0], [0, 1, 0, -2, 0], [-1, 0, -1, 0, 1]])
    np.testing.assert_array_equal(r, [1, 0, 1])
    with pytest.raises(ef.ExpfamError, match="asks nothing"):
        ef.glm_arrays(np.eye(4, 2), np.arange(4.0), names=["0", "1"]).wald_test("1 = 1")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("xx = 0", "names 'xx', which is no coefficient; did you mean 'x'"),
        ("x = z, z = x", "equation 2 .* follows from those before it"),
        ("x = 0, x = 1", "equation 2 .* contradicts"),
        ("x = x", "asks nothing"),
        ("x = z = 0", "more than one equals sign"),
        ("x = ", "a side of an equation is empty"),
        (" , ", "says nothing"),
        ("x2 = 0", "^'x2' was left out of the fit"),
    ],
)
def test_hypotheses_that_say_nothing(text: str, message: str) -> None:
    data = claims()
    with pytest.warns(ef.AliasWarning):
        fit = ef.glm("y ~ x + z + x2", {**data, "x2": 2 * data["x"]}, family="poisson")
    with pytest.raises(ef.ExpfamError, match=message):
        fit.wald_test(text)


# ---- fits at the edge ----------------------------------------------------------------------------------------------


def separated() -> tuple[ef.Fit, dict[str, Any]]:
    """A level without events, and its rows."""
    data = claims()
    data["y"] = np.where(data["g"] == "c", 0, data["y"])
    with pytest.warns(ef.SeparationWarning):
        return ef.glm("y ~ g", data, family="poisson"), data


def test_the_profile_of_a_level_without_events_has_one_end() -> None:
    """The others are fitted exactly: F rises by the level's expected count, so the upper end is where that is 1.92."""
    fit, data = separated()
    with pytest.warns(ef.SeparationWarning, match=r"g\[c\]: the profile never rises"):
        found = fit.confint(method="profile")
    alone = ef.glm("y ~ g", {name: v[data["g"] != "c"] for name, v in data.items()}, family="poisson")
    assert found[:2] == pytest.approx(alone.confint(method="profile"), abs=1e-5)
    assert found[2, 0] == -np.inf
    rise, rows, a = norm.ppf(0.975) ** 2 / 2, data["g"] == "a", data["g"] == "c"

    def profile(v: float) -> float:
        mean = data["y"][rows].sum() / (rows.sum() + a.sum() * np.exp(v))
        return float((rows.sum() + a.sum() * np.exp(v)) * mean - data["y"][rows].sum() * np.log(mean))

    assert profile(found[2, 1]) - profile(-60.0) == pytest.approx(rise, rel=1e-5)


def test_sandwiches_of_separated_fits_are_those_of_the_finite_part() -> None:
    fit, data = separated()
    alone = ef.glm("y ~ g", {name: v[data["g"] != "c"] for name, v in data.items()}, family="poisson")
    with pytest.warns(ef.SeparationWarning):
        beside = ef.glm("y ~ g", data, family="poisson", vcov="HC0")
    for se in (np.sqrt(np.diagonal(fit.vcov("HC0"))), beside.se):
        assert se[:2] == pytest.approx(alone.with_vcov("HC0").se, rel=1e-5)
        assert np.isnan(se[2])


def test_what_needs_finite_estimates_says_so() -> None:
    fit, _ = separated()
    for ask in (lambda: fit.bootstrap(5), lambda: fit.confint(method="score")):
        with pytest.raises(ef.ExpfamError, match=r"g\[c\] runs to infinity"):
            ask()


def test_rows_that_leave_no_degree_of_freedom() -> None:
    with pytest.warns(ef.ConvergenceWarning, match="meets every response"):
        fit = ef.glm("y ~ g", {"y": [1.0, 2.0, 4.0], "g": ["a", "b", "c"]})
    with pytest.raises(ef.ExpfamError, match="3 rows leave none to estimate it from"):
        fit.confint(method="profile")
    with pytest.raises(ef.ExpfamError, match="draws with the dispersion, and 3 rows leave none"):
        fit.bootstrap(5, kind="parametric")
    with pytest.raises(ef.ExpfamError, match="met exactly by 3 coefficients"):
        fit.vcov("HC3")
    assert np.isnan(np.asarray(fit.anova()["p_value"], dtype=float)).all()


@pytest.mark.parametrize("method", ["profile", "score"])
def test_a_dispersion_of_zero_has_no_likelihood_to_follow(method: str) -> None:
    x = np.arange(6.0)
    with pytest.warns(ef.ConvergenceWarning, match="meets every response"):
        fit = ef.glm("y ~ x", {"x": x, "y": 1 + 2 * x})
    assert fit.dispersion == 0
    with pytest.raises(ef.ExpfamError, match=f"method='{method}' needs a dispersion above 0, and this fit meets all 6"):
        fit.confint(method=method)
    assert fit.confint() == pytest.approx(np.array([[1, 1], [2, 2]]))


PERFECT = ["gaussian", "gamma", "inverse_gaussian", Tweedie(1.5), "quasipoisson"]


@pytest.mark.parametrize("slope", [0.0, 0.5])
@pytest.mark.parametrize("family", PERFECT)
def test_a_fit_that_meets_every_response_says_so(family: str | Tweedie, slope: float) -> None:
    """Phi is 0, or the 1e-30 that rounding leaves."""
    x = np.array([0.0, 0.0, 0.0, 1.0, 1.0, 1.0])
    with pytest.warns(ef.ConvergenceWarning, match="meets every response: no dispersion is left"):
        ef.glm("y ~ x", {"x": x, "y": 2 * np.exp(slope * x)}, family=family, link="log", tol=1e-12)


@pytest.mark.parametrize("family", [*PERFECT[1:], "gaussian"])
def test_score_intervals_of_tiny_dispersions(family: str | Tweedie) -> None:
    """A constrained optimum is as near as the dispersion asks for, or rounding lets it."""
    x, rng = np.linspace(0, 1, 20), np.random.default_rng(0)
    y = np.exp(1 + 2 * x) * (1 + 1e-8 * rng.standard_normal(20))
    fit = ef.glm("y ~ x", {"x": x, "y": y}, family=family, link="log")
    miss = (fit.confint(method="score") - fit.coef[:, None]) / fit.se[:, None]
    assert miss == pytest.approx(np.array([[-1.96, 1.96]] * 2), abs=0.06)


def test_ends_that_rounding_hides_are_told() -> None:
    x = np.linspace(0, 1, 10)
    with pytest.warns(ef.ConvergenceWarning, match="meets every response"):
        fit = ef.glm("y ~ x", {"x": x, "y": 1 + 2 * x})
    with pytest.warns(ef.ConvergenceWarning, match=r"Intercept, x: an end of the interval was not found and is NaN"):
        fit.confint(method="score")


def test_sampling_weights_have_no_likelihood() -> None:
    fit = ef.glm("y ~ x", claims(), family="poisson", weights="1 + w", weights_kind="sampling")
    for ask in (lambda: fit.confint(method="profile"), lambda: fit.bootstrap(5, kind="parametric")):
        with pytest.raises(ef.ExpfamError, match="sampling weights have none"):
            ask()
    for ask in (fit.anova, lambda: fit.anova(type=3, test="lrt"), fit.drop1, lambda: fit.add1("z", test="rao")):
        with pytest.raises(ef.ExpfamError, match="no likelihood to compare"):
            ask()
    assert fit.anova(type=3)["statistic"][0] == pytest.approx(fit.wald_test("x").statistic)


def test_a_term_that_was_left_out_has_no_degree_of_freedom() -> None:
    data = claims()
    for family in ("poisson", "gaussian"):
        with pytest.warns(ef.AliasWarning):
            fit = ef.glm("y ~ x + again", {**data, "again": data["x"]}, family=family)
        for table in (fit.anova(), fit.anova(type=3), fit.anova(type=3, test="wald"), fit.drop1()):
            assert table["df"][-1] == 0
            assert np.isnan(table["p_value"][-1])


# ---- fits compared -------------------------------------------------------------------------------------------------


def test_nested_fits_add_up() -> None:
    data = claims()
    small, middle, large = (ef.glm(f, data, family="poisson") for f in ("y ~ x", "y ~ x + g", "y ~ x * z + g"))
    table, alone = large.anova(small, middle), large.anova()
    assert [float(d) for d in table["df"][1:]] == [2, 2]
    assert table["deviance"][1] == pytest.approx(small.deviance - middle.deviance)
    assert table["residual_deviance"][-1] == pytest.approx(alone["residual_deviance"][-1])
    ratio = 2 * (middle.loglik - small.loglik)
    assert table["statistic"][1] == pytest.approx(ratio)


def test_a_model_may_be_inside_another_by_other_names() -> None:
    data = claims()
    factor, line = (ef.glm(f, data, family="poisson") for f in ("y ~ C(w)", "y ~ w"))
    assert line.anova(factor)["df"][1] == 23
    with pytest.raises(ef.ExpfamError, match="no special case"):
        ef.glm("y ~ z", data, family="poisson").anova(factor)


def test_fits_that_cannot_be_compared() -> None:
    data = claims()
    fit = ef.glm("y ~ x", data, family="poisson")
    holes = {**data, "z": np.where(np.arange(500) < 7, np.nan, data["z"])}
    with pytest.warns(ef.DataWarning):
        fewer = ef.glm("y ~ x + z", holes, family="poisson")
    others = {
        "different rows: 500 of weight 500, 493": fewer,
        "models of y .poisson, log. and of y .gaussian": ef.glm("y ~ x + z", data),
        "penalised": ef.glm("y ~ x + z", data, family="poisson", penalty=ef.Ridge(0.1)),
        "sampling weights": ef.glm("y ~ x + z", data, family="poisson", weights=np.ones(500), weights_kind="sampling"),
        "as many coefficients": ef.glm("y ~ z", data, family="poisson"),
        "different rows, responses or": ef.glm("y ~ x + z", {**data, "y": data["y"][::-1]}, family="poisson"),
    }
    for message, other in others.items():
        with pytest.raises(ef.ExpfamError, match=message):
            fit.anova(other)


def test_fits_with_other_offsets_are_not_compared() -> None:
    data = claims() | {"t": np.linspace(0.1, 2, 500)}
    large, other = (
        ef.glm(f, data, family="poisson", **o) for f, o in (("y ~ x + g", {"exposure": "t"}), ("y ~ x", {}))
    )
    same = ef.glm("y ~ x + offset(log(t))", data, family="poisson")
    meant = chdtrc(2, same.deviance - large.deviance)
    assert same.anova(large)["p_value"][1] == pytest.approx(meant, rel=1e-9)
    assert same.detach().anova(large)["p_value"][1] == pytest.approx(meant, rel=1e-9)
    for one in (other, other.detach()):  # without rows, by what both remember
        with pytest.raises(ef.ExpfamError, match=r"different offsets|null deviances are"):
            one.anova(large)


def test_a_name_does_not_make_a_column() -> None:
    """Columns of one name are held against each other."""
    data = claims()
    large = ef.glm("y ~ x + g", data, family="poisson")
    other = ef.glm("y ~ x", {**data, "x": data["x"][::-1]}, family="poisson")
    with pytest.raises(ef.ExpfamError, match="no special case"):
        other.anova(large)
    moved = ef.glm("y ~ x", {**data, "x": 1 + 2 * data["x"]}, family="poisson")  # says the same, by other columns
    assert moved.anova(large)["p_value"][1] == pytest.approx(large.anova()["p_value"][2])


def test_loaded_fits_are_compared_on_the_rows_handed_over() -> None:
    data = claims()
    small, large = (ef.glm(f, data, family="poisson") for f in ("y ~ x", "y ~ x + g"))
    meant = small.anova(large)["p_value"][1]
    assert small.detach().anova(large.detach(), data=data)["p_value"][1] == meant
    with pytest.raises(ef.ExpfamError, match="not the rows of the fit"):
        small.detach().anova(large.detach(), data={**data, "y": data["y"][::-1]})


def test_a_dispersion_inside_the_likelihood_is_divided_by_once() -> None:
    """With the power estimated, phi is at its best for each model: the fall of -2 log-likelihood is chi-squared."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=300)
    y = np.array([rng.gamma(2.0, 20.0, k).sum() for k in rng.poisson(np.exp(0.5 + 0.15 * x))])
    small, large = (ef.glm(f, {"x": x, "y": y}, family="tweedie", link="log") for f in ("y ~ 1", "y ~ x"))
    for test in (None, "lrt", "f"):
        table, ratio = small.anova(large, test=test), 2 * (large.loglik - small.loglik)
        assert table["statistic"][1] == pytest.approx(ratio)
        assert table["p_value"][1] == pytest.approx(chdtrc(1, ratio))
    assert large.dispersion > 10


@pytest.mark.filterwarnings("ignore:theta runs to infinity")
def test_estimated_numbers_are_compared_by_their_likelihoods() -> None:
    """The larger model has the larger theta, and with it the larger deviance; without a bound it is Poisson's."""
    rng, limits = np.random.default_rng(0), []
    x, z = rng.normal(size=(2, 200))
    for theta in (1.2, 50.0):
        data = {"x": x, "z": z, "k": rng.negative_binomial(theta, theta / (theta + np.exp(0.5 + 0.6 * x)))}
        small, large = (ef.glm(f, data, family="negative_binomial") for f in ("k ~ z", "k ~ z + x"))
        assert small.anova(large)["statistic"][1] == pytest.approx(2 * (large.loglik - small.loglik))
        limits.append((large.model.family.name, small.deviance < large.deviance))
        with pytest.raises(ef.ExpfamError, match=r"differ by a number that was given|models of k"):
            ef.glm("k ~ z", data, family=ef.families.NegativeBinomial(3.0)).anova(large)
    assert limits == [("negative_binomial", True), ("poisson", False)]


def test_a_known_variance_is_what_a_term_is_judged_by() -> None:
    """Falls of the deviance / phi against chi-squared, and the AIC of the refit."""
    rng = np.random.default_rng(5)
    x, z = rng.normal(size=(2, 60))
    data = {"x": x, "z": z, "y": x + rng.normal(size=60)}
    large, small = (ef.glm(f, data, dispersion=4.0) for f in ("y ~ x + z", "y ~ x"))
    ratio = (small.deviance - large.deviance) / 4
    for table, aic in ((large.drop1(), small.aic), (small.add1("z", test="lrt"), large.aic)):
        assert table["statistic"][-1] == pytest.approx(ratio)
        assert table["p_value"][-1] == pytest.approx(chdtrc(1, ratio))
        assert table["aic"][-1] == pytest.approx(aic, rel=1e-10)
    assert large.step(tell=lambda _: None).names == ("Intercept", "x")


@pytest.mark.parametrize("options", [{"family": "poisson"}, {"dispersion": 0.7}])
def test_f_of_a_known_dispersion_has_no_end_of_degrees_of_freedom(options: dict[str, Any]) -> None:
    """F(df, Inf) is chi-squared / df: so has R's anova.glm it, pf(F, df, Inf). R's drop1 takes a quasi family's."""
    data = claims()
    small, large = (ef.glm(f, data, **options) for f in ("y ~ x", "y ~ x + g"))
    meant = chdtrc(2, (small.deviance - large.deviance) / large.dispersion)
    tables = [small.anova(large, test="f"), small.add1("g", test="f"), large.drop1(test="f")]
    for table in [*tables, *(large.anova(type=k, test="f") for k in (1, 2, 3))]:
        assert table["p_value"][-1] == pytest.approx(meant, rel=1e-7)


def test_deviances_know_what_a_parametric_bootstrap_draws_from() -> None:
    """The family, as they do; rows drawn with their neighbours' scatter are another matter."""
    plain = ef.glm("y ~ x + g", claims(), family="poisson")
    drawn, rows = (
        ef.glm("y ~ x + g", claims(), family="poisson", vcov={"bootstrap": 20, "kind": kind})
        for kind in ("parametric", "cases")
    )
    np.testing.assert_array_equal(drawn.anova()["p_value"], plain.anova()["p_value"])
    with pytest.raises(ef.ExpfamError, match="know nothing of"):
        rows.anova()


def test_deviances_of_a_fit_with_a_sandwich() -> None:
    fit = ef.glm("y ~ x + g", claims(), family="poisson", vcov={"cluster": "w"})
    small = ef.glm("y ~ x", claims(), family="poisson")
    for ask in (fit.anova, lambda: small.anova(fit), lambda: fit.anova(small)):
        with pytest.raises(ef.ExpfamError, match="know nothing of"):
            ask()
    assert small.anova(fit, test="lrt")["p_value"][1] == pytest.approx(fit.anova(test="lrt")["p_value"][2])
    table = fit.anova(type=3)
    assert table["statistic"][1] == pytest.approx(fit.wald_test("g[b], g[c]").statistic)
    assert np.array_equal(fit.anova(test="lrt")["df"][1:], [1, 2])
    with pytest.raises(ef.ExpfamError, match="beside all others"):
        fit.anova(test="wald")
    with pytest.raises(ef.ExpfamError, match="choose 1"):
        fit.anova(type=4)


def test_a_loaded_fit_asks_for_its_rows(tmp_path: Path) -> None:
    data = claims()
    fit = ef.glm("y ~ x + g", data, family="poisson")
    fit.save(tmp_path / "fit.json")
    loaded = ef.load(tmp_path / "fit.json")
    with pytest.raises(ef.ExpfamError, match="hand the data over: data="):
        loaded.anova()
    for name in ("anova", "drop1"):
        ours, theirs = getattr(loaded, name)(data=data), getattr(fit, name)()
        assert np.allclose(ours["p_value"], theirs["p_value"], equal_nan=True)
    assert loaded.confint(method="profile", data=data) == pytest.approx(fit.confint(method="profile"))
    assert loaded.wald_test(["x = 0"]).p_value == fit.wald_test("x = 0").p_value


# ---- formulas revised ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", STEPS)
def test_steps_are_those_of_r(name: str) -> None:
    told: list[str] = []
    chosen = fit_of(FACTS[name]).step(tell=told.append)
    assert chosen.aic == pytest.approx(MORE[name]["step_aic"], rel=1e-9)
    full = len([b for b in fit_of(FACTS[name]).model.terms.blocks if not b.is_intercept])
    assert len(told) == full - len(MORE[name]["step"].split(" + "))


def test_steps_forward_by_bic() -> None:
    null = ef.glm("y ~ 1", claims(), family="poisson")
    chosen = null.step("x * z + g", criterion="bic", tell=lambda _: None)
    assert {b.label for b in chosen.model.terms.blocks} == {"Intercept", "x", "g"}
    others = [chosen.update(f". ~ . {move}") for move in ("- x", "- g", "+ z")]
    assert all(other.bic > chosen.bic for other in others)


def test_an_offset_of_the_formula_stays_one() -> None:
    """Dots stand for it, too, and for no text: what is revised is what was written."""
    data = claims() | {"a .": np.linspace(1, 2, 500)}
    fit = ef.glm("y ~ x + g + offset(log(`a .`))", data, family="poisson")
    for change, other in (("+ z", "x + g + z"), ("- g", "x"), ("+ C(g, ref='b') - g", "x + C(g, ref='b')")):
        expected = ef.glm(f"y ~ {other} + offset(log(`a .`))", data, family="poisson")
        found = fit.update(f". ~ . {change}")
        assert found.names == expected.names
        assert found.deviance == pytest.approx(expected.deviance, rel=1e-12)
    assert list(fit.add1("z", test="lrt")["term"]) == ["<none>", "z"]
    larger = ef.glm("y ~ x + g + `a .` + offset(log(`a .`)) + offset(x)", data, family="poisson")
    assert fit.update(". ~ . + offset(x) + `a .`").deviance == larger.deviance
    chosen = ef.glm("y ~ x + g + z + offset(log(`a .`))", data, family="poisson")
    assert fit.step("z", tell=lambda _: None).aic == pytest.approx(chosen.aic, rel=1e-12)


@pytest.mark.parametrize("penalty", [ef.Ridge(0.1), ef.ElasticNet(0.05, 0.9)])
def test_a_penalised_fit_compares_no_terms(penalty: ef.Ridge | ef.ElasticNet) -> None:
    """Its AIC does not count a term's coefficients, so that a search would take the same step to and fro."""
    fit = ef.glm("y ~ x + z + g", claims(), family="poisson", penalty=penalty)
    for ask in (fit.step, fit.drop1, fit.anova):
        with pytest.raises(ef.ExpfamError, match="penalised fit"):
            ask()


def test_terms_added() -> None:
    fit = ef.glm("y ~ x", claims(), family="poisson")
    table = fit.add1("x * z + g", test="lrt")
    assert list(table["term"]) == ["<none>", "z", "g"]
    for k, term in ((1, "z"), (2, "g")):
        larger = fit.update(f". ~ . + {term}")
        assert table["aic"][k] == pytest.approx(larger.aic)
        assert table["deviance"][k] == pytest.approx(larger.deviance)
        assert table["p_value"][k] == pytest.approx(fit.anova(larger)["p_value"][1])
    rao = fit.add1("g", test="rao")
    assert rao["statistic"][1] == pytest.approx(fit.update(". ~ . + g").anova(test="rao")["statistic"][-1])


@pytest.mark.parametrize("family", ["gaussian", "gamma"])
@pytest.mark.parametrize("dispersion", ["pearson", "deviance", "ml", 0.7])
def test_f_of_an_added_term_is_by_the_larger_model(family: str, dispersion: str | float) -> None:
    """As anova and drop1 have it; for Gaussian means t^2 of the new coefficient."""
    rng = np.random.default_rng(1)
    data = {"x": rng.normal(size=20), "z": rng.normal(size=20)}
    data["y"] = np.exp(0.3 * data["x"] + 0.8 * data["z"]) * rng.gamma(3.0, 1 / 3, 20)
    fit = ef.glm("y ~ x", data, family=family, link="log" if family == "gamma" else None, dispersion=dispersion)
    larger = fit.update(". ~ . + z")
    found, meant = fit.add1("z", test="f"), fit.anova(larger, test="f")
    for name in ("statistic", "p_value"):
        assert found[name][1] == pytest.approx(meant[name][1], rel=1e-6)
    if family == "gaussian" and dispersion == "pearson":
        assert found["statistic"][1] == pytest.approx(float(larger.coef[2] / larger.se[2]) ** 2, rel=1e-6)


def test_updated_formulas() -> None:
    data = {**claims(), "odd name": claims()["z"]}
    fit = ef.glm("y ~ x * `odd name` + g", data, family="poisson", weights="1 + w")
    assert fit.update(". ~ . - x:`odd name` + log(1 + w)").names == (
        "Intercept",
        "x",
        "odd name",
        "g[b]",
        "g[c]",
        "log(1 + w)",
    )
    assert fit.update("~ 0 + g").names == ("g[a]", "g[b]", "g[c]")
    assert fit.update("~ 0 + x").update(". ~ . + z").names == ("x", "z")  # brackets around 0 + x do not hide it
    assert ef.glm("y ~ x - 1", data).update("~ . + z").names == ("x", "z")
    assert fit.update("log(1 + y) ~ 1").model.response == "log(1 + y)"
    again = fit.update(". ~ .")
    assert again.coef == pytest.approx(fit.coef, rel=1e-7)
    assert again.weights_sum == fit.weights_sum
    with pytest.raises(ef.ExpfamError, match="has no term that the fit has not"):
        fit.add1("x")
    with pytest.raises(ef.ExpfamError, match="no formula to revise"):
        ef.glm_arrays(np.ones((5, 1)), np.arange(5.0), intercept=False).update(". ~ 1")


@pytest.mark.parametrize("name", ["weights", "offset", "exposure"])
def test_arrays_beside_the_data_do_not_go_with_other_data(name: str, tmp_path: Path) -> None:
    data = claims()
    fit = ef.glm("y ~ x", data, family="poisson", **{name: 1 + data["w"]})
    fit.save(tmp_path / "m.json")
    column = ef.glm("y ~ x + g", {**data, "v": 1 + data["w"]}, family="poisson", **{name: "v"})
    assert fit.update(". ~ . + g").coef == pytest.approx(column.coef, rel=1e-7)
    for one in (fit, ef.load(tmp_path / "m.json")):
        with pytest.raises(ef.ExpfamError, match=rf"given {name}= as an array, .* column and fit anew"):
            one.update(". ~ . + g", data=data)


def test_numbers_of_the_family_are_estimated_again() -> None:
    data = claims()
    data["y"] = np.random.default_rng(0).poisson(data["y"] * np.random.default_rng(1).gamma(2.0, 0.5, 500))
    for options in ({"family": "negative_binomial"}, {"family": "gamma", "link": "log", "dispersion": "ml"}):
        full = ef.glm("y + 1 ~ x + g", data, **options)  # type: ignore[arg-type]
        alone = ef.glm("y + 1 ~ x", data, **options)  # type: ignore[arg-type]
        updated = full.update(". ~ . - g")
        assert (updated.dispersion, updated.loglik) == pytest.approx((alone.dispersion, alone.loglik), rel=1e-8)
        if "dispersion" not in options:
            assert updated.theta == pytest.approx(alone.theta, rel=1e-6)
            statistic = alone.anova(full)["statistic"][1]
            assert statistic == pytest.approx(2 * (full.loglik - alone.loglik))


def test_added_terms_with_holes_are_refused() -> None:
    data = claims()
    data["z"][3] = np.nan
    fit = ef.glm("y ~ x", data, family="poisson")
    with pytest.raises(ef.ExpfamError, match="'z' is missing in 1 of the fit's 500 rows"):
        fit.add1("z")


# ---- intervals -----------------------------------------------------------------------------------------------------


def test_score_intervals_of_a_share_are_wilsons() -> None:
    y = np.array([1.0] * 7 + [0.0] * 3)
    z, n, p = norm.ppf(0.975), 10, 0.7
    wilson = (p + z**2 / 2 / n + np.array([-1, 1]) * z * np.sqrt(p * (1 - p) / n + z**2 / 4 / n**2)) / (1 + z**2 / n)
    fit = ef.glm("y ~ 1", {"y": y}, family="bernoulli")
    assert 1 / (1 + np.exp(-fit.confint(method="score")[0])) == pytest.approx(wilson, rel=1e-8)


@pytest.mark.parametrize("name", ["warpbreaks_poisson", "clotting_gamma_log", "infert_logit"])
def test_score_intervals_end_where_the_test_rejects(name: str) -> None:
    """Rao's test of a coefficient fixed at the end, by an offset, has the statistic 1.96^2."""
    fit = fit_of(FACTS[name])
    j = len(fit.names) - 1
    ends = fit.confint(method="score", names=[fit.names[j]])
    assert np.isnan(ends[:j]).all()
    objective, keep = fit.at_rows().objective, np.arange(len(fit.names)) != j
    design = objective.data.design
    column = design.forward(design.maps.forward(np.eye(len(keep))[j]))
    for end in ends[j]:
        offset = column * end + (0.0 if objective.data.offset is None else objective.data.offset)
        moved = replace(objective, data=replace(objective.data, offset=offset))
        small = refit(moved, keep)
        score = Step("", small, small, moved, ~np.zeros_like(keep)).score / fit.dispersion
        assert score == pytest.approx(norm.ppf(0.975) ** 2, rel=1e-6)


@pytest.mark.parametrize(("family", "response"), [("bernoulli", "b"), ("categorical", "k")])
def test_terms_far_from_zero_are_judged_as_those_about_it(family: str, response: str) -> None:
    """Without the slope of a time stamp the intercept, thousands before, is that of the mean row."""
    rng = np.random.default_rng(0)
    u, x = rng.uniform(0, 3600, 2000), rng.normal(size=2000)
    eta = 0.3 * x + (u / 3600 - 0.5) * (2 + x)
    k = (eta[:, None] * [0, 1, -0.5] + rng.gumbel(size=(2000, 3))).argmax(axis=1)
    data = {"b": (k == 1).astype(float), "k": k.astype(str), "x": x, "u": u, "t": 1.7e9 + u}
    near, far = (ef.glm(f"{response} ~ x*{name}", data, family=family) for name in ("u", "t"))
    for judge in ("anova", "drop1"):
        meant, found = (getattr(fit, judge)()["deviance"] for fit in (near, far))
        assert found == pytest.approx(meant, rel=1e-6, nan_ok=True)
    slope = ef.glm(f"{response} ~ t", data, family=family)
    assert slope.update(". ~ . - t").deviance == pytest.approx(slope.anova()["residual_deviance"][0], rel=1e-9)
    assert ef.glm(f"{response} ~ 1", data, family=family).add1("t")["deviance"][1] == pytest.approx(slope.deviance)
