"""One compiled read of rows of numbers says what the definition says: F, its gradient and its information."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from expfam.design import Columns, Design, assemble
from expfam.families import Bernoulli, ExponentialFamily, Gamma, Gaussian, Poisson, Tweedie
from expfam.kernels import sweep
from expfam.kernels.tiles import TILE
from expfam.links import link
from expfam.objective import Data, Objective
from expfam.parallel import repeated, threads
from expfam.penalties import NoPenalty
from expfam.response import Level
from laws.test_dense import ORDERS

FAMILIES = [Gaussian(), Bernoulli(), Poisson(), Gamma(), Tweedie(1.5)]
WIDTHS = [1, 3, 4, 7, 20, 33, 1030]


def objective(family: ExponentialFamily, X: np.ndarray, ones: bool, moved: bool, weighed: bool) -> Objective:
    """A family's problem on columns of numbers, an intercept or none, compiled."""
    rng = np.random.default_rng(len(X))
    n, m = X.shape
    columns = (*((Columns(("Intercept",)),) if ones else ()), Columns(tuple(f"x{j}" for j in range(m)), values=X))
    y = rng.integers(0, 2, n) + (1.0 if isinstance(family, Gamma) else 0.0)
    weight = rng.choice([0.0, 0.5, 3.0], n) if weighed else repeated(1.0, n)
    data = Data(assemble(columns, n, True), y, family.conjugate(y), weight, rng.normal(size=n) if moved else None)
    chosen = link("log" if isinstance(family, Gamma) else None, family)
    return Objective(family, chosen, NoPenalty().bind(data.design.names), data)


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
    level=st.sampled_from(Level),
    seed=st.integers(0, 2**32 - 1),
    ones=st.booleans(),
    moved=st.booleans(),
    weighed=st.booleans(),
)
def test_a_sweep_says_what_the_definition_says(family, n, m, order, dtype, level, seed, ones, moved, weighed):
    rng = np.random.default_rng(seed)
    X = ORDERS[order](rng.normal(size=(n, m)).astype(dtype))
    fast = objective(family, X, ones, moved, weighed)
    assert fast.swept
    theta = rng.normal(size=m + ones) / (3 * np.sqrt(m + ones))
    got, want = fast(theta, level), plain(fast)(theta, level)
    size = float(np.abs(X).max()) * n
    assert got.value == pytest.approx(want.value, rel=1e-12, abs=1e-12 * size)
    if level > Level.VALUE:
        np.testing.assert_allclose(got.gradient, want.gradient, rtol=1e-11, atol=1e-12 * size)
    if level > Level.GRADIENT:
        np.testing.assert_allclose(got.hessian.matrix, want.hessian.matrix, rtol=1e-11, atol=1e-12 * size)


def test_the_loop_is_kept_on_disk():
    """What a function holds in a closure is another in every process, each of which would compile it anew."""
    assert sweep._sweep.__closure__ is None
    again = sweep._kernel.__wrapped__(np.dtype(np.float64), "C")
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


def test_a_sweep_is_the_same_on_any_number_of_threads():
    X = np.random.default_rng(0).normal(size=(30_000, 6))
    fast = objective(Bernoulli(), X, True, True, True)
    answers = []
    for count in (1, 2, 5):
        with threads(count):
            answers.append(fast(np.full(7, 0.3)))
    for other in answers[1:]:
        assert other.value == answers[0].value
        np.testing.assert_array_equal(other.gradient, answers[0].gradient)
        np.testing.assert_array_equal(other.hessian.matrix, answers[0].hessian.matrix)


@pytest.mark.parametrize("columns", ["factor", "numbers beside codes"])
def test_other_storage_is_read_verb_by_verb(columns):
    rng = np.random.default_rng(1)
    factor = Columns(("g0", "g1", "g2"), codes=rng.integers(0, 3, 50).astype(np.int8), levels=3)
    numbers = Columns(("x",), values=rng.normal(size=(50, 1)))
    design = assemble((factor,) if columns == "factor" else (factor, numbers), 50, True)
    data = Data(design, np.ones(50), np.zeros(50), np.ones(50), None)
    assert not Objective(Poisson(), link(None, Poisson()), NoPenalty().bind(design.names), data).swept
