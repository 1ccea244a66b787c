"""The laws of the exponential family, (1) to (4), held by every entry of FAMILIES."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from scipy.special import gammaln, ive, ndtr

from expfam.errors import FamilyError, ModelFileError, ResponseError
from expfam.families import (
    FAMILIES,
    Bernoulli,
    Binomial,
    Categorical,
    Family,
    Gamma,
    Gaussian,
    InverseGaussian,
    NegativeBinomial,
    Poisson,
    QuasiPoisson,
    Tweedie,
    family,
    from_dict,
)
from expfam.families._saddle import SMALL, SMOOTH
from expfam.families.tweedie import MANY, _log_series
from laws._cases import FAMILY_CASES, LIKELIHOOD, SCALAR, label, means, points, slope

every = pytest.mark.parametrize("case", FAMILY_CASES, ids=label)
scalar = pytest.mark.parametrize("case", SCALAR, ids=label)
likely = pytest.mark.parametrize("case", LIKELIHOOD, ids=label)
few = settings(max_examples=15, deadline=None)
COUNTED = (Poisson, Binomial, Bernoulli, NegativeBinomial)


def counted(case):
    return isinstance(case, COUNTED) or case == Tweedie(1)


def test_every_family_of_the_index_is_tested():
    assert {type(case) for case in FAMILY_CASES} >= set(FAMILIES.values())
    assert all(cls.name == name for name, cls in FAMILIES.items())


@scalar
@few
@given(u=points())
def test_the_mean_is_the_gradient_and_the_variance_the_curvature_of_a(case, u):
    mu = means(case, u)
    psi, V = case.natural(mu), case.variance(mu)
    h = 1e-3 * np.minimum(1 / np.sqrt(V), np.sqrt(1 + mu**2) / V)
    if case.mean_domain[0] == 0:
        h = np.minimum(h, 1e-3 * mu * np.maximum(1 - mu, 0.01) / V)
    np.testing.assert_allclose(case.mean(psi), mu, rtol=1e-12, atol=1e-13)
    np.testing.assert_allclose(slope(case.a, psi, h), mu, rtol=1e-7, atol=1e-8)
    np.testing.assert_allclose(slope(case.mean, psi, h), V, rtol=1e-7)
    np.testing.assert_allclose(case.variance_at(psi), V, rtol=1e-11)


@scalar
@few
@given(u=points())
def test_the_slope_of_the_variance(case, u):
    mu = means(case, u)
    h = 1e-3 * (1 if np.isinf(case.mean_domain[0]) else np.minimum(mu, np.maximum(1 - mu, 0.01)))
    np.testing.assert_allclose(case.dvariance(mu), slope(case.variance, mu, h), rtol=1e-7, atol=1e-7)


@pytest.mark.parametrize("k", [2, 3, 5])
@few
@given(u=points(3.0, size=3))
def test_the_vector_family_has_the_same_gradient_and_curvature(k, u):
    case = Categorical(k)
    psi = np.outer(u, np.arange(1, k) / k) + 0.1
    mu, V, h = case.mean(psi), case.variance_at(psi), 1e-3
    for j, step in enumerate(np.eye(k - 1)):
        along = np.zeros(len(psi))
        grad = slope(lambda s, step=step: case.a(psi + s[:, None] * step), along, h)
        curve = [
            slope(lambda s, i=i, step=step: case.mean(psi + s[:, None] * step)[:, i], along, h) for i in range(k - 1)
        ]
        np.testing.assert_allclose(grad, mu[:, j], rtol=1e-8, atol=1e-10)
        np.testing.assert_allclose(np.array(curve).T, V[:, :, j], rtol=1e-7, atol=1e-9)
    np.testing.assert_allclose(case.natural(mu), psi, rtol=1e-9, atol=1e-12)


@every
@few
@given(u=points(3.5), v=points(3.5))
def test_the_loss_is_fenchel_young_and_zero_at_the_mean_alone(case, u, v):
    t, mu = means(case, u), means(case, v)
    loss, young = case.loss(t, mu), case.fenchel_young(t, case.natural(mu))
    scale = 1 + np.abs(case.conjugate(t)) + np.abs(case.a(case.natural(mu)))
    scale += np.abs(case.inner(case.natural(mu), t))
    assert np.all(np.abs(loss - young) <= 1e-12 * scale)
    assert np.all(loss >= 0)
    assert np.all(case.loss(mu, mu) <= 1e-15 * scale)
    apart = np.abs(u - v) > 1e-3
    assert np.all(loss[apart] > 0)


@pytest.mark.parametrize("case", [c for c in SCALAR if not isinstance(c, Family)], ids=label)
def test_near_the_mean_the_loss_is_half_the_squared_pearson_residual(case):
    mu = means(case, np.linspace(-2, 2, 9))
    t = mu + 1e-6 * np.sqrt(case.variance(mu)) * np.minimum(1, np.sqrt(case.variance(mu)))
    pearson = (t - mu) ** 2 / (2 * case.variance(mu))
    np.testing.assert_allclose(case.loss(t, mu), pearson, rtol=2e-3)


@pytest.mark.parametrize("case", [Poisson(), NegativeBinomial(2), Tweedie(1.5), Binomial(), QuasiPoisson()])
def test_zero_is_a_response_like_others(case):
    t, mu = np.zeros(3), np.array([0.1, 0.5, 0.9])
    np.testing.assert_allclose(case.loss(t, mu), case.a(case.natural(mu)), rtol=1e-13)
    assert case.deviance(t, mu) == pytest.approx(2 * case.loss(t, mu).sum())


# ---- densities ----


def lattice(case, weight):
    top = weight if isinstance(case, Binomial) else 1 if isinstance(case, Bernoulli) else 600 * weight
    return np.arange(top + 1) / (1 if isinstance(case, Bernoulli) else weight)


def total(case, f, mu, phi, weight):
    """sum or integral of f(y) p(y); the trapezoidal rule in log y is exact to rounding for a smooth density."""
    s = np.linspace(-230, 9, 16_001)
    if counted(case):
        y, step = lattice(case, weight), 1.0
    elif case.mean_domain[0] < 0:
        y, step = s[s > -9], s[1] - s[0]
    else:
        y = np.exp(s)
        step = y * (s[1] - s[0])
    mass = f(y) * np.exp(case.log_density(y, np.full(y.shape, mu), phi, weight)) * step
    at_zero = np.zeros(1)
    atom = f(at_zero) * case.cdf(at_zero, np.full(1, mu), phi, weight) if getattr(case, "compound", False) else 0.0
    return float(np.sum(mass) + np.sum(atom))


@pytest.mark.parametrize(("phi", "weight"), [(1.0, 1), (0.4, 1), (0.3, 2)])
@pytest.mark.parametrize("case", [c for c in LIKELIHOOD if c.name != "pareto"], ids=label)
def test_the_density_has_mass_one_mean_mu_and_variance_phi_v_over_w(case, phi, weight):
    phi = 1.0 if counted(case) else phi
    if isinstance(case, Bernoulli):
        weight = 1
    mu = 0.4 if case.mean_domain[1] == 1 else 1.7
    assert total(case, np.ones_like, mu, phi, weight) == pytest.approx(1, abs=1e-10)
    assert total(case, lambda y: y, mu, phi, weight) == pytest.approx(mu, rel=1e-10)
    V = float(case.variance(np.array([mu]))[0]) * phi / weight
    assert total(case, lambda y: (y - mu) ** 2, mu, phi, weight) == pytest.approx(V, rel=1e-9)


def test_the_users_density_is_the_pareto_density():
    case = next(c for c in LIKELIHOOD if c.name == "pareto")
    y, alpha = np.array([1.1, 2.0, 9.0]), 2.5
    np.testing.assert_allclose(
        case.log_density(y, np.full(3, 1 / alpha)), np.log(alpha) - (alpha + 1) * np.log(y), rtol=1e-13
    )


@likely
def test_the_density_is_b_times_the_exponential(case):
    mu = means(case, np.linspace(-1, 1, 5))
    y = np.array([0.0, 1, 1, 0, 1]) if case.mean_domain[1] == 1 else np.array([1.5, 1.25, 2, 3, 7])
    phi, weight = (1.0, 2.0) if counted(case) else (0.6, 1.5)
    psi, t = case.natural(mu), case.T(y)
    direct = case.log_b(y, phi, weight) + weight * (psi * t - case.a(psi)) / phi
    np.testing.assert_allclose(case.log_density(y, mu, phi, weight), direct, rtol=1e-10)


def test_densities_at_single_points():
    y, mu = np.array([3.0]), np.array([2.2])
    assert Poisson().log_density(y, mu)[0] == pytest.approx(3 * np.log(2.2) - 2.2 - np.log(6))
    assert Gaussian().log_density(y, mu, 2.0)[0] == pytest.approx(-0.64 / 4 - np.log(4 * np.pi) / 2)
    share = Binomial().log_density(np.array([0.3]), np.array([0.25]), weight=10.0)[0]
    assert share == pytest.approx(np.log(120 * 0.25**3 * 0.75**7))
    two = Categorical(3).log_density(np.array([0.0, 2.0]), np.array([[0.2, 0.5], [0.2, 0.5]]))
    np.testing.assert_allclose(two, np.log([0.2, 0.3]))
    zero = Tweedie(1.5).log_density(np.zeros(1), mu, 0.8)[0]
    assert zero == pytest.approx(-np.sqrt(2.2) / (0.8 * 0.5))


@pytest.mark.parametrize("k", [1e-3, 1.0, 49.9, 50.1, 1e4, 1e9, 1e14, 1e200])
def test_the_gamma_density_at_its_mean_keeps_its_digits(k):
    """k log k - k - log Gamma(k) = log(k / (2 pi)) / 2 less Stirling's remainder."""
    y = np.array([0.5, 7.0])
    direct = k * (np.log(k) - 1) - gammaln(k)
    known = direct if k < 60 else np.log(k / (2 * np.pi)) / 2 - 1 / (12 * k) + k**-3.0 / 360
    np.testing.assert_allclose(Gamma().log_saturated(y, k), known - np.log(y), rtol=1e-11)


def test_the_tweedie_series_stays_right_over_many_orders_of_size():
    """At p = 1.5 the series is a Bessel function I_1: log b = log(z I_1(2 z) ...) in closed form."""
    for y, phi in [(1e-6, 1.0), (0.3, 0.7), (50.0, 0.01), (2e3, 1e-4)]:
        root = 4 * np.sqrt(y) / phi
        closed = np.log(ive(1, root)) + root + np.log(2 / (phi * np.sqrt(y)))
        for power in (1.5, np.nextafter(1.5, 2)):  # the one in closed form, the other term by term
            got = Tweedie(power).log_b(np.array([y]), phi)[0]
            assert got == pytest.approx(closed, rel=1e-11, abs=1e-8)


def test_the_closed_form_of_the_tweedie_series_is_its_first_term_where_that_is_all():
    y, k = np.array([1e-300, 1e-10, 1e-3]), np.array([1e-5, 1e-300, 1e-200])
    term = np.log(k * y / 0.5) + np.log(k / 0.5) - np.log(y)
    np.testing.assert_allclose(_log_series(1.5, y, k), term, atol=1e-12)  # rounding of log y = -691
    np.testing.assert_allclose(_log_series(np.nextafter(1.5, 2), y, k), term, atol=1e-12)


@pytest.mark.parametrize("phi", [0.1, 1e-2, 1e-4, 1e-8, 1e-15, 1e-100])
def test_the_tweedie_density_of_a_small_dispersion_keeps_its_digits(phi):
    """At p = 1.5 log p(y; mu = y) = log(e^-r I_1(r)) + log(r / (2 y)) at r = 4 sqrt(y) / phi, however large."""
    y = np.array([0.2, 3.0, 40.0])
    root = 4 * np.sqrt(y) / phi
    bessel = np.where(root < 1e6, np.log(ive(1, np.minimum(root, 1e6))), -np.log(2 * np.pi * root) / 2 - 3 / (8 * root))
    np.testing.assert_allclose(Tweedie(1.5).log_saturated(y, 1 / phi), bessel + np.log(root / (2 * y)), rtol=1e-12)


@pytest.mark.parametrize("p", [1.01, 1.1, 1.3, 1.6, 1.9, 1.99])
def test_the_saddlepoint_goes_on_where_the_tweedie_series_ends(p):
    """Both say the same of a dispersion where the one is taken no more and the other is not yet."""
    end = min(SMALL, (p - 1) / (2 - p) / SMOOTH)
    y = np.array([1.0])
    for xi in (end * (1 - 1e-9), 0.3 * end):
        series = _log_series(p, y, 1 / np.array([xi])) + Tweedie(p).conjugate(y) / xi
        assert Tweedie(p).log_saturated(y, 1 / xi) == pytest.approx(series, abs=1e-9)


@pytest.mark.parametrize("p", [1.05, 1.5, 1.95])
def test_the_tweedie_distribution_function_of_a_small_dispersion(p):
    """It goes on where its sum ends, and where phi is least it is the normal one."""
    z = np.array([-2.0, -0.3, -1e-6, 0.0, 1e-4, 1.5])
    for mu in (0.1, 20.0):
        below, above = (
            Tweedie(p).cdf(mu + z * np.sqrt(phi * mu**p), np.full(6, mu), phi)
            for phi in (mu ** (2 - p) / MANY * np.array([1 + 1e-9, 1 - 1e-9]))
        )
        np.testing.assert_allclose(above, below, rtol=3e-7)
    sure = Tweedie(p).cdf(1 + 1e-12 * z, np.ones(6), 1e-24)
    np.testing.assert_allclose(sure, ndtr((1 + 1e-12 * z - 1) / 1e-12), rtol=1e-9)
    assert np.array_equal(Tweedie(p).cdf(np.array([-1.0, 0, 1e-300, 2]), np.ones(4), 1e-200), [0, 0, 0, 1])


def test_the_tweedie_series_is_summed_in_slabs_without_mixing_rows():
    rng = np.random.default_rng(3)
    y, phi = np.exp(rng.uniform(-6, 6, 3000)), np.exp(rng.uniform(-6, 1, 3000))
    together = Tweedie(1.3).log_b(y, phi)
    alone = [Tweedie(1.3).log_b(y[i : i + 1], phi[i : i + 1])[0] for i in range(0, 3000, 150)]
    np.testing.assert_allclose(together[::150], alone, rtol=1e-12)


# ---- distribution functions and draws ----


@pytest.mark.parametrize("case", [c for c in LIKELIHOOD if c.name != "pareto"], ids=label)
def test_the_distribution_function_sums_up_the_density(case):
    weight = 1 if isinstance(case, Bernoulli) else 3
    mu, phi = (0.4, 1.0) if case.mean_domain[1] == 1 else (1.7, 1.0 if counted(case) else 0.5)
    if counted(case):
        y = lattice(case, weight)[:40]
        at = np.full(y.shape, mu)
        mass = np.exp(case.log_density(y, at, phi, weight))
        np.testing.assert_allclose(case.cdf(y, at, phi, weight), np.cumsum(mass), rtol=1e-10)
        np.testing.assert_allclose(case.cdf_left(y, at, phi, weight), np.cumsum(mass) - mass, atol=1e-12)
        return
    y = np.array([0.2, 0.9, 1.6, 3.5])
    at = np.full(4, mu)
    density = np.exp(case.log_density(y, at, phi, weight))
    grown = slope(lambda v: case.cdf(v, at, phi, weight), y, np.full(4, 2e-3))
    np.testing.assert_allclose(grown, density, rtol=1e-6)
    np.testing.assert_allclose(case.cdf_left(y, at, phi, weight), case.cdf(y, at, phi, weight))
    np.testing.assert_allclose(case.cdf(100 * y + 90, at, phi, weight), 1, rtol=1e-12)
    if case.mean_domain[0] == 0:
        atom = np.exp(case.log_density(np.zeros(1), at[:1], phi, weight)) if case.outside(np.zeros(1))[0] == 0 else 0
        np.testing.assert_allclose(case.cdf(np.array([0.0]), at[:1], phi, weight), atom, rtol=1e-12)
        assert case.cdf_left(np.zeros(1), at[:1], phi, weight)[0] == 0 == case.cdf(-y, at, phi, weight)[0]


def test_the_categorical_distribution_function_follows_the_codes():
    mu, y = np.tile([0.2, 0.5], (3, 1)), np.array([0.0, 1.0, 2.0])
    np.testing.assert_allclose(Categorical(3).cdf(y, mu), [0.2, 0.7, 1.0])
    np.testing.assert_allclose(Categorical(3).cdf_left(y, mu), [0.0, 0.2, 0.7])


@pytest.mark.parametrize("case", [c for c in LIKELIHOOD if c.name != "pareto"], ids=label)
def test_draws_have_the_mean_the_variance_and_the_distribution(case):
    rng, n = np.random.default_rng(11), 20_000
    weight = 1 if isinstance(case, Bernoulli) else 4
    mu, phi = (0.3, 1.0) if case.mean_domain[1] == 1 else (2.5, 1.0 if counted(case) else 0.5)
    at = np.full(n, mu)
    y = case.draw(at, rng, phi, weight)
    case.check(y)
    V = float(case.variance(at[:1])[0]) * phi / weight
    assert abs(y.mean() - mu) < 5 * np.sqrt(V / n)
    squares = (y - mu) ** 2
    assert abs(squares.mean() - V) < 5 * squares.std() / np.sqrt(n)
    low, high = case.cdf_left(y, at, phi, weight), case.cdf(y, at, phi, weight)
    uniform = low + (high - low) * rng.random(n)
    assert abs(uniform.mean() - 0.5) < 5 / np.sqrt(12 * n)
    assert abs((uniform**2).mean() - 1 / 3) < 5 * 0.3 / np.sqrt(n)


@pytest.mark.parametrize("case", [Poisson(), NegativeBinomial(1e30), Tweedie(1.5)], ids=label)
def test_draws_of_counts_beyond_whole_numbers_are_normal(case):
    """Rates of 4e20 and more, where numpy draws no Poisson number."""
    n, phi = 2_000, 1e-20
    y = case.draw(np.full(n, 4.0), np.random.default_rng(3), phi)
    miss = (y - 4) / np.sqrt(phi * float(case.variance(np.array([4.0]))[0]))
    assert abs(miss.mean()) < 5 / np.sqrt(n)
    assert miss.std() == pytest.approx(1, rel=0.1)


def test_draws_of_classes_have_their_shares():
    mu = np.tile([0.2, 0.5], (20_000, 1))
    y = Categorical(3).draw(mu, np.random.default_rng(2))
    share = np.bincount(y.astype(int), minlength=3) / len(y)
    assert np.all(np.abs(share - [0.2, 0.5, 0.3]) < 5 * 0.5 / np.sqrt(len(y)))


@pytest.mark.parametrize("case", [c for c in FAMILY_CASES if not c.has_likelihood], ids=label)
def test_without_a_likelihood_the_reason_is_told(case):
    y = np.ones(2)
    for ask in (
        lambda: case.log_density(y, y),
        lambda: case.draw(y, np.random.default_rng()),
        lambda: case.cdf(y, y),
        lambda: case.loglik(y, 1.0),
    ):
        with pytest.raises(FamilyError, match=f"{case.name} family has no .*: "):
            ask()


# ---- log-likelihoods with R's constants ----


def test_log_likelihoods_have_rs_constants():
    y, mu, w = np.array([1.5, 2.5, 4.0]), np.array([2.0, 2.0, 4.5]), np.array([1.0, 2.0, 1.0])
    dev = Gaussian().deviance(y, mu, w)
    expected = -1.5 * (np.log(2 * np.pi * dev / 3) + 1) + np.log(2) / 2
    assert Gaussian().loglik(y, dev, w) == pytest.approx(expected)
    disp = (dev := Gamma().deviance(y, mu, w)) / 4
    assert Gamma().loglik(y, dev, w) == pytest.approx(np.sum(w * Gamma().log_density(y, mu, disp)))
    dev = InverseGaussian().deviance(y, mu, w)
    expected = -(4 * (np.log(2 * np.pi * dev / 4) + 1) + 3 * np.sum(w * np.log(y))) / 2
    assert InverseGaussian().loglik(y, dev, w) == pytest.approx(expected)
    dev = Poisson().deviance(y, mu, w)
    assert Poisson().loglik(y, dev, w) == pytest.approx(np.sum(w * Poisson().log_density(y, mu)))


@pytest.mark.parametrize("case", [c for c in LIKELIHOOD if c.name != "pareto"], ids=label)
def test_a_frequency_weight_stands_for_repeated_rows(case):
    share = case.mean_domain[1] == 1
    y, mu = (np.array([0.0, 1, 1]), np.array([0.3, 0.4, 0.8])) if share else (np.array([1.5, 2, 7]), np.arange(1.0, 4))
    f = np.array([1, 3, 2])
    once = case.loglik(y, case.deviance(y, mu, f), 1.0, f)
    again = case.loglik(np.repeat(y, f), case.deviance(np.repeat(y, f), np.repeat(mu, f)))
    assert once == pytest.approx(again)


# ---- checks, names, saving ----


@pytest.mark.parametrize(
    ("case", "bad", "remedy"),
    [
        (Poisson(), -1.0, "gaussian"),
        (Gamma(), 0.0, "Tweedie"),
        (InverseGaussian(), 0.0, "Tweedie"),
        (Binomial(), 1.2, "trials="),
        (Bernoulli(), 0.5, "binomial"),
        (NegativeBinomial(1), -2.0, "drop"),
        (Tweedie(1.5), -0.1, "drop"),
        (Tweedie(2.5), 0.0, "exact zeros"),
        (Categorical(3), 3.0, "0 ... k-1"),
        (Categorical(3), 0.5, "0 ... k-1"),
        (Gaussian(), np.nan, "drop or fill"),
        (Gaussian(), np.inf, "drop or fill"),
    ],
    ids=str,
)
def test_a_response_outside_the_support_is_named(case, bad, remedy):
    y = np.array([1.0, 1.0, bad, bad])
    with pytest.raises(ResponseError) as caught:
        case.check(y, "claims")
    for part in ("'claims'", "row 2", f"{bad:g}", "and 1 more", remedy):
        assert part in str(caught.value)
    case.check(y[:2], "claims")


def test_text_is_no_response_of_a_numeric_family():
    with pytest.raises(ResponseError, match="convert"):
        Poisson().check(np.array(["a", "b"]), "y")


def test_families_by_name_class_and_object():
    assert family("Poisson") == Poisson() == family(Poisson) == family(Poisson())
    assert family("inverse.gaussian") == InverseGaussian()
    with pytest.raises(FamilyError, match=r"did you mean 'poisson'.*tweedie"):
        family("poison")
    with pytest.raises(FamilyError, match=r"Tweedie\(power=1.5\)"):
        family("tweedie")
    with pytest.raises(FamilyError, match=r"NegativeBinomial\(theta=2\)"):
        family(NegativeBinomial)
    with pytest.raises(FamilyError, match="no family 3"):
        family(3)


def test_families_are_spelled_with_their_numbers():
    assert family("tweedie(1.5)") == family(" Tweedie( power = 1.5 )") == Tweedie(power=1.5)
    assert family("negative-binomial(theta=2)") == NegativeBinomial(theta=2)
    assert family("gaussian()") == family("gaussian")
    for text, says in (
        ("tweedie()", r"Tweedie\(power=1.5\)"),
        ("tweedie(p=1.5)", "takes power; got p=1.5"),
        ("poisson(2)", "takes no parameters"),
        ("tweedie(1.5", "not understood"),
        ("tweedie(__import__('os'))", "not understood"),
    ):
        with pytest.raises(FamilyError, match=says):
            family(text)


@pytest.mark.parametrize(
    ("other", "ours"),
    [("normal", "gaussian"), ("Logistic", "bernoulli"), ("logit", "bernoulli"), ("multinomial", "categorical"),
     ("softmax", "categorical"), ("nb", "negative_binomial")],
)  # fmt: skip
def test_names_of_other_libraries_lead_to_ours(other, ours):
    with pytest.raises(FamilyError, match=f"no family '{other}'; did you mean '{ours}'"):
        family(other)


@pytest.mark.parametrize("make", [lambda: Tweedie(0.5), lambda: Tweedie(np.nan), lambda: NegativeBinomial(0.0)])
def test_parameters_out_of_range_are_refused(make):
    with pytest.raises(FamilyError, match="must be"):
        make()


def test_one_class_is_no_categorical_response():
    with pytest.raises(ResponseError, match="1 class"):
        Categorical().with_classes(1)
    with pytest.raises(FamilyError, match="k=3"):
        Categorical().T(np.zeros(2))


@every
def test_families_are_saved_as_json(case):
    saved = json.loads(json.dumps(case.to_dict()))
    if isinstance(case, Family):
        with pytest.raises(ModelFileError, match="family="):
            from_dict(saved)
    else:
        assert from_dict(saved) == case


@pytest.mark.parametrize("saved", [{"name": "nothing"}, {}, {"name": "poisson", "theta": 1}])
def test_a_damaged_family_is_refused(saved):
    with pytest.raises(ModelFileError, match="damaged"):
        from_dict(saved)


@every
def test_numbers_are_taken_where_arrays_are(case):
    if case.vector or case.mean_domain[0] < 0:
        return
    psi = case.natural(0.4)
    assert case.a(psi) + case.conjugate(0.4) == pytest.approx(psi * 0.4)
    assert case.mean(psi) == pytest.approx(0.4)
    assert case.loss(0.7, 0.4) > 0
