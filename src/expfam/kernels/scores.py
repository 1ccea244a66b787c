"""d loss / d eta = (mu - t) h' / V of one row of any built-in pair, compiled; digits are kept in both tails.

A link gives h, h', and the two hazards h'/h and h'/(1 - h), each in the form that neither cancels nor underflows before
its value does. Numba's cache watches the file of a kernel alone: after a change here, touch the files that import this.
"""

import math
from typing import Any

from numba import njit

from expfam.kernels.elementary import WITHIN
from expfam.kernels.pairs import Mean, Variance

IDENTITY, LOG, LOGIT, PROBIT, CLOGLOG, LOGLOG, CAUCHIT, POWER = map(int, list(Mean)[:8])
POWERS, SHARE = int(Variance.POWER), int(Variance.SHARE)
DENSITY = 1 / math.sqrt(2 * math.pi)
FAR = 30.0  # from here on the normal hazard is its continued fraction, to the last digits

OPTIONS: dict[str, Any] = {"error_model": "numpy", "fastmath": {"contract"}}
KEPT: dict[str, Any] = {"cache": True, **OPTIONS, **WITHIN}
"""For what is called by its address, and stays on disk."""
# What is not said here a function takes from the one that it is first compiled for.
plain = njit(forceinline=False, **OPTIONS, **WITHIN)


@plain
def normal_hazard(x):  # type: ignore[no-untyped-def]
    """phi(x) / Phi(-x)."""
    if x > FAR:
        return x + 1 / (x + 2 / (x + 3 / (x + 4 / (x + 5 / x))))
    return DENSITY * math.exp(-x * x / 2) / (0.5 * math.erfc(x * math.sqrt(0.5)))


@plain
def _share_of(x):  # type: ignore[no-untyped-def]
    """x / (e^x - 1), x >= 0."""
    return 1.0 if x < 1e-300 else 0.0 if x > 745.0 else x / math.expm1(x)


@plain
def _tolerance(mean, eta):  # type: ignore[no-untyped-def]
    """(mu, h'/mu, h'/(1 - mu)) of the links that are distribution functions."""
    if mean == LOGIT:
        e = math.exp(-abs(eta))
        s = 1 / (1 + e)
        return (s, e * s, s) if eta >= 0 else (e * s, s, e * s)
    if mean == PROBIT:
        return 0.5 * math.erfc(-eta * math.sqrt(0.5)), normal_hazard(-eta), normal_hazard(eta)
    if mean == CLOGLOG:
        x = math.exp(eta)
        return -math.expm1(-x), _share_of(x), x
    if mean == LOGLOG:
        x = math.exp(-eta)
        return math.exp(-x), x, _share_of(x)
    up, down = math.atan2(1.0, -eta), math.atan2(1.0, eta)
    return up / math.pi, 1 / (up * (1 + eta * eta)), 1 / (down * (1 + eta * eta))


@plain
def _parts(pair, eta):  # type: ignore[no-untyped-def]
    """(mu, h', h'/mu, h'/(1 - mu))."""
    mean, a, r = pair[0], pair[1], pair[2]
    if mean == IDENTITY:
        return eta, 1.0, 1 / eta, 1 / (1 - eta)
    if mean == LOG:
        mu = math.exp(eta)
        return mu, mu, 1.0, mu / -math.expm1(eta)
    if mean == POWER:
        mu = (a * eta) ** r
        return mu, r * mu / eta, r / eta, r * mu / eta / (1 - mu)
    if mean <= CAUCHIT:
        mu, before, after = _tolerance(mean, eta)
        return mu, before * mu, before, after
    mu, grown = a / math.expm1(-eta), -1 / math.expm1(eta)
    return mu, mu * grown, grown, mu * grown / (1 - mu)


@plain
def _log_linear(pair, eta, t):  # type: ignore[no-untyped-def]
    """mu^(2 - v) - t mu^(1 - v) at mu = e^eta; for counts v q - t (1 - q) at q = mu / (mu + v)."""
    v = pair[4]
    if pair[3] != POWERS:
        u = eta - math.log(v)
        e = math.exp(-abs(u))
        s = 1 / (1 + e)
        return v * s - t * (e * s) if u >= 0 else v * (e * s) - t * s
    if v == 1:
        return math.exp(eta) - t
    if v == 2:
        return 1 - t * math.exp(-eta)
    return math.exp((2 - v) * eta) - (t * math.exp((1 - v) * eta) if t != 0 else 0.0)


@plain
def score(pair, eta, t):  # type: ignore[no-untyped-def]
    """(mu - t) h' / V at eta inside the domain of the pair, a tuple as `pairs.Pair`."""
    mean, variance, v = pair[0], pair[3], pair[4]
    if variance == SHARE and mean == LOGIT:
        e = math.exp(-abs(eta))
        return (1.0 if eta >= 0 else e) / (1 + e) - t
    if variance == POWERS and v == 0 and mean == IDENTITY:
        return eta - t
    if mean == LOG and variance != SHARE:
        return _log_linear(pair, eta, t)
    mu, slope, before, after = _parts(pair, eta)
    if variance == SHARE:
        return ((1 - t) * after if t != 1 else 0.0) - (t * before if t != 0 else 0.0)
    if variance != POWERS:
        return before * (mu - t) / (1 + mu / v)
    if v == 0:
        return (mu - t) * slope
    return before * (mu - t) * (1.0 if v == 1 else mu ** (1 - v))


@plain
def weight(pair, eta):  # type: ignore[no-untyped-def]
    """h'^2 / V, the slope that the score is expected to have."""
    variance, v = pair[3], pair[4]
    mu, slope, before, after = _parts(pair, eta)
    if variance == SHARE:
        return before * after
    if variance != POWERS:
        return before * slope / (1 + mu / v)
    return slope * slope if v == 0 else before * slope * mu ** (1 - v)
