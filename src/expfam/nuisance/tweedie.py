"""The power p of V(mu) = mu^p, 1 < p < 2, and phi, by maximum likelihood: the density of Dunn and Smyth (2005).

u = (p, lambda), lambda = -log phi, k = w e^lambda. With alpha = (2-p) / (p-1), over the numbers j of claims behind y:

  log b = log sum_j e^(j zeta) / (j! Gamma(j alpha)) - log y,   zeta = alpha log(k y / (p-1)) + log(k / (2-p))
  k (psi y - a) = k (y mu^(1-p) / (1-p) - mu^(2-p) / (2-p))

Derivatives of log b are moments of j and of j digamma(j alpha) under the terms of the series. Where phi is small the
saddlepoint gives log p(y; mu = y) = log b + k a*(y) instead, k a*(y) = k (psi y - a) at mu = y.
"""

from dataclasses import dataclass, replace
from typing import ClassVar, final

import numpy as np
from scipy.special import digamma, gammaln, polygamma

from expfam._typing import FloatArray
from expfam.families import ExponentialFamily, Tweedie
from expfam.families._mean import mean_of
from expfam.families._saddle import concentrated, log_at_mean, log_variation, small
from expfam.families.tweedie import along, slabs
from expfam.model import Prepared
from expfam.nuisance.joint import Base, Free, Means
from expfam.nuisance.number import Box, Curve, Nuisance, climb, covariance

LOW, HIGH = 1.001, 1.999  # as near to Poisson and Gamma as the series goes
GRID = (1.1, 1.3, 1.5, 1.7, 1.9)
SAMPLE = 4096  # positive rows, and an eighth of the means, that do for a start
ROUGH = 0.3  # standard errors of phi that do for a start
WIDE = 600.0  # of log phi
ROUNDING = 1e-13  # square of a relative error that losses, sums of numbers near 1, tell from none
EXACT = (
    "the means meet every response, so that no dispersion is left to tell the power by; 1.5 stands in for it. Take "
    "fewer columns, or give Tweedie(power=...)"
)
ENDS = {
    LOW: "power runs to 1, where y / phi is a Poisson count: the responses are multiples of one number. Take "
    "family='poisson', 'quasipoisson' or 'negative_binomial'",
    HIGH: "power runs to 2, where no zeros are: take family='gamma', or give Tweedie(power=...)",
}


@final
@dataclass(frozen=True, slots=True)
class FreePower(Free):
    """u = (p, -log phi); the first means are those of p = 1.5. A known `phi` stays, and so does the unit then.

    Responses y / unit have phi unit^(p-2): in a unit of their own size p and phi are nearly independent.
    """

    phi: float | None = None
    unit: float = 1.0
    name: ClassVar[str] = "power"
    first: ClassVar[Tweedie] = Tweedie(1.5)

    @property
    def box(self) -> Box:
        """p within the series' reach; phi moves unless it is known."""
        moving = (0, 1) if self.phi is None else (0,)
        return Box(np.array([LOW, -WIDE]), np.array([HIGH, WIDE]), np.array([0.1, 2.0]), moving)

    def number(self, first: float) -> float:
        return {LOW: 1.0, HIGH: 2.0}.get(first, first)

    def at(self, number: float, phi: float = 1.0) -> FloatArray:
        return np.array([number, (2 - number) * np.log(self.unit) - np.log(phi)])

    def in_unit(self, prepared: Prepared) -> "FreePower":
        """The power of two next to the mean, by which to divide is exact."""
        mean = float(mean_of(prepared.model.family, prepared.data.y, prepared.data.weight)[0])
        return self if self.phi is not None or not mean > 0 else replace(self, unit=2.0 ** round(np.log2(mean)))

    def family(self, u: FloatArray) -> ExponentialFamily:
        return Tweedie(float(u[0]))

    def base(self, prepared: Prepared) -> Base:
        """The positive responses: b is 1 at 0."""
        some = prepared.data.y > 0
        f = np.ones(prepared.data.n) if prepared.frequency is None else prepared.frequency
        return Base(prepared.data.y[some] / self.unit, prepared.precision[some], f[some])

    def log_b(self, u: FloatArray, base: Base) -> Curve:
        return log_b(u, base)

    def of_means(self, u: FloatArray, means: Means) -> Curve:
        return _linear(u, self._scaled(means))

    def _scaled(self, means: Means) -> Means:
        return Means(means.mu / self.unit, means.log - np.log(self.unit), means.t / self.unit, means.weight)

    def start(self, base: Base, means: Means) -> FloatArray | Nuisance:
        """The best power of a grid for a sample of the rows, phi at its best for each; none where no dispersion is."""
        if self.phi is None and _exact(self.first.power, self._scaled(means)):
            return Nuisance(self.name, self.first.power, np.nan, EXACT)
        base, means = base.thinned(SAMPLE), means.thinned(8 * SAMPLE)
        others = replace(self.box, moving=self.box.moving[1:])
        tried = []
        for p in GRID:
            begin = np.array([p, -np.log(self._first_phi(p, means))])
            u, at, _ = climb(lambda u: self.curve(u, base, means), begin, others, ROUGH)
            tried.append((at.value, u))
        return max(tried, key=lambda each: each[0])[1]

    def _first_phi(self, p: float, means: Means) -> float:
        """Pearson's phi at the first means."""
        if self.phi is not None:
            return self.phi
        return _misses(p, self._scaled(means)) / len(means.mu)

    def told(self, u: FloatArray, at: Curve) -> tuple[Nuisance, ...]:
        note = next((text for end, text in ENDS.items() if u[0] == end), "")
        moving = (1,) * (self.phi is None) if note else self.box.moving
        spread, grown = covariance(at, moving), np.log(self.unit)
        power = Nuisance(self.name, float(u[0]), np.nan if note else float(np.sqrt(spread[0, 0])), note)
        if self.phi is not None:
            return (power,)
        phi, slope = float(np.exp((2 - u[0]) * grown - u[1])), np.array([grown, 1.0])[list(moving)]
        return power, Nuisance("dispersion", phi, phi * float(np.sqrt(slope @ spread @ slope)))


def _misses(p: float, means: Means) -> float:
    """sum w (t - mu)^2 / mu^p."""
    return float(means.weight @ (((means.t - means.mu) / means.mu) ** 2 * np.power(means.mu, 2 - p)))


def _exact(p: float, means: Means) -> bool:
    """Do the means differ from the responses by rounding alone?"""
    return _misses(p, means) <= ROUNDING * float(means.weight @ np.power(means.mu, 2 - p))


def _linear(u: FloatArray, means: Means) -> Curve:
    """sum w e^lambda (t mu^(1-p) / (1-p) - mu^(2-p) / (2-p)), a curve in (p, lambda)."""
    p, scale = float(u[0]), float(np.exp(u[1]))
    grown = np.exp((1 - p) * means.log)
    low, high = _powers(grown, means.log, 1 - p), _powers(grown * means.mu, means.log, 2 - p)
    w, t = scale * means.weight, means.t
    value, slope, curvature = (float(w @ (t * a - b)) for a, b in zip(low, high, strict=True))
    return Curve(value, np.array([-slope, value]), np.array([[curvature, -slope], [-slope, value]]))


def _powers(grown: FloatArray, log: FloatArray, q: float) -> tuple[FloatArray, FloatArray, FloatArray]:
    """mu^q / q and its two derivatives in q, from mu^q and log mu."""
    value, turned = grown / q, log - 1 / q
    return value, value * turned, value * (turned**2 + 1 / q**2)


def log_b(u: FloatArray, base: Base) -> Curve:
    """sum f log b(y; phi / w, p) of positive y, a curve in (p, lambda)."""
    near, far = _split(u, base)
    return _series(u, near) + _saddle(u, far) + _conjugate(u, far, -1.0)


def log_saturated(u: FloatArray, base: Base) -> Curve:
    """sum f log p(y; mu = y) of positive y, a curve in (p, lambda)."""
    near, far = _split(u, base)
    return _series(u, near) + _conjugate(u, near, 1.0) + _saddle(u, far)


def _split(u: FloatArray, base: Base) -> tuple[Base, Base]:
    """The rows of the series, and those of the saddlepoint."""
    p = float(u[0])
    far = concentrated(p, log_variation(p, base.y, base.precision * np.exp(u[1])))
    return base.take(~far), base.take(far)


def _conjugate(u: FloatArray, base: Base, sign: float) -> Curve:
    """sign sum f k a*(y)."""
    return _linear(u, Means(base.y, np.log(base.y), base.y, sign * base.frequency * base.precision))


def _saddle(u: FloatArray, base: Base) -> Curve:
    """sum f log p(y; mu = y) where it is concentrated; log xi has slopes log y in p and -1 in lambda."""
    p, f, log = float(u[0]), base.frequency, np.log(base.y)
    log_xi = log_variation(p, base.y, base.precision * np.exp(u[1]))
    of, free = small(p, log_xi), 0.5 * float(f.sum())
    slope = np.array([f @ ((of.v - 0.5) * log + of.p), free - f @ of.v])
    along_p, across = f @ (of.vv * log**2 + 2 * of.vp * log + of.pp), -(f @ (of.vv * log + of.vp))
    curvature = np.array([[along_p, across], [across, f @ of.vv]])
    return Curve(float(f @ log_at_mean(p, base.y, log_xi)), slope, curvature)


def _series(u: FloatArray, base: Base) -> Curve:
    """sum f log b of positive y, a curve in (p, lambda).

    The terms e^(j zeta) / (j! Gamma(j alpha)) have slopes j zeta' - alpha' D in p, D = j digamma(j alpha), and
    j (1 + alpha) in lambda: so those of log b are means of j and D under the terms, their curvatures variances beside.
    """
    p, k = float(u[0]), base.precision * np.exp(u[1])
    alpha, a1, a2 = (2 - p) / (p - 1), -1 / (p - 1) ** 2, 2 / (p - 1) ** 3
    log = np.log(k * base.y / (p - 1))
    zeta = alpha * log + np.log(k / (2 - p))
    z1 = a1 * log - alpha / (p - 1) + 1 / (2 - p)
    z2 = a2 * log - 2 * a1 / (p - 1) + alpha / (p - 1) ** 2 + 1 / (2 - p) ** 2
    total = Curve(0.0, np.zeros(2), np.zeros((2, 2)))
    for rows, first, width in slabs(k * np.power(base.y, 2 - p) / (2 - p), 1 / (1 + alpha)):
        value, j, D, jj, jD, DD, bend = _moments(zeta[rows], alpha, first, width)
        f, up = base.frequency[rows], z1[rows]
        bend = a2 * D + a1**2 * bend  # of -log Gamma(j alpha) in p, negated
        along_p = f @ (up**2 * jj - 2 * a1 * up * jD + a1**2 * DD + z2[rows] * j - bend)
        across = (1 + alpha) * (f @ (up * jj - a1 * jD)) + a1 * (f @ j)
        slope = np.array([f @ (up * j - a1 * D), (1 + alpha) * (f @ j)])
        curvature = np.array([[along_p, across], [across, (1 + alpha) ** 2 * (f @ jj)]])
        total = total + Curve(float(f @ value), slope, curvature)
    return total


def _moments(zeta: FloatArray, alpha: float, first: FloatArray, width: int) -> tuple[FloatArray, ...]:
    """log of the sum of the terms over a window of j; under them the means of j and D = j digamma(j alpha), variance of
    j, covariance, variance of D, mean of j^2 trigamma(j alpha); (rows,) each."""
    j, D = along(np.copy, first, width), along(lambda j: j * digamma(j * alpha), first, width)
    share = j * zeta[:, None] - along(lambda j: gammaln(j + 1) + gammaln(j * alpha), first, width)
    top = share.max(axis=1)
    share -= top[:, None]
    np.exp(share, out=share)
    total = share.sum(axis=1)

    def mean(x: FloatArray) -> FloatArray:
        return np.asarray((share @ x[0] if len(x) == 1 else np.einsum("nj,nj->n", share, x)) / total)

    middle = slice(width // 2, width // 2 + 1)  # moments around it keep their digits
    J, E = j - j[:, middle], D - D[:, middle]
    a, b = mean(J), mean(E)
    bend = mean(along(lambda j: j**2 * polygamma(1, j * alpha), first, width))
    around = mean(J * J) - a * a, mean(J * E) - a * b, mean(E * E) - b * b
    return top + np.log(total), a + j[:, middle][:, 0], b + D[:, middle][:, 0], *around, bend
