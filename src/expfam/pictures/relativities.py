"""What does each level pay? Relativities with intervals, the reference marked, exposure behind."""

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from expfam._typing import FloatArray
from expfam.data.names import some
from expfam.errors import ExpfamError
from expfam.inference.relativities import Levels, column
from expfam.pictures import levels
from expfam.pictures.grid import grid, inches, part, prefixed, split
from expfam.pictures.picture import Picture
from expfam.pictures.style import MILD, PANELS, Numbers, ink, percent, plain, shortened

if TYPE_CHECKING:
    from expfam.pictures.plots import Pictures

REACH = 20.0
WORDS = {"relativity": ("Relativities", "mean", "means"), "odds_ratio": ("Odds ratios", "odds", "odds")}
READ = {
    "reference": "the factor on the {} of its level against the reference (a ring, at 1)",
    "average": "the factor on the {} of its level against the average of all levels, at 1",
    "slope": "the factor on the {} of its level for one unit more of a number",
    "others": "the factor on the {} of its level on top of the other terms",
    "nothing": "the {} at its level, other factors at their references and numbers at 0",
}
"""What a point is, by what the levels are compared with (see `Levels`)."""

BARE = {
    "average": "against their average", "slope": "for one unit more of {}", "others": "on top of the other terms"
}  # fmt: skip
EVEN = ": one that crosses 1 is no evidence of a difference"
LOW = "; a low bar means little experience"


def relativities(plot: "Pictures", term: str | None = None, *, level: float = 0.95, data: Any = None) -> Picture:
    """What does each level pay, and how sure is that? `Fit.relativities` as points, exposure as bars behind.

    term   one term with levels, "Area" or "Area:VehGas"; by default all of them, 12 at most

    Of more than 30 levels, or 12 beside other terms, those of largest exposure. data: level, relativity (odds_ratio),
    conf_low, conf_high, (m,) or (m, k) for classes, share of exposure, reference (1 for a reference level, else 0);
    several terms' behind their names, "Area.level". A loaded fit without data has no share, and of many levels it shows
    the first.
    """
    model = plot.fit.model
    shown, classes = column(model), model.modelled
    answer = plot.fit._of_levels(level, plot.source(data))
    table, what = answer.columns, answer.unit
    terms = _terms(table, term, [block.label for block in model.terms.blocks])
    most = levels.MOST if len(terms) == 1 else levels.NARROW
    parts = {name: _numbers(table, name, shown, len(classes) or 1, most) for name in terms[:PANELS]}
    sizes = {name: int((table["term"] == name).sum()) // (len(classes) or 1) for name in parts}
    note = "; ".join((f"{percent(level)} intervals", *_notes(parts, sizes, shown, what), *_more(len(terms))))
    shows = [answer.terms[name] for name in parts]
    title, bases = WORDS[shown][0], {part.term: part.against == "nothing" for part in shows}
    note += "".join(_bare(part, shown) for part in shows if part.against != "reference")
    title, read = WORDS[shown][2].capitalize() if all(bases.values()) else title, _read(shows, shown, _barred(parts))
    drawing = partial(_draw, bases, shown, classes, what)
    if term is None:
        return Picture("relativities", title, note, read, prefixed(parts), drawing, grid(len(parts)))
    size = levels.width(parts[term]["level"].tolist())
    return Picture("relativities", f"{title} of {plain(term)}", note, read, parts[term], drawing, size)


def _bare(part: Levels, shown: str) -> str:
    """What a note says of a term without a reference."""
    what = BARE[part.against].format(part.number) if part.against in BARE else WORDS[shown][2]
    return f"; {part.term} has no reference: its points are {what}"


def _read(shows: Sequence[Levels], shown: str, barred: bool) -> str:
    """What a point is, by the first of READ that some term has; a note tells of the others."""
    kinds = {part.against for part in shows}
    kind = next(kind for kind in READ if kind in kinds)
    even = "" if kind == "nothing" else EVEN
    return f"Each point is {READ[kind].format(WORDS[shown][1])}, with its interval{even}{LOW if barred else ''}."


def _terms(table: Numbers, term: str | None, every: Sequence[str]) -> list[str]:
    """Those of the terms with levels, or the one asked for; ExpfamError where it has none or is not there."""
    leveled = [name for name in every if (table["level"][table["term"] == name] != "").any()]
    if not leveled:
        raise ExpfamError("the model has no factors, so there are no levels to compare; effects() shows its numbers")
    if term is None or term in leveled:
        return leveled if term is None else [term]
    if term in every:
        raise ExpfamError(f"{term!r} has no levels: effects() shows how the mean runs along numbers")
    raise ExpfamError(f"the model has no term {term!r}; those with levels: {some(leveled)}")


def _numbers(table: Numbers, term: str, shown: str, d: int, most: int) -> Numbers:
    """One term's levels, those of largest exposure."""
    here = table["term"] == term
    mine = {name: values[here].reshape(-1, d) for name, values in table.items()}
    size = mine["share"][:, 0].astype(float) if "share" in mine else np.ones(len(mine["level"]))
    chosen = levels.largest(size, most)
    found = {name: mine[name][chosen].astype(float) for name in (shown, "conf_low", "conf_high")}
    found = found if d > 1 else {name: values[:, 0] for name, values in found.items()}
    found["level"] = mine["level"][chosen, 0].astype(str)
    found["reference"] = (mine["std_error"][chosen].astype(float) == 0).all(axis=1).astype(float)
    return found | {"share": size[chosen]} if "share" in mine else found


def _notes(parts: Mapping[str, Numbers], sizes: Mapping[str, int], shown: str, what: str) -> Iterator[str]:
    """What the bars are, and what is not shown."""
    if _barred(parts):
        yield f"bars: share of {what}"
    yield from levels.cut(sizes, parts, what)
    lost = sum(int((~(np.isfinite(data[shown]) & (data[shown] > 0))).sum()) for data in parts.values())
    if lost:
        yield f"{lost} level{'s have' if lost > 1 else ' has'} no finite estimate and no point"


def _barred(parts: Mapping[str, Numbers]) -> bool:
    """Are there rows to draw shares of?"""
    return all("share" in data for data in parts.values())


def _more(count: int) -> Iterator[str]:
    if count > PANELS:
        yield f"the first {PANELS} of {count} terms"


def _panel(
    axes: Any, data: Numbers, shown: str, classes: tuple[str, ...], inches: float, what: str, base: bool
) -> None:
    """Points and the line at 1, unless there is no reference, above bars."""
    values, low, high = (data[name].reshape(len(data["level"]), -1) for name in (shown, "conf_low", "conf_high"))
    values, low, high = (np.where(part > 0, part, np.nan) for part in (values, low, high))
    one = np.ones(0 if base else 1)
    levels.ranged(axes, one, values, _near(values, low), _near(values, high), log=True, floor=0.35)
    if "share" in data:
        levels.bars(axes, np.arange(len(values)), data["share"], what)
    if not base:
        axes.axhline(1, color=ink(), alpha=MILD, lw=1)
    reference = np.flatnonzero(data["reference"])
    others = np.where(data["reference"][:, None] > 0, np.nan, values)
    levels.points(axes, others, np.maximum(low, 1e-300), np.minimum(high, 1e300), classes)
    axes.plot(reference, np.ones(len(reference)), "o", mfc="none", mec=ink(), ms=6, mew=1.2)
    levels.named(axes, data["level"].tolist(), inches)


def _near(values: FloatArray, ends: FloatArray) -> FloatArray:
    """Ends no further from their estimates than a factor of REACH: one wide interval does not flatten all others."""
    return np.clip(ends, values / REACH, values * REACH)


def _draw(
    terms: Mapping[str, bool], shown: str, classes: tuple[str, ...], what: str, figure: Any, data: Numbers
) -> None:
    alone = "level" in data
    panels = split(figure, len(terms))
    for axes, (term, base) in zip(panels, terms.items(), strict=True):
        mine = data if alone else part(data, term)
        _panel(axes, mine, shown, classes, inches(figure, len(terms)), what if alone else "", base)
        if not alone:
            axes.set_title(plain(shortened(term, 40)))
    words = WORDS[shown][1] if all(terms.values()) else shown.replace("_", " ")
    figure.supylabel(f"{words} (logarithmic)", fontsize=9)
    if classes:
        figure.legend(*panels[0].get_legend_handles_labels(), loc="outside right upper")
