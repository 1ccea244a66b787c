"""Content as text, aligned, in the manner of R's summary."""

from textwrap import wrap

from expfam.diagnostics.text import padded, wide
from expfam.report.content import WIDTH, Content, Row


def render(what: Content) -> str:
    """Content as lines of text, up to 100 characters wide where the table lets them."""
    table = _table(what)
    width = min(max(map(wide, table)), WIDTH)
    notes = [line for note in what.notes for line in wrap(note, WIDTH, subsequent_indent="  ", break_on_hyphens=False)]
    parts = [[line for line in (what.title, *_head(what, width)) if line], table, notes]
    return "\n\n".join("\n".join(lines) for lines in parts if lines)


def _head(what: Content, width: int) -> list[str]:
    """The model with its size to the right, or below where there is no room."""
    if wide(what.model) > WIDTH - len(what.size) - 2:
        return [*wrap(what.model, WIDTH), what.size]
    return [f"{padded(what.model, max(width - len(what.size), wide(what.model) + 2))}{what.size}".rstrip()]


def _table(what: Content) -> list[str]:
    """Header and rows, right-aligned; under headings the names are indented."""
    rows = [*what.rows, *what.foot]
    indent = "  " if any(not cells for _, cells in rows) else ""
    name = max((wide(indent + label) for label, _ in rows), default=0)
    widths = [max(len(title), *(len(cells[k]) for _, cells in rows if cells)) for k, title in enumerate(what.header)]

    def line(label: str, cells: tuple[str, ...]) -> str:
        shown = padded(label, name) + "".join(f"  {cell:>{w}}" for cell, w in zip(cells, widths, strict=True))
        return shown.rstrip() if what.foot else shown

    def lines(rows: tuple[Row, ...]) -> list[str]:
        return [line(indent + label, cells) if cells else label for label, cells in rows]

    rule = ["-" * (name + sum(widths) + 2 * len(widths))] if what.foot else []
    return [line("", what.header), *lines(what.rows), *rule, *lines(what.foot)]
