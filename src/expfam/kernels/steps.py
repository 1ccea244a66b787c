"""How far one row moves its own linear predictor, z = eta - u, compiled: explicit, implicit, or along the exact flow.

All are steps of d z / d tau = k s(eta - z) over tau from 0 to 1, with k = (rate, weight) x'Rx and s the score: Euler's
forward (11) and backward (12) step, and the solution itself (Karampatziakis and Langford 2011). What each means is
written out in `steps_definition`; the laws hold these to it. Where a step would leave the domain of eta it ends before.
"""

import math
from functools import cache
from typing import Any

import numpy as np
from numba import njit, types

from expfam.kernels.compiling import compiling
from expfam.kernels.elementary import larger, smaller
from expfam.kernels.pointer import address, number
from expfam.kernels.scores import IDENTITY, KEPT, LOG, LOGIT, POWERS, SHARE, plain, score, weight

EXPLICIT, IMPLICIT, IMPORTANCE = range(3)
INWARD = 0.9  # of the way to the end of the domain, where a step would go past it
NEAR = 1e-3  # natural units from the end of the domain, where a row finds itself past it
FOUND, FLOWN, FLAT = 4e-16, 1e-11, 1e-14  # relative: a root, an error of the flow, a move no more worth making
NOISE = 1e-15  # natural units
STAGES = 7
TABLEAU = np.zeros((STAGES, STAGES))  # Dormand and Prince's; the last row is the step of order 5
TABLEAU[1, :1] = 1 / 5
TABLEAU[2, :2] = 3 / 40, 9 / 40
TABLEAU[3, :3] = 44 / 45, -56 / 15, 32 / 9
TABLEAU[4, :4] = 19372 / 6561, -25360 / 2187, 64448 / 6561, -212 / 729
TABLEAU[5, :5] = 9017 / 3168, -355 / 33, 46732 / 5247, 49 / 176, -5103 / 18656
TABLEAU[6, :6] = 35 / 384, 0, 500 / 1113, 125 / 192, -2187 / 6784, 11 / 84
ERROR = np.array([71 / 57600, 0, -71 / 16695, 71 / 1920, -17253 / 339200, 22 / 525, -1 / 40])  # its distance to order 4
BRACKETS, HALVINGS, PIECES = 80, 200, 4000


@plain
def _inside(pair, u):  # type: ignore[no-untyped-def]
    return pair[5] < u < pair[6]


@plain
def _shortened(pair, eta, sign):  # type: ignore[no-untyped-def]
    """Most of the way to the end of the domain that lies in the direction of z = sign."""
    return INWARD * (eta - (pair[5] if sign > 0 else pair[6]))


@plain
def explicit(pair, eta, t, k):  # type: ignore[no-untyped-def]
    """z = k s(eta), or less."""
    z = k * score(pair, eta, t)
    return z if _inside(pair, eta - z) or not math.isfinite(z) else _shortened(pair, eta, z)


@plain
def _gap(pair, eta, t, k, z):  # type: ignore[no-untyped-def]
    return z - k * score(pair, eta - z, t)


@plain
def _root(pair, eta, t, k, a, fa, b, fb):  # type: ignore[no-untyped-def]
    """z between a and b with z = k s(eta - z), by Chandrupatla's method (1997)."""
    c, fc, at = a, fa, 0.5
    for _ in range(HALVINGS):
        z = a + at * (b - a)
        f = _gap(pair, eta, t, k, z)
        if (f > 0) == (fa > 0):
            c, fc = a, fa
        else:
            c, b, fc, fb = b, a, fb, fa
        a, fa = z, f
        best = a if abs(fa) < abs(fb) else b
        width = abs(b - a)
        if fa == 0 or width <= 4 * FOUND * abs(best) or width < 1e-300:
            return best
        xi, phi = (a - b) / (c - b), (fa - fb) / (fc - fb)
        at = 0.5
        if phi * phi < xi and (1 - phi) * (1 - phi) < 1 - xi:
            at = fa / (fb - fa) * fc / (fb - fc) + (c - a) / (b - a) * fa / (fc - fa) * fb / (fc - fb)
        least = 2 * FOUND * abs(best) / width
        at = smaller(larger(at, least), 1 - least)
    return best


@plain
def _returned(pair, eta, t, k, unit):  # type: ignore[no-untyped-def]
    """The implicit step of a row whose eta is not inside: the loss is infinite there, and its minimum is inside."""
    low, high = pair[5], pair[6]
    side = 1.0 if eta <= low else -1.0
    end, step = (low if side > 0 else high), NEAR * unit
    if math.isfinite(low) and math.isfinite(high):
        step = smaller(step, (high - low) / 4)
    a = eta - (end + side * step)
    fa = _gap(pair, eta, t, k, a)
    if not side * fa > 0:
        return a
    for _ in range(BRACKETS):
        step *= 2
        if not _inside(pair, end + side * step):
            break
        b = eta - (end + side * step)
        fb = _gap(pair, eta, t, k, b)
        if not side * fb > 0:
            return _root(pair, eta, t, k, a, fa, b, fb)
        a, fa = b, fb
    return a


@plain
def implicit(pair, eta, t, k, unit):  # type: ignore[no-untyped-def]
    """z = k s(eta - z): the minimum over u of k loss(u) + (u - eta)^2 / 2."""
    if not _inside(pair, eta):
        return _returned(pair, eta, t, k, unit)
    if pair[0] == IDENTITY and pair[3] == POWERS and pair[4] == 0:
        return k / (1 + k) * (eta - t)
    step = k * score(pair, eta, t)
    if step == 0:
        return 0.0
    sign = 1.0 if step > 0 else -1.0
    step = step if abs(step) < 1e300 else sign * larger(unit, abs(eta))
    end = eta - (pair[5] if sign > 0 else pair[6])
    a, fa, b = 0.0, -step, step
    for _ in range(BRACKETS):
        if not _inside(pair, eta - b):
            b = (a + end) / 2
        fb = _gap(pair, eta, t, k, b)
        if fb * sign >= 0:
            return _root(pair, eta, t, k, a, fa, b, fb)
        a, fa, b = b, fb, 2 * b
        if a == end:
            break
    return _shortened(pair, eta, sign)


@plain
def _known_flow(pair, eta, t, k):  # type: ignore[no-untyped-def]
    """z(1) where the equation has a solution in closed form, or with one root to find; else NaN.

    Scores linear in eta, in e^-eta (counts) or e^eta (Gamma); and for a success, r = -z with r + e^eta (e^r - 1) = k.
    """
    mean, variance, v = pair[0], pair[3], pair[4]
    if mean == IDENTITY and variance == POWERS and v == 0:
        return -math.expm1(-k) * (eta - t)
    if mean == LOG and variance == POWERS and v == 1:
        return math.log1p((k if t == 0 else -math.expm1(-k * t) / t) * (math.exp(eta) - t))
    if mean == LOG and variance == POWERS and v == 2:
        return -math.log1p((1 - t * math.exp(-eta)) * math.expm1(-k))
    if mean == LOGIT and variance == SHARE and (t == 0 or t == 1):
        odds = math.exp(eta if t == 1 else -eta)
        r = smaller(k / (1 + odds), math.log1p(k / odds))
        for _ in range(HALVINGS):
            by = (r + odds * math.expm1(r) - k) / (1 + odds * math.exp(r))
            r -= by
            if not by > 4 * FOUND * r:
                break
        return -r if t == 1 else r
    return math.nan


@plain
def flow(pair, eta, t, k, unit, slopes):  # type: ignore[no-untyped-def]
    """z(1) of z' = k s(eta - z), z(0) = 0, in closed form or by Dormand and Prince's pair of orders 5 and 4.

    Where the flow runs into the end of the domain the step ends before; where it takes very many pieces, the optimum is
    long since reached, and the rest is an implicit step.
    """
    if not _inside(pair, eta):
        return _returned(pair, eta, t, k, unit)
    known = _known_flow(pair, eta, t, k)
    if math.isfinite(known):
        return known
    z, left, h = 0.0, 1.0, 1.0
    slopes[0] = k * score(pair, eta, t)
    for _ in range(PIECES):
        if left <= 0 or abs(left * slopes[0]) <= FLAT * abs(z):
            return z
        h = smaller(h, left)
        step, error = _piece(pair, eta, t, k, z, h, slopes)
        bound = FLOWN * abs(z + step) + NOISE * unit
        if not (error <= bound and _inside(pair, eta - (z + step))):
            h *= larger(0.1, 0.9 * (bound / error) ** 0.2) if error < math.inf else 0.1
            if h < 1e-12:
                return _shortened(pair, eta, slopes[0])
            continue
        z, left, slopes[0] = z + step, left - h if h < left else 0.0, slopes[STAGES - 1]
        h *= smaller(5.0, 0.9 * (bound / error) ** 0.2) if error > 0 else 5.0
    z += implicit(pair, eta - z, t, k * left, unit)
    return z if _inside(pair, eta - z) else _shortened(pair, eta, z)


@plain
def _piece(pair, eta, t, k, z, h, slopes):  # type: ignore[no-untyped-def]
    """A step of h from z and the estimate of its error, infinite outside the domain; slopes[0] is that at z, and the
    last becomes that at the end."""
    step = error = 0.0
    for i in range(1, STAGES):
        step = 0.0
        for j in range(i):
            step += TABLEAU[i, j] * slopes[j]
        slopes[i] = k * score(pair, eta - (z + h * step), t)
    for j in range(STAGES):
        error += ERROR[j] * slopes[j]
    error = abs(h * error)
    return h * step, error if math.isfinite(error) else math.inf


def explicitly(pair, eta, t, k, unit, work):  # type: ignore[no-untyped-def]
    return 0.0 if k == 0 else explicit(pair, eta, t, k)


def implicitly(pair, eta, t, k, unit, work):  # type: ignore[no-untyped-def]
    return 0.0 if k == 0 else implicit(pair, eta, t, k, unit)


def along(pair, eta, t, k, unit, work):  # type: ignore[no-untyped-def]
    return 0.0 if k == 0 else flow(pair, eta, t, k, unit, work)


UPDATES = explicitly, implicitly, along


@cache
def moved(update: int) -> int:
    """Where z(pair, eta, t, k, unit, work) of one update begins in memory; `work` points to STAGES numbers, k = 0 moves
    nothing. Each is compiled apart, for a walk takes one of them."""
    make: Any = types
    real, pair = make.float64, make.Tuple([make.int64, *[make.float64] * 2, make.int64, *[make.float64] * 3])
    with compiling():
        return address(njit(real(pair, *[real] * 4, make.CPointer(real)), **KEPT)(UPDATES[update]))


@plain
def straight(pair, how, eta, mean, t, k, unit, work):  # type: ignore[no-untyped-def]
    """z by the line s(mean) + weight(mean) (u - mean) for the score, where the step begins and ends near a mean eta;
    else by the score itself. how: the update, and where it begins in memory."""
    update, by = how
    if abs(eta - mean) < unit and _inside(pair, eta) and _inside(pair, mean):
        slope = weight(pair, mean)
        z = k * (score(pair, mean, t) + slope * (eta - mean))
        if update == IMPLICIT:
            z /= 1 + k * slope
        elif update == IMPORTANCE and k * slope > 0:
            z *= -math.expm1(-k * slope) / (k * slope)
        if abs(eta - z - mean) < unit and _inside(pair, eta - z):
            return z
    return number(by, (pair, eta, t, k, unit, work))
