"""The four classical panels on one sheet, the rows read once."""

from functools import partial
from typing import TYPE_CHECKING, Any

from expfam.pictures import leverage, qq, residuals_fitted, scale_location
from expfam.pictures.cloud import POINTS, binned
from expfam.pictures.grid import part, prefixed
from expfam.pictures.picture import Picture
from expfam.pictures.seen import seen
from expfam.pictures.style import Numbers

if TYPE_CHECKING:
    from expfam.pictures.plots import Pictures

READ = (
    "Red lines should stay level and dots near the diagonal; the first panel shows missing terms, the second the wrong "
    "distribution, the third the wrong variance, the last rows that make the fit."
)


def panels(plot: "Pictures", *, kind: str | None = None, seed: int = 0, data: Any = None) -> Picture:
    """What is wrong with the model, at a glance? R's four panels of plot(fit): see each one's own picture.

    data: that of residuals_fitted, qq, scale_location and leverage, each name behind its panel's, "qq.observed".
    """
    rows = seen(plot, data, kind, seed, standard=True, influential=True)
    parts = {
        "residuals_fitted": residuals_fitted.numbers(rows, POINTS // 6),
        "qq": qq.numbers(rows),
        "scale_location": scale_location.numbers(rows, POINTS // 6),
        "leverage": leverage.numbers(rows, POINTS // 6),
    }
    words = rows.words, f"{rows.kind} residual", rows.standard_words
    note = "; ".join(filter(None, (rows.size(), f"{rows.kind} residuals", binned(parts["residuals_fitted"]))))
    return Picture(
        "panels", "Residuals at a glance", note, READ, prefixed(parts), partial(_draw, rows.log, words), (9.2, 6.8)
    )


def _draw(log: bool, words: tuple[str, str, str], figure: Any, data: Numbers) -> None:
    axes = figure.subplots(2, 2).ravel()
    parts = {name: part(data, name) for name in ("residuals_fitted", "qq", "scale_location", "leverage")}
    residuals_fitted.panel(axes[0], parts["residuals_fitted"], log, words[0], words[1])
    qq.panel(axes[1], parts["qq"], words[2])
    scale_location.panel(axes[2], parts["scale_location"], log, words[0], words[2])
    leverage.panel(axes[3], parts["leverage"], "count" in parts["leverage"])
    for place, title in zip(axes, ("Residuals", "Normal quantiles", "Spread", "Leverage"), strict=True):
        place.set_title(title)
