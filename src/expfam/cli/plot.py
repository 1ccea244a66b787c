"""`expfam plot MODEL DATA NAME`."""

from inspect import Parameter, signature
from pathlib import Path
from typing import Annotated

import typer

import expfam
from expfam.cli.files import Decimal, Sep, destination, table
from expfam.cli.terminal import console
from expfam.data.names import near
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
    by: Annotated[
        str | None, typer.Option("--of", help="The variable or term, where a picture is of one: effect, relativities.")
    ] = None,
    label: Annotated[
        str | None, typer.Option(help="The class that is judged, where there are several: lift, calibration.")
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
        hint = f" {near(name, PICTURES)}".rstrip()
        raise ExpfamError(f"there is no picture {name!r}; choose one of {', '.join(PICTURES)}{hint and ';'}{hint}")
    given = _given(name, by, label)
    draw = getattr(expfam.load(model).plot, name)
    picture = draw(data=table(data, sep, decimal), **given)
    picture.save(out, dark=dark)
    console().print(f"Wrote {picture.title} to {out}. {picture.caption}", markup=False)


def _given(name: str, by: str | None, label: str | None) -> dict[str, str]:
    """The options of a picture that are given, by the names they have there: what it is of, and of which class."""
    from expfam.pictures import PICTURES  # only to draw

    _, *options = signature(PICTURES[name]).parameters.values()
    known = {option.name: option for option in options}
    first = next((option for option in options if option.kind is Parameter.POSITIONAL_OR_KEYWORD), known.get("by"))
    if by is not None and first is None:
        raise ExpfamError(f"the picture {name!r} is of the whole model; leave --of out")
    if by is None and first is not None and first.default is Parameter.empty:
        raise ExpfamError(f"the picture {name!r} is of one variable; name it, --of VARIABLE")
    if label is not None and "label" not in known:
        raise ExpfamError(f"the picture {name!r} is of all classes; leave --label out")
    found = {} if by is None or first is None else {first.name: by}
    return found if label is None else found | {"label": label}
