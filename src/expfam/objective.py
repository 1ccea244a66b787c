"""F(theta) = sum_i w_i loss(y_i; psi_i) + P(theta) (7), gradient (9) and information (10), folded over rows (13)."""

from dataclasses import dataclass, replace
from functools import cache, cached_property, reduce
from itertools import pairwise
from math import isfinite, isqrt
from operator import add
from typing import Any, TypeAlias

import numpy as np

from expfam._remembers import Remembers
from expfam._typing import AnyArray, FloatArray
from expfam.design import Asked, Bordered, Design, Grams, Map, Swept, in_full
from expfam.families import Categorical, ExponentialFamily
from expfam.information import Arrow, Full, Information, Root, root
from expfam.links import Link
from expfam.parallel import is_ones, ordered_sum, picked, repeated, scratch, slices, weighed, weight_of
from expfam.penalties import PenaltyForm
from expfam.response import At, Level, Weighted, twin, weighted

CACHED, CALLED, LONGEST = 1 << 19, 1 << 25, 3 << 16
"""Numbers of a block: so many stay in cache; and of w a row, CALLED / w are enough that threads seldom wait for each
other between kernels, for the wider a row the longer a kernel. Measured on designs of 8 to 400 columns. No block has
more rows than LONGEST, for its linear predictors are memory, too."""

WHOLE = 6  # times as long where rows are read tile by tile, and no thread waits between kernels
HALVED = 1 << 18  # numbers whose Gram products are worth a second thread, where each asks for the interpreter once
ROUNDING = 1e-15  # of a sum of terms
SHORT = 1024  # rows that are one block, however wide
CHUNK_BYTES = 1 << 28  # what the accumulators of all chunks may take together
ROW_PRICE, CELL_PRICE = 3.5, 3.0
"""Nanoseconds for loss and score of a row, and for a cell of X'WX in each block, against `Design.price`."""


Read: TypeAlias = tuple[float, FloatArray | None, Grams | None]


@dataclass(frozen=True, slots=True)
class Data:
    """The rows of a fit: design, response, precision weights, offset; `conjugate` is a*(T(y)), which theta never moves.

    y (n,) is a number, or a class code for Categorical; weight (n,); offset (n,), (n, d) or None. Where rows of equal
    predictors were summed, `within` is their loss around the means y, and `weights` and `rows` what they summed to.
    """

    design: Design
    y: FloatArray
    conjugate: FloatArray
    weight: FloatArray
    offset: FloatArray | None
    within: float = 0.0
    weights: float | None = None
    rows: int | None = None

    @property
    def n(self) -> int:
        """How many rows are stored."""
        return self.design.n

    @property
    def total(self) -> float:
        """sum of the weights, as they were given."""
        return weight_of(self.weight) if self.weights is None else self.weights

    def take(self, at: slice | AnyArray) -> "Data":
        """Some rows: views for a slice."""
        return self._of(at, self.design.take(at))

    def fleeting(self, at: slice | AnyArray, turn: int = 0) -> "Data":
        """The same until others of this turn are asked for: `Design.fleeting`."""
        return self._of(at, self.design.fleeting(at, turn))

    def _of(self, at: slice | AnyArray, design: Design) -> "Data":
        offset = None if self.offset is None else picked(self.offset, at)
        alike = is_ones(self.weight) and not isinstance(at, slice)  # one number stays one number
        weight = repeated(1.0, design.n) if alike else picked(self.weight, at)
        return Data(design, picked(self.y, at), picked(self.conjugate, at), weight, offset)


@dataclass(frozen=True, slots=True)
class Evaluation:
    """F, its gradient (p,) or (p, d), its information (p d, p d), class by class; a commutative monoid under + (13).

    Parts that were not asked for, or where F is infinite (a mean outside its domain), are None.
    """

    value: float
    gradient: FloatArray | None = None
    hessian: Information | None = None

    def __add__(self, other: "Evaluation") -> "Evaluation":
        return Evaluation(
            self.value + other.value, _both(self.gradient, other.gradient), _both(self.hessian, other.hessian)
        )


@dataclass(frozen=True, slots=True)
class Sums:
    """An evaluation in raw columns: sum w loss, R' (w score), and R' W R for the pairs of classes; a monoid under +."""

    value: float
    gradient: FloatArray | None = None
    grams: Grams | None = None

    def __add__(self, other: "Sums") -> "Sums":
        return Sums(self.value + other.value, _both(self.gradient, other.gradient), _both(self.grams, other.grams))


def _both(one: Any, other: Any) -> Any:
    return None if one is None or other is None else one + other


@dataclass(frozen=True, slots=True)
class Objective(Remembers):
    """F as a function of theta: objective(theta, level) reads the rows once and returns an `Evaluation`.

    `observed` takes the observed information instead of Fisher's.
    """

    family: ExponentialFamily
    link: Link
    penalty: PenaltyForm
    data: Data
    observed: bool = False

    @property
    def weight(self) -> float:
        """sum of the weights: what a mean loss is a mean over."""
        return self.data.total

    @property
    def classes(self) -> int:
        """d, how many linear predictors a row has."""
        return (self.family.k or 2) - 1 if isinstance(self.family, Categorical) else 1

    @cached_property
    def dearness(self) -> float:
        """What an information costs on top of a gradient, in gradients: from the shape of the design, not timed."""
        d = self.classes
        design, n = self.data.design, self.data.n
        gradient, gram = design.price
        blocks = sum(len(chunk) - 1 for chunk in chunks(self.data, design.maps.raw * d, Level.HESSIAN))
        added = CELL_PRICE * design.cells * d**2 * blocks / n
        return (gram * d * (d + 1) / 2 + added) / ((gradient + ROW_PRICE) * d)

    @property
    def rounding(self) -> float:
        """How exactly F can be known: it is what large terms leave, a*(t) among them."""
        return ROUNDING * float(weighed(self.data.weight, np.abs(self.data.conjugate)))

    def __call__(self, theta: FloatArray, level: Level = Level.HESSIAN) -> Evaluation:
        """F at theta (p,) or (p, d): one pass over the rows; +inf where a mean leaves its domain."""
        total = self.loss(theta, level)
        if not isfinite(total.value):
            return Evaluation(np.inf)
        return total if self.penalty.is_zero else self.penalised(total, theta, 1.0)

    def value_of_penalty(self, theta: FloatArray) -> float:
        """sum w P(theta), of its quadratic part."""
        return 0.0 if self.penalty.is_zero else float(np.vdot(theta, self.penalty.gradient(theta))) / 2 * self.weight

    def absolute(self, theta: FloatArray) -> FloatArray:
        """What is multiplied by |theta_j| in F, class after class, (p d,); zeros where there is no such penalty."""
        bound = self.penalty.absolute
        return np.zeros(theta.size) if bound is None else np.tile(self.weight * bound, theta[0:1].size)

    def penalised(self, at: Evaluation, theta: FloatArray, times: float) -> Evaluation:
        """An evaluation with the penalty added `times`: P is per unit of mean loss, F is a sum."""
        form, scale = self.penalty, times * self.weight
        slope = form.gradient(theta, scale)
        value = float(np.vdot(theta, slope)) / 2
        gradient = None if at.gradient is None else np.add(at.gradient, slope, out=slope)
        hessian = None if at.hessian is None else at.hessian.plus(*form.hessian(theta[0:1].size, scale))
        return Evaluation(at.value + value, gradient, hessian)

    def refined(self, theta: FloatArray) -> FloatArray:
        """The gradient with sums over rows in extended precision: for few rows and a near singular information."""
        maps, design = self.data.design.maps, self.data.design
        score = self.rows(self.data, maps.forward(theta), Level.GRADIENT).score
        assert score is not None
        sums = design.written().astype(np.longdouble).T @ score.astype(np.longdouble)
        return maps.adjoint(sums.astype(np.float64)) + self.weight * self.penalty.gradient(theta)

    def root(self, theta: FloatArray) -> Root:
        """R with R'R = Fisher's information (10) at theta, by blocked QR: twice the work of X'WX, not its loss.

        Of one class without a penalty the step to the next theta comes along, as the solution of the weighted least
        squares.
        """
        maps, d = self.data.design.maps, theta[0:1].size
        raw, units = maps.forward(theta), maps.forward(np.eye(maps.p))
        expected = replace(self, observed=False)

        def part(bounds: tuple[int, ...]) -> Root:
            return reduce(add, (triangle(self.data.take(slice(lo, hi))) for lo, hi in pairwise(bounds)))

        def triangle(block: Data) -> Root:
            row = expected.rows(block, raw, Level.HESSIAN)
            assert row.weight is not None
            assert row.score is not None
            if theta.ndim == 2:
                halves = _halves(row.weight, d)
                parts = slices(block.n, max(CACHED // (d * d * maps.p), maps.p))
                stacked = (_stacked(halves[at], block.design.take(at).forward(units)) for at in parts)
                return reduce(add, map(root, stacked))
            half = np.sqrt(row.weight)
            right = np.divide(-row.score, half, out=np.zeros(block.n), where=half > 0)
            return root(half[:, None] * block.design.forward(units), right)

        total = ordered_sum(part, chunks(self.data, maps.raw * d, Level.HESSIAN))
        return total if self.penalty.is_zero else total.plus(*self.penalty.hessian(d, self.weight))

    def loss(self, theta: FloatArray, level: Level = Level.HESSIAN) -> Evaluation:
        """F without its penalty: half the deviance, its gradient and information."""
        maps = self.data.design.maps
        raw = maps.forward(theta)
        tasks = chunks(self.data, maps.raw * raw[0:1].size, level)
        if level == Level.GRADIENT and self.data.design.turned:
            total = self._columnwise(raw, tasks)
        else:
            total = ordered_sum(lambda chunk: self._chunk(chunk, raw, level), tasks)
        with np.errstate(over="ignore", invalid="ignore"):  # as of the sums
            gradient = None if total.gradient is None else maps.adjoint(total.gradient)
            hessian = None if total.grams is None else information(total.grams, maps)
        return Evaluation(total.value + self.data.within, gradient, hessian)

    def diagonal(self, theta: FloatArray) -> FloatArray:
        """The diagonal of X'WX (10) at theta, (p,), or of every class, the reference among them as the last, (p, k): a
        read of the rows, where a matrix would not fit."""
        maps = self.data.design.maps
        raw = maps.forward(theta)

        def part(bounds: tuple[int, ...]) -> FloatArray:
            return reduce(add, (squares(self.data.take(slice(lo, hi))) for lo, hi in pairwise(bounds)))

        def squares(block: Data) -> FloatArray:
            row = self.rows(block, raw, Level.HESSIAN)
            assert row.weight is not None
            if theta.ndim == 1:
                return block.design.squares(row.weight)
            together = 2 * row.weight.sum(axis=0) - row.own.sum(axis=0)  # of all others: the reference's
            return block.design.squares(np.column_stack([*row.own, together]))

        total = ordered_sum(part, chunks(self.data, raw.size, Level.GRADIENT))
        return maps.squares(total)

    def _chunk(self, bounds: tuple[int, ...], raw: FloatArray, level: Level) -> Sums:
        """The sum over the blocks between consecutive bounds, in order, in raw columns."""
        with np.errstate(over="ignore", invalid="ignore"):  # infinite sums are seen, and told, by whoever asked
            if len(bounds) == 2 and bounds[1] - bounds[0] == self.data.n:
                return self.block(self.data, raw, level)
            if self.swept:
                bounds = bounds[0], bounds[-1]
            blocks = (self.data.take(slice(lo, hi)) for lo, hi in pairwise(bounds))
            total = self.block(next(blocks), raw, level)
            for block in blocks:
                if not isfinite(total.value):
                    break
                total = total + self.block(block, raw, level)
        return total

    def _columnwise(self, raw: FloatArray, tasks: list[tuple[int, ...]]) -> Sums:
        """The sum over all blocks, R' (w score) column by column from the scores of all rows, which are fewer numbers
        than it: a sum for every task would take as long as all else."""
        scores = np.empty((self.data.n, *raw.shape[1:]))

        def part(bounds: tuple[int, ...]) -> float:
            rows = slice(bounds[0], bounds[-1])
            with np.errstate(over="ignore", invalid="ignore"):
                row = self.rows(self.data.take(rows), raw, Level.GRADIENT)
            assert row.score is not None
            scores[rows] = row.score
            return row.value

        value = ordered_sum(part, tasks)
        return Sums(value, self.data.design.adjoint(scores) if isfinite(value) else None)

    def block(self, block: Data, raw: FloatArray, level: Level) -> Sums:
        """One block, everything while it is in cache: eta, loss, score, weight, gradient, Gram products."""
        value, gradient, grams = self._swept(block, raw, level) if self.swept else self._read(block, raw, level)
        return Sums(value, gradient, grams) if isfinite(value) else Sums(value)

    @property
    def swept(self) -> bool:
        """Are rows read in one compiled pass, tile by tile? Where design and pair allow it."""
        return self.data.design.swept and not self.family.vector and twin(self.family, self.link) is not None

    def sweep(self, block: Data, raw: FloatArray, asked: Asked) -> Swept:
        """One compiled pass over a block, where rows are `swept`."""
        fast = twin(self.family, self.link)
        assert fast is not None, "of a `swept` objective"
        given = self.family.T(block.y), block.conjugate, block.weight, block.offset
        return block.design.sweep(raw, (*fast, self.observed), given, asked)

    def _swept(self, block: Data, raw: FloatArray, level: Level) -> Read:
        """sum w loss, its gradient in raw columns and R' W R: in one compiled pass."""
        found = self.sweep(block, raw, Asked(level >= Level.GRADIENT, int(level == Level.HESSIAN)))
        return found.loss, found.score, found.products[0] if found.products else None

    def _read(self, block: Data, raw: FloatArray, level: Level) -> Read:
        """The same, one thing after the other."""
        row, design = self.rows(block, raw, level), block.design
        if row.score is None or not isfinite(row.value):
            return row.value, None, None
        grams = None if row.weight is None else design.grams(np.atleast_2d(row.weight))
        return row.value, design.adjoint(row.score), grams

    def rows(self, block: Data, raw: FloatArray, level: Level) -> Weighted:
        """sum w loss, w score and w weight of the rows of a block at raw coefficients."""
        space = scratch("eta", block.n, *raw.shape[1:]) if block.n > SHORT else None  # few numbers are quickly new
        eta = block.design.forward(raw, space)
        at = At(eta, self.family.T(block.y), block.conjugate, level, self.observed)
        return weighted(self.family, self.link, at, block.weight, block.offset, block.design.compiled)


def _halves(weight: FloatArray, d: int) -> FloatArray:
    """A with A'A = W of every row, (n, d, d), from the weights (pairs, n) of its pairs of classes."""
    W = np.empty((weight.shape[1], d, d))
    for pair, a, b in zip(weight, *np.triu_indices(d), strict=True):
        W[:, a, b], W[:, b, a] = pair, pair
    sizes, vectors = np.linalg.eigh(W)
    return np.asarray(np.sqrt(np.maximum(sizes, 0.0))[:, :, None] * vectors.transpose(0, 2, 1))


def _stacked(halves: FloatArray, X: FloatArray) -> FloatArray:
    """A kron x' of every row, (n d, d p): the columns class after class."""
    (n, d, _), p = halves.shape, X.shape[1]
    return (halves[:, :, :, None] * X[:, None, None, :]).reshape(n * d, d * p)


def information(grams: Grams, maps: Map) -> Information:
    """H class after class, (d q, d q), from the raw Gram products of the d (d+1) / 2 pairs of classes a <= b.

    For several classes, whose levels do not meet on a diagonal, all of it is written out.
    """
    d = (isqrt(8 * len(grams) + 1) - 1) // 2
    if isinstance(grams, Bordered) and d == 1:
        return _arrow(grams, maps)
    grams = in_full(grams)
    if d == 1:
        return Full(maps.congruence(grams[0]))
    out = np.empty((d, maps.p, d, maps.p))
    for gram, a, b in zip(grams, *np.triu_indices(d), strict=True):
        out[a, :, b] = maps.congruence(gram)
        out[b, :, a] = out[a, :, b]
    return Full(out.reshape(d * maps.p, d * maps.p))


def _arrow(grams: Bordered, maps: Map) -> Arrow:
    """Block by block: the levels' columns are scaled, the others pass through their own map."""
    part = maps.split(grams.corner.shape[1])
    border = part.rest.adjoint(grams.border[0, part.raw].T).T * part.scale[:, None]
    corner = part.rest.congruence(grams.corner[0])
    return Arrow(grams.own[0, part.raw] * part.scale**2, border, corner, part.levels, part.others)


def chunks(data: Data, cells: int, level: Level) -> list[tuple[int, ...]]:
    """The chunks of all rows for a result of so many `cells`, classes times raw columns."""
    if data.n <= SHORT:
        return [(0, data.n)]
    design, d = data.design, cells // data.design.maps.raw
    pairs = d * (d + 1) // 2 if level == Level.HESSIAN else 0
    result = design.cells * d**2 if level == Level.HESSIAN else cells
    least = 2 if pairs and design.swept and data.n * design.stored >= HALVED else 1
    return _bounds(data.n, max(design.stored, 1), d, pairs, result, least, WHOLE if design.swept else 1)


@cache
def _bounds(n: int, width: int, d: int, pairs: int, result: int, least: int, times: int) -> list[tuple[int, ...]]:
    """Block bounds grouped into chunks, a chunk a task: a function of the problem alone, never of the threads.

    Blocks of rows of `width` stored numbers, d linear predictors and `pairs` weights are long enough to pay for adding
    up their `result`, and no longer than kernels and cache want or so many `times` that, `least` of them or more; they
    go evenly into 2 or 4 threads; chunks are few enough for their accumulators to fit in memory.
    """
    pays = 4 * result // width**2 if pairs else result // width
    numbers = width + 7 * d + max(pairs, 1)
    rows = max(min(max(CACHED // numbers, CALLED // numbers**2) * times, LONGEST), 2 * SHORT if pairs else SHORT, pays)
    blocks = max(-(-n // rows), least)
    blocks = blocks if blocks <= 2 else min(blocks + -blocks % 4, n)
    edges = [round(k * n / blocks) for k in range(blocks + 1)]
    tasks = max(min(blocks, 48, CHUNK_BYTES // (8 * result)), min(blocks, 2))
    cuts = [round(k * blocks / tasks) for k in range(tasks + 1)]
    return [tuple(edges[a : b + 1]) for a, b in pairwise(cuts)]
