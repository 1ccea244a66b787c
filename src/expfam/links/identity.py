"""mu = eta."""

from dataclasses import dataclass
from typing import ClassVar, final

import numpy as np

from expfam._typing import FloatArray
from expfam.links._link import Link


@final
@dataclass(frozen=True, slots=True)
class Identity(Link):
    """mu = eta: effects add to the mean."""

    name: ClassVar[str] = "identity"

    def __call__(self, mu: FloatArray) -> FloatArray:
        return mu

    def inverse(self, eta: FloatArray) -> FloatArray:
        return eta

    def derivative(self, eta: FloatArray) -> FloatArray:
        return np.ones_like(eta, dtype=np.float64)

    def second(self, eta: FloatArray) -> FloatArray:
        return np.zeros_like(eta, dtype=np.float64)
