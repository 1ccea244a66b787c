"""How did it learn? The loss of rows before they were learned from, coefficients with their narrowing bands."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from expfam._typing import IntArray
from expfam.data.names import nearest
from expfam.errors import ExpfamError
from expfam.inference.wald import critical
from expfam.pictures.picture import Picture
from expfam.pictures.style import BAND, COLOURS, WIDE, Numbers, number, plain, shortened, ticked
from expfam.solvers.learning import Learning

if TYPE_CHECKING:
    from expfam.fit import Fit
    from expfam.pictures.plots import Pictures

MOST = 5  # coefficients drawn where none are named: one a colour
READ = (
    "Above, the mean loss of all rows so far, each before it was learned from: it falls while there is something to "
    "learn. Below, coefficients with their 95% bands, which narrow as one over the root of the rows."
)


def learning(plot: "Pictures", names: str | Sequence[str] | None = None, *, data: Any = None) -> Picture:
    """Did it go on learning, and have the coefficients settled? Of fits by OnlineGLM and by solver="sgd".

    names   coefficients ("class:name" for classes); by default the five of largest |estimate / error|

    No rows are read, nor `data`. data: rows, loss (m,); names (k,), estimate, lower, upper (m, k): NaN before a
    coefficient was met, and ends where no errors are known on the way: explicit steps, more than 500 coefficients. The
    ends are those of OnlineGLM's own errors, and for solver="sgd" of the model's, phi H^-1.
    """
    fit = plot.fit
    found = fit.known_learning()
    if len(found.rows) < 2:
        raise ExpfamError("a learning curve needs two batches at least: hand over a few thousand rows")
    at = _asked(fit, names, found)
    half = critical(0.95, fit.reference) * found.se[:, at]
    drawn = {
        "rows": found.rows, "loss": found.mean_loss, "names": np.array(fit.model.flat_names, dtype=object)[at],
        "estimate": found.theta[:, at], "lower": found.theta[:, at] - half, "upper": found.theta[:, at] + half,
    }  # fmt: skip
    read, known = int(found.rows[-1]), len(fit.model.flat_names)
    again = f"from row {fit.n + 1:,} on rows met before" if read > fit.n else "each read once"
    note = f"{read:,} rows, {again}; {len(at)} of {known} coefficients"
    return Picture("learning", "Learning", note, READ, drawn, _draw, (WIDE, 5.6))


def _asked(fit: "Fit", names: str | Sequence[str] | None, found: Learning) -> IntArray:
    """The numbers of the coefficients that are shown, of those that are known by the last point."""
    every, known = fit.model.flat_names, np.flatnonzero(np.isfinite(found.theta[-1])).tolist()
    if names is None:
        with np.errstate(divide="ignore", invalid="ignore"):
            size = np.nan_to_num(np.abs(fit.flat(fit.statistic)), posinf=0.0)
        others = [j for j in known if every[j].split(":")[-1] != "Intercept"] or known
        return np.array(sorted(sorted(others, key=lambda j: -size[j])[:MOST]), dtype=np.intp)
    chosen = (names,) if isinstance(names, str) else tuple(names)
    for name in chosen:
        if name not in every:
            raise ExpfamError(f"there is no coefficient {name!r}; {nearest(name, every, 'coefficients')}")
        if not found.theta.size:
            raise ExpfamError(f"{len(every):,} coefficients are too many to keep on the way; leave names out")
        if every.index(name) not in known:
            raise ExpfamError(f"{name!r} was left out, or its first rows wait for a batch to be full; name another")
    return np.array([every.index(name) for name in chosen], dtype=np.intp)


def _draw(figure: Any, data: Numbers) -> None:
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=(2, 3))
    above.plot(data["rows"], data["loss"], color=COLOURS[0])
    above.set_ylabel("mean loss before learning")
    for k, name in enumerate(data["names"]):
        colour = COLOURS[k % len(COLOURS)]
        below.fill_between(data["rows"], data["lower"][:, k], data["upper"][:, k], color=colour, alpha=BAND, lw=0)
        below.plot(data["rows"], data["estimate"][:, k], color=colour, label=plain(shortened(name)))
    settled = data["rows"] >= data["rows"][-1] / 1000  # what came before is wild, and would flatten all the rest
    ends = [np.where(np.isnan(data[end]), data["estimate"], data[end])[settled] for end in ("lower", "upper")]
    if np.isfinite(ends).any():
        low, high = float(np.nanpercentile(ends[0], 5)), float(np.nanpercentile(ends[1], 95))
        below.set_ylim(low - 0.1 * (high - low or 1.0), high + 0.1 * (high - low or 1.0))
    below.set_ylabel("coefficient")
    below.set_xlabel("rows")
    ticked(above.yaxis)
    ticked(below.yaxis)
    ticked(below.xaxis, log=True, form=number)
    if len(data["names"]):
        figure.legend(*below.get_legend_handles_labels(), loc="outside right lower")
