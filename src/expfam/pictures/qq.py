"""Do residuals follow the distribution? Quantile plots, straight (QQ) and with the line taken off (worm)."""

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.special import betaincinv, ndtr, ndtri

from expfam._typing import FloatArray
from expfam.pictures.picture import Picture
from expfam.pictures.seen import Seen, seen
from expfam.pictures.style import BLUE, DOT, FAINT, MILD, Numbers, ink, ticked

if TYPE_CHECKING:
    from expfam.pictures.plots import Pictures

MOST = 240  # quantiles shown
READ = (
    "Dots inside the grey band, where 95% of them lie one by one if the model holds, are no evidence against it; "
    "{how} tells of overdispersion, a tail that leaves it of outliers or skewness."
)


def qq(plot: "Pictures", *, kind: str | None = None, seed: int = 0, data: Any = None) -> Picture:
    """Are standardised residuals normal? Their quantiles against those of the normal distribution.

    data: theoretical, observed, lower, upper: 95% bands of single order statistics, from their Beta distribution.
    """
    rows = seen(plot, data, kind, seed, standard=True)
    found = numbers(rows)
    drawing = partial(_draw, rows.standard_words)
    read = READ.format(how="a slope above that of the line")
    return Picture("qq", "Normal quantiles of residuals", note(rows, found), read, found, drawing)


def worm(plot: "Pictures", *, kind: str | None = "quantile", seed: int = 0, data: Any = None) -> Picture:
    """How far are the quantiles of residuals from normal ones? van Buuren and Fredriks (2001): QQ less its line.

    data: theoretical, deviation, lower, upper.
    """
    rows = seen(plot, data, kind, seed, standard=True)
    found = numbers(rows)
    at = found["theoretical"]
    bent = {name: found[old] - at for name, old in (("deviation", "observed"), ("lower", "lower"), ("upper", "upper"))}
    drawing = partial(_draw_worm, rows.standard_words)
    read = READ.format(how="an upward slope")
    return Picture("worm", "Worm plot of residuals", note(rows, found), read, {"theoretical": at, **bent}, drawing)


def note(rows: Seen, data: Numbers) -> str:
    """How many rows, how many quantiles."""
    thin = len(data["observed"]) < len(rows.standard)
    return f"{rows.size()}{f'; {MOST} of their quantiles, evenly along the axis' if thin else ''}; band: 95% pointwise"


def numbers(rows: Seen) -> Numbers:
    """Order statistics, a row of frequency f counting f times; at most MOST, evenly spaced in normal quantiles."""
    good = np.isfinite(rows.standard)
    values, times = rows.standard[good], None if rows.times is None else rows.times[good]
    order = np.argsort(values, kind="stable")
    values = values[order]
    ends = np.arange(1.0, len(values) + 1) if times is None else np.cumsum(times[order])
    n = float(ends[-1]) if len(ends) else 0.0
    rank = _ranks(n)
    observed = values[np.searchsorted(ends, rank)]
    bands = [ndtri(betaincinv(rank, n + 1 - rank, tail)) for tail in (0.025, 0.975)]
    return {"theoretical": _normal(rank, n), "observed": observed, "lower": bands[0], "upper": bands[1]}


def _ranks(n: float) -> FloatArray:
    """The ranks of the order statistics shown, from 1."""
    if n <= MOST:
        return np.arange(1.0, n + 1)
    low, high = _normal(np.array([1.0, n]), n).tolist()
    wanted = ndtr(np.linspace(low, high, MOST)) * (n + 0.25) + 0.375
    return np.unique(np.clip(np.round(wanted), 1, n))


def _normal(rank: FloatArray, n: float) -> FloatArray:
    """The expected order statistic of n normal values, by Blom's (1958) approximation."""
    return np.asarray(ndtri((rank - 0.375) / (n + 0.25)))


def panel(axes: Any, data: Numbers, kind: str) -> None:
    """The band, the line, the dots."""
    x = data["theoretical"]
    axes.fill_between(x, data["lower"], data["upper"], color=ink(), alpha=FAINT, lw=0)
    axes.plot(x, x, color=ink(), alpha=MILD, lw=1)
    _dots(axes, x, data["observed"])
    axes.set(xlabel="normal quantile", ylabel=kind)


def _dots(axes: Any, x: FloatArray, y: FloatArray) -> None:
    axes.plot(x, y, "o", color=BLUE, ms=3.2, alpha=DOT + 0.2, mew=0)
    for axis in (axes.xaxis, axes.yaxis):
        ticked(axis)


def _draw(kind: str, figure: Any, data: Numbers) -> None:
    panel(figure.subplots(), data, kind)


def _draw_worm(kind: str, figure: Any, data: Numbers) -> None:
    axes = figure.subplots()
    axes.fill_between(data["theoretical"], data["lower"], data["upper"], color=ink(), alpha=FAINT, lw=0)
    axes.axhline(0, color=ink(), alpha=MILD, lw=1)
    _dots(axes, data["theoretical"], data["deviation"])
    axes.set(xlabel="normal quantile", ylabel=f"{kind} \N{MINUS SIGN} normal quantile")
