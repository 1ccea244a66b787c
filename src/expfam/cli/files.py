"""Tables the commands read, and those they write, by the suffix of their file."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

import typer

from expfam.errors import ExpfamError
from expfam.outputs import destination, whole

if TYPE_CHECKING:
    from expfam.data.csv import CSV

__all__ = ["DECIMAL", "SEP", "WRITERS", "Decimal", "Sep", "destination", "in_order", "table", "write"]

SEP, DECIMAL = (
    "What a CSV has between fields instead of commas: ';', tab.",
    "What a CSV has before decimals instead of a point: ','.",
)
Sep: TypeAlias = Annotated[str | None, typer.Option(help=SEP)]
Decimal: TypeAlias = Annotated[str | None, typer.Option(help=DECIMAL)]


def table(place: Any, sep: str | None, decimal: str | None) -> "Path | CSV":
    """A file (or a pipe) as the library reads it: a CSV in the dialect that is given, if one is."""
    if sep is None and decimal is None:
        return place  # type: ignore[no-any-return]
    from expfam.data.csv import CSV  # brings Arrow
    from expfam.data.dialect import Dialect

    return CSV(place, Dialect({"tab": "\t", r"\t": "\t"}.get(sep or ",", sep or ","), decimal or "."))


def in_order(formula: str, place: Path | None, order: str) -> None:
    """ExpfamError where a formula was given for a file and a file for the formula; `order` is that of the command."""
    swapped = place is not None and "~" in str(place) and not place.exists()
    if swapped and ("~" not in formula or Path(formula).exists()):
        raise ExpfamError(f"{str(place)!r} is a formula, and {formula!r} is none; the order is {order}")


def _parquet(table: Any, path: Path) -> None:
    from pyarrow import parquet

    parquet.write_table(table, path)


def _csv(table: Any, path: Path) -> None:
    """Null is written as nothing; where it would leave an empty line, which readers skip, as NaN or quoted."""
    import pyarrow as pa
    from pyarrow import csv

    style = "needed"
    if table.num_columns == 1 and table.column(0).null_count:
        numbers = pa.types.is_floating(table.column(0).type)
        column = table.column(0).cast(pa.string()).fill_null("NaN" if numbers else "")
        table, style = pa.table({table.column_names[0]: column}), "none" if numbers else style
    csv.write_csv(table, path, csv.WriteOptions(quoting_style=style))


WRITERS: dict[str, Callable[[Any, Path], None]] = {".parquet": _parquet, ".pq": _parquet, ".csv": _csv}


def write(table: Any, path: Path) -> None:
    """Write an Arrow table in the manner of the path's suffix."""
    whole(path, lambda part: WRITERS[path.suffix.lower()](table, part))
