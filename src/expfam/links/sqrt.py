"""mu = eta^2."""

from dataclasses import dataclass
from typing import ClassVar, final

import numpy as np

from expfam._typing import FloatArray
from expfam.links._link import Link


@final
@dataclass(frozen=True, slots=True)
class Sqrt(Link):
    """eta = sqrt(mu) > 0: the scale on which the variance of a count is constant."""

    name: ClassVar[str] = "sqrt"
    domain: ClassVar[tuple[float, float]] = (0.0, np.inf)

    def __call__(self, mu: FloatArray) -> FloatArray:
        return np.sqrt(mu)

    def inverse(self, eta: FloatArray) -> FloatArray:
        return np.square(eta)

    def derivative(self, eta: FloatArray) -> FloatArray:
        return 2 * np.asarray(eta)

    def second(self, eta: FloatArray) -> FloatArray:
        return np.full_like(eta, 2.0, dtype=np.float64)
