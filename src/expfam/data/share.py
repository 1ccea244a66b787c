"""Columns shared by the threads, where there are rows enough to pay for it: Arrow and NumPy let the others run."""

from collections.abc import Callable, Sequence
from typing import TypeVar

from expfam.parallel import ordered_map

T = TypeVar("T")
S = TypeVar("S")

SHARE_FROM = 200_000
"""Rows from which handing a column to another thread costs less than it saves. A chunk of a stream is shorter: there
another thread already reads the next."""


def each(part: Callable[[S], T], items: Sequence[S], rows: int) -> list[T]:
    """[part(items[0]), part(items[1]), ...] for items of so many rows; the first item that fails is the one told."""
    return ordered_map(part, items) if rows >= SHARE_FROM else [part(item) for item in items]
