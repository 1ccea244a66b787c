"""A table of values at every row, compiled: in one read of the rows, where NumPy writes and reads their places between.

Numbers are moved as they lie: one kernel for every size of a row's number and of a value, whatever they mean. Imported
on first need, for it brings Numba.
"""

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
from numba import from_dtype, njit, types

from expfam._typing import AnyArray
from expfam.kernels.compiling import ALONE, compiling
from expfam.kernels.pointer import pointer

SIZES = 1, 2, 4, 8  # bytes of what is moved


def _look_up(x, lowest, mask, table, out):  # type: ignore[no-untyped-def]
    """out = table[x - lowest], x - lowest a number of as many bits as x has."""
    values = pointer(table)
    for i in range(len(x)):
        out[i] = values[(x[i] - lowest) & mask]


def look_up(x: AnyArray, lowest: int, table: AnyArray, out: AnyArray) -> None:
    """out = table[x - lowest] for whole numbers x (n,), all within the table; these, table and out side by side."""
    size, width = x.itemsize, table.itemsize
    mask = 2 ** (8 * size) - 1
    kernel(size, width)(
        x.view(f"u{size}"), np.uint64(lowest & mask), np.uint64(mask), table.view(f"u{width}"), out.view(f"u{width}")
    )


@cache
def kernel(size: int, width: int) -> Callable[..., None]:
    """The loop for whole numbers and values of so many bytes."""

    def array(size: int, readonly: bool) -> Any:
        return types.Array(from_dtype(np.dtype(f"u{size}")), 1, "C", readonly=readonly)

    arguments = array(size, True), types.uint64, types.uint64, array(width, True), array(width, False)
    with compiling():
        compiled: Callable[..., None] = njit(types.void(*arguments), **ALONE)(_look_up)
    return compiled
