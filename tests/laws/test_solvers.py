"""Every solver ends at an optimum that the certificate can show, wherever the data are kind, and says so where not."""

import warnings
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass, replace
from itertools import product
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import optimize, stats
from scipy.linalg import eigvalsh
from scipy.optimize import brentq, nnls
from scipy.sparse import csr_array
from sklearn.linear_model import LogisticRegression
from tests.laws._cases import apart

import expfam as ef
from expfam._typing import FloatArray
from expfam.design.written import WRITTEN
from expfam.families import FAMILIES, ExponentialFamily
from expfam.information import CLEAR, Full, independent
from expfam.information.root import rows_of
from expfam.links import LINKS, link
from expfam.solvers import SOLVERS, Newton, Problem, Solution, Solver, Status, choose, leftover, newton, pose, warm
from expfam.solvers.problem import ENOUGH

PARAMETERS = {"negative_binomial": {"theta": 1.7}, "tweedie": {"power": 1.4}}
EVERY = [cls(**PARAMETERS.get(name, {})) for name, cls in FAMILIES.items() if name != "categorical"]
every_family = pytest.mark.parametrize("family", EVERY, ids=lambda f: f.name)
PARENTS = {"quasipoisson": "poisson", "quasibinomial": "binomial"}


def simulate(family: ExponentialFamily, n: int = 400, seed: int = 0, means: tuple[float, float] = (0.3, 0.7)) -> dict:
    """Rows of a family whose mean goes from one end of `means` to the other with x, and differs by group."""
    rng = np.random.default_rng(seed)
    x, group = rng.uniform(size=n), rng.choice(["a", "b", "c"], n)
    mu = means[0] + (means[1] - means[0]) * (0.7 * x + 0.3 * (group == "b"))
    source = FAMILIES[PARENTS[family.name]]() if family.name in PARENTS else family
    weight = 10.0 if "binomial" in source.name and source.name != "negative_binomial" else 1.0
    return {"x": x, "g": group, "y": source.draw(mu, rng, phi=1.0 if family.fixed_dispersion else 0.2, weight=weight)}


def trials_of(family: ExponentialFamily, n: int = 400) -> dict:
    return {"trials": np.full(n, 10.0)} if family.name in ("binomial", "quasibinomial") else {}


@every_family
@pytest.mark.parametrize("name", ["default", *sorted(set(LINKS) - {"softmax", "canonical", "power"})])
def test_newton_is_certified_for_every_pair(family: ExponentialFamily, name: str) -> None:
    family_link = link(None if name == "default" else name, family)
    means = (0.3, 0.7)
    fit = ef.glm("y ~ x + g", simulate(family, means=means), family=family, link=family_link, **trials_of(family))
    certificate = fit.certificate
    assert certificate.converged
    assert certificate.status is Status.CONVERGED
    assert certificate.gradient <= 1e-8
    assert certificate.decrement <= 1e-6
    assert np.isfinite(fit.se).all()
    assert fit.deviance <= fit.null_deviance * (1 + 1e-12)


@every_family
@pytest.mark.parametrize("how", ["plain", "aliased", "weighted", "no intercept", "penalised", "probit", "separated"])
def test_the_short_way_of_few_rows_leads_where_the_long_one_does(
    family: ExponentialFamily, how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Columns written out and steps without a look between them, against the ways of large data."""
    data = simulate(family)
    options: dict = {"penalty": ef.Ridge(0.1)} if how == "penalised" else {}
    if how == "weighted":  # some rows by nothing
        options["weights"] = np.random.default_rng(2).choice([0.0, 0.5, 3.0], 400)
    if how == "probit" and family.mean_domain == (0.0, 1.0):
        options["link"] = "probit"
    if how == "separated" and not family.outside(np.zeros(1)).any():
        data["y"] = np.where(data["g"] == "b", 0.0, data["y"])
    formula = {"aliased": "y ~ x + I(2 * x) + g", "no intercept": "y ~ x + g - 1"}.get(how, "y ~ x + g")

    def fitted() -> ef.Fit:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ef.glm(formula, data, family=family, **options, **trials_of(family))

    short = fitted()
    monkeypatch.setattr(pose, "few", lambda design: False)
    monkeypatch.setattr(newton, "is_short", lambda problem, condition: False)
    long = fitted()
    assert short.certificate.status is long.certificate.status
    assert short.certificate.aliased == long.certificate.aliased
    assert short.certificate.separated == long.certificate.separated
    assert abs(short.deviance - long.deviance) <= 1e-8 * short.n
    if not long.certificate.separated:
        assert np.allclose(short.coef, long.coef, rtol=1e-7, atol=1e-8, equal_nan=True)
        assert np.allclose(short.se, long.se, rtol=1e-6, equal_nan=True)


@given(st.integers(0, 2**32 - 1), st.integers(1, 12), st.floats(-8, 0))
def test_a_good_condition_is_enough_for_independence(seed: int, p: int, apart: float) -> None:
    """What it calls clear is so by elimination, too: columns of any scale, one of them near a combination of others."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(50, p)) * 10 ** rng.uniform(-3, 3, p)
    X[:, -1] = X[:, :-1] @ rng.normal(size=p - 1) + 10**apart * rng.normal(size=50)
    gram = X.T @ X
    assert not Full(gram).clear or independent(gram, CLEAR).all()


@every_family
@pytest.mark.parametrize("far", [0.0, 1e6])
def test_the_null_deviance_is_that_of_the_rows(family: ExponentialFamily, far: float) -> None:
    """It comes from sums of T(y) and a*(T(y)), where these keep the digits; Gaussian means far from zero do not."""
    rows = simulate(family)
    rows["y"] = rows["y"] + far * (family.name == "gaussian")
    weight = np.random.default_rng(1).uniform(0.5, 2.0, len(rows["y"]))
    fit = ef.glm("y ~ x", rows | {"w": weight}, family=family, weights="w", **trials_of(family))
    total = weight * trials_of(family).get("trials", 1.0)
    mean = np.full(len(total), total @ rows["y"] / total.sum())
    assert fit.null_deviance == pytest.approx(2 * total @ family.loss(rows["y"], mean), rel=1e-11)


@pytest.mark.parametrize("power", [1.0, 1.5, 2.0, 3.0])
@given(seed=st.integers(0, 2**32 - 1), level=st.floats(-5, 5))
def test_the_null_deviance_under_an_offset_is_the_least(power: float, seed: int, level: float) -> None:
    """Of all intercepts the one without a score has it: also where it comes from sums, an offset being a unit."""
    rng = np.random.default_rng(seed)
    family, n = ef.families.Tweedie(power), 60
    offset, weight = level + rng.normal(size=n), rng.uniform(0.5, 2.0, n)
    y = rng.gamma(0.7, 1.0, n) * np.exp(offset) * (rng.random(n) < 0.6 if power < 2 else 1.0)
    fit = ef.glm_arrays(rng.normal(size=(n, 1)), y, family=family, link="log", offset=offset, weights=weight)

    def score(theta: float) -> float:
        relative = np.exp(theta + offset - level)  # the size of all has no part in where the score is zero
        return float(weight @ ((y * np.exp(-level) - relative) * relative ** (1 - power)))

    mean = np.exp(brentq(score, -30.0, 30.0, xtol=1e-14) + offset - level) * np.exp(level)
    assert fit.null_deviance == pytest.approx(2 * weight @ family.loss(y, mean), rel=1e-9)


def test_a_mean_that_the_link_cannot_have_is_told() -> None:
    x = np.random.default_rng(0).normal(size=200)
    with pytest.raises(ef.ExpfamError, match=r"mean of the response, -0\.\d+, is none that the log link"):
        ef.glm_arrays(x[:, None], np.exp(0.5 * x) - 2.0, family="gaussian", link="log")


def test_an_observed_information_is_not_taken_at_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """Large data end on gradients where Newton steps by the observed information, for the answer has Fisher's."""
    rng = np.random.default_rng(2)
    x = rng.normal(size=(4000, 2))
    y = rng.gamma(2.0, np.exp(x @ [0.3, -0.2]) / 2.0)
    plain = ef.glm_arrays(x, y, family="gamma", link="log")
    monkeypatch.setattr(warm, "LARGE", 1000)
    monkeypatch.setattr(warm, "LONG", 1000)
    fit = ef.glm_arrays(x, y, family="gamma", link="log")
    assert fit.converged
    assert fit.certificate.passes - fit.certificate.hessians >= 3
    assert apart(fit, plain) <= ENOUGH
    assert fit.se == pytest.approx(plain.se, rel=1e-7)


def test_softmax_equals_logistic_for_two_classes() -> None:
    data = simulate(FAMILIES["bernoulli"]())
    logistic = ef.glm("y ~ x + g", data, family="bernoulli")
    softmax = ef.glm("y ~ x + g", data, family=ef.families.Categorical(reference="0"))
    assert softmax.coef[:, 0] == pytest.approx(logistic.coef, rel=1e-9)
    assert softmax.se[:, 0] == pytest.approx(logistic.se, rel=1e-9)
    assert softmax.predict()[:, 0] == pytest.approx(logistic.predict())


def test_the_reference_class_changes_coefficients_only() -> None:
    rng = np.random.default_rng(0)
    data = {"x": rng.normal(size=300), "y": rng.choice(["u", "v", "w"], 300)}
    fits = [ef.glm("y ~ x", data, family=ef.families.Categorical(reference=label)) for label in "uvw"]
    order = [np.argsort(fit.classes) for fit in fits]
    for fit, at in zip(fits[1:], order[1:], strict=True):
        assert fit.predict()[:, at] == pytest.approx(fits[0].predict()[:, order[0]], rel=1e-8)
        assert fit.deviance == pytest.approx(fits[0].deviance, rel=1e-12)


@given(
    scale=st.floats(1e-6, 1e6), shift=st.floats(-1e3, 1e3), unit=st.floats(1e-4, 1e4), seed=st.integers(0, 2**32 - 1)
)
def test_units_do_not_matter(scale: float, shift: float, unit: float, seed: int) -> None:
    """Columns in other units and origins, a Gaussian response in other units: the same fit, the same certificate."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(80, 2))
    y = X @ [1.0, -0.5] + rng.normal(size=80)
    plain = ef.glm_arrays(X, y)
    moved = ef.glm_arrays(np.column_stack([X[:, 0] * scale, X[:, 1] + shift]), y * unit)
    assert moved.converged
    assert moved.coef[1:] * [scale, 1] / unit == pytest.approx(plain.coef[1:], rel=1e-6, abs=1e-8)
    assert moved.p_values[1:] == pytest.approx(plain.p_values[1:], rel=1e-5, abs=1e-12)


@pytest.mark.parametrize("unit", [1e-120, 1e-30, 1e15, 1e120])
@pytest.mark.parametrize("family", [ef.families.Gamma(), ef.families.InverseGaussian(), ef.families.Tweedie(1.5)])
def test_the_unit_of_a_response_does_not_matter(family: ExponentialFamily, unit: float) -> None:
    """V = mu^p with a log link: means in another unit have other weights W, and the same end in as many steps."""
    data = simulate(family)
    plain, other = (ef.glm("y ~ x + g", {**data, "y": c * data["y"]}, family=family, link="log") for c in (1.0, unit))
    assert other.converged
    assert other.certificate.steps == plain.certificate.steps
    assert other.coef - np.log(unit) * np.eye(4)[0] == pytest.approx(plain.coef, rel=1e-7)
    assert other.se == pytest.approx(plain.se, rel=1e-7)


@dataclass(frozen=True, slots=True)
class Forgetful(Solver):
    """Newton, but it hands over no evaluation: the certificate has to make its own."""

    def solve(self, problem: Problem) -> Solution:
        return replace(Newton().solve(problem), at=None)


@pytest.mark.parametrize("family", ["poisson", ef.families.NegativeBinomial(theta=5.0)], ids=str)
@pytest.mark.parametrize("level", [1e4, 1e6, 1e9])
def test_large_counts_converge(family: str, level: float) -> None:
    """F is what terms of a million leave: where its differences are rounding, steps are taken on trust."""
    for seed in range(12):
        rng = np.random.default_rng(seed)
        X = rng.normal(size=(200, 1))
        y = rng.poisson(level, 200) if family == "poisson" else rng.negative_binomial(5, 5 / (5 + level), 200)
        assert ef.glm_arrays(X, y.astype(float), family=family).converged


def test_the_certificate_is_computed_afresh() -> None:
    """The solver's last evaluation and a new one agree to the last bit; the raw gradient is (9) written out."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 3))
    y = rng.poisson(np.exp(0.3 * X[:, 0])).astype(float)
    fit, again = (ef.glm_arrays(X, y, family="poisson", tol=1e-4, solver=s) for s in (Newton(), Forgetful()))
    for figure in ("gradient", "raw", "kkt", "decrement", "condition"):
        assert getattr(fit.certificate, figure) == getattr(again.certificate, figure), figure
    assert np.array_equal(fit.vcov(), again.vcov())
    assert again.certificate.passes == fit.certificate.passes + 1
    ones = np.column_stack([np.ones(200), X])
    gradient = ones.T @ (np.exp(ones @ fit.coef) - y)
    assert fit.certificate.raw == pytest.approx(np.abs(gradient).max() / 200, rel=1e-6)


@pytest.mark.parametrize("family", ["poisson", "bernoulli", "categorical"])
def test_a_sample_leads_to_the_same_optimum(family: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Large data starts from a sample's optimum; a level too rare to be in the sample does no harm."""
    rng = np.random.default_rng(0)
    n = 20_000
    data = {"x": rng.normal(size=n) * 1e6, "g": np.where(np.arange(n) % 1000 == 0, "rare", rng.choice(["a", "b"], n))}
    eta = 0.3 * data["x"] / 1e6 - 1 * (data["g"] == "b")
    data["y"] = {
        "poisson": lambda: rng.poisson(np.exp(eta)),
        "bernoulli": lambda: (rng.random(n) < 1 / (1 + np.exp(-eta))).astype(int),
        "categorical": lambda: (eta[:, None] * [1, 0, -1] + rng.gumbel(size=(n, 3))).argmax(axis=1),
    }[family]()
    plain = ef.glm("y ~ x + g", data, family=family)
    monkeypatch.setattr(warm, "LARGE", 1000)
    monkeypatch.setattr(warm, "LONG", 1000)
    fit = ef.glm("y ~ x + g", data, family=family)
    assert fit.certificate.passes != plain.certificate.passes
    assert fit.converged
    assert apart(fit, plain) <= ENOUGH
    assert fit.se == pytest.approx(plain.se, rel=ENOUGH)
    sharper = ef.glm("y ~ x + g", data, family=family, tol=1e-11)
    assert sharper.se == pytest.approx(plain.se, rel=1e-7)


def test_a_bad_solver_is_not_believed() -> None:
    """One step only: the status is the solver's, `converged` the certificate's."""
    rng = np.random.default_rng(0)
    data = {"x": rng.normal(size=200)}
    data["y"] = rng.poisson(np.exp(2 * data["x"]))
    with pytest.warns(ef.ConvergenceWarning, match="iteration limit"):
        fit = ef.glm("y ~ x", data, family="poisson", max_iter=1)
    assert not fit.converged
    assert fit.certificate.status is Status.MAX_ITER
    assert fit.certificate.gradient > 1e-8
    assert "NOT converged" in fit.summary()


def test_a_limit_that_is_enough_for_newton_is_enough_for_large_data(monkeypatch: pytest.MonkeyPatch) -> None:
    """Steps that need no new information may be more; they count as what they cost."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(20_000, 40))
    y = (rng.random(20_000) < 1 / (1 + np.exp(-X.sum(axis=1) / 5))).astype(float)
    monkeypatch.setattr(warm, "LONG", 10**9)
    plain = ef.glm_arrays(X, y, family="bernoulli", tol=1e-12).certificate.steps
    monkeypatch.setattr(warm, "LARGE", 1000)
    monkeypatch.setattr(warm, "LONG", 1000)
    fit = ef.glm_arrays(X, y, family="bernoulli", tol=1e-12, max_iter=plain)
    assert fit.converged
    assert fit.certificate.steps > plain


@pytest.mark.parametrize("alone", [False, True])
@pytest.mark.parametrize("dearness", [0.0, 3.0, np.inf])
def test_new_information_is_weighed_up_for_any_figures(dearness: float, alone: bool) -> None:
    """Steps that left nothing, all, or no number of a decrement lead to an answer, not to logarithms of zero."""
    tiny = float(np.nextafter(0.0, 1.0))
    figures = (0.0, tiny, 1e-300, 1e-6, 0.3, 1.0, 1e300, np.inf, np.nan)
    objective = SimpleNamespace(dearness=dearness, observed=False)
    problem = SimpleNamespace(objective=objective, enough=lambda value: 1e-6, alone=alone)
    at = SimpleNamespace(value=1.0)
    for left, rate, aim, aimed in product(figures, repeat=4):
        state = SimpleNamespace(
            reading=SimpleNamespace(decrement=left), rate=rate, aim=aim, aimed=aimed, steps=2, at=at
        )
        assert newton._renews(problem, objective, state) in (True, False)  # type: ignore[arg-type]


def test_information_that_served_badly_from_afar_is_hoped_to_serve_well_from_nearby() -> None:
    """A Newton step that left all of a decrement of 100 says little of the one from 5, and much of the one from 50."""
    objective = SimpleNamespace(dearness=2.5, observed=False)
    problem = SimpleNamespace(objective=objective, enough=lambda value: 1e-5, alone=True)
    at = SimpleNamespace(value=1.0)
    for left, renews in ((50.0, False), (5.0, True)):
        state = SimpleNamespace(reading=SimpleNamespace(decrement=left), rate=0.7, aim=1.2, aimed=100.0, steps=9, at=at)
        assert newton._renews(problem, objective, state) is renews  # type: ignore[arg-type]


@pytest.mark.parametrize("phi", [1e-2, 1e-6])
@pytest.mark.parametrize("family", ["gamma", "gaussian"])
def test_large_data_that_the_model_explains_ends_as_near_by_its_own_errors(
    family: str, phi: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The errors of the null model are many times larger: 1e-5 of those would be a tenth of one, or more."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(30_000, 5))
    mean = np.exp(x @ np.full(5, 0.3))
    y = rng.gamma(1 / phi, mean * phi) if family == "gamma" else np.log(mean) + np.sqrt(phi) * rng.normal(size=30_000)
    link = "log" if family == "gamma" else "identity"
    sharp = ef.glm_arrays(x, y, family=family, link=link, tol=1e-13)
    monkeypatch.setattr(warm, "LARGE", 1000)
    monkeypatch.setattr(warm, "LONG", 1000)
    fit = ef.glm_arrays(x, y, family=family, link=link)
    assert fit.converged
    assert apart(fit, sharp) <= ENOUGH


@pytest.mark.parametrize("link", ["inverse_squared", "log"])
@pytest.mark.parametrize("tiny", [1e-6, 1e-12, 1e-20])
def test_one_response_near_zero_does_not_say_how_flat_is_flat(tiny: float, link: str) -> None:
    """Of inverse Gaussian numbers it has all of the deviance, and hardly a score."""
    rng = np.random.default_rng(0)
    x = np.abs(rng.normal(size=(60, 3))) * 0.1
    y = rng.wald((1 + x[:, 0]) ** -0.5, 2.0)
    y[7] = tiny
    fit = ef.glm_arrays(x, y, family="inverse_gaussian", link=link)
    sharp = ef.glm_arrays(x, y, family="inverse_gaussian", link=link, tol=1e-13)
    assert fit.converged
    assert apart(fit, sharp) <= 1e-6


@pytest.mark.parametrize("family", ["gamma", "tweedie(1.5)"])
def test_a_sample_that_few_rows_decide_is_not_solved(family: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Residuals of squares many times the deviance: the first steps are by the sample's information alone."""
    rng = np.random.default_rng(3)
    x = rng.normal(size=(60_000, 3))
    y = rng.gamma(2.0, np.exp(x @ [0.3, -0.2, 0.1]) / 2) * np.where(np.arange(60_000) % 400, 1.0, 1e4)
    if family != "gamma":
        y *= rng.random(60_000) < 0.5
    plain = ef.glm_arrays(x, y, family=family, link="log", tol=1e-10)
    monkeypatch.setattr(warm, "LARGE", 1000)
    monkeypatch.setattr(warm, "LONG", 1000)
    solved: list[int] = []
    solve = newton.Newton.solve

    def counted(self: newton.Newton, problem: Problem) -> Solution:
        solved.append(problem.objective.data.n)
        return solve(self, problem)

    monkeypatch.setattr(newton.Newton, "solve", counted)
    fit = ef.glm_arrays(x, y, family=family, link="log")
    assert solved == [60_000]
    assert fit.converged
    assert apart(fit, plain) <= ENOUGH
    assert fit.se == pytest.approx(plain.se, rel=1e-6)


def test_after_a_long_step_the_information_of_a_sample_is_that_of_the_new_place(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It is as heavy as that of all rows, and near it."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(40_000, 3))
    y = rng.poisson(np.exp(x @ [0.9, -0.6, 0.3] - 3))
    monkeypatch.setattr(warm, "LARGE", 1000)
    monkeypatch.setattr(warm, "LONG", 1000)
    seen: list[np.ndarray] = []
    aimed = newton._aimed

    def watched(problem: Problem, state: Any, theta: np.ndarray, gradient: np.ndarray) -> Any:
        new = aimed(problem, state, theta, gradient)
        if state.sample is not None and newton._stirs(problem, state) > newton.NEARBY:
            ratio = new.known.matrix / state.sample.objective(theta).hessian.matrix
            assert ratio == pytest.approx(ratio[0, 0])
            seen.append(eigvalsh(new.known.matrix, problem.objective(theta).hessian.matrix))
        return new

    monkeypatch.setattr(newton, "_aimed", watched)
    assert ef.glm_arrays(x, y, family="poisson").converged
    assert seen
    assert np.min(seen) > 0.5
    assert np.max(seen) < 2


def test_a_sample_that_leads_to_a_plateau_is_no_separation(monkeypatch: pytest.MonkeyPatch) -> None:
    """The loss of inverse Gaussian numbers with the log link is not convex: flat where means are far too large."""
    rng, n = np.random.default_rng(26), 20_000
    x = rng.normal(size=(n, 3))
    x[:, 2] = rng.random(n) < 20 / n
    offset = rng.normal(size=n) * 3 - 2
    y = np.maximum(rng.wald(np.exp(np.clip(x[:, 0] * 0.5 + offset, -20, 20)), 1 / 3.0), 1e-6)
    plain = ef.glm_arrays(x, y, family="inverse_gaussian", link="log", offset=offset)
    monkeypatch.setattr(warm, "LARGE", 1000)
    monkeypatch.setattr(warm, "LONG", 1000)
    fit = ef.glm_arrays(x, y, family="inverse_gaussian", link="log", offset=offset)
    assert fit.converged
    assert apart(fit, plain) <= ENOUGH


@pytest.mark.parametrize("status", [Status.MAX_ITER, Status.STALLED])
def test_where_steps_from_a_sample_end_nowhere_those_from_the_start_are_taken(
    status: Status, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(20_000, 3))
    y = rng.poisson(np.exp(x @ [0.3, -0.2, 0.1]))
    plain = ef.glm_arrays(x, y, family="poisson")
    monkeypatch.setattr(warm, "LARGE", 1000)
    solved = newton._solved

    def lost(problem: Problem) -> Solution:
        found = solved(problem)
        away = replace(found, theta=found.theta + 1, at=None, status=status, passes=100.0)
        return found if problem.sample is None else away

    monkeypatch.setattr(newton, "_solved", lost)
    fit = ef.glm_arrays(x, y, family="poisson")
    assert fit.converged
    assert apart(fit, plain) <= ENOUGH
    assert fit.certificate.passes > 100


def test_a_step_that_leaves_a_column_without_weight_is_taken_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of weights over twelve decades a sample may know nothing of a column: a step by it ends where its means are 0."""
    rng, n = np.random.default_rng(245), 12_000
    x = rng.normal(size=(n, 4))
    x[:, 2], x[:, 3] = rng.random(n) < 20 / n, rng.random(n) < 100 / n
    y = rng.poisson(np.exp(x @ [0.3, -0.2, 1.0, 0.5])).astype(float)
    monkeypatch.setattr(warm, "LARGE", 1000)
    monkeypatch.setattr(warm, "LONG", 1000)
    fit = ef.glm_arrays(x, y, family="poisson", weights=10.0 ** rng.uniform(-8, 4, n))
    assert fit.converged
    assert fit.certificate.passes < 40


@pytest.mark.parametrize("family", ["bernoulli", "poisson"])
def test_levels_without_events_in_a_sample_do_not_lead_astray(family: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of rare events, whatever sample is drawn: with one average row a coefficient all rows are read more often, though
    its information is taken anew on the way."""
    rng, n = np.random.default_rng(0), 60_000
    codes = [rng.choice(25, n, p=0.9 * rng.dirichlet(np.full(25, 0.6)) + 0.1 / 25) for _ in range(3)]
    eta = sum(rng.normal(size=25)[code] * 0.5 for code in codes) - 3
    y = 1.0 * (rng.random(n) < 1 / (1 + np.exp(-eta))) if family == "bernoulli" else rng.poisson(np.exp(eta))
    data = {"y": y, **{f"g{i}": code.astype(str) for i, code in enumerate(codes)}}
    monkeypatch.setattr(warm, "LARGE", 1000)
    monkeypatch.setattr(warm, "LONG", 1000)

    def passes(seed: int) -> float:
        fit = ef.glm("y ~ g0 + g1 + g2", data, family=family, seed=seed, aggregate="never", tol=tol)
        return fit.certificate.passes

    tol = 1e-8 / np.sqrt(np.mean(y))  # a score has about the size of the root of the mean
    found = sum(map(passes, range(4)))
    monkeypatch.setattr(warm, "_of_pseudo_row", lambda problem: problem.null.weight / problem.scale.weight)
    assert found < 4 * 8
    assert found < 0.8 * sum(map(passes, range(4)))


@pytest.mark.parametrize("decades", [2, 3])
@pytest.mark.parametrize("link", ["logit", "probit", "cloglog"])
def test_light_rows_that_decide_are_come_to_beside_heavy_ones(link: str, decades: int) -> None:
    """Heavy rows are predicted perfectly, nearly; what is left is a matter of light ones, whose information is a small
    share of all weights: damping by such a share of these would creep. Loss and gradient by SciPy's functions."""
    for seed in (1, 21, 64, 82, 107):
        rng = np.random.default_rng(seed)
        z = rng.normal(size=(15, 2)).round(1)
        y = (z[:, 0] + 0.7 * rng.logistic(size=15) > 0) * 1.0
        w = 10.0 ** rng.choice([-decades, 0, decades], 15)
        fit = ef.glm_arrays(z, y, family="bernoulli", link=link, weights=w)
        if fit.certificate.separated:
            continue
        assert fit.converged, (seed, fit.certificate)
        logs: dict[str, Any] = {
            "logit": lambda eta: (stats.logistic.logcdf(eta), stats.logistic.logsf(eta)),
            "probit": lambda eta: (stats.norm.logcdf(eta), stats.norm.logsf(eta)),
            "cloglog": lambda eta: (np.log(-np.expm1(-np.exp(eta))), -np.exp(eta)),
        }

        def deviance(theta: FloatArray, logs: Any = logs[link], z: Any = z, y: Any = y, w: Any = w) -> float:
            with np.errstate(all="ignore"):
                up, down = logs(theta[0] + z @ theta[1:])
                return float(-2 * np.sum(w * np.where(y == 1, up, down)))

        assert deviance(fit.coef) == pytest.approx(fit.deviance, rel=1e-6)
        found = optimize.minimize(deviance, fit.coef, method="Nelder-Mead", options={"xatol": 1e-9, "fatol": 1e-12})
        assert found.fun >= fit.deviance * (1 - 1e-6)


@pytest.mark.parametrize("rate", [1e-2, 1e-5, 1e-8])
@pytest.mark.parametrize("family", ["poisson", "binomial"])
def test_rare_events_of_heavy_rows_are_flat_for_no_solver_before_the_end(family: str, rate: float) -> None:
    """The gradient of means of 1e-8 is small anywhere: how flat is flat goes by the size of a score."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(400, 3))
    trials = np.round(rng.uniform(5, 20, 400) / rate)
    counts = rng.poisson(trials * rate * np.exp(x @ [0.3, 0.2, 0.0]))
    given: dict[str, Any] = {"weights": trials} if family == "poisson" else {"trials": trials}
    fits = [ef.glm_arrays(x, counts / trials, family=family, solver=solver, **given) for solver in ("newton", "lbfgs")]
    assert all(fit.converged for fit in fits)
    assert np.abs((fits[1].coef - fits[0].coef) / fits[0].se).max() < 0.01


def test_counts_that_differ_by_their_mean_are_no_heavy_tail(monkeypatch: pytest.MonkeyPatch) -> None:
    """Squared residuals from the null model are large where the model explains much, and so is its deviance."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(60_000, 3))
    y = rng.poisson(np.exp(5 + x @ [0.9, -0.6, 0.3]))
    monkeypatch.setattr(warm, "LARGE", 1000)
    told: list[bool] = []
    tells = newton.tells
    monkeypatch.setattr(newton, "tells", lambda *problems: told.append(tells(*problems)) or told[-1])
    assert ef.glm_arrays(x, y, family="poisson").converged
    assert told == [True]


# ---- where plain Newton fails -----------------------------------------------------------------------------------
@pytest.mark.parametrize("family", ["poisson", "gamma", "inverse_gaussian"])
@given(seed=st.integers(0, 2**32 - 1))
def test_identity_links_start_and_stay_inside(family: str, seed: int) -> None:
    rng = np.random.default_rng(seed)
    x = rng.uniform(1, 3, 60)
    y = rng.poisson(4 * x) + 1.0 if family == "poisson" else rng.gamma(3, x, 60) + 0.05
    fit = ef.glm("y ~ x", {"x": x, "y": y}, family=family, link="identity")
    assert (fit.predict() > 0).all()
    assert fit.converged


def test_a_full_step_that_leaves_the_domain_is_damped() -> None:
    """Identity-link Poisson where the undamped Fisher step from the mean model, written out here, has negative means.

    This is the failure of Marschner (2011), R Journal 3(2), in kind; the data of that paper are not at hand.
    """
    x, y = np.array([0.0, 1, 2, 3, 4, 40]), np.array([1.0, 1, 2, 1, 2, 400])
    X, mu = np.column_stack([np.ones(6), x]), np.full(6, y.mean())
    step = np.linalg.solve(X.T @ (X / mu[:, None]), X.T @ ((y - mu) / mu))
    assert (mu + X @ step).min() < 0
    fit = ef.glm("y ~ x", {"x": x, "y": y}, family="poisson", link="identity")
    assert fit.converged
    assert (fit.predict() > 0).all()
    residual = (y - fit.predict()) / fit.predict()
    assert X.T @ residual == pytest.approx([0, 0], abs=1e-6)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(
    ("family", "link"), [("poisson", "identity"), (ef.families.NegativeBinomial(2.0), "identity"), ("bernoulli", "log")]
)
def test_an_optimum_on_the_edge_of_the_means_is_found(family: str | ExponentialFamily, link: str, seed: int) -> None:
    """There the gradient is a sum of the rows on the edge, each times what presses it (Kuhn and Tucker)."""
    rng = np.random.default_rng(seed)
    X = np.column_stack([np.ones(60), rng.uniform(size=(60, 2))])
    line = np.maximum(3 * X[:, 1] - 0.4 + 0.3 * X[:, 2], 0)
    y = (rng.random(60) < line / 2) * 1.0 if family == "bernoulli" else rng.poisson(line).astype(float)
    with pytest.warns(ef.ConvergenceWarning, match="edge of the allowed means"):
        fit = ef.glm_arrays(X[:, 1:], y, family=family, link=link)
    assert fit.certificate.status is Status.EDGE
    eta, law = X @ fit.coef, fit.model.family
    mu = fit.model.link.inverse(eta)
    edge = np.abs(eta) < 1e-5
    assert 1 <= edge.sum() <= 3
    slope = X.T @ ((mu - y) / law.variance(mu) * fit.model.link.derivative(eta))
    presses, left = nnls(X[edge].T * (-1 if family == "bernoulli" else 1), slope)
    assert left < 1e-4 * np.abs(slope).max()
    assert (presses > 0).all()


def pressed(n: int) -> dict[str, Any]:
    """Counts whose means, a line, meet zero."""
    rng = np.random.default_rng(0)
    x, z = rng.uniform(size=(2, n))
    return {"x": x, "z": z, "g": np.repeat(["a", "b"], n // 2), "y": rng.poisson(np.maximum(3 * x - 0.4 + 0.3 * z, 0))}


def test_the_way_to_the_edge_does_not_end_in_rounding(monkeypatch: pytest.MonkeyPatch) -> None:
    """A point that rounding keeps from the tolerance would take all the steps that are allowed."""
    ends, solve = [], Newton.solve
    monkeypatch.setattr(Newton, "solve", lambda *given: ends.append(solve(*given)) or ends[-1])
    with pytest.warns(ef.ConvergenceWarning, match="edge of the allowed means"):
        ef.glm("y ~ x + z", pressed(10_000), family="poisson", link="identity")
    assert len(ends) > 20
    assert {end.status for end in ends[1:]} == {Status.CONVERGED}


def test_refits_find_the_optimum_on_the_edge_too() -> None:
    """The terms of an analysis of deviance are as far apart as the fits."""
    data = pressed(60)
    with pytest.warns(ef.ConvergenceWarning, match="edge of the allowed means"):
        large, small = (ef.glm(f"y ~ {t}", data, family="poisson", link="identity") for t in ("x + z + g", "x + z"))
    with pytest.warns(ef.ConvergenceWarning) as told:
        table = large.anova()
    assert all("columns ends on an edge" in str(one.message) for one in told)
    assert table["deviance"][-1] == pytest.approx(small.deviance - large.deviance, abs=1e-4)


@pytest.mark.parametrize("solver", ["newton", "lbfgs"])
@pytest.mark.parametrize("exponent", [1 / 2, 1 / 3])
def test_an_optimum_where_the_link_is_flat_is_on_the_edge(exponent: float, solver: str) -> None:
    """mu = eta^2 has no slope at 0, where a negative mean leads: the gradient vanishes, and so does the information."""
    rng = np.random.default_rng(0)
    group = np.repeat(["a", "b", "c"], 20)
    data = {"g": group, "y": np.where(group == "a", -1.0, 3.0) + 0.3 * rng.normal(size=60)}
    with pytest.warns(ef.ConvergenceWarning, match="edge of the allowed means"):
        fit = ef.glm("y ~ g", data, family="gaussian", link=ef.links.Power(exponent), solver=solver)
    assert not fit.converged
    assert fit.certificate.status is Status.EDGE
    assert fit.certificate.gradient <= fit.certificate.tol
    assert fit.predict()[group == "a"] == pytest.approx(0.0, abs=1e-6)


def test_no_events_under_a_square_root_are_an_optimum_inside() -> None:
    """The information of a Poisson count is 4 at eta = 0, too."""
    group = np.repeat(["a", "b"], 20)
    data = {"g": group, "y": np.where(group == "a", 0, np.arange(40) % 5)}
    fit = ef.glm("y ~ g", data, family="poisson", link="sqrt")
    assert fit.converged
    assert fit.se[0] == pytest.approx(np.sqrt(1 / 80))


def test_an_intercept_free_identity_model_finds_its_start() -> None:
    x = np.array([1.0, 2, 3, 4, 5])
    fit = ef.glm("y ~ x - 1", {"x": x, "y": [2.0, 3, 7, 7, 11]}, family="gamma", link="inverse")
    assert fit.converged
    assert (fit.predict() > 0).all()


def test_log_binomial() -> None:
    rng = np.random.default_rng(3)
    x = rng.uniform(size=500)
    y = (rng.random(500) < np.exp(-1.5 + 0.8 * x)).astype(int)
    fit = ef.glm("y ~ x", {"x": x, "y": y}, family="bernoulli", link="log")
    assert fit.converged
    assert (fit.predict() < 1).all()


def test_no_feasible_start_is_told() -> None:
    data = {"x": [1.0, -1.0, 2.0], "y": [1.0, 2.0, 3.0]}
    with pytest.raises(ef.SolverError, match="no starting point"):
        ef.glm("y ~ x - 1", data, family="poisson", link="identity")


# ---- separation -------------------------------------------------------------------------------------------------
@given(st.integers(0, 2**32 - 1))
def test_ordinary_logistic_data_is_not_called_separated(seed: int) -> None:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(150, 3))
    y = (rng.random(150) < 1 / (1 + np.exp(-x @ [1.0, -1, 0.5]))).astype(int)
    fit = ef.glm_arrays(x, y, family="bernoulli")
    assert fit.converged
    assert fit.certificate.separated == ()


# ---- rank -------------------------------------------------------------------------------------------------------
@given(st.integers(0, 2**32 - 1), st.integers(1, 6), st.integers(0, 4))
def test_rank_and_the_columns_kept(seed: int, rank: int, extra: int) -> None:
    """The earlier column of a dependent set is kept, whatever the scale of the columns."""
    rng = np.random.default_rng(seed)
    basis = rng.normal(size=(60, rank))
    copies = basis @ rng.normal(size=(rank, extra))
    X = np.hstack([basis, copies]) * 10.0 ** rng.integers(-6, 7, rank + extra)
    assert independent(X.T @ X).tolist() == [True] * rank + [False] * extra


@pytest.mark.parametrize(("noise", "reads", "aliased"), [(0.0, 1, ("sum",)), (1e-5, 2, ())])
def test_columns_in_doubt_are_read_again_only_if_they_leave_something(
    noise: float, reads: int, aliased: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """All dummies of a factor beside an intercept leave nothing; what is only nearly their sum is looked at twice."""
    rng = np.random.default_rng(5)
    level = rng.integers(0, 3, 500)
    dummies = (level[:, None] == np.arange(2)).astype(float)
    X = np.column_stack([dummies, dummies.sum(axis=1) + noise * rng.normal(size=500)])
    done, residuals = [], leftover._residuals
    monkeypatch.setattr(leftover, "_residuals", lambda *given: done.append(1) or residuals(*given))
    options = {"family": "poisson", "names": ["a", "b", "sum"]}
    with pytest.warns(ef.AliasWarning) if aliased else nullcontext():
        fit = ef.glm_arrays(X, rng.poisson(1.0, 500).astype(float), **options)
    assert (len(done), fit.certificate.aliased) == (reads, aliased)


@pytest.mark.parametrize("family", ["poisson", "categorical"])
def test_some_rows_and_a_read_of_all_tell_what_is_aliased(family: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """All dummies of a factor, one of a level that the sample has no row of, beside an intercept, a copy of a column,
    and one that is a copy but in a row of 800."""
    rng = np.random.default_rng(6)
    n = 20_000
    level = rng.integers(0, 4, n)
    level[[7_000, 13_000, 19_000]] = 4
    x = rng.normal(size=n)
    nearly = x + (np.arange(n) % 800 == 345)
    X = np.column_stack([x, level[:, None] == np.arange(5), 2 * x, nearly]).astype(float)
    y = rng.poisson(np.exp(0.2 * x + 0.1 * level)).clip(0, 2).astype(float)
    options = {"family": family, "names": ["x", *"abcde", "twice", "nearly"]}
    with pytest.warns(ef.AliasWarning):
        plain = ef.glm_arrays(X, y, **options)
    monkeypatch.setattr(warm, "LARGE", 1000)
    read: list[int] = []
    whole = leftover.independent_by_rows
    monkeypatch.setattr(pose, "independent_by_rows", lambda *given: read.append(1) or whole(*given))
    with pytest.warns(ef.AliasWarning):
        fit = ef.glm_arrays(X, y, **options)
    assert fit.certificate.aliased == plain.certificate.aliased == ("e", "twice")
    assert not read
    assert fit.predict(X) == pytest.approx(plain.predict(X), rel=1e-5)


def test_zero_columns_are_aliased() -> None:
    X = np.column_stack([np.ones(5), np.zeros(5), np.arange(5.0)])
    assert independent(X.T @ X).tolist() == [True, False, True]


@given(st.integers(0, 2**32 - 1), st.integers(1, 8))
def test_the_factor_solves_and_inverts(seed: int, p: int) -> None:
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(30, p)) * 10.0 ** rng.integers(-4, 5, p)
    H, b = X.T @ X, rng.normal(size=p)
    factor = Full(H).factor()
    assert factor.solve(b) == pytest.approx(np.linalg.solve(H, b), rel=1e-6)
    assert factor.inverse().full() @ H == pytest.approx(np.eye(p), abs=1e-6)
    assert factor.condition >= 1


def test_duplicated_columns_as_in_r() -> None:
    rng = np.random.default_rng(0)
    for _ in range(25):
        X = rng.normal(size=(200, 2))
        y = (rng.random(200) < 1 / (1 + np.exp(-X[:, 0]))).astype(int)
        with pytest.warns(ef.AliasWarning, match="x3"):
            fit = ef.glm_arrays(np.column_stack([X, X[:, 0]]), y, family="bernoulli")
        assert fit.converged
        assert np.isnan(fit.coef[3])
        assert fit.coef[:3] == pytest.approx(ef.glm_arrays(X, y, family="bernoulli").coef, rel=1e-9)


@pytest.mark.parametrize("matrix", [np.array, csr_array])
def test_a_constant_column_beyond_what_is_written_out_is_aliased(matrix: Callable[..., Any]) -> None:
    """With it the design has too many numbers to be written out, without it few enough."""
    rng, n = np.random.default_rng(5), WRITTEN // 3 - 1
    X, y = rng.normal(size=(n, 2)), rng.poisson(1, n)
    with pytest.warns(ef.AliasWarning, match="x3"):
        fit = ef.glm_arrays(matrix(np.column_stack([X, np.zeros(n)])), y, family="poisson")
    assert fit.coef == pytest.approx([*ef.glm_arrays(X, y, family="poisson").coef, np.nan], nan_ok=True)


# ---- penalties --------------------------------------------------------------------------------------------------
def test_ridge_is_the_closed_form_of_linear_regression() -> None:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(100, 4))
    y = X @ [1.0, 2, 0, -1] + 3 + rng.normal(size=100)
    ones = np.column_stack([np.ones(100), X])
    for strength in (0.1, [0.1, 0.2, 0.3, 0.4], np.diag([0, 1.0, 2, 3, 4]), {"x2": 5.0}):
        fit = ef.glm_arrays(X, y, penalty=ef.Ridge(strength))
        S = Full(np.zeros((5, 5))).plus(*ef.Ridge(strength).bind(fit.names).hessian(1, 1.0)).matrix
        assert S[0, 0] == 0
        assert fit.coef == pytest.approx(np.linalg.solve(ones.T @ ones + 100 * S, ones.T @ y), rel=1e-9)
        assert fit.converged


def test_ridge_lifts_aliasing_and_separation() -> None:
    x = np.r_[-1.0, -0.5, 0.5, 1.0]
    fit = ef.glm_arrays(np.column_stack([x, x]), (x > 0).astype(int), family="bernoulli", penalty=ef.Ridge(0.01))
    assert fit.converged
    assert fit.coef[1] == pytest.approx(fit.coef[2])


@pytest.mark.parametrize("solver", ["auto", "newton", "lbfgs"])
@pytest.mark.parametrize("unit", [1.0, 1e5])
def test_a_ridge_of_differences_leaves_one_direction_free(solver: str, unit: float) -> None:
    """S = D'D says nothing of a shift of all levels, which with an intercept nothing else does: one column is aliased,
    and the means are those of least squares with the rows of D below."""
    for seed in range(4):
        rng = np.random.default_rng(seed)
        n, p = 40, 60
        units = unit ** rng.uniform(-1, 1, p)
        X, y = np.zeros((n, p)), rng.normal(size=n)
        X[np.arange(n), rng.integers(0, p, n)] = 1
        D = np.sqrt(0.03) * np.diff(np.eye(p), axis=0)
        S = np.zeros((p + 1, p + 1))
        S[1:, 1:] = (D * units).T @ (D * units)
        with pytest.warns(ef.AliasWarning):
            fit = ef.glm_arrays(X * units, y, penalty=ef.Ridge(S), solver=solver)
        rows = np.block([[np.ones((n, 1)), X], [np.zeros((p - 1, 1)), np.sqrt(n) * D]])
        want = rows @ np.linalg.lstsq(rows, np.r_[y, np.zeros(p - 1)])[0]
        assert fit.converged
        assert len(fit.certificate.aliased) == 1
        assert fit.predict() == pytest.approx(want[:n], abs=1e-9)


def test_root_of_a_penalty_has_its_rank_in_any_units() -> None:
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(20, 21))
    units = 10.0 ** rng.integers(-9, 9, 21)
    S = rows.T @ rows
    noisy = np.diag(np.r_[np.ones(20), 1e-24])
    noisy[20, :20] = noisy[:20, 20] = 1e-12 * rng.normal(size=20)  # no positive semidefinite matrix to all digits
    for one, scale in ((S, np.ones(21)), (S * units * units[:, None], units), (noisy, np.ones(21))):
        found = rows_of(one)
        assert found.shape == (20, 21)
        assert found.T @ found / scale / scale[:, None] == pytest.approx(one / scale / scale[:, None], abs=1e-11)


def test_ridge_of_scikit_learn() -> None:
    """mean loss + strength / 2 |theta|^2 is C = 1 / (n strength) there."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 3))
    y = (rng.random(200) < 1 / (1 + np.exp(-X @ [1, -1, 0]))).astype(int)
    theirs = LogisticRegression(C=1 / (200 * 0.05), tol=1e-10, solver="newton-cholesky").fit(X, y)
    ours = ef.glm_arrays(X, y, family="bernoulli", penalty=ef.Ridge(0.05))
    assert ours.coef == pytest.approx(np.r_[theirs.intercept_, theirs.coef_[0]], rel=1e-6)


@pytest.mark.parametrize(
    ("strength", "message"),
    [(-1.0, "not negative"), ([1.0, 2.0, 3.0, 4.0, 5.0], "allowed"), ({"nothing": 1.0}, "no coefficient")],
)
def test_ridge_refuses(strength: object, message: str) -> None:
    with pytest.raises(ef.SolverError, match=message):
        ef.glm_arrays(np.arange(10.0).reshape(5, 2) ** 2, np.arange(5.0), penalty=ef.Ridge(strength))


# ---- stochastic gradient descent --------------------------------------------------------------------------------
both_updates = pytest.mark.parametrize("update", ["implicit", "explicit"])


@every_family
@both_updates
def test_sgd_comes_to_newtons_answer(update: str, family: ExponentialFamily) -> None:
    """Same line of code for all: 100 passes in batches of 8 end within a fifth of a standard error."""
    data = simulate(family, means=(0.4, 0.6))
    options = {"family": family, "link": "log" if family.name in ("gamma", "inverse_gaussian") else None}
    exact = ef.glm("y ~ x + g", data, **options, **trials_of(family))
    close = ef.glm("y ~ x + g", data, **options, **trials_of(family), solver=ef.SGD(100, update, batch=8))
    assert np.abs((close.coef - exact.coef) / exact.se).max() < 0.2
    assert close.certificate.status is Status.PASSES_DONE
    assert not close.converged
    assert close.deviance >= exact.deviance


@every_family
def test_one_implicit_pass_is_enough(family: ExponentialFamily) -> None:
    """After one pass over 5,000 rows the estimate is that of all rows, to a fifth of a standard error."""
    data = simulate(family, means=(0.4, 0.6), n=5000)
    options = {"family": family, "link": "log" if family.name in ("gamma", "inverse_gaussian") else None}
    exact, close = (
        ef.glm("y ~ x + g", data, **options, **trials_of(family, 5000), solver=s) for s in ("newton", "sgd")
    )
    assert np.abs((close.coef - exact.coef) / exact.se).max() < 0.2


def test_one_implicit_pass_of_least_squares_is_exact() -> None:
    """Recursive least squares: but for the pseudo-rows, whatever the units of a column."""
    rng = np.random.default_rng(1)
    X = rng.normal(size=(2000, 3)) * [1.0, 1e6, 1e-6]
    y = X @ [1.0, 1e-6, 1e6] + rng.normal(size=2000)
    exact, close = (ef.glm_arrays(X, y, solver=s) for s in ("newton", ef.SGD(prior=1e-9)))
    assert close.coef == pytest.approx(exact.coef, rel=1e-9)


def test_implicit_steps_bear_wild_rows_and_units() -> None:
    """A batch of one row, the first with a predictor of 1,000: no step can diverge. Explicit ones do, and are told."""
    rng = np.random.default_rng(2)
    x = np.r_[1e3, rng.normal(size=1999)]
    y = rng.poisson(np.exp(0.5 * np.clip(x, -3, 3)))
    exact, close = (
        ef.glm_arrays(1e3 * x[:, None], y, family="poisson", solver=s)
        for s in ("newton", ef.SGD(batch=1, shuffle=False))
    )
    assert np.abs((close.coef - exact.coef) / exact.se).max() < 1
    with pytest.raises(ef.SolverError, match="update='implicit'"):
        ef.glm_arrays(x[:, None], y, family="poisson", solver=ef.SGD(update="explicit", step="constant", rate=1e3))


def test_one_pass_tells_a_level_without_events() -> None:
    """The same coefficient as Newton's method finds at infinity, and no other."""
    rng = np.random.default_rng(1)
    g = rng.integers(0, 2, 20_000)
    y = (rng.random(20_000) < np.where(g == 0, 0.3, 0)).astype(float)
    with pytest.warns(ef.SeparationWarning):
        fit = ef.glm_arrays(g[:, None].astype(float), y, family="bernoulli", solver="sgd")
    assert fit.certificate.separated == (fit.model.flat_names[1],)


@pytest.mark.parametrize(("family", "link"), [("inverse_gaussian", None), ("poisson", "identity")])
def test_steps_that_end_outside_the_domain_are_drawn_back(family: str, link: str | None) -> None:
    """The means of all rows are allowed where the fit ends, it is no worse than the null model, and it says so."""
    rng = np.random.default_rng(1)
    x = rng.normal(size=2000)
    mean = np.exp(1 + 0.4 * x)
    y = rng.wald(mean, 2) if family == "inverse_gaussian" else rng.poisson(mean).astype(float)
    with pytest.warns(ef.ConvergenceWarning, match="family and link do not allow"):
        fit = ef.glm_arrays(x[:, None], y, family=family, link=link, solver=ef.SGD(step="normalised"))
    assert fit.certificate.status is Status.OUTSIDE
    assert not fit.converged
    assert (fit.coef[0] + fit.coef[1] * x > 0).all()  # eta itself: h(eta) is a positive mean nowhere else
    assert fit.deviance < fit.null_deviance


def test_sgd_of_very_many_coefficients_steps_without_a_matrix() -> None:
    """Their information would not fit; 3,100 words, few of which matter."""
    rng = np.random.default_rng(4)
    X = csr_array((rng.random((2000, 3100)) < 0.003).astype(float))
    y = X[:, [0]].toarray()[:, 0] * 2 + rng.normal(size=2000)
    default, asked = (
        ef.glm_arrays(X, y, penalty=ef.Ridge(0.01), solver=ef.SGD(step=step)) for step in (None, "normalised")
    )
    assert np.array_equal(default.coef, asked.coef)
    assert default.deviance < default.null_deviance


@both_updates
def test_sgd_softmax_and_one_row_a_step(update: str) -> None:
    rng = np.random.default_rng(0)
    data = {"x": rng.normal(size=600), "z": rng.normal(size=600)}
    eta = np.column_stack([data["x"], -data["z"], np.zeros(600)])
    data["y"] = (eta + rng.gumbel(size=(600, 3))).argmax(axis=1).astype(str)
    exact = ef.glm("y ~ x + z", data, family="categorical")
    for batch, passes in ((1, 20), (50, 200)):
        close = ef.glm("y ~ x + z", data, family="categorical", solver=ef.SGD(passes, update, batch=batch))
        assert np.abs((close.coef - exact.coef) / exact.se).max() < 0.3


def test_sgd_on_two_balanced_classes() -> None:
    """The mean model has mu = 1/2 exactly, where the sigmoid does not bend."""
    rng = np.random.default_rng(0)
    data = {"x": rng.normal(size=200), "y": np.repeat(["a", "b"], 100)}
    exact, close = (ef.glm("y ~ x", data, family="categorical", solver=s) for s in ("newton", "sgd"))
    assert np.abs((close.coef - exact.coef) / exact.se).max() < 0.3


def test_sgd_repeats_itself_and_takes_a_seed() -> None:
    """Row by row, where their order is felt: a first batch by information is all of so few."""
    data, rows = simulate(FAMILIES["poisson"]()), ef.SGD(step="normalised")
    one, two, other = (ef.glm("y ~ x", data, family="poisson", solver=rows, seed=seed) for seed in (1, 1, 2))
    assert np.array_equal(one.coef, two.coef)
    assert np.abs(one.coef - other.coef).max() > 1e-6


@both_updates
def test_sgd_with_ridge(update: str) -> None:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(500, 3))
    y = X @ [1.0, -1, 0] + rng.normal(size=500)
    exact = ef.glm_arrays(X, y, penalty=ef.Ridge(0.5))
    close = ef.glm_arrays(X, y, penalty=ef.Ridge(0.5), solver=ef.SGD(50, update))
    assert close.coef == pytest.approx(exact.coef, abs=0.02)


@pytest.mark.parametrize(
    "options",
    [
        {"passes": 0},
        {"rate": -1.0},
        {"step": "linear"},
        {"burn_in": 1.0},
        {"prior": 0.0},
        {"update": "lazy"},
        {"passes": 1.5},
        {"passes": True},
        {"batch": 0},
        {"rate": "a"},
        {"decay": np.nan},
        {"prior": "a"},
        {"half_life": "a"},
    ],
)
def test_sgd_refuses(options: dict) -> None:
    with pytest.raises(ef.SolverError, match=next(iter(options))):
        ef.SGD(**options)


@pytest.mark.parametrize("solver", ["newton", "lbfgs", "proximal", "sgd"])
@pytest.mark.parametrize("far", [50.0, 200.0, 1000.0])
def test_offsets_that_saturate_all_rows_are_left_behind(far: float, solver: str) -> None:
    """At the start no row has any weight to speak of, and some responses are the other way."""
    rng = np.random.default_rng(5)
    X, offset = rng.normal(size=(300, 3)), far * rng.choice([-1, 1], 300)
    y = (offset > 0).astype(float)
    y[:30] = 1 - y[:30]
    fit = ef.glm_arrays(X, y, family="bernoulli", offset=offset, solver=solver)
    Z = np.column_stack([np.ones(300), X])
    tail = 1 / (1 + np.exp(-np.clip(Z @ fit.coef + offset, -700, 700)))
    assert np.abs(Z.T @ (tail - y)).max() / 300 < (1e-3 if solver == "sgd" else 1e-7)
    assert fit.coef[0] == pytest.approx(-far, abs=5)


def test_passes_are_those_of_sgd() -> None:
    data = simulate(FAMILIES["poisson"](), 300)
    one, two = (ef.glm("y ~ x", data, family="poisson", solver="sgd", passes=passes) for passes in (None, 2))
    for fit, passes in ((one, 1), (two, 2)):
        written = ef.glm("y ~ x", data, family="poisson", solver=ef.SGD(passes))
        assert np.array_equal(fit.coef, written.coef)
    assert not np.array_equal(one.coef, two.coef)
    arrays = ef.glm_arrays(np.asarray(data["x"])[:, None], data["y"], family="poisson", solver="sgd", passes=2)
    assert arrays.coef == pytest.approx(two.coef, rel=1e-12)
    for solver, why in (("auto", "gradient"), ("newton", "gradient"), (ef.Newton(), "gradient"), (ef.SGD(3), "beside")):
        with pytest.raises(ef.SolverError, match=f"passes=2.*{why}"):
            ef.glm("y ~ x", data, family="poisson", solver=solver, passes=2)
    with pytest.raises(ef.SolverError, match="passes=0"):
        ef.glm("y ~ x", data, family="poisson", solver="sgd", passes=0)


def test_solver_names() -> None:
    data = {"x": [1.0, 2, 3, 4], "y": [1.0, 3, 2, 5]}
    assert ef.glm("y ~ x", data, solver="newton").coef == pytest.approx(ef.glm("y ~ x", data).coef)
    with pytest.raises(ef.SolverError, match="did you mean 'newton'"):
        ef.glm("y ~ x", data, solver="newtom")
    assert set(SOLVERS) == {"lbfgs", "newton", "proximal", "sgd"}


def test_choose_takes_objects() -> None:
    solver = ef.SGD(passes=3)
    assert choose(solver, None) is solver  # type: ignore[arg-type]


# ---- offsets that saturate rows ------------------------------------------------------------------------------------


@pytest.mark.parametrize("solver", ["newton", "lbfgs"])
@pytest.mark.parametrize("size", [50.0, 400.0])
@pytest.mark.parametrize("successes", [20, 27])
def test_offsets_that_saturate_all_rows_leave_the_way_to_the_optimum(solver: str, size: float, successes: int) -> None:
    """Half the rows at 50, half at -50: nearly no row has curvature before the coefficients part them. With as many
    successes as failures the intercept alone has none even at its optimum."""
    rng = np.random.default_rng(1)
    x, y = np.sort(rng.normal(size=40)), rng.permutation(np.arange(40) < successes).astype(float)
    offset = np.where(np.arange(40) % 2, size, -size)

    def loss(theta: FloatArray) -> float:
        eta = offset + theta[0] + theta[1] * x
        return float(np.sum(np.logaddexp(0.0, eta) - y * eta))

    fit = ef.glm_arrays(x[:, None], y, family="binomial", offset=offset, solver=solver)
    corners = [(a, b) for a in np.linspace(-size, size, 9) for b in np.linspace(-size, size, 9)]
    options = {"xatol": 1e-10, "fatol": 1e-10, "maxiter": 4000}
    found = min(
        optimize.minimize(loss, at, method="Nelder-Mead", options=options).fun for at in sorted(corners, key=loss)[:4]
    )
    assert fit.converged
    assert fit.deviance == pytest.approx(2 * found, rel=1e-8)
    ends = [(c - 20.0, c + 20.0) for c in (-size, 0.0, size)]
    alone = min(optimize.minimize_scalar(lambda a: loss(np.array([a, 0.0])), bounds=end).fun for end in ends)
    assert fit.null_deviance == pytest.approx(2 * alone, rel=1e-8)


def test_an_offset_that_no_coefficient_can_undo_is_named() -> None:
    x, y, offset = np.linspace(-1, 1, 40)[:, None], np.arange(40) % 2, np.where(np.arange(40) % 4 < 2, 50.0, -50.0)
    with pytest.raises(ef.SolverError, match=r"offset, from -50 to 50, takes every row .* tail of the probit"):
        ef.glm_arrays(x, y, family="binomial", link="probit", offset=offset)
    fit = ef.glm_arrays(x, y, family="binomial", link="cloglog", offset=offset)  # by what of it is near a mean
    eta = fit.intercept + fit.coef[1] * x[:, 0] + offset
    mu = -np.expm1(-np.exp(eta))
    score = np.where(y == 1, np.exp(eta) * (1 - mu) / np.maximum(mu, 1e-300), -np.exp(eta))
    assert fit.converged
    assert abs(score.sum()) < 1e-6 > abs((score * x[:, 0]).sum())
