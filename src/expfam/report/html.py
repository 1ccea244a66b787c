"""The summary as an HTML fragment for notebooks: no scripts, inherits the notebook's colours."""

from html import escape
from typing import TYPE_CHECKING

from expfam.report.content import content

if TYPE_CHECKING:
    from expfam.fit.estimates import Estimates


def fragment(fit: "Estimates", level: float = 0.95) -> str:
    """A heading, a table of coefficients and the closing lines."""
    what = content(fit, level)
    style = "text-align:right;padding:0.15em 0.8em"
    head = "".join(f'<th style="{style}">{escape(title)}</th>' for title in ("", *what.header))
    body = []
    for name, cells in what.rows:
        if not cells:
            body.append(f'<tr><th colspan="{len(what.header) + 1}" style="text-align:left">{escape(name)}</th></tr>')
            continue
        numbers = "".join(
            f'<td style="{style};font-variant-numeric:tabular-nums">{escape(cell)}</td>' for cell in cells
        )
        body.append(f'<tr><th style="text-align:left;font-weight:normal">{escape(name)}</th>{numbers}</tr>')
    notes = "<br>".join(map(escape, what.notes))
    return (
        f'<div class="expfam"><strong>{escape(what.title)}</strong><br>'
        f"<code>{escape(what.model)}</code>, {escape(what.size)}"
        f"<table><thead><tr>{head}</tr></thead><tbody>{''.join(body)}</tbody></table><p>{notes}</p></div>"
    )
