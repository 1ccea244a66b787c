"""mu = 1 / eta."""

from dataclasses import dataclass
from typing import ClassVar, final

import numpy as np

from expfam._typing import FloatArray
from expfam.links._link import Link


@final
@dataclass(frozen=True, slots=True)
class Inverse(Link):
    """eta = 1 / mu > 0: effects add to the rate; canonical for Gamma up to the sign."""

    name: ClassVar[str] = "inverse"
    domain: ClassVar[tuple[float, float]] = (0.0, np.inf)

    def __call__(self, mu: FloatArray) -> FloatArray:
        return 1 / mu

    def inverse(self, eta: FloatArray) -> FloatArray:
        return 1 / eta

    def derivative(self, eta: FloatArray) -> FloatArray:
        return -1 / np.square(eta)

    def second(self, eta: FloatArray) -> FloatArray:
        return 2 / np.power(eta, 3)
