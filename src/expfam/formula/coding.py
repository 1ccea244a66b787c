"""R's coding of factors in terms, and the linear map (14) from codes to coefficients."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from itertools import product
from math import prod

import numpy as np

from expfam._typing import AnyArray, FloatArray, IntArray
from expfam.data.column import smallest
from expfam.design.columns import Columns
from expfam.errors import SchemaError
from expfam.formula.expression import bare
from expfam.formula.values import Factor


@dataclass(frozen=True, slots=True)
class Variable:
    """An expression of a term: a factor with `levels`, or `width` columns of numbers (None: one)."""

    text: str
    width: int | None = None
    levels: tuple[str, ...] = ()
    reference: str = ""
    contrasts: str = "treatment"

    def suffixes(self, full: bool) -> tuple[str, ...]:
        """What stands behind its name, one for each coefficient."""
        if not self.levels:
            return ("",) if self.width is None else tuple(f"[{j + 1}]" for j in range(self.width))
        if self.contrasts == "helmert" and not full:
            return tuple(f"[{j + 1}]" for j in range(len(self.levels) - 1))
        return tuple(f"[{level}]" for level in self.levels if full or level != self.reference)

    def names(self, full: bool) -> tuple[str, ...]:
        """Its coefficient names by itself."""
        return tuple(bare(self.text) + suffix for suffix in self.suffixes(full))

    def contrast(self, full: bool) -> AnyArray:
        """The map from coefficients to levels: the levels kept (m,), or a matrix (levels, m)."""
        if full:
            return np.arange(len(self.levels))
        return CONTRASTS[self.contrasts](len(self.levels), self.levels.index(self.reference))


@dataclass(frozen=True, slots=True)
class Term:
    """The variables of a term, and which of them are factors coded by all their levels."""

    variables: tuple[str, ...]
    full: tuple[bool, ...]


def treatment(k: int, base: int) -> AnyArray:
    """Each other level against the base: all levels but that one are kept."""
    return np.delete(np.arange(k), base)


def total(k: int, base: int) -> FloatArray:
    """Each level against the mean of all: treatment with -1 in the row of the base (R's contr.sum)."""
    matrix = np.eye(k)[:, treatment(k, base)]
    matrix[base] = -1.0
    return matrix


def helmert(k: int, base: int) -> FloatArray:
    """Column j: level j + 1 against the levels before it (R's contr.helmert; no base enters)."""
    return np.triu(np.full((k, k), -1.0), 1)[:, 1:] + np.diag(np.arange(1.0, k), -1)[:, : k - 1]


CONTRASTS = {"treatment": treatment, "sum": total, "helmert": helmert}


def code(terms: Sequence[Sequence[str]], factors: frozenset[str]) -> tuple[Term, ...]:
    """R's rule: in term T the factor v takes contrasts if T without v is empty or part of an earlier term.

    Without an intercept the first factor of the first term that holds one takes all its levels.
    """
    sets = [frozenset(term) for term in terms]
    full = [
        [v in factors and bool(s - {v}) and not any(s - {v} <= earlier for earlier in sets[:t]) for v in term]
        for t, (term, s) in enumerate(zip(terms, sets, strict=True))
    ]
    if frozenset() not in sets:
        first = next(((t, i) for t, term in enumerate(terms) for i, v in enumerate(term) if v in factors), None)
        if first is not None:
            full[first[0]][first[1]] = True
    return tuple(Term(tuple(term), tuple(flags)) for term, flags in zip(terms, full, strict=True))


def names(term: Term, variables: Mapping[str, Variable]) -> tuple[str, ...]:
    """Coefficient names of a term, the first variable varying fastest."""
    parts = [variables[v].names(full) for v, full in zip(term.variables, term.full, strict=True)]
    if len(parts) == 1:
        return parts[0]
    return tuple(":".join(reversed(choice)) for choice in product(*reversed(parts))) if parts else ("Intercept",)


def columns(term: Term, variables: Mapping[str, Variable], values: Mapping[str, Factor | FloatArray]) -> Columns:
    """The Columns of a term: joint codes of its factors, products of its numbers, contrasts kept apart."""
    coded = [(v, full) for v, full in zip(term.variables, term.full, strict=True) if variables[v].levels]
    numeric = [v for v in term.variables if not variables[v].levels]
    sizes = [len(variables[v].levels) for v, _ in coded]
    cells = prod(sizes)
    if cells > 2**31 - 1:
        raise SchemaError(
            f"{':'.join(term.variables)} has {cells} cells of levels; group rare levels, 2^31 - 1 are allowed"
        )
    return Columns(
        names(term, variables),
        codes=_joint([values[v] for v, _ in coded], sizes),
        levels=cells if coded else 0,
        values=_products([values[v] for v in numeric]),
        contrast=_contrast(term, variables, coded, numeric),
    )


def coded_row(term: Term, variables: Mapping[str, Variable], at: Mapping[str, FloatArray]) -> FloatArray:
    """The columns of a term where each variable has the values at[v], (..., p) for values (..., width or levels).

    A factor's values are shares of its levels, an indicator for a level itself, by default the levels one by one
    (levels, levels): a mean over rows that are balanced in it, for a term is linear in the shares of each factor.
    """
    rows = np.ones((1, 1))
    for v, full in zip(term.variables, term.full, strict=True):
        variable = variables[v]
        values = np.atleast_2d(at[v] if v in at else np.eye(len(variable.levels)))
        if variable.levels:
            contrast = variable.contrast(full)
            values = values[:, contrast] if contrast.ndim == 1 else values @ contrast
        rows = (values[:, :, None] * rows[:, None, :]).reshape(max(len(values), len(rows)), -1)
    return rows


def cells(term: Term, variables: Mapping[str, Variable]) -> tuple[tuple[str, ...], AnyArray | None]:
    """The raw columns of a term by name, "B:Diesel" for levels, "[2]" for numbers, and its contrasts as in Columns."""
    coded = [(v, full) for v, full in zip(term.variables, term.full, strict=True) if variables[v].levels]
    numeric = [v for v in term.variables if not variables[v].levels]
    parts = [variables[v].levels for v, _ in coded] + [variables[v].suffixes(False) for v in numeric]
    labels = tuple(":".join(filter(None, reversed(cell))) for cell in product(*reversed(parts)))
    return labels, _contrast(term, variables, coded, numeric)


def _joint(factors: Iterable[Factor | FloatArray], sizes: list[int]) -> IntArray | None:
    codes, step, narrow = None, 1, smallest(prod(sizes))
    for factor, size in zip(factors, sizes, strict=True):
        assert isinstance(factor, Factor)
        codes = factor.codes if codes is None else codes + narrow.type(step) * factor.codes
        step *= size
    return codes


def _products(arrays: Iterable[Factor | FloatArray]) -> FloatArray | None:
    """All products of one column from each array, the first array's columns varying fastest, (n, m)."""
    bases = [np.atleast_2d(array.T).T for array in arrays if not isinstance(array, Factor)]
    if not bases:
        return None
    return reduce(lambda a, b: (b[:, :, None] * a[:, None, :]).reshape(len(a), a.shape[1] * b.shape[1]), bases)


def _contrast(
    term: Term, variables: Mapping[str, Variable], coded: list[tuple[str, bool]], numeric: list[str]
) -> AnyArray | None:
    """C of (14), columns in the order of the term: None for the identity, the raw columns kept where each contrast
    only keeps levels, else the kron of the contrasts as a matrix."""
    if not coded and len(numeric) <= 1:
        return None
    order = [v for v, _ in coded] + numeric
    parts = [variables[v].contrast(full) for v, full in coded]
    parts += [np.arange(variables[v].width or 1) for v in numeric]
    sizes = [len(variables[v].levels) for v, _ in coded] + [variables[v].width or 1 for v in numeric]
    counts = [part.shape[-1] for part in parts]
    axes = [order.index(v) for v in term.variables]
    columns = np.arange(prod(counts)).reshape(counts, order="F").transpose(axes).ravel(order="F")
    if all(part.ndim == 1 for part in parts):
        kept = _kept(parts, sizes)[columns]
        return None if np.array_equal(kept, np.arange(prod(sizes))) else kept
    matrices = [np.eye(k)[:, part] if part.ndim == 1 else part for part, k in zip(parts, sizes, strict=True)]
    return np.ascontiguousarray(reduce(_kron, matrices)[:, columns])


def _kept(parts: Sequence[AnyArray], sizes: Sequence[int]) -> AnyArray:
    """The joint numbers of the kept levels of several factors, the first factor's varying fastest."""
    joint, step = np.zeros(1, dtype=np.int64), 1
    for part, size in zip(parts, sizes, strict=True):
        joint = (joint[None, :] + step * part[:, None]).ravel()
        step *= size
    return joint


def _kron(fast: FloatArray, slow: FloatArray) -> FloatArray:
    return np.asarray(np.kron(slow, fast))
