"""Products of panels: the compiled loops that Gram matrices, R' rows and sums of columns are made of.

A panel is four columns of R = values - centre, row after row: panels[q, k, l] = R[k, 4 q + l], padded with zeros. A
few hundred rows of them stay in cache, and one panel is multiplied by up to three with every sum in a register.
"""

from typing import Any

from numba import njit

from expfam.kernels.block import eight, four, twelve
from expfam.kernels.elementary import WITHIN
from expfam.kernels.pointer import place, pointer
from expfam.kernels.vector import LANES, load, some, splat, store, turn

OPTIONS: dict[str, Any] = {"error_model": "numpy", "fastmath": {"reassoc", "contract", "arcp", "nsz"}}
inner = njit(**OPTIONS, **WITHIN)
written_out = njit(inline="always", **OPTIONS, **WITHIN)
"""For what calls much of what is here: compiled apart, all of it would be optimised here and again in the caller."""


@written_out
def times(left, i, right, j, width, n, out, at):  # type: ignore[no-untyped-def]
    """out[at] += left[i]' right[j : j + width], width at most 3, for panels of n rows, a multiple of four."""
    one, others = place(left, (i, 0, 0)), (place(right, (j, 0, 0)), LANES * right.shape[1])
    sums = place(out, at), out.shape[1]
    if width == 3:
        twelve(one, others, n, sums)
    elif width == 2:
        eight(one, others, n, sums)
    elif width == 1:
        four(one, others, n, sums)


@inner
def pack(values, centre, turned, panels):  # type: ignore[no-untyped-def]
    """panels[q, k, l] = values[k, 4 q + l] - centre[4 q + l]; returns how many rows, rows of zeros to a multiple of 4.

    `turned`: None where the numbers of a row stand one after the other in memory, a boolean where those of a column do.
    So a kernel is compiled for the one or the other, and Numba drops what it does not need.
    """
    n, m = values.shape
    whole, rest, less, end = m // LANES, m % LANES, pointer(centre), n + -n % LANES
    if turned is None:
        last = place(panels, (whole if rest else 0, 0, 0))
        for k in range(n):
            row = place(values, (k, 0))
            for q in range(whole):
                store(place(panels, (q, k, 0)), 0, load(row, 4 * q) - load(less, 4 * q))
            if rest:
                store(last, 4 * k, some(row, m - rest, rest) - some(less, m - rest, rest))
    else:
        for j in range(0, m, LANES):
            _turn(values, j, less, place(panels, (j // LANES, 0, 0)))
    for q in range(len(panels)):
        panel = place(panels, (q, 0, 0))
        for k in range(n, end):
            store(panel, 4 * k, splat(0.0))
    return end


@inner
def _column(values, centre, j):  # type: ignore[no-untyped-def]
    """Where column j begins, what is taken off it, and 1; past the last column that one, and 0."""
    last = values.shape[1] - 1
    at, there = (j, 1.0) if j <= last else (last, 0.0)
    return place(values, (0, at)), centre[at], there


@inner
def _turn(values, j, centre, panel):  # type: ignore[no-untyped-def]
    """Four columns from j on, each one after the other in memory, into a panel; past the last column zeros."""
    n, (a_, p, _), (b_, q, v) = len(values), _column(values, centre, j), _column(values, centre, j + 1)
    (c_, r, w), (d_, s, x) = _column(values, centre, j + 2), _column(values, centre, j + 3)
    for k in range(0, n - 3, LANES):
        a, b = load(a_, k) - splat(p), (load(b_, k) - splat(q)) * splat(v)
        c, d = (load(c_, k) - splat(r)) * splat(w), (load(d_, k) - splat(s)) * splat(x)
        a, b, c, d = turn(a, b, c, d)
        store(panel, 4 * k, a)
        store(panel, 4 * k + 4, b)
        store(panel, 4 * k + 8, c)
        store(panel, 4 * k + 12, d)
    for k in range(n - n % LANES, n):
        panel[4 * k], panel[4 * k + 1] = a_[k] - p, (b_[k] - q) * v
        panel[4 * k + 2], panel[4 * k + 3] = (c_[k] - r) * w, (d_[k] - s) * x


@inner
def _scale(panel, weights, scaled, sums, n):  # type: ignore[no-untyped-def]
    """scaled = weights panel, and its column sums are added to sums."""
    even = odd = splat(0.0)
    for k in range(0, n - 1, 2):
        w, x = splat(weights[k]) * load(panel, 4 * k), splat(weights[k + 1]) * load(panel, 4 * k + 4)
        even, odd = even + w, odd + x
        store(scaled, 4 * k, w)
        store(scaled, 4 * k + 4, x)
    if n % 2:
        w = splat(weights[n - 1]) * load(panel, 4 * n - 4)
        even += w
        store(scaled, 4 * n - 4, w)
    for k in range(n, n + -n % LANES):
        store(scaled, 4 * k, splat(0.0))
    store(sums, 0, load(sums, 0) + (even + odd))


@inner
def group(g, count):  # type: ignore[no-untyped-def]
    """(first, how many) of group g of `count` > 1 panels: twos, then threes, lest one be alone; (0, 0) past the end."""
    pairs = (3 - count % 3) % 3
    if g < pairs:
        return 2 * g, 2
    first = 3 * g - pairs
    return (first, 3) if first < count else (0, 0)


@written_out
def weighted(panels, weights, scaled, out, sums):  # type: ignore[no-untyped-def]
    """out += panels' diag(weights) panels on and above the diagonal, sums += panels' weights."""
    n, count = len(weights), len(panels)
    for g in range(count):
        j, width = group(g, count)
        for q in range(width):
            panel, one = place(panels, (j + q, 0, 0)), place(scaled, (q, 0, 0))
            _scale(panel, pointer(weights), one, place(sums, 4 * (j + q)), n)
        for i in range(j + width):
            first = i - j if i > j else 0  # max() would be compiled apart
            times(panels, i, scaled, first, width - first, n + -n % LANES, out, (4 * i, 4 * (j + first)))
