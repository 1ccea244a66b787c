"""How did a stream learn? The loss of rows before they were learned from, coefficients with their narrowing bands."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from expfam._typing import FloatArray
from expfam.errors import ExpfamError
from expfam.inference.wald import critical
from expfam.pictures.picture import Picture
from expfam.pictures.style import BAND, COLOURS, WIDE, Numbers, number, plain, shortened, ticked
from expfam.stream.stream import Point

MOST = 5  # coefficients drawn where none are named: one a colour
READ = (
    "Above, the mean loss of all rows so far, each before it was learned from: it falls while there is something to "
    "learn. Below, coefficients with their 95% bands, which narrow as one over the root of the rows."
)


def learning(points: Sequence[Point], names: Sequence[str] | None = None) -> Picture:
    """The picture of a learning curve; `names` asks for coefficients, else those of largest |estimate / error|.

    data: rows, loss (m,); names (k,), estimate, lower, upper (m, k), NaN before a coefficient was met.
    """
    if len(points) < 2:
        raise ExpfamError("a learning curve needs two batches at least: the first has 256 rows")
    theta, se = (_by_name(points, name) for name in ("theta", "se"))
    known = points[-1].names
    unknown = [name for name in names or () if name not in known]
    if unknown:
        raise ExpfamError(f"there is no coefficient {unknown[0]!r}; there are {', '.join(known[:10])}")
    at = [known.index(name) for name in names] if names is not None else _strongest(theta[-1], se[-1], known)
    half = critical(0.95, None) * se[:, at]
    found = {
        "rows": np.array([point.rows for point in points]),
        "loss": np.array([point.loss / point.weight for point in points]),
        "names": np.array([known[j] for j in at], dtype=object),
        "estimate": theta[:, at], "lower": theta[:, at] - half, "upper": theta[:, at] + half,
    }  # fmt: skip
    note = f"{points[-1].rows:,} rows, each read once; {len(at)} of {len(known)} coefficients"
    return Picture("learning", "Learning", note, READ, found, _draw, (WIDE, 5.6))


def _by_name(points: Sequence[Point], part: str) -> FloatArray:
    """theta or se of every point, (m, coefficients of the last), NaN before a coefficient was met."""
    place = {name: j for j, name in enumerate(points[-1].names)}
    out = np.full((len(points), len(place)), np.nan)
    for k, point in enumerate(points):
        values = getattr(point, part)
        out[k, [place[name] for name in point.names]] = values if values.ndim == 1 else values.T.ravel()
    return out


def _strongest(theta: FloatArray, se: FloatArray, names: Sequence[str]) -> list[int]:
    """The numbers of the coefficients of largest |estimate / error|, in order; no intercept."""
    with np.errstate(divide="ignore", invalid="ignore"):
        size = np.nan_to_num(np.abs(theta / se), posinf=0.0)
    others = [j for j, name in enumerate(names) if name.split(":")[-1] != "Intercept"]
    return sorted(sorted(others or range(len(names)), key=lambda j: -size[j])[:MOST])


def _draw(figure: Any, data: Numbers) -> None:
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=(2, 3))
    above.plot(data["rows"], data["loss"], color=COLOURS[0])
    above.set_ylabel("mean loss before learning")
    for k, name in enumerate(data["names"]):
        colour = COLOURS[k % len(COLOURS)]
        below.fill_between(data["rows"], data["lower"][:, k], data["upper"][:, k], color=colour, alpha=BAND, lw=0)
        below.plot(data["rows"], data["estimate"][:, k], color=colour, label=plain(shortened(name)))
    settled = data["rows"] >= data["rows"][-1] / 1000  # what came before is wild, and would flatten all the rest
    ends = data["lower"][settled], data["upper"][settled]
    low, high = float(np.nanpercentile(ends[0], 5)), float(np.nanpercentile(ends[1], 95))
    below.set_ylim(low - 0.1 * (high - low or 1.0), high + 0.1 * (high - low or 1.0))
    below.set_ylabel("coefficient")
    below.set_xlabel("rows")
    ticked(above.yaxis)
    ticked(below.yaxis)
    ticked(below.xaxis, log=True, form=number)
    figure.legend(*below.get_legend_handles_labels(), loc="outside right lower")
