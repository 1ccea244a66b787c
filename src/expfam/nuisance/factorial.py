"""Gamma's log b as a function of its shape alone, to all digits for large shapes."""

import numpy as np
from scipy.special import digamma, gammaln, polygamma

from expfam._typing import FloatArray

STIRLING = 50.0


def less_factorial(k: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """k log k - k - log Gamma(k), its derivative log k - digamma(k), 1 - k trigamma(k); where k is large their leading
    terms would cancel and Stirling's series takes over."""
    x, s = 1 / np.maximum(k, STIRLING), np.minimum(k, STIRLING)
    far = (
        -np.log(2 * np.pi * x) / 2 - x / 12 + x**3 / 360 - x**5 / 1260,
        x / 2 + x**2 / 12 - x**4 / 120 + x**6 / 252,
        -(x / 2 + x**2 / 6 - x**4 / 30 + x**6 / 42),
    )
    near = s * np.log(s) - s - gammaln(s), np.log(s) - digamma(s), 1 - s * polygamma(1, s)
    a, b, c = (np.where(k > STIRLING, f, n) for f, n in zip(far, near, strict=True))
    return a, b, c
