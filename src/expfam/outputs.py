"""Files as they are named; and those that are written: checked before any work, and there whole or not at all."""

import os
import shutil
from collections.abc import Callable, Iterable
from os import PathLike
from pathlib import Path
from tempfile import mkdtemp
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
    target = meant(path)
    if _special(target) and not os.access(target, os.W_OK):
        raise ExpfamError(f"{what} {path} may not be written to; choose another name")
    if not _special(target) and not (target.parent.is_dir() and os.access(target.parent, os.W_OK)):
        folder = target.parent if path.is_symlink() else path.parent
        raise ExpfamError(f"{what} {path}: there is no folder {folder} to write to; make it first")
    if path.exists() and any(other.exists() and path.samefile(other) for other in inputs):
        raise ExpfamError(f"{what} {path} would overwrite what is read; choose another name")
    return path


def whole(path: Path, write: Callable[[Path], Any]) -> None:
    """Let `write` fill a file beside the target, then rename it; ExpfamError where that fails.

    A link stays, and the file it leads to is replaced; a pipe or a device stays, too, and is written to.
    """
    target = meant(path)
    special = _special(target)
    try:
        folder = Path(mkdtemp(prefix="expfam-")) if special else target.parent
        part = folder / f".{target.name}.{os.getpid()}.part"
        try:
            write(part)
            _put(part, target, special)
        finally:
            part.unlink(missing_ok=True)
            if special:
                folder.rmdir()
    except OSError as error:
        raise ExpfamError(
            f"{path} cannot be written: {error.strerror or error}; free some space or choose another folder"
        ) from None


def meant(path: Path) -> Path:
    """The file that a path leads to by links; the path itself where that is a pipe or a device."""
    return path if _special(path) else Path(os.path.realpath(path))


def _special(path: Path) -> bool:
    """Is it there, and neither a file of its own nor a folder: a pipe, a terminal, /dev/null?"""
    return path.exists() and not path.is_file() and not path.is_dir()


def _put(part: Path, target: Path, special: bool) -> None:
    if special:
        with open(part, "rb") as written, open(target, "wb") as pipe:
            shutil.copyfileobj(written, pipe)
        return
    if target.exists():
        shutil.copymode(target, part)
    part.replace(target)
