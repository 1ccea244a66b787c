"""Numeric columns, compiled or not, centred or not, in any memory order: verbs are those of the matrix written out."""

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from expfam.design import Columns, Design, assemble
from expfam.design.dense import Dense
from expfam.design.ones import Ones
from expfam.kernels import ready

both = pytest.mark.parametrize("compiled", [False, True], ids=["definition", "compiled"])
WIDTHS = [1, 2, 3, 4, 5, 7, 8, 9, 12, 13, 20, 31, 32, 54, 67, 100, 130, 1027]
seeds = st.integers(0, 2**32 - 1)


def read_only(X: np.ndarray) -> np.ndarray:
    out = X.copy()
    out.flags.writeable = False
    return out


def unaligned(X: np.ndarray) -> np.ndarray:
    """X at an odd address, as in a memory-mapped file after a header."""
    out = np.empty(X.nbytes + 1, dtype=np.uint8)[1:].view(X.dtype).reshape(X.shape)
    out[...] = X
    return out


ORDERS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "C": np.ascontiguousarray,
    "F": np.asfortranarray,
    "rows of F": lambda X: np.asfortranarray(np.concatenate([X, X]))[: len(X)],
    "some columns": lambda X: np.concatenate([X, X], axis=1)[:, : X.shape[1]],
    "backwards": lambda X: X[::-1].copy()[::-1],
    "every other": lambda X: np.repeat(np.repeat(X, 2, axis=0), 2, axis=1)[::2, ::2],
    "columns backwards": lambda X: X[:, ::-1].copy()[:, ::-1],
    "read-only": read_only,
    "unaligned": unaligned,
}
orders = pytest.mark.parametrize("order", ORDERS)


def verbs(group: Dense, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Every verb's result, at vectors drawn from rng."""
    n, m = len(group.values), group.width
    weights = rng.normal(size=(3, n))
    weights[1] = np.abs(weights[1])
    grams, sums = group.grams_and_sums(weights)
    return {
        "forward": group.forward(rng.normal(size=m)),
        "forward many": group.forward(rng.normal(size=(m, 6))),
        "forward more": group.forward(rng.normal(size=(m, 13))),
        "adjoint": group.adjoint(rng.normal(size=n)),
        "adjoint many": group.adjoint(rng.normal(size=(n, 9))),
        "squares": group.squares(weights[0]),
        "columns": group.columns(),
        "gram": group.gram(weights[1]),
        "grams": grams,
        "sums": sums,
    }


def written(X: np.ndarray, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """The same of a matrix, by its definition."""
    n, m = X.shape
    weights = rng.normal(size=(3, n))
    weights[1] = np.abs(weights[1])
    return {
        "forward": X @ rng.normal(size=m),
        "forward many": X @ rng.normal(size=(m, 6)),
        "forward more": X @ rng.normal(size=(m, 13)),
        "adjoint": X.T @ rng.normal(size=n),
        "adjoint many": X.T @ rng.normal(size=(n, 9)),
        "squares": (X * X).T @ weights[0],
        "columns": X,
        "gram": np.einsum("ki,k,kj->ij", X, weights[1], X, optimize=True),
        "grams": np.stack([X.T @ (w[:, None] * X) for w in weights]),
        "sums": weights @ X,
    }


def assert_close(ours: dict[str, np.ndarray], theirs: dict[str, np.ndarray], rows: int) -> None:
    for verb, value in theirs.items():
        assert ours[verb].shape == value.shape, verb
        scale = np.abs(value).max(initial=1.0) + rows  # sums of about `rows` numbers of size 1 to 10
        assert np.abs(ours[verb] - value).max(initial=0.0) <= 1e-13 * scale, verb


@both
@pytest.mark.parametrize("m", WIDTHS)
def test_verbs_are_those_of_the_matrix(compiled: bool, m: int) -> None:
    rng = np.random.default_rng(m)
    for n in (1, 2, 3, 6, 130, 523):
        for dtype in (np.float64, np.float32):
            X, centre = (rng.normal(size=(n, m)) + 3).astype(dtype), rng.normal(size=m) + 3
            for shift in (None, centre):
                R = X.astype(np.float64) if shift is None else X - shift
                theirs = written(R, np.random.default_rng(n))
                assert_close(verbs(Dense(X, shift, compiled), np.random.default_rng(n)), theirs, n)


@both
@orders
@given(seed=seeds, n=st.integers(1, 90), m=st.integers(1, 30), single=st.booleans(), shifted=st.booleans())
def test_memory_order_changes_nothing(
    compiled: bool, order: str, seed: int, n: int, m: int, single: bool, shifted: bool
) -> None:
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, m)).astype(np.float32 if single else np.float64)
    centre = rng.normal(size=m) if shifted else None
    plain = verbs(Dense(X, centre, compiled), np.random.default_rng(seed))
    other = ORDERS[order](X)
    assert np.array_equal(other, X)
    assert_close(verbs(Dense(other, centre, compiled), np.random.default_rng(seed)), plain, n)


@orders
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_compiled_grams_are_the_same_to_the_bit_in_any_order(order: str, dtype: type) -> None:
    rng = np.random.default_rng(5)
    X, weights = rng.normal(size=(1501, 23)).astype(dtype), rng.normal(size=(2, 1501))
    centre = rng.normal(size=23)
    plain, other = (Dense(values, centre, True).grams_and_sums(weights) for values in (X, ORDERS[order](X)))
    assert np.array_equal(plain[0], other[0])
    assert np.array_equal(plain[1], other[1])


@both
@pytest.mark.parametrize("order", ["C", "F"])
def test_memory_mapped_values_are_read_where_they_are(compiled: bool, order: str, tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    X = np.asarray(rng.normal(size=(300, 11)), order=order)  # type: ignore[call-overload]
    np.save(tmp_path / "X.npy", X)
    mapped = np.load(tmp_path / "X.npy", mmap_mode="r")
    group = Dense(mapped, None, compiled)
    assert_close(verbs(group, np.random.default_rng(1)), written(X, np.random.default_rng(1)), 300)
    assert isinstance(group.take(slice(3, 200)).columns(), np.memmap)


@both
@pytest.mark.parametrize("order", ["C", "F"])
def test_a_large_mean_costs_no_digit(compiled: bool, order: str) -> None:
    """Columns of mean 1e9 and spread 1, against exact arithmetic."""
    rng = np.random.default_rng(8)
    X = ORDERS[order](1e9 + rng.normal(size=(60, 5)))
    centre, weights, theta, rows = X.mean(axis=0), rng.random(60), rng.normal(size=5), rng.normal(size=60)
    exact = [[Fraction(x) - Fraction(c) for x, c in zip(row, centre, strict=True)] for row in X.tolist()]
    R = np.array([[float(x) for x in row] for row in exact])
    group = Dense(X, centre, compiled)
    gram = [
        [float(sum(Fraction(w) * r[i] * r[j] for w, r in zip(weights, exact, strict=True))) for j in range(5)]
        for i in range(5)
    ]
    grams, sums = group.grams_and_sums(weights[None])
    assert np.abs(grams[0] - gram).max() < 1e-12
    assert np.abs(sums[0] - R.T @ weights).max() < 1e-12
    assert np.abs(group.squares(weights) - np.diagonal(gram)).max() < 1e-12
    assert np.abs(group.forward(theta) - R @ theta).max() < 1e-13
    assert np.abs(group.adjoint(rows) - R.T @ rows).max() < 1e-13


@both
@given(seeds, st.integers(1, 40))
def test_grams_are_symmetric_to_the_bit(compiled: bool, seed: int, m: int) -> None:
    rng = np.random.default_rng(seed)
    grams = Dense(rng.normal(size=(50, m)), None, compiled).grams(rng.normal(size=(2, 50)))
    assert np.array_equal(grams, grams.transpose(0, 2, 1))


@both
def test_centres_add_up_and_go_with_the_rows(compiled: bool) -> None:
    rng = np.random.default_rng(4)
    X, one, other = rng.normal(size=(40, 6)), rng.normal(size=6), rng.normal(size=6)
    group = Dense(X, None, compiled)
    assert group.columns() is X
    shifted = group.centred(one).centred(other)
    assert np.allclose(shifted.columns(), X - one - other, atol=1e-14)
    for rows in (slice(5, 30), rng.permutation(40)[:7]):
        assert np.array_equal(shifted.take(rows).columns(), shifted.columns()[rows])
    assert group.take(slice(5, 30)).columns().base is X
    assert Dense(X.astype(np.float32)).columns().dtype == np.float64
    assert Ones(4).centred(one) == Ones(4)
    assert np.array_equal(Ones(3).squares(np.array([1.0, 2.0, 4.0])), [7.0])


@both
@pytest.mark.parametrize("what", [np.nan, np.inf])
def test_what_is_no_number_is_seen(compiled: bool, what: float) -> None:
    rng = np.random.default_rng(6)
    X, weights = rng.normal(size=(37, 7)), rng.random(37)
    X[17, 3] = what
    group = Dense(X, None, compiled)
    with np.errstate(invalid="ignore"):
        gram = group.gram(weights)
        assert not np.isfinite(gram[3]).any()
        assert np.isfinite(np.delete(np.delete(gram, 3, 0), 3, 1)).all()
        assert np.flatnonzero(~np.isfinite(group.forward(np.ones(7)))).tolist() == [17]
        assert np.flatnonzero(~np.isfinite(group.adjoint(np.ones(37)))).tolist() == [3]


@both
def test_no_rows_give_sums_of_nothing(compiled: bool) -> None:
    group = Dense(np.empty((0, 5)), None, compiled)
    assert group.forward(np.ones(5)).shape == (0,)
    assert np.array_equal(group.adjoint(np.empty(0)), np.zeros(5))
    assert np.array_equal(group.gram(np.empty(0)), np.zeros((5, 5)))


@pytest.mark.parametrize("loaded", [False, True], ids=["kernels on disk", "kernels loaded"])
def test_large_data_is_compiled(loaded: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where kernels are loaded already, a fortieth of the numbers is enough."""

    def dense(n: int, compiled: bool | None = None) -> bool:
        values = np.broadcast_to(0.5, (n, 4))
        design: Design = assemble((Columns(tuple("abcd"), values=values),), n, compiled)
        group = design.groups[0]
        assert isinstance(group, Dense)
        return group.compiled

    monkeypatch.setattr(ready, "loaded", lambda: loaded)
    bound = ready.CODED // 4 // (ready.LOADED if loaded else 1)
    assert dense(bound)
    assert not dense(bound - 1)
    assert dense(10, True)
    assert not dense(ready.CODED, False)
