"""The verbs of one or two slots of codes, in NumPy: the meaning of `kernels.compiled`, and what small data runs on.

A slot gives every row i a level codes[i], unsigned; its matrix is J, J[i, codes[i]] = 1.
"""

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np

from expfam._typing import AnyArray, FloatArray

Deal: TypeAlias = tuple[AnyArray, AnyArray]
"""The slot and the level that each column stands for, slot -1 for none, (m,) each."""


def pick(
    codes: AnyArray, values: FloatArray, tables: Sequence[FloatArray], out: FloatArray | None = None
) -> FloatArray:
    """The sum over slots of diag(values) J table, (n,) or (n, d), for tables (levels,) or (levels, d).

    codes (k, n); values (v, n) multiply the last v slots; added to `out` if there is one.
    """
    plain, total = len(codes) - len(values), np.zeros((codes.shape[1], *tables[0].shape[1:]))
    for slot, (row, table) in enumerate(zip(codes, tables, strict=True)):
        part = table[row]
        total += part if slot < plain else (part.T * values[slot - plain]).T
    return total if out is None else np.add(out, total, out=out)


def pick_pairs(one: AnyArray, other: AnyArray, table: FloatArray) -> FloatArray:
    """table[one, other], (n,), for two slots and a table (levels, levels)."""
    return np.asarray(table[one, other])


def sums(codes: AnyArray, vector: FloatArray, levels: int) -> FloatArray:
    """J' vector, (levels,)."""
    return np.asarray(np.bincount(codes, vector, levels), dtype=np.float64)


def count(codes: AnyArray, levels: int) -> AnyArray:
    """How often each level is met, (levels,), whole numbers."""
    return np.bincount(codes, minlength=levels)


def crosses(codes: AnyArray, weights: FloatArray, columns: FloatArray, levels: int) -> FloatArray:
    """J' diag(w) columns for every w of weights (k, n), (k, levels, m) for columns (n, m)."""
    return np.stack([np.stack([sums(codes, w * column, levels) for column in columns.T], axis=1) for w in weights])


def tables(
    one: AnyArray, others: Sequence[AnyArray], weights: FloatArray, levels: int, widths: Sequence[int]
) -> list[FloatArray]:
    """J' diag(weights) K, (levels, width), for the J of one slot and the K of each other: two-way tables."""
    first = one.astype(np.intp)
    return [
        sums(first * width + other, weights, levels * width).reshape(levels, width)
        for other, width in zip(others, widths, strict=True)
    ]


def mark(
    values: AnyArray, deal: Deal, codes: AnyArray, odd: AnyArray, met: AnyArray, left: AnyArray, out: AnyArray
) -> None:
    """codes[slots[j], i] = levels[j] where values[i, j] is 1, for slots from 0 on, and out = values[:, left]; codes
    (k, n) come as zeros, `deal` is the slot and the level of every column.

    odd[j] tells that a column holds other numbers than 0 and 1; met[j, l] that it is 1 where level l of its slot is.
    """
    slots, levels = deal
    out[:] = values[:, left]
    for i, j in np.argwhere((values != 0) & (slots >= 0)):
        before = codes[slots[j], i]
        if values[i, j] != 1:
            odd[j] = True
        elif before:
            met[j, before] = True
        codes[slots[j], i] = levels[j]
