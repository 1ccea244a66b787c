"""Bias reduction: R's brglm2 recorded, adjusted scores by their definition, saturated tables, penalised likelihoods."""

import json
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.polynomial import Chebyshev
from scipy.optimize import brentq, minimize
from scipy.special import expit

import expfam as ef
from expfam.families import NegativeBinomial, Tweedie

ENDOMETRIAL = json.loads((Path(__file__).parent / "recorded" / "endometrial_firth.json").read_text())


def endometrial(**options: Any) -> ef.Fit:
    return ef.glm(ENDOMETRIAL["formula"], ENDOMETRIAL["data"], family="bernoulli", **{"bias": "firth"} | options)


def test_endometrial_as_in_brglm2() -> None:
    fit = endometrial()
    assert fit.converged
    assert fit.coef == pytest.approx(np.array(list(ENDOMETRIAL["coef"].values())), rel=1e-6)
    assert fit.se == pytest.approx(np.array(list(ENDOMETRIAL["se"].values())), rel=1e-6)
    assert fit.deviance == pytest.approx(ENDOMETRIAL["deviance"], rel=1e-6)
    assert fit.predict() == pytest.approx(np.array(ENDOMETRIAL["fitted"]), rel=1e-6)
    assert "Bias reduction: mean (Firth)" in fit.summary()
    assert fit.separation().limits == ("NV -> +inf",)


# ---- the definition -----------------------------------------------------------------------------------------------
def slope(f: Any, x: np.ndarray) -> np.ndarray:
    h = 1e-4 * np.maximum(np.abs(x), 0.1)
    return np.asarray((8 * (f(x + h) - f(x - h)) - (f(x + 2 * h) - f(x - 2 * h))) / (12 * h))


def tensors(model: Any, X: np.ndarray, theta: np.ndarray, w: np.ndarray, phi: float) -> tuple[np.ndarray, ...]:
    """i, P_trs = E[U_t U_r U_s] and Q_trs = E[(d2 l / dr ds) U_t], from the cumulants of y alone."""
    family, link = model.family, model.link
    eta = X @ theta
    mu, d = link.inverse(eta), link.derivative(eta)
    V = family.variance(mu)
    third = w * (d / V) ** 3 * V * slope(family.variance, mu) / phi
    mixed = w * d * slope(lambda e: link.derivative(e) / family.variance(link.inverse(e)), eta) / phi
    information = X.T @ ((w * d**2 / V / phi)[:, None] * X)
    return information, *(np.einsum("n,nt,nr,ns->trs", v, X, X, X) for v in (third, mixed))


def adjusted(kind: str, information: np.ndarray, P: np.ndarray, Q: np.ndarray) -> np.ndarray:
    """A_t = tr i^-1 (P_t + Q_t) / 2, median less i F (Firth 1993; Kenne Pagui, Salvan and Sartori 2017)."""
    inverse = np.linalg.inv(information)
    mean = np.einsum("rs,trs->t", inverse, P + Q) / 2
    if kind == "mean":
        return np.asarray(mean)
    F = [v @ np.einsum("r,s,trs->t", v, v, P / 3 + Q / 2) / v[t] for t, v in enumerate(inverse)]
    return np.asarray(mean - information @ F)


PAIRS = [
    ("bernoulli", "logit"),
    ("bernoulli", "probit"),
    ("bernoulli", "cloglog"),
    ("bernoulli", "cauchit"),
    ("poisson", "log"),
    ("poisson", "sqrt"),
    (NegativeBinomial(theta=1.5), "log"),
    ("gamma", "log"),
    ("gamma", "inverse"),
    ("inverse_gaussian", "log"),
    ("gaussian", "log"),
    ("gaussian", "identity"),
    (Tweedie(power=1.5), "log"),
    (Tweedie(power=2.0), "log"),
]


def sample(family: Any, link: str, n: int = 40) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(3)
    x, g, w = rng.normal(size=n), rng.integers(0, 2, n), rng.uniform(0.5, 2.0, n)
    made = ef.families.family(family)
    shift = {"inverse": 3.0, "sqrt": 2.0, "identity": 2.0}.get(link, 0.0)
    mu = ef.links.link(link, made).inverse(shift + 0.4 * x - 0.3 * g)
    y = np.asarray(made.draw(mu, rng, 0.3 if not made.fixed_dispersion else 1.0))
    return {"y": y, "x": x, "g": g, "w": w if family != "bernoulli" else np.ones(n)}


@pytest.mark.parametrize("bias", ["mean", "median"])
@pytest.mark.parametrize(
    ("family", "link"), PAIRS, ids=[f"{f if isinstance(f, str) else f.name}-{k}" for f, k in PAIRS]
)
def test_the_adjusted_score_vanishes(family: Any, link: str, bias: str) -> None:
    data = sample(family, link)
    fit = ef.glm("y ~ x + g", data, family=family, link=link, weights="w", bias=bias, tol=1e-10)
    assert fit.converged
    X = np.column_stack([np.ones(40), data["x"], data["g"]])
    mu, d = fit.predict(), fit.model.link.derivative(X @ fit.coef)
    score = X.T @ (data["w"] * (data["y"] - mu) * d / fit.model.family.variance(mu)) / fit.dispersion
    information, P, Q = tensors(fit.model, X, fit.coef, data["w"], fit.dispersion)
    left = score + adjusted(bias, information, P, Q)
    assert np.abs(left / np.sqrt(np.diagonal(information))).max() < 1e-7
    assert fit.se == pytest.approx(np.sqrt(np.diagonal(np.linalg.inv(information))), rel=1e-7)


@pytest.mark.parametrize("link", ["logit", "cloglog", "cauchit"])
def test_the_tensors_are_the_expectations_over_all_responses(link: str) -> None:
    """E over the 2^6 responses of products of scores and second derivatives: what the test above takes for granted."""
    X = np.column_stack([np.ones(6), [-1.0, 0.2, 0.5, 1.0, 1.3, 2.0]])
    theta = np.array([0.2, -0.4])
    made = ef.families.family("bernoulli")
    model: Any = ef.glm_arrays(X[:, 1:], [0, 1, 0, 1, 1, 0], family=made, link=link).model
    eta = X @ theta
    mu = model.link.inverse(eta)
    rate = model.link.derivative(eta) / made.variance(mu)
    bend = slope(lambda e: model.link.derivative(e) / made.variance(model.link.inverse(e)), eta)
    P, Q = np.zeros((2, 2, 2)), np.zeros((2, 2, 2))
    for y in product([0, 1], repeat=6):
        chance = np.prod(np.where(y, mu, 1 - mu))
        U = X.T @ ((y - mu) * rate)
        second = X.T @ (((y - mu) * bend - model.link.derivative(eta) * rate)[:, None] * X)
        P += chance * np.einsum("t,r,s->trs", U, U, U)
        Q += chance * np.einsum("t,rs->trs", U, second)
    assert tensors(model, X, theta, np.ones(6), 1.0)[1] == pytest.approx(P, rel=1e-8)
    assert tensors(model, X, theta, np.ones(6), 1.0)[2] == pytest.approx(Q, rel=1e-8, abs=1e-10)


@pytest.mark.parametrize(("bias", "share"), [("mean", 1), ("median", 3)])
def test_the_dispersion_of_a_gamma_response(bias: str, share: int) -> None:
    """Its adjusted score (Kosmidis, Kenne Pagui and Sartori 2020), derivatives in k by a Chebyshev series."""
    data = sample("gamma", "log")
    fit = ef.glm("y ~ x + g", data, family="gamma", link="log", weights="w", bias=bias, tol=1e-10)
    phi, k = fit.dispersion, data["w"] / fit.dispersion
    first, second, third = np.array([derivatives(fit.model.family, value) for value in k]).T
    free = 3 - 2 if bias == "mean" else 3
    w = data["w"]
    score = (fit.deviance - w @ (2 * first)) / (2 * phi**2)
    change = free / (2 * phi) + w**3 @ (2 * third) / (2 * share * phi**2 * (w**2 @ (-2 * second)))
    assert score + change == pytest.approx(0.0, abs=1e-6 * len(w) / phi)
    assert "(adjusted score)" in fit.summary()
    assert fit.update(". ~ . - g").statistics.dispersion_kind == "adjusted"


def derivatives(family: Any, k: float) -> list[float]:
    """G', G'', G''' at k, G what the density at mu = y has of its shape k alone."""
    series = Chebyshev.interpolate(lambda x: family.log_saturated(np.ones_like(x), x), 18, [0.7 * k, 1.3 * k])
    return [float(series.deriv(m)(k)) for m in (1, 2, 3)]


@pytest.mark.parametrize("family", ["gaussian", "inverse_gaussian"])
def test_the_dispersion_of_gaussian_responses(family: str) -> None:
    """deviance / (n - p), unbiased; deviance / (n - p - 2/3), near the median of chi-squared."""
    data = sample(family, "log")
    for bias, less in (("mean", 0.0), ("median", 2 / 3)):
        fit = ef.glm("y ~ x + g", data, family=family, link="log", weights="w", bias=bias)
        assert fit.dispersion == pytest.approx(fit.deviance / (37 - less), rel=1e-12)


def test_a_dispersion_asked_for_is_the_one_in_the_adjusted_score() -> None:
    """A known phi, Pearson's, and that of maximum likelihood."""
    data = sample("gamma", "log")
    X = np.column_stack([np.ones(40), data["x"], data["g"]])
    for asked in (0.7, "pearson", "ml"):
        fit = ef.glm("y ~ x + g", data, family="gamma", link="log", bias="firth", dispersion=asked, tol=1e-10)
        information, P, Q = tensors(fit.model, X, fit.coef, np.ones(40), fit.dispersion)
        left = X.T @ (data["y"] / fit.predict() - 1) / fit.dispersion + adjusted("mean", information, P, Q)
        assert np.abs(left).max() < 1e-6
        assert fit.statistics.dispersion_kind == ("given" if asked == 0.7 else asked)


def test_the_penalised_likelihood_is_flat() -> None:
    """Canonical links: the gradient of l + log det i / 2, by differences, is zero at the answer (Firth 1993)."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(25, 2))
    X = np.column_stack([np.ones(25), x])
    y = rng.integers(0, 3, 25)

    def penalised(theta: np.ndarray) -> float:
        eta = np.column_stack([X @ theta.reshape(2, 3).T, np.zeros(25)])
        mu = np.exp(eta) / np.exp(eta).sum(axis=1, keepdims=True)
        V = mu[:, :2, None] * (np.eye(2) - mu[:, None, :2])
        information = np.einsum("nab,np,nq->apbq", V, X, X).reshape(6, 6)
        return float(np.log(mu[np.arange(25), y]).sum() + np.linalg.slogdet(information)[1] / 2)

    fit = ef.glm_arrays(x, y.astype(str), family="categorical", bias="firth", tol=1e-10)
    theta = fit.flat(fit.coef)
    steps = 1e-5 * np.eye(6)
    assert [penalised(theta + s) - penalised(theta - s) for s in steps] == pytest.approx(np.zeros(6), abs=1e-9)
    two = ef.glm_arrays(x, np.where(y > 0, "a", "b"), family="categorical", bias="firth")
    assert two.coef[:, 0] == pytest.approx(
        ef.glm_arrays(x, (y > 0) * 1, family="bernoulli", bias="firth").coef, rel=1e-6
    )


# ---- tables -------------------------------------------------------------------------------------------------------
def test_a_saturated_logit_adds_half_a_case_to_every_cell() -> None:
    yes, no = np.array([0.0, 3.0, 7.0]), np.array([5.0, 4.0, 0.0])
    data = {"g": ["a", "b", "c"], "yes": yes, "no": no}
    fit = ef.glm("cbind(yes, no) ~ g - 1", data, family="binomial", bias="firth")
    assert fit.coef == pytest.approx(np.log((yes + 0.5) / (no + 0.5)), rel=1e-7)
    odds = ef.glm("cbind(yes, no) ~ g", data, family="binomial", bias="firth")
    assert odds.coef[1:] == pytest.approx(fit.coef[1:] - fit.coef[0], rel=1e-7)


@pytest.mark.parametrize(("bias", "share"), [("mean", 1 / 2), ("median", 1 / 6)])
def test_a_saturated_poisson_model_adds_a_share_of_an_event(bias: str, share: float) -> None:
    """kappa_3 / (2 kappa_2) and kappa_3 / (6 kappa_2), with an exposure and a level without events."""
    g, y = np.repeat(["a", "b", "c"], 4), np.array([1, 0, 2, 3, 0, 0, 0, 0, 4, 1, 0, 2])
    years = np.linspace(0.5, 2.0, 12)
    fit = ef.glm("y ~ g - 1", {"g": g, "y": y, "e": years}, family="poisson", exposure="e", bias=bias)
    events, time = ([values[g == level].sum() for level in "abc"] for values in (y, years))
    assert fit.coef == pytest.approx(np.log((np.array(events) + share) / time), rel=1e-7)


# ---- what stays the same ------------------------------------------------------------------------------------------
@pytest.mark.parametrize("bias", ["mean", "median"])
def test_weights_offsets_and_aliased_columns(bias: str) -> None:
    data = {k: np.array(v, dtype=float) for k, v in ENDOMETRIAL["data"].items()}
    fit = endometrial(bias=bias)
    times = np.arange(79) % 3
    again = {k: np.repeat(v, times) for k, v in data.items()}
    counted = ef.glm(
        ENDOMETRIAL["formula"],
        data | {"f": times},
        family="bernoulli",
        weights="f",
        weights_kind="frequency",
        bias=bias,
    )
    repeated = ef.glm(ENDOMETRIAL["formula"], again, family="bernoulli", bias=bias)
    assert counted.coef == pytest.approx(repeated.coef, rel=1e-6)
    assert counted.se == pytest.approx(repeated.se, rel=1e-6)
    shifted = ef.glm(ENDOMETRIAL["formula"], data, family="bernoulli", offset=np.full(79, 2.0), bias=bias)
    assert shifted.coef == pytest.approx(fit.coef - np.array([2.0, 0, 0, 0]), rel=1e-6)
    with pytest.warns(ef.AliasWarning):
        aliased = ef.glm("HG ~ NV + PI + I(2 * PI - NV) + EH", data, family="bernoulli", bias=bias)
    assert np.isnan(aliased.coef[3])
    assert aliased.coef[[0, 1, 2, 4]] == pytest.approx(fit.coef, rel=1e-6)
    scaled = ef.glm("HG ~ NV + I(PI / 1000) + EH", data, family="bernoulli", bias=bias)
    assert scaled.coef == pytest.approx(fit.coef * [1, 1, 1000, 1], rel=1e-6)


@pytest.mark.parametrize("bias", ["mean", "median"])
def test_rows_summed_or_not_and_a_start_at_the_likelihood(bias: str, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    g, h, e = rng.choice(list("abc"), 900), rng.choice(list("uvw"), 900), rng.uniform(0.2, 1.0, 900)
    data = {"g": g, "h": h, "e": e, "y": rng.poisson(0.3 * e)}
    options: dict[str, Any] = {"family": "poisson", "exposure": "e", "bias": bias}
    rows = ef.glm("y ~ g + h", data, aggregate="never", **options)
    cells = ef.glm("y ~ g + h", data, aggregate="always", **options)
    assert cells.certificate.rows == 9
    assert cells.coef == pytest.approx(rows.coef, rel=1e-7)
    monkeypatch.setattr("expfam.solvers.adjusted.is_large", lambda _: True)
    assert ef.glm("y ~ g + h", data, aggregate="never", **options).coef == pytest.approx(rows.coef, rel=1e-7)


# ---- profiles -----------------------------------------------------------------------------------------------------
def test_profile_intervals_are_those_of_the_penalised_likelihood() -> None:
    """Where twice its profile falls by 3.84, found by SciPy one coefficient at a time (R's logistf)."""
    data = {k: np.array(v, dtype=float) for k, v in ENDOMETRIAL["data"].items()}
    X = np.column_stack([np.ones(79), data["NV"], data["EH"]])
    fit = ef.glm("HG ~ NV + EH", data, family="bernoulli", bias="firth", tol=1e-10)
    ends = fit.confint(method="profile")

    def negative(theta: np.ndarray) -> float:
        eta = X @ theta
        W = expit(eta) * expit(-eta)
        likelihood = data["HG"] @ eta - np.logaddexp(0, eta).sum()
        return float(-likelihood - np.linalg.slogdet(X.T @ (W[:, None] * X))[1] / 2)

    def profile(value: float, j: int) -> float:
        rest = [k for k in range(3) if k != j]
        found = minimize(lambda part: negative(np.insert(part, j, value)), fit.coef[rest], method="BFGS", tol=1e-9)
        return float(2 * (found.fun - negative(fit.coef)) - 3.841458820694124)

    for j in (1, 2):
        reach = 8 * fit.se[j]
        meant = [brentq(profile, fit.coef[j], fit.coef[j] + side * reach, args=(j,), xtol=1e-8) for side in (-1, 1)]
        assert ends[j] == pytest.approx(np.array(meant), rel=1e-5)
    assert np.isfinite(ends).all()


# ---- the rest of the house ----------------------------------------------------------------------------------------
def test_a_loaded_fit_and_an_update_remember(tmp_path: Path) -> None:
    fit = endometrial(bias="median")
    fit.save(tmp_path / "m.json")
    loaded = ef.load(tmp_path / "m.json")
    assert loaded.model.bias == "median"
    assert loaded.summary() == fit.summary()
    assert fit.update(". ~ . - PI").model.bias == "median"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"bias": "forth"}, "'firth', 'mean', 'median'"),
        ({"penalty": ef.Ridge(0.1)}, "leave one out"),
        ({"solver": "sgd"}, "solver='auto'"),
        ({"solver": ef.LBFGS()}, "solver='auto'"),
        ({"weights": np.ones(79), "weights_kind": "sampling"}, "sampling weights"),
        ({"bias": "median", "family": "categorical"}, "bias='mean' for classes"),
        ({"bias": "median", "family": "quasibinomial"}, "third moments"),
        ({"family": "negative_binomial"}, "theta is known"),
    ],
)
def test_what_has_no_meaning_is_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ef.SolverError, match=message):
        ef.glm(ENDOMETRIAL["formula"], ENDOMETRIAL["data"], **{"family": "bernoulli", "bias": "firth"} | options)
    with pytest.raises(ef.SolverError, match="leave none"):
        ef.glm("y ~ x", {"y": [1.0, 2.0], "x": [0.0, 1.0]}, family="gamma", link="log", bias="firth")


def test_likelihoods_of_another_kind_are_refused() -> None:
    fit = endometrial()
    compared, interval = lambda: fit.anova(fit.update(". ~ . - PI")), lambda: fit.confint(method="score")
    for asked in (fit.anova, fit.drop1, fit.bootstrap, fit.step, compared, interval):
        with pytest.raises(ef.ExpfamError, match="bias='mean'"):
            asked()
    for other in (endometrial(bias="median"), endometrial(link="probit")):
        with pytest.raises(ef.SolverError, match="no profile"):
            other.confint(method="profile")


def tiny(weight: float) -> dict[str, np.ndarray]:
    """A level without events whose rows weigh next to nothing."""
    g, x = np.repeat(list("abc"), 20), np.tile(np.linspace(-1, 1, 20), 3)
    data = {"g": g, "x": x, "y": np.where(g == "c", 0, np.tile([0, 1, 1, 0, 1], 12))}
    return data | {"w": np.where(g == "c", weight, 1.0)}


@pytest.mark.parametrize("bias", ["mean", "median"])
@pytest.mark.parametrize("link", ["logit", "probit", "cloglog", "cauchit"])
@pytest.mark.parametrize("weight", [1e-3, 1e-5, 1e-8])
def test_rows_of_tiny_weight_are_adjusted_in_few_steps(bias: str, link: str, weight: float) -> None:
    """Scores are adjusted by halves of a row whatever it weighs: of such rows that is all there is."""
    data = tiny(weight)
    fit = ef.glm("y ~ g + x", data, family="bernoulli", link=link, weights="w", bias=bias)
    assert fit.converged
    assert fit.certificate.steps <= 100
    X = np.column_stack([np.ones(60), data["g"] == "b", data["g"] == "c", data["x"]])
    mu, d = fit.predict(), fit.model.link.derivative(X @ fit.coef)
    score = X.T @ (data["w"] * (data["y"] - mu) * d / fit.model.family.variance(mu))
    information, P, Q = tensors(fit.model, X, fit.coef, data["w"], 1.0)
    assert score + adjusted(bias, information, P, Q) == pytest.approx(np.zeros(4), abs=1e-5)


@pytest.mark.parametrize("bias", ["mean", "median"])
def test_steps_that_a_tiny_weight_throws_off_are_no_optimum(bias: str) -> None:
    """Far out, where no information is left, the adjustment is lost."""
    with pytest.warns(ef.ConvergenceWarning):
        fit = ef.glm("y ~ g + x", tiny(1e-30), family="bernoulli", weights="w", bias=bias)
    assert not fit.converged
