"""Does a success have a higher fitted mean than a failure? The ROC curve."""

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from expfam.diagnostics.ranking import ClassRocs, Roc
from expfam.pictures.grid import part, prefixed
from expfam.pictures.picture import Picture
from expfam.pictures.style import BAND, BLUE, COLOURS, MILD, SQUARE, Numbers, ink, percent, plain, thinned, ticked

if TYPE_CHECKING:
    from expfam.pictures.plots import Pictures

READ = (
    "The nearer the curve comes to the upper left corner, the better successes and failures are told apart; the "
    "diagonal is chance."
)


def roc(plot: "Pictures", *, data: Any = None) -> Picture:
    """How well are successes and failures told apart? `Fit.roc`: one curve, or one a class against all others.

    data: fpr, tpr; behind the class, "u.fpr", where there are several, five at most.
    """
    return of(plot.fit.roc(plot.source(data)))


def of(found: Roc | ClassRocs) -> Picture:
    """The picture of ROC curves that are at hand."""
    rocs = found.rocs if isinstance(found, ClassRocs) else (found,)
    shown = {one.label: one for one in rocs[: len(COLOURS)]}
    parts = {label: _numbers(one) for label, one in shown.items()}
    words = {label: f"{f'{plain(label)}, ' if label else ''}AUC {one.auc:.3f}" for label, one in shown.items()}
    note = f"AUC {found.auc:.4f}, the mean of {len(rocs)} classes" if isinstance(found, ClassRocs) else str(found)
    note += f"; the first {len(shown)} classes are drawn" if len(shown) < len(rocs) else ""
    numbers = prefixed(parts) if isinstance(found, ClassRocs) else parts[found.label]
    return Picture("roc", "ROC curve", note, READ, numbers, partial(_draw, words), SQUARE)


def _numbers(one: Roc) -> Numbers:
    keep = thinned(one.fpr + one.tpr)
    return {"fpr": one.fpr[keep], "tpr": one.tpr[keep]}


def _draw(words: Mapping[str, str], figure: Any, data: Numbers) -> None:
    axes = figure.subplots()
    axes.plot([0, 1], [0, 1], color=ink(), alpha=MILD, lw=1)
    for k, (label, text) in enumerate(words.items()):
        mine = data if "fpr" in data else part(data, label)
        axes.plot(mine["fpr"], mine["tpr"], color=COLOURS[k], label=text)
        if len(words) == 1:
            axes.fill_between(mine["fpr"], mine["tpr"], mine["fpr"], color=BLUE, alpha=BAND, lw=0)
    axes.set(
        xlim=(-0.01, 1),
        ylim=(0, 1.01),
        xlabel="share of failures above a threshold",
        ylabel="share of successes above it",
    )
    for axis in (axes.xaxis, axes.yaxis):
        ticked(axis, form=percent)
    axes.legend(loc="lower right")
