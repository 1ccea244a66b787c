"""y ~ inverse Gaussian (Wald) with mean mu and shape w / phi: first passage times."""

from dataclasses import dataclass
from typing import ClassVar, final

import numpy as np
from scipy.special import log_ndtr, ndtr

from expfam._typing import BoolArray, FloatArray
from expfam.families._family import ExponentialFamily, Scale
from expfam.parallel import repeated


@final
@dataclass(frozen=True, slots=True)
class InverseGaussian(ExponentialFamily):
    """a(psi) = -sqrt(-2 psi), psi = -1 / (2 mu^2), V(mu) = mu^3; the link 1 / mu^2 is -2 psi."""

    name: ClassVar[str] = "inverse_gaussian"
    mean_domain: ClassVar[tuple[float, float]] = (0.0, np.inf)
    default_link: ClassVar[str] = "inverse_squared"
    allowed: ClassVar[str] = "a number > 0"
    remedy: ClassVar[str] = "for exact zeros take Tweedie(power=1.5), or model the positive rows alone"

    def a(self, psi: FloatArray) -> FloatArray:
        return -np.sqrt(-2 * np.asarray(psi))

    def mean(self, psi: FloatArray) -> FloatArray:
        return 1 / np.sqrt(-2 * np.asarray(psi))

    def natural(self, mu: FloatArray) -> FloatArray:
        return np.asarray(-0.5 / np.square(mu))

    def variance(self, mu: FloatArray) -> FloatArray:
        return np.asarray(mu * np.square(mu))

    def dvariance(self, mu: FloatArray) -> FloatArray:
        return 3 * np.square(mu)

    def conjugate(self, t: FloatArray) -> FloatArray:
        return 0.5 / t

    def loss(self, t: FloatArray, mu: FloatArray) -> FloatArray:
        return np.square((t - mu) / mu) / (2 * t)

    def outside(self, y: FloatArray) -> BoolArray:
        return y <= 0

    def log_saturated(self, y: FloatArray, precision: Scale) -> FloatArray:
        return np.asarray(np.log(precision / (2 * np.pi)) - 3 * np.log(y)) / 2

    def loglik(self, y: FloatArray, deviance: float, weight: Scale = 1.0, frequency: Scale = 1.0) -> float:
        """-(W (log(2 pi deviance / W) + 1) + 3 sum f w log y) / 2 with W = sum f w, as in R."""
        w = repeated(frequency * weight, len(y))
        total = float(np.sum(w))
        with np.errstate(divide="ignore"):
            return -float(total * (np.log(2 * np.pi * deviance / total) + 1) + 3 * np.sum(w * np.log(y))) / 2

    def draw(self, mu: FloatArray, rng: np.random.Generator, phi: Scale = 1.0, weight: Scale = 1.0) -> FloatArray:
        return np.asarray(rng.wald(mu, weight / phi))

    def cdf(self, y: FloatArray, mu: FloatArray, phi: Scale = 1.0, weight: Scale = 1.0) -> FloatArray:
        """Phi(s (y/mu - 1)) + e^(2 k/mu) Phi(-s (y/mu + 1)), s = sqrt(k/y), k = w/phi (Shuster 1968)."""
        shape, positive = weight / phi, np.where(y > 0, y, 1.0)
        s, r = np.sqrt(shape / positive), positive / mu
        total = ndtr(s * (r - 1)) + np.exp(2 * shape / mu + log_ndtr(-s * (r + 1)))
        return np.where(y > 0, total, 0.0)
