"""Counts of mean mu and variance mu + mu^2 / theta, theta known: a Poisson of Gamma distributed rate."""

from dataclasses import dataclass
from typing import Any, ClassVar, final

import numpy as np
from scipy.special import betainc, gammaln, xlog1py, xlogy

from expfam._typing import BoolArray, FloatArray
from expfam.errors import FamilyError
from expfam.families._family import ExponentialFamily, Scale
from expfam.families._special import log_ratio, whole, whole_below


@final
@dataclass(frozen=True, slots=True)
class NegativeBinomial(ExponentialFamily):
    """a(psi) = -theta log(1 - e^psi), psi = log(mu / (mu + theta)), in MASS's parametrisation.

    The default link is log: the canonical one asks for eta < 0. Raises FamilyError unless 0 < theta < inf.
    """

    theta: float
    name: ClassVar[str] = "negative_binomial"
    mean_domain: ClassVar[tuple[float, float]] = (0.0, np.inf)
    fixed_dispersion: ClassVar[bool] = True
    default_link: ClassVar[str] = "log"
    allowed: ClassVar[str] = "a count >= 0"
    remedy: ClassVar[str] = "correct or drop such rows; family='gaussian' takes negative numbers"

    def __post_init__(self) -> None:
        if not 0 < self.theta < np.inf:
            raise FamilyError(
                f"NegativeBinomial(theta={self.theta!r}): theta must be a finite number > 0; "
                "take Poisson() for theta = infinity"
            )

    def a(self, psi: FloatArray) -> FloatArray:
        return -self.theta * np.log(-np.expm1(psi))

    def mean(self, psi: FloatArray) -> FloatArray:
        return self.theta / np.expm1(-np.asarray(psi))

    def natural(self, mu: FloatArray) -> FloatArray:
        return -np.log1p(self.theta / mu)

    def variance(self, mu: FloatArray) -> FloatArray:
        return mu * (1 + mu / self.theta)

    def dvariance(self, mu: FloatArray) -> FloatArray:
        return 1 + 2 * mu / self.theta

    def conjugate(self, t: FloatArray) -> FloatArray:
        return np.asarray(xlogy(t, t / (t + self.theta)) - self.theta * np.log1p(t / self.theta))

    def loss(self, t: FloatArray, mu: FloatArray) -> FloatArray:
        """t log(t / mu) - (t + theta) log((t + theta) / (mu + theta))."""
        theta = self.theta
        odds = theta / mu * ((t - mu) / (t + theta))
        return np.asarray(xlog1py(t, odds) - theta * log_ratio(t, mu, theta))

    def outside(self, y: FloatArray) -> BoolArray:
        return y < 0

    def log_saturated(self, y: FloatArray, precision: Scale) -> FloatArray:
        count, size = precision * np.asarray(y), precision * self.theta
        choose = gammaln(count + size) - gammaln(size) - gammaln(count + 1)
        return np.asarray(choose + precision * self.conjugate(y))

    def draw(self, mu: FloatArray, rng: np.random.Generator, phi: Scale = 1.0, weight: Scale = 1.0) -> FloatArray:
        precision = weight / phi
        return np.asarray(rng.poisson(rng.gamma(precision * self.theta, mu / self.theta)) / precision)

    def cdf(self, y: FloatArray, mu: FloatArray, phi: Scale = 1.0, weight: Scale = 1.0) -> FloatArray:
        return self._at_most(whole(y * (weight / phi)), mu, weight / phi)

    def cdf_left(self, y: FloatArray, mu: FloatArray, phi: Scale = 1.0, weight: Scale = 1.0) -> FloatArray:
        return self._at_most(whole_below(y * (weight / phi)), mu, weight / phi)

    def _at_most(self, count: FloatArray, mu: FloatArray, precision: Scale) -> FloatArray:
        """P(N <= count) = I_q(size, count + 1), q = theta / (theta + mu)."""
        tail = betainc(precision * self.theta, np.maximum(count, 0) + 1, self.theta / (self.theta + mu))
        return np.where(count < 0, 0.0, tail)

    def to_dict(self) -> dict[str, Any]:
        return {"name": self.name, "theta": float(self.theta)}
