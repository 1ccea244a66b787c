"""Does the model put the rows in the right order? Concentration and Lorenz curves."""

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from expfam.diagnostics.ranking import Lorenz
from expfam.pictures.picture import Picture
from expfam.pictures.style import BAND, BLUE, MILD, RED, SQUARE, Numbers, ink, percent, thinned, ticked

if TYPE_CHECKING:
    from expfam.model import Model
    from expfam.pictures.plots import Pictures

READ = (
    "The further the blue curve hangs below the diagonal, the more of what was observed falls on the rows that the "
    "model rates high; where it lies above the red one, the model promises more order than there is."
)


def lorenz(plot: "Pictures", *, label: str | None = None, data: Any = None) -> Picture:
    """Which share of the observed falls on the rows of lowest fitted rate? `Fit.lorenz`: curves and Gini.

    data: exposure, observed (concentration curve), expected (Lorenz curve of the fitted rates): cumulative shares.
    """
    return of(plot.fit.model, plot.fit.lorenz(plot.source(data), label=label))


def of(model: "Model", found: Lorenz) -> Picture:
    """The picture of Lorenz curves that are at hand."""
    keep = thinned(found.exposure + found.observed)
    numbers = {name: getattr(found, name)[keep] for name in ("exposure", "observed", "expected")}
    numbers["gini"] = np.array([found.gini])
    note = (
        f"Gini {found.gini:.4f}, {percent(round(found.normalised, 3))} of that of a perfect order; of the fitted rates "
        f"themselves {found.spread:.4f}"
    )
    return Picture("lorenz", "Lorenz curve", note, READ, numbers, partial(_draw, found.unit), SQUARE)


def _draw(what: str, figure: Any, data: Numbers) -> None:
    axes = figure.subplots()
    x = data["exposure"]
    axes.plot([0, 1], [0, 1], color=ink(), alpha=MILD, lw=1)
    axes.fill_between(x, data["observed"], x, color=BLUE, alpha=BAND, lw=0)
    axes.plot(x, data["expected"], "--", color=RED, lw=1.4, label="expected")
    axes.plot(x, data["observed"], color=BLUE, label=f"observed, Gini {data['gini'][0]:.3f}")
    axes.set(
        xlim=(0, 1), ylim=(0, 1), xlabel=f"share of {what}, lowest fitted rates first", ylabel="share of the total"
    )
    for axis in (axes.xaxis, axes.yaxis):
        ticked(axis, form=percent)
    axes.legend(loc="upper left")
