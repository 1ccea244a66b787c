"""Weighted loss, score and covariance of a block of rows of several classes: the compiled twin of softmax.

A tile of rows is turned, class by class, so that rows lie side by side for the vector registers.
"""

import numpy as np

from expfam.kernels.elementary import exp, log, straight
from expfam.kernels.tiles import dot, tile

CLASS_TILE = 128  # rows whose classes stay in the first cache; divides TILE


@straight
def _turn(x, plus, t, w, mu, top, cross):  # type: ignore[no-untyped-def]
    """eta into `mu`, its largest or 0 into `top`, t . eta into `cross`."""
    for i in range(len(w)):
        total, largest = 0.0, 0.0
        for j in range(len(mu)):
            at = x[i, j] + plus[i, j] if w[i] != 0.0 else 0.0
            total += t[i, j] * at
            largest = at if at > largest else largest
            mu[j, i] = at
        top[i], cross[i] = largest, total


@straight
def _softmax(mu, top, loss, a, rest, total):  # type: ignore[no-untyped-def]
    """mu = e^(eta - top) / total, 1 - sum mu in `rest`; t . eta in `loss` becomes a + top - t . eta + log total."""
    n = len(loss)
    for i in range(n):
        rest[i] = exp(-top[i])
        total[i] = rest[i]
    for j in range(len(mu)):
        for i in range(n):
            e = exp(mu[j, i] - top[i])
            mu[j, i] = e
            total[i] += e
    for i in range(n):
        at = a[i] + (top[i] - loss[i]) + log(total[i])
        loss[i] = 0.0 if at < 0.0 else at
        total[i] = 1.0 / total[i]
        rest[i] *= total[i]
    for j in range(len(mu)):
        for i in range(n):
            mu[j, i] *= total[i]


@straight
def _covariance(w, mu, rest, others, v, lo, hi):  # type: ignore[no-untyped-def]
    """w (diag(mu) - mu mu') into v, a row a pair j <= k; its diagonal is w mu_j sum_(l != j) mu_l, which never cancels.

    That sum is taken from both ends: of the classes before j and the reference, and of those after j.
    """
    d, n = mu.shape
    others[:] = rest
    pair = 0
    for j in range(d):
        out = v[pair, lo:hi]
        for i in range(n):
            out[i] = others[i]
            others[i] += mu[j, i]
        pair += d - j
    others[:] = 0.0
    for j in range(d - 1, -1, -1):
        pair -= d - j
        out = v[pair, lo:hi]
        for i in range(n):
            out[i] = w[i] * mu[j, i] * (out[i] + others[i])
            others[i] += mu[j, i]
        for k in range(j + 1, d):
            out = v[pair + k - j, lo:hi]
            for i in range(n):
                out[i] = -w[i] * mu[j, i] * mu[k, i]


def categorical_softmax(eta, given, out, option):  # type: ignore[no-untyped-def]
    (t, a, w, offset), (s, v, _), (level, _, _) = given, out, option
    n, d = eta.shape
    parts = np.empty((4, CLASS_TILE))
    tiles = np.empty(d * CLASS_TILE)
    total = 0.0
    for lo in range(0, n, CLASS_TILE):
        hi = min(lo + CLASS_TILE, n)
        mu, w_, t_ = tiles[: d * (hi - lo)].reshape(d, hi - lo), w[lo:hi], t[lo:hi]
        top, loss, rest, work = parts[0, : hi - lo], parts[1, : hi - lo], parts[2, : hi - lo], parts[3, : hi - lo]
        _turn(eta[lo:hi], tile(offset, lo, hi), t_, w_, mu, top, loss)
        _softmax(mu, top, loss, a[lo:hi], rest, work)
        total += dot(w_, loss)
        if level > 0:
            for j in range(d):
                for i in range(hi - lo):
                    s[lo + i, j] = w_[i] * (mu[j, i] - t_[i, j])
        if level > 1:
            _covariance(w_, mu, rest, work, v, lo, hi)
    return total
