"""Bootstrap refits are refits: each replicate's coefficients are those of a fit to that very sample."""

from typing import Any

import numpy as np
import pytest

import expfam as ef
from expfam.inference.bootstrap import Bootstrap

REACHED = 0.05
"""Standard errors within which a refit ends: what `Fit.bootstrap` says, a tenth of the noise of 1,000 replicates."""

FAMILIES = ("gaussian", "poisson", "bernoulli", "gamma", "categorical")


def sample(family: str, n: int = 300) -> dict[str, Any]:
    rng = np.random.default_rng(7)
    x, g = rng.normal(size=n), rng.choice(["a", "b", "c"], n)
    eta = 0.4 + 0.5 * x - 0.3 * (g == "b")
    y = {
        "gaussian": lambda: eta + rng.normal(size=n),
        "poisson": lambda: rng.poisson(np.exp(eta)),
        "bernoulli": lambda: rng.random(n) < 1 / (1 + np.exp(-eta)),
        "gamma": lambda: rng.gamma(2.0, np.exp(eta)),
        "categorical": lambda: np.where(rng.random(n) < 0.3, "u", np.where(eta + rng.normal(size=n) > 0, "v", "w")),
    }[family]()
    return {
        "y": np.asarray(y).astype(float if family != "categorical" else object),
        "x": x,
        "g": g,
        "id": np.arange(n) % 40,
    }


def fit_of(family: str, data: dict[str, Any], **options: Any) -> ef.Fit:
    link = "log" if family == "gamma" else None
    return ef.glm("y ~ x + g", data, family=family, link=link, **options)


def rows_of(seed: int, replicates: int, n: int) -> list[np.ndarray]:
    """The rows that each replicate draws, from its own stream."""
    streams = [np.random.default_rng(s) for s in np.random.SeedSequence(seed).spawn(replicates)]
    return [rng.integers(0, n, n, dtype=np.uint32) for rng in streams]


@pytest.mark.parametrize("family", FAMILIES)
def test_each_replicate_is_a_fit_to_its_rows(family: str) -> None:
    data = sample(family)
    fit = fit_of(family, data)
    found = fit.bootstrap(20, seed=3)
    for rows, estimate in zip(rows_of(3, 20, 300), found.estimates, strict=True):
        alone = fit_of(family, {name: values[rows] for name, values in data.items()})
        assert np.all(np.abs(estimate - alone.coef) <= REACHED * alone.se)


@pytest.mark.parametrize("family", FAMILIES)
def test_standard_errors_are_near_those_of_the_model(family: str) -> None:
    """300 replicates: an error of 4% each, so 20% is far; the model is true."""
    fit = fit_of(family, sample(family))
    for kind in ("cases", "parametric"):
        found = fit.bootstrap(300, kind=kind)
        assert found.se == pytest.approx(fit.se, rel=0.25)
        assert np.sqrt(np.diagonal(found.vcov())) == pytest.approx(fit.flat(found.se))
        assert np.all(np.abs(found.bias) < fit.se)
        for method in ("percentile", "basic", "normal", *(["bca"] if kind == "cases" else [])):
            ends = found.confint(method=method)
            assert np.all((ends[..., 0] < fit.coef) & (fit.coef < ends[..., 1]))
            assert ends == pytest.approx(fit.confint(), abs=2 * float(fit.se.max()))


def test_clusters_are_drawn_whole() -> None:
    data = sample("poisson")
    fit = fit_of("poisson", data)
    found = fit.bootstrap(10, cluster="id", seed=1)
    for s, estimate in zip(np.random.SeedSequence(1).spawn(10), found.estimates, strict=True):
        drawn = np.random.default_rng(s).integers(0, 40, 40)
        rows = np.concatenate([np.flatnonzero(data["id"] == k) for k in drawn])
        alone = fit_of("poisson", {name: values[rows] for name, values in data.items()})
        assert np.all(np.abs(estimate - alone.coef) <= REACHED * alone.se)


def test_the_number_of_threads_and_of_batches_does_not_matter() -> None:
    fit = fit_of("poisson", sample("poisson"))
    with ef.threads(1):
        one = fit.bootstrap(20)
    assert np.array_equal(one.estimates, fit.bootstrap(40).estimates[:20])


def test_a_penalty_and_weights_come_along() -> None:
    data = {**sample("poisson"), "w": np.random.default_rng(0).uniform(0.5, 2, 300)}
    fit = fit_of("poisson", data, weights="w", penalty=ef.Ridge(0.05))
    found = fit.bootstrap(5, seed=3)
    for rows, estimate in zip(rows_of(3, 5, 300), found.estimates, strict=True):
        alone = fit_of("poisson", {n: v[rows] for n, v in data.items()}, weights="w", penalty=ef.Ridge(0.05))
        assert np.all(np.abs(estimate - alone.coef) <= REACHED * alone.se)


def test_a_level_that_loses_its_events_is_counted_and_told() -> None:
    rng = np.random.default_rng(0)
    g = np.array(["a"] * 150 + ["b"] * 10)
    y = np.where(g == "a", rng.poisson(1.0, 160), 0)
    y[-1] = 1
    fit = ef.glm("y ~ g", {"y": y, "g": g}, family="poisson")
    with pytest.warns(ef.SeparationWarning, match="ran to infinity"):
        found = fit.bootstrap(50)
    without = [not np.any(rows == 159) for rows in rows_of(0, 50, 160)]
    assert found.unbounded == sum(without) > 0


def test_bad_input() -> None:
    fit = fit_of("poisson", sample("poisson"))
    with pytest.raises(ef.ExpfamError, match="at least 2"):
        fit.bootstrap(1)
    with pytest.raises(ef.ExpfamError, match="choose one of 'cases', 'parametric'"):
        fit.bootstrap(kind="jackknife")
    found: Bootstrap = fit.bootstrap(5, kind="parametric")
    with pytest.raises(ef.ExpfamError, match="take 'percentile'"):
        found.confint(method="bca")
    with pytest.raises(ef.ExpfamError, match="single cluster"):
        fit.bootstrap(5, cluster=np.zeros(300))
    with pytest.raises(ef.ExpfamError, match="no rows"):
        fit.detach().bootstrap(5)


@pytest.mark.parametrize("family", FAMILIES)
def test_a_bootstrap_is_a_covariance_like_others(family: str) -> None:
    data = sample(family)
    fit = fit_of(family, data)
    for options in ({}, {"kind": "parametric"}, {"cluster": "id"}):
        ask = {"bootstrap": 30, "seed": 2, **options}
        found = fit.bootstrap(30, seed=2, **options).vcov()  # type: ignore[arg-type]
        assert fit.vcov(ask) == pytest.approx(found, rel=1e-6, abs=1e-9)
        carried = fit_of(family, data, vcov=ask)
        assert carried.vcov() == pytest.approx(found, rel=1e-2, abs=1e-5)
        assert "Standard errors: bootstrap, 30 replicates" in str(carried)
    with pytest.raises(ef.ExpfamError, match="not understood"):
        fit.vcov({"bootstrap": 30, "hac": 3})
