"""Sparse columns against the matrix written out: every verb, in SciPy and compiled, alone and beside other columns."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import csr_array, random_array

import expfam as ef
from expfam.design import Columns, assemble
from expfam.design.sparse import WRITTEN_FROM, Sparse, sparse, turned
from expfam.families import Categorical
from expfam.links import Softmax
from expfam.objective import Data, Objective
from expfam.response import Level

N = 30
NAMES = tuple(f"x{j}" for j in range(500))
seeds = st.integers(0, 2**32 - 1)
both = pytest.mark.parametrize("compiled", [False, True], ids=["definition", "compiled"])
kinds = st.sampled_from([("f8", "i4"), ("f4", "i4"), ("ones", "i4"), ("f8", "i8")])
shapes = st.tuples(st.sampled_from([3, 40, 150]), st.sampled_from([0.0, 0.05, 0.15, 0.9]))


def draw(rng: np.random.Generator, kind: str, width: int = 40, density: float = 0.15, index: str = "i4") -> Any:
    """A canonical matrix of N rows, with empty rows and columns."""
    X = random_array((N, width), density=density, rng=rng, data_sampler=rng.normal, format="csr")
    X.data = np.ones(X.nnz) if kind == "ones" else X.data.astype(kind)
    X.indices, X.indptr = X.indices.astype(index), X.indptr.astype(index)
    X.sort_indices()
    return X


def written(X: Any) -> np.ndarray:
    return np.asarray(X.toarray(), dtype=np.float64)


@both
@given(seeds, kinds, shapes)
def test_verbs_are_those_of_the_matrix(
    compiled: bool, seed: int, kind: tuple[str, str], shape: tuple[int, float]
) -> None:
    rng = np.random.default_rng(seed)
    stored = draw(rng, kind[0], *shape, index=kind[1])
    group, X = sparse(stored, compiled), written(stored)
    assert (group.width, group.n, group.columns()) == (X.shape[1], N, None)
    for rows in (slice(0, N), slice(4, 21), slice(7, 7), slice(20, 3), slice(1, N, 3), rng.permutation(N)[:8]):
        part, dense = group.take(rows), X[rows]
        weights = rng.normal(size=len(dense))
        for d in ((), (1,), (7,)):
            theta, vectors = rng.normal(size=(X.shape[1], *d)), rng.normal(size=(len(dense), *d))
            for got, meant in ((part.forward(theta), dense @ theta), (part.adjoint(vectors), dense.T @ vectors)):
                assert got.dtype == np.float64
                assert np.allclose(got, meant)
        assert np.allclose(part.gram(weights), dense.T @ (weights[:, None] * dense))
        assert np.allclose(part.squares(weights), (dense**2).T @ weights)
        assert np.allclose(part.crosses(weights[None], vectors)[0], dense.T @ (weights[:, None] * vectors))
        assert np.allclose(part.sums(weights, part.gram(weights)), dense.T @ weights)
        assert np.array_equal(part.written(), dense)


@both
@given(seeds, kinds, shapes)
def test_sums_column_by_column_are_those_row_by_row(
    compiled: bool, seed: int, kind: tuple[str, str], shape: tuple[int, float]
) -> None:
    rng = np.random.default_rng(seed)
    plain = sparse(draw(rng, kind[0], *shape, index=kind[1]), compiled)
    group, X = turned(plain), plain.written()
    assert group.take(slice(0, 20)).turned is None
    for d in ((), (1,), (7,)):
        rows = rng.normal(size=(N, *d))
        assert np.allclose(group.adjoint(rows), X.T @ rows)
        assert np.allclose(group.collect(rows, np.full((X.shape[1], *d), np.nan)), X.T @ rows)
        assert np.allclose(plain.collect(rows, np.full((X.shape[1], *d), np.nan)), X.T @ rows)
        assert np.allclose(group.squares(rows), (X**2).T @ rows)
    assert np.allclose(group.support(rows[:, 0]), (X != 0).T @ rows[:, 0])


def test_a_gradient_of_many_classes_is_that_of_every_storage(monkeypatch: pytest.MonkeyPatch) -> None:
    """Scores of all rows first and then sums column by column, in threads or not, at whatever means."""
    rng = np.random.default_rng(3)
    X = random_array((3000, 500), density=0.002, rng=rng, format="csr")
    y = rng.integers(0, 5, 3000).astype(float)
    family = Categorical(5)
    found = []
    for least in (1, 10**9):
        monkeypatch.setattr("expfam.design.sparse.TURNED", least)
        design = assemble((Columns(("Intercept",)), Columns(NAMES, sparse=X)), 3000, True, pairs=10)
        assert design.turned is (least == 1)
        data = Data(design, y, family.conjugate(family.T(y)), np.ones(3000), None)
        found.append(Objective(family, Softmax(), ef.Ridge(0.1).bind(design.names), data))
    for theta in (rng.normal(size=(501, 4)), np.full((501, 4), 1e308)):
        by_columns, by_rows = (objective(theta, Level.GRADIENT) for objective in found)
        assert by_columns.value == pytest.approx(by_rows.value)
        assert (by_columns.gradient is None) is (by_rows.gradient is None)
        if by_rows.gradient is not None:
            assert np.allclose(by_columns.gradient, by_rows.gradient, rtol=1e-12)
            with ef.threads(1):
                assert np.array_equal(found[0](theta, Level.GRADIENT).gradient, by_columns.gradient)


def test_float32_is_summed_as_float64() -> None:
    """Of ten thousand tenths added up in turn, float64 loses at most n eps; float32 would lose all but four digits."""
    n, tenth = 10_000, np.float32(0.1)
    X, ones, eps = csr_array(np.full((n, 1), tenth)), np.ones(n), np.finfo(np.float64).eps
    for compiled in (False, True):
        group = sparse(X, compiled)
        assert group.data is not None
        assert group.data.dtype == np.float32
        assert group.adjoint(ones)[0] == pytest.approx(n * float(tenth), rel=n * eps)
        assert group.squares(ones)[0] == pytest.approx(n * float(tenth) ** 2, rel=n * eps)


def test_a_slice_of_rows_is_a_view() -> None:
    group = sparse(draw(np.random.default_rng(0), "f8"))
    part = group.take(slice(3, 20))
    assert part.indices is group.indices
    assert part.data is group.data
    assert np.shares_memory(part.indptr, group.indptr)


def test_ones_are_not_stored() -> None:
    rng = np.random.default_rng(0)
    assert sparse(draw(rng, "ones")).data is None
    assert sparse(draw(rng, "f8")).data is not None
    almost = draw(rng, "ones", 400, 0.5)
    almost.data[-1] = 2.0
    assert sparse(almost).data is not None


@both
@given(seeds, st.sampled_from(["f8", "f4", "ones"]))
def test_rows_that_are_nearly_full_are_written_out(compiled: bool, seed: int, kind: str) -> None:
    """Either way of taking the product is the product."""
    rng = np.random.default_rng(seed)
    stored = draw(rng, kind, 12, 0.8)
    group, X, weights = sparse(stored, compiled), written(stored), rng.normal(size=N)
    assert group.stored > WRITTEN_FROM * group.width
    assert np.allclose(group.gram(weights), X.T @ (weights[:, None] * X))


def other_columns(rng: np.random.Generator, kind: str) -> Columns:
    codes = rng.integers(0, 5, N).astype(np.int32)
    tag = f"{kind}{rng.integers(1 << 30)}"
    names = tuple(f"{tag}[{j}]" for j in range(5))
    return {
        "ones": lambda: Columns((tag,)),
        "dense": lambda: Columns(names[:2], values=rng.normal(size=(N, 2))),
        "coded": lambda: Columns(names, codes=codes, levels=5),
        "valued": lambda: Columns(names, codes=codes, levels=5, values=rng.normal(size=(N, 1))),
        "contrast": lambda: Columns(names[:2], codes=codes, levels=5, contrast=rng.normal(size=(5, 2))),
        "sparse": lambda: Columns(names, sparse=draw(rng, "f8", 5, 0.3)),
        "sparse ones": lambda: Columns(names, sparse=draw(rng, "ones", 5, 0.3)),
        "sparse kept": lambda: Columns(names[:2], sparse=draw(rng, "f4", 5, 0.3), contrast=np.array([3, 0])),
    }[kind]()


KINDS = ["ones", "dense", "coded", "valued", "contrast", "sparse", "sparse ones", "sparse kept"]


@both
@given(st.lists(st.sampled_from(KINDS), min_size=1, max_size=5), seeds)
def test_all_kinds_of_column_stand_side_by_side(compiled: bool, others: list[str], seed: int) -> None:
    rng = np.random.default_rng(seed)
    columns = tuple(other_columns(rng, kind) for kind in [*others, "sparse"])
    design, X = assemble(columns, N, compiled), np.hstack([c.dense(N) for c in columns])
    maps = design.maps
    theta, weights, r = rng.normal(size=design.p), rng.normal(size=N), rng.normal(size=(N, 3))
    assert np.allclose(design.forward(maps.forward(theta)), X @ theta)
    assert np.allclose(maps.adjoint(design.adjoint(r)), X.T @ r)
    assert np.allclose(maps.congruence(design.gram(weights)), X.T @ (weights[:, None] * X))
    part = design.take(slice(5, 19))
    assert np.allclose(maps.congruence(part.gram(weights[5:19])), X[5:19].T @ (weights[5:19, None] * X[5:19]))


@given(seeds)
def test_columns_take_rows(seed: int) -> None:
    rng = np.random.default_rng(seed)
    term = Columns(tuple("abcde"), sparse=draw(rng, "f8", 5, 0.3))
    rows = rng.random(N) < 0.5
    assert np.array_equal(term.take(rows).dense(int(rows.sum())), term.dense(N)[rows])
    assert term.raw == 5


def test_large_tables_are_asked_for_in_advance_and_change_nothing() -> None:
    """The compiled kernels of many right-hand sides have a second way through when the table exceeds the cache."""
    rng = np.random.default_rng(1)
    X = random_array((50, 60_000), density=3e-3, rng=rng, format="csr")
    theta, vectors = rng.normal(size=(60_000, 9)), rng.normal(size=(50, 9))
    group = sparse(X, True)
    assert np.allclose(group.forward(theta), X @ theta)
    assert np.allclose(group.adjoint(vectors), X.T @ vectors)


def test_size_picks_the_kernels() -> None:
    rng = np.random.default_rng(0)
    assert not sparse(draw(rng, "f8")).compiled
    assert sparse(csr_array(np.ones((50_000, 11)))).compiled
    assert isinstance(assemble((Columns(("a",), sparse=draw(rng, "f8", 1)),), N).groups[0], Sparse)
