"""theta, the Tweedie power and the dispersion: MASS recorded, statsmodels live, likelihoods written out."""

import json
import pickle
import warnings
from contextlib import nullcontext
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import brentq, minimize_scalar
from scipy.special import digamma, gammaln, loggamma, polygamma
from tests.oracles.test_r import FACTS, agrees, fit_of, named

import expfam as ef
from expfam.families.negative_binomial import rising, slopes_of_rising
from expfam.nuisance.joint import Base
from expfam.nuisance.tweedie import log_b

QUINE = FACTS["quine_nb"]
CLAIMS = {name: np.array(values) for name, values in FACTS["tweedie_claims"]["data"].items()}
NB, TWEEDIE = ef.families.NegativeBinomial, ef.families.Tweedie


def days(n: int = 300, theta: float = 2.0, seed: int = 0) -> dict[str, Any]:
    """Overdispersed counts, with whole weights and an exposure."""
    rng = np.random.default_rng(seed)
    x, years = rng.normal(size=n), rng.uniform(0.5, 2, n)
    mu = years * np.exp(0.4 + 0.5 * x)
    y = rng.poisson(rng.gamma(theta, mu / theta))
    return {"y": y, "x": x, "years": years, "w": rng.integers(0, 4, n), "g": rng.choice(["a", "b"], n)}


@pytest.mark.parametrize("family", ["negative_binomial", "tweedie"])
def test_progress_goes_forwards(family: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every turn begins its steps anew, and says which turn it is and the number it has."""
    lines: list[str] = []
    monkeypatch.setattr("expfam.front.show_progress", lambda *_: nullcontext(lines.append))
    fit = ef.glm("y ~ x", days(), family=family)
    stages, told = zip(*(line.split(": ", 1) for line in lines), strict=True)
    assert [stage for stage, _ in groupby(stages)] == list(dict.fromkeys(stages))
    number = fit.nuisance[0]
    assert stages[0] == "first means"
    assert stages[-1] == f"{number.name} {number.value:.6g}"
    assert f"{number.name} {number.value:.10g}" in told


# ---- theta -----------------------------------------------------------------------------------------------------------


def test_theta_is_that_of_glm_nb() -> None:
    fit = fit_of(QUINE)
    agrees(named(fit, fit.coef), QUINE["coef"], 1e-7, dict.fromkeys(QUINE["coef"], 0.0))
    agrees(named(fit, fit.se), QUINE["se"], 1e-7, dict.fromkeys(QUINE["coef"], 0.0))
    for figure in ("theta", "deviance", "loglik", "aic"):
        assert getattr(fit, figure) == pytest.approx(QUINE[figure], rel=1e-9), figure
    assert fit.predict() == pytest.approx(np.array(QUINE["fitted"]), rel=1e-8)
    assert fit.bic == pytest.approx(-2 * fit.loglik + np.log(146) * 8)
    assert "Theta 1.2749 (standard error 0.1610), by maximum likelihood" in fit.summary()


def test_the_error_of_theta_where_r_stops_early() -> None:
    """theta.ml takes the information one Newton step before its last theta, 3e-6 short of its own: its steps, repeated,
    give R's number, and one step more gives ours."""
    y, mu = np.array(QUINE["data"]["Days"], float), np.array(QUINE["fitted"])

    def information(theta: float) -> float:
        total = mu + theta
        bends = polygamma(1, theta) - polygamma(1, theta + y) - 1 / theta + 2 / total - (y + theta) / total**2
        return float(np.sum(bends))

    theta, step, last = len(y) / np.sum((y / mu - 1) ** 2), 1.0, 0.0
    while abs(step) > np.finfo(float).eps ** 0.25:
        score = digamma(theta + y) - digamma(theta) + np.log(theta / (mu + theta)) + 1 - (y + theta) / (mu + theta)
        last, step = theta, float(np.sum(score)) / information(theta)
        theta += step
    assert 1 / np.sqrt(information(last)) == pytest.approx(QUINE["se_theta"], rel=1e-10)
    fit = fit_of(QUINE)
    assert fit.theta_se == pytest.approx(1 / np.sqrt(information(theta)), rel=1e-8)
    assert fit.theta_se == pytest.approx(QUINE["se_theta"], rel=4e-6)


def test_theta_is_that_of_statsmodels() -> None:
    import statsmodels.api as sm

    data = days()
    fit = ef.glm("y ~ x + g", data, family=NB, exposure="years")
    X = np.column_stack([np.ones(300), data["x"], data["g"] == "b"]).astype(float)
    start = np.append(fit.coef, 1 / fit.theta)
    model = sm.NegativeBinomial(data["y"], X, exposure=data["years"])
    theirs = model.fit(start_params=start, method="newton", disp=0, tol=1e-12)
    assert fit.coef == pytest.approx(theirs.params[:3], rel=1e-7)
    assert fit.theta == pytest.approx(1 / theirs.params[3], rel=1e-7)
    assert fit.loglik == pytest.approx(theirs.llf, rel=1e-12)
    assert fit.aic == pytest.approx(theirs.aic, rel=1e-12)
    assert fit.theta_se == pytest.approx(theirs.bse[3] * fit.theta**2, rel=0.01)  # observed beside orthogonal


@pytest.mark.parametrize("options", [{}, {"exposure": "years"}, {"link": "sqrt"}, {"penalty": ef.Ridge(0.01)}])
def test_frequency_weights_are_repeated_rows(options: dict[str, Any]) -> None:
    data = days()
    written = {name: np.repeat(values, data["w"]) for name, values in data.items()}
    short = ef.glm("y ~ x", data, family="negative_binomial", weights="w", weights_kind="frequency", **options)
    long = ef.glm("y ~ x", written, family="negative_binomial", **options)
    assert short.n == long.n
    for figure in ("theta", "theta_se", "loglik", "aic", "deviance"):
        assert getattr(short, figure) == pytest.approx(getattr(long, figure), rel=1e-8), figure
    assert short.coef == pytest.approx(long.coef, rel=1e-8)
    precise = ef.glm("y ~ x", data, family="negative_binomial", weights="w", **options)  # as in MASS: times log p
    assert precise.theta == pytest.approx(long.theta, rel=1e-8)


def test_summed_rows_have_the_same_theta() -> None:
    rng = np.random.default_rng(1)
    data = {"g": rng.choice(list("abc"), 3000), "y": rng.negative_binomial(1.5, 0.3, 3000)}
    one, all_ = (ef.glm("y ~ g", data, family="negative_binomial", aggregate=how) for how in ("always", "never"))
    assert one.certificate.rows == 3
    assert one.theta == pytest.approx(all_.theta, rel=1e-9)
    assert one.theta_se == pytest.approx(all_.theta_se, rel=1e-9)
    assert one.loglik == pytest.approx(all_.loglik, rel=1e-12)


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10_000), st.floats(0.2, 30.0))
def test_theta_is_the_maximum_of_the_profile(seed: int, theta: float) -> None:
    """At the estimate the likelihood is higher than around it, or Poisson's is the limit and is higher than all."""
    data = days(120, theta, seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ef.ConvergenceWarning)
        fit = ef.glm("y ~ x", data, family="negative_binomial")

    def profile(theta: float) -> float:
        return ef.glm("y ~ x", data, family=NB(theta)).loglik

    if np.isinf(fit.theta):
        assert fit.model.family == ef.families.Poisson()
        assert all(profile(t) < fit.loglik for t in (0.1, 1.0, 10.0, 100.0, 1e4))
        return
    assert profile(fit.theta) == pytest.approx(fit.loglik, rel=1e-12)
    assert all(profile(fit.theta * np.exp(d)) < fit.loglik for d in (-3.0, -0.5, -0.01, 0.01, 0.5, 3.0))


def test_theta_without_bound_is_told() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=200)
    data = {"y": rng.binomial(10, 1 / (1 + np.exp(-x))), "x": x}
    with pytest.warns(ef.ConvergenceWarning, match=r"theta runs to infinity.*family='poisson'"):
        fit = ef.glm("y ~ x", data, family="negative_binomial")
    poisson = ef.glm("y ~ x", data, family="poisson")
    assert np.isinf(fit.theta)
    assert np.isnan(fit.theta_se)
    assert fit.coef == pytest.approx(poisson.coef, rel=1e-9)
    assert fit.loglik == pytest.approx(poisson.loglik, rel=1e-12)
    assert fit.aic == pytest.approx(poisson.aic + 2)
    assert "runs to infinity" in fit.summary()
    low, high = fit.nuisance_interval()
    assert np.isinf(high)
    drop = 2 * (fit.loglik - ef.glm("y ~ x", data, family=NB(low)).loglik)
    assert drop == pytest.approx(1.959963984540054**2, rel=1e-6)


def test_a_given_theta_stays() -> None:
    fit = ef.glm("y ~ x", days(), family=NB(theta=2.0))
    assert (fit.theta, fit.nuisance) == (2.0, ())
    assert np.isnan(fit.theta_se)
    assert fit.statistics.df_likelihood == 2
    with pytest.raises(ef.ExpfamError, match=r"no number .* was estimated"):
        fit.nuisance_interval()
    with pytest.raises(ef.ExpfamError, match="negative_binomial family has no power"):
        _ = fit.power


def test_theta_beside_separation_and_means_that_underflow() -> None:
    """A level without counts, and rows whose mean is 0 in double precision, say nothing of theta."""
    data = days()
    y = np.where(data["g"] == "b", 0, data["y"])
    with pytest.warns(ef.SeparationWarning, match="g"):
        fit = ef.glm("y ~ g", {"y": y, "g": data["g"]}, family="negative_binomial")
    alone = ef.glm("y ~ 1", {"y": y[data["g"] == "a"]}, family="negative_binomial")
    assert fit.theta == pytest.approx(alone.theta, rel=1e-6)
    offset = np.where(np.arange(300) < 5, -800.0, 0.0)
    some = {name: values[5:] for name, values in data.items()}
    data["y"][:5] = 0
    fit = ef.glm("y ~ x", data, family="negative_binomial", offset=offset)
    assert fit.theta == pytest.approx(ef.glm("y ~ x", some, family="negative_binomial").theta, rel=1e-9)


@pytest.mark.parametrize("theta", [0.3, 99.0, 100.0, 1e4, 1e8])
def test_rising_factorials_keep_their_digits(theta: float) -> None:
    for count in (0, 1, 2, 7, 50, 3000):
        j, s = np.arange(count, dtype=np.longdouble), np.longdouble(theta)
        meant = np.log1p(j / s).sum(), (1 / (s + j)).sum() - count / s, count / s**2 - (1 / (s + j) ** 2).sum()
        found = rising(np.asarray(theta), np.asarray(float(count)))
        rounded = count + 1 / theta + (gammaln(theta + count) + 1 / theta**2 + 10 if theta < 100 else 0)
        assert [found, *slopes_of_rising(np.asarray(theta), np.asarray(float(count)))] == pytest.approx(
            [float(v) for v in meant], rel=1e-12, abs=4 * np.finfo(float).eps * rounded
        )


# ---- the power -------------------------------------------------------------------------------------------------------


def written_out(p: float, phi: float, mu: np.ndarray, y: np.ndarray, w: np.ndarray) -> float:
    """The Tweedie log-likelihood by 500 terms of the series."""
    k, alpha, j = w / phi, (2 - p) / (p - 1), np.arange(1, 501)
    total = -k * mu ** (2 - p) / (2 - p)
    y, m, k, some = y[y > 0], mu[y > 0], k[y > 0], y > 0
    log_z = alpha * np.log(k * y / (p - 1)) + np.log(k / (2 - p))
    terms = j * log_z[:, None] - loggamma(j + 1) - loggamma(j * alpha)
    top = terms.max(axis=1)
    series = top + np.log(np.exp(terms - top[:, None]).sum(axis=1)) - np.log(y)
    total[some] = series + k * (y * m ** (1 - p) / (1 - p) - m ** (2 - p) / (2 - p))
    return float(total.sum())


def brute_profile(p: float, w: np.ndarray) -> float:
    """max over phi at the means of statsmodels' fit of this power."""
    import statsmodels.api as sm

    X = np.column_stack([np.ones(300), CLAIMS["x"], CLAIMS["g"] == "b", CLAIMS["g"] == "c"]).astype(float)
    family = sm.families.Tweedie(var_power=p, link=sm.families.links.Log())
    mu = sm.GLM(CLAIMS["y"], X, family=family, var_weights=w).fit(tol=1e-13, maxiter=100).mu
    best = minimize_scalar(
        lambda u: -written_out(p, np.exp(u), mu, CLAIMS["y"], w), bracket=(0.0, 0.5), options={"xtol": 1e-10}
    )
    return -float(best.fun)


@pytest.mark.parametrize("weighted", [False, True])
def test_the_power_is_the_maximum_of_a_brute_force_profile(weighted: bool) -> None:
    w = np.random.default_rng(0).uniform(0.5, 2, 300) if weighted else np.ones(300)
    fit = ef.glm("y ~ x + g", CLAIMS, family="tweedie", weights=w)
    best = minimize_scalar(lambda p: -brute_profile(p, w), bounds=(1.1, 1.9), method="bounded", options={"xatol": 1e-7})
    assert fit.power == pytest.approx(best.x, abs=1e-6)
    assert fit.loglik == pytest.approx(-best.fun, rel=1e-11)
    assert fit.aic == pytest.approx(2 * (4 + 2) - 2 * fit.loglik)  # four coefficients, phi, the power
    h = 0.002
    bend = (brute_profile(best.x + h, w) - 2 * brute_profile(best.x, w) + brute_profile(best.x - h, w)) / h**2
    assert fit.power_se == pytest.approx(1 / np.sqrt(-bend), rel=0.01)  # means known beside profiled: orthogonal
    low, high = fit.nuisance_interval(data=None)
    for end, side in ((low, (low - 0.02, low + 0.02)), (high, (high - 0.02, high + 0.02))):
        crossing = brentq(lambda p: 2 * (-best.fun - brute_profile(p, w)) - 1.959963984540054**2, *side, xtol=1e-9)
        assert end == pytest.approx(crossing, abs=1e-7)


def test_the_power_beside_a_dispersion() -> None:
    likely = ef.glm("y ~ x + g", CLAIMS, family=TWEEDIE, dispersion="ml")
    assert [number.name for number in likely.nuisance] == ["power", "dispersion"]
    given = ef.glm("y ~ x + g", CLAIMS, family=TWEEDIE(likely.power), dispersion="ml")
    assert given.dispersion == pytest.approx(likely.dispersion, rel=1e-9)
    assert given.loglik == pytest.approx(likely.loglik, rel=1e-12)
    assert given.dispersion_se < likely.dispersion_se  # the power is known
    assert likely.aic == pytest.approx(given.aic + 2)
    known = ef.glm("y ~ x + g", CLAIMS, family="tweedie", dispersion=1.3)
    assert known.statistics.df_likelihood == 5
    assert known.power_se < likely.power_se
    around = [
        ef.glm("y ~ x + g", CLAIMS, family=TWEEDIE(known.power + d), dispersion=1.3).loglik for d in (-0.01, 0.01)
    ]
    assert max(around) < known.loglik
    low, high = known.nuisance_interval()
    assert low < known.power < high


def test_frequency_weights_are_repeated_rows_for_the_power() -> None:
    w = np.random.default_rng(0).integers(0, 3, 300)
    written = {name: np.repeat(values, w) for name, values in CLAIMS.items()}
    short = ef.glm("y ~ x", CLAIMS, family="tweedie", weights=w, weights_kind="frequency", dispersion="ml")
    long = ef.glm("y ~ x", written, family="tweedie", dispersion="ml")
    for figure in ("power", "power_se", "dispersion", "dispersion_se", "loglik"):
        assert getattr(short, figure) == pytest.approx(getattr(long, figure), rel=1e-7), figure


@pytest.mark.parametrize(("end", "told"), [("1", r"runs to 1.*poisson"), ("2", r"runs to 2.*gamma")])
def test_a_power_at_its_end_is_told(end: str, told: str) -> None:
    rng = np.random.default_rng(0)
    y = rng.poisson(2.0, 200).astype(float) if end == "1" else rng.gamma(2.0, 1.0, 200)
    with pytest.warns(ef.ConvergenceWarning, match=told):
        fit = ef.glm("y ~ 1", {"y": y}, family="tweedie")
    assert fit.power == pytest.approx(float(end), abs=0.002)
    assert np.isnan(fit.power_se)


@pytest.mark.parametrize("y", [np.full(6, 3.0), np.exp(0.3 + 0.2 * np.arange(6.0))])
def test_means_that_meet_every_response_leave_no_power_to_tell(y: np.ndarray) -> None:
    x = np.arange(6.0)[:, None]
    with pytest.warns(ef.ConvergenceWarning, match=r"no dispersion is left .*give Tweedie\(power"):
        fit = ef.glm_arrays(x, y, family="tweedie")
    assert fit.power == 1.5
    assert np.isnan(fit.power_se)
    for method in ("profile", "wald"):
        with pytest.raises(ef.ExpfamError, match=r"no interval .* no dispersion is left"):
            fit.nuisance_interval(method=method)
    assert fit.predict(x) == pytest.approx(y, rel=1e-8)
    with pytest.warns(ef.ConvergenceWarning, match="meets every response"):
        known = ef.glm_arrays(x, y, family=TWEEDIE(1.5))
    assert known.loglik > 80


THREE = np.repeat([1.0, 3.0, 7.0], 4)
GROUPS = np.equal.outer(THREE, [1.0, 3.0]) * 1.0
SIX = np.random.default_rng(0).normal(size=(6, 5))


@pytest.mark.parametrize(
    ("X", "y", "options"),
    [
        (SIX, np.array([5.0, 2, 3, 9, 4, 1]), {"family": "gamma", "dispersion": "ml"}),
        (GROUPS, THREE, {"family": "quasipoisson"}),
        (GROUPS, THREE, {"family": "quasipoisson", "solver": "lbfgs"}),
        (GROUPS, THREE, {"family": "quasipoisson", "tol": 1e-4}),
        (np.linspace(0, 2, 200)[:, None], np.exp(0.3 + np.linspace(0, 1, 200)), {"family": "gaussian"}),
    ],
)  # fmt: skip
def test_responses_met_as_far_as_the_solver_went(X: np.ndarray, y: np.ndarray, options: dict[str, Any]) -> None:
    """What its last step left is no dispersion, whatever tol is, and less of it is there with a smaller one."""
    with pytest.warns(ef.ConvergenceWarning, match="meets every response"):
        fit = ef.glm_arrays(X, y, link="log", **options)
    assert fit.converged
    with pytest.warns(ef.ConvergenceWarning, match="meets every response"):
        closer = ef.glm_arrays(X, y, link="log", **{**options, "tol": 1e-13, "solver": "newton"})
    assert closer.dispersion <= fit.dispersion < 1e-8


@pytest.mark.parametrize("family", ["gaussian", "gamma", "quasipoisson"])
@pytest.mark.parametrize(("noise", "tol"), [(1e-2, 1e-3), (1e-4, 1e-8), (1e-6, 1e-8), (1e-8, 1e-8), (1e-9, 1e-10)])
def test_a_dispersion_that_is_small_is_one(family: str, noise: float, tol: float) -> None:
    """Without a warning, and Pearson's of the line of least squares, which such noise leaves linear."""
    x = np.linspace(0, 2, 200)
    mu = np.exp(0.3 + 0.5 * x)
    y = mu * (1 + noise * np.random.default_rng(3).normal(size=200))
    fit = ef.glm_arrays(x[:, None], y, family=family, link="log", tol=tol)
    V = {"gaussian": np.ones(200), "gamma": mu**2, "quasipoisson": mu}[family]
    J = np.column_stack([mu, mu * x]) / np.sqrt(V)[:, None]
    miss = np.linalg.lstsq(J, (y - mu) / np.sqrt(V))[1][0]
    assert fit.dispersion == pytest.approx(miss / 198, rel=0.03)


def test_a_power_of_nearly_met_responses() -> None:
    """The density is the Gaussian of variance phi mu^p there."""
    rng = np.random.default_rng(1)
    x = rng.normal(size=(200, 1))
    mu = np.exp(3 * x[:, 0])
    fit = ef.glm_arrays(x, mu + 1e-5 * mu**0.7 * rng.normal(size=200), family="tweedie")
    assert fit.power == pytest.approx(1.4, abs=3 * fit.power_se)
    assert 0 < fit.power_se < 0.05
    assert fit.dispersion == pytest.approx(1e-10, rel=0.4)


def test_the_size_of_weights_means_nothing_to_the_power() -> None:
    light = ef.glm("y ~ x + g", CLAIMS, family="tweedie")
    for size in (1e12, 1e150):
        heavy = ef.glm("y ~ x + g", CLAIMS, family="tweedie", weights=np.full(300, size))
        assert heavy.power == pytest.approx(light.power, rel=1e-8)
        assert heavy.loglik == pytest.approx(light.loglik, rel=1e-10)
        assert np.isfinite(ef.glm("y ~ x + g", CLAIMS, family=TWEEDIE(1.5), weights=np.full(300, size)).loglik)


@pytest.mark.parametrize("unit", [1e-120, 1e-30, 1e6, 1e120])
def test_the_unit_of_claims_means_nothing_to_the_power(unit: float) -> None:
    """The likelihood has two maxima: the same one is found, and phi follows y^(2-p)."""
    rng = np.random.default_rng(5)
    x = rng.normal(size=(80, 2))
    y = np.where(rng.random(80) < 0.3, 0, np.exp(0.5 + 0.3 * x[:, 0]) * rng.gamma(3, 1 / 3, 80))
    plain, other = (ef.glm_arrays(x, c * y, family="tweedie", dispersion="ml") for c in (1.0, unit))
    assert other.converged
    assert other.power == pytest.approx(plain.power, rel=1e-8)
    assert other.power_se == pytest.approx(plain.power_se, rel=1e-6)
    assert other.loglik + np.log(unit) * (y > 0).sum() == pytest.approx(plain.loglik, rel=1e-8)
    assert other.dispersion == pytest.approx(plain.dispersion * unit ** (2 - plain.power), rel=1e-5)
    assert other.nuisance_interval() == pytest.approx(plain.nuisance_interval(), rel=1e-6)
    grown, spread = np.log(unit), plain.dispersion_se / plain.dispersion
    assert other.dispersion_se / other.dispersion == pytest.approx(
        np.sqrt(spread**2 + (grown * plain.power_se) ** 2), rel=0.2
    )


@settings(max_examples=40, deadline=None)
@given(st.floats(1.05, 1.95), st.floats(-3, 9), st.integers(0, 1000))
def test_derivatives_of_the_series(p: float, scale: float, seed: int) -> None:
    """Those of log b in (p, -log phi) are differences of the value and of the slope."""
    rng = np.random.default_rng(seed)
    rows = Base(rng.gamma(1.0, 3.0, 30), rng.uniform(0.5, 2, 30), rng.integers(1, 3, 30).astype(float))
    u, h = np.array([p, scale]), 1e-5 * (p - 1) * (2 - p)
    here = log_b(u, rows)
    for axis in np.eye(2):
        up, down = log_b(u + h * axis, rows), log_b(u - h * axis, rows)
        size = np.abs(here.curvature).max()
        assert axis @ here.slope == pytest.approx((up.value - down.value) / (2 * h), rel=1e-6, abs=1e-6 * size)
        assert axis @ here.curvature == pytest.approx((up.slope - down.slope) / (2 * h), rel=1e-5, abs=1e-6 * size)


# ---- the dispersion --------------------------------------------------------------------------------------------------


def test_gamma_shape_is_that_of_mass() -> None:
    """MASS::gamma.shape: alpha solves sum A (log(A alpha) - digamma(A alpha)) = deviance / 2; its error by trigamma."""
    rng = np.random.default_rng(0)
    x, w = rng.normal(size=150), rng.uniform(0.5, 3, 150)
    data = {"y": rng.gamma(2.5, np.exp(0.3 * x)), "x": x, "w": w}
    fit = ef.glm("y ~ x", data, family="gamma", link="log", weights="w", dispersion="ml")
    shape = brentq(lambda a: np.sum(w * (np.log(w * a) - digamma(w * a))) - fit.deviance / 2, 0.1, 50, xtol=1e-13)
    assert fit.shape == pytest.approx(shape, rel=1e-9)
    error = 1 / np.sqrt(np.sum(w * (w * polygamma(1, w * shape) - 1 / shape)))
    assert fit.shape_se == pytest.approx(error, rel=1e-7)
    assert fit.dispersion == pytest.approx(1 / shape, rel=1e-9)
    k, mu = w * shape, fit.predict()
    loglik = np.sum(k * np.log(k / mu) + (k - 1) * np.log(data["y"]) - k * data["y"] / mu - gammaln(k))
    assert fit.loglik == pytest.approx(loglik, rel=1e-12)
    assert "(ML)" in fit.summary()


@pytest.mark.parametrize("deviance", [1e-12, 1e-6, 0.1, 100.0])
def test_gamma_shape_of_any_size(deviance: float) -> None:
    rng = np.random.default_rng(0)
    y = np.exp(np.sqrt(deviance) * rng.normal(size=50) / 7)
    fit = ef.glm("y ~ 1", {"y": y}, family="gamma", dispersion="ml")
    assert 50 * 2 * (float(np.log(fit.shape) - digamma(fit.shape)) if fit.shape < 1e5 else 0.5 / fit.shape) == (
        pytest.approx(fit.deviance, rel=1e-5)
    )


@pytest.mark.parametrize(("family", "name"), [("gaussian", "mtcars_gaussian"), ("inverse_gaussian", "cars_invgauss")])
def test_mean_deviance_is_maximum_likelihood(family: str, name: str) -> None:
    fact = FACTS[name]
    likely, usual, mean = (fit_of(fact, dispersion=kind) for kind in ("ml", None, "deviance"))
    assert likely.model.family.name == family
    assert likely.dispersion == pytest.approx(fact["deviance"] / likely.n, rel=1e-9)
    assert likely.dispersion_se == pytest.approx(likely.dispersion * np.sqrt(2 / likely.n), rel=1e-9)
    assert usual.dispersion == pytest.approx(fact["dispersion"], rel=1e-7)
    assert mean.dispersion == pytest.approx(fact["deviance"] / fact["df_residual"], rel=1e-9)
    assert likely.loglik == pytest.approx(usual.loglik, rel=1e-12)
    for fit in (likely, mean):
        assert fit.se == pytest.approx(usual.se * np.sqrt(fit.dispersion / usual.dispersion), rel=1e-9)
        assert fit.vcov("model") == pytest.approx(fit.vcov(), rel=1e-9)
        assert fit.df_reference == usual.df_reference
    assert "(deviance)" in mean.summary()


def test_a_known_dispersion_means_z() -> None:
    fact = FACTS["mtcars_gaussian"]
    usual, known = fit_of(fact), fit_of(fact, dispersion=7.0)
    assert known.df_reference is None
    assert known.se == pytest.approx(usual.se * np.sqrt(7 / usual.dispersion), rel=1e-9)
    half = np.diff(known.confint(), axis=1)[:, 0] / 2
    assert half == pytest.approx(1.959963984540054 * known.se)
    assert known.statistics.df_likelihood == known.coef.size
    residual, n = known.deviance, known.n
    assert known.loglik == pytest.approx(-residual / 14 - n / 2 * np.log(14 * np.pi), rel=1e-12)
    assert "7.0000 (given)" in known.summary()
    quasi = ef.glm("y ~ x", days(), family="quasipoisson", dispersion=2.0)
    assert quasi.se == pytest.approx(np.sqrt(2) * ef.glm("y ~ x", days(), family="poisson").se, rel=1e-7)


# ---- fits that carry numbers -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("family", ["negative_binomial", "tweedie"])
def test_saved_pickled_and_from_arrays(family: str, tmp_path: Path) -> None:
    data = days() if family == "negative_binomial" else CLAIMS
    fit = ef.glm("y ~ x", data, family=family, vcov="HC1", dispersion=None)
    fit.save(tmp_path / "m.json")
    assert json.loads((tmp_path / "m.json").read_text())["nuisance"][0]["name"] in ("theta", "power")
    for other in (ef.load(tmp_path / "m.json"), pickle.loads(pickle.dumps(fit))):
        assert other.nuisance == fit.nuisance
        assert other.statistics == fit.statistics
        assert other.summary() == fit.summary()
        assert other.nuisance_interval(data=data) == pytest.approx(fit.nuisance_interval(), rel=1e-9)
    arrays = ef.glm_arrays(np.column_stack([data["x"]]), data["y"], family=family)
    assert arrays.nuisance[0].value == pytest.approx(fit.nuisance[0].value, rel=1e-9)


def test_files_of_the_first_version_are_read(tmp_path: Path) -> None:
    ef.glm("y ~ x", days(), family="poisson").save(tmp_path / "m.json")
    plain = json.loads((tmp_path / "m.json").read_text())
    del plain["digest"], plain["nuisance"], plain["statistics"]["dispersion_kind"], plain["statistics"]["nuisances"]
    (tmp_path / "m.json").write_text(json.dumps(plain))
    assert "dispersion 1 (fixed)" in ef.load(tmp_path / "m.json").summary()


def test_sampling_weights_penalties_and_sgd() -> None:
    data = days()
    survey = ef.glm("y ~ x", data, family="negative_binomial", weights="years", weights_kind="sampling")
    assert np.isfinite(survey.theta)
    assert np.isnan(survey.theta_se)
    with pytest.raises(ef.ExpfamError, match="no likelihood"):
        survey.nuisance_interval()
    ridge = ef.glm("y ~ x", data, family="negative_binomial", penalty=ef.Ridge(0.1))
    plain = ef.glm("y ~ x", data, family=NB(ridge.theta), penalty=ef.Ridge(0.1))
    assert ridge.coef == pytest.approx(plain.coef, rel=1e-7)
    with pytest.raises(ef.ExpfamError, match="penalised"):
        ridge.nuisance_interval()
    other = ef.glm("y ~ x", data, family="negative_binomial", solver="lbfgs")
    assert other.theta == pytest.approx(ef.glm("y ~ x", data, family="negative_binomial").theta, rel=1e-7)


def test_threads_do_not_change_a_bit() -> None:
    data = days(5000)
    with ef.threads(1):
        one = ef.glm("y ~ x", data, family="negative_binomial")
    with ef.threads(2):
        two = ef.glm("y ~ x", data, family="negative_binomial")
    assert one.nuisance == two.nuisance
    assert np.array_equal(one.coef, two.coef)
