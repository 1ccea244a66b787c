"""Bins of equal exposure, and what was seen in each: numbers to cells, cells to bins, rows to sums.

Numbers are put into fine cells first, their distinct values where these are few: bins are cut between cells, so that
equal numbers stay together, nothing of the length of the data is sorted, and the order of the rows does not matter.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from expfam._typing import AnyArray, FloatArray
from expfam.data.column import smallest
from expfam.design.coded import code_verbs
from expfam.diagnostics.judged import ROWS, Judged
from expfam.parallel import ordered_sum, slices

CELLS = 1 << 12
SORTED = 1 << 14  # rows up to which numbers are sorted into cells
TIED = 1e-13  # of the largest linear predictor: closer ones are equal, as those of equal rows that were rounded apart


@dataclass(frozen=True, slots=True, eq=False)
class Cells:
    """The cell of every row, codes (n,), cells increasing with the number; `lowest` and `highest` (k,) bound each.

    `single`: each cell holds one value, `lowest`.
    """

    codes: AnyArray
    lowest: FloatArray
    highest: FloatArray
    single: bool

    @property
    def count(self) -> int:
        """How many cells there are, empty ones included."""
        return len(self.lowest)


def cells(x: FloatArray, bins: int, slack: float = 0.0) -> Cells:
    """Numbers (n,) in order: their distinct values, or CELLS of them; numbers closer than slack times the largest are
    equal.

    Where rows are many, cells are of equal width; but one that holds more than a quarter of one of `bins` must hold a
    single value, or else numbers are sorted after all.
    """
    lo, hi = (float(x.min()), float(x.max())) if len(x) > SORTED else (0.0, 0.0)
    if not 0 < hi - lo < np.inf:
        return _ranked(x, slack)
    scale, codes = CELLS / (hi - lo), np.empty(len(x), dtype=np.uint16)

    def place(rows: slice) -> AnyArray:
        codes[rows] = np.minimum((x[rows] - lo) * scale, CELLS - 1)
        return np.bincount(codes[rows], minlength=CELLS)

    size = ordered_sum(place, slices(len(x), ROWS))
    edges = lo + np.arange(CELLS + 1) / scale
    if size.max() * bins <= len(x) / 4 and np.count_nonzero(size) > bins:
        return Cells(codes, edges[:-1], edges[1:], False)
    value = np.empty(CELLS)
    value[codes] = x
    mixed = np.bincount(codes[value[codes] != x], minlength=CELLS) > 0
    if (size[mixed] * bins > len(x) / 4).any():
        return _ranked(x, slack)
    return Cells(codes, np.where(mixed, edges[:-1], value), np.where(mixed, edges[1:], value), not mixed.any())


def whole(x: AnyArray, values: AnyArray) -> Cells:
    """Whole numbers (n,) in the narrow range of consecutive `values`: a cell each."""
    codes = np.subtract(x, values[0], dtype=np.int64).astype(smallest(len(values)))
    numbers = values.astype(np.float64)
    return Cells(codes, numbers, numbers, True)


def _ranked(x: FloatArray, slack: float) -> Cells:
    """Distinct values, or so many neighbours together that CELLS are left."""
    order, starts = tied(x, slack)
    first, last = x[order[starts]], x[order[np.append(starts, len(x))[1:] - 1]]
    size = np.diff(np.append(starts, len(x)))
    single = len(starts) <= CELLS
    cell = np.arange(len(starts)) if single else equal(size.astype(np.float64), CELLS)
    number = np.arange(int(cell.max(initial=-1)) + 1)
    lowest = first[np.searchsorted(cell, number)]
    highest = lowest if single else last[np.searchsorted(cell, number, side="right") - 1]
    codes = np.empty(len(x), dtype=smallest(len(number)))
    codes[order] = np.repeat(cell, size)
    return Cells(codes, lowest, highest, single)


def tied(x: FloatArray, slack: float = TIED) -> tuple[AnyArray, AnyArray]:
    """The order of numbers (n,), increasing, and where each group of equal ones starts in it: those that differ by no
    more than slack times the largest."""
    order = np.argsort(x)
    ordered = x[order]
    size = np.abs(ordered[np.isfinite(ordered)]).max(initial=0.0)
    with np.errstate(invalid="ignore"):
        return order, np.flatnonzero(np.append(len(x) > 0, np.diff(ordered) > slack * size))


def equal(mass: FloatArray, bins: int) -> AnyArray:
    """The bin of every cell, (k,): cells in order, bins of equal mass, as nearly as whole cells can be; none empty."""
    middle = np.cumsum(mass) - mass / 2
    whole = mass.sum()
    place = np.minimum(bins * middle / (whole if whole > 0 else 1.0), bins - 1).astype(np.intp)
    return np.unique(place, return_inverse=True)[1]


@dataclass(frozen=True, slots=True, eq=False)
class Sums:
    """Sums over the rows of each group, (k,) each: rows (frequencies counted), weight, exposure, observed, expected,
    and the variance of observed."""

    rows: FloatArray
    weight: FloatArray
    exposure: FloatArray
    observed: FloatArray
    expected: FloatArray
    variance: FloatArray

    def merged(self, place: AnyArray) -> "Sums":
        """The sums of coarser groups, the one of each group in `place`."""
        return Sums(*(np.bincount(place, getattr(self, name)).astype(np.float64) for name in self.__slots__))

    @property
    def whole(self) -> "Sums":
        """The sums of all rows, (1,)."""
        return self.merged(np.zeros(len(self.rows), dtype=np.intp))


def joined(parts: Sequence[Sums]) -> Sums:
    """The groups of several one below the other."""
    return Sums(*(np.concatenate([getattr(part, name) for part in parts]) for name in Sums.__slots__))


def summed(judged: Judged, codes: Sequence[AnyArray], counts: Sequence[int]) -> list[Sums]:
    """The sums of every grouping, codes (n,) into so many groups, all in one read of the rows."""
    data = judged.prepared.data
    times = judged.prepared.frequency
    ones = judged.weight if judged.plain else np.ones(judged.n) if times is None else times
    columns: dict[str, FloatArray] = {"rows": ones, "weight": judged.weight, "exposure": judged.exposure}
    columns |= {name: getattr(judged, name) for name in ("observed", "expected", "variance")}
    distinct = {id(column): column for column in columns.values()}
    place = {name: list(distinct).index(id(column)) for name, column in columns.items()}
    verbs = code_verbs(data.design.compiled)

    def part(rows: slice) -> Any:
        values = np.stack([column[rows] for column in distinct.values()], axis=1)
        unit = np.ones((1, len(values)))
        tables = [verbs.crosses(code[rows], unit, values, count)[0] for code, count in zip(codes, counts, strict=True)]
        return np.concatenate(tables)

    total = ordered_sum(part, slices(judged.n, ROWS))
    tables = np.split(total, np.cumsum(counts)[:-1])
    return [Sums(**{name: np.ascontiguousarray(table[:, j]) for name, j in place.items()}) for table in tables]


@dataclass(frozen=True, slots=True, eq=False)
class Fine:
    """The cells of the fitted rates and their sums: what calibration and lift of the same rows share."""

    cells: Cells
    sums: Sums


def fine(judged: Judged, bins: int) -> Fine:
    """Cells narrow enough for so many bins of equal exposure."""
    along = cells(judged.line, bins, TIED)
    return Fine(along, summed(judged, [along.codes], [along.count])[0])
