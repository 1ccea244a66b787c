"""An open interval of means seen as a line: scale-free grids, differences, inverses for a user's family."""

from collections.abc import Callable
from typing import TypeAlias

import numpy as np
from scipy.special import expit

from expfam._typing import BoolArray, FloatArray

Interval: TypeAlias = tuple[float, float]


def from_line(u: FloatArray, domain: Interval) -> FloatArray:
    """mu(u), increasing from R onto the interval: sinh, low + e^u, high - e^-u or a logistic curve."""
    low, high = domain
    if np.isinf(low):
        return np.sinh(u) if np.isinf(high) else high - np.exp(-u)
    return low + np.exp(u) if np.isinf(high) else low + (high - low) * np.asarray(expit(u))


def spread(mu: FloatArray, domain: Interval) -> FloatArray:
    """d mu / d u at mu: the distance over which a smooth function on the interval changes."""
    low, high = domain
    if np.isinf(low):
        return np.sqrt(1 + np.square(mu)) if np.isinf(high) else high - mu
    return mu - low if np.isinf(high) else (mu - low) * ((high - mu) / (high - low))


def derivatives(f: Callable[[FloatArray], FloatArray], x: FloatArray, h: FloatArray) -> tuple[FloatArray, FloatArray]:
    """f'(x), f''(x) by central differences of sixth order with steps h."""
    up, down = ([f(x + sign * k * h) for k in (1, 2, 3)] for sign in (1, -1))
    odd, even = ([u + sign * d for u, d in zip(up, down, strict=True)] for sign in (-1, 1))
    first = (45 * odd[0] - 9 * odd[1] + odd[2]) / (60 * h)
    second = (270 * even[0] - 27 * even[1] + 2 * even[2] - 490 * f(x)) / (180 * np.square(h))
    return first, second


def invert(
    natural: Callable[[FloatArray], FloatArray],
    variance: Callable[[FloatArray], FloatArray],
    domain: Interval,
    psi: FloatArray,
) -> FloatArray:
    """mu with natural(mu) = psi: Newton in u from a table, kept in a bracket; nan where psi has no mean."""
    target = np.atleast_1d(np.asarray(psi, dtype=np.float64))
    with np.errstate(all="ignore"):
        u, low, high, inside = _bracket(natural, domain, target)
        for _ in range(60):
            mu = from_line(u, domain)
            gap = natural(mu) - target
            low, high = np.where(gap <= 0, u, low), np.where(gap >= 0, u, high)
            newton = u - gap * variance(mu) / spread(mu, domain)
            new = np.where((newton > low) & (newton < high), newton, (low + high) / 2)
            done = bool(np.all(np.abs(new - u) <= 1e-9))
            u = new
            if done:
                break
        mu = from_line(u, domain)
        polished = mu + variance(mu) * (target - natural(mu))
        close = np.abs(polished - mu) <= 1e-6 * spread(mu, domain)
        mu = np.where(inside, np.where(close, polished, mu), np.nan)
    return mu.reshape(np.shape(psi))


def _bracket(
    natural: Callable[[FloatArray], FloatArray], domain: Interval, psi: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray, BoolArray]:
    """Start, lower and upper end in u, and whether psi is the natural parameter of any mean."""
    table = np.linspace(-700.0, 700.0, 1401)
    value = natural(from_line(table, domain))
    value = np.maximum.accumulate(np.where(np.isnan(value), np.copysign(np.inf, table), value))
    cell = np.searchsorted(value, psi)
    inside = (cell > 0) & (cell < len(table))
    cell = np.clip(cell, 1, len(table) - 1)
    low, high = table[cell - 1], table[cell]
    return (low + high) / 2, low, high, inside
