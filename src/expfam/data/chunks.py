"""Tables from data that is larger than memory, or never ends: Parquet by row group, NDJSON and CSV line by line.

What cannot be read as a row is told by the number of its line, and is no reason to stop.
"""

import gzip
import re
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from io import BytesIO, TextIOBase
from itertools import chain
from pathlib import Path
from typing import IO, Any, TypeAlias, cast

import numpy as np

from expfam._typing import IntArray
from expfam.data.csv import CSV
from expfam.data.dialect import PLAIN, Dialect, check_lines, check_unpacked, undecoded
from expfam.data.lines import DOUBTFUL, batches
from expfam.data.names import Wanted, choose
from expfam.data.numerals import MOSTLY, share
from expfam.errors import SchemaError

ROWS = 1 << 16  # of a chunk, at most
SAMPLE = 1000  # lines that tell which columns of a CSV file are numbers
AMONG = re.compile(r"\.? in row \d+$")  # where the parser stood, among the lines it was given
Parse: TypeAlias = Callable[[Sequence[bytes], Any], Any]
"""Lines and the types of columns (None: to be inferred) to an Arrow table; ArrowInvalid where a line is no row."""


@dataclass(frozen=True, slots=True, eq=False)
class Bad:
    """A line that is no row: its number, the first line is 1, and why."""

    line: int
    reason: str


@dataclass(frozen=True, slots=True, eq=False)
class Chunk:
    """Rows as an Arrow table (None: no line was a row), the number of each one's line, (n,), from 1 on, and the other
    lines."""

    table: Any
    numbers: IntArray
    bad: tuple[Bad, ...] = ()

    @property
    def last(self) -> int:
        """The number of its last line."""
        return max((*self.numbers[-1:].tolist(), *(bad.line for bad in self.bad)), default=0)


def chunks(source: Path | IO[bytes] | CSV, kind: str | None, wanted: Wanted, rows: int = ROWS) -> Iterator[Chunk]:
    """The rows of a file or a pipe, so many at a time. kind: "parquet", "csv" or "ndjson"; None: by the file's name, or
    "csv" where a dialect is given.

    SchemaError where a file cannot be read, once all lines before that place were handed on that this does not make
    doubtful, or its kind is not known.
    """
    if isinstance(source, TextIOBase):
        raise SchemaError(
            "the source is open as text; open it in binary mode, open(path, 'rb'), or hand over its .buffer"
        )
    dialect, place = (source.dialect, source.place) if isinstance(source, CSV) else (PLAIN, source)
    known = _kind(place, kind or ("csv" if isinstance(source, CSV) else None))
    if known != "csv" and isinstance(source, CSV):
        raise SchemaError(f"sep= and decimal= tell how a CSV is written; leave them out for {known}")
    if known == "parquet":
        yield from _ahead(_parquet(place, wanted, rows))
        return
    last = 0
    try:
        with _opened(place) as lines:
            parts = batches(lines, rows, SAMPLE)
            for chunk in _csv(parts, wanted, dialect) if known == "csv" else _ndjson(parts, wanted):
                last = max(chunk.last, last)
                yield chunk
    except FileNotFoundError:
        raise SchemaError(f"there is no file {place}") from None
    except (OSError, EOFError, *DOUBTFUL) as error:
        doubtful = bool(last) and isinstance(error, DOUBTFUL)
        beyond = f" beyond line {last}, up to which all was taken in" if last else ""
        doubt, remedy = (", though some of it may be wrong", "learn anew from") if doubtful else ("", "name")
        raise SchemaError(
            f"{str(place)!r} cannot be read{beyond}{doubt}: {error}; {remedy} a file of rows that is whole"
        ) from error


def _opened(place: Path | IO[bytes]) -> AbstractContextManager[IO[bytes]]:
    """A file, unpacked where its name ends with .gz; an open one as it is."""
    if not isinstance(place, Path):
        return nullcontext(place)
    return cast(IO[bytes], gzip.open(place)) if place.suffix.lower() == ".gz" else open(place, "rb")


KINDS = {".parquet": "parquet", ".pq": "parquet", ".csv": "csv", ".ndjson": "ndjson", ".jsonl": "ndjson"}


def _kind(source: Path | IO[bytes], kind: str | None) -> str:
    allowed = sorted(set(KINDS.values()))
    if kind is None and isinstance(source, Path):
        plain = source.with_suffix("") if source.suffix.lower() == ".gz" else source
        kind = KINDS.get(plain.suffix.lower())
        if kind is None:
            raise SchemaError(f"{str(source)!r}: the suffix tells no kind; name one of {', '.join(allowed)}")
    kind = kind or "ndjson"
    if kind not in allowed:
        raise SchemaError(f"{kind!r} is no kind of data; choose one of {', '.join(allowed)}")
    if kind == "parquet" and not isinstance(source, Path):
        raise SchemaError("Parquet has its index at the end and cannot be read from a pipe; name the file")
    return kind


def _parquet(path: Any, wanted: Wanted, rows: int) -> Iterator[Chunk]:
    """Row group by row group; text stays coded, and only the wanted columns leave the disk."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path) as file:
            names = list(choose(file.schema_arrow.names, wanted))
        with pq.ParquetFile(path, read_dictionary=names) as file:
            at = 0
            for group in range(file.num_row_groups):  # one after the other, or Arrow reads far ahead
                for batch in file.iter_batches(batch_size=rows, row_groups=[group], columns=names):
                    yield Chunk(pa.table(batch), np.arange(at + 1, at + 1 + batch.num_rows))
                    at += batch.num_rows
    except FileNotFoundError:
        raise SchemaError(f"there is no file {path}") from None
    except (pa.ArrowException, OSError) as error:
        raise SchemaError(
            f"{str(path)!r} is damaged (cut short?) or not a Parquet file: {str(error).splitlines()[0]}"
        ) from error


def _ahead(items: Iterator[Chunk]) -> Iterator[Chunk]:
    """The same, the next one read while the caller has this one. Not for pipes, where the next may never come."""
    with ThreadPoolExecutor(1, thread_name_prefix="expfam-read") as pool:
        reading = deque([pool.submit(next, items, None)])
        for item in iter(lambda: reading.popleft().result(), None):
            reading.append(pool.submit(next, items, None))
            yield item


def _ndjson(lines: Iterator[list[bytes]], wanted: Wanted) -> Iterator[Chunk]:
    """One JSON object a line; a key that a line does not have is a missing value."""
    import pyarrow as pa
    from pyarrow import json

    begin = next(lines, [])
    _check_objects(begin)

    def parse(some: Sequence[bytes], types: Any) -> Any:
        known = _settled(types)
        others = "infer" if types is None or len(known) < len(types) else "ignore"
        options = json.ParseOptions(explicit_schema=known, unexpected_field_behavior=others)
        table = json.read_json(_file(some), parse_options=options)
        table.validate(full=True)  # that text is UTF-8
        if types is None:
            return table
        nothing = pa.nulls(table.num_rows)
        there = [table[name] if name in table.column_names else nothing for name in types.names]
        return pa.table(there, types.names)

    for chunk in _parsed(chain([begin], lines), 1, parse):
        table = chunk.table
        kept = None if table is None else table.select(list(choose(table.column_names, wanted)))
        yield Chunk(kept, chunk.numbers, chunk.bad)


def _check_objects(lines: Sequence[bytes]) -> None:
    """SchemaError where none of the first lines begins an object: CSV in a pipe, mostly."""
    check_unpacked(b"".join(lines[:1]), "the input")
    there = [line.strip() for line in lines if line.strip()]
    if there and not any(line.startswith(b"{") for line in there):
        raise SchemaError(
            f"the lines are not NDJSON, one JSON object each: the first is {there[0][:60].decode(errors='replace')!r}. "
            "If it is CSV say so: kind='csv'"
        )


def _csv(lines: Iterator[list[bytes]], wanted: Wanted, dialect: Dialect) -> Iterator[Chunk]:
    """A header line, then one record a line: a field may not hold a line break."""
    import pyarrow as pa
    import pyarrow.types as is_
    from pyarrow import csv

    header, *begin = next(lines, [b""])
    if not header.strip():
        raise SchemaError("the CSV has no header line; the first line names the columns")
    check_lines([header, *begin[:SAMPLE]], "the CSV", dialect)
    if b"\r" in header.removesuffix(b"\r"):
        raise SchemaError(
            "the lines of the CSV end with a carriage return alone, as of old Macs: write line feeds "
            "(tr '\\r' '\\n' < OLD > NEW)"
        )
    names = csv.read_csv(_file([header]), parse_options=dialect.parsing).column_names
    kept = list(choose(names, wanted))

    def parse(some: Sequence[bytes], types: Any) -> Any:
        cells = csv.ConvertOptions(
            include_columns=kept, strings_can_be_null=True, quoted_strings_can_be_null=False,
            column_types=_settled(types), decimal_point=dialect.decimal,
        )  # fmt: skip
        table = csv.read_csv(_file(some), csv.ReadOptions(column_names=names), dialect.parsing, cells)
        if undecoded(table):
            raise pa.ArrowInvalid("a cell is not UTF-8 text")
        text = [part for part in table.columns if is_.is_string(part.type) and table.num_rows]
        if any("\n" in (part[-1].as_py() or "") for part in text):  # elsewhere it would cost a row
            raise pa.ArrowInvalid("a quote is opened and not closed: a field may not hold a line break")
        return table

    yield from _parsed(chain([begin], lines), 2, parse, _numbers(begin[:SAMPLE], names, dialect))


def _file(lines: Sequence[bytes]) -> BytesIO:
    return BytesIO(b"\n".join([*lines, b""]))


def _numbers(lines: Sequence[bytes], names: list[str], dialect: Dialect) -> Any:
    """The types of the columns most cells of which are numbers: the others are bad cells, and no reason to take all of
    them as text."""
    import pyarrow as pa
    from pyarrow import csv

    text = csv.ConvertOptions(column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=True)
    ragged = csv.ParseOptions(delimiter=dialect.sep, invalid_row_handler=lambda _: "skip")
    if not any(line.strip() for line in lines):
        return None
    table = csv.read_csv(_file(lines), csv.ReadOptions(column_names=names), ragged, text)
    cells = ((name, (dialect.pointed(cell) for cell in table[name].to_pylist())) for name in names)
    return pa.schema([(name, pa.float64()) for name, some in cells if share(some) >= MOSTLY])


def _parsed(lines: Iterable[list[bytes]], number: int, parse: Parse, types: Any = None) -> Iterator[Chunk]:
    """Chunks of parsed lines, the first of them line `number`; `types` are those of columns known beforehand."""
    for some in lines:
        numbers = np.arange(number, number + len(some))
        full = np.array([bool(line.strip()) for line in some])
        number += len(some)
        if not full.any():
            continue
        kept, some = numbers[full], [line for line, there in zip(some, full, strict=True) if there]
        chunk = _together(some, kept, parse, types)
        if chunk.table is not None:
            types = _types(chunk.table, types)
        yield chunk


def _together(lines: list[bytes], numbers: IntArray, parse: Parse, types: Any) -> Chunk:
    """The lines as rows of one table, and those that are none. What is no row by itself goes first, so that a column
    has the type of all its cells, not of those above such a line."""
    apart = _halved(lines, numbers, parse, types, apart=True)
    if apart.table is not None or not len(apart.numbers):
        return apart
    rows = [line for line, there in zip(lines, np.isin(numbers, apart.numbers), strict=True) if there]
    found = _halved(rows, apart.numbers, parse, types, apart=False)
    bad = sorted((*apart.bad, *found.bad), key=lambda bad: bad.line)
    return Chunk(found.table, found.numbers, tuple(bad))


def _halved(lines: list[bytes], numbers: IntArray, parse: Parse, types: Any, apart: bool) -> Chunk:
    """All lines, or halves of what does not parse, and so on; the second half by the types of the first, or `apart`,
    which makes no table of the two."""
    import pyarrow as pa

    try:
        return Chunk(_whole(parse(lines, types), len(lines)), numbers)
    except pa.ArrowException as error:
        if len(lines) == 1:
            return Chunk(None, numbers[:0], (Bad(int(numbers[0]), _reason(error)),))
    half = len(lines) // 2
    one = _halved(lines[:half], numbers[:half], parse, types, apart)
    known = types if apart or one.table is None else _types(one.table, types)
    other = _halved(lines[half:], numbers[half:], parse, known, apart)
    tables = [part.table for part in (one, other) if part.table is not None and not apart]
    table = pa.concat_tables(tables, promote_options="permissive") if tables else None
    return Chunk(table, np.concatenate([one.numbers, other.numbers]), (*one.bad, *other.bad))


def _whole(table: Any, lines: int) -> Any:
    """The table, if every line is a row of it; ArrowInvalid where one is several, or a part of one."""
    import pyarrow as pa

    if table.num_rows != lines:
        raise pa.ArrowInvalid("a row is one line: this has more than one, or a part")
    return table


def _reason(error: Exception) -> str:
    """What the parser says of a line, without its number among those that were parsed."""
    return AMONG.sub("", str(error).splitlines()[0]).removeprefix("JSON parse error: ")


def _types(table: Any, before: Any) -> Any:
    """The types to read further lines by: numbers as float64, whole or not; a column of nothing yet is left open."""
    import pyarrow as pa
    import pyarrow.types as is_

    known = {} if before is None else {part.name: part.type for part in before}
    for part in table.schema:
        kind = pa.float64() if is_.is_integer(part.type) or is_.is_floating(part.type) else part.type
        if is_.is_null(known.get(part.name, pa.null())):
            known[part.name] = kind
    return pa.schema(list(known.items()))


def _settled(types: Any) -> Any:
    """Those of the columns that have held something."""
    import pyarrow as pa
    import pyarrow.types as is_

    return None if types is None else pa.schema([part for part in types if not is_.is_null(part.type)])
