"""How far from an optimum: the figures of the certificate (theory.md 6), on a scale that is free of units."""

from dataclasses import dataclass

import numpy as np

from expfam._typing import BoolArray, FloatArray
from expfam.design import Design
from expfam.objective import Evaluation, Objective
from expfam.solvers.linear import Factor, factorise

RUNAWAY = 0.1
"""A Newton step that still moves a linear predictor by this much on a flat likelihood runs to infinity: in the
exponential tail of a loss every step moves it by 1."""


@dataclass(frozen=True, slots=True)
class Scale:
    """Columns centred and scaled, z_j = (x_j - centre_j) / spread_j, with the Fisher weights of the starting model.

    `response` is the size of a score (1 where phi = 1, else the root of the null deviance per weight), `weight` sum w.
    """

    centre: FloatArray
    spread: FloatArray
    response: float
    weight: float
    intercept: int | None

    def standardised(self, gradient: FloatArray) -> FloatArray:
        """The gradient in the coefficients of z, (p,) or (p, d): a linear map of columns (14)."""
        shape = (-1,) + (1,) * (gradient.ndim - 1)
        shifted = gradient
        if self.intercept is not None:
            shifted = gradient - self.centre.reshape(shape) * gradient[self.intercept]
        return shifted / self.spread.reshape(shape)

    def original(self, theta: FloatArray) -> FloatArray:
        """Coefficients of x from those of z: theta_j = z_j / spread_j, the intercept takes up the centring."""
        shape = (-1,) + (1,) * (theta.ndim - 1)
        out = theta / self.spread.reshape(shape)
        if self.intercept is not None:
            out[self.intercept] -= np.tensordot(self.centre, out, axes=(0, 0))
        return out

    def gradient(self, gradient: FloatArray, kept: BoolArray) -> float:
        """max_j |gradient_j| / sum w over kept columns on the standardised scale: what `tol` bounds."""
        largest = float(np.abs(self.standardised(gradient)[kept]).max(initial=0.0))
        return largest / (self.weight * self.response)


def scale_of(gram: FloatArray, weight_total: float, objective: Objective, response: float) -> Scale:
    """The scale from X'WX (p, p) with sum W = `weight_total`; a column without spread keeps its own unit."""
    intercept = objective.data.design.intercept
    mean_square = np.diagonal(gram) / weight_total
    centre = np.zeros(len(gram))
    if intercept is not None:
        centre = gram[intercept] / gram[intercept, intercept]
        centre[intercept] = 0.0
        mean_square = np.diagonal(gram) / gram[intercept, intercept]
    variance = mean_square - centre**2
    spread = np.sqrt(np.where(variance > 1e-14 * mean_square, variance, 1.0))
    return Scale(centre, spread, response, objective.weight, intercept)


@dataclass(frozen=True, slots=True)
class Reading:
    """A Newton step's figures: gradient on the scale of `tol`, decrement in standard errors, step and factor.

    `kept` marks the entries of the information, class after class, that were not left out.
    """

    gradient: float
    decrement: float
    step: FloatArray
    factor: Factor
    kept: BoolArray


def read(at: Evaluation, scale: Scale, kept: BoolArray) -> Reading:
    """Gradient, decrement sqrt(g' H^-1 g) / response and step -H^-1 g over the kept columns, in theta's shape."""
    assert at.gradient is not None
    assert at.hessian is not None
    inside = np.tile(kept, at.gradient[0:1].size)
    gradient = by_class(at.gradient)[inside]
    factor = factorise(at.hessian if inside.all() else at.hessian[np.ix_(inside, inside)])
    step = np.zeros(len(inside))
    step[inside] = -factor.solve(gradient)
    decrement = np.sqrt(max(float(-gradient @ step[inside]), 0.0)) / scale.response
    return Reading(scale.gradient(at.gradient, kept), decrement, from_classes(step, at.gradient), factor, inside)


def by_class(theta: FloatArray) -> FloatArray:
    """(p,) or (p, d) as one vector, class after class: the order of the information's rows."""
    return theta if theta.ndim == 1 else theta.T.ravel()


def from_classes(flat: FloatArray, like: FloatArray) -> FloatArray:
    """The inverse of `by_class`, in the shape of `like`."""
    return flat if like.ndim == 1 else np.ascontiguousarray(flat.reshape(like.shape[::-1]).T)


def runs_away(reading: Reading, scale: Scale, design: Design) -> bool:
    """Is the likelihood flat while the Newton step still moves a linear predictor? Then some coefficient is infinite.

    The rows are only read where a standardised step is not small.
    """
    shape = (-1,) + (1,) * (reading.step.ndim - 1)
    if np.abs(reading.step * scale.spread.reshape(shape)).max(initial=0.0) <= 1e-6:
        return False
    moved = float(np.abs(design.forward(design.maps.forward(reading.step))).max(initial=0.0))
    return moved >= RUNAWAY and moved >= 1e3 * reading.decrement * scale.response


def movers(step: FloatArray, scale: Scale) -> BoolArray:
    """Which coefficients carry a runaway step; step and answer (p d,), class after class."""
    size = np.abs(step * np.tile(scale.spread, len(step) // len(scale.spread)))
    return np.asarray(size > 1e-3 * size.max(initial=0.0))
