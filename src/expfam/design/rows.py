"""Rows in the coordinates of the coefficients, x_i = C' r_i: what a solver reads that learns from one row at a time."""

from dataclasses import dataclass
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from expfam._typing import AnyArray, BoolArray, FloatArray, IntArray
from expfam.design._group import Group
from expfam.design.coded import Coded
from expfam.design.dense import Dense
from expfam.design.design import Design
from expfam.design.maps import span
from expfam.design.ones import Ones
from expfam.design.sparse import Sparse
from expfam.design.wide import Wide

Picked: TypeAlias = tuple[slice | IntArray, slice | IntArray, FloatArray]


class Rows(NamedTuple):
    """x_i: `dense` (n, k) in the first k places, values[a:b] in places indices[a:b], a, b = indptr[i:i+2]."""

    dense: FloatArray
    indptr: IntArray
    indices: AnyArray
    values: FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class Layout:
    """How the rows of a design are written as `Rows`, columns not centred by the map.

    order (p,) numbers the coefficients as `Rows` have them; `dense` (raw, k) is C from raw columns stored as numbers to
    the first k, `thin` (raw, p) from those stored as codes or nonzeros; `place`, `times` (raw,) say the latter where no
    raw column has two coefficients: its place, -1 for none, and its number. `picked` says the former, group after
    group of numbers, where that simply picks and multiplies columns.
    """

    order: IntArray
    dense: Any
    thin: Any
    place: IntArray | None
    times: FloatArray
    picked: tuple[Picked, ...] | None

    def rows(self, block: Design) -> Rows:
        """The rows of a block of the design."""
        out = self._numbers(block)
        parts = [(g, at) for g, at in zip(block.groups, block.spans, strict=True) if not isinstance(g, Ones | Dense)]
        if len(parts) == 1 and self.place is not None:
            return Rows(out, *_picked(parts[0][0], self.place[parts[0][1]], self.times[parts[0][1]]))
        if not parts:
            return Rows(out, np.zeros(block.n + 1, dtype=np.int64), np.zeros(0, dtype=np.uint32), np.zeros(0))
        from scipy.sparse import hstack

        raw = hstack([_matrix(g) for g, _ in parts], format="csr")
        x = (raw @ self.thin[~_held(block)]).tocsr()
        x.sort_indices()
        return Rows(out, x.indptr.astype(np.int64), x.indices.astype(np.uint32), np.asarray(x.data, dtype=np.float64))

    def _numbers(self, block: Design) -> FloatArray:
        """The first k columns, row by row in memory."""
        groups = [group for group in block.groups if isinstance(group, Ones | Dense)]
        if self.picked is None:
            numbers = [group.columns() for group in groups]
            return np.ascontiguousarray(np.concatenate(numbers, axis=1) @ self.dense[_held(block)].toarray())
        out = np.empty((block.n, self.dense.shape[1]))
        for group, (raw, places, times) in zip(groups, self.picked, strict=True):
            if isinstance(group, Ones):
                out[:, places] = times
                continue
            part = out[:, places] if isinstance(places, slice) else np.empty((block.n, len(times)))
            np.multiply(group.values[:, raw], times, out=part)
            if group.centre is not None:
                part -= group.centre[raw] * times
            if not isinstance(places, slice):
                out[:, places] = part
        return out


def layout(design: Design) -> Layout:
    """The layout of a design and of any block of its rows."""
    from scipy.sparse import csr_array

    raw, columns, numbers = design.maps.entries()
    held = _held(design)
    full = np.zeros(design.p, dtype=bool)
    full[columns[held[raw]]] = True
    order = np.concatenate([np.flatnonzero(full), np.flatnonzero(~full)])
    place = np.empty(design.p, dtype=np.intp)
    place[order] = np.arange(design.p)
    k, inside = int(full.sum()), held[raw]
    shape = design.maps.raw, design.p
    dense = csr_array((numbers[inside], (raw[inside], place[columns[inside]])), shape=shape)[:, :k]
    thin = csr_array((numbers[~inside], (raw[~inside], place[columns[~inside]])), shape=shape)
    single = bool((np.diff(thin.indptr) <= 1).all())
    where, times = np.full(shape[0], -1), np.zeros(shape[0])
    if single:
        where[raw[~inside]], times[raw[~inside]] = place[columns[~inside]], numbers[~inside]
    return Layout(order, dense, thin, where if single else None, times, _picks(design, dense))


def _picks(design: Design, dense: Any) -> tuple[Picked, ...] | None:
    """Of every group of numbers its raw columns, their places and what multiplies them; None where they mix."""
    by_place = dense.tocsc()
    if not (np.diff(by_place.indptr) == 1).all():
        return None
    found = []
    for group, at in zip(design.groups, design.spans, strict=True):
        if isinstance(group, Ones | Dense):
            places = np.flatnonzero((by_place.indices >= at.start) & (by_place.indices < at.stop))
            found.append((span(by_place.indices[places] - at.start), span(places), by_place.data[places]))
    return tuple(found)


def _held(design: Design) -> BoolArray:
    """Which raw columns are stored as numbers, the column of ones among them, (raw,)."""
    kinds = [np.full(group.width, isinstance(group, Ones | Dense)) for group in design.groups]
    return np.concatenate(kinds) if kinds else np.zeros(0, dtype=bool)


def _picked(group: Group, place: IntArray, times: FloatArray) -> tuple[IntArray, AnyArray, FloatArray]:
    """Compressed rows of a group each of whose raw columns is at most one coefficient."""
    assert isinstance(group, Coded | Sparse | Wide)
    indptr, indices, data = group.nonzeros()
    start = int(indptr[0])
    indices, indptr = indices[start : int(indptr[-1])], indptr - start
    columns, values = place[indices], times[indices]
    if data is not None:
        values = values * data[start : start + len(indices)]
    inside = columns >= 0
    if not inside.all():
        counts = np.concatenate([[0], np.cumsum(inside)])
        indptr, columns, values = counts[indptr], columns[inside], values[inside]
    return indptr.astype(np.int64), columns.astype(np.uint32), np.asarray(values, dtype=np.float64)


def _matrix(group: Group) -> Any:
    """A group as a SciPy matrix of compressed rows."""
    from scipy.sparse import csr_array

    assert isinstance(group, Coded | Sparse | Wide)
    indptr, indices, data = group.nonzeros()
    at = slice(int(indptr[0]), int(indptr[-1]))
    data = np.ones(at.stop - at.start) if data is None else data[at].astype(np.float64)
    return csr_array((data, indices[at], indptr - at.start), shape=(len(indptr) - 1, group.width))
