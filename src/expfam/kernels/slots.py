"""What a tile of rows does with codes, as steps: a row of whole numbers says which kernel, on what, in which memory.

So a sweep is compiled once for any slots, takes all their steps without the interpreter, and compiles of the kernels
what its design has. A step is [kernel, codes, ...]: addresses, and the numbers that its kernel names. Codes, numbers
that multiply and the weights of rows stand for all rows of a block; the rest for those of the tile alone, lo to hi.

Sums go by turns to two tables, `gap` numbers apart, lest a common level wait for its last addition. A pointer is not
checked for counting from the end, as an array is, at a third of the time. Imported on first need, for it brings Numba.
"""

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
from numba import from_dtype, njit, types

from expfam._typing import AnyArray
from expfam.kernels.compiling import ALONE, compiling
from expfam.kernels.elementary import WITHIN
from expfam.kernels.panels import OPTIONS, inner
from expfam.kernels.pointer import address, doubles, like, place, run
from expfam.kernels.vector import LANES, apart, load, splat, store, total, turn

WIDTH = 9  # numbers of a step


def pick(codes, step, lo, hi):  # type: ignore[no-untyped-def]
    """eta += table[codes]: step is table, eta."""
    table, eta = doubles(step[0]), doubles(step[1])
    for i in range(hi - lo):
        eta[i] += table[codes[lo + i]]


def pick_three(codes, step, lo, hi):  # type: ignore[no-untyped-def]
    """Three slots at once: step is three tables, eta, and the codes of the second and third."""
    a, b, c, eta = doubles(step[0]), doubles(step[1]), doubles(step[2]), doubles(step[3])
    second, third = like(codes, step[4]), like(codes, step[5])
    for i in range(lo, hi):
        eta[i - lo] += (a[codes[i]] + b[second[i]]) + c[third[i]]


def pick_times(codes, step, lo, hi):  # type: ignore[no-untyped-def]
    """eta += values * table[codes]: step is table, eta, values."""
    table, eta, values = doubles(step[0]), doubles(step[1]), doubles(step[2])
    for i in range(hi - lo):
        eta[i] += values[lo + i] * table[codes[lo + i]]


def times(codes, step, lo, hi):  # type: ignore[no-untyped-def]
    """out = values * vector: step is vector, out, values."""
    vector, out, values = doubles(step[0]), doubles(step[1]), doubles(step[2])
    for i in range(hi - lo):
        out[i] = values[lo + i] * vector[i]


def sums(codes, step, lo, hi):  # type: ignore[no-untyped-def]
    """J' vector: step is vector, table, gap."""
    vector, table, gap, n = doubles(step[0]), doubles(step[1]), step[2], hi - lo
    for i in range(0, n - 1, 2):
        table[codes[lo + i]] += vector[i]
        table[codes[lo + i + 1] + gap] += vector[i + 1]
    if n % 2:
        table[codes[hi - 1]] += vector[n - 1]


def sums_three(codes, step, lo, hi):  # type: ignore[no-untyped-def]
    """Three slots at once: step is vector, three tables, the codes of the second and third, gap."""
    vector, a, b, c = doubles(step[0]), doubles(step[1]), doubles(step[2]), doubles(step[3])
    second, third, gap, n = like(codes, step[4]), like(codes, step[5]), step[6], hi - lo
    for i in range(0, n - 1, 2):
        k, v, w = lo + i, vector[i], vector[i + 1]
        a[codes[k]] += v
        b[second[k]] += v
        c[third[k]] += v
        a[codes[k + 1] + gap] += w
        b[second[k + 1] + gap] += w
        c[third[k + 1] + gap] += w
    if n % 2:
        k, v = hi - 1, vector[n - 1]
        a[codes[k]] += v
        b[second[k]] += v
        c[third[k]] += v


def table(codes, step, lo, hi):  # type: ignore[no-untyped-def]
    """J' diag(vector) K: step is vector, the table, the codes of K and its levels."""
    vector, out, other, width = doubles(step[0]), doubles(step[1]), like(codes, step[2]), step[3]
    for i in range(hi - lo):
        out[codes[lo + i] * width + other[lo + i]] += vector[i]


def table_two(codes, step, lo, hi):  # type: ignore[no-untyped-def]
    """Two of these at once: step is vector, a table, the codes of its K and its levels, and the same again."""
    vector, n = doubles(step[0]), hi - lo
    out, other, width = doubles(step[1]), like(codes, step[2]), step[3]
    also, third, wide = doubles(step[4]), like(codes, step[5]), step[6]
    for i in range(n):
        code, w = codes[lo + i], vector[i]
        out[code * width + other[lo + i]] += w
        also[code * wide + third[lo + i]] += w


def cross(codes, step, lo, hi):  # type: ignore[no-untyped-def]
    """J' diag(vector) R, four columns at a time: step is vector, panels, table, gap, how many panels, their rows."""
    vector, panels, table, gap = doubles(step[0]), doubles(step[1]), doubles(step[2]), step[3]
    n, width = hi - lo, LANES * step[4]
    for q in range(step[4]):
        first, even, odd = LANES * q * step[5], LANES * q, LANES * q + gap
        for i in range(0, n - 1, 2):
            a, b, x = codes[lo + i] * width + even, codes[lo + i + 1] * width + odd, first + LANES * i
            store(table, a, load(table, a) + splat(vector[i]) * load(panels, x))
            store(table, b, load(table, b) + splat(vector[i + 1]) * load(panels, x + LANES))
        if n % 2:
            a = codes[hi - 1] * width + even
            store(table, a, load(table, a) + splat(vector[n - 1]) * load(panels, first + LANES * (n - 1)))


def summed(codes, step, lo, hi):  # type: ignore[no-untyped-def]
    """The sum of a vector: step is vector, where it is added."""
    vector, out, found = doubles(step[0]), doubles(step[1]), 0.0
    for i in range(hi - lo):
        found += vector[i]
    out[0] += found


def square(numbers, step, lo, hi):  # type: ignore[no-untyped-def]
    """out = vector * vector: step is vector, out."""
    vector, out = doubles(step[0]), doubles(step[1])
    for i in range(hi - lo):
        out[i] = vector[i] * vector[i]


def pearson(numbers, step, lo, hi):  # type: ignore[no-untyped-def]
    """The sum of score^2 / weight where weights are not 0: step is score, weight, where it is added."""
    score, weight, out, found = doubles(step[0]), doubles(step[1]), doubles(step[2]), 0.0
    for i in range(hi - lo):
        heavy = weight[i] > 0.0
        found += score[i] * score[i] / weight[i] if heavy else 0.0
    out[0] += found


def few(values, step, lo, hi):  # type: ignore[no-untyped-def]
    """R' diag(vector) R and R' vector of one column or two, which are put into a panel: step is vector, panel, centre,
    products and sums after them, how many columns, and how far from each other rows and columns are."""
    vector, panel, centre, out, n = doubles(step[0]), doubles(step[1]), doubles(step[2]), doubles(step[3]), hi - lo
    row, last, none = step[5], (step[4] - 1) * step[6], splat(0.0)
    a, b, two = splat(centre[0]), splat(centre[step[4] - 1]), splat(step[4] - 1.0)  # of one column the other is zero
    x = y = xx = xy = yy = none
    for i in range(0, n - n % LANES, LANES):
        w, at = load(vector, i), (lo + i) * row
        first, second = apart(values, at, row) - a, (apart(values, at + last, row) - b) * two
        wx, wy = w * first, w * second
        x, y, xx, xy, yy = x + wx, y + wy, xx + wx * first, xy + wx * second, yy + wy * second
        p, q, r, s = turn(first, second, none, none)
        store(panel, LANES * i, p)
        store(panel, LANES * (i + 1), q)
        store(panel, LANES * (i + 2), r)
        store(panel, LANES * (i + 3), s)
    _add(out, (total(x), total(y), total(xx), total(xy), total(yy)))
    for i in range(n - n % LANES, n):
        w, at = vector[i], (lo + i) * row
        u, v = values[at] - centre[0], (values[at + last] - centre[step[4] - 1]) * (step[4] - 1.0)
        panel[LANES * i], panel[LANES * i + 1] = u, v
        _add(out, (w * u, w * v, w * u * u, w * u * v, w * v * v))


@inner
def _add(out, found):  # type: ignore[no-untyped-def]
    """The sums of x and y, and of their products, to the products and sums that `few` finds."""
    x, y, xx, xy, yy = found
    out[0] += xx
    out[1] += xy
    out[LANES] += xy
    out[LANES + 1] += yy
    out[LANES * LANES] += x
    out[LANES * LANES + 1] += y


@inner
def chain(steps, lo, hi):  # type: ignore[no-untyped-def]
    """Take all steps (k, WIDTH) on the rows lo to hi of a block."""
    for k in range(len(steps)):
        run(steps[k, 0], (like(place(steps, (k, 0)), steps[k, 1]), place(steps, (k, 2)), lo, hi))


OF_CODES = pick, pick_three, pick_times, sums, sums_three, table, table_two, cross, times
"""What is compiled for every type of codes; the others are for numbers."""
OF_NUMBERS = summed, square, pearson, times, few


def _whole(steps, n):  # type: ignore[no-untyped-def]
    chain(steps, 0, n)


@cache
def whole() -> Callable[[AnyArray, int], None]:
    """All steps on all rows, one after the other: for whoever has no tiles."""
    make: Any = types
    with compiling():
        compiled: Callable[[AnyArray, int], None]
        compiled = njit(make.void(make.Array(make.int64, 2, "C", readonly=True), make.intp), **ALONE)(_whole)
    return compiled


@cache
def kernel(function: Callable[..., None], kind: np.dtype[Any]) -> int:
    """The address of a kernel for codes, or numbers, of a type."""
    make: Any = types
    arguments = make.CPointer(from_dtype(kind)), make.CPointer(make.int64), make.intp, make.intp
    with compiling():
        return address(njit(make.void(*arguments), cache=True, **WITHIN, **OPTIONS)(function))  # which keeps it alive
