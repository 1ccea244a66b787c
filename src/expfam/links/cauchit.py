"""mu = 1/2 + arctan(eta) / pi."""

from dataclasses import dataclass
from typing import ClassVar, final

import numpy as np

from expfam._typing import FloatArray
from expfam.links._link import Link, Tolerance


@final
@dataclass(frozen=True, slots=True)
class Cauchit(Tolerance, Link):
    """eta = tan(pi (mu - 1/2)): a Cauchy tolerance, forgiving of outliers."""

    name: ClassVar[str] = "cauchit"

    def __call__(self, mu: FloatArray) -> FloatArray:
        mu = np.asarray(mu)
        return np.copysign(1 / np.tan(np.pi * np.minimum(mu, 1 - mu)), mu - 0.5)

    def inverse(self, eta: FloatArray) -> FloatArray:
        """The angle of (-eta, 1), which keeps its digits as eta -> -inf."""
        return np.arctan2(1.0, np.negative(eta)) / np.pi

    def log_cdf(self, eta: FloatArray) -> FloatArray:
        return np.where(np.less(eta, 0), np.log(self.inverse(eta)), np.log1p(-self.inverse(np.negative(eta))))

    def log_sf(self, eta: FloatArray) -> FloatArray:
        return self.log_cdf(np.negative(eta))

    def log_pdf(self, eta: FloatArray) -> FloatArray:
        return np.asarray(-np.log(np.pi) - np.log1p(np.square(eta)))

    def dlog_pdf(self, eta: FloatArray) -> FloatArray:
        return np.asarray(-2 * eta / (1 + np.square(eta)))

    def hazard(self, eta: FloatArray) -> FloatArray:
        return np.asarray(1 / (np.arctan2(1.0, eta) * (1 + np.square(eta))))

    def reversed_hazard(self, eta: FloatArray) -> FloatArray:
        return self.hazard(np.negative(eta))
