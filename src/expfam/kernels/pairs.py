"""A pair of family and link as numbers: what compiled rows switch on. Free of Numba.

V(mu) is mu^v, mu (1 - mu) or mu + mu^2 / v, and mu = h(eta) one of nine functions; every pair of built-in ones is a
choice of each.
"""

from enum import IntEnum
from typing import NamedTuple

import numpy as np

from expfam.families import (
    Bernoulli,
    Binomial,
    ExponentialFamily,
    Gamma,
    Gaussian,
    InverseGaussian,
    NegativeBinomial,
    Poisson,
    QuasiBinomial,
    QuasiPoisson,
    Tweedie,
)
from expfam.links import (
    Canonical,
    Cauchit,
    CLogLog,
    Identity,
    Inverse,
    InverseSquared,
    Link,
    Log,
    Logit,
    LogLog,
    Power,
    Probit,
    Sqrt,
)


class Mean(IntEnum):
    """h: POWER is (a eta)^r, ODDS is a / (e^-eta - 1), the canonical link of the negative binomial."""

    IDENTITY = 0
    LOG = 1
    LOGIT = 2
    PROBIT = 3
    CLOGLOG = 4
    LOGLOG = 5
    CAUCHIT = 6
    POWER = 7
    ODDS = 8


class Variance(IntEnum):
    """V: POWER is mu^v, SHARE mu (1 - mu), COUNT mu + mu^2 / v."""

    POWER = 0
    SHARE = 1
    COUNT = 2


class Pair(NamedTuple):
    """h with its two numbers, V with its one, and the open interval of eta in which both are defined."""

    mean: int
    a: float
    r: float
    variance: int
    v: float
    low: float
    high: float


POWERS: dict[type[ExponentialFamily], float] = {
    Gaussian: 0.0, Poisson: 1.0, QuasiPoisson: 1.0, Gamma: 2.0, InverseGaussian: 3.0
}  # fmt: skip
SHARES = (Bernoulli, Binomial, QuasiBinomial)
MEANS: dict[type[Link], tuple[Mean, float, float]] = {
    Identity: (Mean.IDENTITY, 1.0, 1.0),
    Log: (Mean.LOG, 1.0, 1.0),
    Logit: (Mean.LOGIT, 1.0, 1.0),
    Probit: (Mean.PROBIT, 1.0, 1.0),
    CLogLog: (Mean.CLOGLOG, 1.0, 1.0),
    LogLog: (Mean.LOGLOG, 1.0, 1.0),
    Cauchit: (Mean.CAUCHIT, 1.0, 1.0),
    Inverse: (Mean.POWER, 1.0, -1.0),
    InverseSquared: (Mean.POWER, 1.0, -0.5),
    Sqrt: (Mean.POWER, 1.0, 2.0),
}


def pair(family: ExponentialFamily, link: Link) -> Pair | None:
    """The numbers of a scalar pair; None where one of the two is a user's own, or the family is one of classes."""
    variance, mean = _variance(family), _mean(link)
    if variance is None or mean is None:
        return None
    return Pair(*mean, *variance, *domain(family, link))


def _variance(family: ExponentialFamily) -> tuple[Variance, float] | None:
    if isinstance(family, Tweedie):
        return Variance.POWER, float(family.power)
    if isinstance(family, NegativeBinomial):
        return Variance.COUNT, float(family.theta)
    if isinstance(family, SHARES):
        return Variance.SHARE, 1.0
    return (Variance.POWER, POWERS[type(family)]) if type(family) in POWERS else None


def _mean(link: Link) -> tuple[Mean, float, float] | None:
    if isinstance(link, Power):
        return Mean.POWER, 1.0, 1 / link.exponent
    if not isinstance(link, Canonical):
        return MEANS.get(type(link))
    found = _variance(link.family)
    if found is None:
        return None
    kind, v = found
    if kind is Variance.SHARE:
        return MEANS[Logit]
    if kind is Variance.COUNT:
        return Mean.ODDS, v, 1.0
    if v in (0, 1):
        return MEANS[Log if v else Identity]
    if v in (2, 3):
        return Mean.POWER, -(v - 1), 1 / (1 - v)
    return Mean.POWER, 1 - v, 1 / (1 - v)


def domain(family: ExponentialFamily, link: Link) -> tuple[float, float]:
    """The open interval of eta in which h(eta) is a mean of the family; scalar pairs."""
    low, high = link.domain
    if isinstance(link, Canonical) and isinstance(link.family, NegativeBinomial):
        high = 0.0
    with np.errstate(all="ignore"):
        inner = [x if np.isinf(x) else np.nextafter(x, other) for x, other in ((low, high), (high, low))]
        ends = np.sort(link.inverse(np.array(inner)))
        means = np.clip(np.nan_to_num(ends, nan=0.0, posinf=np.inf, neginf=-np.inf), *family.mean_domain)
        eta = np.sort(link(means))
    known = np.where(np.isnan(eta) | np.isnan(ends), [low, high], eta)
    return max(low, float(known[0])), min(high, float(known[1]))
