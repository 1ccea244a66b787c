"""Answers in rows: as an Arrow table, and as a table on the screen."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import TYPE_CHECKING, Any, Literal

from expfam.cli.terminal import console

if TYPE_CHECKING:
    from rich.table import Table
    from rich.text import Text

GAP = 3  # two blanks round a cell, and one between cells
LEAST = 12  # to which text is folded


def arrow(found: Any) -> Any:
    """An answer in any kind of frame as an Arrow table, null for NaN."""
    import pyarrow as pa
    from narwhals import from_native

    columns = found if isinstance(found, dict) else from_native(found).to_dict(as_series=False)
    return pa.table({name: pa.array(values, from_pandas=True) for name, values in columns.items()})


Form = str | Callable[[float], str]


@dataclass(frozen=True, slots=True)
class Column:
    """A column on the screen: its title and cells; text to the left, else numbers, to the right."""

    title: str
    cells: Sequence["Text"]
    text: bool

    @property
    def width(self) -> int:
        """Of its widest cell or its title."""
        from rich.cells import cell_len

        return max(cell_len(self.title), *(cell.cell_len for cell in self.cells), 0)


def show(table: Any, formats: Mapping[str, Form], hidden: Collection[str] = ()) -> None:
    """Text to the left, numbers to the right, four decimals or by `formats`, nothing for null."""
    from rich.text import Text

    rows, columns = table.to_pylist(), []
    for name in table.column_names:
        if name not in hidden:
            text = any(isinstance(row[name], str) for row in rows)
            columns.append(Column(name, [Text(_cell(row[name], formats.get(name, ".4f"))) for row in rows], text))
    lay_out(columns, keys=len(list(takewhile(lambda column: column.text, columns))))


def lay_out(columns: Sequence[Column], keys: int) -> None:
    """Print columns whole. Where the terminal is too narrow for all, in blocks one below the other, each led by the
    first `keys` columns, whose text folds to half of it; a line that is too long even so runs over."""
    screen = console()
    widths = [column.width for column in columns]
    if _across(widths) > screen.width:
        cap = _cap(widths[:keys], screen.width // 2)
        widths[:keys] = [min(w, cap) if c.text else w for c, w in zip(columns, widths, strict=False)][:keys]
    for block in _blocks(widths, keys, screen.width):
        shown = _table([columns[k] for k in block], [widths[k] for k in block])
        screen.print(shown, soft_wrap=False, crop=False)  # a soft wrap cuts cells at their columns


def _across(widths: Sequence[int]) -> int:
    """How wide a table of such columns is."""
    return sum(width + GAP for width in widths) + 1


def _cap(widths: Sequence[int], room: int) -> int:
    """The widest that a column may be for all of them to have room, or LEAST."""
    caps = range(LEAST, max(widths, default=0) + 1)
    return max((cap for cap in caps if _across([min(w, cap) for w in widths]) <= room), default=LEAST)


def _blocks(widths: Sequence[int], keys: int, room: int) -> list[list[int]]:
    """The numbers of the columns of each block: the keys, and as many others as have room, one at least."""
    lead = list(range(keys))
    blocks = [lead]
    for k in range(keys, len(widths)):
        fits = _across([widths[i] for i in (*blocks[-1], k)]) <= room
        blocks[-1:] = [[*blocks[-1], k]] if fits or blocks[-1] == lead else [blocks[-1], [*lead, k]]
    return blocks


def _table(columns: Sequence[Column], widths: Sequence[int]) -> "Table":
    """A table as wide as its columns, whatever the terminal is."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    shown = Table(box=box.SIMPLE_HEAD, width=_across(widths))
    for column, width in zip(columns, widths, strict=True):
        side: Literal["left", "right"] = "left" if column.text else "right"
        shown.add_column(Text(column.title), justify=side, width=width, overflow="fold")
    for row in zip(*(column.cells for column in columns), strict=True):
        shown.add_row(*row)
    return shown


def _cell(value: Any, form: Form) -> str:
    if value is None or isinstance(value, str):
        return value or ""
    return format(value, form) if isinstance(form, str) else form(value)
