"""Are the fitted rates right, the low and the high ones? Observed against fitted rates."""

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from expfam.diagnostics.calibration import Calibration
from expfam.inference.relativities import link_name
from expfam.pictures.picture import Picture
from expfam.pictures.seen import bins_words, rate_words
from expfam.pictures.style import COLOURS, MILD, RED, SQUARE, Numbers, ink, percent, plain, ticked

if TYPE_CHECKING:
    from expfam.model import Model
    from expfam.pictures.plots import Pictures

READ = (
    "Points on the diagonal are bins where as much was seen as the model expected; below it the model expects too "
    "much, and a flatter cloud than the diagonal means that its rates are too extreme."
)


def calibration(
    plot: "Pictures", *, bins: int = 10, by: Any = None, label: str | None = None, level: float = 0.95, data: Any = None
) -> Picture:
    """Are the fitted rates right? `Fit.calibration` as points with intervals, and its isotonic curve.

    by      a column, each of its levels in a colour of its own, five at most: those with most exposure
    label   the class that is judged, where there are several

    data: group, expected, observed, low, high (infinite where an interval has no end), exposure of each bin; smooth_x,
    smooth_y.
    """
    found = plot.fit.calibration(bins, by, plot.source(data), label=label, level=level)
    return of(plot.fit.model, found, label)


def of(model: "Model", found: Calibration, label: str | None = None) -> Picture:
    """The picture of a calibration that is at hand."""
    group = np.array(found.group, dtype=object)
    names = list(dict.fromkeys(found.group))
    size = {name: found.sums.exposure[group == name].sum() for name in names}
    kept = sorted(names, key=lambda name: -size[name])[: len(COLOURS)]
    here = np.isin(group, kept)
    columns = {"expected": found.expected, "observed": found.observed, "low": found.low, "high": found.high}
    numbers = {"group": group[here]} | {name: values[here] for name, values in columns.items()}
    smooth = found.smooth[:, :: -(-found.smooth.shape[1] // 200) or 1]
    numbers |= {"exposure": found.sums.exposure[here], "smooth_x": smooth[0], "smooth_y": smooth[1]}
    again = found.recalibration
    note = [bins_words(found.sums.rows.sum(), len(group), found.unit), f"{percent(found.level)} intervals"]
    note += [f"the {len(kept)} levels with the most {found.unit} of {len(names)}"] if len(kept) < len(names) else []
    note += [f"observed / expected {found.ratio:.4g}"]
    note += [f"recalibration: slope {again.slope:.3g}, se {again.slope_se:.2g}"] if np.isfinite(again.slope) else []
    words, log = rate_words(model, label), link_name(model) == "log" and _wide(numbers)
    drawing = partial(_draw, words, log, tuple(name for name in names if name in kept) if found.by else ())
    return Picture("calibration", "Calibration", "; ".join(note), READ, numbers, drawing, SQUARE)


def _wide(numbers: Numbers) -> bool:
    """Do the rates span so much that only a logarithmic axis shows the low ones?"""
    rates = np.concatenate([numbers["expected"], numbers["observed"]])
    return bool(rates.min() > 0 and rates.max() > 5 * rates.min())


def _draw(words: str, log: bool, groups: tuple[str, ...], figure: Any, data: Numbers) -> None:
    axes = figure.subplots()
    ends = np.concatenate([data[name] for name in ("expected", "observed", "low", "high")])
    ends = ends[np.isfinite(ends) & ((ends > 0) | (not log))]
    if log:
        ends = ends[ends > min(data["expected"].min(), data["observed"].min()) / 3]
    low, high = float(ends.min()), float(ends.max())
    room = 0.05 * (high - low or 1.0)
    frame = (low / 1.15, high * 1.15) if log else (low - room, high + room)
    axes.plot(frame, frame, color=ink(), alpha=MILD, lw=1)
    if not groups and len(data["smooth_x"]) > 1:
        axes.step(data["smooth_x"], data["smooth_y"], color=RED, lw=1.4, where="mid", label="isotonic curve")
    for k, name in enumerate(groups or ("",)):
        here, colour = data["group"] == name, COLOURS[k]
        x, shown = data["expected"][here], [data[part][here] for part in ("low", "high", "observed")]
        axes.vlines(x, *np.clip(shown[:2], *frame), color=colour, lw=1.4, alpha=0.7)
        axes.plot(x, shown[2], "o", color=colour, ms=5, mew=0, label=plain(name) if name else "bins")
    axes.set(xlim=frame, ylim=frame, xlabel=f"fitted {words}", ylabel=f"observed {words}")
    for axis in (axes.xaxis, axes.yaxis):
        ticked(axis, log=log)
    axes.legend(loc="upper left")
