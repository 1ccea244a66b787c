"""How far apart are the rows that the model tells apart? Rates by bins of the fitted rate, and two models compared."""

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from expfam.diagnostics.lift import Lift
from expfam.pictures.levels import ranged
from expfam.pictures.picture import Picture
from expfam.pictures.seen import bins_words, rate_words
from expfam.pictures.style import BLUE, GREEN, RED, SOFT, Numbers, ink

if TYPE_CHECKING:
    from expfam.model import Model
    from expfam.pictures.plots import Pictures

READ = (
    "The steeper the blue line, the better the model tells rows apart; where it parts from the red one, the model "
    "expects too much or too little."
)
DOUBLE = (
    "Rows are sorted by the ratio of the two models' rates: the model whose line follows the blue one is right where "
    "they disagree."
)


def lift(
    plot: "Pictures", *, bins: int = 10, against: Any = None, label: str | None = None, data: Any = None
) -> Picture:
    """How far apart are the lowest and the highest fitted rates, and is it so? `Fit.lift` by bins of equal exposure.

    against   another fit, or its rates: a double lift, bins of the ratio of both rates

    data: bin, exposure, observed, expected and, with `against`, other; rates all three.
    """
    found = plot.fit.lift(bins, against, plot.source(data), label=label)
    return of(plot.fit.model, found, label)


def of(model: "Model", found: Lift, label: str | None = None) -> Picture:
    """The picture of a lift that is at hand."""
    numbers = {"bin": np.arange(len(found.observed)) + 1.0, "exposure": found.sums.exposure}
    numbers |= {"observed": found.observed, "expected": found.expected}
    bins = len(found.observed)
    note = bins_words(found.sums.rows.sum(), bins, found.unit)
    if found.other is not None:
        numbers["other"] = found.other
        note += f"; the other model's bins are {found.closer:.3g} times as far from what was observed"
    elif bins > 1 and found.observed[0] > 0:
        note += f"; observed in the last bin {found.observed[-1] / found.observed[0]:.3g} times the first"
    title, read = ("Lift", READ) if found.other is None else ("Double lift", DOUBLE)
    return Picture("lift", title, note, read, numbers, partial(_draw, rate_words(model, label)))


def _draw(words: str, figure: Any, data: Numbers) -> None:
    axes = figure.subplots()
    lines = [("observed", BLUE, "o-"), ("expected", RED, "o--"), ("other", GREEN, "o--")][: 2 + ("other" in data)]
    along = "the ratio of both rates" if "other" in data else "fitted rate"
    ranged(axes, *(data[name] for name, _, _ in lines))
    whole = float(data["observed"] @ data["exposure"] / data["exposure"].sum())
    axes.axhline(whole, color=ink(), alpha=SOFT, lw=1)
    for name, colour, mark in lines:
        text = {"expected": "this model", "other": "the other"}.get(name, name) if "other" in data else name
        axes.plot(data["bin"], data[name], mark, color=colour, ms=5, mew=0, lw=1.6, label=text)
    axes.set_xticks(data["bin"] if len(data["bin"]) <= 20 else data["bin"][:: len(data["bin"]) // 10])
    axes.set(xlabel=f"bins by {along}, lowest first", ylabel=words)
    axes.grid(False, axis="x")
    axes.legend(loc="best")
