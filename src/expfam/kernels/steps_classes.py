"""How far a row moves its linear predictors of several classes, z = eta - u: `steps` for softmax, in as many numbers.

s(eta) = mu - t, whose Jacobian diag(mu) - mu mu' makes that of an implicit step a diagonal plus a matrix of rank one.
eta, t, k and z are (d,); `work` is (WORK, d), for what comes in between.
"""

import math

from expfam.kernels.scores import plain
from expfam.kernels.steps import (
    ERROR,
    EXPLICIT,
    FLAT,
    FLOWN,
    FOUND,
    HALVINGS,
    IMPLICIT,
    NOISE,
    PIECES,
    STAGES,
    TABLEAU,
)

WORK = STAGES + 4
ROUNDS = 50


@plain
def mean(eta, mu):  # type: ignore[no-untyped-def]
    """mu = softmax(eta), the reference class apart; returns log(1 + sum e^eta)."""
    top, d = 0.0, len(eta)
    for c in range(d):
        top = max(top, eta[c])
    total = math.exp(-top)
    for c in range(d):
        mu[c] = math.exp(eta[c] - top)
        total += mu[c]
    for c in range(d):
        mu[c] /= total
    return top + math.log(total)


@plain
def _value(eta, t, k, u, mu):  # type: ignore[no-untyped-def]
    """log(1 + sum e^u) - t u + sum (u - eta)^2 / (2 k), which an implicit step minimises; mu at u on the way."""
    value = mean(u, mu)
    for c in range(len(u)):
        value -= t[c] * u[c]
        if k[c] > 0:
            value += (u[c] - eta[c]) ** 2 / (2 * k[c])
    return value


@plain
def _newton(eta, t, k, u, mu, step):  # type: ignore[no-untyped-def]
    """The step of Newton's method for u + k (mu - t) = eta, by Sherman and Morrison; returns its largest number."""
    across = inside = top = 0.0
    for c in range(len(u)):
        diagonal = 1 + k[c] * mu[c]
        step[c] = (eta[c] - u[c] - k[c] * (mu[c] - t[c])) / diagonal
        across += mu[c] * step[c]
        inside += k[c] * mu[c] ** 2 / diagonal
    for c in range(len(u)):
        step[c] += k[c] * mu[c] / (1 + k[c] * mu[c]) * across / (1 - inside)
        top = max(top, abs(step[c]))
    return top


@plain
def implicit(eta, t, k, z, work):  # type: ignore[no-untyped-def]
    """z = k s(eta - z): Newton's method, its steps halved until they pay, for the minimum is strictly convex."""
    mu, step, u, trial = work[0], work[1], work[2], work[3]
    u[:] = eta
    value = _value(eta, t, k, u, mu)
    for _ in range(ROUNDS):
        far, share = _newton(eta, t, k, u, mu, step), 1.0
        for _ in range(HALVINGS):
            for c in range(len(u)):
                trial[c] = u[c] + share * step[c]
            new = _value(eta, t, k, trial, mu)
            if new <= value + NOISE * (1 + abs(value)) or share * far <= FLAT:
                break
            share /= 2
        value = new
        u[:] = trial
        if far <= FOUND:
            break
    for c in range(len(u)):
        z[c] = k[c] * (mu[c] - t[c])


@plain
def flow(eta, t, k, z, work):  # type: ignore[no-untyped-def]
    """z(1) of z' = k s(eta - z), z(0) = 0, as in `steps`."""
    trial, mu, slopes = work[1], work[2], work[4:]
    mean(eta, mu)
    for c in range(len(eta)):
        z[c], slopes[0, c] = 0.0, k[c] * (mu[c] - t[c])
    left = h = 1.0
    for _ in range(PIECES):
        if left <= 0:
            return
        h = min(h, left)
        excess = _piece(eta, t, k, z, h, work)
        if excess <= 1:
            left = left - h if h < left else 0.0
            for c in range(len(eta)):
                z[c], slopes[0, c] = trial[c], slopes[STAGES - 1, c]
        h *= max(0.1, min(5.0, 0.9 * excess**-0.2)) if excess > 0 else 5.0
    for c in range(len(eta)):
        slopes[5, c], slopes[6, c] = eta[c] - z[c], left * k[c]
    implicit(slopes[5], t, slopes[6], trial, work)
    for c in range(len(eta)):
        z[c] += trial[c]


@plain
def _piece(eta, t, k, z, h, work):  # type: ignore[no-untyped-def]
    """z a step of h later into `trial`; the largest estimate of its error over what is allowed."""
    u, trial, mu, slopes, excess = work[0], work[1], work[2], work[4:], 0.0
    for i in range(1, STAGES):
        for c in range(len(eta)):
            step = 0.0
            for j in range(i):
                step += TABLEAU[i, j] * slopes[j, c]
            trial[c] = z[c] + h * step
            u[c] = eta[c] - trial[c]
        mean(u, mu)
        for c in range(len(eta)):
            slopes[i, c] = k[c] * (mu[c] - t[c])
    for c in range(len(eta)):
        error = 0.0
        for j in range(STAGES):
            error += ERROR[j] * slopes[j, c]
        excess = max(excess, abs(h * error) / (FLOWN * abs(trial[c]) + NOISE))
    return excess


@plain
def moved(update, eta, t, k, z, work):  # type: ignore[no-untyped-def]
    """z by the update asked for."""
    if update == EXPLICIT:
        mean(eta, work[0])
        for c in range(len(eta)):
            z[c] = k[c] * (work[0, c] - t[c])
    elif update == IMPLICIT:
        implicit(eta, t, k, z, work)
    else:
        flow(eta, t, k, z, work)
