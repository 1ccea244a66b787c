"""Content as Markdown with a pipe table (GitHub's, pandoc's); what is markup in a name is escaped."""

from expfam.report.content import Content, Row

ESCAPED = {ord(mark): f"\\{mark}" for mark in "\\`*_[]{}|~$#"} | {ord("&"): "&amp;", ord("<"): "&lt;", ord(">"): "&gt;"}


def render(what: Content) -> str:
    """A title in bold, the model as code, a pipe table, the notes as a list."""
    head = [f"**{plain(what.title)}**" if what.title else "", *([code(what.model)] if what.model else ()), what.size]
    lines = [_line("", tuple(map(plain, what.header))), "|:--|" + "--:|" * len(what.header)]
    lines += [_row(row) for row in (*what.rows, *what.foot)]
    parts = ["  \n".join(filter(None, head)), "\n".join(lines), "\n".join(f"- {plain(note)}" for note in what.notes)]
    return "\n\n".join(filter(None, parts))


def _row(row: Row) -> str:
    label, cells = row
    return _line(plain(label), tuple(map(plain, cells))) if cells else f"| **{plain(label)}** |"


def _line(label: str, cells: tuple[str, ...]) -> str:
    return "| " + " | ".join((label, *cells)) + " |"


def plain(text: str) -> str:
    """Text on one line in which nothing is markup."""
    return " ".join(text.split()).translate(ESCAPED)


def code(text: str) -> str:
    """Text as a code span, between more backticks than it holds in a row."""
    longest = max((len(run) for run in "".join(c if c == "`" else " " for c in text).split()), default=0)
    fence, pad = "`" * (longest + 1), " " if "`" in text else ""
    return f"{fence}{pad}{text}{pad}{fence}"
