"""A path: its suffix chooses the reader."""

from collections.abc import Callable
from os import PathLike
from pathlib import Path
from typing import Any

from expfam.data import csv, parquet
from expfam.data.names import Wanted
from expfam.data.raw import Raw
from expfam.errors import SchemaError
from expfam.outputs import located

SUFFIXES: dict[str, Callable[[Path, Wanted], Raw]] = {
    ".parquet": parquet.read,
    ".pq": parquet.read,
    ".csv": csv.read,
    ".csv.gz": csv.read,
}


def accepts(data: Any) -> bool:
    """Is it a path, or a CSV file of another dialect?"""
    return isinstance(data, (str, PathLike, csv.CSV))


def read(data: Any, wanted: Wanted) -> Raw:
    """The wanted columns of the file; SchemaError if it is absent, damaged, or of no kind read here."""
    path = data.place if isinstance(data, csv.CSV) else located(data)
    known = next((SUFFIXES[end] for end in SUFFIXES if path.name.lower().endswith(end)), None)
    reader = data.read if isinstance(data, csv.CSV) else known
    if path.is_dir():
        raise SchemaError(f"{str(path)!r} is a folder; give one file of it")
    if reader is None:
        raise SchemaError(f"{str(path)!r} is no file type read here; allowed: {', '.join(SUFFIXES)}; convert it first")
    if not path.exists():
        raise SchemaError(f"there is no file {str(path)!r}; check the name and the folder you are in")
    return reader(path, wanted)
