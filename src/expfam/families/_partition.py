"""Two log-partitions that several families share: of a share (Bernoulli's) and of a count (Poisson's)."""

from abc import ABC

import numpy as np
from scipy.special import expit, logit, xlogy

from expfam._typing import BoolArray, FloatArray
from expfam.families._special import divergence, tabled


class SharePartition(ABC):  # noqa: B024 - abstract by what a family has beyond it
    """a(psi) = log(1 + e^psi): mean 1 / (1 + e^-psi), V = mu (1 - mu)."""

    __slots__ = ()

    def a(self, psi: FloatArray) -> FloatArray:
        return np.logaddexp(0.0, psi)

    def mean(self, psi: FloatArray) -> FloatArray:
        return np.asarray(expit(psi))

    def natural(self, mu: FloatArray) -> FloatArray:
        return np.asarray(logit(mu))

    def variance(self, mu: FloatArray) -> FloatArray:
        return mu * (1 - mu)

    def dvariance(self, mu: FloatArray) -> FloatArray:
        return 1 - 2 * mu

    def conjugate(self, t: FloatArray) -> FloatArray:
        if np.size(t) > 1 and not ((t > 0) & (t < 1)).any():
            return np.zeros(np.shape(t))
        return np.asarray(xlogy(t, t) + xlogy(1 - t, 1 - t))

    def loss(self, t: FloatArray, mu: FloatArray) -> FloatArray:
        return divergence(t, mu) + divergence(1 - t, 1 - mu)

    def outside(self, y: FloatArray) -> BoolArray:
        return (y < 0) | (y > 1)


class CountPartition(ABC):  # noqa: B024 - abstract by what a family has beyond it
    """a(psi) = e^psi: mean e^psi, V = mu."""

    __slots__ = ()

    def a(self, psi: FloatArray) -> FloatArray:
        return np.exp(psi)

    def mean(self, psi: FloatArray) -> FloatArray:
        return np.exp(psi)

    def natural(self, mu: FloatArray) -> FloatArray:
        return np.log(mu)

    def variance(self, mu: FloatArray) -> FloatArray:
        return mu

    def dvariance(self, mu: FloatArray) -> FloatArray:
        return np.ones_like(mu, dtype=np.float64)

    def conjugate(self, t: FloatArray) -> FloatArray:
        return tabled(lambda t: np.asarray(xlogy(t, t) - t), t)

    def loss(self, t: FloatArray, mu: FloatArray) -> FloatArray:
        return divergence(t, mu)

    def outside(self, y: FloatArray) -> BoolArray:
        return y < 0
