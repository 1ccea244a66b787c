"""psi = eta: the link that a family brings along."""

from dataclasses import dataclass
from typing import ClassVar, final

import numpy as np

from expfam._typing import FloatArray
from expfam.families import ExponentialFamily
from expfam.links._link import Link


@final
@dataclass(frozen=True, slots=True)
class Canonical(Link):
    """g = natural, h = mean, h' = V, h'' = V V' of `family`; the domain of eta is that of psi."""

    family: ExponentialFamily
    name: ClassVar[str] = "canonical"

    @property
    def domain(self) -> tuple[float, float]:
        """The open interval of psi: natural at the ends of the means, infinite where undefined."""
        with np.errstate(all="ignore"):
            low, high = (float(self.family.natural(np.array([end]))[0]) for end in self.family.mean_domain)
        return -np.inf if np.isnan(low) else low, np.inf if np.isnan(high) else high

    def __call__(self, mu: FloatArray) -> FloatArray:
        return self.family.natural(mu)

    def inverse(self, eta: FloatArray) -> FloatArray:
        return self.family.mean(eta)

    def derivative(self, eta: FloatArray) -> FloatArray:
        return self.family.variance_at(eta)

    def second(self, eta: FloatArray) -> FloatArray:
        mu = self.family.mean(eta)
        return self.family.variance(mu) * self.family.dvariance(mu)
