"""Marginal effects, means and contrasts: statsmodels live, differences of predict, emmeans by its definition."""

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

import expfam as ef
from expfam.formula.expression import parse
from expfam.formula.interpret import replayer, value
from expfam.formula.slopes import slope
from expfam.inference.multiplicity import METHODS, adjusted

N = 240


def book(seed: int = 0, n: int = N) -> dict[str, Any]:
    rng = np.random.default_rng(seed)
    x, z = rng.uniform(1, 5, n), rng.normal(size=n)
    g, h = rng.choice(["a", "b", "c"], n, p=[0.5, 0.3, 0.2]), rng.choice(["u", "v"], n)
    e = rng.uniform(0.5, 2, n)
    eta = 0.2 + 0.3 * np.log(x) + 0.2 * z * (g == "b")
    return {
        "x": x, "z": z, "g": g, "h": h, "e": e, "f": rng.integers(1, 4, n),
        "y": rng.poisson(e * np.exp(eta)), "b": (rng.random(n) < 1 / (1 + np.exp(-z))).astype(float),
        "c": rng.choice(["p", "q", "r"], n), "t": np.exp(eta) * rng.gamma(3, 1 / 3, n),
    }  # fmt: skip


def column(frame: Any, name: str = "estimate") -> np.ndarray:
    return np.asarray(frame[name])


def theta_of(fit: ef.Fit) -> np.ndarray:
    return fit.flat(fit.estimate)


def moved(fit: ef.Fit, theta: np.ndarray) -> ef.Fit:
    from dataclasses import replace

    return replace(fit, estimate=fit.shaped(theta))


def by_hand(fit: ef.Fit, of: Callable[[ef.Fit], np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """A function of the fit and its delta-method errors, by differences of fourth order, a hundredth error wide."""
    theta, V = theta_of(fit), fit.vcov()
    h = 1e-2 * np.sqrt(np.diagonal(V))
    ends = [np.array([of(moved(fit, theta + s * step)) for step in np.diag(h)]) for s in (-2, -1, 1, 2)]
    J = ((ends[0] - 8 * ends[1] + 8 * ends[2] - ends[3]) / (12 * h[:, None])).T
    return of(fit), np.sqrt(np.einsum("mj,jk,mk->m", J, V, J))


# ---- statsmodels -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["dydx", "eyex", "eydx", "dyex"])
@pytest.mark.parametrize("at", ["average", "means"])
@pytest.mark.parametrize("model", ["logit", "poisson"])
def test_numbers_are_those_of_get_margeff(model: str, at: str, method: str) -> None:
    import statsmodels.api as sm

    data = book(1)
    kind, response = (sm.Logit, "b") if model == "logit" else (sm.Poisson, "y")
    X = np.column_stack([np.ones(N), data["x"], data["z"]])
    theirs = kind(data[response], X).fit(disp=0, tol=1e-14, maxiter=100)
    meant = theirs.get_margeff(method=method, at={"average": "overall", "means": "mean"}[at])
    fit = ef.glm(f"{response} ~ x + z", data, family="bernoulli" if model == "logit" else "poisson")
    found = fit.marginal_effects(method=method, at=at)
    assert column(found) == pytest.approx(meant.margeff, rel=1e-6)
    assert column(found, "std_error") == pytest.approx(meant.margeff_se, rel=1e-6)
    assert column(found, "p_value") == pytest.approx(meant.pvalues, rel=1e-4)


def test_factors_are_those_of_get_margeff() -> None:
    import statsmodels.api as sm

    data = book(2)
    X = np.column_stack([np.ones(N), data["x"], data["h"] == "v"]).astype(float)
    meant = sm.Logit(data["b"], X).fit(disp=0, tol=1e-14).get_margeff(dummy=True)
    found = ef.glm("b ~ x + h", data, family="bernoulli").marginal_effects()
    assert list(found["contrast"]) == ["d y / d x", "v - u"]
    assert column(found) == pytest.approx(meant.margeff, rel=1e-6)
    assert column(found, "std_error") == pytest.approx(meant.margeff_se, rel=1e-6)


def test_classes_are_those_of_mnlogit() -> None:
    import statsmodels.api as sm

    data = book(3)
    codes = np.array([["r", "p", "q"].index(c) for c in data["c"]])
    X = np.column_stack([np.ones(N), data["x"], data["z"]])
    meant = sm.MNLogit(codes, X).fit(disp=0, tol=1e-14, maxiter=100).get_margeff()
    found = ef.glm("c ~ x + z", data, family="categorical").marginal_effects()
    assert list(found["class"]) == ["p", "q", "r"] * 2
    assert column(found).reshape(2, 3) == pytest.approx(meant.margeff[:, [1, 2, 0]], rel=1e-6, abs=1e-9)
    assert column(found, "std_error").reshape(2, 3) == pytest.approx(meant.margeff_se[:, [1, 2, 0]], rel=1e-6)


# ---- differences of predict ------------------------------------------------------------------------------------

FORMULAS = {
    "poisson": ("y ~ z*g + h + bs(x, df=4)", "poisson", {"exposure": "e"}),
    "bernoulli": ("b ~ poly(x, 2) + I(x*z) + C(g, contrasts='sum')*h", "bernoulli", {}),
    "gamma": ("t ~ clip(x, 1.5, 4):g + sqrt(x) + h", "gamma", {"link": "log", "weights": "e"}),
    "inverse": ("t ~ x + z + g", "gamma", {}),
    "probit": ("b ~ ns(x, df=3)*h + g - 1", "bernoulli", {"link": "probit"}),
    "frequency": ("y ~ x*g", "poisson", {"weights": "f", "weights_kind": "frequency"}),
    "categorical": ("c ~ log(x)*h + g", "categorical", {}),
}


def averaged(fit: ef.Fit, data: dict[str, Any], weight: np.ndarray) -> np.ndarray:
    """The weighted mean of predictions, (k,)."""
    mu = fit.predict(data)
    return np.atleast_1d(np.average(mu, axis=0, weights=weight))


@pytest.mark.parametrize("name", FORMULAS)
def test_every_effect_is_a_difference_of_predictions(name: str) -> None:
    formula, family, options = FORMULAS[name]
    data = book(4)
    fit = ef.glm(formula, data, family=family, **options)
    weight = data["f"].astype(float) if name == "frequency" else np.ones(N)
    found = fit.marginal_effects()
    k = 3 if family == "categorical" else 1
    for start, (term, contrast) in list(enumerate(zip(found["term"], found["contrast"], strict=True)))[::k]:

        def change(at: ef.Fit, term: str = term, contrast: str = contrast) -> np.ndarray:
            if " - " in contrast:
                level, reference = contrast.split(" - ")
                one, other = ({**data, term: np.full(N, v)} for v in (level, reference))
                return averaged(at, one, weight) - averaged(at, other, weight)
            h = 1e-4
            ends = [{**data, term: data[term] + s * h} for s in (-2, -1, 1, 2)]
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", ef.DataWarning)  # a step beyond the boundary knots
                a, b, c, d = (averaged(at, end, weight) for end in ends)
            return np.asarray((a - 8 * b + 8 * c - d) / (12 * h))

        estimate, error = by_hand(fit, change)
        here = slice(start, start + k)
        assert column(found)[here] == pytest.approx(estimate, rel=1e-6, abs=1e-8), (term, contrast)
        assert column(found, "std_error")[here] == pytest.approx(error, rel=1e-5), (term, contrast)


@pytest.mark.parametrize("method", ["eyex", "eydx", "dyex"])
@pytest.mark.parametrize("name", ["poisson", "bernoulli", "categorical"])
def test_elasticities_by_hand(name: str, method: str) -> None:
    formula, family, options = FORMULAS[name]
    data = book(5)
    fit = ef.glm(formula, data, family=family, **options)
    found = fit.marginal_effects(["x", "h"], method=method)

    def change(at: ef.Fit) -> np.ndarray:
        h, out = 1e-4, []
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ef.DataWarning)
            a, b, c, d = (at.predict({**data, "x": data["x"] + s * h}).reshape(N, -1) for s in (-2, -1, 1, 2))
        slopes, mu = (a - 8 * b + 8 * c - d) / (12 * h), at.predict(data).reshape(N, -1)
        slopes = slopes / mu if method[0] == "e" else slopes
        out.append((slopes * (data["x"][:, None] if method[2] == "e" else 1)).mean(axis=0))
        v, u = (at.predict({**data, "h": np.full(N, level)}).reshape(N, -1) for level in "vu")
        out.append((np.log(v) - np.log(u) if method[0] == "e" else v - u).mean(axis=0))
        return np.concatenate(out)

    estimate, error = by_hand(fit, change)
    assert column(found) == pytest.approx(estimate, rel=1e-6, abs=1e-8)
    assert column(found, "std_error") == pytest.approx(error, rel=1e-5)


def test_a_matrix_and_a_formula_agree() -> None:
    import scipy.sparse as sp

    data = book(6)
    X = np.column_stack([data["x"], data["z"]])
    frame = ef.glm("y ~ x + z", data, family="poisson", offset="log(e)")
    for matrix in (X, sp.csr_array(X)):
        bare = ef.glm_arrays(matrix, data["y"], family="poisson", offset=np.log(data["e"]), names=["x", "z"])
        for method in ("dydx", "eyex"):
            one, other = frame.marginal_effects(method=method), bare.marginal_effects(method=method)
            for name in ("estimate", "std_error"):
                assert column(one, name) == pytest.approx(column(other, name), rel=1e-8)


def test_blocks_of_rows_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    data = book(7, 5000)
    fits = [ef.glm(*FORMULAS[name][:1], data, family=FORMULAS[name][1]) for name in ("poisson", "bernoulli")]
    whole = [fit.marginal_effects() for fit in fits]
    monkeypatch.setattr("expfam.inference.effects.CELLS", 1)
    for fit, before in zip(fits, whole, strict=True):
        after = fit.marginal_effects()
        for name in ("estimate", "std_error"):
            assert column(after, name) == pytest.approx(column(before, name), rel=1e-10)


@pytest.mark.parametrize("options", [{"weights": "w"}, {"family": "binomial", "trials": "w"}, {"family": "binomial"}])
def test_rows_of_no_weight_count_in_no_rows(options: dict[str, Any]) -> None:
    """A fit leaves them out, and so do averages over the same rows handed over; without the column all rows count."""
    data = book(3)
    off = np.arange(N) < 4
    data |= {"w": np.where(off, 0.0, 2.0), "x": np.where(off, 50.0, data["x"]), "y": np.minimum(data["y"], 1)}
    data |= {"s": data["w"] * data["b"], "k": data["w"] * (1 - data["b"])}
    response = "y" if "weights" in options else "b" if "trials" in options else "cbind(s, k)"
    fit = ef.glm(f"{response} ~ x + g", data, **{"family": "poisson"} | options)
    kept = {name: values[~off] for name, values in data.items()}
    for ask in (ef.Fit.marginal_effects, lambda at, **rows: at.marginal_means("g", at="rows", type="response", **rows)):
        for rows in (data, kept, {name: kept[name] for name in ("x", "g")}):
            for name in ("estimate", "std_error"):
                assert column(ask(fit.detach(), data=rows), name) == pytest.approx(column(ask(fit), name), rel=1e-9)
    every = {name: data[name] for name in ("x", "g")}
    if "weights" in options:
        found = fit.detach().marginal_effects("x", data=every)
        assert column(found)[0] == pytest.approx(np.mean(fit.predict(every)) * fit.coef[1])
    else:
        mean = fit.predict(kept)
        assert column(fit.marginal_effects("x"))[0] == pytest.approx(np.mean(mean * (1 - mean)) * fit.coef[1])
    if options.keys() & {"weights", "trials"}:
        with pytest.raises(ef.SchemaError, match=r"all zero|nothing is left to average"):
            fit.marginal_effects(data=data | {"w": 0 * data["w"]})


def test_frequencies_sandwiches_groups_and_held_values() -> None:
    data = book(8)
    counted = ef.glm("y ~ x*g", data, family="poisson", weights="f", weights_kind="frequency")
    repeated = ef.glm("y ~ x*g", {k: np.repeat(v, data["f"]) for k, v in data.items()}, family="poisson")
    one, other = counted.marginal_effects(), repeated.marginal_effects()
    assert column(one, "std_error") == pytest.approx(column(other, "std_error"), rel=1e-6)

    fit = ef.glm("y ~ x*g + z", data, family="poisson", vcov="HC1")
    assert not np.allclose(
        column(fit.marginal_effects(), "std_error"), column(fit.with_vcov("model").marginal_effects(), "std_error")
    )
    grouped = fit.marginal_effects("x", by="g")
    assert list(grouped["g"]) == ["a", "b", "c"]
    for level, found in zip("abc", column(grouped), strict=True):
        rows = {k: v[data["g"] == level] for k, v in data.items()}
        assert found == pytest.approx(column(fit.marginal_effects("x", data=rows))[0], rel=1e-10)
    held = fit.marginal_effects("x", at={"g": "b", "z": 1})
    there = fit.marginal_effects("x", data={**data, "g": np.full(N, "b"), "z": np.ones(N)})
    assert column(held) == pytest.approx(column(there), rel=1e-10)


# ---- slopes of expressions -------------------------------------------------------------------------------------

EXPRESSIONS = (
    "log(x)", "log2(x) + log10(x) - log1p(x)", "exp(x / 5)", "expm1(-x)", "sqrt(x)", "abs(x - 30)", "I(x**2 / (1 + x))",
    "x**z", "2**x", "x * z - z / x", "x % 7", "x // 7", "clip(x, 2, 4)", "clip(x, z, x * z)", "-x",
    "poly(x, 3)", "poly(x, 2, raw=True)", "bs(x, df=5)", "ns(log(x), df=4)", "center(x * z)", "scale(x)",
)  # fmt: skip


@pytest.mark.parametrize("text", EXPRESSIONS)
def test_slopes_are_differences(text: str) -> None:
    from expfam.data.table import read
    from expfam.formula.interpret import learner

    rng = np.random.default_rng(9)
    data = {"x": rng.uniform(1.03, 5, 50), "z": rng.uniform(0.5, 2, 50)}
    node, states = parse(text, ("x", "z")), {}
    value(node, read(data), learner(states))
    recall = replayer(states)
    h = 1e-5
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ef.DataWarning)
        up, down = (np.asarray(value(node, read({**data, "x": data["x"] + s * h}), recall)) for s in (1, -1))
    found = np.broadcast_to(slope(node, "x", read(data), recall), up.shape)
    assert found == pytest.approx((up - down) / (2 * h), rel=1e-5, abs=1e-6)
    assert slope(node, "nothing", read(data), recall) == 0.0


# ---- marginal means --------------------------------------------------------------------------------------------


def grid(data: dict[str, Any], g: str) -> dict[str, Any]:
    """emmeans' reference grid at a level of g: both h, numbers at their means, exposure 1."""
    return {
        "x": np.full(2, data["x"].mean()),
        "z": np.full(2, data["z"].mean()),
        "g": [g, g],
        "h": ["u", "v"],
        "e": [1, 1],
    }


@pytest.mark.parametrize("name", ["poisson", "bernoulli", "probit", "categorical"])
def test_marginal_means_by_their_definition(name: str) -> None:
    formula, family, options = FORMULAS[name]
    data = book(10)
    fit = ef.glm(formula, data, family=family, **options)
    share = np.mean(data["h"] == "v")

    def points(at: ef.Fit, weights: list[float]) -> np.ndarray:
        return np.array([np.average(at.predict(grid(data, g), type="link"), axis=0, weights=weights) for g in "abc"])

    def back(at: ef.Fit) -> np.ndarray:
        return np.asarray(at.model.family.all_means(at.model.link.inverse(points(at, [1, 1])))).ravel()

    for options, meant in (
        ({}, lambda at: points(at, [1, 1]).ravel()),
        ({"weights": "proportional"}, lambda at: points(at, [1 - share, share]).ravel()),
        ({"type": "response"}, back),
    ):
        found = fit.marginal_means("g", **options)
        estimate, error = by_hand(fit, meant)
        assert column(found) == pytest.approx(estimate, rel=1e-8, abs=1e-10)
        assert column(found, "std_error") == pytest.approx(error, rel=1e-5)


def test_averaged_predictions_by_their_definition() -> None:
    data = book(11)
    fit = ef.glm("y ~ log(x)*g + h", data, family="poisson", exposure="e")
    cells = [(g, h) for g in "abc" for h in "uv"]
    for type in ("response", "link"):
        found = fit.marginal_means(["g", "h"], at="rows", type=type)

        def meant(at: ef.Fit, type: str = type) -> np.ndarray:
            frames = ({**data, "g": np.full(N, g), "h": np.full(N, h)} for g, h in cells)
            return np.array([at.predict(frame, type=type).mean() for frame in frames])

        estimate, error = by_hand(fit, meant)
        assert list(zip(found["g"], found["h"], strict=True)) == cells
        assert column(found) == pytest.approx(estimate, rel=1e-8)
        assert column(found, "std_error") == pytest.approx(error, rel=1e-5)


def test_contrasts_of_a_main_effect_are_the_coefficients() -> None:
    data = book(12)
    fit = ef.glm("y ~ x + g + h", data, family="poisson")
    found = fit.contrasts("g")
    assert list(found["contrast"]) == ["b - a", "c - a"]
    at = [fit.names.index(name) for name in ("g[b]", "g[c]")]
    assert column(found) == pytest.approx(fit.coef[at], rel=1e-10)
    assert column(found, "std_error") == pytest.approx(fit.se[at], rel=1e-10)
    assert column(found, "p_value") == pytest.approx(fit.p_values[at], rel=1e-8)
    pairs, K, V = fit.contrasts("g", kind="pairwise", adjust="holm"), np.array([[1, 0], [0, 1], [-1, 1.0]]), fit.vcov()
    assert list(pairs["contrast"]) == ["b - a", "c - a", "c - b"]
    block = K @ V[np.ix_(at, at)] @ K.T
    assert column(pairs, "std_error") == pytest.approx(np.sqrt(np.diagonal(block)), rel=1e-9)
    assert column(pairs, "p_value") == pytest.approx(adjusted(fit.contrasts("g", kind="pairwise")["p_value"], "holm"))
    ratio = fit.contrasts("g", kind="sequential", type="ratio")
    assert list(ratio["contrast"]) == ["b / a", "c / b"]
    assert column(ratio) == pytest.approx(np.exp([fit.coef[at[0]], fit.coef[at[1]] - fit.coef[at[0]]]))
    means = fit.marginal_means("g", type="response")
    assert column(fit.contrasts("g", type="response")) == pytest.approx(column(means)[1:] - column(means)[0])


def test_contrasts_within_groups_and_of_sum_coding() -> None:
    data = book(13)
    plain, summed = (ef.glm(f, data, family="poisson") for f in ("y ~ g*h", "y ~ C(g, contrasts='sum')*h"))
    one, other = (fit.contrasts("g", kind="pairwise", by="h") for fit in (plain, summed))
    assert list(one["h"]) == ["u"] * 3 + ["v"] * 3
    for name in ("estimate", "std_error", "conf_high"):
        assert column(one, name) == pytest.approx(column(other, name), rel=1e-6)


@pytest.mark.parametrize("method", METHODS)
@settings(max_examples=30, deadline=None)
@given(p=arrays(float, st.integers(1, 12), elements=st.floats(0, 1)))
def test_adjusted_p_values_are_those_of_statsmodels(method: str, p: np.ndarray) -> None:
    from statsmodels.stats.multitest import multipletests

    theirs = {"hochberg": "simes-hochberg", "fdr": "fdr_bh", "by": "fdr_by"}.get(method, method)
    assert adjusted(p, method) == pytest.approx(np.minimum(multipletests(p, method=theirs)[1], 1))
    gaps = np.insert(p, 0, np.nan)
    assert np.isnan(adjusted(gaps, method)[0])
    assert np.array_equal(adjusted(gaps, method)[1:], adjusted(p, method))


# ---- what cannot be had ----------------------------------------------------------------------------------------


def test_what_is_not_estimable_is_nan_and_told() -> None:
    data = book(14)
    data["copy"] = np.char.add("k", data["g"])
    with pytest.warns(ef.AliasWarning):
        fit = ef.glm("y ~ z + g + copy", data, family="poisson")
    with pytest.warns(ef.AliasWarning, match="not estimable"):
        found = fit.marginal_effects()
    assert np.isnan(column(found)).tolist() == [False, True, True, True, True]
    plain = ef.glm("y ~ z + g", data, family="poisson").marginal_effects("z")
    assert column(found)[0] == pytest.approx(column(plain)[0], rel=1e-8)
    with pytest.warns(ef.AliasWarning, match="not estimable"):
        assert np.isnan(column(fit.contrasts("g"))).all()


def test_loaded_fits_ask_for_rows(tmp_path: Any) -> None:
    data = book(15)
    fit = ef.glm("y ~ log(x)*g + cut(z, [0])", data, family="poisson", exposure="e")
    fit.save(tmp_path / "m.json")
    loaded = ef.load(tmp_path / "m.json")
    for ask in (loaded.marginal_effects, lambda: loaded.marginal_means("g"), lambda: loaded.contrasts("g")):
        with pytest.raises(ef.ExpfamError, match="has no rows"):
            ask()
    one, other = fit.marginal_effects(), loaded.marginal_effects(data=data)
    assert column(one) == pytest.approx(column(other))
    assert list(one["term"]) == ["x", "g", "g", "cut(z, [0])"]
    assert column(fit.marginal_effects("z")) == column(one)[3]


def test_incomplete_rows_of_other_data_are_told() -> None:
    data = book(17)
    fit, bare = ef.glm("y ~ x + g", data, family="poisson"), ef.glm_arrays(data["x"][:, None], data["y"])
    gaps = {**data, "x": np.where(np.arange(N) < 3, np.nan, data["x"])}
    full = {name: values[3:] for name, values in data.items()}
    for asks in (lambda d: fit.marginal_effects(data=d), lambda d: fit.marginal_means("g", data=d)):
        with pytest.warns(ef.DataWarning, match=r"3 of 240 rows left out for missing values in x \(3\)") as told:
            found = asks(gaps)
        assert told[0].filename == __file__
        assert column(found) == pytest.approx(column(asks(full)), rel=1e-12)
    with pytest.warns(ef.DataWarning, match="3 of 240 rows left out"):
        bare.marginal_effects(data=gaps["x"][:, None])


def test_bad_input() -> None:
    data = book(16)
    fit = ef.glm("y ~ log(x)*g + h", data, family="poisson")
    arrays_only = ef.glm_arrays(np.column_stack([data["x"]]), data["y"], family="poisson", offset=np.log(data["e"]))
    for ask, message in (
        (lambda: fit.marginal_effects("gg"), "no variable 'gg'; did you mean 'g'"),
        (lambda: fit.marginal_effects(method="slope"), "method='slope'"),
        (lambda: fit.marginal_effects(at="medians"), "at='medians'"),
        (lambda: fit.marginal_effects(at={"g": "z"}), "no level 'z'"),
        (lambda: fit.marginal_effects(at={"x": "tall"}), "cannot be held"),
        (lambda: fit.marginal_effects(by="nobody"), "no column 'nobody'"),
        (lambda: fit.marginal_effects(data={"x": data["x"]}), "no column 'g'"),
        (lambda: fit.marginal_means("x"), "is a number"),
        (lambda: fit.marginal_means("g", weights="cells"), "weights='cells'"),
        (lambda: fit.marginal_means(["g", "g"]), "each once"),
        (lambda: fit.contrasts("g", kind="all"), "kind='all'"),
        (lambda: fit.contrasts("g", adjust="tukey"), "adjust='tukey'"),
        (lambda: fit.contrasts("x"), "is a number"),
        (lambda: arrays_only.marginal_means("x1"), "a matrix has none"),
        (lambda: arrays_only.marginal_effects(data=np.ones((3, 1))), "given as an array"),
        (lambda: ef.glm("t ~ g", data).contrasts("g", type="ratio"), "with the identity link"),
        (lambda: ef.glm("t ~ 1", data).marginal_effects(), "only an intercept"),
    ):
        with pytest.raises(ef.ExpfamError, match=message):
            ask()


def test_a_very_wide_factor_is_refused_by_name_and_the_rest_answered() -> None:
    rng, levels = np.random.default_rng(18), 12_000
    data = {"g": rng.permutation(np.repeat(np.arange(levels).astype(str), 3)), "x": rng.normal(size=3 * levels)}
    data["y"] = rng.poisson(2.0, 3 * levels)
    fit = ef.glm("y ~ x + g", data, family="poisson", penalty=ef.Ridge(1e-6))
    with pytest.raises(ef.ExpfamError, match="'g' alone has 12,000 results"):
        fit.marginal_effects()
    with pytest.raises(ef.ExpfamError, match="'g' alone has 12,000 results"):
        fit.contrasts("g")
    assert column(fit.marginal_effects("x"))[0] == pytest.approx(fit.coef[1] * fit.predict().mean(), rel=1e-9)
    assert len(fit.relativities()["term"]) == levels + 2


def test_answers_come_in_the_callers_kind() -> None:
    pl = pytest.importorskip("polars")
    fit = ef.glm("y ~ x + g", pl.DataFrame(book(17)), family="poisson")
    for answer in (fit.marginal_effects(), fit.marginal_means("g"), fit.contrasts("g"), fit.relativities()):
        assert isinstance(answer, pl.DataFrame)
