"""Answers in rows: as an Arrow table, and as a table on the screen."""

from collections.abc import Callable, Collection, Mapping
from typing import Any

from expfam.cli.terminal import console


def arrow(found: Any) -> Any:
    """An answer in any kind of frame as an Arrow table, null for NaN."""
    import pyarrow as pa
    from narwhals import from_native

    columns = found if isinstance(found, dict) else from_native(found).to_dict(as_series=False)
    return pa.table({name: pa.array(values, from_pandas=True) for name, values in columns.items()})


Form = str | Callable[[float], str]


def show(table: Any, formats: Mapping[str, Form], hidden: Collection[str] = ()) -> None:
    """Text to the left, numbers to the right, four decimals or by `formats`, nothing for null."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    names = [name for name in table.column_names if name not in hidden]
    rows = table.to_pylist()
    shown = Table(box=box.SIMPLE_HEAD)
    for name in names:
        text = any(isinstance(row[name], str) for row in rows)
        shown.add_column(Text(name), justify="left" if text else "right", no_wrap=not text, overflow="fold")
    for row in rows:
        shown.add_row(*(Text(_cell(row[name], formats.get(name, ".4f"))) for name in names))
    console().print(shown)


def _cell(value: Any, form: Form) -> str:
    if value is None or isinstance(value, str):
        return value or ""
    return format(value, form) if isinstance(form, str) else form(value)
