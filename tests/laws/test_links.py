"""The laws of a link: g and h invert each other, h' and h'' are its derivatives, the tails keep their digits."""

import json

import numpy as np
import pytest
from hypothesis import given, settings

from expfam.errors import FamilyError, ModelFileError
from expfam.families import FAMILIES, Categorical, Gamma, Gaussian, NegativeBinomial, Poisson, Tweedie
from expfam.links import (
    LINKS,
    Canonical,
    CLogLog,
    Identity,
    Link,
    Log,
    Logit,
    Power,
    Softmax,
    Tolerance,
    from_dict,
    link,
)
from laws._cases import LINK_CASES, exponential, label, points, slope

scalar = pytest.mark.parametrize("case", [case for case in LINK_CASES if not case.vector], ids=label)
tolerance = pytest.mark.parametrize("case", [c for c in LINK_CASES if isinstance(c, Tolerance)], ids=label)
few = settings(max_examples=15, deadline=None)


def places(case: Link, u: np.ndarray) -> np.ndarray:
    """The eta that stand at the places u."""
    low, high = case.domain
    return u if np.isinf(low) and np.isinf(high) else low + np.exp(u) if np.isinf(high) else high - np.exp(u)


def test_every_link_of_the_index_is_tested():
    assert {type(case) for case in LINK_CASES} == set(LINKS.values())
    assert all(cls.name == name for name, cls in LINKS.items())


@scalar
@few
@given(u=points(3.0))
def test_h_inverts_g(case, u):
    eta = places(case, u)
    np.testing.assert_allclose(case(case.inverse(eta)), eta, rtol=1e-9, atol=1e-11)


@scalar
@few
@given(u=points(3.0))
def test_derivatives(case, u):
    eta = places(case, u)
    h = 1e-3 * (1 if np.all(np.isinf(case.domain)) else np.abs(eta))
    scale = np.max(np.abs(case.derivative(eta)))
    np.testing.assert_allclose(case.derivative(eta), slope(case.inverse, eta, h), rtol=1e-6, atol=1e-9 * scale)
    np.testing.assert_allclose(case.second(eta), slope(case.derivative, eta, h), rtol=1e-6, atol=1e-8 * scale)


@few
@given(u=points(3.0, size=4))
def test_derivatives_of_softmax(u):
    case, d, h = Softmax(), 3, 1e-3
    eta = np.outer(u, [0.3, -0.5, 1.0]) + np.array([0.1, 0.0, -0.2])
    np.testing.assert_allclose(case(case.inverse(eta)), eta, rtol=1e-9, atol=1e-11)
    for step, j in zip(h * np.eye(d), range(d), strict=True):
        numeric = (case.inverse(eta + step) - case.inverse(eta - step)) / (2 * h)
        np.testing.assert_allclose(case.jacobian(eta)[:, :, j], numeric, atol=1e-6)
        numeric = (case.jacobian(eta + step) - case.jacobian(eta - step)) / (2 * h)
        np.testing.assert_allclose(case.second(eta)[..., j], numeric, atol=1e-6)


def test_softmax_of_one_is_the_sigmoid():
    eta = np.linspace(-700, 700, 29)
    np.testing.assert_allclose(Softmax().inverse(eta[:, None])[:, 0], Logit().inverse(eta), rtol=1e-14)


@scalar
def test_the_mean_is_monotone_and_never_nan_to_700(case):
    eta = np.linspace(-700, 700, 2801)
    eta = eta[(eta > case.domain[0]) & (eta < case.domain[1])]
    with np.errstate(under="ignore"):
        mu = case.inverse(eta)
    assert np.all(np.isfinite(mu))
    assert np.all(np.diff(mu) >= 0) or np.all(np.diff(mu) <= 0)


# ---- tolerance distributions ----


@tolerance
@few
@given(eta=points(6.0))
def test_the_logarithms_are_those_of_one_distribution(case, eta):
    F, f = case.inverse(eta), case.derivative(eta)
    np.testing.assert_allclose(np.exp(case.log_cdf(eta)), F, rtol=1e-12)
    np.testing.assert_allclose(np.exp(case.log_cdf(eta)) + np.exp(case.log_sf(eta)), 1, rtol=1e-13)
    np.testing.assert_allclose(np.exp(case.log_pdf(eta)), f, rtol=1e-12)
    h = np.full(len(eta), 1e-3)
    np.testing.assert_allclose(slope(case.log_pdf, eta, h), case.dlog_pdf(eta), rtol=1e-8, atol=1e-8)
    np.testing.assert_allclose(case.reversed_hazard(eta), f / np.exp(case.log_cdf(eta)), rtol=1e-11)
    np.testing.assert_allclose(case.hazard(eta), f / np.exp(case.log_sf(eta)), rtol=1e-11)


@tolerance
@pytest.mark.parametrize("centre", [-600.0, -90.0, -5.0, 0.0, 5.0, 90.0, 600.0])
def test_hazards_are_slopes_of_the_logarithms_in_the_tails_too(case, centre):
    eta, h = centre + np.linspace(-3, 3, 7), np.full(7, 1e-3)
    with np.errstate(under="ignore", over="ignore"):
        for log, rate, sign in (
            (case.log_cdf, case.reversed_hazard, 1),
            (case.log_sf, case.hazard, -1),
        ):
            numeric = sign * slope(log, eta, h)
            noise = 1e-12 * np.abs(log(eta))
            np.testing.assert_array_less(np.abs(numeric - rate(eta)), 1e-6 * rate(eta) + noise + 1e-14)
        v, u = case.dlog_hazard(eta), case.dlog_reversed_hazard(eta)
        np.testing.assert_allclose(slope(case.hazard, eta, h), v * case.hazard(eta), rtol=1e-5, atol=1e-10)
        np.testing.assert_allclose(
            slope(case.reversed_hazard, eta, h), u * case.reversed_hazard(eta), rtol=1e-5, atol=1e-10
        )


@tolerance
def test_logarithms_are_finite_and_monotone_to_700(case):
    eta = np.linspace(-700, 700, 1401)
    with np.errstate(under="ignore", over="ignore"):
        up, down, f = case.log_cdf(eta), case.log_sf(eta), case.log_pdf(eta)
        slopes = [case.hazard(eta), case.reversed_hazard(eta), case.dlog_pdf(eta)]
    assert all(np.all(np.isfinite(v)) for v in (up, down, f, *slopes))
    assert np.all(np.diff(up) >= 0)
    assert np.all(np.diff(down) <= 0)
    assert np.all(up <= 0)
    assert np.all(down <= 0)


def test_known_tails():
    tail = np.array([-700.0])
    for name, expected in {"logit": -700.0, "cloglog": -700.0, "probit": -245007.47001, "cauchit": -7.69581}.items():
        np.testing.assert_allclose(LINKS[name]().log_cdf(tail), expected, rtol=1e-6)
    np.testing.assert_allclose(LINKS["cauchit"]().log_sf(-tail), np.log(1 / (700 * np.pi)), rtol=1e-6)
    with np.errstate(under="ignore"):
        np.testing.assert_allclose(CLogLog().inverse(tail), np.exp(tail), rtol=1e-14)
        np.testing.assert_allclose(CLogLog().log_sf(-tail), -np.exp(-tail), rtol=1e-14)


# ---- names, fitness, saving ----


def test_links_by_name_class_and_object():
    poisson = Poisson()
    assert link("LOG", poisson) == link(Log, poisson) == link(Log(), poisson) == link(None, poisson) == Log()
    assert link("power(0.5)", poisson) == Power(0.5)
    assert link("power( -1 )", poisson) == Power(-1.0)
    assert link("canonical", Gamma()) == Canonical(Gamma())
    assert link("inverse-squared", poisson).name == "inverse_squared"
    own = exponential()
    assert link(None, own) == Canonical(own)


@pytest.mark.parametrize(
    ("given", "family", "words"),
    [
        ("logitt", Poisson(), "did you mean 'logit'"),
        ("power", Poisson(), r"power\(0.5\)"),
        ("power(0)", Poisson(), "link='log'"),
        ("softmax", Poisson(), "any link but softmax"),
        ("logit", Categorical(3), "softmax alone"),
        (3, Poisson(), "no link 3"),
    ],
)
def test_an_unsuitable_link_is_refused_with_a_remedy(given, family, words):
    with pytest.raises(FamilyError, match=words):
        link(given, family)


@pytest.mark.parametrize("cls", FAMILIES.values())
def test_the_default_link_of_every_family_suits_it(cls):
    case = {NegativeBinomial: lambda: NegativeBinomial(2), Tweedie: lambda: Tweedie(1.5)}.get(cls, cls)()
    assert link(None, case).vector == case.vector


@pytest.mark.parametrize("case", LINK_CASES, ids=label)
def test_links_are_saved_as_json(case):
    family = case.family if isinstance(case, Canonical) else Gaussian()
    assert from_dict(json.loads(json.dumps(case.to_dict())), family) == case


@pytest.mark.parametrize("saved", [{}, {"name": "no"}, {"name": "log", "exponent": 2}])
def test_a_damaged_link_is_refused(saved):
    with pytest.raises(ModelFileError, match="damaged"):
        from_dict(saved, Gaussian())


def test_the_canonical_link_of_a_gamma_lives_on_the_negative_numbers():
    assert Canonical(Gamma()).domain == (-np.inf, 0.0)
    assert Canonical(NegativeBinomial(2.0)).domain == (-np.inf, 0.0)
    assert Canonical(Gaussian()).domain == Identity().domain
