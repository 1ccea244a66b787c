"""Small functions shared by several families: one divergence, two lattices, one window of counts."""

from collections.abc import Callable

import numpy as np
from scipy.special import kl_div, xlog1py

from expfam._typing import FloatArray

NEAR = 1e-3  # |r - 1| to which `unit_loss` has all digits
WHOLE = 1e-7
MANY = 10_000
AT_ONCE = 1 << 18  # looked up at a time: threads that call for fewer wait for the interpreter, not for memory
MOST = 1e18


def divergence(t: FloatArray, mu: FloatArray) -> FloatArray:
    """t log(t / mu) - t + mu >= 0, accurate also where t is close to mu; 0 at t = mu = 0."""
    with np.errstate(divide="ignore", invalid="ignore"):
        d = (t - mu) / mu
        near = np.asarray(mu * (xlog1py(1 + d, d) - d))
    return np.where(np.abs(t - mu) < mu / 2, np.maximum(near, 0.0), kl_div(t, mu))


def unit_loss(d: FloatArray, q: float) -> FloatArray:
    """[(r^q - 1) / q - (r - 1)] / (q - 1) at r = 1 + d, |d| < NEAR: the loss of V = mu^(2-q) is mu^q times that.

    From the definition the first two digits of d are left of every four; the Taylor series loses none.
    """
    d = np.asarray(d)
    series = 1 + (q - 2) / 3 * d * (1 + (q - 3) / 4 * d * (1 + (q - 4) / 5 * d * (1 + (q - 5) / 6 * d)))
    return np.asarray(np.square(d) / 2 * series)


def poisson_draws(rng: np.random.Generator, rate: FloatArray) -> FloatArray:
    """Poisson numbers; from MOST on, where numpy draws none, by their normal limit, which has all digits there."""
    few = np.asarray(rng.poisson(np.minimum(rate, MOST)), dtype=np.float64)
    many = np.flatnonzero(np.ravel(rate) > MOST)
    if len(many):
        large = np.ravel(rate)[many]
        np.ravel(few)[many] = large + np.sqrt(large) * rng.standard_normal(len(many))
    return few


def tabled(f: Callable[[FloatArray], FloatArray], count: FloatArray) -> FloatArray:
    """f(count), looked up in a table of f(0), f(1), ... where the counts are many, whole and small."""
    if np.ndim(count) != 1 or np.size(count) <= MANY:
        return f(count)
    low, high = float(np.min(count)), float(np.max(count))
    if low < 0 or high > MANY:
        return f(count)
    table, out = f(np.arange(high + 1)), np.empty(len(count))
    for lo in range(0, len(count), AT_ONCE):
        some = count[lo : lo + AT_ONCE]
        places = some.astype(np.intp)
        if not np.array_equal(places, some):
            return f(count)
        table.take(places, out=out[lo : lo + AT_ONCE], mode="clip")
    return out


def whole(count: FloatArray) -> FloatArray:
    """The largest whole number <= count, forgiving the rounding of count = weight * share."""
    return np.floor(count + WHOLE)


def whole_below(count: FloatArray) -> FloatArray:
    """The largest whole number < count, forgiving as `whole` does."""
    return np.ceil(count - WHOLE) - 1


def log_sum_exp(x: FloatArray) -> FloatArray:
    """log sum_j exp x_ij over the last axis; -inf where all are."""
    top = np.max(x, axis=-1, keepdims=True)
    top = np.where(np.isfinite(top), top, 0.0)
    with np.errstate(divide="ignore"):
        return np.asarray(np.log(np.sum(np.exp(x - top), axis=-1)) + top[..., 0])


def log_ratio(t: FloatArray, mu: FloatArray, plus: float = 0.0) -> FloatArray:
    """log((t + plus) / (mu + plus)), accurate also where t is close to mu; -inf at t = plus = 0."""
    base = mu + plus
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(np.abs(t - mu) < base / 2, np.log1p((t - mu) / base), np.log((t + plus) / base))
