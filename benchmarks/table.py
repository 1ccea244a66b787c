"""A table as aligned text, as Markdown, and as the bars of a plot."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Bar:
    """One contestant of one race: seconds, time / expfam, the ratio it is to have (None: no goal), did it get there?"""

    contestant: str
    seconds: float
    ratio: float
    goal: float | None = None
    reached: bool = True


@dataclass(frozen=True, slots=True)
class Point:
    """A point of a curve: loss above the least after so many seconds, in a panel of its own for each data set."""

    panel: str
    curve: str
    seconds: float
    excess: float


@dataclass(frozen=True, slots=True)
class Report:
    """What a problem found: a title, a table of text, remarks under it, bars if it was a race, points of curves."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...] = ()
    bars: tuple[Bar, ...] = ()
    points: tuple[Point, ...] = ()

    def text(self) -> str:
        """Aligned columns, the first to the left, the others to the right."""
        lines = (self.columns, *self.rows)
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        table = [
            "  ".join(
                [line[0].ljust(widths[0]), *(cell.rjust(w) for cell, w in zip(line[1:], widths[1:], strict=True))]
            )
            for line in lines
        ]
        return "\n".join([self.title, "", table[0], "-" * len(table[0]), *table[1:], "", *self.notes])

    def markdown(self) -> str:
        """The same for a page."""
        rule = ("---", *("---:" for _ in self.columns[1:]))
        lines = ([cell.replace("|", r"\|") for cell in line] for line in (self.columns, rule, *self.rows))
        table = [f"| {' | '.join(line)} |" for line in lines]
        return "\n".join([f"### {self.title}", "", *table, "", *(f"- {note}" for note in self.notes), ""])
