"""theta of Var = mu + mu^2 / theta, by maximum likelihood: MASS::glm.nb and theta.ml (Venables and Ripley 2002, 7.4).

Weights multiply the log-densities, as there, so frequency weights count rows. In u = log theta:

  log b = log Gamma(theta + y) - log Gamma(theta) - log y!      psi y - a = y log mu - (y + theta) log(1 + mu / theta)

each without y log theta, which cancels. As theta runs to infinity the slope in 1 / theta is sum w ((y - mu)^2 - y) / 2
at Poisson's means: where that is not positive, and no theta does better, Poisson is the best there is.
"""

from dataclasses import dataclass
from typing import ClassVar, final

import numpy as np

from expfam._typing import FloatArray
from expfam.families import ExponentialFamily, NegativeBinomial, Poisson
from expfam.families.negative_binomial import rising, slopes_of_rising
from expfam.model import Prepared
from expfam.nuisance.joint import Base, Free, Means
from expfam.nuisance.number import Box, Curve, Nuisance
from expfam.parallel import ordered_sum, slices

GRID = (0.01, 0.1, 1.0, 10.0, 100.0, 1e4)
BOX = Box(np.log([1e-8]), np.log([1e12]), np.array([2.0]), (0,))
INFINITE = (
    "theta runs to infinity: given their means the counts vary no more than a Poisson distribution lets them, and this "
    "is the Poisson fit; ask for family='poisson', or 'quasipoisson' if they vary less"
)


@final
@dataclass(frozen=True, slots=True)
class FreeTheta(Free):
    """u = log theta; the first means are Poisson's."""

    name: ClassVar[str] = "theta"
    box: ClassVar[Box] = BOX
    first: ClassVar[ExponentialFamily] = Poisson()

    def number(self, first: float) -> float:
        return {float(BOX.lower[0]): 0.0, float(BOX.upper[0]): np.inf}.get(first, float(np.exp(first)))

    def at(self, number: float, phi: float = 1.0) -> FloatArray:
        return np.log([number]) if np.isfinite(number) else BOX.upper

    def family(self, u: FloatArray) -> ExponentialFamily:
        return NegativeBinomial(float(np.exp(u[0])))

    def base(self, prepared: Prepared) -> Base:
        """Each count once, with its weights summed."""
        y, place = np.unique(prepared.data.y, return_inverse=True)
        return Base(y, np.ones(len(y)), np.asarray(np.bincount(place, prepared.data.weight), dtype=float))

    def log_b(self, u: FloatArray, base: Base) -> Curve:
        theta = np.exp(u[0])
        parts = rising(theta, base.y), *slopes_of_rising(theta, base.y)
        return _free_scale(float(theta), *(float(base.frequency @ part) for part in parts))

    def of_means(self, u: FloatArray, means: Means) -> Curve:
        theta = float(np.exp(u[0]))
        mu, t, w = means.mu, means.t, means.weight
        grown, total = np.log1p(mu / theta), mu + theta
        share = mu / (theta * total)
        value = w @ (t * means.log - (t + theta) * grown)
        slope = w @ ((t + theta) * share - grown)
        curvature = w @ (share * (1 + (theta * total - (t + theta) * (total + theta)) / (theta * total)))
        return _free_scale(theta, float(value), float(slope), float(curvature))

    def start(self, base: Base, means: Means) -> FloatArray | Nuisance:
        """The best of a grid of theta and the estimate of moments; Poisson, if none is better and more is worse."""
        sums = ordered_sum(lambda at: _moments(means.take(at)), slices(len(means.mu)))
        excess = float(base.frequency @ (base.y**2 - base.y)) - sums[0]
        moment = () if not excess > 0 else (float(np.clip(sums[1] / excess, 1e-6, 1e10)),)
        tried = {theta: self.curve(np.log([theta]), base, means).value for theta in (*GRID, *moment)}
        best = max(tried, key=lambda theta: tried[theta])
        if not excess > 0 and tried[best] <= sums[2] + 1e-12 * abs(sums[2]):
            return Nuisance(self.name, np.inf, np.nan, INFINITE)
        return np.log([best])

    def told(self, u: FloatArray, at: Curve) -> tuple[Nuisance, ...]:
        theta, bend = float(np.exp(u[0])), -float(at.curvature[0, 0])
        return (Nuisance(self.name, theta, theta / float(np.sqrt(bend)) if bend > 0 else np.nan),)


def _free_scale(theta: float, value: float, slope: float, curvature: float) -> Curve:
    """A curve in theta as one in log theta."""
    bend = theta**2 * curvature + theta * slope
    return Curve(value, np.array([theta * slope]), np.array([[bend]]))


def _moments(means: Means) -> FloatArray:
    """What (y - mu)^2 - y sums to beside y^2 - y, negated; sum w mu^2; Poisson's log-likelihood."""
    mu, t, w = means.mu, means.t, means.weight
    return np.array([w @ (mu * (2 * t - mu)), w @ mu**2, w @ (t * means.log - mu)])
