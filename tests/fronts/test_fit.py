"""What a user does with a fit: the same answer from any kind of data, predictions, weights, saving, tables."""

import copy
import json
import pickle
from collections.abc import Callable, Iterator
from decimal import Decimal
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
from scipy.special import xlogy

import expfam as ef
from expfam.diagnostics.text import aligned, wide
from expfam.families import Categorical
from expfam.links import Link
from expfam.modelfile import sealed

N = 300


def rows(seed: int = 0, n: int = N) -> dict[str, Any]:
    rng = np.random.default_rng(seed)
    data: dict[str, Any] = {
        "area": rng.choice(["rural", "town", "city"], n).tolist(),
        "power": rng.integers(4, 9, n),
        "age": rng.uniform(18, 90, n),
        "gas": rng.choice([True, False], n),
        "exposure": rng.uniform(0.1, 1, n),
    }
    data["claims"] = rng.poisson(data["exposure"] * np.exp(-0.5 + 0.01 * data["age"]))
    return data


FORMULA = "claims ~ area + C(power) + bs(age, df=4) + gas + area:exposure"


def as_kind(kind: str, data: dict[str, Any], folder: Path) -> Any:
    table = pa.table(data)
    if kind == "parquet":
        papq.write_table(table, folder / "rows.parquet")
        return folder / "rows.parquet"
    if kind == "csv":
        pacsv.write_csv(table, folder / "rows.csv")
        return str(folder / "rows.csv")
    return {
        "dict": lambda: data,
        "pandas": lambda: pd.DataFrame(data),
        "pandas categories": lambda: pd.DataFrame(data).astype({"area": "category"}),
        "polars": lambda: pl.DataFrame(data),
        "polars lazy": lambda: pl.DataFrame(data).lazy(),
        "arrow": lambda: table,
    }[kind]()


KINDS = ["pandas", "pandas categories", "polars", "polars lazy", "arrow", "parquet", "csv"]


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_data_gives_the_same_fit(kind: str, tmp_path: Path) -> None:
    data, new = rows(), rows(1, 20)
    plain = ef.glm(FORMULA, data, family="poisson", exposure="exposure")
    fit = ef.glm(FORMULA, as_kind(kind, data, tmp_path), family="poisson", exposure="exposure")
    assert fit.names == plain.names
    assert np.array_equal(fit.coef, plain.coef)
    assert np.array_equal(fit.vcov(), plain.vcov())
    assert np.array_equal(fit.predict(as_kind(kind, new, tmp_path)), plain.predict(new))


@pytest.mark.parametrize(
    ("kind", "frame"), [("pandas", pd.DataFrame), ("polars", pl.DataFrame), ("arrow", pa.Table), ("parquet", pa.Table)]
)
def test_tables_come_in_the_callers_kind(kind: str, frame: type, tmp_path: Path) -> None:
    data = as_kind(kind, rows(), tmp_path)
    fit = ef.glm("claims ~ age + area", data, family="poisson")
    assert isinstance(fit.tidy(), frame)
    assert isinstance(fit.glance(), frame)
    assert isinstance(fit.predict(data, interval="confidence"), frame)
    assert isinstance(fit.predict(data), np.ndarray)


def test_missing_values_are_the_same_everywhere(tmp_path: Path) -> None:
    data = {k: list(v) for k, v in rows().items()}
    data["age"][3] = None
    data["area"][7] = None
    results = []
    for kind in ["dict", "pandas", "polars", "arrow", "parquet"]:
        with pytest.warns(ef.DataWarning, match=r"2 of 300 rows .* area \(1\), age \(1\)"):
            results.append(ef.glm("claims ~ area + age", as_kind(kind, data, tmp_path), family="poisson"))
    assert all(np.array_equal(fit.coef, results[0].coef) for fit in results)
    assert all(fit.n == 298 and fit.dropped_rows == 2 for fit in results)
    assert "2 rows left out for missing values" in results[0].summary()
    with pytest.raises(ef.SchemaError, match="row 7"):
        ef.glm("claims ~ area", data, family="poisson", missing="error")


# ---- arrays -----------------------------------------------------------------------------------------------------
def test_arrays_and_formula_agree() -> None:
    data = rows()
    X = np.column_stack([data["age"], data["power"]])
    by_formula = ef.glm("claims ~ age + power", data, family="poisson", offset="log(exposure)")
    by_array = ef.glm_arrays(
        X, data["claims"], names=["age", "power"], family="poisson", exposure=np.asarray(data["exposure"])
    )
    assert by_array.names == by_formula.names
    assert by_array.coef == pytest.approx(by_formula.coef, rel=1e-12)
    assert by_array.predict(X, exposure=data["exposure"]) == pytest.approx(by_formula.predict(data), rel=1e-12)


@pytest.mark.parametrize("order", ["C", "F", "strided", "readonly", "float32", "int"])
def test_any_memory_order(order: str) -> None:
    rng = np.random.default_rng(0)
    X = np.round(rng.normal(size=(200, 3)) * 8)
    y = X @ [1.0, 2, 3] + rng.normal(size=200)
    read_only = X.copy()
    read_only.setflags(write=False)
    other = {
        "C": X,
        "F": np.asfortranarray(X),
        "strided": np.repeat(X, 2, axis=1)[:, ::2],
        "readonly": read_only,
        "float32": X.astype(np.float32),
        "int": X.astype(np.int64),
    }[order]
    assert ef.glm_arrays(other, y).coef == pytest.approx(ef.glm_arrays(X, y).coef, rel=1e-12)


def test_without_an_intercept() -> None:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(50, 2))
    y = X @ [1.0, 2] + np.repeat([0.1, -0.1], 25)
    fit = ef.glm_arrays(X, y, intercept=False)
    assert fit.names == ("x1", "x2")
    assert fit.coef == pytest.approx(np.linalg.lstsq(X, y)[0])
    assert fit.intercept == 0
    assert ef.glm("y ~ x - 1", {"x": X[:, 0], "y": X[:, 1]}).names == ("x",)


# ---- prediction -------------------------------------------------------------------------------------------------
def test_predictions_by_hand() -> None:
    data = rows()
    fit = ef.glm("claims ~ age", data, family="poisson", exposure="exposure")
    new = {"age": [30.0, 60.0], "exposure": [0.5, 1.0]}
    eta = fit.coef[0] + fit.coef[1] * np.array([30, 60]) + np.log([0.5, 1.0])
    assert fit.predict(new, type="link") == pytest.approx(eta)
    assert fit.predict(new) == pytest.approx(np.exp(eta))
    ends = fit.predict(new, interval="confidence", level=0.9)
    X = np.array([[1, 30.0], [1, 60.0]])
    se = np.sqrt(np.einsum("ni,ij,nj->n", X, fit.vcov(), X))
    assert ends["upper"] == pytest.approx(np.exp(eta + 1.6448536269514722 * se))
    assert ends["fit"] == pytest.approx(np.exp(eta))
    with pytest.raises(ef.SchemaError, match="exposure"):
        fit.predict({"age": [30.0]})


def test_an_offset_array_is_asked_for_again() -> None:
    data = rows()
    fit = ef.glm("claims ~ age", data, family="poisson", offset=np.log(data["exposure"]))
    with pytest.raises(ef.SchemaError, match="offset="):
        fit.predict({"age": [30.0]})
    by_name = ef.glm("claims ~ age", data, family="poisson", offset="log(exposure)")
    assert fit.coef == pytest.approx(by_name.coef)
    assert fit.predict({"age": [30.0]}, offset=[0.0]) == pytest.approx(
        by_name.predict({"age": [30.0], "exposure": [1.0]})
    )
    assert fit.predict() == pytest.approx(by_name.predict(data))


def test_rows_that_cannot_be_predicted_are_nan() -> None:
    fit = ef.glm("claims ~ age + area", rows(), family="poisson")
    new = {"age": [30.0, None, 50.0], "area": ["city", "city", "town"]}
    found = fit.predict(new)
    assert np.isnan(found).tolist() == [False, True, False]
    assert np.isnan(fit.predict(new, interval="confidence")["upper"]).tolist() == [False, True, False]


def test_unseen_levels() -> None:
    fit = ef.glm("claims ~ area", rows(), family="poisson")
    new = {"area": ["town", "moon"]}
    with pytest.raises(ef.SchemaError, match="'moon'"):
        fit.predict(new)
    with pytest.warns(ef.DataWarning, match="moon"):
        assert fit.predict(new, unseen="reference")[1] == pytest.approx(np.exp(fit.coef[0]))
    assert np.isnan(fit.predict(new, unseen="missing")).tolist() == [False, True]
    always = ef.glm("claims ~ area", rows(), family="poisson", unseen="missing")
    assert np.isnan(always.predict(new)).tolist() == [False, True]


def test_one_warning_for_an_unseen_level_beside_a_missing_value() -> None:
    fit = ef.glm("claims ~ area + age", rows(), family="poisson")
    with pytest.warns(ef.DataWarning) as told:
        fit.predict({"area": ["moon", "town"], "age": [30.0, None]}, unseen="reference")
    assert len(told) == 1


def test_classes() -> None:
    rng = np.random.default_rng(0)
    data = {"x": rng.normal(size=N)}
    data["y"] = np.where(data["x"] + rng.logistic(size=N) > 0, "yes", "no")
    fit = ef.glm("y ~ x", data, family="bernoulli")
    assert fit.classes == ("no", "yes")
    assert "probability of yes" in fit.summary()
    new = {"x": [-9.0, 9.0, None]}
    assert fit.predict(new, type="class").tolist() == ["no", "yes", None]
    data["z"] = rng.choice(["a", "b", "c"], N)
    soft = ef.glm("z ~ x", data, family="categorical")
    assert soft.coef.shape == (2, 2)
    assert soft.predict(data).sum(axis=1) == pytest.approx(np.ones(N))
    ends = soft.predict({"x": [0.5]}, interval="confidence")
    assert set(ends) == {f"{part}[{label}]" for part in ("fit", "lower", "upper") for label in "abc"}
    assert ends["lower[a]"][0] < ends["fit[a]"][0] < ends["upper[a]"][0]
    with pytest.raises(ef.ExpfamError, match="response of classes"):
        ef.glm("x ~ z", data).predict(data, type="class")


LABELS: dict[str, tuple[Any, str]] = {
    "whole": (lambda k: k, "int64"),
    "small": (lambda k: k.astype(np.uint8), "int64"),
    "whole floats": (lambda k: k * 1.0, "int64"),
    "halves": (lambda k: k + 0.5, "float64"),
    "booleans": (lambda k: k > 0, "bool"),
    "text": (lambda k: np.array(["a", "b", "c"])[k], "object"),
    "categories": (lambda k: pd.Series(pd.Categorical(k)), "int64"),
}


@pytest.mark.parametrize("kind", LABELS)
def test_predicted_labels_are_of_the_type_of_the_response(kind: str, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    k = rng.integers(0, 3, N)
    k[:3] = range(3)
    make, dtype = LABELS[kind]
    y, x = make(k), 3 * k + rng.normal(size=N)
    frame = pd.DataFrame({"x": x, "y": y})
    fits = [ef.glm_arrays(x[:, None], y, family="categorical"), *(
        ef.glm(f"{response} ~ x", frame, family="categorical") for response in ("y", "C(y)")
    )]  # fmt: skip
    stream = ef.OnlineGLM("y ~ x", "categorical").partial_fit(frame)
    fits += [ef.OnlineGLM.from_state(stream.state()).partial_fit(frame).fit]
    fits[1].save(tmp_path / "fit.json")
    for fit in (*fits, ef.load(tmp_path / "fit.json")):
        found = fit.predict(x[:, None] if fit is fits[0] else frame, type="class")
        assert found.dtype == dtype
        assert np.mean(found == np.asarray(y)) > 0.8
    assert fits[1].predict({"x": [9.0, None]}, type="class").tolist() == [np.unique(np.asarray(y))[-1], None]


def test_a_response_has_the_reference_it_names(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    x = rng.normal(size=N)
    data = {"x": x, "y": rng.choice(["a", "b", "c"], N)}
    soft = ef.glm("C(y, ref='a') ~ x", data, family="categorical")
    assert soft.classes == ("b", "c", "a")
    assert np.array_equal(soft.coef, ef.glm("y ~ x", data, family=Categorical(reference="a")).coef)
    data["z"] = np.where(x + rng.logistic(size=N) > 0, "a", "b")
    of_b, of_a = (ef.glm(f"C(z, ref='{ref}') ~ x", data, family="bernoulli") for ref in "ab")
    assert of_a.classes == ("b", "a")
    assert of_a.coef == pytest.approx(-of_b.coef, rel=1e-6)
    assert of_b.coef == pytest.approx(ef.glm("z ~ x", data, family="bernoulli").coef)
    assert ef.glm("C(z, levels=['b', 'a']) ~ x", data, family="bernoulli").classes == ("b", "a")
    of_a.save(tmp_path / "fit.json")
    for fit in (of_a, ef.load(tmp_path / "fit.json")):
        assert fit.roc(data).auc == pytest.approx(of_a.roc().auc)
    stream = ef.OnlineGLM("C(z, ref='b') ~ x", "bernoulli").partial_fit(data)
    assert stream.fit.classes == ("b", "a")
    assert stream.partial_fit({"x": x[:1], "z": ["a"]}).rows == N + 1


def test_a_number_that_is_missing_is_no_class() -> None:
    y = np.array([0.0, 1, 2, np.nan, 0, 1, 2, 1])
    with pytest.raises(ef.ResponseError, match=r"C\(y, ref=0\): nan in row 3 is no class"):
        ef.glm("C(y, ref=0) ~ x", {"y": y, "x": np.arange(8.0)}, family="categorical")


def test_a_response_that_contradicts_the_model_is_refused() -> None:
    data = {"x": np.arange(6.0), "y": ["a", "b", "c", "b", "a", "c"]}
    with pytest.raises(ef.FormulaError, match="contrasts= codes columns, and a response has none"):
        ef.glm("C(y, contrasts='sum') ~ x", data, family="categorical")
    with pytest.raises(ef.ResponseError, match=r"has the reference 'a', Categorical\(reference=...\) 'b'"):
        ef.glm("C(y, ref='a') ~ x", data, family=Categorical(reference="b"))
    with pytest.raises(ef.ResponseError, match="has the reference 'a', the model's classes have 'c'"):
        ef.OnlineGLM("C(y, ref='a') ~ x", "categorical", classes=["a", "b", "c"]).partial_fit(data)
    stream = ef.OnlineGLM("C(y) ~ x", "categorical").partial_fit(data)
    with pytest.raises(ef.ResponseError, match="'d' in row 1, which is none of the classes a, b, c"):
        stream.partial_fit({"x": [0.0, 1.0], "y": ["a", "d"]})


def test_models_of_before_the_type_of_labels_was_kept_predict_text(tmp_path: Path) -> None:
    x = np.r_[-2.0, -1.0, 0.0, 1.0, 2.0, 3.0]
    fit = ef.glm("y ~ x", {"x": x, "y": [0, 0, 1, 0, 1, 1]}, family="bernoulli")
    assert fit.predict({"x": x}, type="class").tolist() == [0, 0, 0, 1, 1, 1]
    fit.save(tmp_path / "fit.json")
    plain = json.loads((tmp_path / "fit.json").read_text())
    del plain["digest"]
    (tmp_path / "odd.json").write_text(json.dumps({**plain, "label_kind": "bool"}))
    with pytest.raises(ef.ModelFileError, match="'label_kind'"):
        ef.load(tmp_path / "odd.json")
    del plain["label_kind"]
    (tmp_path / "old.json").write_text(json.dumps(plain))
    assert ef.load(tmp_path / "old.json").predict({"x": x}, type="class").tolist() == ["0", "0", "0", "1", "1", "1"]


def test_softmax_intervals_are_the_delta_method() -> None:
    """The standard error of a probability against numeric derivatives of h in the coefficients."""
    rng = np.random.default_rng(0)
    data = {"x": rng.normal(size=N), "z": rng.choice(["a", "b", "c"], N)}
    fit = ef.glm("z ~ x", data, family="categorical")

    def probabilities(flat: np.ndarray) -> np.ndarray:
        eta = np.append(np.array([1, 0.5]) @ fit.shaped(flat), 0)
        return np.exp(eta) / np.exp(eta).sum()

    theta, h = fit.flat(fit.coef), 1e-6
    J = np.stack([(probabilities(theta + h * e) - probabilities(theta - h * e)) / (2 * h) for e in np.eye(4)], axis=1)
    se = np.sqrt(np.diag(J @ fit.vcov() @ J.T))
    ends = fit.predict({"x": [0.5]}, interval="confidence")
    half = [(ends[f"upper[{c}]"][0] - ends[f"lower[{c}]"][0]) / 2 for c in "abc"]
    assert half == pytest.approx(1.959963984540054 * se, rel=1e-5)


# ---- weights ----------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("family", ["poisson", "gaussian", "gamma", "bernoulli", "categorical"])
def test_frequency_weights_are_repeated_rows(family: str) -> None:
    rng = np.random.default_rng(0)
    n = 80
    data: dict[str, Any] = {"x": rng.normal(size=n), "w": rng.integers(0, 4, n)}
    data["y"] = {
        "poisson": lambda: rng.poisson(2, n),
        "gaussian": lambda: rng.normal(size=n),
        "gamma": lambda: rng.gamma(2, 1, n),
        "bernoulli": lambda: rng.integers(0, 2, n),
        "categorical": lambda: rng.choice(["a", "b", "c"], n),
    }[family]()
    options: dict[str, Any] = {"family": family, "link": "log" if family == "gamma" else None}
    weighted = ef.glm("y ~ x", data, weights="w", weights_kind="frequency", **options)
    at = np.repeat(np.arange(n), data["w"])
    repeated = ef.glm("y ~ x", {"x": data["x"][at], "y": np.asarray(data["y"])[at]}, **options)
    for name in ("coef", "se", "deviance", "null_deviance", "dispersion", "loglik", "aic", "bic", "n", "df_residual"):
        assert getattr(weighted, name) == pytest.approx(getattr(repeated, name), rel=1e-8), name


@pytest.mark.parametrize("term", ["ns(x, df=3)", "bs(x, df=5)", "scale(x)", "center(x)", "poly(x, 2)", "cut(x, 4)"])
def test_what_a_formula_learns_counts_frequencies(term: str) -> None:
    """Knots, means and levels are those of the rows written out: a row of frequency 0 is not there, and brings none."""
    rng = np.random.default_rng(1)
    data: dict[str, Any] = {"x": rng.normal(size=200), "w": np.r_[rng.integers(1, 4, 150), np.zeros(50, int)]}
    data["g"] = np.r_[rng.choice(["b", "c"], 150), np.repeat(["a", "z"], 25)]
    data["y"] = rng.poisson(np.exp(0.3 * data["x"]))
    data["x"][150:] += 9
    long = {name: np.repeat(column, data["w"]) for name, column in data.items()}
    repeated = ef.glm(f"y ~ {term} + g", long, family="poisson")
    for weights in ("w", data["w"]):
        fit = ef.glm(f"y ~ {term} + g", data, family="poisson", weights=weights, weights_kind="frequency")
        assert fit.names == repeated.names
        assert fit.coef == pytest.approx(repeated.coef, rel=1e-7)
        assert fit.deviance == pytest.approx(repeated.deviance, rel=1e-9)
        assert fit.dropped_rows == 0
        new = {"x": [1.5], "g": ["c"]}
        assert fit.predict(new) == pytest.approx(repeated.predict(new), rel=1e-7)
        assert np.isnan(fit.residuals()[150:]).all()  # the data are read again, and hold levels never met
        assert fit.update("~ . - g").deviance == pytest.approx(repeated.update("~ . - g").deviance, rel=1e-9)
        effects, same = fit.marginal_effects("x"), repeated.marginal_effects("x")
        assert effects["estimate"] == pytest.approx(same["estimate"], rel=1e-6)


def test_a_stream_learns_with_frequencies_too() -> None:
    rng = np.random.default_rng(2)
    data: dict[str, Any] = {"x": rng.normal(size=150), "w": rng.integers(0, 4, 150)}
    data["y"] = rng.poisson(np.exp(0.3 * data["x"]))
    long = {name: np.repeat(column, data["w"]) for name, column in data.items()}
    counted = ef.OnlineGLM("y ~ ns(x, df=3)", family="poisson", weights="w", weights_kind="frequency")
    repeated = ef.OnlineGLM("y ~ ns(x, df=3)", family="poisson")
    assert counted.partial_fit(data).fit.predict({"x": [2.0]}) == pytest.approx(
        repeated.partial_fit(long).fit.predict({"x": [2.0]}), rel=1e-6
    )


@pytest.mark.parametrize(("weight", "says"), [(0.5, "must be whole"), (-1.0, "not negative"), (np.nan, "finite")])
def test_a_frequency_that_is_none_is_told_before_it_is_learned_from(weight: float, says: str) -> None:
    data = {"x": np.arange(8.0), "y": np.arange(8.0) % 3, "w": np.r_[np.ones(6), weight, 0.0]}
    with pytest.raises(ef.SchemaError, match=f"in row 6.*{says}"):
        ef.glm("y ~ ns(x, df=2)", data, weights="w", weights_kind="frequency")
    with pytest.raises(ef.SchemaError, match="all zero"):
        ef.glm("y ~ scale(x)", data, weights=np.zeros(8), weights_kind="frequency")


def test_precision_weights_do_not_count_rows() -> None:
    rng = np.random.default_rng(0)
    data = {"x": rng.normal(size=60), "y": rng.normal(size=60), "w": rng.uniform(0.5, 3, 60)}
    fit = ef.glm("y ~ x", data, weights="w")
    assert fit.n == 60
    assert fit.df_residual == 58
    same = ef.glm("y ~ x", {**data, "w": 7 * data["w"]}, weights="w")
    assert same.se == pytest.approx(fit.se)
    assert same.loglik == pytest.approx(fit.loglik)


def test_sampling_weights_give_a_sandwich() -> None:
    """HC0 times n / (n - 1), against the formula written out; the likelihood is not defined."""
    rng = np.random.default_rng(0)
    x, w = rng.normal(size=200), rng.uniform(1, 5, 200)
    y = rng.poisson(np.exp(0.3 * x)).astype(float)
    fit = ef.glm("y ~ x", {"x": x, "y": y, "w": w}, family="poisson", weights="w", weights_kind="sampling")
    X = np.column_stack([np.ones(200), x])
    mu = np.exp(X @ fit.coef)
    bread = np.linalg.inv(X.T @ (X * (w * mu)[:, None]))
    scores = X * (w * (mu - y))[:, None]
    assert fit.vcov() == pytest.approx(bread @ scores.T @ scores @ bread * 200 / 199, rel=1e-9)
    assert np.isnan(fit.loglik)
    assert "sampling weights" in fit.summary()


def test_binomial_in_three_spellings() -> None:
    rng = np.random.default_rng(0)
    data: dict[str, Any] = {"x": rng.normal(size=50), "n": rng.integers(1, 20, 50)}
    data["s"] = rng.binomial(data["n"], 1 / (1 + np.exp(-data["x"])))
    data["f"] = data["n"] - data["s"]
    data["share"] = data["s"] / data["n"]
    pair = ef.glm("cbind(s, f) ~ x", data, family="binomial")
    share = ef.glm("share ~ x", data, family="binomial", trials="n")
    ratio = ef.glm("s/n ~ x", data, family="binomial", trials=data["n"])
    long = {
        "x": np.repeat(data["x"], data["n"]),
        "y": np.concatenate([np.r_[np.ones(s), np.zeros(f)] for s, f in zip(data["s"], data["f"], strict=True)]),
    }
    single = ef.glm("y ~ x", long, family="bernoulli")
    for fit in (pair, share, ratio):
        assert fit.coef == pytest.approx(single.coef, rel=1e-8)
        assert fit.se == pytest.approx(single.se, rel=1e-8)
        assert fit.loglik == pytest.approx(pair.loglik)


def test_zero_weights_leave_the_row_out() -> None:
    data = {"x": [1.0, 2, 3, 4, 50], "y": [1.0, 3, 2, 5, -99], "w": [1, 1, 1, 1, 0]}
    fit = ef.glm("y ~ x", data, weights="w")
    short = ef.glm("y ~ x", {k: v[:4] for k, v in data.items()})
    assert fit.coef == pytest.approx(short.coef)
    assert fit.n == 4
    assert fit.dispersion == pytest.approx(short.dispersion)


# ---- keeping it -------------------------------------------------------------------------------------------------
MODELS: dict[str, dict[str, Any]] = {
    "formula": {"formula": FORMULA, "family": "poisson", "exposure": "exposure"},
    "ridge": {"formula": "claims ~ age + area", "family": "poisson", "penalty": ef.Ridge(0.1)},
    "softmax": {"formula": "area ~ age", "family": "categorical"},
    "parameter": {"formula": "claims ~ age", "family": ef.families.NegativeBinomial(theta=2.5)},
    "power link": {"formula": "age ~ power", "family": "gamma", "link": "power(0.5)"},
    "poly": {"formula": "age ~ poly(power, 2) + cut(exposure, [0.3, 0.7]) + ns(exposure, df=3) + scale(power)"},
}


@pytest.mark.parametrize("name", MODELS)
def test_save_and_load_to_the_last_bit(name: str, tmp_path: Path) -> None:
    data, new = rows(), rows(1, 10)
    with np.errstate(all="raise", under="ignore"):
        import warnings

        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ef.AliasWarning)
            fit = ef.glm(data=data, **MODELS[name])
    fit.save(tmp_path / "model.json")
    again = ef.load(tmp_path / "model.json")
    assert again.names == fit.names
    assert np.array_equal(again.coef, fit.coef, equal_nan=True)
    assert np.array_equal(again.vcov(), fit.vcov(), equal_nan=True)
    assert again.certificate == fit.certificate
    assert again.statistics == fit.statistics
    assert np.array_equal(again.predict(new), fit.predict(new))
    assert again.summary() == fit.summary()
    assert again.source is None
    with pytest.raises(ef.ExpfamError, match="has no rows"):
        again.predict()


OF_NUMPY: dict[str, dict[str, Any]] = {
    "ridge by name": {"penalty": ef.Ridge({"age": np.int64(1)})},
    "array of one number": {"penalty": ef.Ridge({"age": np.array(0.1)})},  # type: ignore[dict-item]
    "decimal": {"penalty": ef.Ridge({"age": Decimal("0.1")})},  # type: ignore[dict-item]
    "elastic net by name": {"penalty": ef.ElasticNet({"age": np.float32(0.1)})},  # type: ignore[dict-item]
    "share of the lasso": {"penalty": ef.ElasticNet(0.1, np.float32(0.5))},  # type: ignore[arg-type]
    "reference": {"family": Categorical(reference=np.int64(1))},  # type: ignore[arg-type]
}


@pytest.mark.parametrize("kind", OF_NUMPY)
def test_numbers_of_any_kind_are_saved(kind: str, tmp_path: Path) -> None:
    data = {"y": np.arange(60) % 3, "age": np.cos(np.arange(60))}
    fit = ef.glm("y ~ age", data, **OF_NUMPY[kind])
    fit.save(tmp_path / "model.json")
    again = ef.load(tmp_path / "model.json")
    assert again.classes == fit.classes
    was, read = (one.model.penalty.bind(fit.names) for one in (fit, again))
    assert np.array_equal(read.diagonal, was.diagonal)
    assert np.array_equal(again.predict(data), fit.predict(data))
    online = ef.OnlineGLM("y ~ age", half_life=np.float32(40), **OF_NUMPY[kind])  # type: ignore[arg-type]
    online.partial_fit(data).save(tmp_path / "stream.json")
    assert np.array_equal(ef.OnlineGLM.from_state(tmp_path / "stream.json").fit.coef, online.fit.coef)


OWN = ef.Family(
    name="own", a=np.exp, natural=np.log, variance=lambda mu: mu, conjugate=lambda t: xlogy(t, t) - t,
    support=(0, np.inf), fixed_dispersion=True,
)  # fmt: skip


def test_a_users_own_family_is_saved_without_its_functions(tmp_path: Path) -> None:
    own = ef.Family(
        name="exponential",
        a=lambda psi: -np.log(-psi),
        natural=lambda mu: -1 / mu,
        variance=lambda mu: mu**2,
        conjugate=lambda t: -1 - np.log(t),
        support=(0, np.inf),
    )
    data = rows()
    fit = ef.glm("exposure ~ age", data, family=own, link="log")
    gamma = ef.glm("exposure ~ age", data, family="gamma", link="log")
    assert fit.coef == pytest.approx(gamma.coef, rel=1e-8)
    assert fit.se == pytest.approx(gamma.se, rel=1e-8)
    fit.save(tmp_path / "own.json")
    with pytest.raises(ef.ModelFileError, match="family="):
        ef.load(tmp_path / "own.json")
    assert ef.load(tmp_path / "own.json", family=own).predict(data) == pytest.approx(fit.predict(data))


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda text: text[: len(text) // 2], "damaged"),
        (lambda text: "", "damaged"),
        (lambda text: "[1, 2]", "no expfam model"),
        (lambda text: '{"format": "other"}', "no expfam model"),
        (lambda text: text.replace('"version": 2', '"version": 99'), "upgrade"),
        (lambda text: text.replace('"theta"', '"beta"'), "damaged"),
        (lambda text: text.replace('"kept": [', '"kept": [false, '), "names"),
        (lambda text: text.replace('"dropped_rows": 0', '"dropped_rows": 7'), "edited or damaged"),
        (lambda text: text.replace('"digest": "', '"digest": "0'), "edited or damaged"),
    ],
)
def test_damaged_model_files(damage: Any, message: str, tmp_path: Path) -> None:
    path = tmp_path / "model.json"
    ef.glm("claims ~ age", rows(), family="poisson").save(path)
    path.write_text(damage(path.read_text()))
    with pytest.raises(ef.ModelFileError, match=message):
        ef.load(path)


def test_a_file_may_be_written_again_by_what_knows_no_kinds_of_numbers(tmp_path: Path) -> None:
    """JSON of JavaScript has 1 for 1.0 and 0 for -0.0; the order of keys is nobody's promise."""
    formula, data, path = "claims ~ bs(age, knots=[30.0, 40.0]) + exposure", rows(), tmp_path / "m.json"
    fit = ef.glm(formula, data, family="tweedie(1.5)", penalty=ef.Ridge(1.0))
    stream = ef.OnlineGLM("claims ~ age", "poisson", half_life=1000.0).partial_fit(data)
    for made, load in ((fit, ef.load), (stream, ef.OnlineGLM.from_state)):
        made.save(path)
        text = path.read_text()
        plain = json.loads(
            text, parse_float=lambda number: int(number[:-2]) if number.endswith(".0") else float(number)
        )
        assert text.count(".0,") > json.dumps(plain).count(".0,")
        path.write_text(json.dumps(dict(reversed(plain.items()))))
        assert np.array_equal(load(path).predict(data), made.predict(data))
        plain["expfam"] = "0"
        path.write_text(json.dumps(plain))
        with pytest.raises(ef.ModelFileError, match="edited or damaged"):
            load(path)
    one, same = {"a": [1.0, np.float32(2)], "b": -0.0, "c": 1e22}, {"c": 10**22, "b": 0, "a": [1, 2]}
    assert sealed(one)["digest"] == sealed(same)["digest"] != sealed({**one, "a": [1, 3]})["digest"]
    assert sealed({"a": True})["digest"] != sealed({"a": 1})["digest"]


@pytest.mark.parametrize(
    ("held", "given", "message"),
    [
        ("poisson", "Poisson", None),
        ("negative_binomial(2)", "negative_binomial", None),
        ("negative_binomial(2)", "negative_binomial(2)", None),
        ("negative_binomial(2)", "negative_binomial(3)", "holds a model of the negative_binomial family .theta 2"),
        ("poisson", "gamma", "holds a model of the poisson family, not 'gamma'"),
        ("poisson", "poison", "no family 'poison'; did you mean 'poisson'"),
        (OWN, "poisson", "family 'own', made of Python functions.*give family= the expfam.Family.*not 'poisson'"),
        (OWN, OWN, None),
    ],
)
def test_the_family_of_a_file_goes_by_its_name_too(held: Any, given: Any, message: str | None, tmp_path: Path) -> None:
    """No intact file is called damaged; a name that is not the file's is told."""
    data, paths = rows(), (tmp_path / "model.json", tmp_path / "stream.json")
    fit = ef.glm("claims ~ age", data, family=held, link="log")
    fit.save(paths[0])
    online = ef.OnlineGLM("claims ~ age", family=held, link="log")
    online.partial_fit(data)
    online.save(paths[1])
    for read, path in zip((ef.load, ef.OnlineGLM.from_state), paths, strict=True):
        if message is None:
            again = read(path, family=given)
            assert np.array_equal(
                getattr(again, "fit", again).predict(data), (fit if read is ef.load else online).predict(data)
            )
            continue
        with pytest.raises(ef.ModelFileError, match=message) as told:
            read(path, family=given)
        assert "damaged" not in str(told.value)


SPLINES = "claims ~ bs(age, df=4) + ns(power, df=2) + scale(power) + poly(age, 2) + cut(age, 3) + offset(center(power))"


@pytest.mark.filterwarnings("ignore::expfam.errors.ExpfamWarning")
@pytest.mark.parametrize(
    ("formula", "options"),
    [
        (SPLINES, {"family": "poisson", "exposure": "exposure"}),
        ("claims + 1 ~ age + area", {"family": "gamma", "link": "power(0.5)", "dispersion": "ml", "vcov": "HC1"}),
        ("area ~ age + I(2 * age)", {"family": "categorical"}),
        ("gas ~ age", {"family": "bernoulli"}),
        ("claims ~ age", {"family": "negative_binomial", "penalty": ef.Ridge([0.1, 0.1])}),
        ("claims ~ age", {"family": "gaussian", "solver": "sgd"}),
    ],
)
def test_a_file_with_any_value_damaged_is_told_by_its_name_or_works(
    formula: str, options: dict[str, Any], tmp_path: Path
) -> None:
    """A value of another type, beyond all numbers, out of order or out of what there is to choose from."""
    path, data = tmp_path / "model.json", rows(n=80)
    ef.glm(formula, data, **options).save(path)
    plain, told = json.loads(path.read_text()), 0
    del plain["digest"]  # without it, it is for the fields to tell
    for at in leaves(plain):
        for new in (None, "zz", -1, 0.5, 1e400, [], True, ...):
            path.write_text(json.dumps(damaged(plain, at, new)))
            try:
                fit = ef.load(path)
            except ef.ModelFileError as error:
                message = str(error).partition("model.json")[2]
                assert any(str(name) in message for name in at), (at, new, message)
                told += 1
                continue
            assert at[0] != "statistics" or not isinstance(new, str), (at, new)
            assert at[:2] != ("unknown", "slack") or new is not None, at  # by a limit of NaN no row would be open
            assert fit.summary()
            assert len(fit.tidy()["estimate"]) == fit.estimate.size
            if fit.covariance is not None:
                fit.predict(data, interval="confidence")
    assert told > 300


def leaves(plain: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The paths to all values of a file, of lists to the first two."""
    if at:
        yield at
    for key in plain if isinstance(plain, dict) else range(min(len(plain), 2)) if isinstance(plain, list) else ():
        yield from leaves(plain[key], (*at, key))


def damaged(plain: Any, at: tuple[Any, ...], new: object) -> Any:
    """A copy with another value at the path; without it for `...`."""
    if not at:
        return new
    items = list(plain.items()) if isinstance(plain, dict) else list(enumerate(plain))
    changed = [(key, damaged(value, at[1:], new) if key == at[0] else value) for key, value in items]
    left = [(key, value) for key, value in changed if value is not ...]
    return dict(left) if isinstance(plain, dict) else [value for _, value in left]


@pytest.mark.parametrize("family", ["poisson", "categorical"])
def test_files_of_the_first_version_have_the_covariance_written_out(family: str, tmp_path: Path) -> None:
    path, data = tmp_path / "model.json", rows()
    response = "claims" if family == "poisson" else "area"
    with pytest.warns(ef.AliasWarning):
        fit = ef.glm(f"{response} ~ age + I(2 * age) + power", data, family=family)
    fit.save(path)
    plain = json.loads(path.read_text())
    plain["covariance"] = [[None if np.isnan(v) else v for v in row] for row in fit.vcov().tolist()]
    del plain["digest"]
    path.write_text(json.dumps(plain | {"version": 1}))
    old = ef.load(path)
    assert np.array_equal(old.vcov(), fit.vcov(), equal_nan=True)
    assert np.allclose(old.se, fit.se, rtol=1e-12, equal_nan=True)
    one, two = (f.predict(data, interval="confidence") for f in (old, fit))
    for name in one:
        assert one[name] == pytest.approx(two[name], rel=1e-9)


def test_model_files_hold_no_rows(tmp_path: Path) -> None:
    data = rows(n=5000)
    ef.glm("claims ~ age", data, family="poisson").save(tmp_path / "model.json")
    assert (tmp_path / "model.json").stat().st_size < 5000
    assert json.loads((tmp_path / "model.json").read_text())["format"] == "expfam-fit"
    with pytest.raises(ef.ModelFileError, match="no model file"):
        ef.load(tmp_path / "absent.json")
    with pytest.raises(ef.ModelFileError, match="cannot be written"):
        ef.glm("claims ~ age", data, family="poisson").save(tmp_path / "no" / "folder.json")


@pytest.mark.parametrize("of", [copy.copy, copy.deepcopy])
def test_a_copy_keeps_the_rows(of: Callable[[ef.Fit], ef.Fit]) -> None:
    fit = ef.glm("claims ~ age", rows(), family="poisson")
    np.testing.assert_array_equal(of(fit).residuals(), fit.residuals())
    np.testing.assert_array_equal(of(fit).se, fit.se)


def test_pickle_and_detach_drop_the_rows() -> None:
    fit = ef.glm("claims ~ age", rows(n=5000), family="poisson")
    assert fit.source is not None
    assert fit.detach().source is None
    again = pickle.loads(pickle.dumps(fit))
    assert again.source is None
    assert np.array_equal(again.coef, fit.coef)
    assert len(pickle.dumps(fit)) < 20_000


def test_nothing_is_mutated() -> None:
    data = rows()
    before = copy.deepcopy(data)
    fit = ef.glm(FORMULA, data, family="poisson")
    figures = fit.coef.copy(), fit.vcov()
    fit.vcov()[:] = 0
    fit.coef[:] = 0
    fit.predict(data)
    fit.summary()
    ef.glm("claims ~ age", data, family="poisson")
    assert np.array_equal(fit.coef, figures[0])
    assert np.array_equal(fit.vcov(), figures[1])
    for name, values in before.items():
        assert np.array_equal(data[name], values)
    with pytest.raises(AttributeError):
        fit.estimate = None  # type: ignore[misc]


# ---- tables and text --------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "ask",
    ["residuals", "influence", "at_rows", "predict", "calibration", "marginal_effects", "relativities", "plot.effects"],
)
def test_rows_that_were_changed_since_are_refused(ask: str) -> None:
    """A fit refers to its data; what reads the rows again must not answer for others."""
    rng = np.random.default_rng(1)
    X, y = rng.normal(size=(200, 2)), rng.poisson(1.0, 200).astype(float)
    fit, framed = ef.glm_arrays(X, y, family="poisson"), {"x": X[:, 0].copy(), "y": y.copy()}
    other = ef.glm("y ~ x", framed, family="poisson")
    attrgetter(ask)(fit)()
    attrgetter(ask)(other)()
    X[3], framed["y"][5] = X[4], framed["y"][5] + 1
    for changed in (fit, other):
        with pytest.raises(
            ef.ExpfamError, match=r"were changed since: at its coefficients their deviance is [\d.]+ inst"
        ):
            attrgetter(ask)(changed)()
    assert other.vcov("model").shape == (2, 2), "what a fit holds it still answers"
    with pytest.raises(ef.ExpfamError, match="changed since"):
        other.vcov("HC0")


def test_an_exposure_given_beside_the_column_is_the_one_that_is_meant() -> None:
    """And one given beside the rows of the fit, which have their own, is refused."""
    data = rows()
    fit = ef.glm("claims ~ age", data, family="poisson", exposure="exposure")
    some = {name: values[:3] for name, values in data.items()}
    rate = fit.predict({**some, "exposure": np.ones(3)})
    assert np.allclose(fit.predict(some, exposure=np.full(3, 2.0)), 2 * rate)
    assert np.allclose(fit.predict(some), some["exposure"] * rate)
    with pytest.raises(ef.SchemaError, match="goes with new rows"):
        fit.predict(exposure=np.ones(len(data["age"])))


def test_perfect_fits_know_their_rows() -> None:
    """A deviance of nothing but rounding is the same whatever it is."""
    x = np.linspace(0, 1e3, 50)
    with pytest.warns(ef.ConvergenceWarning, match="meets every response"):
        fit = ef.glm_arrays(x[:, None], 3 + 2 * x)
    assert np.abs(fit.residuals()).max() < 1e-9


@pytest.mark.parametrize(("formula", "n"), [("y ~ 1", 1), ("y ~ x", 2), ("y ~ g", 40)])
@pytest.mark.parametrize("family", ["gaussian", "gamma"])
def test_as_many_coefficients_as_rows_leave_no_dispersion(formula: str, n: int, family: str) -> None:
    rng = np.random.default_rng(3)
    data = {"y": 5 + rng.uniform(size=n), "x": rng.normal(size=n), "g": np.array([f"g{k}" for k in range(n)])}
    with pytest.warns(ef.ConvergenceWarning, match="meets every response: no dispersion is left"):
        fit = ef.glm(formula, data, family=family)
    assert fit.df_residual == 0
    assert np.isnan(fit.dispersion)
    with pytest.warns(ef.ConvergenceWarning, match="meets every response: no dispersion is left"):
        ef.glm(formula, data, family=family, penalty=ef.Ridge(0.0))  # none


def test_a_fit_shows_itself_as_its_summary() -> None:
    """And not as the numbers of its rows, by the thousand."""
    fit = ef.glm("claims ~ age", rows(), family="poisson")
    assert repr(fit) == str(fit) == fit.summary()
    assert "prepared" not in repr(fit.influence()) + repr(fit.bootstrap(2))


def test_the_summary_is_aligned_and_says_all() -> None:
    fit = ef.glm("claims ~ area + age", rows(), family="poisson", exposure="exposure")
    text = fit.summary()
    assert str(fit) == text
    lines = text.splitlines()
    start = next(k for k, line in enumerate(lines) if "Estimate" in line)
    table = lines[start : start + 1 + len(fit.names)]
    assert len({len(line) for line in table}) == 1
    assert max(map(len, lines)) <= 100
    for word in ("Poisson family, log link", "300 rows", "Deviance", "AIC", "BIC", "Converged"):
        assert word in text
    assert "Reference levels: area city" in text


def test_wide_letters_are_two_places_wide() -> None:
    data = rows()
    found = ef.glm("claims ~ 变量 + é", {"claims": data["claims"], "变量": data["age"], "é": data["exposure"]})
    lines = found.summary().splitlines()
    start = next(k for k, line in enumerate(lines) if "Estimate" in line)
    assert [wide(line) for line in lines[start : start + 4]] == [wide(lines[start])] * 4
    assert aligned({"name": ["变量", "age"], "n": [1, 2]}) == "name  n\n变量  1\nage   2"


def test_tidy_and_glance() -> None:
    fit = ef.glm("claims ~ area + age", rows(), family="poisson")
    tidy = fit.tidy(level=0.9)
    assert list(tidy["term"]) == list(fit.names)
    assert np.allclose(tidy["conf_low"], fit.confint(0.9)[:, 0])
    assert fit.glance()["aic"][0] == fit.aic
    soft = ef.glm("area ~ age", rows(), family="categorical")
    assert list(soft.tidy()["class"]) == ["city", "city", "rural", "rural"]


def test_html_is_escaped() -> None:
    data = {"g": ["<b>x</b>", "y", "<b>x</b>", "y"], "v": [1.0, 2, 3, 5]}
    html = ef.glm("v ~ g", data)._repr_html_()
    assert "<b>x</b>" not in html
    assert "&lt;b&gt;x" in html


def test_t_and_z() -> None:
    data = rows()
    assert "P(>|z|)" in ef.glm("claims ~ age", data, family="poisson").summary()
    gaussian = ef.glm("exposure ~ age", data)
    assert "P(>|t|)" in gaussian.summary()
    from scipy import stats

    expected = 2 * stats.t.sf(np.abs(gaussian.statistic), gaussian.df_residual)
    assert gaussian.p_values == pytest.approx(expected, rel=1e-10)
    low, high = stats.t.interval(0.95, gaussian.df_residual, gaussian.coef, gaussian.se)
    assert gaussian.confint() == pytest.approx(np.column_stack([low, high]))


def test_files_of_earlier_versions_load(tmp_path: Path) -> None:
    """What the first format did not have: the kind of covariance and dispersion, numbers, bias, signs of separation."""
    x = np.linspace(-2, 2, 40)
    with pytest.warns(ef.SeparationWarning):
        fit = ef.glm("y ~ x", {"y": (x > 0.01).astype(float), "x": x}, family="bernoulli")
    path = tmp_path / "fit.json"
    fit.save(path)
    plain = json.loads(path.read_text())
    for name in ("vcov", "nuisance", "bias", "digest"):
        del plain[name]
    for name in ("dispersion_kind", "nuisances"):
        del plain["statistics"][name]
    plain["certificate"]["separated"] = plain["certificate"].pop("separation")["names"]
    path.write_text(json.dumps(plain))
    older = ef.load(path)
    assert np.array_equal(older.coef, fit.coef)
    assert older.certificate.separated == fit.certificate.separated
    assert not older.converged
    assert older.statistics == fit.statistics


@pytest.mark.parametrize("k", [2, 4])
def test_as_many_classes_are_fitted_as_were_asked_for(k: int) -> None:
    rng = np.random.default_rng(2)
    data = {"y": np.resize(list("abc"), 90), "x": rng.normal(size=90), "z": rng.normal(size=90)}
    told = rf"Categorical\(k={k}\) is of {k} classes, and the response has 3"
    with pytest.raises(ef.ResponseError, match=told):
        ef.glm("y ~ x", data, family=Categorical(k=k))
    with pytest.raises(ef.ResponseError, match=told):
        ef.OnlineGLM("y ~ x", family=Categorical(k=k), classes=["a", "b", "c"])
    with pytest.raises(ef.ResponseError, match=told):
        ef.OnlineGLM("y ~ x", family=Categorical(k=k)).partial_fit(data)
    fit = ef.glm("y ~ x", data, family=Categorical(k=3))
    assert np.array_equal(fit.coef, ef.glm("y ~ x", data, family="categorical").coef)
    data["z"][data["y"] == "c"] = np.nan  # another formula may leave fewer classes, as it would if it were the first
    with pytest.warns(ef.DataWarning):
        assert fit.update(". ~ z", data=data).classes == ("a", "b")


def test_classes_of_large_numbers_keep_all_their_digits() -> None:
    rng = np.random.default_rng(0)
    codes = np.array([1000001, 1000002, 2000001])[rng.integers(0, 3, 90)]
    data = {"x": rng.normal(size=90), "code": codes}
    soft = ef.glm("code ~ x", data, family="categorical")
    assert soft.classes == ("1000001", "1000002", "2000001")
    assert np.array_equal(soft.coef, ef.glm("code ~ x", {**data, "code": codes.astype(str)}, family="categorical").coef)
    last = ef.glm("code ~ x", data, family=ef.families.Categorical(reference=1000002))
    assert last.classes == ("1000001", "2000001", "1000002")


def test_a_row_that_counts_for_nothing_has_no_prediction_where_only_it_has_the_level() -> None:
    """As it has no residual; the rows of the fit are predicted at their places."""
    data = {"x": np.arange(8.0), "y": np.arange(8) % 3 * 1.0, "g": list("ababbabz"), "w": [1.0, 2, 1, 1, 3, 1, 1, 0]}
    fit = ef.glm("y ~ x + g", data, family="poisson", weights="w", weights_kind="frequency")
    found = fit.predict()
    assert np.array_equal(np.isnan(found), np.isnan(fit.residuals()))
    assert found[:7] == pytest.approx(fit.predict({name: part[:7] for name, part in data.items()}))
    with pytest.raises(ef.SchemaError, match="'z'"):
        fit.predict(data)


class Softplus(Link):
    """A link of one's own, under a name that the library has."""

    name = "log"

    def __call__(self, mu: Any) -> Any:
        return np.log(np.expm1(mu))

    def inverse(self, eta: Any) -> Any:
        return np.logaddexp(0, eta)

    def derivative(self, eta: Any) -> Any:
        return 1 / (1 + np.exp(-eta))

    def second(self, eta: Any) -> Any:
        return self.derivative(eta) * self.derivative(-eta)


def test_a_link_of_ones_own_is_in_no_file(tmp_path: Path) -> None:
    """Its name would be read as another's."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=400)
    data = {"x": x, "y": rng.poisson(np.logaddexp(0, 1 + x)).astype(float)}
    fit = ef.glm("y ~ x", data, family="poisson", link=Softplus())
    stream = ef.OnlineGLM("y ~ x", "poisson", link=Softplus()).partial_fit(data)
    for save in (lambda: fit.save(tmp_path / "m.json"), stream.state):
        with pytest.raises(ef.ModelFileError, match=r"'log' is a class of your own, Softplus.*pickle"):
            save()
    assert not (tmp_path / "m.json").exists()
    assert pickle.loads(pickle.dumps(fit)).predict(data) == pytest.approx(fit.predict(data))
