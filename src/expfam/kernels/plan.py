"""Which steps (`kernels.slots`) a tile of rows takes: through slots of codes, and what numbers beside them need.

A function of places in memory alone, so that blocks which are read again and again are planned once. Whoever asks keeps
alive what the places are of. Imported on first need, for it brings Numba.
"""

from collections.abc import Callable, Sequence
from functools import lru_cache
from itertools import accumulate
from math import prod
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from expfam._typing import AnyArray, FloatArray
from expfam.kernels import slots as kernels
from expfam.kernels.slots import WIDTH, kernel
from expfam.kernels.tally import FEW, LANES, shapes, sizes

BYTES = 8  # of a number
FLOAT = np.dtype(np.float64)
KEPT = 1 << 10  # plans
NONE = np.empty((0, WIDTH), dtype=np.int64)

Step: TypeAlias = list[int]
Steps: TypeAlias = list[Step]


class Tile(NamedTuple):
    """Where a tile works: eta and w score of its rows; w weight and the square of w score; these times what multiplies
    a slot, and two slots. `panels`, each for `rows` rows: its numbers, centred, once they have been multiplied."""

    eta: int
    score: int
    weight: int
    square: int
    share: int
    product: int
    panels: int
    rows: int


class Slots(NamedTuple):
    """Where the level of every row in each slot is, a code of some `kind`, and what multiplies the last slots; `levels`
    of each. From slot to slot it is so many bytes."""

    kind: np.dtype[Any]
    codes: int
    between: int
    values: int
    apart: int
    levels: tuple[int, ...]
    plain: int

    def take(self, first: int) -> "Slots":
        """From that row on."""
        codes, values = self.codes + first * self.kind.itemsize, self.values + first * BYTES
        return self._replace(codes=codes, values=values)

    def picks(self, table: int, eta: int) -> Steps:
        """eta += the entries of a table (L,), of all slots one after the other."""
        at, codes = self._starts(table), self._codes
        steps = [
            self._step(kernels.pick_three, a, *at[a : a + 3], eta, codes(a + 1), codes(a + 2)) for a in self._threes
        ]
        steps += [self._step(kernels.pick, a, at[a], eta) for a in self._singles]
        return [*steps, *(self._step(kernels.pick_times, a, at[a], eta, self._values(a)) for a in self._multiplied)]

    def collects(self, tile: Tile, table: int) -> Steps:
        """The two tables (2, L) that begin there += the sums of scores by level."""
        at, gap, codes, score = self._starts(table), self.total, self._codes, tile.score
        steps = [
            self._step(kernels.sums_three, a, score, *at[a : a + 3], codes(a + 1), codes(a + 2), gap)
            for a in self._threes
        ]
        steps += [self._step(kernels.sums, a, score, at[a], gap) for a in self._singles]
        for a in self._multiplied:
            steps.append(self._step(kernels.times, a, score, tile.share, self._values(a)))
            steps.append(self._step(kernels.sums, a, tile.share, at[a], gap))
        return steps

    def products(self, tile: Tile, weight: int, numbers: int, tally: int) -> Steps:
        """What a tally, of so many numbers, has of slots and of weights alone += that of a tile, whose numbers are in
        its panels."""
        margins, own, cell, crosses, *_, mass = _parts(self.levels, numbers, tally)
        at, squares, gap, steps = self._starts(margins), self._starts(own), self.total, [_summed(weight, mass)]
        _, width, _ = sizes(self.levels, numbers)
        for a, levels in enumerate(self.levels):
            vector = weight
            if a in self._multiplied:
                steps.append(self._step(kernels.times, a, weight, tile.share, self._values(a)))
                steps.append(self._step(kernels.times, a, tile.share, tile.product, self._values(a)))
                steps.append(self._step(kernels.sums, a, tile.product, squares[a], gap))
                vector = tile.share
            if a >= self.plain - 1:
                steps.append(self._step(kernels.sums, a, vector, at[a], gap))
            beside = []
            for b in range(a + 1, len(self.levels)):
                place = cell, self._codes(b), self.levels[b]
                cell += BYTES * levels * self.levels[b]
                if b not in self._multiplied:
                    beside.append(place)
                    continue
                steps.append(self._step(kernels.times, b, vector, tile.product, self._values(b)))
                steps += crossed(self.kind, self._codes(a), tile.product, [place])
            steps += crossed(self.kind, self._codes(a), vector, beside)
            if numbers:
                first = crosses + (at[a] - margins) * width
                rest = gap * width, width // LANES, tile.rows
                steps.append(self._step(kernels.cross, a, vector, tile.panels, first, *rest))
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
        return self.codes + a * self.between

    def _values(self, a: int) -> int:
        return self.values + (a - self.plain) * self.apart

    def _step(self, function: Callable[..., None], a: int, *rest: int) -> Step:
        return _filled(kernel(function, self.kind), self._codes(a), *rest)


def slots(codes: AnyArray, values: FloatArray, levels: tuple[int, ...]) -> Slots:
    """Codes (k, n), the level of every row in each slot; values (v, n), what the last v are multiplied by: both
    `in_lines`."""
    between, apart = codes.strides[0], values.strides[0]
    return Slots(codes.dtype, start_of(codes), between, start_of(values), apart, levels, len(levels) - len(values))


class Numbers(NamedTuple):
    """How many numbers a row has. Of FEW: of what kind, where they and their centre are, and how many numbers it is
    from row to row and from column to column; of more, which have panels of their own, nothing."""

    width: int
    kind: np.dtype[Any] = FLOAT
    values: int = 0
    centre: int = 0
    row: int = 0
    column: int = 0


def numbers(values: AnyArray, centre: FloatArray) -> Numbers:
    """Numbers (n, m) and what is taken off each column, (m,)."""
    m = values.shape[1]
    if not 0 < m <= FEW:
        return Numbers(m)
    row, column = (step // values.itemsize for step in values.strides)
    return Numbers(m, values.dtype, start_of(values), start_of(centre), row, column)


class Sums(NamedTuple):
    """Where the coefficients of levels are, a table (L,), and where sums are added. `first`: those of w score, of
    w weight and of w score^2 / weight, and twice those of w score by level, (2, L); `tallies`: one of w weight, or
    another of (w score)^2, times `over` if that is not 0."""

    table: int
    first: int
    tallies: tuple[int, ...]
    gradient: bool
    heavy: bool
    over: int


@lru_cache(KEPT)
def steps(slots: Slots, numbers: Numbers, tile: Tile, sums: Sums) -> tuple[AnyArray, AnyArray, AnyArray]:
    """Before the row, after it, and once its numbers have been multiplied."""
    collects, products, m = [], [], numbers.width
    if sums.gradient:
        collects += [_summed(tile.score, sums.first), *slots.collects(tile, sums.first + 3 * BYTES)]
    if sums.heavy:
        pearson = _on(kernels.pearson, tile.score, tile.weight, sums.first + 2 * BYTES)
        collects += [_summed(tile.weight, sums.first + BYTES), pearson]
    if len(sums.tallies) > 1:
        collects.append(_on(kernels.square, tile.score, tile.square))
        if sums.over:
            collects.append(_filled(kernel(kernels.times, FLOAT), sums.over, tile.square, tile.square, sums.over))
    for tally, weight in zip(sums.tallies, (tile.weight, tile.square), strict=False):
        if 0 < m <= FEW:
            gram = _parts(slots.levels, m, tally)[4]
            places = weight, tile.panels, numbers.centre, gram, m, numbers.row, numbers.column
            products.append(_filled(kernel(kernels.few, numbers.kind), numbers.values, *places))
        products += slots.products(tile, weight, m, tally)
    return _written(slots.picks(sums.table, tile.eta)), _written(collects), _written(products)


def crossed(kind: np.dtype[Any], codes: int, vector: int, tables: Sequence[tuple[int, int, int]]) -> Steps:
    """J' diag(vector) K += for several K, two at a time: each a table, codes, and how many levels these have."""
    twos = zip(tables[::2], tables[1::2], strict=False)
    steps = [_filled(kernel(kernels.table_two, kind), codes, vector, *one, *other) for one, other in twos]
    if len(tables) % 2:
        steps.append(_filled(kernel(kernels.table, kind), codes, vector, *tables[-1]))
    return steps


def by_level(kind: np.dtype[Any], codes: int, vector: int, table: int, gap: int) -> Step:
    """J' vector +=, by turns in two tables so far apart."""
    return _filled(kernel(kernels.sums, kind), codes, vector, table, gap)


def through(steps: Steps, n: int) -> None:
    """Take steps on n rows at once."""
    kernels.whole()(_written(steps), n)


def in_lines(rows: AnyArray) -> AnyArray:
    """The same, what one row of the data has next to what the next has."""
    return rows if rows.strides[1] == rows.itemsize else rows.copy()


def start_of(array: AnyArray) -> int:
    """Where the numbers of an array begin in memory; it must stay alive."""
    return int(array.__array_interface__["data"][0])


def _parts(levels: tuple[int, ...], numbers: int, tally: int) -> list[int]:
    """Where each part of a tally begins."""
    return [tally + BYTES * before for before in accumulate(map(prod, shapes(levels, numbers)[:-1]), initial=0)]


def _summed(vector: int, out: int) -> Step:
    """The number there += the sum of a vector."""
    return _on(kernels.summed, vector, out)


def _on(function: Callable[..., None], vector: int, *rest: int) -> Step:
    return _filled(kernel(function, FLOAT), vector, vector, *rest)


def _filled(*numbers: int) -> Step:
    return [*numbers, *[0] * (WIDTH - len(numbers))]


def _written(steps: Steps) -> AnyArray:
    """As a kernel wants them, (k, WIDTH)."""
    return np.array(steps, dtype=np.int64) if steps else NONE
