"""mu = 1 - exp(-e^eta)."""

from dataclasses import dataclass
from typing import ClassVar, final

import numpy as np
from scipy.special import exprel

from expfam._typing import FloatArray
from expfam.links._link import Link, Tolerance


@final
@dataclass(frozen=True, slots=True)
class CLogLog(Tolerance, Link):
    """eta = log(-log(1 - mu)): effects multiply the hazard e^eta."""

    name: ClassVar[str] = "cloglog"

    def __call__(self, mu: FloatArray) -> FloatArray:
        return np.log(-np.log1p(-np.asarray(mu)))

    def inverse(self, eta: FloatArray) -> FloatArray:
        return -np.expm1(-np.exp(eta))

    def log_cdf(self, eta: FloatArray) -> FloatArray:
        """Two forms, each for the side where the other rounds: log(1 - e^-x) at x = e^eta."""
        x = np.exp(eta)
        small = np.log(-np.expm1(-np.clip(x, 1e-300, 1.0))) + np.minimum(eta - np.log(1e-300), 0.0)
        return np.where(x < np.log(2), small, np.log1p(-np.exp(-np.maximum(x, 0.5))))

    def log_sf(self, eta: FloatArray) -> FloatArray:
        return -np.exp(eta)

    def log_pdf(self, eta: FloatArray) -> FloatArray:
        return eta - np.exp(eta)

    def dlog_pdf(self, eta: FloatArray) -> FloatArray:
        return -np.expm1(eta)

    def hazard(self, eta: FloatArray) -> FloatArray:
        return np.exp(eta)

    def reversed_hazard(self, eta: FloatArray) -> FloatArray:
        return 1 / np.asarray(exprel(np.exp(eta)))

    def dlog_hazard(self, eta: FloatArray) -> FloatArray:
        return np.ones_like(eta, dtype=np.float64)
