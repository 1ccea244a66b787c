"""min over theta' of g'd + d'H d / 2 + l' |theta'|, d = theta' - theta: coordinate descent on a matrix, not on rows.

Friedman, Hastie and Tibshirani (2010), with H in place of X'WX: one coefficient after another takes its own minimum,
S(H_jj theta_j - slope_j, l_j) / H_jj with S the soft threshold, until none moves.
"""

from dataclasses import dataclass
from functools import partial

import numpy as np

from expfam._typing import FloatArray, IntArray
from expfam.solvers.loop import iterate
from expfam.solvers.status import Status

SWEEPS = 10_000
STILL = 1e-10  # of its own width, H_jj^(-1/2): a coefficient that moves less has arrived


@dataclass(frozen=True, slots=True, eq=False)
class _At:
    """theta' and the slope g + H d there; `whole` tells that the next sweep is over all coefficients, not only over
    those that are free of zero."""

    theta: FloatArray
    slope: FloatArray
    whole: bool = True
    sweeps: int = 0
    status: Status = Status.RUNNING


def corner(H: FloatArray, gradient: FloatArray, bound: FloatArray, theta: FloatArray) -> FloatArray:
    """The step d, (p,), for H (p, p) definite, the gradient g (p,) at theta (p,) and l = `bound` (p,), from 0 up."""
    end = iterate(partial(_swept, H, bound), _At(theta, gradient), lambda _: None)
    return np.asarray(end.theta - theta)


def _swept(H: FloatArray, bound: FloatArray, at: _At) -> _At:
    free = np.flatnonzero((at.theta != 0) | (bound == 0))
    theta, slope, moved = _sweep(H, bound, at, np.arange(len(bound)) if at.whole else free)
    still, sweeps = moved <= STILL, at.sweeps + 1
    status = Status.CONVERGED if at.whole and still else Status.RUNNING
    return _At(theta, slope, not at.whole and still, sweeps, Status.MAX_ITER if sweeps == SWEEPS else status)


def _sweep(H: FloatArray, bound: FloatArray, at: _At, some: IntArray) -> tuple[FloatArray, FloatArray, float]:
    """theta' and slope after a sweep over some coefficients, and the longest way that one of them went."""
    theta, slope, moved = at.theta.copy(), at.slope.copy(), 0.0
    for j in some[np.diagonal(H)[some] > 0]:
        aim = H[j, j] * theta[j] - slope[j]
        there = np.sign(aim) * max(abs(aim) - bound[j], 0.0) / H[j, j]
        step = there - theta[j]
        if step:
            slope += step * H[j]
            theta[j] = there
            moved = max(moved, float(abs(step) * np.sqrt(H[j, j])))
    return theta, slope, moved
