"""The summary as text, in the manner of R's, aligned, significance left to p values."""

from textwrap import wrap
from typing import TYPE_CHECKING

from expfam.report.content import WIDTH, Content, content

if TYPE_CHECKING:
    from expfam.fit.estimates import Estimates


def text(fit: "Estimates", level: float = 0.95) -> str:
    """The summary of a fit, up to 100 characters wide."""
    return render(content(fit, level))


def render(what: Content) -> str:
    """Content as lines of text."""
    table = _table(what)
    width = min(max(len(line) for line in table), WIDTH)
    head = what.model if len(what.model) <= WIDTH - len(what.size) - 2 else ""
    first = (
        [f"{head:<{max(width - len(what.size), len(head) + 2)}}{what.size}"]
        if head
        else [*wrap(what.model, WIDTH), what.size]
    )
    notes = [line for note in what.notes for line in wrap(note, WIDTH, subsequent_indent="  ", break_on_hyphens=False)]
    return "\n".join([what.title, *first, "", *table, "", *notes])


def _table(what: Content) -> list[str]:
    """Header and rows, right-aligned; under headings the names are indented."""
    indent = "  " if any(not cells for _, cells in what.rows) else ""
    name = max((len(indent + label) for label, _ in what.rows), default=0)
    widths = [
        max(len(title), *(len(cells[k]) for _, cells in what.rows if cells)) for k, title in enumerate(what.header)
    ]

    def line(label: str, cells: tuple[str, ...]) -> str:
        return f"{label:<{name}}" + "".join(f"  {cell:>{w}}" for cell, w in zip(cells, widths, strict=True))

    return [line("", what.header), *(line(indent + label, cells) if cells else label for label, cells in what.rows)]
