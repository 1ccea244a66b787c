"""Which rows have equal predictors? Asked of designs of factors, and of numbers that have few values."""

from collections.abc import Callable
from itertools import accumulate
from math import expm1, prod, sqrt
from operator import mul
from types import ModuleType

import numpy as np

from expfam._typing import AnyArray
from expfam.design.coded import Coded
from expfam.design.dense import Dense
from expfam.design.design import Design
from expfam.design.ones import Ones
from expfam.design.wide import Wide
from expfam.kernels import equal_definition
from expfam.parallel import ordered_map, slices

MOST = 1 << 62  # cells that an int64 can number
ALIKE = 20  # pairs of equal rows that are expected where there are as many cells as may be: they tell what to expect
NEARER = 20  # steps to the number of cells
SURE = 2  # cells must be expected to be so many times fewer than they may be, for the least is what is expected
MIXED = np.uint64(0x9E3779B97F4A7C15)  # an odd number without a pattern spreads what is multiplied by it over all bits
TABLE = 2  # a table with so many times more cells than may have rows is no waste
VALUES = 1 << 14  # that a number may have, unless its values are looked for at any price
AT_ONCE = 1 << 16  # rows a task numbers

Factor = tuple[AnyArray, int]
"""The codes (n,) of a factor, and how many levels it has."""
Number = Callable[[AnyArray, int], tuple[AnyArray, AnyArray] | None]
"""Numbers equal words: `kernels.equal_definition.number`."""


def cells(design: Design, most: int, guess: bool) -> tuple[AnyArray, AnyArray] | None:
    """The number of the cell that each row lies in, (n,), and for each number the first row of its cell, -1 for none.

    None where a column is sparse, or more cells than `most` have rows; also, with `guess`, where some of the rows make
    that likely, or a column of numbers has many values.
    """
    columns = _columns(design)
    if columns is None or (guess and not _likely(design, most)):
        return None
    number: Number = _verbs(design.compiled).number
    found = _coded(*columns, VALUES if guess else design.n, number)
    if found is None:
        return None
    place, count = _joint(found, design.n, number)
    if count > TABLE * most:
        return number(place, most)
    first = _first(place, count)
    return None if np.count_nonzero(first >= 0) > most else (place, first)


def _columns(design: Design) -> tuple[list[Factor], list[AnyArray]] | None:
    """All factors, and all columns of numbers, (n,); None where some are sparse."""
    factors: list[Factor] = []
    numbers: list[AnyArray] = []
    for group in design.groups:
        if isinstance(group, Coded):
            factors += [(codes, slot.levels) for codes, slot in zip(group.codes, group.slots, strict=True)]
            numbers += list(group.values)
        elif isinstance(group, Wide):
            factors.append((group.codes, group.width))
        elif isinstance(group, Dense):
            numbers += list(group.values.T)
        elif not isinstance(group, Ones):
            return None
    return factors, numbers


def _likely(design: Design, most: int) -> bool:
    """Do some of the rows leave it possible that so few cells have rows?

    Of K cells that are all alike K (1 - e^(-m / K)) have some of m rows, which tells K, and K (1 - e^(-n / K)) some of
    all; of other tables more have.
    """
    looked = sqrt(2 * ALIKE * most)  # of m rows, m^2 / (2 K) pairs lie in one of K cells
    some = design.take(slice(None, None, max(int(design.n / looked), 1)))
    columns = _columns(some)
    assert columns is not None
    factors, numbers = columns
    if not numbers and prod(levels for _, levels in factors) <= most:
        return True
    different = len(np.unique(_hashed([codes for codes, _ in factors], numbers)))
    alike = some.n**2 / (2 * max(some.n - different, 1))  # for K far above m
    for _ in range(NEARER):
        alike = different / -expm1(-some.n / alike)
    return -alike * expm1(-design.n / alike) * SURE <= most


def _hashed(factors: list[AnyArray], numbers: list[AnyArray]) -> AnyArray:
    """A word for every row, (n,), the same for rows that are equal and, but for one pair in 2^64, for no others: enough
    for a guess."""
    words = np.zeros(len((factors or numbers)[0]), dtype=np.uint64)
    for column in (*factors, *map(_bits, numbers)):
        words = (words ^ column.astype(np.uint64, copy=False)) * MIXED
        words ^= words >> np.uint64(32)
    return words


def _bits(x: AnyArray) -> AnyArray:
    """Numbers as words; there is one zero, not two."""
    return np.add(x, 0.0, dtype=np.float64).view(np.uint64)


def _coded(factors: list[Factor], numbers: list[AnyArray], values: int, number: Number) -> list[Factor] | None:
    """The factors, and numbers of at most so many values as more of them; None where one has more."""
    for x in numbers:
        found = number(_bits(x), values)
        if found is None:
            return None
        factors = [*factors, (found[0], len(found[1]))]
    return factors


def _joint(factors: list[Factor], n: int, number: Number) -> Factor:
    """The cell of the table of all factors that each row lies in, (n,), and how many cells there are; where an int64
    does not number them all, those of some factors that have rows are numbered first."""
    counts = list(accumulate((levels for _, levels in factors), mul))
    some = sum(count <= MOST for count in counts)
    place = _place(factors[:some], n)
    if some == len(factors):
        return place, counts[-1] if counts else 1
    found = number(place, n)
    assert found is not None
    return _joint([(found[0], len(found[1])), *factors[some:]], n, number)


def _place(factors: list[Factor], n: int) -> AnyArray:
    """The cell that each row lies in, (n,), of a table that is no larger than MOST."""
    place = np.zeros(n, dtype=np.int64)

    def part(rows: slice) -> None:
        for codes, levels in factors:
            place[rows] *= levels
            place[rows] += codes[rows].astype(np.int64)  # by itself a cast is vectorised

    ordered_map(part, slices(n, AT_ONCE))
    return place


def _first(place: AnyArray, count: int) -> AnyArray:
    """The first row of every cell, -1 for none."""
    first = np.full(count, -1)
    first[place[::-1]] = np.arange(len(place) - 1, -1, -1)
    return first


def _verbs(compiled: bool) -> ModuleType:
    """The module that numbers words: compiled, or the NumPy definition."""
    if not compiled:
        return equal_definition
    from expfam.kernels import equal as twin  # brings Numba, so only where it pays

    return twin
