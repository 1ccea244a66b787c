"""Matrices as users hold them: sparse in any format, dense in any memory order and type. Same numbers, same fit."""

import tracemalloc
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from scipy import sparse

import expfam as ef

RNG = np.random.default_rng(20)
N, P = 400, 6
ROWS = RNG.integers(0, 3, (N, P)) * (RNG.random((N, P)) < 0.4)  # small whole numbers: exact in every type
Y = (RNG.random(N) < 1 / (1 + np.exp(0.5 - ROWS @ np.linspace(-1, 1, P)))).astype(float)


def fit(X: Any, **options: Any) -> ef.Fit:
    return ef.glm_arrays(X, Y, family="bernoulli", **options)


PLAIN = fit(ROWS.astype(float))


def same(other: ef.Fit, reference: ef.Fit = PLAIN, rel: float = 1e-12) -> bool:
    """Coefficients, standard errors and deviance to rounding."""
    pairs = [(other.coef, reference.coef), (other.se, reference.se), (other.deviance, reference.deviance)]
    return all(np.allclose(a, b, rtol=rel, atol=1e-13) for a, b in pairs)


# ---- sparse -----------------------------------------------------------------------------------------------------
FORMATS = ("csr", "csc", "coo", "lil", "dok", "bsr", "dia")


@pytest.mark.parametrize("make", [sparse.coo_array, sparse.coo_matrix], ids=["array", "matrix"])
@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.filterwarnings("ignore::scipy.sparse.SparseEfficiencyWarning")
def test_every_sparse_format(form: str, make: Callable[[Any], Any]) -> None:
    X = make(ROWS.astype(float)).asformat(form)
    got = fit(X)
    assert same(got)
    assert got.names == PLAIN.names
    assert np.allclose(got.predict(X), PLAIN.predict(), rtol=1e-12)


@pytest.mark.parametrize("dtype", ["f4", "f8", "i1", "i8", "u2"])
def test_sparse_values_of_every_type(dtype: str) -> None:
    assert same(fit(sparse.csr_array(ROWS.astype(dtype))))


def typed(X: Any, dtype: Any) -> Any:
    """A sparse matrix of a type that SciPy makes none of any more."""
    X.data = X.data.astype(dtype)
    return X


def test_sparse_bools_and_halves() -> None:
    some = ROWS > 0
    want = fit(some.astype(float))
    assert same(fit(sparse.csr_array(some)), want)
    for make in (sparse.coo_array, sparse.csr_array):
        assert same(fit(typed(make(some), np.float16)), want)


def shuffled() -> sparse.csr_array:
    """The rows with columns in any order, some entries in two halves, and zeros stored."""
    at, columns = np.divmod(RNG.permutation(N * P), P)
    values = ROWS[at, columns].astype(float)
    order = np.argsort(at, kind="stable")
    at, columns, values = (np.repeat(part[order], 2) for part in (at, columns, values / 2))
    indptr = np.searchsorted(at, np.arange(N + 1))
    return sparse.csr_array((values, columns, indptr), shape=(N, P))


def test_unsorted_and_duplicate_indices_and_explicit_zeros() -> None:
    X = shuffled()
    before = X.indices.copy(), X.data.copy(), X.indptr.copy()
    assert not X.has_sorted_indices
    assert same(fit(X))
    assert all(np.array_equal(a, b) for a, b in zip(before, (X.indices, X.data, X.indptr), strict=True))


@pytest.mark.parametrize("dtype", [np.int32, np.int64])
def test_indices_of_either_width(dtype: type) -> None:
    X = sparse.csr_array(ROWS.astype(float))
    X.indices, X.indptr = X.indices.astype(dtype), X.indptr.astype(dtype)
    got = fit(X)
    assert same(got)
    assert got.source is not None
    assert got.source.data is X


def test_an_empty_sparse_column_is_aliased_and_named() -> None:
    X = sparse.csr_array(np.column_stack([ROWS[:, :2], np.zeros(N), ROWS[:, 2:]]).astype(float))
    with pytest.warns(ef.AliasWarning, match="left out: x3"):
        got = fit(X)
    assert got.certificate.aliased == ("x3",)
    assert np.allclose(np.delete(got.coef, 3), PLAIN.coef, rtol=1e-10)


def test_sparse_and_dense_rows_predict_alike() -> None:
    X, new = ROWS.astype(float), ROWS[::7].astype(float)
    of_sparse = fit(sparse.csr_array(X))
    for model in (PLAIN, of_sparse):
        for rows in (new, sparse.csr_array(new), sparse.csc_matrix(new)):
            assert np.allclose(model.predict(rows), PLAIN.predict(new), rtol=1e-12)
    with pytest.raises(ef.SchemaError, match="X has 5 columns"):
        of_sparse.predict(sparse.csr_array(new[:, :5]))


def test_sparse_classes() -> None:
    """A linear predictor for each class: many right-hand sides at once."""
    y = np.array(["a", "b", "c"])[(ROWS @ np.arange(P) + RNG.integers(0, 4, N)) % 3]
    dense, thin = (ef.glm_arrays(X, y, family="categorical") for X in (ROWS.astype(float), sparse.csr_array(ROWS)))
    assert same(thin, dense, rel=1e-9)


def test_sparse_fits_do_not_depend_on_the_number_of_threads() -> None:
    n = 200_000
    rng = np.random.default_rng(5)
    X = sparse.random_array((n, 30), density=0.2, rng=rng, format="csr")
    y = (rng.random(n) < 0.3).astype(float)
    fits = []
    for count in (1, 2, 5):
        with ef.threads(count):
            fits.append(ef.glm_arrays(X, y, family="bernoulli"))
    assert all(np.array_equal(fits[0].estimate, other.estimate) for other in fits[1:])
    assert same(ef.glm_arrays(X.toarray(), y, family="bernoulli", tol=1e-10), fits[0], rel=1e-8)


def test_sparse_missing_and_infinite_values() -> None:
    X = ROWS.astype(float)
    X[9, 3], X[30, 1] = np.nan, np.nan
    with pytest.warns(ef.DataWarning, match="2 of 400 rows"):
        want = fit(X)
    with pytest.warns(ef.DataWarning, match="2 of 400 rows"):
        got = fit(sparse.csr_array(X))
    assert same(got, want)
    for rows in (X, sparse.csr_array(X), X.astype(np.float32), np.asfortranarray(X)):
        with pytest.raises(ef.SchemaError, match="missing in row 9, column 'x4'"):
            fit(rows, missing="error")
    X[200, 5] = -np.inf
    for rows in (X, sparse.csr_array(X), X.astype(np.float32), np.asfortranarray(X)):
        with pytest.raises(ef.SchemaError, match="X is -inf in row 200, column 'x6'"):
            fit(rows)
    with pytest.raises(ef.SchemaError, match="no row is left"):
        fit(sparse.csr_array(np.full((N, 1), np.nan)))


def test_a_sparse_frame() -> None:
    frame = pd.DataFrame.sparse.from_spmatrix(sparse.csr_matrix(ROWS.astype(float)), columns=list("abcdef"))
    got = fit(frame)
    assert got.names == ("Intercept", *"abcdef")
    assert same(got)
    assert np.allclose(got.predict(frame), PLAIN.predict(), rtol=1e-12)


@pytest.mark.parametrize("fill", [np.nan, 1.0, True, {"a": 0.0, "b": 1.0}])
def test_a_sparse_frame_filled_with_other_than_zero(fill: Any) -> None:
    plain = pd.DataFrame({"a": ROWS[:, 0] > 0, "b": ROWS[:, 1] > 0}).astype(bool if fill is True else float)
    fills = fill if isinstance(fill, dict) else dict.fromkeys("ab", fill)
    frame = plain.astype({name: pd.SparseDtype(type(one), one) for name, one in fills.items()})
    assert same(fit(frame), fit(plain.to_numpy(float)))
    holed = pd.DataFrame({"a": plain["a"].where(plain["b"] != 0)}).astype(pd.SparseDtype(float))
    with pytest.warns(ef.DataWarning, match="left out"):
        assert same(fit(holed), ef.glm_arrays(plain[["a"]][plain["b"] != 0], Y[plain["b"] != 0], family="bernoulli"))


@pytest.mark.parametrize("kind", ["pandas", "polars", "arrow", "sparse"])
def test_frames_are_read_by_the_names_of_the_fit(kind: str) -> None:
    """In whatever order their columns are, with others among them; what has no names is read by position."""
    make: Callable[[pd.DataFrame], Any] = {
        "pandas": lambda frame: frame,
        "polars": pl.from_pandas,
        "arrow": lambda frame: pa.Table.from_pandas(frame, preserve_index=False),
        "sparse": lambda frame: frame.astype(pd.SparseDtype(float, 0.0)),
    }[kind]
    frame = pd.DataFrame(ROWS.astype(float), columns=list("abcdef"))
    got, turned = fit(make(frame)), make(frame.assign(other=1.0)[["other", *"fdbeca"]])
    assert np.allclose(got.predict(turned), got.predict(), rtol=1e-12)
    assert np.allclose(got.predict(frame.to_numpy()), got.predict(), rtol=1e-12)
    assert np.allclose(got.predict(frame.set_axis(range(6), axis=1)), got.predict(), rtol=1e-12)
    assert got.marginal_effects(data=turned)["estimate"] == pytest.approx(got.marginal_effects()["estimate"])
    judged = got.actual_expected("b", data=(turned, Y))
    assert np.allclose(judged["b"].sums.observed, got.actual_expected("b")["b"].sums.observed)
    for lacking in (frame.rename(columns={"b": "q"}), frame[list("abc")]):
        with pytest.raises(ef.SchemaError, match=r"no column '[bd]'.*columns at hand"):
            got.predict(make(lacking))
    plain, own = fit(frame.to_numpy()), fit(frame.to_numpy(), names=list("abcdef"))
    assert np.allclose(plain.predict(make(frame)), plain.predict(), rtol=1e-12)
    assert np.allclose(own.predict(turned), own.predict(), rtol=1e-12)
    renamed = fit(make(frame), names=list("uvwxyz"))
    assert np.allclose(renamed.predict(make(frame)), renamed.predict(), rtol=1e-12)


def test_a_saved_fit_reads_frames_by_name(tmp_path: Path) -> None:
    frame = pd.DataFrame(ROWS.astype(float), columns=list("abcdef"))
    got = fit(frame)
    got.save(tmp_path / "m.json")
    assert np.allclose(ef.load(tmp_path / "m.json").predict(frame[list("fedcba")]), got.predict(), rtol=1e-12)


# ---- dense ------------------------------------------------------------------------------------------------------
def read_only(X: np.ndarray) -> np.ndarray:
    out = X.copy()
    out.flags.writeable = False
    return out


def strided(X: np.ndarray) -> np.ndarray:
    return np.repeat(np.repeat(X, 2, axis=0), 3, axis=1)[::2, ::3]


ODD: dict[str, Callable[[np.ndarray], Any]] = {
    "float16": lambda X: X.astype(np.float16),
    "float32": lambda X: X.astype(np.float32),
    "long double": lambda X: X.astype(np.longdouble),
    "int8": lambda X: X.astype(np.int8),
    "uint64": lambda X: X.astype(np.uint64),
    "objects": lambda X: X.astype(object),
    "decimals": lambda X: np.array([[Decimal(int(v)) for v in row] for row in X]),
    "lists": lambda X: X.tolist(),
    "Fortran order": np.asfortranarray,
    "strided": strided,
    "backwards": lambda X: X[::-1].copy()[::-1],
    "transposed": lambda X: X.T.copy().T,
    "read-only": read_only,
    "other bytes": lambda X: X.astype(">f8"),
    "np.matrix": np.asmatrix,
    "frame": pd.DataFrame,
    "float32 Fortran": lambda X: np.asfortranarray(X.astype(np.float32)),
    "float32 strided": lambda X: strided(X.astype(np.float32)),
}


@pytest.mark.parametrize("kind", ODD)
@pytest.mark.filterwarnings("ignore:the matrix subclass:PendingDeprecationWarning")
def test_every_kind_of_array(kind: str) -> None:
    X = ODD[kind](ROWS.astype(float))
    assert same(fit(X))


def test_a_memory_mapped_array(tmp_path: Path) -> None:
    np.save(tmp_path / "X.npy", ROWS.astype(float))
    for mode in ("r", "c"):
        assert same(fit(np.load(tmp_path / "X.npy", mmap_mode=mode)))  # type: ignore[arg-type]


def test_bools_are_zeros_and_ones() -> None:
    some = ROWS > 0
    assert same(fit(some), fit(some.astype(float)))
    assert same(fit(some.astype(object)), fit(some.astype(float)))


MISSING: list[tuple[str, Callable[[np.ndarray], Any]]] = [
    ("None", lambda X: np.where(np.isnan(X), None, X)),
    ("masked", np.ma.masked_invalid),
    ("nullable frame", lambda X: pd.DataFrame(X).astype("Int64")),
    ("mixed frame", lambda X: pd.DataFrame(X).astype({0: "Int64", 1: "boolean"})),
]


@pytest.mark.parametrize(("what", "make"), MISSING, ids=[row[0] for row in MISSING])
def test_missing_values_by_any_name(what: str, make: Callable[[np.ndarray], Any]) -> None:
    X = np.column_stack([ROWS[:, 0], ROWS[:, 1] > 0]).astype(float)
    X[17, 0], X[40, 1] = np.nan, np.nan
    with pytest.warns(ef.DataWarning, match="2 of 400 rows"):
        want = fit(X)
    with pytest.warns(ef.DataWarning, match="2 of 400 rows"):
        assert same(fit(make(X)), want)


def test_float32_is_neither_widened_nor_summed_in_its_own_digits() -> None:
    rng = np.random.default_rng(3)
    X = rng.normal(size=(3000, 5)).astype(np.float32)
    y = X @ np.arange(5.0) + rng.normal(size=3000)
    narrow, wide = ef.glm_arrays(X, y), ef.glm_arrays(X.astype(float), y)
    assert narrow.source is not None
    assert narrow.source.data is X
    assert same(narrow, wide, rel=1e-11)
    huge = X * np.float32(1e25)  # squares overflow float32, values do not
    assert np.allclose(ef.glm_arrays(huge, y).coef[1:] * 1e25, wide.coef[1:], rtol=1e-6)


REFUSED: list[tuple[str, Callable[[], Any], str]] = [
    ("complex", lambda: ROWS * (1 + 0j), "complex numbers; give their real and imaginary parts"),
    ("sparse complex", lambda: sparse.csr_array(ROWS * (1 + 0j)), "complex numbers"),
    ("sparse objects", lambda: typed(sparse.csr_array(ROWS), object), "Python objects.*astype"),
    ("complex objects", lambda: np.array([[1.0, 2j]] * N, dtype=object), r"2j in row 0, column 1, which is no number"),
    ("digits as text", lambda: np.array([["1"], ["2"]] * (N // 2)), "text, which is no number"),
    ("digits as objects", lambda: np.array([[1], ["2"]] * (N // 2), dtype=object), "'2' in row 1, column 0"),
    ("dates", lambda: np.full((N, 1), np.datetime64("2024-01-01")), "dates; give numbers"),
    ("durations", lambda: np.full((N, 1), np.timedelta64(3, "D")), "durations; give numbers"),
    ("records", lambda: np.zeros((N, 1), dtype=[("a", "f8")]), "give numbers"),
    ("ragged", lambda: [[1.0, 2.0], [3.0]], "rows of different lengths"),
    ("sparse vector", lambda: sparse.coo_array(np.ones(N)), r"1 dimension\(s\), shape \(400,\)"),
    ("no sparse rows", lambda: sparse.csr_array((0, 3)), "no rows"),
    ("three dimensions", lambda: np.zeros((N, 1, 1)), "3 dimension"),
]


@pytest.mark.parametrize(("what", "make", "words"), REFUSED, ids=[row[0] for row in REFUSED])
def test_refused(what: str, make: Callable[[], Any], words: str) -> None:
    with pytest.raises(ef.SchemaError, match=words):
        fit(make())


# ---- size -------------------------------------------------------------------------------------------------------
def fortran(X: np.ndarray, _: Path) -> np.ndarray:
    return np.asfortranarray(X)


def every_other_row(X: np.ndarray, _: Path) -> np.ndarray:
    return np.repeat(X, 2, axis=0)[::2]


def mapped(X: np.ndarray, folder: Path) -> np.ndarray:
    np.save(folder / "X.npy", X)
    return np.asarray(np.load(folder / "X.npy", mmap_mode="r"))


def thin(X: np.ndarray, _: Path) -> Any:
    return sparse.csr_array(X * (X > 1))


@pytest.mark.parametrize("lay_out", [fortran, every_other_row, mapped, thin])
def test_a_large_matrix_is_not_copied(lay_out: Callable[[np.ndarray, Path], Any], tmp_path: Path) -> None:
    n, p = 200_000, 40
    rng = np.random.default_rng(0)
    X = lay_out(rng.normal(size=(n, p)), tmp_path)
    y = rng.normal(size=n)
    bytes_of_X = X.nbytes if isinstance(X, np.ndarray) else X.data.nbytes + X.indices.nbytes + X.indptr.nbytes
    ef.glm_arrays(X[:1000], y[:1000])  # modules and kernels are loaded
    tracemalloc.start()
    with ef.threads(2):
        got = ef.glm_arrays(X, y)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert got.converged
    assert peak < 0.6 * bytes_of_X + 6 * y.nbytes  # blocks of two threads, and a few vectors of a number a row


def test_more_threads_than_rows() -> None:
    few = ROWS[:9, :2].astype(float)
    for X in (few, sparse.csr_array(few)):
        with ef.threads(64):
            many = ef.glm_arrays(X, Y[:9] + np.arange(9))
        with ef.threads(1):
            one = ef.glm_arrays(X, Y[:9] + np.arange(9))
        assert np.array_equal(many.estimate, one.estimate)


@pytest.mark.parametrize("form", [np.asarray, sparse.csr_array], ids=["dense", "sparse"])
def test_more_columns_than_rows_with_a_ridge(form: Callable[[Any], Any]) -> None:
    """(X'X / n + strength I) theta = X'y / n has one solution for any p."""
    rng = np.random.default_rng(8)
    X = rng.normal(size=(12, 30)) * (rng.random((12, 30)) < 0.5)
    y = rng.normal(size=12)
    got = ef.glm_arrays(form(X), y, intercept=False, penalty=ef.Ridge(0.1))
    want = np.linalg.solve(X.T @ X / 12 + 0.1 * np.eye(30), X.T @ y / 12)
    assert got.certificate.aliased == ()
    assert np.allclose(got.coef, want, rtol=1e-9, atol=1e-12)


def test_names_of_many_columns() -> None:
    from expfam.front import _column_names

    names = _column_names(None, 200_000)
    assert (names[0], names[-1], len(names)) == ("x1", "x200000", 200_000)
    with pytest.raises(ef.SchemaError, match="'x7' is taken"):
        _column_names([*names[:-1], "x7"], 200_000)
    with pytest.raises(ef.SchemaError, match="'Intercept' is taken"):
        _column_names([*names[:-1], "Intercept"], 200_000)
