"""Where does the profile of F rise by c^2 phi / 2? Intervals that follow the likelihood, not its parabola.

The end is theta with grad F = mu c for some mu, F = F_min + rise: one coefficient fixed, all others at their best
(Venzon and Moolgavkar 1988). A step minimises the quadratic model of F on that surface: with a = H^-1 c, b = H^-1 g,
d = mu a - b and mu^2 c'a = 2 (target - F + g'b / 2). H is that of the optimum, corrected by the secants of the steps,
and taken anew where steps leave too much: an end costs a few reads of the rows.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from expfam._typing import BoolArray, FloatArray
from expfam.inference import bracket
from expfam.inference.held import Held, plane
from expfam.inference.optimum import Optimum
from expfam.information import Factor
from expfam.objective import Evaluation, Objective
from expfam.response import Level
from expfam.solvers import Status
from expfam.solvers.loop import iterate
from expfam.solvers.secants import Factored, Secants, direction, remember

CLOSE = 1e-6  # Wald intervals from the end, and share of the rise, at which it is reached
FAST = 0.1  # share of the last step under which steps shrink so fast that the next one can be foretold
SLOW = 0.3  # a step that leaves more than this share of what was left asks for new information
REACH = 4.0  # Wald intervals that one step may go beyond the last point,
FAR = 100.0  # and after which there is no end: the profile flattens out
STEPS = 60
NEARER = 0.05  # of how far a coefficient has run, the share at which ends are looked for first
BEST = 1e-10  # share of the rise by which F of the best other coefficients may be missed between brackets


@dataclass(frozen=True, slots=True, eq=False)
class _State:
    """`left` is how far the end is, the larger of the misses in F, in shares of the rise, and of the step, in Wald
    intervals, one-sided; `reach` that of the last step; `moved` how many of them c'beta is from the optimum."""

    beta: FloatArray
    at: Evaluation
    factor: Factor
    secants: Secants = ()
    left: float = np.inf
    reach: float = np.inf
    moved: float = 0.0
    status: Status = Status.RUNNING
    steps: int = 0


def ends(optimum: Optimum, c: FloatArray, rise: float) -> tuple[float, float]:
    """How far c'beta may fall and rise until the profile of F is `rise` above its minimum; infinite where it never is.

    c has the shape of beta, standard coordinates; the answers are c'(beta - optimum), the first negative. The way to
    the lower end is a straight line and a bend, and the bend is where the upper end's search begins.
    """
    wald = _wald(optimum, rise, c)
    lower = _end(optimum, c, rise, -1.0, -wald)
    bend = lower.beta - optimum.beta + wald if lower.status is Status.CONVERGED else 0.0
    upper = _end(optimum, c, rise, 1.0, wald + bend)
    return _distance(optimum, c, lower, -1.0), _distance(optimum, c, upper, 1.0)


def _wald(optimum: Optimum, rise: float, c: FloatArray) -> FloatArray:
    """The step to the upper end if F were its parabola at the optimum."""
    a = -direction(Factored(optimum.factor), (), c)
    return np.asarray(np.sqrt(2 * rise / float(np.vdot(c, a))) * a)


def _distance(optimum: Optimum, c: FloatArray, end: _State, side: float) -> float:
    if end.status is Status.SEPARATED:
        return side * np.inf
    return float(np.vdot(c, end.beta - optimum.beta)) if end.status is Status.CONVERGED else np.nan


def _end(optimum: Optimum, c: FloatArray, rise: float, side: float, first: FloatArray) -> _State:
    """The end to one side, after a first step."""
    begin = _State(optimum.beta, optimum.at, optimum.factor)
    search = _Search(optimum, c, rise, side, float(np.vdot(c, _wald(optimum, rise, c))))
    return iterate(partial(_advance, search), _moved(search, begin, first, 1.0), lambda _: None)


@dataclass(frozen=True, slots=True, eq=False)
class _Search:
    """What an end is sought of: c'beta, to which side, and how far away Wald's is."""

    optimum: Optimum
    c: FloatArray
    rise: float
    side: float
    wald: float


def _advance(search: _Search, state: _State) -> _State:
    """One step to the surface; none if it is foretold to be the last and where it ends."""
    step = _step(state, search.c, search.optimum.at.value + search.rise, search.side)
    reach = abs(float(np.vdot(search.c, step))) / search.wald
    fast = reach < FAST * state.reach
    if fast and reach * (reach / state.reach) < FAST * CLOSE and state.left**2 < CLOSE:
        return replace(state, beta=state.beta + step, status=Status.CONVERGED)
    return _moved(search, state, step, min(1.0, REACH / reach) if reach > 0 else 1.0)


def _moved(search: _Search, state: _State, step: FloatArray, share: float) -> _State:
    """The state after a share of a step, halved where F has no value."""
    optimum, rise, objective = search.optimum, search.rise, search.optimum.problem.objective
    beta, at = state.beta, state.at
    for _ in range(30):
        beta = state.beta + share * step
        at = objective(beta, Level.GRADIENT)
        if np.isfinite(at.value):
            break
        share /= 2
    if at.gradient is None or state.at.gradient is None:
        return replace(state, status=Status.MAX_ITER)
    reach = abs(float(np.vdot(search.c, step))) / search.wald
    moved = search.side * float(np.vdot(search.c, beta - optimum.beta)) / search.wald
    left = max(abs(at.value - optimum.at.value - rise) / rise, reach if share == 1.0 else 1.0)
    slow = share < 1.0 or left > SLOW * state.left
    new = replace(
        state, beta=beta, at=at, left=left, reach=reach, moved=moved, steps=state.steps + 1,
        secants=remember(state.secants, beta - state.beta, at.gradient - state.at.gradient),
    )  # fmt: skip
    if left < CLOSE:
        return replace(new, status=Status.CONVERGED)
    if moved > FAR:
        return replace(new, status=Status.SEPARATED)
    if new.steps >= STEPS:
        return replace(new, status=Status.MAX_ITER)
    return _renewed(optimum, new) if slow and state.steps else new


def _renewed(optimum: Optimum, state: _State) -> _State:
    """With the information of this very point, where that is positive definite."""
    at = optimum.problem.objective(state.beta)
    if at.hessian is None:
        return state
    factor = at.hessian.factor()
    return replace(state, factor=factor, secants=()) if factor.definite else state


def _step(state: _State, c: FloatArray, target: float, side: float) -> FloatArray:
    """d = mu a - b; mu is that of the surface's nearest point where the best nuisance leaves F above the target."""
    assert state.at.gradient is not None
    metric, g = Factored(state.factor), state.at.gradient
    a, b = -direction(metric, state.secants, c), -direction(metric, state.secants, g)
    room = 2 * (target - state.at.value + float(np.vdot(g, b)) / 2)
    mu = side * np.sqrt(max(room, 0.0) / float(np.vdot(c, a)))
    return np.asarray(mu * a - b)


def intervals(optimum: Optimum, theta: FloatArray, rise: float, columns: BoolArray, separated: BoolArray) -> FloatArray:
    """The ends for single coefficients, the shape of theta with a last axis (lower, upper), in the columns' own units.

    `columns` (p,) marks the coefficients asked for; NaN for the others, for columns left out, where no end was found.
    Those that run to infinity, `separated` in the shape of theta, have one end: they, and ends not found otherwise, are
    bracketed.
    """
    wanted = asked(optimum, columns)
    found = each(optimum, theta, wanted & ~separated, partial(ends, optimum, rise=rise))
    if not isinstance(optimum.problem.objective, Objective):
        return found  # nor is a penalised likelihood bracketed, which has no information but that of the bare one
    lost = wanted & np.isnan(found).any(axis=-1)
    for endless in (True, False):
        sure = each(optimum, theta, lost & (separated == endless), partial(_bracketed, optimum, rise, endless))
        found = np.where(np.isnan(found), sure, found)
    return found


def _bracketed(optimum: Optimum, rise: float, endless: bool, c: FloatArray) -> tuple[float, float]:
    """The ends between brackets, looked for from Wald's on; where all is flat that says nothing, but |c| times |beta|
    how far c'beta may have run, and |c| how far it moves linear predictors by about 1."""
    far = float(np.linalg.norm(c)) * (1 + NEARER * float(np.linalg.norm(optimum.beta)))
    first = far if endless else float(np.vdot(c, _wald(optimum, rise, c)))

    def level(held: Held) -> float:
        return (held.at.value - optimum.at.value) / rise

    return bracket.ends(plane(optimum, c, BEST * rise), level, first)


def each(
    optimum: Optimum, theta: FloatArray, wanted: BoolArray, ends_of: Callable[[FloatArray], tuple[float, float]]
) -> FloatArray:
    """theta_j + ends_of(c) for each coefficient c'beta = theta_j asked for, NaN for the others."""
    out = np.full((*theta.shape, 2), np.nan)
    rows = optimum.posed.standard.original(np.eye(len(optimum.beta)))
    for at in zip(*np.nonzero(np.broadcast_to(wanted, theta.shape)), strict=True):
        c = np.zeros_like(optimum.beta)
        c[(slice(None), *at[1:])] = rows[at[0]]
        out[at] = theta[at] + np.array(ends_of(c))
    return out


def asked(optimum: Optimum, columns: BoolArray) -> BoolArray:
    """Which coefficients `each` is to look at: those of columns (p,) that were not left out, of all classes."""
    return (columns & optimum.kept).reshape(-1, *[1] * (optimum.beta.ndim - 1))


def traces(optimum: Optimum, theta: FloatArray, rises: Sequence[float] | FloatArray, columns: BoolArray) -> FloatArray:
    """Where the profile of each coefficient has risen by each of `rises`: the shape of theta with last axes (s, 2).

    `columns` (p,) marks the coefficients asked for, NaN for the others; infinite where the profile never rises so far.
    """
    wanted = asked(optimum, columns)
    found = [each(optimum, theta, wanted, partial(ends, optimum, rise=float(rise))) for rise in rises]
    return np.stack(found, axis=-2)
