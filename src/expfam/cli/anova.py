"""`expfam anova MODEL DATA`."""

from pathlib import Path
from typing import Annotated

import typer

import expfam
from expfam.cli.files import WRITERS, Decimal, Sep, destination, table, write
from expfam.cli.frames import arrow, show
from expfam.cli.terminal import console

NUMBERS = {"df": ".0f", "df_residual": ",.0f", "residual_deviance": ",.6g", "deviance": ",.6g", "p_value": ".3g"}


def anova(
    model: Annotated[
        Path, typer.Argument(metavar="MODEL", help="A model that `fit --save` wrote.", show_default=False)
    ],
    data: Annotated[
        Path, typer.Argument(metavar="DATA", help="The Parquet or CSV file it was fitted on.", show_default=False)
    ],
    type: Annotated[
        int, typer.Option(help="1: terms in turn, 2: after all that do not contain them, 3: after all.")
    ] = 1,
    test: Annotated[
        str | None, typer.Option(help="lrt, f, rao or wald; f if the dispersion is estimated, else lrt.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="A .parquet or .csv file; without it the table is shown.")] = None,
    sep: Sep = None,
    decimal: Decimal = None,
) -> None:
    """Analysis of deviance: how much each term explains, and how likely chance would explain as much."""
    if out is not None:
        destination("--out", out, inputs=[model, data], suffixes=WRITERS)
    found = arrow(expfam.load(model).anova(type=type, test=test, data=table(data, sep, decimal)))
    if out is None:
        show(found, NUMBERS)
        return
    write(found, out)
    console().print(f"Wrote {found.num_rows:,} terms to {out}.", markup=False)
