"""How does the mean run along a variable? Partial effects with confidence bands, over what there is of each value."""

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from expfam._typing import AnyArray, FloatArray
from expfam.errors import ExpfamError, one_of
from expfam.formula.expression import Call, columns_of
from expfam.inference import wald
from expfam.inference.curve import curve
from expfam.inference.relativities import link_name
from expfam.inference.scene import Scene
from expfam.inference.variables import FormulaScene
from expfam.pictures import levels
from expfam.pictures.grid import grid, inches, part, prefixed, stacked
from expfam.pictures.picture import Picture
from expfam.pictures.seen import mean_words
from expfam.pictures.style import BAND, COLOURS, HIGH, PANELS, WIDE, Numbers, percent, plain, shortened, ticked

if TYPE_CHECKING:
    from expfam.fit import Fit
    from expfam.pictures.plots import Pictures

STEPS, FEW, CELLS = 50, 40, 40  # points of a curve; values that are shown as they are; bars
ENDS = 0.005, 0.995  # of the rows, between which a number runs
LOGARITHMS = ("log", "log2", "log10")
READ = (
    "The line is the mean that the model gives when only this variable moves, the band its confidence interval; grey "
    "bars show how much there is of each value."
)


def effect(
    plot: "Pictures", name: str, *, at: str = "typical", type: str = "response", level: float = 0.95, data: Any = None
) -> Picture:
    """How does the mean run along a variable, all else equal? A band for a number, points for a factor.

    at     "typical": the other numbers at their means, factors at their most frequent level; "average": the mean over
           all rows, each given the value
    type   "response", the mean per unit of exposure; "link", its linear predictor (no classes)

    Offsets are left out. data: x (numbers) or level, estimate, lower, upper, (m,) or (m, k) for classes; share of
    exposure between bar_edges, or of every level.
    """
    rows = _opened(plot, data)
    name = rows.resolve(name)
    found = _numbers(plot.fit, rows, name, at, type, level)
    scale, words = {name: _logarithmic(rows, name)}, _words(plot.fit, type)
    drawing = partial(_draw, scale, words, rows.unit, _classes(plot.fit))
    size = levels.width(found["level"].tolist()) if "level" in found else (WIDE, HIGH)
    note = f"{_note(rows, at, level)}{_cut(rows, name, found)}"
    return Picture("effect", f"Effect of {plain(name)}", note, READ, found, drawing, size)


def effects(
    plot: "Pictures", *, at: str = "typical", type: str = "response", level: float = 0.95, data: Any = None
) -> Picture:
    """How does the mean run along each variable? `effect` of every one, the first 12, each on a scale of its own.

    data: that of each `effect`, behind its variable's name: "age.estimate".
    """
    rows = _opened(plot, data)
    names = rows.order[:PANELS]
    if not names:
        raise ExpfamError("the model has no variables, only an intercept: there is no effect to show")
    parts = {name: _numbers(plot.fit, rows, name, at, type, level, levels.NARROW) for name in names}
    scales = {name: _logarithmic(rows, name) for name in names}
    note = _note(rows, at, level)
    if len(rows.order) > PANELS:
        note += f"; the first {PANELS} of {len(rows.order)} variables"
    if any(len(rows.factors.get(name, ())) > levels.NARROW for name in names):
        note += f"; of factors with more than {levels.NARROW} levels those with the most {rows.unit}"
    drawing = partial(_draw_all, scales, _words(plot.fit, type), _classes(plot.fit))
    return Picture("effects", "Effects of the variables", note, READ, prefixed(parts), drawing, grid(len(names)))


def _opened(plot: "Pictures", data: Any) -> Scene:
    return plot.fit._opened(plot.source(data))


def _numbers(fit: "Fit", rows: Scene, name: str, at: str, type: str, level: float, most: int = levels.MOST) -> Numbers:
    """What is drawn of one variable."""
    one_of("at", at, ("typical", "average"))
    one_of("type", type, ("response", "link"))
    if type == "link" and fit.model.family.vector:
        raise ExpfamError("type='link': classes have a linear predictor each; take type='response', probabilities")
    size = rows.size
    values, found = _places(rows, name, rows.column(name), size / size.sum(), most)
    run = curve(rows, fit.estimate.reshape(len(fit.estimate), -1), name, values, at == "average")
    reach = wald.critical(level, fit.df_reference)
    ends = run.band(fit.model, fit.known_covariance(), reach, type == "link")
    shaped = (end if fit.model.family.vector else end[:, 0] for end in ends)
    return found | dict(zip(("estimate", "lower", "upper"), shaped, strict=True))


def _places(
    rows: Scene, name: str, column: AnyArray, share: FloatArray, most: int
) -> tuple[AnyArray, dict[str, AnyArray]]:
    """The values of a number, or the codes of a factor, that are shown, and how much there is of them."""
    if name in rows.factors:
        whole = np.bincount(column, share, len(rows.factors[name]))
        codes = levels.largest(whole, most)
        return codes, {"level": np.array(rows.factors[name], dtype=object)[codes], "share": whole[codes]}
    log = _logarithmic(rows, name)
    x = _values(column, log)
    edges = _edges(x, log)
    return x, {"x": x, "bar_edges": edges, "share": np.histogram(column, edges, weights=share)[0]}


def _logarithmic(rows: Scene, name: str) -> bool:
    """Does the formula read a number through its logarithm alone?"""
    if not isinstance(rows, FormulaScene) or name in rows.factors:
        return False
    read = [node for node in rows.nodes.values() if name in columns_of(node)]
    return all(isinstance(node, Call) and node.function in LOGARITHMS for node in read)


def _values(column: FloatArray, log: bool) -> FloatArray:
    """Where a number is shown: its own values while they are few, else evenly between the ends of nearly all rows."""
    own = np.unique(column[:: -(-len(column) // 100_000)])
    if len(own) <= FEW:
        return own
    low, high = np.quantile(column, ENDS, method="inverted_cdf").tolist()
    return np.geomspace(low, high, STEPS) if log else np.linspace(low, high, STEPS)


def _edges(values: FloatArray, log: bool) -> FloatArray:
    """Cells of the bars: one about each value where these are few and evenly spaced, else CELLS of one width."""
    gaps, low, high = np.diff(values), float(values[0]), float(values[-1])
    if 1 <= len(gaps) < FEW and np.allclose(gaps, gaps[0]) and not log:
        return np.append(values - gaps[0] / 2, high + gaps[0] / 2)
    high = high if high > low else low + 1.0
    return np.geomspace(low, high, CELLS + 1) if log else np.linspace(low, high, CELLS + 1)


def _words(fit: "Fit", type: str) -> str:
    if fit.model.family.vector:
        return f"fitted probability of {fit.model.response}"
    return mean_words(fit.model) if type == "response" else f"linear predictor ({link_name(fit.model)} scale)"


def _classes(fit: "Fit") -> tuple[str, ...]:
    return (fit.classes or ()) if fit.model.family.vector else ()


def _note(rows: Scene, at: str, level: float) -> str:
    others = "others at means and most frequent levels" if at == "typical" else "averaged over the rows"
    return f"{rows.n:,} rows; {others}; {percent(level)} intervals"


def _cut(rows: Scene, name: str, found: Numbers) -> str:
    """What of the variable is not shown."""
    count = len(rows.factors.get(name, ()))
    if count > len(found["share"]):
        return f"; the {len(found['level'])} levels with the most {rows.unit} of {count:,}"
    return "; between the 0.5% and 99.5% quantiles" if "x" in found and len(found["x"]) == STEPS else ""


def _panel(axes: Any, below: Any, data: Numbers, classes: tuple[str, ...], log: bool, inches: float) -> None:
    """A band or points, and bars in a strip below."""
    estimate, lower, upper = (data[name].reshape(len(data["estimate"]), -1) for name in ("estimate", "lower", "upper"))
    levels.ranged(axes, estimate, lower, upper)
    if "level" in data:
        labels = data["level"].tolist()
        levels.points(axes, estimate, lower, upper, classes)
        levels.strip(below, np.arange(len(labels)), data["share"])
        levels.named(below, labels, inches)
        axes.grid(False, axis="x")
        return
    edges = data["bar_edges"]
    for k in range(estimate.shape[1]):
        colour, label = COLOURS[k % len(COLOURS)], plain(classes[k]) if classes else None
        axes.fill_between(data["x"], lower[:, k], upper[:, k], color=colour, alpha=BAND, lw=0)
        axes.plot(data["x"], estimate[:, k], color=colour, label=label)
    levels.strip(below, edges[:-1] + np.diff(edges) / 2, data["share"], np.diff(edges) * 0.94)
    axes.set_xlim(edges[0], edges[-1])
    ticked(below.xaxis, log=log)


def _draw(
    scale: Mapping[str, bool], words: str, what: str, classes: tuple[str, ...], figure: Any, data: Numbers
) -> None:
    ((axes, below),), ((name, log),) = stacked(figure, 1), scale.items()
    _panel(axes, below, data, classes, log, inches(figure, 1))
    axes.set_ylabel(words)
    below.set_xlabel(f"{plain(name)}; bars: share of {what}")
    if classes:
        figure.legend(*axes.get_legend_handles_labels(), loc="outside right upper")


def _draw_all(scales: Mapping[str, bool], words: str, classes: tuple[str, ...], figure: Any, data: Numbers) -> None:
    panels = stacked(figure, len(scales))
    for (axes, below), (name, log) in zip(panels, scales.items(), strict=True):
        _panel(axes, below, part(data, name), classes, log, inches(figure, len(scales)))
        axes.set_title(plain(shortened(name, 40)))
    figure.supylabel(words, fontsize=9)
    if classes:
        figure.legend(*panels[0][0].get_legend_handles_labels(), loc="outside right upper")
