"""Files as they are named; and those that are written: checked before any work, and there whole or not at all."""

import os
from collections.abc import Callable, Iterable
from os import PathLike
from pathlib import Path
from typing import Any

from expfam.errors import ExpfamError


def located(path: str | PathLike[str]) -> Path:
    """The path, ~ being the folder of its user, also where no shell has seen it."""
    return Path(os.path.expanduser(path))


def destination(what: str, path: Path, inputs: Iterable[Path] = (), suffixes: Iterable[str] = ()) -> Path:
    """`path`, if a file can be written there. Raises ExpfamError: no folder, wrong suffix, or one of the `inputs`."""
    if suffixes and path.suffix.lower() not in suffixes:
        raise ExpfamError(f"{what} {path}: no file type written here; allowed: {', '.join(suffixes)}")
    if path.is_dir():
        raise ExpfamError(f"{what} {path} is a folder; give the name of a file in it")
    if not path.parent.is_dir() or not os.access(path.parent, os.W_OK):
        raise ExpfamError(f"{what} {path}: there is no folder {path.parent} to write to; make it first")
    if path.exists() and any(other.exists() and path.samefile(other) for other in inputs):
        raise ExpfamError(f"{what} {path} would overwrite what is read; choose another name")
    return path


def whole(path: Path, write: Callable[[Path], Any]) -> None:
    """Let `write` fill a file beside the target, then rename it; ExpfamError where that fails."""
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        write(part)
        part.replace(path)
    except OSError as error:
        raise ExpfamError(f"{path} cannot be written: {error}; free some space or choose another folder") from None
    finally:
        part.unlink(missing_ok=True)
