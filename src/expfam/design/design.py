"""X as an operator: column groups side by side, seen through a linear map. All of storage that solvers meet."""

from dataclasses import dataclass
from functools import reduce
from itertools import accumulate, compress, pairwise
from operator import add
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from expfam._typing import AnyArray, BoolArray, FloatArray
from expfam.design._group import Group
from expfam.design._map import Map
from expfam.design.coded import Coded
from expfam.design.dense import Dense
from expfam.design.maps import ColumnMap
from expfam.design.ones import Ones
from expfam.design.sparse import Sparse
from expfam.design.tallied import Swept, Tallied, is_swept, sweep
from expfam.design.wide import Bordered, Wide
from expfam.kernels.tally import Asked
from expfam.parallel import scratch, slices

if TYPE_CHECKING:
    from expfam.kernels.rows import Given
    from expfam.kernels.sweep import Row

CELLS, COLUMNS = 1 << 20, 256  # numbers written out at a time, of so many columns
ROWS = 1 << 16  # rows whose numbers are written out at a time beside codes

Grams: TypeAlias = FloatArray | Bordered | Tallied
"""R' diag(w) R for m weights: (m, raw, raw), or by blocks where a factor is very wide, or not written out yet."""


@dataclass(frozen=True, slots=True)
class Design:
    """X = R C: raw column groups R (n, raw) side by side, and the map C (raw, p).

    Row verbs (`forward`, `adjoint`, `gram`) speak raw columns; `maps` takes p-sized results across, once a pass.
    `spans` are the raw columns of each group; `compiled` tells that the data is so large that compiled kernels pay. A
    factor of very many levels comes last.
    """

    groups: tuple[Group, ...]
    maps: Map
    names: tuple[str, ...]
    n: int
    spans: tuple[slice, ...]
    compiled: bool = False

    @property
    def p(self) -> int:
        """How many coefficients (a class)."""
        return self.maps.p

    @property
    def intercept(self) -> int | None:
        """The number of the column of ones, if there is one."""
        return self.names.index("Intercept") if "Intercept" in self.names else None

    def peaks(self) -> FloatArray:
        """The square of an entry of every column where it is not zero: of codes exactly, 1 for standardised numbers."""
        raw = np.concatenate([g.indicators if isinstance(g, Coded | Wide) else np.zeros(g.width) for g in self.groups])
        peaks = self.maps.squares(raw)
        return np.where(peaks > 0, peaks, 1.0)

    @property
    def wide(self) -> Wide | None:
        """The factor whose levels are kept apart, if there is one: the last group."""
        last = self.groups[-1] if self.groups else None
        return last if isinstance(last, Wide) else None

    @property
    def levels(self) -> int:
        """How many coefficients, levels of the wide factor, are eliminated from an information."""
        return 0 if self.wide is None else len(self.maps.split(self.maps.raw - self.wide.width).levels)

    @property
    def cells(self) -> int:
        """How many numbers R' diag(w) R is."""
        apart = 0 if self.wide is None else self.wide.width
        rest = self.maps.raw - apart
        return rest**2 + apart * (rest + 1)

    @property
    def stored(self) -> int:
        """How many numbers a row holds."""
        return sum(group.stored for group in self.groups)

    @property
    def price(self) -> tuple[float, float]:
        """Nanoseconds a row takes on one core for R theta with R' r, and for R' W R: for the choice of steps."""
        gradient, gram = zip((0.0, 0.0), *(group.price for group in self.groups), strict=True)
        stored = [group.stored for group in self.groups]
        across = (sum(stored) ** 2 - sum(s * s for s in stored)) / 2
        return sum(gradient), sum(gram) + (2.0 + 0.6 * across if across else 0.0)

    def take(self, rows: slice | AnyArray) -> "Design":
        """Some rows: a view for a slice, a copy for row numbers."""
        return self._of(rows, tuple(group.take(rows) for group in self.groups))

    def fleeting(self, rows: slice | AnyArray, turn: int = 0) -> "Design":
        """The same until others of this turn are asked for: new memory for a batch would take as long as the copy."""
        named = ((group, f"group {k} {turn}") for k, group in enumerate(self.groups))
        return self._of(rows, tuple(group.fleeting(rows, name) for group, name in named))

    def _of(self, rows: slice | AnyArray, groups: tuple[Group, ...]) -> "Design":
        n = len(range(*rows.indices(self.n))) if isinstance(rows, slice) else len(rows)
        return Design(groups, self.maps, self.names, n, self.spans, self.compiled)

    def narrowed(self, kept: BoolArray) -> "Design":
        """The same rows, and of the coefficients the kept ones alone, kept (p,)."""
        assert isinstance(self.maps, ColumnMap), "columns are left out before they are standardised"
        names = tuple(compress(self.names, kept))
        return Design(self.groups, self.maps.narrowed(kept), names, self.n, self.spans, self.compiled)

    def forward(self, raw_theta: FloatArray, out: FloatArray | None = None) -> FloatArray:
        """R raw_theta, (n,) or (n, d); in `out` if there is one."""
        if out is None and len(self.groups) == 1 and not isinstance(self.groups[0], Ones):  # whose ones are a view
            return self.groups[0].forward(raw_theta)
        parts = [(group, raw_theta[at]) for group, at in zip(self.groups, self.spans, strict=True)]
        total = np.empty((self.n, *raw_theta.shape[1:])) if out is None else out
        total[:] = sum((part[0] for group, part in parts if isinstance(group, Ones)), np.zeros(raw_theta.shape[1:]))
        for group, part in parts:
            if not isinstance(group, Ones) and part.any():
                group.add(part, total)
        return total

    def adjoint(self, rows: FloatArray) -> FloatArray:
        """R' rows, (raw,) or (raw, d)."""
        if len(self.groups) == 1:
            return self.groups[0].adjoint(rows)
        if not self.turned:
            return np.concatenate([group.adjoint(rows) for group in self.groups])
        out = np.empty((self.maps.raw, *rows.shape[1:]))
        for group, at in zip(self.groups, self.spans, strict=True):
            group.collect(rows, out[at])
        return out

    @property
    def turned(self) -> bool:
        """Are sums over all rows better taken column by column?"""
        return any(isinstance(group, Sparse) and group.turned is not None for group in self.groups)

    @property
    def swept(self) -> bool:
        """Are the rows read in one compiled pass?"""
        return self.compiled and is_swept(self.groups)

    def sweep(self, raw_theta: FloatArray, row: "Row", given: "Given", asked: Asked) -> Swept:
        """One pass over the rows of a `swept` design at R raw_theta."""
        return sweep(self.groups, self.spans, raw_theta, row, given, asked)

    def squares(self, weights: FloatArray) -> FloatArray:
        """(R * R)' weights, (raw,) or (raw, m)."""
        return np.concatenate([group.squares(weights) for group in self.groups])

    def moments(self, weights: FloatArray) -> FloatArray:
        """R' weights and (R * R)' weights, (2, raw)."""
        return np.concatenate([np.stack(group.moments(weights)) for group in self.groups], axis=1)

    def support(self, times: FloatArray) -> FloatArray:
        """The sum of `times` (n,) over the rows where a raw column is stored as other than zero, (raw,)."""
        return np.concatenate([group.support(times) for group in self.groups])

    def gram(self, weights: FloatArray) -> FloatArray:
        """R' diag(weights) R, (raw, raw)."""
        return np.asarray(in_full(self.grams(weights[None]))[0])

    def grams(self, weights: FloatArray) -> Grams:
        """R' diag(w) R for every w of weights (m, n), (m, raw, raw), by blocks where a factor is very wide."""
        wide = self.wide
        if wide is None:
            return _grams(self.groups, self.spans, weights)
        others, spans = self.groups[:-1], self.spans[:-1]
        own = np.stack([wide.adjoint(w) for w in weights])
        border = np.empty((len(weights), wide.width, spans[-1].stop if spans else 0))
        for other, at in zip(others, spans, strict=True):
            border[:, :, at] = own[:, :, None] if isinstance(other, Ones) else _crosses(wide, other, weights)
        return Bordered(own, border, _grams(others, spans, weights))

    def written(self) -> FloatArray:
        """R written out, (n, raw): for small blocks of rows."""
        return np.stack([self.forward(unit) for unit in np.eye(self.maps.raw)], axis=1)

    def quadratic(self, matrix: FloatArray) -> FloatArray:
        """x_i' M x_i for every row, (n,): variances of linear predictors; M (p, p), of which only M + M' counts.

        It is r_i' Q r_i with Q = C M C': of codes alone from tables, and linear in codes beside numbers.
        """
        bare = [(g, at) for g, at in zip(self.groups, self.spans, strict=True) if not isinstance(g, Ones | Dense)]
        if len(bare) > 1 or not all(isinstance(group, Coded) and group.tabled for group, _ in bare):
            return self._products(matrix)
        Q = self.maps.forward(self.maps.forward((matrix + matrix.T) / 2).T)
        out, held = np.zeros(self.n), np.ones(len(Q), dtype=bool)
        for group, at in bare:
            assert isinstance(group, Coded), "nothing else has tables"
            out += group.quadratic(Q[at, at])
            held[at] = False
            Q[at] *= 2
        turn = np.ascontiguousarray(Q[:, held])
        for rows in slices(self.n, max(CELLS // max(turn.shape[1], 1), 1)):
            block = self.take(rows)
            y, first = block.forward(turn, scratch("quadratic", block.n, turn.shape[1])), 0
            for group in block.groups:
                if isinstance(group, Ones):
                    out[rows] += y[:, first]
                elif isinstance(group, Dense):
                    group.dots(y[:, first : first + group.width], out[rows])
                first += group.width if isinstance(group, Ones | Dense) else 0
        return out

    def _products(self, matrix: FloatArray) -> FloatArray:
        """The same with the rows written out, some columns at a time."""
        out = np.zeros(self.n)
        for lo in range(0, self.p, COLUMNS):
            some = slice(lo, lo + COLUMNS)
            raw = self.maps.forward(np.concatenate([np.eye(self.p)[:, some], matrix[:, some]], axis=1))
            for rows in slices(self.n, max(CELLS // raw.shape[1], 1)):
                x, y = np.split(self.take(rows).forward(raw), 2, axis=1)
                out[rows] += np.einsum("nj,nj->n", x, y)
        return out


def in_full(grams: Grams) -> FloatArray:
    """All of R' diag(w) R, (m, raw, raw)."""
    return grams if isinstance(grams, np.ndarray) else grams.written()


def spans_of(groups: tuple[Group, ...]) -> tuple[slice, ...]:
    """Which raw columns each group has."""
    ends = accumulate((group.width for group in groups), initial=0)
    return tuple(slice(a, b) for a, b in pairwise(ends))


def _grams(groups: tuple[Group, ...], spans: tuple[slice, ...], weights: FloatArray) -> FloatArray:
    """R' diag(w) R for every w of weights (m, n) and the raw columns of some groups, (m, r, r)."""
    if len(groups) == 1:
        return groups[0].grams(weights)
    raw = spans[-1].stop if spans else 0
    out = np.empty((len(weights), raw, raw))
    sums = np.empty((len(weights), raw))
    for group, at in zip(groups, spans, strict=True):
        out[:, at, at], sums[:, at] = group.grams_and_sums(weights)
    for i, (one, rows) in enumerate(zip(groups, spans, strict=True)):
        for other, cols in zip(groups[i + 1 :], spans[i + 1 :], strict=True):
            cross = sums[:, None, cols] if isinstance(one, Ones) else _crosses(one, other, weights)
            out[:, rows, cols], out[:, cols, rows] = cross, cross.transpose(0, 2, 1)
    return out


def _with_columns(one: Group, other: Ones | Dense, weights: FloatArray) -> FloatArray:
    """R_one' diag(w) R_other, numbers written out for some rows at a time, so that they stay in cache."""
    parts = slices(weights.shape[1], max(ROWS, one.width))
    if len(parts) == 1:
        return one.crosses(weights, other.columns("columns"))
    some = (one.take(rows).crosses(weights[:, rows], other.take(rows).columns("columns")) for rows in parts)
    return reduce(add, some)


def _crosses(one: Group, other: Group, weights: FloatArray) -> FloatArray:
    """R_one' diag(w) R_other for every w of weights; all coded columns are one group, so without columns two, one is
    sparse or wide."""
    if isinstance(other, Ones | Dense):
        return _with_columns(one, other, weights)
    if isinstance(one, Ones | Dense):
        return _with_columns(other, one, weights).transpose(0, 2, 1)
    if isinstance(one, Sparse | Wide) and isinstance(other, Sparse | Coded):
        return np.stack([one.pairs(w, other) for w in weights])
    assert isinstance(one, Coded), "what has no columns is coded or sparse"
    assert isinstance(other, Sparse), "all coded columns live in one group"
    return np.stack([other.pairs(w, one).T for w in weights])
