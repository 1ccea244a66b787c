"""Elastic nets against those of scikit-learn, which minimises the same function, and their optimality conditions."""

import numpy as np
import pytest
from sklearn.linear_model import ElasticNet, LogisticRegression

import expfam as ef
from expfam.errors import ExpfamError, SolverError
from expfam.information import Full
from expfam.solvers import corner as corners
from expfam.solvers.corner import corner


@pytest.fixture(scope="module")
def columns():
    rng = np.random.default_rng(5)
    X = rng.normal(size=(600, 8)) * [1, 2, 3, 1, 1, 1, 10, 0.1] + [0, 1, 0, 0, 0, 0, 5, 0]
    line = X[:, 0] - 0.5 * X[:, 1] + 0.2 * X[:, 6] - 1
    return X, line + rng.normal(size=600), (rng.random(600) < 1 / (1 + np.exp(-line))).astype(float)


@pytest.mark.parametrize("ratio", [0.3, 1.0])
def test_gaussian_means_are_those_of_scikit_learn(columns, ratio):
    X, y, _ = columns
    fit = ef.glm_arrays(X, y, penalty=ef.ElasticNet(0.1, ratio))
    other = ElasticNet(alpha=0.1, l1_ratio=ratio, tol=1e-14, max_iter=100_000).fit(X, y)
    np.testing.assert_allclose(fit.coef[1:], other.coef_, rtol=0, atol=1e-10)
    assert fit.intercept == pytest.approx(other.intercept_, abs=1e-9)
    assert (fit.coef[1:] == 0).any()
    assert fit.certificate.converged


def test_classes_are_those_of_scikit_learn(columns):
    X, _, y = columns
    fit = ef.glm_arrays(X, y, family="bernoulli", penalty=ef.ElasticNet(0.02, 0.7), tol=1e-10)
    options = {"l1_ratio": 0.7, "C": 1 / (600 * 0.02), "solver": "saga", "max_iter": 100_000, "tol": 1e-10}
    other = LogisticRegression(**options).fit(X, y)
    np.testing.assert_allclose(fit.coef[1:], other.coef_[0], rtol=0, atol=1e-6)


@pytest.mark.parametrize("family", ["poisson", "gamma", "categorical"])
def test_no_subgradient_is_nearer_to_zero_than_what_the_certificate_says(family):
    rng = np.random.default_rng(6)
    X = rng.normal(size=(400, 6))
    y = {
        "poisson": rng.poisson(np.exp(0.4 * X[:, 0])),
        "gamma": rng.gamma(2.0, np.exp(0.4 * X[:, 0])),
        "categorical": rng.integers(0, 3, 400) + 3 * (X[:, 0] > 1),
    }[family]
    link = {"gamma": "log"}.get(family)
    fit = ef.glm_arrays(X, y, family=family, link=link, penalty=ef.ElasticNet(0.05, 1.0))
    mu = fit.predict(X)
    if family == "categorical":
        T = np.eye(mu.shape[1])[np.searchsorted(np.unique(y), y)]
        score = (mu - T)[:, :-1]
    else:
        score = (mu - y) if family == "poisson" else 1 - y / mu
    slope = X.T @ score / len(X)
    theta = fit.coef[1:]
    assert np.abs(slope[theta == 0]).max(initial=0) <= 0.05 + 1e-7
    np.testing.assert_allclose(slope[theta != 0], -0.05 * np.sign(theta[theta != 0]), rtol=0, atol=1e-7)
    assert (theta == 0).any()


@pytest.mark.parametrize("family", ["poisson", "categorical"])
def test_the_raw_figure_is_of_the_subgradient_in_own_units(family):
    rng = np.random.default_rng(8)
    X = rng.normal(size=(200, 4)) * [1, 1, 1, 10] + [1e5, 0, 3, 0]
    line = 0.5 * X[:, 1] - X[:, 2]
    y = rng.poisson(np.exp(line)) if family == "poisson" else np.digitize(line + rng.logistic(size=200), [-4, -2])
    fit = ef.glm_arrays(X, y, family=family, penalty=ef.ElasticNet(0.05, 0.9), tol=1e-3)
    mu, Z = fit.predict(X), np.column_stack([np.ones(200), X])
    T = np.eye(3)[y] if family == "categorical" else y
    theta, l1 = fit.coef, np.full(fit.coef.shape, 0.05 * 0.9)
    l1[0] = 0
    slope = Z.T @ (mu - T)[..., :-1] / 200 if family == "categorical" else Z.T @ (mu - T) / 200
    slope = slope + 0.05 * 0.1 * theta * (l1 > 0)
    nearest = np.where(theta == 0, np.maximum(np.abs(slope) - l1, 0), np.abs(slope + l1 * np.sign(theta)))
    assert fit.certificate.raw == pytest.approx(nearest.max(), rel=1e-6)
    assert (theta == 0).any()


def mean_loss(X, y, coef, penalty):
    theta, share = coef[1:], penalty.l1_ratio
    held = share * abs(theta).sum() + (1 - share) / 2 * theta @ theta
    return np.mean((y - coef[0] - X @ theta) ** 2) / 2 + penalty.strength * held


def more_than_rows(rng):
    return rng.normal(size=(20, 40))


def all_dummies(rng):
    return np.eye(3)[np.arange(40) % 3]


def twice_in_other_units(rng):
    once = rng.normal(size=(30, 2))
    return np.column_stack([once, 1000 * once])


@pytest.mark.parametrize("ratio", [0.5, 1.0])
@pytest.mark.parametrize("strength", [0.002, 0.1])
@pytest.mark.parametrize("columns_of", [more_than_rows, all_dummies, twice_in_other_units])
def test_dependent_columns_are_chosen_among_by_the_penalty(columns_of, strength, ratio):
    rng = np.random.default_rng(0)
    X = columns_of(rng)
    y = 3 * X[:, -1] / X[:, -1].std() + X[:, 0] + 0.1 * rng.normal(size=len(X))
    penalty = ef.ElasticNet(strength, ratio)
    fit = ef.glm_arrays(X, y, penalty=penalty)
    other = ElasticNet(alpha=strength, l1_ratio=ratio, tol=1e-14, max_iter=1_000_000).fit(X, y)
    best = mean_loss(X, y, np.append(other.intercept_, other.coef_), penalty)
    assert fit.converged
    assert fit.kept.all()
    assert mean_loss(X, y, fit.coef, penalty) <= best * (1 + 1e-10)


@pytest.mark.parametrize("family", ["bernoulli", "poisson", "categorical"])
def test_more_columns_than_rows_have_an_optimum_in_every_family(family):
    rng = np.random.default_rng(1)
    X = rng.normal(size=(30, 80))
    X[:, 40:] = -2 * X[:, :40]
    line = X[:, 0] - X[:, 1]
    y = {"bernoulli": (line > 0) * 1.0, "poisson": rng.poisson(np.exp(line)), "categorical": np.digitize(line, [-1, 1])}
    fit = ef.glm_arrays(X, y[family], family=family, penalty=ef.ElasticNet(0.05))
    assert fit.converged, "separated rows, too, leave a penalised coefficient finite"
    mu = fit.predict(X)
    T = np.eye(3)[y["categorical"]] if family == "categorical" else y[family]
    score = (mu - T)[:, :-1] if family == "categorical" else mu - T
    slope, theta = X.T @ score / len(X), fit.coef[1:]
    assert np.abs(slope).max() <= 0.05 + 1e-7
    np.testing.assert_allclose(slope[theta != 0], -0.05 * np.sign(theta[theta != 0]), rtol=0, atol=1e-7)


def test_only_columns_without_penalty_are_aliased_and_only_among_themselves():
    rng = np.random.default_rng(2)
    x = rng.normal(size=50)
    y = 2 * x + rng.normal(size=50)
    fit = ef.glm_arrays(np.column_stack([x, x]), y, penalty=ef.ElasticNet({"x1": 0.1}))
    free = ef.glm_arrays(x[:, None], y)
    np.testing.assert_allclose(fit.coef, [free.coef[0], 0, free.coef[1]], rtol=1e-10)
    with pytest.warns(ef.errors.AliasWarning, match="x3"):
        fit = ef.glm_arrays(np.column_stack([x, x, x]), y, penalty=ef.ElasticNet({"x1": 0.1}))
    np.testing.assert_array_equal(fit.kept, [True, True, True, False])


def test_a_penalised_column_beside_one_that_separates_is_finite():
    rng = np.random.default_rng(3)
    X = rng.normal(size=(60, 2))
    with pytest.warns(ef.errors.SeparationWarning):
        fit = ef.glm_arrays(X, (X[:, 1] > 0) * 1.0, family="bernoulli", penalty=ef.ElasticNet({"x1": 0.01}))
    assert "x1" not in fit.certificate.separated
    assert "x2" in fit.certificate.separated
    fit = ef.glm_arrays(X, (X.sum(axis=1) > 0) * 1.0, family="bernoulli", penalty=ef.ElasticNet({"x1": 0.05}))
    assert fit.converged


@pytest.mark.parametrize("seed", range(8))
def test_large_terms_that_cancel_do_not_stop_it(seed):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(300, 6))
    y = rng.poisson(1e4 * np.exp(0.1 * X[:, 0] - 0.05 * X[:, 1]))
    fit = ef.glm_arrays(X, y, family="poisson", penalty=ef.ElasticNet(10 ** rng.uniform(-2, 2)))
    assert fit.converged
    assert fit.certificate.steps <= 6


def test_more_curvature_than_expected_does_not_slow_it():
    rng = np.random.default_rng(7)
    X = rng.normal(size=(30, 60))
    y = rng.gamma(2, np.exp(X[:, :3] @ [1, -1, 0.5]))
    fit = ef.glm_arrays(X, y, family="gamma", link="log", penalty=ef.ElasticNet(0.7, 0.5))
    assert fit.converged
    assert fit.certificate.steps <= 10


@pytest.mark.parametrize("strength", [0.0, 1e-4, 0.05])
def test_a_row_that_outweighs_all_others_does_not_stop_it(strength):
    rng = np.random.default_rng(0)
    X, offset = rng.normal(size=(300, 3)), np.zeros(300)
    offset[0] = 50
    y = rng.poisson(np.exp(X @ [0.5, -1, 0.3])).astype(float)
    penalty = ef.ElasticNet(strength, 1.0)
    fit = ef.glm_arrays(X, y, family="poisson", offset=offset, penalty=penalty, solver="proximal")
    assert fit.converged
    slope, theta = X.T @ (np.exp(fit.intercept + X @ fit.coef[1:] + offset) - y) / 300, fit.coef[1:]
    np.testing.assert_allclose(slope, -strength * np.sign(theta), rtol=0, atol=1e-6)


def test_a_model_of_other_curvature_is_solved_as_fast_as_by_newton():
    rng = np.random.default_rng(0)
    X, offset = rng.normal(size=(300, 3)), 20 * rng.normal(size=300)
    y = rng.gamma(2, np.exp(X @ [0.5, -1, 0.3]) / 2)
    options = {"family": "gamma", "link": "log", "offset": offset}
    fits = {name: ef.glm_arrays(X, y, solver=name, **options) for name in ("newton", "proximal")}
    np.testing.assert_allclose(fits["proximal"].coef, fits["newton"].coef, rtol=1e-6)
    np.testing.assert_allclose(fits["proximal"].se, fits["newton"].se, rtol=1e-6)
    assert fits["proximal"].certificate.steps <= fits["newton"].certificate.steps


@pytest.mark.parametrize("apart", [0.0, 1e-6, 1e-3])
def test_corners_of_nearly_equal_columns_are_met_at_once(apart):
    rng = np.random.default_rng(4)
    once = rng.normal(size=(200, 4))
    X = np.column_stack([once, once + apart * rng.normal(size=once.shape)])
    H, bound = X.T @ X, np.full(8, 5.0)
    gradient = -X.T @ (once @ [3, -2, 1, 0] + rng.normal(size=200))
    step = corner(H, gradient, bound, np.zeros(8))
    slope = gradient + H @ step
    assert np.abs(slope).max() <= 5 + 1e-8
    np.testing.assert_allclose(slope[step != 0], -5 * np.sign(step[step != 0]), rtol=0, atol=1e-8)


def test_a_column_that_leaves_a_face_costs_no_factorisation(monkeypatch):
    rng = np.random.default_rng(0)
    once = rng.normal(size=(120, 60))
    X = np.column_stack([once, once + 1e-7 * rng.normal(size=once.shape)])
    H, bound, gradient = X.T @ X, np.full(120, 1.0), -X.T @ (once[:, :5].sum(axis=1) + rng.normal(size=120))
    sizes = []
    monkeypatch.setattr("expfam.solvers.corner.Full", lambda matrix: sizes.append(len(matrix)) or Full(matrix))
    step = corner(H, gradient, bound, np.zeros(120))
    slope = gradient + H @ step
    assert np.abs(slope).max() <= 1 + 1e-8
    np.testing.assert_allclose(slope[step != 0], -np.sign(step[step != 0]), rtol=0, atol=1e-8)
    assert len(sizes) < 25, "more than forty columns leave, one after the other"


@pytest.fixture
def sweeps(monkeypatch):
    """A list that is as long as there were sweeps."""
    counted = []
    sweep = corners._sweep
    monkeypatch.setattr(corners, "_sweep", lambda *at: counted.append(1) or sweep(*at))
    return counted


@pytest.mark.parametrize("unit", [2.0**-100, 2.0**30, 2.0**80])
def test_units_change_no_sweep(unit, sweeps):
    rng = np.random.default_rng(2)
    X = rng.normal(size=(300, 30))
    H, gradient, bound = X.T @ X, -X.T @ (X[:, :3] @ [0.5, -1, 0.3] + rng.normal(size=300)), np.full(30, 20.0)
    step = corner(H, gradient, bound, np.ones(30))
    plain = len(sweeps)
    np.testing.assert_allclose(corner(unit * H, unit * gradient, unit * bound, np.ones(30)), step, rtol=0, atol=1e-12)
    assert len(sweeps) == 2 * plain
    slope = gradient + H @ step
    assert np.abs(slope[step == -1]).max() <= 20 + 1e-10
    signs = np.sign(1 + step[step != -1])
    np.testing.assert_allclose(slope[step != -1], -20 * signs, rtol=0, atol=1e-10)


@pytest.mark.filterwarnings("ignore::expfam.errors.ConvergenceWarning")
@pytest.mark.parametrize(("counts", "tol"), [(1.0, 1e-300), (1e12, 1e-8)])
def test_sweeps_end_at_rounding(counts, tol, sweeps):
    rng = np.random.default_rng(1)
    X = rng.normal(size=(300, 3))
    y = np.round(counts * rng.poisson(np.exp(X @ [0.5, -1, 0.3])))
    fit = ef.glm_arrays(X, y, family="poisson", penalty=ef.ElasticNet(1e-4 * counts, 0.5), tol=tol)
    assert len(sweeps) < 1000
    assert fit.certificate.gradient < 1e-8


def test_what_has_no_standard_errors_says_so(columns):
    X, y, _ = columns
    fit = ef.glm_arrays(X, y, penalty=ef.ElasticNet(0.1))
    assert np.isnan(fit.se).all()
    with pytest.raises(ExpfamError, match="refit those that are not zero"):
        fit.known_covariance()
    assert fit.df_residual == 600 - np.count_nonzero(fit.coef)


ERRORS = {
    **{kind: lambda fit, kind=kind: fit.vcov(kind) for kind in ("model", "observed", "HC0", "HC3")},
    "cluster": lambda fit: fit.vcov(cluster=np.arange(600) % 20),
    "hac": lambda fit: fit.vcov({"hac": 2}),
    "bootstrapped": lambda fit: fit.vcov({"bootstrap": 5}),
    "carried": lambda fit: fit.with_vcov("HC0"),
    "bootstrap": lambda fit: fit.bootstrap(5),
    "parametric": lambda fit: fit.bootstrap(5, kind="parametric"),
    "profile": lambda fit: fit.confint(method="profile"),
    "score": lambda fit: fit.confint(method="score"),
    "profile of one": lambda fit: fit.confint(method="profile", names=["x1"]),
    "picture": lambda fit: fit.plot.profile("x1"),
    "influence": lambda fit: fit.influence(),
    "vif": lambda fit: fit.vif(),
    "at once": lambda fit: ef.glm_arrays(fit.source.data, fit.source.y, penalty=fit.model.penalty, vcov="HC0"),
}


@pytest.mark.parametrize("name", ERRORS)
def test_whatever_is_made_of_errors_is_refused_as_they_are(columns, name):
    X, y, _ = columns
    fit = ef.glm_arrays(X, y, penalty=ef.ElasticNet(0.1))
    with pytest.raises(ExpfamError, match="selected have no standard errors"):
        ERRORS[name](fit)


def test_what_needs_no_errors_is_answered(columns):
    X, y, _ = columns
    fit = ef.glm_arrays(X, y, penalty=ef.ElasticNet(0.1))
    np.testing.assert_allclose(fit.residuals(kind="response"), y - fit.predict(), rtol=0, atol=1e-12)
    assert len(fit.checks())
    assert fit.plot.residuals_fitted().data
    ridge = ef.glm_arrays(X, y, penalty=ef.ElasticNet(0.1, 0.0), vcov="HC0")
    np.testing.assert_allclose(ridge.se, ef.glm_arrays(X, y, penalty=ef.Ridge(0.1), vcov="HC0").se, rtol=1e-9)


def test_what_cannot_be_solved_is_refused(columns):
    X, y, _ = columns
    with pytest.raises(SolverError, match="proximal"):
        ef.glm_arrays(X, y, penalty=ef.ElasticNet(0.1), solver="newton")
    with pytest.raises(SolverError, match="l1_ratio"):
        ef.glm_arrays(X, y, penalty=ef.ElasticNet(0.1, 1.5))
    with pytest.raises(SolverError, match="intercept"):
        ef.glm_arrays(X, y, penalty=ef.ElasticNet({"Intercept": 0.1}))


def test_a_fit_with_zeros_is_kept_in_its_file(columns, tmp_path):
    X, y, _ = columns
    fit = ef.glm_arrays(X, y, penalty=ef.ElasticNet({"x1": 0.1, "x4": 0.2}, 0.8))
    fit.save(tmp_path / "fit.json")
    loaded = ef.load(tmp_path / "fit.json")
    np.testing.assert_array_equal(loaded.coef, fit.coef)
    assert loaded.model.penalty.to_dict() == fit.model.penalty.to_dict()


@pytest.mark.filterwarnings("ignore::expfam.errors.ConvergenceWarning")
def test_at_an_edge_of_the_means_fishers_information_leads_further_along():
    """A share of one by the log link: the step by the observed information ends where it meets the edge."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(80, 6))
    X[:, 5] = X[:, 0] + 0.01 * rng.normal(size=80)
    y = (rng.random(80) < 1 / (1 + np.exp(0.6 * X[:, 1] - 0.8 * X[:, 0]))) * 1.0
    for strength, reached in ((0.02, 0.5625), (0.1, 0.6142)):
        fit = ef.glm_arrays(X, y, family="bernoulli", link="log", penalty=ef.ElasticNet(strength, 1.0), max_iter=300)
        assert fit.deviance / 160 + strength * np.abs(fit.coef[1:]).sum() < reached
