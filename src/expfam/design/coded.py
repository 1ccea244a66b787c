"""Factors as integer codes, factors with few levels joined to one."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from types import ModuleType

import numpy as np

from expfam._typing import AnyArray, FloatArray
from expfam.design._group import Group
from expfam.kernels import definition

TABLE = 1 << 20  # cells of a table that is looked up in, at most


@dataclass(frozen=True, slots=True)
class Slot:
    """What one code a row stands for: a level of one factor, or a joint level of several, one of each.

    `columns` are the raw columns, the levels of all its factors. With J the matrix of joint levels a slot holds J P:
    P is `joint`, (levels, width), ones where a joint level has a factor's level; None for a single factor.
    """

    levels: int
    columns: slice
    joint: FloatArray | None

    def spread(self, theta: FloatArray) -> FloatArray:
        """P theta, from raw columns to joint levels, for theta of all raw columns."""
        part = theta[self.columns]
        return part if self.joint is None else np.asarray(self.joint @ part)

    def collect(self, table: FloatArray) -> FloatArray:
        """P' table, from joint levels to raw columns, (width,), (width, m) or (k, width, m)."""
        return table if self.joint is None else np.asarray(self.joint.T @ table)

    def within(self, sums: FloatArray) -> FloatArray:
        """P' diag(sums) P, (width, width): a row has one joint level, which tells the level of each factor."""
        return np.diag(sums) if self.joint is None else np.asarray(self.joint.T @ (sums[:, None] * self.joint))

    def own(self, matrix: FloatArray) -> FloatArray:
        """The diagonal of P M P', (levels,), for M (width, width)."""
        return np.diagonal(matrix) if self.joint is None else np.einsum("lw,lw->l", self.joint @ matrix, self.joint)


@dataclass(frozen=True, slots=True)
class Coded(Group):
    """codes (k, n), unsigned: the joint level of every slot; values (v, n) multiply the last v slots.

    The raw columns are the levels of all factors, slot by slot. Large data runs on the compiled twin.
    """

    codes: AnyArray
    values: FloatArray
    slots: tuple[Slot, ...]
    compiled: bool

    @property
    def width(self) -> int:
        return int(self.slots[-1].columns.stop)

    @property
    def stored(self) -> int:
        return len(self.slots)

    @property
    def plain(self) -> int:
        """How many slots are not multiplied; they come first."""
        return len(self.slots) - len(self.values)

    @property
    def price(self) -> tuple[float, float]:
        pairs = combinations([slot.levels for slot in self.slots], 2)
        return 0.85 * self.stored, 0.75 * self.stored + sum(_cell_price(a * b) for a, b in pairs)

    @property
    def indicators(self) -> FloatArray:
        """1 for raw columns of zeros and ones, 0 where rows are multiplied, (r,)."""
        out = np.zeros(self.width)
        out[: self.slots[self.plain - 1].columns.stop if self.plain else 0] = 1.0
        return out

    @property
    def kernels(self) -> ModuleType:
        """The module that does the verbs."""
        return code_verbs(self.compiled)

    def forward(self, theta: FloatArray) -> FloatArray:
        tables = [slot.spread(np.ascontiguousarray(theta)) for slot in self.slots]
        return np.asarray(self.kernels.pick(self.codes, self.values, tables))

    def add(self, theta: FloatArray, out: FloatArray) -> None:
        tables = [slot.spread(np.ascontiguousarray(theta)) for slot in self.slots]
        self.kernels.pick(self.codes, self.values, tables, out)

    def adjoint(self, rows: FloatArray) -> FloatArray:
        if rows.ndim == 2:
            return np.asarray(self.crosses(np.ones((1, len(rows))), rows)[0])
        return np.concatenate([slot.collect(self._sums(a, rows)) for a, slot in enumerate(self.slots)])

    def crosses(self, weights: FloatArray, columns: FloatArray) -> FloatArray:
        crosses, columns = self.kernels.crosses, np.ascontiguousarray(columns)  # row by row once for all slots
        tables = [crosses(self.codes[a], self._times(weights, a), columns, s.levels) for a, s in enumerate(self.slots)]
        return np.concatenate([slot.collect(table) for slot, table in zip(self.slots, tables, strict=True)], axis=1)

    def gram(self, weights: FloatArray) -> FloatArray:
        tables = [self._tables(a, self._times(weights, a)) for a in range(len(self.slots))]
        own = (self._sums(a, self._times(weights, a)) for a in range(max(self.plain - 1, 0), len(self.slots)))
        return products(self.slots, tables, [*margins(tables, self.plain), *own])

    def sums(self, weights: FloatArray, gram: FloatArray) -> FloatArray:
        """A level's sum of weights stands on the diagonal, unless its rows are multiplied."""
        return self.adjoint(weights) if len(self.values) else np.diagonal(gram)

    def squares(self, weights: FloatArray) -> FloatArray:
        """Through `adjoint`: a row has one level of each factor."""
        return replace(self, values=self.values**2).adjoint(weights)

    def moments(self, weights: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Ones are their own squares."""
        sums = self.adjoint(weights)
        return sums, self.squares(weights) if len(self.values) else sums

    def support(self, times: FloatArray) -> FloatArray:
        bare = replace(self, values=np.ones_like(self.values)) if len(self.values) else self
        return bare.adjoint(times)

    @property
    def tabled(self) -> bool:
        """Are the tables of two slots small enough to look up in?"""
        return max(slot.levels for slot in self.slots) ** 2 <= TABLE

    def quadratic(self, matrix: FloatArray) -> FloatArray:
        """r_i' M r_i for every row, (n,), M (r, r) symmetric: each pair of slots adds the number of its two levels."""
        own, crosses = [], []
        for a, slot in enumerate(self.slots):
            rows = slot.spread(matrix)
            own.append(slot.own(matrix[slot.columns, slot.columns]))
            crosses += [(a, b, 2 * other.spread(rows.T).T) for b, other in enumerate(self.slots) if b > a]
        out = np.asarray(self.kernels.pick(self.codes, self.values**2, own))
        for a, b, table in crosses:
            out += self._times(self._times(self.kernels.pick_pairs(self.codes[a], self.codes[b], table), a), b)
        return out

    def columns(self, space: str | None = None) -> None:
        return None

    def nonzeros(self) -> tuple[AnyArray, AnyArray, AnyArray | None]:
        """R in compressed rows: (indptr, indices ascending along a row, data or None for ones); for blocks."""
        indices, data = [], []
        for a, slot in enumerate(self.slots):
            members = np.arange(slot.levels) if slot.joint is None else np.nonzero(slot.joint)[1]
            indices.append(slot.columns.start + members.reshape(slot.levels, -1)[self.codes[a]])
            data.append(np.broadcast_to(self._times(np.ones(len(indices[a])), a)[:, None], indices[a].shape))
        joint = np.concatenate(indices, axis=1)
        flat = np.concatenate(data, axis=1).ravel() if len(self.values) else None
        return np.arange(len(joint) + 1) * joint.shape[1], joint.ravel(), flat

    def take(self, rows: slice | AnyArray) -> "Coded":
        if isinstance(rows, slice):
            return Coded(self.codes[:, rows], self.values[:, rows], self.slots, self.compiled)
        return replace(self, codes=self.codes.take(rows, axis=1), values=self.values.take(rows, axis=1))

    def _times(self, vector: FloatArray, a: int) -> FloatArray:
        return vector if a < self.plain else vector * self.values[a - self.plain]

    def _sums(self, a: int, vector: FloatArray) -> FloatArray:
        return np.asarray(self.kernels.sums(self.codes[a], self._times(vector, a), self.slots[a].levels))

    def _tables(self, a: int, weights: FloatArray) -> list[FloatArray]:
        """The two-way tables of slot a with all later ones; those that are not multiplied share its weights."""
        levels, widths = self.slots[a].levels, [slot.levels for slot in self.slots]
        shared = slice(a + 1, max(self.plain, a + 1))
        tables: list[FloatArray] = self.kernels.tables(
            self.codes[a], self.codes[shared], weights, levels, widths[shared]
        )
        for b in range(shared.stop, len(self.slots)):
            times = self._times(weights, b)
            tables += self.kernels.tables(self.codes[a], self.codes[b : b + 1], times, levels, widths[b : b + 1])
        return tables


def margins(tables: Sequence[Sequence[FloatArray]], plain: int) -> list[FloatArray]:
    """Sums of weights by level, of all but the last of the slots that are not multiplied: each has a table with it."""
    return [tables[a][0].sum(axis=1) for a in range(plain - 1)]


def products(slots: tuple[Slot, ...], tables: Sequence[Sequence[FloatArray]], own: Sequence[FloatArray]) -> FloatArray:
    """R' diag(w) R, (width, width): between slots from the two-way tables of each with all later ones, within a slot
    from its `own` sums of weights, times the squares of what multiplies it, by level."""
    out = np.empty((slots[-1].columns.stop, slots[-1].columns.stop))
    for a, slot in enumerate(slots):
        for other, table in zip(slots[a + 1 :], tables[a], strict=True):
            part = slot.collect(other.collect(table.T).T)
            out[slot.columns, other.columns], out[other.columns, slot.columns] = part, part.T
        out[slot.columns, slot.columns] = slot.within(own[a])
    return out


def _cell_price(cells: int) -> float:
    """Nanoseconds of adding a row to a table of so many cells, which the first cache holds, or the second, or none."""
    return 0.75 if cells <= 1 << 12 else 2.0 if cells <= 1 << 17 else 5.0


def code_verbs(compiled: bool) -> ModuleType:
    """The module that does the verbs of codes: compiled, or the NumPy definition."""
    if not compiled:
        return definition
    from expfam.kernels import compiled as twin  # brings Numba, so only where it pays

    return twin
