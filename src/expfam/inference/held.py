"""The optimum of all others where one combination of the coefficients is held: min F(beta) over c'beta = value.

Newton's steps within that plane, by the observed information where it is positive definite, else by Fisher's with the
secants of the steps, each shortened until F falls as promised. A value is gone to along the tangent at the nearest one
known, in shorter and shorter stages where F has no value on the way, or no optimum is found.
"""

from dataclasses import dataclass, replace

import numpy as np

from expfam._typing import FloatArray
from expfam.inference.optimum import Optimum
from expfam.information import Factor
from expfam.objective import Evaluation, Objective
from expfam.response import observed_differs
from expfam.solvers.descent import fair
from expfam.solvers.optimality import newton_solve
from expfam.solvers.secants import Factored, Metric, Secants, direction, remember

STEPS = 100
STAGES = 40
LEAST = 1e-3  # the shortest share of the way left that is tried
SHORTER = 40  # times that a step is halved before none is better
ROUNDING = 1e-18  # a fall of F, at phi = 1, from which on one that does not shrink tells of rounding


@dataclass(frozen=True, slots=True, eq=False)
class Plane:
    """Where c'beta is held: F with the information that steps are taken with, and how far an optimum found may be above
    the best."""

    optimum: Optimum
    curved: Objective
    c: FloatArray
    enough: float


@dataclass(frozen=True, slots=True, eq=False)
class Held:
    """The optimum where c'beta is by `value` more than without a constraint: F there by `curved`, its factor."""

    value: float
    beta: FloatArray
    at: Evaluation
    factor: Factor


def plane(optimum: Optimum, c: FloatArray, enough: float) -> Plane:
    """The planes of c'beta, c in the shape of beta, standard coordinates."""
    objective = optimum.problem.objective
    exact = observed_differs(objective.family, objective.link)
    return Plane(optimum, replace(objective, observed=True) if exact else objective, c, enough)


def free(plane: Plane) -> Held:
    """The optimum without a constraint."""
    return Held(0.0, plane.optimum.beta, plane.optimum.at, plane.optimum.factor)


def moved(plane: Plane, near: Held, value: float) -> Held:
    """The optimum at `value`, or the last one found on the way there."""
    share = 1.0
    for _ in range(STAGES):
        goal = value if share == 1.0 else near.value + share * (value - near.value)
        found = _held(plane, near, goal)
        if found is None:
            share /= 2
            if share < LEAST:
                break
        elif share == 1.0:
            return found
        else:
            near, share = found, 1.0
    return near


def _held(plane: Plane, near: Held, value: float) -> Held | None:
    """The optimum at `value` from a known one nearby; None where F has none, or it is not found."""
    beta = near.beta + (value - near.value) * _tangent(newton_solve(near.factor, plane.c), plane.c)
    at, last = plane.curved(beta), np.inf
    secants: Secants = ()
    for _ in range(STEPS):
        if at.hessian is None or at.gradient is None or not np.isfinite(at.value):
            return None
        factor = at.hessian.factor()
        if at.value <= plane.optimum.at.value + plane.enough:  # where all runs to infinity there is nothing to reach
            return Held(value, beta, at, factor)
        if factor.definite or not plane.curved.observed:
            secants = ()
        else:
            factor = _fisher(plane, beta)
        step = _within(Factored(factor), secants, plane.c, at.gradient)
        left = -float(np.vdot(at.gradient, step))
        if left / 2 <= plane.enough or last <= left <= ROUNDING:
            return Held(value, beta, at, factor)
        better = _shortened(plane, beta, at, step, left)
        if better is None or better[1].gradient is None:
            return None
        secants = remember(secants, better[0] - beta, better[1].gradient - at.gradient)
        (beta, at), last = better, left
    return None


def _tangent(a: FloatArray, c: FloatArray) -> FloatArray:
    """The way of the optima as c'beta grows by 1: a / c'a with a = H^-1 c, along c itself where all is flat."""
    along = float(np.vdot(c, a))
    return np.asarray(a / along if 0 < along < np.inf else c / float(np.vdot(c, c)))


def _fisher(plane: Plane, beta: FloatArray) -> Factor:
    hessian = plane.optimum.problem.objective(beta).hessian
    assert hessian is not None
    return hessian.factor()


def _within(metric: Metric, secants: Secants, c: FloatArray, gradient: FloatArray) -> FloatArray:
    """The step to the minimum of the quadratic model that leaves c'beta as it is: (c'b / c'a) a - b."""
    a, b = -direction(metric, secants, c), -direction(metric, secants, gradient)
    return np.asarray(float(np.vdot(c, b)) * _tangent(a, c) - b)


def _shortened(
    plane: Plane, beta: FloatArray, at: Evaluation, step: FloatArray, left: float
) -> tuple[FloatArray, Evaluation] | None:
    """The end of the step, halved until F falls as the model promises, and F there; None where it never does."""
    share = 1.0
    for _ in range(SHORTER):
        new = plane.curved(beta + share * step)
        if np.isfinite(new.value) and fair(at, new, share * (1 - share / 2) * left, plane.curved):
            return beta + share * step, new
        share /= 2
    return None


def score(plane: Plane, held: Held) -> float:
    """U' H^-1 U at an optimum held, U = grad F, H Fisher's information there."""
    at = plane.optimum.problem.objective(held.beta) if plane.curved.observed else held.at
    assert at.gradient is not None
    assert at.hessian is not None
    return float(np.vdot(at.gradient, newton_solve(at.hessian.factor(), at.gradient)))
