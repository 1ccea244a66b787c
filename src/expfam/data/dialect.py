"""How a CSV file is written: UTF-8 text, commas between fields and points in numbers, or what is given instead."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from expfam.errors import SchemaError

SEPARATORS = {b",": "commas", b";": "';'", b"\t": "tabs", b"|": "'|'"}
MARKS = {b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}
"""Byte order marks at the beginning of a file, and the encoding that they tell."""

PACKED = {b"\x1f\x8b": ("gzip", "gzip -dc"), b"\x28\xb5\x2f\xfd": ("zstd", "zstd -dc")}
"""How compressed files begin, by what they were compressed, and what unpacks them."""


@dataclass(frozen=True, slots=True)
class Dialect:
    """What stands between fields, and between whole numbers and their decimals: one character each."""

    sep: str = ","
    decimal: str = "."

    def __post_init__(self) -> None:
        for name, value in (("sep", self.sep), ("decimal", self.decimal)):
            if not (len(value) == 1 and value.isascii() and (value.isprintable() or value == "\t")) or value == '"':
                raise SchemaError(f"{name}={value!r} is not allowed; give one character, such as ';' or ','")
        if self.sep == self.decimal:
            raise SchemaError(f"sep={self.sep!r} and decimal={self.decimal!r}: fields and decimals must differ")

    def pointed(self, cell: str | None) -> str | None:
        """A cell with a point before its decimals, as a number has it elsewhere."""
        return cell if cell is None or self.decimal == "." else cell.replace(self.decimal, ".")

    @property
    def parsing(self) -> Any:
        """Arrow's options for lines."""
        from pyarrow import csv

        return csv.ParseOptions(delimiter=self.sep)


PLAIN = Dialect()


def check_unpacked(start: bytes, what: str) -> None:
    """SchemaError where what should be text begins as a compressed file does."""
    for mark, (name, unpack) in PACKED.items():
        if start.startswith(mark):
            raise SchemaError(
                f"{what} is compressed by {name}, not text: unpack it first ({unpack} FILE > NEW), or into a stream as "
                f"it comes ({unpack} FILE | expfam stream ...)"
            )


def check_lines(lines: Sequence[bytes], what: str, dialect: Dialect = PLAIN) -> None:
    """SchemaError where the first lines, header and all, are of another encoding, or have other separators."""
    check_unpacked(b"".join(lines[:1]), what)
    for mark, encoding in MARKS.items():
        if lines and lines[0].startswith(mark):
            raise not_utf8(what, f"it begins with the byte order mark of {encoding.upper()}", encoding)
    for number, line in enumerate(lines):
        try:
            line.decode()
        except UnicodeDecodeError as error:
            raise not_utf8(what, f"line {number + 1} holds the byte 0x{line[error.start]:02x}") from None
    header, rows, own = b"".join(lines[:1]), lines[1:2], dialect.sep.encode()
    for other, told in SEPARATORS.items():
        if own not in header and other in header and all(other in row for row in rows if row.strip()):
            comma = other != b"," and any(re.search(rb"\d,\d", row) for row in rows)
            decimal, options = (" and decimal commas", ", decimal=','") if comma else ("", "")
            plain = "a CSV file has commas, and points in its numbers"
            expected = plain if dialect == PLAIN else f"{dialect.sep!r} was given"
            raise SchemaError(
                f"{what} has {told} between its fields{decimal}; {expected}. "
                f"Export it so, or hand over the frame of pandas.read_csv(path, sep={other.decode()!r}{options})"
            )


def check_columns(table: Any, what: str) -> None:
    """SchemaError where Arrow took a column for bytes, since its text is not UTF-8."""
    for name in undecoded(table):
        raise not_utf8(what, f"column {name!r}")


def undecoded(table: Any) -> list[str]:
    """The columns that Arrow took for bytes."""
    import pyarrow.types as is_

    return [part.name for part in table.schema if is_.is_binary(part.type)]


def not_utf8(what: str, where: str, encoding: str = "latin-1") -> SchemaError:
    """The error for text of another encoding, likely this one."""
    return SchemaError(
        f"{what} is not UTF-8 text: {where}. Save it as UTF-8 (iconv -f {encoding} -t utf-8 OLD > NEW), or hand over "
        f"the frame of pandas.read_csv(path, encoding={encoding!r})"
    )
