"""Is there anything left to explain? Residuals against fitted means."""

from functools import partial
from typing import TYPE_CHECKING, Any

from expfam.pictures.cloud import POINTS, binned, cloud, draw
from expfam.pictures.picture import Picture
from expfam.pictures.seen import Seen, seen
from expfam.pictures.style import SOFT, Numbers, ink, ticked

if TYPE_CHECKING:
    from expfam.pictures.plots import Pictures

READ = (
    "The red line, the mean residual along the fitted values with its 95% band, should stay at zero: a bend means that "
    "a term or the link is wrong."
)


def residuals_fitted(plot: "Pictures", *, kind: str | None = None, seed: int = 0, data: Any = None) -> Picture:
    """Is a term missing, or the link wrong? Residuals against fitted means, with their means by bins.

    `kind` as for `Fit.residuals`; by default quantile residuals where the distribution jumps, else deviance residuals.
    data: x, y or count, x_edges, y_edges; smooth_x, smooth_mean, smooth_low, smooth_high, smooth_n.
    """
    rows = seen(plot, data, kind, seed)
    found = numbers(rows)
    note = "; ".join(filter(None, (rows.size(), binned(found), "line: means of bins, with 95% band")))
    drawing = partial(_draw, rows.log, rows.words, f"{rows.kind} residual")
    return Picture("residuals_fitted", "Residuals against fitted values", note, READ, found, drawing)


def numbers(rows: Seen, most: int = POINTS) -> Numbers:
    """What is drawn."""
    return cloud(rows.fitted, rows.residual, rows.times, log=rows.log, most=most)


def panel(axes: Any, data: Numbers, log: bool, words: str, kind: str) -> None:
    """Dots or cells, the zero line, the means."""
    draw(axes, data)
    axes.axhline(0, color=ink(), alpha=SOFT, lw=1, zorder=1.5)
    axes.set(xlabel=words, ylabel=kind)
    ticked(axes.xaxis, log=log)
    ticked(axes.yaxis)


def _draw(log: bool, words: str, kind: str, figure: Any, data: Numbers) -> None:
    panel(figure.subplots(), data, log, words, kind)
