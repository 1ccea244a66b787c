"""The page of results: each problem keeps a part of its own; page and plot are rebuilt from the parts there are."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmarks import plot
from benchmarks.contest import CLOCK
from benchmarks.table import Bar, Point, Report

PAGE, PLOT, CURVES = "README.md", "benchmarks.svg", "curves.svg"
HEAD = """# Benchmarks

Made by `make bench`; the tables of each problem are kept in a file of its own here, and `python -m benchmarks PROBLEM
--output DIR` renews one without the others. Read `benchmarks/README.md` for the rules.
"""


@dataclass(frozen=True, slots=True)
class Part:
    """A problem's tables, with day, machine and versions; `quick` runs prove that it runs, and nothing else."""

    name: str
    question: str
    head: str
    quick: bool
    reports: tuple[Report, ...]

    def markdown(self) -> str:
        """A section of the page."""
        warning = "**A quick run on a few rows: its seconds mean nothing.**\n\n" if self.quick else ""
        tables = "\n".join(report.markdown() for report in self.reports)
        drawn = any(report.points for report in self.reports)
        picture = f"![excess of the mean loss against seconds, both logarithmic]({CURVES})\n\n" if drawn else ""
        return f"## {self.name}\n\n{self.question}\n\n{warning}{picture}{tables}\nMeasured {self.head}.\n"


def keep(folder: Path, part: Part) -> None:
    """Write a part into the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{part.name}.json").write_text(json.dumps(asdict(part), indent=1) + "\n", encoding="utf-8")


def parts(folder: Path, order: Sequence[str]) -> Iterator[Part]:
    """The parts in the folder, in the order of the problems."""
    paths = (folder / f"{name}.json" for name in order)
    return (_part(json.loads(path.read_text(encoding="utf-8"))) for path in paths if path.is_file())


def rebuild(folder: Path, order: Sequence[str]) -> Path:
    """Write page and plot anew from the parts; the path of the page."""
    found = list(parts(folder, order))
    races = [report for part in found for report in part.reports if report.bars]
    sections = [HEAD]
    if races:
        (folder / PLOT).write_text(plot.bars(races), encoding="utf-8")
        goals = "a line marks the goal of each contestant"
        sections.append(f"![time / expfam of each contestant on each problem, log scale; {goals}]({PLOT})\n")
        sections.append("\n".join(f"- {line}" for line in CLOCK) + "\n")
    points = [point for part in found for report in part.reports for point in report.points]
    if points:
        (folder / CURVES).write_text(plot.curves(points), encoding="utf-8")
    page = folder / PAGE
    page.write_text("\n".join([*sections, *(part.markdown() for part in found)]), encoding="utf-8")
    return page


def _part(plain: dict[str, Any]) -> Part:
    return Part(**{**plain, "reports": tuple(map(_report, plain["reports"]))})


def _report(plain: dict[str, Any]) -> Report:
    bars = tuple(Bar(**bar) for bar in plain["bars"])
    points = tuple(Point(**point) for point in plain.get("points", ()))
    rows = tuple(map(tuple, plain["rows"]))
    return Report(plain["title"], tuple(plain["columns"]), rows, tuple(plain["notes"]), bars, points)
