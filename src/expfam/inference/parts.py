"""By how much does the mean move with a variable? Its sums over rows, and their gradients in theta.

Of G(eta), the mean h(eta) or its logarithm, with theta (p, d) and k means a row (d = k = 1 but for classes):

  a number x    A = sum w c G'(eta) (x' theta),  x' = dX/dx, c = 1 or x for elasticities
                dA/dtheta = sum w c [ G''(eta) (x' theta) x_i + G'(eta) x' ]
  a factor      A_l = sum w G(eta with level l),  dA_l/dtheta = sum w G'(eta with l) (x_i with l)

Each kind of variable says which vectors v it needs X'v of, and makes its results of the sums. Gradients are exact: no
step, no simulation.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

import numpy as np

from expfam._typing import FloatArray
from expfam.design import Design, assemble
from expfam.inference.scene import Indicators, Move, Piece, Switch
from expfam.links import Log, Logit
from expfam.model import Model


@dataclass(frozen=True, slots=True, eq=False)
class Block:
    """Some rows: which, their w, their eta (n, d), what is averaged, and G with its derivatives there."""

    model: Model
    at: slice
    weight: FloatArray
    eta: FloatArray
    relative: bool
    theta: FloatArray
    local: tuple[FloatArray, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Totals:
    """What variables share: sum w G' (k, d), X' w G'' (p, k, d, d), and X' diag(w mu) X with all levels as columns."""

    theta: FloatArray
    slope: FloatArray
    curve: FloatArray
    gram: FloatArray
    indicators: Indicators


class Part(ABC):
    """One variable's share of a pass over the rows."""

    __slots__ = ()

    @abstractmethod
    def width(self, k: int, d: int) -> int:
        """Of how many vectors v it needs X'v."""

    @abstractmethod
    def block(self, block: Block, out: FloatArray) -> tuple[FloatArray, FloatArray]:
        """The v of some rows in `out` (n, width), and two arrays to be summed."""

    @abstractmethod
    def finish(
        self, totals: Totals, across: FloatArray, values: FloatArray, own: FloatArray
    ) -> tuple[FloatArray, FloatArray]:
        """Results (m, k) and gradients (m, k, p, d) from X'v, across (p, width), and the two sums."""


NONE = np.zeros(0)
FEW = 3  # vectors that are quicker one by one


@final
@dataclass(frozen=True, slots=True, eq=False)
class Unit(Part):
    """A number that is one column of X: its slope is its coefficient, and all such numbers share their sums."""

    move: Move

    def width(self, k: int, d: int) -> int:
        return 0

    def block(self, block: Block, out: FloatArray) -> tuple[FloatArray, FloatArray]:
        return NONE, NONE

    def finish(
        self, totals: Totals, across: FloatArray, values: FloatArray, own: FloatArray
    ) -> tuple[FloatArray, FloatArray]:
        assert self.move.unit is not None
        slope = totals.theta[self.move.unit]
        gradients = np.einsum("pkab,b->kpa", totals.curve, slope)
        gradients[:, self.move.unit] += totals.slope
        return (totals.slope @ slope)[None], gradients[None]


@final
@dataclass(frozen=True, slots=True, eq=False)
class Slope(Part):
    """A number that moves X in any way; `times_x` for elasticities in x."""

    move: Move
    times_x: bool

    def width(self, k: int, d: int) -> int:
        return k * d

    def block(self, block: Block, out: FloatArray) -> tuple[FloatArray, FloatArray]:
        move, theta, n = self.move, block.theta, len(block.weight)
        _, slope, curve = block.local
        weight = block.weight * move.x[block.at] if self.times_x else block.weight
        weighted = weight[:, None, None] * slope
        own = np.zeros((len(theta), slope[0].size))
        s = np.zeros((n, theta.shape[1]))
        if move.unit is not None:
            s += theta[move.unit]
            own[move.unit] = weighted.sum(axis=0).ravel()
        for span, design in move.pieces:
            part = design.take(block.at)
            s += eta_of((span, part), theta)
            own[span] += design.maps.adjoint(adjoint(part, weighted.reshape(n, -1)))
        if move.drift is not None:
            s += move.drift[block.at, None]
        out[:] = (np.einsum("nkab,nb->nka", curve, s) * weight[:, None, None]).reshape(n, -1)
        return np.einsum("nka,na->k", weighted, s), own

    def finish(
        self, totals: Totals, across: FloatArray, values: FloatArray, own: FloatArray
    ) -> tuple[FloatArray, FloatArray]:
        p, d = totals.theta.shape
        return values[None], (across + own).reshape(p, -1, d).transpose(1, 0, 2)[None]


@final
@dataclass(frozen=True, slots=True, eq=False)
class Levels(Part):
    """A factor, level by level."""

    switch: Switch

    def width(self, k: int, d: int) -> int:
        return len(self.switch.levels) * k * d

    def block(self, block: Block, out: FloatArray) -> tuple[FloatArray, FloatArray]:
        v, theta, n = self.switch, block.theta, len(block.weight)
        shift = np.zeros((len(v.levels), theta.shape[1])) if v.rows is None else v.rows @ theta
        known = [] if v.rows is not None else self._pieces(None, block)
        bare = block.eta - shift[v.codes[block.at]] - sum(eta_of(piece, theta) for piece in known)
        values, own = [], []
        for level, columns in enumerate(np.split(out, len(v.levels), axis=1)):
            pieces = [] if v.rows is not None else self._pieces(level, block)
            eta = bare + shift[level] + sum(eta_of(piece, theta) for piece in pieces)
            mean, slope = derivatives(block.model, eta, block.relative, 1)
            columns[:] = (block.weight[:, None, None] * slope).reshape(n, -1)
            part = np.zeros((len(theta), columns.shape[1]))
            if v.rows is not None:
                part += np.outer(v.rows[level], columns.sum(axis=0))
            for span, design in pieces:
                part[span] += design.maps.adjoint(adjoint(design, columns))
            values.append(block.weight @ mean)
            own.append(part)
        return np.array(values), np.array(own)

    def _pieces(self, level: int | None, block: Block) -> list[Piece]:
        parts = self.switch.set(level, block.at)
        return [(span, assemble((columns,), len(block.weight), compiled=False)) for span, columns in parts]

    def finish(
        self, totals: Totals, across: FloatArray, values: FloatArray, own: FloatArray
    ) -> tuple[FloatArray, FloatArray]:
        (p, d), m = totals.theta.shape, len(self.switch.levels)
        others = without(self.switch, across).reshape(p, m, -1, d).transpose(1, 2, 0, 3)
        return values, others + own.reshape(m, p, -1, d).transpose(0, 2, 1, 3)


@final
@dataclass(frozen=True, slots=True, eq=False)
class Product(Part):
    """A factor whose levels multiply all means alike, as with a log link: one sum for all levels.

    `tabled`: it is read off X' diag(w mu) X, which all such factors share.
    """

    switch: Switch
    tabled: bool

    def width(self, k: int, d: int) -> int:
        return 0 if self.tabled else 1

    def block(self, block: Block, out: FloatArray) -> tuple[FloatArray, FloatArray]:
        if self.tabled:
            return NONE, NONE
        times = self._shares(block.theta).take(self.switch.codes[block.at])
        np.multiply(block.weight * block.local[0][:, 0], times, out=out[:, 0])
        return out.sum(axis=0), NONE

    def _shares(self, theta: FloatArray) -> FloatArray:
        """By what a mean is divided to be rid of its level, (levels,)."""
        assert self.switch.rows is not None
        return np.exp(-(self.switch.rows @ theta)[:, 0])

    def finish(
        self, totals: Totals, across: FloatArray, values: FloatArray, own: FloatArray
    ) -> tuple[FloatArray, FloatArray]:
        shares, rows = self._shares(totals.theta), self.switch.rows
        assert rows is not None
        if self.tabled:
            at = totals.indicators.levels[self.switch.name]
            table = totals.gram[:, at]
            values = np.array([table[at].diagonal() @ shares])
            across = totals.indicators.adjoint(table @ shares[:, None])
        means = values / shares[:, None]
        others = without(self.switch, across)[:, 0] / shares[:, None]
        return means, (others + means * rows)[:, None, :, None]


def part_of(variable: Move | Switch, multiplies: bool, times_x: bool, tabled: Sequence[str]) -> Part:
    """How a variable is summed: `multiplies` tells that G is e^eta."""
    if isinstance(variable, Move):
        return Unit(variable) if variable.unit is not None and not times_x else Slope(variable, times_x)
    if multiplies and variable.rows is not None:
        return Product(variable, variable.name in tabled)
    return Levels(variable)


def without(v: Switch, across: FloatArray) -> FloatArray:
    """X'v for the columns that the factor does not enter, zero for the others."""
    out = across.copy()
    for span in v.touched:
        out[span] = 0.0
    return out


def derivatives(model: Model, eta: FloatArray, relative: bool, order: int) -> tuple[FloatArray, ...]:
    """The mean h (relative: log h) at eta (n, d), and its derivatives up to an order; NaN where h is not defined."""
    link, low, high = model.link, *model.link.domain
    if np.isfinite(low) or np.isfinite(high):
        eta = np.where((eta > low) & (eta < high), eta, np.nan)
    place = eta if model.family.vector else eta[:, 0]
    parts = (link.inverse, link.derivative, link.second)[: order + 1]
    if isinstance(link, Log | Logit):
        found = _of_mean(link, link.inverse(place))[: order + 1]
    else:
        found = [np.asarray(part(place)) for part in parts]
    if model.family.vector:
        found = [model.family.all_means(found[0]), *(_all_classes(part) for part in found[1:])]
    else:
        found = [part.reshape(-1, *(1,) * (rank + 1)) for rank, part in enumerate(found)]
    if not relative:
        return tuple(found)
    mean = found[0]
    slope = [found[1] / mean[:, :, None]] if order else []
    curve = [found[2] / mean[:, :, None, None] - slope[0][..., None] * slope[0][..., None, :]] if order > 1 else []
    return (np.log(mean), *slope, *curve)


def _of_mean(link: Log | Logit, mean: FloatArray) -> list[FloatArray]:
    """h, h', h'' of one exponential."""
    if isinstance(link, Log):
        return [mean, mean, mean]
    slope = mean * (1 - mean)
    return [mean, slope, slope * (1 - 2 * mean)]


def _all_classes(part: FloatArray) -> FloatArray:
    """Derivatives of all k probabilities, which add up to one, from those of the first k - 1."""
    return np.concatenate([part, -part.sum(axis=1, keepdims=True)], axis=1)


def eta_of(piece: Piece, theta: FloatArray) -> FloatArray:
    """The share of some coefficients in eta, (n, d)."""
    span, design = piece
    return forward(design, design.maps.forward(theta[span]))


def forward(design: Design, raw: FloatArray) -> FloatArray:
    """R raw, (n, d): a single column by the quicker way of vectors."""
    return design.forward(raw[:, 0])[:, None] if raw.shape[1] == 1 else design.forward(raw)


def adjoint(design: Design, rows: FloatArray) -> FloatArray:
    """R' rows, (raw, m): few columns one by one, as vectors."""
    if rows.shape[1] > FEW:
        return design.adjoint(rows)
    columns = [design.adjoint(np.ascontiguousarray(column)) for column in rows.T]
    return np.stack(columns, axis=1) if columns else np.zeros((design.maps.raw, 0))
