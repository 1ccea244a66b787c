"""The verbs of slots compiled: what `kernels.definition` means, with the same arguments and results.

For one vector they take the steps of `kernels.slots`, as a sweep does, all rows at once; the loops here are for many,
and for what no sweep needs. In them numbers of rows and cells are unsigned: a signed one would be checked for counting
from the end, at a third of the time. NaN and infinities must be seen, so of fast-math only what keeps them is allowed.
Imported on first need, for it brings Numba.
"""

from collections.abc import Sequence

import numpy as np
from numba import njit, uint8, uint64

from expfam._typing import AnyArray, FloatArray
from expfam.kernels.compiling import ALONE
from expfam.kernels.definition import Deal
from expfam.kernels.plan import by_level, crossed, in_lines, slots, start_of, through
from expfam.kernels.vector import LANES, load, splat, store

AT_ONCE = 256  # rows of columns that stay in cache while several weights go by
TWO_TABLES = 4096  # levels up to which rows go by turns to two tables, lest a common one wait for its last addition

_compile = njit(fastmath={"reassoc", "contract", "arcp", "nsz"}, **ALONE)


@_compile
def _count(codes, out):  # type: ignore[no-untyped-def]
    for i in range(len(codes)):
        out[uint64(codes[i])] += 1


@_compile
def _pick_pairs(one, other, width, table, out):  # type: ignore[no-untyped-def]
    for i in range(len(out)):
        out[i] = table[uint64(one[i]) * uint64(width) + uint64(other[i])]


@_compile
def _pick_many(codes, values, starts, table, d, out):  # type: ignore[no-untyped-def]
    """Four columns at a time; lanes past the last one add zeros to the next row, and the last rows go singly."""
    k, n = codes.shape
    plain = k - len(values)
    body = n - LANES if n > LANES else 0
    for i in range(body):
        for j in range(0, d, LANES):
            total = load(out, i * d + j)
            for a in range(plain):
                total += load(table, (uint64(starts[a]) + uint64(codes[a, uint64(i)]), j))
            for a in range(plain, k):
                part = load(table, (uint64(starts[a]) + uint64(codes[a, uint64(i)]), j))
                total += part * splat(values[a - plain, i])
            store(out, i * d + j, total)
    for i in range(body, n):
        for j in range(d):
            for a in range(k):
                times = 1.0 if a < plain else values[a - plain, i]
                out[i * d + j] += table[uint64(starts[a]) + uint64(codes[a, uint64(i)]), j] * times


@_compile
def _cross(codes, weights, columns, table):  # type: ignore[no-untyped-def]
    """Four columns at a time, for some rows that stay in cache while the columns go by.

    Lanes past the last column gather rubbish of the next row, and the last rows go singly.
    """
    n, m = columns.shape
    body = n - LANES if n > LANES else 0  # max() and min() would be compiled apart
    for lo in range(0, body, AT_ONCE):
        hi = lo + AT_ONCE if lo + AT_ONCE < body else body
        for j in range(0, m, LANES):
            for i in range(lo, hi):
                z = uint64(codes[i])
                store(table, (z, j), load(table, (z, j)) + splat(weights[i]) * load(columns, (i, j)))
    for i in range(body, n):
        for j in range(m):
            table[uint64(codes[i]), j] += weights[i] * columns[i, j]


@_compile
def _crosses(codes, weights, columns, table):  # type: ignore[no-untyped-def]
    """The same for weights in threes, apart, for it takes long to compile: columns are read once for three."""
    (n, m), k = columns.shape, len(weights)
    body = n - LANES if n > LANES else 0
    for lo in range(0, body, AT_ONCE):
        hi = lo + AT_ONCE if lo + AT_ONCE < body else body
        for a in range(0, k, 3):
            for i in range(lo, hi):
                z, u, v, w = uint64(codes[i]), splat(weights[a, i]), splat(weights[a + 1, i]), splat(weights[a + 2, i])
                for j in range(0, m, LANES):
                    x = load(columns, (i, j))
                    store(table, (a, z, j), load(table, (a, z, j)) + u * x)
                    store(table, (a + 1, z, j), load(table, (a + 1, z, j)) + v * x)
                    store(table, (a + 2, z, j), load(table, (a + 2, z, j)) + w * x)
    for i in range(body, n):
        for a in range(k):
            for j in range(m):
                table[a, uint64(codes[i]), j] += weights[a, i] * columns[i, j]


@_compile
def _mark_row(values, i, columns, deal, codes, bad):  # type: ignore[no-untyped-def]
    """Some columns of one row, one after the other."""
    (slots, levels), (odd, met) = deal, bad
    for j in range(columns[0], columns[1]):
        v = values[i, j]
        if v != 0:
            before = codes[slots[j], i]
            if v != 1:
                odd[j] = True
            elif before:
                met[j, before] = True
            codes[slots[j], i] = levels[j]


@_compile
def _mark(values, runs, numbers, deal, codes, bad, left, out):  # type: ignore[no-untyped-def]
    """Row by row, what is left copied while it is near. Of neighbours of one slot the sum of numbers, that of levels
    and whether all are zero or one is known without a branch, which would be foreseen for few of them."""
    for i in range(len(values)):
        for r in range(len(runs)):
            lo, hi, slot = runs[r, 0], runs[r, 1], runs[r, 2]
            row, level, count, code, wrong = values[i, lo:hi], numbers[lo:hi], 0.0, 0.0, 0.0
            for j in range(hi - lo):
                v = row[j]
                count += v
                code += v * level[j]
                wrong += abs(v * v - v)
            if wrong == 0.0 and count == 1.0 and codes[slot, i] == 0:
                codes[slot, i] = np.uint8(code)
            elif wrong != 0.0 or count != 0.0:  # or no number
                _mark_row(values, i, (lo, hi), deal, codes, bad)
        for k in range(len(left)):
            out[i, k] = values[i, left[k]]


@_compile
def _mark_column(values, level, codes):  # type: ignore[no-untyped-def]
    """One column, whose numbers stand one after the other; how many rows were marked before some that forbid it."""
    n = len(values)
    for lo in range(0, n, AT_ONCE):
        some, marked, bad = values[lo : lo + AT_ONCE], codes[lo : lo + AT_ONCE], uint8(0)
        for i in range(len(some)):  # in bytes, for a comparison of many at once
            one = uint8(some[i] == 1)
            bad |= (uint8(some[i] != 0) ^ one) | (one & uint8(marked[i] != 0))
        if bad:
            return lo
        for i in range(len(some)):
            marked[i] |= level * uint8(some[i] == 1)
    return n


def pick(
    codes: AnyArray, values: FloatArray, tables: Sequence[FloatArray], out: FloatArray | None = None
) -> FloatArray:
    """The sum over slots of diag(values) J table, (n,) or (n, d), for tables (levels,) or (levels, d).

    It is added to `out` if there is one, whose rows follow one another.
    """
    n = codes.shape[1]
    out = np.zeros((n, *tables[0].shape[1:])) if out is None else out
    if tables[0].ndim == 2:
        d, starts = tables[0].shape[1], np.cumsum([0, *map(len, tables)])
        wide = np.zeros((starts[-1], d + -d % LANES))
        wide[:, :d] = np.concatenate(tables)
        _pick_many(codes, values, starts, wide, d, out.reshape(-1))
        return out
    codes, values, table = in_lines(codes), in_lines(values), np.concatenate(tables, dtype=np.float64)
    through(slots(codes, values, tuple(map(len, tables))).picks(start_of(table), start_of(out)), n)
    return out


def pick_pairs(one: AnyArray, other: AnyArray, table: FloatArray) -> FloatArray:
    """table[one, other], (n,), for two slots and a table (levels, levels)."""
    out = np.empty(len(one))
    _pick_pairs(one, other, table.shape[1], np.ascontiguousarray(table).reshape(-1), out)
    return out


def sums(codes: AnyArray, vector: FloatArray, levels: int) -> FloatArray:
    """J' vector, (levels,)."""
    codes, vector = in_lines(codes[None]), np.ascontiguousarray(vector, dtype=np.float64)
    out = np.zeros((2 if levels <= TWO_TABLES else 1, levels))
    gap = levels * (len(out) - 1)
    through([by_level(codes.dtype, start_of(codes), start_of(vector), start_of(out), gap)], len(vector))
    return np.asarray(out.sum(axis=0))


def count(codes: AnyArray, levels: int) -> AnyArray:
    """How often each level is met, (levels,), whole numbers."""
    out = np.zeros(levels, dtype=np.int32)
    _count(codes, out)
    return out


def crosses(codes: AnyArray, weights: FloatArray, columns: FloatArray, levels: int) -> FloatArray:
    """J' diag(w) columns for every w of weights (k, n), (k, levels, m) for columns (n, m)."""
    k, m = len(weights), columns.shape[1]
    out, threes = np.zeros((k, levels, m + -m % LANES)), k - k % 3
    weights, columns = np.ascontiguousarray(weights), np.ascontiguousarray(columns)
    if threes:
        _crosses(codes, weights[:threes], columns, out[:threes])
    for w, table in zip(weights[threes:], out[threes:], strict=True):
        _cross(codes, w, columns, table)
    return out[:, :, :m]


def tables(
    one: AnyArray, others: Sequence[AnyArray], weights: FloatArray, levels: int, widths: Sequence[int]
) -> list[FloatArray]:
    """J' diag(weights) K, (levels, width), for the J of one slot and the K of each other: two-way tables."""
    out, weights = [np.zeros((levels, width)) for width in widths], np.ascontiguousarray(weights, dtype=np.float64)
    one, *rest = (in_lines(codes[None]) for codes in (one, *others))
    places = [(start_of(table), start_of(codes), width) for table, codes, width in zip(out, rest, widths, strict=True)]
    through(crossed(one.dtype, start_of(one), start_of(weights), places), len(weights))
    return out


def mark(
    values: AnyArray, deal: Deal, codes: AnyArray, odd: AnyArray, met: AnyArray, left: AnyArray, out: AnyArray
) -> None:
    """codes[slots[j], i] = levels[j] where values[i, j] is 1, and what forbids that: `definition.mark`."""
    (slots, levels), done = deal, 0
    if values.shape[1] == 1 and values.flags.c_contiguous and slots[0] >= 0:
        done = _mark_column(values[:, 0], levels[0], codes[slots[0]])
    if done < len(values) and (slots >= 0).any():
        runs, numbers = _runs(slots), levels.astype(np.float64)
        _mark(values[done:], runs, numbers, deal, codes[:, done:], (odd, met), left, out[done:])


def _runs(slots: AnyArray) -> AnyArray:
    """Neighbours of one slot, from 0 on: (first, end, slot), (k, 3)."""
    edges = np.flatnonzero(np.diff(slots, prepend=-2, append=-2))
    found = np.column_stack([edges[:-1], edges[1:], slots[edges[:-1]]])
    return np.ascontiguousarray(found[found[:, 2] >= 0])
