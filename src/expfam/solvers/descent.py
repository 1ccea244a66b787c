"""One step downhill: (H + damping D) d = -gradient (Levenberg, Marquardt), damped until F falls as its model promises.

A Newton step that leaves the domain, or throws rows of a rare level far into a tail, is shortened where it is too long
and not elsewhere: D is the diagonal of the information, so that a well-determined coefficient keeps its full step.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from expfam._typing import FloatArray
from expfam.objective import Evaluation, Objective
from expfam.response import Level
from expfam.solvers.linear import factorise
from expfam.solvers.optimality import Reading, by_class, from_classes

FAIR = 0.3  # a step is taken if F falls by this share of what the quadratic model promises:
# a poorer one leaves rows saturated, their curvature gone and the next steps wild, while a trial costs only a value
GOOD = 0.75  # from this share on the model is trusted more
LEAST, MOST = 1e-2, 1e12  # damping below LEAST is none
FACTOR = 10.0
ROUNDING = 1e-13  # differences of F below this share of |F| are noise: there the step is taken on trust


@dataclass(frozen=True, slots=True)
class Step:
    """The point reached, F there in full, the damping to go on with, how often rows were read, and if F fell at all."""

    theta: FloatArray
    at: Evaluation
    damping: float
    passes: int
    moved: bool


def descend(
    objective: Objective, theta: FloatArray, at: Evaluation, reading: Reading, metric: FloatArray, damping: float
) -> Step:
    """The first damping of damping, 10 damping, ... whose step lowers F by its share; `metric` is D over kept entries.

    The first trial is evaluated with its information at once, for it is nearly always the one.
    """
    noise = ROUNDING * abs(at.value)
    for passes, trial in enumerate(_ladder(damping), start=1):
        step, promised = _damped(at, reading, metric, trial)
        new = objective(theta + step, Level.HESSIAN if passes == 1 else Level.VALUE)
        fallen = at.value - new.value
        if fallen >= FAIR * promised - noise:
            share = fallen / promised if promised > noise else 1.0
            if new.hessian is None:
                new, passes = objective(theta + step), passes + 1
            return Step(theta + step, new, _next(trial, share), passes, moved=True)
    return Step(theta, at, damping, passes, moved=False)


def _ladder(damping: float) -> Iterator[float]:
    yield damping
    start = max(FACTOR * damping, LEAST)
    yield from (start * FACTOR**k for k in range(int(np.log10(MOST / start)) + 1))


def _next(damping: float, share: float) -> float:
    if share < GOOD:
        return damping
    return damping / FACTOR if damping > FACTOR * LEAST else 0.0


def _damped(at: Evaluation, reading: Reading, metric: FloatArray, damping: float) -> tuple[FloatArray, float]:
    """The step d in theta's shape, and the fall -(g'd + d'Hd / 2) = d'Hd / 2 + damping d'Dd that the model promises."""
    assert at.gradient is not None
    assert at.hessian is not None
    if damping == 0.0:
        return reading.step, float(-np.sum(at.gradient * reading.step)) / 2
    kept = reading.kept
    hessian = at.hessian[np.ix_(kept, kept)]
    weights = damping * np.maximum(metric, np.diagonal(hessian))
    part = -factorise(hessian + np.diag(weights)).solve(by_class(at.gradient)[kept])
    flat = np.zeros(len(kept))
    flat[kept] = part
    return from_classes(flat, at.gradient), float(part @ hessian @ part / 2 + part @ (weights * part))
