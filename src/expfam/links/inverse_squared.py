"""mu = eta^(-1/2)."""

from dataclasses import dataclass
from typing import ClassVar, final

import numpy as np

from expfam._typing import FloatArray
from expfam.links._link import Link


@final
@dataclass(frozen=True, slots=True)
class InverseSquared(Link):
    """eta = 1 / mu^2 > 0: canonical for the inverse Gaussian up to a factor."""

    name: ClassVar[str] = "inverse_squared"
    domain: ClassVar[tuple[float, float]] = (0.0, np.inf)

    def __call__(self, mu: FloatArray) -> FloatArray:
        return 1 / np.square(mu)

    def inverse(self, eta: FloatArray) -> FloatArray:
        return 1 / np.sqrt(eta)

    def derivative(self, eta: FloatArray) -> FloatArray:
        return -0.5 * np.power(eta, -1.5)

    def second(self, eta: FloatArray) -> FloatArray:
        return 0.75 * np.power(eta, -2.5)
