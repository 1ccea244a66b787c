"""Lines of a file or a pipe, many at a time where many are there; what trickles in is handed on within a second."""

import gzip
import zlib
from collections.abc import Callable, Iterator
from io import UnsupportedOperation
from select import select
from time import monotonic
from typing import IO

PIECE = 1 << 20  # bytes asked for at a time; a pipe gives what it has
WAIT = 1.0  # seconds that a line waits for others

DOUBTFUL = (gzip.BadGzipFile, zlib.error)
"""What ends the reading of a packed file and says that something before that place is not as it was packed."""


def batches(source: IO[bytes], rows: int, first: int) -> Iterator[list[bytes]]:
    """Lines without their breaks, up to `rows` at a time; where the source is slow, those of a second.

    The first batch has at least `first` lines, if so many come at all: types are learned from it. An interruption, and
    whatever else ends the reading, is raised after the whole lines before it have been handed on; but not those that it
    makes doubtful.
    """
    lines: list[bytes] = []
    rest, wanted, since = b"", first, monotonic()
    try:
        for piece in _pieces(source):
            *whole, rest = (rest + piece).split(b"\n")
            lines += whole
            late = not piece or monotonic() - since >= WAIT
            many = len(lines) if late and len(lines) >= wanted else len(lines) // rows * rows
            out, lines = lines[:many], lines[many:]
            for lo in range(0, many, rows):
                yield out[lo : lo + rows]
                wanted, since = 1, monotonic()
    except DOUBTFUL:
        raise
    except (Exception, KeyboardInterrupt):
        if lines:
            yield lines
        raise
    lines += [rest] if rest else []
    if lines:
        yield lines


def _pieces(source: IO[bytes]) -> Iterator[bytes]:
    """Bytes as they come, b"" for every second that none do."""
    some = getattr(source, "read1", None)
    read: Callable[[], bytes] = source.readline if some is None else lambda: some(PIECE)
    more = _more(source)
    for piece in iter(read, b""):
        yield piece
        yield from (b"" for _ in iter(more, True))


def _more(source: IO[bytes]) -> Callable[[], bool]:
    """Is there more to read, or does some come within a second? Of what is no pipe there always is."""
    try:
        number = source.fileno()
    except (AttributeError, UnsupportedOperation):
        return lambda: True

    def more() -> bool:
        try:
            return bool(select([number], [], [], WAIT)[0])
        except (OSError, ValueError):  # only sockets can be asked on some systems, and low numbers on others
            return True

    return more
