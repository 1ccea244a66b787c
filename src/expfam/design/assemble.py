"""Terms to a design: what is stored how, and the map (14) from it to the coefficients."""

from dataclasses import replace
from itertools import accumulate, chain
from math import isqrt

import numpy as np

from expfam.design._group import Group
from expfam.design.beside import beside
from expfam.design.columns import Columns
from expfam.design.dense import Dense
from expfam.design.design import Design, spans_of
from expfam.design.indicators import bundled
from expfam.design.joint import joined, lay_out
from expfam.design.maps import ColumnMap, Piece, identity, span
from expfam.design.ones import Ones
from expfam.design.sparse import sparse
from expfam.design.wide import lay_wide, wide
from expfam.kernels.ready import pays


def assemble(
    columns: tuple[Columns, ...], n: int, compiled: bool | None = None, *, seek: bool = True, pairs: int = 1
) -> Design:
    """The design of some terms: ones, all factors as codes of one row-major array, all numerics as one matrix.

    `compiled` picks the kernels (None: by size, and by how many `pairs` of classes curve a row). A single dense term is
    taken as it is, without a copy. `seek`: look for numbers that are zeros and ones alone, which of large data are
    stored as codes.
    """
    numbers = n * max(sum(map(_stored, columns)), 1)
    large = pays(numbers, *_twins(columns), times=pairs) if compiled is None else compiled
    columns = bundled(columns, n) if large and seek else columns
    columns = tuple(map(_in_floats, columns))
    ones = tuple(c for c in columns if c.codes is None and c.values is None and c.sparse is None)
    dense = tuple(c for c in columns if c.codes is None and c.values is not None)
    apart = wide(columns)
    coded = tuple(c for c in columns if c.codes is not None and c is not apart)
    thin = tuple(c for c in columns if c.sparse is not None)
    groups: list[Group] = [Ones(n) for _ in ones]
    if coded:
        slots = joined(coded) if large else tuple((c,) for c in sorted(coded, key=lambda c: c.values is not None))
        groups.append(lay_out(slots, n, large))
        coded = tuple(chain.from_iterable(slots))
    if dense:
        groups.append(Dense(beside([c.values for c in dense if c.values is not None]), None, large))
    groups += [sparse(c.sparse, compiled, (isqrt(8 * pairs + 1) - 1) // 2) for c in thin]
    if apart is not None:
        groups.append(lay_wide(apart, large))
        thin += (apart,)
    maps, parts = _maps(columns, ones + coded + dense + thin), tuple(groups)
    return Design(parts, maps, _names(columns), n, spans_of(parts), large)


def _in_floats(term: Columns) -> Columns:
    """The term, its numbers as float64 where they came as bytes."""
    if term.values is None or term.values.dtype.kind != "u":
        return term
    return replace(term, values=term.values.astype(np.float64))


def _stored(term: Columns) -> int:
    """How many numbers a row of a term holds: codes, values, or nonzeros."""
    if term.sparse is not None:
        return int(term.sparse.nnz // max(term.sparse.shape[0], 1))
    return term.raw // max(term.levels, 1) if term.codes is not None or term.values is not None else 0


def _twins(columns: tuple[Columns, ...]) -> tuple[str, ...]:
    """The modules of compiled kernels that read codes, and numbers without codes."""
    stored = {
        "slots": any(c.codes is not None for c in columns),
        "dense": any(c.codes is None and c.values is not None for c in columns),
    }
    return tuple(twin for twin, asked in stored.items() if asked)


def _names(columns: tuple[Columns, ...]) -> tuple[str, ...]:
    names = tuple(name for c in columns for name in c.names)
    if any(c.numbers is None for c in columns):
        return names
    order = np.argsort(np.concatenate([c.numbers for c in columns if c.numbers is not None]))
    return tuple(names[j] for j in order)


def _maps(columns: tuple[Columns, ...], stored: tuple[Columns, ...]) -> ColumnMap:
    """C: coefficients in formula order, raw columns in the order they are stored in."""
    if all(term is there and term.plain for term, there in zip(columns, stored, strict=True)):
        return identity(sum(c.raw for c in columns))
    starts = dict(zip(map(id, stored), accumulate((c.raw for c in stored), initial=0), strict=False))
    picked, pieces, p = [], [], 0
    for term in columns:
        raw = np.arange(starts[id(term)], starts[id(term)] + term.raw)
        numbers = np.arange(p, p + len(term.names)) if term.numbers is None else term.numbers
        if term.contrast is None or term.contrast.ndim == 1:
            picked.append((raw if term.contrast is None else raw[term.contrast], numbers))
        else:
            pieces.append(Piece(span(raw), span(numbers), term.contrast))
        p += len(term.names)
    if picked:
        raw, numbers = map(np.concatenate, zip(*picked, strict=True))
        if any(c.numbers is not None for c in columns):
            order = np.argsort(numbers)
            raw, numbers = raw[order], numbers[order]
        pieces.append(Piece(span(raw), span(numbers), None))
    return ColumnMap(tuple(pieces), sum(c.raw for c in columns), p)
