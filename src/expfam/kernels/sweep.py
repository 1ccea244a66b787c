"""One read of rows of codes and numbers, tile by tile: all that is asked of a row while it is near, from eta to R' W R.

The kernels of the numbers and of the pair are called by their addresses, so a sweep is compiled once for all of them;
what codes need is a list of steps (`kernels.slots`). Imported on first need, for it brings Numba.
"""

from collections.abc import Callable
from functools import cache, partial
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numba import from_dtype, njit, types

from expfam._typing import AnyArray, FloatArray
from expfam.kernels import dense, plan
from expfam.kernels.compiling import ALONE, compiling
from expfam.kernels.panels import OPTIONS
from expfam.kernels.plan import Slots, start_of
from expfam.kernels.pointer import address, number, run, window
from expfam.kernels.rows import PARTS, TILE, Given, kernel, side_by_side, signature
from expfam.kernels.slots import chain
from expfam.kernels.tally import FEW, LANES, Asked, Tally, length, sizes
from expfam.parallel import SPACE, aligned, is_ones, ones, own

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
    """What a pass finds: `score` is R' (w score) of ones, of levels and of numbers; the rest is as in `Asked`."""

    loss: float
    score: tuple[float, FloatArray, FloatArray] | None
    tallies: tuple[Tally, ...]
    weight: float
    pearson: float


def sweep(slots: Slots, numbers: Numbers, theta: Theta, row: Row, given: Given, asked: Asked) -> Found:
    """The rows of a block at eta = constant + J levels + R slopes."""
    (values, centre), (constant, levels, slopes), (name, parameter, observed) = numbers, theta, row
    m, option, loss = len(slopes), (asked.level, parameter, observed), 0.0
    desk, sums, centre = _desk(values, asked), _sums(slots.levels, m, asked.products), dense.centre_of(centre, m)
    (_, padded, W), k, slopes = sizes((), m), asked.products, slopes.copy()
    of_numbers = np.zeros(padded), np.zeros((k, W, W)), np.zeros((k, W))
    sums.table[:] = levels
    for at, part, turned in dense.orderly(values) if m else [(slice(0, len(values)), values, None)]:
        places = slots.take(at.start), plan.numbers(part, centre), desk.tile, sums.at(at.start, asked)
        kernels, rows = (*_addresses(part, turned, asked), address(kernel(name))), _given(given, at, desk.rows)
        here, loop = (part, centre, turned), _kernel(part.dtype, dense.layout_of(part, turned), turned)
        loss += loop(here, plan.steps(*places), (constant, slopes), kernels, rows, option, desk.work, of_numbers)
    return _found(sums, slots.levels, m, of_numbers, loss, asked)


class _Desk(NamedTuple):
    """Where a thread works through tiles of so many rows: in memory, and as the loop takes it, with panels."""

    rows: int
    tile: plan.Tile
    work: tuple[tuple[FloatArray, ...], tuple[FloatArray, ...]]


def _desk(values: AnyArray, asked: Asked) -> _Desk:
    m, k = values.shape[1], asked.products
    rows = min(max(TILE_BYTES // (values.itemsize * max(m, 1)), LEAST), TILE)
    return own(f"desk {k}", (rows, m), partial(_new_desk, rows, m, k))


def _new_desk(rows: int, m: int, k: int) -> _Desk:
    panels = dense.workspace(sizes((), m)[2] // LANES) if k and m else np.empty((0, 0, 0))
    rows = min(rows, panels.shape[1] - dense.SPARE) if panels.size else rows
    eta, score, weight, *_ = space = aligned(6, rows)
    tile = plan.Tile._make((*map(start_of, space), start_of(panels), panels.shape[1]))
    scaled = np.empty((3, *panels.shape[1:]))
    return _Desk(rows, tile, ((eta, score, aligned(PARTS), weight), (space[2 : 2 + k], panels, scaled)))


class _Sums(NamedTuple):
    """Coefficients of levels, (L,), and what is added up by steps. flat: the sums of w score, of w weight and of
    w score^2 / weight, and twice those of w score by level, (2, L); tallies: (k, ..). `places` of the three."""

    table: FloatArray
    flat: FloatArray
    tallies: FloatArray
    places: tuple[int, int, tuple[int, ...]]

    def at(self, first: int, asked: Asked) -> plan.Sums:
        """Where they are, for rows from `first` on."""
        over = 0 if asked.over is None else start_of(asked.over) + first * plan.BYTES
        return plan.Sums(*self.places, asked.gradient, asked.heavy, over)


def _sums(levels: tuple[int, ...], m: int, k: int) -> _Sums:
    """All zeros, in space of this thread's own where that is not too much to keep."""
    make = partial(_new_sums, levels, m, k)
    found = make() if k * length(levels, m) > SPACE else own(f"sums {k}", (levels, m), make)
    found.flat.fill(0.0)
    found.tallies.fill(0.0)
    return found


def _new_sums(levels: tuple[int, ...], m: int, k: int) -> _Sums:
    L = sum(levels)
    table, flat, tallies = np.empty(L), np.empty(3 + 2 * L), np.empty((k, length(levels, m) if k else 0))
    return _Sums(table, flat, tallies, (start_of(table), start_of(flat), tuple(map(start_of, tallies))))


def _found(
    sums: _Sums, levels: tuple[int, ...], m: int, of_numbers: tuple[FloatArray, ...], loss: float, asked: Asked
) -> Found:
    """What steps have added, and the sums of w score times numbers, (m',), and what of the tallies numbers have alone,
    side by side, (k, W, W) and (k, W)."""
    out, *rest = of_numbers
    tallies = tuple(Tally(levels, m, flat) for flat in sums.tallies.copy())
    for tally, gram, total in zip(tallies, *rest, strict=True):
        *_, own_gram, own_sums, _ = tally.parts
        own_gram += gram
        own_sums += total
    (score, weight, pearson), by_turns = sums.flat[:3].tolist(), sums.flat[3:].reshape(2, -1)
    scores = (score, by_turns[0] + by_turns[1], out[:m]) if asked.gradient else None
    return Found(loss, scores, tallies, weight, pearson)


def _given(given: Given, at: slice, rows: int) -> tuple[FloatArray, ...]:
    """t, a*(t), w and offset of some rows: of weights that are all 1, and of no offset, as many as a tile has."""
    t, a, w, plus = given
    some = t[at], a[at], ones(rows) if is_ones(w) else w[at], None if plus is None else plus[at]
    t, a, w, zeros = side_by_side(some)
    return t, a, w, zeros[:rows] if plus is None else zeros


def _addresses(part: AnyArray, turned: bool | None, asked: Asked) -> tuple[int, int, int]:
    """The kernels of R theta, R' score and R' W R for numbers stored so, as far as they are asked for."""
    m = part.shape[1]
    verbs = {"forward": m > 0, "adjoint": m > 0 and asked.gradient}
    forward, adjoint = (address(dense.one_vector(verb, part, turned)) if there else 0 for verb, there in verbs.items())
    return forward, adjoint, address(dense.products(part, turned)) if m > FEW and asked.products else 0
