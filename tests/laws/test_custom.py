"""A user's own family: what is given decides all else, and a spoiled function is told from a right one."""

import numpy as np
import pytest
from hypothesis import given, settings
from scipy.special import expit, gammaln, logit, xlogy

from expfam.errors import FamilyError, ResponseError
from expfam.families import Bernoulli, Family, Gamma, Gaussian, InverseGaussian, NegativeBinomial, Poisson, Tweedie
from laws._cases import exponential, pareto, points

TWINS = [
    Gaussian(),
    Poisson(),
    Bernoulli(),
    Gamma(),
    InverseGaussian(),
    NegativeBinomial(1.5),
    Tweedie(1.5),
    Tweedie(-1.0),
]


def twin(case, **changes):
    """The same family, as a user would give it."""
    parts = {
        "name": "twin",
        "a": case.a,
        "natural": case.natural,
        "variance": case.variance,
        "conjugate": case.conjugate,
        "support": case.mean_domain,
    }
    return Family(**(parts | changes))


@pytest.mark.parametrize("case", TWINS, ids=repr)
@settings(max_examples=20, deadline=None)
@given(u=points(12.0))
def test_the_mean_is_found_from_natural_alone(case, u):
    low, high = case.mean_domain
    mu = np.sinh(u / 2) if np.isinf(low) else np.exp(u) if np.isinf(high) else expit(u)
    found = twin(case).mean(case.natural(mu))
    conditioned = case.variance(mu) * np.abs(case.natural(mu))  # natural itself is known to rounding alone
    np.testing.assert_array_less(np.abs(found - mu), 1e-12 * np.abs(mu) + 1e-14 * conditioned + 1e-15)


@pytest.mark.parametrize("case", TWINS, ids=repr)
def test_the_derived_parts_agree_with_the_librarys_own(case):
    own, u = twin(case), np.linspace(-2, 2, 9)
    mu = u if np.isinf(case.mean_domain[0]) else np.exp(u) if np.isinf(case.mean_domain[1]) else expit(u)
    np.testing.assert_allclose(own.dvariance(mu), case.dvariance(mu), rtol=1e-8, atol=1e-9)
    np.testing.assert_allclose(own.loss(mu[::-1], mu), case.loss(mu[::-1], mu), rtol=1e-10, atol=1e-13)


def test_no_mean_belongs_to_a_psi_outside_the_domain():
    own = exponential()
    assert np.all(np.isnan(own.mean(np.array([0.0, 1.0, np.nan]))))
    assert own.mean(np.array(-2.0)).shape == ()
    np.testing.assert_allclose(own.mean(np.array([-1e-150, -1e150])), [1e150, 1e-150], rtol=1e-12)


SPOILED = [
    ({"natural": lambda mu: 1 / mu}, "natural increases"),
    ({"natural": lambda mu: np.where(mu > 1, np.nan, -1 / mu)}, "finite"),
    ({"a": lambda psi: -np.log(-psi) * 1.01}, r"a'\(natural\(mu\)\) = mu"),
    ({"variance": lambda mu: mu**2 * 1.001}, r"a''\(natural\(mu\)\) = variance"),
    ({"variance": lambda mu: -(mu**2)}, "variance > 0"),
    ({"conjugate": lambda t: -np.log(t)}, r"conjugate\(mu\) \+ a\(psi\) = psi mu"),
    ({"conjugate": lambda t: -2 - np.log(t)}, r"conjugate\(mu\) \+ a\(psi\) = psi mu"),
    ({"mean": lambda psi: -1.5 / psi}, r"mean\(natural\(mu\)\) = mu"),
]


@pytest.mark.parametrize(("changes", "law"), SPOILED, ids=[law for _, law in SPOILED])
def test_a_broken_law_is_named_with_place_and_size(changes, law):
    with pytest.raises(FamilyError, match=f"'exponential' breaks the law .*{law}.* at mu = .*found .*gap .*correct"):
        exponential(**changes)


def test_a_function_of_the_wrong_shape_is_named():
    with pytest.raises(FamilyError, match=r"variance gives shape \(\).*np.ones_like"):
        twin(Gaussian(), variance=lambda mu: 1.0)
    with pytest.raises(FamilyError, match="no interval"):
        exponential(mean_domain=(1.0, 1.0))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"a": None}, "a=None is no function"),
        ({"a": lambda psi: psi[99]}, r"a\(x\) of an array of shape \(21,\) fails, IndexError"),
        ({"log_b": 0.0}, "log_b=0.0 is no function"),
        ({"log_b": lambda y: -gammaln(y + 1)}, r"log_b\(y, phi, weight\) .* fails, TypeError.*1 positional"),
        ({"log_b": lambda y, phi=1.0, weight=1.0: 0.0}, r"log_b gives shape \(\)"),
        ({"log_b": lambda y, phi=1.0, weight=1.0: y[:3]}, r"log_b gives shape \(3,\)"),
        ({"log_b": lambda y, phi=1.0, weight=1.0: np.outer(y, np.atleast_1d(phi))}, "log_b gives shape"),
        ({"T": lambda y: y[:3]}, r"T gives shape \(3,\)"),
        ({"support": (5, 1)}, r"the responses lie in \(5, 1\), which is no interval; give support=\(low, high\)"),
        ({"support": "x"}, "the responses lie in 'x', which is no interval"),
        ({"support": (0, 1, 2)}, "which is no interval"),
        ({"support": (np.nan, 1)}, "which is no interval"),
        ({"mean_domain": (1, None)}, r"the means lie in \(1, None\), which is no interval; give mean_domain"),
        ({"default_link": 3}, "default_link=3 is no text"),
        ({"fixed_dispersion": "yes"}, "fixed_dispersion='yes'"),
    ],
)
def test_a_part_of_another_kind_is_told_when_the_family_is_made(changes, message):
    with pytest.raises(FamilyError, match=message):
        twin(Poisson(), **changes)


def test_the_support_has_an_end_where_the_conjugate_is_finite():
    count = twin(Poisson())
    count.check(np.array([0.0, 1.0]))
    with pytest.raises(ResponseError, match=r"'y', row 1 .*is 0;.*\(0, inf\)"):
        exponential().check(np.array([1.0, 0.0]))
    with pytest.raises(ResponseError, match="row 0"):
        pareto().check(np.array([0.5]))


def test_the_means_of_a_transformed_response_come_from_its_support():
    assert pareto().mean_domain == (0.0, np.inf)
    np.testing.assert_allclose(pareto().T(np.array([np.e])), [1.0])
    assert pareto().has_likelihood
    assert not exponential().has_likelihood


def test_a_likelihood_with_log_b_gives_rs_convention():
    own = twin(Poisson(), log_b=Poisson().log_b, fixed_dispersion=True)
    y, w = np.array([0.0, 2, 5]), np.array([1.0, 2, 1])
    assert own.loglik(y, 1.0, w) == pytest.approx(Poisson().loglik(y, 1.0, w), rel=1e-12)


def test_a_family_with_an_end_on_the_left_and_a_finite_one():
    """-y is exponential; and a share between 2 and 5 is a stretched Bernoulli."""
    left = Family(
        name="left",
        a=lambda psi: -np.log(psi),
        natural=lambda mu: -1 / mu,
        variance=lambda mu: mu**2,
        conjugate=lambda t: -1 - np.log(-t),
        support=(-np.inf, 0.0),
    )
    np.testing.assert_allclose(left.mean(np.array([0.1, 4.0])), [-10.0, -0.25], rtol=1e-13)
    stretched = Family(
        name="stretched",
        a=lambda psi: 2 * psi + np.logaddexp(0, 3 * psi),
        natural=lambda mu: logit((mu - 2) / 3) / 3,
        variance=lambda mu: (mu - 2) * (5 - mu),
        conjugate=lambda t: xlogy((t - 2) / 3, (t - 2) / 3) + xlogy((5 - t) / 3, (5 - t) / 3),
        support=(2, 5),
    )
    np.testing.assert_allclose(stretched.mean(np.array([0.0])), 3.5, rtol=1e-14)
