"""Bad input: a clear error that names column, row, value and remedy, or an answer that says what happened."""

import pickle
import re
from functools import partial
from inspect import signature
from operator import attrgetter
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as papq
import pytest
from scipy.sparse import csr_matrix

import expfam as ef
from expfam.elsewhere import ATTRIBUTES, BY_FRONT, OPTIONS
from expfam.front import DEFAULTS

GOOD: dict[str, Any] = {
    "y": [1.0, 3, 2, 5, 4, 7],
    "n": [0, 2, 1, 3, 1, 4],
    "x": [1.0, 2, 3, 4, 5, 6],
    "z": [2.0, 1, 4, 3, 6, 6],
    "g": ["a", "b", "a", "b", "a", "b"],
    "e": [1.0, 2, 1, 2, 1, 2],
    "b": [0, 1, 0, 1, 1, 0],
}


def put(column: str, row: int, value: Any) -> dict[str, Any]:
    """The good data with one value replaced."""
    return {**GOOD, column: [value if k == row else v for k, v in enumerate(GOOD[column])]}


POISSON, FREQUENCY = {"family": "poisson"}, {"weights_kind": "frequency"}
REFUSED: list[tuple[str, str, Any, dict[str, Any], type[Exception], str]] = [
    # what, formula, data, options, error, words of the message
    ("empty data", "y ~ x", {"y": [], "x": []}, {}, ef.SchemaError, "no rows"),
    ("response among the terms", "y ~ x + y", GOOD, {}, ef.FormulaError, "y stands on both sides of 'y ~ x . y'"),
    ("response in an interaction", "log(y) ~ x:log(y)", GOOD, {}, ef.FormulaError, "stands on both sides"),
    ("no such column", "y ~ ages", {**GOOD, "age": GOOD["x"]}, {}, ef.SchemaError, "'ages'.*'age'"),
    ("no such weights", "y ~ x", GOOD, {"weights": "weight"}, ef.SchemaError, "'weight'"),
    ("inf in y", "y ~ x", put("y", 3, np.inf), {}, ef.ResponseError, "'y', row 3.*inf"),
    ("nan in y", "y ~ x", put("y", 3, np.nan), {}, ef.ResponseError, "'y', row 3.*nan"),
    ("inf in x", "y ~ x", put("x", 2, np.inf), {}, ef.SchemaError, "x.*row 2"),
    ("nan in weights", "y ~ x", put("e", 1, np.nan), {"weights": "e"}, ef.SchemaError, "weights.*nan.*row 1"),
    ("inf in offset", "n ~ x", put("e", 1, np.inf), POISSON | {"offset": "e"}, ef.SchemaError, "row 1"),
    ("log of zero", "n ~ x", put("e", 4, 0.0), {"family": "poisson", "offset": "log(e)"}, ef.SchemaError, "row 4"),
    ("zero exposure", "n ~ x", put("e", 4, 0.0), POISSON | {"exposure": "e"}, ef.SchemaError, "exposure is 0.* 4"),
    ("exposure without log", "y ~ x", GOOD, {"exposure": "e"}, ef.SchemaError, "log link, not identity"),
    ("negative weights", "y ~ x", put("e", 5, -1.0), {"weights": "e"}, ef.SchemaError, "weights is -1 in row 5"),
    ("all-zero weights", "y ~ x", GOOD, {"weights": np.zeros(6)}, ef.SchemaError, "all zero"),
    ("weights of a wrong length", "y ~ x", GOOD, {"weights": np.ones(5)}, ef.SchemaError, "6 rows"),
    ("text weights", "y ~ x", GOOD, {"weights": np.array(list("abcdef"))}, ef.SchemaError, "numbers"),
    ("half frequency", "y ~ x", put("e", 2, 1.5), {"weights": "e"} | FREQUENCY, ef.SchemaError, "1.5.*2"),
    ("negative count", "n ~ x", put("n", 2, -1), {"family": "poisson"}, ef.ResponseError, "'n', row 2.*-1"),
    ("zero for Gamma", "y ~ x", put("y", 0, 0.0), {"family": "gamma"}, ef.ResponseError, "row 0.*0.*[Tt]weedie"),
    ("booleans for counts", "t ~ x", {**GOOD, "t": [True, False] * 3}, POISSON, ef.ResponseError, "'True'.*0 and 1"),
    ("numerals for counts", "t ~ x", {**GOOD, "t": list("012345")}, POISSON, ef.ResponseError, "Cast the column to"),
    ("text for counts", "g ~ x", GOOD, POISSON, ef.ResponseError, "'a', 'b'.*Text responses suit"),
    ("share over 1", "y ~ x", put("y", 0, 1.5), {"family": "binomial"}, ef.ResponseError, "row 0.*1.5"),
    ("no 0 or 1", "y ~ x", put("y", 0, 0.5), {"family": "bernoulli"}, ef.ResponseError, "row 0.*0.5"),
    ("one class, numbers", "b ~ x", {**GOOD, "b": [1] * 6}, {"family": "bernoulli"}, ef.ResponseError, "one class"),
    ("one class, text", "g ~ x", {**GOOD, "g": ["a"] * 6}, {"family": "bernoulli"}, ef.ResponseError, "1 levels"),
    ("one class, softmax", "g ~ x", {**GOOD, "g": ["a"] * 6}, {"family": "categorical"}, ef.ResponseError, "one class"),
    ("three classes", "t ~ x", {**GOOD, "t": list("abcabc")}, {"family": "bernoulli"}, ef.ResponseError, "categorical"),
    ("all counts zero", "n ~ x", {**GOOD, "n": [0] * 6}, {"family": "poisson"}, ef.ResponseError, "all zero"),
    ("all zero, no intercept", "n ~ x - 1", {**GOOD, "n": [0] * 6}, POISSON, ef.ResponseError, "an intercept alone"),
    ("text response", "g ~ x", GOOD, {"family": "poisson"}, ef.ResponseError, "'a'.*numbers"),
    ("constant factor", "y ~ g", {**GOOD, "g": ["a"] * 6}, {}, ef.SchemaError, "one level 'a'"),
    ("text as a number", "y ~ log(g)", GOOD, {}, ef.SchemaError, "g holds text"),
    ("syntax", "y ~ (x", GOOD, {}, ef.FormulaError, r"\^"),
    ("forbidden call", "y ~ open(x)", GOOD, {}, ef.FormulaError, "open.*allowed"),
    ("dunder", "y ~ __import__('os')", GOOD, {}, ef.FormulaError, "__import__"),
    ("attribute", "y ~ x.real", GOOD, {}, ef.FormulaError, "attribute"),
    ("no response", "~ x", GOOD, {}, ef.FormulaError, "response"),
    ("unknown family", "y ~ x", GOOD, {"family": "poison"}, ef.FamilyError, "'poisson'"),
    ("unknown link", "y ~ x", GOOD, {"link": "lgo"}, ef.FamilyError, "'log'"),
    ("free theta", "n ~ x", GOOD, {"family": "negative_binomial", "link": "canonical"}, ef.FamilyError, "log link"),
    ("dispersion", "y ~ x", GOOD, {"dispersion": "REML"}, ef.FamilyError, "'pearson', 'deviance', 'ml'"),
    ("dispersion zero", "y ~ x", GOOD, {"dispersion": 0.0}, ef.FamilyError, "> 0"),
    ("dispersion fixed", "n ~ x", GOOD, {"family": "poisson", "dispersion": "ml"}, ef.FamilyError, "quasipoisson"),
    ("quasi", "n ~ x", GOOD, {"family": "quasipoisson", "dispersion": "ml"}, ef.FamilyError, "no likelihood"),
    ("wrong choice", "y ~ x", GOOD, {"missing": "ignore"}, ef.SchemaError, "'drop', 'error'"),
    ("wrong unseen", "y ~ x", GOOD, {"unseen": "new"}, ef.SchemaError, "'reference'"),
    ("wrong weights kind", "y ~ x", GOOD, {"weights_kind": "analytic"}, ef.SchemaError, "'precision'"),
    ("tol", "y ~ x", GOOD, {"tol": 0.0}, ef.SolverError, "tol"),
    ("penalty", "y ~ x", GOOD, {"penalty": 0.1}, ef.SolverError, "Ridge"),
    ("trials of a count", "n ~ x", GOOD, {"family": "poisson", "trials": "e"}, ef.SchemaError, "binomial"),
    ("two trials", "cbind(n, b) ~ x", GOOD, {"family": "binomial", "trials": "e"}, ef.SchemaError, "twice"),
    ("aliased refused", "y ~ x + I(2*x)", GOOD, {"aliased": "error"}, ef.SchemaError, r"I\(2 \* x\)"),
    ("no table", "y ~ x", 7, {}, ef.SchemaError, "not a table"),
    ("no file", "y ~ x", "absent.parquet", {}, ef.SchemaError, "absent.parquet"),
    ("offset for classes", "g ~ x", GOOD, {"family": "categorical", "offset": "e"}, ef.SchemaError, "for each class"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("what", "formula", "data", "options", "error", "words"), REFUSED, ids=[row[0] for row in REFUSED]
)
def test_refused(
    what: str, formula: str, data: Any, options: dict[str, Any], error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=f"(?s){words}") as caught:
        ef.glm(formula, data, **options)
    assert isinstance(caught.value, ef.ExpfamError)
    assert len(str(caught.value)) > 30


OF_OTHER_TYPES: dict[str, tuple[Any, str]] = {
    "formula behind the data": (lambda: ef.glm(GOOD, "y ~ x"), "formula is a dict.*before the data"),  # type: ignore[arg-type]
    "data before the formula": (lambda: ef.glm("data.csv", "y ~ x"), "'data.csv' is no formula"),
    "list of columns": (lambda: ef.glm(["y", "x"], GOOD), "formula is a list"),  # type: ignore[arg-type]
    "formula of a stream": (lambda: ef.OnlineGLM(None), "formula is a NoneType"),  # type: ignore[arg-type]
    "tol": (lambda: ef.glm("y ~ x", GOOD, tol="1e-8"), "tol='1e-8'.*positive number"),  # type: ignore[arg-type]
    "max_iter": (lambda: ef.glm("y ~ x", GOOD, max_iter=1.5), "max_iter=1.5.*whole number"),  # type: ignore[arg-type]
    "seed": (lambda: ef.glm("y ~ x", GOOD, seed="x"), "seed='x'.*whole number"),  # type: ignore[arg-type]
    "Ridge": (lambda: ef.glm("y ~ x", GOOD, penalty=ef.Ridge("a")), "strength is 'a'; give numbers"),  # type: ignore[arg-type]
    "Ridge by name": (lambda: ef.glm("y ~ x", GOOD, penalty=ef.Ridge({"x": None})), "nan|numbers"),  # type: ignore[dict-item]
    "l1_ratio": (lambda: ef.glm("y ~ x", GOOD, penalty=ef.ElasticNet(1, "a")), "l1_ratio is 'a'"),  # type: ignore[arg-type]
    "Ridge below 0": (lambda: ef.Ridge(-1), "Ridge strength is -1.0"),
    "Ridge by name below 0": (lambda: ef.Ridge({"x": -2}), "Ridge strength is -2.0"),
    "ElasticNet below 0": (lambda: ef.ElasticNet(-1, 0.5), "strength is -1.0"),
    "l1_ratio above 1": (lambda: ef.ElasticNet(1, 2), "l1_ratio is 2"),
    "classes 1 and 2": (
        lambda: ef.glm("k ~ x", GOOD | {"k": [1.0, 2.0] * (len(GOOD["y"]) // 2)}, family="bernoulli"),
        "code two classes as 0 and 1 or as text",
    ),
    "dispersion": (lambda: ef.glm("y ~ x", GOOD, dispersion=[1.0]), "dispersion=.1.0. is not allowed"),  # type: ignore[arg-type]
    "matrix for vcov": (lambda: ef.glm("y ~ x", GOOD, vcov=np.eye(2)), "vcov= is a ndarray.*Allowed: 'model'"),  # type: ignore[arg-type]
    "level": (lambda: ef.glm("y ~ x", GOOD).confint("95%"), "level='95%'.*0.95"),  # type: ignore[arg-type]
    "matrix for equations": (lambda: ef.glm("y ~ x", GOOD).wald_test(np.eye(2)), "hypothesis is a ndarray.*as text"),  # type: ignore[arg-type]
    "type of anova": (lambda: ef.glm("y ~ x", GOOD).anova(3), "a int is none.*type=3"),  # type: ignore[arg-type]
    "replicates": (lambda: ef.glm("y ~ x", GOOD).bootstrap(10.5), "replicates=10.5"),  # type: ignore[arg-type]
    "half-life": (lambda: ef.OnlineGLM("y ~ x", half_life="day"), "half_life='day'"),  # type: ignore[arg-type]
    "solver of a stream": (lambda: ef.OnlineGLM("y ~ x", solver="newton"), r"solver='newton'.*SGD\(...\)"),  # type: ignore[arg-type]
    "source of a stream": (lambda: ef.OnlineGLM("y ~ x").consume(3), "a int is no source of rows"),
}


@pytest.mark.parametrize("what", OF_OTHER_TYPES)
def test_what_is_of_another_type_is_told_in_words(what: str) -> None:
    act, words = OF_OTHER_TYPES[what]
    with pytest.raises(ef.ExpfamError, match=words):
        act()


def test_numbers_of_numpy_are_numbers() -> None:
    fit = ef.glm("y ~ x", GOOD, tol=np.float32(1e-6), max_iter=np.int64(50), seed=np.int8(1), dispersion=np.int64(2))  # type: ignore[arg-type]
    assert fit.dispersion == 2
    assert np.isfinite(fit.confint(np.float32(0.5))).all()  # type: ignore[arg-type]


def test_rows_are_named_as_they_stood_before_missing_ones_left() -> None:
    data = put("x", 0, None)
    data["y"] = [1.0, 2, 3, np.inf, 4, 5]
    with pytest.warns(ef.DataWarning), pytest.raises(ef.ResponseError, match="row 3"):
        ef.glm("y ~ x", data)
    data = {**put("x", 0, None), "e": [1.0, 1, 1, 1, -1, 1]}
    with pytest.warns(ef.DataWarning), pytest.raises(ef.SchemaError, match="row 4"):
        ef.glm("y ~ x", data, weights="e")


ARRAYS: list[tuple[str, Any, Any, str]] = [
    ("one dimension", [1.0, 2, 3], [1.0, 2, 3], r"shape \(3,\)"),
    ("no rows", np.empty((0, 2)), [], "no rows"),
    ("lengths", np.ones((3, 1)), [1.0, 2], "3 rows"),
    ("text", [["a"], ["b"]], [1.0, 2], "no number"),
    ("inf", [[1.0], [np.inf], [2.0]], [1.0, 2, 3], "row 1, column 'x1'"),
    ("nan response", [[1.0], [2.0], [4.0]], [1.0, np.nan, 3], "row 1"),
    ("squares that overflow", [[1.0], [2.0], [4.0]], [1.0, -1e151, 3], r"row 1 .*-1e\+151.*power of ten"),
    ("squares that underflow", [[1.0], [2.0], [4.0]], [1e-200, -2e-200, 0], r"largest .*2e-200.*power of ten"),
    ("all missing", [[np.nan], [np.nan]], [1.0, 2], "no row is left"),
]


@pytest.mark.parametrize(("what", "X", "y", "words"), ARRAYS, ids=[r[0] for r in ARRAYS])
def test_arrays_refused(what: str, X: Any, y: Any, words: str) -> None:
    with pytest.raises(ef.ExpfamError, match=words):
        ef.glm_arrays(np.asarray(X) if what != "text" else X, y)


def test_arrays_with_odd_options() -> None:
    X, y = np.arange(8.0).reshape(4, 2) ** 1.5, np.arange(4.0)
    with pytest.raises(ef.SchemaError, match="give an array"):
        ef.glm_arrays(X, y, weights="w")
    with pytest.raises(ef.SchemaError, match="2 columns"):
        ef.glm_arrays(X, y, names=["a"])
    with pytest.raises(ef.SchemaError, match="taken"):
        ef.glm_arrays(X, y, names=["a", "a"])
    with pytest.raises(TypeError, match="'familly'"):
        ef.glm_arrays(X, y, familly="poisson")  # type: ignore[call-arg]
    with pytest.warns(ef.DataWarning, match="1 of 4 rows"):
        assert ef.glm_arrays(np.where(X == 0, np.nan, X)[:, :1], y).n == 3
    with pytest.raises(ef.SchemaError, match="missing in row 0"):
        ef.glm_arrays(np.where(X == 0, np.nan, X), y, missing="error")


NUMERALS = [f"{k / 7:.3f}" for k in range(60)]


@pytest.mark.parametrize(("cell", "row"), [("?", 17), ("-", 0), ("1,234.5", 59), ("nan", 3)])
def test_text_among_numbers_is_named_with_its_row(cell: str, row: int, tmp_path: Path) -> None:
    cells = [cell if k == row else text for k, text in enumerate(NUMERALS)]
    data = {"y": list(np.cos(range(60))), "x": cells}
    says = re.escape(f"the first that is none is {cell!r}, in row {row} ")
    told = pytest.warns(ef.ConvergenceWarning, match="meets every")
    with told, pytest.warns(ef.DataWarning, match=f"(?s)x is text and became a factor of 60 levels.*{says}"):
        ef.glm("y ~ x", data)
    if cell != "nan":  # which a CSV file means as a missing value
        pacsv.write_csv(pa.table(data), tmp_path / "rows.csv", pacsv.WriteOptions(quoting_style="needed"))
        with pytest.warns(ef.ConvergenceWarning, match="meets every"), pytest.warns(ef.DataWarning, match=says):
            ef.glm("y ~ x", tmp_path / "rows.csv")
    with pytest.warns(ef.DataWarning, match=says):
        ef.OnlineGLM("y ~ x").partial_fit(data)
    with pytest.raises(ef.ResponseError, match=re.escape(f"x is {cell!r} in row {row}")):
        ef.glm("x ~ y", data)
    with pytest.raises(ef.SchemaError, match=re.escape(f"text (level {cell!r})")):
        ef.glm("y ~ exp(x)", data)


@pytest.mark.parametrize(
    ("term", "cells"), [("C(x)", [*NUMERALS, "?"]), ("x", NUMERALS * 2), ("x", [*"0123456", "7+"] * 3)]
)
def test_factors_of_numerals_that_are_meant_are_not_told(term: str, cells: list[str]) -> None:
    ef.glm(f"y ~ {term}", {"y": list(np.cos(range(len(cells)))), "x": cells}, penalty=ef.Ridge(0.1))


def test_options_of_other_libraries_lead_to_ours() -> None:
    for name, says in (
        ("alpha", r"penalty=Ridge\(alpha\)"),
        ("fit_intercept", "intercept=False"),
        ("freq_weights", "weights_kind='frequency'"),
        ("cov_type", "vcov='HC1'"),
        ("familly", "family="),
    ):
        with pytest.raises(TypeError, match=f"^glm has no option '{name}'; here it is .*{says}.*It has family, link"):
            ef.glm("y ~ x", GOOD, **{name: 1})  # type: ignore[arg-type]
        with pytest.raises(TypeError, match=f"^glm_arrays has no option '{name}'; here it is .*{says}"):
            ef.glm_arrays(np.eye(3), np.ones(3), **{name: 1})  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"^glm has no option 'zzz'\. It has"):
        ef.glm("y ~ x", GOOD, zzz=1)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("front", "make", "name", "says"),
    [
        ("OnlineGLM", partial(ef.OnlineGLM, "y ~ x"), "alpha", r"penalty=Ridge\(alpha\)"),
        ("OnlineGLM", partial(ef.OnlineGLM, "y ~ x"), "C", r"penalty=Ridge\(1 / \(C"),
        ("OnlineGLM", partial(ef.OnlineGLM, "y ~ x"), "loss", "family="),
        ("OnlineGLM", partial(ef.OnlineGLM, "y ~ x"), "learning_rate", r"solver=SGD\(rate"),
        ("OnlineGLM", partial(ef.OnlineGLM, "y ~ x"), "max_iter", "nothing: every row is read once"),
        ("OnlineGLM", partial(ef.OnlineGLM, "y ~ x"), "halflife", "half_life="),
        ("SGD", ef.SGD, "eta0", "rate="),
        ("SGD", ef.SGD, "learning_rate", "rate=.*step="),
        ("SGD", ef.SGD, "max_iter", "passes="),
        ("SGD", ef.SGD, "alpha", "penalty=... of glm"),
        ("SGD", ef.SGD, "avarage", "average="),
        ("glm", partial(ef.glm, "y ~ x", GOOD), "eta0", r"solver=SGD\(rate"),
        ("glm", partial(ef.glm, "y ~ x", GOOD), "loss", "family="),
    ],
)
def test_options_of_streams_and_solvers_lead_to_ours(front: str, make: Any, name: str, says: str) -> None:
    with pytest.raises(TypeError, match=f"^{front} has no option '{name}'; here it is .*{says}.*It has"):
        make(**{name: 1})


def test_lazy_frames_are_collected_or_the_remedy_is_told() -> None:
    lazy = pl.DataFrame(GOOD).lazy()
    fit, online = ef.glm("y ~ x", lazy), ef.OnlineGLM("y ~ x").consume(lazy)
    assert fit.coef == pytest.approx(ef.glm("y ~ x", GOOD).coef)
    assert fit.predict(lazy) == pytest.approx(fit.predict(GOOD))
    assert online.rows == 6
    X = pl.DataFrame({"x": GOOD["x"]})
    by_matrix = ef.glm_arrays(X, GOOD["y"])
    for name, ask in (
        ("X", lambda: ef.glm_arrays(X.lazy(), GOOD["y"])),
        ("y", lambda: ef.glm_arrays(X, lazy.select("y"))),
        ("X", lambda: by_matrix.predict(X.lazy())),
        ("weights", lambda: ef.glm("y ~ x", GOOD, weights=lazy.select("e"))),  # type: ignore[arg-type]
    ):
        with pytest.raises(ef.SchemaError, match=rf"^{name} is a LazyFrame.*\.collect\(\)"):
            ask()


def test_attributes_of_other_libraries_lead_to_ours() -> None:
    fit = ef.glm("b ~ x", GOOD, family="bernoulli")
    for name in ("params", "coef_", "bse", "pvalues", "predict_proba", "score", "aic_", "llf", "logLik"):
        with pytest.raises(AttributeError, match=f"^a fit has no attribute '{name}'; here it is fit."):
            getattr(fit, name)
    with pytest.raises(AttributeError, match=r"here it is fit\.residuals"):
        _ = fit.residual  # type: ignore[attr-defined]
    assert not hasattr(fit, "_repr_png_")
    with pytest.raises(AttributeError, match=r"there is no picture 'qqplot'; choose one of panels, .*qq"):
        _ = fit.plot.qqplot  # type: ignore[attr-defined]
    online = ef.OnlineGLM("b ~ x", family="bernoulli")
    for name in ("coef", "params"):
        with pytest.raises(AttributeError, match=rf"^an OnlineGLM has no attribute '{name}'; here it is \.fit\.coef"):
            getattr(online, name)
    assert pickle.loads(pickle.dumps(online)).rows == 0


def test_what_the_hints_name_is_there() -> None:
    fit = ef.glm("b ~ x", GOOD, family="bernoulli")
    for other, ours in ATTRIBUTES.items():
        assert not hasattr(fit, other)
        for path in re.findall(r"(?:^|fit\.)([a-z_.]*[a-z_])", ours):
            assert attrgetter(path)(fit) is not None
    assert not set(OPTIONS) & set(DEFAULTS)
    for front, words in BY_FRONT.items():
        assert not set(words) & set(signature(getattr(ef, front)).parameters)


@pytest.mark.parametrize(
    "index", [[5, 4, 3, 2, 1, 0], [10, 11, 12, 13, 14, 15], range(6, 12)], ids=["order", "labels", "range"]
)
def test_series_of_another_index_are_not_taken_by_place(index: Any) -> None:
    frame = pd.DataFrame(GOOD)
    odd = pd.Series(GOOD["e"], index=index)
    refused = pytest.raises(ef.SchemaError, match=r"index of \w+ is not that of the data: label.*row 0.*to_numpy")
    for name in ("weights", "offset", "exposure"):
        with refused:
            ef.glm("n ~ x", frame, family="poisson", **{name: odd})  # type: ignore[arg-type]
    fit = ef.glm("n ~ x", frame, family="poisson", exposure=frame["e"])
    assert fit.coef == pytest.approx(ef.glm("n ~ x", GOOD, family="poisson", exposure=odd).coef)  # a dict has no index
    for call in (
        lambda: fit.predict(frame, exposure=odd),
        lambda: ef.glm("n ~ x", frame, family="poisson").vcov(cluster=odd),
        lambda: ef.glm("y ~ x", frame).predict(frame, interval="prediction", weights=odd),
        lambda: ef.glm_arrays(frame[["x", "z"]], odd),
    ):
        with refused:
            call()
    kept = frame[frame["x"] > 1]
    with refused:  # the index of a part of the rows: by place or by label?
        ef.glm("n ~ x", kept, family="poisson", exposure=pd.Series([1.0, 2, 1, 2, 1]))
    with pytest.raises(ef.SchemaError, match=r"6 labels for 4 rows"):
        ef.glm("y ~ x", frame.iloc[:4], weights=frame["e"])
    taken = ef.glm("n ~ x", kept, family="poisson", exposure=kept["e"])
    assert ef.glm("n ~ x", kept, family="poisson", exposure=kept["e"].to_numpy()).coef == pytest.approx(taken.coef)


def test_arrays_without_columns() -> None:
    y = np.arange(6.0)
    with pytest.raises(ef.SchemaError, match="no columns and intercept=False"):
        ef.glm_arrays(np.zeros((6, 0)), y, intercept=False)
    assert ef.glm_arrays(np.zeros((6, 0)), y, family="poisson").predict(np.zeros((2, 0))) == pytest.approx([2.5, 2.5])


@pytest.mark.parametrize("bare", ["a", "c"])
def test_a_class_of_no_weight_is_named(bare: str) -> None:
    labels = np.array(list("abc" * 4))
    with pytest.raises(ef.ResponseError, match=f"all rows of the class '{bare}' have weight 0"):
        ef.glm_arrays(np.arange(12.0)[:, None], labels, family="categorical", weights=1.0 * (labels != bare))


def test_linear_predictors_outside_the_link_are_told_from_means() -> None:
    x = np.linspace(-1, 1, 21)
    with pytest.raises(ef.SolverError, match=r"linear predictors \(0, inf\) of the inverse link .* add an intercept"):
        ef.glm_arrays(x[:, None], 2 + 0.1 * np.sin(9 * x), link="inverse", intercept=False)


# ---- answered, and told -----------------------------------------------------------------------------------------
def test_more_columns_than_rows() -> None:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(5, 9))
    with (
        pytest.warns(ef.ConvergenceWarning, match="meets every"),
        pytest.warns(ef.AliasWarning, match="x5, x6, x7, x8, x9"),
    ):
        fit = ef.glm_arrays(X, rng.normal(size=5))
    assert fit.certificate.aliased == ("x5", "x6", "x7", "x8", "x9")
    assert np.isnan(fit.coef).sum() == 5
    assert fit.df_residual == 0
    assert np.isnan(fit.dispersion)
    assert np.isnan(fit.se).all()
    assert "NA" in fit.summary()


@pytest.mark.parametrize("family", ["gaussian", "poisson", "categorical"])
@pytest.mark.parametrize("form", [np.asarray, csr_matrix])
def test_columns_of_zeros_alone_are_all_left_out(family: str, form: Any, tmp_path: Path) -> None:
    """eta = 0 is the model then, known without error."""
    X, y = form(np.zeros((6, 2))), np.array([0.0, 1, 2, 0, 1, 2])
    with pytest.warns(ef.AliasWarning, match="x1, x2"):
        fit = ef.glm_arrays(X, y, family=family, intercept=False)
    fit.save(tmp_path / "none.json")
    for one in (fit, ef.load(tmp_path / "none.json")):
        assert np.isnan(one.se).all()
        assert np.isnan(one.vcov()).all()
        found = one.predict(X, type="link", se=True)
        assert all((values == 0).all() for values in found.values())
    for kind in ("HC0", "HC3", {"cluster": np.arange(6) // 2}):
        assert np.isnan(fit.vcov(kind)).all()
    with pytest.warns(ef.AliasWarning, match="x1, x2"):
        alone = ef.glm_arrays(X, y, family=family)
    assert np.isfinite(alone.se).any()


def test_rows_that_are_met_exactly_have_no_error() -> None:
    """No dispersion is left, neither 0 nor any other."""
    with pytest.warns(ef.ConvergenceWarning, match="meets every"):
        fit = ef.glm("y ~ x", {"y": [1.0, 2.0], "x": [0.0, 1.0]})
    assert np.isnan(fit.se).all()
    assert np.isnan(fit.predict({"x": [0.5]}, se=True)["se"]).all()


def test_a_column_that_is_not_there_is_named_once() -> None:
    with pytest.raises(ef.SchemaError, match=r"^the data has no column 'Area'; "):
        ef.glm("y ~ x", GOOD, weights="Area")
    with pytest.raises(ef.SchemaError, match=r"no column 'Area', which 'y ~ log.Area.' asks for"):
        ef.glm("y ~ log(Area)", GOOD)


def test_rows_of_another_index_show_their_labels_plainly() -> None:
    frame = pd.DataFrame({"y": [1.0, 2.0, 4.0], "x": [0.0, 1.0, 3.0]})
    with pytest.raises(ef.SchemaError, match="label 5 where the data has 0, in row 0"):
        ef.glm("y ~ x", frame, weights=pd.Series([1.0, 1.0, 1.0], index=[5, 1, 2]))


def test_one_row() -> None:
    with pytest.warns(ef.ConvergenceWarning, match="meets every"), pytest.warns(ef.AliasWarning, match="x"):
        fit = ef.glm("y ~ x", {"y": [3.0], "x": [2.0]})
    assert fit.coef[0] == pytest.approx(3)
    with pytest.warns(ef.errors.DataWarning, match="1 of 2 rows are not estimable"):
        assert fit.predict({"x": [2.0, 5.0]}) == pytest.approx([3, np.nan], nan_ok=True)
    assert ef.glm("y ~ 1", {"y": [3.0]}, family="poisson").predict() == pytest.approx([3])


def test_a_constant_column_is_aliased_by_name() -> None:
    with pytest.warns(ef.AliasWarning, match="left out: c"):
        ef.glm("y ~ x + c", {**GOOD, "c": [2.0] * 6})


def test_huge_and_tiny_values() -> None:
    """Columns of 1e300 and 1e-300 are columns in other units; sums that overflow are refused, never NaN."""
    x = np.array(GOOD["x"])
    plain = ef.glm("y ~ x", GOOD)
    for unit in (1e100, 1e-100):
        fit = ef.glm("y ~ x", {**GOOD, "x": x * unit})
        assert fit.coef[1] * unit == pytest.approx(plain.coef[1])
        assert fit.p_values == pytest.approx(plain.p_values)
    for column, value in (("x", 1e300), ("y", 1e300)):
        with pytest.raises(ef.ExpfamError, match=r"1e\+300|overflow"):
            ef.glm("y ~ x", put(column, 2, value))
    for unit in (1e-160, 1e-200, 1e-300):
        for formula in ("y ~ x", "y ~ x - 1", "y ~ x * g"):
            with pytest.raises(ef.SchemaError, match="'x' holds values so small that their squares underflow"):
                ef.glm(formula, {**GOOD, "x": x * unit})
    with pytest.warns(ef.AliasWarning, match="left out: x"):
        ef.glm("y ~ x", {**GOOD, "x": 0 * x})


def test_integers_near_the_limit() -> None:
    big = 2**62
    data = {**GOOD, "x": np.array([big, big + 2**55, big + 3 * 2**55, big, big + 2**56, big], dtype=np.int64)}
    fit = ef.glm("y ~ center(x)", data)
    assert fit.converged
    assert np.isfinite(fit.se).all()


def test_duplicate_names_in_a_frame() -> None:
    table = pa.table([[1.0, 2, 3], [1.0, 3, 2]], names=["x", "x"])
    with pytest.raises(ef.SchemaError, match="'x'"):
        ef.glm("x ~ 1", table)


def test_half_a_parquet_file(tmp_path: Path) -> None:
    path = tmp_path / "rows.parquet"
    papq.write_table(pa.table(GOOD), path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(ef.SchemaError, match="damaged"):
        ef.glm("y ~ x", path)


def test_prediction_on_other_types() -> None:
    fit = ef.glm("y ~ x + g", GOOD)
    with pytest.raises(ef.SchemaError, match="'x'"):
        fit.predict({"x": ["a"], "g": ["a"]})
    with pytest.raises(ef.SchemaError, match="'g'"):
        fit.predict({"x": [1.0]})
    with pytest.raises(ef.ExpfamError, match="'response', 'link', 'class'"):
        fit.predict(GOOD, type="mean")
    with pytest.raises(ef.ExpfamError, match="confidence"):
        fit.predict(GOOD, interval="credible")
    with pytest.raises(ef.ExpfamError, match=r"0\.95"):
        fit.confint(95)


OUTSIDE: dict[str, tuple[str, str | None, float]] = {
    "negative mean of the canonical link": ("gamma", None, -30.0),
    "negative mean of the identity link": ("poisson", "identity", -30.0),
    "the other branch of a root": ("poisson", "sqrt", -30.0),
    "a mean that overflows": ("poisson", "log", 1e5),
    "a share beyond 1": ("binomial", "identity", 60.0),
}


@pytest.mark.parametrize("what", OUTSIDE)
def test_means_that_no_response_can_have_are_told_and_have_no_interval(what: str) -> None:
    family, link, far = OUTSIDE[what]
    x = np.arange(6.0)
    y = {
        "gamma": 1 / (2 + x) + 0.01 * (x % 2),
        "poisson": 3 + 2 * x + x % 2,
        "binomial": 0.2 + 0.1 * x + 0.01 * (x % 2),
    }
    fit = ef.glm("y ~ x", {"x": x, "y": y[family]}, family=family, link=link)
    trials = {"trials": 20} if family == "binomial" else {}
    for interval, more in (("confidence", {}), ("prediction", trials)):
        with pytest.warns(ef.DataWarning, match=rf"1 of 2 rows .* mean that the {family} .*row 2: .*, where eta is"):
            found = fit.predict({"x": [1.0, np.nan, far]}, interval=interval, **more)
        assert np.isnan(found["lower"]).tolist() == np.isnan(found["upper"]).tolist() == [False, True, True]
        with pytest.warns(ef.DataWarning, match="1 of 1 rows"):
            assert np.isnan(fit.predict({"x": [far]}, interval=interval, **more)["lower"]).all()
    if family == "gamma":  # eta's own interval leaves its domain here, and that of the mean has no end
        for interval in ("confidence", "prediction"):
            edge = fit.predict({"x": [-(fit.coef[0] - 1e-6) / fit.coef[1]]}, interval=interval)
            assert edge["lower"][0] < edge["fit"][0] < edge["upper"][0] == np.inf
    assert np.isfinite(fit.predict({"x": [far]}, type="link")).all()


GAPS: dict[str, Any] = {
    "None": [None, None],
    "NaN": [np.nan, np.nan],
    "text": pa.array([None, None], pa.string()),
    "booleans": pa.array([None, None], pa.bool_()),
    "numbers": pa.array([None, None], pa.float64()),
    "categories": pd.Categorical([None, None]),
}


@pytest.mark.parametrize("gap", GAPS)
@pytest.mark.parametrize("column", ["x", "z", "g", "b"])
def test_a_column_without_a_value_predicts_nan_whatever_its_type(column: str, gap: str) -> None:
    fit = ef.glm("y ~ bs(x) + z + g * b", {**GOOD, "b": [value == 1 for value in GOOD["b"]]}, penalty=ef.Ridge(0.1))
    new: dict[str, Any] = {"x": [1.0, 2], "z": [1.0, 2], "g": ["a", "b"], "b": [True, False]}
    assert np.isnan(fit.predict({**new, column: GAPS[gap]})).all()
    assert np.isfinite(fit.predict(new)).all()


def test_nan_in_polars_counts_as_missing_in_a_predictor() -> None:
    with pytest.warns(ef.DataWarning, match="1 of 6 rows"):
        fit = ef.glm("y ~ x", pl.DataFrame(put("x", 0, np.nan)))
    assert fit.n == 5


def test_no_row_is_left() -> None:
    with pytest.raises(ef.SchemaError, match=r"no rows are left: of 2 rows each lacks a value, in x \(2\)"):
        ef.glm("y ~ x", {"y": [1.0, 2], "x": [None, np.nan]})
    with pytest.raises(ef.SchemaError, match=r"in x \(1\), z \(1\)"):
        ef.glm("y ~ x + z", {"y": [1.0, 2], "x": [None, 1.0], "z": [1.0, None]})
    with pytest.raises(ef.SchemaError, match=r"of 2 rows each lacks a value, in x1 \(1\), x2 \(2\)"):
        ef.glm_arrays(np.array([[np.nan, np.nan], [1, np.nan]]), [1.0, 2])


@pytest.mark.parametrize("family", ["gamma", "gaussian"])
def test_perfect_fit(family: str) -> None:
    with pytest.warns(ef.ConvergenceWarning, match="meets every response"):
        fit = ef.glm("y ~ x", {"x": [1.0, 2, 3, 4], "y": [2.0, 4, 6, 8]}, family=family, link="identity")
    assert fit.converged
    assert fit.coef == pytest.approx([0, 2], abs=1e-8)
    assert fit.deviance == pytest.approx(0, abs=1e-12)


def test_what_is_at_hand_is_named_by_what_it_is(tmp_path: Path) -> None:
    fit = ef.glm("y ~ x", GOOD)
    with pytest.raises(ef.ExpfamError, match="coefficients at hand: 'Intercept', 'x'"):
        fit.confint(names=["nobody"])
    with pytest.raises(ef.SchemaError, match=r"no column '[xy]'.*; there are no columns"):
        ef.glm("y ~ x", pd.DataFrame())
    with pytest.raises(ef.SchemaError, match="is a folder; give one file of it"):
        ef.glm("y ~ x", tmp_path)


@pytest.mark.parametrize(
    ("weight", "told"),
    [(1e300, "overflow"), (1e-300, "are lost"), (8e-151, "are lost"), (2e-150, None), (1e-140, None), (1e140, None)],
)
def test_weights_whose_squares_leave_the_numbers_are_told(weight: float, told: str | None) -> None:
    """By a stream, too, which said that a mean had left its domain, or gave errors of zero."""
    rows = {"y": np.array([1.0, 2.0]), "w": np.full(2, weight)}
    for fit in (
        lambda: ef.glm("y ~ 1", rows, family="poisson", weights="w"),
        lambda: ef.OnlineGLM("y ~ 1", "poisson", weights="w").partial_fit(rows).fit,
    ):
        if told:
            with pytest.raises(ef.SchemaError, match=f"weight.*{told}.* power of ten"):
                fit()
        else:
            assert np.exp(fit().coef[0]) == pytest.approx(1.5, rel=0.01)
            assert fit().se[0] > 0
    among = {"y": np.array([1.0, 2.0, 4.0]), "w": np.array([1.0, 1.0, 1e-300])}  # a kernel's, far from its centre
    assert np.exp(ef.glm("y ~ 1", among, family="poisson", weights="w").coef[0]) == pytest.approx(1.5, rel=1e-9)
