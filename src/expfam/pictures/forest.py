"""Which coefficients matter, and how sure are they? Estimates with intervals, one below the other."""

from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from expfam._typing import FloatArray
from expfam.errors import ExpfamError, one_of
from expfam.inference.relativities import link_name
from expfam.parallel import ordered_sum, slices
from expfam.pictures.picture import Picture
from expfam.pictures.style import COLOURS, FAINT, MILD, WIDE, Numbers, ink, percent, plain, shortened, ticked

if TYPE_CHECKING:
    from expfam.inference.optimum import Optimum
    from expfam.pictures.plots import Pictures

MOST, WIDEST = 60, 2_000
READ = (
    "Points are estimates, lines their intervals: one that crosses the line at zero is no evidence of an effect, given "
    "all other terms."
)


def forest(
    plot: "Pictures", *, level: float = 0.95, intercept: bool = False, scale: str = "raw", data: Any = None
) -> Picture:
    """Which coefficients differ from zero? Estimates with Wald intervals, in the order of the formula, term by term.

    scale   "raw", or "standard": times the standard deviation of the column, so that sizes compare (reads the rows)

    Of more than 60 coefficients those of largest |estimate / error|. data: term, name, estimate, lower, upper: (m,) or
    (m, k) for classes; NaN where a column was left out.
    """
    one_of("scale", scale, ("raw", "standard"))
    fit = plot.fit
    blocks = [block for block in fit.model.terms.blocks if intercept or not block.is_intercept]
    columns = [c for block in blocks for c in range(*block.columns.indices(len(fit.names)))]
    if not columns:
        raise ExpfamError("the model has an intercept alone; forest(intercept=True) shows it")
    terms = [block.label for block in blocks for _ in range(*block.columns.indices(len(fit.names)))]
    times = _spread(plot.rows(data)) if scale == "standard" else np.ones(len(fit.names))
    estimate, ends = fit.coef, fit.wald_interval(level)
    chosen = _strongest(fit.statistic[columns])
    kept = np.array(columns)[chosen]
    factor = times[kept].reshape(-1, *(1,) * (estimate.ndim - 1))
    found = {
        "term": np.array(terms, dtype=object)[chosen], "name": np.array(fit.names, dtype=object)[kept],
        "estimate": estimate[kept] * factor, "lower": ends[kept, ..., 0] * factor, "upper": ends[kept, ..., 1] * factor,
    }  # fmt: skip
    words = f"coefficient ({link_name(fit.model)} scale{', per standard deviation' if scale == 'standard' else ''})"
    note = "; ".join(_notes(found, len(columns), level))
    high = 1.4 + 0.2 * (len(chosen) + len(set(found["term"].tolist())) * 0.4) * max(1, estimate.ndim * 1.4 - 0.4)
    drawing = partial(_draw, words, fit.model.modelled)
    return Picture("forest", "Coefficients", note, READ, found, drawing, (WIDE, max(high, 2.2)))


def _spread(here: "Optimum") -> FloatArray:
    """The standard deviation of every column, weighted, (p,)."""
    data = here.prepared.data
    if data.design.p > WIDEST:
        raise ExpfamError(f"scale='standard' with {data.design.p:,} coefficients, {WIDEST:,} are allowed; take 'raw'")
    design, maps, total = data.design, data.design.maps, data.weight.sum()
    raw = ordered_sum(lambda at: design.take(at).gram(data.weight[at]), slices(data.n))
    square = np.diagonal(maps.congruence(raw)) / total
    mean = maps.adjoint(design.adjoint(data.weight)) / total
    return np.asarray(np.sqrt(np.maximum(square - mean**2, 0.0)))


def _strongest(statistic: FloatArray) -> Any:
    """The numbers of the coefficients shown, in order."""
    size = np.abs(statistic) if statistic.ndim == 1 else np.abs(statistic).max(axis=1)
    return np.sort(np.argsort(-np.nan_to_num(size, nan=-1.0), kind="stable")[:MOST])


def _notes(found: Numbers, count: int, level: float) -> Iterator[str]:
    yield f"{percent(level)} Wald intervals"
    if count > MOST:
        yield f"the {MOST} of largest |estimate / error| of {count:,} coefficients"
    gone = int(np.isnan(found["estimate"]).sum())
    if gone:
        yield f"{gone} left out as combinations of earlier columns"
    wide = int((np.isfinite(found["estimate"]) & ~np.isfinite(found["upper"] - found["lower"])).sum())
    if wide:
        yield f"{wide} without a finite interval"


def _draw(words: str, classes: tuple[str, ...], figure: Any, data: Numbers) -> None:
    axes = figure.subplots()
    estimate, lower, upper = (data[name].reshape(len(data["name"]), -1) for name in ("estimate", "lower", "upper"))
    first = np.array([True, *(data["term"][1:] != data["term"][:-1])])
    place = np.arange(len(first)) + 0.4 * (np.cumsum(first) - 1)
    axes.axvline(0, color=ink(), alpha=MILD, lw=1)
    for k in range(estimate.shape[1]):
        at = place + (0.0 if len(classes) < 2 else 0.5 * (k / (len(classes) - 1) - 0.5))
        colour, good = COLOURS[k % len(COLOURS)], np.isfinite(lower[:, k]) & np.isfinite(upper[:, k])
        axes.hlines(at[good], lower[good, k], upper[good, k], color=colour, lw=1.6, alpha=0.8)
        label = plain(classes[k]) if classes else None
        axes.plot(estimate[:, k], at, "o", color=colour, ms=4.5, mew=0, label=label)
    _framed(axes, estimate, lower, upper)
    axes.set_yticks(place, [plain(shortened(name, 44)) for name in data["name"]])
    axes.set_ylim(place[-1] + 0.7, -0.7)
    axes.grid(False, axis="y")
    for edge in place[first][1:]:
        axes.axhline(edge - 0.7, color=ink(), alpha=FAINT, lw=0.7)
    axes.tick_params(axis="y", length=0)
    axes.set_xlabel(words)
    ticked(axes.xaxis)
    if classes:
        figure.legend(*axes.get_legend_handles_labels(), loc="outside right upper")


def _framed(axes: Any, estimate: FloatArray, lower: FloatArray, upper: FloatArray) -> None:
    """Limits of x: a few very wide intervals run out of the frame rather than flatten all others."""
    width = upper - lower
    good = np.isfinite(width) & np.isfinite(estimate)
    if not good.any():
        return
    usual = width <= 20 * np.median(width[good])
    ends = np.concatenate([lower[good & usual], upper[good & usual], [0.0]])
    low, high = float(ends.min()), float(ends.max())
    room = 0.05 * (high - low or 1.0)
    axes.set_xlim(low - room, high + room)
