"""mu = e^eta."""

from dataclasses import dataclass
from typing import ClassVar, final

import numpy as np

from expfam._typing import FloatArray
from expfam.links._link import Link


@final
@dataclass(frozen=True, slots=True)
class Log(Link):
    """eta = log mu: effects multiply the mean."""

    name: ClassVar[str] = "log"

    def __call__(self, mu: FloatArray) -> FloatArray:
        return np.log(mu)

    def inverse(self, eta: FloatArray) -> FloatArray:
        return np.exp(eta)

    def derivative(self, eta: FloatArray) -> FloatArray:
        return np.exp(eta)

    def second(self, eta: FloatArray) -> FloatArray:
        return np.exp(eta)
