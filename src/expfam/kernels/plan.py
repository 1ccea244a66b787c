"""Which steps (`kernels.slots`) a tile of rows takes: through slots of codes, and what numbers beside them need.

Imported on first need, for it brings Numba.
"""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import accumulate
from math import prod
from typing import NamedTuple, TypeAlias

import numpy as np

from expfam._typing import AnyArray, FloatArray
from expfam.kernels import slots as kernels
from expfam.kernels.slots import WIDTH, kernel
from expfam.kernels.tally import LANES, Tally, sizes

BYTES = 8  # of a number
NONE = np.empty((0, WIDTH), dtype=np.int64)

Step: TypeAlias = list[int]
Steps: TypeAlias = list[Step]


class Tile(NamedTuple):
    """What a tile works in. `space` (6, rows): eta and w score of its rows; w weight and the square of w score; these
    times what multiplies a slot, and two slots. `panels` (q, rows, LANES): its numbers, centred, once they have been
    multiplied. `places`: the addresses of the six, and of the panels."""

    space: FloatArray
    panels: FloatArray
    places: tuple[int, ...]


def tile_of(space: FloatArray, panels: FloatArray) -> Tile:
    """A tile of these, its addresses looked up."""
    first, apart = start_of(space), space.strides[0]
    places = range(first, first + len(space) * apart, apart)
    return Tile(space, panels, (*places, start_of(panels) if panels.size else 0))


@dataclass(frozen=True, slots=True)
class Slots:
    """codes (k, n), the level of every row in each slot; values (v, n) multiply the last v; `levels` of each slot.

    Rows of codes and values follow one another in memory; `first` is the address of the first code.
    """

    codes: AnyArray
    values: FloatArray
    levels: tuple[int, ...]
    first: int

    @property
    def plain(self) -> int:
        """How many slots are not multiplied: the first ones."""
        return len(self.levels) - len(self.values)

    def take(self, rows: slice) -> "Slots":
        whole = rows == slice(0, self.codes.shape[1])
        return self if whole else slots(self.codes[:, rows], self.values[:, rows], self.levels)

    def picks(self, levels: FloatArray, tile: Tile) -> Steps:
        """eta += the entries of `levels` (L,), of all slots one after the other."""
        if not self.levels:
            return []
        at, eta, codes = self._starts(start_of(levels)), tile.places[0], self._codes
        threes = [
            self._step(kernels.pick_three, a, *at[a : a + 3], eta, codes(a + 1), codes(a + 2)) for a in self._threes
        ]
        singles = [self._step(kernels.pick, a, at[a], eta) for a in self._singles]
        return [
            *threes,
            *singles,
            *(self._step(kernels.pick_times, a, at[a], eta, self._values(a)) for a in self._multiplied),
        ]

    def collects(self, tile: Tile, by_level: int) -> Steps:
        """The two tables (2, L) that begin there += the sums of scores by level."""
        at, gap, codes, (_, score, _, _, share, *_) = self._starts(by_level), self.total, self._codes, tile.places
        steps = [
            self._step(kernels.sums_three, a, score, *at[a : a + 3], codes(a + 1), codes(a + 2), gap)
            for a in self._threes
        ]
        steps += [self._step(kernels.sums, a, score, at[a], gap) for a in self._singles]
        for a in self._multiplied:
            steps += [
                self._step(kernels.times, a, score, share, self._values(a)),
                self._step(kernels.sums, a, share, at[a], gap),
            ]
        return steps

    def products(self, tile: Tile, which: int, tally: Tally) -> Steps:
        """What a tally has of slots and of weights alone += that of a tile, whose numbers are in its panels; `which`
        weights, 0 or 1."""
        (margins, own, cell, crosses, _, _, mass), gap = _starts(tally), self.total
        weight, (*_, share, product, panels) = tile.places[2 + which], tile.places
        at, squares, (_, width, _) = self._starts(margins), self._starts(own), sizes(tally.levels, tally.numbers)
        rest, steps = (width // LANES, tile.panels.shape[1]), [_on(kernels.total, tile.space, weight, mass)]
        for a, levels in enumerate(self.levels):
            vector = weight
            if a in self._multiplied:
                steps.append(self._step(kernels.times, a, weight, share, self._values(a)))
                steps.append(self._step(kernels.times, a, share, product, self._values(a)))
                steps.append(self._step(kernels.sums, a, product, squares[a], gap))
                vector = share
            if a >= self.plain - 1:
                steps.append(self._step(kernels.sums, a, vector, at[a], gap))
            for b in range(a + 1, len(self.levels)):
                both = vector
                if b in self._multiplied:
                    steps.append(self._step(kernels.times, b, vector, product, self._values(b)))
                    both = product
                steps.append(self._step(kernels.table, a, both, cell, self._codes(b), self.levels[b]))
                cell += BYTES * levels * self.levels[b]
            if tally.numbers:
                first = crosses + (at[a] - margins) * width
                steps.append(self._step(kernels.cross, a, vector, panels, first, gap * width, *rest))
        return steps

    @property
    def total(self) -> int:
        """L, the levels of all slots."""
        return sum(self.levels)

    @property
    def _threes(self) -> range:
        """The first of three slots that go together."""
        return range(0, self.plain - 2, 3)

    @property
    def _singles(self) -> range:
        return range(self.plain - self.plain % 3, self.plain)

    @property
    def _multiplied(self) -> range:
        return range(self.plain, len(self.levels))

    def _starts(self, table: int) -> list[int]:
        """Where each slot's part of a table (.., L) begins."""
        return [table + BYTES * first for first in accumulate(self.levels, initial=0)]

    def _codes(self, a: int) -> int:
        return self.first + a * self.codes.strides[0]

    def _values(self, a: int) -> int:
        return start_of(self.values[a - self.plain])

    def _step(self, function: Callable[..., None], a: int, *rest: int) -> Step:
        return _filled(kernel(function, self.codes.dtype), self._codes(a), *rest)


def slots(codes: AnyArray, values: FloatArray, levels: tuple[int, ...]) -> Slots:
    """Slots of these codes and values, the address looked up."""
    codes, values = (part if part.strides[1] == part.itemsize else part.copy() for part in (codes, values))
    return Slots(codes, values, levels, start_of(codes))


def summed(tile: Tile, out: int) -> Step:
    """The number there += the sum of scores."""
    return _on(kernels.total, tile.space, tile.places[1], out)


def squared(tile: Tile, over: FloatArray | None) -> Steps:
    """The second weights are the squares of the scores, times numbers `over` of all rows, if there are some."""
    score, out = tile.places[1], tile.places[3]
    steps = [_on(kernels.square, tile.space, score, out)]
    return steps if over is None else [*steps, _on(kernels.times, over, out, out, start_of(over))]


def heavy(tile: Tile, out: int) -> Steps:
    """The two numbers there += the sum of weights, and that of score^2 / weight."""
    _, score, weight, *_ = tile.places
    return [_on(kernels.total, tile.space, weight, out), _on(kernels.pearson, tile.space, score, weight, out + BYTES)]


def few_products(values: AnyArray, centre: FloatArray, tile: Tile, which: int, tally: Tally) -> Step:
    """What one column of numbers or two have of products and sums, in panels from then on."""
    between, gram = (step // values.itemsize for step in values.strides), _starts(tally)[4]
    places = tile.places[2 + which], tile.places[-1], start_of(centre), gram
    return _on(kernels.few, values, *places, values.shape[1], *between)


def _starts(tally: Tally) -> list[int]:
    """Where each part of a tally begins."""
    first = start_of(tally.flat)
    return [first + BYTES * before for before in accumulate(map(prod, tally.shapes[:-1]), initial=0)]


def written(steps: Steps) -> AnyArray:
    """Steps as a kernel wants them, (k, WIDTH)."""
    return np.array(steps, dtype=np.int64) if steps else NONE


def start_of(array: AnyArray) -> int:
    """Where the numbers of an array begin in memory; it must stay alive."""
    return int(array.__array_interface__["data"][0])


def _on(function: Callable[..., None], first: AnyArray, *rest: int) -> Step:
    """A kernel, the array whose type it is for, and the numbers that it names."""
    return _filled(kernel(function, first.dtype), start_of(first), *rest)


def _filled(*numbers: int) -> Step:
    return [*numbers, *[0] * (WIDTH - len(numbers))]
