"""Which few whole numbers does a column hold, and where? A function of them is worked out once a value."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from expfam._typing import AnyArray
from expfam.data.column import occurring
from expfam.kernels.ready import loaded

ROWS_A_VALUE = 8
"""A table of values pays where it is so many times shorter than the column."""

LARGEST = 2**53
"""Whole numbers below are floats of their own."""

AT_ONCE = 1 << 20
"""Rows worked on at a time, so that what is worked out on the way is small beside the data. Fewer would stay in cache,
and cost more than that saves: threads hand the interpreter over at every call."""

TABLED = 1 << 17
"""Rows from which a compiled look-up in a table costs less than the logarithm, say, of every row."""


def blocks(n: int) -> Iterator[slice]:
    """The rows 0, ..., n - 1, so many at a time."""
    return (slice(lo, lo + AT_ONCE) for lo in range(0, n, AT_ONCE))


@dataclass(frozen=True, slots=True, eq=False)
class Few:
    """A column x (n,) of whole numbers in a narrow range, and the distinct `values` (k,) it may hold, increasing."""

    x: AnyArray
    values: AnyArray

    def spread(self, found: AnyArray) -> AnyArray:
        """What was found for each value (k, ...), at every row (n, ...)."""
        lowest = self.values[0]
        table = np.zeros((self.values[-1] - lowest + 1, *found.shape[1:]), found.dtype)
        table[self.values - lowest] = found
        out = np.empty((self.x.size, *found.shape[1:]), found.dtype)
        if found.ndim == 1 and loaded() and self.x.flags.c_contiguous:
            from expfam.kernels.lookup import look_up  # brings Numba, so only where it is there already

            look_up(self.x, int(lowest), table, out)
            return out
        for rows in blocks(self.x.size):
            steps = np.subtract(self.x[rows], lowest, dtype=np.intp)
            np.take(table, steps, axis=0, out=out[rows], mode="clip")  # none is clipped: this mode skips a check
        return out


def few(array: Any, occur: bool) -> Few | None:
    """The Few of a compact Arrow array; None unless it holds whole numbers in a range short beside its length.

    With `occur` its values are those that occur, else all of the range.
    """
    import pyarrow.types as is_

    if not is_.is_integer(array.type) or array.null_count:
        return None
    x = np.from_dlpack(array)
    lowest, highest = int(x.min()), int(x.max())
    if max(-lowest, highest) >= LARGEST or (highest - lowest + 1) * ROWS_A_VALUE > x.size:
        return None
    values = np.arange(lowest, highest + 1)
    return Few(x, values[occurring(x, values.size, lowest)] if occur else values)
