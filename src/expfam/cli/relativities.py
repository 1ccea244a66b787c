"""`expfam relativities MODEL [DATA]`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

import expfam
from expfam.cli.files import WRITERS, destination, write
from expfam.cli.terminal import console

if TYPE_CHECKING:
    from expfam.fit import Fit

NUMBERS = {"exposure": ",.0f", "rows": ",", "observed": ",.6g", "fitted": ",.6g"}


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
) -> None:
    """Every level with its relativity, the exp of its effect; with DATA its exposure, and claims seen and expected."""
    if out is not None:
        destination("--out", out, inputs=[model, *([] if data is None else [data])], suffixes=WRITERS)
    table = _table(expfam.load(model), data, level)
    if out is None:
        _show(table)
        return
    write(table, out)
    console().print(f"Wrote {table.num_rows:,} levels to {out}.", markup=False)


def _table(fit: "Fit", data: Path | None, level: float) -> Any:
    """The answer as an Arrow table, null for what was left out of the model."""
    import pyarrow as pa
    from narwhals import from_native

    found = fit.relativities(level, data)
    columns = found if isinstance(found, dict) else from_native(found).to_dict(as_series=False)
    return pa.table({name: pa.array(values, from_pandas=True) for name, values in columns.items()})


def _show(table: Any) -> None:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    names = [name for name in table.column_names if name not in ("estimate", "std_error", "share")]
    shown = Table(box=box.SIMPLE_HEAD)
    for name in names:
        text = name in ("term", "class", "level")
        shown.add_column(Text(name), justify="left" if text else "right", no_wrap=not text, overflow="fold")
    for row in table.to_pylist():
        cells = (_cell(name, row[name]) for name in names)
        shown.add_row(*(Text(cell) for cell in cells))
    console().print(shown)


def _cell(name: str, value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else format(value, NUMBERS.get(name, ".4f"))
