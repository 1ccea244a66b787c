"""Every picture of `fit.plot`: it is drawn for every family, and what is drawn are the numbers of the diagnostics."""

import re
import subprocess
import sys
import warnings
from collections.abc import Callable
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import beta, norm

import expfam as ef
from expfam.pictures import PICTURES
from expfam.pictures.cloud import ACROSS, UP, cloud

N = 240
NEEDS: dict[str, tuple[Callable[[ef.Fit], Any], ...]] = {
    "effect": (lambda _: "x",),
    "profile": (lambda fit: fit.model.flat_names[1],),
}
CLASSED = {"calibration", "lift", "lorenz", "actual_expected"}
"""What a picture asks for beside the fit, and those that a class is named to."""

HOLES = {"smooth_low", "smooth_high", "y", "low", "high"}
"""Numbers that may not be finite: the band of a bin of one row, rows of leverage 1, intervals without an end."""


def rows() -> dict[str, Any]:
    rng = np.random.default_rng(8)
    x, e = rng.normal(size=N), rng.uniform(0.2, 1, N)
    g = rng.choice(["a", "b", "c"], N)
    mu = np.exp(0.4 + 0.4 * x + 0.3 * (g == "b"))
    return {
        "x": x, "g": g, "e": e, "f": rng.integers(1, 4, N), "y": rng.normal(mu), "count": rng.poisson(e * mu) * 1.0,
        "hit": np.where(rng.random(N) < mu / (1 + mu), "yes", "no"), "size": rng.gamma(2, mu / 2),
        "kind": rng.choice(["u", "v", "w"], N),
    }  # fmt: skip


MODELS: dict[str, dict[str, Any]] = {
    "gaussian": {"formula": "y ~ x + g"},
    "poisson": {"formula": "count ~ x + g", "family": "poisson", "exposure": "e"},
    "bernoulli": {"formula": "hit ~ x + g", "family": "bernoulli"},
    "gamma": {"formula": "size ~ x + g", "family": "gamma", "link": "log"},
    "negative_binomial": {"formula": "count ~ x + g", "family": ef.families.NegativeBinomial(2.0), "weights": "f"},
    "quasipoisson": {"formula": "count ~ x * g", "family": "quasipoisson"},
    "tweedie": {"formula": "count ~ x + g", "family": ef.families.Tweedie(1.5), "dispersion": "pearson"},
    "inverse_gaussian": {"formula": "size ~ x + g", "family": "inverse_gaussian", "link": "log"},
    "categorical": {"formula": "kind ~ x + g", "family": "categorical"},
}
ONE_LINE = {"panels", "residuals_fitted", "qq", "worm", "scale_location", "leverage"}
"""Pictures that a response of classes has not."""


@cache
def fit_of(name: str) -> ef.Fit:
    options = dict(MODELS[name])
    return ef.glm(options.pop("formula"), rows(), **options)


def refused(model: str, picture: str) -> bool:
    """Classes have no residuals, quasi families no distribution, identity links no factors; ROC is for two outcomes."""
    if picture == "learning":
        return True  # of solvers that take rows one after the other: see test_learning.py
    if picture in ONE_LINE:
        return model == "categorical" or (picture == "worm" and model == "quasipoisson")
    if picture == "roc":
        return model not in ("bernoulli", "categorical")
    return model == "gaussian" and picture in ("relativities", "lorenz")


CASES = [(model, picture) for model in MODELS for picture in PICTURES]


def picture_of(model: str, picture: str, plot: Any = None) -> Any:
    plot = plot or fit_of(model).plot
    named = {"label": "v"} if model == "categorical" and picture in CLASSED else {}
    return getattr(plot, picture)(*(needed(plot.fit) for needed in NEEDS.get(picture, ())), **named)


@pytest.mark.parametrize(("model", "name"), CASES)
def test_every_picture_shows_numbers(model: str, name: str) -> None:
    """Finite but for the HOLES; drawn without a warning, as PNG for one family, as SVG for another."""
    if refused(model, name):
        with pytest.raises(ef.ExpfamError):
            picture_of(model, name)
        return
    picture = picture_of(model, name)
    assert picture.name == name
    assert picture.caption.endswith(".")
    for key, values in picture.data.items():
        assert len(values), key
        if values.dtype.kind == "f" and key.split(".")[-1] not in HOLES:
            assert np.isfinite(values).all(), key
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        if model == ("gaussian" if name in ONE_LINE else "categorical"):
            assert colours(picture.png(dpi=40)) > 20
        if model == ("bernoulli" if name == "roc" else "poisson"):
            check_svg(picture.svg())


def check_svg(svg: str) -> None:
    """Small, well-formed, in the ink of its page, no style or name that another element of the page could meet."""
    assert len(svg) < 60_000
    ids = re.findall(r'\bid="([^"]*)"', svg)
    assert len(ids) == len(set(ids))
    assert set(re.findall(r'(?:href="#|url\(#)([^")]*)', svg)) <= set(ids)
    assert ElementTree.fromstring(svg).tag.endswith("svg")
    assert "currentColor" in svg
    assert "<style" not in svg


def colours(png: bytes) -> int:
    from io import BytesIO

    from matplotlib.image import imread

    return len(np.unique(imread(BytesIO(png)).reshape(-1, 4), axis=0))


def test_the_needs_of_pictures_are_their_own() -> None:
    assert set(NEEDS) <= set(PICTURES)


def test_pictures_touch_no_state_of_pyplot(tmp_path: Path) -> None:
    code = (
        "import sys, expfam as ef; fit = ef.glm('y ~ x', {'y': [1., 3, 2, 5], 'x': [0., 1, 2, 3]}); p = fit.plot.qq(); "
        "assert 'matplotlib' not in sys.modules; p.save('qq.png'); print('matplotlib.pyplot' in sys.modules)"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=tmp_path)
    assert ran.stdout.strip() == "False"
    assert (tmp_path / "qq.png").stat().st_size > 1000


def test_without_matplotlib_there_are_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    picture = fit_of("gaussian").plot.qq()
    assert len(picture.data["observed"]) == N
    with pytest.raises(ef.ExpfamError, match=r"pip install 'expfam\[plot\]'"):
        picture.figure()


# ---- the numbers drawn ---------------------------------------------------------------------------------------------
@settings(max_examples=15)
@given(st.integers(0, 1000), st.booleans(), st.integers(20, 200))
def test_cells_and_bins_count_every_row(seed: int, log: bool, n: int) -> None:
    rng = np.random.default_rng(seed)
    x, y, times = np.exp(rng.normal(size=n)), rng.normal(size=n), rng.integers(1, 4, n).astype(float)
    found = cloud(x, y, times, log=log, most=10)
    assert found["count"].shape == (UP, ACROSS)
    assert found["count"].sum() == found["smooth_n"].sum() == times.sum()
    edges = np.log(found["x_edges"]) if log else found["x_edges"]
    expected = np.histogram2d(y, np.log(x) if log else x, [found["y_edges"], edges], weights=times)[0]
    assert np.abs(found["count"] - expected).sum() <= 2 * times.max()  # a value on an edge, up to rounding
    assert found["smooth_mean"] @ found["smooth_n"] == pytest.approx(times @ y, abs=1e-9)
    assert np.all(np.diff(found["smooth_x"]) > 0)
    repeated = cloud(np.repeat(x, times.astype(int)), np.repeat(y, times.astype(int)), None, log=log, most=10)
    for name, values in found.items():
        assert repeated[name] == pytest.approx(values, rel=1e-9, abs=1e-9, nan_ok=True), name


def test_a_smooth_is_the_mean_of_its_rows_with_their_interval() -> None:
    x = np.repeat([1.0, 2.0, 3.0], 20)
    y = np.random.default_rng(0).normal(size=60)
    found = cloud(x, y, None)
    groups = y.reshape(3, 20)
    half = norm.ppf(0.975) * groups.std(axis=1, ddof=1) / np.sqrt(20)
    assert found["smooth_x"] == pytest.approx([1, 2, 3])
    assert found["smooth_mean"] == pytest.approx(groups.mean(axis=1))
    assert found["smooth_high"] == pytest.approx(groups.mean(axis=1) + half)


def test_residual_pictures_show_residuals_and_influence() -> None:
    fit = fit_of("gamma")
    part, measures = fit.plot.over().panels().data, fit.influence()
    order = np.argsort(part["residuals_fitted.x"])
    mu = fit.predict()
    assert part["residuals_fitted.x"][order] == pytest.approx(np.sort(mu))
    assert part["residuals_fitted.y"] == pytest.approx(fit.residuals("deviance"))
    assert np.sort(measures.rstandard) == pytest.approx(part["qq.observed"])
    assert part["scale_location.y"] == pytest.approx(np.sqrt(np.abs(measures.rstandard)))
    assert part["leverage.x"] == pytest.approx(measures.leverage)
    q, h, r = len(fit.names), part["leverage.x"], part["leverage.y"]
    assert h * r**2 / (q * (1 - h)) == pytest.approx(measures.cooks_distance)
    assert part["leverage.row"].tolist() == np.argsort(-measures.cooks_distance)[:3].tolist()
    x, y = part["leverage.contour_x"], part["leverage.contour_0.5"]
    assert x * y**2 / (q * (1 - x)) == pytest.approx(0.5)


def test_counts_are_shown_by_quantile_residuals_per_unit_of_exposure() -> None:
    fit, e = fit_of("poisson"), rows()["e"]
    picture = fit.plot.residuals_fitted(seed=3)
    assert picture.data["y"] == pytest.approx(fit.residuals("quantile", seed=3))
    assert picture.data["x"] == pytest.approx(fit.predict() / e)
    assert "quantile" not in fit.plot.residuals_fitted(kind="pearson").figure().axes[0].get_ylabel()
    assert picture.figure().axes[0].get_xlabel() == "fitted count per unit of exposure"


def test_quantiles_and_their_bands() -> None:
    found = fit_of("gaussian").plot.qq().data
    i = np.arange(1, N + 1)
    assert found["theoretical"] == pytest.approx(norm.ppf((i - 0.375) / (N + 0.25)))
    for name, tail in (("lower", 0.025), ("upper", 0.975)):
        assert found[name] == pytest.approx(norm.ppf(beta.ppf(tail, i, N + 1 - i)))
    worm = fit_of("gaussian").plot.worm(kind="deviance").data
    assert worm["deviation"] == pytest.approx(found["observed"] - found["theoretical"])


def test_quantiles_of_many_rows_are_thinned_and_those_of_frequencies_repeated() -> None:
    data = rows()
    f = data["f"]
    counted = ef.glm("y ~ x", data, weights="f", weights_kind="frequency").plot.qq().data
    many = ef.glm("y ~ x", {"y": np.repeat(data["y"], f), "x": np.repeat(data["x"], f)}).plot.qq()
    assert len(many.data["observed"]) <= 240 < f.sum()
    assert "of their quantiles" in many.note
    assert counted["observed"] == pytest.approx(many.data["observed"], abs=1e-9)
    whole = np.sort(ef.glm("y ~ x", {"y": np.repeat(data["y"], f), "x": np.repeat(data["x"], f)}).influence().rstandard)
    assert many.data["observed"][[0, -1]] == pytest.approx(whole[[0, -1]])


@pytest.mark.parametrize("name", ["gaussian", "poisson", "bernoulli", "gamma", "categorical"])
def test_effects_are_predictions_with_their_intervals(name: str) -> None:
    fit, data = fit_of(name), rows()
    found = fit.plot.effect("x").data
    mode = max("abc", key=data["g"].tolist().count)
    new = {"x": found["x"], "g": np.repeat(mode, len(found["x"])), "e": np.ones(len(found["x"]))}
    expected = fit.predict(new, interval="confidence")
    for ours, theirs in (("estimate", "fit"), ("lower", "lower"), ("upper", "upper")):
        columns = [values for key, values in expected.items() if key.split("[")[0] == theirs]
        assert found[ours].reshape(len(found["x"]), -1) == pytest.approx(np.stack(columns, axis=1), rel=1e-7)
    assert found["share"].sum() <= 1 + 1e-12


def test_averaged_effects_are_averaged_predictions() -> None:
    fit = fit_of("bernoulli")
    data = rows()
    found = fit.plot.effect("x", at="average").data
    at = found["x"][7]
    assert found["estimate"][7] == pytest.approx(fit.predict({**data, "x": np.full(N, at)}).mean())
    levels = fit.plot.effect("g", at="average").data
    means = fit.marginal_means("g", at="rows", type="response")
    assert levels["level"].tolist() == list(means["g"])
    assert levels["estimate"] == pytest.approx(np.asarray(means["estimate"]))
    error = (levels["upper"] - levels["lower"]) / (2 * norm.ppf(0.975))
    assert error == pytest.approx(np.asarray(means["std_error"]), rel=0.02)  # the interval is bent by the link
    assert np.isclose(levels["share"].sum(), 1)


def test_the_link_and_logarithms_have_their_own_scales() -> None:
    data = rows() | {"z": np.exp(rows()["x"])}
    fit = ef.glm("count ~ log(z)", data, family="poisson", exposure="e")
    picture = fit.plot.effect("z", type="link")
    line = np.polynomial.Polynomial.fit(np.log(picture.data["x"]), picture.data["estimate"], 1).convert().coef
    assert line == pytest.approx(fit.coef)
    assert picture.figure().axes[-1].get_xscale() == "log"
    assert fit.plot.effects(type="link").data["z.estimate"] == pytest.approx(picture.data["estimate"])


def test_relativities_are_those_of_the_table() -> None:
    fit = fit_of("poisson")
    table, found = fit.relativities(), fit.plot.relativities("g").data
    here = np.asarray(table["term"]) == "g"
    for name in ("relativity", "conf_low", "conf_high", "share"):
        assert found[name] == pytest.approx(np.asarray(table[name])[here])
    assert found["reference"].tolist() == [1, 0, 0]
    assert {name: values.dtype.kind for name, values in found.items()} == dict.fromkeys(found, "f") | {"level": "U"}
    assert fit.plot.relativities().data["g.relativity"] == pytest.approx(found["relativity"])


COUNTED: dict[str, dict[str, Any]] = {
    "exposure": {"formula": "count ~ x + g", "family": "poisson", "exposure": "e", "weights": "f"},
    "weight": {"formula": "size ~ x + g", "family": "gamma", "link": "log", "weights": "f"},
    "trials": {"formula": "cbind(count, f) ~ x + g", "family": "binomial", "weights": "e"},
    "rows": {"formula": "count ~ x + g", "family": "poisson", "weights": "f", "weights_kind": "frequency"},
}


@pytest.mark.parametrize("unit", COUNTED)
def test_shares_are_of_what_the_rows_are_counted_by(unit: str, tmp_path: Path) -> None:
    """Weight times exposure or trials, whichever the model has, under one word in every picture and table."""
    data, options = rows(), dict(COUNTED[unit])
    e, f = data["e"], data["f"]
    size = {"exposure": e * f, "weight": f, "trials": e * (data["count"] + f), "rows": f}[unit]
    share = [size[data["g"] == level].sum() / size.sum() for level in "abc"]
    fit = ef.glm(options.pop("formula"), data, **options)
    fit.save(tmp_path / "m.json")
    for plot in (fit.plot, ef.load(tmp_path / "m.json").plot.over(data)):
        for picture in (plot.actual_expected("g"), plot.effect("g"), plot.relativities("g")):
            assert picture.data["share"] == pytest.approx(share)
            words = [text.get_text() for axes in picture.figure().axes for text in (axes.xaxis.label, axes.yaxis.label)]
            assert f"share of {unit}" in " ".join((picture.note, *words))
        for picture in (plot.lift(bins=3), plot.calibration(bins=3)):
            assert f"3 bins with equal shares of {unit}" in picture.note
            assert picture.data["exposure"].sum() == pytest.approx(size.sum())
        assert plot.lorenz().figure().axes[0].get_xlabel().startswith(f"share of {unit},")
    page = fit.report(tmp_path / "m.html", figures=False).read_text()
    for word in COUNTED:
        assert (f">{word.capitalize()}</" in page) == (word in (unit, "rows")), word


UNKNOWN: dict[str, Any] = {
    "zeros": np.zeros(N), "negative": -np.ones(N), "text": ["?"] * N, "gaps": [None] * N, "lists": [[1, 2]] * N,
    "dates": [date(2026, 1, 1)] * N,
}  # fmt: skip


@pytest.mark.parametrize("known", UNKNOWN)
@pytest.mark.parametrize("response", ["log(size)", "cbind(count, f)"])
def test_effects_need_no_response_of_rows_handed_over(response: str, known: str) -> None:
    """Where it tells no trials, whatever stands in its place, a row counts as one."""
    data = rows()
    fit = ef.glm(f"{response} ~ x + g", data, family="binomial" if "cbind" in response else "gaussian")
    without = {name: data[name] for name in ("x", "g")}
    unknown = without | dict.fromkeys(("size", "count", "f"), UNKNOWN[known])
    share = [np.mean(data["g"] == level) for level in "abc"]
    for here in (unknown, without):
        assert fit.plot.effect("g", data=here).data["share"] == pytest.approx(share)
        assert fit.plot.effects(data=here).data["g.share"] == pytest.approx(share)
    ours, theirs = (np.asarray(fit.marginal_effects(data=here)["estimate"]) for here in (unknown, without))
    assert ours == pytest.approx(theirs)


def test_huge_factors_show_their_largest_levels_and_say_so() -> None:
    rng = np.random.default_rng(0)
    g = rng.integers(0, 500, 3_000) * (rng.random(3_000) < 0.8)
    fit = ef.glm("y ~ g", {"y": rng.gamma(2, 1.0, 3_000), "g": g.astype(str)}, family="gamma", link="log")
    picture = fit.plot.relativities("g")
    assert len(picture.data["level"]) == 30
    assert "0" in picture.data["level"].tolist()
    assert "the 30 levels with the most rows of g (4" in picture.note
    assert "a low bar" in picture.caption
    bare = fit.detach().plot.relativities("g")
    assert bare.note == f"95% intervals; the first 30 levels of g ({len(fit.relativities()['level']) - 1})"
    assert bare.data["level"].tolist() == sorted(set(g.astype(str)))[:30]
    assert "bar" not in bare.caption
    assert len(fit.plot.effect("g").data["level"]) == 30
    forest = fit.plot.forest()
    assert len(forest.data["name"]) == 60
    assert "the 60 of largest |estimate / error| of 4" in forest.note


def test_validation_is_drawn_as_it_is_computed() -> None:
    fit, other = fit_of("bernoulli"), ef.glm("hit ~ g", rows(), family="bernoulli")
    bins, drawn = fit.calibration(5), fit.plot.calibration(bins=5).data
    for name in ("expected", "observed", "low", "high"):
        assert drawn[name] == pytest.approx(getattr(bins, name))
    split = fit.plot.calibration(bins=3, by="g").data
    assert sorted(set(split["group"].tolist())) == ["a", "b", "c"]
    double, table = fit.plot.lift(bins=4, against=other).data, fit.lift(4, against=other)
    for name in ("observed", "expected", "other"):
        assert double[name] == pytest.approx(getattr(table, name))
    curve, roc = fit.plot.roc().data, fit.roc()
    assert curve["fpr"][[0, -1]].tolist() == curve["tpr"][[0, -1]].tolist() == [0, 1]
    assert np.trapezoid(curve["tpr"], curve["fpr"]) == pytest.approx(roc.auc, abs=1e-9)
    assert fit.plot.lorenz().data["gini"] == pytest.approx(fit.lorenz().gini)
    shown, sums = fit.plot.actual_expected("e", bins=4).data, fit.actual_expected("e", 4)
    assert shown["observed"] == pytest.approx(sums.sums.observed / sums.sums.exposure)
    assert shown["high"] / shown["expected"] == pytest.approx(sums.high)
    assert set(fit.plot.actual_expected().data) >= {"x.observed", "g.expected"}


def test_other_rows_are_judged_too() -> None:
    fit, data = fit_of("poisson"), rows()
    half = {name: values[: N // 2] for name, values in data.items()}
    drawn = fit.plot.lift(bins=4, data=half)
    assert drawn.data["exposure"].sum() == pytest.approx(half["e"].sum())
    assert f"{N // 2} rows" in drawn.note


def test_the_forest_is_tidy() -> None:
    fit = fit_of("gamma")
    found, tidy = fit.plot.forest(level=0.9, intercept=True).data, fit.tidy(level=0.9)
    for ours, theirs in (("estimate", "estimate"), ("lower", "conf_low"), ("upper", "conf_high")):
        assert found[ours] == pytest.approx(np.asarray(tidy[theirs]))
    assert "Intercept" not in fit.plot.forest().data["name"].tolist()
    standard = fit.plot.forest(scale="standard").data
    assert standard["estimate"][0] == pytest.approx(fit.coef[1] * rows()["x"].std())


def test_profiles_end_where_intervals_do() -> None:
    fit = fit_of("bernoulli")
    found = fit.plot.profile().data
    ends = fit.confint(method="profile")
    assert found["name"].tolist() == list(fit.names[1:])
    assert np.stack([found["lower"], found["upper"]], axis=1) == pytest.approx(ends[1:], rel=1e-6)
    straight = fit_of("gaussian").plot.profile("x").data
    z = (straight["theta"][0] - straight["estimate"]) / straight["std_error"]
    assert z == pytest.approx(straight["zeta"], rel=1e-5, abs=1e-9)  # least squares are a parabola


@pytest.mark.parametrize(("family", "response"), [("poisson", "few"), ("bernoulli", "few"), ("gaussian", "y")])
def test_room_for_bars_has_no_ticks_below_zero(family: str, response: str) -> None:
    data = rows()
    fit = ef.glm(f"{response} ~ g", {**data, "y": data["y"] - 3, "few": (data["count"] > 4) * 1.0}, family=family)
    picture = fit.plot.actual_expected("g")
    axes = picture.figure().axes[0]
    low, high = axes.get_ylim()
    ticks = [tick for tick in axes.get_yticks() if low <= tick <= high]
    assert low < 0
    assert len(ticks) >= 3
    assert (min(ticks) < 0) == (family == "gaussian")


def test_a_profile_is_smooth_where_it_was_not_worked_out() -> None:
    """The curve drawn meets the profile's ends at levels that are no points of it, nearer than its chords do."""
    data = {"x": np.linspace(-2, 2, 20), "y": np.arange(20) % 7 > np.linspace(5, 0, 20)}
    fit = ef.glm("y ~ x", data, family="bernoulli")
    picture = fit.plot.profile("x")
    assert "upright: where 95% intervals end, at the dotted heights; dashed: Wald" in picture.note
    curve = max(picture.figure().axes[0].lines, key=lambda line: len(line.get_xdata()))
    x, z = np.asarray(curve.get_xdata()), np.asarray(curve.get_ydata())
    assert np.all(np.diff(x) > 0)
    width = np.ptp(x)
    for height in (0.75, 1.25, 1.75, 2.25):
        ends = fit.confint(level=2 * norm.cdf(height) - 1, method="profile")[1]
        for side, end in zip((-height, height), ends, strict=True):
            chord = np.interp(side, picture.data["zeta"], picture.data["theta"][0])
            off = abs(np.interp(side, z, x) - end)
            assert off < 2e-3 * width
            assert off < abs(chord - end)


def test_separated_and_aliased_coefficients_are_left_out_of_the_drawing() -> None:
    data = {"y": [0, 0, 1, 1, 1, 0, 1, 1], "g": ["a", "a", "a", "b", "b", "a", "b", "a"], "x": np.arange(8.0)}
    with pytest.warns(ef.SeparationWarning):
        fit = ef.glm("y ~ g", data, family="bernoulli")
    assert fit.plot.relativities("g").png()
    assert fit.plot.forest().png()
    with pytest.raises(ef.ExpfamError, match="runs to infinity; confint"):
        fit.plot.profile("g[b]")
    assert fit.plot.profile().data["name"].tolist() == ["Intercept"]
    assert "1 that run to infinity left out" in fit.plot.profile().note
    with pytest.warns(ef.AliasWarning):
        alias = ef.glm("x ~ y + I(y * 2)", {**data, "y": np.array(data["y"], float)})
    assert "left out" in alias.plot.forest().note
    with pytest.raises(ef.ExpfamError, match="left out"):
        alias.plot.profile("I(y * 2)")


def test_a_loaded_fit_is_drawn_over_its_data(tmp_path: Path) -> None:
    fit = fit_of("poisson")
    fit.save(tmp_path / "m.json")
    loaded, data = ef.load(tmp_path / "m.json"), rows()
    with pytest.raises(ef.ExpfamError, match="hand the data over"):
        loaded.plot.panels()
    over = loaded.plot.over(data)
    for name in set(PICTURES) - {"roc", "learning"}:
        ours = picture_of("poisson", name, over).data
        for key, values in picture_of("poisson", name).data.items():
            if values.dtype.kind == "f":
                assert ours[key] == pytest.approx(values, nan_ok=True), (name, key)
    assert "share" not in loaded.plot.relativities("g").data


def test_bad_input(tmp_path: Path) -> None:
    plot = fit_of("gamma").plot
    for ask, words in (
        (lambda: plot.effect("nothing"), "no variable 'nothing'"),
        (lambda: plot.effect("x", at="mean"), "'typical', 'average'"),
        (lambda: plot.relativities("x"), "no levels: effects"),
        (lambda: plot.relativities("h"), "those with levels: 'g'"),
        (lambda: plot.profile("nothing"), "no coefficient"),
        (lambda: plot.qq(kind="raw"), "'deviance', 'pearson'"),
        (lambda: plot.forest(scale="unit"), "'raw', 'standard'"),
        (lambda: plot.qq().save(tmp_path / "a.bmp"), r"allowed: \.png, \.svg, \.pdf"),
        (lambda: plot.qq().save(tmp_path / "none" / "a.png"), "cannot be written"),
        (lambda: fit_of("categorical").plot.effect("x", type="link"), "probabilities"),
        (ef.glm("y ~ 1", rows()).plot.effects, "intercept"),
        (ef.glm("y ~ 1", rows()).plot.forest, "intercept"),
        (ef.glm("y ~ 1", rows()).plot.actual_expected, "reads no columns"),
    ):
        with pytest.raises(ef.ExpfamError, match=words):
            ask()


def test_markup_and_dollars_in_names_are_text() -> None:
    data = {"y": np.arange(6.0) + 1, "g": np.array(["<script>alert(1)</script>", "$a$ & b", "c_1"] * 2)}
    fit = ef.glm("y ~ g", data, family="poisson")
    svg = fit.plot.relativities("g").svg()
    assert "<script" not in svg
    texts = [text.text for text in ElementTree.fromstring(svg).iter() if text.tag.endswith("text")]
    assert "$a$ & b" in texts


@pytest.mark.parametrize("suffix", [".png", ".svg", ".pdf"])
def test_files_of_each_kind(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"p{suffix}"
    fit_of("gaussian").plot.qq().save(path, dark=True)
    start = path.read_bytes()[:200]
    assert {".png": b"PNG", ".svg": b"<svg", ".pdf": b"%PDF"}[suffix] in start or b"<?xml" in start
