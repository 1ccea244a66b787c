"""y = counts / w, counts ~ Poisson(w mu)."""

from dataclasses import dataclass
from typing import ClassVar, final

import numpy as np
from scipy.special import gammaln, pdtr, xlogy

from expfam._typing import FloatArray
from expfam.families._family import ExponentialFamily, Scale
from expfam.families._partition import CountPartition
from expfam.families._special import poisson_draws, tabled, whole, whole_below


@final
@dataclass(frozen=True, slots=True)
class Poisson(CountPartition, ExponentialFamily):
    """a(psi) = e^psi, b(y) = 1 / y!; w y is the count; where it is not whole, gamma continues b."""

    name: ClassVar[str] = "poisson"
    mean_domain: ClassVar[tuple[float, float]] = (0.0, np.inf)
    fixed_dispersion: ClassVar[bool] = True
    default_link: ClassVar[str] = "log"
    allowed: ClassVar[str] = "a count or rate >= 0"
    remedy: ClassVar[str] = "correct or drop such rows; family='gaussian' takes negative numbers"

    def log_saturated(self, y: FloatArray, precision: Scale) -> FloatArray:
        return tabled(lambda count: xlogy(count, count) - count - gammaln(count + 1), precision * np.asarray(y))

    def draw(self, mu: FloatArray, rng: np.random.Generator, phi: Scale = 1.0, weight: Scale = 1.0) -> FloatArray:
        return np.asarray(poisson_draws(rng, mu * (weight / phi)) / (weight / phi))

    def cdf(self, y: FloatArray, mu: FloatArray, phi: Scale = 1.0, weight: Scale = 1.0) -> FloatArray:
        return _at_most(whole(y * (weight / phi)), mu * (weight / phi))

    def cdf_left(self, y: FloatArray, mu: FloatArray, phi: Scale = 1.0, weight: Scale = 1.0) -> FloatArray:
        return _at_most(whole_below(y * (weight / phi)), mu * (weight / phi))


def _at_most(count: FloatArray, rate: FloatArray) -> FloatArray:
    """P(N <= count) for N ~ Poisson(rate)."""
    return np.where(count < 0, 0.0, pdtr(np.maximum(count, 0), rate))
