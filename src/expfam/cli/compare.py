"""`expfam compare MODEL ...`."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

import expfam

WHOLE = "expfam.compare(...).table() in Python has all"


def compare(
    models: Annotated[
        list[Path], typer.Argument(metavar="MODEL ...", help="Models that `fit --save` wrote.", show_default=False)
    ],
    names: Annotated[
        list[str] | None,
        typer.Option("--name", help="A column's title; one a model, in their order.", show_default="file names"),
    ] = None,
    format: Annotated[str, typer.Option(help="text, markdown, latex (booktabs) or html.")] = "text",
) -> None:
    """Several saved models side by side: estimates with standard errors, deviance, AIC, BIC."""
    titles = names or _stems(models)
    found = expfam.compare(*map(expfam.load, models), names=titles, format=format)
    typer.echo(str(replace(found, whole=WHOLE)))


def _stems(models: list[Path]) -> list[str]:
    """The files' names without their ending, whole where that would leave two alike."""
    stems = [path.stem for path in models]
    return stems if len(set(stems)) == len(stems) else [str(path) for path in models]
