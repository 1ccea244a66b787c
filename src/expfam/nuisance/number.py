"""A number beside the coefficients, estimated by maximum likelihood, and a log-likelihood as a function of some."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from expfam._typing import FloatArray
from expfam.errors import SolverError

CLOSE = 1e-9  # standard errors from the maximum
ROUNDING = 1e-13  # share of a log-likelihood by which it may seem to fall
STEPS, HALVINGS = 60, 30
FARTHEST = 1e9  # a step before it is cut to what may be reached


@dataclass(frozen=True, slots=True)
class Nuisance:
    """theta, power or dispersion with its standard error; `note` says what is the matter with it, "" for nothing.

    `settled` is False where the iteration ended before the number stood still.
    """

    name: str
    value: float
    se: float
    note: str = ""
    settled: bool = True


@dataclass(frozen=True, slots=True)
class Curve:
    """A log-likelihood at numbers u (m,): value, slope (m,), curvature (m, m); a commutative monoid under +."""

    value: float
    slope: FloatArray
    curvature: FloatArray

    def __add__(self, other: "Curve") -> "Curve":
        return Curve(self.value + other.value, self.slope + other.slope, self.curvature + other.curvature)


@dataclass(frozen=True, slots=True, eq=False)
class Box:
    """Where the numbers may go: lower and upper ends (m,), how far a step may reach (m,), and which of them move."""

    lower: FloatArray
    upper: FloatArray
    reach: FloatArray
    moving: tuple[int, ...]


def climb(
    curve: Callable[[FloatArray], Curve], u: FloatArray, box: Box, close: float = CLOSE
) -> tuple[FloatArray, Curve, float]:
    """The maximum over the moving numbers by Newton's method, to `close` standard errors; the curve there; how many
    standard errors u moved."""
    begin, at = u, curve(u)
    if not np.isfinite(at.value) or not np.isfinite(at.slope).all():
        raise SolverError(
            f"the log-likelihood has no finite value at {u}, where a number of the family was to be estimated; check "
            "the response and the offset for extreme values, or give the number"
        )
    for _ in range(STEPS):
        step = ascent(at, u, box)
        rise = float(step @ at.slope)
        if not rise > close**2:
            break
        found = _accepted(curve, u, at, step, box)
        if found is None:
            break
        u, at = found
    move = u - begin
    return u, at, float(np.sqrt(max(-float(move @ at.curvature @ move), 0.0)))


def ascent(at: Curve, u: FloatArray, box: Box) -> FloatArray:
    """Newton's step of the moving numbers, uphill where the curve is no hill; zero for all others.

    Numbers at an end of the box stay there if they would leave it.
    """
    step = np.zeros_like(u)
    inside = ((u < box.upper) | (at.slope < 0)) & ((u > box.lower) | (at.slope > 0))
    free = [j for j in box.moving if inside[j]]
    if not free:
        return step
    slope, bend = at.slope[free], -at.curvature[np.ix_(free, free)]
    values, axes = np.linalg.eigh(bend)
    along = axes.T @ slope
    least = 1e-10 * np.abs(values).max(initial=0.0) + np.finfo(float).tiny
    size = np.maximum(np.maximum(np.abs(values), least), np.abs(along) / FARTHEST)  # a flat curve is no reason for inf
    step[free] = axes @ (along / size)
    return np.asarray(step * min(1.0, float(np.min(box.reach / np.maximum(np.abs(step), 1e-300)))))


def _accepted(
    curve: Callable[[FloatArray], Curve], u: FloatArray, at: Curve, step: FloatArray, box: Box
) -> tuple[FloatArray, Curve] | None:
    """The first of step, step / 2, step / 4, ... at which the curve has not fallen; None where there is none."""
    for k in range(HALVINGS):
        new = np.clip(u + step / 2**k, box.lower, box.upper)
        there = curve(new)
        if there.value >= at.value - ROUNDING * abs(at.value):
            return new, there
    return None


def covariance(at: Curve, moving: tuple[int, ...]) -> FloatArray:
    """The inverse of the information of the moving numbers, NaN where it is not positive definite."""
    bend = -at.curvature[np.ix_(moving, moving)]
    if not (np.isfinite(bend).all() and np.all(np.linalg.eigvalsh(bend) > 0)):
        return np.full_like(bend, np.nan)
    return np.asarray(np.linalg.inv(bend))
