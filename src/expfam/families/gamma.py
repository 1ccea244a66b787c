"""y ~ Gamma with shape w / phi and mean mu: the standard deviation is proportional to the mean."""

from dataclasses import dataclass
from typing import ClassVar, final

import numpy as np
from scipy.special import digamma, gammainc, gammaln, polygamma

from expfam._typing import BoolArray, FloatArray
from expfam.families._family import ExponentialFamily, Scale
from expfam.families._special import NEAR, log_ratio, unit_loss
from expfam.parallel import repeated

STIRLING = 50.0  # from here his series has all digits


@final
@dataclass(frozen=True, slots=True)
class Gamma(ExponentialFamily):
    """a(psi) = -log(-psi), psi = -1 / mu, V(mu) = mu^2; the inverse link is canonical up to the sign."""

    name: ClassVar[str] = "gamma"
    mean_domain: ClassVar[tuple[float, float]] = (0.0, np.inf)
    default_link: ClassVar[str] = "inverse"
    allowed: ClassVar[str] = "a number > 0"
    remedy: ClassVar[str] = "for exact zeros take Tweedie(power=1.5), or model the positive rows alone"

    def a(self, psi: FloatArray) -> FloatArray:
        return -np.log(-np.asarray(psi))

    def mean(self, psi: FloatArray) -> FloatArray:
        return -1 / psi

    def natural(self, mu: FloatArray) -> FloatArray:
        return -1 / mu

    def variance(self, mu: FloatArray) -> FloatArray:
        return np.square(mu)

    def dvariance(self, mu: FloatArray) -> FloatArray:
        return 2 * mu

    def conjugate(self, t: FloatArray) -> FloatArray:
        return -1 - np.log(t)

    def loss(self, t: FloatArray, mu: FloatArray) -> FloatArray:
        """r - 1 - log r at r = t / mu."""
        d = np.asarray((t - mu) / mu)
        return np.where(np.abs(d) < NEAR, unit_loss(d, 0.0), d - log_ratio(t, mu))

    def outside(self, y: FloatArray) -> BoolArray:
        return y <= 0

    def log_saturated(self, y: FloatArray, precision: Scale) -> FloatArray:
        return less_factorial(np.asarray(precision, dtype=np.float64)) - np.log(y)

    def loglik(self, y: FloatArray, deviance: float, weight: Scale = 1.0, frequency: Scale = 1.0) -> float:
        """sum f w log p(y; mu, phi) at phi = deviance / sum f w: the weights count rows here, as in R."""
        w = repeated(frequency * weight, len(y))
        phi = deviance / float(np.sum(w))
        if not phi > 0:
            return np.inf
        return float(np.sum(w * self.log_saturated(y, 1 / phi))) - deviance / (2 * phi)

    def draw(self, mu: FloatArray, rng: np.random.Generator, phi: Scale = 1.0, weight: Scale = 1.0) -> FloatArray:
        return np.asarray(rng.gamma(weight / phi, mu * (phi / weight)))

    def cdf(self, y: FloatArray, mu: FloatArray, phi: Scale = 1.0, weight: Scale = 1.0) -> FloatArray:
        shape = weight / phi
        return np.asarray(gammainc(shape, shape * np.maximum(y, 0.0) / mu))


def less_factorial(k: FloatArray) -> FloatArray:
    """k log k - k - log Gamma(k), of which the large terms cancel where k is large: Stirling's series takes over."""
    x, s = 1 / np.maximum(k, STIRLING), np.minimum(k, STIRLING)
    far = -np.log(2 * np.pi * x) / 2 - x / 12 + x**3 / 360 - x**5 / 1260
    return np.where(k > STIRLING, far, s * np.log(s) - s - gammaln(s))


def slopes_of_less_factorial(k: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Its derivative log k - digamma(k), and 1 - k trigamma(k)."""
    x, s = 1 / np.maximum(k, STIRLING), np.minimum(k, STIRLING)
    first = x / 2 + x**2 / 12 - x**4 / 120 + x**6 / 252
    second = -(x / 2 + x**2 / 6 - x**4 / 30 + x**6 / 42)
    return (
        np.where(k > STIRLING, first, np.log(s) - digamma(s)),
        np.where(k > STIRLING, second, 1 - s * polygamma(1, s)),
    )
