"""Standard coordinates: theta = T beta, so that a solver meets columns of mean 0 and spread 1 whatever their units.

A linear map of columns (14): the rows are stored as they came. Numeric columns are centred inside the Gram kernels,
where an uncentred year or time stamp would cost digits, all others on p-sized results.
"""

from dataclasses import dataclass, replace

import numpy as np
from scipy.linalg.blas import dger

from expfam._typing import AnyArray, BoolArray, FloatArray
from expfam.design._map import Map, Split
from expfam.design.dense import Dense
from expfam.design.design import Design, spans_of
from expfam.design.maps import span
from expfam.errors import SchemaError
from expfam.parallel import MANY, multiplied, ordered_sum, weight_of

LEAST = float(np.finfo(float).tiny)  # squares below it lose digits
CONSTANT = 1e-12  # a column whose spread is this share of its size is a multiple of the intercept, up to rounding
FAR = 3.0  # spreads from zero at which a column of a stream is far from it
FEW = 1000  # rows whose mean is close enough to the mean to lose no digits of the variance
CELLS = 1 << 20  # numbers a task reads for the moments


@dataclass(frozen=True, slots=True)
class Rescaled:
    """The map of a design in standard coordinates: C (I - e_1 mean') diag(scale) for the kept coefficients.

    scale, mean (p,) of the columns as they are stored; e_1 is the intercept, which takes up the means. `kept` numbers
    the kept coefficients, `at` is the same as a slice where they are neighbours.
    """

    maps: Map
    scale: FloatArray
    mean: FloatArray
    kept: AnyArray
    at: slice | AnyArray
    intercept: int | None

    @property
    def raw(self) -> int:
        """How many raw columns."""
        return self.maps.raw

    @property
    def p(self) -> int:
        """How many coefficients are kept."""
        return len(self.kept)

    def forward(self, beta: FloatArray) -> FloatArray:
        """Raw coefficients (raw,) or (raw, d) of beta."""
        theta = np.zeros((self.maps.p, *beta.shape[1:]))
        if isinstance(self.at, slice):  # in place: of a million coefficients every copy is felt
            _times(self.scale[self.at], beta, theta[self.at])
        else:
            theta[self.at] = _times(self.scale[self.at], beta)
        if self.intercept is not None:
            theta[self.intercept] -= self.mean @ theta
        return self.maps.forward(theta)

    def adjoint(self, raw: FloatArray) -> FloatArray:
        """The transpose: a raw gradient to one in beta, (q,) or (q, m)."""
        gradient = self.maps.adjoint(raw)
        found = _times(self.scale[self.at], gradient[self.at])
        if self.intercept is not None:
            return _less_outer(found, self.scale[self.at] * self.mean[self.at], gradient[self.intercept])
        return found

    def squares(self, raw: FloatArray) -> FloatArray:
        """The squared entries of C diag(scale), transposed, times raw: (q,) or (q, m)."""
        return _times(self.scale[self.at] ** 2, self.maps.squares(raw)[self.at])

    def congruence(self, raw: FloatArray) -> FloatArray:
        """Raw information to that in beta, (q, q)."""
        full = self.maps.congruence(raw)
        if self.intercept is not None:
            row = full[self.intercept]
            cross = np.outer(self.mean, row - self.mean * (row[self.intercept] / 2))
            full = full - cross - cross.T
        scale = self.scale[self.kept]
        return np.asarray(full[np.ix_(self.kept, self.kept)] * scale[:, None] * scale)

    def entries(self) -> tuple[AnyArray, AnyArray, FloatArray]:
        """Raw column, coefficient and number of every entry, as if `mean` were zero."""
        place = np.full(self.maps.p, -1)
        place[self.kept] = np.arange(self.p)
        raw, columns, numbers = self.maps.entries()
        inside = place[columns] >= 0
        return raw[inside], place[columns[inside]], (numbers * self.scale[columns])[inside]

    def shifted(self, beta: FloatArray, sign: float) -> FloatArray:
        """beta as coefficients of columns that are not centred (sign -1), or back (sign 1)."""
        if self.intercept is None:
            return beta
        theta = np.zeros((self.maps.p, *beta.shape[1:]))
        theta[self.at] = _times(self.scale[self.at], beta)
        out = beta.copy()
        out[int(np.searchsorted(self.kept, self.intercept))] += sign * (self.mean @ theta)
        return out

    def split(self, at: int) -> Split:
        """The same block by block: the levels are scaled and not centred, so they share nothing with the rest."""
        part, places = self.maps.split(at), np.full(self.maps.p, -1)
        places[self.kept] = np.arange(self.p)
        levels, others = places[part.levels], places[part.others]
        inside, scale = levels >= 0, self.scale[part.levels] * part.scale
        first = None if self.intercept is None else int(np.searchsorted(part.others, self.intercept))
        kept = np.flatnonzero(others >= 0)
        rest = Rescaled(part.rest, self.scale[part.others], self.mean[part.others], kept, span(kept), first)
        return Split(levels[inside], part.raw[inside], scale[inside], others[kept], rest)


@dataclass(frozen=True, slots=True)
class Standard:
    """T: theta_j = scale_j beta_j for the kept coefficients; the intercept takes up the centring.

    names, centre, scale (p,) with scale 0 for columns without spread; `stored` (p,) is the part of the centre that is
    not taken off inside the Gram kernels; kept (p,) marks the coefficients of beta. `shift` (raw,) is what numbers are
    centred by as they are read.
    """

    names: tuple[str, ...]
    centre: FloatArray
    scale: FloatArray
    stored: FloatArray
    kept: BoolArray
    intercept: int | None
    shift: FloatArray | None = None

    def original(self, beta: FloatArray) -> FloatArray:
        """T beta: the coefficients of x, zero where a column was left out; (q,) or (q, m) to (p,) or (p, m)."""
        theta = np.zeros((len(self.scale), *beta.shape[1:]))
        theta[self.kept] = _times(self.scale[self.kept], beta)
        if self.intercept is not None:
            theta[self.intercept] -= self.centre @ theta
        return theta

    def adjoint(self, gradient: FloatArray) -> FloatArray:
        """T' gradient, of x numbers less their centre in spreads: (p,) or (p, m) to (q,) or (q, m)."""
        centred = gradient
        if self.intercept is not None:
            centred = gradient - np.multiply.outer(self.centre, gradient[self.intercept])
        return _times(self.scale[self.kept], centred[self.kept])

    def inverse(self, theta: FloatArray) -> FloatArray:
        """T^-1 theta over the kept coefficients, (p,) or (p, d) to (q,) or (q, d); those left out do not count."""
        part = np.where(self.kept if theta.ndim == 1 else self.kept[:, None], theta, 0.0)
        if self.intercept is not None:
            part[self.intercept] += self.centre @ part
        return _times(1 / self.scale[self.kept], part[self.kept])

    def spreads(self, beta: FloatArray) -> FloatArray:
        """T beta in spreads of the columns, over the kept ones: which coefficients of x a step moves, and how far."""
        return _times(1 / self.scale[self.kept], self.original(beta)[self.kept])

    def gradient(self, gradient: FloatArray) -> FloatArray:
        """The gradient in the coefficients of x over the kept columns, from that in beta, (q,) or (q, d)."""
        theta = _times(1 / self.scale[self.kept], gradient)
        if self.intercept is None:
            return theta
        first = theta[int(self.kept[: self.intercept].sum())]
        return np.asarray(theta + np.multiply.outer(self.centre[self.kept], first))

    @property
    def aliased(self) -> tuple[str, ...]:
        """The coefficients left out."""
        return tuple(name for name, keep in zip(self.names, self.kept, strict=True) if not keep)

    def restricted(self, kept: BoolArray) -> "Standard":
        """T for fewer coefficients: kept (q,) among those that beta has now."""
        chosen = self.kept.copy()
        chosen[self.kept] = kept
        return replace(self, kept=chosen)


def _times(scale: FloatArray, values: FloatArray, out: FloatArray | None = None) -> FloatArray:
    """scale_j values_j, (q,) or (q, m); in `out` if there is one."""
    by = scale if values.ndim == 1 else scale[:, None]
    return by * values if out is None and values.size < MANY else multiplied(by, values, out)


def _less_outer(values: FloatArray, column: FloatArray, row: FloatArray) -> FloatArray:
    """values - column row', (q,) or (q, m), the values overwritten: of a million coefficients every copy is felt."""
    if values.ndim == 1 or not values.size:
        return values - np.multiply.outer(column, row)
    return np.asarray(dger(-1.0, row, column, a=values.T, overwrite_a=1).T)


def standardise(
    design: Design,
    weight: FloatArray,
    held: BoolArray,
    stiff: FloatArray,
    sample: tuple[Design, FloatArray] | None = None,
) -> tuple[Design, Standard]:
    """Mean and spread of every column in one read of the rows, and the design in the coordinates they give.

    weight (n,); held (p,) marks penalised coefficients: columns are centred if there is an intercept that is free, and
    one without spread is kept if it is held. `stiff` (p,) is the curvature of the penalty, which adds to the square of
    the spread as more rows would: a word of one posting is no unit where the penalty alone decides its coefficient.
    The rows of a `sample`, with their weights, stand for all where they show a spread in every column of a group:
    coordinates need not be exact. Raises SchemaError where squares of a column overflow or underflow.
    """
    rough, moments = _about_rough(*(sample or (design, weight)), held)
    standard = _standard(design, held, rough, moments)
    lost = ~(standard.scale > 0) & ~held
    if sample is not None and lost.any():
        standard = _standard(design, held, rough, _read_anew(design, weight, rough, moments, lost))
    fitting = replace(standard, scale=softened(standard.scale, stiff))
    return placed(design, fitting), fitting


def placed(design: Design, standard: Standard) -> Design:
    """The design in the coordinates of `standard`, numbers centred."""
    return restrict(_centred(design, standard.shift), standard)


def far(design: Design) -> FloatArray:
    """The means (p,) of numeric columns that are FAR spreads from zero, 0 for the others, and without an intercept."""
    if design.intercept is None or not design.n:
        return np.zeros(design.p)
    start = _mean(design.take(slice(0, 1)))
    first, second = _moments(_centred(design, start), np.full(design.n, 1 / design.n))
    with np.errstate(over="ignore", invalid="ignore"):
        width = np.sqrt(np.maximum(second - first**2, 0.0))
    mean = np.where(first == 0.0, start, short(start + first, width))  # of one value it is that value, to the last bit
    away = _numeric(design) & (np.abs(mean) > FAR * width)
    return np.asarray(design.maps.adjoint(np.where(away, mean, 0.0)))


def recentred(design: Design, centre: FloatArray) -> Design:
    """The design whose columns have their `centre` (p,) taken off: numbers as they are read, others on results."""
    return seen_in(design, about(design.names, centre))


def seen_in(design: Design, standard: Standard) -> Design:
    """Any rows of the same columns, stored in whatever way, in the coordinates of `standard`."""
    raw, columns, _ = design.maps.entries()
    shift = np.zeros(design.maps.raw)
    shift[raw] = standard.centre[columns]
    shift = np.where(_numeric(design), shift, 0.0)
    stored = standard.centre - design.maps.adjoint(shift)
    return placed(design, replace(standard, stored=stored, shift=shift))


def about(names: tuple[str, ...], centre: FloatArray) -> Standard:
    """T of columns that are centred and not scaled."""
    ones, kept = np.ones(len(centre)), np.ones(len(centre), dtype=bool)
    return Standard(names, centre, ones, centre, kept, names.index("Intercept") if "Intercept" in names else None)


def softened(scale: FloatArray, stiff: FloatArray) -> FloatArray:
    """The scale of columns whose penalty has the curvature `stiff`."""
    return np.asarray(scale / np.sqrt(1 + stiff * scale**2))


def _about_rough(design: Design, weight: FloatArray, held: BoolArray) -> tuple[FloatArray | None, FloatArray]:
    """A rough mean of the numbers, None without an intercept that is free, and means and mean squares about it of the
    raw columns, (2, raw)."""
    free = design.intercept is not None and not held[design.intercept]
    rough = _rough(design) if free else None
    return rough, _moments(_centred(design, rough), weight) / weight_of(weight)


def _read_anew(
    design: Design, weight: FloatArray, rough: FloatArray | None, moments: FloatArray, lost: BoolArray
) -> FloatArray:
    """The moments, those of groups with a column that is `lost` (p,) from all rows."""
    raw, columns, _ = design.maps.entries()
    asked = np.zeros(design.maps.raw, dtype=bool)
    asked[raw[lost[columns]]] = True
    chosen = [(g, at) for g, at in zip(_centred(design, rough).groups, design.spans, strict=True) if asked[at].any()]
    groups, out = tuple(group for group, _ in chosen), moments.copy()
    found = _moments(replace(design, groups=groups, spans=spans_of(groups)), weight) / weight_of(weight)
    for (_, at), there in zip(chosen, spans_of(groups), strict=True):
        out[:, at] = found[:, there]
    return out


def _standard(design: Design, held: BoolArray, rough: FloatArray | None, moments: FloatArray) -> Standard:
    """T by what `_about_rough` has found."""
    free, first, second = rough is not None, *moments
    intercept = design.intercept if free else None
    mean, square = design.maps.adjoint(first), design.maps.squares(second)
    check_overflow(design.names, square)
    width = np.sqrt(np.maximum(second - first**2, 0.0))
    shift = None if rough is None else np.where(_numeric(design), short(rough + first, width), 0.0)
    inside = np.zeros(design.p) if shift is None else design.maps.adjoint(shift)
    centre = np.zeros(design.p) if rough is None else design.maps.adjoint(rough) + mean
    spread = np.sqrt(np.maximum(square - mean**2 if free else square, 0.0))
    check_underflow(design.names, square, centre + mean)
    level = spread > CONSTANT * (np.sqrt(square) + np.abs(centre))
    scale = np.where(level, 1 / np.where(level, spread, 1.0), np.where(held, 1.0, 0.0))
    if design.wide is not None:
        centre[design.maps.split(design.maps.raw - design.wide.width).levels] = 0.0
    if intercept is not None:
        centre[intercept], inside[intercept], scale[intercept] = 0.0, 0.0, 1.0
    return Standard(design.names, centre, scale, centre - inside, scale > 0, intercept, shift)


def restrict(design: Design, standard: Standard) -> Design:
    """The design in the coordinates of `standard`, its aliased columns gone."""
    kept = np.flatnonzero(standard.kept)
    maps = design.maps.maps if isinstance(design.maps, Rescaled) else design.maps
    rescaled = Rescaled(maps, standard.scale, standard.stored, kept, span(kept), standard.intercept)
    return replace(design, maps=rescaled, names=tuple(standard.names[j] for j in kept))


def short(mean: FloatArray, spread: FloatArray) -> FloatArray:
    """The mean to a sixteenth of the spread: with so few bits x - mean is exact for whole numbers."""
    grain = power_of_two(np.where(spread > 0, spread, 1.0)) / 8
    return np.where(spread > 0, np.rint(mean / grain) * grain, mean)


def power_of_two(number: FloatArray) -> FloatArray:
    """The nearest power of two, 0 for 0: to multiply by it is exact."""
    return np.asarray(np.exp2(np.rint(np.log2(np.maximum(number, LEAST)))))


def _numeric(design: Design) -> BoolArray:
    """Which raw columns are stored as numbers."""
    return np.concatenate([np.full(group.width, isinstance(group, Dense)) for group in design.groups])


def _rough(design: Design) -> FloatArray:
    """The mean of a few rows of every numeric column, 0 for the others, (raw,)."""
    step = design.n // FEW
    return _mean(design.take(np.arange(0, design.n, step)) if step > 1 else design)


def _mean(design: Design) -> FloatArray:
    """The mean of every numeric column, 0 for the others, (raw,)."""
    return np.where(_numeric(design), design.adjoint(np.ones(design.n)) / design.n, 0.0)


def _centred(design: Design, centre: FloatArray | None) -> Design:
    if centre is None:
        return design
    groups = tuple(group.centred(centre[at]) for group, at in zip(design.groups, design.spans, strict=True))
    return replace(design, groups=groups)


def _moments(design: Design, weight: FloatArray) -> FloatArray:
    """R' w and (R * R)' w, (2, raw)."""
    step = max(CELLS // max(design.stored, 1), 1024)

    def part(lo: int) -> FloatArray:
        block = design.take(slice(lo, min(lo + step, design.n)))
        return block.moments(weight[lo : lo + step])

    with np.errstate(over="ignore", invalid="ignore"):
        return ordered_sum(part, range(0, design.n, step))


def check_overflow(names: tuple[str, ...], square: FloatArray) -> None:
    """Sums of squares of a column must be finite numbers."""
    if not np.isfinite(square.max(initial=0.0)):
        fine = np.isfinite(square)
        raise SchemaError(
            f"column {names[int(np.flatnonzero(~fine)[0])]!r} holds values so large that their squares overflow "
            "(beyond 1e150); check them, or divide the column by a power of ten"
        )


def check_underflow(names: tuple[str, ...], square: FloatArray, mean: FloatArray) -> None:
    """Means of squares of a column must keep their digits, unless all of it is 0."""
    if square.min(initial=LEAST) >= LEAST:
        return
    lost = (square < LEAST) & (np.square(mean) < LEAST) & ((square > 0) | (mean != 0))
    if lost.any():
        raise SchemaError(
            f"column {names[int(np.flatnonzero(lost)[0])]!r} holds values so small that their squares underflow "
            "(below 1e-154); check them, multiply the column by a power of ten, or leave it out"
        )
