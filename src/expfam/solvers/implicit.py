"""theta' = argmin sum_batch w loss + (theta' - theta)' H (theta' - theta) / 2: implicit steps (12), alpha_t = H_t^-1.

H is the information of all rows before. For one row the minimum is (12) word for word, with a matrix for a rate: it
cannot diverge, no unit of a column matters, and the estimate is as good as that of all rows together (Toulis and
Airoldi 2017; Luo and Song 2020, "renewable estimation"; for Gaussian means it is recursive least squares, exactly).
What a stream leaves behind is a `Memory`, a function of the rows and of where batches end, never of how they arrived.
"""

from dataclasses import dataclass, replace

import numpy as np

from expfam._typing import FloatArray
from expfam.design import Bordered
from expfam.errors import SolverError
from expfam.information import Full
from expfam.objective import Data, Evaluation, Objective, information
from expfam.parallel import ordered_sum, slices
from expfam.response import Level
from expfam.solvers.optimality import by_class, from_classes

FIRST, SHARE, MOST = 64, 8, 1 << 16
"""A batch has this many rows at first, then one row for so many before, and never more than that."""

ROWS = 1 << 14  # rows a task reads
STEPS = 20  # Newton steps a batch is worth; late ones need one
FAIR, CLOSE = 0.3, 0.1  # a step must bring this share of what it promises; within so much of it, it was the last
SMALL = 1e-4  # and so it was where it promised no more than this, in units of the log-likelihood
ROUNDING = 1e-13  # differences of F below this share of it are noise
DAMPED = (0.0, *(10.0**k for k in range(-2, 9)))  # Levenberg's, tried in turn


@dataclass(frozen=True, slots=True, eq=False)
class Memory:
    """What rows that are gone have taught.

    theta (p,) or (p, d); `information` H and `meat` S, the sum of s s' over scores s of rows, (p d, p d), class by
    class; `prior` (p d,) the curvature of pseudo-rows for every coefficient met, 0 before.

    `value` is F of all rows at theta, as their quadratic models remember it (exact for Gaussian means); `progressive`
    the sum of w loss of every row before it was learned from; `pearson` that of w (t - mu)^2 / V after, `free` its
    degrees of freedom.
    """

    theta: FloatArray
    information: FloatArray
    meat: FloatArray
    prior: FloatArray
    rows: int = 0
    weight: float = 0.0
    value: float = 0.0
    progressive: float = 0.0
    pearson: float = 0.0
    free: float = 0.0


def blank(theta: FloatArray) -> Memory:
    """Before the first row, at theta."""
    square = np.zeros((theta.size, theta.size))
    return Memory(theta, square, square, np.zeros(theta.size))


def batch_rows(rows: int) -> int:
    """How many rows the next batch has, after so many."""
    return min(max(FIRST, rows // SHARE), MOST)


@dataclass(frozen=True, slots=True)
class Options:
    """prior   pseudo-rows at the start that a coefficient has, fewer as rows come in
    keep    what is left of the past after each unit of weight: below 1 the stream drifts"""

    prior: float = 0.01
    keep: float = 1.0


@dataclass(frozen=True, slots=True, eq=False)
class _Seen:
    """A batch at some theta: its loss, F, gradient, information and sum of score outer products."""

    theta: FloatArray
    loss: float
    weight: float
    value: float
    gradient: FloatArray
    information: FloatArray
    meat: FloatArray


def learn(objective: Objective, memory: Memory, options: Options, frequency: FloatArray | None = None) -> Memory:
    """The memory after one batch more, the rows of the objective, each of them `frequency` (n,) times there.

    SolverError where a mean is outside its domain at the theta that the rows before have led to.
    """
    past = options.keep ** float(objective.weight)
    seen = _see(objective, memory.theta, frequency)
    if seen is None:
        raise SolverError(
            f"after {memory.rows:,} rows a mean lies outside the domain {objective.family.mean_domain} of the "
            f"{objective.family.name} family with the {objective.link.name} link; take a link that maps into the "
            "domain (log for positive means, logit for shares)"
        )
    prior = _met(objective.data, memory.prior, seen.information, options.prior, frequency)
    known, n = past * memory.information, objective.data.n if frequency is None else int(frequency.sum())
    theta, last, end = _nearest(objective, known + np.diag(np.where(prior > 0, prior, 1.0)), seen, frequency)
    moved = by_class(theta - memory.theta)
    return Memory(
        theta,
        known + last.information,
        past**2 * memory.meat + last.meat,
        prior,
        memory.rows + n,
        past * memory.weight + objective.weight,
        past * memory.value + end.value + float(moved @ known @ moved) / 2,
        past * memory.progressive + seen.loss,
        past * memory.pearson + end.pearson,
        past * memory.free + n - _spent(known + np.diag(prior), last.information),
    )


def _spent(metric: FloatArray, information: FloatArray) -> float:
    """tr((H + G)^-1 G): what a batch of information G takes off the expected sum of its squared residuals, exactly so
    for Gaussian means."""
    return float(np.trace(Full(metric + information).factor().solve(information)))


def _met(
    data: Data, prior: FloatArray, information: FloatArray, rows: float, frequency: FloatArray | None
) -> FloatArray:
    """The curvature of so many pseudo-rows for coefficients that are met for the first time: w h'^2 x_j^2 / V of the
    rows that have them, on average."""
    new = (prior == 0) & (np.diagonal(information) > 0)
    if not new.any():
        return prior
    times = np.ones(data.n) if frequency is None else frequency
    support = np.tile(data.design.support(times), len(prior) // data.design.p)
    mean = np.divide(np.diagonal(information), support, out=np.zeros_like(prior), where=support > 0)
    return np.where(new, rows * mean, prior)


def _nearest(
    objective: Objective, metric: FloatArray, seen: _Seen, frequency: FloatArray | None
) -> tuple[FloatArray, _Seen, "_Glance"]:
    """The minimum of F + |theta - start|^2 / 2 in a metric, what was last seen on the way, and F at the end.

    Newton's method, until a step brings what its model promised and finds the weights of the information as they were:
    rows that a wild theta has saturated would be remembered with the curvature that they have there.
    """
    theta, start, end = seen.theta, seen.theta, _Glance(seen.value, np.nan, np.nan)
    for _ in range(STEPS):
        away = by_class(theta - start)
        slope, here = by_class(seen.gradient) + metric @ away, end.value + float(away @ metric @ away) / 2
        curvature = Full(metric + seen.information)
        for damping in DAMPED:
            step = -(curvature.plus(damping * curvature.diagonal) if damping else curvature).factor().solve(slope)
            promised, there, moved = -float(slope @ step) / 2, theta + from_classes(step, theta), away + step
            glance = _glance(objective, there)
            fall = here - glance.value - float(moved @ metric @ moved) / 2
            if fall >= FAIR * promised - ROUNDING * abs(here):
                break
        steady = abs(glance.weight - seen.weight) <= CLOSE * seen.weight
        theta, end = there, glance
        if promised <= SMALL or (steady and abs(fall / promised - 1) <= CLOSE):
            break
        again = _see(objective, theta, frequency)
        assert again is not None, "F is finite here"
        seen = again
    return theta, seen, end


@dataclass(frozen=True, slots=True, eq=False)
class _Raw:
    """Sums over rows, in raw columns: loss, weights, R's, and R' W R before R' s s' R; a monoid under +."""

    loss: float
    weight: float
    gradient: FloatArray
    grams: FloatArray

    def __add__(self, other: "_Raw") -> "_Raw":
        gradient, grams = self.gradient + other.gradient, self.grams + other.grams
        return _Raw(self.loss + other.loss, self.weight + other.weight, gradient, grams)


def _see(objective: Objective, theta: FloatArray, frequency: FloatArray | None) -> _Seen | None:
    """A batch at theta; None where a mean is outside its domain."""
    data, maps = objective.data, objective.data.design.maps
    raw, d = maps.forward(theta), theta[0:1].size

    def part(rows: slice) -> _Raw:
        block = data.take(rows)
        row = objective.rows(block, raw, Level.HESSIAN)
        assert row.score is not None
        assert row.weight is not None
        score = np.atleast_2d(row.score.T)
        a, b = np.triu_indices(d)
        outer = score[a] * score[b] if frequency is None else score[a] * score[b] / frequency[rows]
        grams = block.design.grams(np.concatenate([np.atleast_2d(row.weight), outer]))
        grams = grams.written() if isinstance(grams, Bordered) else grams
        return _Raw(row.value, float(row.weight.sum()), block.design.adjoint(row.score), grams)

    with np.errstate(over="ignore", invalid="ignore"):
        total = ordered_sum(part, slices(data.n, ROWS))
    if not (np.isfinite(total.loss) and np.isfinite(total.grams).all()):
        return None
    split = len(total.grams) // 2
    own, meat = (information(grams, maps) for grams in (total.grams[:split], total.grams[split:]))
    at = Evaluation(total.loss, maps.adjoint(total.gradient), own)
    if not objective.penalty.is_zero:
        at = objective.penalised(at, theta, 1.0)
    assert at.gradient is not None
    assert at.hessian is not None
    return _Seen(theta, total.loss, total.weight, at.value, at.gradient, at.hessian.matrix, meat.matrix)


@dataclass(frozen=True, slots=True)
class _Glance:
    """A batch at some theta, more cheaply: F, the sums of w (t - mu)^2 / V and of the weights of its information; a
    monoid under +."""

    value: float
    pearson: float
    weight: float

    def __add__(self, other: "_Glance") -> "_Glance":
        return _Glance(self.value + other.value, self.pearson + other.pearson, self.weight + other.weight)


def _glance(objective: Objective, theta: FloatArray) -> _Glance:
    data, raw = objective.data, objective.data.design.maps.forward(theta)

    def part(rows: slice) -> _Glance:
        row = objective.rows(data.take(rows), raw, Level.HESSIAN)
        if not np.isfinite(row.value) or row.score is None or row.weight is None:
            return _Glance(np.inf, np.nan, np.inf)
        weight = float(row.weight.sum())
        if theta.ndim == 2:
            return _Glance(row.value, np.nan, weight)
        share = np.divide(np.square(row.score), row.weight, out=np.zeros_like(row.score), where=row.weight > 0)
        return _Glance(row.value, float(share.sum()), weight)

    with np.errstate(over="ignore", invalid="ignore"):
        total = ordered_sum(part, slices(data.n, ROWS))
    return replace(total, value=total.value + objective.value_of_penalty(theta))
