"""The laws of a row: (4), (8) and (10) for any family and link; every pair form says what `derived` says."""

import math
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings

from expfam.families import (
    Bernoulli,
    Binomial,
    Categorical,
    Gamma,
    Gaussian,
    InverseGaussian,
    NegativeBinomial,
    Poisson,
    Tweedie,
)
from expfam.links import CLogLog, Identity, Inverse, Log, Logit, Probit, Softmax, Sqrt, Tolerance, link
from expfam.response import PAIRS, At, Level, derived, observed_differs, rows, weighted
from laws._cases import FAMILY_CASES, LINK_CASES, exponential, label, means, points, slope

few = settings(max_examples=12, deadline=None)
FORMS = [(f, g) for f, g in product(FAMILY_CASES, LINK_CASES) if (type(f), type(g)) in PAIRS]
SCALAR_FORMS = [(f, g) for f, g in FORMS if not f.vector]
DERIVED = [
    (Gaussian(), Log()),
    (Poisson(), Identity()),
    (Poisson(), Sqrt()),
    (Gamma(), Identity()),
    (Bernoulli(), Log()),
    (InverseGaussian(), link("inverse_squared", InverseGaussian())),
    (NegativeBinomial(2.0), Identity()),
    (Tweedie(1.4), link("power(0.5)", Tweedie(1.4))),
    (exponential(), Log()),
    (exponential(), link(None, exponential())),
    (Gaussian(), Logit()),
]
forms = pytest.mark.parametrize(("family", "link"), FORMS, ids=label)
scalar_forms = pytest.mark.parametrize(("family", "link"), SCALAR_FORMS, ids=label)
scalar_pairs = pytest.mark.parametrize(("family", "link"), SCALAR_FORMS + DERIVED, ids=label)


def at(family, link, u):
    """eta of means that are comfortably inside."""
    mu = means(family, u)
    if not family.vector and family.mean_domain[0] < 0:
        return link(np.exp(u)) if link.domain[0] == 0 else u
    return link(mu)


def evaluate(family, link, eta, t, **options):
    return rows(family, link, eta, t, family.conjugate(t), **options)


def test_every_registered_pair_is_tested():
    assert {(type(f), type(g)) for f, g in FORMS} == set(PAIRS)


@forms
@pytest.mark.parametrize("observed", [False, True])
@few
@given(u=points(2.5), v=points(2.5))
def test_a_pair_form_says_what_derived_says(family, link, observed, u, v):
    eta, t = at(family, link, u), means(family, v)
    fast = evaluate(family, link, eta, t, observed=observed)
    slow = derived(family, link, At(eta, t, family.conjugate(t), Level.HESSIAN, observed))
    size = 1 + np.abs(family.conjugate(t))
    np.testing.assert_array_less(np.abs(fast.loss - slow.loss), 1e-11 * (size + slow.loss))
    for quick, plain in ((fast.score, slow.score), (fast.weight, slow.weight)):
        np.testing.assert_allclose(quick, plain, rtol=1e-9, atol=1e-10 * (1 + np.abs(plain).max()))


@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize("link", [Log(), Inverse()], ids=label)
@pytest.mark.parametrize("family", [Gamma(), Tweedie(1.2), Tweedie(1.5)], ids=label)
def test_a_loss_next_to_the_mean_keeps_its_digits(family, link, compiled):
    """mu^q [(r^q - 1) / q - (r - 1)] / (q - 1), of V = mu^(2-q), is mu^q (r - 1)^2 / 2 and so on."""
    q = 0.0 if family == Gamma() else 2 - family.power
    for size in (1e-2, 1e-3, 1e-5, 1e-7):
        mu = np.exp(np.linspace(-2, 2, 50))
        t = mu * (1 + size * np.sin(np.arange(1, 51.0)))
        eta = link(mu)
        exact = np.exp(eta.astype(np.longdouble)) if link == Log() else 1 / eta.astype(np.longdouble)
        d = (t - exact) / exact
        series = sum(d**k * np.prod(q - np.arange(2, k)) / math.factorial(k) for k in range(2, 9))
        known = pytest.approx(float(np.sum(exact**q * series)), rel=1e-8, abs=0)
        assert weighted(family, link, At(eta, t, family.conjugate(t)), np.ones(50), compiled=compiled).value == known
        assert np.sum(family.loss(t, mu)) == known


@forms
def test_less_is_computed_when_less_is_asked_for(family, link):
    eta = at(family, link, np.linspace(-1, 1, 5))
    t = means(family, np.linspace(1, -1, 5))
    full = evaluate(family, link, eta, t)
    for level in Level:
        part = evaluate(family, link, eta, t, level=level)
        assert (part.score is None, part.weight is None) == (level < Level.GRADIENT, level < Level.HESSIAN)
        np.testing.assert_array_equal(part.loss, full.loss)
        if part.score is not None:
            np.testing.assert_array_equal(part.score, full.score)


@scalar_pairs
@few
@given(u=points(2.0), v=points(2.0))
def test_score_and_observed_weight_are_derivatives_of_the_loss(family, link, u, v):
    eta, t = at(family, link, u), means(family, v)
    h = 1e-3 * np.maximum(np.abs(eta), 0.0 if link.domain[0] == 0 else 1.0)
    if (link.name, family.name) == ("log", "bernoulli"):
        h = h * np.minimum(1, np.abs(eta))
    if link.name == "canonical":
        h = 1e-3 * np.abs(eta)

    def loss(x):
        return evaluate(family, link, x, t).loss

    def score(x):
        return evaluate(family, link, x, t).score

    got = evaluate(family, link, eta, t, observed=True)
    assert np.all(got.loss >= 0)
    np.testing.assert_allclose(got.loss, family.loss(t, link.inverse(eta)), rtol=1e-8, atol=1e-11)
    noise = 1e-14 * (1 + np.abs(got.loss) + np.abs(family.conjugate(t))) / h
    np.testing.assert_array_less(np.abs(slope(loss, eta, h) - got.score), 1e-6 * (1 + np.abs(got.score)) + 10 * noise)
    noise = 1e-14 * (1 + np.abs(got.score)) / h
    gap = np.abs(slope(score, eta, h) - got.weight)
    np.testing.assert_array_less(gap, 1e-5 * (1 + np.abs(got.weight)) + 10 * noise)


@scalar_pairs
def test_fisher_is_the_observed_weight_at_the_mean(family, link):
    """The observed weight is linear in t, so its expectation is its value at t = mu."""
    eta = at(family, link, np.linspace(-1.5, 1.5, 7))
    mu = link.inverse(eta)
    fisher, observed = (evaluate(family, link, eta, mu, observed=o).weight for o in (False, True))
    np.testing.assert_allclose(fisher, observed, rtol=1e-9)
    np.testing.assert_allclose(fisher, link.derivative(eta) ** 2 / family.variance(mu), rtol=1e-9)


@scalar_pairs
def test_the_observed_weight_differs_unless_psi_is_linear_in_eta(family, link):
    linear = {("gamma", "inverse"), ("inverse_gaussian", "inverse_squared"), ("exponential", "canonical")}
    natural = {("gaussian", "identity"), ("poisson", "log"), ("quasipoisson", "log")}
    natural |= {(share, "logit") for share in ("bernoulli", "binomial", "quasibinomial")}
    same = (family.name, link.name) in linear | natural or (family, link) == (Tweedie(1), Log())
    assert observed_differs(family, link) != same


def test_softmax_score_and_weight_are_derivatives_of_the_loss():
    family, d, h = Categorical(4), 3, 1e-4
    rng = np.random.default_rng(0)
    eta, t = rng.normal(0, 2, (8, d)), family.T(rng.integers(0, 4, 8))
    got = evaluate(family, Softmax(), eta, t)
    for j, step in enumerate(h * np.eye(d)):
        up, down = evaluate(family, Softmax(), eta + step, t), evaluate(family, Softmax(), eta - step, t)
        np.testing.assert_allclose((up.loss - down.loss) / (2 * h), got.score[:, j], atol=1e-8)
        np.testing.assert_allclose((up.score - down.score) / (2 * h), got.weight[:, j], atol=1e-8)


# ---- tails ----

TAIL = np.concatenate([np.linspace(-700, 700, 57), [-40.0, -37.0, 36.0, 37.0, 38.0, 40.0]])


def responses(family):
    low, high = family.mean_domain
    return [0.0, 0.3, 1.0] if high == 1 else [-2.0, 3.0] if low < 0 else [0.5, 3.0]


@scalar_forms
def test_nothing_is_nan_to_700_and_the_loss_stays_the_integral_of_the_score(family, link):
    if family == Tweedie(0):  # the square of e^700 is no number
        return
    eta = np.sort(TAIL[(link.domain[0] < TAIL) & (link.domain[1] > TAIL)])
    for y, observed in product(responses(family), (False, True)):
        t = np.full(len(eta), y)
        got = evaluate(family, link, eta, t, observed=observed)
        for part in got:
            assert not np.any(np.isnan(part))
        assert np.all(got.loss >= 0)
        assert np.all(np.isfinite(got.loss) | (np.abs(eta) > 230))
        known = np.isfinite(got.loss)
        falls = np.diff(got.loss[known]) <= 1e-12 * got.loss[known][:-1]
        assert np.all(falls[got.score[known][1:] < 0])
        assert np.all(evaluate(family, link, eta, t).weight >= 0)


@pytest.mark.parametrize("case", [c for c in LINK_CASES if isinstance(c, Tolerance)], ids=label)
def test_shares_keep_their_digits_in_the_tails(case):
    """With t = 1 the loss is -log F and the score -f/F, also where F rounds to 1 or underflows."""
    eta, one = np.array([-700.0, -90.0, 30.0]), np.ones(3)
    got = evaluate(Binomial(), case, eta, one)
    np.testing.assert_allclose(got.loss, -case.log_cdf(eta), rtol=1e-13, atol=0)
    np.testing.assert_allclose(got.score, -case.reversed_hazard(eta), rtol=1e-13, atol=1e-15)
    weight = evaluate(Binomial(), case, eta, one).weight
    np.testing.assert_allclose(weight, case.hazard(eta) * case.reversed_hazard(eta), rtol=1e-13)


def test_losses_in_the_far_tails_by_hand():
    def loss(family, link, eta, t):
        return evaluate(family, link, np.array([eta]), np.array([t])).loss[0]

    assert loss(Bernoulli(), Logit(), 700.0, 0.0) == 700
    assert loss(Bernoulli(), Logit(), 700.0, 1.0) == pytest.approx(np.exp(-700), rel=1e-12)
    assert loss(Bernoulli(), Probit(), -700.0, 1.0) == pytest.approx(245007.47001, rel=1e-9)
    assert loss(Bernoulli(), CLogLog(), -700.0, 1.0) == pytest.approx(700, rel=1e-13)
    assert loss(Poisson(), Log(), -700.0, 2.0) == pytest.approx(1400 + 2 * np.log(2) - 2, rel=1e-13)
    assert loss(NegativeBinomial(3.0), Log(), 700.0, 0.0) == pytest.approx(3 * (700 - np.log(3)), rel=1e-13)
    assert loss(Gamma(), Log(), 700.0, 1.0) == pytest.approx(699, rel=1e-13)


def test_a_categorical_of_two_is_a_bernoulli():
    eta, y = np.linspace(-700, 700, 29), np.arange(29.0) % 2
    one = evaluate(Bernoulli(), Logit(), eta, y)
    two = evaluate(Categorical(2), Softmax(), eta[:, None], y[:, None])
    np.testing.assert_allclose(two.loss, one.loss, rtol=1e-12, atol=1e-15)
    np.testing.assert_allclose(two.score[:, 0], one.score, rtol=1e-13, atol=1e-15)
    np.testing.assert_allclose(two.weight[:, 0, 0], one.weight, rtol=1e-12)


@pytest.mark.parametrize("k", [2, 3, 6])
def test_softmax_never_overflows(k):
    family, rng = Categorical(k), np.random.default_rng(k)
    eta, t = rng.choice([-700.0, -1.0, 0.0, 700.0], (50, k - 1)), family.T(rng.integers(0, k, 50))
    got = evaluate(family, Softmax(), eta, t)
    assert all(np.all(np.isfinite(part)) for part in got)
    assert np.all(np.linalg.eigvalsh(got.weight) >= -1e-15)


# ---- outside ----


@pytest.mark.parametrize(
    ("family", "link", "eta"),
    [
        (Poisson(), Identity(), [-1.0, 0.0]),
        (Poisson(), Sqrt(), [-1.0]),
        (Gamma(), Inverse(), [-2.0, 0.0]),
        (Bernoulli(), Log(), [0.0, 1.0]),
        (Bernoulli(), Identity(), [-0.1, 1.0]),
        (exponential(), link(None, exponential()), [0.0, 3.0]),
    ],
    ids=label,
)
def test_outside_the_domain_the_loss_is_infinite_and_nothing_is_nan(family, link, eta):
    eta = np.array(eta)
    t = np.full(len(eta), 1.0)
    got = evaluate(family, link, eta, t, observed=True)
    assert np.all(np.isposinf(got.loss))
    assert np.all(got.score == 0)
    assert np.all(got.weight == 0)


def test_a_saturated_softmax_is_outside_for_derived_alone():
    family, eta = Categorical(3), np.array([[800.0, 0.0], [0.1, 0.2]])
    t = family.T(np.array([0, 1]))
    slow = derived(family, Softmax(), At(eta, t, family.conjugate(t)))
    assert np.isposinf(slow.loss[0])
    assert np.all(slow.score[0] == 0)
    fast = evaluate(family, Softmax(), eta, t)
    np.testing.assert_allclose(fast.loss[0], 0, atol=1e-15)
    np.testing.assert_allclose(fast.loss[1], slow.loss[1])
