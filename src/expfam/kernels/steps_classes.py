"""How far a row moves its linear predictors of several classes, z = eta - u: `steps` for softmax, in as many numbers.

s(eta) = mu - t, whose Jacobian diag(mu) - mu mu' makes that of an implicit step a diagonal plus a matrix of rank one.
All vectors of d numbers stand one after the other behind one pointer v: ETA, T and K are given, Z is the answer.
"""

import math
from functools import cache
from typing import Any

from numba import njit, types

from expfam.kernels.compiling import compiling
from expfam.kernels.elementary import larger, smaller
from expfam.kernels.pointer import address, run
from expfam.kernels.scores import KEPT, plain
from expfam.kernels.steps import (
    ERROR,
    FLAT,
    FLOWN,
    FOUND,
    HALVINGS,
    NOISE,
    PIECES,
    STAGES,
    TABLEAU,
)

ETA, T, K, Z, MU, U, TRIAL, FROM, TIME, REST, GAP, SLOPES = range(12)  # in REST one number, the mean of the reference
ROOM = SLOPES + STAGES  # vectors
ROUNDS = 50


@plain
def mean(v, d, eta, mu):  # type: ignore[no-untyped-def]
    """mu = softmax(eta), the reference class apart; returns log(1 + sum e^eta)."""
    top = 0.0
    for c in range(d):
        top = larger(top, v[eta * d + c])
    rest = math.exp(-top)
    total = rest
    for c in range(d):
        e = math.exp(v[eta * d + c] - top)
        v[mu * d + c] = e
        total += e
    for c in range(d):
        v[mu * d + c] /= total
    v[REST * d] = rest / total
    return top + math.log(total)


@plain
def _value(v, d, eta, k, u):  # type: ignore[no-untyped-def]
    """log(1 + sum e^u) - t u + sum (u - eta)^2 / (2 k), which an implicit step minimises; mu at u on the way."""
    value = mean(v, d, u, MU)
    for c in range(d):
        value -= v[T * d + c] * v[u * d + c]
        if v[k * d + c] > 0:
            value += (v[u * d + c] - v[eta * d + c]) ** 2 / (2 * v[k * d + c])
    return value


@plain
def _newton(v, d, eta, k):  # type: ignore[no-untyped-def]
    """The step of Newton's method for u + k (mu - t) = eta into Z, by Sherman and Morrison; its largest number.

    1 - sum k mu^2 / (1 + k mu) is the reference's mean and sum mu / (1 + k mu), which never cancels.
    """
    across, beside, top = 0.0, v[REST * d], 0.0
    for c in range(d):
        mu, pull = v[MU * d + c], v[k * d + c]
        step = (v[eta * d + c] - v[U * d + c] - pull * (mu - v[T * d + c])) / (1 + pull * mu)
        v[Z * d + c] = step
        across += mu * step
        beside += mu / (1 + pull * mu)
    for c in range(d):
        pull = v[k * d + c] * v[MU * d + c]
        v[Z * d + c] += pull / (1 + pull) * across / beside
        top = larger(top, abs(v[Z * d + c]))
    return top


@plain
def implicit(v, d, eta, k):  # type: ignore[no-untyped-def]
    """Z = k s(eta - z): Newton's method, its steps halved until they pay, for the minimum is strictly convex."""
    for c in range(d):
        v[U * d + c] = v[eta * d + c]
    value = _value(v, d, eta, k, U)
    for _ in range(ROUNDS):
        far, share, new = _newton(v, d, eta, k), 1.0, value
        for _ in range(HALVINGS):
            for c in range(d):
                v[TRIAL * d + c] = v[U * d + c] + share * v[Z * d + c]
            new = _value(v, d, eta, k, TRIAL)
            if new <= value + NOISE * (1 + abs(value)) or share * far <= FLAT:
                break
            share /= 2
        value = new
        for c in range(d):
            v[U * d + c] = v[TRIAL * d + c]
        if far <= FOUND:
            break
    for c in range(d):  # of two equal numbers the one that does not cancel
        pull = v[k * d + c]
        v[Z * d + c] = pull * (v[MU * d + c] - v[T * d + c]) if pull < 1 else v[eta * d + c] - v[U * d + c]


@plain
def _slope(v, d, stage):  # type: ignore[no-untyped-def]
    """k s(U) into the slopes of a stage."""
    mean(v, d, U, MU)
    for c in range(d):
        v[(SLOPES + stage) * d + c] = v[K * d + c] * (v[MU * d + c] - v[T * d + c])


@plain
def _piece(v, d, h):  # type: ignore[no-untyped-def]
    """FROM a step of h later into TRIAL; the largest estimate of its error over what is allowed."""
    excess = 0.0
    for i in range(1, STAGES):
        for c in range(d):
            step = 0.0
            for j in range(i):
                step += TABLEAU[i, j] * v[(SLOPES + j) * d + c]
            v[TRIAL * d + c] = v[FROM * d + c] + h * step
            v[U * d + c] = v[ETA * d + c] - v[TRIAL * d + c]
        _slope(v, d, i)
    for c in range(d):
        error = 0.0
        for j in range(STAGES):
            error += ERROR[j] * v[(SLOPES + j) * d + c]
        excess = larger(excess, abs(h * error) / (FLOWN * abs(v[TRIAL * d + c]) + NOISE))
    return excess


@plain
def flow(v, d):  # type: ignore[no-untyped-def]
    """Z = z(1) of z' = k s(eta - z), z(0) = 0, as in `steps`."""
    for c in range(d):
        v[FROM * d + c], v[U * d + c] = 0.0, v[ETA * d + c]
    _slope(v, d, 0)
    left = h = 1.0
    for _ in range(PIECES):
        h = smaller(h, left)
        excess = _piece(v, d, h)
        if excess <= 1:
            left = left - h if h < left else 0.0
            for c in range(d):
                v[FROM * d + c], v[SLOPES * d + c] = v[TRIAL * d + c], v[(SLOPES + STAGES - 1) * d + c]
        if left == 0:
            break
        h *= larger(0.1, smaller(5.0, 0.9 * excess**-0.2)) if excess > 0 else 5.0
    for c in range(d):
        v[SLOPES * d + c], v[TIME * d + c] = v[ETA * d + c] - v[FROM * d + c], left * v[K * d + c]
    implicit(v, d, SLOPES, TIME)
    for c in range(d):
        v[Z * d + c] += v[FROM * d + c]


@plain
def explicit(v, d):  # type: ignore[no-untyped-def]
    """Z = k s(eta)."""
    mean(v, d, ETA, MU)
    for c in range(d):
        v[Z * d + c] = v[K * d + c] * (v[MU * d + c] - v[T * d + c])


def explicitly(v, d):  # type: ignore[no-untyped-def]
    explicit(v, d)


def implicitly(v, d):  # type: ignore[no-untyped-def]
    implicit(v, d, ETA, K)


def along(v, d):  # type: ignore[no-untyped-def]
    flow(v, d)


UPDATES = explicitly, implicitly, along


@cache
def moved(update: int) -> int:
    """Where Z(v, d) by one update begins in memory, as `steps.moved`; v is a pointer to ROOM d numbers."""
    make: Any = types
    with compiling():
        return address(njit(make.void(make.CPointer(make.float64), make.intp), **KEPT)(UPDATES[update]))


@plain
def _unbent(v, d, by):  # type: ignore[no-untyped-def]
    """T plus `by` times what the means mu bend from the mean eta, GAP before ETA, to ETA; mu' = diag(mu) - mu mu'."""
    mean(v, d, ETA, MU)
    for c in range(d):
        v[T * d + c] += by * v[MU * d + c]
        v[U * d + c] = v[ETA * d + c] - v[GAP * d + c]
    mean(v, d, U, MU)
    along = 0.0
    for c in range(d):
        along += v[MU * d + c] * v[GAP * d + c]
    for c in range(d):
        v[T * d + c] -= by * v[MU * d + c] * (1 + v[GAP * d + c] - along)


@plain
def _near(v, d, unit, moves):  # type: ignore[no-untyped-def]
    """Whether ETA, less Z if it `moves`, is near the mean eta."""
    far = 0.0
    for c in range(d):
        gap = abs(v[GAP * d + c] - (v[Z * d + c] if moves else 0.0))
        far = larger(far, gap if gap < unit else unit)
    return far < unit


@plain
def straight(v, d, by, unit):  # type: ignore[no-untyped-def]
    """Z by the score less what it bends about a mean eta, where the step begins and ends near that; else as it is; by
    the update that begins at the address `by`."""
    near = _near(v, d, unit, False)
    if near:
        _unbent(v, d, 1.0)
    run(by, (v, d))
    if near and not _near(v, d, unit, True):
        _unbent(v, d, -1.0)
        run(by, (v, d))
