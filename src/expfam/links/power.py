"""mu = eta^(1/k)."""

from dataclasses import dataclass
from typing import Any, ClassVar, final

import numpy as np

from expfam._typing import FloatArray
from expfam.errors import FamilyError
from expfam.links._link import Link


@final
@dataclass(frozen=True, slots=True)
class Power(Link):
    """eta = mu^k for eta > 0. Raises FamilyError for k = 0, whose limit is the log link."""

    exponent: float
    name: ClassVar[str] = "power"
    domain: ClassVar[tuple[float, float]] = (0.0, np.inf)

    def __post_init__(self) -> None:
        if not np.isfinite(self.exponent) or self.exponent == 0:
            raise FamilyError(f"Power({self.exponent!r}): it must be finite and not 0; link='log' is the limit at 0")

    def __call__(self, mu: FloatArray) -> FloatArray:
        return np.power(mu, self.exponent)

    def inverse(self, eta: FloatArray) -> FloatArray:
        return np.power(eta, 1 / self.exponent)

    def derivative(self, eta: FloatArray) -> FloatArray:
        r = 1 / self.exponent
        return r * np.power(eta, r - 1)

    def second(self, eta: FloatArray) -> FloatArray:
        r = 1 / self.exponent
        return r * (r - 1) * np.power(eta, r - 2)

    def to_dict(self) -> dict[str, Any]:
        return {"name": self.name, "exponent": float(self.exponent)}
