"""Which rows make the fit? Standardised residuals against leverage, with contours of Cook's distance."""

from functools import partial
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np

from expfam.pictures.cloud import POINTS, binned, cloud, draw
from expfam.pictures.picture import Picture
from expfam.pictures.seen import Seen, seen
from expfam.pictures.style import OCHRE, SOFT, Numbers, ink, ticked

if TYPE_CHECKING:
    from expfam.pictures.plots import Pictures

CONTOURS = (0.5, 1.0)
NAMED, STEPS = 3, 80
READ = (
    "Rows to the right pull on the fit, rows far up or down are met badly; beyond a dashed line Cook's distance "
    "exceeds its number, and leaving the row out moves the coefficients notably."
)


def leverage(plot: "Pictures", *, data: Any = None) -> Picture:
    """Which rows would change the fit? Standardised Pearson residuals against leverage.

    data: x, y or count, x_edges, y_edges; row, row_x, row_y, row_cooks: the rows of the largest Cook's distance, few
    rows only; contour_x, contour_0.5, contour_1: where Cook's distance h r^2 / (q (1 - h)) is so much.
    """
    rows = seen(plot, data, None, 0, influential=True)
    found = numbers(rows)
    named = "row numbers: the largest Cook's distances" if len(found["row"]) else ""
    text = "; ".join(filter(None, (rows.size(), binned(found), named)))
    return Picture("leverage", "Residuals against leverage", text, READ, found, partial(_draw, "count" in found))


def numbers(rows: Seen, most: int = POINTS) -> Numbers:
    """What is drawn; the leverages of many rows on a logarithmic axis."""
    assert rows.leverage is not None
    assert rows.cooks is not None
    assert rows.pearson is not None
    few = len(rows.leverage) <= most
    found = dict(cloud(rows.leverage, rows.pearson, rows.times, log=not few, most=most))
    found = {name: values for name, values in found.items() if not name.startswith("smooth")}
    order = np.argsort(-np.nan_to_num(rows.cooks, nan=-1.0))[: NAMED if few else 0]
    order = order[rows.cooks[order] > 0]
    parts = {"": rows.row, "_x": rows.leverage, "_y": rows.pearson, "_cooks": rows.cooks}
    found |= {f"row{name}": part[order] for name, part in parts.items()}
    h = found["x"] if few else found["x_edges"]
    top = min(float(h.max(initial=0.0)) * (1.15 if few else 2.0) or 1.0, 1 - 1e-9)
    at = np.linspace(top / STEPS, top, STEPS) if few else np.geomspace(float(h[0]), top, STEPS)
    return found | {"contour_x": at} | {f"contour_{d:g}": np.sqrt(d * rows.q * (1 - at) / at) for d in CONTOURS}


def panel(axes: Any, data: Numbers, log: bool) -> None:
    """Dots or cells, contours inside of the frame, names of rows."""
    draw(axes, data, smooth=False)
    axes.axhline(0, color=ink(), alpha=SOFT, lw=1, zorder=1.5)
    at, frame = data["contour_x"], axes.get_ylim()
    axes.set_xlim(float(at[0]) if log else -0.03 * float(at[-1]), float(at[-1]))
    for level, side in product(CONTOURS, (-1, 1)):
        y = side * data[f"contour_{level:g}"]
        inside = (y >= frame[0]) & (y <= frame[1])
        if inside.any():
            axes.plot(at[inside], y[inside], "--", color=OCHRE, lw=1)
            _named(axes, f"{level:g}", at[inside][-1], y[inside][-1], False, ink())
    axes.set_ylim(frame)
    for row, x, y in zip(data["row"], data["row_x"], data["row_y"], strict=True):
        _named(axes, f"{row:d}", x, y, x > 0.85 * float(at[-1]), ink())
    axes.set(xlabel="leverage", ylabel="standardised Pearson residual")
    ticked(axes.xaxis, log=log)
    ticked(axes.yaxis)


def _named(axes: Any, text: str, x: float, y: float, left: bool, colour: str) -> None:
    """A short text beside a point."""
    axes.annotate(
        text, (x, y), xytext=(-4 if left else 4, 0), textcoords="offset points", color=colour, fontsize=7.5,
        ha="right" if left else "left", va="center",
    )  # fmt: skip


def _draw(log: bool, figure: Any, data: Numbers) -> None:
    panel(figure.subplots(), data, log)
