"""Large fits read the errors of their coefficients when these are first asked for: the same errors, the same rows."""

import pickle
from pathlib import Path

import numpy as np
import pytest
from tests.laws._cases import apart

import expfam as ef
from expfam import parallel
from expfam.objective import Objective
from expfam.response import Level
from expfam.solvers import warm
from expfam.solvers.problem import ENOUGH

N, P = 12_000, 6  # more than are copied and written out


@pytest.fixture(autouse=True)
def large(monkeypatch: pytest.MonkeyPatch) -> None:
    """Some thousand rows are large here."""
    monkeypatch.setattr(warm, "LARGE", 1000)
    monkeypatch.setattr(warm, "LONG", 1000)


@pytest.fixture
def informations(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The numbers of rows of which an information was read."""
    seen: list[int] = []
    before = Objective.loss

    def loss(self: Objective, theta: np.ndarray, level: Level = Level.HESSIAN) -> object:
        if level == Level.HESSIAN:
            seen.append(self.data.n)
        return before(self, theta, level)

    monkeypatch.setattr(Objective, "loss", loss)
    return seen


def rows(family: str) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(1)
    X = rng.normal(size=(N, P))
    eta = X @ rng.normal(size=P) / 4
    y = {
        "gaussian": lambda: eta + rng.normal(size=N),
        "poisson": lambda: rng.poisson(np.exp(eta)).astype(float),
        "bernoulli": lambda: (rng.random(N) < 1 / (1 + np.exp(-eta))).astype(float),
        "gamma": lambda: rng.gamma(2.0, np.exp(eta) / 2),
        "categorical": lambda: (eta[:, None] * [1, 0, -1] + rng.gumbel(size=(N, 3))).argmax(axis=1),
    }[family]()
    return X, y


FAMILIES = ["gaussian", "poisson", "bernoulli", "gamma", "categorical"]


@pytest.mark.parametrize("family", FAMILIES)
def test_errors_are_those_of_a_fit_that_takes_them_at_once(family: str, monkeypatch: pytest.MonkeyPatch) -> None:
    X, y = rows(family)
    link = {"link": "log"} if family == "gamma" else {}
    later = ef.glm_arrays(X, y, family=family, **link)
    monkeypatch.setattr(warm, "LARGE", 10**9)
    monkeypatch.setattr(warm, "LONG", 10**9)
    at_once = ef.glm_arrays(X, y, family=family, **link)
    assert later.converged
    assert apart(later, at_once) <= ENOUGH
    assert later.se == pytest.approx(at_once.se, rel=1e-7)
    assert later.vcov() == pytest.approx(at_once.vcov(), rel=1e-7, abs=1e-7 * at_once.vcov().max())
    assert later.p_values == pytest.approx(at_once.p_values, rel=1e-6, abs=1e-12)


@pytest.mark.parametrize("family", ["poisson", "gamma"])
def test_the_rows_are_read_for_them_once_and_not_before(family: str, informations: list[int]) -> None:
    X, y = rows(family)
    fit = ef.glm_arrays(X, y, family=family, link="log")
    informations.clear()
    assert np.isfinite(fit.predict(X[:5])).all()
    assert np.isfinite([fit.deviance, fit.loglik, fit.dispersion, fit.certificate.condition]).all()
    assert not informations
    assert np.isfinite(fit.se).all()
    assert np.isfinite(fit.p_values).all()
    assert informations == [N]


def test_a_start_that_is_the_end_has_its_information_already(informations: list[int]) -> None:
    """The coefficients that came with an estimated theta: a last fit finds nothing to do, and reads nothing twice."""
    X, y = rows("poisson")
    fit = ef.glm_arrays(X, y, family="negative_binomial")
    assert fit.certificate.steps == 0
    assert fit.certificate.hessians == 1
    informations.clear()
    assert np.isfinite(fit.se).all()
    assert not informations


def test_arrays_that_were_written_to_are_told() -> None:
    X, y = rows("poisson")
    fit = ef.glm_arrays(X, y, family="poisson")
    X[:100] += 0.1
    for asked in ("se", "loglik", "aic"):
        with pytest.raises(ef.ExpfamError, match="the data was changed since the fit"):
            getattr(fit, asked)
    X[:100] -= 0.1
    assert np.isfinite(fit.se).all()
    X[:] = 0.0
    assert np.isfinite(fit.aic)  # read with the errors


@pytest.mark.parametrize("family", ["poisson", "gamma", "gaussian"])
def test_the_likelihood_is_that_of_a_fit_that_takes_it_at_once(family: str, monkeypatch: pytest.MonkeyPatch) -> None:
    X, y = rows(family)
    later = ef.glm_arrays(X, y, family=family, link="log" if family == "gamma" else None)
    monkeypatch.setattr(warm, "LARGE", 10**9)
    monkeypatch.setattr(warm, "LONG", 10**9)
    at_once = ef.glm_arrays(X, y, family=family, link="log" if family == "gamma" else None)
    assert later.loglik == pytest.approx(at_once.loglik, rel=1e-12)
    assert later.bic == pytest.approx(at_once.bic, rel=1e-12)
    assert later.se == pytest.approx(at_once.se, rel=1e-7)


def test_what_leaves_its_rows_takes_them_along(tmp_path: Path) -> None:
    X, y = rows("bernoulli")
    fits = [ef.glm_arrays(X, y, family="bernoulli") for _ in range(4)]
    expected = fits[0].se
    fits[1].save(tmp_path / "fit.json")
    left = fits[2].detach(), pickle.loads(pickle.dumps(fits[3])), ef.load(tmp_path / "fit.json")
    X[:] = 0.0
    for fit in left:
        assert fit.se == pytest.approx(expected, rel=1e-12)


def test_errors_asked_for_by_name_come_at_once(informations: list[int]) -> None:
    X, y = rows("poisson")
    fit = ef.glm_arrays(X, y, family="poisson", vcov="HC0")
    assert fit.se == pytest.approx(np.sqrt(np.diagonal(ef.glm_arrays(X, y, family="poisson").vcov("HC0"))), rel=1e-6)
    informations.clear()
    assert np.isfinite(fit.p_values).all()
    assert not informations


@pytest.mark.parametrize("rare", [3, 30, 300])
@pytest.mark.parametrize("family", ["poisson", "bernoulli"])
def test_what_runs_to_infinity_is_seen(family: str, rare: int) -> None:
    """A level without events, seen or not by the sample, takes so many steps that its information is read."""
    X, y = rows(family)
    level = np.zeros(N)
    level[:: N // rare] = 1.0
    y = np.where(level == 1, 0.0, y)
    with pytest.warns(ef.SeparationWarning, match="x7"):
        fit = ef.glm_arrays(np.column_stack([X, level]), y, family=family)
    assert fit.certificate.separated == ("x7",)
    assert not fit.converged


@pytest.mark.parametrize("seed", [26, 28, 32])
def test_a_level_that_one_step_throws_to_infinity_is_seen(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """A step that pays for other columns leaves no weight at all in two rows, and an information that only rounding
    keeps from being singular."""
    monkeypatch.setattr(warm, "ROWS_A_COEFFICIENT", 5)
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(N, 30))
    eta = X @ rng.normal(size=30) * 0.3 / np.sqrt(30)
    level = np.zeros(N)
    level[rng.choice(N, 2, replace=False)] = 1.0
    y = np.where(level == 1, 0, rng.poisson(np.exp(eta)))
    with pytest.warns(ef.SeparationWarning, match="x31 -> -inf"):
        fit = ef.glm_arrays(np.column_stack([X, level]), y, family="poisson")
    assert not fit.converged


def test_a_combination_that_runs_to_infinity_is_seen() -> None:
    """No column alone, but the difference of two that are equal but for some rows, all of them events."""
    X, y = rows("bernoulli")
    other = X[:, 0].copy()
    other[::100] += 1.0
    y[::100] = 1.0
    with pytest.warns(ef.SeparationWarning):
        fit = ef.glm_arrays(np.column_stack([X, other]), y, family="bernoulli")
    assert set(fit.certificate.separated) == {"x1", "x7"}


def test_another_covariance_needs_not_that_of_the_model(informations: list[int]) -> None:
    X, y = rows("poisson")
    fit = ef.glm_arrays(X, y, family="poisson")
    model = np.sqrt(np.diagonal(fit.vcov("observed")))
    robust = fit.with_vcov("HC1").se
    assert robust != pytest.approx(model, rel=1e-6)
    informations.clear()
    assert fit.se == pytest.approx(model, rel=1e-7)
    assert informations == [N]


def test_steps_by_information_end_on_a_gradient(informations: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    """The errors are read later, and the same; so is everything where batches are gathered into new memory."""
    X, y = rows("poisson")
    solver = ef.SGD()
    later = ef.glm_arrays(X, y, family="poisson", solver=solver)
    assert N not in informations
    monkeypatch.setattr(parallel, "SPACE", 0)
    apart = ef.glm_arrays(X, y, family="poisson", solver=solver)
    assert np.array_equal(later.estimate, apart.estimate)
    monkeypatch.setattr(warm, "LARGE", 10**9)
    monkeypatch.setattr(warm, "LONG", 10**9)
    at_once = ef.glm_arrays(X, y, family="poisson", solver=solver)
    assert later.coef == pytest.approx(at_once.coef, rel=1e-7)
    assert later.certificate.gradient == pytest.approx(at_once.certificate.gradient, rel=1e-6)
    assert later.certificate.passes == at_once.certificate.passes
    assert later.se == pytest.approx(at_once.se, rel=1e-7)
