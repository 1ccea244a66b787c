"""Is the variance right? The size of standardised residuals against fitted means."""

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from expfam.pictures.cloud import POINTS, binned, cloud, draw
from expfam.pictures.picture import Picture
from expfam.pictures.seen import Seen, seen
from expfam.pictures.style import SOFT, Numbers, ink, ticked

if TYPE_CHECKING:
    from expfam.pictures.plots import Pictures

EXPECTED = 0.8221789586624028
"""E sqrt |Z| = 2^(1/4) Gamma(3/4) / sqrt(pi) of a standard normal Z."""

READ = (
    "The red line should stay level at 0.82, the mean for normal residuals: where it rises, rows vary more than the "
    "variance function allows."
)


def scale_location(plot: "Pictures", *, kind: str | None = None, seed: int = 0, data: Any = None) -> Picture:
    """Does the variance follow the mean as the family says? sqrt |standardised residual| against fitted means.

    data: as of `residuals_fitted`.
    """
    rows = seen(plot, data, kind, seed, standard=True)
    found = numbers(rows)
    note = "; ".join(filter(None, (rows.size(), binned(found), "line: means of bins, with 95% band")))
    drawing = partial(_draw, rows.log, rows.words, rows.standard_words)
    return Picture("scale_location", "Spread of residuals against fitted values", note, READ, found, drawing)


def numbers(rows: Seen, most: int = POINTS) -> Numbers:
    """What is drawn."""
    return cloud(rows.fitted, np.sqrt(np.abs(rows.standard)), rows.times, log=rows.log, most=most)


def panel(axes: Any, data: Numbers, log: bool, words: str, kind: str) -> None:
    """Dots or cells, the level to be expected, the means."""
    draw(axes, data)
    axes.axhline(EXPECTED, color=ink(), alpha=SOFT, lw=1, zorder=1.5)
    axes.set(xlabel=words, ylabel=f"\N{SQUARE ROOT} |{kind}|")
    axes.set_ylim(bottom=0)
    ticked(axes.xaxis, log=log)
    ticked(axes.yaxis)


def _draw(log: bool, words: str, kind: str, figure: Any, data: Numbers) -> None:
    panel(figure.subplots(), data, log, words, kind)
