"""Which columns hold nothing but zeros and ones? An eighth of their numbers, and no more questions to ask of them."""

import numpy as np

from expfam._typing import AnyArray
from expfam.data.few import blocks

LOOKED = 1 << 12
"""Rows that must be zeros and ones before the others are looked at; a column of fewer rows is left as it is."""


def bits(x: AnyArray) -> AnyArray | None:
    """Numbers (n,) as bytes 0 and 1, a view where they are bytes; None where there are others, or few rows."""
    first = x[:LOOKED]
    if len(first) < LOOKED or not ((first == 0) | (first == 1)).all():
        return None
    if x.itemsize == 1:
        whole = x.view(np.uint8)
        return whole if (whole <= 1).all() else None
    out = np.empty(len(x), dtype=bool)
    for rows in blocks(len(x)):
        ones = np.equal(x[rows], 1, out=out[rows])
        if not np.array_equal(ones, x[rows] != 0):
            return None
    return out.view(np.uint8)
