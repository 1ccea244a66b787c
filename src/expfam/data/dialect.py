"""Is a file what a CSV file is here: UTF-8 text, commas between fields, points in numbers?"""

import re
from collections.abc import Sequence
from typing import Any

from expfam.errors import SchemaError

OTHERS = {b";": "';'", b"\t": "tabs", b"|": "'|'"}


def check_lines(lines: Sequence[bytes], what: str) -> None:
    """SchemaError where the first lines, header and all, are of another encoding, or have other separators."""
    for number, line in enumerate(lines):
        try:
            line.decode()
        except UnicodeDecodeError as error:
            raise not_utf8(what, f"line {number + 1} holds the byte 0x{line[error.start]:02x}") from None
    header, rows = b"".join(lines[:1]), lines[1:2]
    for other, told in OTHERS.items():
        if b"," not in header and other in header and all(other in row for row in rows if row.strip()):
            comma = any(re.search(rb"\d,\d", row) for row in rows)
            decimal, options = (" and decimal commas", ", decimal=','") if comma else ("", "")
            raise SchemaError(
                f"{what} has {told} between its fields{decimal}; a CSV file has commas, and points in its numbers. "
                f"Export it so, or hand over the frame of pandas.read_csv(path, sep={other.decode()!r}{options})"
            )


def check_columns(table: Any, what: str) -> None:
    """SchemaError where Arrow took a column for bytes, since its text is not UTF-8."""
    import pyarrow.types as is_

    for part in table.schema:
        if is_.is_binary(part.type):
            raise not_utf8(what, f"column {part.name!r}")


def not_utf8(what: str, where: str) -> SchemaError:
    """The error for text of another encoding."""
    return SchemaError(
        f"{what} is not UTF-8 text: {where}. Save it as UTF-8 (iconv -f latin1 -t utf-8 OLD > NEW), or hand over the "
        "frame of pandas.read_csv(path, encoding='latin-1')"
    )
