"""A CSV file, plain or gzipped, with a header line; empty and NA cells are missing, quoted ones text."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from expfam.data.dialect import PLAIN, Dialect, check_columns, check_lines
from expfam.data.names import Wanted, choose
from expfam.data.raw import Raw
from expfam.errors import SchemaError

WHOLE = 2**31 - 1
"""Bytes in a block that holds the whole file: types are then inferred from every row."""


HEAD, LINES, PIECE = 1 << 16, 2, 1 << 24
"""Bytes and lines that tell how a file is written; bytes read at a time where all are."""


def read(path: Path, wanted: Wanted, dialect: Dialect = PLAIN) -> Raw:
    """The wanted columns; SchemaError for ragged rows or a damaged file."""
    import pyarrow as pa

    try:
        check_lines(_first(path), repr(str(path)), dialect)
        names = choose(_header(path, dialect), wanted)
        try:
            table = _load(path, names, None, dialect)
        except pa.ArrowInvalid:  # types inferred from the first block only did not hold further down
            table = _load(path, names, WHOLE, dialect)
    except (pa.ArrowException, OSError, EOFError) as error:
        reason = str(error).splitlines()[0]
        raise SchemaError(f"{str(path)!r} cannot be read as CSV: {reason}; mend the file at that place") from error
    check_columns(table, repr(str(path)))
    _check_end(path, table, dialect)
    return Raw(dict(zip(names, table.columns, strict=True)), table.num_rows, "arrow")


def _check_end(path: Path, table: Any, dialect: Dialect) -> None:
    """SchemaError where the file ends inside quotes: all lines after the one that opens them would be one cell.

    The last line tells, if it is the last row; where it is not, all quotes are counted. A packed file is not asked.
    """
    import pyarrow as pa

    if path.suffix.lower() == ".gz" or not table.num_rows:
        return
    with open(path, "rb") as file:
        first = file.readline()
        start = max(path.stat().st_size - HEAD, file.tell())
        file.seek(start)
        *_, last = [b"", *(line for line in file.read().split(b"\n") if line.strip())]
    line = pa.BufferReader(b"\n".join([first.rstrip(b"\r\n"), last, b""]))
    try:
        own = _load(line, tuple(table.column_names), None, dialect, table.schema)
        alike = repr(own.to_pylist()) == repr(table.slice(table.num_rows - 1).to_pylist())  # NaN, too
    except pa.ArrowException:
        alike = False
    if not alike and _quotes(path) % 2:
        raise SchemaError(
            f"{str(path)!r} ends inside quotes: one that a line opens is never closed, so that all lines after it "
            "would be one cell; mend that line"
        )


def _quotes(path: Path) -> int:
    with open(path, "rb") as file:
        return sum(piece.count(b'"') for piece in iter(lambda: file.read(PIECE), b""))


@dataclass(frozen=True, slots=True)
class CSV:
    """A CSV file, or an open pipe of one, written in a dialect of its own: data wherever a path is."""

    place: Any
    dialect: Dialect

    def read(self, path: Path, wanted: Wanted) -> Raw:
        """The wanted columns, read in the dialect."""
        return read(path, wanted, self.dialect)


def _first(path: Path) -> list[bytes]:
    """The first lines, as they tell how the file is written; none that the piece read cuts off. SchemaError if it is
    empty."""
    import pyarrow as pa

    with pa.input_stream(str(path)) as source:
        piece = bytes(source.read(HEAD))
    if not piece.strip():
        raise SchemaError(f"{str(path)!r} is empty; a CSV file has a header line, which names the columns, and rows")
    whole = piece.split(b"\n")
    return (whole[:-1] if len(piece) == HEAD else whole)[:LINES]


def _header(path: Path, dialect: Dialect) -> list[str]:
    from pyarrow import csv

    with csv.open_csv(path, parse_options=dialect.parsing) as reader:
        names: list[str] = reader.schema.names
    return names


def _load(path: Any, names: tuple[str, ...], block: int | None, dialect: Dialect, types: Any = None) -> Any:
    from pyarrow import csv

    cells = csv.ConvertOptions(
        include_columns=list(names), strings_can_be_null=True, quoted_strings_can_be_null=False,
        decimal_point=dialect.decimal, column_types=types,
    )  # fmt: skip
    return csv.read_csv(path, csv.ReadOptions(block_size=block), dialect.parsing, cells)
