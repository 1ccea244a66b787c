"""Errors and intervals of predictions: statsmodels live, closed forms, definitions by simulation, coverage."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import stats
from tests.oracles.test_r import FACTS, fit_of

import expfam as ef
from expfam.inference.observation import Uncertain, interval

N = 60


def sample(seed: int, n: int = N) -> dict[str, Any]:
    rng = np.random.default_rng(seed)
    x, g = rng.uniform(0, 2, n), rng.choice(["a", "b"], n)
    return {"x": x, "g": g, "eta": 0.4 + 0.5 * x - 0.6 * (g == "b"), "w": rng.uniform(0.5, 3, n)}


def written_out(data: dict[str, Any]) -> np.ndarray:
    return np.column_stack([np.ones(len(data["x"])), data["x"], data["g"] == "b"]).astype(float)


@pytest.mark.parametrize("name", [name for name, fact in FACTS.items() if fact.get("link_se")])
def test_errors_of_eta_are_those_of_r(name: str) -> None:
    found = fit_of(FACTS[name]).predict(type="link", se=True)
    assert np.asarray(found["se"]) == pytest.approx(np.array(FACTS[name]["link_se"]), rel=1e-6)


@pytest.mark.parametrize("family", ["poisson", "gamma", "bernoulli"])
def test_errors_and_confidence_are_those_of_statsmodels(family: str) -> None:
    import statsmodels.api as sm

    data, rng = sample(1), np.random.default_rng(2)
    mu = np.exp(data["eta"])
    y = {"poisson": rng.poisson(mu), "gamma": rng.gamma(2, mu / 2), "bernoulli": rng.random(N) < mu / (1 + mu)}[family]
    link = {"gamma": "log"}.get(family)
    fit = ef.glm("y ~ x + g", {**data, "y": np.asarray(y, float)}, family=family, link=link)
    theirs = {
        "poisson": sm.families.Poisson(),
        "gamma": sm.families.Gamma(sm.families.links.Log()),
        "bernoulli": sm.families.Binomial(),
    }[family]
    reference = sm.GLM(np.asarray(y, float), written_out(data), family=theirs).fit(tol=1e-14, maxiter=50)
    meant = reference.get_prediction(written_out(data))
    found = fit.predict(se=True, interval="confidence")
    assert found["fit"] == pytest.approx(meant.predicted, rel=1e-8)
    assert found["se"] == pytest.approx(meant.se, rel=1e-6)
    if fit.df_reference is None:  # statsmodels takes the normal distribution for the Gamma family, too
        ends = meant.conf_int(alpha=0.05)
        assert np.column_stack([found["lower"], found["upper"]]) == pytest.approx(ends, rel=1e-6)


def test_errors_of_probabilities_by_the_delta_method() -> None:
    data, rng = sample(3), np.random.default_rng(4)
    data["y"] = rng.choice(["p", "q", "r"], N)
    fit = ef.glm("y ~ x + g", data, family="categorical")
    X, V = written_out(data), fit.vcov()
    found = fit.predict(se=True)

    def probabilities(theta: np.ndarray) -> np.ndarray:
        e = np.exp(np.column_stack([X @ theta.reshape(2, 3).T, np.zeros(N)]))
        return np.asarray(e / e.sum(axis=1, keepdims=True))

    theta, h = fit.flat(fit.coef), 1e-5
    J = np.stack([(probabilities(theta + h * e) - probabilities(theta - h * e)) / (2 * h) for e in np.eye(6)], axis=-1)
    for k, label in enumerate(("p", "q", "r")):
        assert found[f"se[{label}]"] == pytest.approx(np.sqrt(np.einsum("nj,jk,nk->n", J[:, k], V, J[:, k])), rel=1e-6)


def test_gaussian_prediction_interval_is_the_classical_one() -> None:
    """mu -+ t sqrt(phi (1/w + x'(X'WX)^-1 x)), as R's predict.lm(interval="prediction", weights=)."""
    import statsmodels.api as sm

    data, rng = sample(5), np.random.default_rng(6)
    data["y"] = data["eta"] + rng.normal(size=N) / np.sqrt(data["w"])
    fit = ef.glm("y ~ x + g", data, weights="w")
    found = fit.predict(data, interval="prediction", weights="w", level=0.9)
    reference = sm.WLS(data["y"], written_out(data), weights=data["w"]).fit()
    meant = reference.get_prediction(written_out(data), weights=data["w"]).conf_int(obs=True, alpha=0.1)
    assert np.column_stack([found["lower"], found["upper"]]) == pytest.approx(meant, rel=1e-9)


@pytest.mark.parametrize("df", [1.0, 3.0, 15.0, 200.0])
@pytest.mark.parametrize("ratio", [0.01, 0.2, 0.6, 2.0, 10.0])
def test_the_mixture_of_gaussians_is_t(df: float, ratio: float) -> None:
    """The quadrature that other families take, on the one whose mixture is known: Student's t."""
    gaussian = ef.families.Gaussian()
    of = Uncertain(gaussian, ef.links.Canonical(gaussian), np.array([3.0]), np.array([ratio]), 1.0, df, np.ones(1))
    found = np.array(interval(of, 0.9)).ravel()
    assert found == pytest.approx(3 + stats.t.ppf([0.05, 0.95], df) * np.sqrt(1 + ratio**2), abs=1e-6 * (1 + ratio) * 7)


def test_gamma_mixed_poisson_is_negative_binomial_in_the_limit() -> None:
    """With no error in eta the ends are the family's own quantiles: scipy's."""
    eta, zero = np.log([0.3, 4.0, 60.0]), np.zeros(3)
    families = ef.families
    log = ef.links.LINKS["log"]()

    def ends(family: Any, phi: float = 1.0) -> np.ndarray:
        return np.array(interval(Uncertain(family, log, eta, zero, phi, None, np.ones(3)), 0.9))

    mu, p = np.exp(eta), np.array([0.05, 0.95])[:, None]
    assert np.array_equal(ends(families.Poisson()), stats.poisson.ppf(p, mu))
    assert np.array_equal(ends(families.NegativeBinomial(2.0)), stats.nbinom.ppf(p, 2, 2 / (2 + mu)))
    assert ends(families.Gamma(), 0.5) == pytest.approx(stats.gamma.ppf(p, 2, scale=mu / 2), rel=1e-7)
    found = ends(families.InverseGaussian(), 0.1)
    assert found == pytest.approx(stats.invgauss.ppf(p, mu * 0.1, scale=10), rel=1e-6)


FAMILIES: dict[str, Any] = {
    "gaussian": (ef.families.Gaussian(), "log"),
    "poisson": (ef.families.Poisson(), "log"),
    "gamma": (ef.families.Gamma(), "log"),
    "inverse_gaussian": (ef.families.InverseGaussian(), "log"),
    "negative_binomial": (ef.families.NegativeBinomial(1.5), "log"),
    "binomial": (ef.families.Binomial(), "logit"),
    "tweedie": (ef.families.Tweedie(1.5), "log"),
}


@pytest.mark.parametrize("name", FAMILIES)
def test_tails_are_those_of_draws(name: str) -> None:
    """A hundred thousand draws of (phi, eta, y): each tail as promised, and for lattices the least that is enough."""
    family, link = FAMILIES[name]
    draws, phi, df = 100_000, 0.5, 12.0
    rng = np.random.default_rng(7)
    weight = 9.0 if name == "binomial" else 1.5
    df = None if family.fixed_dispersion else df  # type: ignore[assignment]
    phi = 1.0 if df is None else phi
    known = ef.links.LINKS[link]()
    of = Uncertain(family, known, np.array([0.8]), np.array([0.35]), phi, df, np.array([weight]))
    (lower,), (upper,) = interval(of, 0.8)
    times = np.ones(draws) if df is None else df / rng.chisquare(df, draws)
    mu = known.inverse(0.8 + 0.35 * np.sqrt(times) * rng.normal(size=draws))
    y = family.draw(mu, rng, phi * times, np.full(draws, weight))
    slack = 4 * np.sqrt(0.1 * 0.9 / draws)
    step = 1e-9
    assert np.mean(y < lower - step) <= 0.1 + slack
    assert np.mean(y > upper + step) <= 0.1 + slack
    assert np.mean(y <= lower + step) >= 0.1 - slack
    assert np.mean(y >= upper - step) >= 0.1 - slack


def response(name: str, eta: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    family, link = FAMILIES[name]
    phi = 1.0 if family.fixed_dispersion else 0.4
    weight = np.full(len(eta), 8.0 if name == "binomial" else 1.0)
    return np.asarray(family.draw(ef.links.LINKS[link]().inverse(eta), rng, phi, weight))


@pytest.mark.parametrize("name", ["gaussian", "poisson", "gamma", "negative_binomial", "binomial"])
def test_coverage_of_new_observations(name: str) -> None:
    """15 rows, 3 coefficients: intervals that ignored how uncertain these are would cover too little."""
    repeats, n, level = 100, 15, 0.8
    family, link = FAMILIES[name]
    rng = np.random.default_rng(8)
    inside = np.zeros(repeats)
    shape = sample(9, n)
    for r in range(repeats):
        y, new = (response(name, shape["eta"], rng) for _ in range(2))
        if name == "gaussian":
            link = "identity"
            y, new = (shape["eta"] + 0.5 * rng.normal(size=n) for _ in range(2))
        given = {"trials": np.full(n, 8.0)} if name == "binomial" else {}
        fit = ef.glm("y ~ x + g", {**shape, "y": y}, family=family, link=link, **given)
        found = fit.predict(shape, interval="prediction", level=level, trials=8 if name == "binomial" else None)
        inside[r] = np.mean((new >= found["lower"] - 1e-9) & (new <= found["upper"] + 1e-9))
    error = inside.std() / np.sqrt(repeats)
    assert inside.mean() >= level - 3.5 * error
    if name in ("gaussian", "gamma"):
        assert inside.mean() <= level + 3.5 * error


def test_rows_alone_and_together_and_with_gaps() -> None:
    data, rng = sample(10), np.random.default_rng(11)
    data["y"] = rng.poisson(np.exp(data["eta"]))
    fit = ef.glm("y ~ x + g", data, family="poisson")
    new = {"x": np.array([0.1, np.nan, 1.9, 0.7]), "g": np.array(["a", "a", "b", "b"])}
    every = fit.predict(new, interval="prediction", weights=np.array([1, 5, 2, 1.0]), se=True)
    assert list(every) == ["fit", "se", "lower", "upper"]
    assert np.isnan(every["lower"]).tolist() == [False, True, False, False]
    for i, w in ((0, 1.0), (2, 2.0), (3, 1.0)):
        one = fit.predict({k: v[i : i + 1] for k, v in new.items()}, interval="prediction", weights=w)
        assert [one["lower"][0], one["upper"][0]] == [every["lower"][i], every["upper"][i]]


@pytest.mark.parametrize("family", ["gaussian", "poisson", "gamma"])
def test_no_complete_row_has_no_interval(family: str) -> None:
    x = np.linspace(0, 1, 9)
    fit = ef.glm("y ~ x", {"x": x, "y": 1 + np.arange(9) % 3}, family=family, link="log")
    found = fit.predict({"x": np.full(2, np.nan)}, interval="prediction")
    assert {name: np.isnan(values).tolist() for name, values in found.items()} == {
        name: [True, True] for name in ("fit", "lower", "upper")
    }


def rank_deficient(seed: int) -> tuple[dict[str, Any], dict[str, Any], np.ndarray, np.ndarray]:
    """Rows with a constant, a copy of a time stamp and an empty cell, new rows of which some break each of these, and
    the columns of both written out by hand."""
    rng = np.random.default_rng(seed)

    def rows(n: int, broken: float) -> dict[str, Any]:
        g, h = rng.choice(["a", "b", "c"], n), rng.choice(["u", "v"], n)
        h = np.where((g == "c") & (rng.random(n) >= broken), "u", h)
        t = 1.7e9 + rng.uniform(0, 1e6, n)
        copy = 3 * (t - 1.7e9) / 1e6 + 1 + (rng.random(n) < broken)
        return {"t": t, "copy": copy, "c": 7.5 + (rng.random(n) < broken), "g": g, "h": h}

    def columns(of: dict[str, Any]) -> np.ndarray:
        g, h = of["g"], of["h"] == "v"
        plain = [np.ones(len(h)), (of["t"] - 1.7e9) / 1e6, of["copy"], of["c"], g == "b", g == "c", h]
        return np.column_stack([*plain, h & (g == "b"), h & (g == "c")]).astype(float)

    old, new = rows(200, 0.0), rows(50, 0.2)
    return old | {"y": rng.poisson(2.0, 200)}, new, columns(old), columns(new)


@pytest.mark.parametrize("family", ["gaussian", "poisson", "categorical"])
def test_rows_that_left_out_columns_leave_open_predict_nan(family: str, tmp_path: Path) -> None:
    data, new, X, Z = rank_deficient(5)
    data["y"] = (
        np.where(data["y"] > 3, "many", np.where(data["y"] > 1, "some", "few")) if family[0] == "c" else data["y"]
    )
    none = np.linalg.svd(X)[2][np.linalg.matrix_rank(X) :]
    open_ = np.abs(Z @ none.T).max(axis=1) > 1e-6  # not in the span of the rows of X
    assert 10 < open_.sum() < 40
    found = []
    for formula in ("y ~ t + copy + c + g*h", "y ~ copy + c + t + h*C(g, ref='c')"):
        with pytest.warns(ef.AliasWarning):
            fit = ef.glm(formula, data, family=family)
        fit.save(tmp_path / "m.json")
        for one in (fit, ef.load(tmp_path / "m.json")):
            told = rf"{open_.sum()} of 50 rows are not estimable .* row {np.argmax(open_)}: .*'c'"
            with pytest.warns(ef.DataWarning, match=told):
                found.append(np.column_stack([*one.predict(new, interval="confidence", se=True).values()]))
            assert np.array_equal(one.predict(data), fit.predict())  # without a warning
    assert all(np.array_equal(np.isnan(each), np.repeat(open_[:, None], each.shape[1], axis=1)) for each in found)
    assert found[0] == pytest.approx(found[2], rel=1e-6, nan_ok=True)
    assert np.array_equal(found[0], found[1], equal_nan=True)
    if family == "categorical":
        with pytest.warns(ef.DataWarning, match="not estimable"):
            labels = fit.predict(new, type="class")
        assert [label is None for label in labels] == open_.tolist()


def test_rows_without_a_value_and_rows_left_open_keep_their_places() -> None:
    data = rank_deficient(6)[0]
    with pytest.warns(ef.AliasWarning):
        fit = ef.glm("y ~ t + c", data)
    with pytest.warns(ef.DataWarning, match="1 of 3 rows .* the first of them row 2"):
        found = fit.predict({"t": [np.nan, 1.7e9, 1.7e9, 1.8e9], "c": [7.5, 7.5, 8.0, 7.5]}, interval="prediction")
    assert np.isnan(np.column_stack([*found.values()])).all(axis=1).tolist() == [True, False, True, False]


@pytest.mark.parametrize("levels", [30, 3_000])
def test_levels_of_a_wide_factor_tell_what_they_determine(levels: int) -> None:
    site = np.arange(4 * levels) % levels
    data = {"site": np.char.add("s", site.astype(str)), "region": np.char.add("r", (site % 3).astype(str))}
    data["y"] = np.random.default_rng(7).poisson(3.0, len(site)).astype(float)
    with pytest.warns(ef.AliasWarning):
        fit = ef.glm("y ~ site + region", data, family="poisson")
    assert np.array_equal(fit.predict(data), fit.predict())
    with pytest.warns(ef.DataWarning, match=r"1 of 2 rows .* row 0: .*'region\[r1\]'"):
        found = fit.predict({"site": ["s6", "s6"], "region": ["r1", "r0"]})
    assert found == pytest.approx([np.nan, data["y"][site == 6].mean()], rel=1e-6, nan_ok=True)


def test_a_file_that_does_not_know_what_is_left_open_says_so(tmp_path: Path) -> None:
    data, new, _, _ = rank_deficient(8)
    with pytest.warns(ef.AliasWarning):
        fit = ef.glm("y ~ t + copy", data)
    fit.save(tmp_path / "m.json")
    plain = json.loads((tmp_path / "m.json").read_text())
    older = {key: value for key, value in plain.items() if key not in ("unknown", "digest")}
    (tmp_path / "m.json").write_text(json.dumps(older))
    with pytest.warns(ef.DataWarning, match=r"does not know which rows they leave open: .*fit again"):
        assert not np.isnan(ef.load(tmp_path / "m.json").predict(new)).any()


def test_exposure_moves_the_mean_of_a_prediction() -> None:
    data, rng = sample(12), np.random.default_rng(13)
    data["e"] = rng.uniform(0.5, 4, N)
    data["y"] = rng.poisson(data["e"] * np.exp(data["eta"]))
    fit = ef.glm("y ~ x + g", data, family="poisson", exposure="e")
    new = {"x": [1.0, 1.0], "g": ["a", "a"], "e": [1.0, 100.0]}
    found = fit.predict(new, interval="prediction")
    assert found["upper"][1] > 20 * found["upper"][0]


def test_refusals() -> None:
    data, rng = sample(14), np.random.default_rng(15)
    counts = {**data, "y": rng.poisson(np.exp(data["eta"])), "b": rng.integers(0, 2, N), "s": rng.integers(0, 9, N) / 8}
    fit = ef.glm("y ~ x + g", counts, family="poisson")
    shares = ef.glm("s ~ x + g", counts, family="binomial", trials=np.full(N, 8.0))
    quasi, single = (ef.glm(f, counts, family=k) for f, k in (("y ~ x", "quasipoisson"), ("b ~ x", "bernoulli")))
    for ask, message in (
        (lambda: single.predict(interval="prediction"), "its probability is the whole answer"),
        (lambda: quasi.predict(interval="prediction"), "no distribution function"),
        (lambda: shares.predict(interval="prediction"), "how many trials"),
        (lambda: shares.predict(interval="prediction", trials=2.5), "whole numbers"),
        (lambda: fit.predict(interval="prediction", trials=3), "belongs to the binomial"),
        (lambda: fit.predict(interval="prediction", type="link"), "an observation has no link"),
        (lambda: fit.predict(interval="prediction", weights=-1), "positive numbers"),
        (lambda: fit.predict(interval="prediction", weights=np.ones(3)), "one for each of the 60 rows"),
        (lambda: fit.predict(weights=2), "need interval='prediction'"),
        (lambda: fit.predict(interval="tolerance"), "interval='tolerance'"),
        (lambda: fit.predict(interval="prediction", level=1.5), "between 0 and 1"),
        (lambda: fit.predict({"x": [1.0]}, interval="prediction"), "no column 'g'"),
        (lambda: fit.predict(type="class", se=True), "a label has no interval and no error"),
        (lambda: fit.detach().predict(interval="prediction"), "has no rows"),
    ):
        with pytest.raises(ef.ExpfamError, match=message):
            ask()


def of_years(power: int, zero: float) -> tuple[str, dict[str, Any]]:
    """Counts and sizes by a polynomial of the year, from `zero` on."""
    year = np.arange(1990.0, 2021.0)
    count, size = (
        np.round(np.exp(1 + 0.05 * (year - 2005) + 0.3 * np.sin(year))),
        5 + 0.1 * (year - 2005) + np.sin(year),
    )
    columns = " + ".join(f"I(year**{k})" for k in range(1, power + 1))
    kind = np.where(size > 5.5, "high", np.where(np.sin(3 * year) > 0, "low", "mid"))
    return columns, {"year": year - zero, "count": count, "size": size, "kind": kind}


@pytest.mark.parametrize("vcov", ["model", "HC0", "HC3", {"cluster": np.arange(31) // 3}, {"hac": 2}])
@pytest.mark.parametrize(("response", "family"), [("count", "poisson"), ("size", "gaussian")])
def test_a_polynomial_of_uncentred_years_has_the_errors_of_centred_ones(
    response: str, family: str, vcov: Any, tmp_path: Path
) -> None:
    """The spaces of columns are the same; T V T' written out would lose all digits of x'Vx."""
    for power, digits in [(2, 1e-7), (3, 1e-4)] + [(4, 1e-5)] * (vcov == "model"):
        columns, data = of_years(power, 0)
        far = ef.glm(f"{response} ~ {columns}", data, family=family, vcov=vcov)
        _, centred = of_years(power, 2005)
        near = ef.glm(f"{response} ~ {columns}", centred, family=family, vcov=vcov)
        one, two = (
            fit.predict({"year": where["year"][::10]}, type="link", se=True, interval="confidence")
            for fit, where in ((far, data), (near, centred))
        )
        assert one["se"] == pytest.approx(two["se"], rel=digits)
        assert one["upper"] - one["lower"] == pytest.approx(two["upper"] - two["lower"], rel=digits)
        assert far.se[-1] == pytest.approx(near.se[-1], rel=digits)
        assert np.sqrt(np.diagonal(far.vcov())) == pytest.approx(far.se, rel=1e-6)
        far.save(tmp_path / "far.json")
        again = ef.load(tmp_path / "far.json")
        assert np.array_equal(again.predict({"year": data["year"][::10]}, type="link", se=True)["se"], one["se"])
        assert np.array_equal(again.vcov(), far.vcov())


def test_classes_of_uncentred_years_have_the_errors_of_centred_ones() -> None:
    (columns, data), (_, centred) = of_years(2, 0), of_years(2, 2005)
    far, near = (ef.glm(f"kind ~ {columns}", where, family="categorical") for where in (data, centred))
    one, two = (fit.predict(where, interval="confidence") for fit, where in ((far, data), (near, centred)))
    for name in one:
        assert one[name] == pytest.approx(two[name], rel=1e-5)
    assert far.se[-1] == pytest.approx(near.se[-1], rel=1e-5)
    assert np.sqrt(np.diagonal(far.vcov())) == pytest.approx(far.se.T.ravel(), rel=1e-6)


@pytest.mark.parametrize("apart", [1e-5, 1e-7, 1e-9])
def test_columns_that_hardly_differ_leave_the_intercept_its_error(apart: float) -> None:
    rng = np.random.default_rng(0)
    x, e = rng.normal(size=(2, 100))
    y, X = 1 + x + rng.normal(size=100), np.column_stack([x, x + apart * e])
    turned = np.column_stack([x, X[:, 1] - x])
    fit, same = ef.glm_arrays(X, y), ef.glm_arrays(turned, y)
    assert fit.se[0] == pytest.approx(same.se[0], rel=1e-7)
    assert np.sqrt(fit.vcov()[0, 0]) == pytest.approx(same.se[0], rel=1e-7)
    one, two = fit.predict(X, se=True), same.predict(turned, se=True)
    assert one["se"] == pytest.approx(two["se"], rel=1e-6)


THIRDS = np.arange(31) // 3
ROBUST = ["HC0", "HC1", "HC2", "HC3", {"hac": 2}, {"cluster": THIRDS}, {"cluster": [THIRDS, np.arange(31) % 7]}]


@pytest.mark.parametrize("vcov", [*ROBUST, "sampling"], ids=str)
def test_sandwiches_of_a_quartic_of_the_year_are_those_of_the_centred_year(vcov: Any) -> None:
    """Scores are turned by the root of the information before they are multiplied, whose condition is 1e18."""
    sampled = {"weights": np.linspace(0.5, 2, 31), "weights_kind": "sampling"}
    far, near = (
        ef.glm(f"size ~ {columns}", data, **(sampled if vcov == "sampling" else {"vcov": vcov}))
        for columns, data in (of_years(4, 0), of_years(4, 2000))
    )
    assert far.certificate.condition > 1e17
    assert far.vcov()[-1, -1] == pytest.approx(near.vcov()[-1, -1], rel=1e-5)
    year = of_years(4, 0)[1]["year"]
    one, two = (fit.predict({"year": year - zero}, se=True)["se"] for fit, zero in ((far, 0), (near, 2000)))
    assert one == pytest.approx(two, rel=1e-5)


def test_errors_that_rounding_has_eaten_are_told() -> None:
    columns, data = of_years(4, 0)
    with pytest.warns(ef.CovarianceWarning, match=r"centre or orthogonalise"):
        ef.glm(f"size ~ {columns}", data, vcov={"bootstrap": 5})


def test_a_covariance_that_was_written_out_tells_what_rounding_has_eaten(tmp_path: Path) -> None:
    """As in files of the first version."""
    columns, data = of_years(4, 0)
    ef.glm(f"size ~ {columns}", data).save(tmp_path / "far.json")
    plain = json.loads((tmp_path / "far.json").read_text())
    del plain["digest"]
    plain["covariance"] = ef.load(tmp_path / "far.json").vcov().tolist()
    (tmp_path / "far.json").write_text(json.dumps(plain | {"version": 1}))
    old = ef.load(tmp_path / "far.json")
    with pytest.warns(ef.CovarianceWarning, match="variances are lost to rounding"):
        found = old.predict({"year": data["year"]}, se=True)
    assert np.isnan(found["se"]).all()  # those that rounding leaves positive are a hundred times too large
