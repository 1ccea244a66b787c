"""Content as a LaTeX table in the manner of booktabs; what is markup in a name is escaped.

The preamble needs `\\usepackage{booktabs}`; letters beyond Latin need an engine that has them (lualatex, xelatex).
"""

import re

from expfam.report.content import Content, Row

ESCAPED = {ord(mark): f"\\{mark}" for mark in "&%$#_{}"} | {
    ord("\\"): r"\textbackslash{}",
    ord("~"): r"\textasciitilde{}",
    ord("^"): r"\textasciicircum{}",
    ord("<"): r"\textless{}",
    ord(">"): r"\textgreater{}",
    ord("|"): r"\textbar{}",
    ord("`"): r"\textasciigrave{}",
    ord('"'): r"{\ttfamily\char34}",
    ord("["): "{[}",  # behind the end of a row a bracket or a star would be an option of it
    ord("]"): "{]}",
    ord("*"): "{*}",
}
NUMBER = re.compile(r"(\(?)(< )?(-?[\d,]+(?:\.\d+)?)(?:e([+-]\d+))?(\)?)")


def render(what: Content) -> str:
    """A table environment: title and model as its caption, the rules of booktabs, the notes below in small print."""
    columns = len(what.header)
    lines = [
        r"\begin{table}",
        r"\centering",
        *_caption(what),
        rf"\begin{{tabular}}{{l{'r' * columns}}}",
        r"\toprule",
        _line("", tuple(map(plain, what.header))),
        r"\midrule",
        *(_row(row, columns) for row in what.rows),
        *([r"\midrule"] if what.foot else ()),
        *(_row(row, columns) for row in what.foot),
        r"\bottomrule",
        r"\end{tabular}",
        *([r"\par\smallskip\footnotesize"] if what.notes else ()),
        *(rf"{plain(note)}\par" for note in what.notes),
        r"\end{table}",
    ]
    return "\n".join(lines)


def _caption(what: Content) -> list[str]:
    parts = [plain(what.title), rf"\texttt{{{plain(what.model)}}}" if what.model else "", plain(what.size)]
    text = ". ".join(filter(None, parts))
    return [rf"\caption{{{text}}}"] if text else []


def _row(row: Row, columns: int) -> str:
    label, cells = row
    if not cells:
        return rf"\multicolumn{{{columns + 1}}}{{l}}{{\emph{{{plain(label)}}}}} \\"
    return _line(plain(label), tuple(map(number, cells)))


def _line(label: str, cells: tuple[str, ...]) -> str:
    return " & ".join((label, *cells)) + r" \\"


def plain(text: str) -> str:
    """Text on one line in which nothing is markup."""
    return " ".join(text.split()).translate(ESCAPED)


def number(cell: str) -> str:
    """-0.12 with the sign of mathematics, 3.1e-08 as a power of ten; any other text as it is."""
    found = NUMBER.fullmatch(cell)
    if found is None:
        return plain(cell)
    left, less, digits, power, right = found.groups("")
    digits = digits.replace(",", "{,}")
    if power:
        tenfold = f"10^{{{int(power)}}}"
        digits = tenfold if digits == "1" else rf"{digits} \times {tenfold}"
    return f"{left}${'<' if less else ''}{digits}${right}"
