"""Columns of zeros and ones are stored as factors, and that is never seen but in what a pass costs."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from expfam.design import Columns, Design, assemble, sought
from expfam.design.coded import Coded
from expfam.design.dense import Dense
from expfam.errors import SchemaError
from expfam.kernels import compiled, definition
from expfam.matrix import MatrixTerms
from expfam.source import Source

N = 300
seeds = st.integers(0, 2**32 - 1)


def one_hot(rng: np.random.Generator, levels: int) -> np.ndarray:
    """All levels but the first, of a factor."""
    return np.eye(levels)[rng.integers(0, levels, N)][:, 1:]


def table(rng: np.random.Generator) -> np.ndarray:
    """Two numbers, two factors written out, a flag, in any order of columns."""
    X = np.hstack([rng.normal(size=(N, 2)), one_hot(rng, 5), one_hot(rng, 3), rng.integers(0, 2, (N, 1))])
    return np.asarray(X[:, rng.permutation(X.shape[1])] if rng.random() < 0.5 else X)


def terms(X: np.ndarray, apart: bool) -> tuple[Columns, ...]:
    """A matrix after a column of ones, as one term or one term a column."""
    names = tuple(f"x{j}" for j in range(X.shape[1]))
    if not apart:
        return Columns(("Intercept",)), Columns(names, values=X)
    return Columns(("Intercept",)), *(Columns((name,), values=X[:, [j]]) for j, name in enumerate(names))


def written(design: Design) -> np.ndarray:
    """X, column by column."""
    return np.stack([design.forward(design.maps.forward(unit)) for unit in np.eye(design.p)], axis=1)


@given(seeds, st.booleans(), st.sampled_from("CF"), st.sampled_from([np.float64, np.float32]))
def test_the_matrix_is_the_same(seed: int, apart: bool, order: str, kind: type) -> None:
    rng = np.random.default_rng(seed)
    X = np.array(table(rng), dtype=kind, order=order)  # type: ignore[call-overload]
    design, plain = (assemble(terms(X, apart), N, large) for large in (True, False))
    assert design.names == plain.names == ("Intercept", *(f"x{j}" for j in range(X.shape[1])))
    full = np.hstack([np.ones((N, 1)), X])
    assert np.allclose(written(design), full, rtol=1e-12, atol=1e-12)
    w = rng.normal(size=(3, N))
    grams = np.stack([design.maps.congruence(gram) for gram in design.grams(w)])  # type: ignore[union-attr]
    assert np.allclose(grams, np.einsum("nr,mn,ns->mrs", full, w, full))
    assert np.allclose(design.maps.adjoint(design.adjoint(w.T)), full.T @ w.T)
    assert np.allclose(design.maps.squares(design.squares(w[0])), (full**2).T @ w[0])


def groups(X: np.ndarray) -> tuple[int, int, int]:
    """Columns stored as numbers, as codes, and how many factors those are."""
    design = assemble(terms(X, apart=False), len(X), compiled=True)
    dense = sum(g.width for g in design.groups if isinstance(g, Dense))
    slots = [s for g in design.groups if isinstance(g, Coded) for s in g.slots]
    factors = sum(1 if s.joint is None else int(s.joint[0].sum()) for s in slots)
    return dense, design.p - 1 - dense, factors


def test_columns_that_never_meet_are_one_factor() -> None:
    rng = np.random.default_rng(0)
    X = np.hstack([rng.normal(size=(N, 2)), one_hot(rng, 5), one_hot(rng, 4)])
    assert groups(X) == (2, 7, 2)


def test_a_meeting_that_few_rows_show_is_found() -> None:
    rng = np.random.default_rng(1)
    X = np.repeat(one_hot(rng, 6), 30, axis=0)
    assert groups(X) == (0, 5, 1)
    X[7, :2] = 1.0  # between the rows that are looked at
    design = assemble(terms(X, apart=False), len(X), compiled=True)
    assert groups(X) == (0, 5, 2)
    assert np.array_equal(written(design)[:, 1:], X)


def test_a_number_among_zeros_and_ones_stays_a_number() -> None:
    rng = np.random.default_rng(2)
    X = np.repeat(one_hot(rng, 7), 30, axis=0)
    X[5, 0] = 0.5
    design = assemble(terms(X, apart=False), len(X), compiled=True)
    assert groups(X) == (1, 5, 1)
    assert np.array_equal(written(design)[:, 1:], X)


@pytest.mark.parametrize("left", [3, 30])
def test_no_second_copy_of_most_of_a_matrix(left: int) -> None:
    """Numbers between the indicators are copied where they are few; where they are many the matrix stays as it is."""
    rng = np.random.default_rng(3)
    hot = one_hot(rng, 25)
    X = np.hstack([hot[:, :5], rng.normal(size=(N, left)), hot[:, 5:]])
    neighbours = groups(X)
    assert neighbours == (left, 24, 1)
    design = assemble(terms(X, apart=False), N, compiled=True)
    (dense,) = (g.values for g in design.groups if isinstance(g, Dense))
    assert np.shares_memory(dense, X) == (left == 30)
    X[:, [0, 10]] = X[:, [10, 0]]
    assert groups(X) == ((left, 24, 1) if left == 3 else (54, 0, 0))


@given(seeds)
def test_the_compiled_mark_is_its_definition(seed: int) -> None:
    rng = np.random.default_rng(seed)
    X = rng.choice([0.0, 1.0, 0.5], p=[0.7, 0.25, 0.05], size=(40, 6))
    slots, levels = np.array([0, 0, -1, 1, 1, 0]), np.array([1, 2, 0, 1, 2, 3], dtype=np.uint8)
    results = []
    for verbs in (definition, compiled):
        codes, odd, met = np.zeros((2, 40), dtype=np.uint8), np.zeros(6, bool), np.zeros((6, 4), bool)
        out = np.empty((40, 2))
        verbs.mark(X, (slots, levels), codes, odd, met, np.array([2, 5]), out)
        results.append((codes, odd, met, out))
    for one, other in zip(*results, strict=True):
        assert np.array_equal(one, other)


@pytest.mark.parametrize("column", [0, 3])
@pytest.mark.parametrize("odd", [np.nan, np.inf])
def test_gaps_are_told_beside_zeros_and_ones(column: int, odd: float, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    X = np.hstack([rng.normal(size=(N, 2)), one_hot(rng, 6)])
    X[7, column] = odd
    read, source = MatrixTerms(tuple("abcdefg"), intercept=True), Source(X, rng.normal(size=N))
    told = []
    for look in (sought, lambda columns, n: columns):
        monkeypatch.setattr("expfam.design.indicators.pays", lambda work: True)
        monkeypatch.setattr("expfam.matrix.sought", look)
        with pytest.raises(SchemaError) as refused:
            read.rows(source, response=True, missing="error", unseen="error")
        told.append(str(refused.value))
        if np.isnan(odd):
            rows = read.rows(source, response=True, missing="drop", unseen="error")
            assert rows.n == N - 1
            assert rows.dropped == {"X": 1}
            assert np.array_equal(written(assemble(rows.columns, rows.n, True))[:, 1:], np.delete(X, 7, axis=0))
    assert told[0] == told[1]
    assert "row 7" in told[0]


def test_what_was_found_before_is_not_looked_for_again(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    X = np.hstack([rng.normal(size=(N, 2)), one_hot(rng, 6)])
    monkeypatch.setattr("expfam.design.indicators.pays", lambda work: True)
    read = MatrixTerms(tuple("abcdefg"), intercept=True)
    rows = read.rows(Source(X, rng.normal(size=N)), response=True, missing="error", unseen="error")
    assert any(term.codes is not None for term in rows.columns)
    design, plain = assemble(rows.columns, N, True), assemble(terms(X, apart=False), N, True)
    assert [type(group) for group in design.groups] == [type(group) for group in plain.groups]
    assert np.array_equal(written(design)[:, 1:], X)
