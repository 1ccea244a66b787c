"""Which text is a number, and what keeps a column of text from being one?"""

from collections.abc import Iterable, Sequence
from math import isfinite

MOSTLY = 0.9
"""The share of numbers from which a column of text was meant to hold numbers."""

LOOKED = 1000
"""Labels that tell what a column holds."""


def is_numeral(cell: str) -> bool:
    """Is it a number as Python writes one, 1.5 or 2e-3?"""
    try:
        float(cell)
    except ValueError:
        return False
    return True


def share(cells: Iterable[str | None]) -> float:
    """The share of numbers among the cells that are not missing."""
    there = [cell for cell in cells if cell is not None]
    return sum(map(is_numeral, there)) / max(len(there), 1)


def strangers(labels: Sequence[str]) -> tuple[int, ...]:
    """Which of distinct labels are no finite numbers, where nearly all read as numbers, their commas left out: in text
    that was meant to be numbers. () elsewhere."""
    some = labels[:: max(len(labels) // LOOKED, 1)]
    if share(label.replace(",", "") for label in some) < MOSTLY:
        return ()
    return tuple(k for k, label in enumerate(labels) if not (is_numeral(label) and isfinite(float(label))))


def foremost(labels: Sequence[str]) -> str:
    """The label to show of a column of text where numbers are needed: what is no number, if most are."""
    return labels[next(iter(strangers(labels)), 0)]
