"""X as an operator: column groups side by side, seen through a linear map. All of storage that solvers meet."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from expfam._typing import AnyArray, BoolArray, FloatArray
from expfam.design._group import Group
from expfam.design.coded import COMPILE_FROM, Coded
from expfam.design.columns import Columns
from expfam.design.dense import Dense
from expfam.design.maps import ColumnMap, Piece
from expfam.design.ones import Ones

ROWS_AT_ONCE = 1 << 14  # a row-major array is filled column by column while its rows are in cache


@dataclass(frozen=True, slots=True)
class Design:
    """X = R C: raw column groups R (n, raw) side by side, and the map C (raw, p).

    Row verbs (`forward`, `adjoint`, `gram`) speak raw columns; `maps` takes p-sized results across, once a pass.
    """

    groups: tuple[Group, ...]
    maps: ColumnMap
    names: tuple[str, ...]
    n: int

    @property
    def p(self) -> int:
        """How many coefficients (a class)."""
        return self.maps.p

    @property
    def intercept(self) -> int | None:
        """The number of the column of ones, if there is one."""
        return self.names.index("Intercept") if "Intercept" in self.names else None

    @property
    def coded(self) -> BoolArray:
        """Which coefficients belong to columns of zeros and ones that are stored as codes, (p,)."""
        raw = np.concatenate([np.full(g.width, isinstance(g, Coded) and g.values is None) for g in self.groups])
        return np.asarray(self.maps.adjoint(raw.astype(float)) != 0)

    @property
    def stored(self) -> int:
        """How many numbers a row holds."""
        return sum(group.stored for group in self.groups)

    def take(self, rows: slice | AnyArray) -> "Design":
        """Some rows: a view for a slice, a copy for row numbers."""
        groups = tuple(group.take(rows) for group in self.groups)
        n = len(range(*rows.indices(self.n))) if isinstance(rows, slice) else len(rows)
        return Design(groups, self.maps, self.names, n)

    def forward(self, raw_theta: FloatArray) -> FloatArray:
        """R raw_theta, (n,) or (n, d)."""
        total: FloatArray | None = None
        for group, at in zip(self.groups, self._spans(), strict=True):
            part = group.forward(raw_theta[at])
            total = part if total is None else total + part
        return np.zeros((self.n, *raw_theta.shape[1:])) if total is None else total

    def adjoint(self, rows: FloatArray) -> FloatArray:
        """R' rows, (raw,) or (raw, d)."""
        return np.concatenate([group.adjoint(rows) for group in self.groups])

    def gram(self, weights: FloatArray) -> FloatArray:
        """R' diag(weights) R, (raw, raw)."""
        out = np.empty((self.maps.raw, self.maps.raw))
        spans = self._spans()
        for group, at in zip(self.groups, spans, strict=True):
            out[at, at] = group.gram(weights)
        for i, (one, rows) in enumerate(zip(self.groups, spans, strict=True)):
            for other, cols in zip(self.groups[i + 1 :], spans[i + 1 :], strict=True):
                if isinstance(one, Ones):
                    cross = other.sums(weights, out[cols, cols])[None, :]
                else:
                    cross = _cross(one, other, weights)
                out[rows, cols], out[cols, rows] = cross, cross.T
        return out

    def quadratic(self, matrix: FloatArray) -> FloatArray:
        """x_i' matrix x_i for every row, (n,): variances of linear predictors; matrix (p, p)."""
        out = np.zeros(self.n)
        for column in range(self.p):
            unit = np.zeros(self.p)
            unit[column] = 1.0
            if matrix[column].any():
                out += self.forward(self.maps.forward(unit)) * self.forward(self.maps.forward(matrix[column]))
        return out

    def _spans(self) -> list[slice]:
        ends = np.cumsum([0, *(group.width for group in self.groups)])
        return [slice(int(a), int(b)) for a, b in pairwise(ends)]


def _cross(one: Group, other: Group, weights: FloatArray) -> FloatArray:
    """R_one' diag(weights) R_other; at most one of two groups is coded, so one of them has columns."""
    columns = other.columns()
    if columns is not None:
        return one.cross(weights, columns)
    columns = one.columns()
    assert columns is not None, "all coded columns live in one group"
    return other.cross(weights, columns).T


def assemble(columns: tuple[Columns, ...], n: int, compiled: bool | None = None) -> Design:
    """The design of some terms: ones, all factors as codes of one row-major array, all numerics as one matrix.

    `compiled` picks the kernels (None: by size). A single dense term is taken as it is, without a copy.
    """
    ones = tuple(c for c in columns if c.codes is None and c.values is None)
    dense = tuple(c for c in columns if c.codes is None and c.values is not None)
    coded = tuple(c for c in columns if c.codes is not None)
    groups: list[Group] = [Ones(n) for _ in ones]
    if coded:
        groups.append(_coded(coded, n, compiled))
    if dense:
        blocks = [c.values for c in dense if c.values is not None]
        groups.append(Dense(blocks[0] if len(blocks) == 1 else np.concatenate(blocks, axis=1)))
    names = tuple(name for c in columns for name in c.names)
    return Design(tuple(groups), _maps(columns, ones + coded + dense), names, n)


def _coded(terms: tuple[Columns, ...], n: int, compiled: bool | None) -> Coded:
    """Every term's codes, moved to raw column numbers, as the columns of one (n, k) array."""
    width = sum(1 if c.values is None else c.values.shape[1] for c in terms)
    valued = any(c.values is not None for c in terms)
    codes = np.empty((n, width), dtype=np.int32)
    values = np.ones((n, width)) if valued else None
    for lo in range(0, n, ROWS_AT_ONCE):
        rows = slice(lo, lo + ROWS_AT_ONCE)
        at, start = 0, 0
        for term in terms:
            assert term.codes is not None
            for j in range(1 if term.values is None else term.values.shape[1]):
                np.add(term.codes[rows], start + j * term.levels, out=codes[rows, at])
                if values is not None and term.values is not None:
                    values[rows, at] = term.values[rows, j]
                at += 1
            start += term.raw
    raw = sum(term.raw for term in terms)
    return Coded(codes, values, raw, n * width >= COMPILE_FROM if compiled is None else compiled)


def _maps(columns: tuple[Columns, ...], stored: tuple[Columns, ...]) -> ColumnMap:
    """C: coefficients in formula order, raw columns in the order they are stored in."""
    starts = dict(zip(map(id, stored), np.cumsum([0, *(c.raw for c in stored)]), strict=False))
    pieces, p = [], 0
    for term in columns:
        raw = starts[id(term)] + np.arange(term.raw)
        matrix = None
        if term.contrast is not None and term.contrast.ndim == 1:
            raw = raw[term.contrast]
        elif term.contrast is not None:
            matrix = term.contrast
        pieces.append(Piece(raw, p + np.arange(len(term.names)), matrix))
        p += len(term.names)
    return ColumnMap(tuple(pieces), sum(c.raw for c in columns), p)
