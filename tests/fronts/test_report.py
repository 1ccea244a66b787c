"""The report: what its page says is what the fit says, for every kind of model; what cannot be said is told."""

import re
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import expfam as ef
from expfam import families
from expfam.fit.reporting import contents
from expfam.links import LINKS
from expfam.links import link as link_of
from expfam.report import equation
from expfam.report.page import Page
from expfam.report.parts import Facts, Figure, Folded, Notice, Omitted, Part, Table

RNG = np.random.default_rng(11)
N = 400
X = RNG.normal(size=N)
DATA: dict[str, Any] = {
    "x": X,
    "z": RNG.uniform(1, 5, N),
    "g": RNG.choice(["a", "b", "c"], N),
    "h": RNG.choice(["u", "v"], N),
    "w": RNG.integers(1, 4, N).astype(float),
    "e": RNG.uniform(0.2, 1, N),
    "y": RNG.poisson(np.exp(0.3 * X)).astype(float),
    "b": (RNG.random(N) < 0.4).astype(float),
    "pos": RNG.gamma(2, 1, N),
    "c": RNG.choice(["r", "s", "t"], N),
    "m": np.where(RNG.random(N) < 0.1, np.nan, X),
    "share": RNG.binomial(5, 0.4, N) / 5,
    "five": np.full(N, 5.0),
}


def made(fit: ef.Fit, **options: Any) -> Page:
    return contents(fit, **options)


def parts(page: Page, section: str) -> Iterator[Part]:
    """All parts of a section, folded ones too."""
    found = next(part for part in page.sections if part.id == section)
    for part in found.parts:
        yield part
        if isinstance(part, Folded):
            yield from part.parts


def table(page: Page, section: str, caption: str) -> Table:
    return next(part for part in parts(page, section) if isinstance(part, Table) and part.caption == caption)


def facts(page: Page, section: str) -> dict[str, str]:
    return {name: text for part in parts(page, section) if isinstance(part, Facts) for name, text in part.pairs}


def values(found: Table, column: str) -> list[float | None]:
    at = [head.title for head in found.columns].index(column)
    return [row[at].value for row in found.rows]


def texts(found: Table, column: str) -> list[str]:
    at = [head.title for head in found.columns].index(column)
    return [row[at].text for row in found.rows]


@pytest.fixture(scope="module")
def fit() -> ef.Fit:
    with pytest.warns(ef.DataWarning):
        return ef.glm("y ~ m + g + log(z)", DATA, family="poisson", exposure="e")


@pytest.fixture(scope="module")
def page(fit: ef.Fit) -> Page:
    return made(fit, figures=False)


# ---- the numbers of the page are those of the fit -----------------------------------------------------------------
def test_coefficients_and_certificate_are_those_of_the_fit(fit: ef.Fit, page: Page) -> None:
    found = table(page, "coefficients", "Coefficients")
    assert texts(found, "Term") == list(fit.names)
    for title, numbers in (("Estimate", fit.coef), ("Std. error", fit.se), ("2.5%", fit.confint()[:, 0])):
        np.testing.assert_array_equal(values(found, title), numbers)
    said = facts(page, "certificate")
    assert said["Deviance"].startswith(f"{fit.deviance:.3f} on {fit.df_residual:.0f}")
    assert f"{1 - fit.deviance / fit.null_deviance:.2%}" in said["Null deviance"]
    assert said["Verdict"] == "converged"


def test_data_counts_rows_missing_values_and_columns(fit: ef.Fit, page: Page) -> None:
    said, found = facts(page, "data"), table(page, "data", "Columns of the data")
    lost = int(np.isnan(DATA["m"]).sum())
    assert said["Rows read"] == "400"
    assert said["Rows used"] == str(400 - lost)
    assert f"{lost} rows (m {lost})" in said["Left out for missing values"]
    names = texts(found, "Column")
    assert set(names) == set(DATA)
    assert names[0] == "y"
    row = dict(zip([head.title for head in found.columns], found.rows[names.index("m")], strict=True))
    known = DATA["m"][~np.isnan(DATA["m"])]
    assert (row["Missing"].value, row["Distinct"].value) == (lost, len(known))
    assert row["Minimum"].value == known.min()
    assert row["Mean"].value == pytest.approx(known.mean(), rel=1e-12)
    assert row["Role"].text == "predictor"
    roles = dict(zip(names, texts(found, "Role"), strict=True))
    assert roles == dict.fromkeys(DATA, "not used") | {
        "y": "response", "m": "predictor", "g": "predictor", "z": "predictor", "e": "exposure",
    }  # fmt: skip
    most = dict(zip(names, texts(found, "Most frequent"), strict=True))["g"]
    labels, sizes = np.unique(DATA["g"], return_counts=True)
    assert most == f"{labels[sizes.argmax()]} ({sizes.max() / N:.1%})"


def test_tests_and_relativities_are_those_of_the_fit(fit: ef.Fit, page: Page) -> None:
    terms = table(page, "tests", "Terms")
    expected = fit.anova(type=2)
    assert texts(terms, "Term") == list(expected["term"])
    np.testing.assert_allclose(values(terms, "P"), expected["p_value"], rtol=1e-9)
    answer = fit.relativities()
    rows = [k for k, term in enumerate(answer["term"]) if term == "g"]
    np.testing.assert_allclose(
        values(table(page, "relativities", "g"), "Relativity"), answer["relativity"][rows], rtol=1e-12
    )


def test_the_rows_that_move_the_fit_most_are_those_of_influence(fit: ef.Fit, page: Page) -> None:
    found = table(page, "diagnostics", "Rows that move the fit most")
    cooks = fit.influence().cooks_distance
    order = np.argsort(-np.nan_to_num(cooks, nan=-1))[:10]
    assert values(found, "Row") == order.tolist()
    np.testing.assert_allclose(values(found, "Cook's distance"), cooks[order], rtol=1e-9)
    np.testing.assert_allclose(values(found, "Fitted"), fit.predict()[order], rtol=1e-9)
    np.testing.assert_array_equal(values(found, "Observed"), DATA["y"][order])


def test_influence_is_measured_once_a_page(monkeypatch: pytest.MonkeyPatch) -> None:
    """For the panels, the rows that move the fit most, and the checks."""
    from expfam.diagnostics import influence

    measured, measure = [], influence._measure
    monkeypatch.setattr(influence, "_measure", lambda *given: (measured.append(1), measure(*given)))
    fit = ef.glm("y ~ x + g", DATA, family="poisson")
    made(fit)
    assert len(measured) == 1
    fit.plot.leverage()
    assert len(measured) == 2


def test_every_section_has_its_figures() -> None:
    fit = ef.glm("b ~ x + g", {name: DATA[name] for name in ("b", "x", "g")}, family="bernoulli")
    page = made(fit)
    count = {section.id: sum(isinstance(part, Figure) for part in parts(page, section.id)) for section in page.sections}
    assert {name: k for name, k in count.items() if k} == {
        "coefficients": 1, "effects": 1, "relativities": 1, "diagnostics": 2, "calibration": 1, "ranking": 3,
        "experience": 2,
    }  # fmt: skip
    shown = [part for section in page.sections for part in parts(page, section.id) if isinstance(part, Figure)]
    assert all(part.svg.startswith("<svg") and part.svg.endswith("</svg>") for part in shown)
    assert all(part.caption.endswith(".") and part.width > 300 for part in shown)


def test_rows_are_read_from_a_file_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    pq.write_table(pa.table(DATA), tmp_path / "d.parquet")
    fit = ef.glm("y ~ x + g", str(tmp_path / "d.parquet"), family="poisson")
    reads = []
    opened = pq.ParquetFile.read
    monkeypatch.setattr(pq.ParquetFile, "read", lambda *a, **k: reads.append(a) or opened(*a, **k))
    made(fit, figures=False)
    assert len(reads) == 1


# ---- every kind of model ------------------------------------------------------------------------------------------
CASES: dict[str, dict[str, Any]] = {
    "interaction": {"formula": "y ~ g*h + bs(z, df=4) + log(z):h", "family": "poisson"},
    "weights": {"formula": "x ~ z + g", "weights": "w"},
    "frequency": {"formula": "y ~ z", "family": "poisson", "weights": "w", "weights_kind": "frequency"},
    "sampling": {"formula": "y ~ z", "family": "poisson", "weights": "w", "weights_kind": "sampling"},
    "text response": {"formula": "h ~ x", "family": "bernoulli"},
    "trials": {"formula": "share ~ x", "family": "binomial", "trials": "five"},
    "power link": {"formula": "pos ~ x", "family": "gamma", "link": "power(0.5)"},
    "quasi": {"formula": "y ~ x", "family": "quasipoisson"},
    "classes": {"formula": "c ~ x + g", "family": "categorical"},
    "two classes": {"formula": "h ~ x", "family": "categorical"},
    "ridge": {"formula": "y ~ x", "family": "poisson", "penalty": ef.Ridge(0.1)},
    "firth": {"formula": "b ~ x", "family": "bernoulli", "bias": "firth"},
    "robust": {"formula": "y ~ x", "family": "poisson", "vcov": "HC1"},
    "offset": {"formula": "y ~ x + offset(log(e))", "family": "poisson"},
    "given theta": {"formula": "y ~ x", "family": families.NegativeBinomial(2.0)},
    "intercept": {"formula": "y ~ 1", "family": "poisson"},
}


@pytest.mark.parametrize("case", CASES)
def test_every_kind_of_model_has_a_page_and_the_call_that_repeats_it(case: str) -> None:
    options = dict(CASES[case])
    fit = ef.glm(options.pop("formula"), DATA, **options)
    page = made(fit, figures=False)
    assert table(page, "coefficients", "Coefficients")
    call = next(part.text for part in parts(page, "computation") if part.kind == "code")
    again = eval(call, {"expfam": ef, "data": DATA, "Ridge": ef.Ridge, **DATA})
    np.testing.assert_array_equal(again.coef, fit.coef)
    np.testing.assert_allclose(again.se, fit.se, rtol=1e-12)
    for part in (part for section in page.sections for part in section.parts if isinstance(part, Omitted)):
        assert part.text.endswith(".")


def test_a_bare_matrix_has_a_page() -> None:
    fit = ef.glm_arrays(np.column_stack([DATA["x"], DATA["z"]]), DATA["y"], family="poisson")
    page = made(fit, figures=False)
    assert texts(table(page, "data", "Columns of the data"), "Column") == ["x1", "x2"]
    assert texts(table(page, "experience", "Columns, the worst first"), "In the model") == ["yes", "yes"]
    assert len(table(page, "coefficients", "Coefficients").rows) == 3


def test_what_is_wrong_comes_first() -> None:
    with pytest.warns(ef.SeparationWarning):
        bad = ef.glm("s ~ x", DATA | {"s": (X > 0).astype(float)}, family="bernoulli")
    first = made(bad, figures=False).sections[0]
    notice = first.parts[0]
    assert isinstance(notice, Notice)
    assert (first.id, notice.grade) == ("warnings", "bad")
    assert "x -> +inf" in notice.text
    with pytest.warns(ef.AliasWarning):
        aliased = ef.glm("y ~ x + twice", DATA | {"twice": 2 * X}, family="poisson")
    told = [part for part in made(aliased, figures=False).sections[0].parts if isinstance(part, Notice)]
    assert any("twice" in notice.text and "combinations of earlier columns" in notice.text for notice in told)
    with pytest.warns(ef.DataWarning):
        few = ef.glm("y ~ m", DATA, family="poisson")
    told = [part for part in made(few, figures=False).sections[0].parts if isinstance(part, Notice)]
    assert any("rows lack a value" in notice.text for notice in told)


def test_fits_that_left_rows_out_or_columns_show_the_right_rows() -> None:
    """Zero weights and columns left out move neither the row numbers nor the fitted means."""
    weights = (np.arange(N) % 3 > 0).astype(float)
    with pytest.warns(ef.AliasWarning):
        fit = ef.glm("y ~ x + twice", DATA | {"twice": 2 * X, "w0": weights}, family="poisson", weights="w0")
    page = made(fit, figures=False)
    found = table(page, "diagnostics", "Rows that move the fit most")
    rows = np.array(values(found, "Row"), dtype=int)
    np.testing.assert_allclose(values(found, "Fitted"), fit.predict()[rows], rtol=1e-9)
    assert (weights[rows] > 0).all()
    assert facts(page, "data")["Left out for weight zero"] == f"{int((weights == 0).sum())} rows"


def test_rows_that_are_met_exactly_have_a_page() -> None:
    with pytest.warns(ef.ConvergenceWarning, match="meets every response"):
        fit = ef.glm("y ~ x", {"y": np.arange(6.0), "x": np.arange(6.0)})
    page = made(fit, figures=False)
    slope = dict(
        zip(*(texts(table(page, "calibration", "Calibration"), c) for c in ("Figure", "Rows of the fit")), strict=True)
    )
    assert slope["Recalibration slope"] == "1.0000"
    assert slope["P of intercept 0 and slope 1"] == ""


def test_very_many_levels_show_the_largest_and_say_so() -> None:
    n = 4_000
    levels = np.array([f"v{k * k // 12_000:04}" for k in range(n)])
    data = {"y": 1 + np.arange(n) % 3.0, "g": levels}
    fit = ef.glm("y ~ g", data, family="poisson")
    page = made(fit, figures=False)
    found = table(page, "relativities", "g")
    assert len(found.rows) == 30
    assert "30 of " in found.note
    sizes = np.sort(np.unique(levels, return_counts=True)[1])[::-1]
    assert sorted(values(found, "Rows"), reverse=True) == sizes[:30].tolist()
    coefficients = table(page, "coefficients", "Coefficients")
    assert len(coefficients.rows) == 200
    assert "200 of" in coefficients.note


# ---- the formula --------------------------------------------------------------------------------------------------
def test_written_variances_and_links_are_the_functions_themselves() -> None:
    """Each text, read as arithmetic, is V of the family or g of the link."""
    from scipy.stats import norm

    names = {"θ": 2.0, "p": 1.5, "λ": 0.5, "π": np.pi, "log": np.log, "tan": np.tan, "sqrt": np.sqrt, "ppf": norm.ppf}

    def read(text: str, mu: float) -> float:
        text = text.replace("−", "-").replace("Φ^-1", "ppf").replace("√{μ}", "sqrt(μ)").replace("^", "**")
        text = re.sub(r"log (\{?μ\}?)", r"log(\1)", text).replace("{", "").replace("}", "")
        text = re.sub(r"\) \(", ") * (", text).replace("μ (", "μ * (").replace("π (", "π * (").replace("ppf *", "ppf")
        return float(eval(text, {**names, "μ": mu}))

    at = 0.3
    for name, text in equation.VARIANCE.items():
        kind = families.FAMILIES[name]
        made = {"negative_binomial": (2.0,), "tweedie": (1.5,)}.get(name, ())
        assert read(text, at) == pytest.approx(float(kind(*made).variance(np.array([at]))[0]), rel=1e-12), name
    for name, text in equation.LINK.items():
        if name in ("softmax", "canonical"):
            continue
        link = link_of("power(0.5)" if name == "power" else name, families.Gaussian())
        eta = read(text, at)
        assert float(link.inverse(np.array([eta]))[0]) == pytest.approx(at, rel=1e-9), name
    assert set(equation.LINK) == set(LINKS)
    assert set(equation.VARIANCE) == set(families.FAMILIES) - {"categorical"}


def test_the_formula_names_offset_terms_and_estimated_numbers() -> None:
    fit = ef.glm("y ~ g*h + bs(z, df=4) + x:g", DATA, family="negative_binomial", exposure="e")
    mean, linked, line = ("".join(span.text for span in spans) for spans in equation.formula(fit, "log").lines)
    assert mean.startswith("E[ yi ] = μi,   Var = μi + μi2 / θ,   θ = ")
    assert linked == "log μi = ηi"
    assert line == "ηi = log ei + β0 + β1[g] + β2[h] + f3(bs(z, df=4)) + β4[g × h] + β5[g] x"


# ---- the file -----------------------------------------------------------------------------------------------------
def test_the_file_is_there_whole_and_its_path_is_the_answer(fit: ef.Fit, tmp_path: Path) -> None:
    path = fit.report(tmp_path / "m.html", title="Claims <1990>", figures=False)
    text = path.read_text("utf-8")
    assert [p.name for p in tmp_path.iterdir()] == ["m.html"]
    assert text.startswith("<!doctype html>")
    assert "<title>Claims &lt;1990&gt;</title>" in text
    assert not re.search(r"(?:src|href)=[\"'](?!#|data:)", text)


def test_paths_that_cannot_be_written_are_told_before_the_work(tmp_path: Path, monkeypatch: Any) -> None:
    fit = ef.glm("y ~ x", DATA, family="poisson")
    monkeypatch.setattr("expfam.fit.reporting.contents", lambda *a, **k: pytest.fail("worked before it looked"))
    for path, said in (
        (tmp_path / "no" / "m.html", "there is no folder"),
        (tmp_path, "no file type written here; allowed: .html, .htm"),
        (tmp_path / "m.pdf", "no file type written here"),
    ):
        with pytest.raises(ef.ExpfamError, match=said):
            fit.report(path)
    monkeypatch.setitem(sys.modules, "jinja2", None)
    with pytest.raises(ef.ExpfamError, match=r"pip install 'expfam\[report\]'"):
        fit.report(tmp_path / "m.html")


def test_loaded_fits_need_their_rows_and_say_the_same_with_them(fit: ef.Fit, page: Page, tmp_path: Path) -> None:
    fit.save(tmp_path / "m.json")
    loaded = ef.load(tmp_path / "m.json")
    with pytest.raises(ef.ExpfamError, match="hand the data over"):
        loaded.report(tmp_path / "m.html")
    again = made(loaded, data=DATA, figures=False)
    assert table(again, "coefficients", "Coefficients") == table(page, "coefficients", "Coefficients")
    assert table(again, "data", "Columns of the data") == table(page, "data", "Columns of the data")


def test_without_matplotlib_the_numbers_are_there_and_that_is_said(
    fit: ef.Fit, page: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    bare = contents(fit, figures=True)
    assert not any(isinstance(part, Figure) for section in bare.sections for part in section.parts)
    assert any(isinstance(part, Omitted) and "matplotlib" in part.text for part in parts(bare, "diagnostics"))
    assert table(bare, "coefficients", "Coefficients") == table(page, "coefficients", "Coefficients")


def test_the_wheel_holds_the_templates(tmp_path: Path) -> None:
    hatchling = pytest.importorskip("hatchling.build", reason="hatchling is not installed")
    root = Path(__file__).parents[2]
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        name = hatchling.build_wheel(str(tmp_path))
    held = zipfile.ZipFile(tmp_path / name).namelist()
    assert {f"expfam/report/templates/{file}" for file in ("page.html.jinja", "style.css", "script.js")} <= set(held)


# ---- validation ---------------------------------------------------------------------------------------------------
def test_validation_of_both_sets_of_rows_is_that_of_the_fit() -> None:
    even = {name: column[::2] for name, column in DATA.items()}
    odd = {name: column[1::2] for name, column in DATA.items()}
    fit = ef.glm("b ~ x + g", even, family="bernoulli")
    page = made(fit, holdout=odd, figures=False)
    sides = {"Rows of the fit": fit.calibration(), "Kept aside": fit.calibration(data=odd)}
    found = table(page, "calibration", "Calibration")
    names = [row[0].text for row in found.rows]
    for side, expected in sides.items():
        said = dict(zip(names, values(found, side), strict=True))
        assert said["Observed / expected"] == pytest.approx(expected.ratio, rel=1e-12)
        assert said["Recalibration slope"] == pytest.approx(expected.recalibration.slope, rel=1e-9)
        assert said["P of the bins"] == pytest.approx(expected.p_value, rel=1e-9)
    bins = table(page, "calibration", "Bins, rows kept aside")
    np.testing.assert_allclose(values(bins, "Observed"), sides["Kept aside"].observed, rtol=1e-12)
    areas = table(page, "ranking", "Areas")
    np.testing.assert_allclose(values(areas, "Area under the ROC curve"), [fit.roc().auc, fit.roc(odd).auc], rtol=1e-12)
    np.testing.assert_allclose(values(areas, "Gini"), [fit.lorenz().gini, fit.lorenz(odd).gini], rtol=1e-12)
    lifted = table(page, "ranking", "Lift, rows kept aside")
    np.testing.assert_allclose(values(lifted, "Lift"), fit.lift(data=odd).lift, rtol=1e-12)
    along = table(page, "experience", "g")
    np.testing.assert_allclose(values(along, "Ratio"), fit.actual_expected("g", data=odd).ratio, rtol=1e-12)


def test_an_intercept_alone_is_one_coefficient_and_says_what_it_lacks() -> None:
    fit = ef.glm("y ~ 1", DATA, family="poisson")
    page = made(fit, figures=False)
    for section in ("tests", "relativities"):
        assert "no terms but the intercept" in str(list(parts(page, section)))
    assert "0 terms with 1 coefficient," in str(page)
    assert "400 rows, 1 coefficient\n" in str(fit)


def test_rates_near_a_thousandth_are_told_apart() -> None:
    small = DATA | {"y": 0.001 * (1 + 0.01 * X + 0.002 * np.cos(np.arange(N)))}
    page = made(ef.glm("y ~ x", small), figures=False)
    for section, caption in (("calibration", "Bins, rows of the fit"), ("ranking", "Lift, rows of the fit")):
        shown = [float(text) for text in texts(table(page, section, caption), "Expected")]
        np.testing.assert_allclose(shown, values(table(page, section, caption), "Expected"), rtol=6e-4)
        assert len(set(shown)) == len(shown)


def test_columns_that_the_model_missed_come_first() -> None:
    fit = ef.glm("y ~ g", DATA, family="poisson")
    page = made(fit, figures=False)
    summary = table(page, "experience", "Columns, the worst first")
    assert texts(summary, "Column")[0] in ("x", "m")  # what made y, once whole and once with gaps
    assert dict(zip(texts(summary, "Column"), texts(summary, "In the model"), strict=True))["g"] == "yes"
    z = values(summary, "|z|")
    assert z == sorted(z, reverse=True)
    level = texts(summary, "Furthest level")[0]
    column = fit.actual_expected(texts(summary, "Column")[0])
    assert abs(column.z).max() == pytest.approx(z[0])
    assert level == column.level[int(abs(column.z).argmax())]


def test_every_check_is_listed_and_warnings_are_told_with_what_to_do() -> None:
    rng = np.random.default_rng(5)
    mean = np.exp(0.5 * X + 1)
    wild = DATA | {"y": rng.poisson(mean * rng.gamma(1, 1, N)).astype(float)}
    fit = ef.glm("y ~ x", wild, family="poisson")
    page, checked = made(fit, figures=False), fit.checks()
    listed = table(page, "warnings", "Checks")
    assert texts(listed, "Check") == [each.name for each in checked] + list(checked.left_out)
    notices = [part for part in parts(page, "warnings") if isinstance(part, Notice)]
    assert any(one.title.startswith("Overdispersion") and "negative_binomial" in one.text for one in notices)
    calm = made(ef.glm("y ~ x", DATA, family="poisson"), figures=False)
    assert [one.grade for one in parts(calm, "warnings") if isinstance(one, Notice)] == ["good"]
