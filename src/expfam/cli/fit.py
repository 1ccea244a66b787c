"""`expfam fit DATA FORMULA`."""

from functools import partial
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Annotated, Any

import typer

import expfam
from expfam.cli import spelled
from expfam.cli.files import DECIMAL, SEP, destination, in_order, table
from expfam.cli.report import told
from expfam.cli.terminal import COLD, NOT_CONVERGED, VERDICTS, console, own_words, say, watched
from expfam.fit.reporting import SUFFIXES, contents, written
from expfam.kernels.ready import renting

if TYPE_CHECKING:
    from expfam.fit import Fit

ROWS, SOLVING, OUTPUT = "Rows", "Solver", "Output"


def _option(text: str, panel: str = "Model", **more: Any) -> Any:
    return typer.Option(help=text, rich_help_panel=panel, **more)


def fit(
    data: Annotated[Path, typer.Argument(metavar="DATA", help="A Parquet or CSV file.", show_default=False)],
    formula: Annotated[
        str, typer.Argument(metavar="FORMULA", help="Such as 'y ~ a + log(x) + bs(z, df=5)'.", show_default=False)
    ],
    family: Annotated[str, _option("A family, such as poisson or 'tweedie(1.5)'.")] = "gaussian",
    link: Annotated[str | None, _option("A link, such as log or 'power(0.5)'; the family's own if left out.")] = None,
    theta: Annotated[float | None, _option("theta of negative_binomial; estimated if left out.")] = None,
    power: Annotated[float | None, _option("Power of tweedie; estimated if left out.")] = None,
    ridge: Annotated[float | None, _option("Strength s of a penalty s/2 |theta|^2 on the mean loss.")] = None,
    bias: Annotated[str | None, _option("Reduce the bias: firth (mean) or median; finite under separation.")] = None,
    dispersion: Annotated[str | None, _option("pearson, deviance, ml, or a known number.")] = None,
    vcov: Annotated[str | None, _option("Covariance: model, observed, or HC0 to HC3.")] = None,
    cluster: Annotated[list[str] | None, _option("Errors clustered by a column; repeat for several.")] = None,
    offset: Annotated[str | None, _option("A column or an expression, added to the linear predictor.", ROWS)] = None,
    exposure: Annotated[str | None, _option("An offset log(exposure), for a log link.", ROWS)] = None,
    weights: Annotated[str | None, _option("A column or an expression.", ROWS)] = None,
    weights_kind: Annotated[str, _option("precision, frequency or sampling.", ROWS)] = "precision",
    trials: Annotated[str | None, _option("Number of trials behind a binomial share.", ROWS)] = None,
    sep: Annotated[str | None, _option(SEP, ROWS)] = None,
    decimal: Annotated[str | None, _option(DECIMAL, ROWS)] = None,
    missing: Annotated[str, _option("drop rows with missing values (told), or error.", ROWS)] = "drop",
    aliased: Annotated[str, _option("drop columns that others give (told), or error.", ROWS)] = "drop",
    solver: Annotated[str, _option("auto, newton, sgd, or 'sgd(passes=50)'.", SOLVING)] = "auto",
    passes: Annotated[int | None, _option("How often sgd reads the rows; once if left out.", SOLVING)] = None,
    tol: Annotated[float, _option("Bound on the scaled gradient.", SOLVING)] = 1e-8,
    max_iter: Annotated[int, _option("Bound on Newton's steps.", SOLVING)] = 100,
    seed: Annotated[int, _option("Order of the rows for sgd.", SOLVING, min=0)] = 0,
    save: Annotated[Path | None, _option("Write the model here, as JSON without any rows.", OUTPUT)] = None,
    report: Annotated[Path | None, _option("Write a page of everything here, as .html.", OUTPUT)] = None,
    progress: Annotated[
        bool | None, typer.Option("--progress/--no-progress", help="On in a terminal.", rich_help_panel=OUTPUT)
    ] = None,
) -> None:
    """Fit a generalized linear model to a file and print its summary."""
    began = perf_counter()
    in_order(formula, data, "DATA, then FORMULA")
    if save is not None:
        destination("--save", save, inputs=[data])
    if report is not None:
        destination("--report", report, inputs=[data], suffixes=SUFFIXES)
    fitted = expfam.glm(
        formula, table(data, sep, decimal), family=spelled.family(family, theta=theta, power=power), link=link,
        weights=weights, weights_kind=weights_kind, offset=offset, exposure=exposure, trials=trials,
        penalty=None if ridge is None else expfam.Ridge(ridge), bias=bias, solver=spelled.solver(solver),
        passes=passes, tol=tol, max_iter=max_iter, missing=missing, aliased=aliased,
        dispersion=spelled.dispersion(dispersion), vcov=spelled.vcov(vcov, cluster), seed=seed,
        progress=watched(progress),
    )  # fmt: skip
    _print(fitted)
    out = console()
    if save is not None:
        fitted.save(save)
        out.print(f"Saved to {save} ({save.stat().st_size / 1e3:,.0f} kB), without any rows.", markup=False)
    if report is not None:
        begun = perf_counter()
        told(written(report, partial(contents, fitted, advice=own_words), watched(progress)), perf_counter() - begun)
    out.print(f"{perf_counter() - began:.2f} s in all: reading, fitting, certifying.", style="dim")
    if renting():
        out.print(COLD, style="dim")
    if not fitted.converged:
        certificate = fitted.certificate
        figures = f"gradient {certificate.gradient:.1e}, tol {certificate.tol:.1e}"
        say("not converged", f"{figures}; {certificate.status.value}")
        raise typer.Exit(NOT_CONVERGED)


def _print(fitted: "Fit") -> None:
    """The summary, with the verdict in colour."""
    from rich.text import Text  # slow to load

    from expfam.report.content import content
    from expfam.report.text import render

    summary = Text(f"\n{render(content(fitted, advice=own_words))}\n")
    for pattern, style in ((r"^Generalized .*", "bold"), *VERDICTS):
        summary.highlight_regex(f"(?m){pattern}", style)
    console().print(summary)
