"""min over theta' of g'd + d'H d / 2 + l' |theta'|, d = theta' - theta: on a matrix, not on rows.

Coordinate descent (Friedman, Hastie and Tibshirani 2010, with H in place of X'WX) finds which coefficients are zero and
the signs of the others: one after another takes its own minimum, S(H_jj theta_j - slope_j, l_j) / H_jj with S the soft
threshold. Where a sweep keeps the signs, the minimum over that orthant's face is one linear system, solved at once
however collinear the columns; a coefficient that would cross zero on the way stays there (an active set, as in Lee,
Battle, Raina and Ng 2007). It ends with a sweep that moves nothing, but for rounding.

H of a face is factorised once: a coefficient that leaves it is a column that leaves R of R'R = H, which rotations mend.
"""

from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from scipy.linalg import lapack, qr_delete

from expfam._typing import BoolArray, FloatArray, IntArray
from expfam.information import Full
from expfam.solvers.loop import iterate
from expfam.solvers.status import Status

MOVES = 10_000
STILL = 1e-10  # of the longest way that one coefficient ever went: what moves less has arrived,
ROUNDING = 1e-14  # as has what moves by no more than this share of what it is the difference of


@dataclass(frozen=True, slots=True, eq=False)
class _Face:
    """The m coefficients that may move, and `upper` R (m, m) of R'R = S H S, S = diag(scale)."""

    free: IntArray
    upper: FloatArray
    scale: FloatArray

    def solve(self, rhs: FloatArray) -> FloatArray:
        """H^-1 rhs, (m,)."""
        if not len(rhs):
            return rhs
        solved, _ = lapack.dpotrs(self.upper, rhs * self.scale, lower=0)
        return np.asarray(solved) * self.scale

    def without(self, gone: BoolArray) -> "_Face":
        """The face of those that are not `gone`, (m,)."""
        upper = self.upper
        for k in np.flatnonzero(gone)[::-1]:
            mended = qr_delete(np.eye(len(upper)), upper, k, which="col", check_finite=False)[1]
            upper = np.asarray(mended[:-1], dtype=np.float64)
        return _Face(self.free[~gone], upper, self.scale[~gone])


@dataclass(frozen=True, slots=True, eq=False)
class _At:
    """theta' and the slope g + H d there; `steady` tells that the next move is on the face and not a sweep, `longest`
    how far one coefficient ever went, in widths H_jj^(-1/2), `face` what is left of the one before."""

    theta: FloatArray
    slope: FloatArray
    steady: bool = False
    longest: float = 0.0
    moves: int = 0
    status: Status = Status.RUNNING
    face: _Face | None = None


def corner(H: FloatArray, gradient: FloatArray, bound: FloatArray, theta: FloatArray) -> FloatArray:
    """The step d, (p,), for H (p, p) semidefinite, and definite where `bound` is 0, the gradient g (p,) at theta (p,)
    and l = `bound` (p,), from 0 up."""
    end = iterate(partial(_moved, H, bound), _At(theta, gradient), lambda _: None)
    return np.asarray(end.theta - theta)


def _moved(H: FloatArray, bound: FloatArray, at: _At) -> _At:
    if at.moves == MOVES:
        return replace(at, status=Status.MAX_ITER)
    if at.steady:
        theta, face = _along(H, bound, at, at.face or _face(H, bound, at.theta))
        slope = at.slope + H @ (theta - at.theta)
        return replace(at, theta=theta, slope=slope, steady=face is not None, moves=at.moves + 1, face=face)
    theta, slope, moved = _sweep(H, bound, at)
    longest, same = max(moved, at.longest), np.array_equal(np.sign(theta), np.sign(at.theta))
    still = moved <= max(STILL * longest, ROUNDING * _size(H, theta, slope))
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


def _size(H: FloatArray, theta: FloatArray, slope: FloatArray) -> float:
    """The largest of the numbers that a move in a sweep is the difference of, theta_j and slope_j / H_jj, in widths."""
    width = np.sqrt(np.diagonal(H))
    terms = np.divide(np.abs(slope), width, out=np.zeros(len(width)), where=width > 0) + width * np.abs(theta)
    return float(terms.max(initial=0.0))


def _face(H: FloatArray, bound: FloatArray, theta: FloatArray) -> _Face:
    """All with the signs and zeros of theta."""
    free = np.flatnonzero(((theta != 0) | (bound == 0)) & (np.diagonal(H) > 0))
    factor = Full(H[np.ix_(free, free)]).factor()
    return _Face(free, factor.lower.T, factor.scale)


def _along(H: FloatArray, bound: FloatArray, at: _At, face: _Face) -> tuple[FloatArray, _Face | None]:
    """theta' at the minimum over the face, and None; or where the first coefficient comes to zero on the way there, and
    the face without it."""
    free = face.free
    here, limit = at.theta[free], bound[free]
    slope = at.slope[free] + limit * np.sign(here)
    way = np.zeros(len(H))
    way[free] = -face.solve(slope)
    bend, way = float(way @ H @ way), way[free]
    length = -float(slope @ way) / bend if bend > 0 else np.inf
    crosses = (limit > 0) & (here * way < 0)
    lengths = np.divide(-here, way, out=np.full(len(free), np.inf), where=crosses)
    first = float(lengths.min(initial=np.inf))
    theta = at.theta.copy()
    if not np.isfinite(min(length, first)):
        return theta, None
    theta[free] += min(length, first) * way
    gone = crosses & (lengths <= min(length, first))
    theta[free[gone]] = 0.0
    return theta, None if length <= first else face.without(gone)
