"""Every short cut ends where plain Newton ends: first-order solvers, reused information, QR, sums in many orders."""

import numpy as np
import pytest
from tests.laws._cases import apart

import expfam as ef
from expfam.design import Columns, assemble
from expfam.families import Categorical
from expfam.information import Full, Root, root
from expfam.links import Softmax
from expfam.objective import Data, Objective
from expfam.solvers import lbfgs, warm
from expfam.solvers.metrics import columns_at
from expfam.solvers.problem import ENOUGH
from expfam.solvers.secants import Diagonal, conjugate, direction, remember


def sample(family: str, n: int = 600) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(11)
    X = rng.normal(size=(n, 6)) @ np.tril(np.full((6, 6), 0.4) + np.eye(6)) + [0, 5, 0, 0, 100, 0]
    eta = (X - X.mean(axis=0)) @ [0.3, -0.2, 0.1, 0.0, 0.2, -0.1]
    y = {
        "gaussian": lambda: eta + rng.normal(size=n),
        "poisson": lambda: rng.poisson(np.exp(eta)),
        "bernoulli": lambda: rng.random(n) < 1 / (1 + np.exp(-eta)),
        "gamma": lambda: rng.gamma(2, np.exp(eta) / 2),
        "categorical": lambda: (eta[:, None] * [1, 0.3, -1, 0] + rng.gumbel(size=(n, 4))).argmax(axis=1),
    }[family]()
    return X, np.asarray(y, dtype=float)


FAMILIES = ("gaussian", "poisson", "bernoulli", "gamma", "categorical")
LINKS = {"gamma": "log"}


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("widest", [2500, 0], ids=["information", "diagonal"])
@pytest.mark.parametrize("penalty", [None, ef.Ridge(0.05)], ids=["plain", "ridge"])
def test_lbfgs_ends_where_newton_ends(family: str, widest: int, penalty: ef.Ridge | None) -> None:
    X, y = sample(family)
    options = {"family": family, "link": LINKS.get(family), "penalty": penalty}
    newton = ef.glm_arrays(X, y, **options)
    found = ef.glm_arrays(X, y, solver=ef.LBFGS(widest=widest), tol=1e-10, **options)
    assert found.converged
    assert found.coef == pytest.approx(newton.coef, rel=1e-6, abs=1e-7)
    assert found.se == pytest.approx(newton.se, rel=1e-5)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize(("unit", "weight"), [(1.0, 1.0), (1e5, 1e10), (1e30, 1e60), (1e11, 1e8), (1e-11, 1e-13)])
def test_steps_in_single_precision_end_where_newton_ends(
    family: str, unit: float, weight: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where weights, responses with a free dispersion, or their products are beyond what it can hold."""
    X, y = sample(family)
    y, weights = (y * unit if family in {"gaussian", "gamma"} else y), np.full(len(y), weight)
    options = {"family": family, "link": LINKS.get(family), "weights": weights, "penalty": ef.Ridge(0.05)}
    newton = ef.glm_arrays(X, y, **options)
    monkeypatch.setattr(lbfgs, "LONG", 1)
    found = ef.glm_arrays(X, y, solver=ef.LBFGS(widest=0), tol=1e-10, **options)
    assert found.converged
    assert found.coef == pytest.approx(newton.coef, rel=1e-6, abs=1e-7)


@pytest.mark.parametrize("family", FAMILIES)
def test_reused_information_ends_where_newton_ends(family: str, monkeypatch: pytest.MonkeyPatch) -> None:
    X, y = sample(family, 6000)
    options = {"family": family, "link": LINKS.get(family)}
    plain = ef.glm_arrays(X, y, **options)
    monkeypatch.setattr(warm, "LARGE", 1000)
    monkeypatch.setattr(warm, "LONG", 1000)
    found = ef.glm_arrays(X, y, **options)
    assert found.converged
    assert found.certificate.hessians < found.certificate.passes
    assert apart(found, plain) <= ENOUGH
    assert found.vcov() == pytest.approx(plain.vcov(), rel=1e-6, abs=1e-12)


def test_too_many_coefficients_have_no_covariance_but_predict() -> None:
    """1,100 columns and 4 classes: L-BFGS, no errors, and what asks for them says why."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(300, 1100))
    fit = ef.glm_arrays(X, rng.integers(0, 4, 300), family="categorical", penalty=ef.Ridge(1.0), tol=1e-6)
    assert fit.converged
    assert np.isnan(fit.se).all()
    assert fit.predict().shape == (300, 4)
    with pytest.raises(ef.ExpfamError, match="no covariance"):
        fit.vcov()


def test_secants_make_a_diagonal_metric_exact_on_a_quadratic() -> None:
    """After as many independent steps as there are coordinates, B^-1 y = s for every pair kept."""
    rng = np.random.default_rng(1)
    root_ = rng.normal(size=(4, 4))
    H = root_ @ root_.T + np.eye(4)
    secants = ()
    for _ in range(6):
        s = rng.normal(size=4)
        secants = remember(secants, s, H @ s)
    last = secants[-1]
    assert -direction(Diagonal(np.diagonal(H)), secants, last.y) == pytest.approx(last.s)
    assert remember(secants, np.ones(4), -np.ones(4)) is secants
    assert [len(remember(secants, last.s, last.y, memory)) for memory in (1, 3, 50)] == [1, 3, 7]


def test_conjugate_steps_end_after_as_many_as_the_metric_has_values() -> None:
    """On a quadratic M^1/2 Q diag(values) Q' M^1/2 in the metric M: at the minimum, as conjugate gradients are."""
    rng = np.random.default_rng(3)
    q, metric = np.linalg.qr(rng.normal(size=(12, 12)))[0], np.exp(rng.normal(size=12))
    H = np.sqrt(metric)[:, None] * (q * np.repeat([0.7, 1.0, 1.6], 4)) @ q.T * np.sqrt(metric)
    theta, least, secants = np.zeros(12), rng.normal(size=12), ()
    gradient = H @ (theta - least)
    for _ in range(4):
        step = conjugate(Diagonal(metric), secants, gradient)
        secants, theta, gradient = remember(secants, step, H @ step), theta + step, gradient + H @ step
    assert theta == pytest.approx(least, abs=1e-12)
    s, t = rng.normal(size=(2, 12))
    bent = remember(remember((), s, H @ s), t, H @ t + H @ s)
    assert np.array_equal(conjugate(Diagonal(metric), bent, least), direction(Diagonal(metric), bent, least))


@pytest.mark.parametrize("far", [0.0, 3.0, 300.0])
def test_the_metric_of_columns_is_definite_and_has_the_diagonal_of_the_information(far: float) -> None:
    """Also where one class has all the weight, or none is left."""
    rng = np.random.default_rng(7)
    X = rng.normal(size=(400, 3))
    design = assemble((Columns(("Intercept",)), Columns(("u", "v", "w"), values=X)), len(X))
    y, one = rng.integers(0, 5, len(X)).astype(float), np.ones(len(X))
    family = Categorical(5)
    data = Data(design, y, family.conjugate(family.T(y)), one, None)
    objective = Objective(family, Softmax(), ef.Ridge(0.01).bind(design.names), data)
    theta = far * rng.normal(size=(4, 4))
    metric, information = columns_at(objective, theta), objective(theta).hessian.matrix
    for j in range(4):
        unit = np.zeros((4, 4, 4))
        unit[:, j] = np.eye(4)
        inverse = np.array([metric.solve(e)[j] for e in unit])
        assert inverse == pytest.approx(inverse.T, rel=1e-9)
        assert np.linalg.eigvalsh(inverse)[0] > 0
        if far < 300:
            own = information[j::4, j::4]
            assert np.diagonal(np.linalg.inv(inverse)) == pytest.approx(np.diagonal(own), rel=1e-9)


def test_a_direction_in_single_precision_is_that_in_double() -> None:
    rng = np.random.default_rng(4)
    metric = Diagonal(np.exp(rng.normal(size=(50, 3))))
    double: tuple = ()
    single: tuple = ()
    for s in rng.normal(size=(5, 50, 3)):
        double = remember(double, s, metric.values * s + 0.1 * s)
        single = remember(single, s.astype(np.float32), (metric.values * s + 0.1 * s).astype(np.float32))
    gradient = rng.normal(size=(50, 3))
    found = direction(metric, single, gradient.astype(np.float32))
    assert found.dtype == np.float32
    assert found == pytest.approx(direction(metric, double, gradient), rel=1e-4, abs=1e-5)


def test_a_root_is_its_information() -> None:
    rng = np.random.default_rng(2)
    X, z = rng.normal(size=(40, 5)), rng.normal(size=40)
    one, other = root(X[:15], z[:15]), root(X[15:], z[15:])
    both, full = one + other, Full(X.T @ X)
    assert isinstance(both, Root)
    assert both.matrix == pytest.approx(full.matrix)
    assert both.diagonal == pytest.approx(full.diagonal)
    assert both.solution == pytest.approx(np.linalg.lstsq(X, z, rcond=None)[0])
    assert both.plus(np.ones(5), np.eye(5)).matrix == pytest.approx(full.plus(np.ones(5), np.eye(5)).matrix)
    assert (both * 3.0).matrix == pytest.approx((full * 3.0).matrix)
    vector = rng.normal(size=5)
    assert both.times(vector) == pytest.approx(full.times(vector))
    assert both.factor().solve(vector) == pytest.approx(full.factor().solve(vector))
    assert root(X[:2]).matrix == pytest.approx(X[:2].T @ X[:2])


@pytest.mark.parametrize("seed", range(8))
def test_a_singular_root_is_not_definite(seed: int) -> None:
    """Whatever rounding has made of the sums of squares."""
    X = np.random.default_rng(seed).normal(size=(40, 5))
    found = root(np.column_stack([X, X[:, 0]])).factor()
    assert not found.definite
    assert found.condition == np.inf


def test_uncentred_and_huge_columns_cost_no_digits() -> None:
    """A year, a time stamp, a column in units of 1e9: the slopes of the same columns centred and scaled."""
    rng = np.random.default_rng(3)
    z = np.round(rng.normal(size=(500, 3)) * 1000) / 1000
    y = z @ [1.0, -2.0, 0.5] + rng.normal(size=500)
    moved = np.column_stack([2000 + 1000 * z[:, 0], 1.7e9 + 1e3 * z[:, 1], 1e9 * z[:, 2]])
    plain, fit = ef.glm_arrays(z, y), ef.glm_arrays(moved, y)
    assert fit.converged
    assert fit.coef[1:] * [1e3, 1e3, 1e9] == pytest.approx(plain.coef[1:], rel=1e-10)
    assert fit.se[1:] * [1e3, 1e3, 1e9] == pytest.approx(plain.se[1:], rel=1e-10)


def stamped(n: int, spread: float) -> dict[str, np.ndarray]:
    """Slopes in unix seconds by level and by a number, of two classes and three; u is t without its origin."""
    rng = np.random.default_rng(8)
    u, x, g = rng.uniform(0, spread, n).round(), rng.normal(size=n), rng.integers(0, 3, n)
    v = 5 * u / spread - 2.5
    eta = 0.3 * x + 0.2 * v * x + np.array([0, 0.3, -0.3])[g] * v
    k = (eta[:, None] * [1, 0, -0.5] + rng.gumbel(size=(n, 3))).argmax(axis=1)
    y = (rng.random(n) < 1 / (1 + np.exp(-eta))).astype(float)
    return {"y": y, "k": k.astype(str), "x": x, "g": g.astype(str), "t": 1.7e9 + u, "u": u}


@pytest.mark.parametrize("terms", ["x*{}", "g*{}", "x*{0} + g*{0}"])
@pytest.mark.parametrize(("n", "spread"), [(3000, 86400.0), (3000, 600.0), (20_000, 3600.0)])
def test_stochastic_steps_learn_products_with_a_time_stamp(terms: str, n: int, spread: float) -> None:
    """As they do with the same stamp without its origin."""
    data = stamped(n, spread)
    for response, family in [("y", "bernoulli"), ("k", "categorical")]:
        near, far = (
            ef.glm(f"{response} ~ {terms.format(name)}", data, family=family, solver="sgd") for name in ("u", "t")
        )
        gap = far.predict(data) - near.predict(data)
        assert np.abs(gap).max() < 0.02
        assert far.deviance == pytest.approx(near.deviance, rel=2e-5)
        way = far.known_learning()
        assert way.theta[-1] == pytest.approx(np.ravel(far.coef, order="F"), rel=1e-6)


@pytest.mark.parametrize("terms", ["x*{}", "g*{}", "x*{0} + g*{0}"])
@pytest.mark.parametrize("spread", [86400.0, 3600.0, 600.0])
def test_products_of_classes_with_a_time_stamp_are_kept(terms: str, spread: float) -> None:
    """With the errors that the same stamp without its origin has."""
    data = stamped(20_000, spread)
    near, far = (ef.glm(f"k ~ {terms.format(name)}", data, family="categorical") for name in ("u", "t"))
    assert not far.certificate.aliased
    assert far.predict(data) == pytest.approx(near.predict(data), abs=1e-5)
    own = [name.endswith(":t") for name in far.names]
    assert far.coef[own] == pytest.approx(near.coef[own], rel=1e-4)
    assert far.se[own] == pytest.approx(near.se[own], rel=1e-6)


@pytest.mark.parametrize("n", [50, 5000])
def test_the_root_of_an_information_of_classes_is_its_root(n: int) -> None:
    X, y = sample("categorical", n)
    near = ef.glm_arrays(X, y, family="categorical", penalty=ef.Ridge(0.01))
    here = near.at_rows()
    objective = here.problem.objective
    found, plain = objective.root(here.beta), objective(here.beta).hessian
    assert isinstance(plain, Full)
    assert found.matrix == pytest.approx(plain.matrix, rel=1e-9, abs=1e-9 * n)


def test_nearly_collinear_columns_keep_their_digits() -> None:
    """Columns that differ by 1e-6 of their size, where X'WX loses 12 digits of 16: QR finds the slopes."""
    rng = np.random.default_rng(4)
    a, b = rng.normal(size=(2, 300))
    X = np.column_stack([a, a + 2.0**-20 * b])
    with pytest.warns(ef.ConvergenceWarning, match="meets every response"):
        fit = ef.glm_arrays(X, 3 * X[:, 0] - 2 * X[:, 1] + 1)
    assert fit.coef == pytest.approx([1, 3, -2], rel=1e-8)
    assert fit.certificate.condition > 1e11


@pytest.mark.parametrize("apart", [1e-3, 1e-4])
def test_errors_by_the_gram_matrix_are_those_by_qr_to_seven_digits(
    apart: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of two columns so near to each other that its condition is 1e6 to 1e9: the design counts as dear from DEAR on."""
    rng = np.random.default_rng(3)
    X = rng.normal(size=(3_000, 4))
    X[:, 3] = X[:, 0] + apart * X[:, 3]
    y = rng.poisson(np.exp(0.3 * X[:, 1])).astype(float)
    by_qr = ef.glm_arrays(X, y, family="poisson")
    monkeypatch.setattr("expfam.solvers.problem.DEAR", 0.0)
    by_gram = ef.glm_arrays(X, y, family="poisson")
    assert 1e6 < by_gram.certificate.condition < 1e9
    assert by_gram.certificate.condition == pytest.approx(by_qr.certificate.condition, rel=0.5)
    assert not np.array_equal(by_gram.se, by_qr.se)
    assert by_gram.se == pytest.approx(by_qr.se, rel=1e-7)
