"""Every column group against the matrix written out: forward, adjoint, gram, quadratic, and the maps of (14)."""

from dataclasses import replace
from itertools import combinations
from math import prod

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import csr_array

from expfam.design import Columns, Design, assemble, shared
from expfam.design.beside import beside
from expfam.design.coded import Coded
from expfam.design.joint import CELLS, joined, slots_of
from expfam.design.standard import standardise
from expfam.source import Source
from expfam.terms import learn_terms

N = 30


def draw_columns(kind: str, rng: np.random.Generator) -> Columns:
    """A term of each kind of storage, with random values, codes and contrasts."""
    levels, m = int(rng.integers(2, 6)), int(rng.integers(1, 4))
    codes = rng.integers(0, levels, N).astype(np.int32)
    values = rng.normal(size=(N, m))
    tag = f"{kind}{rng.integers(1 << 30)}"
    names = lambda count: tuple(f"{tag}[{j}]" for j in range(count))  # noqa: E731  one line, used below
    kept = np.arange(1, levels)
    return {
        "ones": lambda: Columns((tag,)),
        "dense": lambda: Columns(names(m), values=values),
        "dense mapped": lambda: Columns(names(2), values=values, contrast=rng.normal(size=(m, 2))),
        "full": lambda: Columns(names(levels), codes=codes, levels=levels),
        "treatment": lambda: Columns(names(levels - 1), codes=codes, levels=levels, contrast=kept),
        "contrast": lambda: Columns(names(2), codes=codes, levels=levels, contrast=rng.normal(size=(levels, 2))),
        "valued": lambda: Columns(names(m * levels), codes=codes, levels=levels, values=values),
        "valued kept": lambda: Columns(
            names(levels - 1), codes=codes, levels=levels, values=values[:, :1], contrast=kept
        ),
    }[kind]()


KINDS = ["ones", "dense", "dense mapped", "full", "treatment", "contrast", "valued", "valued kept"]
mixtures = st.lists(st.sampled_from(KINDS), min_size=1, max_size=5)
seeds = st.integers(0, 2**32 - 1)


def build(kinds: list[str], seed: int, compile_: bool) -> tuple[Design, np.ndarray, np.random.Generator]:
    rng = np.random.default_rng(seed)
    columns = tuple(draw_columns(kind, rng) for kind in kinds)
    return assemble(columns, N, compile_), np.hstack([c.dense(N) for c in columns]), rng


both = pytest.mark.parametrize("compile_", [False, True], ids=["definition", "compiled"])


@both
@given(mixtures, seeds)
def test_verbs_are_those_of_the_matrix(compile_: bool, kinds: list[str], seed: int) -> None:
    design, X, rng = build(kinds, seed, compile_)
    maps = design.maps
    for shape in ((), (3,)):
        theta, rows = rng.normal(size=(design.p, *shape)), rng.normal(size=(N, *shape))
        assert np.allclose(design.forward(maps.forward(theta)), X @ theta)
        assert np.allclose(maps.adjoint(design.adjoint(rows)), X.T @ rows)
    for weights in (rng.random(N), rng.normal(size=N)):
        assert np.allclose(maps.congruence(design.gram(weights)), X.T @ (weights[:, None] * X))
    form = rng.normal(size=(design.p, design.p))
    assert np.allclose(design.quadratic(form), np.einsum("ni,ij,nj->n", X, form, X))


@both
@given(mixtures, seeds)
def test_rows_can_be_taken(compile_: bool, kinds: list[str], seed: int) -> None:
    design, X, rng = build(kinds, seed, compile_)
    theta = rng.normal(size=design.p)
    for at in (slice(3, 17), rng.permutation(N)[:8]):
        part = design.take(at)
        assert part.n == len(X[at])
        assert np.allclose(part.forward(part.maps.forward(theta)), X[at] @ theta)


@given(mixtures, seeds, st.integers(1, N - 1))
def test_gram_is_a_sum_over_row_blocks(kinds: list[str], seed: int, cut: int) -> None:
    design, _, rng = build(kinds, seed, False)
    weights = rng.random(N)
    parts = [design.take(slice(0, cut)).gram(weights[:cut]), design.take(slice(cut, N)).gram(weights[cut:])]
    assert np.allclose(design.gram(weights), parts[0] + parts[1])


@both
@given(mixtures, seeds)
def test_a_block_is_the_same_wherever_it_lies(compile_: bool, kinds: list[str], seed: int) -> None:
    design, _, rng = build(kinds, seed, compile_)
    view, copy = design.take(slice(7, 19)), design.take(np.arange(7, 19))
    theta, weights, columns = rng.normal(size=(design.maps.raw, 3)), rng.random(12), rng.normal(size=(12, 2))
    for one, other in zip(view.groups, copy.groups, strict=True):
        if isinstance(one, Coded):
            assert isinstance(other, Coded)
            assert np.array_equal(one.gram(weights), other.gram(weights))
            assert np.array_equal(one.crosses(weights[None], columns), other.crosses(weights[None], columns))
            assert np.array_equal(one.forward(theta[: one.width]), other.forward(theta[: one.width]))


@both
@given(mixtures, seeds)
def test_the_map_is_one_matrix(compile_: bool, kinds: list[str], seed: int) -> None:
    design, _, rng = build(kinds, seed, compile_)
    maps = design.maps
    C = np.stack([maps.forward(unit) for unit in np.eye(maps.p)], axis=1)
    raw, form = rng.normal(size=(maps.raw, 2)), rng.normal(size=(maps.raw, maps.raw))
    assert np.allclose(maps.adjoint(raw), C.T @ raw)
    assert np.allclose(maps.congruence(form), C.T @ form @ C)
    assert np.allclose(maps.squares(raw[:, 0]), (C * C).T @ raw[:, 0])


def test_numeric_columns_alone_pass_the_map_untouched() -> None:
    X = np.ones((5, 3))
    maps = assemble((Columns(("Intercept",)), Columns(("a", "b", "c"), values=X)), 5).maps
    theta, form = np.arange(4.0), np.eye(4)
    assert maps.forward(theta) is theta
    assert np.shares_memory(maps.adjoint(theta), theta)
    assert np.shares_memory(maps.congruence(form), form)


@both
@given(mixtures, seeds)
def test_only_plain_codes_are_indicators(compile_: bool, kinds: list[str], seed: int) -> None:
    design, _, _ = build(kinds, seed, compile_)
    coded = [group for group in design.groups if isinstance(group, Coded)]
    written = np.hstack([group.forward(np.eye(group.width)) for group in coded]) if coded else np.zeros((N, 0))
    marked = np.concatenate([group.indicators for group in coded]) == 1 if coded else np.zeros(0, dtype=bool)
    assert np.isin(written[:, marked], (0.0, 1.0)).all()
    assert (written[:, marked].sum(axis=1) == sum(kind in ("full", "treatment", "contrast") for kind in kinds)).all()


def draw_coded(seed: int) -> tuple[Coded, np.ndarray, np.random.Generator]:
    """Slots of one to three joined factors, some multiplied, of the rows 4..n-1 of longer arrays; and R written out."""
    rng = np.random.default_rng(seed)
    sizes = [tuple(map(int, rng.integers(1, 6, rng.integers(1, 4)))) for _ in range(rng.integers(1, 7))]
    v, n = int(rng.integers(0, len(sizes) + 1)), int(rng.integers(5, 50))
    slots = slots_of(sizes)
    width = np.array([slot.levels for slot in slots])[:, None]
    codes = (rng.random((len(sizes), n)) ** 2 * width).astype(rng.choice([np.uint8, np.uint16]))
    group = Coded(codes, rng.normal(size=(v, n)), slots, True).take(slice(4, n))
    R = np.zeros((n - 4, group.width))
    for a, (slot, factors) in enumerate(zip(slots, sizes, strict=True)):
        for b, levels in enumerate(np.unravel_index(group.codes[a].astype(int), factors)):
            start = slot.columns.start + sum(factors[:b])
            R[np.arange(n - 4), start + levels] = 1.0 if a < group.plain else group.values[a - group.plain]
    return group, R, rng


@both
@given(seeds)
def test_joined_factors_are_their_columns(compile_: bool, seed: int) -> None:
    group, R, rng = draw_coded(seed)
    group = replace(group, compiled=compile_)
    n, r = R.shape
    w, columns = rng.normal(size=n), rng.normal(size=(n, int(rng.integers(1, 10))))
    for theta in (rng.normal(size=r), rng.normal(size=(r, 5))):
        assert np.allclose(group.forward(theta), R @ theta)
    for rows in (w, columns):
        assert np.allclose(group.adjoint(rows), R.T @ rows)
    gram = group.gram(w)
    assert np.allclose(gram, R.T @ (w[:, None] * R))
    assert np.allclose(group.grams(columns.T), np.einsum("nr,nm,ns->mrs", R, columns, R))
    assert np.allclose(group.crosses(columns.T, columns), np.einsum("nr,nk,nm->krm", R, columns, columns))
    assert np.allclose(group.sums(w, gram), R.T @ w)
    assert np.allclose(group.squares(w), (R * R).T @ w)
    indptr, indices, data = group.nonzeros()
    data = np.ones(len(indices)) if data is None else data
    assert np.array_equal(csr_array((data, indices, indptr), R.shape).toarray(), R)


@both
@given(seeds)
def test_what_is_not_finite_is_seen(compile_: bool, seed: int) -> None:
    group, R, rng = draw_coded(seed)
    group = replace(group, compiled=compile_)
    bad = int(rng.integers(len(R)))
    w, columns = np.ones(len(R)), np.ones((len(R), 3))
    w[bad], columns[bad, 1] = np.nan, np.inf
    touched = R[bad] != 0
    with np.errstate(invalid="ignore"):
        assert np.isnan(group.adjoint(w)[touched]).all()
        assert np.isnan(group.gram(w)[np.ix_(touched, touched)]).all()
        crossed = group.crosses(np.ones((1, len(R))), columns)[0]
    assert not np.isfinite(crossed[touched, 1]).any()
    assert np.isfinite(crossed[:, [0, 2]]).all()


def factor(levels: int, rng: np.random.Generator) -> Columns:
    codes = rng.integers(0, min(levels, 3), N).astype(np.min_scalar_type(-levels))
    return Columns(tuple(f"g{levels}[{c}]" for c in range(levels)), codes=codes, levels=levels)


@given(st.lists(st.sampled_from([1, 2, 3, 6, 7, 11, 22, 200, 5000]), min_size=1, max_size=9), seeds)
def test_factors_share_slots_while_their_tables_stay_small(levels: list[int], seed: int) -> None:
    rng = np.random.default_rng(seed)
    terms = tuple(factor(k, rng) for k in levels)
    slots = joined(terms)
    assert sorted(id(t) for slot in slots for t in slot) == sorted(map(id, terms))
    cells = lambda sizes: sum(a * b for a, b in combinations(sizes, 2))  # noqa: E731  one line, used twice
    assert cells([prod(t.levels for t in slot) for slot in slots]) <= max(CELLS, 2 * cells(levels))
    theta = rng.normal(size=sum(levels))
    design = assemble(terms, N, True)
    expected = sum(part[t.codes] for t, part in zip(terms, np.split(theta, np.cumsum(levels)[:-1]), strict=True))
    assert np.allclose(design.forward(design.maps.forward(theta)), expected)
    assert np.allclose(design.maps.adjoint(design.adjoint(expected)) @ theta, expected @ expected)


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("d", [None, 1, 3])
def test_standard_coordinates_are_a_linear_map(d: int | None, order: str) -> None:
    """Columns that the map centres, not the kernels (sparse ones): forward, adjoint and congruence are one matrix."""
    rng = np.random.default_rng(4)
    X = np.where(rng.random((N, 4)) < 0.4, rng.normal(3, 2, (N, 4)), 0.0)
    terms = Columns(("Intercept",)), Columns(("a", "b", "c", "e"), sparse=csr_array(X))
    design, _ = standardise(assemble(terms, N, False), np.ones(N), np.zeros(5, bool), np.zeros(5))
    maps = design.maps
    C = maps.forward(np.eye(maps.p))
    assert (C[0, 1:] != 0).all(), "the intercept takes up the means"
    drawn = rng.normal(size=(maps.raw, d or 1))
    raw = drawn[:, 0] if d is None else np.array(drawn, order=order)  # type: ignore[call-overload]
    before = raw.copy()
    assert np.allclose(maps.adjoint(raw), C.T @ raw)
    assert np.array_equal(raw, before)
    assert np.allclose(maps.forward(maps.adjoint(raw)), C @ (C.T @ raw))
    gram = rng.normal(size=(maps.raw, maps.raw))
    assert np.allclose(maps.congruence(gram + gram.T), C.T @ (gram + gram.T) @ C)


def test_a_matrix_is_not_copied() -> None:
    X = np.random.default_rng(0).normal(size=(50, 3))
    design = assemble((Columns(("Intercept",)), Columns(("a", "b", "c"), values=X)), 50)
    assert design.groups[1].columns() is X
    assert design.take(slice(10, 20)).groups[1].columns().base is X


@given(st.lists(st.integers(1, 3), min_size=1, max_size=10), st.integers(1, 20), st.booleans())
def test_numbers_beside_each_other_are_one_matrix(widths: list[int], n: int, single: bool) -> None:
    """Blocks apart are copied, neighbours in one matrix are that matrix, and those out of order a copy again."""
    rng = np.random.default_rng(n)
    blocks = [rng.normal(size=(n, 1 if single else width)) for width in widths]
    whole = np.concatenate(blocks, axis=1)
    assert np.array_equal(beside(blocks), whole)
    terms = shared(tuple(Columns(tuple("abc"[: b.shape[1]]), values=b) for b in blocks))
    views = [term.values for term in terms if term.values is not None]
    assert all(map(np.array_equal, views, blocks))
    again = beside(views)
    assert np.array_equal(again, whole)
    assert np.shares_memory(again, views[0])
    assert np.array_equal(beside(views[::-1]), np.concatenate(blocks[::-1], axis=1))


def test_what_a_frame_holds_as_numbers_is_copied_once() -> None:
    """Zeros and ones stay apart, for large data store them as codes; the response and codes are no numbers of terms."""
    rng = np.random.default_rng(0)
    data = {name: rng.normal(size=50) for name in "xyz"} | {"d": rng.integers(0, 2, 50), "g": list("ab") * 25}
    _, rows = learn_terms("y ~ x + d + g + z + x:z", {}, Source(data), "drop", "precision")
    values = {c.names[0]: c.values for c in rows.columns if c.values is not None}
    assert set(values) == {"x", "d", "z", "x:z"}
    x, z, both = (values[name] for name in ("x", "z", "x:z"))
    assert x.base is z.base is both.base is not None
    assert values["d"].base is not x.base
    assert np.array_equal(beside([x, z, both]), np.column_stack([data["x"], data["z"], data["x"] * data["z"]]))
    assert np.shares_memory(beside([x, z, both]), x)
