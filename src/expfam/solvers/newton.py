"""theta <- theta - (H + damping D)^-1 gradient: Newton's method (10), the exact solver."""

from dataclasses import dataclass, replace
from functools import partial
from typing import NamedTuple

import numpy as np

from expfam._typing import FloatArray
from expfam.design.standard import check_overflow
from expfam.information import Factor, Information
from expfam.objective import Evaluation, Objective
from expfam.parallel import weight_of
from expfam.response import Level, observed_differs
from expfam.solvers.descent import NONE, Damping, descend, fair
from expfam.solvers.loop import iterate
from expfam.solvers.optimality import Reading, read, runs_away
from expfam.solvers.problem import LOSES, LOST, Problem, Solution, Solver, sharpened
from expfam.solvers.secants import Factored, Secants, conjugate, remember
from expfam.solvers.short import is_short, run
from expfam.solvers.status import Status
from expfam.solvers.warm import is_long, sample_of, tells

CLOSE = 1e-5  # standard errors from the end at which the information is that of the end
NEAR = 1e-2  # and within which a decrement that does not fall tells of rounding, not of a wild step
SURE = 1e-6  # how close a step is to come for its end to be taken as that
FAST = 0.3  # a Newton step that leaves a smaller share of the decrement was well aimed: the next one will be, too
NEARER = 0.1  # and if it was not: the share of its decrement from which on another is hoped to be
FEW = 100_000  # entries of X up to which extended precision costs nothing to speak of
AIM = 1e-3  # the share that a step with new information is first expected to leave
DEAR = 4.0  # gradients: from this price of an information on, a step without is always tried
NEARBY = 0.02  # a step that moves linear predictors by no more, on average, stays where F is about a quadratic,
SHARES = (1.0, 0.5, 0.25, 0.125)  # and of one that moves them by more, with an older information, a share may do
ASTRAY = 100.0  # no optimum is where linear predictors would have to move by more, on average
HOPED = 0.1  # the share that a step with a sample's information is first expected to leave
LEFT = 0.1  # standard errors at least that a direction without an optimum is away at the start


@dataclass(frozen=True, slots=True)
class Newton(Solver):
    """Newton's method, damped where a full step does not pay: every iterate is feasible and F never rises.

    Large data starts from the optimum of a sample of its rows, if that tells where theirs is, and long data steps on
    with the information that is at hand, the sample's or that of an earlier point, corrected by the secants of the
    steps, while that costs less than reading the rows for a new one. The last information is that of the optimum.

    Where theta is asked for alone, it ends without that: as near to the optimum, and there faster than coefficients
    that run to infinity let it, along which a step leaves 1 / e of the gradient.

    Away from canonical links it steps with the observed information, which converges quadratically, and with
    Fisher's wherever that is not positive definite, and of long data as long as the end is far. It stops when the
    scaled gradient is at most `tol` and the step left is below `tol` standard errors in every direction, 1e-5 of one
    where theta of large data is asked for alone.
    """

    def solve(self, problem: Problem) -> Solution:
        found = _solved(problem)
        if problem.sample is None or not _astray(problem, found):
            return found
        other = _solved(replace(problem, sample=None, sampled=None))
        passes, hessians = found.passes + other.passes, found.hessians + other.hessians
        best = other if other.status is Status.CONVERGED else found
        return replace(best, passes=passes, hessians=hessians)


def _solved(problem: Problem) -> Solution:
    """Where steps from the start, or from a sample's optimum, come to an end."""
    exact = observed_differs(problem.objective.family, problem.objective.link)
    curved = replace(problem.objective, observed=True) if exact else problem.objective
    start = _hurried(problem, curved, _begin(problem, curved))
    end = iterate(partial(_advance, problem, curved), start, partial(_report, problem))
    observed = exact and (end.steps > 0 or problem.first is None)  # that of a start which is the end is Fisher's
    answers = end.fresh and not observed
    near = not answers and end.status is Status.CONVERGED and _suffices(problem, end)
    known = end.known if near else None if observed else end.hessian
    at = None if known is None else replace(end.at, hessian=known)
    return Solution(end.theta, at, end.status, end.steps, end.passes, end.hessians, near=near)


def _astray(problem: Problem, found: Solution) -> bool:
    """May it have been the sample that led where no optimum is? Of a convex loss a runaway is one from anywhere."""
    runs = found.status is Status.SEPARATED and observed_differs(problem.objective.family, problem.objective.link)
    return runs or found.status in (Status.MAX_ITER, Status.STALLED)


class _State(NamedTuple):
    """`reading` is that of the next step with `factor`, of the information `known`, and `secants`; `sample` is what
    told that information, None where all rows did; `hessian` is the last one of the full data, taken `drift` standard
    errors before; `rate` the share of the decrement that the last step left, `aim` that of the last step with
    information of its own point, when the decrement was `aimed`; of the `steps`, `chords` were with an older one."""

    theta: FloatArray
    at: Evaluation
    known: Information
    factor: Factor
    reading: Reading
    sample: Problem | None = None
    status: Status = Status.RUNNING
    secants: Secants = ()
    hessian: Information | None = None
    drift: float = np.inf
    rate: float = HOPED
    aim: float = AIM
    aimed: float = 1.0
    damping: Damping = NONE
    steps: int = 0
    chords: int = 0
    passes: float = 0.0
    hessians: float = 0.0

    @property
    def fresh(self) -> bool:
        """Is the information that of this very point?"""
        return self.at.hessian is not None


def _begin(problem: Problem, curved: Objective) -> _State:
    """The optimum of a sample of the rows where that is worth while and lowers F, else the start.

    Fisher's information there, of all rows or of the sample, will do for the first steps where another is meant.
    """
    sample = sample_of(problem)
    if sample is not None and not tells(problem, sample):
        assert sample.first is not None
        passes = 1 + _cost(problem, sample)
        at = curved(problem.start, Level.GRADIENT)
        return _from(problem, sample, problem.start, at, sample.first, passes, passes - 1)
    if sample is not None:
        rough = Newton().solve(sample)
        cost = _cost(problem, sample)
        passes, hessians = 1 + rough.passes * cost, rough.hessians * cost
        at = curved(rough.theta, Level.GRADIENT)
        if at.gradient is not None and at.value < _first_value(problem):
            part = sample.objective(rough.theta) if rough.at is None else rough.at
            return _from(problem, sample, rough.theta, at, part, passes, hessians)
        return _at_start(problem, curved)._replace(passes=1 + passes, hessians=1 + hessians)
    state = _at_start(problem, curved)
    fishers = curved.observed and problem.first is not None
    if fishers and is_long(curved) and state.status is Status.RUNNING:
        return state._replace(at=replace(state.at, hessian=None))
    return state


def _from(
    problem: Problem,
    sample: Problem,
    theta: FloatArray,
    at: Evaluation,
    part: Evaluation,
    passes: float,
    hessians: float,
) -> _State:
    """A first point, its gradient known, and the information that `part`, F of the sample, promises."""
    known = _information(problem, sample, part)
    factor = known.factor()
    return _State(theta, at, known, factor, read(at, problem.scale, factor), sample, passes=passes, hessians=hessians)


def _information(problem: Problem, sample: Problem, part: Evaluation) -> Information:
    """That of all rows, by F of the sample: they are so many times heavier."""
    heavier = weight_of(problem.objective.data.weight) / weight_of(sample.objective.data.weight)
    return _hessian(part) * heavier


def _cost(problem: Problem, sample: Problem) -> float:
    """What a read of the sample costs, in reads of all rows."""
    return sample.objective.data.n / problem.objective.data.n


def _first_value(problem: Problem) -> float:
    """F at the start; the null model is known."""
    if problem.first is not None:
        return problem.first.value
    if problem.objective.data.design.intercept is not None:
        return problem.null.deviance / 2
    return problem.objective(problem.start, Level.VALUE).value


def _at_start(problem: Problem, curved: Objective) -> _State:
    at = curved(problem.start) if problem.first is None else problem.first
    return _judged(problem, _renewed(problem, curved, problem.start, at, None, 1))


def _hurried(problem: Problem, curved: Objective, state: _State) -> _State:
    """The state after the steps of few rows that need no look between them."""
    if state.status is not Status.RUNNING or not is_short(problem, state.factor.condition):
        return state
    theta, at, steps = run(problem, curved, state.theta, state.at, state.reading)
    if not steps:
        return state
    before = state._replace(steps=state.steps + steps, passes=state.passes + steps)
    return _judged(problem, _renewed(problem, curved, theta, at, before, steps), state)


def _renewed(
    problem: Problem, curved: Objective, theta: FloatArray, at: Evaluation, before: _State | None, read_times: int
) -> _State:
    """The state at a point whose information is known: a new factor, no secants."""
    check_overflow(problem.objective.data.design.names, _hessian(at).diagonal[: len(theta)])
    at, factor = sharpened(curved, theta, at, LOST)
    hessians = read_times
    if curved.observed and not factor.definite:
        at, hessians = problem.objective(theta), hessians + 1
        factor = _hessian(at).factor()
    if _rounds(problem, factor):
        at = replace(at, gradient=curved.refined(theta))
    reading, known = read(at, problem.scale, factor), _hessian(at)
    if before is None:
        reads = float(hessians)
        return _State(theta, at, known, factor, reading, hessian=at.hessian, drift=0.0, passes=reads, hessians=reads)
    rate = reading.decrement / before.reading.decrement if before.reading.decrement > 0 else 0.0
    return _State(
        theta, at, known, factor, reading, hessian=at.hessian, drift=0.0, rate=rate,
        aim=rate if before.fresh else before.aim, aimed=before.reading.decrement if before.fresh else before.aimed,
        damping=before.damping, steps=before.steps, chords=before.chords,
        passes=before.passes + (hessians - read_times), hessians=before.hessians + hessians,
    )  # fmt: skip


def _rounds(problem: Problem, factor: Factor) -> bool:
    """Would rounding show, and are the rows so few that sums in extended precision cost nothing to speak of?"""
    return factor.condition > LOSES and problem.objective.data.n * problem.start.size <= FEW


def _hessian(at: Evaluation) -> Information:
    assert at.hessian is not None
    return at.hessian


def _advance(problem: Problem, curved: Objective, state: _State) -> _State:
    """One step downhill, and what it leads to."""
    if state.fresh:
        return _newton_step(problem, curved, state)
    return _chord_step(problem, curved, state)


def _newton_step(problem: Problem, curved: Objective, state: _State) -> _State:
    """A step with the information of this point, damped if need be."""
    aimed = state.rate < FAST or _stirs(problem, state) <= NEARBY or problem.objective.dearness > DEAR
    last = _ends(problem, state) and _wanted(problem, curved)
    spare = aimed and not last and is_long(problem.objective) and state.factor.condition < LOSES
    level = Level.GRADIENT if spare else Level.HESSIAN
    step = descend(curved, state.theta, state.at, state.reading, problem.null.weight, state.damping, level)
    passes, steps = state.passes + step.passes, state.steps + 1
    if not step.moved:
        flat = state.reading.gradient <= problem.tol
        return state._replace(status=Status.CONVERGED if flat else Status.STALLED, steps=steps, passes=passes)
    state = state._replace(damping=step.damping, steps=steps, passes=passes)
    return _arrived(problem, curved, state, step.theta, step.at, step.hessians)


def _stirs(problem: Problem, state: _State) -> float:
    """By how much the step moves linear predictors: the root of their mean square, by the null model's weights."""
    return state.reading.decrement * problem.scale.response / float(np.sqrt(problem.null.weight))


def _chord_step(problem: Problem, curved: Objective, state: _State) -> _State:
    """A step with an older information; a new one is taken where that is cheaper, or the end is near, or it fails."""
    assert state.at.gradient is not None
    promised, hessians = float(-np.vdot(state.at.gradient, state.reading.step)) / 2, 0
    level = Level.HESSIAN if _renews(problem, curved, state) else Level.GRADIENT
    state = state._replace(steps=state.steps + 1, chords=state.chords + 1)
    for share in SHARES if _stirs(problem, state) > NEARBY else SHARES[:1]:
        theta = state.theta + share * state.reading.step
        new, state = curved(theta, level), state._replace(passes=state.passes + 1)
        hessians += int(new.hessian is not None)
        if fair(state.at, new, share * promised, curved):
            return _arrived(problem, curved, state, theta, new, hessians)
    state = state._replace(passes=state.passes + 1, hessians=state.hessians + hessians)
    here = _renewed(problem, curved, state.theta, curved(state.theta), state, 1)
    return _informed(problem, curved, state, here, None)


def _renews(problem: Problem, curved: Objective, state: _State) -> bool:
    """Is the end one step away, so that its information is needed? Or do the steps still to go cost more than new
    information with the fewer steps that it promises?

    Prices are counted from the shape of the design, not timed: a fit is the same to the last bit on a busy machine.
    """
    if _ends(problem, state):
        return _wanted(problem, curved)
    left, rate = state.reading.decrement, min(state.rate, 0.99)
    if state.steps == 0:  # its rate is only hoped for
        return False
    if curved.observed and _stirs(problem, state) > NEARBY:  # so far away it is no better aimed
        return False
    nearer = left < state.aimed * (1.0 if state.aim < FAST else NEARER)
    quadratic = left / state.aimed if nearer else 1.0
    hoped = float(np.clip(state.aim * quadratic, np.finfo(float).tiny, 0.99))
    to_go = np.log(problem.enough(state.at.value) if problem.alone else SURE) - np.log(left)
    return bool(to_go / np.log(rate) > problem.objective.dearness + 1 + to_go / np.log(hoped))


def _ends(problem: Problem, state: _State) -> bool:
    """Does the next step come to the end, if it leaves as much as the last one?"""
    near = max(SURE, problem.enough(state.at.value))
    return not state.reading.decrement * min(state.rate, 0.99) > near  # nor is it no number


def _wanted(problem: Problem, curved: Objective) -> bool:
    """Is the information of the end asked for? An observed one is not: the end answers with Fisher's."""
    return not (curved.observed or problem.alone)


def _arrived(
    problem: Problem, curved: Objective, state: _State, theta: FloatArray, at: Evaluation, hessians: int
) -> _State:
    """The state after an accepted step to theta."""
    if at.hessian is not None:
        return _informed(problem, curved, state, _renewed(problem, curved, theta, at, state, hessians), state)
    assert at.gradient is not None
    state = _aimed(problem, state, theta, at.gradient)
    step = conjugate(Factored(state.factor), state.secants, at.gradient)
    reading = Reading(problem.scale.gradient(at.gradient), problem.scale.decrement(at.gradient, step), step)
    rate = reading.decrement / state.reading.decrement if state.reading.decrement > 0 else 0.0
    drift = state.drift + state.reading.decrement
    aim, aimed = (rate, state.reading.decrement) if state.fresh else (state.aim, state.aimed)
    new = state._replace(theta=theta, at=at, reading=reading, rate=rate, aim=aim, aimed=aimed, drift=drift)
    judged = _judged(problem, new, state)
    wanted = not curved.observed and not _suffices(problem, judged)
    if judged.status is Status.CONVERGED and drift > CLOSE and wanted:
        new = new._replace(passes=new.passes + 1)
        return _informed(problem, curved, state, _renewed(problem, curved, theta, curved(theta), new, 1), state)
    return judged


def _informed(problem: Problem, curved: Objective, state: _State, new: _State, before: _State | None) -> _State:
    """The state with information of its own, held against the point `before`; or the start, where it shows that the
    sample of `state` has led astray: to where the rows of some column weigh nothing any more."""
    lost = new.factor.condition >= LOST > state.factor.condition or not _stirs(problem, new) < ASTRAY
    if state.sample is None or not lost:
        return _judged(problem, new, before)
    start = _at_start(problem, curved)
    return start._replace(steps=new.steps, passes=new.passes + 1, hessians=new.hessians + 1)


def _aimed(problem: Problem, state: _State, theta: FloatArray, gradient: FloatArray) -> _State:
    """The state with what the next step, from theta, is taken with: one secant more, and the information at hand or,
    where the last step was long, that of the sample taken anew: it costs next to nothing."""
    assert state.at.gradient is not None
    secants = remember(state.secants, theta - state.theta, gradient - state.at.gradient)
    if state.sample is not None and _stirs(problem, state) > NEARBY:
        part = state.sample.objective(theta)
        if np.isfinite(part.value):
            known, cost = _information(problem, state.sample, part), _cost(problem, state.sample)
            passes, hessians = state.passes + cost, state.hessians + cost
            state = state._replace(known=known, factor=known.factor(), passes=passes, hessians=hessians)
    return state._replace(secants=secants)


def _judged(problem: Problem, state: _State, before: _State | None = None) -> _State:
    """Done when the gradient is flat and the step left is negligible, or no longer shrinks for rounding.

    A solution by an ill-conditioned X'WX is wrong by condition x rounding: a step more takes that off, and so on.
    Decrements by older information rise for other reasons, too, and tell of rounding only where they are tiny.
    """
    now, precise = state.reading, state.factor.condition if _rounds(problem, state.factor) else 1.0
    if now.gradient <= problem.tol:
        away = state.fresh and runs_away(now, problem.scale, problem.objective.data)
        if away and not problem.bounded:
            return state._replace(status=Status.SEPARATED)
        alike = before is not None and ((state.fresh and before.fresh) or now.decrement <= CLOSE)
        rounding = alike and before is not None and before.reading.decrement <= now.decrement <= NEAR
        if rounding or (now.decrement * precise <= problem.enough(state.at.value) and not away):
            return state._replace(status=Status.CONVERGED)
    return state._replace(status=Status.MAX_ITER) if _is_spent(problem, state) else state


def _is_spent(problem: Problem, state: _State) -> bool:
    """Are there as many Newton steps as may be? One with an older information counts as the share that it costs."""
    if state.steps < problem.max_iter:
        return False
    return state.steps - state.chords * (1 - 1 / (1 + problem.objective.dearness)) >= problem.max_iter


def _suffices(problem: Problem, state: _State) -> bool:
    """Is the end so near, and came it so quickly, that theta needs no information of its own to be sure of?"""
    bound = min(problem.enough(state.at.value), LEFT * np.exp(-state.steps))
    return problem.alone and state.factor.condition < LOSES and state.reading.decrement <= bound


def _report(problem: Problem, state: _State) -> None:
    problem.tell(f"Newton step {state.steps}: objective {state.at.value:.10g}, gradient {state.reading.gradient:.1e}")
