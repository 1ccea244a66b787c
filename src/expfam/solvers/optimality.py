"""How far from an optimum: the figures of the certificate (theory.md 6), in standard coordinates, free of units."""

from dataclasses import dataclass

import numpy as np

from expfam._typing import BoolArray, FloatArray
from expfam.design import Design
from expfam.information import Factor, Root
from expfam.objective import Data, Evaluation
from expfam.parallel import is_ones, weight_of

RUNAWAY = 0.1
"""A Newton step that still moves a linear predictor by this much on a flat likelihood runs to infinity: in the
exponential tail of a loss every step moves it by 1."""

SLIGHT = 1e-3
"""A step known to move every linear predictor by less is small, whatever is asked."""


@dataclass(frozen=True, slots=True)
class Scale:
    """sqrt(phi), sum w and sqrt(W per weight) of the null model; `response` `slope` is the size of a score.

    Where phi = 1 so is `response`, else it is the root of the null deviance per weight; of classes `slope` is 1.
    """

    response: float
    weight: float
    slope: float = 1.0

    def gradient(self, gradient: FloatArray) -> float:
        """max_j |gradient_j| / (sum w response slope) in standard coordinates: what `tol` bounds."""
        largest = max(float(gradient.max(initial=0.0)), -float(gradient.min(initial=0.0)))  # |gradient| would be a copy
        return largest / (self.weight * self.response * self.slope)

    def decrement(self, gradient: FloatArray, step: FloatArray) -> float:
        """sqrt(-g' step) / response: with step = -H^-1 g, how many standard errors the optimum is away."""
        return float(np.sqrt(max(-float(np.vdot(gradient, step)), 0.0))) / self.response


@dataclass(frozen=True, slots=True)
class Reading:
    """A Newton step's figures: gradient on the scale of `tol`, decrement in standard errors, step in theta's shape."""

    gradient: float
    decrement: float
    step: FloatArray


def read(at: Evaluation, scale: Scale, factor: Factor) -> Reading:
    """The figures of the step -H^-1 g, H factorised."""
    assert at.gradient is not None
    solved = at.hessian.solution if isinstance(at.hessian, Root) else None
    step = -newton_solve(factor, at.gradient) if solved is None else solved
    return Reading(scale.gradient(at.gradient), scale.decrement(at.gradient, step), step)


def newton_solve(factor: Factor, gradient: FloatArray) -> FloatArray:
    """H^-1 g in theta's shape, the rows of H class after class."""
    return from_classes(factor.solve(by_class(gradient)), gradient)


def by_class(theta: FloatArray) -> FloatArray:
    """(p,) or (p, d) as one vector, class after class: the order of the information's rows."""
    return theta if theta.ndim == 1 else theta.T.ravel()


def from_classes(flat: FloatArray, like: FloatArray) -> FloatArray:
    """The inverse of `by_class`, in the shape of `like`."""
    return flat if like.ndim == 1 else np.ascontiguousarray(flat.reshape(like.shape[::-1]).T)


def runs_away(reading: Reading, scale: Scale, data: Data) -> bool:
    """Is the likelihood flat while the Newton step still moves a linear predictor? Then it may run to infinity."""
    moved = reach(reading.step, data)
    return moved >= RUNAWAY and scale.slope * moved >= 1e3 * reading.decrement * scale.response


def reach(step: FloatArray, data: Data) -> float:
    """By how much a step moves some row's linear predictor at most; the rows are only read where it is not small.

    A column z has sum w z^2 = sum w, so that no |z_i| exceeds sqrt(sum w / w_i): of a level whose weights are tiny, a
    tiny step is none.
    """
    w = data.weight
    least = 1.0 if is_ones(w) else float(np.min(w, where=w > 0, initial=np.inf))
    if np.abs(step).sum() * np.sqrt(weight_of(w) / least) <= SLIGHT:
        return 0.0
    return float(np.abs(stirred(step, data.design)).max(initial=0.0))


def stirred(step: FloatArray, design: Design) -> FloatArray:
    """By how much a step moves the linear predictor of each row."""
    return design.forward(design.maps.forward(step))


def movers(step: FloatArray) -> BoolArray:
    """Which coefficients carry a runaway step, (p d,) class after class, or which rows it moves, (n,)."""
    size = np.abs(step)
    return np.asarray(size > 1e-3 * size.max(initial=0.0))
