"""How large is |estimate - truth| / error by random scaling? Intervals from the path of an average, without a matrix.

In the limit it is |W(1)| / (integral of (W(r) - r W(1))^2)^(1/2), W a Brownian motion (Lee, Liao, Seo and Shin 2022).
W(1) is independent of the bridge below it, so given that integral, v, the ratio is beyond c with probability
erfc(c (v / 2)^(1/2)) = (2 / pi) integral over 0..pi/2 of exp(-c^2 v / (2 sin^2 t)) dt (Craig 1991); and the expectation
of exp(-x^2 v / 2) is (x / sinh x)^(1/2) (Anderson and Darling 1952), which leaves one smooth integral, over t.
"""

from functools import cache

import numpy as np

from expfam._typing import FloatArray

NODES = 96  # of the quadrature; twice as many change no digit that a p value has
AT_ONCE = 1 << 12  # statistics
FARTHEST = 500.0  # its probability is below 1e-100


def p_values(statistic: FloatArray) -> FloatArray:
    """P(the ratio is at least |statistic|), in the same shape; NaN for NaN."""
    flat = np.abs(np.asarray(statistic, dtype=float)).reshape(-1)
    parts = [_tail(flat[lo : lo + AT_ONCE]) for lo in range(0, len(flat), AT_ONCE)]
    return np.concatenate([np.empty(0), *parts]).reshape(np.shape(statistic))


@cache
def critical(level: float) -> float:
    """The c that the ratio stays below with this probability: 6.747 for 95%, where the normal has 1.960."""
    from scipy.optimize import brentq

    return float(brentq(lambda c: float(_tail(np.array([c]))[0]) - (1 - level), 0.0, FARTHEST, xtol=1e-12))


def _tail(c: FloatArray) -> FloatArray:
    nodes, weights = np.polynomial.legendre.leggauss(NODES)
    x = c[:, None] / np.sin(np.pi / 4 * (nodes + 1))
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = 2 * x * np.exp(-x) / -np.expm1(-2 * x)
    ratio[x == 0], ratio[x == np.inf] = 1.0, 0.0
    return np.asarray(np.sqrt(ratio) @ weights / 2)
