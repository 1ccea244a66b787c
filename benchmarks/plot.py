"""The races as bars: how many times the time of expfam, on a logarithmic axis, with the goals; loss against seconds."""

from collections.abc import Sequence
from io import StringIO
from typing import Any

from benchmarks.table import Bar, Point, Report

COLOURS = {
    "expfam": "#1b4965", "glum": "#e07a5f", "sklearn": "#f2cc8f", "statsmodels": "#81b29a", "R": "#8d99ae",
    "glmnet": "#b8b8d1",
}  # fmt: skip
INK, GREY = "#222222", "#8a8a8a"
LINES = ("#1b4965", "#e07a5f", "#81b29a", "#8d99ae")
LEAST = 1e-10  # an excess below it is drawn there
WIDE, PANEL = 2, 0.27
"""Panels side by side; inches of a bar."""


def bars(races: Sequence[Report]) -> str:
    """An SVG: one panel a race, one bar a contestant, the same axis for all."""
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    deep = -(-len(races) // WIDE)
    most = [max(len(r.bars) for r in races[i * WIDE : (i + 1) * WIDE]) for i in range(deep)]
    heights = [count + 2.2 for count in most]
    limits = extent([bar for race in races for bar in race.bars])
    with rc_context({"svg.hashsalt": "expfam", "font.size": 8}):
        figure = Figure(figsize=(12, PANEL * sum(heights) + 0.9), layout="constrained")
        panels = figure.subplots(deep, WIDE, squeeze=False, height_ratios=heights)
        for place, (axes, race) in enumerate(zip(panels.ravel(), races, strict=False)):
            panel(axes, race, limits, most[place // WIDE])
        for axes in panels.ravel()[len(races) :]:
            axes.set_axis_off()
        figure.suptitle("Time of a fit / time of expfam", x=0.01, ha="left", fontsize=13, color=INK)
        figure.supxlabel(
            "times expfam's time, logarithmic; black line: the goal; pale: its gradient is above ten times the rule",
            fontsize=9,
            color=INK,
        )
        return written(figure)


def written(figure: Any) -> str:
    """A figure as SVG, the same text for the same numbers."""
    out = StringIO()
    figure.savefig(out, format="svg", metadata={"Date": None})
    return "\n".join(line.rstrip() for line in out.getvalue().splitlines()) + "\n"


def curves(points: Sequence[Point]) -> str:
    """An SVG: one panel a data set, one line a solver, from the point where it was stopped first to the last."""
    from matplotlib import rc_context
    from matplotlib.figure import Figure
    from matplotlib.ticker import LogLocator

    panels = list(dict.fromkeys(point.panel for point in points))
    with rc_context({"svg.hashsalt": "expfam", "font.size": 8}):
        figure = Figure(figsize=(4 * len(panels), 3.4), layout="constrained")
        for axes, name in zip(figure.subplots(1, len(panels), squeeze=False, sharey=True)[0], panels, strict=True):
            here = [point for point in points if point.panel == name]
            for colour, curve in zip(LINES, dict.fromkeys(point.curve for point in here), strict=False):
                way = sorted((p.seconds, max(p.excess, LEAST)) for p in here if p.curve == curve)
                axes.plot(*zip(*way, strict=True), color=colour, marker="o", markersize=4, label=curve)
            axes.set_xscale("log")
            axes.set_yscale("log")
            axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
            axes.xaxis.set_major_formatter("{x:g}")
            axes.minorticks_off()
            axes.set_title(name, loc="left", fontsize=9, color=INK, fontweight="bold")
            axes.set_xlabel("seconds", color=INK)
            axes.grid(color="#e6e6e6", linewidth=0.6)
            axes.tick_params(length=0, colors=INK)
            axes.spines[:].set_visible(False)
        figure.axes[0].set_ylabel("mean loss above the least", color=INK)
        figure.axes[-1].legend(frameon=False)
        return written(figure)


def panel(axes: Any, race: Report, limits: tuple[float, float], room: int) -> None:
    """One race with room for so many bars; ratio and seconds stand at the end of each."""
    for place, bar in enumerate(race.bars):
        package = bar.contestant.partition(":")[0]
        axes.barh(
            place,
            bar.ratio - limits[0],
            left=limits[0],
            color=COLOURS.get(package, GREY),
            height=0.74,
            alpha=1.0 if bar.reached else 0.3,
        )
        label = f" {bar.ratio:.3g} x, {bar.seconds:.3g} s{'' if bar.reached else ', stopped short'}"
        axes.text(max(bar.ratio, bar.goal or 0), place, label, va="center", color=INK)
        if bar.goal is not None:
            axes.plot([bar.goal] * 2, [place - 0.44, place + 0.44], color=INK, linewidth=1.8)
    axes.set_xscale("log")
    axes.set_xlim(limits[0], limits[1] * 6)
    axes.set_ylim(room - 0.4, -0.6)
    axes.xaxis.set_major_formatter("{x:g} x")
    axes.minorticks_off()
    axes.set_yticks(range(len(race.bars)), [bar.contestant for bar in race.bars])
    axes.set_title(race.title, loc="left", fontsize=9, color=INK, fontweight="bold")
    axes.axvline(1, color=GREY, linewidth=0.8, zorder=0)
    axes.grid(axis="x", color="#e6e6e6", linewidth=0.6, zorder=-1)
    axes.set_axisbelow(True)
    axes.tick_params(length=0, colors=INK)
    axes.spines[:].set_visible(False)


def extent(every: Sequence[Bar]) -> tuple[float, float]:
    """From a bit below the fastest to the slowest or the highest goal."""
    ratios = [bar.ratio for bar in every]
    return min(0.5, *(r / 1.5 for r in ratios)), max(2.0, *ratios, *(bar.goal for bar in every if bar.goal))
