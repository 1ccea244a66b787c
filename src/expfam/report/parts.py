"""What a page is made of, free of any markup: sections of prose, facts, tables, figures and notices."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar, TypeAlias

import numpy as np

from expfam._typing import FloatArray
from expfam.report.numbers import brief, figure

Form: TypeAlias = Callable[[float], str]


@dataclass(frozen=True, slots=True)
class Column:
    """The head of a table's column; numbers stand right-aligned and sort as numbers. `hint` explains the head."""

    title: str
    number: bool = False
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Cell:
    """What is shown, and the number to sort by (None: by the text)."""

    text: str
    value: float | None = None


@dataclass(frozen=True, slots=True)
class Prose:
    """A paragraph."""

    kind: ClassVar[str] = "prose"
    text: str


@dataclass(frozen=True, slots=True)
class Omitted:
    """What is not there, and why."""

    kind: ClassVar[str] = "omitted"
    text: str


@dataclass(frozen=True, slots=True)
class Facts:
    """Terms and what is to be said of each."""

    kind: ClassVar[str] = "facts"
    pairs: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Table:
    """Columns, rows of cells, a caption above, and what was left out below."""

    kind: ClassVar[str] = "table"
    caption: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    note: str = ""


@dataclass(frozen=True, slots=True)
class Figure:
    """A drawing as inline SVG, so many pixels wide by itself, its title, and a sentence on how to read it."""

    kind: ClassVar[str] = "figure"
    title: str
    caption: str
    svg: str
    width: int


@dataclass(frozen=True, slots=True)
class Notice:
    """Something to look at: grave ("bad"), doubtful ("warn") or all is well ("good"), and what to do about it."""

    kind: ClassVar[str] = "notice"
    grade: str
    title: str
    text: str


@dataclass(frozen=True, slots=True)
class Code:
    """Text as typed: a formula, a call."""

    kind: ClassVar[str] = "code"
    text: str


@dataclass(frozen=True, slots=True)
class Span:
    """A piece of a formula: "i" a variable, "b" a name, "sub", "sup", "" plain."""

    tag: str
    text: str


@dataclass(frozen=True, slots=True)
class Formula:
    """Lines of spans, in mathematical notation."""

    kind: ClassVar[str] = "formula"
    lines: tuple[tuple[Span, ...], ...]


@dataclass(frozen=True, slots=True)
class Folded:
    """Parts behind a line that opens them; open on paper, and from the start if `open`."""

    kind: ClassVar[str] = "folded"
    title: str
    parts: tuple["Part", ...]
    open: bool = False


Part: TypeAlias = Prose | Omitted | Facts | Table | Figure | Notice | Code | Formula | Folded


@dataclass(frozen=True, slots=True)
class Section:
    """A chapter of the page: its anchor, its title, a sentence on what it answers, its parts."""

    id: str
    title: str
    lead: str
    parts: tuple[Part, ...]


def number(value: float, form: Form = figure) -> Cell:
    """A number as people read it, sorted by its value; nothing for NaN."""
    known = not np.isnan(value)
    return Cell(form(value) if known else "", float(value) if known else None)


def counted_by(unit: str) -> list[tuple[str, str, Form | None]]:
    """The column `exposure` of an answer under what rows are counted by; none where that is rows, which stand there."""
    return [] if unit == "rows" else [("exposure", unit.capitalize(), brief)]


def tabled(
    answer: Mapping[str, Any],
    columns: Sequence[tuple[str, str, Form | None]],
    caption: str,
    *,
    rows: Sequence[int] | None = None,
    note: str = "",
) -> Table:
    """A table of some columns of an answer, each (name, title, form); form None for text. `rows` chooses and orders.

    Figures show what the error of their row tells apart.
    """
    heads = tuple(Column(title, form is not None) for _, title, form in columns)
    size = len(next(iter(answer.values())))
    errors = _errors(answer, size)

    def cell(name: str, form: Form | None, at: int) -> Cell:
        if form is None:
            return Cell(str(answer[name][at]))
        return number(float(answer[name][at]), partial(figure, error=errors[at]) if form is figure else form)

    chosen = range(size) if rows is None else rows
    return Table(caption, heads, tuple(tuple(cell(name, form, at) for name, _, form in columns) for at in chosen), note)


def _errors(answer: Mapping[str, Any], size: int) -> FloatArray:
    """The standard errors of the rows; where only intervals are, a quarter of each; NaN where neither."""
    if "std_error" in answer:
        return np.asarray(answer["std_error"], dtype=np.float64)
    if "conf_low" in answer:
        with np.errstate(invalid="ignore"):  # an interval without ends
            low, high = (np.asarray(answer[name], dtype=np.float64) for name in ("conf_low", "conf_high"))
            return (high - low) / 4
    return np.full(size, np.nan)
