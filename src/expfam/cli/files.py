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
    from pyarrow import csv

    csv.write_csv(table, path, csv.WriteOptions(quoting_style="needed"))


WRITERS: dict[str, Callable[[Any, Path], None]] = {".parquet": _parquet, ".pq": _parquet, ".csv": _csv}


def write(table: Any, path: Path) -> None:
    """Write an Arrow table in the manner of the path's suffix."""
    whole(path, lambda part: WRITERS[path.suffix.lower()](table, part))
