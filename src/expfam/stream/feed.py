"""Rows by the chunk: what can be learned from is, what cannot is told by the number of its line."""

from dataclasses import dataclass, replace

from expfam.data.chunks import Bad, Chunk
from expfam.errors import FormulaError, ResponseError, SchemaError
from expfam.stream.stream import Stream

MANY = 1000  # lines of one chunk that may be bad: beyond, the data and the formula do not belong together


@dataclass(frozen=True, slots=True, eq=False)
class Fed:
    """The stream after some rows, and the lines that were left out."""

    stream: Stream
    bad: tuple[Bad, ...] = ()


def feed(stream: Stream, chunk: Chunk, strict: bool) -> Fed:
    """Learn from a chunk; a line that no row can be made of, or none that the model allows, is left out and told.

    `strict` stops at one: SchemaError with its number. It stops anyway after MANY in one chunk.
    """
    if strict and chunk.bad:
        raise SchemaError(f"line {chunk.bad[0].line}: {chunk.bad[0].reason}")
    if len(chunk.bad) > MANY:
        raise SchemaError(f"line {chunk.bad[0].line}: {chunk.bad[0].reason}")
    fed = _halved(Fed(stream, chunk.bad), chunk, strict)
    return replace(fed, bad=tuple(sorted(fed.bad, key=lambda bad: bad.line)))


def _halved(fed: Fed, chunk: Chunk, strict: bool) -> Fed:
    """All rows at once where they allow it, else the first half and then the second."""
    if chunk.table is None or not len(chunk.numbers):
        return fed
    try:
        return replace(fed, stream=fed.stream.after(chunk.table))
    except FormulaError:
        raise
    except (SchemaError, ResponseError) as error:
        n = len(chunk.numbers)
        if n == 1:
            bad = (*fed.bad, Bad(int(chunk.numbers[0]), str(error)))
            if strict or len(bad) > MANY:
                raise SchemaError(f"line {bad[-1].line}: {error}") from None
            return replace(fed, bad=bad)
    for part in (slice(0, n // 2), slice(n // 2, n)):
        fed = _halved(fed, Chunk(chunk.table[part], chunk.numbers[part]), strict)
    return fed
