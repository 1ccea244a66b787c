"""Analyses of deviance, dropped terms, profiles: R's anova, drop1, car::Anova and confint on recorded/.

recorded_inference.json is the output of `Rscript recorded/inference.R recorded`. Tolerances are 1e-6, relative;
a p value below 1e-30 must be as small.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from tests.oracles.test_r import FACTS, R_RESOLUTION, fit_of

import expfam as ef

MORE = json.loads((Path(__file__).parent / "recorded_inference.json").read_text())
NAMES = [name for name, fact in FACTS.items() if fact.get("anova")]


def column(values: Any) -> np.ndarray:
    """R's column, NaN where it has NA."""
    listed = values if isinstance(values, list) else [values]
    return np.array([np.nan if value is None else value for value in listed], dtype=float)


def same(ours: Any, theirs: Any, floor: float = 0.0) -> None:
    assert np.asarray(ours) == pytest.approx(column(theirs), rel=1e-6, abs=floor, nan_ok=True)


def same_p(ours: Any, theirs: Any) -> None:
    ours, theirs = np.asarray(ours, dtype=float), column(theirs)
    readable = ~(theirs < 1e-30)
    same(ours[readable], theirs[readable].tolist())
    assert np.all(ours[~readable] < 1e-29)


def test_all_are_here() -> None:
    assert len(NAMES) == len(MORE) == 15


@pytest.mark.parametrize("name", NAMES)
def test_sequential_analysis_of_deviance(name: str) -> None:
    table, theirs = fit_of(FACTS[name]).anova(test="lrt"), FACTS[name]["anova"]
    assert len(table["term"]) == len(theirs["term"])
    assert table["term"][0] == "NULL"
    same(table["df"], theirs["df"])
    same(table["deviance"], theirs["deviance"], floor=1e-12)
    same_p(table["p_value"], theirs["p"])


@pytest.mark.parametrize("name", NAMES)
def test_terms_dropped(name: str) -> None:
    fit = fit_of(FACTS[name])
    table, theirs = fit.drop1(test="lrt"), FACTS[name]["drop1"]
    assert next(iter(table["term"])) == "<none>"
    same(table["df"], theirs["df"])
    same(table["deviance"], theirs["deviance"])
    same_p(table["p_value"], theirs["p"])
    if MORE[name].get("step_aic"):
        same(table["aic"], MORE[name]["drop1_aic"])


@pytest.mark.parametrize("name", NAMES)
def test_scores_judge_terms(name: str) -> None:
    """R's score tests are computed at its own means of the smaller model, which it leaves 1e-6 short in two links."""
    fit = fit_of(FACTS[name])
    fuzzy = 10.0 if name in R_RESOLUTION else 1.0
    for ours, theirs in ((fit.anova(test="rao"), "anova_rao"), (fit.drop1(test="rao"), "drop1_rao")):
        p, expected = np.asarray(ours["p_value"])[1:], column(MORE[name][theirs]["p"])[1:]
        assert p == pytest.approx(expected, rel=1e-6 * fuzzy, abs=1e-30)


@pytest.mark.parametrize("name", [name for name in NAMES if FACTS[name]["dispersion"] != 1])
def test_f_tests_where_the_dispersion_is_estimated(name: str) -> None:
    fit = fit_of(FACTS[name])
    same_p(fit.anova(test="f")["p_value"], MORE[name]["anova_f"]["p"])
    assert np.array_equal(fit.anova()["p_value"], fit.anova(test="f")["p_value"], equal_nan=True)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("type", [2, 3])
def test_marginal_analysis_of_deviance(name: str, type: int) -> None:
    table, theirs = fit_of(FACTS[name]).anova(type=type, test="lrt"), MORE[name][f"type{type}"]
    same(table["df"], theirs["df"])
    same(table["statistic"], theirs["statistic"], floor=1e-11)
    same_p(table["p_value"], theirs["p"])


@pytest.mark.parametrize("name", NAMES)
def test_whole_terms_by_wald(name: str) -> None:
    """F where phi is estimated: car prints the chi-squared statistic, df times that."""
    fit, theirs = fit_of(FACTS[name]), MORE[name]["wald3"]
    table = fit.anova(type=3, test="wald")
    times = np.asarray(table["df"]) if fit.df_reference is not None else 1.0
    fuzzy = 10.0 if name in R_RESOLUTION else 1.0
    assert np.asarray(table["statistic"]) * times == pytest.approx(column(theirs["statistic"])[1:], rel=1e-6 * fuzzy)


@pytest.mark.parametrize("name", NAMES)
def test_profile_intervals(name: str) -> None:
    """MASS interpolates the profile. With fine steps it agrees with the exact end to 1e-6 standard errors (to R's own
    resolution in two links), with its default steps to 1e-4 of the value or 2e-4 standard errors, cauchit to 2e-3."""
    fit = fit_of(FACTS[name])
    found = fit.confint(method="profile")
    fine, coarse = (
        np.column_stack([column(x["lo"]), column(x["hi"])]) for x in (MORE[name]["profile"], FACTS[name]["profile_ci"])
    )
    assert np.all(np.abs(found - fine) <= (3e-6 if name in R_RESOLUTION else 1e-6) * fit.se[:, None])
    slack = (2e-3 if name == "infert_cauchit" else 2.5e-4) * fit.se[:, None]
    assert np.all(np.abs(found - coarse) <= np.maximum(1e-4 * np.abs(coarse), slack))


@pytest.mark.parametrize("name", NAMES)
def test_sandwiches_of_clusters_and_of_time(name: str) -> None:
    fit = fit_of(FACTS[name])
    rows = np.arange(fit.n)
    one, other = rows % 7, rows // 2 % 5
    assert np.sqrt(np.diagonal(fit.vcov(cluster=one))) == pytest.approx(column(MORE[name]["cluster"]), rel=1e-6)
    theirs = column(MORE[name]["cluster2"])
    if np.any(theirs < 0):  # a variance of R's is negative: ours is mended, and told
        with pytest.warns(ef.CovarianceWarning, match="negative eigenvalues"):
            assert np.all(np.diagonal(fit.vcov(cluster=[one, other])) >= 0)
    else:
        assert np.diagonal(fit.vcov(cluster=[one, other])) == pytest.approx(theirs, rel=1e-6)
    assert np.sqrt(np.diagonal(fit.vcov({"hac": 3}))) == pytest.approx(column(MORE[name]["newey_west"]), rel=1e-6)


def test_the_analysis_of_an_intercept_alone_is_the_line_of_the_null_model() -> None:
    data = {"y": [1.0, 2.0, 4.0, 3.0, 5.0, 2.0]}
    table = ef.glm("y ~ 1", data, family="poisson").anova()
    assert list(table) == ["term", "df", "deviance", "df_residual", "residual_deviance", "statistic", "p_value"]
    assert list(table["term"]) == ["NULL"]
    same(table["df_residual"], 5)
    same(table["residual_deviance"], 3.912153057)  # R 4: anova(glm(y ~ 1, poisson))
    assert np.isnan([table[name][0] for name in ("df", "deviance", "statistic", "p_value")]).all()


@pytest.mark.parametrize(("family", "link"), [("gaussian", None), ("gamma", "log")])
def test_a_fit_that_meets_every_response_has_no_statistics(family: str, link: str | None) -> None:
    """The deviance of every model is 0, and so is phi; NumPy's warnings would be errors here."""
    data = {"k": [3.0] * 6, "x": [1.0, 2.0, 3.0, 4.0, 5.0, 6.0], "g": list("aabbcc")}
    with pytest.warns(ef.ConvergenceWarning, match="meets every response"):
        fit = ef.glm("k ~ x + g", data, family=family, link=link)
    with pytest.warns(ef.ConvergenceWarning, match="meets every response"):
        small = ef.glm("k ~ x", data, family=family, link=link)
    for test in (None, "lrt", "rao", "f"):
        tables = [ask(test=test) for ask in (fit.anova, fit.drop1)]
        tables += [small.add1("g", test=test)] + ([] if test == "rao" else [small.anova(fit, test=test)])
        for table in tables:
            undefined = [table[name] for name in ("statistic", "p_value", "aic") if name in table]
            assert np.isnan(np.array(undefined, dtype=float)).all()
            deviance = np.asarray(table["deviance"], dtype=float)
            assert np.array_equal(deviance[np.isfinite(deviance)], np.zeros(np.isfinite(deviance).sum()))


def test_a_term_without_which_an_exact_fit_would_not_be_exact_matters_beyond_measure() -> None:
    data = {"y": [0.0, 0.0, 1.0, 1.0], "x": [0.0, 0.0, 1.0, 1.0]}
    with pytest.warns(ef.ConvergenceWarning, match="meets every response"):
        fit = ef.glm("y ~ x", data)
    assert fit.deviance == 0
    for table, row in ((fit.drop1(), 1), (fit.anova(), 1), (fit.drop1(test="lrt"), 1)):
        assert (table["deviance"][row], table["statistic"][row], table["p_value"][row]) == (1.0, np.inf, 0.0)


@pytest.mark.parametrize("family", ["binomial", "bernoulli", "quasibinomial"])
def test_a_response_is_the_same_however_it_is_written(family: str) -> None:
    """C(y, ref=1) is of the values of y: the offset against the other class is its opposite."""
    rng, n = np.random.default_rng(4), 200
    data = {"y": rng.integers(0, 2, n), "x": rng.normal(size=n), "z": rng.normal(size=n), "o": rng.normal(size=n)}
    data |= {"against": -data["o"], "again": data["y"], "other": 1 - data["y"]}
    large = ef.glm("y ~ x + z", data, family=family, offset="o")
    want = ef.glm("y ~ x", data, family=family, offset="o").anova(large)
    assert want["deviance"][1] > 0
    for response, offset in (("C(y)", "o"), ("C(y, ref=1)", "against"), ("again", "o")):
        small = ef.glm(f"{response} ~ x", data, family=family, offset=offset)
        assert small.anova(large)["p_value"][1] == pytest.approx(want["p_value"][1], rel=1e-6)
        if response != "again":  # without rows, a column is known by its name
            assert small.detach().anova(large.detach())["p_value"][1] == pytest.approx(want["p_value"][1], rel=1e-6)
    for response, said in (("C(y, ref=1)", "different offsets"), ("other", r"models of other .* and of y")):
        with pytest.raises(ef.ExpfamError, match=said):
            ef.glm(f"{response} ~ x", data, family=family, offset="o").anova(large)
    with pytest.raises(ef.ExpfamError, match=r"models of again .* and of y"):
        ef.glm("again ~ x", data, family=family, offset="o").detach().anova(large.detach())
    one, two = (ef.glm(f, data, family=family, link="cloglog") for f in ("C(y, ref=1) ~ x", "y ~ x + z"))
    with pytest.raises(ef.ExpfamError, match="1 is the failure in one and 0 in the other, which the cloglog link"):
        one.anova(two)


def test_fits_of_other_reference_classes_are_compared_by_their_likelihoods() -> None:
    """The offset against one class is another number against another: o_i - o_k, of the same model."""
    rng, n = np.random.default_rng(3), 300
    data = {"y": rng.choice(["a", "b", "c"], n), "x": rng.normal(size=n), "z": rng.normal(size=n)}
    o = {label: rng.normal(size=n) for label in "abc"}

    def fitted(formula: str, reference: str, offset: bool) -> ef.Fit:
        against = [o[label] - o[reference] for label in "abc" if label != reference]
        beside: dict[str, Any] = {"offset": np.column_stack(against)} if offset else {}
        return ef.glm(formula, data, family=ef.families.Categorical(reference=reference), **beside)

    for offset in (False, True):
        large = fitted("y ~ x + z", "c", offset)
        want = fitted("y ~ x", "c", offset).anova(large)
        for reference in "ab":
            table = fitted("y ~ x", reference, offset).anova(large)
            assert table["df"][1] == 2
            for name in ("statistic", "p_value"):
                assert table[name][1] == pytest.approx(want[name][1], rel=1e-6)
    with pytest.raises(ef.ExpfamError, match="different offsets"):
        fitted("y ~ x", "a", False).anova(large)
    apart = fitted("y ~ x", "a", False).detach().anova(fitted("y ~ x + z", "c", False).detach())
    assert apart["df"][1] == 2
    fewer = ef.glm("y ~ x", {name: values[data["y"] != "c"] for name, values in data.items()}, family="categorical")
    with pytest.raises(ef.ExpfamError, match="y has the classes a, b, c in one and a, b in the other"):
        fewer.anova(large)


# ---- terms that share columns ------------------------------------------------------------------------------------
def shared_columns(n: int = 150) -> dict[str, Any]:
    rng = np.random.default_rng(1)
    data: dict[str, Any] = {name: rng.normal(size=n) for name in ("x", "z")}
    data |= {"o": rng.normal(size=n) / 5, "g": rng.choice(["a", "b", "c"], n)}
    data["x2"], data["b"] = 2 * data["x"] + 1, (data["g"] == "b") * 1.0
    data["y"] = rng.poisson(np.exp(0.3 * data["x"] + data["b"] / 3 + data["o"]))
    return data


@pytest.mark.filterwarnings("ignore::expfam.AliasWarning")
def test_scores_of_a_term_are_those_beside_columns_aliased_with_it() -> None:
    """x says nothing beside x2; g beside b is g[c] alone, whichever of the three was left out of the fit. By hand."""
    data = pd.DataFrame(shared_columns())
    none = ef.glm("y ~ x + x2", data, family="poisson", offset="o")
    for table in (none.drop1(test="rao").iloc[1:], none.anova(type=3, test="rao")):
        assert table["df"].tolist() == [0, 0]
        assert table["statistic"].to_numpy() == pytest.approx(0, abs=1e-9)
    fit = ef.glm("y ~ z + g + b", data, family="poisson", offset="o")
    small = ef.glm("y ~ z + b", data, family="poisson", offset="o")
    X, mu = np.column_stack([np.ones(150), data["z"], data["b"], data["g"] == "c"]), small.predict()
    U = X.T @ (data["y"] - mu)
    found = fit.anova(type=3, test="rao").iloc[1]
    assert found["df"] == 1
    assert found["statistic"] == pytest.approx(U @ np.linalg.solve(X.T @ (X * mu[:, None]), U), rel=1e-7)


@pytest.mark.filterwarnings("ignore::expfam.AliasWarning")
@pytest.mark.parametrize("vcov", ["model", "HC3"])
def test_wald_tests_what_of_a_term_no_other_can_say(vcov: str) -> None:
    """As the fall of the deviance: nothing of x beside x2, of g beside b what g[c] says, tested as in a fit that has it
    as a column of its own."""
    data = shared_columns()
    none = ef.glm("y ~ x + x2", data, family="poisson").with_vcov(vcov).anova(type=3, test="wald")
    assert (list(none["df"]), list(none["statistic"])) == ([0, 0], [0, 0])
    assert np.isnan(none["p_value"]).all()
    data["c"] = (data["g"] == "c") * 1.0
    for family, response in (("poisson", "y"), ("categorical", "g2")):
        data["g2"] = np.where(data["y"] > 1, "many", np.where(data["y"] > 0, "one", "none"))
        if family == "categorical" and vcov != "model":
            continue
        fit = ef.glm(f"{response} ~ z + g + b", data, family=family).with_vcov(vcov)
        clear = ef.glm(f"{response} ~ z + b + c", data, family=family).with_vcov(vcov)
        found, told = fit.anova(type=3, test="wald"), clear.anova(type=3, test="wald")
        assert list(found["df"]) == [told["df"][0], told["df"][2], 0]
        assert found["statistic"][:2] == pytest.approx(np.asarray(told["statistic"])[[0, 2]], rel=1e-7)


@pytest.mark.filterwarnings("ignore::expfam.AliasWarning")
def test_what_follows_from_other_terms_is_infinitely_inflated() -> None:
    data = shared_columns()
    assert np.isinf(ef.glm("y ~ x + x2", data, family="poisson").vif().gvif[0])
    found, clear = (ef.glm(f"y ~ x + z{more} + g", data, family="poisson").vif() for more in (" + x2", ""))
    assert np.isinf(found.gvif[0])
    assert np.isnan(found.gvif[2])
    assert found.gvif[[1, 3]] == pytest.approx(clear.gvif[1:], rel=1e-9)


def test_no_step_by_deviances_under_a_covariance_that_they_know_nothing_of() -> None:
    fit = ef.glm("y ~ x + z", shared_columns(), family="poisson", vcov="HC1")
    for ask in (fit.step, fit.drop1):
        with pytest.raises(ef.ExpfamError, match=r"know nothing of \(HC1"):
            ask()
    assert fit.with_vcov("model").step(tell=lambda _: None).n == 150


@pytest.mark.filterwarnings("ignore::expfam.AliasWarning")
def test_a_term_without_degrees_of_freedom_has_no_f() -> None:
    """Rounding over zero is no number, and no infinity."""
    for seed in range(4):
        rng = np.random.default_rng(seed)
        x = rng.normal(size=99)
        data = pd.DataFrame({"x": x, "x2": 2 * x + 1, "y": rng.normal(size=99) + x})
        assert np.isnan(ef.glm("y ~ x + x2", data).anova(type=3, test="f")["statistic"]).all()
