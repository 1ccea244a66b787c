"""The table of relativities: exp of coefficients, sums written out with NumPy, R's intervals, the command line."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from tests.oracles.test_effects import N, book, column

import expfam as ef


def rows_of(table: Any, term: str, level: str) -> int:
    found = np.flatnonzero((np.asarray(table["term"]) == term) & (np.asarray(table["level"]) == level))
    assert len(found) == 1, (term, level)
    return int(found[0])


def test_every_coefficient_is_there_and_every_reference_is_one() -> None:
    data = book(20)
    fit = ef.glm("y ~ log(x) + g*h + z:g", data, family="poisson", exposure="e")
    table = fit.relativities(level=0.9)
    ends = np.exp(fit.confint(level=0.9))
    named = {
        "Intercept": ("Intercept", ""), "log(x)": ("log(x)", ""), "g[b]": ("g", "b"), "h[v]": ("h", "v"),
        "g[c]:h[v]": ("g:h", "c:v"), "g[b]:z": ("g:z", "b"), "z:g[b]": ("z:g", "b"),
    }  # fmt: skip
    seen = 0
    for name, (term, level) in named.items():
        if name in fit.names:
            at, j = rows_of(table, term, level), fit.names.index(name)
            seen += 1
            assert table["relativity"][at] == pytest.approx(np.exp(fit.coef[j]), rel=1e-12)
            assert [table["conf_low"][at], table["conf_high"][at]] == pytest.approx(ends[j], rel=1e-12)
            assert table["std_error"][at] == pytest.approx(fit.se[j], rel=1e-12)
    assert seen == 6
    for term, level in (("g", "a"), ("h", "u"), ("g:h", "a:v"), ("g:h", "b:u")):
        at = rows_of(table, term, level)
        assert [table[name][at] for name in ("relativity", "conf_low", "conf_high")] == [1.0, 1.0, 1.0]
        assert table["std_error"][at] == 0.0
    assert len(table["term"]) == 2 + 3 + 2 + 6 + 3


def test_exposure_and_claims_are_sums_over_rows() -> None:
    data = book(21)
    fit = ef.glm("y ~ log(x) + g*h", data, family="poisson", exposure="e")
    table = fit.relativities()
    mu = fit.predict()
    for term, level, rows in (
        ("g", "a", data["g"] == "a"), ("h", "v", data["h"] == "v"), ("log(x)", "", np.ones(N, bool)),
        ("g:h", "c:u", (data["g"] == "c") & (data["h"] == "u")),
    ):  # fmt: skip
        at = rows_of(table, term, level)
        assert table["exposure"][at] == pytest.approx(data["e"][rows].sum())
        assert table["share"][at] == pytest.approx(data["e"][rows].sum() / data["e"].sum())
        assert table["rows"][at] == rows.sum()
        assert table["observed"][at] == data["y"][rows].sum()
        assert table["fitted"][at] == pytest.approx(mu[rows].sum())
    assert column(table, "observed") == pytest.approx(column(table, "fitted"), rel=1e-7)  # log is canonical


def test_weights_are_the_exposure_of_a_frequency_model() -> None:
    """claims / exposure with weights exposure: the same model and table as counts with an offset."""
    data = book(22)
    data["rate"] = data["y"] / data["e"]
    rate = ef.glm("rate ~ z + g", data, family="poisson", weights="e").relativities()
    count = ef.glm("y ~ z + g", data, family="poisson", exposure="e").relativities()
    for name in ("relativity", "conf_low", "exposure", "rows", "observed", "fitted"):
        assert column(rate, name) == pytest.approx(column(count, name), rel=1e-7)


@pytest.mark.parametrize("kind", ["precision", "sampling", "frequency"])
def test_exposure_is_weighted_as_claims_are(kind: str) -> None:
    """observed / exposure is the rate of a level, whatever weighs the rows; as in actual_expected."""
    data = book(22)
    data["w"] = data["f"] * 2.0
    fit = ef.glm("y ~ z + g", data, family="poisson", exposure="e", weights="w", weights_kind=kind)
    table, sums = fit.relativities(), fit.actual_expected("g").sums
    at, wider = [rows_of(table, "g", level) for level in "abc"], data["w"] * data["e"]
    assert column(table, "exposure")[at] == pytest.approx([wider[data["g"] == level].sum() for level in "abc"])
    assert column(table, "share")[at] == pytest.approx(column(table, "exposure")[at] / wider.sum())
    assert column(table, "exposure")[at] == pytest.approx(sums.exposure)
    assert column(table, "observed")[at] == pytest.approx(sums.observed)


def test_zero_weights_and_missing_rows_do_not_count() -> None:
    data = book(23)
    data["w"] = np.where(np.arange(N) < 40, 0.0, data["f"])
    data["z"][50:60] = np.nan
    with pytest.warns(ef.DataWarning):
        fit = ef.glm("y ~ z + g", data, family="poisson", weights="w", weights_kind="frequency")
    rows = (data["w"] > 0) & ~np.isnan(data["z"])
    table = fit.relativities()
    here = rows & (data["g"] == "b")
    at = rows_of(table, "g", "b")
    assert table["rows"][at] == table["exposure"][at] == data["w"][here].sum()
    assert table["observed"][at] == data["y"][here] @ data["w"][here]
    assert len(fit.marginal_effects()["term"]) == 3


def test_sum_contrasts_show_every_level_with_its_error() -> None:
    data = book(24)
    fit = ef.glm("y ~ z + C(g, contrasts='sum')", data, family="poisson")
    table, term = fit.relativities(), "C(g, contrasts='sum')"
    at = [rows_of(table, term, level) for level in "abc"]
    C = np.vstack([np.eye(2), [-1, -1]])
    assert column(table)[at] == pytest.approx(C @ fit.coef[2:])
    assert column(table, "std_error")[at] == pytest.approx(np.sqrt(np.diagonal(C @ fit.vcov()[2:, 2:] @ C.T)))


def test_odds_ratios_of_two_and_more_classes() -> None:
    data = book(25)
    two = ef.glm("b ~ z + g", data, family="bernoulli").relativities()
    assert "odds_ratio" in two
    assert "relativity" not in two
    fit = ef.glm("c ~ z + g", data, family="categorical")
    table = fit.relativities()
    assert list(table["class"]) == ["p", "q"] * 5
    rows = (np.asarray(table["term"]) == "z").nonzero()[0]
    assert column(table, "odds_ratio")[rows] == pytest.approx(np.exp(fit.coef[1]))
    g = (np.asarray(table["level"]) == "b").nonzero()[0]
    counted = [np.sum((data["g"] == "b") & (data["c"] == label)) for label in "pq"]
    assert column(table, "observed")[g] == pytest.approx(counted)
    assert column(table, "fitted")[g] == pytest.approx(counted)


def test_columns_of_splines_and_polynomials_are_no_levels() -> None:
    data = book(26)
    fit = ef.glm("y ~ poly(x, 2):g + g + z:h", data, family="poisson")
    table = fit.relativities()
    assert list(dict.fromkeys(table["term"])) == ["Intercept", "g", "z:h"]
    assert next(iter(fit.plot.relativities().data)).startswith("g.")
    at = [rows_of(table, "g", level) for level in "abc"]
    assert column(table)[at[1:]] == pytest.approx([fit.coef[fit.names.index(f"g[{level}]")] for level in "bc"])
    assert column(table, "rows")[at].tolist() == [np.sum(data["g"] == level) for level in "abc"]
    u = rows_of(table, "z:h", "v")
    assert column(table, "rows")[u] == np.sum(data["h"] == "v")
    with pytest.raises(ef.ExpfamError, match="no levels: effects"):
        fit.plot.relativities("poly(x, 2):g")
    for formula in ("y ~ bs(x, df=4)", "y ~ bs(x, df=4) - 1"):
        with pytest.raises(ef.ExpfamError, match=r"only splines or polynomials.*plot\.effects\(\)"):
            ef.glm(formula, data, family="poisson").relativities()


def test_levels_without_a_reference_are_called_means_or_odds(tmp_path: Path) -> None:
    data = book(26)
    fit = ef.glm("y ~ g - 1 + h", data, family="poisson")
    both, alone = fit.plot.relativities(), fit.plot.relativities("g")
    assert "g has no reference: its points are means" in both.note
    assert both.title == "Relativities"
    lines = [[line.get_ydata()[0] for line in axes.lines if len(line.get_xdata()) == 2] for axes in both.figure().axes]
    assert [1.0 in line for line in lines[:2]] == [False, True]
    assert alone.title == "Means of g"
    assert "reference (a ring" not in alone.caption
    page = fit.report(tmp_path / "m.html", figures=False).read_text()
    found = page[page.index('id="relativities"') :]
    assert found.index(">Mean</") < found.index(">Relativity</")
    odds = ef.glm("b ~ g:h - 1", data, family="bernoulli").plot.relativities()
    assert odds.title == "Odds"
    assert "has no reference" not in ef.glm("y ~ g + h", data, family="poisson").plot.relativities().note


@pytest.mark.parametrize(
    ("formula", "read", "note"),
    [
        ("y ~ g:x", "the factor on the mean of its level for one unit more of a number,", "for one unit more of x"),
        ("y ~ C(g, 'sum')", "of its level against the average of all levels,", "against their average"),
        ("y ~ g:h", "the factor on the mean of its level on top of the other terms,", "on top of the other terms"),
        ("y ~ g - 1 + g:x", "for one unit more of a number,", "are means; g:x has no reference: its points are for"),
        ("y ~ g + g:x", "against the reference (a ring, at 1),", "; g:x has no reference: its points are for one unit"),
    ],
)
@pytest.mark.filterwarnings("ignore::expfam.errors.AliasWarning")
def test_levels_are_said_to_be_compared_with_what_they_are(formula: str, read: str, note: str) -> None:
    picture = ef.glm(formula, book(26), family="poisson").plot.relativities()
    assert read in picture.caption
    assert note in picture.note
    assert ("reference" in picture.caption) == any(picture.data[key].any() for key in picture.data if "refer" in key)


def test_factors_of_slopes_and_of_sum_contrasts_are_ratios_of_predictions() -> None:
    at = {"g": np.array(["a", "b", "c"]), "x": np.ones(3)}
    slopes = ef.glm("y ~ g:x", book(26), family="poisson")
    ratio = slopes.predict(at | {"x": np.full(3, 2.0)}) / slopes.predict(at)
    assert slopes.plot.relativities("g:x").data["relativity"] == pytest.approx(ratio)
    totals = ef.glm("y ~ C(g, 'sum')", book(26), family="poisson")
    mean = totals.predict(at)
    shown = totals.plot.relativities("C(g, 'sum')").data["relativity"]
    assert shown == pytest.approx(mean / np.exp(np.log(mean).mean()))


def test_matrices_loaded_fits_and_left_out_columns(tmp_path: Path) -> None:
    data = book(26)
    bare = ef.glm_arrays(np.column_stack([data["x"], data["z"]]), data["y"], family="poisson")
    assert list(bare.relativities()["term"]) == ["Intercept", "x1", "x2"]
    fit = ef.glm("y ~ z + g", data, family="poisson", exposure="e")
    fit.save(tmp_path / "m.json")
    loaded = ef.load(tmp_path / "m.json")
    alone = loaded.relativities()
    assert list(alone) == ["term", "level", "estimate", "std_error", "relativity", "conf_low", "conf_high"]
    assert column(loaded.relativities(data=data), "exposure") == pytest.approx(column(fit.relativities(), "exposure"))
    data["copy"] = data["g"]
    with pytest.warns(ef.AliasWarning):
        table = ef.glm("y ~ g + copy", data, family="poisson").relativities()
    assert np.isnan(column(table, "relativity")).tolist() == [False] * 4 + [False, True, True]


def test_other_rows_need_the_exposure_that_was_given_as_an_array() -> None:
    data = book(29)
    fit = ef.glm("y ~ z + g", data, family="poisson", exposure=data["e"])
    with pytest.raises(ef.ExpfamError, match="exposure= given as an array, which other rows do not have; refit"):
        fit.relativities(data=data)
    assert column(fit.relativities(), "exposure")[0] == pytest.approx(data["e"].sum())


@pytest.mark.parametrize(
    ("link", "family"), [("identity", "gaussian"), ("probit", "bernoulli"), ("cloglog", "bernoulli")]
)
def test_links_without_factors_are_refused(link: str, family: str) -> None:
    with pytest.raises(ef.ExpfamError, match=f"with the {link} link effects do neither"):
        ef.glm("b ~ z", book(27), family=family, link=link).relativities()


def test_canonical_links_are_known_by_their_family() -> None:
    fit = ef.glm("y ~ z", book(28), family="poisson", link="canonical")
    assert column(fit.relativities(), "relativity") == pytest.approx(np.exp(fit.coef))


def test_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    from pyarrow import csv, parquet

    from expfam.cli import main

    def run(*words: str) -> int:
        monkeypatch.setattr(sys, "argv", ["expfam", *words])
        with pytest.raises(SystemExit) as end:
            main()
        return int(end.value.code or 0)

    monkeypatch.chdir(tmp_path)
    data = book(29)
    fit = ef.glm("y ~ z + g", data, family="poisson", exposure="e")
    fit.save("m.json")
    parquet.write_table(pa.table(data), "book.parquet")
    assert run("relativities", "m.json", "book.parquet") == 0
    shown = capsys.readouterr().out
    assert f"{np.exp(fit.coef[2]):.4f}" in shown
    assert "1.0000" in shown
    small = {**data, "e": data["e"] * 1e-3}
    parquet.write_table(pa.table(small), "small.parquet")
    assert run("relativities", "m.json", "small.parquet") == 0
    shown = capsys.readouterr().out
    for level in "abc":
        assert f" {small['e'][data['g'] == level].sum():.4g} " in shown
    assert run("relativities", "m.json", "book.parquet", "--out", "r.csv") == 0
    written = csv.read_csv("r.csv")
    assert written["relativity"].to_numpy() == pytest.approx(column(fit.relativities(), "relativity"))
    assert run("relativities", "m.json", "--out", "r.parquet") == 0
    assert "exposure" not in parquet.read_table("r.parquet").column_names
    assert run("predict", "m.json", "book.parquet", "--interval", "prediction", "--se", "--out", "p.parquet") == 0
    meant = fit.predict(interval="prediction", se=True)
    for name, values in meant.items():
        assert parquet.read_table("p.parquet")[name].to_numpy() == pytest.approx(values)
    assert run("predict", "m.json", "book.parquet", "--interval", "tolerance") == 2
