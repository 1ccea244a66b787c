"""Was as much seen as expected, level by level? Observed and expected rates along any column."""

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from expfam.diagnostics.experience import ActualExpected
from expfam.pictures import levels
from expfam.pictures.grid import grid, inches, part, prefixed, split
from expfam.pictures.picture import Picture
from expfam.pictures.seen import rate_words
from expfam.pictures.style import BLUE, PANELS, RED, Numbers, percent, plain, shortened

if TYPE_CHECKING:
    from expfam.model import Model
    from expfam.pictures.plots import Pictures

READ = (
    "Where the interval of the observed rate (blue) leaves out the expected one (red), the model does not meet the "
    "level; low bars mean little experience."
)


def actual_expected(
    plot: "Pictures", by: Any = None, *, bins: int = 10, label: str | None = None, level: float = 0.95, data: Any = None
) -> Picture:
    """Is the model right along a column, fitted or not? `Fit.actual_expected` as rates, exposure as bars behind.

    by   a column's name, an array, several names (their combinations); by default every column that is fitted, the
         first 12; numbers in `bins` of equal exposure

    Of more than 30 levels, or 12 beside other columns, those of largest exposure. data: level, observed, low, high
    (infinite where an interval has no end), expected: rates; share of exposure; behind the column's name, "age.level",
    where there are several.
    """
    found = plot.fit.actual_expected(by, bins, plot.source(data), label=label, level=level)
    return of(plot.fit.model, found, label)


def of(model: "Model", found: ActualExpected, label: str | None = None) -> Picture:
    """The picture of actual and expected sums that are at hand."""
    columns, words, what = found.columns, rate_words(model, label), found.unit
    alone = len(columns) == 1
    parts = {name: _numbers(found[name], levels.MOST if alone else levels.NARROW) for name in columns[:PANELS]}
    rows = found[columns[0]].sums.rows.sum()
    note = [f"{rows:,.0f} rows", f"{percent(found.confidence)} intervals", f"bars: share of {what}"]
    note += levels.cut({name: found.column.count(name) for name in parts}, parts, what)
    note += [f"the first {PANELS} of {len(columns)} columns"] if len(columns) > PANELS else []
    drawing = partial(_draw, tuple(parts), words, what)
    if not alone:
        data, size = prefixed(parts), grid(len(parts), 2.3)
        return Picture("actual_expected", "Actual and expected", "; ".join(note), READ, data, drawing, size)
    name, only = next(iter(parts.items()))
    size, title = levels.width(only["level"].tolist()), f"Actual and expected by {plain(shortened(name))}"
    return Picture("actual_expected", title, "; ".join(note), READ, only, drawing, size)


def _numbers(found: ActualExpected, most: int) -> Numbers:
    """The rates of one column's levels, those of largest exposure."""
    exposure, expected = found.sums.exposure, found.sums.expected / found.sums.exposure
    chosen = levels.largest(exposure, most)
    rates = {"observed": found.sums.observed / exposure, "low": found.low * expected, "high": found.high * expected}
    rates |= {"expected": expected, "share": exposure / exposure.sum()}
    return {"level": np.array(found.level, dtype=object)[chosen]} | {name: rate[chosen] for name, rate in rates.items()}


def _panel(axes: Any, data: Numbers, inches: float, what: str) -> None:
    """Expected and observed rates above bars."""
    at = np.arange(len(data["level"]))
    observed, low, high, expected = (data[name] for name in ("observed", "low", "high", "expected"))
    reach = 4 * max(np.nanmax(observed), np.nanmax(expected))  # one level of little exposure flattens no others
    levels.ranged(axes, observed, expected, np.minimum(high, reach), np.maximum(low, -reach), floor=0.35)
    levels.bars(axes, at, data["share"], what)
    axes.vlines(at, *np.clip([low, high], *axes.get_ylim()), color=BLUE, lw=1.6, alpha=0.8)
    axes.plot(at, expected, "s--", color=RED, ms=7, lw=1, mfc="none", mew=1.2, label="expected")
    axes.plot(at, observed, "o-", color=BLUE, ms=5, lw=1, mew=0, label="observed")
    levels.named(axes, data["level"].tolist(), inches)


def _draw(columns: tuple[str, ...], words: str, what: str, figure: Any, data: Numbers) -> None:
    alone = "level" in data
    panels = split(figure, len(columns))
    for axes, name in zip(panels, columns, strict=True):
        _panel(axes, data if alone else part(data, name), inches(figure, len(columns)), what if alone else "")
        if not alone:
            axes.set_title(plain(shortened(name, 40)))
    figure.supylabel(words, fontsize=9)
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside upper right", ncols=2)
