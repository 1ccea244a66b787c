"""One compiled read of rows of codes and numbers says what the definition says: F, its gradient and its information."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_array

from expfam.design import Columns, Design, assemble
from expfam.families import Bernoulli, ExponentialFamily, Gamma, Gaussian, Poisson, Tweedie
from expfam.kernels import compiled, definition, sweep
from expfam.kernels.rows import TILE
from expfam.links import link
from expfam.objective import Data, Objective
from expfam.parallel import repeated, threads
from expfam.penalties import NoPenalty
from expfam.response import Level
from expfam.solvers.looking import glance, see
from laws.test_dense import ORDERS

FAMILIES = [Gaussian(), Bernoulli(), Poisson(), Gamma(), Tweedie(1.5)]
ASKED = {
    "level": st.sampled_from(Level),
    "seed": st.integers(0, 2**32 - 1),
    **{name: st.booleans() for name in ("ones", "moved", "weighed")},
}
WIDTHS = [1, 3, 4, 7, 20, 33, 1030]


def objective(family: ExponentialFamily, X: np.ndarray, ones: bool, moved: bool, weighed: bool) -> Objective:
    """A family's problem on columns of numbers, an intercept or none, compiled."""
    columns = (Columns(tuple(f"x{j}" for j in range(X.shape[1])), values=X),)
    return problem(family, columns, len(X), ones, moved, weighed)


def problem(
    family: ExponentialFamily, columns: tuple[Columns, ...], n: int, ones: bool, moved: bool, weighed: bool
) -> Objective:
    """The same on any columns."""
    rng = np.random.default_rng(n)
    columns = (*((Columns(("Intercept",)),) if ones else ()), *columns)
    y = rng.integers(0, 2, n) + (1.0 if isinstance(family, Gamma) else 0.0)
    weight = rng.choice([0.0, 0.5, 3.0], n) if weighed else repeated(1.0, n)
    data = Data(assemble(columns, n, True), y, family.conjugate(y), weight, rng.normal(size=n) if moved else None)
    chosen = link("log" if isinstance(family, Gamma) else None, family)
    return Objective(family, chosen, NoPenalty().bind(data.design.names), data)


def factors(rng: np.random.Generator, n: int, levels: list[int], times: list[int], m: int) -> tuple[Columns, ...]:
    """Factors of so many levels, of which so many are multiplied by numbers each, and m numbers beside."""
    draw = lambda size: rng.integers(0, size, n).astype(np.min_scalar_type(size))  # noqa: E731
    plain = [Columns(names("f", k, size), codes=draw(size), levels=size) for k, size in enumerate(levels)]
    slopes = [
        Columns(names("s", k, 4 * many), codes=draw(4), levels=4, values=rng.normal(size=(n, many)))
        for k, many in enumerate(times)
    ]
    numbers = [Columns(names("x", 0, m), values=3.0 + rng.normal(size=(n, m)))] if m else []
    return (*plain, *slopes, *numbers)


def names(letter: str, k: int, size: int) -> tuple[str, ...]:
    """So many names of columns."""
    return tuple(f"{letter}{k}_{j}" for j in range(size))


def plain(objective: Objective) -> Objective:
    """The same without compiled kernels."""
    design = objective.data.design
    groups = tuple(replace(g, compiled=False) if hasattr(g, "compiled") else g for g in design.groups)
    slow = Design(groups, design.maps, design.names, design.n, design.spans)
    return replace(objective, data=replace(objective.data, design=slow))


@pytest.mark.parametrize("family", FAMILIES, ids=lambda f: f.name)
@settings(max_examples=25, deadline=None)
@given(
    n=st.sampled_from([1, 3, TILE - 1, TILE, TILE + 1, 2100]),
    m=st.sampled_from(WIDTHS),
    order=st.sampled_from(sorted(ORDERS)),
    dtype=st.sampled_from([np.float64, np.float32]),
    **ASKED,
)
def test_a_sweep_says_what_the_definition_says(family, n, m, order, dtype, level, seed, ones, moved, weighed):
    rng = np.random.default_rng(seed)
    X = ORDERS[order](rng.normal(size=(n, m)).astype(dtype))
    fast = objective(family, X, ones, moved, weighed)
    assert fast.swept
    alike(fast, rng.normal(size=m + ones) / (3 * np.sqrt(m + ones)), level, float(np.abs(X).max()) * n)


def alike(fast: Objective, theta: np.ndarray, level: Level, size: float) -> None:
    """Are F, gradient and information those of the definition, to rounding for sums of this size?"""
    got, want = fast(theta, level), plain(fast)(theta, level)
    assert got.value == pytest.approx(want.value, rel=1e-12, abs=1e-12 * size)
    if level > Level.VALUE:
        np.testing.assert_allclose(got.gradient, want.gradient, rtol=1e-11, atol=1e-12 * size)
    if level > Level.GRADIENT:
        np.testing.assert_allclose(got.hessian.matrix, want.hessian.matrix, rtol=1e-11, atol=1e-12 * size)


@settings(max_examples=150, deadline=None)
@given(
    family=st.sampled_from(FAMILIES),
    n=st.sampled_from([1, 2, 7, TILE - 1, TILE, TILE + 1, 2100]),
    levels=st.lists(st.sampled_from([1, 2, 5, 90, 300]), max_size=5),
    times=st.lists(st.integers(1, 2), max_size=2),
    m=st.sampled_from([0, 1, 2, 3, 4, 9]),
    **ASKED,
)
def test_so_does_one_of_codes(family, n, levels, times, m, level, seed, ones, moved, weighed):
    assume(levels or times)
    rng = np.random.default_rng(seed)
    fast = problem(family, factors(rng, n, levels, times, m), n, ones, moved, weighed)
    assert fast.swept
    alike(fast, rng.normal(size=fast.data.design.p) / 8, level, 10.0 * n)


@settings(max_examples=60, deadline=None)
@given(
    family=st.sampled_from(FAMILIES),
    n=st.sampled_from([1, 7, TILE + 1, 2100]),
    levels=st.lists(st.sampled_from([2, 90]), max_size=4),
    times=st.lists(st.integers(1, 2), max_size=1),
    m=st.sampled_from([0, 1, 2, 3, 9]),
    repeats=st.booleans(),
    scores=st.booleans(),
    seed=st.integers(0, 2**32 - 1),
)
def test_a_batch_is_seen_as_the_definition_sees_it(family, n, levels, times, m, repeats, scores, seed):
    """Loss, weights and squared residuals; gradient, information and the products of scores."""
    assume(levels or times or m)
    rng = np.random.default_rng(seed)
    fast = problem(family, factors(rng, n, levels, times, m), n, True, False, True)
    theta, frequency = rng.normal(size=fast.data.design.p) / 8, rng.integers(1, 4, n) + 0.0 if repeats else None
    got, want = (see(which, theta, frequency, scores) for which in (fast, plain(fast)))
    size = 10.0 * n * max(float(np.abs(want.meat).max()) / n, 1.0) if scores else 10.0 * n
    for name in ("loss", "weight", "gradient", "information", *(["meat"] if scores else [])):
        np.testing.assert_allclose(getattr(got, name), getattr(want, name), rtol=1e-11, atol=1e-12 * size)
    here, there = glance(fast, theta), glance(plain(fast), theta)
    assert here.value == pytest.approx(there.value, rel=1e-12, abs=1e-12 * size)
    assert (here.pearson, here.weight) == pytest.approx((there.pearson, there.weight), rel=1e-10)


def test_the_loop_is_kept_on_disk():
    """What a function holds in a closure is another in every process, each of which would compile it anew."""
    assert sweep._sweep.__closure__ is None
    again = sweep._kernel.__wrapped__(np.dtype(np.float64), "C", None)
    assert sum(again.stats.cache_hits.values()) == 1


@pytest.mark.parametrize("width", [5, 600, 1030, 5000])
def test_no_tile_reads_past_what_it_was_given(width, monkeypatch):
    """Tiles of wide rows are shorter; the zeros that stand for no offset are as many as a tile has, and NaN beyond."""
    asked = sweep.side_by_side

    def fenced(given):
        t, a, w, plus = asked(given)
        held = [np.concatenate([part, np.full(4 * TILE, np.nan)])[: len(part)] for part in (t, a, w, plus)]
        return tuple(held)

    monkeypatch.setattr(sweep, "side_by_side", fenced)
    fast = objective(Poisson(), np.random.default_rng(0).normal(size=(3 * TILE + 7, width)), True, False, False)
    theta = np.full(width + 1, 1e-3)
    got, want = fast(theta, Level.GRADIENT), plain(fast)(theta, Level.GRADIENT)
    assert got.value == pytest.approx(want.value, rel=1e-12)
    np.testing.assert_allclose(got.gradient, want.gradient, rtol=1e-11, atol=1e-9)


def test_what_is_not_asked_for_is_not_answered():
    fast = objective(Poisson(), np.ones((40, 2)), True, False, False)
    assert fast(np.zeros(3), Level.VALUE).gradient is None
    assert fast(np.zeros(3), Level.GRADIENT).hessian is None
    assert fast(np.full(3, 1e3), Level.HESSIAN).value == np.inf


@pytest.mark.parametrize("coded", [False, True])
def test_a_sweep_is_the_same_on_any_number_of_threads(coded):
    rng = np.random.default_rng(0)
    columns = factors(rng, 200_000, [12, 12, 7], [1], 2) if coded else factors(rng, 30_000, [], [], 6)
    fast = problem(Bernoulli(), columns, 200_000 if coded else 30_000, True, True, True)
    answers = []
    for count in (1, 2, 5):
        with threads(count):
            answers.append(fast(np.full(fast.data.design.p, 0.3)))
    for other in answers[1:]:
        assert other.value == answers[0].value
        np.testing.assert_array_equal(other.gradient, answers[0].gradient)
        np.testing.assert_array_equal(other.hessian.matrix, answers[0].hessian.matrix)


@pytest.mark.parametrize("stored", ["wide factor", "sparse columns", "ones alone"])
def test_other_storage_is_read_verb_by_verb(stored):
    rng = np.random.default_rng(1)
    wide = Columns(names("g", 0, 2000), codes=rng.integers(0, 2000, 50).astype(np.int16), levels=2000)
    thin = Columns(names("z", 0, 3), sparse=csr_array(rng.integers(0, 2, (50, 3)).astype(float)))
    columns = {"wide factor": (wide,), "sparse columns": (thin,), "ones alone": ()}[stored]
    assert not problem(Poisson(), columns, 50, True, False, False).swept


def test_codes_with_gaps_between_rows_are_copied_and_the_copies_kept():
    """Steps know places in memory alone: whoever asks for them holds what is there."""
    rng = np.random.default_rng(0)
    codes, values = rng.integers(0, 7, (3, 40_000)).astype(np.uint8)[:, ::2], rng.normal(size=(1, 40_000))[:, ::2]
    tables, vector, size = [rng.normal(size=7) for _ in codes], rng.normal(size=20_000), [7, 7]
    for verb, asked in (
        ("pick", (codes, values, tables)),
        ("sums", (codes[0], vector, 7)),
        ("tables", (codes[0], codes[1:], vector, 7, size)),
    ):
        got, want = getattr(compiled, verb)(*asked), getattr(definition, verb)(*asked)
        np.testing.assert_allclose(got, want, rtol=1e-11, atol=1e-11)
