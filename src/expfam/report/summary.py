"""The summary as text, in the manner of R's, aligned, significance left to p values."""

from textwrap import wrap
from typing import TYPE_CHECKING

from expfam.report.content import WIDTH, Content, content

if TYPE_CHECKING:
    from expfam.fit import Fit


def text(fit: "Fit", level: float = 0.95) -> str:
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
    name = max([len(label) + (2 if what_is_indented(what) else 0) for label, _ in what.rows] + [0])
    widths = [
        max(len(title), *(len(cells[k]) for _, cells in what.rows if cells)) for k, title in enumerate(what.header)
    ]
    lines = [" " * name + "".join(f"  {title:>{w}}" for title, w in zip(what.header, widths, strict=True))]
    indent = "  " if what_is_indented(what) else ""
    for label, cells in what.rows:
        if cells:
            lines.append(
                f"{indent + label:<{name}}" + "".join(f"  {cell:>{w}}" for cell, w in zip(cells, widths, strict=True))
            )
        else:
            lines.append(label)
    return lines


def what_is_indented(what: Content) -> bool:
    """Are the coefficients grouped under headings?"""
    return any(not cells for _, cells in what.rows)
