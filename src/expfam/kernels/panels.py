"""Products of panels: the compiled loops that Gram matrices, R' rows and sums of columns are made of.

A panel is four columns of R = values - centre, row after row: panels[q, k, l] = R[k, 4 q + l], padded with zeros. A
few hundred rows of them stay in cache, and one panel is multiplied by up to three with every sum in a register.
"""

from typing import Any

from numba import njit

from expfam.kernels.block import eight, four, twelve
from expfam.kernels.elementary import WITHIN
from expfam.kernels.pointer import place
from expfam.kernels.vector import LANES, load, some, splat, store, turn

OPTIONS: dict[str, Any] = {"error_model": "numpy", "fastmath": {"reassoc", "contract", "arcp", "nsz"}}
inner = njit(**OPTIONS, **WITHIN)
written_out = njit(inline="always", **OPTIONS, **WITHIN)
"""For what calls much of what is here: compiled apart, all of it would be optimised here and again in the caller."""


@written_out
def times(left, i, right, j, width, n, out, at):  # type: ignore[no-untyped-def]
    """out[at] += left[i]' right[j : j + width], width at most 3, for panels of n rows, a multiple of four."""
    one, others, apart = place(left, (i, 0, 0)), place(right, (j, 0, 0)), LANES * right.shape[1]
    sums, across = place(out, at), out.shape[1]
    if width == 3:
        twelve(one, others, apart, n, sums, across)
    elif width == 2:
        eight(one, others, apart, n, sums, across)
    elif width == 1:
        four(one, others, apart, n, sums, across)


@inner
def pack(values, centre, turned, panels):  # type: ignore[no-untyped-def]
    """panels[q, k, l] = values[k, 4 q + l] - centre[4 q + l]; returns how many rows, rows of zeros to a multiple of 4.

    `turned`: None where the numbers of a row stand one after the other in memory, a boolean where those of a column do.
    So a kernel is compiled for the one or the other, and Numba drops what it does not need.
    """
    n, m = values.shape
    whole, rest = m // LANES, m % LANES
    if turned is None:
        for k in range(n):
            for q in range(whole):
                store(panels, (q, k, 0), load(values, (k, 4 * q)) - load(centre, 4 * q))
            if rest:
                store(panels, (whole, k, 0), some(values, (k, m - rest), rest) - some(centre, m - rest, rest))
    else:
        for q in range(whole):
            _turn(values, 4 * q, centre, panels, q)
        for j in range(m - rest, m):
            for k in range(n):
                panels[whole, k, j % LANES] = values[k, j] - centre[j]
    end = n + -n % LANES
    for q in range(len(panels)):
        for k in range(n, end):
            store(panels, (q, k, 0), splat(0.0))
    return end


@inner
def _turn(values, j, centre, panels, q):  # type: ignore[no-untyped-def]
    """Four columns from j on, each one after the other in memory, into panel q."""
    n = len(values)
    z0, z1, z2, z3 = splat(centre[j]), splat(centre[j + 1]), splat(centre[j + 2]), splat(centre[j + 3])
    for k in range(0, n - 3, LANES):
        a, b = load(values, (k, j)) - z0, load(values, (k, j + 1)) - z1
        c, d = load(values, (k, j + 2)) - z2, load(values, (k, j + 3)) - z3
        a, b, c, d = turn(a, b, c, d)
        store(panels, (q, k, 0), a)
        store(panels, (q, k + 1, 0), b)
        store(panels, (q, k + 2, 0), c)
        store(panels, (q, k + 3, 0), d)
    for k in range(n - n % LANES, n):
        for i in range(LANES):
            panels[q, k, i] = values[k, j + i] - centre[j + i]


@inner
def _scale(panels, j, width, weights, scaled, sums):  # type: ignore[no-untyped-def]
    """scaled = weights panels[j : j + width], and its column sums are added to sums."""
    n = len(weights)
    for q in range(width):
        even = odd = splat(0.0)
        for k in range(0, n - 1, 2):
            w, x = (
                splat(weights[k]) * load(panels, (j + q, k, 0)),
                splat(weights[k + 1]) * load(panels, (j + q, k + 1, 0)),
            )
            even, odd = even + w, odd + x
            store(scaled, (q, k, 0), w)
            store(scaled, (q, k + 1, 0), x)
        if n % 2:
            w = splat(weights[n - 1]) * load(panels, (j + q, n - 1, 0))
            even += w
            store(scaled, (q, n - 1, 0), w)
        for k in range(n, n + -n % LANES):
            store(scaled, (q, k, 0), splat(0.0))
        store(sums, 4 * (j + q), load(sums, 4 * (j + q)) + (even + odd))


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
        _scale(panels, j, width, weights, scaled, sums)
        for i in range(j + width):
            first = i - j if i > j else 0  # max() would be compiled apart
            times(panels, i, scaled, first, width - first, n + -n % LANES, out, (4 * i, 4 * (j + first)))
