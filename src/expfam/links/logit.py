"""mu = 1 / (1 + e^-eta), the sigmoid."""

from dataclasses import dataclass
from typing import ClassVar, final

import numpy as np
from scipy.special import expit, log_expit, logit

from expfam._typing import FloatArray
from expfam.links._link import Link, Tolerance


@final
@dataclass(frozen=True, slots=True)
class Logit(Tolerance, Link):
    """eta = log(mu / (1 - mu)): effects multiply the odds; canonical for shares."""

    name: ClassVar[str] = "logit"

    def __call__(self, mu: FloatArray) -> FloatArray:
        return np.asarray(logit(mu))

    def inverse(self, eta: FloatArray) -> FloatArray:
        return np.asarray(expit(eta))

    def log_cdf(self, eta: FloatArray) -> FloatArray:
        return np.asarray(log_expit(eta))

    def log_sf(self, eta: FloatArray) -> FloatArray:
        return np.asarray(log_expit(np.negative(eta)))

    def log_pdf(self, eta: FloatArray) -> FloatArray:
        return np.asarray(log_expit(eta) + log_expit(np.negative(eta)))

    def dlog_pdf(self, eta: FloatArray) -> FloatArray:
        return -np.tanh(np.asarray(eta) / 2)

    def hazard(self, eta: FloatArray) -> FloatArray:
        return np.asarray(expit(eta))

    def reversed_hazard(self, eta: FloatArray) -> FloatArray:
        return np.asarray(expit(np.negative(eta)))

    def dlog_hazard(self, eta: FloatArray) -> FloatArray:
        return np.asarray(expit(np.negative(eta)))

    def dlog_reversed_hazard(self, eta: FloatArray) -> FloatArray:
        return -np.asarray(expit(eta))
