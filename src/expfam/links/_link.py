"""mu = h(eta): what a link is, and what the links that are distribution functions share."""

from abc import ABC, abstractmethod
from typing import Any

import numpy as np

from expfam._typing import FloatArray


class Link(ABC):
    """eta = g(mu), mu = h(eta), equation (5); h increases or decreases, on the open interval `domain`."""

    __slots__ = ()

    @property
    @abstractmethod
    def name(self) -> str:
        """The key of LINKS."""

    @property
    def domain(self) -> tuple[float, float]:
        """The open interval of eta."""
        return -np.inf, np.inf

    @property
    def vector(self) -> bool:
        """Does it map R^d to R^d, with arrays (n, d)?"""
        return False

    @abstractmethod
    def __call__(self, mu: FloatArray) -> FloatArray:
        """eta = g(mu)."""

    @abstractmethod
    def inverse(self, eta: FloatArray) -> FloatArray:
        """mu = h(eta)."""

    @abstractmethod
    def derivative(self, eta: FloatArray) -> FloatArray:
        """h'(eta); (n,), or the Jacobian (n, d, d)."""

    @abstractmethod
    def second(self, eta: FloatArray) -> FloatArray:
        """h''(eta); (n,), or (n, d, d, d)."""

    def bend(self, eta: FloatArray) -> FloatArray:
        """h''(eta) / h'(eta); (n,), scalar links only."""
        with np.errstate(all="ignore"):
            return self.second(eta) / self.derivative(eta)

    def to_dict(self) -> dict[str, Any]:
        """Name and parameters, as JSON can hold them; `links.from_dict` reads them."""
        return {"name": self.name}


class Tolerance(ABC):
    """h = F, a distribution function on R: y = 1 when a random tolerance stays below eta.

    S = 1 - F and f = F'. Every method keeps its digits to |eta| = 700, where F itself may underflow.
    """

    __slots__ = ()

    @abstractmethod
    def log_cdf(self, eta: FloatArray) -> FloatArray:
        """log F(eta)."""

    @abstractmethod
    def log_sf(self, eta: FloatArray) -> FloatArray:
        """log S(eta)."""

    @abstractmethod
    def log_pdf(self, eta: FloatArray) -> FloatArray:
        """log f(eta)."""

    @abstractmethod
    def dlog_pdf(self, eta: FloatArray) -> FloatArray:
        """f'(eta) / f(eta)."""

    @abstractmethod
    def hazard(self, eta: FloatArray) -> FloatArray:
        """f(eta) / S(eta) = -(log S)'."""

    @abstractmethod
    def reversed_hazard(self, eta: FloatArray) -> FloatArray:
        """f(eta) / F(eta) = (log F)'."""

    def dlog_hazard(self, eta: FloatArray) -> FloatArray:
        """(log f/S)' = f'/f + f/S."""
        return self.dlog_pdf(eta) + self.hazard(eta)

    def dlog_reversed_hazard(self, eta: FloatArray) -> FloatArray:
        """(log f/F)' = f'/f - f/F."""
        return self.dlog_pdf(eta) - self.reversed_hazard(eta)

    def derivative(self, eta: FloatArray) -> FloatArray:
        """h' = f."""
        return np.exp(self.log_pdf(eta))

    def bend(self, eta: FloatArray) -> FloatArray:
        """h'' / h' = f' / f."""
        return self.dlog_pdf(eta)

    def second(self, eta: FloatArray) -> FloatArray:
        """h'' = f'."""
        return self.dlog_pdf(eta) * np.exp(self.log_pdf(eta))
