"""How far along a direction: backtracking until F has fallen by its share (Armijo); +inf, outside the domain, too."""

from dataclasses import dataclass

import numpy as np

from expfam._typing import FloatArray
from expfam.objective import Evaluation, Objective
from expfam.response import Level

SLOPE = 1e-4
SHRINK = 0.5
SHORTEST = 1e-10
ROUNDING = 1e-13  # differences of F below this share of |F| are noise: there the step is taken on trust


@dataclass(frozen=True, slots=True)
class Step:
    """The point reached, F there in full, how often the rows were read, and whether F fell at all."""

    theta: FloatArray
    at: Evaluation
    passes: int
    moved: bool


def backtrack(objective: Objective, theta: FloatArray, at: Evaluation, direction: FloatArray) -> Step:
    """theta + t direction with t = 1, 1/2, 1/4, ... the first that lowers F by SLOPE t |gradient . direction|.

    The full step is evaluated with its information at once, for it is nearly always the one.
    """
    assert at.gradient is not None
    slope = float(np.sum(at.gradient * direction))
    allowed = ROUNDING * abs(at.value)
    t, passes = 1.0, 1
    new = objective(theta + direction)
    while not new.value <= at.value + SLOPE * t * slope + allowed:
        t *= SHRINK
        if t < SHORTEST:
            return Step(theta, at, passes, moved=False)
        new = objective(theta + t * direction, Level.VALUE)
        passes += 1
    if new.hessian is None:
        new, passes = objective(theta + t * direction), passes + 1
    return Step(theta + t * direction, new, passes, moved=True)
