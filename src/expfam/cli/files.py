"""Files the commands write: checked before any work is done, and there whole or not at all."""

import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from expfam.errors import ExpfamError


def destination(flag: str, path: Path, inputs: Iterable[Path] = (), suffixes: Iterable[str] = ()) -> Path:
    """`path`, if a file can be written there. Raises ExpfamError: no folder, wrong suffix, or one of the `inputs`."""
    if suffixes and path.suffix.lower() not in suffixes:
        raise ExpfamError(f"{flag} {path}: no file type written here; allowed: {', '.join(suffixes)}")
    if path.is_dir():
        raise ExpfamError(f"{flag} {path} is a folder; give the name of a file in it")
    if not path.parent.is_dir() or not os.access(path.parent, os.W_OK):
        raise ExpfamError(f"{flag} {path}: there is no folder {path.parent} to write to; make it first")
    if path.exists() and any(other.exists() and path.samefile(other) for other in inputs):
        raise ExpfamError(f"{flag} {path} would overwrite what is read; choose another name")
    return path


def _parquet(table: Any, path: Path) -> None:
    from pyarrow import parquet

    parquet.write_table(table, path)


def _csv(table: Any, path: Path) -> None:
    from pyarrow import csv

    csv.write_csv(table, path, csv.WriteOptions(quoting_style="needed"))


WRITERS: dict[str, Callable[[Any, Path], None]] = {".parquet": _parquet, ".pq": _parquet, ".csv": _csv}


def write(table: Any, path: Path) -> None:
    """Write an Arrow table in the manner of the path's suffix: beside the target first, then renamed."""
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        WRITERS[path.suffix.lower()](table, part)
        part.replace(path)
    except OSError as error:
        raise ExpfamError(f"{path} cannot be written: {error}; free some space or choose another folder") from None
    finally:
        part.unlink(missing_ok=True)
