"""Which columns hold nothing but zeros and ones? An eighth of their numbers, and no more questions to ask of them."""

from typing import Any

import numpy as np

from expfam._typing import AnyArray
from expfam.data.few import blocks

LOOKED = 1 << 12
"""Rows that must be zeros and ones before the others are looked at; a column of fewer rows is left as it is."""


def bits(array: Any) -> AnyArray | None:
    """A compact Arrow array of numbers as bytes 0 and 1, (n,); None where it holds anything else, or few rows."""
    import pyarrow.types as is_

    if array.null_count or len(array) < LOOKED or not (is_.is_integer(array.type) or is_.is_floating(array.type)):
        return None
    x = np.from_dlpack(array)
    if not ((x[:LOOKED] == 0) | (x[:LOOKED] == 1)).all():
        return None
    if x.itemsize == 1:
        return x.view(np.uint8) if (x.view(np.uint8) <= 1).all() else None
    out = np.empty(len(x), dtype=bool)
    for rows in blocks(len(x)):
        ones = np.equal(x[rows], 1, out=out[rows])
        if not np.array_equal(ones, x[rows] != 0):
            return None
    return out.view(np.uint8)
