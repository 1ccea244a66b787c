"""Which rows belong together, and what was seen of them? Groups of levels, bins of equal exposure, sums over both.

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
EXACT = 1 << 14  # rows up to which the cells are the distinct values
HEAVY = 256  # a cell that holds more than this part of the rows must hold one value
MISSING = "(missing)"


@dataclass(frozen=True, slots=True, eq=False)
class Cells:
    """The cell of every row, codes (n,), cells increasing with the number; `lowest` and `highest` (k,) bound each.

    `single`: each cell holds one value.
    """

    codes: AnyArray
    lowest: FloatArray
    highest: FloatArray
    single: bool

    @property
    def count(self) -> int:
        """How many cells there are, empty ones included."""
        return len(self.lowest)


def cells(x: FloatArray) -> Cells:
    """Numbers (n,) in order: their distinct values, or cells of equal width where rows are many."""
    if len(x) <= EXACT:
        return _distinct(x)
    lo, hi = float(x.min()), float(x.max())
    scale = CELLS / (hi - lo) if hi > lo and np.isfinite(hi - lo) else 0.0
    codes = np.empty(len(x), dtype=np.uint16)
    seen = np.empty(CELLS)
    for rows in slices(len(x), ROWS):
        place = (x[rows] - lo) * scale
        codes[rows] = np.minimum(place, CELLS - 1)
        seen[codes[rows]] = x[rows]
    mixed = np.zeros(CELLS, dtype=bool)
    for rows in slices(len(x), ROWS):
        mixed[codes[rows][seen[codes[rows]] != x[rows]]] = True
    size = np.bincount(codes, minlength=CELLS)
    if (size[mixed] > len(x) / HEAVY).any():
        return _distinct(x)
    used = np.flatnonzero(size)
    place = np.zeros(CELLS, dtype=smallest(len(used)))
    place[used] = np.arange(len(used))
    edges = lo + np.arange(CELLS + 1) / (scale or 1.0)
    lowest, highest = np.where(mixed, edges[:-1], seen)[used], np.where(mixed, edges[1:], seen)[used]
    return Cells(place[codes], lowest, highest, not mixed.any())


def _distinct(x: FloatArray) -> Cells:
    values, codes = np.unique(x, return_inverse=True)
    return Cells(codes.astype(smallest(len(values))), values, values, True)


def equal(mass: FloatArray, bins: int) -> AnyArray:
    """The bin of every cell, (k,): cells in order, bins of equal mass, as nearly as whole cells can be; none empty."""
    middle = np.cumsum(mass) - mass / 2
    whole = mass.sum()
    place = np.minimum(bins * middle / (whole if whole > 0 else 1.0), bins - 1).astype(np.intp)
    return np.unique(place, return_inverse=True)[1]


@dataclass(frozen=True, slots=True, eq=False)
class Groups:
    """What a row belongs to: codes (n,) into `labels`; groups of numbers have bounds `lower` and `upper`, else NaN."""

    name: str
    codes: AnyArray
    labels: tuple[str, ...]
    lower: FloatArray
    upper: FloatArray


def of_labels(name: str, codes: AnyArray, labels: Sequence[str]) -> Groups:
    """The levels of a factor; -1 is missing."""
    labels = tuple(labels)
    if (codes < 0).any():
        codes, labels = np.where(codes < 0, len(labels), codes.astype(np.intp)), (*labels, MISSING)
    empty = np.full(len(labels), np.nan)
    return Groups(name, codes.astype(smallest(len(labels)), copy=False), labels, empty, empty)


def of_numbers(name: str, x: FloatArray, exposure: FloatArray, bins: int) -> Groups:
    """Numbers in bins of equal exposure; each distinct value a group of its own where there are no more than bins."""
    known = ~np.isnan(x)
    every = bool(known.all())
    part = cells(x if every else x[known])
    here = exposure if every else exposure[known]
    if part.single and part.count <= max(bins, 1):
        bin_of = np.arange(part.count)
    else:
        bin_of = equal(np.bincount(part.codes, here, part.count).astype(np.float64), bins)
    count = int(bin_of.max(initial=-1)) + 1
    first = np.searchsorted(bin_of, np.arange(count))
    last = np.searchsorted(bin_of, np.arange(count), side="right") - 1
    lower, upper = part.lowest[first], part.highest[last]
    labels = tuple(_interval(lo, hi) for lo, hi in zip(lower, upper, strict=True))
    codes = bin_of.astype(smallest(count + 1))[part.codes]
    if not every:
        whole = np.full(len(x), count, dtype=codes.dtype)
        whole[known] = codes
        codes, labels = whole, (*labels, MISSING)
        lower, upper = np.append(lower, np.nan), np.append(upper, np.nan)
    return Groups(name, codes, labels, lower, upper)


def _interval(lo: float, hi: float) -> str:
    return f"{lo:.5g}" if lo == hi else f"{lo:.5g} to {hi:.5g}"


def crossed(groups: Sequence[Groups]) -> Groups:
    """Combinations "a:b" of several groups that occur, the first varying slowest."""
    if len(groups) == 1:
        return groups[0]
    joint = np.zeros(len(groups[0].codes), dtype=np.int64)
    for part in groups:
        joint = joint * len(part.labels) + part.codes
    found, codes = np.unique(joint, return_inverse=True)
    labels, rest = [""] * len(found), found
    for part in reversed(groups):
        rest, own = np.divmod(rest, len(part.labels))
        labels = [":".join(filter(None, (part.labels[k], label))) for k, label in zip(own, labels, strict=True)]
    return of_labels(":".join(part.name for part in groups), codes, labels)


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


def summed(judged: Judged, codes: Sequence[AnyArray], counts: Sequence[int]) -> list[Sums]:
    """The sums of every grouping, codes (n,) into so many groups, all in one read of the rows."""
    data = judged.prepared.data
    times = judged.prepared.frequency
    ones = np.ones(judged.n) if times is None else times
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
