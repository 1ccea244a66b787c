"""F(theta) = sum_i w_i loss(y_i; psi_i) + P(theta) (7), gradient (9) and information (10), folded over rows (13)."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from expfam._typing import AnyArray, FloatArray
from expfam.design import Design
from expfam.families import ExponentialFamily
from expfam.links import Link
from expfam.parallel import ordered_sum
from expfam.penalties import QuadraticForm
from expfam.response import Level, Rows, rows

BLOCK_BYTES = 1 << 23  # in the shared cache, and long enough that threads seldom wait for the interpreter
CHUNK_BYTES = 1 << 28  # what the accumulators of all chunks may take together


@dataclass(frozen=True, slots=True)
class Data:
    """The rows of a fit: design, response, precision weights, offset; `conjugate` is a*(T(y)), which theta never moves.

    y (n,) is a number, or a class code for Categorical; weight (n,); offset (n,), (n, d) or None.
    """

    design: Design
    y: FloatArray
    conjugate: FloatArray
    weight: FloatArray
    offset: FloatArray | None

    @property
    def n(self) -> int:
        """How many rows are stored."""
        return self.design.n

    def take(self, at: slice | AnyArray) -> "Data":
        """Some rows: views for a slice."""
        offset = None if self.offset is None else self.offset[at]
        return Data(self.design.take(at), self.y[at], self.conjugate[at], self.weight[at], offset)


@dataclass(frozen=True, slots=True)
class Evaluation:
    """F, its gradient (p,) or (p, d), its information (p d, p d), class by class; a commutative monoid under + (13).

    Parts that were not asked for, or where F is infinite (a mean outside its domain), are None.
    """

    value: float
    gradient: FloatArray | None = None
    hessian: FloatArray | None = None

    def __add__(self, other: "Evaluation") -> "Evaluation":
        return Evaluation(
            self.value + other.value,
            _both(self.gradient, other.gradient),
            _both(self.hessian, other.hessian),
        )


def _both(one: FloatArray | None, other: FloatArray | None) -> FloatArray | None:
    return None if one is None or other is None else one + other


@dataclass(frozen=True, slots=True)
class Objective:
    """F as a function of theta: objective(theta, level) reads the rows once and returns an `Evaluation`.

    `observed` takes the observed information instead of Fisher's.
    """

    family: ExponentialFamily
    link: Link
    penalty: QuadraticForm
    data: Data
    observed: bool = False

    @property
    def weight(self) -> float:
        """sum of the weights: what a mean loss is a mean over."""
        return float(self.data.weight.sum())

    def __call__(self, theta: FloatArray, level: Level = Level.HESSIAN) -> Evaluation:
        """F at theta (p,) or (p, d): one pass over the rows; +inf where a mean leaves its domain."""
        total = self.loss(theta, level)
        return total + self.penalised(theta) if np.isfinite(total.value) else Evaluation(np.inf)

    def penalised(self, theta: FloatArray) -> Evaluation:
        """The penalty's share: P is per unit of mean loss, F is a sum."""
        form, scale = self.penalty, self.weight
        hessian = form.hessian(theta[0:1].size)
        return Evaluation(scale * form.value(theta), scale * form.gradient(theta), scale * hessian)

    def loss(self, theta: FloatArray, level: Level = Level.HESSIAN) -> Evaluation:
        """F without its penalty: half the deviance, its gradient and information."""
        maps = self.data.design.maps
        raw = maps.forward(theta)
        cells = maps.raw * raw[0:1].size
        total = ordered_sum(
            lambda chunk: self._chunk(chunk, raw, level), chunks(self.data.n, cells, level, self.data.design)
        )
        gradient = None if total.gradient is None else maps.adjoint(total.gradient)
        if total.hessian is None:
            return Evaluation(total.value, gradient)
        d = total.hessian.shape[0]
        grams = [[maps.congruence(total.hessian[a, b]) for b in range(d)] for a in range(d)]
        return Evaluation(total.value, gradient, np.block(grams))

    def _chunk(self, bounds: tuple[int, ...], raw: FloatArray, level: Level) -> Evaluation:
        """The sum over the blocks between consecutive bounds, in order, in raw columns."""
        blocks = (self.data.take(slice(lo, hi)) for lo, hi in pairwise(bounds))
        with np.errstate(over="ignore", invalid="ignore"):  # infinite sums are seen, and told, by whoever asked
            total = self.block(next(blocks), raw, level)
            for block in blocks:
                if not np.isfinite(total.value):
                    break
                total = total + self.block(block, raw, level)
        return total

    def block(self, block: Data, raw: FloatArray, level: Level) -> Evaluation:
        """One block, everything while it is in cache: eta, loss, score, weight, gradient, Gram products."""
        row = self.rows(block, raw, level)
        w = block.weight
        value = float(w @ row.loss)
        if level == Level.VALUE or not np.isfinite(value):
            return Evaluation(value)
        assert row.score is not None
        gradient = block.design.adjoint(w * row.score if row.score.ndim == 1 else w[:, None] * row.score)
        if level == Level.GRADIENT:
            return Evaluation(value, gradient)
        assert row.weight is not None
        return Evaluation(value, gradient, gram_blocks(block.design, w, row.weight))

    def rows(self, block: Data, raw: FloatArray, level: Level) -> Rows:
        """Loss, score and weight of every row of a block at raw coefficients."""
        eta = block.design.forward(raw)
        if block.offset is not None:
            eta = eta + block.offset
        t = self.family.T(block.y)
        return rows(self.family, self.link, eta, t, block.conjugate, level, self.observed)


def gram_blocks(design: Design, w: FloatArray, weight: FloatArray) -> FloatArray:
    """The raw information of a block, (d, d, raw, raw): one Gram product for each pair of classes."""
    if weight.ndim == 1:
        return design.gram(w * weight)[None, None]
    d = weight.shape[1]
    out = np.empty((d, d, design.maps.raw, design.maps.raw))
    for a in range(d):
        for b in range(a, d):
            out[a, b] = design.gram(w * weight[:, a, b])
            out[b, a] = out[a, b]
    return out


def chunks(n: int, cells: int, level: Level, design: Design) -> list[tuple[int, ...]]:
    """Block bounds grouped into chunks, a chunk a task: a function of the problem alone, never of the threads.

    Blocks fit the cache and are long enough to pay for adding up their (cells, cells) result; chunks are few enough for
    their accumulators to fit in memory.
    """
    width = max(design.stored, 1)
    result = cells**2 if level == Level.HESSIAN else cells
    rows = max(BLOCK_BYTES // (8 * (width + 8)), 1024, 4 * result // width**2)
    edges = [*range(0, n, rows), n]
    blocks = len(edges) - 1
    tasks = max(min(blocks, 48, CHUNK_BYTES // (8 * result)), min(blocks, 2))
    cuts = [round(k * blocks / tasks) for k in range(tasks + 1)]
    return [tuple(edges[a : b + 1]) for a, b in pairwise(cuts)]
