"""Where the data files lie: $EXPFAM_DATA, else shared/data beside the repository."""

import os
from pathlib import Path


class Absent(Exception):
    """A problem cannot run here; the text says what is missing and how to get it."""


def file(name: str) -> Path:
    """The path of a data file; Absent if it is not there."""
    folder = Path(os.environ.get("EXPFAM_DATA") or Path(__file__).resolve().parents[2] / "shared" / "data")
    path = folder / name
    if not path.is_file():
        raise Absent(f"{name} is not in {folder}; put it there, or set EXPFAM_DATA to the folder that has it")
    return path
