"""The races as bars: how many times the time of expfam, on a logarithmic axis, with the goals."""

from collections.abc import Sequence
from io import StringIO
from typing import Any

from benchmarks.table import Bar, Report

COLOURS = {
    "expfam": "#1b4965", "glum": "#e07a5f", "sklearn": "#f2cc8f", "statsmodels": "#81b29a", "R": "#8d99ae",
    "glmnet": "#b8b8d1",
}  # fmt: skip
INK, GREY = "#222222", "#8a8a8a"
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
        out = StringIO()
        figure.savefig(out, format="svg", metadata={"Date": None})
    return "\n".join(line.rstrip() for line in out.getvalue().splitlines()) + "\n"


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
