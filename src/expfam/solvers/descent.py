"""One step downhill: (H + damping D) d = -gradient (Levenberg, Marquardt), damped until F falls as its model promises.

A Newton step that leaves the domain, or throws rows of a rare level far into a tail, is shortened where it is too long
and not elsewhere: D is the diagonal of the information, so that a well-determined coefficient keeps its full step.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from expfam._typing import FloatArray
from expfam.information import Information
from expfam.objective import Evaluation, Objective
from expfam.response import Level
from expfam.solvers.optimality import Reading, by_class, from_classes

FAIR = 0.3  # a step is taken if F falls by this share of what the quadratic model promises:
# a poorer one leaves rows saturated, their curvature gone and the next steps wild, while a trial costs only a value
GOOD = 0.75  # from this share on the model is trusted more
LEAST, MOST = 1e-2, 1e12  # below LEAST no damping is tried first
FACTOR = 10.0
TINY = 1e-12  # the least damping that is tried at all
ROUNDING = 1e-13  # differences of F below this share of |F| are noise: there the step is taken on trust


@dataclass(frozen=True, slots=True)
class Damping:
    """What a step tries `now`, and where it is none and does not do, `first` of all: ever less of it as it goes well,
    for where rows that weigh little decide, a hundredth of all weights is far too much."""

    now: float = 0.0
    first: float = LEAST

    def ladder(self) -> Iterator[float]:
        """The dampings to try in turn."""
        yield self.now
        start = FACTOR * self.now if self.now else self.first
        yield from (start * FACTOR**k for k in range(round(np.log10(MOST / start)) + 1))

    def after(self, trial: float, share: float) -> "Damping":
        """That of the next step, after one that fell by this share of what it promised."""
        if share < GOOD:
            return Damping(trial, self.first)
        if trial > FACTOR * LEAST:
            return Damping(trial / FACTOR)
        return Damping(0.0, max(trial / FACTOR, TINY) if trial else self.first)


NONE = Damping()


@dataclass(frozen=True, slots=True)
class Step:
    """The point reached, F there, the damping to go on with, how often rows were read (also for information), and if
    F fell at all."""

    theta: FloatArray
    at: Evaluation
    damping: Damping
    passes: int
    hessians: int
    moved: bool


def descend(
    objective: Objective,
    theta: FloatArray,
    at: Evaluation,
    reading: Reading,
    least: float,
    damping: Damping,
    level: Level = Level.HESSIAN,
) -> Step:
    """The first damping of the ladder whose step lowers F by its share; D is at least `least`.

    The first trial is evaluated at once in full, for it is nearly always the one; with `level` GRADIENT an undamped
    step is content without information.
    """
    wanted = level if damping.now == 0.0 else Level.HESSIAN
    for passes, trial in enumerate(damping.ladder(), start=1):
        step, promised = _damped(at, reading, least, trial)
        new = objective(theta + step, wanted if passes == 1 else Level.VALUE)
        hessians = int(new.hessian is not None)
        if fair(at, new, promised, objective):
            told = promised > _noise(at) and (fair(at, new, promised) or promised > objective.rounding)
            share = (at.value - new.value) / promised if told else 1.0
            if new.gradient is None:
                new, passes, hessians = objective(theta + step), passes + 1, hessians + 1
            return Step(theta + step, new, damping.after(trial, share), passes, hessians, moved=True)
    return Step(theta, at, damping, passes, 0, moved=False)


def fair(at: Evaluation, new: Evaluation, promised: float, objective: Objective | None = None) -> bool:
    """Did F fall by its share of what was promised? Where the terms of an objective are at hand, up to the rounding of
    their sum: those of a count of 1e5 are a million, and what they leave is a half."""
    short = FAIR * promised - _noise(at) - (at.value - new.value)
    return short <= 0 or (objective is not None and short <= objective.rounding)


def _noise(at: Evaluation) -> float:
    return ROUNDING * abs(at.value)


def damped_by(hessian: Information, least: float) -> FloatArray:
    """The diagonal D that a step is damped by, (p d,)."""
    return np.maximum(least, hessian.diagonal)


def _damped(at: Evaluation, reading: Reading, least: float, damping: float) -> tuple[FloatArray, float]:
    """The step d in theta's shape, and the fall -(g'd + d'Hd / 2) = d'Hd / 2 + damping d'Dd that the model promises."""
    assert at.gradient is not None
    assert at.hessian is not None
    if damping == 0.0:
        return reading.step, -float(np.vdot(at.gradient, reading.step)) / 2
    weights = damping * damped_by(at.hessian, least)
    flat = -at.hessian.plus(weights).factor().solve(by_class(at.gradient))
    return from_classes(flat, at.gradient), float(flat @ at.hessian.times(flat) / 2 + flat @ (weights * flat))
