"""mu = exp(-e^-eta), the mirror image of cloglog."""

from dataclasses import dataclass
from typing import ClassVar, final

import numpy as np

from expfam._typing import FloatArray
from expfam.links._link import Link, Tolerance
from expfam.links.cloglog import CLogLog

MIRROR = CLogLog()


@final
@dataclass(frozen=True, slots=True)
class LogLog(Tolerance, Link):
    """eta = -log(-log mu): F(eta) = S(-eta) of cloglog."""

    name: ClassVar[str] = "loglog"

    def __call__(self, mu: FloatArray) -> FloatArray:
        return -np.log(-np.log(mu))

    def inverse(self, eta: FloatArray) -> FloatArray:
        return np.exp(-np.exp(np.negative(eta)))

    def log_cdf(self, eta: FloatArray) -> FloatArray:
        return MIRROR.log_sf(np.negative(eta))

    def log_sf(self, eta: FloatArray) -> FloatArray:
        return MIRROR.log_cdf(np.negative(eta))

    def log_pdf(self, eta: FloatArray) -> FloatArray:
        return MIRROR.log_pdf(np.negative(eta))

    def dlog_pdf(self, eta: FloatArray) -> FloatArray:
        return np.expm1(np.negative(eta))

    def hazard(self, eta: FloatArray) -> FloatArray:
        return MIRROR.reversed_hazard(np.negative(eta))

    def reversed_hazard(self, eta: FloatArray) -> FloatArray:
        return np.exp(np.negative(eta))

    def dlog_hazard(self, eta: FloatArray) -> FloatArray:
        return -MIRROR.dlog_reversed_hazard(np.negative(eta))

    def dlog_reversed_hazard(self, eta: FloatArray) -> FloatArray:
        return -np.ones_like(eta, dtype=np.float64)
