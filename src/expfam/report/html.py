"""Content as an HTML fragment for notebooks and mails: no scripts, no style sheet, it inherits the page's colours."""

from html import escape

from expfam.report.content import Content, Row

CELL = "text-align:right;padding:0.15em 0.8em;font-variant-numeric:tabular-nums"
NAME = "text-align:left;font-weight:normal;padding:0.15em 0.8em 0.15em 0"
RULE = "border-top:1px solid currentColor"


def render(what: Content) -> str:
    """A heading, a table and the closing lines."""
    head = "".join(f'<th scope="col" style="{CELL}">{escape(title)}</th>' for title in what.header)
    columns = len(what.header) + 1
    body = "".join(_row(row, columns) for row in what.rows)
    foot = "".join(_row(row, columns) for row in what.foot)
    last = f'<tbody style="{RULE}">{foot}</tbody>' if foot else ""
    return (
        f'<div class="expfam">{_title(what)}'
        f"<table><thead><tr><td></td>{head}</tr></thead><tbody>{body}</tbody>{last}</table>"
        + (f"<p>{'<br>'.join(map(escape, what.notes))}</p>" if what.notes else "")
        + "</div>"
    )


def _title(what: Content) -> str:
    title = f"<strong>{escape(what.title)}</strong><br>" if what.title else ""
    return title + ", ".join(filter(None, (f"<code>{escape(what.model)}</code>" * bool(what.model), escape(what.size))))


def _row(row: Row, columns: int) -> str:
    label, cells = row
    if not cells:
        return f'<tr><th colspan="{columns}" scope="colgroup" style="text-align:left">{escape(label)}</th></tr>'
    numbers = "".join(f'<td style="{CELL}">{escape(cell)}</td>' for cell in cells)
    return f'<tr><th scope="row" style="{NAME}">{escape(label)}</th>{numbers}</tr>'
