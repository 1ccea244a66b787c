"""`expfam explain FAMILY`."""

from typing import Annotated

import typer

import expfam


def explain(
    family: Annotated[
        str, typer.Argument(metavar="FAMILY", help="A family's name, such as bernoulli.", show_default=False)
    ],
) -> None:
    """Derive a family from its log-partition: density, link, mean, variance, update."""
    typer.echo(expfam.explain(family).text.rstrip())
