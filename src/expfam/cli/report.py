"""`expfam report MODEL DATA --out FILE`."""

from functools import partial
from pathlib import Path
from time import perf_counter
from typing import Annotated

import typer

import expfam
from expfam.cli.files import Decimal, Sep, destination, table
from expfam.cli.terminal import console, own_words, watched
from expfam.fit.reporting import SUFFIXES, contents, written


def report(
    model: Annotated[
        Path, typer.Argument(metavar="MODEL", help="A model that `fit --save` wrote.", show_default=False)
    ],
    data: Annotated[
        Path, typer.Argument(metavar="DATA", help="The Parquet or CSV file it was fitted on.", show_default=False)
    ],
    out: Annotated[Path, typer.Option(help="The .html file to write.", show_default=False)],
    holdout: Annotated[
        Path | None, typer.Option(help="A file of rows that were kept aside, to judge the model by.")
    ] = None,
    title: Annotated[str | None, typer.Option(help="In place of 'Poisson model of claims'.")] = None,
    figures: Annotated[bool, typer.Option("--figures/--no-figures", help="Pictures, or numbers only.")] = True,
    sep: Sep = None,
    decimal: Decimal = None,
    progress: Annotated[bool | None, typer.Option("--progress/--no-progress", help="On in a terminal.")] = None,
) -> None:
    """Everything about a model on one page: warnings, formula, data, coefficients, tests, diagnostics, calibration."""
    began = perf_counter()
    destination("--out", out, inputs=[model, data, *([] if holdout is None else [holdout])], suffixes=SUFFIXES)
    fitted = expfam.load(model)
    rows, aside = table(data, sep, decimal), None if holdout is None else table(holdout, sep, decimal)
    page = partial(contents, fitted, rows, aside, title, figures, advice=own_words)
    told(written(out, page, watched(progress)), perf_counter() - began)


def told(out: Path, seconds: float) -> None:
    """Where the page is, and how large."""
    size = out.stat().st_size / 1e3
    console().print(f"Wrote the report to {out} ({size:,.0f} kB) in {seconds:.1f} s.", markup=False)
