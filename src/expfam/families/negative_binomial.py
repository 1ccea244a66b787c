"""Counts of mean mu and variance mu + mu^2 / theta, theta known: a Poisson of Gamma distributed rate."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, final

import numpy as np
from scipy.special import betainc, digamma, gammaln, polygamma, xlog1py, xlogy

from expfam._typing import BoolArray, FloatArray
from expfam.errors import FamilyError
from expfam.families._family import ExponentialFamily, Scale
from expfam.families._special import log_ratio, poisson_draws, tabled, whole, whole_below

STIRLING = 100.0  # from here on Stirling's series has all digits, and its differences lose none


@final
@dataclass(frozen=True, slots=True)
class NegativeBinomial(ExponentialFamily):
    """a(psi) = -theta log(1 - e^psi), psi = log(mu / (mu + theta)), in MASS's parametrisation.

    The default link is log: the canonical one asks for eta < 0. Raises FamilyError unless 0 < theta < inf.
    """

    theta: float
    name: ClassVar[str] = "negative_binomial"
    mean_domain: ClassVar[tuple[float, float]] = (0.0, np.inf)
    fixed_dispersion: ClassVar[bool] = True
    default_link: ClassVar[str] = "log"
    allowed: ClassVar[str] = "a count >= 0"
    remedy: ClassVar[str] = "correct or drop such rows; family='gaussian' takes negative numbers"

    def __post_init__(self) -> None:
        if not 0 < self.theta < np.inf:
            raise FamilyError(
                f"NegativeBinomial(theta={self.theta!r}): theta must be a finite number > 0; "
                "take Poisson() for theta = infinity"
            )

    def a(self, psi: FloatArray) -> FloatArray:
        return -self.theta * np.log(-np.expm1(psi))

    def mean(self, psi: FloatArray) -> FloatArray:
        return self.theta / np.expm1(-np.asarray(psi))

    def natural(self, mu: FloatArray) -> FloatArray:
        return -np.log1p(self.theta / mu)

    def variance(self, mu: FloatArray) -> FloatArray:
        return mu * (1 + mu / self.theta)

    def dvariance(self, mu: FloatArray) -> FloatArray:
        return 1 + 2 * mu / self.theta

    def conjugate(self, t: FloatArray) -> FloatArray:
        return np.asarray(xlogy(t, t / (t + self.theta)) - self.theta * np.log1p(t / self.theta))

    def loss(self, t: FloatArray, mu: FloatArray) -> FloatArray:
        """t log(t / mu) - (t + theta) log((t + theta) / (mu + theta))."""
        theta = self.theta
        odds = theta / mu * ((t - mu) / (t + theta))
        return np.asarray(xlog1py(t, odds) - theta * log_ratio(t, mu, theta))

    def outside(self, y: FloatArray) -> BoolArray:
        return y < 0

    def log_saturated(self, y: FloatArray, precision: Scale) -> FloatArray:
        size = np.asarray(precision * self.theta)

        def at(count: FloatArray) -> FloatArray:
            saturated = xlogy(count, count) - (count + size) * np.log1p(count / size)
            return np.asarray(rising(size, count) - gammaln(count + 1) + saturated)

        count = precision * np.asarray(y)
        return at(count) if size.ndim else tabled(at, count)

    def draw(self, mu: FloatArray, rng: np.random.Generator, phi: Scale = 1.0, weight: Scale = 1.0) -> FloatArray:
        precision = weight / phi
        return np.asarray(poisson_draws(rng, rng.gamma(precision * self.theta, mu / self.theta)) / precision)

    def cdf(self, y: FloatArray, mu: FloatArray, phi: Scale = 1.0, weight: Scale = 1.0) -> FloatArray:
        return self._at_most(whole(y * (weight / phi)), mu, weight / phi)

    def cdf_left(self, y: FloatArray, mu: FloatArray, phi: Scale = 1.0, weight: Scale = 1.0) -> FloatArray:
        return self._at_most(whole_below(y * (weight / phi)), mu, weight / phi)

    def _at_most(self, count: FloatArray, mu: FloatArray, precision: Scale) -> FloatArray:
        """P(N <= count) = I_q(size, count + 1), q = theta / (theta + mu)."""
        tail = betainc(precision * self.theta, np.maximum(count, 0) + 1, self.theta / (self.theta + mu))
        return np.where(count < 0, 0.0, tail)

    def to_dict(self) -> dict[str, Any]:
        return {"name": self.name, "theta": float(self.theta)}


def rising(size: FloatArray, count: FloatArray) -> FloatArray:
    """log Gamma(s + c) / (Gamma(s) s^c) for s > 0, c >= 0: 0 at c = 0 and 1, and as s grows without bound."""
    return _either(_direct, _stirling, size, count)


def slopes_of_rising(size: FloatArray, count: FloatArray) -> tuple[FloatArray, FloatArray]:
    """The first two derivatives of `rising` in s."""
    first, second = _either(_direct_slopes, _stirling_slopes, size, count)
    return first, second


def _either(
    near: Callable[..., FloatArray], far: Callable[..., FloatArray], s: FloatArray, c: FloatArray
) -> FloatArray:
    large = np.asarray(s) >= STIRLING
    if large.all():
        return far(s, c)
    if not large.any():
        return near(s, c)
    return np.where(large, far(np.maximum(s, STIRLING), c), near(np.minimum(s, STIRLING), c))


def _direct(s: FloatArray, c: FloatArray) -> FloatArray:
    return np.asarray(gammaln(s + c) - gammaln(s) - c * np.log(s))


def _direct_slopes(s: FloatArray, c: FloatArray) -> FloatArray:
    second = polygamma(1, s + c) - polygamma(1, s) + c / np.square(s)
    return np.stack([digamma(s + c) - digamma(s) - c / s, second])


def _stirling(s: FloatArray, c: FloatArray) -> FloatArray:
    """Stirling's series at s + c less that at s, the leading terms taken by hand."""
    a, b = 1 / s, 1 / (s + c)
    tails = (b - a) / 12 - (b**3 - a**3) / 360 + (b**5 - a**5) / 1260
    return np.asarray((s + c - 0.5) * np.log1p(c * a) - c + tails)


def _stirling_slopes(s: FloatArray, c: FloatArray) -> FloatArray:
    a, b = 1 / s, 1 / (s + c)
    tails = [b**k - a**k for k in range(1, 8)]
    first = np.log1p(c * a) - c * a + c * a * b / 2 - tails[1] / 12 + tails[3] / 120 - tails[5] / 252
    second = c * a * (a - b) + tails[1] / 2 + tails[2] / 6 - tails[4] / 30 + tails[6] / 42
    return np.stack([first, second])
