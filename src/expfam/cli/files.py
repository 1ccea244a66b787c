"""Tables the commands write, by the suffix of their file."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from expfam.outputs import destination, whole

__all__ = ["WRITERS", "destination", "write"]


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
