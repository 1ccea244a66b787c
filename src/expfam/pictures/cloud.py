"""Many rows as a picture: dots while they are few, a two-way histogram when they are many, and means by bins.

Rows are counted block by block into cells; nothing is sorted.
"""

from typing import Any

import numpy as np

from expfam._typing import AnyArray, FloatArray, IntArray
from expfam.parallel import ordered_sum, slices
from expfam.pictures.style import BAND, BLUE, DOT, RED, Numbers

POINTS = 5_000  # dots of a whole picture; more rows are counted into cells
PIXELS = 2_000  # dots of one panel beyond which an SVG holds them as pixels
ACROSS, UP = 72, 48  # cells
FINE = 720  # cells that bins are made of
BINS, LEAST = 30, 8  # bins of a smooth at most (and no more than half the root of n), rows of one at least
CRITICAL = 1.959963984540054


def cloud(x: FloatArray, y: FloatArray, times: FloatArray | None, *, log: bool = False, most: int = POINTS) -> Numbers:
    """x and y, or where they are more than `most`: count (UP, ACROSS) with x_edges and y_edges; mean of y by bins of x.

    times (n,) is how often each row occurs (None: once). Rows that are not finite are left out. smooth_x, smooth_mean,
    smooth_low, smooth_high, smooth_n: the bins' mean x, mean y and its 95% interval by the spread within.
    """
    good = np.isfinite(x) & np.isfinite(y) & ((x > 0) | (not log))
    x, y, times = x[good], y[good], None if times is None else times[good]
    found = _smooth(x, y, np.ones_like(x) if times is None else times, log)
    if len(x) <= most:
        return {"x": x, "y": y} | found
    edges = _edges(x, ACROSS, log), _edges(y, UP, False)
    scale = np.log if log else np.asarray

    def counted(at: slice) -> FloatArray:
        across, up = _cell(scale(x[at]), scale(edges[0])), _cell(y[at], edges[1])
        return np.bincount(up * ACROSS + across, None if times is None else times[at], UP * ACROSS).astype(float)

    count = ordered_sum(counted, slices(len(x)))
    return {"count": count.reshape(UP, ACROSS), "x_edges": edges[0], "y_edges": edges[1]} | found


def _edges(values: FloatArray, cells: int, log: bool) -> FloatArray:
    low, high = float(values.min()), float(values.max())
    if high <= low * (1 + 1e-12) + 1e-300:
        low, high = (low / 1.1, high * 1.1) if log else (low - 0.5, high + 0.5)
    return np.geomspace(low, high, cells + 1) if log else np.linspace(low, high, cells + 1)


def _cell(values: FloatArray, edges: FloatArray) -> IntArray:
    """The number of the cell of equal width that each value lies in."""
    k = len(edges) - 1
    return np.asarray(np.clip(((values - edges[0]) * (k / (edges[-1] - edges[0]))).astype(np.int64), 0, k - 1))


def _smooth(x: FloatArray, y: FloatArray, times: FloatArray, log: bool) -> dict[str, AnyArray]:
    """Means of y in bins of x: a bin ends where it holds its share of the rows, or its width and LEAST of them."""
    names = ("x", "mean", "low", "high", "n")
    if not len(x):
        return {f"smooth_{name}": np.zeros(0) for name in names}
    edges, middle = _edges(x, FINE, log), float(y[0])
    edges = np.log(edges) if log else edges

    def sums(at: slice) -> FloatArray:
        along = np.log(x[at]) if log else x[at]
        places, away, t = _cell(along, edges), y[at] - middle, times[at]
        return np.array([np.bincount(places, t * v, FINE) for v in (np.ones_like(away), along, away, away**2)])

    n, sx, sy, syy = _merged(ordered_sum(sums, slices(len(x))))
    mean, spread = sy / n, np.sqrt(np.maximum(syy / n - (sy / n) ** 2, 0.0) / np.maximum(n - 1, 1))
    half, at = np.where(n > 1, CRITICAL * spread, np.nan), np.exp(sx / n) if log else sx / n
    values = (at, mean + middle, mean + middle - half, mean + middle + half, n)
    return {f"smooth_{name}": part for name, part in zip(names, values, strict=True)}


def _merged(sums: FloatArray) -> FloatArray:
    """Sums of neighbouring cells, (4, FINE) to (4, bins); the last bin takes what is left over."""
    rows, starts, held, n = sums[0], [0], 0.0, float(sums[0].sum())
    bins, least = np.clip(np.sqrt(n) / 2, 4, BINS), np.clip(n / 600, LEAST, 100)
    left = np.cumsum(rows[::-1])[::-1]
    for cell, count in enumerate(rows):
        wide = cell - starts[-1] >= FINE / bins and held >= least
        if (wide or held >= max(n / bins, least)) and left[cell] >= least:
            starts.append(cell)
            held = 0.0
        held += count
    return np.asarray(np.add.reduceat(sums, starts, axis=1))


def draw(axes: Any, data: Numbers, *, smooth: bool = True) -> None:
    """Dots or shaded cells, and above them the means of bins with their band."""
    if "count" in data:
        shade(axes, data)
    else:
        n = len(data["x"])
        size = float(np.clip(300 / np.sqrt(n + 1), 5, 22))
        axes.scatter(data["x"], data["y"], s=size, color=BLUE, alpha=DOT, linewidths=0, rasterized=n > PIXELS)
    if smooth and len(data["smooth_x"]) > 1:
        axes.fill_between(data["smooth_x"], data["smooth_low"], data["smooth_high"], color=RED, alpha=BAND, lw=0)
        axes.plot(data["smooth_x"], data["smooth_mean"], color=RED)


def shade(axes: Any, data: Numbers) -> None:
    """Cells shaded by the logarithm of their count, one colour from transparent to full."""
    from matplotlib.colors import LinearSegmentedColormap

    shades = LinearSegmentedColormap.from_list("shades", [(BLUE, 0.12), (BLUE, 1.0)])
    level = np.ma.masked_equal(np.log1p(data["count"]), 0.0)
    axes.pcolormesh(data["x_edges"], data["y_edges"], level, cmap=shades, rasterized=True, linewidth=0, zorder=1)


def binned(data: Numbers) -> str:
    """What was done with the rows, for the note."""
    return f"shades: rows in {ACROSS} by {UP} cells, darker for more (logarithmic)" if "count" in data else ""
