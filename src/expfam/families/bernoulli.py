"""y in {0, 1} with P(y = 1) = mu: the family behind logistic regression."""

from dataclasses import dataclass
from typing import ClassVar, final

import numpy as np

from expfam._typing import BoolArray, FloatArray
from expfam.families._family import ExponentialFamily, Scale
from expfam.families._partition import SharePartition


@final
@dataclass(frozen=True, slots=True)
class Bernoulli(SharePartition, ExponentialFamily):
    """a(psi) = log(1 + e^psi), psi = log(mu / (1 - mu)), b = 1; a weight stands for as many equal rows."""

    name: ClassVar[str] = "bernoulli"
    mean_domain: ClassVar[tuple[float, float]] = (0.0, 1.0)
    fixed_dispersion: ClassVar[bool] = True
    default_link: ClassVar[str] = "logit"
    allowed: ClassVar[str] = "0 or 1"
    remedy: ClassVar[str] = (
        "code two classes as 0 and 1 or as text; for shares in [0, 1] take family='binomial' with trials="
    )

    def outside(self, y: FloatArray) -> BoolArray:
        return np.not_equal(y, 0) & np.not_equal(y, 1)

    def log_saturated(self, y: FloatArray, precision: Scale) -> FloatArray:
        return np.zeros(np.broadcast_shapes(np.shape(y), np.shape(precision)))

    def loglik(self, y: FloatArray, deviance: float, weight: Scale = 1.0, frequency: Scale = 1.0) -> float:
        return -deviance / 2

    def draw(self, mu: FloatArray, rng: np.random.Generator, phi: Scale = 1.0, weight: Scale = 1.0) -> FloatArray:
        return np.asarray(rng.random(np.shape(mu)) < mu, dtype=np.float64)

    def cdf(self, y: FloatArray, mu: FloatArray, phi: Scale = 1.0, weight: Scale = 1.0) -> FloatArray:
        return np.where(y < 0, 0.0, np.where(y < 1, 1 - mu, 1.0))

    def cdf_left(self, y: FloatArray, mu: FloatArray, phi: Scale = 1.0, weight: Scale = 1.0) -> FloatArray:
        return np.where(y <= 0, 0.0, np.where(y <= 1, 1 - mu, 1.0))
