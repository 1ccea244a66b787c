"""The command line as a user meets it: what it prints where, the files it leaves, the exit code."""

import errno
import json
import os
import re
import shutil
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from pyarrow import csv, parquet

import expfam
from expfam.cli import main
from expfam.cli.files import write
from expfam.cli.frames import show
from expfam.errors import ExpfamError
from expfam.families import FAMILIES
from expfam.modelfile import to_dict
from expfam.outputs import destination
from expfam.report.sections import SECTIONS

FORMULA = "ClaimNb ~ Area + cut(DrivAge, [25, 40]) + log(Density)"
POISSON = ("--family", "poisson", "--exposure", "Exposure")


class Shell:
    """Runs `expfam ...` in this process, in a folder with a small portfolio."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str], patch: pytest.MonkeyPatch) -> None:
        self.folder, self.capsys, self.patch = folder, capsys, patch

    def __call__(self, *words: str) -> Any:
        self.patch.setattr(sys, "argv", ["expfam", *words])
        self.capsys.readouterr()
        with pytest.raises(SystemExit) as end:
            main()
        return SimpleNamespace(code=end.value.code or 0, **self.capsys.readouterr()._asdict())

    def refused(self, *words: str) -> str:
        """The message of a refusal: exit code 2, nothing on stdout, no traceback, no new file."""
        before = sorted(self.folder.iterdir())
        ran = self(*words)
        assert (ran.code, ran.out) == (2, "")
        assert "Traceback" not in ran.err
        assert sorted(self.folder.iterdir()) == before
        return str(ran.err)


@pytest.fixture(scope="module")
def portfolio() -> pa.Table:
    return expfam.simulate_portfolio(4_000, seed=1).data


@pytest.fixture
def shell(
    portfolio: pa.Table, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Shell:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "100")
    parquet.write_table(portfolio, "book.parquet")
    csv.write_csv(portfolio, "book.csv")
    return Shell(tmp_path, capsys, monkeypatch)


@pytest.fixture
def model(portfolio: pa.Table, shell: Shell) -> expfam.Fit:
    fit = expfam.glm(FORMULA, portfolio, family="poisson", exposure="Exposure")
    fit.save("model.json")
    return fit


def test_version_and_help(shell: Shell) -> None:
    assert shell("--version").out == f"expfam {expfam.__version__}\n"
    help_ = shell("--help")
    assert help_.code == 0
    assert all(command in help_.out for command in ("demo", "fit", "predict", "explain"))


def test_report_writes_a_page_and_tells_where(shell: Shell, model: expfam.Fit) -> None:
    ran = shell("report", "model.json", "book.parquet", "--out", "m.html", "--no-figures", "--title", "Motor <1>")
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.startswith("Wrote the report to m.html (")
    page = Path("m.html").read_text("utf-8")
    assert "<h1>Motor &lt;1&gt;</h1>" in page
    assert all(f'<section id="{name}"' in page for name, _ in SECTIONS)
    parquet.write_table(parquet.read_table("book.parquet").slice(0, 900), "new.parquet")
    ran = shell("report", "model.json", "book.parquet", "--out", "m.html", "--no-figures", "--holdout", "new.parquet")
    assert ran.code == 0, ran.err
    assert "Kept aside" in Path("m.html").read_text("utf-8")
    assert f"expfam.glm(&#39;{FORMULA}&#39;, data, family=&#39;poisson&#39;" in page


def test_report_refuses_before_it_works(shell: Shell, model: expfam.Fit) -> None:
    assert "--out book.csv: no file type written here; allowed: .html" in shell.refused(
        "report", "model.json", "book.parquet", "--out", "book.csv"
    )
    assert "there is no folder" in shell.refused("report", "model.json", "book.parquet", "--out", "no/m.html")
    assert "--report m.pdf" in shell.refused("fit", "book.parquet", FORMULA, *POISSON, "--report", "m.pdf")
    csv.write_csv(parquet.read_table("book.parquet").slice(0, 50), "new.csv")
    assert "not the rows of the fit" in shell.refused("report", "model.json", "new.csv", "--out", "m.html")


def test_compare_sets_saved_models_side_by_side(shell: Shell, model: expfam.Fit) -> None:
    shell("fit", "book.parquet", "ClaimNb ~ Area", *POISSON, "--save", "small.json", "--no-progress")
    ran = shell("compare", "small.json", "model.json")
    assert (ran.code, ran.err) == (0, "")
    both = expfam.compare(expfam.load("small.json"), model, names=["small", "model"])
    assert ran.out == f"{both}\n"
    for form in ("markdown", "latex", "html"):
        ran = shell("compare", "small.json", "model.json", "--format", form, "--name", "a", "--name", "b")
        named = expfam.compare(expfam.load("small.json"), model, names=["a", "b"], format=form)
        assert ran.out == f"{named}\n"
    assert "--format rtf is not allowed" in shell.refused("compare", "model.json", "--format", "rtf")
    assert "--name a: give 2 different" in shell.refused("compare", "small.json", "model.json", "--name", "a")
    twice = ("compare", "small.json", "model.json", "--name", "a b", "--name", "a b")
    assert "--name 'a b' --name 'a b': give 2 different names" in shell.refused(*twice)


def test_demo_shows_truth_beside_estimate(shell: Shell) -> None:
    ran = shell("demo", "--rows", "20000", "--out", "portfolio.parquet")
    portfolio = expfam.simulate_portfolio(20_000)
    fit = expfam.glm(portfolio.formula, portfolio.data, family="poisson", exposure="Exposure")
    assert (ran.code, ran.err) == (0, "")
    assert fit.names == tuple(portfolio.truth)
    for name, coef, se in zip(fit.names, fit.coef, fit.se, strict=True):
        off = (coef - portfolio.truth[name]) / se
        cells = [f"{portfolio.truth[name]:.4f}", f"{coef:.4f}", f"{se:.4f}", f"{off:+.2f}"]
        lines = [line.split()[-4:] for line in ran.out.splitlines() if line.strip().startswith(f"{name}  ")]
        assert lines == [cells]
    assert "Converged" in ran.out
    assert "rows/s" in ran.out
    assert "\x1b" not in ran.out
    assert parquet.read_table("portfolio.parquet").equals(portfolio.data)


def test_demo_on_too_few_rows_tells_what_failed(shell: Shell) -> None:
    ran = shell("demo", "--rows", "100")
    assert ran.code == 1
    assert "NOT converged (separated)" in ran.out
    assert "expfam: not converged: coefficients run to infinity" in ran.err


def test_demo_recovers_the_truth() -> None:
    """z = (estimate - truth) / se is standard normal: the sum of squares lies below chi-square's 1 - 1e-5 quantile."""
    portfolio = expfam.simulate_portfolio(100_000, seed=3)
    fit = expfam.glm(portfolio.formula, portfolio.data, family="poisson", exposure="Exposure")
    z = (fit.coef - list(portfolio.truth.values())) / fit.se
    assert len(z) == 28
    assert z @ z < 71.9


@pytest.mark.parametrize("data", ["book.parquet", "book.csv"])
def test_fit_prints_saves_and_tells(shell: Shell, portfolio: pa.Table, data: str) -> None:
    ran = shell("fit", data, FORMULA, *POISSON, "--save", "m.json", "--no-progress")
    fit = expfam.glm(FORMULA, portfolio, family="poisson", exposure="Exposure")
    assert (ran.code, ran.err) == (0, "")
    assert all(line in ran.out for line in fit.summary().splitlines() if not line.startswith("Converged"))
    assert "Saved to m.json" in ran.out
    np.testing.assert_array_equal(expfam.load("m.json").coef, fit.coef)


def test_fit_passes_its_options_on(shell: Shell, portfolio: pa.Table) -> None:
    ran = shell(
        "fit", "book.parquet", FORMULA, "--family", "quasipoisson", "--link", "power(0.5)", "--ridge", "0.01",
        "--weights", "Exposure", "--weights-kind", "sampling", "--solver", "newton", "--tol", "1e-6",
        "--max-iter", "50", "--missing", "error", "--save", "m.json",
    )  # fmt: skip
    fit = expfam.glm(
        FORMULA, portfolio, family="quasipoisson", link="power(0.5)", penalty=expfam.Ridge(0.01),
        weights="Exposure", weights_kind="sampling", tol=1e-6, missing="error",
    )  # fmt: skip
    assert ran.code == 0, ran.err
    np.testing.assert_array_equal(expfam.load("m.json").coef, fit.coef)
    np.testing.assert_array_equal(expfam.load("m.json").se, fit.se)


def test_fit_reduces_the_bias(shell: Shell) -> None:
    rows = [f"{x},{int(x > 4)}" for x in range(9)]
    (shell.folder / "split.csv").write_text("\n".join(["x,y", *rows]))
    ran = shell("fit", "split.csv", "y ~ x", "--family", "bernoulli", "--bias", "median", "--save", "m.json")
    assert ran.code == 0, ran.err
    assert "Bias reduction: median" in ran.out
    assert expfam.load("m.json").model.bias == "median"
    told = shell("fit", "split.csv", "y ~ x", "--family", "bernoulli")
    assert told.code == 1
    assert "Run to infinity: Intercept -> -inf, x -> +inf" in told.out


def test_fit_takes_offset_and_trials(shell: Shell) -> None:
    rows = {
        "x": [1.0, 2.0, 3.0, 4.0],
        "share": [0.2, 0.5, 0.25, 0.75],
        "of": [5, 4, 8, 4],
        "logit": [0.1, 0.0, 0.2, 0.3],
    }
    parquet.write_table(pa.table(rows), "shares.parquet")
    options = ("--family", "binomial", "--trials", "of", "--offset", "2 * logit", "--save", "m.json")
    assert shell("fit", "shares.parquet", "share ~ x", *options).code == 0
    fit = expfam.glm("share ~ x", "shares.parquet", family="binomial", trials="of", offset="2 * logit")
    np.testing.assert_array_equal(expfam.load("m.json").coef, fit.coef)


@pytest.mark.parametrize(
    "words",
    [("tweedie( 1.5 )",), ("tweedie(1.5)",), ("tweedie(power=1.5)",), ("Tweedie", "--power", "1.5")],
    ids=lambda words: words[0],
)
def test_families_with_parameters(shell: Shell, words: tuple[str, ...]) -> None:
    assert shell("fit", "book.parquet", "ClaimNb ~ log(Density)", "--save", "m.json", "--family", *words).code == 0
    assert expfam.load("m.json").model.family == expfam.families.Tweedie(1.5)


def test_a_family_by_name_estimates_its_number(shell: Shell) -> None:
    counts = np.random.default_rng(0).negative_binomial(2, 0.4, 300)
    parquet.write_table(pa.table({"n": counts, "x": np.arange(300) % 7}), "counts.parquet")
    ran = shell("fit", "counts.parquet", "n ~ x", "--family", "negative_binomial", "--save", "m.json")
    assert ran.code == 0
    assert "Theta " in ran.out
    fit = expfam.glm("n ~ x", "counts.parquet", family="negative_binomial")
    assert (expfam.load("m.json").theta, expfam.load("m.json").theta_se) == (fit.theta, fit.theta_se)
    assert shell("fit", "counts.parquet", "n ~ x", "--dispersion", "ml").code == 0


def test_not_converged_is_exit_1_with_advice_and_the_model(shell: Shell) -> None:
    ran = shell("fit", "book.parquet", FORMULA, *POISSON, "--max-iter", "1", "--save", "m.json")
    assert ran.code == 1
    assert "NOT converged" in ran.out
    assert ran.err.startswith("expfam: not converged: gradient ")
    assert "raise --max-iter" in ran.err
    assert not expfam.load("m.json").converged


def test_notes_go_to_stderr_without_file_and_line(shell: Shell) -> None:
    csv.write_csv(pa.table({"y": [1.0, 2.0, None, 4.0, 6.0], "x": [1.0, 2.0, 3.0, 4.0, 5.0]}), "gaps.csv")
    ran = shell("fit", "gaps.csv", "y ~ x + I(2 * x)")
    assert ran.code == 0
    dropped, aliased = ran.err.splitlines()
    assert dropped.startswith("expfam: note: 1 of 5 rows left out for missing values")
    assert aliased.startswith("expfam: note: 1 column is a linear combination")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--missing", "keep"), "--missing keep is not allowed"),
        (("--missing", "error"), "or take --missing drop"),
        (("--weights-kind", "freq"), "--weights-kind freq is not allowed; choose one of 'precision'"),
        (("--bias", "first"), "--bias first is not allowed; choose one of 'firth', 'mean', 'median', or leave it out"),
        (("--bias", "firth", "--solver", "lbfgs"), "take --solver auto, not"),
        (("--bias", "firth", "--ridge", "1"), "--bias mean and --ridge: the adjustment"),
        (("--family", "tweedie", "--power", "0.5"), "tweedie(power=0.5): no such family"),
        (("--family", "weibull"), "quasipoisson, quasibinomial\n"),
        (("--vcov", "HC9"), "--vcov HC9 is not allowed; choose one of model, observed, HC0"),
        (("--exposure", "x"), "Use --offset, or --weights"),
        (("--passes", "3"), "--passes 3 is for --solver sgd, not for 'auto'"),
        (("--passes", "3"), "--tol and --max-iter bound them"),
        (("--solver", "sgd(rate=-3)"), "sgd(rate=-3, decay=1.0, power=0.75): the rate"),
        (("--trials", "x"), "use --family binomial"),
        (("--seed", "-1"), "'--seed'"),
    ],
)
def test_refusals_speak_of_the_options_as_they_are_typed(shell: Shell, words: tuple[str, ...], told: str) -> None:
    Path("gaps.csv").write_text("y,x\n1,2\n2,\n3,4\n4,3\n")
    said = shell.refused("fit", "gaps.csv", "y ~ x", *words)
    assert told in said
    assert not re.search(r"(?<![(\w ])\b[a-z_]+=['\w]", said)


def test_an_option_without_meaning_stops_a_stream_at_once(shell: Shell) -> None:
    """No row is at fault, and none is read."""
    Path("rows.csv").write_text("y,x,e\n1,2,1\n2,1,2\n")
    said = shell.refused("stream", "y ~ x", "rows.csv", "--exposure", "e", "--link", "identity")
    assert "--exposure means --offset 'log(exposure)' and needs the log link, not identity" in said
    for words in (("y ~ x", "rows.csv", "--offset", "log(e)"), ("y ~ x + offset(log(e))", "rows.csv")):
        said += shell.refused("stream", *words, "--family", "categorical")
    assert said.count("the offset 'log(e)': the categorical family needs one for each class but the last") == 2
    assert "line" not in said


def test_notes_and_what_did_not_converge_do_so_too(shell: Shell) -> None:
    Path("sep.csv").write_text("y,x\n0,1\n0,2\n1,3\n1,4\n1,\n")
    ran = shell("fit", "sep.csv", "y ~ x + I(2 * x)", "--family", "bernoulli")
    assert all(part in ran.err for part in ("--missing error refuses", "--aliased error refuses", "(--bias firth)"))
    assert "penalty such as --ridge 1e-4" in ran.err
    advice = " ".join(ran.out.split())
    assert "reduce the bias (--bias firth), or add a penalty such as --ridge 1e-4" in advice
    assert "I(2 * x)" in advice
    stopped = shell("fit", "book.parquet", FORMULA, *POISSON, "--max-iter", "1")
    assert all("raise --max-iter or look" in " ".join(text.split()) for text in (stopped.out, stopped.err))


def test_a_page_speaks_of_commands_and_their_options(shell: Shell) -> None:
    """Of the options of fit, too, where another command writes the page: they are what makes the model better."""
    Path("sep.csv").write_text("y,x,g\n" + "".join(f"{x > 105},{x},l{x}\n" for x in range(210)))
    fit = ("fit", "sep.csv", "--family", "bernoulli", "--no-progress")
    ran = shell(*fit, "y ~ x", "--save", "m.json", "--report", "a.html")
    assert ran.code == 1
    assert shell("report", "m.json", "sep.csv", "--out", "b.html", "--no-figures").code == 0
    for page in ("a.html", "b.html"):
        text = Path(page).read_text()
        assert "reduce the bias (--bias firth), or add a penalty such as --ridge 1e-4" in text
        assert "or take --bias firth." in text
        assert "levels with the most rows; expfam.load(MODEL).actual_expected(&#39;g&#39;) in Python" in text
    assert "`expfam plot MODEL DATA effects` draws them" in text
    ran = shell(*fit, "x ~ g", "--family", "poisson", "--ridge", "1", "--report", "a.html")
    assert "170 more: expfam.load(MODEL).tidy() in Python has all" in " ".join(ran.out.split())
    text = Path("a.html").read_text()
    assert "expfam.load(MODEL).tidy() in Python has all" in text
    assert "levels with the most rows; `expfam relativities` has all" in text


def test_a_tilde_is_the_users_folder_where_no_shell_has_seen_it(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    home = shell.folder / "home"
    home.mkdir()
    for name in ("HOME", "USERPROFILE"):
        monkeypatch.setenv(name, str(home))
    Path("book.csv").replace(home / "book.csv")
    poisson = ("--family", "poisson", "--no-progress")
    assert shell("fit", "~/book.csv", FORMULA, *poisson, "--save", "~/m.json").code == 0
    assert shell("predict", "~/m.json", "~/book.csv", "--sep", ",", "--out", "~/p.csv").code == 0
    assert shell("compare", "~/m.json", "~/m.json", "--name", "~/a", "--name", "b").code == 0
    assert shell("stream", "ClaimNb ~ Area", "~/book.csv", *poisson, "--save", "~/s.json").code == 0
    expfam.load("~/m.json").save("~/n.json")
    expfam.glm(FORMULA, "~/book.csv", family="poisson").report("~/r.html", figures=False)
    expfam.OnlineGLM.from_state("~/s.json").consume("~/book.csv").save("~/t.json")
    assert sorted(path.name for path in home.iterdir()) == sorted(
        ["book.csv", "m.json", "n.json", "p.csv", "r.html", "s.json", "t.json"]
    )
    assert not list(shell.folder.glob("~*"))


def test_a_file_of_the_other_kind_is_told_with_what_reads_it(shell: Shell, model: expfam.Fit) -> None:
    assert shell("stream", "ClaimNb ~ Area", "book.csv", "--family", "poisson", "--save", "s.json").code == 0
    said = shell.refused("predict", "s.json", "book.csv", "--out", "p.csv")
    assert "s.json is no expfam model: it is the state of a stream, which `expfam stream --resume` reads" in said
    said = shell.refused("stream", "ClaimNb ~ Area", "book.csv", "--resume", "model.json")
    assert "model.json is no expfam stream: it is a fitted model, which `expfam predict` reads" in said
    with pytest.raises(ExpfamError, match=r"state of a stream, which OnlineGLM\.from_state\(path\) reads"):
        expfam.load("s.json")
    with pytest.raises(ExpfamError, match=r"a fitted model, which expfam\.load\(path\) reads"):
        expfam.OnlineGLM.from_state("model.json")


def test_a_stream_of_no_rows_is_no_success(shell: Shell) -> None:
    Path("head.csv").write_text("y,x\n")
    Path("gaps.csv").write_text("y,x\n,1\n,2\n")
    Path("rows.csv").write_text("y,x\n1,1\n2,2\n2,3\n")
    for kind in ("ndjson", "csv"):
        Path(f"none.{kind}").write_text("")
    for file, said in (("head.csv", "no rows came"), ("none.ndjson", "no rows came"), ("none.csv", "header line")):
        assert said in shell.refused("stream", "y ~ x", file)
    assert "no rows are left: of 2 rows 2 lack a value, in y (2)" in shell.refused("stream", "y ~ x", "gaps.csv")
    assert shell("stream", "y ~ x", "rows.csv", "--save", "s.json").err == ""
    resumed = shell("stream", "y ~ x", "head.csv", "--resume", "s.json")  # the state is an answer all the same
    assert (resumed.code, resumed.err) == (0, "expfam: warning: no rows were added\n")
    assert "3 rows, 2 coefficients" in resumed.out


def test_errors_about_a_model_name_commands_and_the_options_of_fit(shell: Shell, model: expfam.Fit) -> None:
    told = shell.refused("plot", "model.json", "book.parquet", "roc", "--out", "a.svg")
    assert "`expfam plot MODEL DATA lorenz` says how well a model orders rows" in told
    assert "--solver sgd takes" in shell.refused("plot", "model.json", "book.parquet", "learning", "--out", "a.svg")
    told = shell.refused("fit", "book.parquet", "ClaimNb ~ plot(Area) + fit(Area)")
    assert "the function 'plot' is not listed\n    ClaimNb ~ plot(Area) + fit(Area)\n" in told


def test_levels_are_shown_as_they_are_where_advice_is_in_other_words(shell: Shell) -> None:
    Path("sep.csv").write_text("y,x,g\n0,1,None\n0,2,b\n1,3,None\n1,4,b\n0,1,None\n")
    ran = shell("fit", "sep.csv", "y ~ x + C(g, ref='None')", "--family", "bernoulli")
    assert "Reference levels: C(g, ref='None') None" in ran.out


def test_a_csv_of_another_dialect_is_read_where_it_is_named(shell: Shell) -> None:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"x": rng.normal(size=60).round(2), "y": rng.poisson(2.0, 60)})
    frame.to_csv("plain.csv", index=False)
    frame.to_csv("other.csv", index=False, sep=";", decimal=",")
    frame.to_csv("tabs.csv", index=False, sep="\t")
    dialect = ("--sep", ";", "--decimal", ",")
    poisson = ("y ~ x", "--family", "poisson", "--save", "m.json", "--no-progress")
    assert "Export it so, or give --sep ';' --decimal ," in shell.refused("fit", "other.csv", *poisson)
    tables = []
    for words in (("plain.csv",), ("other.csv", *dialect), ("tabs.csv", "--sep", "tab"), ("tabs.csv", "--sep", r"\t")):
        file, *more = words
        assert shell("fit", file, *poisson, *more).code == 0
        assert shell("predict", "m.json", file, "--out", "p.parquet", *more).code == 0
        assert shell("stream", "y ~ x", file, "--family", "poisson", "--save", "s.json", *more).code == 0
        tables.append(
            (Path("s.json").read_text(), parquet.read_table("p.parquet"), expfam.load("m.json").coef.tolist())
        )
        Path("s.json").unlink()
        for command in (("anova",), ("relativities",), ("plot", "qq"), ("report",)):
            name, *rest = command
            out = {"plot": ("--out", "a.svg"), "report": ("--out", "a.html", "--no-figures")}.get(name, ())
            ran = shell(name, "m.json", file, *rest, *out, *more)
            assert ran.code == 0, ran.err
    assert all(table == tables[0] for table in tables)
    assert "--sep ;; is not allowed" in shell.refused("fit", "other.csv", *poisson, "--sep", ";;").replace("'", "")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("fit", "book.parquet", "ClaimNb ~ Aera"), "did you mean 'Area'?"),
        (("fit", "book.parquet", "ClaimNb ~ open('x')", "--save", "m.json"), "'open' is not listed"),
        (("fit", "book.parquet", "ClaimNb ~ Area +", "--save", "m.json"), "^"),
        (("fit", "absent.parquet", "y ~ x"), "there is no file 'absent.parquet'"),
        (("fit", "book.parquet", "ClaimNb ~ Area", "--family", "gamma"), "row"),
        (("fit", "book.parquet", "ClaimNb ~ Area", "--family", "poison"), "did you mean 'poisson'?"),
        (("fit", "book.parquet", "ClaimNb ~ Area", "--dispersion", "REML"), "'pearson', 'deviance', 'ml'"),
        (("fit", "book.parquet", "ClaimNb ~ Area", "--family", "tweedie(1.5"), "'tweedie(1.5' is not understood"),
        (("fit", "book.parquet", "ClaimNb ~ Area", "--family", "tweedie(a)"), "is not understood"),
        (("fit", "book.parquet", "ClaimNb ~ Area", "--theta", "2"), "gaussian takes no parameters; got --theta 2.0"),
        (("fit", "book.parquet", "ClaimNb ~ Area", "--solver", "sgd(speed=2)"), "sgd takes passes, update"),
        (("fit", "book.parquet", "ClaimNb ~ Area", "--passes", "2"), "--passes 2 is for --solver sgd, not for 'auto'"),
        (("fit", "book.parquet", "ClaimNb ~ Area", "--solver", "sgd", "--passes", "0"), "at least 1"),
        (("fit", "book.parquet", "ClaimNb ~ Area", "--solver", "newtn"), "did you mean 'newton'?"),
        (("fit", "book.parquet", "ClaimNb ~ Area", "--missing", "fill"), "'drop', 'error'"),
        (("fit", "book.parquet", "ClaimNb ~ Area", "--save", "nowhere/m.json"), "there is no folder nowhere"),
        (("fit", "book.parquet", "ClaimNb ~ Area", "--save", "."), "is a folder"),
        (("fit", "book.parquet", "ClaimNb ~ Area", "--save", "book.parquet"), "would overwrite what is read"),
        (("fit", "book.parquet", "ClaimNb ~ Area", "--tol", "small"), "Invalid value for '--tol'"),
        (("fit", "book.parquet"), "Missing argument"),
        (("predict", "book.csv", "book.csv"), "book.csv is damaged or no model file"),
        (("demo", "--rows", "5"), "needs at least 100"),
        (("explain", "bernouli"), "did you mean 'bernoulli'?"),
    ],
    ids=lambda value: " ".join(value[:1] + value[2:]) if isinstance(value, tuple) else "",
)
def test_bad_input_is_exit_2_and_leaves_nothing(shell: Shell, words: tuple[str, ...], told: str) -> None:
    assert told in shell.refused(*words)


@pytest.mark.parametrize("out", ["p.parquet", "p.csv"])
def test_predict_writes_every_row_in_order(shell: Shell, model: expfam.Fit, portfolio: pa.Table, out: str) -> None:
    ran = shell("predict", "model.json", "book.csv", "--out", out)
    assert ran.code == 0
    assert ran.err == ""
    assert "Wrote 4,000 predictions" in ran.out
    table = parquet.read_table(out) if out.endswith("parquet") else csv.read_csv(out)
    assert table.column_names == ["prediction"]
    np.testing.assert_array_equal(table["prediction"].to_numpy(), model.predict(portfolio))
    assert not list(shell.folder.glob(".*"))


def test_predict_says_that_a_model_is_not_at_its_optimum(shell: Shell) -> None:
    with pytest.warns(expfam.ConvergenceWarning):
        fit = expfam.glm("ClaimNb ~ Area", csv.read_csv("book.csv"), family="poisson", max_iter=1, tol=1e-14)
    fit.save("short.json")
    ran = shell("predict", "short.json", "book.csv", "--out", "p.csv")
    assert ran.code == 0
    assert "not at its optimum: the iteration limit was reached" in ran.err


def test_predict_interval_link_and_first_rows(shell: Shell, model: expfam.Fit, portfolio: pa.Table) -> None:
    assert shell("predict", "model.json", "book.csv", "--type", "link", "--interval", "confidence", "--level", "0.9",
                 "--out", "p.parquet").code == 0  # fmt: skip
    expected = model.predict(portfolio, type="link", interval="confidence", level=0.9)
    written = parquet.read_table("p.parquet")
    assert written.column_names == ["fit", "lower", "upper"]
    for name in written.column_names:
        np.testing.assert_array_equal(written[name].to_numpy(), expected[name].to_numpy())
    shown = shell("predict", "model.json", "book.csv").out
    assert f"{model.predict(portfolio)[0]:.6g}" in shown
    assert "10 of 4,000 rows" in shown


def test_predict_classes(shell: Shell, portfolio: pa.Table) -> None:
    fit = expfam.glm("Area ~ log(Density)", portfolio, family="categorical", penalty=expfam.Ridge(1e-3))
    fit.save("areas.json")
    assert shell("predict", "areas.json", "book.csv", "--out", "p.parquet").code == 0
    written = parquet.read_table("p.parquet")
    assert written.column_names == [f"prediction[{area}]" for area in "ABCDEF"]
    np.testing.assert_array_equal(np.column_stack([c.to_numpy() for c in written.columns]), fit.predict(portfolio))
    shown = shell("predict", "areas.json", "book.csv").out
    assert all(f"prediction[{area}]" in shown for area in "ABCDEF")
    assert shell("predict", "areas.json", "book.csv", "--type", "class", "--out", "c.csv").code == 0
    assert csv.read_csv("c.csv")["prediction"].to_pylist() == fit.predict(portfolio, type="class").tolist()
    assert "a label has no interval" in shell.refused(
        "predict", "areas.json", "book.csv", "--type", "class", "--interval", "confidence"
    )
    many = portfolio.append_column("many", pa.array(portfolio["Density"].to_numpy() > 500))
    expfam.glm("many ~ DrivAge", many, family="bernoulli").save("many.json")
    assert shell("predict", "many.json", "book.csv", "--type", "class", "--out", "m.parquet").code == 0
    assert parquet.read_table("m.parquet")["prediction"].type == pa.bool_()


@pytest.mark.parametrize("width", [40, 60, 80, 100])
def test_tables_are_whole_at_any_width(shell: Shell, portfolio: pa.Table, width: int) -> None:
    fit = expfam.glm("ClaimNb ~ Area + VehGas", portfolio, family="poisson", exposure="Exposure")
    fit.save("m.json")
    shell.patch.setenv("COLUMNS", str(width))
    found = fit.relativities().to_pandas()
    predicted = fit.predict(portfolio, interval="confidence", se=True).to_pandas()[:10]
    anova = fit.anova().to_pandas()
    terms = [*found.term, *found.level[found.level != ""]]
    numbers = [f"{v:.4f}" for v in found[["relativity", "conf_low", "conf_high"]].to_numpy().ravel()]
    tables: dict[tuple[str, ...], list[str]] = {
        ("relativities", "m.json", "book.csv"): ["term", "level", "relativity", "fitted", *terms, *numbers],
        ("anova", "m.json", "book.csv"): [*anova.columns, *anova.term, *(f"{v:,.6g}" for v in anova.residual_deviance)],
        ("predict", "m.json", "book.csv", "--se", "--interval", "confidence"): [
            *predicted.columns, *(f"{v:.6g}" for v in predicted.to_numpy().ravel())
        ],
    }  # fmt: skip
    for words, cells in tables.items():
        shown = shell(*words).out
        assert not [cell for cell in cells if f" {cell} " not in shown]
        lines = [line for line in shown.splitlines() if "--out" not in line]
        assert max(map(len, lines)) <= width
        heads = {title.split()[0] for title, rule in pairwise(lines) if "──" in rule}
        assert heads <= {"term", "row"}  # every block says which row is which


def test_a_table_too_wide_for_a_terminal_folds_its_text_and_runs_over(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "30")
    level = "cut(Density, [1, 2])[(2, inf]] of every town that there is"
    show(pa.table({"level": [level], "n": [1e30], "m": [2.0]}), {"n": ",.0f"})
    shown = capsys.readouterr().out.splitlines()
    assert f"{1e30:,.0f}" in "\n".join(shown)
    folded = " ".join(line[:14] for line in shown if "level" not in line and "─" not in line)
    assert folded.split() == level.split() * 2  # a block each for n and m
    monkeypatch.setenv("COLUMNS", "100")
    show(pa.table({"level": [level], "n": [1.0]}), {})
    assert f"  {level}   1.0000  " in capsys.readouterr().out


@pytest.mark.parametrize(
    "words",
    [
        ("fit", "d.csv", "y ~ x", "--save", "m.json"),
        ("explain", "poisson"),
        ("fit", "--help"),
        ("--help",),
        ("--version",),
    ],
)
@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_reader_that_goes_and_a_full_disk(words: tuple[str, ...], unbuffered: str, tmp_path: Path) -> None:
    (tmp_path / "d.csv").write_text("y,x\n1,2\n3,5\n2,4\n6,6\n")
    said = {"cwd": tmp_path, "env": {**os.environ, "PYTHONUNBUFFERED": unbuffered}, "stderr": subprocess.PIPE}
    command, (reader, writer) = [sys.executable, "-m", "expfam", *words], os.pipe()
    os.close(reader)
    gone = subprocess.run(command, stdout=writer, check=False, **said)  # type: ignore[call-overload]
    os.close(writer)
    assert (gone.returncode, gone.stderr) == (0, b"")
    assert (tmp_path / "m.json").exists() == ("--save" in words)
    if Path("/dev/full").exists():
        with Path("/dev/full").open("w") as full:
            ran = subprocess.run(command, stdout=full, check=False, **said)  # type: ignore[call-overload]
        assert ran.returncode == 2
        assert ran.stderr.decode().splitlines() == ["expfam: error: [Errno 28] No space left on device"]


def test_predict_leaves_gaps_empty_and_says_so(shell: Shell, model: expfam.Fit) -> None:
    rows = {"Area": ["A", None], "DrivAge": [30, 40], "Density": [50.0, 60.0], "Exposure": [1.0, 1.0]}
    csv.write_csv(pa.table(rows), "new.csv")
    ran = shell("predict", "model.json", "new.csv", "--out", "p.parquet")
    assert ran.code == 0
    assert ran.err.startswith("expfam: note: 1 of 2 rows have missing values")
    assert parquet.read_table("p.parquet")["prediction"].is_null().to_pylist() == [False, True]
    csv.write_csv(pa.table({"y": [1.0, 3.0, 2.0, 5.0], "x": [1.0, 2.0, 3.0, 4.0], "c": [7.0] * 4}), "old.csv")
    assert shell("fit", "old.csv", "y ~ x + c", "--save", "m.json").code == 0
    csv.write_csv(pa.table({"x": [1.0, 2.0, None], "c": [7.0, 8.0, 7.0]}), "new.csv")
    ran = shell("predict", "m.json", "new.csv", "--out", "p.parquet")
    assert "note: 1 of 2 rows are not estimable and have no prediction, the first of them row 1" in ran.err
    assert "note: 2 of 3 rows have missing values, levels never met or a mean that the fit leaves open" in ran.err
    assert parquet.read_table("p.parquet")["prediction"].is_null().to_pylist() == [False, True, True]


@pytest.mark.parametrize("kind", ["response", "class"])
def test_a_missing_prediction_keeps_its_row_in_a_csv(shell: Shell, kind: str) -> None:
    """One column has no comma to tell of it, and readers skip empty lines."""
    x = np.array([0.0, 1.0, 2.0, 3.0, 4.0, 5.0])
    fit = expfam.glm("y ~ x", {"x": x, "y": ["no", "yes", "no", "yes", "no", "yes"]}, family="bernoulli")
    fit.save("m.json")
    rows = [0.0, None, 5.0, None]
    csv.write_csv(pa.table({"x": rows, "other": rows}), "new.csv")
    assert shell("predict", "m.json", "new.csv", "--type", kind, "--out", "p.csv").code == 0
    meant = fit.predict({"x": rows}, type=kind)
    for read in (pd.read_csv, pl.read_csv):
        found = np.array(read("p.csv")["prediction"])
        assert found[[0, 2]].tolist() == meant[[0, 2]].tolist()
        assert len(found) == 4
        assert pd.isna(pd.Series(found[[1, 3]]).replace("", None)).all()


def test_predict_refuses_and_leaves_nothing(shell: Shell, model: expfam.Fit) -> None:
    rows = {"Area": ["A", "Z"], "DrivAge": [30, 40], "Density": [50.0, 60.0], "Exposure": [1.0, 1.0]}
    csv.write_csv(pa.table(rows), "new.csv")
    assert "'Z'" in shell.refused("predict", "model.json", "new.csv", "--out", "p.csv")
    assert "allowed: .parquet, .pq, .csv" in shell.refused("predict", "model.json", "book.csv", "--out", "p.xlsx")
    assert "would overwrite" in shell.refused("predict", "model.json", "book.csv", "--out", "book.csv")
    assert shell("predict", "model.json", "new.csv", "--unseen", "reference", "--out", "p.csv").code == 0


def test_a_write_that_fails_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(table: Any, path: Path) -> None:
        path.write_text("half")
        raise OSError("no space left on device")

    old = tmp_path / "p.csv"
    old.write_text("old")
    monkeypatch.setitem(sys.modules["expfam.cli.files"].WRITERS, ".csv", full)
    with pytest.raises(ExpfamError, match="no space left"):
        write(pa.table({"x": [1]}), old)
    assert [path.name for path in tmp_path.iterdir()] == ["p.csv"]
    assert old.read_text() == "old"


@pytest.mark.parametrize("family", FAMILIES)
def test_explain_every_family(shell: Shell, family: str) -> None:
    ran = shell("explain", family)
    assert (ran.code, ran.err) == (0, "")
    assert ran.out == expfam.explain(family).text.rstrip() + "\n"


def test_interruption_is_exit_130(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(name: str) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(expfam, "explain", interrupted, raising=False)
    ran = shell("explain", "poisson")
    assert (ran.code, ran.err) == (130, "expfam: error: interrupted\n")


def test_warmup_compiles_for_every_twin(shell: Shell) -> None:
    """Every pair with a compiled twin, and every kind of column, is evaluated once."""
    from expfam.kernels.ready import loaded
    from expfam.response import TWINS
    from expfam.warming import FAMILIES as WARMED
    from expfam.warming import each

    ran = shell("warmup")
    assert ran.code == 0
    assert "are ready" in ran.out
    assert loaded()
    assert len(WARMED) == len(TWINS)
    assert {family.name for family in WARMED} <= set(each())


def test_those_who_go_without_kernels_are_told(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    from expfam.kernels import ready

    words = "fit", "book.parquet", "ClaimNb ~ Area"
    assert "warmup" not in shell(*words).out
    monkeypatch.setattr(ready, "loaded", lambda: False)
    monkeypatch.setattr(ready, "RENT", [1.0])
    assert "`expfam warmup` makes them" in shell(*words).out
    assert "`expfam warmup` makes them" in shell("demo", "--rows", "20000").out


def test_errors_of_another_kind(shell: Shell, portfolio: pa.Table) -> None:
    plain = expfam.glm(FORMULA, portfolio, family="poisson", exposure="Exposure")
    both = ("--cluster", "Density", "--cluster", "DrivAge")
    for words, vcov in ((("--vcov", "HC1"), "HC1"), (both, ["Density", "DrivAge"])):
        ran = shell("fit", "book.parquet", FORMULA, *POISSON, "--save", "robust.json", *words)
        assert ran.code == 0
        assert "Standard errors: " in ran.out
        expected = plain.with_vcov(vcov) if isinstance(vcov, str) else plain.with_vcov(cluster=vcov)
        # theta goes to standard coordinates and back on the one way, not on the other: the last bit is the processor's
        assert expfam.load("robust.json").se == pytest.approx(expected.se, rel=1e-13)
    fit = ("fit", "book.csv", FORMULA, *POISSON)
    assert "two covariances" in shell.refused(*fit, "--vcov", "HC1", "--cluster", "Area")
    assert "--vcov HC9 is not allowed" in shell.refused(*fit, "--vcov", "HC9")


def test_what_is_to_be_typed_can_be(shell: Shell) -> None:
    assert shell("fit", "book.csv", FORMULA, *POISSON, "--save", "robust.json", "--vcov", "HC0").code == 0
    said = shell.refused("anova", "robust.json", "book.csv")
    assert "`expfam anova --type 3 --test wald`, or name --test lrt or --test f to" in said
    assert "did you mean 'lift'?" in shell.refused("plot", "robust.json", "book.csv", "lft", "--out", "p.png")
    assert "is it the data?" in shell.refused("predict", "book.parquet", "robust.json")


def test_anova(shell: Shell, model: expfam.Fit) -> None:
    ran = shell("anova", "model.json", "book.parquet", "--type", "2")
    assert (ran.code, ran.err) == (0, "")
    assert all(block.label in ran.out for block in model.model.terms.blocks if not block.is_intercept)
    assert shell("anova", "model.json", "book.csv", "--out", "terms.csv").code == 0
    table = csv.read_csv("terms.csv")
    assert np.allclose(table["deviance"].to_numpy(), model.anova()["deviance"].to_numpy(), equal_nan=True)
    assert "not the rows of the fit" in shell.refused("anova", "model.json", str(_half(shell)))
    assert "choose 1" in shell.refused("anova", "model.json", "book.csv", "--type", "4")


def _half(shell: Shell) -> Path:
    path = shell.folder / "half.parquet"
    parquet.write_table(parquet.read_table("book.parquet").slice(0, 2_000), path)
    return path


def test_plot_writes_a_picture(shell: Shell, model: expfam.Fit) -> None:
    for name, more in (("panels", ()), ("effect", ("--of", "Density", "--dark")), ("relativities", ("--of", "Area"))):
        ran = shell("plot", "model.json", "book.parquet", name, "--out", f"{name}.png", *more)
        assert (ran.code, ran.err) == (0, "")
        assert f"to {name}.png" in ran.out
        assert Path(f"{name}.png").read_bytes().startswith(b"\x89PNG")


def test_plot_refuses(shell: Shell, model: expfam.Fit) -> None:
    for words, told in (
        (("pie",), "there is no picture 'pie'; choose one of panels"),
        (("effect",), "--of VARIABLE"),
        (("panels", "--of", "Area"), "leave --of out"),
        (("effect", "--of", "Arae"), "no variable 'Arae'"),
    ):
        assert told in " ".join(shell.refused("plot", "model.json", "book.parquet", *words, "--out", "p.png").split())
    assert ".svg" in shell.refused("plot", "model.json", "book.parquet", "panels", "--out", "p.gif")


def test_plot_judges_a_class_of_several(shell: Shell) -> None:
    """The class and the variable are named by the options of the command, and so errors name them."""
    expfam.glm("Area ~ DrivAge + VehGas", "book.csv", family="categorical").save("areas.json")
    plot = ("plot", "areas.json", "book.csv")
    for name in ("lift", "calibration", "lorenz", "actual_expected"):
        told = shell.refused(*plot, name, "--out", "p.svg")
        assert "a response of classes is judged class by class; name one of 'A'" in told
        assert "as in --label A" in told
        ran = shell(*plot, name, "--label", "B", "--out", f"{name}.svg")
        assert (ran.code, ran.err) == (0, "")
    assert shell(*plot, "calibration", "--label", "B", "--of", "VehGas", "--out", "by.svg").code == 0
    assert "leave --label out" in shell.refused(*plot, "roc", "--label", "B", "--out", "p.svg")
    assert "leave it out" in shell.refused("plot", *_bare(shell), "lift", "--label", "B", "--out", "p.svg")
    told = shell.refused("plot", *_bare(shell), "actual_expected", "--out", "p.svg")
    assert "name one of the data: --of ..." in told


def _bare(shell: Shell) -> tuple[str, str]:
    """A model of nothing but an intercept, and its rows."""
    expfam.glm("ClaimNb ~ 1", "book.csv", family="poisson").save(shell.folder / "bare.json")
    return "bare.json", "book.csv"


def test_a_file_and_a_formula_in_each_others_place_are_told(shell: Shell) -> None:
    told = shell.refused("fit", "ClaimNb ~ Area", "book.csv")
    assert "'ClaimNb ~ Area' is a formula, and 'book.csv' is none; the order is DATA, then FORMULA" in told
    assert "the order is FORMULA, then SOURCE" in shell.refused("stream", "book.csv", "ClaimNb ~ Area")
    assert "no file 'gone ~.csv'" in shell.refused("fit", "gone ~.csv", "ClaimNb ~ Area")


def test_a_comparison_of_very_many_coefficients_says_what_has_all(shell: Shell) -> None:
    rng = np.random.default_rng(0)
    data = {"g": np.repeat(np.arange(250), 3).astype(str), "y": rng.normal(size=750)}
    expfam.glm("y ~ g", data).save("many.json")
    assert "more: expfam.compare(...).table() in Python has all" in shell("compare", "many.json").out


@pytest.mark.skipif(os.name != "posix", reason="makes links and a named pipe")
def test_a_link_leads_to_the_file_that_is_written_and_a_pipe_stays_one(shell: Shell, model: expfam.Fit) -> None:
    """Whoever writes: a model, a stream, a report, a picture, a table."""
    elsewhere = shell.folder / "elsewhere"
    elsewhere.mkdir()
    online = expfam.OnlineGLM("ClaimNb ~ Area", "poisson").partial_fit(csv.read_csv("book.csv"))
    writers = {
        "m.json": model.save,
        "s.json": online.save,
        "r.html": lambda path: model.report(path, figures=False),
        "p.png": online.plot_learning().save,
        "t.csv": lambda path: write(pa.table({"x": [1]}), Path(path)),
    }
    for name, save in writers.items():
        real, link, pipe = elsewhere / name, shell.folder / name, shell.folder / f"pipe_{name}"
        real.write_text("old")
        real.chmod(0o600)
        link.symlink_to(Path("elsewhere") / name)
        os.mkfifo(pipe)
        save(link)
        assert link.is_symlink()
        assert stat.S_IMODE(real.stat().st_mode) == 0o600
        with ThreadPoolExecutor(1) as pool:
            read = pool.submit(pipe.read_bytes)
            save(pipe)
            assert pipe.is_fifo()
            assert len(read.result(timeout=10)) == real.stat().st_size > 3
    assert sorted(path.name for path in elsewhere.iterdir()) == sorted(writers)
    assert expfam.load("m.json").coef == pytest.approx(model.coef)
    (elsewhere / "m.json").unlink()  # a link to what is not there yet
    assert shell("fit", "book.csv", FORMULA, *POISSON, "--save", "m.json").code == 0
    assert (Path("m.json").is_symlink(), expfam.load(elsewhere / "m.json").coef) == (True, pytest.approx(model.coef))
    Path("nowhere.json").symlink_to("absent/m.json")
    assert "there is no folder" in shell.refused("fit", "book.csv", FORMULA, *POISSON, "--save", "nowhere.json")


@pytest.mark.skipif(not os.path.exists("/dev/fd"), reason="names what a process has open")
def test_what_is_open_already_is_written_to_and_keeps_what_it_holds(shell: Shell, model: expfam.Fit) -> None:
    """/dev/stdout is a file where a shell sends it to one: its lines stay, and what is printed later follows."""
    saved = Path("model.json").read_text()
    words = [sys.executable, "-m", "expfam", "fit", "book.csv", FORMULA, *POISSON, "--save", "/dev/stdout"]
    for mode in ("ab", "wb"):
        with open("log.txt", mode) as log:
            log.write(b"kept\n")
            log.flush()
            assert subprocess.run(words, stdout=log, stderr=log, check=False).returncode == 0
        text = Path("log.txt").read_text()
        assert text.startswith("kept\n\nGeneralized linear model")
        assert text.index("Deviance") < text.index('"format": "expfam-fit"') < text.index("Saved to /dev/stdout (")
    with (
        open("more.txt", "wb", buffering=0) as out,
        subprocess.Popen("cat", stdin=subprocess.PIPE, stdout=out) as other,
    ):
        for place in (f"/dev/fd/{out.fileno()}", f"/proc/{other.pid}/fd/1"):
            if os.path.exists(place):
                Path("link").unlink(missing_ok=True)
                Path("link").symlink_to(place)
                out.write(b"first\n")
                model.save("link")
                assert Path("more.txt").read_text().endswith(f"first\n{saved}")
        other.communicate()
    assert Path("more.txt").read_text().startswith(f"first\n{saved}")


@pytest.fixture
def locked() -> Iterator[Path]:
    """A folder that this process may not change, with files it may write to, one that it may not, and a link to one."""
    folder, user = Path(tempfile.mkdtemp()), os.geteuid()
    for name, mode in (("m.json", 0o666), ("read.json", 0o444)):
        (folder / name).write_text("old")
        (folder / name).chmod(mode)
    (folder / "link.json").symlink_to("m.json")
    folder.chmod(0o555)
    if not user:  # whom nothing is forbidden
        os.seteuid(65534)
    try:
        yield folder
    finally:
        os.seteuid(user)
        folder.chmod(0o700)
        shutil.rmtree(folder)


@pytest.mark.skipif(os.name != "posix", reason="permissions of folders are those of POSIX")
def test_a_file_that_cannot_be_replaced_is_written_to(model: expfam.Fit, locked: Path) -> None:
    """As where the folder is another user's: the check before the work and the writing agree."""
    saved = json.dumps(to_dict(model), indent=1)
    for name in ("m.json", "link.json"):
        model.save(destination("--save", locked / name))
        assert (locked / "m.json").read_text() == saved
        (locked / "m.json").write_text("old")
    for name in ("read.json", "new.json"):
        with pytest.raises(expfam.ExpfamError, match="may not be written to"):
            destination("--save", locked / name)
        with pytest.raises(expfam.ModelFileError, match="cannot be written: Permission denied"):
            model.save(locked / name)
    assert {path.name: path.read_text() for path in locked.iterdir()} == {
        "m.json": "old", "link.json": "old", "read.json": "old"
    }  # fmt: skip


def test_a_file_that_is_mounted_by_itself_is_written_to(
    model: expfam.Fit, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """As into a container: it may not be renamed over. A disk that is full is another matter: nothing is touched."""
    saved = (tmp_path / "model.json").read_text()
    for number, text in ((errno.EBUSY, saved), (errno.ENOSPC, "old")):

        def refused(part: Path, target: Path, number: int = number) -> None:
            raise OSError(number, os.strerror(number))

        (tmp_path / "m.json").write_text("old")
        monkeypatch.setattr(Path, "replace", refused)
        with nullcontext() if text == saved else pytest.raises(expfam.ModelFileError, match="No space left"):
            model.save(tmp_path / "m.json")
        assert (tmp_path / "m.json").read_text() == text
        assert not [path for path in tmp_path.iterdir() if path.suffix == ".part"]
