"""How far one row moves its own linear predictors: z(1) of z' = k s(eta - z), z(0) = 0, by one step or in full.

The meaning of the compiled `steps`: Euler's forward step is explicit (11), his backward step implicit (12), and the
solution the limit of ever more rows of ever less weight (Karampatziakis and Langford 2011), by which a row of weight
two is that row twice. k = pace weight x'Rx, one a class.
"""

from collections.abc import Callable
from typing import Literal, TypeAlias

import numpy as np

from expfam._typing import FloatArray
from expfam.kernels.pace import Update

Score: TypeAlias = Callable[[FloatArray], FloatArray]
"""s(eta), (d,), of the row in question."""
Domain: TypeAlias = tuple[float, float]

INWARD, NEAR, BRACKETS = 0.9, 1e-3, 80
STIFF = 30.0  # k s' from which an explicit method would take many steps


def moved(score: Score, update: int, domain: Domain, eta: FloatArray, k: FloatArray, unit: float) -> FloatArray:
    """z, (d,), of a row that would move its eta by k s if the score s were constant; less where eta - z would leave the
    domain. `unit` is a natural unit of eta."""
    if not k.any():
        return np.zeros_like(eta)
    with np.errstate(all="ignore"):
        if update == Update.EXPLICIT:
            z = k * score(eta)
            return z if len(z) > 1 or _inside(domain, eta - z) else _shortened(domain, eta, z)
        if len(eta) > 1:
            return _implicit_of_classes(score, eta, k) if update == Update.IMPLICIT else _flow(score, domain, eta, k)
        if not _inside(domain, eta):
            return _returned(score, domain, eta, k, unit)
        return _implicit(score, domain, eta, k, unit) if update == Update.IMPLICIT else _flow(score, domain, eta, k)


def straight(
    score: Score,
    line: Score,
    update: int,
    domain: Domain,
    eta: FloatArray,
    mean: FloatArray,
    k: FloatArray,
    unit: float,
) -> FloatArray:
    """z by `line` for the score, which does not bend about a mean eta, so that steps that scatter around it move it by
    nothing more (Bach and Moulines 2013); by the score itself where the step begins or ends a unit off.

    The line is s(mean) + W(mean) (u - mean), W the slope that s is expected to have: that of the row goes with its
    response, and would weigh rows by that. Of classes the score is only less its bend.
    """

    def near(u: FloatArray) -> bool:
        return bool((np.abs(u - mean) < unit).all()) and _inside(domain, u)

    if near(eta) and _inside(domain, mean):
        first = line(eta)
        if len(eta) > 1:
            bend = score(eta) - first
            z = moved(lambda u: score(u) - bend, update, domain, eta, k, unit)
        else:
            z = _of_line(update, first, line(eta + 1) - first, k)
        if near(eta - z):
            return z
    return moved(score, update, domain, eta, k, unit)


def _of_line(update: int, first: FloatArray, slope: FloatArray, k: FloatArray) -> FloatArray:
    """z where s(eta - z) = first - slope z, of one number."""
    if update == Update.EXPLICIT:
        return k * first
    if update == Update.IMPLICIT:
        return k * first / (1 + k * slope)
    return np.where(k * slope > 0, -np.expm1(-k * slope) / slope, k) * first


def _inside(domain: Domain, eta: FloatArray) -> bool:
    return bool((eta > domain[0]).all() and (eta < domain[1]).all())


def _shortened(domain: Domain, eta: FloatArray, z: FloatArray) -> FloatArray:
    """Most of the way to the end of the domain."""
    return np.asarray(INWARD * (eta - (domain[0] if z[0] > 0 else domain[1])))


def _root(score: Score, eta: FloatArray, k: FloatArray, a: float, b: float) -> FloatArray:
    from scipy.optimize import brentq

    return np.array([brentq(lambda z: z - (k * score(eta - z))[0], a, b, xtol=1e-300, rtol=9e-16, maxiter=400)])


def _implicit(score: Score, domain: Domain, eta: FloatArray, k: FloatArray, unit: float) -> FloatArray:
    """The root of z - k s(eta - z) on the way that the explicit step goes; there is none where the way ends before."""
    step = float((k * score(eta))[0])
    sign = np.sign(step)
    if sign == 0:
        return np.zeros(1)
    end = float(eta[0]) - (domain[0] if sign > 0 else domain[1])
    a, b = 0.0, step if abs(step) < 1e300 else sign * max(unit, abs(float(eta[0])))
    for _ in range(BRACKETS):
        b = b if _inside(domain, eta - b) else (a + end) / 2
        if not _inside(domain, eta - b):
            break
        if sign * (b - (k * score(eta - b))[0]) >= 0:
            return _root(score, eta, k, a, b)
        a, b = b, 2 * b
    return _shortened(domain, eta, np.array([sign]))


def _returned(score: Score, domain: Domain, eta: FloatArray, k: FloatArray, unit: float) -> FloatArray:
    """The implicit step from outside: the loss is infinite there, and so the minimum is inside."""
    side, end = (1.0, domain[0]) if eta[0] <= domain[0] else (-1.0, domain[1])
    step = min(NEAR * unit, (domain[1] - domain[0]) / 4)
    a = float(eta[0]) - (end + side * step)
    for _ in range(BRACKETS):
        step *= 2
        b = float(eta[0]) - (end + side * step)
        if not side * (a - (k * score(eta - a))[0]) > 0 or not _inside(domain, eta - b):
            return np.array([a])
        if not side * (b - (k * score(eta - b))[0]) > 0:
            return _root(score, eta, k, a, b)
        a = b
    return np.array([a])


def _implicit_of_classes(score: Score, eta: FloatArray, k: FloatArray) -> FloatArray:
    """Of several classes, whose loss is convex: the root of u + k s(u) - eta, by SciPy's hybrid method and Newton's."""
    from scipy.optimize import root

    def gap(u: FloatArray) -> FloatArray:
        return u + k * score(u) - eta

    def slope(u: FloatArray) -> FloatArray:
        step = 1e-6 * np.eye(len(u))
        return np.stack([(gap(u + e) - gap(u - e)) / 2e-6 for e in step], axis=1)

    u = root(gap, eta - k * score(eta) / (1 + k), jac=slope, method="lm", options={"xtol": 1e-15, "ftol": 1e-15}).x
    for _ in range(5):
        u = u - np.linalg.solve(slope(u), gap(u))
    return np.asarray(k * score(u))


def _flow(score: Score, domain: Domain, eta: FloatArray, k: FloatArray) -> FloatArray:
    """The ordinary differential equation, by a method for stiff ones where it may be one."""
    from scipy.integrate import solve_ivp

    first = k * score(eta)
    bend = np.abs(first - k * score(eta - 1e-6 * first)) / np.maximum(1e-6 * np.abs(first), 1e-300)
    way: Literal["Radau", "DOP853"] = "Radau" if bend.max() > STIFF else "DOP853"
    found = solve_ivp(lambda _, z: k * score(eta - z), (0, 1), np.zeros_like(eta), way, rtol=1e-11, atol=1e-14)
    z = np.asarray(found.y[:, -1])
    return z if found.success and (len(z) > 1 or _inside(domain, eta - z)) else _shortened(domain, eta, z)
