"""min over theta' of g'd + d'H d / 2 + l' |theta'|, d = theta' - theta: on a matrix, not on rows.

Coordinate descent (Friedman, Hastie and Tibshirani 2010, with H in place of X'WX) finds which coefficients are zero and
the signs of the others: one after another takes its own minimum, S(H_jj theta_j - slope_j, l_j) / H_jj with S the soft
threshold. Where a sweep keeps the signs, the minimum over that orthant's face is one linear system, solved at once
however collinear the columns; a coefficient that would cross zero on the way stays there (an active set, as in Lee,
Battle, Raina and Ng 2007). It ends with a sweep that moves nothing.
"""

from dataclasses import dataclass
from functools import partial

import numpy as np

from expfam._typing import FloatArray
from expfam.information import Full
from expfam.solvers.loop import iterate
from expfam.solvers.status import Status

MOVES = 10_000
STILL = 1e-10  # of its own width, H_jj^(-1/2), or of the longest way so far: a coefficient that moves less has arrived


@dataclass(frozen=True, slots=True, eq=False)
class _At:
    """theta' and the slope g + H d there; `steady` tells that the next move is on the face and not a sweep, `longest`
    how far one coefficient ever went."""

    theta: FloatArray
    slope: FloatArray
    steady: bool = False
    longest: float = 1.0
    moves: int = 0
    status: Status = Status.RUNNING


def corner(H: FloatArray, gradient: FloatArray, bound: FloatArray, theta: FloatArray) -> FloatArray:
    """The step d, (p,), for H (p, p) semidefinite, and definite where `bound` is 0, the gradient g (p,) at theta (p,)
    and l = `bound` (p,), from 0 up."""
    end = iterate(partial(_moved, H, bound), _At(theta, gradient), lambda _: None)
    return np.asarray(end.theta - theta)


def _moved(H: FloatArray, bound: FloatArray, at: _At) -> _At:
    if at.moves == MOVES:
        return _At(at.theta, at.slope, status=Status.MAX_ITER)
    if at.steady:
        theta, arrived = _face(H, bound, at)
        return _At(theta, at.slope + H @ (theta - at.theta), not arrived, at.longest, at.moves + 1)
    theta, slope, moved = _sweep(H, bound, at)
    longest, same = max(moved, at.longest), np.array_equal(np.sign(theta), np.sign(at.theta))
    still = moved <= STILL * longest
    return _At(theta, slope, same, longest, at.moves + 1, Status.CONVERGED if still else Status.RUNNING)


def _sweep(H: FloatArray, bound: FloatArray, at: _At) -> tuple[FloatArray, FloatArray, float]:
    """theta' and slope after a sweep over all coefficients, and the longest way that one of them went, in widths."""
    theta, slope, moved = at.theta.copy(), at.slope.copy(), 0.0
    for j in np.flatnonzero(np.diagonal(H) > 0):
        aim = H[j, j] * theta[j] - slope[j]
        there = np.sign(aim) * max(abs(aim) - bound[j], 0.0) / H[j, j]
        step = there - theta[j]
        if step:
            slope += step * H[j]
            theta[j] = there
            moved = max(moved, float(abs(step) * np.sqrt(H[j, j])))
    return theta, slope, moved


def _face(H: FloatArray, bound: FloatArray, at: _At) -> tuple[FloatArray, bool]:
    """theta' at the minimum over all with these signs and zeros, or where the first coefficient comes to zero on the
    way there; and is it the minimum?"""
    free = np.flatnonzero(((at.theta != 0) | (bound == 0)) & (np.diagonal(H) > 0))
    here, part, limit = at.theta[free], Full(H[np.ix_(free, free)]), bound[free]
    slope = at.slope[free] + limit * np.sign(here)
    way = -part.factor().solve(slope)
    bend = float(way @ part.times(way))
    length = -float(slope @ way) / bend if bend > 0 else np.inf
    crosses = np.flatnonzero((limit > 0) & (here * way < 0))
    lengths = -here[crosses] / way[crosses]
    first = float(lengths.min(initial=np.inf))
    theta = at.theta.copy()
    if not np.isfinite(min(length, first)):
        return theta, True
    theta[free] += min(length, first) * way
    theta[free[crosses[lengths <= min(length, first)]]] = 0.0
    return theta, length <= first
