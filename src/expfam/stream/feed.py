"""Rows by the chunk: what can be learned from is, what cannot is told by the number of its line."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from expfam._typing import IntArray
from expfam.data.chunks import Bad, Chunk
from expfam.errors import ExpfamError, ResponseError, SchemaError
from expfam.stream.growth import schema_of
from expfam.stream.rows import enter
from expfam.stream.stream import Stream

MANY = 1000  # lines of one chunk that may be bad: beyond, the data and the formula do not belong together
PLACE = re.compile(r"(?:,| in| at) row \d+(?: \((?:from 0|the first row is 0)\))?")  # which the line tells


@dataclass(frozen=True, slots=True, eq=False)
class Fed:
    """The stream after some rows, and the lines that were left out."""

    stream: Stream
    bad: tuple[Bad, ...] = ()


def feed(stream: Stream, chunk: Chunk, strict: bool) -> Fed:
    """Learn from a chunk; a line that no row can be made of, or none that the model allows, is left out and told.

    What a formula learns, and the classes, are those of all other rows. `strict` stops at a bad line: SchemaError with
    its number. So do MANY in one chunk, and what is no row's fault, a column of another type.
    """
    bad, left = list(chunk.bad), np.arange(len(chunk.numbers))
    _stop(bad, strict)
    for _ in range(len(left)):  # each turn leaves out a row at least
        try:
            table = chunk.table if len(left) == len(chunk.numbers) else chunk.table.take(left)
            return Fed(stream.after(table), tuple(sorted(bad, key=lambda bad: bad.line)))
        except (SchemaError, ResponseError) as error:
            if error.row is None:
                raise
            found = dict(_refused(stream, chunk.table, left, error.row, str(error)))
        bad += [Bad(int(chunk.numbers[row]), reason) for row, reason in found.items()]
        _stop(bad, strict)
        left = np.setdiff1d(left, list(found))
    return Fed(stream, tuple(sorted(bad, key=lambda bad: bad.line)))


def _stop(bad: list[Bad], strict: bool) -> None:
    """SchemaError where no line, or not so many, may be bad."""
    if bad and (strict or len(bad) > MANY):
        first = min(bad, key=lambda bad: bad.line)
        raise SchemaError(f"line {first.line}: {first.reason}")


def _refused(stream: Stream, table: Any, rows: IntArray, at: int, reason: str) -> Iterator[tuple[int, str]]:
    """Of some rows of a table the one at a place, and why; then those that are refused of the halves of the others."""
    alone = _error(stream, table.take(rows[at : at + 1]))
    yield int(rows[at]), PLACE.sub("", reason if alone is None or alone.row is None else str(alone))
    for half in np.array_split(np.delete(rows, at), 2):
        again = _error(stream, table.take(half)) if len(half) else None
        if again is not None and again.row is not None:
            yield from _refused(stream, table, half, again.row, str(again))


def _error(stream: Stream, table: Any) -> ExpfamError | None:
    """Why rows are refused, None where they are not. Few rows may be for what is no fault of theirs: too few to learn
    from."""
    try:
        enter(stream.ask.request, stream.known, schema_of(stream.known), table)
    except (SchemaError, ResponseError) as error:
        return error
    return None
