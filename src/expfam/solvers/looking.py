"""How does a batch of a stream look at some theta? F, gradient, information, score products; or F and weights alone."""

from dataclasses import dataclass, replace
from operator import add

import numpy as np

from expfam._typing import FloatArray
from expfam.design import Asked, Grams, in_full
from expfam.objective import Data, Evaluation, Objective, information
from expfam.parallel import ordered_sum, slices
from expfam.response import Level, Weighted

LEAST, NUMBERS = 1 << 13, 1 << 22  # rows and numbers, by pairs of classes, that are worth a task of their own
SEEN = 1 << 15  # rows that are, where one compiled pass reads them


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
        block, over = data.take(rows), None if frequency is None or not scores else 1 / frequency[rows]
        return (_swept if objective.swept else _read)(objective, block, raw, scores, over)

    with np.errstate(over="ignore", invalid="ignore"):
        total = ordered_sum(part, slices(data.n, SEEN) if objective.swept else _tasks(data, d))
    if not np.isfinite(total.loss):
        return None
    grams = [in_full(products) for products in total.products]
    if not all(np.isfinite(gram).all() for gram in grams):
        return None
    own, *meats = (information(gram, maps) for gram in grams)
    meat = meats[0].matrix if meats else None
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
        block = data.take(rows)
        if objective.swept:
            found = objective.sweep(block, raw, Asked(heavy=True))
            good = np.isfinite(found.loss)
            return Glance(found.loss, found.pearson, found.weight) if good else Glance(np.inf, np.nan, np.inf)
        row = objective.rows(block, raw, Level.HESSIAN)
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
    products: tuple[Grams, ...]

    def __add__(self, other: "_Raw") -> "_Raw":
        products = tuple(map(add, self.products, other.products))
        return _Raw(self.loss + other.loss, self.weight + other.weight, self.gradient + other.gradient, products)


def _swept(objective: Objective, block: Data, raw: FloatArray, scores: bool, over: FloatArray | None) -> _Raw:
    """In one compiled pass; `over` is what a row counts in S, of its squared score."""
    found = objective.sweep(block, raw, Asked(gradient=True, products=1 + scores, heavy=True, over=over))
    assert found.score is not None
    return _Raw(found.loss, found.weight, found.score, found.products)


def _read(objective: Objective, block: Data, raw: FloatArray, scores: bool, over: FloatArray | None) -> _Raw:
    """The same, one thing after the other."""
    row = objective.rows(block, raw, Level.HESSIAN)
    assert row.score is not None
    assert row.weight is not None
    weights = np.atleast_2d(row.weight)
    split = len(weights)
    if scores:
        score, (a, b) = np.atleast_2d(row.score.T), np.triu_indices(raw[0:1].size)
        outer = score[a] * score[b]
        weights = np.concatenate([weights, outer if over is None else outer * over])
    grams = in_full(block.design.grams(weights))
    products = (grams[:split], grams[split:]) if scores else (grams,)
    return _Raw(row.value, _trace(row), block.design.adjoint(row.score), products)


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
