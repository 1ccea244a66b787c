"""mu = Phi(eta), the normal distribution function."""

from dataclasses import dataclass
from typing import ClassVar, final

import numpy as np
from scipy.special import erfcx, log_ndtr, ndtr, ndtri

from expfam._typing import FloatArray
from expfam.links._link import Link, Tolerance


@final
@dataclass(frozen=True, slots=True)
class Probit(Tolerance, Link):
    """eta = Phi^-1(mu): a normal tolerance."""

    name: ClassVar[str] = "probit"

    def __call__(self, mu: FloatArray) -> FloatArray:
        return np.asarray(ndtri(mu))

    def inverse(self, eta: FloatArray) -> FloatArray:
        return np.asarray(ndtr(eta))

    def log_cdf(self, eta: FloatArray) -> FloatArray:
        return np.asarray(log_ndtr(eta))

    def log_sf(self, eta: FloatArray) -> FloatArray:
        return np.asarray(log_ndtr(np.negative(eta)))

    def log_pdf(self, eta: FloatArray) -> FloatArray:
        return np.asarray(-(np.square(eta) + np.log(2 * np.pi)) / 2)

    def dlog_pdf(self, eta: FloatArray) -> FloatArray:
        return np.negative(eta)

    def hazard(self, eta: FloatArray) -> FloatArray:
        return np.asarray(np.sqrt(2 / np.pi) / erfcx(eta / np.sqrt(2)))

    def reversed_hazard(self, eta: FloatArray) -> FloatArray:
        return self.hazard(np.negative(eta))
