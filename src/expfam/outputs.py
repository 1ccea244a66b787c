"""Files as they are named; and those that are written: checked before any work, and there whole or not at all."""

import errno
import os
import re
import shutil
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from os import PathLike
from pathlib import Path
from tempfile import mkdtemp
from typing import IO, Any

from expfam.errors import ExpfamError

OPEN = re.compile(r"(/dev|/proc/(?P<process>\d+)(/task/\d+)?)/fd/(?P<number>\d+)")  # what processes have open
STAYS = (errno.EPERM, errno.EACCES, errno.EROFS, errno.EBUSY, errno.EXDEV)  # why a file cannot be replaced by another


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
    if not _stream(target) and not os.path.isdir(target.parent):
        folder = target.parent if path.is_symlink() else path.parent
        raise ExpfamError(f"{what} {path}: there is no folder {folder} to write to; make it first")
    if not _may_be_written(target) and (_stream(target) or not _may_be_written(target.parent)):
        raise ExpfamError(f"{what} {path} may not be written to; choose another name, or another folder")
    if path.exists() and any(other.exists() and path.samefile(other) for other in inputs):
        raise ExpfamError(f"{what} {path} would overwrite what is read; choose another name")
    return path


def whole(path: Path, write: Callable[[Path], Any]) -> None:
    """Let `write` fill a file beside the target, then rename it; ExpfamError where that fails.

    A link stays, and the file it leads to is replaced; a stream stays, too, and is written to once all is there. So is
    a file that no other can take the place of: in a folder that may not be changed, or mounted by itself.
    """
    target = meant(path)
    try:
        with _draft(target) as part:
            write(part)
            _put(part, target)
    except OSError as error:
        raise ExpfamError(
            f"{path} cannot be written: {error.strerror or error}; free some space or choose another folder"
        ) from None


def meant(path: Path) -> Path:
    """The file that a path leads to by links; the path itself where that is a stream."""
    return path if _stream(path) else Path(os.path.realpath(path))


def _stream(path: Path) -> bool:
    """Is it there to be written to, not replaced: a pipe, a terminal, /dev/null, what a process has open?"""
    return path.exists() and not path.is_dir() and not (path.is_file() and _open_file(path) is None)


def _open_file(path: Path) -> re.Match[str] | None:
    """The open file of a process by which a path leads, as /dev/stdout does by /proc/self/fd/1: of which, its number.

    What it is of may be a file with a name: that may hold what others wrote, and be written to by them further.
    """
    here = os.path.join(os.path.realpath(path.parent), path.name)
    found = OPEN.fullmatch(here)
    return _open_file(path.parent / os.readlink(here)) if found is None and os.path.islink(here) else found


def _may_be_written(path: Path) -> bool:
    """Is it there, and is it allowed to whom this process acts for?"""
    return os.access(path, os.W_OK, effective_ids=os.access in os.supports_effective_ids)


@contextmanager
def _draft(target: Path) -> Iterator[Path]:
    """A file to fill, beside the target where it can be; removed in the end if it is still there."""
    beside = not _stream(target) and (_may_be_written(target.parent) or not target.exists())
    folder = target.parent if beside else Path(mkdtemp(prefix="expfam-"))
    part = folder / f".{target.name}.{os.getpid()}.part"
    try:
        yield part
    finally:
        part.unlink(missing_ok=True)
        if not beside:
            folder.rmdir()


def _put(part: Path, target: Path) -> None:
    """The draft in place of the target; or what is in it into the target, where that cannot be replaced."""
    if not _stream(target) and part.parent == target.parent:
        try:
            if target.exists():
                shutil.copymode(target, part)
            part.replace(target)
            return
        except OSError as error:
            if error.errno not in STAYS:
                raise
    with open(part, "rb") as written, _opened(target) as out:
        shutil.copyfileobj(written, out)


def _opened(target: Path) -> IO[bytes]:
    """What is written to as it is: after what was printed, where this process has it open; at its end, if another."""
    found = _open_file(target)
    if found is None or found["process"] not in (None, str(os.getpid())):
        return open(target, "ab" if found else "wb")
    for printed in filter(None, (sys.stdout, sys.stderr)):
        printed.flush()
    return os.fdopen(os.dup(int(found["number"])), "wb")
