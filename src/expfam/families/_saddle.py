"""The Tweedie density at its mean where phi is small: Dunn and Smyth's saddlepoint approximation (2008), carried on.

With xi = phi y^(p-2) / w, the squared coefficient of variation at mu = y, and s = (p-1)(p-2):

  log p(y; mu = y) = -log(2 pi xi) / 2 - log y + sum_(i >= 1) c_i(s) xi^i

The cumulants xi^(r-1) prod_(i <= r-2) (i p - i + 1) of Y / mu give the c_i by Edgeworth's series; at p = 1 and 2 they
are those of Stirling. What the series cannot see, that Y / phi is nearly whole for p near 1, is of order e^(-2 pi^2 j),
j the variance of the number of claims behind y.
"""

from typing import NamedTuple

import numpy as np
from numpy.polynomial.polynomial import polyder, polyval

from expfam._typing import BoolArray, FloatArray

SMALL = 1 / 50  # xi from which five terms give all digits
SMOOTH = 3.0  # claims' variance from which e^(-2 pi^2 j) is rounding
AT_MEAN = 1e-5  # deviations from the mean to which the limit of `normal_score` there has more digits than the quotient
TERMS = np.array(
    [
        [0, 0, 0, 0, 0, 0],
        [-1 / 12, 1 / 24, 0, 0, 0, 0],
        [0, 1 / 24, -1 / 48, 0, 0, 0],
        [1 / 360, 7 / 1440, -17 / 288, 161 / 5760, 0, 0],
        [0, -1 / 80, -17 / 720, 41 / 288, -367 / 5760, 0],
        [-1 / 1260, -11 / 3360, 20687 / 362880, 4081 / 34560, -33667 / 69120, 120257 / 580608],
    ]
)  # of xi^i s^j


class Small(NamedTuple):
    """sum_i c_i xi^i with its first and second derivatives in v = log xi and in p; like xi each."""

    value: FloatArray
    v: FloatArray
    p: FloatArray
    vv: FloatArray
    vp: FloatArray
    pp: FloatArray


def log_variation(p: float, y: FloatArray, k: FloatArray) -> FloatArray:
    """log xi = -log(k y^(2-p)), k = w / phi."""
    return np.asarray((p - 2) * np.log(y) - np.log(k))


def concentrated(p: float, log_xi: FloatArray) -> BoolArray:
    """Where does the approximation give all digits?"""
    return np.asarray(log_xi < min(np.log(SMALL), np.log((p - 1) / (2 - p) / SMOOTH)))


def log_at_mean(p: float, y: FloatArray, log_xi: FloatArray) -> FloatArray:
    """log p(y; mu = y)."""
    return np.asarray(-(np.log(2 * np.pi) + log_xi) / 2 - np.log(y) + small(p, log_xi).value)


def normal_score(p: float, log_r: FloatArray, loss: FloatArray, k: FloatArray) -> FloatArray:
    """z where P(Y <= y) = Phi(z), to the order k^(-3/2) (Barndorff-Nielsen 1990), at y > 0; all in units of mu.

    z = s + log(u / s) / s, s the signed root of 2 k loss, u = (psi(y) - psi(mu)) sqrt(k y^p); log_r = log(y / mu).
    """
    u = np.exp(p / 2 * log_r) * np.expm1((1 - p) * log_r) / (1 - p) * np.sqrt(k)
    s = np.sign(log_r) * np.sqrt(2 * k * loss)
    near = np.abs(s) < AT_MEAN
    over, under = np.where(near, 1.0, u), np.where(near, 1.0, s)
    return np.asarray(s + np.where(near, p / (6 * np.sqrt(k)), np.log(over / under) / under))


def small(p: float, log_xi: FloatArray) -> Small:
    """The sum over i and its derivatives."""
    s, along, xi, i = (p - 1) * (p - 2), 2 * p - 3, np.exp(log_xi), np.arange(len(TERMS))
    c, d, dd = (polyval(s, polyder(TERMS, m, axis=1).T) for m in range(3))
    bend = along**2 * dd + 2 * d
    return Small(*(polyval(xi, each) for each in (c, i * c, along * d, i**2 * c, along * i * d, bend)))
