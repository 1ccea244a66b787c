"""Tables that people paste: one content in four forms, whatever the names of levels hold; fits side by side."""

import re
import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

import expfam as ef
from expfam.report import latex, markdown
from expfam.report.content import Content, content
from expfam.report.formats import FORMATS, written
from expfam.report.numbers import figure, total

NASTY = ("a|b", "c_d & 50%", "<script>alert(1)</script>", "[x]*#{}~^", "$\\alpha$ `code`", '"><img src=x>')


def data(levels: tuple[str, ...] = NASTY, n: int = 240) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(4)
    x = rng.normal(size=n)
    return {"y": rng.poisson(np.exp(0.3 * x)).astype(float), "x": x, "g": np.resize(np.array(levels), n)}


class Cells(HTMLParser):
    """The cells of a page's tables as a reader sees them, the tags, and the text."""

    def __init__(self) -> None:
        super().__init__()
        self.rows: list[list[str]] = []
        self.tags: list[str] = []
        self.text, self.inside = "", False

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.tags.append(tag)
        if tag == "tr":
            self.rows.append([])
        self.inside |= tag in ("td", "th")
        if tag in ("td", "th"):
            self.rows[-1].append("")

    def handle_endtag(self, tag: str) -> None:
        self.inside &= tag not in ("td", "th")

    def handle_data(self, data: str) -> None:
        self.text += data
        if self.inside:
            self.rows[-1][-1] += data


def seen(html: str) -> Cells:
    found = Cells()
    found.feed(html)
    return found


def lines_of(what: Content) -> list[list[str]]:
    """Header and rows of a content as cells."""
    rows = [[label, *cells] for label, cells in (*what.rows, *what.foot)]
    return [["", *what.header], *rows]


# ---- one content, four forms ------------------------------------------------------------------------------------
def test_html_shows_every_cell_and_nothing_else_is_markup() -> None:
    what = content(ef.glm("y ~ x + g", data(), family="poisson"))
    found = seen(written(what, "html"))
    assert found.rows == lines_of(what)
    assert set(found.tags) == {"div", "strong", "br", "code", "table", "thead", "tbody", "tr", "td", "th", "p"}


def test_markdown_renders_to_the_same_cells() -> None:
    what = content(ef.glm("y ~ x + g", data(), family="poisson"))
    text = written(what, "markdown")
    html = MarkdownIt("commonmark", {"html": True}).enable("table").render(text)
    found = seen(html)
    assert found.rows == lines_of(what)
    assert not {"script", "img", "em"} & set(found.tags)
    assert "y ~ x + g" in found.text


@given(st.text(st.characters(codec="utf-8", exclude_categories=("C", "Z")), min_size=1, max_size=30))
def test_markdown_escapes_any_name(name: str) -> None:
    what = Content("", "", "", ("n",), ((name, ("1",)),), ())
    html = MarkdownIt("commonmark", {"html": True}).enable("table").render(markdown.render(what))
    assert seen(html).rows[1] == [name, "1"]


def test_latex_leaves_no_character_to_be_read_as_a_command() -> None:
    text = ef.glm("y ~ x + g", data(), family="poisson").summary(format="latex")
    rows = text.partition(r"\midrule")[2].partition(r"\bottomrule")[0].strip().splitlines()
    assert len(rows) == 2 + len(NASTY) - 1
    for row in rows:
        assert row.endswith(r" \\")
        assert len(re.findall(r"(?<!\\)&", row)) == 6
        assert not re.search(r"(?<!\\)[%#_~]", row.replace(r"\textasciitilde", ""))
        assert len(re.findall(r"(?<!\\)\$", row)) % 2 == 0
        assert row[0] not in "[*"
    assert latex.plain("\\^~") == r"\textbackslash{}\textasciicircum{}\textasciitilde{}"
    assert [latex.number(cell) for cell in ("-1,234.5", "3.1e-08", "< 1e-16", "(0.12)", "NA")] == [
        "$-1{,}234.5$", r"$3.1 \times 10^{-8}$", "$<10^{-16}$", "($0.12$)", "NA",
    ]  # fmt: skip


@given(st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=30))
def test_latex_braces_are_balanced_whatever_the_name(name: str) -> None:
    bare = re.sub(r"\\[{}]", "", latex.plain(name))
    depth = np.cumsum([{"{": 1, "}": -1}.get(mark, 0) for mark in bare] or [0])
    assert depth.min() >= 0
    assert depth[-1] == 0


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="pdflatex is not installed")
def test_latex_compiles(tmp_path: Path) -> None:
    fits = [ef.glm(f, data(), family="poisson") for f in ("y ~ x", "y ~ x + g")]
    tables = fits[1].summary(format="latex") + "\n" + ef.compare(*fits).latex()
    page = rf"\documentclass{{article}}\usepackage{{booktabs}}\begin{{document}}{tables}\end{{document}}"
    (tmp_path / "t.tex").write_text(page, encoding="utf-8")
    ran = subprocess.run(
        ["pdflatex", "-halt-on-error", "-interaction=nonstopmode", "t.tex"],
        cwd=tmp_path,
        capture_output=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout.decode()


def test_classes_stand_under_headings_in_every_form() -> None:
    fit = ef.glm("g ~ x", data(("red", "green", "blue")), family="categorical")
    assert "g = blue\n  Intercept" in fit.summary()
    assert "| **g = blue** |" in fit.summary(format="markdown")
    assert r"\multicolumn{7}{l}{\emph{g = blue}} \\" in fit.summary(format="latex")
    assert '<th colspan="7" scope="colgroup" style="text-align:left">g = blue</th>' in fit.summary(format="html")


def test_the_level_is_the_level_of_the_table_and_other_formats_are_refused() -> None:
    fit = ef.glm("y ~ x", data(), family="poisson")
    assert all(f"{end:.4f}" in fit.summary(level=0.8) for end in fit.confint(0.8)[1])
    assert "10.0%" in fit.summary(level=0.8)
    with pytest.raises(ef.ExpfamError, match="format='rtf' is not allowed; choose one of 'text', 'markdown'"):
        fit.summary(format="rtf")


# ---- side by side -----------------------------------------------------------------------------------------------
def test_compare_holds_the_numbers_of_the_fits() -> None:
    fits = [ef.glm(f, data(), family="poisson") for f in ("y ~ x", "y ~ g")]
    both = ef.compare(*fits, names=["slope", "levels"])
    table = both.table()
    assert list(table["term"]) == list(dict.fromkeys(fits[0].names + fits[1].names))
    for name, fit in zip(both.names, fits, strict=True):
        here = np.isin(table["term"], fit.names)
        np.testing.assert_array_equal(table[f"estimate[{name}]"][here], fit.coef)
        np.testing.assert_array_equal(table[f"std_error[{name}]"][here], fit.se)
        assert np.isnan(table[f"estimate[{name}]"][~here]).all()
    np.testing.assert_array_equal(both.glance()["aic"], [fit.aic for fit in fits])
    assert both.notes == ("slope y ~ x", "levels y ~ g")


def test_compare_is_aligned_and_says_the_same_in_every_form() -> None:
    fits = [ef.glm(f, data(), family="poisson") for f in ("y ~ x", "y ~ x + g")]
    both = ef.compare(*fits)
    table = str(both).split("\n\n")[0].splitlines()
    assert table[0].split() == ["(1)", "(2)"]
    width = len(table[0])
    assert all(len(line) == width for line in table if line.startswith(("x", "Intercept", "-", "AIC", "Family")))
    assert f"({fits[0].se[1]:.4f})" in table[4]
    what = [row[1:] for row in seen(both.html()).rows[1:]]
    assert ["Poisson", "Poisson"] in what
    assert [f"{fit.aic:.3f}" for fit in fits] in what
    html = MarkdownIt("commonmark").enable("table").render(both.markdown())
    assert [row[1:] for row in seen(html).rows[1:]] == what
    assert both.latex().count(r"\midrule") == 2
    for name in FORMATS:
        assert str(ef.compare(*fits, format=name)) == getattr(both, name)()
    assert both._repr_html_() == both.html()
    assert repr(both) == both.text()


def test_compare_tells_what_does_not_compare() -> None:
    rows = data()
    poisson = ef.glm("y ~ x", rows, family="poisson")
    fewer = ef.glm("y ~ x", {name: values[:200] for name, values in rows.items()}, family="poisson")
    other = ef.glm("x ~ y", rows)
    quasi = ef.glm("y ~ x", rows, family="quasipoisson").with_vcov("HC1")
    assert "The rows or their weights differ" in str(ef.compare(poisson, fewer))
    assert "The responses differ" in str(ef.compare(poisson, other))
    noted = str(ef.compare(poisson, quasi))
    assert "The families differ" in noted
    assert "No log-likelihood" in noted
    assert "Standard errors: (1) model, (2) HC1" in noted
    with pytest.warns(ef.AliasWarning):
        aliased = ef.glm("y ~ x + z", rows | {"z": 2 * rows["x"]}, family="poisson")
    assert "NA" in str(ef.compare(poisson, aliased))


@pytest.mark.parametrize("family", ["gamma", "inverse_gaussian"])
def test_compare_tells_of_likelihoods_at_other_dispersions(family: str) -> None:
    rows = {"y": np.random.default_rng(0).gamma(2.0, 1.0, 60), "x": np.linspace(0, 1, 60), "w": np.arange(60) % 3 + 1.0}
    ways = {"own": None, "mean": "deviance", "ml": "ml", "half": 0.5, "whole": 1.0}
    options = {"family": family, "link": "log", "weights": "w"}
    fits = {name: ef.glm("y ~ x", rows, dispersion=way, **options) for name, way in ways.items()}  # type: ignore[arg-type]
    told = "The likelihoods are at dispersions of different kinds"
    for one, other in (("own", "ml"), ("own", "half"), ("ml", "whole"), ("half", "whole")):
        assert fits[one].loglik != pytest.approx(fits[other].loglik, rel=1e-6)
        assert told in str(ef.compare(fits[one], fits[other], names=[one, other]))
    both = ef.compare(fits["half"], fits["whole"], names=["half", "whole"])
    assert "(half given 0.5000, whole given 1.0000)" in str(both)
    assert fits["own"].loglik == fits["mean"].loglik
    assert told not in str(ef.compare(fits["own"], fits["mean"]))
    assert told not in str(ef.compare(fits["half"], fits["half"]))


def test_compare_tells_what_coefficients_of_one_name_are_against() -> None:
    rows = {**data(("red", "green", "blue")), "h": np.repeat(list("uvw"), 80)}
    blue = ef.glm("g ~ x + h", rows, family=ef.families.Categorical(reference="blue"))
    red = ef.glm("g ~ x + h", rows, family="categorical")
    told = "The reference of the response g differs (one blue, two red): its coefficients do not compare"
    both = ef.compare(blue, red, names=["one", "two"])
    assert both.notes[-1] == told
    assert "green:x" in both.terms
    assert "reference" not in str(ef.compare(red, red.update(". ~ x")))
    fewer = ef.glm("x ~ h", {name: values[rows["h"] != "u"] for name, values in rows.items()})
    assert "The reference of h differs ((1) u, (2) v)" in " ".join(ef.compare(ef.glm("x ~ h", rows), fewer).notes)
    assert "reference" not in str(ef.compare(fewer, blue.update(". ~ x")))  # g has one, x none


def test_compare_knows_a_response_by_its_column() -> None:
    rows = {**data(("red", "green", "blue")), "won": np.arange(240) % 2, "t": np.where(np.arange(240) % 2, "u", "v")}
    plain, again, against = (ef.glm(f"{y} ~ x", rows, family="binomial") for y in ("won", "C(won)", "C(won, ref=1)"))
    assert len(ef.compare(plain, again).notes) == 2  # the models alone
    told = "The reference of the response won differs ((1) 0, (2) 1): its coefficients do not compare"
    assert ef.compare(plain, against).notes[2:] == (told,)
    assert "The responses differ" in str(ef.compare(plain, ef.glm("t ~ x", rows, family="binomial")))
    other = ef.glm("won ~ x", rows | {"won": rows["t"]}, family="binomial")
    assert "The classes of the response differ" in str(ef.compare(plain, other))
    soft, hard = (ef.glm(f"{g} ~ x", rows, family="categorical") for g in ("g", "C(g, ref='blue')"))
    assert ef.compare(soft, hard).notes[2:] == (
        "The reference of the response g differs ((1) red, (2) blue): its coefficients do not compare",
    )


def test_compare_shows_classes_estimated_numbers_and_fits_that_failed() -> None:
    rows = data(("red", "green", "blue"))
    soft = ef.compare(ef.glm("g ~ x", rows, family="categorical"))
    assert "blue:Intercept" in soft.terms
    rng = np.random.default_rng(1)
    rows["y"] = rng.negative_binomial(1.5, 0.3, len(rows["x"])).astype(float)
    nb = ef.glm("y ~ x", rows, family="negative_binomial")
    both = ef.compare(ef.glm("y ~ x", rows, family="poisson"), nb)
    assert f"{nb.theta:.4f}" in both.text()
    assert np.isnan(both.glance()["theta"][0])
    with pytest.warns(ef.SeparationWarning):
        bad = ef.glm("s ~ x", {"x": rows["x"], "s": (rows["x"] > 0).astype(float)}, family="bernoulli")
    assert "Not converged: (1)" in str(ef.compare(bad))


def test_compare_of_many_coefficients_shows_the_ends_and_the_table_all() -> None:
    n = 900
    rows = {"y": np.arange(n) % 7.0, "g": np.array([f"v{k % 300:03}" for k in range(n)])}
    both = ef.compare(ef.glm("y ~ g", rows, family="poisson"))
    assert "... 260 more: table() has all" in str(both)
    assert len(both.table()["term"]) == 300


@pytest.mark.parametrize("size", [1e6, 1000.123, 0.00104, 2e-7])
def test_estimates_show_two_digits_of_their_error_at_least(size: float) -> None:
    x = np.arange(8.0)
    for unit in (1e-3, 1e-6):
        fit = ef.glm("y ~ x", {"x": x, "y": size * (1 + unit * np.sin(5 * x) + unit * x)})
        for (_, cells), line in zip(content(fit).rows, zip(*fit.tidy().values(), strict=True), strict=True):
            _, coef, se, _, _, low, high = line
            for cell, exact in zip((cells[0], cells[1], *cells[4:]), (coef, se, low, high), strict=True):
                assert float(cell) == pytest.approx(exact, abs=max(0.05 * se, 5e-15 * abs(exact)))


def test_numbers_below_1_keep_their_digits_and_small_sums_too() -> None:
    assert [figure(value) for value in (0.001042, 0.0001, 0.5, 0.0, 3.0445, 123456.0)] == [
        "0.001042", "0.0001000", "0.5000", "0.0000", "3.0445", "1.235e+05",
    ]  # fmt: skip
    assert [figure(0.0038, error) for error in (0.0692, 2e-5, np.inf)] == ["0.0038", "0.003800", "0.003800"]
    assert [total(value) for value in (0.0, 7.30398e-06, 0.4128441, 29.1762, 23137.98)] == [
        "0.000", "7.30398e-06", "0.412844", "29.176", "23,137.98",
    ]  # fmt: skip


def test_compare_refuses_what_is_no_fit_and_names_that_are_not_one_a_fit() -> None:
    fit = ef.glm("y ~ x", data(), family="poisson")
    with pytest.raises(ef.ExpfamError, match="argument 2 of compare\\(\\) is a str; give fits"):
        ef.compare(fit, "m.json")  # type: ignore[arg-type]
    with pytest.raises(ef.ExpfamError, match="at least one"):
        ef.compare()
    for names in (["a"], ["a", "a"]):
        with pytest.raises(ef.ExpfamError, match="give 2 different names"):
            ef.compare(fit, fit, names=names)
    with pytest.raises(ef.ExpfamError, match="format='pdf' is not allowed"):
        ef.compare(fit, format="pdf")
