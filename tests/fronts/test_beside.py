"""Responses, weights, offsets, exposures and trials given as arrays: what is missing, and what is no number."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
from scipy import sparse

import expfam as ef

RNG = np.random.default_rng(5)
N = 120
GONE = np.arange(N) % 12 == 7
X = RNG.normal(size=(N, 2))
Y = X[:, 0] + RNG.normal(size=N)
LABELS = RNG.choice(["a", "b", "c"], N).astype(object)
LABELS[GONE] = None


def told(missing: str) -> Any:
    return pytest.warns(ef.DataWarning, match=rf"10 of 120 rows left out for missing values in {missing} \(10\)")


def effects(fit: ef.Fit) -> Any:
    return fit.marginal_effects()["estimate"]


LACKING: dict[str, Callable[[], Any]] = {
    "None": lambda: LABELS,
    "NaN": lambda: np.where(GONE, np.nan, LABELS),
    "Series": lambda: pd.Series(LABELS),
    "Categorical": lambda: pd.Categorical(LABELS),
    "NA": lambda: pd.Series(LABELS, dtype="string"),
    "polars": lambda: pl.Series(LABELS.tolist()),
    "text of any length": lambda: LABELS.astype(np.dtypes.StringDType(na_object=None)),
    "masked": lambda: np.ma.masked_array(np.where(GONE, "masked", LABELS).astype(str), GONE),
    "masked objects": lambda: np.ma.masked_array(np.where(GONE, 3j, LABELS), GONE),
}


@pytest.mark.parametrize("kind", LACKING)
def test_a_missing_label_is_no_class(kind: str) -> None:
    y = LACKING[kind]()
    want = ef.glm_arrays(X[~GONE], LABELS[~GONE], family="categorical")
    with told("y"):
        fit = ef.glm_arrays(X, y, family="categorical")
    assert fit.classes == ("a", "b", "c")
    assert fit.n == N - 10
    assert fit.coef == pytest.approx(want.coef, rel=1e-12)
    assert effects(fit) == pytest.approx(effects(want))  # read again, without these rows
    with pytest.raises(ef.SchemaError, match=r"y is missing in row 7; .*missing='drop'"):
        ef.glm_arrays(X, y, family="categorical", missing="error")


@pytest.mark.parametrize("form", [np.asarray, sparse.csr_array])
def test_missing_among_numbers_and_booleans(form: Any) -> None:
    both = form(1.0 * (X > 0))
    nulls = np.where(GONE, None, Y)
    for y in (nulls, pd.Series(nulls, dtype="Float64"), pd.Series(nulls, dtype=float), pl.Series(nulls.tolist())):
        with told("y"):
            fit = ef.glm_arrays(both, y)
        assert fit.coef == pytest.approx(ef.glm_arrays(both[~GONE], Y[~GONE]).coef, rel=1e-12)
    with told("y"):
        fit = ef.glm_arrays(X, np.where(GONE, None, Y > 0), family="bernoulli")
    assert fit.classes == ("False", "True")
    with pytest.raises(ef.ResponseError, match="row 7"):  # a NaN among numbers is the trace of a mistake
        ef.glm_arrays(X, np.where(GONE, np.nan, Y))


def test_rows_that_lack_something_here_or_there_are_left_out_once() -> None:
    lacking = np.where(np.arange(N)[:, None] % 24 == 7, np.nan, X)  # every other one of those that lack y
    with pytest.warns(ef.DataWarning, match=r"10 of 120 rows .* in X \(5\), y \(10\)"):
        fit = ef.glm_arrays(lacking, np.where(GONE, None, Y))
    assert fit.coef == pytest.approx(ef.glm_arrays(X[~GONE], Y[~GONE]).coef, rel=1e-12)
    with pytest.raises(ef.SchemaError, match=r"no row is left: of 120 rows .* y \(120\)"):
        ef.glm_arrays(X, np.full(N, None))
    with pytest.warns(ef.DataWarning), pytest.raises(ef.ResponseError, match=r"row 8 "):
        ef.glm_arrays(X, np.where(np.arange(N) == 8, -1, np.where(GONE, None, 1)), family="poisson")


OPTIONS: dict[str, dict[str, Any]] = {
    "weights": {},
    "offset": {},
    "exposure": {"family": "poisson"},
    "trials": {"family": "binomial"},
}


@pytest.mark.parametrize("name", OPTIONS)
def test_masked_entries_are_missing_values(name: str) -> None:
    count = RNG.integers(1, 5, N)
    y = {"exposure": RNG.integers(0, 5, N), "trials": RNG.integers(0, 2, N) * 0.5}.get(name, Y)
    count = count * 2 if name == "trials" else count
    masked = np.ma.masked_array(np.where(GONE, 10**6, count), GONE)
    want = ef.glm_arrays(X[~GONE], y[~GONE], **{name: count[~GONE]}, **OPTIONS[name])
    frame = {"y": y, "u": X[:, 0], "v": X[:, 1], "w": count}
    with told(name):
        by_matrix = ef.glm_arrays(X, y, **{name: masked}, **OPTIONS[name])
    with told(name):
        by_formula = ef.glm("y ~ u + v", frame, **{name: masked}, **OPTIONS[name])
    for fit in (by_matrix, by_formula):
        assert fit.coef == pytest.approx(want.coef, rel=1e-10)
        assert effects(fit) == pytest.approx(effects(want), rel=1e-9)
    with pytest.raises(ef.SchemaError, match=rf"10 in {name}; the first is row 7"):
        ef.glm("y ~ u + v", frame, **{name: masked}, **OPTIONS[name], missing="error")
    if name in ("offset", "exposure"):
        for fit, new in ((by_matrix, X), (by_formula, frame)):
            found = fit.predict(new, **{name: masked})
            assert np.array_equal(np.isnan(found), GONE)
            assert found[~GONE] == pytest.approx(want.predict(X[~GONE], **{name: count[~GONE]}), rel=1e-9)


def test_a_masked_row_of_offsets_and_a_masked_cluster() -> None:
    offset = np.ma.masked_array(RNG.normal(size=(N, 2)), np.column_stack([GONE, np.zeros(N, bool)]))
    y = np.where(LABELS == None, "a", LABELS)  # noqa: E711
    with told("offset"):
        fit = ef.glm_arrays(X, y, family="categorical", offset=offset)
    want = ef.glm_arrays(X[~GONE], y[~GONE], family="categorical", offset=np.asarray(offset)[~GONE])
    assert fit.coef == pytest.approx(want.coef, rel=1e-12)
    for cluster in (np.ma.masked_array(np.arange(N) // 5, GONE), np.where(GONE, None, LABELS)):
        with pytest.raises(ef.SchemaError, match=r"cluster.*missing in row 7"):
            ef.glm_arrays(X, Y).vcov({"cluster": cluster})
    with pytest.raises(ef.SchemaError, match="weights is nan in row 7"):
        ef.glm_arrays(X, Y).predict(X, interval="prediction", weights=np.ma.masked_array(np.ones(N), GONE))


DAYS = np.arange(N).astype("M8[D]")
STRANGE: dict[str, tuple[Any, str]] = {
    "dates": (DAYS, "holds dates; give numbers"),
    "NaT": (np.where(GONE, np.datetime64("NaT"), DAYS), "holds dates"),
    "durations": (DAYS - DAYS[0], "holds durations"),
    "complex": (Y + 1j, "holds complex numbers"),
    "days of Python": (DAYS.astype(object), r"holds datetime.date\(1970, 1, 1\) in row 0, which is no number"),
    "records": (np.zeros(N, [("a", "f8")]), "give numbers"),
    "stamps": (pd.Series(DAYS).dt.tz_localize("UTC"), "Timestamp.* in row 0, which is no number"),
}
TEXT: dict[str, tuple[Any, str]] = {
    "numerals": (np.full(N, "2"), "text, which is no number"),
    "numerals as objects": (np.full(N, "2", dtype=object), "'2' in row 0, which is no number"),
}


@pytest.mark.parametrize("kind", [*STRANGE, *TEXT])
def test_what_is_no_number_is_not_made_one(kind: str) -> None:
    values, words = {**STRANGE, **TEXT}[kind]
    frame = {"y": Y, "u": X[:, 0]}
    for name in ("weights", "offset"):
        for act in (
            lambda name=name: ef.glm_arrays(X, Y, **{name: values}),
            lambda name=name: ef.glm("y ~ u", frame, **{name: values}),
        ):
            with pytest.raises(ef.SchemaError, match=f"{name} .*{words}"):
                act()
    with pytest.raises(ef.ResponseError, match=f"y .*({words}|Cast the column to numbers)"):
        ef.glm_arrays(X, values)


def test_text_and_booleans_are_classes_and_objects_that_are_numbers_numbers() -> None:
    want = ef.glm_arrays(X, (Y > 0) * 1.0, family="bernoulli").coef
    for y in (np.where(Y > 0, "yes", "no"), np.where(Y > 0, "2", "1").astype(object), (Y > 0), (Y > 0).astype(object)):
        assert ef.glm_arrays(X, y, family="bernoulli").coef == pytest.approx(want, rel=1e-12)
    assert ef.glm_arrays(X, Y.astype(object), weights=np.full(N, 2, object)).coef == pytest.approx(
        ef.glm_arrays(X, Y).coef, rel=1e-12
    )
    with pytest.raises(ef.ResponseError, match=r"holds 'a' \(row 1\) beside 1 \(row 0\); make it all numbers or all"):
        ef.glm_arrays(X, np.array([1, "a"] * (N // 2), object), family="categorical")
    with pytest.raises(ef.SchemaError, match="X holds complex numbers"):
        ef.glm_arrays(np.ma.masked_array(X + 1j, X > 9), Y)
