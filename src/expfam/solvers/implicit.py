"""theta' = argmin sum_batch w loss + (theta' - theta)' H (theta' - theta) / 2: implicit steps (12), alpha_t = H_t^-1.

H is the information of all rows before. For one row the minimum is (12) word for word, with a matrix for a rate: it
cannot diverge, no unit of a column matters, and the estimate is as good as that of all rows together (Toulis and
Airoldi 2017; Luo and Song 2020, "renewable estimation"; for Gaussian means it is recursive least squares, exactly).
What a stream leaves behind is a `Memory`, a function of the rows and of where batches end, never of how they arrived.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from warnings import warn

import numpy as np

from expfam._typing import BoolArray, FloatArray
from expfam.errors import ConvergenceWarning, SolverError
from expfam.information import Full
from expfam.objective import Objective
from expfam.response import Level
from expfam.solvers.corner import corner
from expfam.solvers.looking import Glance, Seen, glance, see
from expfam.solvers.optimality import by_class, from_classes
from expfam.solvers.order import tell_order, tell_outside
from expfam.solvers.pseudo import own_share, places_of, pseudo

FIRST, SHARE, MOST = 1 << 9, 2, 1 << 16
"""A batch has this many rows at first, then one row for so many before, and never more than that; as many as all before
while these are learned from with it anew."""

FEW = 1 << 14
"""While there are no more rows than this all of them are kept, and every batch is learned together with them anew: what
little data says of curvature, and so how firmly it is remembered, is often far from true."""

STEPS = 100  # Newton steps a batch is worth; late ones need one
FAIR, CLOSE = 0.3, 0.03  # a step must bring this share of what it promises; within so much of it, it was the last
SMALL = 1e-4  # and so it was where it promised no more than this, in units of the log-likelihood, phi and all
BACK = (0.0, 0.5, 0.75, 0.9, 1.0)  # of the way to a theta that is surely inside
ROUNDING = 1e-13  # differences of F below this share of it are noise
DOUBLED = 12  # times that a step which was held back is tried twice as long
DAMPED = tuple(10.0**k for k in range(-2, 9))  # Levenberg's, tried in turn


@dataclass(frozen=True, slots=True, eq=False)
class Memory:
    """What rows that are gone have taught.

    theta (p,) or (p, d); `information` H and `meat` S, the sum of s s' over scores s of rows (None where it is not
    asked for), and `prior`, the information of the pseudo-rows, (p d, p d), class by class; `places` (4, p) tells of
    every column where its rows are; `curvature` is the sum of the weights of H.

    `pull` (p d,) is the gradient of F there, what corners of a penalty hold at bay; None where there are none. `share`
    (p,) is what of a column's spread the other columns do not explain.

    `value` is F of all rows at theta, as their quadratic models remember it (exact for Gaussian means); `progressive`
    the sum of w loss of every row before it was learned from; `pearson` that of w (t - mu)^2 / V after, `free` its
    degrees of freedom.
    """

    theta: FloatArray
    information: FloatArray
    meat: FloatArray | None
    prior: FloatArray
    places: FloatArray
    rows: int = 0
    weight: float = 0.0
    curvature: float = 0.0
    value: float = 0.0
    progressive: float = 0.0
    pearson: float = 0.0
    free: float = 0.0
    pull: FloatArray | None = None
    share: FloatArray | None = None

    @property
    def met(self) -> BoolArray:
        """Which columns some row has had, and with a constant beside them were not the same in all, (p,)."""
        return np.asarray(self.places[2] > 0)

    @property
    def metric(self) -> FloatArray:
        """H with the pseudo-rows, definite."""
        return np.asarray(self.information + self.prior)


def blank(theta: FloatArray) -> Memory:
    """Before the first row, at theta."""
    square = np.zeros((theta.size, theta.size))
    return Memory(theta, square, square, np.eye(theta.size), np.zeros((4, len(theta))))


def batch_rows(rows: int, kept: bool = False) -> int:
    """How many rows the next batch has, after so many, all of them kept or not."""
    return min(max(FIRST, rows if kept else rows // SHARE), MOST)


@dataclass(frozen=True, slots=True)
class Options:
    """prior   pseudo-rows at the start that a coefficient has, of an average weight and a typical entry
    keep    what is left of the past after each unit of weight: below 1 the stream drifts
    scores  is S kept, too? It costs as much as H"""

    prior: float = 0.01
    keep: float = 1.0
    scores: bool = True


@dataclass(frozen=True, slots=True, eq=False)
class _Past:
    """What is added to the F of a batch: pull'a + a'M a / 2, a = theta - start, of the rows before; bound' |theta|."""

    start: FloatArray
    metric: FloatArray
    pull: FloatArray | None
    bound: FloatArray | None

    def __call__(self, theta: FloatArray) -> float:
        away = by_class(theta - self.start)
        value = float(away @ self.metric @ away) / 2
        value += 0.0 if self.pull is None else float(self.pull @ away)
        return value if self.bound is None else value + float(self.bound @ np.abs(by_class(theta)))

    def slope(self, theta: FloatArray) -> FloatArray:
        """The gradient of what is smooth."""
        along = np.asarray(self.metric @ by_class(theta - self.start))
        return along if self.pull is None else along + self.pull

    def step(self, curvature: Full, slope: FloatArray, theta: FloatArray) -> FloatArray:
        """To the minimum of slope'd + d'C d / 2 + bound' |theta + d|."""
        if self.bound is None:
            return -curvature.factor().solve(slope)
        return corner(curvature.matrix, slope, self.bound, by_class(theta))


def learn(
    objective: Objective,
    memory: Memory,
    options: Options,
    frequency: FloatArray | None = None,
    inside: FloatArray | None = None,
) -> Memory:
    """The memory after one batch more, the rows of the objective, each of them `frequency` (n,) times there.

    Where a mean is outside its domain at the theta that the rows before have led to, Newton's method begins between it
    and `inside`, where all are within; SolverError where there is no such theta.
    """
    past = options.keep ** float(objective.weight)
    seen = _within(objective, memory, frequency, inside, options.scores)
    times = np.ones(objective.data.n) if frequency is None else frequency
    places, share, known = memory.places, memory.share, past * memory.information
    if memory.rows < FEW or share is None or _meets(memory, seen):  # a pseudo-row follows the mean of many no more
        places = past * places + places_of(objective.data.design, times)
        share = own_share(known + seen.information, memory.rows + int(times.sum()), len(memory.theta))
    mean = memory.curvature / memory.rows if memory.rows else seen.weight / times.sum()
    prior = options.prior * mean * pseudo(places, memory.theta[0:1].size, share)
    weight = past * memory.weight + objective.weight
    theta, last, end, pull = _nearest(objective, _past(objective, memory, known + prior, past, weight), seen, frequency)
    far = 0.0 if _meets(memory, seen) else theta.size * end.pearson / float(times.sum())
    meat = _meat(objective, theta, last, known + prior, frequency, far)
    moved = by_class(theta - memory.theta)
    way = float(moved @ known @ moved)
    if memory.rows and not np.array_equal(seen.theta, memory.theta):
        tell_outside(objective)
    elif options.keep == 1.0 and memory.rows >= FEW:
        phi = max(_unit(objective, end, frequency), end.pearson / float(times.sum()))
        tell_order(objective, way, phi * moved.size)
    value = past * memory.value + end.value + way / 2
    return Memory(
        theta,
        known + last.information,
        None if memory.meat is None or meat is None else past**2 * memory.meat + meat,
        prior,
        places,
        memory.rows + int(times.sum()),
        weight,
        memory.curvature + last.weight,
        value if memory.pull is None else value + past * float(memory.pull @ moved),
        past * memory.progressive + seen.loss,
        past * memory.pearson + end.pearson,
        past * memory.free + times.sum() - _spent(known + prior, last.information),
        pull,
        share,
    )


def together(
    objective: Objective,
    before: int,
    memory: Memory,
    options: Options,
    frequency: FloatArray | None = None,
    inside: FloatArray | None = None,
) -> Memory:
    """The memory of all rows of the objective, of which so many were learned before: few, and all of them at hand."""
    whole = learn(objective, blank(memory.theta), options, frequency, inside)
    if before == objective.data.n:
        return replace(whole, progressive=memory.progressive)
    batch = replace(objective, data=objective.data.take(slice(before, objective.data.n)))
    return replace(whole, progressive=memory.progressive + _foretold(batch, memory.theta, inside))


def _foretold(objective: Objective, theta: FloatArray, inside: FloatArray | None) -> float:
    """sum w loss of rows before they are learned from, at theta, or as near to it as all means are in their domain."""
    ways = (theta if share == 0 or inside is None else theta + share * (inside - theta) for share in BACK)
    values = (objective.loss(way, Level.VALUE).value for way in ways)
    return next((value for value in values if np.isfinite(value)), np.inf)


def _meat(
    objective: Objective,
    theta: FloatArray,
    last: Seen,
    metric: FloatArray,
    frequency: FloatArray | None,
    far: float,
) -> FloatArray | None:
    """S of a batch at theta, for which those where it was last seen do, unless the step from there promised more than
    `far`: rows of a level that is new and unlike others would be remembered with their distance from these."""
    step = by_class(theta - last.theta)
    if last.meat is None or step @ (metric + last.information) @ step / 2 <= far:
        return last.meat
    again = see(objective, theta, frequency, True)
    return last.meat if again is None else again.meat


def _past(objective: Objective, memory: Memory, metric: FloatArray, past: float, weight: float) -> _Past:
    bound = objective.penalty.absolute
    classes = memory.theta[0:1].size
    return _Past(
        memory.theta,
        metric,
        None if memory.pull is None else past * memory.pull,
        None if bound is None else np.tile(weight * bound, classes),
    )


def _within(
    objective: Objective, memory: Memory, frequency: FloatArray | None, inside: FloatArray | None, scores: bool
) -> Seen:
    """The batch at the theta of the memory, or as near to it as all means are inside their domain.

    A memory without rows knows nothing: there the batch is seen at `inside` if F is lower by a unit of the
    log-likelihood a row, for from means of 1 no damped step finds its way to means of thousands.
    """
    ways = BACK if inside is not None else BACK[:1]
    if inside is not None and not memory.rows:
        there, here = glance(objective, inside), glance(objective, memory.theta).value
        ways = BACK[::-1] if there.value + objective.weight * _unit(objective, there, frequency) < here else BACK
    for share in ways:
        theta = memory.theta if share == 0 or inside is None else memory.theta + share * (inside - memory.theta)
        seen = see(objective, theta, frequency, scores)
        if seen is not None:
            return seen
    raise SolverError(
        f"after {memory.rows:,} rows a mean lies outside the domain {objective.family.mean_domain} of the "
        f"{objective.family.name} family with the {objective.link.name} link; take a link that maps into the domain "
        "(log for positive means, logit for shares)"
    )


def _unit(objective: Objective, at: Glance, frequency: FloatArray | None) -> float:
    """phi, what F has beyond the log-likelihood, by the rows of a batch as they were looked at."""
    fixed = objective.family.fixed_dispersion or not at.pearson > 0
    count = objective.data.n if frequency is None else float(frequency.sum())
    return 1.0 if fixed else at.pearson / count


def _meets(memory: Memory, seen: Seen) -> bool:
    """Does a batch have a column that no row before it had?"""
    new = np.tile(~memory.met, memory.theta[0:1].size)
    return bool(np.diagonal(seen.information)[new].any())


def _spent(metric: FloatArray, information: FloatArray) -> float:
    """tr((H + G)^-1 G): what a batch of information G takes off the expected sum of its squared residuals, exactly so
    for Gaussian means."""
    return float(np.trace(Full(metric + information).factor().solve(information)))


def _nearest(
    objective: Objective, past: _Past, seen: Seen, frequency: FloatArray | None
) -> tuple[FloatArray, Seen, Glance, FloatArray | None]:
    """The minimum of a batch's F and the past, what was last seen on the way, F at the end, and the gradient there.

    Newton's method, until a step brings what its model promised and finds the weights of the information as they were:
    rows that a wild theta has saturated would be remembered with the curvature that they have there.
    """
    theta, end = seen.theta, Glance(seen.value, np.nan, seen.weight)
    for _ in range(STEPS):
        slope, here = by_class(seen.gradient) + past.slope(theta), end.value + past(theta)
        trials = _trials(objective, past, seen, slope, here)
        *_, tried = trials
        if not tried.fair:  # F is noise here
            end = glance(objective, theta)
            break
        steady = abs(tried.at.weight - seen.weight) <= CLOSE * seen.weight
        theta, end = tried.theta, tried.at
        small = SMALL * _unit(objective, end, frequency)
        if tried.plain and (tried.promised <= small or (steady and abs(tried.fall / tried.promised - 1) <= CLOSE)):
            break
        again = see(objective, theta, frequency, seen.meat is not None)
        assert again is not None, "F is finite here"
        seen = again
    else:
        warn(
            f"a batch of {objective.data.n:,} rows had not settled after {STEPS} steps, and is remembered as it was "
            "there; look at its response and columns for values that do not belong to them",
            ConvergenceWarning,
            stacklevel=2,
        )
    return theta, seen, end, None if past.bound is None else slope + tried.change


@dataclass(frozen=True, slots=True, eq=False)
class _Trial:
    """Where a step leads to, the batch there, by how much F falls and was promised to, and what the gradient of the
    model changes by. `plain`: with the information as it is; `fair`: it brought a fair share of its promise."""

    theta: FloatArray
    at: Glance
    fall: float
    promised: float
    change: FloatArray
    plain: bool
    fair: bool


def _trials(objective: Objective, past: _Past, seen: Seen, slope: FloatArray, here: float) -> Iterator[_Trial]:
    """Steps from a batch as it was seen, shorter and shorter, until one is fair."""
    for k, curvature in enumerate(_curvatures(past, seen)):
        step = past.step(curvature, slope, seen.theta)
        there = seen.theta + from_classes(step, seen.theta)
        at, promised = glance(objective, there), _promised(past, curvature, slope, seen.theta, step)
        fall = here - at.value - past(there)
        fair = fall >= FAIR * promised - ROUNDING * abs(here)
        trial = _Trial(there, at, fall, promised, curvature.times(step), k == 0, fair)
        yield trial
        if fair and k > 0:
            yield from _longer(objective, past, seen.theta, trial, here)
        if fair:
            return


def _longer(objective: Objective, past: _Past, start: FloatArray, trial: _Trial, here: float) -> Iterator[_Trial]:
    """Twice as far, and again, while F falls: what held a step back where it was needed may be far too much."""
    for _ in range(DOUBLED):
        there = start + 2 * (trial.theta - start)
        at = glance(objective, there)
        fall = here - at.value - past(there)
        if not fall > trial.fall:
            return
        trial = replace(trial, theta=there, at=at, fall=fall, change=2 * trial.change)
        yield trial


def _curvatures(past: _Past, seen: Seen) -> Iterator[Full]:
    """What a step may be taken with, tried in turn: the information, then more of it, too.

    A level whose rows were all alike is remembered with means near the end of their range, whose weights are next to
    nothing: when one of its rows turns out otherwise, the step by these weights overshoots by far.
    """
    plain = Full(past.metric + seen.information)
    yield plain
    for share in DAMPED:
        yield plain.plus(share * plain.diagonal)


def _promised(past: _Past, curvature: Full, slope: FloatArray, theta: FloatArray, step: FloatArray) -> float:
    """By how much the quadratic model falls."""
    if past.bound is None:
        return -float(slope @ step) / 2
    before = by_class(theta)
    corners = float(past.bound @ (np.abs(before + step) - np.abs(before)))
    return -float(slope @ step + step @ curvature.times(step) / 2) - corners
