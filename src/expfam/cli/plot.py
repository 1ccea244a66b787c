"""`expfam plot MODEL DATA NAME`."""

from inspect import Parameter, signature
from pathlib import Path
from typing import Annotated

import typer

import expfam
from expfam.cli.files import Decimal, Sep, destination, table
from expfam.cli.terminal import console
from expfam.errors import ExpfamError


def plot(
    model: Annotated[
        Path, typer.Argument(metavar="MODEL", help="A model that `fit --save` wrote.", show_default=False)
    ],
    data: Annotated[
        Path, typer.Argument(metavar="DATA", help="The Parquet or CSV file it was fitted on.", show_default=False)
    ],
    name: Annotated[
        str,
        typer.Argument(metavar="NAME", help="panels, qq, calibration, effects, relativities, ...", show_default=False),
    ],
    out: Annotated[Path, typer.Option(help="A .png, .svg or .pdf file.", show_default=False)],
    of: Annotated[
        str | None, typer.Option(help="The variable or term, where a picture is of one: effect, relativities.")
    ] = None,
    dark: Annotated[bool, typer.Option("--dark", help="Light ink on dark paper.")] = False,
    sep: Sep = None,
    decimal: Decimal = None,
) -> None:
    """Draw a picture of a model: its residuals, effects, relativities, profiles."""
    from expfam.pictures import PICTURES  # only to draw
    from expfam.pictures.picture import SUFFIXES

    destination("--out", out, inputs=[model, data], suffixes=SUFFIXES)
    if name not in PICTURES:
        raise ExpfamError(f"there is no picture {name!r}; choose one of {', '.join(PICTURES)}")
    _, *options = signature(PICTURES[name]).parameters.values()
    first = next((option for option in options if option.kind is Parameter.POSITIONAL_OR_KEYWORD), None)
    if of is not None and first is None:
        raise ExpfamError(f"the picture {name!r} is of the whole model; leave --of out")
    if of is None and first is not None and first.default is Parameter.empty:
        raise ExpfamError(f"the picture {name!r} is of one variable; name it, --of VARIABLE")
    draw = getattr(expfam.load(model).plot, name)
    rows = table(data, sep, decimal)
    picture = draw(data=rows) if of is None else draw(of, data=rows)
    picture.save(out, dark=dark)
    console().print(f"Wrote {picture.title} to {out}. {picture.caption}", markup=False)
