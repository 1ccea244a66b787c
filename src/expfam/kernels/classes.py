"""Weighted loss, score and covariance of a block of rows of several classes: the compiled twin of softmax.

A tile of rows is turned, class by class, so that rows lie side by side for the vector registers.
"""

from expfam.kernels.elementary import exp, log, straight
from expfam.kernels.pointer import place, pointer

CLASS_TILE = 128  # rows whose classes stay in the first cache; divides TILE


def room(d: int) -> int:
    """How many numbers softmax of d classes beside the reference works in: four a row, and its means."""
    return (4 + d) * CLASS_TILE


@straight
def _turn(x, plus, t, w, mu, parts, shape):  # type: ignore[no-untyped-def]
    """eta into `mu`, of `shape` turned, its largest or 0 and t . eta into the first two of `parts`."""
    (n, d), (top, cross, _, _) = shape, parts
    for i in range(n):
        total, largest = 0.0, 0.0
        for j in range(d):
            at = x[i * d + j] + plus[i * d + j] if w[i] != 0.0 else 0.0
            total += t[i * d + j] * at
            largest = at if at > largest else largest
            mu[j * n + i] = at
        top[i], cross[i] = largest, total


@straight
def _softmax(mu, a, parts, shape):  # type: ignore[no-untyped-def]
    """mu = e^(eta - top) / total, 1 - sum mu in `rest`; t . eta in `loss` becomes a + top - t . eta + log total."""
    (n, d), (top, loss, rest, total) = shape, parts
    for i in range(n):
        rest[i] = exp(-top[i])
        total[i] = rest[i]
    for j in range(d):
        for i in range(n):
            e = exp(mu[j * n + i] - top[i])
            mu[j * n + i] = e
            total[i] += e
    for i in range(n):
        at = a[i] + (top[i] - loss[i]) + log(total[i])
        loss[i] = 0.0 if at < 0.0 else at
        total[i] = 1.0 / total[i]
        rest[i] *= total[i]
    for j in range(d):
        for i in range(n):
            mu[j * n + i] *= total[i]


@straight
def _covariance(w, mu, parts, v, step, shape):  # type: ignore[no-untyped-def]
    """w (diag(mu) - mu mu') into v, a row of `step` numbers a pair j <= k; its diagonal is w mu_j sum_(l != j) mu_l,
    which never cancels.

    That sum is taken from both ends: of the classes before j and the reference, and of those after j.
    """
    (n, d), (_, _, rest, others) = shape, parts
    for i in range(n):
        others[i] = rest[i]
    pair = 0
    for j in range(d):
        for i in range(n):
            v[pair * step + i] = others[i]
            others[i] += mu[j * n + i]
        pair += d - j
    for i in range(n):
        others[i] = 0.0
    for j in range(d - 1, -1, -1):
        pair -= d - j
        for i in range(n):
            v[pair * step + i] = w[i] * mu[j * n + i] * (v[pair * step + i] + others[i])
            others[i] += mu[j * n + i]
        for k in range(1, d - j):
            for i in range(n):
                v[(pair + k) * step + i] = -w[i] * mu[j * n + i] * mu[(j + k) * n + i]


def categorical_softmax(eta, given, out, option):  # type: ignore[no-untyped-def]
    (t, a, w, offset), (s, v, space), (level, _, _) = given, out, option
    (rows, d), loss, mu, total = eta.shape, place(space, CLASS_TILE), place(space, 4 * CLASS_TILE), 0.0
    parts = pointer(space), loss, place(space, 2 * CLASS_TILE), place(space, 3 * CLASS_TILE)
    for lo in range(0, rows, CLASS_TILE):
        n = CLASS_TILE if lo + CLASS_TILE < rows else rows - lo
        w_, t_, plus = place(w, lo), place(t, (lo, 0)), place(offset, (lo if lo < len(offset) else 0, 0))
        _turn(place(eta, (lo, 0)), plus, t_, w_, mu, parts, (n, d))
        _softmax(mu, place(a, lo), parts, (n, d))
        for i in range(n):
            total += w_[i] * loss[i]
        if level > 0:
            score = place(s, (lo, 0))
            for j in range(d):
                for i in range(n):
                    score[i * d + j] = w_[i] * (mu[j * n + i] - t_[i * d + j])
        if level > 1:
            _covariance(w_, mu, parts, place(v, (0, lo)), v.shape[1], (n, d))
    return total
