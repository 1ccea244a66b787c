"""Where the data files lie: $EXPFAM_DATA, else shared/data beside the repository; and how to thin them out."""

import os
import tempfile
from pathlib import Path


class Absent(Exception):
    """A problem cannot run here; the text says what is missing and how to get it."""


def folder() -> Path:
    """The folder of the data files."""
    return Path(os.environ.get("EXPFAM_DATA") or Path(__file__).resolve().parents[2] / "shared" / "data")


def file(name: str, inside: Path | None = None) -> Path:
    """The path of a data file; Absent if it is not there."""
    path = (inside or folder()) / name
    if not path.is_file():
        raise Absent(
            f"{name} is not in {path.parent}; put it there, or set EXPFAM_DATA to the folder of the data files"
        )
    return path


def oracle(name: str) -> Path:
    """The path of a file of certified results, in `oracles` beside the data."""
    return file(name, folder().parent / "oracles")


def parquet(name: str, rows: int | None = None) -> Path:
    """The path of a Parquet file, or of a file of about `rows` of its rows, evenly spaced, in a temporary folder."""
    path = file(name)
    if rows is None:
        return path
    import pyarrow.parquet as pq

    table = pq.read_table(path)
    thin = Path(tempfile.gettempdir()) / f"expfam-benchmark-{os.getuid()}-{rows}-{name}"
    pq.write_table(table.take(list(range(0, table.num_rows, max(table.num_rows // rows, 1)))), thin)
    return thin
