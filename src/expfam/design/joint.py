"""Which factors share a slot, and the joint codes of each slot: many small factors become few larger ones."""

from itertools import combinations
from math import prod
from typing import TypeAlias

import numpy as np

from expfam._typing import AnyArray
from expfam.design.coded import Coded, Slot
from expfam.design.columns import Columns
from expfam.parallel import ordered_map, slices

CELLS = 16_384
"""The two-way tables of all slots have at most so many cells: they stay in cache and cost little to add up."""
LEVELS = 256  # joint levels of a slot, for the same reason
ROWS_AT_ONCE = 1 << 18  # codes are joined while they are in cache

Terms: TypeAlias = tuple[Columns, ...]
"""Terms stored as one code a row: several factors, or one factor and the numbers that multiply it."""


def joined(terms: tuple[Columns, ...]) -> tuple[Terms, ...]:
    """Factors dealt to as few slots as their tables allow, the largest first, each to the smallest slot.

    Tables that are large anyway may double. Terms with a multiplier stay alone, at the end.
    """
    factors = sorted((t for t in terms if t.values is None), key=lambda t: -t.levels)
    allowed = max(CELLS, 2 * _cells([(t,) for t in factors]))
    deals = (_dealt(factors, k) for k in range(min(len(factors), 1), len(factors) + 1))
    small = lambda slot: len(slot) == 1 or _levels(slot) <= LEVELS  # noqa: E731  one line, used in the next
    slots = next(slots for slots in deals if _cells(slots) <= allowed and all(map(small, slots)))
    return (*slots, *((t,) for t in terms if t.values is not None))


def _dealt(factors: list[Columns], k: int) -> list[Terms]:
    slots: list[Terms] = [()] * k
    for factor in factors:
        place = min(range(k), key=lambda a: (_levels(slots[a]), len(slots[a])))
        slots[place] += (factor,)
    return slots


def _levels(slot: Terms) -> int:
    return prod(t.levels for t in slot)


def _cells(slots: list[Terms]) -> int:
    """How many cells the two-way tables of all slots have."""
    return sum(a * b for a, b in combinations(map(_levels, slots), 2))


def lay_out(terms: tuple[Terms, ...], n: int, compiled: bool) -> Coded:
    """The group of terms dealt to slots; a term has a slot for each column of numbers that multiply it."""
    spread = [(slot, column) for slot in terms for column in ([None] if slot[0].values is None else slot[0].values.T)]
    slots = slots_of([tuple(t.levels for t in slot) for slot, _ in spread])
    times = [column for _, column in spread if column is not None]
    codes = np.empty((len(slots), n), dtype=np.min_scalar_type(max(slot.levels for slot in slots) - 1))
    values = np.empty((len(times), n))

    def part(rows: slice) -> None:
        for (slot, _), out in zip(spread, codes[:, rows], strict=True):
            _join(slot, rows, out)
        for column, out in zip(times, values[:, rows], strict=True):
            out[:] = column[rows]

    ordered_map(part, slices(n, ROWS_AT_ONCE))
    assert not n or all(row.max() < slot.levels for row, slot in zip(codes, slots, strict=True)), "kernels trust codes"
    return Coded(codes, values, slots, compiled)


def _join(slot: Terms, rows: slice, out: AnyArray) -> None:
    """The joint level of some rows, the last factor varying fastest."""
    for place, term in enumerate(slot):
        assert term.codes is not None
        codes = term.codes[rows]
        codes = codes.view(f"u{codes.itemsize}")  # none is negative, and of two such kinds NumPy's sum is no wider
        if place == 0:
            out[:] = codes
        else:
            out *= term.levels
            np.add(out, codes, out=out, casting="unsafe")


def slots_of(levels: list[tuple[int, ...]]) -> tuple[Slot, ...]:
    """The slots of factors with so many levels, those in one tuple joined, the last varying fastest."""
    slots, start = [], 0
    for sizes in levels:
        joint = None
        if len(sizes) > 1:
            places = np.unravel_index(np.arange(prod(sizes)), sizes)
            joint = np.hstack([np.eye(size)[place] for size, place in zip(sizes, places, strict=True)])
        slots.append(Slot(prod(sizes), slice(start, start + sum(sizes)), joint))
        start += sum(sizes)
    return tuple(slots)
