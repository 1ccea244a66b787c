"""Score and profile intervals against SciPy: constrained optima of losses that are written out here."""

from typing import Any

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.stats import cauchy, norm

import expfam as ef

LEVEL = norm.ppf(0.975) ** 2


def rows(seed: int, family: str, link: str) -> dict[str, Any]:
    rng = np.random.default_rng(seed)
    a, b = rng.normal(size=60), rng.normal(size=60)
    mu = np.exp(0.5 + 0.4 * a)
    if family == "bernoulli":
        return {"a": a, "b": b, "y": (rng.uniform(size=60) < mu / (1 + mu)).astype(float)}
    return {"a": a, "b": b, "y": rng.gamma(1.0, mu) if link == "log" else rng.poisson(mu) + 1}


def written_out(family: str, eta: Any, y: Any) -> tuple[Any, Any, Any]:
    """Half the deviance up to a constant, the score and Fisher's weight of each row."""
    if family == "bernoulli":
        mu, slope = cauchy.cdf(eta), cauchy.pdf(eta)
        weight = slope**2 / (mu * (1 - mu))
        return -(y * np.log(mu) + (1 - y) * np.log1p(-mu)), (mu - y) * weight / slope, weight
    if family == "poisson":
        return eta**2 - 2 * y * np.log(np.abs(eta)), 2 * (eta - y / eta), np.full_like(eta, 4.0)
    mu = np.exp(eta)
    if family == "gamma":
        return eta + y / mu, 1 - y / mu, np.ones_like(mu)
    return (y - mu) ** 2 / (2 * y * mu**2), (mu - y) / mu**2, 1 / mu


CASES = [("gamma", "log"), ("inverse_gaussian", "log"), ("bernoulli", "cauchit"), ("poisson", "sqrt")]


@pytest.mark.parametrize(("family", "link"), CASES)
def test_score_intervals_end_where_raos_statistic_does_by_scipy(family: str, link: str) -> None:
    """Links that are not canonical: steps by Fisher's information alone take dozens, and overshoot where undamped."""
    finite = 0
    for seed in range(8):
        data = rows(seed, family, link)
        X, y = np.column_stack([np.ones(60), data["a"], data["b"]]), data["y"]
        fit = ef.glm("y ~ a + b", data, family=family, link=link)
        ends = fit.confint(method="score")
        assert not np.isnan(ends).any()
        for j, side in zip(*np.nonzero(np.isfinite(ends)), strict=True):
            others, fixed = np.delete(X, j, axis=1), X[:, j] * ends[j, side]

            def loss(u: Any, others: Any = others, fixed: Any = fixed, y: Any = y) -> tuple[float, Any]:
                value, score, _ = written_out(family, others @ u + fixed, y)
                return float(value.sum()), others.T @ score

            best = minimize(loss, np.delete(fit.coef, j), jac=True, method="BFGS", options={"gtol": 1e-9})
            _, score, weight = written_out(family, others @ best.x + fixed, y)
            U = X.T @ score
            statistic = U @ np.linalg.solve(X.T @ (X * weight[:, None]), U) / fit.dispersion
            assert statistic == pytest.approx(LEVEL, rel=1e-5)
            finite += 1
    assert finite >= 30


def test_ends_behind_which_the_others_have_no_optimum_are_told() -> None:
    """A count of zero may have a mean of zero, and the root of a mean is not negative: behind is no F."""
    rng = np.random.default_rng(13)
    a, b = rng.normal(size=60), rng.normal(size=60)
    fit = ef.glm("y ~ a + b", {"a": a, "b": b, "y": rng.poisson(np.exp(0.5 + 0.4 * a))}, family="poisson", link="sqrt")
    with pytest.warns(ef.ConvergenceWarning, match="held on the way there the others have no optimum") as told:
        ends = fit.confint(method="score", names=["a"])
    assert np.isnan(ends[1]).tolist() == [False, True]
    assert "dispersion" not in str(told[0].message), "that of counts is 1"


@pytest.mark.parametrize("scale", [1e-9, 1.0, 1e9, 1e12])
def test_gaussian_profiles_are_parabolas_in_any_unit(scale: float) -> None:
    rng = np.random.default_rng(3)
    x, z = rng.normal(size=100), rng.uniform(1, 4, 100)
    fit = ef.glm("y ~ x + z", {"x": x, "z": z, "y": (5 + 0.5 * x + rng.normal(size=100)) * scale})
    wald = fit.coef[:, None] + np.array([-1, 1]) * norm.ppf(0.975) * fit.se[:, None]
    np.testing.assert_allclose(fit.confint(method="profile"), wald, rtol=1e-5, atol=1e-6 * scale)


@pytest.mark.parametrize("mean", [0.0, 10.0, 2010.0])
def test_a_slope_that_separates_has_one_end_wherever_its_column_is(mean: float) -> None:
    u = np.sort(np.random.default_rng(0).normal(size=20))
    y, sign = np.repeat([0.0, 1.0], 10), np.repeat([1.0, -1.0], 10)
    with pytest.warns(ef.SeparationWarning):
        fit = ef.glm("y ~ x", {"x": u + mean, "y": y}, family="bernoulli")
    with pytest.warns(ef.SeparationWarning, match="the interval is one-sided"):
        lower, upper = fit.confint(method="profile", names=["x"])[1]

    def loss(a: Any) -> float:
        return float(np.logaddexp(0, sign * (a[0] + lower * u)).sum())

    assert upper == np.inf
    assert minimize(loss, [0.0], method="Nelder-Mead", options={"xatol": 1e-8}).fun == pytest.approx(
        LEVEL / 2, rel=1e-5
    )


@pytest.mark.parametrize("shift", [0.0, 10.0, 2000.0])
def test_a_level_without_events_has_one_end_wherever_it_is_counted_from(shift: float) -> None:
    """Twice the fall is 2 sum mu over the rows without events, their mean with the others' at its best."""
    rng = np.random.default_rng(1)
    g = rng.integers(0, 2, 40)
    y = np.where(g == 1, 0, rng.poisson(3, 40)).astype(float)
    with pytest.warns(ef.SeparationWarning):
        fit = ef.glm("y ~ g", {"g": g + shift, "y": y}, family="poisson")
    with pytest.warns(ef.SeparationWarning, match="one-sided"):
        ends = fit.confint(method="profile", names=["g"])[1]
    n, m, total = (g == 0).sum(), (g == 1).sum(), y.sum()
    # exp(a) = total / (n + m t) at t = exp(end): total log(1 + m t / n) is what F rises by
    assert ends[0] == -np.inf
    assert ends[1] == pytest.approx(np.log(np.expm1(LEVEL / 2 / total) * n / m), rel=1e-6)


def test_classes_that_are_separated_have_one_end_too() -> None:
    """Of two classes those of a logit model."""
    u = np.sort(np.random.default_rng(0).normal(size=20))
    y = np.repeat([0, 1], 10)
    found = []
    for family, response in (("bernoulli", y.astype(float)), ("categorical", np.array(["b", "a"])[y])):
        with pytest.warns(ef.SeparationWarning):
            fit = ef.glm("y ~ x", {"x": u, "y": response}, family=family)
        with pytest.warns(ef.SeparationWarning, match="one-sided"):
            found.append(fit.confint(method="profile").reshape(2, 2))
    np.testing.assert_allclose(found[1], found[0], rtol=1e-5)
