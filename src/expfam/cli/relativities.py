"""`expfam relativities MODEL [DATA]`."""

from pathlib import Path
from typing import Annotated

import typer

import expfam
from expfam.cli.files import WRITERS, Decimal, Sep, destination, table, write
from expfam.cli.frames import Form, arrow, show
from expfam.cli.terminal import console
from expfam.report.numbers import brief

NUMBERS: dict[str, Form] = {"exposure": brief, "rows": ",", "observed": brief, "fitted": brief}


def relativities(
    model: Annotated[
        Path, typer.Argument(metavar="MODEL", help="A model that `fit --save` wrote.", show_default=False)
    ],
    data: Annotated[
        Path | None,
        typer.Argument(
            metavar="[DATA]", help="A Parquet or CSV file, for the exposure of each level.", show_default=False
        ),
    ] = None,
    out: Annotated[Path | None, typer.Option(help="A .parquet or .csv file; without it the table is shown.")] = None,
    level: Annotated[float, typer.Option(help="Of the intervals.")] = 0.95,
    sep: Sep = None,
    decimal: Decimal = None,
) -> None:
    """Every level with its relativity, the exp of its effect; with DATA its exposure, and claims seen and expected."""
    if out is not None:
        destination("--out", out, inputs=[model, *([] if data is None else [data])], suffixes=WRITERS)
    rows = None if data is None else table(data, sep, decimal)
    found = arrow(expfam.load(model).relativities(level, rows))
    if out is None:
        show(found, NUMBERS, hidden=("estimate", "std_error", "share"))
        return
    write(found, out)
    console().print(f"Wrote {found.num_rows:,} levels to {out}.", markup=False)
