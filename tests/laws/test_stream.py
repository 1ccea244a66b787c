"""Streams: however rows arrive they teach the same, to the last bit; errors that hold; nothing lost to bad input."""

import json
import re
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.laws.test_solvers import simulate, trials_of

import expfam as ef
from expfam import online, streamfile
from expfam.families import FAMILIES
from expfam.formula.transforms import TRANSFORMS
from expfam.inference.pivot import critical, p_values
from expfam.model import Model
from expfam.objective import Objective
from expfam.solvers import implicit
from expfam.solvers.implicit import batch_rows
from expfam.solvers.trail import errors
from expfam.stream import stream
from expfam.stream.rows import Rows
from expfam.stream.walking import Walked

N = 700
FORMULA = "y ~ x + z + g + g:x"
Frame = dict[str, np.ndarray]


def rows(n: int = N, seed: int = 0) -> Frame:
    """Counts on two numbers and a factor, one level of which is late and one rare."""
    rng = np.random.default_rng(seed)
    g = rng.choice(["a", "b", "c"], n, p=[0.6, 0.3, 0.1]).astype(object)
    g[-5:] = "late"
    x, z = rng.normal(size=n), rng.normal(1e3, 5, size=n)
    y = rng.poisson(np.exp(0.3 * x + 0.02 * (z - 1e3) + 0.4 * (g == "b")))
    return {"y": y.astype(float), "x": x, "z": z, "g": g, "w": rng.integers(1, 4, n).astype(float)}


def part(data: Frame, lo: int, hi: int) -> Frame:
    return {name: column[lo:hi] for name, column in data.items()}


def learned(data: Frame, cuts: list[int] | None = None, **options: Any) -> ef.OnlineGLM:
    """A model fed the rows between cuts."""
    model = ef.OnlineGLM(options.pop("formula", FORMULA), options.pop("family", "poisson"), **options)
    ends = [0, *(cuts or []), len(data["y"])]
    for lo, hi in pairwise(ends):
        model.partial_fit(part(data, lo, hi))
    return model


def same(one: ef.OnlineGLM, other: ef.OnlineGLM) -> bool:
    a, b = one.fit, other.fit
    numbers = all(np.array_equal(getattr(a, name), getattr(b, name)) for name in ("coef", "se"))
    return numbers and a.names == b.names and a.deviance == b.deviance and a.null_deviance == b.null_deviance


@contextmanager
def hurried() -> Iterator[None]:
    """Batches that begin with 64 rows, and rows forgotten from 300 on: all that happens to a stream, in 700 rows."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("expfam.solvers.implicit.FIRST", 64)
        patch.setattr("expfam.stream.stream.FEW", 300)
        yield


# ---- the order of arrival ---------------------------------------------------------------------------------------
def test_rows_one_by_one_teach_what_they_teach_together() -> None:
    data = rows()
    with hurried():
        together, singly = learned(data), learned(data, list(range(1, N)))
        assert same(together, singly)
    assert together.stream.gathered == 0
    assert together.stream.waiting is not None
    assert 0 < together.stream.waiting.n < N / 2


def separated(n: int, kind: str) -> tuple[Frame, dict[str, Any], dict[str, int]]:
    """Rows some coefficients of which run to infinity, and which way each does."""
    rng = np.random.default_rng(1)
    x, z, g = rng.normal(size=n), rng.normal(size=n), rng.choice(["a", "b"], n).astype(object)
    g[0] = "a"
    if kind == "level":
        y = (rng.random(n) < np.where(g == "a", 0.3, 0)).astype(float)
        return {"y": y, "g": g}, {"formula": "y ~ C(g, ref='a')", "family": "bernoulli"}, {"C(g, ref='a')[b]": -1}
    if kind == "reference":
        y = rng.poisson(np.where(g == "a", 0, 2)).astype(float)
        ends = {"Intercept": -1, "C(g, ref='a')[b]": 1}
        return {"y": y, "g": g}, {"formula": "y ~ C(g, ref='a')", "family": "poisson"}, ends
    return {"y": (x > z) * 1.0, "x": x, "z": z}, {"formula": "y ~ x + z", "family": "bernoulli"}, {"x": 1, "z": -1}


@pytest.mark.parametrize(
    ("n", "kind"), [(200, "level"), (40_000, "level"), (200, "reference"), (40_000, "reference"), (200, "plane")]
)
def test_a_stream_tells_what_its_prior_alone_holds(n: int, kind: str) -> None:
    """Which coefficients are infinite, and where to; they have no errors, and the mean of a level all, far too wide."""
    data, options, ends = separated(n, kind)
    with pytest.warns(ef.SeparationWarning, match="prior alone holds"):
        fit = learned(data, **options).fit
    found = fit.certificate.separation
    assert found is not None
    told = dict(zip(found.names, found.signs, strict=True))
    assert ends.items() <= told.items()
    assert set(told) - set(ends) <= {"Intercept"}
    assert np.isnan(fit.se[fit.separated]).all()
    assert not np.isnan(fit.se[~fit.separated]).any()
    if kind == "level":
        p = data["y"][data["g"] == "a"].mean()
        assert fit.se[0] == pytest.approx(1 / np.sqrt(p * (1 - p) * (data["g"] == "a").sum()), rel=0.02)


@pytest.mark.parametrize(("n", "levels", "unit"), [(500, 20, 1.0), (500, 40, 1.0), (2000, 5, 1e-3), (2000, 5, 1e6)])
@pytest.mark.parametrize("family", ["bernoulli", "poisson"])
def test_a_stream_names_the_separated_levels_that_newton_finds(n: int, levels: int, unit: float, family: str) -> None:
    """And no coefficient beside them, in whatever unit its column is."""
    rng = np.random.default_rng(0)
    x, level = rng.normal(size=n), np.append(0, rng.integers(0, levels, n - 1))
    y = (rng.random(n) < 1 / (1 + np.exp(1 - 0.5 * x))).astype(float)
    data = {"y": np.where(level == levels - 1, 0, y), "x": x * unit, "g": np.char.add("g", level.astype(str))}
    with pytest.warns(ef.SeparationWarning):
        fit = learned(data, formula="y ~ x + C(g, ref='g0')", family=family).fit
    with pytest.warns(ef.SeparationWarning):
        exact = ef.glm("y ~ x + C(g, ref='g0')", data, family=family)
    assert set(fit.certificate.separated) == set(exact.certificate.separated)
    assert set(np.array(fit.names)[np.isnan(fit.se)]) == set(fit.certificate.separated)


@pytest.mark.parametrize("n", [30, 100, 2000])
@pytest.mark.parametrize("near", [1.0, 1e-3])
def test_a_stream_of_finite_estimates_has_no_separation(n: int, near: float) -> None:
    """Few rows, columns nearly collinear, and a level of one event: warnings are errors here."""
    rng = np.random.default_rng(n)
    x, g = rng.normal(size=n), np.where(np.arange(n) < 10, "b", "a").astype(object)
    y = rng.poisson(np.exp(0.3 * x)).astype(float)
    y[:10] = np.eye(10)[0]
    fit = learned({"y": y, "x": x, "z": x + near * rng.normal(size=n), "g": g}, formula="y ~ x + z + g").fit
    assert not fit.certificate.separated
    assert np.isfinite(fit.se).all()


@pytest.mark.parametrize("kind", [np.float64, np.int8])
def test_columns_of_zeros_and_ones_are_packed_whatever_way_they_come(kind: type) -> None:
    """Long batches store them as codes, and many rows that come at once as bytes; nothing is changed by either. One
    column is a two in a few rows."""
    rng = np.random.default_rng(2)
    n, level = 140_000, rng.integers(0, 40, 140_000)
    dummies = {f"d{j}": (level == j).astype(kind) for j in range(40)}
    dummies["d7"][100_000:100_020] = 2
    eta = rng.normal(size=40)[level] / 3
    data = {"y": (rng.random(n) < 1 / (1 + np.exp(-eta))).astype(float), "x": rng.normal(size=n), **dummies}
    options = {"formula": f"y ~ x + {' + '.join(dummies)}", "family": "bernoulli"}
    together = learned(data, **options)
    assert same(together, learned(data, [3, 5_000, 30_000, 30_001, 65_000], **options))
    stopped = learned(part(data, 0, 90_000), **options)
    assert stopped.stream.waiting is not None
    assert stopped.stream.waiting.values["d1"].dtype == np.uint8
    resumed = ef.OnlineGLM.from_state(json.loads(json.dumps(stopped.state())))
    assert same(together, resumed.partial_fit(part(data, 90_000, n)))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("expfam.stream.stream.SOUGHT", n)
        plain = learned(data, **options).fit
    assert not np.array_equal(together.fit.se, plain.se), "other sums: the columns are stored otherwise"
    assert together.fit.coef == pytest.approx(plain.coef, rel=1e-7, abs=1e-9)
    assert together.fit.se == pytest.approx(plain.se, rel=1e-7)


@pytest.mark.parametrize("size", [150, 5_000, 70_000])
def test_a_frame_may_be_written_again_once_it_was_handed_over(size: int) -> None:
    """One buffer for all chunks, as readers have it: what waits for its batch is no view of it."""
    data = rows(2 * size)
    data["one"] = (data["x"] > 0).astype(np.int8)
    fresh, again = (ef.OnlineGLM("y ~ x + z + one", "poisson", weights="w") for _ in range(2))
    buffer = {name: np.empty_like(column[:size]) for name, column in data.items() if name != "g"}
    for lo in (0, size):
        for name, column in buffer.items():
            column[:] = data[name][lo : lo + size]
        fresh.partial_fit(part(data, lo, lo + size))
        again.partial_fit(buffer)
    for column in buffer.values():
        column[:] = 0
    assert same(fresh, again)


@settings(max_examples=10, deadline=None)
@given(st.lists(st.integers(0, N), max_size=6).map(sorted))
def test_frames_of_any_size_teach_the_same(cuts: list[int]) -> None:
    """Empty ones among them; while few rows have come, and later."""
    data = rows()
    assert same(learned(data), learned(data, cuts))
    with hurried():
        assert same(learned(data), learned(data, cuts))


def test_columns_in_another_order_and_extra_ones() -> None:
    data = rows()
    model = ef.OnlineGLM(FORMULA, "poisson").partial_fit(part(data, 0, 300))
    turned = {name: data[name][300:] for name in reversed(data)} | {"extra": np.zeros(N - 300)}
    assert same(learned(data), model.partial_fit(turned))


def test_any_kind_of_frame() -> None:
    data = rows()
    model = (
        ef.OnlineGLM(FORMULA, "poisson").partial_fit(part(data, 0, 400)).partial_fit(pl.DataFrame(part(data, 400, N)))
    )
    assert same(learned(data), model)
    assert isinstance(model.learning_curve(), pl.DataFrame)


@pytest.mark.parametrize("at", [0, 1, 64, 256, 333, N])
def test_it_goes_on_from_its_state_to_the_last_bit(at: int, tmp_path: Path) -> None:
    data = rows()
    with hurried():
        first = ef.OnlineGLM(FORMULA, "poisson").partial_fit(part(data, 0, at))
        again = ef.OnlineGLM.from_state(json.loads(json.dumps(first.state())))
        first.save(tmp_path / "state.json")
        filed = ef.OnlineGLM.from_state(tmp_path / "state.json")
        for model in (again, filed):
            model.partial_fit(part(data, at, N))
            assert same(learned(data), model)
            assert model.state() == learned(data, [at]).state()


def test_a_state_keeps_the_kernels_it_began_with(monkeypatch: pytest.MonkeyPatch) -> None:
    """A stream that began on a machine without compiled kernels does without on one that has them."""
    data, real = rows(), stream.objectives
    seen: list[bool] = []

    def spied(model: Model, some: Rows, compiled: bool, *others: Any) -> tuple[Objective, Objective]:
        seen.append(compiled)
        return real(model, some, compiled, *others)

    monkeypatch.setattr(stream, "objectives", spied)
    monkeypatch.setattr(stream, "CODED", 1)

    def went_on(began: int) -> set[bool]:
        monkeypatch.setattr(online, "bound_here", lambda: began)
        first = learned(part(data, 0, 400))
        monkeypatch.setattr(online, "bound_here", lambda: 1)
        seen.clear()
        assert ef.OnlineGLM.from_state(first.state()).partial_fit(part(data, 400, N)).fit.names
        return set(seen)

    assert went_on(10**12) == {False}
    assert went_on(1) == {True}


# ---- what it learns ---------------------------------------------------------------------------------------------
@pytest.mark.parametrize("forgets", [False, True])
@pytest.mark.parametrize("name", [name for name in FAMILIES if name != "categorical"])
def test_every_family_comes_to_the_exact_answer(name: str, forgets: bool) -> None:
    """5,000 rows, all kept: within a fiftieth of a standard error of Newton's, from which the pseudo-rows keep it. With
    rows forgotten from 300 on, a half; the errors, whose information is that of theta as it came along, a tenth."""
    family = FAMILIES[name](
        **({"theta": 2.0} if name == "negative_binomial" else {"power": 1.5} if name == "tweedie" else {})
    )
    data = simulate(family, 5000, means=(0.4, 0.6)) | {"n": np.full(5000, 10.0)}
    trials: dict[str, Any] = {"trials": "n"} if trials_of(family, 5000) else {}
    options = {"family": family, "link": "log" if name in ("gamma", "inverse_gaussian") else None, **trials}
    exact = ef.glm("y ~ x + C(g, levels=['a', 'b', 'c'])", data, vcov="HC0", **options)
    with hurried() if forgets else nullcontext():
        fit = learned(data, [1234], formula="y ~ x + C(g, levels=['a', 'b', 'c'])", **options).fit
    near, rel = (0.5, 0.1) if forgets else (0.02, 0.002)
    assert fit.names == exact.names
    assert np.abs((fit.coef - exact.coef) / exact.se).max() < near
    assert fit.se == pytest.approx(exact.se, rel=rel)
    assert fit.dispersion == pytest.approx(exact.dispersion, rel=rel / 5)
    assert fit.deviance == pytest.approx(exact.deviance, rel=rel / 10)
    assert fit.null_deviance == pytest.approx(exact.null_deviance, rel=rel / 10)


@pytest.mark.parametrize(("family", "link"), [("gamma", None), ("inverse_gaussian", None), ("poisson", "identity")])
def test_means_that_leave_their_domain_do_not_end_a_stream(family: str, link: str | None) -> None:
    """At theta = 0, where a stream begins, these have no mean; and a later row may have none at the theta of before."""
    known = FAMILIES[family]()
    data = simulate(known, 4000, means=(0.4, 0.6))
    data["x"][2000] = 8.0 if link is None else 3.0
    exact = ef.glm("y ~ x", data, family=family, link=link)
    model = learned(data, [100], formula="y ~ x", family=family, link=link)
    assert np.abs((model.fit.coef - exact.coef) / exact.se).max() < 1


def test_softmax_and_its_classes() -> None:
    rng = np.random.default_rng(3)
    x, z = rng.normal(size=(2, 5000))
    eta = np.column_stack([x, -z, np.zeros(5000)]) + rng.gumbel(size=(5000, 3))
    data = {"x": x, "z": z, "y": np.array(["one", "two", "three"])[eta.argmax(axis=1)]}
    exact = ef.glm("y ~ x + z", data, family="categorical", vcov="HC0")
    assert exact.classes is not None
    options: dict[str, Any] = {"formula": "y ~ x + z", "family": "categorical", "classes": exact.classes}
    model = learned(data, [1, 2, 3000], **options)
    assert np.abs((model.fit.coef - exact.coef) / exact.se).max() < 0.01
    assert model.fit.se == pytest.approx(exact.se, rel=0.01)
    with hurried():
        other = learned(data, [1, 2, 3000], **options)
    assert np.abs((other.fit.coef - exact.coef) / exact.se).max() < 0.5
    assert other.fit.se == pytest.approx(exact.se, rel=0.1)
    assert model.predict(part(data, 0, 3)).shape == (3, 3)


@pytest.mark.parametrize("vcov", ["HC0", "model"])
def test_intervals_of_a_stream_hold_the_truth(vcov: str) -> None:
    """80 logistic streams of 3 coefficients: 95%, to four binomial errors; the spread of z is 1 likewise."""
    z = []
    for seed in range(80):
        rng = np.random.default_rng(seed)
        x, w = rng.normal(size=(2, 2000))
        y = (rng.random(2000) < 1 / (1 + np.exp(0.5 - x + 0.3 * w))).astype(float)
        fit = learned({"y": y, "x": x, "w": w}, formula="y ~ x + w", family="bernoulli", vcov=vcov).fit
        z.append((fit.coef - [-0.5, 1.0, -0.3]) / fit.se)
    held = np.mean(np.abs(z) < 1.959964)
    assert held == pytest.approx(0.95, abs=4 * np.sqrt(0.95 * 0.05 / np.size(z)))
    assert np.std(z) == pytest.approx(1.0, abs=4 * np.sqrt(0.5 / np.size(z)))


def test_least_squares_is_recursive() -> None:
    """But for the pseudo-rows, coefficients, deviance, dispersion and both kinds of errors are those of all rows."""
    data = rows()
    exact = ef.glm("y ~ x + z", data)
    model = learned(data, [50, 333], formula="y ~ x + z", family="gaussian", prior=1e-12, vcov="model")
    assert model.fit.coef == pytest.approx(exact.coef, rel=1e-6)
    assert model.fit.deviance == pytest.approx(exact.deviance, rel=1e-6)
    assert model.fit.dispersion == pytest.approx(exact.dispersion, rel=1e-1)
    assert model.fit.se / np.sqrt(model.fit.dispersion) == pytest.approx(exact.se / np.sqrt(exact.dispersion), rel=1e-6)


@pytest.mark.parametrize("kind", ["frequency", "precision"])
def test_a_weight_of_two_is_a_row_twice(kind: str) -> None:
    """Exactly so in one batch, but for the pseudo-rows of precision weights, which count rows; over many batches, which
    end elsewhere, to a third of a standard error."""
    for n, within in ((25, 1e-9 if kind == "frequency" else 0.02), (5000, 1 / 3)):
        data = part(rows(5000, 5), 0, n)
        twice = {name: np.repeat(column, data["w"].astype(int)) for name, column in data.items()}
        weighted = learned(data, formula="y ~ x + g", weights="w", weights_kind=kind).fit
        repeated = learned(twice, formula="y ~ x + g").fit
        assert repeated.n == (weighted.n if kind == "frequency" else data["w"].sum())
        assert np.abs((weighted.coef - repeated.coef) / repeated.se).max() < within
        if kind == "frequency":
            assert weighted.se == pytest.approx(repeated.se, rel=1e-9 if n == 25 else 0.05)


def test_a_half_life_is_a_sum_of_weights_whatever_their_unit() -> None:
    """Batches end by it, too: rows of weight 1000 fade as fast among each other as rows of weight 1 do."""
    data = rows(4000, 5)
    plain, heavy = (
        learned({**data, "w": np.full(4000, unit)}, formula="y ~ x + g", weights="w", half_life=480 * unit).fit
        for unit in (1.0, 1000.0)
    )
    assert heavy.coef == pytest.approx(plain.coef, rel=1e-6)
    assert heavy.se == pytest.approx(plain.se, rel=1e-6)


def test_levels_come_late_and_keep_their_reference() -> None:
    model = learned(rows(), [100])
    fit = model.fit
    assert fit.model.terms.references == {"g": rows()["g"][0]}
    assert np.isfinite(fit.se[fit.names.index("g[late]")])
    before = ef.OnlineGLM(FORMULA, "poisson").partial_fit(part(rows(), 0, 600))
    with pytest.warns(ef.DataWarning, match="never saw"):
        before.predict(part(rows(), N - 3, N))


def test_offsets_and_exposure() -> None:
    data = rows(5000)
    data["e"] = np.random.default_rng(1).uniform(0.1, 1, 5000)
    data["y"] = np.random.default_rng(2).poisson(data["e"] * np.exp(0.2 * data["x"])).astype(float)
    exact = ef.glm("y ~ x", data, family="poisson", exposure="e")
    for options in ({"exposure": "e"}, {"offset": "log(e)"}):
        fit = learned(data, [77], formula="y ~ x", **options).fit
        assert np.abs((fit.coef - exact.coef) / exact.se).max() < 0.2


def test_a_ridge_is_that_of_all_rows() -> None:
    data = rows(5000)
    penalty = ef.Ridge(0.1)
    exact = ef.glm("y ~ x + g", data, family="poisson", penalty=penalty)
    fit = learned(data, [600], formula=f"y ~ x + C(g, ref='{exact.model.terms.references['g']}')", penalty=penalty).fit
    at = [fit.names.index(name) for name in ("Intercept", "x")]
    assert fit.coef[at] == pytest.approx(exact.coef[:2], abs=0.01)


@pytest.mark.parametrize("family", ["gaussian", "bernoulli", "poisson"])
def test_an_elastic_net_is_that_of_all_rows(family: str, tmp_path: Path) -> None:
    """What is zero stays zero, the others come within a standard error of a fit without penalty; states go on."""
    rng = np.random.default_rng(4)
    X = rng.normal(size=(20_000, 6)) * [1, 2, 3, 1, 10, 0.1] + [0, 1, 0, 0, 5, 0]
    eta = 0.5 * X[:, 0] - 0.3 * X[:, 1]
    y = {
        "gaussian": eta + rng.normal(size=20_000),
        "bernoulli": (rng.random(20_000) < 1 / (1 + np.exp(-eta))).astype(float),
        "poisson": rng.poisson(np.exp(eta / 2)).astype(float),
    }[family]
    names = [f"x{j + 1}" for j in range(6)]
    data = {"y": y, **dict(zip(names, X.T, strict=True))}
    options: dict[str, Any] = {"family": family, "penalty": ef.ElasticNet(0.05, 0.8)}
    exact = ef.glm_arrays(X, y, **options)
    spread = ef.glm_arrays(X, y, family=family).se
    model = learned(data, [700, 9000], formula="y ~ " + " + ".join(names), **options)
    assert 0 < np.count_nonzero(exact.coef == 0) < 5
    np.testing.assert_array_equal(model.fit.coef == 0, exact.coef == 0)
    assert np.abs((model.fit.coef - exact.coef) / spread).max() < 0.5
    assert model.fit.deviance == pytest.approx(exact.deviance, rel=1e-3)
    assert np.isnan(model.fit.se).all()
    again = learned(part(data, 0, 12_345), formula="y ~ " + " + ".join(names), **options)
    again.save(tmp_path / "state.json")
    again = ef.OnlineGLM.from_state(tmp_path / "state.json").partial_fit(part(data, 12_345, 20_000))
    np.testing.assert_array_equal(again.fit.coef, model.fit.coef)
    again = ef.glm_arrays(X, y, solver="sgd", **options)
    np.testing.assert_array_equal(again.coef == 0, exact.coef == 0)


def test_what_is_old_fades() -> None:
    """The slope changes its sign half way: with a half life the estimate is that of the second half."""
    rng = np.random.default_rng(8)
    x = rng.normal(size=20_000)
    y = np.where(np.arange(20_000) < 10_000, 1.0, -1.0) * x + rng.normal(size=20_000)
    fading, keeping = (
        learned({"y": y, "x": x}, formula="y ~ x", family="gaussian", half_life=half).fit for half in (500, None)
    )
    assert fading.coef[1] == pytest.approx(-1.0, abs=0.1)
    assert abs(keeping.coef[1]) < 0.2
    assert fading.se[1] > keeping.se[1]


def test_the_learning_curve_is_the_loss_before_learning() -> None:
    """Its first point is the null model of all coefficients zero; it falls to the loss of the best theta."""
    data = rows(5000)
    model = learned(data, formula="y ~ x + g")
    curve = model.learning_curve()
    first = part(data, 0, 512)["y"]
    conjugate = np.where(first > 0, first * np.log(np.maximum(first, 1)) - first, 0.0)
    assert curve["rows"][0] == 512
    assert curve["loss"][0] == pytest.approx(np.mean(conjugate + 1), rel=1e-12)
    assert curve["recent_loss"][-1] < 1.2 * model.fit.deviance / (2 * model.fit.n)
    assert (np.diff(curve["rows"]) > 0).all()


def test_the_picture_of_learning_draws_the_points() -> None:
    model = learned(rows(20_000), formula="y ~ x + g")
    found, curve = model.plot_learning(), model.learning_curve()
    assert np.array_equal(found.data["rows"], curve["rows"])
    assert np.array_equal(found.data["loss"], curve["loss"])
    assert set(found.data["names"]) == set(model.stream.points[-1].names) - {"Intercept"}
    assert np.array_equal(found.data["estimate"][-1], model.stream.points[-1].theta[1:])
    width = found.data["upper"] - found.data["lower"]
    assert width[-1] == pytest.approx(2 * 1.959964 * model.stream.points[-1].se[1:], rel=1e-6)
    assert width[-1, 0] < width[0, 0] / 4
    assert len(found.png()) > 10_000
    assert model.plot_learning(["x"]).data["names"].tolist() == ["x"]
    with pytest.raises(ef.ExpfamError, match="no coefficient 'q'"):
        model.plot_learning(["q"])
    with pytest.raises(ef.ExpfamError, match="two batches"):
        learned(rows(300)).plot_learning()


def test_batches_grow_with_the_rows() -> None:
    assert [batch_rows(n) for n in (0, 1024, 8000, 10**9)] == [512, 512, 4000, 65536]
    assert [batch_rows(n, kept=True) for n in (0, 1024, 8000, 10**9)] == [512, 1024, 8000, 65536]


@pytest.mark.parametrize("vcov", ["HC0", "model"])
def test_a_level_that_turns_out_otherwise_is_held_back_alone(vcov: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Thirty rows of a level without an event, forgotten, then one with: its step is held back, and then tried twice
    as long and again, or the batch would take many looks."""
    rng = np.random.default_rng(5)
    n, last = 40_000, 30_000
    x, g = rng.normal(size=n), np.where(np.arange(n) % 1000 == 0, "rare", rng.choice(["a", "b"], n))
    y = (rng.random(n) < 1 / (1 + np.exp(1 - 0.5 * x))).astype(float)
    y[g == "rare"] = 0.0
    y[last] = 1.0
    data = {"y": y, "x": x, "g": g}
    formula, looks, plain_see = "y ~ x + C(g, levels=['a', 'b', 'rare'])", [], implicit.see

    def see(objective: Objective, *rest: Any) -> Any:
        looks.append(objective.data.n)
        return plain_see(objective, *rest)

    def looked() -> tuple[int, np.ndarray]:
        model = learned(part(data, 0, last), formula=formula, family="bernoulli", vcov=vcov)
        looks.clear()
        coef = model.partial_fit(part(data, last, n)).fit.coef
        return sum(rows > 1 for rows in looks), coef

    monkeypatch.setattr(implicit, "see", see)
    few, coef = looked()
    monkeypatch.setattr(implicit, "DOUBLED", 0)
    many, same_coef = looked()
    assert few < many
    exact = ef.glm(formula, data, family="bernoulli")
    assert np.abs((coef - same_coef) / exact.se).max() < 0.05, "the minimum is the same"
    assert np.abs((coef - exact.coef) / exact.se)[:3].max() < 0.02, "and the others go on undisturbed"


# ---- steps of first order ---------------------------------------------------------------------------------------
WALK = ef.SGD(step="normalised", rate=0.5)


@settings(max_examples=5, deadline=None)
@given(st.lists(st.integers(0, N), max_size=6).map(sorted))
def test_walks_of_any_size_teach_the_same(cuts: list[int]) -> None:
    data = rows()
    with hurried():
        assert np.array_equal(learned(data, solver=WALK).fit.coef, learned(data, cuts, solver=WALK).fit.coef)


@pytest.mark.parametrize("at", [1, 333])
def test_a_walk_goes_on_from_its_state_to_the_last_bit(at: int) -> None:
    data = rows()
    with hurried():
        first = ef.OnlineGLM(FORMULA, "poisson", solver=WALK).partial_fit(part(data, 0, at))
        again = ef.OnlineGLM.from_state(json.loads(json.dumps(first.state()))).partial_fit(part(data, at, N))
        assert again.state() == learned(data, [at], solver=WALK).state()


@pytest.mark.parametrize("solver", [WALK, ef.SGD(step="adagrad", rate=0.25, update="importance")])
def test_more_coefficients_than_an_information_has_room_for(solver: ef.SGD) -> None:
    """4,000 sites of ten rows each: effects are found in part, and rows not seen yet foretold better than at first."""
    rng = np.random.default_rng(5)
    n, sites = 40_000, 4_000
    site, u = rng.integers(0, sites, n), rng.normal(size=n)
    effect = rng.normal(size=sites)
    y = (rng.random(n) < 1 / (1 + np.exp(-(u + effect[site])))).astype(float)
    data = {"y": y, "u": u, "site": np.char.add("s", site.astype(str))}
    model = learned(data, [9_999], formula="y ~ u + site", family="bernoulli", solver=solver)
    fit = model.fit
    assert len(fit.coef) > 3_000
    assert fit.coef[1] == pytest.approx(1, abs=0.25)
    loss = model.learning_curve()["recent_loss"]
    assert loss[-1] < loss[0]
    at = np.array([int(name[6:-1]) for name in fit.names[2:]])
    assert np.corrcoef(fit.coef[2:], effect[at])[0, 1] > 0.5
    assert np.isfinite(model.predict(part(data, 0, 5))).all()


def test_too_many_coefficients_for_an_information_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("expfam.stream.stream.WRITTEN_OUT", 3)
    with pytest.raises(ef.SolverError, match="solver=SGD"):
        learned(rows(3_000), formula="y ~ x + g")


# ---- errors of steps of first order -----------------------------------------------------------------------------
def test_a_walk_has_errors_by_random_scaling(tmp_path: Path) -> None:
    """Of single coefficients, with intervals and p values of their own pivot; what needs a matrix says so."""
    data = rows(6_000)
    model = learned(data, [1_000], formula="y ~ x + g", solver=WALK)
    fit, memory = model.fit, model.stream.settled().memory
    assert isinstance(memory, Walked)
    assert fit.se == pytest.approx(errors(memory.trail, memory.how))
    half = np.diff(fit.confint(level=0.9), axis=-1)[:, 0] / 2
    assert half == pytest.approx(critical(0.9) * fit.se)
    assert fit.p_values == pytest.approx(p_values(fit.coef / fit.se))
    assert "6.747" in str(fit)
    fit.save(tmp_path / "fit.json")
    assert np.array_equal(ef.load(tmp_path / "fit.json").p_values, fit.p_values)
    together: list[Callable[[], object]] = [
        fit.vcov,
        lambda: fit.wald_test("x = 0"),
        lambda: fit.predict(part(data, 0, 3), interval="confidence"),
    ]
    for ask in together:
        with pytest.raises(ef.ExpfamError, match="how they move together"):
            ask()
    last = learned(data, formula="y ~ x + g", solver=ef.SGD(step="normalised", average=False)).fit
    assert np.isnan(last.se).all()


@pytest.mark.parametrize("family", ["gaussian", "bernoulli", "poisson"])
def test_errors_by_random_scaling_hold(family: str) -> None:
    """60 streams of 4,000 rows: 95% intervals of four coefficients hold the truth, to four binomial errors, and no
    coefficient is off on one side, to four errors of the mean, the pivot's spread being 3.3."""
    truth, away = np.array([-0.3, 0.4, -0.2, 0.1]), []
    for seed in range(60):
        rng = np.random.default_rng(seed)
        X = rng.normal(size=(4_000, 3))
        eta = truth[0] + X @ truth[1:]
        y = {
            "gaussian": lambda eta=eta, rng=rng: eta + rng.normal(size=len(eta)),
            "bernoulli": lambda eta=eta, rng=rng: (rng.random(len(eta)) < 1 / (1 + np.exp(-eta))).astype(float),
            "poisson": lambda eta=eta, rng=rng: rng.poisson(np.exp(eta)).astype(float),
        }[family]()
        fit = learned(
            {"y": y, **dict(zip("abc", X.T, strict=True))},
            formula="y ~ a + b + c",
            family=family,
            solver=ef.SGD(step="normalised"),
        ).fit
        away.append((fit.coef - truth) / fit.se)
    held = np.abs(away) < critical(0.95)
    assert held.mean() == pytest.approx(0.95, abs=4 * np.sqrt(0.95 * 0.05 / held.size))
    assert np.mean(away, axis=0) == pytest.approx(np.zeros(4), abs=4 * 3.3 / np.sqrt(60))


def test_open_vocabularies_take_steps_of_first_order() -> None:
    assert ef.OnlineGLM("y ~ x + g", "poisson", hash_bits=12).stream.ask.walks is not None
    assert ef.OnlineGLM("y ~ x + g", "poisson", hash_bits=8).stream.ask.walks is None
    informed = ef.SGD(step="information")
    assert ef.OnlineGLM("y ~ x + g", "poisson", hash_bits=12, solver=informed).stream.ask.walks is None
    fit = learned(rows(3000), formula="y ~ x + g", hash_bits=18).fit
    exact = ef.glm("y ~ x + g", rows(3000), family="poisson")
    assert fit.coef[1] == pytest.approx(exact.coef[1], abs=0.1)


@pytest.mark.parametrize("solver", [ef.SGD(passes=2), ef.SGD(step="inverse"), ef.SGD(step="adagrad", workers=2)])
def test_what_a_stream_cannot_do_is_refused(solver: ef.SGD) -> None:
    with pytest.raises(ef.SolverError, match="SGD of a stream"):
        ef.OnlineGLM("y ~ x", solver=solver)
    with pytest.raises(ef.SolverError, match="half_life"):
        ef.OnlineGLM("y ~ x", solver=WALK, half_life=100)


# ---- bad input --------------------------------------------------------------------------------------------------
def spoilt(name: str, value: object) -> Callable[[Frame], Frame]:
    def spoil(data: Frame) -> Frame:
        column = np.array(data[name], dtype=object if isinstance(value, str) else data[name].dtype)
        column[2] = value
        return {**data, name: column}

    return spoil


BAD = {
    "a number that is not finite": (spoilt("x", np.inf), ef.SchemaError, "finite"),
    "a number whose square overflows": (spoilt("x", -1e200), ef.SchemaError, r"1e\+200 in size at row.*power of ten"),
    "a response outside its support": (spoilt("y", -1.0), ef.ResponseError, "poisson"),
    "a column that became text": (spoilt("z", "much"), ef.ExpfamError, "z"),
    "a factor that became numbers": (
        lambda data: {**data, "g": np.zeros(len(data["g"]))},
        ef.SchemaError,
        "text before",
    ),
    "a column that is gone": (
        lambda data: {k: v for k, v in data.items() if k != "x"},
        ef.SchemaError,
        "no column 'x'",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_a_frame_that_is_refused_changes_nothing(name: str) -> None:
    spoil, error, message = BAD[name]
    data = rows()
    model = ef.OnlineGLM(FORMULA, "poisson").partial_fit(part(data, 0, 400))
    with pytest.raises(error, match=message):
        model.partial_fit(spoil(part(data, 400, N)))
    assert same(learned(data), model.partial_fit(part(data, 400, N)))


ODD_ROWS = {
    "exposure": (np.r_[np.ones(8), -1, 1], {}),
    "offset": (np.r_[np.zeros(8), np.inf, 1], {}),
    "weights": (np.r_[np.zeros(3), np.ones(5), 1.5, 1], {"weights_kind": "frequency"}),
}


@pytest.mark.parametrize("name", ODD_ROWS)
def test_rows_are_named_as_they_came_where_others_were_left_out(name: str) -> None:
    values, options = ODD_ROWS[name]
    data = {"y": np.arange(10.0), "x": np.r_[np.nan, np.arange(1.0, 10)], "w": np.r_[1, 0, 0, np.ones(7)]}
    columns = {"weights": "w", name: name}
    with pytest.raises(ef.SchemaError, match=f"{name} is .* in row 8[;.]"):
        ef.OnlineGLM("y ~ x", family="poisson", **columns, **options).partial_fit({**data, name: values})


def test_numbers_whose_product_overflows_are_refused() -> None:
    large = {"y": np.ones(1), "x": np.array([-1e90]), "z": np.array([1e80])}
    model = learned(rows(), formula="y ~ x + z + x:z")
    with pytest.raises(ef.SchemaError, match=r"x is 1e\+90 .*squares of x:z overflow"):
        model.partial_fit(large)


@pytest.mark.parametrize("column", ["x", "g"])
def test_a_frame_that_has_no_value_of_a_column_is_left_out_whatever_type_that_has(column: str) -> None:
    data = rows()
    gap = {**part(data, 400, 402), column: np.array([None, None])}
    model = learned(data, [400]).partial_fit(gap)
    assert model.fit.dropped == {column: 2}
    assert np.array_equal(model.fit.coef, learned(data).fit.coef)


def test_rows_with_gaps_are_left_out_and_counted() -> None:
    data = rows()
    data["x"][[3, 500]] = np.nan
    model = learned(data, [100])
    whole = np.delete(np.arange(N), [3, 500])
    assert same(model, learned({name: column[whole] for name, column in data.items()}))
    assert model.fit.dropped_rows == 2
    assert model.fit.dropped == {"x": 2}
    with pytest.raises(ef.SchemaError, match="lacks 1"):
        learned(data, [100], missing="error")


def test_trials_belong_to_shares_and_no_weight_is_no_row() -> None:
    data = rows()
    with pytest.raises(ef.SchemaError, match="binomial"):
        learned(data, formula="y ~ x", trials="w")
    data["w"][[0, 7]] = 0.0
    one_by_one = learned(data, [1, 7, 8], formula="y ~ x", weights="w")
    assert same(one_by_one, learned(data, formula="y ~ x", weights="w"))
    assert one_by_one.rows == N - 2


def test_labels_never_seen() -> None:
    data = {"y": np.array(["no", "yes"] * 50), "x": np.arange(100.0)}
    model = ef.OnlineGLM("y ~ x", "bernoulli").partial_fit(data)
    with pytest.raises(ef.ResponseError, match=r"maybe.*classes="):
        model.partial_fit({"y": np.array(["yes", "maybe"]), "x": np.zeros(2)})
    alone = ef.OnlineGLM("y ~ x", "bernoulli", classes=["no", "yes"])
    alone.partial_fit({"y": np.array(["yes"]), "x": np.zeros(1)})
    assert alone.rows == 1


def test_damaged_states_and_others() -> None:
    state = learned(rows()).state()
    for broken in ({**state, "format": "x"}, {**state, "version": 99}, {**state, "memory": {}}):
        with pytest.raises(ef.ModelFileError):
            ef.OnlineGLM.from_state(broken)
    state["memory"]["theta"] = {**state["memory"]["theta"], "shape": [2]}
    with pytest.raises(ef.ModelFileError, match="damaged"):
        ef.OnlineGLM.from_state(state)


def numbers_of(plain: Any, at: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """The paths to the numbers and arrays of a state, those of formulas and options left out."""
    if (isinstance(plain, dict) and "kind" in plain and "shape" in plain) or isinstance(plain, int | float):
        yield at
    elif isinstance(plain, dict):
        for name in sorted(
            plain.keys() - {"version", "request", "asked", "known", "model", "options", "solver", "how"}
        ):
            yield from numbers_of(plain[name], (*at, name))


def damaged(state: Any, path: tuple[Any, ...], new: object) -> Any:
    """A copy of a state with another value at the path; without it for `...`."""
    broken = json.loads(json.dumps(state))
    inner = broken
    for name in path[:-1]:
        inner = inner[name]
    if new is ...:
        del inner[path[-1]]
    else:
        inner[path[-1]] = new
    return broken


@pytest.mark.parametrize("solver", [None, ef.SGD(step="normalised")], ids=["memory", "walked"])
def test_a_damaged_state_is_told_by_the_name_of_its_field(solver: ef.SGD | None) -> None:
    """Before it is learned from: an array that is too short would be written beyond its end."""
    model = ef.OnlineGLM("y ~ x + g", "poisson", solver=solver)
    state = model.partial_fit(part(rows(6000), 0, 5990)).partial_fit(part(rows(6000), 5990, 6000)).state()
    nan = {"kind": "f8", "shape": [1], "data": "AAAAAAAA+H8="}
    found = list(numbers_of(state))
    assert len(found) > 20
    for path in found:
        for new in ("text", [], nan, ...):
            broken = damaged(state, path, new)
            if path[-1] in ("gathered", "centre", "share", "since") and new in (..., []):
                continue  # older files have none
            with pytest.raises(ef.ModelFileError, match=path[-1]):
                ef.OnlineGLM.from_state(broken)
    assert ef.OnlineGLM.from_state(state).rows == model.rows


def leaves_of(plain: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The paths to all values of a state, and to the lists and dicts that hold them."""
    if at:
        yield at
    for key in plain if isinstance(plain, dict) else range(len(plain)) if isinstance(plain, list) else ():
        yield from leaves_of(plain[key], (*at, key))


def reason(state: Any) -> str | None:
    """Why a state is not read, None where it is."""
    try:
        ef.OnlineGLM.from_state(state)
    except ef.ExpfamError as error:
        return str(error)
    return None


def test_a_state_that_was_changed_is_told_though_every_field_is_sound(tmp_path: Path) -> None:
    """Halves of two streams, or a field that older states lack taken out, would go on as a stream that never was."""
    data = rows(900)
    data |= {"b": data["y"] > 0}
    first, second = learned(part(data, 0, 600)).state(), learned(data, formula="b ~ x + g", family="bernoulli").state()
    parts = ("memory", "null", "waiting", "points", "given")
    changed = [first | {name: second[name]} for name in parts if first[name] != second[name]]
    assert len(changed) == len(parts)
    lacking = ("expfam", "solver", "centre", "gathered")
    changed += [{key: value for key, value in first.items() if key != name} for name in lacking]
    path = tmp_path / "state.json"
    for state in changed:
        path.write_text(json.dumps(state))
        for source in (state, path):
            with pytest.raises(ef.ModelFileError):
                ef.OnlineGLM.from_state(source)
    with pytest.raises(ef.ModelFileError, match="was edited or damaged after it was written"):
        ef.OnlineGLM.from_state(path)
    path.write_text(json.dumps(dict(reversed(first.items())), indent=3))  # as another program lays it out
    assert ef.OnlineGLM.from_state(path).state() == first


@pytest.mark.parametrize("rows_come", [0, 700])
def test_a_damaged_model_of_a_state_is_told_or_does_no_harm(rows_come: int) -> None:
    """What is learned of terms is there twice, in its state and in its outcome, and in the model of waiting rows."""
    model = ef.OnlineGLM("y ~ center(x) + C(g)", "poisson", penalty=ef.Ridge(1e-3))
    model = model.partial_fit(rows(rows_come)) if rows_come else model
    state = json.loads(json.dumps(model.state()))
    del state["digest"]  # without it, it is for the fields to tell
    found = []
    for path in (path for name in ("request", "asked", "known", "model") for path in leaves_of(state[name], (name,))):
        for new in ("text", ["a", 3], ...):
            broken = damaged(state, path, new)
            told = reason(broken)
            found.append(told)
            if told is None:
                with nullcontext() if rows_come or path[0] != "request" else suppress(ef.ExpfamError):
                    ef.OnlineGLM.from_state(broken).partial_fit(rows(70)).predict(rows(70))
            else:
                assert any(str(name) in told for name in path[1:] or path), (path, new, told)
    assert sum(told is not None for told in found) > len(found) / 2


@pytest.mark.parametrize("hash_bits", [None, 3])
def test_what_every_transform_learned_is_read_again(hash_bits: int | None) -> None:
    """What a variable is by its state, no rows tell as well as rows do."""
    calls = (
        "log(w)", "log2(w)", "log10(w)", "log1p(w)", "exp(x)", "expm1(x)", "sqrt(w)", "abs(x)", "I(x**2)", "I(w % 2)",
        "C(w)", "C(g, contrasts='sum')", "C(g, ref='b')", "C(g, contrasts='helmert')", "cut(x, [0])", "poly(x, 2)",
        "clip(x, -1, 1)", "bs(x, df=4)", "ns(center(x), df=3)", "scale(z)", "b", "I(center(x) * z)", "g:x", "offset(z)",
    )  # fmt: skip
    assert {name for name in TRANSFORMS if not any(f"{name}(" in call for call in calls)} == set()
    data = {**rows(), "b": np.arange(N) % 2 == 0}
    for call in calls:
        model = ef.OnlineGLM(f"y ~ {call}", "gaussian", hash_bits=hash_bits).partial_fit(data)
        assert ef.OnlineGLM.from_state(json.loads(json.dumps(model.state()))).state() == model.state()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"weights": np.ones(3)}, "names a column"),
        ({"weights_kind": "sampling"}, "HC0"),
        ({"prior": 0.0}, "positive"),
        ({"half_life": -1.0}, "half_life"),
        ({"vcov": "HC3"}, "HC0"),
        ({"exposure": "e"}, "log link, not identity"),
        ({"trials": "n", "family": "poisson"}, "binomial"),
    ],
)
def test_options_are_checked(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ef.ExpfamError, match=message):
        ef.OnlineGLM("y ~ x", **options)


def test_before_the_first_row_there_is_no_answer() -> None:
    model = ef.OnlineGLM("y ~ x")
    for ask in (lambda: model.fit, model.learning_curve, model.summary):
        with pytest.raises(ef.ExpfamError, match="rows"):
            ask()
    assert "0 rows" in repr(model)


def test_the_summary_says_that_it_was_a_stream() -> None:
    text = learned(rows()).summary()
    assert "Streamed: 700 rows" in text
    assert "before they were learned from" in text
    assert "NOT converged" not in text


def test_levels_that_are_listed_admit_no_others() -> None:
    model = ef.OnlineGLM("y ~ C(g, levels=['a', 'b'])", "poisson")
    few = {"y": np.ones(2), "g": np.array(["a", "b"])}
    model.partial_fit(few)
    with pytest.raises(ef.SchemaError, match="none of its levels"):
        model.partial_fit({"y": np.ones(1), "g": np.array(["c"])})
    other = ef.OnlineGLM("y ~ C(g, contrasts='sum')", "poisson").partial_fit(few)
    with pytest.raises(ef.SchemaError, match="meaning"):
        other.partial_fit({"y": np.ones(1), "g": np.array(["c"])})


def test_a_stream_is_frozen() -> None:
    model = learned(rows())
    before = model.stream
    model.partial_fit(rows(100, 9))
    assert model.stream is not before
    assert before.memory is not None
    assert replace(before).memory is before.memory


@pytest.mark.parametrize("size", [600, 20_000])
@pytest.mark.parametrize("family", [ef.families.Poisson(), ef.families.Gamma(), ef.families.Tweedie(1.5)])
def test_means_of_thousands_are_found(family: ef.families.ExponentialFamily, size: int) -> None:
    """From means of 1, where theta is zero, no damped step leads there: the first batch begins at the null model."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=size)
    mu = 1e4 * np.exp(0.5 * x)
    y = rng.poisson(mu).astype(float) if family.name == "poisson" else rng.gamma(2.0, mu / 2)
    data = {"y": y, "x": x}
    learned = ef.OnlineGLM("y ~ x", family=family, link="log").partial_fit(data).fit
    exact = ef.glm("y ~ x", data, family=family, link="log")
    assert np.abs((learned.coef - exact.coef) / exact.se).max() < 0.1
    assert np.allclose(learned.se, exact.vcov("HC0").diagonal() ** 0.5, rtol=0.02)


def test_rows_fade_within_a_batch() -> None:
    """A level that rises is followed as closely as the half-life says, however many rows a batch might have."""
    n = 40_000
    y = np.linspace(0.0, 40.0, n) + np.random.default_rng(0).normal(size=n)
    weight = 0.5 ** ((n - 1 - np.arange(n)) / 500)
    found = ef.OnlineGLM("y ~ 1", half_life=500).partial_fit({"y": y}).fit.coef[0]
    assert abs(found - weight @ y / weight.sum()) < 0.05


WALK = ef.SGD(step="normalised")


def beside(data: dict[str, Any], *, solver: ef.SGD | None = None, **options: Any) -> tuple[ef.Fit, ef.Fit]:
    """A stream of the rows, and all of them at once."""
    return learned(data, **options, solver=solver).fit, ef.glm(data=data, **options)


@pytest.mark.parametrize("columns", ["t", "year", "year + I(year**2)", "year*C(g, ref='0')"])
def test_columns_far_from_zero_are_learned_like_others(columns: str) -> None:
    rng, n = np.random.default_rng(1), 30_000
    data = {"t": 1.7e9 + rng.uniform(0, 3600, n), "year": rng.integers(2000, 2021, n).astype(float)}
    data["g"] = rng.integers(0, 4, n).astype(str)
    slope = 0.3 + 0.1 * (data["g"] == "2")
    data["y"] = slope * (data["year"] - 2010) + 0.01 * (data["t"] - 1.7e9) + rng.normal(size=n)
    stream, whole = beside(data, formula=f"y ~ {columns}", family="gaussian")
    at = [stream.model.names.index(name) for name in whole.model.names]
    assert np.abs((stream.coef[at] - whole.coef) / whole.se).max() < 0.01
    assert stream.se[at] == pytest.approx(whole.with_vcov("HC0").se, rel=0.05)


@pytest.mark.parametrize("column", ["t", "year"])
def test_walks_see_columns_far_from_zero_too(column: str) -> None:
    rng, n = np.random.default_rng(1), 30_000
    data = {"t": 1.7e9 + rng.uniform(0, 3600, n), "year": rng.integers(2000, 2021, n).astype(float)}
    data["y"] = 0.5 * (data[column] - data[column].mean()) + 100 + rng.normal(size=n)
    stream, whole = beside(data, formula=f"y ~ {column}", family="gaussian", solver=WALK)
    assert stream.coef[1] == pytest.approx(float(whole.coef[1]), rel=1e-3)
    assert stream.predict(data).mean() == pytest.approx(data["y"].mean(), abs=0.1)
    assert np.isnan(stream.se[0]), "an intercept at year 0 is a sum of several coefficients"
    assert np.isfinite(stream.se[1])


def test_pseudo_rows_do_not_pull_a_mean_far_from_zero() -> None:
    rng, n = np.random.default_rng(2), 20_000
    data = {"x": rng.normal(size=n), "y": 1e5 + rng.normal(size=n)}
    whole = ef.glm("y ~ x", data)
    fades = learned(data, formula="y ~ x", family="gaussian", half_life=1e9).fit
    assert np.abs((fades.coef - whole.coef) / whole.se).max() < 0.01
    assert fades.dispersion == pytest.approx(whole.dispersion, rel=0.01)


def test_open_vocabularies_begin_at_the_mean() -> None:
    rng, n = np.random.default_rng(2), 5_000
    data = {"y": 1000 + rng.normal(size=n), "g": rng.integers(0, 50, n).astype(str)}
    model = ef.OnlineGLM("y ~ g", hash_bits=18).partial_fit(data)
    assert model.predict(data) == pytest.approx(np.full(n, 1000.0), abs=2)


@pytest.mark.parametrize("options", [{}, {"half_life": 4000.0}, {"solver": WALK}], ids=["kept", "fades", "walks"])
def test_rows_wait_for_the_first_event(options: dict[str, Any]) -> None:
    rng, n = np.random.default_rng(3), 9_000
    x = rng.normal(size=n)
    y = (rng.random(n) < 0.3).astype(float)
    y[:2_500] = 0
    data = {"y": y, "x": x}
    options = {"formula": "y ~ x", "family": "bernoulli", **options}
    bits = learned(data, list(range(100, n, 100)), **options)
    assert bits.rows == n
    assert same(bits, learned(data, **options))
    waiting = learned(part(data, 0, 2_000), **options)
    assert waiting.rows == 2_000
    with pytest.raises(ef.ExpfamError, match=r"first 2,000 rows is 0, which the bernoulli .* they wait for rows"):
        _ = waiting.fit
    resumed = ef.OnlineGLM.from_state(json.loads(json.dumps(waiting.state())))
    assert same(resumed.partial_fit(part(data, 2_000, n)), bits)


def test_rows_wait_for_every_class() -> None:
    rng, n = np.random.default_rng(4), 4_000
    y = rng.integers(0, 2, n)
    y[1_500:] = rng.integers(0, 3, n - 1_500)
    data = {"y": np.array(["a", "b", "c"])[y], "x": rng.normal(size=n)}
    model = learned(data, [700, 1_400], formula="y ~ x", family="categorical", classes=["a", "b", "c"])
    whole = ef.glm("y ~ x", data, family="categorical")
    assert model.fit.coef == pytest.approx(whole.coef, abs=0.02 * float(whole.se.max()))


@pytest.mark.parametrize("rows_come", [600, 20_000])
def test_a_stream_of_classes_is_saved_and_goes_on(rows_come: int, tmp_path: Path) -> None:
    rng = np.random.default_rng(4)
    n = rows_come + 1_000
    data = {"y": rng.choice(["a", "b", "c"], n), "x": rng.normal(size=n), "g": rng.choice(["d", "e"], n)}
    model = learned(part(data, 0, rows_come), formula="y ~ x + g", family="categorical")
    model.save(tmp_path / "state.json")
    resumed = ef.OnlineGLM.from_state(tmp_path / "state.json")
    rest = part(data, rows_come, n)
    assert same(resumed.partial_fit(rest), model.partial_fit(rest))


def test_more_rows_without_an_event_than_may_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("expfam.stream.batches.MANY", 2_000)
    model = ef.OnlineGLM("y ~ 1", "poisson").partial_fit({"y": np.zeros(1_500)})
    with pytest.raises(ef.ExpfamError, match="they wait for rows that change it, which are as many as may wait"):
        model.partial_fit({"y": np.zeros(600)})
    assert model.rows == 1_500


@pytest.mark.parametrize("unit", [1e-4, 1e4])
def test_the_unit_of_the_response_does_not_matter(unit: float) -> None:
    rng, n = np.random.default_rng(5), 20_000
    x = rng.normal(size=n)
    data = {"y": np.exp(0.5 + 0.3 * x + 0.2 * rng.normal(size=n)), "x": x}
    options = {"formula": "y ~ x", "family": "gaussian", "link": "log"}
    small = data | {"y": unit * data["y"]}
    one, other = learned(data, **options).fit, learned(small, **options).fit
    assert other.coef == pytest.approx(one.coef + np.array([np.log(unit), 0]), abs=0.05 * float(one.se[1]))
    walked = ef.glm(data=small, **options, solver="sgd")
    assert walked.coef == pytest.approx(one.coef + np.array([np.log(unit), 0]), abs=0.1 * float(one.se[1]))


def test_a_batch_that_does_not_settle_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("expfam.solvers.implicit.STEPS", 1)
    data = {"y": np.r_[np.zeros(300), 50 * np.ones(212)], "x": np.r_[np.zeros(300), np.linspace(0, 9, 212)]}
    with pytest.warns(ef.ConvergenceWarning, match="a batch of 512 rows had not settled after 1 steps"):
        learned(data, formula="y ~ x", family="poisson")


@pytest.mark.parametrize("y", [int, float, str])
def test_classes_are_those_asked_for_whatever_the_labels_are(y: type) -> None:
    rng = np.random.default_rng(6)
    x = rng.normal(size=2_000)
    data = {"y": (rng.random(2_000) < 1 / (1 + np.exp(-x))).astype(int).astype(y), "x": x}
    slopes = [
        learned(data, formula="y ~ x", family="bernoulli", classes=classes).fit.coef[1]
        for classes in (["0", "1"], ["1", "0"])
    ]
    assert slopes[0] > 0.8
    assert slopes[1] == pytest.approx(-slopes[0], rel=1e-6)


@pytest.mark.parametrize("role", ["weights", "trials"])
def test_a_level_without_weight_is_none(role: str) -> None:
    rng, n = np.random.default_rng(7), 1_000
    count = np.r_[0.0, np.ones(n - 1)]
    data = {"y": rng.integers(0, 2, n).astype(float), "n": count}
    data["g"] = np.array(["none", *rng.integers(0, 3, n - 1)])
    fit = learned(data, formula="y ~ g", family="binomial", **{role: "n"}).fit
    assert "none" not in " ".join(fit.model.names)
    assert fit.se.max() < 1


@pytest.mark.parametrize("formula", ["y ~ x", "y ~ 0 + x"])
@pytest.mark.parametrize("family", ["bernoulli", "poisson", "exposure", "gaussian"])
def test_the_null_deviance_is_exact_in_any_order(formula: str, family: str) -> None:
    rng, n = np.random.default_rng(8), 6_000
    x, e = rng.normal(size=n), rng.uniform(0.1, 2, n)
    mean = 1 / (1 + np.exp(-x))
    y = (rng.random(n) < mean) * 1.0 if family == "bernoulli" else rng.poisson(mean * e) * 1.0
    order = np.r_[np.argsort(y)[::7], np.setdiff1d(np.arange(n), np.argsort(y)[::7])]  # one end first
    data = {name: values[order] for name, values in {"y": y, "x": x, "e": e}.items()}
    options = {"exposure": "e", "family": "poisson"} if family == "exposure" else {"family": family}
    stream, whole = beside(data, formula=formula, **options)
    assert stream.null_deviance == pytest.approx(whole.null_deviance, rel=1e-9)


def test_columns_that_others_explain_have_no_errors() -> None:
    rng, n = np.random.default_rng(9), 2_000
    a = (rng.random(n) < 0.4) * 1.0
    data = {"y": rng.normal(size=n) + a, "x": rng.normal(size=n), "a": a, "b": 1 - a}
    with pytest.warns(ef.AliasWarning, match="'Intercept', 'a', 'b': the rows so far do not tell these"):
        fit = learned(data, formula="y ~ x + a + b", family="gaussian").fit
    assert np.isnan(fit.se).tolist() == [True, False, True, True]
    assert fit.predict(data) == pytest.approx(ef.glm("y ~ x + a", data).predict(data), abs=1e-3)


def stamped(n: int = 20_000) -> Frame:
    """Slopes in unix seconds by levels, one of which is late."""
    rng = np.random.default_rng(9)
    t, x, g = 1.7e9 + rng.uniform(0, 3600, n), rng.normal(500, 1, n), rng.integers(0, 3, n).astype(str).astype(object)
    g[3 * n // 4 :][rng.random(n - 3 * n // 4) < 0.2] = "late"
    slope = 1e-3 * np.select([g == "1", g == "2", g == "late"], [2.0, -1.0, 3.0], 0.5)
    return {"y": slope * (t - 1.7e9) + x + (g == "1") + rng.normal(size=n), "t": t, "x": x, "g": g}


@pytest.mark.parametrize(
    "columns",
    ["t*g", "g + g:t", "0 + g + g:t", "0 + g + t", "t*x", "g*t*x", "g*log(t)", "C(g, levels=['0','1','2','late'])*t",
     "C(g, contrasts='sum', levels=['0','1','2','late']) + t:C(g, contrasts='sum', levels=['0','1','2','late'])"],
)  # fmt: skip
def test_products_with_a_time_stamp_are_learned_like_others(columns: str, tmp_path: Path) -> None:
    data = stamped()
    formula = columns if "C(" in columns else re.sub(r"\bg\b", "C(g, ref='0')", columns)
    options = {"formula": f"y ~ {formula}"}
    model, whole = learned(part(data, 0, 4_000), **options, family="gaussian"), ef.glm(data=data, **options, vcov="HC0")
    model = ef.OnlineGLM.from_state(json.loads(json.dumps(model.state()))).partial_fit(part(data, 4_000, 20_000))
    assert same(model, learned(data, [600, 4_000], **options, family="gaussian"))
    stream = model.fit
    at = [stream.model.names.index(name) for name in whole.model.names]
    assert np.abs((stream.coef[at] - whole.coef) / whole.se).max() < 0.01
    assert stream.se[at] == pytest.approx(whole.se, rel=0.1)
    new = part(data, 0, 20_000)
    stream.save(tmp_path / "fit.json")
    for fit in (stream, ef.load(tmp_path / "fit.json")):
        band, wanted = (one.predict(new, interval="confidence") for one in (fit, whole))
        assert band["fit"] == pytest.approx(wanted["fit"], abs=0.01)
        assert band["upper"] - band["fit"] == pytest.approx(wanted["upper"] - wanted["fit"], rel=0.1)


def test_walks_learn_products_with_a_time_stamp() -> None:
    data = stamped()
    far = learned(data, formula="y ~ g*t", family="gaussian", solver=WALK).fit
    near = learned(data, formula="y ~ g*I(t - 1.7e9)", family="gaussian", solver=WALK).fit
    assert far.predict(data) == pytest.approx(near.predict(data), abs=0.5)
    assert np.isnan(far.se).tolist() == [name != "t" and ":" not in name for name in far.names]


def test_a_product_whose_parts_are_no_terms_is_told() -> None:
    data = stamped()
    with pytest.warns(ef.AliasWarning, match="take the distance from its mean, or keep the other columns"):
        _ = learned(data, formula="y ~ x + t:g", family="gaussian").fit
    with pytest.warns(ef.AliasWarning, match=r"'t', 'I\(t \*\* 2\)'"):
        _ = learned(data, formula="y ~ t + I(t**2)", family="gaussian").fit


def test_a_penalty_is_on_the_coefficients_of_plain_columns() -> None:
    rng, n = np.random.default_rng(9), 6_000
    data = {"z": rng.normal(20, 1, n), "g": rng.choice(["a", "b"], n).astype(object)}
    data["g"][0] = "a"
    data["y"] = data["z"] * (1 + (data["g"] == "b")) + rng.normal(size=n)
    stream, whole = beside(data, formula="y ~ z*g", family="gaussian", penalty=ef.Ridge(0.1))
    assert stream.coef == pytest.approx(whole.coef, abs=0.01)


def test_a_state_of_the_first_version_is_read() -> None:
    """Its columns were centred by the intercept alone."""
    data = stamped()
    old = json.loads(json.dumps(learned(part(data, 0, 1_000), formula="y ~ t", family="gaussian").state()))
    assert old["origins"][1]["t"][0] == pytest.approx(1.7e9, rel=1e-3)
    old |= {"version": 1, "centre": streamfile._plain(np.array([0.0, old["origins"][1]["t"][0]]))}
    del old["origins"], old["digest"]
    model = ef.OnlineGLM.from_state(old).partial_fit(part(data, 1_000, 20_000))
    whole = learned(data, [1_000], formula="y ~ t", family="gaussian").fit
    assert model.fit.coef == pytest.approx(whole.coef, rel=1e-9)
    assert model.fit.se == pytest.approx(whole.se, rel=1e-6)


@pytest.mark.parametrize(
    "origins", [[{}], [{}, {"x": [1.0]}], [{}, {"t": [1.0, 2.0]}], [{}, {"t": ["a"]}], [{"t": [1.0]}, {}], None]
)
def test_damaged_origins_are_told(origins: Any) -> None:
    state = learned(part(stamped(), 0, 1_000), formula="y ~ t", family="gaussian").state()
    with pytest.raises(ef.ExpfamError, match="origins"):
        ef.OnlineGLM.from_state(state | {"origins": origins})


@pytest.mark.parametrize("late", [20_000, 12_000])
def test_a_late_level_far_from_the_others_has_its_own_errors(late: int) -> None:
    """Scores of its first rows are those after they were learned from, not their distance from the other levels."""
    rng, n = np.random.default_rng(9), 40_000
    g = np.where((np.arange(n) >= late) & (rng.random(n) < 0.05), "late", rng.choice(["a", "b"], n))
    g[0] = "a"
    data = {"y": 100.0 * (g == "late") + rng.normal(size=n), "g": g}
    stream, whole = beside(data, formula="y ~ C(g, ref='a')", family="gaussian")
    at = [stream.model.names.index(name) for name in whole.model.names]
    assert stream.se[at] == pytest.approx(whole.with_vcov("HC0").se, rel=0.05)


def test_no_more_rows_than_coefficients_tell_no_errors() -> None:
    fit = ef.OnlineGLM("y ~ x").partial_fit({"y": [1.0, 2.0], "x": [1.0, 3.0]}).fit
    assert np.isnan([fit.dispersion, *fit.se]).all()


@pytest.mark.parametrize("family", ["poisson", "bernoulli", "gamma"])
@pytest.mark.parametrize(
    ("order", "told"),
    [("random", False), ("by x", False), ("by g", False), ("by y", True), ("halves", True), ("drifting", True)],
)
def test_an_order_that_the_response_follows_is_told(family: str, order: str, told: bool) -> None:
    """An order by predictors is none: given x and g it says nothing of y."""
    rng, n = np.random.default_rng(17), 100_000
    x, g = rng.normal(size=n), rng.choice(list("abcd"), n)
    mu = np.exp(-0.5 + 0.4 * x + 0.3 * (g == "b"))
    draw = {
        "poisson": lambda: rng.poisson(mu), "bernoulli": lambda: rng.random(n) < mu / (1 + mu),
        "gamma": lambda: rng.gamma(2, mu / 2),
    }  # fmt: skip
    y = np.asarray(draw[family](), dtype=float)
    key = {
        "random": np.arange(n), "by x": x, "by g": g, "by y": y, "halves": y <= np.median(y),
        "drifting": rng.normal(size=n) + y,
    }[order]  # fmt: skip
    rows = np.argsort(key, kind="stable")
    model = ef.OnlineGLM("y ~ x + g", family=family, link="log" if family == "gamma" else None)
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        model.partial_fit({"y": y[rows], "x": x[rows], "g": g[rows]})
        eta = model.predict({"x": x[:500], "g": g[:500]}, type="link")
    assert any("in an order that the response follows" in str(one.message) for one in found) == told
    exact = ef.glm("y ~ x + g", {"y": y, "x": x, "g": g}, family=family, link="log" if family == "gamma" else None)
    best = exact.predict({"x": x[:500], "g": g[:500]}, type="link", se=True)
    away = np.max(np.abs(eta - best["fit"]) / best["se"])
    assert away > 1 if told else away < 0.2
    fading = ef.OnlineGLM("y ~ x + g", family=family, link="log" if family == "gamma" else None, half_life=5_000)
    fading.partial_fit({"y": y[rows], "x": x[rows], "g": g[rows]})  # asked for: no warning


@pytest.mark.parametrize(("effect", "told"), [(0.4, True), (0.02, False)])
def test_means_that_a_link_does_not_allow_are_told_as_such(effect: float, told: bool) -> None:
    """The link, and not an order of rows that come at random, is what takes the answer away from the optimum."""
    rng = np.random.default_rng(2)
    x = rng.normal(size=30_000)
    y = rng.gamma(2, np.exp(0.3 + effect * x) / 2)
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        ef.OnlineGLM("y ~ x", family="gamma").partial_fit({"y": y, "x": x})
    assert ["by the inverse link some rows" in str(one.message) for one in found] == [True] * told
