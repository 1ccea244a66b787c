"""R theta and R' r for one vector: the compiled loops that read numbers as they lie, rows in lines or columns in lines.

Each is one way through memory, compiled when data comes that it is for.
"""

from collections.abc import Callable

from expfam.kernels.pointer import place, pointer
from expfam.kernels.vector import LANES, load, some, splat, store, total, turn

CHUNK = 2048  # rows whose linear predictors stay in the first cache while columns go by
NARROW, WIDE = 32, 1024
"""Rows of fewer numbers go four side by side, for a row alone has too few to keep a core busy, and so do those of more,
which push theta and the centre out of the first cache. The others go one after the other: memory read in one line comes
faster by far than four rows side by side, which the hardware does not foresee."""


def _forward_fours(values, centre, theta, out):  # type: ignore[no-untyped-def]
    """out += R theta, four rows side by side."""
    (n, m), less, by, sums = values.shape, pointer(centre), pointer(theta), pointer(out)
    rest, fours = m % LANES, n - n % 4
    t_, z_ = some(by, m - rest, rest), some(less, m - rest, rest)
    for k in range(0, fours, 4):
        a = b = c = d = splat(0.0)
        first, second = place(values, (k, 0)), place(values, (k + 1, 0))
        third, fourth = place(values, (k + 2, 0)), place(values, (k + 3, 0))
        for j in range(0, m - rest, LANES):
            t, z = load(by, j), load(less, j)
            a, b = a + (load(first, j) - z) * t, b + (load(second, j) - z) * t
            c, d = c + (load(third, j) - z) * t, d + (load(fourth, j) - z) * t
        if rest:
            j = m - rest
            a, b = a + (some(first, j, rest) - z_) * t_, b + (some(second, j, rest) - z_) * t_
            c, d = c + (some(third, j, rest) - z_) * t_, d + (some(fourth, j, rest) - z_) * t_
        a, b, c, d = turn(a, b, c, d)
        store(sums, k, load(sums, k) + ((a + b) + (c + d)))
    for k in range(fours, n):
        row = place(values, (k, 0))
        for j in range(m):
            sums[k] += (row[j] - less[j]) * by[j]


def _forward_lines(values, centre, theta, out):  # type: ignore[no-untyped-def]
    """out += R theta, a row after the other."""
    (n, m), less, by, sums = values.shape, pointer(centre), pointer(theta), pointer(out)
    rest, twos = m % LANES, m - m % (2 * LANES)
    t_, z_ = some(by, m - rest, rest), some(less, m - rest, rest)
    for k in range(n):
        row, a, b = place(values, (k, 0)), splat(0.0), splat(0.0)
        for j in range(0, twos, 8):
            a = a + (load(row, j) - load(less, j)) * load(by, j)
            b = b + (load(row, j + 4) - load(less, j + 4)) * load(by, j + 4)
        if twos < m - rest:
            a = a + (load(row, twos) - load(less, twos)) * load(by, twos)
        if rest:
            b = b + (some(row, m - rest, rest) - z_) * t_
        sums[k] += total(a + b)


def _forward_turned(values, centre, theta, out):  # type: ignore[no-untyped-def]
    """out += R theta where the numbers of a column stand one after the other: four columns side by side."""
    (n, m), sums = values.shape, pointer(out)
    whole = m - m % LANES
    for lo in range(0, n, CHUNK):
        hi = lo + CHUNK if lo + CHUNK < n else n
        full = hi - (hi - lo) % LANES
        for j in range(0, whole, 4):
            t0, t1, t2, t3 = splat(theta[j]), splat(theta[j + 1]), splat(theta[j + 2]), splat(theta[j + 3])
            z0, z1, z2, z3 = splat(centre[j]), splat(centre[j + 1]), splat(centre[j + 2]), splat(centre[j + 3])
            first, second = place(values, (0, j)), place(values, (0, j + 1))
            third, fourth = place(values, (0, j + 2)), place(values, (0, j + 3))
            for k in range(lo, full, LANES):
                a = (load(first, k) - z0) * t0 + (load(second, k) - z1) * t1
                b = (load(third, k) - z2) * t2 + (load(fourth, k) - z3) * t3
                store(sums, k, load(sums, k) + (a + b))
        for j in range(whole, m):
            column, t, z = place(values, (0, j)), splat(theta[j]), splat(centre[j])
            for k in range(lo, full, LANES):
                store(sums, k, load(sums, k) + (load(column, k) - z) * t)
        for k in range(full, hi):
            for j in range(m):
                sums[k] += (values[k, j] - centre[j]) * theta[j]


def _adjoint_fours(values, centre, rows, out):  # type: ignore[no-untyped-def]
    """out += R' rows, four rows side by side."""
    (n, m), less, sums = values.shape, pointer(centre), pointer(out)
    rest, fours = m % LANES, n - n % 4
    whole, last = m - rest, splat(0.0)
    z_ = some(less, whole, rest)
    for k in range(0, fours, 4):
        r0, r1, r2, r3 = splat(rows[k]), splat(rows[k + 1]), splat(rows[k + 2]), splat(rows[k + 3])
        first, second = place(values, (k, 0)), place(values, (k + 1, 0))
        third, fourth = place(values, (k + 2, 0)), place(values, (k + 3, 0))
        for j in range(0, whole, LANES):
            z = load(less, j)
            a = (load(first, j) - z) * r0 + (load(second, j) - z) * r1
            b = (load(third, j) - z) * r2 + (load(fourth, j) - z) * r3
            store(sums, j, load(sums, j) + (a + b))
        if rest:
            a = (some(first, whole, rest) - z_) * r0 + (some(second, whole, rest) - z_) * r1
            b = (some(third, whole, rest) - z_) * r2 + (some(fourth, whole, rest) - z_) * r3
            last += a + b
    if rest:
        store(sums, whole, load(sums, whole) + last)
    for k in range(fours, n):
        row = place(values, (k, 0))
        for j in range(m):
            sums[j] += (row[j] - less[j]) * rows[k]


def _adjoint_lines(values, centre, rows, out):  # type: ignore[no-untyped-def]
    """out += R' rows, a row after the other."""
    (n, m), less, sums = values.shape, pointer(centre), pointer(out)
    rest = m % LANES
    whole, last = m - rest, splat(0.0)
    z_ = some(less, whole, rest)
    for k in range(n):
        r, row = splat(rows[k]), place(values, (k, 0))
        for j in range(0, whole, LANES):
            store(sums, j, load(sums, j) + (load(row, j) - load(less, j)) * r)
        if rest:
            last += (some(row, whole, rest) - z_) * r
    if rest:
        store(sums, whole, load(sums, whole) + last)


def _adjoint_turned(values, centre, rows, out):  # type: ignore[no-untyped-def]
    """out += R' rows where the numbers of a column stand one after the other: two columns side by side."""
    (n, m), by = values.shape, pointer(rows)
    full = n - n % 8
    for j in range(m):
        column, less = place(values, (0, j)), centre[j]
        z, even, odd = splat(less), splat(0.0), splat(0.0)
        for k in range(0, full, 8):
            even += (load(column, k) - z) * load(by, k)
            odd += (load(column, k + 4) - z) * load(by, k + 4)
        out[j] += total(even + odd)
        for k in range(full, n):
            out[j] += (column[k] - less) * by[k]


_WAYS: dict[str, tuple[Callable[..., None], ...]] = {
    "forward": (_forward_fours, _forward_lines, _forward_turned),
    "adjoint": (_adjoint_fours, _adjoint_lines, _adjoint_turned),
}
KERNELS = tuple(kernel for ways in _WAYS.values() for kernel in ways)


def chosen(verb: str, m: int, turned: bool | None) -> Callable[..., None]:
    """The loop of a verb, "forward" or "adjoint", for m numbers a row; `turned`: None where these stand one after the
    other, True where those of a column do."""
    fours, lines, by_column = _WAYS[verb]
    if turned is not None:
        return by_column
    return lines if NARROW <= m < WIDE else fours
