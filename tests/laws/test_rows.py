"""Compiled rows: elementary functions to the last places, every twin against the form it is the twin of."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numba import njit

from expfam.families import Gamma, Poisson, Tweedie
from expfam.kernels import elementary, rows
from expfam.kernels.rows import TILE
from expfam.links import Inverse, Log
from expfam.response import PAIRS, TWINS, At, Level, weighted
from laws._cases import FAMILY_CASES, LINK_CASES, label

CASES = [
    (f, g)
    for f, g in product(FAMILY_CASES, LINK_CASES)
    if PAIRS.get((type(getattr(f, "parent", None) or f), type(g))) in TWINS
]
cases = pytest.mark.parametrize(("family", "link"), CASES, ids=label)
FLUSHED = 1e-300  # an e^x that is no normal number is 0 in a twin
edges = [TILE - 1, TILE, TILE + 3, 2 * TILE + 130]
sizes = st.one_of(st.integers(1, 20), st.sampled_from(edges))


def test_every_twin_is_compiled_under_the_name_of_its_form_and_tested():
    assert {form.__name__ for form in TWINS} == set(rows.NAMED)
    assert {PAIRS[type(getattr(f, "parent", None) or f), type(g)] for f, g in CASES} == set(TWINS)


# ---- elementary functions ----


def over(function):
    """The function in a loop that may be vectorised, as the kernels have it."""

    @njit(error_model="numpy")
    def loop(x):
        out = np.empty_like(x)
        for i in range(len(x)):
            out[i] = function(x[i])
        return out

    return loop


exp, log1p, log = over(elementary.exp), over(elementary.log1p), over(elementary.log)
PLACES = np.random.default_rng(0).uniform(-1, 1, 40_001)
TINY = 10.0 ** (154 * (PLACES - 1))


@pytest.mark.parametrize(
    ("name", "function", "x"),
    [
        ("exp", exp, np.concatenate([708 * PLACES, PLACES, TINY, np.arange(-1021.0, 1024.0) * np.log(2), [0.0]])),
        ("exp", exp, np.linspace(708, 709.78, 1001)),
        ("log1p", log1p, np.concatenate([np.abs(PLACES), TINY, [0.0, 1.0]])),
        ("log", log, np.concatenate([np.exp(700 * PLACES), 1 + PLACES / 2, 1 + TINY, 2.0 ** np.arange(-1022, 1023)])),
    ],
)
def test_elementary_functions_are_right_to_two_units_in_the_last_place(name, function, x):
    true = getattr(np, name)(x.astype(np.longdouble))
    unit = np.spacing(np.maximum(np.abs(true.astype(np.float64)), np.finfo(float).tiny))
    assert np.max(np.abs(function(x) - true) / unit) <= 2


def test_elementary_functions_at_the_ends_of_the_line():
    np.testing.assert_array_equal(exp(np.array([np.inf, 709.79, -708.1, -1e6, -np.inf])), [np.inf, np.inf, 0, 0, 0])
    assert np.all(np.isnan(exp(np.full(9, np.nan))))
    assert np.all(np.isnan(log1p(np.full(9, np.nan))))
    assert np.all(np.isnan(log(np.array([np.nan, np.inf] * 5))))
    zero = np.zeros(5)
    np.testing.assert_array_equal([exp(zero), log1p(zero), log(zero + 1)], np.outer([1, 0, 0], np.ones(5)))


# ---- twins ----


def block(family, n, seed, spread):
    """eta up to `spread`, t at the edges of the support too, a*(t), weights with zeros among them, offset."""
    rng = np.random.default_rng(seed)
    shape = (n, family.k - 1) if family.vector else (n,)
    low, high = family.mean_domain
    if family.vector:
        y = rng.integers(0, family.k, n).astype(float)
    elif high == 1:
        y = rng.choice([0.0, 0.3, 1.0], n)
    elif low < 0:
        y = rng.normal(0, 3, n)
    else:
        y = np.ceil(rng.gamma(1.0, 3.0, n)) - (0.0 if family.outside(np.zeros(1))[0] else rng.integers(0, 2, n))
    t = family.T(y)
    w = rng.choice([0.0, 0.5, 1.0, 3.0], n)
    eta = np.where(rng.random(shape) < 0.3, rng.uniform(-spread, spread, shape), rng.normal(size=shape))
    return At(eta, t, family.conjugate(t)), w, rng.normal(size=shape)


@cases
@settings(max_examples=25, deadline=None)
@given(
    n=sizes,
    seed=st.integers(0, 2**32 - 1),
    spread=st.sampled_from([3.0, 40.0, 700.0]),
    level=st.sampled_from(Level),
    observed=st.booleans(),
    moved=st.booleans(),
)
def test_a_twin_says_what_its_form_says(family, link, n, seed, spread, level, observed, moved):
    at, w, offset = block(family, n, seed, 230.0 if family == Tweedie(-1.0) and spread == 700 else spread)
    at, offset = at._replace(level=level, observed=observed), offset if moved else None
    fast, slow = (weighted(family, link, at, w, offset, compiled=c) for c in (True, False))
    eta = at.eta if offset is None else at.eta + offset
    terms = np.abs(at.conjugate) + np.abs(at.t * eta).reshape(n, -1).sum(axis=1)
    np.testing.assert_allclose(fast.value, slow.value, rtol=1e-13, atol=1e-13 * (w @ terms))
    bare = weighted(family, link, at._replace(t=np.zeros_like(at.t)), w, offset)
    for got, want, free in zip(fast[1:], slow[1:], bare[1:], strict=True):
        assert (got is None) == (want is None)
        if want is not None:  # linear in t: rounding is relative to the part with t and the part without
            assert got.flags.c_contiguous and want.flags.c_contiguous  # noqa: PT018
            known = np.isfinite(want)
            np.testing.assert_array_equal(got[~known], want[~known])
            got, want, free = got[known], want[known], free[known]
            assert np.all(np.abs(got - want) <= 3e-13 * (np.abs(free) + np.abs(want - free)) + FLUSHED)


@cases
def test_a_twin_keeps_the_digits_of_every_single_loss_to_700(family, link):
    """Where a* = 0 nothing cancels: a loss of e^-700 is right to the last digits."""
    for eta, seed in product([-700.0, -90.0, -30.0, -1.0, 0.0, 1.0, 30.0, 90.0, 700.0], range(4)):
        at, _, _ = block(family, 1, seed, 1.0)
        at = at._replace(eta=np.full(at.eta.shape, eta))
        fast, slow = (weighted(family, link, at, np.ones(1), compiled=c) for c in (True, False))
        terms = 0.0 if at.conjugate[0] == 0 else abs(at.conjugate[0]) + np.abs(at.t * at.eta).sum()
        floor = 1e-15 if family.vector else 0.0  # log of a sum of exponentials, one of which is 1
        np.testing.assert_allclose(fast.value, slow.value, rtol=3e-13, atol=1e-15 * terms + floor)


@cases
@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize("wild", [np.inf, -np.inf, np.nan, 1e6])
def test_an_eta_without_a_loss_is_seen_unless_its_weight_is_0(family, link, compiled, wild):
    at, _, offset = block(family, 700, 5, 2.0)
    w = np.where(np.arange(700) == 600, 0.0, 1.0)
    rest = weighted(family, link, at, w, offset, compiled)
    at.eta[600] = wild
    for got, want in zip(weighted(family, link, at, w, offset, compiled), rest, strict=True):
        np.testing.assert_array_equal(got, want)
    w[600] = 2.0
    at = at._replace(level=Level.VALUE)
    seen, meant = (weighted(family, link, at, w, offset, c).value for c in (compiled, False))
    np.testing.assert_allclose(seen, meant, rtol=1e-12)
    assert np.isnan(seen) == np.isnan(meant) >= np.isnan(wild)


@cases
def test_a_block_is_a_function_of_its_rows_alone(family, link):
    """Read-only rows, rows within a larger array and rows asked twice: the same bits."""
    at, w, offset = block(family, 1300, 3, 5.0)
    part = [x[100:1200] for x in (*at[:3], w, offset)]
    alone = [x.copy() for x in part]
    for x in alone:
        x.flags.writeable = False
    within, again = (weighted(family, link, At(*x[:3]), *x[3:], compiled=True) for x in (part, alone))
    for one, other in zip(within, again, strict=True):
        np.testing.assert_array_equal(one, other)


@cases
def test_no_rows_sum_to_0(family, link):
    at, w, _ = block(family, 0, 0, 1.0)
    for compiled in (False, True):
        assert weighted(family, link, at, w, compiled=compiled).value == 0


def test_strided_rows_are_taken_as_they_are_meant():
    at, w, _ = block(Poisson(), 1000, 1, 3.0)
    every = At(*(x[::2] for x in at[:3]))
    got, want = (weighted(Poisson(), Log(), every, w[::2], compiled=c) for c in (True, False))
    np.testing.assert_allclose(got.score, want.score, rtol=1e-13)


def test_a_pair_without_a_twin_runs_its_form():
    at, w, _ = block(Gamma(), 10, 1, 1.0)
    at = at._replace(eta=np.abs(at.eta) + 1)
    one, other = (weighted(Gamma(), Inverse(), at, w, compiled=c) for c in (True, False))
    assert one.value == other.value
    np.testing.assert_array_equal(one.weight, other.weight)
