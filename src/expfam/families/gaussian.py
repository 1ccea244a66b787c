"""y ~ N(mu, phi / w): the family whose log-partition is a parabola."""

from dataclasses import dataclass
from typing import ClassVar, final

import numpy as np
from scipy.special import ndtr

from expfam._typing import BoolArray, FloatArray
from expfam.families._family import ExponentialFamily, Scale
from expfam.parallel import repeated


@final
@dataclass(frozen=True, slots=True)
class Gaussian(ExponentialFamily):
    """a(psi) = psi^2 / 2, V(mu) = 1; phi = sigma^2 is estimated (the textbook derivation fixes it at 1)."""

    name: ClassVar[str] = "gaussian"
    mean_domain: ClassVar[tuple[float, float]] = (-np.inf, np.inf)
    default_link: ClassVar[str] = "identity"
    allowed: ClassVar[str] = "any finite number"

    def a(self, psi: FloatArray) -> FloatArray:
        return np.square(psi) / 2

    def mean(self, psi: FloatArray) -> FloatArray:
        return psi

    def natural(self, mu: FloatArray) -> FloatArray:
        return mu

    def variance(self, mu: FloatArray) -> FloatArray:
        return np.ones_like(mu, dtype=np.float64)

    def dvariance(self, mu: FloatArray) -> FloatArray:
        return np.zeros_like(mu, dtype=np.float64)

    def conjugate(self, t: FloatArray) -> FloatArray:
        return np.square(t) / 2

    def loss(self, t: FloatArray, mu: FloatArray) -> FloatArray:
        return np.square(t - mu) / 2

    def outside(self, y: FloatArray) -> BoolArray:
        return np.zeros(np.shape(y), dtype=np.bool_)

    def log_saturated(self, y: FloatArray, precision: Scale) -> FloatArray:
        return np.log(precision / (2 * np.pi)) / 2 + np.zeros_like(y)

    def loglik(self, y: FloatArray, deviance: float, weight: Scale = 1.0, frequency: Scale = 1.0) -> float:
        """-(n/2) (log(2 pi deviance / n) + 1) + sum f log(w) / 2 over n = sum f rows of positive weight."""
        f, w = repeated(frequency, len(y)), repeated(weight, len(y))
        f, w = f[w > 0], w[w > 0]
        n = float(np.sum(f))
        with np.errstate(divide="ignore"):
            return float(np.sum(f * np.log(w)) - n * (np.log(2 * np.pi * deviance / n) + 1)) / 2

    def draw(self, mu: FloatArray, rng: np.random.Generator, phi: Scale = 1.0, weight: Scale = 1.0) -> FloatArray:
        return np.asarray(rng.normal(mu, np.sqrt(phi / weight)))

    def cdf(self, y: FloatArray, mu: FloatArray, phi: Scale = 1.0, weight: Scale = 1.0) -> FloatArray:
        return np.asarray(ndtr((y - mu) * np.sqrt(weight / phi)))
