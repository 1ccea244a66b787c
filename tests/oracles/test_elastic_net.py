"""Elastic nets against those of scikit-learn, which minimises the same function, and their optimality conditions."""

import numpy as np
import pytest
from sklearn.linear_model import ElasticNet, LogisticRegression

import expfam as ef
from expfam.errors import ExpfamError, SolverError
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
    assert fit.certificate.steps <= 60


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


def test_what_has_no_standard_errors_says_so(columns):
    X, y, _ = columns
    fit = ef.glm_arrays(X, y, penalty=ef.ElasticNet(0.1))
    assert np.isnan(fit.se).all()
    with pytest.raises(ExpfamError, match="refit those that are not zero"):
        fit.known_covariance()
    assert fit.df_residual == 600 - np.count_nonzero(fit.coef)


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
