"""A CSV file, plain or gzipped, with a header line; empty and NA cells are missing, quoted ones text."""

from pathlib import Path
from typing import Any

from expfam.data.names import Wanted, choose
from expfam.data.raw import Raw
from expfam.errors import SchemaError

WHOLE = 2**31 - 1
"""Bytes in a block that holds the whole file: types are then inferred from every row."""


def read(path: Path, wanted: Wanted) -> Raw:
    """The wanted columns; SchemaError for ragged rows or a damaged file."""
    import pyarrow as pa

    try:
        names = choose(_header(path), wanted)
        try:
            table = _load(path, names, None)
        except pa.ArrowInvalid:  # types inferred from the first block only did not hold further down
            table = _load(path, names, WHOLE)
    except (pa.ArrowException, OSError, EOFError) as error:
        reason = str(error).splitlines()[0]
        raise SchemaError(f"{str(path)!r} cannot be read as CSV: {reason}; mend the file at that place") from error
    return Raw(dict(zip(names, table.columns, strict=True)), table.num_rows, "arrow")


def _header(path: Path) -> list[str]:
    from pyarrow import csv

    with csv.open_csv(path) as reader:
        names: list[str] = reader.schema.names
    return names


def _load(path: Path, names: tuple[str, ...], block: int | None) -> Any:
    from pyarrow import csv

    cells = csv.ConvertOptions(include_columns=list(names), strings_can_be_null=True, quoted_strings_can_be_null=False)
    return csv.read_csv(path, csv.ReadOptions(block_size=block), convert_options=cells)
