"""One read of rows of codes and numbers, tile by tile: all that is asked of a row while it is near, from eta to R' W R.

The kernels of the numbers and of the pair are called by their addresses, so a sweep is compiled once for all of them;
what codes need is a list of steps (`kernels.slots`). Imported on first need, for it brings Numba.
"""

from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numba import from_dtype, njit, types

from expfam._typing import AnyArray, FloatArray
from expfam.kernels import dense
from expfam.kernels.compiling import ALONE, compiling
from expfam.kernels.panels import OPTIONS
from expfam.kernels.plan import BYTES, Slots, Tile, few_products, heavy, squared, start_of, summed, tile_of, written
from expfam.kernels.pointer import address, number, run, window
from expfam.kernels.rows import PARTS, Given, kernel, side_by_side, signature
from expfam.kernels.slots import chain
from expfam.kernels.tally import FEW, LANES, Asked, Tally, empty, sizes
from expfam.kernels.tiles import TILE
from expfam.parallel import is_ones, ones, scratch

TILE_BYTES = 1 << 21  # what a tile of wide rows may take: beyond, its rows would come from memory twice
LEAST = 64  # rows of a tile, however wide


def _sweep(numbers, steps, coefficients, kernels, given, option, work, result):  # type: ignore[no-untyped-def]
    """sum w loss at eta = constant + R theta; all other sums go where steps and `result` say."""
    (values, centre, turned), (picks, collects, products), (constant, theta) = numbers, steps, coefficients
    (forward, adjoint, grams, row), (t, a, w, plus), (out, gram, sums) = kernels, given, result
    (etas, scores, parts, weight), (weights, panels, scaled) = work[0], work[1]
    n, loss = len(t), 0.0
    for lo in range(0, n, len(etas)):
        hi = lo + len(etas) if lo + len(etas) < n else n
        block, eta, score = window(values, lo, hi), window(etas, 0, hi - lo), window(scores, 0, hi - lo)
        for i in range(hi - lo):
            eta[i] = constant
        chain(picks, lo, hi)
        if forward:
            run(forward, (block, centre, theta, eta))
        own = window(w, lo, hi) if lo < len(w) else window(w, 0, hi - lo)
        offset = window(plus, lo, hi) if lo < len(plus) else window(plus, 0, hi - lo)
        here = window(t, lo, hi), window(a, lo, hi), own, offset
        loss += number(row, (eta, here, (score, window(weight, 0, hi - lo), parts), option))
        chain(collects, lo, hi)
        if adjoint:
            run(adjoint, (block, centre, score, out))
        if grams:
            run(grams, (block, centre, weights, turned, panels, scaled, gram, sums))
        chain(products, lo, hi)
    return loss


@cache
def _kernel(dtype: np.dtype[Any], layout: str, turned: bool | None) -> Callable[..., float]:
    """The loop over tiles for numbers of a type; "C" where nothing stands between rows."""
    make: Any = types
    vector, given, (out, _, _), option = signature(1).args
    values = make.Array(from_dtype(dtype), 2, layout, readonly=True)
    numbers = make.Tuple((values, vector, make.none if turned is None else make.boolean))
    steps = make.UniTuple(make.Array(make.int64, 2, "C", readonly=True), 3)
    matrix, cube = make.Array(make.float64, 2, "C"), make.Array(make.float64, 3, "C")
    work = make.Tuple((make.UniTuple(out, 4), make.Tuple((matrix, cube, cube))))
    coefficients, kernels = make.Tuple((make.float64, vector)), make.UniTuple(make.intp, 4)
    arguments = numbers, steps, coefficients, kernels, given, option, work, make.Tuple((out, cube, matrix))
    with compiling():
        compiled: Callable[..., float]
        compiled = njit(make.float64(*arguments), **ALONE, **OPTIONS)(_sweep)
    return compiled


Numbers: TypeAlias = tuple[AnyArray, FloatArray | None]
"""R: values (n, m), and what is taken off each column, or None."""
Theta: TypeAlias = tuple[float, FloatArray, FloatArray]
"""The constant, the coefficients of all levels, (L,), and those of the numbers, (m,)."""
Row: TypeAlias = tuple[str, float, bool]
"""The name of a pair's kernel, its parameter, and whether the observed weight is meant."""


class Found(NamedTuple):
    """What a pass finds: `score` is R' (w score) of ones, levels and numbers; the rest is as in `Asked`."""

    loss: float
    score: FloatArray | None
    tallies: tuple[Tally, ...]
    weight: float
    pearson: float


def sweep(slots: Slots, numbers: Numbers, theta: Theta, row: Row, given: Given, asked: Asked) -> Found:
    """The rows of a block at eta = constant + J levels + R slopes."""
    (values, centre), (constant, levels, slopes), (name, parameter, observed) = numbers, theta, row
    m, tile, option, loss = len(slopes), _tile(values, asked), (asked.level, parameter, observed), 0.0
    work, sums, centre = _work(tile, asked), _sums(slots, m, asked), dense.centre_of(centre, m)
    coefficients = constant, slopes.copy()
    for at, part, turned in dense.orderly(values) if m else [(slice(0, len(values)), values, None)]:
        here, rest = slots.take(at), asked.take(at)  # alive as long as what they hold is read by address
        steps = sums.steps(here, (part, centre), tile, levels, rest)
        kernels, rows = (*_addresses(part, turned, asked), address(kernel(name))), _given(given, at, tile)
        loop = _kernel(part.dtype, dense.layout_of(part, turned), turned)
        loss += loop((part, centre, turned), steps, coefficients, kernels, rows, option, work, sums.dense)
    return sums.found(loss, asked)


class _Sums(NamedTuple):
    """What is added up. flat: the sums of w score, of w weight and of w score^2 / weight, and twice those of w score by
    level, (2, L). dense: the sums of w score times numbers, (m',), and what of the tallies numbers have alone, side by
    side, (k, W, W) and (k, W)."""

    flat: FloatArray
    dense: tuple[FloatArray, FloatArray, FloatArray]
    tallies: tuple[Tally, ...]

    def steps(
        self, slots: Slots, numbers: tuple[AnyArray, FloatArray], tile: Tile, levels: FloatArray, asked: Asked
    ) -> tuple[AnyArray, ...]:
        """Before the row, after it, and once its numbers have been multiplied."""
        collects, products, first = [], [], start_of(self.flat)
        if asked.gradient:
            collects += [summed(tile, first), *slots.collects(tile, first + 3 * BYTES)]
        if asked.heavy:
            collects += heavy(tile, first + BYTES)
        if asked.products > 1:
            collects += squared(tile, asked.over)
        for which, tally in enumerate(self.tallies):
            if 0 < tally.numbers <= FEW:
                products.append(few_products(*numbers, tile, which, tally))
            products += slots.products(tile, which, tally)
        return written(slots.picks(levels, tile)), written(collects), written(products)

    def found(self, loss: float, asked: Asked) -> Found:
        out, grams, sums = self.dense
        for tally, gram, total in zip(self.tallies, grams, sums, strict=True):
            *_, own_gram, own_sums, _ = tally.parts
            own_gram += gram
            own_sums += total
        (_, weight, pearson), by_level = self.flat[:3].tolist(), self.flat[3:].reshape(2, -1)
        score = np.concatenate([self.flat[:1], by_level.sum(axis=0), out]) if asked.gradient else None
        return Found(loss, score, self.tallies, weight, pearson)


def _sums(slots: Slots, m: int, asked: Asked) -> _Sums:
    """Zeros."""
    k, (L, padded, W) = asked.products, sizes(slots.levels, m)
    dense = np.zeros(padded), np.zeros((k, W, W)), np.zeros((k, W))
    return _Sums(np.zeros(3 + 2 * L), dense, tuple(empty(slots.levels, m) for _ in range(k)))


def _tile(values: AnyArray, asked: Asked) -> Tile:
    m = values.shape[1]
    rows = min(max(TILE_BYTES // (values.itemsize * max(m, 1)), LEAST), TILE)
    if not asked.products or not m:
        return tile_of(scratch("tile", 6, rows), np.empty((0, 0, 0)))
    panels = dense.workspace(sizes((), m)[2] // LANES)
    return tile_of(scratch("tile", 6, min(rows, panels.shape[1] - dense.SPARE)), panels)


def _work(tile: Tile, asked: Asked) -> tuple[tuple[FloatArray, ...], tuple[FloatArray, ...]]:
    """The same as the loop takes it, and panels for weighted numbers."""
    eta, score, weight, *_ = tile.space
    rest = tile.space[2 : 2 + asked.products], tile.panels, np.empty((3, *tile.panels.shape[1:]))
    return (eta, score, scratch("parts", PARTS), weight), rest


def _given(given: Given, at: slice, tile: Tile) -> tuple[FloatArray, ...]:
    """t, a*(t), w and offset of some rows: of weights that are all 1, and of no offset, as many as a tile has."""
    rows, (t, a, w, plus) = tile.space.shape[1], given
    some = t[at], a[at], ones(rows) if is_ones(w) else w[at], None if plus is None else plus[at]
    t, a, w, zeros = side_by_side(some)
    return t, a, w, zeros[:rows] if plus is None else zeros


def _addresses(part: AnyArray, turned: bool | None, asked: Asked) -> tuple[int, int, int]:
    """The kernels of R theta, R' score and R' W R for numbers stored so, as far as they are asked for."""
    m = part.shape[1]
    verbs = {"forward": m > 0, "adjoint": m > 0 and asked.gradient}
    forward, adjoint = (address(dense.one_vector(verb, part, turned)) if there else 0 for verb, there in verbs.items())
    return forward, adjoint, address(dense.products(part, turned)) if m > FEW and asked.products else 0
