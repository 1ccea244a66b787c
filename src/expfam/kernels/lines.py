"""R theta and R' r for one vector: the compiled loops that read numbers as they lie, rows in lines or columns in lines.

Each is one way through memory, compiled when data comes that it is for.
"""

from collections.abc import Callable

from expfam.kernels.vector import LANES, load, some, splat, store, total, turn

CHUNK = 2048  # rows whose linear predictors stay in the first cache while columns go by
NARROW, WIDE = 32, 1024
"""Rows of fewer numbers go four side by side, for a row alone has too few to keep a core busy, and so do those of more,
which push theta and the centre out of the first cache. The others go one after the other: memory read in one line comes
faster by far than four rows side by side, which the hardware does not foresee."""


def _forward_fours(values, centre, theta, out):  # type: ignore[no-untyped-def]
    """out += R theta, four rows side by side."""
    n, m = values.shape
    rest, fours = m % LANES, n - n % 4
    end = some(theta, m - rest, rest), some(centre, m - rest, rest)
    for k in range(0, fours, 4):
        a = b = c = d = splat(0.0)
        for j in range(0, m - rest, LANES):
            t, z = load(theta, j), load(centre, j)
            a, b = a + (load(values, (k, j)) - z) * t, b + (load(values, (k + 1, j)) - z) * t
            c, d = c + (load(values, (k + 2, j)) - z) * t, d + (load(values, (k + 3, j)) - z) * t
        if rest:
            j, (t, z) = m - rest, end
            a, b = a + (some(values, (k, j), rest) - z) * t, b + (some(values, (k + 1, j), rest) - z) * t
            c, d = c + (some(values, (k + 2, j), rest) - z) * t, d + (some(values, (k + 3, j), rest) - z) * t
        a, b, c, d = turn(a, b, c, d)
        store(out, k, load(out, k) + ((a + b) + (c + d)))
    for k in range(fours, n):
        for j in range(m):
            out[k] += (values[k, j] - centre[j]) * theta[j]


def _forward_lines(values, centre, theta, out):  # type: ignore[no-untyped-def]
    """out += R theta, a row after the other."""
    n, m = values.shape
    rest, twos = m % LANES, m - m % (2 * LANES)
    end = some(theta, m - rest, rest), some(centre, m - rest, rest)
    for k in range(n):
        a = b = splat(0.0)
        for j in range(0, twos, 8):
            a = a + (load(values, (k, j)) - load(centre, j)) * load(theta, j)
            b = b + (load(values, (k, j + 4)) - load(centre, j + 4)) * load(theta, j + 4)
        if twos < m - rest:
            a = a + (load(values, (k, twos)) - load(centre, twos)) * load(theta, twos)
        if rest:
            b = b + (some(values, (k, m - rest), rest) - end[1]) * end[0]
        out[k] += total(a + b)


def _forward_turned(values, centre, theta, out):  # type: ignore[no-untyped-def]
    """out += R theta where the numbers of a column stand one after the other: four columns side by side."""
    n, m = values.shape
    whole = m - m % LANES
    for lo in range(0, n, CHUNK):
        hi = lo + CHUNK if lo + CHUNK < n else n
        full = hi - (hi - lo) % LANES
        for j in range(0, whole, 4):
            t0, t1, t2, t3 = splat(theta[j]), splat(theta[j + 1]), splat(theta[j + 2]), splat(theta[j + 3])
            z0, z1, z2, z3 = splat(centre[j]), splat(centre[j + 1]), splat(centre[j + 2]), splat(centre[j + 3])
            for k in range(lo, full, LANES):
                a = (load(values, (k, j)) - z0) * t0 + (load(values, (k, j + 1)) - z1) * t1
                b = (load(values, (k, j + 2)) - z2) * t2 + (load(values, (k, j + 3)) - z3) * t3
                store(out, k, load(out, k) + (a + b))
        for j in range(whole, m):
            for k in range(lo, full, LANES):
                store(out, k, load(out, k) + (load(values, (k, j)) - splat(centre[j])) * splat(theta[j]))
        for k in range(full, hi):
            for j in range(m):
                out[k] += (values[k, j] - centre[j]) * theta[j]


def _adjoint_fours(values, centre, rows, out):  # type: ignore[no-untyped-def]
    """out += R' rows, four rows side by side."""
    n, m = values.shape
    rest, fours = m % LANES, n - n % 4
    whole, last = m - rest, splat(0.0)
    for k in range(0, fours, 4):
        r0, r1, r2, r3 = splat(rows[k]), splat(rows[k + 1]), splat(rows[k + 2]), splat(rows[k + 3])
        for j in range(0, whole, LANES):
            z = load(centre, j)
            a = (load(values, (k, j)) - z) * r0 + (load(values, (k + 1, j)) - z) * r1
            b = (load(values, (k + 2, j)) - z) * r2 + (load(values, (k + 3, j)) - z) * r3
            store(out, j, load(out, j) + (a + b))
        if rest:
            z = some(centre, whole, rest)
            a = (some(values, (k, whole), rest) - z) * r0 + (some(values, (k + 1, whole), rest) - z) * r1
            b = (some(values, (k + 2, whole), rest) - z) * r2 + (some(values, (k + 3, whole), rest) - z) * r3
            last += a + b
    if rest:
        store(out, whole, load(out, whole) + last)
    for k in range(fours, n):
        for j in range(m):
            out[j] += (values[k, j] - centre[j]) * rows[k]


def _adjoint_lines(values, centre, rows, out):  # type: ignore[no-untyped-def]
    """out += R' rows, a row after the other."""
    n, m = values.shape
    rest = m % LANES
    whole, last = m - rest, splat(0.0)
    for k in range(n):
        r = splat(rows[k])
        for j in range(0, whole, LANES):
            store(out, j, load(out, j) + (load(values, (k, j)) - load(centre, j)) * r)
        if rest:
            last += (some(values, (k, whole), rest) - some(centre, whole, rest)) * r
    if rest:
        store(out, whole, load(out, whole) + last)


def _adjoint_turned(values, centre, rows, out):  # type: ignore[no-untyped-def]
    """out += R' rows where the numbers of a column stand one after the other: two columns side by side."""
    n, m = values.shape
    full = n - n % 8
    for j in range(m):
        z, even, odd = splat(centre[j]), splat(0.0), splat(0.0)
        for k in range(0, full, 8):
            even += (load(values, (k, j)) - z) * load(rows, k)
            odd += (load(values, (k + 4, j)) - z) * load(rows, k + 4)
        out[j] += total(even + odd)
        for k in range(full, n):
            out[j] += (values[k, j] - centre[j]) * rows[k]


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
