"""Calibration, ROC, lift, Lorenz, actual and expected: scikit-learn's numbers, and definitions written out in NumPy."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import isotonic_regression
from scipy.special import expit
from scipy.stats import norm
from sklearn.calibration import calibration_curve
from sklearn.isotonic import IsotonicRegression
from sklearn.metrics import auc, roc_auc_score, roc_curve

import expfam as ef
from expfam.diagnostics import bins as rooms
from expfam.diagnostics.bins import Sums
from expfam.diagnostics.groups import of_numbers
from expfam.diagnostics.intervals import ends
from expfam.diagnostics.judged import judged
from expfam.families import Bernoulli, Gamma, Gaussian, Poisson

N = 600


def book(seed: int = 0, n: int = N) -> dict[str, Any]:
    """Claims y in exposure e, a 0/1 response b, classes c, predictors x, z, g, a column apart, weights."""
    rng = np.random.default_rng(seed)
    x, z, e = rng.normal(size=n), rng.normal(size=n), rng.uniform(0.2, 1, n)
    g = rng.choice(["a", "b", "c"], n)
    return {
        "x": x, "z": z, "g": g, "e": e, "age": rng.integers(18, 90, n), "doors": rng.integers(2, 6, n),
        "y": rng.poisson(e * np.exp(-0.3 + 0.5 * x + 0.4 * (g == "b"))).astype(float),
        "b": (rng.random(n) < expit(0.2 + x)).astype(float), "c": rng.choice(["p", "q", "r"], n),
        "f": rng.integers(1, 4, n), "w": rng.uniform(0.5, 2, n),
    }  # fmt: skip


def claims(data: dict[str, Any] | None = None, **options: Any) -> ef.Fit:
    return ef.glm("y ~ x + g", book() if data is None else data, family="poisson", exposure="e", **options)


def column(table: Any, name: str) -> np.ndarray:
    return np.asarray(table[name], dtype=float)


# ---- rows ----------------------------------------------------------------------------------------------------------


def test_rows_sum_to_what_was_seen() -> None:
    data = book(1)
    seen = judged(claims(data).at_rows())
    assert seen.observed.tolist() == data["y"].tolist()
    assert seen.expected == pytest.approx(claims(data).predict())
    assert seen.rate == pytest.approx(claims(data).predict() / data["e"])
    assert np.exp(seen.line) == pytest.approx(seen.rate)
    twice = {name: np.repeat(values, data["f"]) for name, values in data.items()}
    for kind in ("frequency", "sampling"):
        one = judged(
            ef.glm("y ~ x + g", data, family="poisson", exposure="e", weights="f", weights_kind=kind).at_rows()
        )
        many = judged(claims(twice).at_rows())
        for name in ("observed", "expected", "exposure"):
            assert getattr(one, name).sum() == pytest.approx(getattr(many, name).sum())
    shares = ef.glm("b ~ x", data, family="binomial", trials=data["f"])
    seen = judged(shares.at_rows())
    assert seen.exposure.tolist() == data["f"].tolist()
    assert seen.variance == pytest.approx(data["f"] * shares.predict() * (1 - shares.predict()))


def test_a_falling_link_turns_the_order_round() -> None:
    rng = np.random.default_rng(2)
    x = rng.uniform(1, 2, 200)
    fit = ef.glm("y ~ x", {"x": x, "y": rng.gamma(3, 1 / x)}, family="gamma", link="inverse")
    seen = judged(fit.at_rows(), fit.dispersion)
    assert np.all(np.diff(seen.rate[np.argsort(seen.line)]) >= 0)
    assert np.all(np.diff(fit.calibration().expected) > 0)


@given(st.integers(0, 10**6), st.integers(1, 30), st.sampled_from(["continuous", "whole", "heavy", "far"]))
def test_bins_are_of_nearly_equal_mass_and_keep_equal_numbers_together(seed: int, bins: int, kind: str) -> None:
    rng = np.random.default_rng(seed)
    n = int(rng.choice([1, 50, 3000, 40_000]))
    x = {
        "continuous": rng.normal(size=n), "whole": rng.integers(0, 60, n).astype(float),
        "heavy": np.where(rng.random(n) < 0.6, 1.0, rng.normal(size=n)), "far": rng.standard_cauchy(n) ** 3,
    }[kind]  # fmt: skip
    mass = rng.uniform(0.5, 1.5, n)
    cells = rooms.cells(x, bins)
    assert cells.codes.max() < cells.count
    order = np.argsort(x, kind="stable")
    assert np.all(np.diff(cells.codes[order].astype(int)) >= 0)
    assert np.all(
        (cells.lowest[cells.codes] <= x + 1e-9 * np.ptp(x)) & (x <= cells.highest[cells.codes] + 1e-9 * np.ptp(x))
    )
    assert cells.count <= rooms.CELLS
    found = of_numbers("x", x, bins).levels(mass, bins)
    sums = np.bincount(found.codes, mass)
    tie = max(np.bincount(np.unique(x, return_inverse=True)[1], mass).max(), mass.sum() / (4 * bins) * 1.6)
    assert len(sums) == len(found.labels) <= max(bins, 1)
    assert np.all(sums > 0)
    if len(sums) == bins:
        assert np.all(sums <= mass.sum() / bins + tie)
    for value in np.unique(x)[:50]:
        assert len(np.unique(found.codes[x == value])) == 1


@pytest.mark.parametrize(
    ("x", "labels"),
    [
        ([1234567.0, 1234568.0, 2e6], ("1234567", "1234568", "2000000")),
        ([1000001.0, 1000001.5, 1000002.0, 1000002.5], ("1000001 to 1000001.5", "1000002 to 1000002.5")),
        ([0.1234561, 0.1234562, 0.5, 0.75], ("0.1234561 to 0.1234562", "0.5 to 0.75")),
        ([0.12345601, 0.2, 0.20000001, 0.75], ("0.12346 to 0.2", "0.2 to 0.75")),
        ([-0.0, 1.5], ("0", "1.5")),
    ],
)
def test_bins_are_told_apart_in_as_few_digits_as_that_takes(x: list[float], labels: tuple[str, ...]) -> None:
    bins = 3 if len(x) == 3 else 2
    assert of_numbers("x", np.array(x), bins).levels(np.ones(len(x)), bins).labels == labels


def test_a_column_without_any_value_is_one_group() -> None:
    assert of_numbers("x", np.full(4, np.nan), 3).levels(np.ones(4), 3).labels == ("(missing)",)
    data = {"y": np.arange(20.0) % 3, "x": np.arange(20.0), "empty": np.full(20, np.nan)}
    found = ef.glm("y ~ x", data, family="poisson").actual_expected("empty")
    assert found.table()["level"].tolist() == ["(missing)"]
    assert found.table()["observed"].tolist() == [data["y"].sum()]


# ---- calibration ---------------------------------------------------------------------------------------------------


def test_calibration_is_that_of_scikit_learn() -> None:
    data = book(3, 1_000)
    fit = ef.glm("b ~ x + z", data, family="bernoulli")
    found = fit.calibration(bins=8)
    share, mean = calibration_curve(data["b"], fit.predict(), n_bins=8, strategy="quantile")
    assert found.sums.rows.tolist() == [125.0] * 8
    assert found.observed == pytest.approx(share)
    assert found.expected == pytest.approx(mean)
    assert found.error == pytest.approx(np.mean(np.abs(share - mean)))
    p = fit.predict()
    lemeshow = sum((np.sum(data["b"][at]) - 125 * m) ** 2 / (125 * m * (1 - m)) for at, m in _parts(p, mean))
    assert (found.statistic, found.df) == (pytest.approx(lemeshow), 6)
    assert found.ratio == pytest.approx(1, abs=1e-7)
    curve = IsotonicRegression().fit_transform(*_fine(p, data["b"]))
    assert found.smooth[1] == pytest.approx(curve, abs=1e-12)


def _parts(p: np.ndarray, means: np.ndarray) -> Any:
    return zip(np.array_split(np.argsort(p), len(means)), means, strict=True)


def _fine(p: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    parts = np.array_split(np.argsort(p), 200)
    return np.array([p[at].mean() for at in parts]), np.array([y[at].mean() for at in parts])


def test_recalibration_is_a_glm_on_eta() -> None:
    data, fresh = book(4), book(5)
    fit = claims(data)
    line = fit.predict(fresh, type="link") - np.log(fresh["e"])
    theirs = ef.glm("y ~ line", {**fresh, "line": line}, family="poisson", exposure="e")
    found = fit.calibration(data=fresh)
    assert found.df == 10
    again = found.recalibration
    assert [again.intercept, again.slope] == pytest.approx(theirs.coef, rel=1e-6)
    assert [again.intercept_se, again.slope_se] == pytest.approx(theirs.se, rel=1e-5)
    away = theirs.coef - [0, 1]
    assert again.statistic == pytest.approx(away @ np.linalg.solve(theirs.vcov(), away), rel=1e-5)
    own = fit.calibration().recalibration
    assert [own.intercept, own.slope] == pytest.approx([0, 1], abs=1e-6)
    weighted = ef.glm("y ~ x", data, family="poisson", weights="w", weights_kind="sampling").calibration()
    theirs = ef.glm(
        "y ~ line", {**data, "line": ef.glm("y ~ x", data, family="poisson", weights="w").predict(type="link")},
        family="poisson", weights="w", weights_kind="sampling",
    )  # fmt: skip
    assert weighted.recalibration.slope_se == pytest.approx(theirs.se[1], rel=1e-4)


@pytest.mark.parametrize("offset", [None, "x"])
def test_without_a_predictor_the_intercept_alone_is_recalibrated(offset: str | None) -> None:
    """No slope can be had of an eta that is an intercept: it is held at 1 (calibration in the large)."""
    data, fresh = book(4), book(5)
    fit = ef.glm("b ~ 1", data, family="bernoulli", offset=offset)
    own = fit.calibration()
    assert [own.recalibration.intercept, own.recalibration.statistic] == pytest.approx([0, 0], abs=1e-6)
    assert own.recalibration.intercept_se == pytest.approx(fit.se[0])
    assert "slope held at 1, for no predictor varies, chi-squared" in str(own)
    assert "nan" not in str(own)
    theirs = ef.glm("b ~ 1", {**fresh, "eta": fit.predict(fresh, type="link")}, family="bernoulli", offset="eta")
    again = fit.calibration(data=fresh).recalibration
    assert np.isnan(again.slope)
    assert [again.intercept, again.intercept_se] == pytest.approx([theirs.coef[0], theirs.se[0]], rel=1e-5)
    z = theirs.coef[0] / theirs.se[0]
    assert again.df == 1
    assert [again.statistic, again.p_value] == pytest.approx([z**2, 2 * norm.sf(abs(z))], rel=1e-4)


def test_predictions_too_extreme_have_a_slope_below_one() -> None:
    data = book(6, 2_000)
    fit = ef.glm("b ~ x", data, family="bernoulli")
    steep = ef.glm("b ~ 0 + offset(1.5 * x) + z", data, family="bernoulli")
    assert fit.calibration().p_value > 0.01
    found = fit.calibration(data={**data, "x": 3 * data["x"]})
    assert found.recalibration.slope == pytest.approx(1 / 3, abs=0.05)
    assert found.recalibration.p_value < 1e-10
    assert found.p_value < 1e-10
    assert steep.calibration().p_value < 0.01


def test_calibration_within_levels() -> None:
    data = book(7)
    fit = claims(data)
    found = fit.calibration(bins=3, by="g")
    assert found.group == ("a",) * 3 + ("b",) * 3 + ("c",) * 3
    rate = fit.predict() / data["e"]
    for level in "abc":
        here = data["g"] == level
        sums = [float(found.sums.exposure[k]) for k in range(9) if found.group[k] == level]
        assert sum(sums) == pytest.approx(data["e"][here].sum())
        assert max(sums) - min(sums) < 2 * data["e"].max() + 1e-9
        low = here & (rate <= np.sort(rate[here])[int(found.sums.rows[found.group.index(level)]) - 1])
        assert found.sums.observed[found.group.index(level)] == data["y"][low].sum()
    large = book(7, 3_000)
    with pytest.raises(ef.ExpfamError, match="too many for a calibration"):
        claims(large).calibration(by=np.arange(3_000).astype(str))


@pytest.mark.parametrize("label", [1, 1.0, np.int64(1), np.float32(1)])
def test_a_class_is_named_as_the_response_has_it(label: Any) -> None:
    data = book(8)
    fit = ef.glm("k ~ x", data | {"k": np.arange(len(data["x"])) % 3}, family="categorical")
    np.testing.assert_array_equal(fit.lift(label=label).observed, fit.lift(label="1").observed)
    assert label in fit.predict(type="class")


def test_classes_are_judged_one_by_one() -> None:
    data = book(8)
    fit = ef.glm("c ~ x + z", data, family="categorical")
    found = fit.calibration(5, label="q")
    p = fit.predict()[:, fit.classes.index("q")]  # type: ignore[union-attr]
    assert found.sums.observed.sum() == np.sum(data["c"] == "q")
    assert found.sums.expected.sum() == pytest.approx(p.sum())
    theirs = ef.glm("s ~ line", {"s": data["c"] == "q", "line": np.log(p / (1 - p))}, family="bernoulli")
    assert found.recalibration.slope == pytest.approx(theirs.coef[1], rel=1e-6)
    with pytest.raises(ef.ExpfamError, match="name one of 'p', 'q', 'r'"):
        fit.calibration()
    with pytest.raises(ef.ExpfamError, match="only a response of several classes"):
        claims().lift(label="q")


# ---- intervals -----------------------------------------------------------------------------------------------------


def sums_of(observed: float, expected: float, weight: float, variance: float) -> Sums:
    rows = [np.array([value]) for value in (weight, weight, weight, observed, expected, variance)]
    return Sums(*rows)


def test_intervals_are_wilsons_and_raos() -> None:
    import statsmodels.api as sm

    low, high = ends(Bernoulli(), sums_of(7, 10, 40, 7.5), 0.95)
    assert (low[0] / 40, high[0] / 40) == pytest.approx(sm.stats.proportion_confint(7, 40, method="wilson"), rel=1e-9)
    c = 1.959963984540054
    for seen in (0.0, 3.0, 100.0):
        low, high = ends(Poisson(), sums_of(seen, 50, 80, 50), 0.95)
        middle, half = seen + c**2 / 2, c * np.sqrt(seen + c**2 / 4)
        assert (low[0], high[0]) == pytest.approx((middle - half, middle + half), abs=1e-7)
    low, high = ends(Gaussian(), sums_of(-3, 5, 10, 4), 0.9)
    assert (low[0], high[0]) == pytest.approx((-3 - 1.6448536 * 2, -3 + 1.6448536 * 2), rel=1e-6)
    low, high = ends(Gamma(), sums_of(10, 10, 2, 100), 0.95)
    assert low[0] == pytest.approx(10 / (1 + c))
    assert np.isinf(high[0])
    assert np.isnan(ends(Poisson(), sums_of(3, 3, 3, np.nan), 0.95)).all()


def test_intervals_cover() -> None:
    """Of simulated bins of a right model, 95% hold the true rate within three binomial errors."""
    rng = np.random.default_rng(9)
    mu = rng.uniform(0.02, 0.3, (2_000, 40))
    for family, drawn, variance in (
        (Poisson(), rng.poisson(mu), mu.sum(axis=1)),
        (Bernoulli(), rng.random(mu.shape) < mu, (mu * (1 - mu)).sum(axis=1)),
    ):
        one = np.full(2_000, 40.0)
        low, high = ends(family, Sums(one, one, one, drawn.sum(axis=1).astype(float), mu.sum(axis=1), variance), 0.95)
        hit = np.mean((low <= mu.sum(axis=1)) & (mu.sum(axis=1) <= high))
        assert abs(hit - 0.95) < 3 * np.sqrt(0.95 * 0.05 / 2_000) + 0.005


# ---- ROC -----------------------------------------------------------------------------------------------------------


@given(st.integers(0, 10**6), st.booleans(), st.booleans())
def test_roc_is_that_of_scikit_learn(seed: int, ties: bool, weighted: bool) -> None:
    rng = np.random.default_rng(seed)
    n = 200
    x = rng.integers(0, 5, n).astype(float) if ties else rng.normal(size=n)
    data = {"x": x, "y": (rng.random(n) < expit(x / 2 - 0.5)).astype(float), "w": rng.uniform(0.2, 3, n)}
    fit = ef.glm("y ~ x", data, family="bernoulli", weights="w" if weighted else None)
    found = fit.roc()
    p, w = np.round(fit.predict(), 12), data["w"] if weighted else None
    assert found.auc == pytest.approx(roc_auc_score(data["y"], p, sample_weight=w), rel=1e-12)
    fpr, tpr, threshold = roc_curve(data["y"], p, sample_weight=w, drop_intermediate=False)
    assert found.fpr == pytest.approx(fpr, abs=1e-12)
    assert found.tpr == pytest.approx(tpr, abs=1e-12)
    assert found.threshold == pytest.approx(threshold, abs=1e-9)


def delong(score: np.ndarray, y: np.ndarray) -> tuple[float, float]:
    """psi of every pair of a success and a failure; variances of its means over each."""
    hit, miss = score[y == 1], score[y == 0]
    psi = (hit[:, None] > miss).astype(float) + (hit[:, None] == miss) / 2
    return float(psi.mean()), float(psi.mean(axis=1).var(ddof=1) / len(hit) + psi.mean(axis=0).var(ddof=1) / len(miss))


def test_the_error_of_the_area_is_delongs() -> None:
    data = book(10, 300)
    data["x"] = np.round(data["x"], 1)
    fit = ef.glm("b ~ x", data, family="bernoulli")
    area, variance = delong(data["x"], data["b"])
    assert (fit.roc().auc, fit.roc().se) == pytest.approx((area, np.sqrt(variance)), rel=1e-12)
    f = data["f"]
    many = {name: np.repeat(data[name], f) for name in ("x", "b")}
    area, variance = delong(many["x"], many["b"])
    for found in (
        ef.glm("b ~ x", data, family="bernoulli", weights="f", weights_kind="frequency").roc(),
        ef.glm("b ~ x", data, family="binomial", trials="f").roc(),
    ):
        assert (found.auc, found.se) == pytest.approx((area, np.sqrt(variance)), rel=1e-12)


def test_classes_have_a_curve_each() -> None:
    data = book(11)
    fit = ef.glm("c ~ x + z", data, family="categorical")
    found, p = fit.roc(), fit.predict()
    assert found.auc == pytest.approx(roc_auc_score(data["c"], p, multi_class="ovr", labels=["p", "q", "r"]), rel=1e-12)
    assert set(found.table()["class"]) == {"p", "q", "r"}
    assert found["q"].auc == pytest.approx(roc_auc_score(data["c"] == "q", p[:, 1]), rel=1e-12)
    with pytest.raises(ef.ExpfamError, match="'p', 'q', 'r'"):
        _ = found["s"]


def test_long_curves_are_thinned_and_their_area_is_exact() -> None:
    data = book(12, 20_000)
    fit = ef.glm("b ~ x", data, family="bernoulli")
    found = fit.roc()
    assert len(found.fpr) <= 2_002
    assert found.auc == pytest.approx(roc_auc_score(data["b"], fit.predict()), rel=1e-12)
    assert auc(found.fpr, found.tpr) == pytest.approx(found.auc, abs=1e-4)
    assert (found.fpr[-1], found.tpr[-1]) == pytest.approx((1, 1))


def test_roc_is_refused_where_there_are_no_successes() -> None:
    with pytest.raises(ef.ExpfamError, match=r"not for the poisson family; lorenz\(\)"):
        claims().roc()
    fit = ef.glm("b ~ x", book(), family="bernoulli")
    data = {name: values[:20] for name, values in book().items()}
    with pytest.raises(ef.ExpfamError, match="needs successes and failures"):
        fit.roc(data={**data, "b": np.ones(20)})


# ---- Lorenz and lift -----------------------------------------------------------------------------------------------


def test_gini_is_two_auc_less_one_of_the_best() -> None:
    data = book(13)
    for fit in (ef.glm("b ~ x + g", data, family="bernoulli"), ef.glm("b ~ g", data, family="bernoulli")):
        assert fit.lorenz().normalised == pytest.approx(2 * fit.roc().auc - 1, rel=1e-12)


def test_lorenz_is_its_definition_whatever_the_order_of_rows() -> None:
    data = book(14)
    data["x"] = np.round(data["x"])
    fit = ef.glm("y ~ x", data, family="poisson", exposure="e")
    found = fit.lorenz()
    levels = np.unique(data["x"])
    assert fit.coef[1] > 0
    e, y = (np.append(0, np.cumsum([data[k][data["x"] == v].sum() for v in levels])) for k in "ey")
    assert found.exposure == pytest.approx(e / e[-1])
    assert found.observed == pytest.approx(y / y[-1])
    assert found.gini == pytest.approx(1 - 2 * np.trapezoid(y / y[-1], e / e[-1]))
    again = np.random.default_rng(0).permutation(N)
    turned = fit.lorenz(data={name: values[again] for name, values in data.items()})
    for name in ("gini", "oracle", "spread"):
        assert getattr(turned, name) == pytest.approx(getattr(found, name), rel=1e-10)
    best = np.argsort(data["y"] / data["e"])
    curve = np.append(0, np.cumsum(data["y"][best])) / data["y"].sum()
    share = np.append(0, np.cumsum(data["e"][best])) / data["e"].sum()
    assert found.oracle == pytest.approx(1 - 2 * np.trapezoid(curve, share), rel=1e-9)
    rng = np.random.default_rng(1)
    with pytest.raises(ef.ExpfamError, match="negative values"):
        ef.glm("v ~ x", {"x": data["x"], "v": rng.normal(size=N)}).lorenz()


def test_lift_is_sorted_by_the_fitted_rate() -> None:
    data = book(15)
    fit = claims(data)
    found = fit.lift(6)
    rate = fit.predict() / data["e"]
    order = np.argsort(rate)
    edges = np.append(0, np.cumsum(found.sums.rows)).astype(int)
    for k in range(6):
        rows = order[edges[k] : edges[k + 1]]
        assert found.observed[k] == pytest.approx(data["y"][rows].sum() / data["e"][rows].sum())
        assert found.expected[k] == pytest.approx(fit.predict()[rows].sum() / data["e"][rows].sum())
    assert found.lift == pytest.approx(found.observed / (data["y"].sum() / data["e"].sum()))
    assert np.ptp(found.sums.exposure) < 2 * data["e"].max()
    assert found.closer is None


def test_double_lift_is_sorted_by_the_ratio() -> None:
    data = book(16)
    fit, poor = claims(data), ef.glm("y ~ z", data, family="poisson", exposure="e")
    found = fit.lift(5, against=poor)
    ours, theirs = fit.predict() / data["e"], poor.predict() / data["e"]
    edges = np.append(0, np.cumsum(found.sums.rows)).astype(int)
    order = np.argsort(ours / theirs)
    assert found.other is not None
    for k in range(5):
        rows = order[edges[k] : edges[k + 1]]
        assert found.other[k] == pytest.approx((theirs * data["e"])[rows].sum() / data["e"][rows].sum())
        assert found.sums.observed[k] == data["y"][rows].sum()
    assert found.closer is not None
    assert found.closer > 1.5
    same = fit.lift(5, against=theirs)
    assert same.other == pytest.approx(found.other)
    for bad, told in (
        (theirs[:-1], "shape"),
        (np.where(np.arange(N) == 3, np.nan, theirs), "row 3"),
        (-theirs, "ratio"),
    ):
        with pytest.raises(ef.ExpfamError, match=told):
            fit.lift(against=bad)


# ---- actual and expected -------------------------------------------------------------------------------------------


def test_sums_by_level_are_those_of_pandas() -> None:
    data = book(17)
    fit = claims(data)
    frame = pd.DataFrame({**data, "mu": fit.predict()})
    found = fit.actual_expected()
    assert found.columns == ("x", "g")
    by = frame.groupby("g")[["e", "y", "mu"]].sum()
    part = found["g"]
    assert part.level == ("a", "b", "c")
    assert part.sums.exposure == pytest.approx(by["e"])
    assert part.sums.observed == pytest.approx(by["y"])
    assert part.sums.expected == pytest.approx(by["mu"])
    assert part.ratio == pytest.approx(np.ones(3), abs=1e-6)
    assert part.sums.rows.sum() == N
    doors = fit.actual_expected("doors")
    assert doors.level == ("2", "3", "4", "5")
    assert doors.sums.observed == pytest.approx(frame.groupby("doors")["y"].sum())
    assert np.all((doors.low < doors.ratio) & (doors.ratio < doors.high))
    both = fit.actual_expected(["g", "doors"])
    assert both.level[:2] == ("a:2", "a:3")
    assert both.sums.expected == pytest.approx(frame.groupby(["g", "doors"])["mu"].sum())
    ages = fit.actual_expected("age", bins=7)
    assert len(ages.level) == 7
    for k in range(7):
        inside = (data["age"] >= ages.lower[k]) & (data["age"] <= ages.upper[k])
        assert ages.sums.observed[k] == data["y"][inside].sum()
    assert fit.actual_expected(data["g"]).sums.observed == pytest.approx(by["y"])
    names = "column level rows exposure observed expected ratio conf_low conf_high lower upper"
    assert list(fit.actual_expected("g").table()) == names.split()


def test_a_missing_term_is_seen_level_by_level() -> None:
    data = book(18, 3_000)
    found = ef.glm("y ~ x", data, family="poisson", exposure="e").actual_expected("g")
    assert found.ratio[1] > 1.15
    assert found.low[1] > 1
    assert abs(found.z[1]) > 4
    right = claims(data).actual_expected("doors")
    assert np.all((right.low < 1) & (right.high > 1))


def test_missing_values_are_a_level() -> None:
    data = book(19)
    data["age"] = np.where(np.arange(N) < 50, np.nan, data["age"])
    data["kind"] = np.array([None if k % 7 == 0 else "uv"[k % 2] for k in range(N)], dtype=object)
    fit = claims(data)
    for name in ("age", "kind"):
        found = fit.actual_expected(name, bins=4)
        absent = np.isnan(data["age"]) if name == "age" else np.arange(N) % 7 == 0
        assert found.level[-1] == "(missing)"
        assert found.sums.observed[-1] == data["y"][absent].sum()
    given = fit.actual_expected(data["kind"])
    assert given.sums.observed == pytest.approx(fit.actual_expected("kind").sums.observed)


def test_numbers_that_hardly_differ_and_infinite_ones() -> None:
    data = book(27)
    data["stamp"] = 1.7e9 + np.arange(N) // 100 * 1e-3
    data["far"] = np.where(np.arange(N) < 30, np.inf, np.where(np.arange(N) < 50, -np.inf, data["doors"]))
    fit = claims(data)
    assert fit.actual_expected("stamp").sums.rows.tolist() == [100.0] * 6
    found = fit.actual_expected("far")
    assert found.level == ("-inf", "2", "3", "4", "5", "inf")
    assert found.sums.rows[[0, -1]].tolist() == [20.0, 30.0]


def test_five_thousand_levels() -> None:
    rng = np.random.default_rng(20)
    level = np.array([f"v{k:04d}" for k in rng.integers(0, 5_000, 20_000)])
    y = rng.poisson(0.5, 20_000).astype(float)
    fit = ef.glm("y ~ 1", {"y": y, "level": level}, family="poisson")
    found = fit.actual_expected("level")
    assert len(found.level) == len(np.unique(level))
    assert found.sums.observed == pytest.approx(pd.Series(y).groupby(level).sum())
    assert "more: table() has all" in str(found)
    covered = np.mean((found.low <= 1) & (found.high >= 1))
    assert abs(covered - 0.95) < 0.03


def test_large_data_takes_cells_and_compiled_sums(monkeypatch: pytest.MonkeyPatch) -> None:
    data = book(21, 40_000)
    fit = claims(data)
    found, rate = fit.calibration(), fit.predict() / data["e"]
    exact = judged(fit.at_rows())
    monkeypatch.setattr(rooms, "SORTED", 10**9)
    sharp = fit.calibration()
    assert found.sums.exposure == pytest.approx(sharp.sums.exposure, rel=0.02)
    assert found.expected == pytest.approx(sharp.expected, rel=5e-3)
    assert found.sums.observed.sum() == data["y"].sum()
    assert exact.rate == pytest.approx(rate)
    sums = rooms.summed(exact, [np.zeros(40_000, np.uint8)], [1])[0]
    assert sums.exposure[0] == pytest.approx(data["e"].sum())


def test_threads_do_not_matter() -> None:
    data = book(22, 150_000)
    fit = claims(data)
    answers = []
    for count in (1, 2):
        with ef.threads(count):
            answers.append((fit.calibration().sums.expected.tolist(), fit.actual_expected().sums.variance.tolist()))
    assert answers[0] == answers[1]


# ---- rows of another kind ------------------------------------------------------------------------------------------


def test_other_rows_are_taken_and_kinds_of_frame_kept() -> None:
    import polars as pl

    data, fresh = book(23), book(24, 200)
    fit = ef.glm("y ~ x + g", pl.DataFrame(data), family="poisson", exposure="e")
    assert isinstance(fit.calibration().table(), pl.DataFrame)
    found = fit.actual_expected("g", data=pd.DataFrame(fresh))
    assert isinstance(found.table(), pd.DataFrame)
    assert found.sums.observed.sum() == fresh["y"].sum()
    assert found.sums.expected.sum() == pytest.approx(fit.predict(fresh).sum())
    loaded = fit.detach()
    assert loaded.calibration(data=data).df == 8
    assert loaded.calibration(data=fresh).df == 10
    with pytest.raises(ef.ExpfamError, match="hand the data over"):
        loaded.lift()
    with pytest.raises(ef.SchemaError, match="levels learned"):
        fit.calibration(data={**fresh, "g": np.where(np.arange(200) < 3, "new", fresh["g"])})
    for policy, rows in (("reference", 200), ("missing", 197)):
        lenient = claims(data, unseen=policy)
        news = {**fresh, "g": np.where(np.arange(200) < 3, "new", fresh["g"])}
        told = "never saw" if policy == "reference" else r"3 of 200 rows left out for .* never met in g \(3\)"
        with pytest.warns(ef.DataWarning, match=told):
            seen = lenient.lift(data=news)
        assert seen.sums.rows.sum() == rows


def test_rows_that_are_left_out_are_told() -> None:
    fit, fresh = claims(), book(1)
    fresh["x"][:7] = np.nan
    for ask in (fit.calibration, fit.lift, fit.lorenz, fit.actual_expected, fit.relativities):
        with pytest.warns(ef.DataWarning, match=rf"7 of {N} rows left out for missing .* in x \(7\)"):
            ask(data=fresh)


@pytest.mark.parametrize("family", ["bernoulli", "poisson"])
def test_rows_without_any_success_are_judged(family: str) -> None:
    response, extreme = {"bernoulli": ("b", 1.0), "poisson": ("y", 0.0)}[family]
    fit = ef.glm(f"{response} ~ x + g", book(), family=family)
    fresh = {**book(1), response: np.full(N, extreme)}
    found = fit.calibration(data=fresh)
    assert found.observed.tolist() == [extreme] * 10
    assert found.ratio == pytest.approx(N * extreme / fit.predict(fresh).sum())
    assert np.isnan(found.recalibration.slope)
    assert "Recalibration: none, for all responses are as extreme as can be\n" in str(found)
    for table in (fit.lift(data=fresh), fit.actual_expected("g", data=fresh)):
        assert table.sums.observed.sum() == N * extreme
    assert column(fit.relativities(data=fresh), "observed")[0] == N * extreme
    assert fit.plot.calibration(data=fresh).svg()


def test_rows_without_some_class_are_judged_by_the_classes_of_the_model() -> None:
    data, fresh = book(), book(1)
    fit = ef.glm("c ~ x + g", data, family="categorical")
    two = {name: values[fresh["c"] != "p"] for name, values in fresh.items()}
    found = fit.calibration(data=two, label="r")
    assert found.sums.observed.sum() == np.sum(two["c"] == "r")
    assert found.sums.expected.sum() == pytest.approx(fit.predict(two)[:, 2].sum())
    assert fit.actual_expected("g", data=two, label="p").sums.observed.sum() == 0
    with pytest.warns(ef.DataWarning, match="no row has the class p"):
        curves = fit.roc(data=two)
    assert [roc.label for roc in curves.rocs] == ["q", "r"]
    truth, means = two["c"] == "r", fit.predict(two)
    assert curves["r"].auc == pytest.approx(roc_auc_score(truth, means[:, 2]))
    words = np.where(data["b"] == 1, "yes", "no")
    named = ef.glm("t ~ x", {**data, "t": words}, family="bernoulli")
    rows = {**fresh, "t": np.full(N, "yes")}
    assert named.calibration(data=rows).sums.observed.sum() == N
    with pytest.raises(ef.ResponseError, match="t is 'perhaps' in row 2, which is none of the classes no, yes; leave"):
        named.lift(data={**rows, "t": np.where(np.arange(N) == 2, "perhaps", "yes")})
    with pytest.raises(ef.ResponseError, match="t is '0' in row 0, which is none of the classes no, yes"):
        named.lift(data={**rows, "t": fresh["b"]})


def test_arrays_and_rows_left_out() -> None:
    data = book(25)
    X = np.column_stack([data["x"], data["doors"]])
    fit = ef.glm_arrays(X, data["y"], family="poisson")
    assert fit.actual_expected().columns == ("x1", "x2")
    assert fit.actual_expected("x2").sums.observed == pytest.approx(pd.Series(data["y"]).groupby(data["doors"]).sum())
    assert fit.calibration(data=(X[:100], data["y"][:100])).sums.rows.sum() == 100
    with pytest.raises(ef.SchemaError, match="no column 'x3'"):
        fit.actual_expected("x3")
    data["x"][:4] = np.nan
    data["w"] = np.where(np.arange(N) < 8, 0.0, 1.0)
    with pytest.warns(ef.DataWarning):
        part = ef.glm("y ~ x + g", data, family="poisson", weights="w")
    assert part.actual_expected("g").sums.observed.sum() == data["y"][8:].sum()
    assert part.lift(against=np.ones(N)).sums.rows.sum() == N - 8


def test_bad_input() -> None:
    fit = claims()
    for bins in (0, 2.5, True, "ten"):
        with pytest.raises(ef.ExpfamError, match="whole number from 1 on"):
            fit.calibration(bins=bins)  # type: ignore[arg-type]
    with pytest.raises(ef.SchemaError, match="no column 'colour'"):
        fit.actual_expected("colour")
    with pytest.raises(ef.SchemaError, match="one value a row"):
        fit.actual_expected(np.ones(5))
    with pytest.raises(ef.ExpfamError, match="there is no column 'h'"):
        _ = fit.actual_expected()["h"]
    with pytest.raises(ef.ExpfamError, match="inf in row 3"):
        fit.calibration(data={**book(), "x": np.where(np.arange(N) == 3, 4_000.0, book()["x"])})
    shifted = ef.glm("y ~ x", book(), family="poisson", offset=np.log(book()["e"]))
    assert shifted.calibration().ratio == pytest.approx(1, abs=1e-6)
    with pytest.raises(ef.ExpfamError, match="offset= given as an array"):
        shifted.calibration(data=book(1))


def test_constant_rates_are_one_bin() -> None:
    fit = ef.glm("y ~ 1", book(), family="poisson", exposure="e")
    found = fit.calibration()
    assert len(found.observed) == 1
    assert np.isnan(found.recalibration.slope)
    assert fit.lorenz().gini == pytest.approx(0, abs=1e-12)
    assert len(fit.lift().observed) == 1
    assert "Observed / expected 1" in str(found)
    for picture in (fit.plot.calibration(), fit.plot.lift()):
        assert f"{N} rows in 1 bin;" in f"{picture.note};"
        assert "nan" not in picture.note
        assert "times the first" not in picture.note
    legend = fit.plot.calibration().figure().axes[0].get_legend()
    assert [text.get_text() for text in legend.get_texts()] == ["bins"]


def test_separated_and_aliased_fits_are_judged() -> None:
    x = np.linspace(-1, 1, 40)
    with pytest.warns(ef.SeparationWarning):
        fit = ef.glm("y ~ x", {"x": x, "y": (x > 0).astype(float)}, family="bernoulli")
    assert fit.roc().auc == 1.0
    assert fit.lorenz().normalised == pytest.approx(1.0)
    assert np.isfinite(fit.calibration(4).observed).all()
    data = book()
    with pytest.warns(ef.AliasWarning):
        twice = ef.glm("y ~ x + g + copy", {**data, "copy": 2 * data["x"]}, family="poisson", exposure="e")
    assert twice.actual_expected("g").ratio == pytest.approx(np.ones(3), abs=1e-6)


def test_isotonic_curve_never_falls() -> None:
    found = claims(book(26, 5_000)).calibration()
    assert np.all(np.diff(found.smooth[1]) >= 0)
    assert np.all(np.diff(found.smooth[0]) >= 0)
    assert isotonic_regression(found.smooth[1]).x == pytest.approx(found.smooth[1])


def test_an_interval_of_a_negative_expected_total_has_its_lower_end_first():
    rng = np.random.default_rng(0)
    x = rng.normal(size=400)
    found = ef.glm("y ~ x", {"y": x + rng.normal(size=400), "x": x}).actual_expected("x")
    assert (found.sums.expected < 0).any()
    assert (found.low < found.high).all()
