"""How does a batch of a stream look at some theta? F, gradient, information, score products; or F and weights alone."""

from dataclasses import dataclass, replace

import numpy as np

from expfam._typing import FloatArray
from expfam.design import Bordered
from expfam.objective import Data, Evaluation, Objective, information
from expfam.parallel import ordered_sum, slices
from expfam.response import Level, Weighted

LEAST, NUMBERS = 1 << 13, 1 << 22  # rows and numbers, by pairs of classes, that are worth a task of their own


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """A batch at some theta: its loss, F, gradient, information and sum of score outer products."""

    theta: FloatArray
    loss: float
    weight: float
    value: float
    gradient: FloatArray
    information: FloatArray
    meat: FloatArray | None


@dataclass(frozen=True, slots=True)
class Glance:
    """A batch at some theta, more cheaply: F, the sums of w (t - mu)^2 / V and of the weights of its information; a
    monoid under +."""

    value: float
    pearson: float
    weight: float

    def __add__(self, other: "Glance") -> "Glance":
        return Glance(self.value + other.value, self.pearson + other.pearson, self.weight + other.weight)


def see(objective: Objective, theta: FloatArray, frequency: FloatArray | None, scores: bool) -> Seen | None:
    """A batch at theta, S with it where it is asked for; None where a mean is outside its domain."""
    data, maps = objective.data, objective.data.design.maps
    raw, d = maps.forward(theta), theta[0:1].size

    def part(rows: slice) -> _Raw:
        block = data.take(rows)
        row = objective.rows(block, raw, Level.HESSIAN)
        assert row.score is not None
        assert row.weight is not None
        weights = np.atleast_2d(row.weight)
        if scores:
            score, (a, b) = np.atleast_2d(row.score.T), np.triu_indices(d)
            outer = score[a] * score[b]
            weights = np.concatenate([weights, outer if frequency is None else outer / frequency[rows]])
        grams = block.design.grams(weights)
        grams = grams.written() if isinstance(grams, Bordered) else grams
        return _Raw(row.value, _trace(row), block.design.adjoint(row.score), grams)

    with np.errstate(over="ignore", invalid="ignore"):
        total = ordered_sum(part, _tasks(data, d))
    if not (np.isfinite(total.loss) and np.isfinite(total.grams).all()):
        return None
    split = d * (d + 1) // 2
    own, meat = information(total.grams[:split], maps), None
    if scores:
        meat = information(total.grams[split:], maps).matrix
    at = Evaluation(total.loss + data.within, maps.adjoint(total.gradient), own)
    if not objective.penalty.is_zero:
        at = objective.penalised(at, theta, 1.0)
    assert at.gradient is not None
    assert at.hessian is not None
    return Seen(theta, total.loss + data.within, total.weight, at.value, at.gradient, at.hessian.matrix, meat)


def glance(objective: Objective, theta: FloatArray) -> Glance:
    """F at theta, infinite where a mean is outside its domain, and how heavy the rows are there."""
    data, raw, d = objective.data, objective.data.design.maps.forward(theta), theta[0:1].size

    def part(rows: slice) -> Glance:
        row = objective.rows(data.take(rows), raw, Level.HESSIAN)
        if not np.isfinite(row.value) or row.score is None or row.weight is None:
            return Glance(np.inf, np.nan, np.inf)
        return Glance(row.value, _pearson(row), _trace(row))

    with np.errstate(over="ignore", invalid="ignore"):
        total = ordered_sum(part, _tasks(data, d))
    return replace(total, value=total.value + data.within + objective.value_of_penalty(theta))


@dataclass(frozen=True, slots=True, eq=False)
class _Raw:
    """Sums over rows, in raw columns: loss, weights, R's, and R' W R before R' s s' R, if asked; a monoid under +."""

    loss: float
    weight: float
    gradient: FloatArray
    grams: FloatArray

    def __add__(self, other: "_Raw") -> "_Raw":
        gradient, grams = self.gradient + other.gradient, self.grams + other.grams
        return _Raw(self.loss + other.loss, self.weight + other.weight, gradient, grams)


def _tasks(data: Data, d: int) -> list[slice]:
    """Rows a task, few tasks: between kernels threads wait for each other."""
    return slices(data.n, max(NUMBERS // (max(data.design.stored, 1) * d * (d + 1) // 2), LEAST))


def _pearson(row: Weighted) -> float:
    """sum w (t - mu)^2 / V = sum score^2 / weight; 0 for classes, whose dispersion is known."""
    if row.score is None or row.weight is None or row.score.ndim == 2:
        return 0.0
    share = np.divide(np.square(row.score), row.weight, out=np.zeros_like(row.score), where=row.weight > 0)
    return float(share.sum())


def _trace(row: Weighted) -> float:
    """The sum over rows of the mean curvature of a class."""
    return float(row.own.sum()) / len(row.own)
