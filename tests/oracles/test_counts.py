"""Overdispersion and zero inflation: statsmodels' tests live, scores by differences of likelihoods, simulated sizes."""

from typing import Any

import numpy as np
import pytest
from scipy.special import betaln, digamma, gammaln, ndtr

import expfam as ef
from expfam.inference.counts import information_of_theta


def counts(n: int = 300, theta: float = 2.0, seed: int = 0) -> dict[str, Any]:
    """Negative binomial counts of two predictors; whole weights."""
    rng = np.random.default_rng(seed)
    x, z = rng.normal(size=n), rng.normal(size=n)
    mu = np.exp(0.5 + 0.5 * x)
    return {"x": x, "z": z, "y": rng.poisson(rng.gamma(theta, mu / theta)), "w": rng.integers(0, 4, n)}


def of_statsmodels(data: dict[str, Any]) -> tuple[Any, np.ndarray]:
    import statsmodels.api as sm

    X = np.column_stack([np.ones(len(data["y"])), data["x"], data["z"]])
    return sm.Poisson(data["y"], X).fit(disp=0, method="newton", tol=1e-12), X


def test_overdispersion_is_that_of_statsmodels() -> None:
    """Dean's B and C, to which we add what the leverages take off; Cameron and Trivedi's regressions."""
    import statsmodels.api as sm
    from statsmodels.discrete.diagnostic import PoissonDiagnostic

    data = counts()
    fit = ef.glm("y ~ x + z", data, family="poisson")
    theirs, _ = of_statsmodels(data)
    table = PoissonDiagnostic(theirs).test_dispersion().summary_frame().set_index("method")["statistic"]
    mu, h = theirs.predict(), theirs.get_influence().hat_matrix_diag
    quadratic, linear = (fit.overdispersion_test(against) for against in ("quadratic", "linear"))
    correction = np.sum(h * mu) / np.sqrt(2 * np.sum(mu**2))
    assert quadratic.statistic == pytest.approx(table["Dean B"] + correction, rel=1e-7)
    assert linear.statistic == pytest.approx(table["Dean C"] + np.sum(h) / np.sqrt(2 * len(mu)), rel=1e-7)
    regressed = fit.overdispersion_test(method="regression", alternative="two-sided")
    assert regressed.statistic == pytest.approx(table["CT nb2"], rel=1e-7)
    assert regressed.p_value == pytest.approx(2 * ndtr(-abs(table["CT nb2"])), rel=1e-6)
    excess = ((data["y"] - mu) ** 2 - data["y"]) / mu
    meant = sm.OLS(excess, np.ones_like(mu)).fit()
    found = fit.overdispersion_test("linear", method="regression")
    assert found.statistic == pytest.approx(meant.tvalues[0], rel=1e-7)
    assert found.estimate == pytest.approx(meant.params[0], rel=1e-7)
    assert (found.df, quadratic.method) == (1, "score")
    assert "Var = mu + alpha mu^2: z = " in str(quadratic)


@pytest.mark.parametrize("against", ["quadratic", "linear"])
def test_the_binomial_score_is_a_slope_of_likelihoods(against: str) -> None:
    """Against a beta binomial: d loglik / d alpha at 0, of mean n (n - 1) alpha / 2 a row, is half of U without h."""
    rng = np.random.default_rng(1)
    n, x = rng.integers(1, 12, 200), rng.normal(size=200)
    c = rng.binomial(n, rng.beta(3 / (1 + np.exp(-x)), 3 / (1 + np.exp(x))))
    fit = ef.glm("cbind(c, f) ~ x", {"c": c, "f": n - c, "x": x}, family="binomial")
    p = fit.predict()
    rows = []
    for rho in (1e-5, 2e-5):
        a, b = p * (1 / rho - 1), (1 - p) * (1 / rho - 1)
        rows.append(betaln(c + a, n - c + b) - betaln(a, b) + gammaln(n + 1) - gammaln(c + 1) - gammaln(n - c + 1))
    zero = c * np.log(p) + (n - c) * np.log1p(-p) + gammaln(n + 1) - gammaln(c + 1) - gammaln(n - c + 1)
    slope = (4 * rows[0] - rows[1] - 3 * zero) / 2e-5
    X = np.column_stack([np.ones(200), x])
    W = n * p * (1 - p)
    h = W * np.einsum("ij,jk,ik->i", X, np.linalg.inv(X.T @ (W[:, None] * X)), X)
    some, g = n > 1, n * (n - 1.0) if against == "quadratic" else n.astype(float)
    U, v, g = (2 * slope + h * n)[some], 2 * (n * (n - 1.0))[some], g[some]
    found = fit.overdispersion_test(against)
    assert found.statistic == pytest.approx(np.sum(g / v * U) / np.sqrt(np.sum(g**2 / v)), rel=1e-4)
    assert found.estimate == pytest.approx(np.sum(g / v * U) / np.sum(g**2 / v), rel=1e-4)
    assert found.p_value < 1e-6


def test_zero_inflation_is_that_of_statsmodels() -> None:
    from statsmodels.discrete.diagnostic import PoissonDiagnostic

    data = counts()
    fit = ef.glm("y ~ x + z", data, family="poisson", tol=1e-12)
    theirs, _ = of_statsmodels(data)
    meant = PoissonDiagnostic(theirs).test_poisson_zeroinflation(method="broek")
    found = fit.zero_inflation_test()
    assert found.statistic == pytest.approx(meant.chi2, rel=1e-7)
    assert found.p_value == pytest.approx(meant.pvalue_chi2, rel=1e-6)
    assert found.observed == np.sum(data["y"] == 0)
    assert found.expected == pytest.approx(np.sum(np.exp(-theirs.predict())), rel=1e-7)
    assert "96 observed, 76.5 expected" in str(found)


@pytest.mark.parametrize("link", ["log", "sqrt"])
def test_zero_inflation_by_the_whole_information(link: str) -> None:
    """U and its variance are those of omega in the information of (omega, beta), Poisson's expected, by NumPy."""
    data = counts()
    fit = ef.glm("y ~ x", data, family="poisson", link=link, tol=1e-12)
    mu, X = fit.predict(), np.column_stack([np.ones(300), data["x"]])
    J = (mu if link == "log" else 2 * np.sqrt(mu))[:, None] * X
    p0 = np.exp(-mu)
    U = np.sum((data["y"] == 0) / p0 - 1)
    information = np.block(
        [[np.array([[np.sum(1 / p0 - 1)]]), -J.sum(axis=0)[None]], [-J.sum(axis=0)[:, None], J.T @ (J / mu[:, None])]]
    )
    assert fit.zero_inflation_test().statistic == pytest.approx(U**2 * np.linalg.inv(information)[0, 0], rel=1e-7)


def test_zeros_beside_a_negative_binomial() -> None:
    """The score is the slope of the zero-inflated likelihood; its size is that of chi2 where the model is true."""
    data = counts(400)
    fit = ef.glm("y ~ x", data, family="negative_binomial")
    found, mu = fit.zero_inflation_test(), fit.predict()
    p0 = (fit.theta / (fit.theta + mu)) ** fit.theta
    assert found.expected == pytest.approx(p0.sum(), rel=1e-9)
    assert found.estimate * found.statistic == pytest.approx(  # U^3 / variance^2, and U has the sign of the estimate
        np.sum((data["y"] == 0) / p0 - 1) * found.estimate**2, rel=1e-7
    )
    p_values = []
    for seed in range(100):
        case = ef.glm("y ~ x", counts(400, seed=seed), family="negative_binomial")
        p_values.append(case.zero_inflation_test().p_value)
    assert abs(np.mean(np.array(p_values) < 0.1) - 0.1) < 4 * np.sqrt(0.09 / 100)


@pytest.mark.parametrize("theta", [0.3, 2.0, 500.0])
def test_the_information_of_theta(theta: float) -> None:
    """The variance of theta's score, by the probabilities of all counts."""
    for mu in (0.01, 1.0, 30.0, 3000.0):
        y = np.arange(400_000.0 if mu > 100 else 20_000.0)
        p = np.exp(
            gammaln(y + theta) - gammaln(theta) - gammaln(y + 1) + theta * np.log(theta / (theta + mu))
            + y * np.log(mu / (theta + mu))
        )  # fmt: skip
        score = digamma(y + theta) - digamma(theta) - np.log1p(mu / theta) + (mu - y) / (theta + mu)
        found = information_of_theta(theta, np.array([mu]))[0]
        assert found == pytest.approx(p @ score**2, rel=1e-6)


def test_zeros_of_rare_counts() -> None:
    """Where counts are rare omega and theta are hard to tell apart: what is left of the variance stays positive."""
    rng = np.random.default_rng(2)
    x = rng.normal(size=20_000)
    y = rng.poisson(rng.gamma(1.0, 0.05 * np.exp(0.3 * x)))
    found = ef.glm("y ~ x", {"y": y, "x": x}, family="negative_binomial").zero_inflation_test()
    assert found.p_value > 0.01


def test_an_edge_is_told() -> None:
    data = {"k": [10, 10, 10, 3, 4, 2], "m": [0, 0, 0, 7, 6, 8], "g": list("aaabbb")}
    with pytest.warns(ef.SeparationWarning):
        fit = ef.glm("cbind(k, m) ~ g", data, family="binomial")
    mu = fit.predict()
    if np.any(mu == 1):
        with pytest.raises(ef.ExpfamError, match="separation"):
            fit.overdispersion_test()
    else:
        assert np.isfinite(fit.overdispersion_test().statistic)


def test_sizes_where_the_family_is_true() -> None:
    """Poisson data: 5 in 100 one-sided tests reject, within four binomial errors; the leverages matter there."""
    rng = np.random.default_rng(5)
    rejected = np.zeros(3)
    x = rng.normal(size=100)
    for _ in range(200):
        fit = ef.glm("y ~ x", {"y": rng.poisson(np.exp(1 + 0.3 * x)), "x": x}, family="poisson")
        p = [fit.overdispersion_test(a).p_value for a in ("quadratic", "linear")]
        rejected += np.array([*p, fit.zero_inflation_test().p_value]) < 0.05
    assert np.all(np.abs(rejected / 200 - 0.05) < 4 * np.sqrt(0.05 * 0.95 / 200))


def test_frequency_weights_are_repeated_rows() -> None:
    data = counts()
    written = {name: np.repeat(values, data["w"]) for name, values in data.items()}
    short = ef.glm("y ~ x", data, family="poisson", weights="w", weights_kind="frequency")
    long = ef.glm("y ~ x", written, family="poisson")
    for method in ("score", "regression"):
        one, other = (fit.overdispersion_test(method=method) for fit in (short, long))
        assert (one.statistic, one.estimate) == pytest.approx((other.statistic, other.estimate), rel=1e-8)
    assert short.zero_inflation_test().statistic == pytest.approx(long.zero_inflation_test().statistic, rel=1e-8)
    detached = short.detach()
    with pytest.raises(ef.ExpfamError, match="hand the data over"):
        detached.overdispersion_test()
    assert detached.overdispersion_test(data=data) == short.overdispersion_test()


def test_precision_weights_are_rates_of_counts() -> None:
    """y = count / w with weight w is the count with exposure w."""
    data = counts()
    e = np.random.default_rng(3).uniform(0.5, 2, 300)
    rate = ef.glm("r ~ x", {"r": data["y"] / e, "x": data["x"], "e": e}, family="poisson", weights="e")
    count = ef.glm("y ~ x", {**data, "e": e}, family="poisson", exposure="e")
    for against in ("quadratic", "linear"):
        one, other = (fit.overdispersion_test(against).statistic for fit in (rate, count))
        assert one == pytest.approx(other, rel=1e-7)
    assert rate.zero_inflation_test().statistic == pytest.approx(count.zero_inflation_test().statistic, rel=1e-7)


def test_what_is_refused() -> None:
    data = counts()
    data["b"], data["c"] = data["y"] > 1, np.where(data["y"] > 1, 50, 49)
    nb = ef.glm("y ~ x", data, family="negative_binomial")
    with pytest.raises(ef.ExpfamError, match="family='poisson'"):
        nb.overdispersion_test()
    with pytest.raises(ef.ExpfamError, match="single draw"):
        ef.glm("b ~ x", data, family="bernoulli").overdispersion_test()
    with pytest.raises(ef.ExpfamError, match="trials="):
        ef.glm("b ~ x", data, family="binomial").overdispersion_test()
    with pytest.raises(ef.ExpfamError, match="poisson and negative binomial"):
        ef.glm("y ~ x", data).zero_inflation_test()
    with pytest.raises(ef.ExpfamError, match="penalty=None"):
        ef.glm("y ~ x", data, family="poisson", penalty=ef.Ridge(0.1)).overdispersion_test()
    with pytest.raises(ef.ExpfamError, match="sampling"):
        ef.glm("y ~ x", data, family="poisson", weights=np.ones(300), weights_kind="sampling").zero_inflation_test()
    with pytest.raises(ef.ExpfamError, match="'quadratic', 'linear'"):
        ef.glm("y ~ x", data, family="poisson").overdispersion_test("cubic")


@pytest.mark.parametrize(
    ("fixed", "message"),
    [(True, r"fixes its dispersion.*residuals\('pearson'\)"), (False, "the own family estimates its dispersion")],
)
def test_overdispersion_of_a_users_own_family_is_refused_for_what_it_is(fixed: bool, message: str) -> None:
    poisson = ef.families.Poisson()
    own = ef.Family(
        name="own", a=poisson.a, natural=poisson.natural, variance=poisson.variance, conjugate=poisson.conjugate,
        support=(0, np.inf), fixed_dispersion=fixed,
    )  # fmt: skip
    with pytest.raises(ef.ExpfamError, match=message):
        ef.glm("y ~ x", counts(), family=own).overdispersion_test()
