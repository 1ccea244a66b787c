"""Which rows belong together? Levels of a factor, numbers in bins of equal exposure, combinations of several."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, final

import numpy as np

from expfam._typing import AnyArray, FloatArray
from expfam.data.column import smallest
from expfam.data.table import Table
from expfam.diagnostics.bins import Cells, cells, equal, whole
from expfam.errors import SchemaError

MISSING = "(missing)"
DIGITS, EXACT = 5, 17  # of the ends of a bin: those that people read, and those that no two numbers share


@dataclass(frozen=True, slots=True, eq=False)
class Named:
    """The group of every code, `place` (count,), and what the groups are called; those of numbers have bounds."""

    place: AnyArray
    labels: tuple[str, ...]
    lower: FloatArray
    upper: FloatArray


class Groups(ABC):
    """A code a row, (n,) from 0 on. What it stands for is told once the exposure behind each code is known."""

    __slots__ = ()

    name: str
    codes: AnyArray

    @property
    @abstractmethod
    def count(self) -> int:
        """How many codes there are."""

    @abstractmethod
    def named(self, mass: FloatArray, bins: int) -> Named:
        """The groups, for `mass` (count,) of exposure behind each code; codes without are in none."""

    def levels(self, exposure: FloatArray, bins: int) -> "Levels":
        """The same groups as a code a row, exposure (n,)."""
        found = self.named(np.bincount(self.codes, exposure, self.count).astype(np.float64), bins)
        return Levels(self.name, found.place.astype(smallest(len(found.labels)))[self.codes], found.labels)


@final
@dataclass(frozen=True, slots=True, eq=False)
class Levels(Groups):
    """A group for each label that occurs."""

    name: str
    codes: AnyArray
    labels: tuple[str, ...]

    @property
    def count(self) -> int:
        return len(self.labels)

    def named(self, mass: FloatArray, bins: int) -> Named:
        used = np.flatnonzero(mass)
        place = np.zeros(self.count, dtype=np.intp)
        place[used] = np.arange(len(used))
        unbounded = np.full(len(used), np.nan)
        return Named(place, tuple(self.labels[k] for k in used), unbounded, unbounded)


@final
@dataclass(frozen=True, slots=True, eq=False)
class Numbers(Groups):
    """Bins of equal exposure cut between cells; a group for each value where no more occur than bins are asked for.

    `absent`: some rows have none, their code is the one behind the last cell.
    """

    name: str
    codes: AnyArray
    cells: Cells
    absent: bool

    @property
    def count(self) -> int:
        return self.cells.count + self.absent

    def named(self, mass: FloatArray, bins: int) -> Named:
        part = self.cells
        used = np.flatnonzero(mass[: part.count])
        ordered = np.arange(len(used)) if part.single and len(used) <= bins else equal(mass[used], bins)
        number = np.arange(int(ordered.max(initial=-1)) + 1)
        lower = part.lowest[used[np.searchsorted(ordered, number)]]
        upper = part.highest[used[np.searchsorted(ordered, number, side="right") - 1]]
        labels = _intervals(lower, upper)
        place = np.zeros(self.count, dtype=np.intp)
        place[used] = ordered
        if self.absent:
            place[-1] = len(labels)
            labels, lower, upper = (*labels, MISSING), np.append(lower, np.nan), np.append(upper, np.nan)
        return Named(place, labels, lower, upper)


def _intervals(lower: FloatArray, upper: FloatArray) -> tuple[str, ...]:
    """Bins by their ends, five digits of each, or as many as it takes to tell bins, and the ends of one, apart."""
    bins = zip((lower + 0.0).tolist(), (upper + 0.0).tolist(), strict=True)  # no -0
    ends = [tuple(dict.fromkeys(pair)) for pair in bins]
    for digits in range(DIGITS, EXACT + 1):
        labels = [tuple(f"{end:.{digits}g}" for end in pair) for pair in ends]
        if len(set(labels)) == len(labels) and all(len(set(label)) == len(label) for label in labels):
            break
    return tuple(map(" to ".join, labels))


def of_labels(name: str, codes: AnyArray, labels: Sequence[str]) -> Levels:
    """The levels of a factor; rows of code -1 are a level of their own."""
    if (codes < 0).any():
        codes, labels = np.where(codes < 0, len(labels), codes), (*labels, MISSING)
    return Levels(name, codes.astype(smallest(len(labels)), copy=False), tuple(labels))


def of_numbers(name: str, x: FloatArray, bins: int) -> Numbers:
    """Numbers (n,) in cells fine enough for so many bins; NaN is missing."""
    known = ~np.isnan(x)
    if known.all():
        part = cells(x, bins)
        return Numbers(name, part.codes, part, False)
    part = cells(x[known], bins)
    codes = np.full(len(x), part.count, dtype=smallest(part.count + 1))
    codes[known] = part.codes
    return Numbers(name, codes, part, True)


def of_column(table: Table, name: str, places: AnyArray | None, bins: int) -> Groups:
    """The groups that a column of the data makes at some rows, all for None."""
    few = table.few(name, False) if table.kind_of(name) == "number" else None
    if few is not None:
        part = whole(_at(few.x, places), few.values)
        return Numbers(name, part.codes, part, False)
    column = table.column(name)
    if column.codes is not None:
        return of_labels(name, _at(column.codes, places), column.labels)
    assert column.values is not None
    return of_numbers(name, _at(column.values, places), bins)


def of_array(values: Any, given: int, places: AnyArray | None, bins: int) -> Groups:
    """The groups of an array, one value for each of the `given` rows of the data."""
    array = np.asarray(values)
    if array.shape != (given,):
        raise SchemaError(f"by= has shape {array.shape}; the data has {given} rows: give one value a row")
    if array.dtype.kind in "iuf":
        return of_numbers("by", _at(array.astype(np.float64), places), bins)
    absent = np.array([v is None or v != v for v in array.tolist()])
    labels, codes = np.unique(np.where(absent, "", array.astype(str)), return_inverse=True)
    return of_labels("by", _at(np.where(absent, -1, codes), places), [str(label) for label in labels])


def _at(values: AnyArray, places: AnyArray | None) -> AnyArray:
    return values if places is None else values[places]


def crossed(parts: Sequence[Levels]) -> Levels:
    """Combinations "a:b" of several groups that occur, the first varying slowest."""
    labels, codes = list(parts[0].labels), parts[0].codes
    for part in parts[1:]:
        found, codes = np.unique(codes.astype(np.int64) * part.count + part.codes, return_inverse=True)
        labels = [f"{labels[a]}:{part.labels[b]}" for a, b in zip(*np.divmod(found, part.count), strict=True)]
    return of_labels(":".join(part.name for part in parts), codes, labels)
