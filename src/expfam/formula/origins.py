"""Numbers of terms less their origins: (t - c) g is t g less c g, so that slopes in a time stamp are told from levels.

A term taken so is a sum of itself and of other terms of the model, where it has them: which a term can have depends on
its terms alone, not on how many levels have come. `back` is the linear map (14) to the coefficients of plain columns.
"""

from collections.abc import Iterator, Mapping, Sequence
from functools import reduce
from itertools import chain, combinations
from typing import Any, TypeAlias

import numpy as np
from scipy import sparse

from expfam._typing import AnyArray, FloatArray
from expfam.design import Columns, assemble
from expfam.design.standard import far
from expfam.formula import coding
from expfam.formula.coding import Term, Variable
from expfam.formula.learn import Values
from expfam.formula.schema import Schema
from expfam.formula.values import Factor

Origins: TypeAlias = tuple[Mapping[str, tuple[float, ...]], ...]
"""Of every term, what is taken off the columns of which of its numbers; () where nothing is of any."""

Matrices: TypeAlias = Mapping[str, Any]
"""Sparse maps by variable, from its coefficients in a term that is taken apart to those of a term that takes it up."""


def origins_of(schema: Schema, values: Values, free: Sequence[bool]) -> Origins:
    """The means of numbers far from zero, in every term that the rest of the model, its `free` terms, can give back."""
    means = _far(values)
    found = tuple(_taken(schema, term, means, free) for term in schema.terms)
    return found if any(found) else ()


def lay_out(schema: Schema, values: Values, origins: Origins) -> tuple[Columns, ...]:
    """The columns of every term, its numbers less their origins."""
    each = origins or ({},) * len(schema.terms)
    return tuple(
        coding.columns(term, schema.variables, values | {v: _less(values[v], at) for v, at in origin.items()})
        for term, origin in zip(schema.terms, each, strict=True)
    )


def back(schema: Schema, origins: Origins, centre: FloatArray) -> Any:
    """(p, p) in compressed rows: coefficients of the columns as they are, from those of columns of numbers less their
    origins, which are then taken less their `centre` (p,), what the intercept takes up.

    ValueError where no other terms take up what is taken off one.
    """
    counts = [len(coding.names(term, schema.variables)) for term in schema.terms]
    starts, p = np.cumsum([0, *counts]), sum(counts)
    parts = [(np.arange(p), np.arange(p), np.ones(p))]
    for k, (term, origin) in enumerate(zip(schema.terms, origins, strict=bool(origins))):
        for gone in _subsets(tuple(origin)):
            takers = _takers(schema, _wanted(term, gone), (True,) * len(schema.terms))
            if takers is None:
                raise ValueError(f"{':'.join(term.variables)}: no other terms take up the origin of {', '.join(gone)}")
            taken = {v: sparse.csr_array(-np.array([origin[v]])) for v in gone}
            for taker, maps in takers:
                rows, columns, numbers = _entries(schema, term, schema.terms[taker], {**maps, **taken})
                parts.append((starts[taker] + rows, starts[k] + columns, numbers))
    rows, columns, numbers = (np.concatenate(part) for part in zip(*parts, strict=True))
    found = sparse.coo_array((numbers, (rows, columns)), shape=(p, p)).tocsr()
    return found @ _intercepted(schema.names, centre) if centre.any() else found


def _intercepted(names: tuple[str, ...], centre: FloatArray) -> Any:
    """I - e centre' of the intercept e."""
    away = np.flatnonzero(centre)
    rows = np.full(len(away), names.index("Intercept"))
    return sparse.eye_array(len(names)) - sparse.coo_array((centre[away], (rows, away)), shape=(len(names),) * 2)


def _far(values: Values) -> dict[str, tuple[float, ...]]:
    """The means of numbers that are far from zero, by variable; bytes are zeros and ones."""
    numbers = {v: np.atleast_2d(x.T).T for v, x in values.items() if not isinstance(x, Factor) and x.dtype.kind == "f"}
    found = {}
    for v, x in numbers.items():
        names = tuple(map(str, range(x.shape[1])))
        mean = far(assemble((Columns(("Intercept",)), Columns(names, values=x)), len(x), False))[1:]
        if mean.any():
            found[v] = tuple(mean.tolist())
    return found


def _less(numbers: Any, origin: tuple[float, ...]) -> Any:
    at = np.array(origin)
    return np.subtract(numbers, at if np.ndim(numbers) > 1 else at[0], dtype=np.float64)


def _taken(
    schema: Schema, term: Term, means: Mapping[str, tuple[float, ...]], free: Sequence[bool]
) -> dict[str, tuple[float, ...]]:
    """The means of a term's numbers that can be taken off it together."""
    found: dict[str, tuple[float, ...]] = {}
    for v in filter(means.__contains__, term.variables):
        if all(_takers(schema, _wanted(term, gone), free) is not None for gone in _subsets((*found, v))):
            found[v] = means[v]
    return found


def _subsets(variables: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    """All but the empty one."""
    return chain.from_iterable(combinations(variables, k + 1) for k in range(len(variables)))


def _wanted(term: Term, gone: tuple[str, ...]) -> dict[str, bool]:
    """A term without some variables: which are left, and which of these are factors coded by all their levels."""
    return {v: full for v, full in zip(term.variables, term.full, strict=True) if v not in gone}


def _takers(
    schema: Schema, wanted: Mapping[str, bool], free: Sequence[bool]
) -> list[tuple[int, dict[str, Any]]] | None:
    """Terms whose columns add up to those of the `wanted` variables, and by which maps; None where there are none.

    All levels are one and contrasts, of a term without the factor and one with it; and one is the sum of all levels.
    """
    k = _term(schema, wanted, free)
    if k is None:
        return None
    coded = dict(zip(schema.terms[k].variables, schema.terms[k].full, strict=True))
    split = next((v for v, full in wanted.items() if full and not coded[v]), None)
    if split is None:
        return [(k, {v: _coded(schema.variables[v], wanted.get(v), full) for v, full in coded.items()})]
    one, contrasts = _apart(schema.variables[split])
    found = []
    for rest, matrix in (({**wanted, split: False}, contrasts), (_without(wanted, split), one)):
        takers = _takers(schema, rest, free)
        if takers is None:
            return None
        found += [(taker, {**maps, split: _after(maps.get(split), matrix)}) for taker, maps in takers]
    return found


def _without(wanted: Mapping[str, bool], variable: str) -> dict[str, bool]:
    return {v: full for v, full in wanted.items() if v != variable}


def _after(outer: Any, matrix: Any) -> Any:
    """What a variable goes through: apart first, then into the term that takes it up."""
    return matrix if outer is None else sparse.csr_array(outer @ matrix)


def _term(schema: Schema, wanted: Mapping[str, bool], free: Sequence[bool]) -> int | None:
    """The free term of the wanted variables, or of these and a factor coded by all its levels."""
    sets = [(set(term.variables) - wanted.keys(), term) for term in schema.terms]
    fits = [
        (len(more), k)
        for k, (more, term) in enumerate(sets)
        if free[k] and wanted.keys() <= set(term.variables) and _summable(term, more) and len(more) <= 1
    ]
    return min(fits)[1] if fits else None


def _summable(term: Term, more: set[str]) -> bool:
    return all(full for v, full in zip(term.variables, term.full, strict=True) if v in more)


def _coded(variable: Variable, wanted: bool | None, full: bool) -> Any:
    """From coefficients of a variable, all levels if `wanted`, None for one that is not there, to those of a term."""
    size = len(variable.suffixes(full))
    if wanted is None:
        return sparse.csr_array(np.ones((size, 1)))
    return sparse.eye_array(size, format="csr") if wanted == full else _matrix(variable)


def _matrix(variable: Variable) -> Any:
    """The contrasts of a factor (levels, m)."""
    contrast = variable.contrast(False)
    if contrast.ndim == 2:
        return sparse.csr_array(contrast)
    m = len(contrast)
    return sparse.coo_array((np.ones(m), (contrast, np.arange(m))), shape=(len(variable.levels), m)).tocsr()


def _apart(variable: Variable) -> tuple[Any, Any]:
    """All levels as one and contrasts, [1 K]^-1: (1, levels) and (m, levels)."""
    contrast, k = variable.contrast(False), len(variable.levels)
    if contrast.ndim == 2:
        inverse = np.linalg.inv(np.column_stack([np.ones(k), contrast]))
        return sparse.csr_array(inverse[:1]), sparse.csr_array(inverse[1:])
    (base,) = np.setdiff1d(np.arange(k), contrast)
    one = sparse.coo_array(([1.0], ([0], [base])), shape=(1, k)).tocsr()
    ones = sparse.csr_array(np.ones((k - 1, 1)))
    return one, sparse.csr_array(_matrix(variable).T - ones @ one)


def _entries(schema: Schema, term: Term, taker: Term, maps: Matrices) -> tuple[AnyArray, AnyArray, AnyArray]:
    """Where and what the product of the maps of all variables is, in the order that the coefficients of both have."""
    steps, step = {}, 1
    for v, full in zip(taker.variables, taker.full, strict=True):
        steps[v] = step
        step *= len(schema.variables[v].suffixes(full))
    order = (*term.variables, *(v for v in taker.variables if v not in term.variables))
    rows = np.zeros(1, dtype=np.int64)
    for v in order:
        rows = (rows[None, :] + steps.get(v, 0) * np.arange(maps[v].shape[0])[:, None]).ravel()
    product = reduce(lambda fast, slow: sparse.kron(slow, fast), (maps[v] for v in order)).tocoo()
    return rows[product.row], product.col, product.data
