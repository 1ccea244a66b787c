"""C(g): text or numbers as a factor whose levels, reference and contrasts are learned once."""

from dataclasses import replace
from typing import Any

import numpy as np

from expfam._typing import FloatArray, IntArray
from expfam.data.column import label, smallest
from expfam.data.names import some
from expfam.errors import FormulaError, SchemaError
from expfam.formula.buckets import bucketed
from expfam.formula.transforms._transform import Transform
from expfam.formula.values import Factor, State, Unseen

CONTRASTS = ("treatment", "sum", "helmert")
DENSE = 2**20
"""Whole numbers within a span of this many are counted instead of hashed."""


def _learn(x: Factor | FloatArray, contrasts: str = "treatment", ref: Any = None, levels: Any = None) -> State:
    """The levels in order and the reference: `ref`, else the first (of sum contrasts the last, as in R)."""
    if contrasts not in CONTRASTS:
        raise FormulaError(f"C: contrasts must be one of {some(CONTRASTS)}, found {contrasts!r}")
    factor = as_factor(x)
    order = factor.levels if levels is None else _listed(levels)
    strange = recode(factor, order).unseen
    if strange:
        raise SchemaError(
            f"C: the data holds level {strange[0].label!r} ({strange[0].count} rows), which "
            f"levels={list(order)} leaves out; add it or drop these rows"
        )
    reference = order[-1 if contrasts == "sum" else 0] if ref is None else label(ref)
    if reference not in order:
        raise FormulaError(f"C: ref={ref!r} is not a level; the levels are {some(order)}")
    return {"levels": list(order), "reference": reference, "contrasts": contrasts}


def _apply(
    x: Factor | FloatArray,
    contrasts: str = "treatment",
    ref: Any = None,
    levels: Any = None,
    *,
    state: State,
) -> Factor:
    found = as_factor(x)
    factor = recode(bucketed(found, **state["hash"]) if "hash" in state else found, tuple(state["levels"]))
    return replace(factor, reference=state["reference"], contrasts=state["contrasts"])


def _listed(levels: Any) -> tuple[str, ...]:
    order = tuple(map(label, levels)) if isinstance(levels, tuple) else ()
    if len(order) < 1 or len(set(order)) < len(order):
        raise FormulaError(f"C: levels must be a list of distinct levels, found {levels!r}")
    return order


def as_factor(x: Factor | FloatArray) -> Factor:
    """A number per row -> codes of its distinct values in increasing order; a factor stays itself."""
    if isinstance(x, Factor):
        return x
    if not x.size:
        return Factor(np.zeros(0, np.int8), (), label_kind="number")
    low, high = float(x.min()), float(x.max())
    if max(-low, high) >= 2**53:
        raise SchemaError(f"C: {high if high > -low else low!r} is too large to tell apart as a level; cast it to text")
    if high - low < DENSE and np.array_equal(x, np.floor(x)):
        steps = (x - low).astype(np.int32)
        seen = np.bincount(steps) > 0
        codes, values = (np.cumsum(seen, dtype=np.int32) - 1)[steps], low + np.flatnonzero(seen)
    else:
        codes, values = _hashed(x)
    codes = codes.astype(smallest(values.size), copy=False)
    return Factor(codes, tuple(map(label, values.tolist())), label_kind="number")


def _hashed(x: FloatArray) -> tuple[Any, FloatArray]:
    import pyarrow as pa

    coded = pa.array(x + 0.0).dictionary_encode()  # + 0.0: -0.0 and 0.0 are one level
    values = coded.dictionary.to_numpy()
    order = np.argsort(values)
    place = np.empty(values.size, np.int32)
    place[order] = np.arange(values.size, dtype=np.int32)
    return place[coded.indices.to_numpy()], values[order]


def recode(factor: Factor, levels: tuple[str, ...]) -> Factor:
    """The same rows as codes into `levels`; any other level becomes -1 and is told in `unseen`."""
    if factor.levels == levels:
        return factor
    place = {level: code for code, level in enumerate(levels)}
    table = np.array([*(place.get(level, -1) for level in factor.levels), -1], smallest(len(levels)))
    codes = table[factor.codes]
    unseen = _strange(factor, codes) if (table[:-1] < 0).any() else ()
    return Factor(codes, levels, unseen=unseen, label_kind=factor.label_kind)


def _strange(factor: Factor, codes: IntArray) -> tuple[Unseen, ...]:
    """The levels that became -1, in their order."""
    rows = np.flatnonzero((codes < 0) & (factor.codes >= 0))
    which, first, count = np.unique(factor.codes[rows], return_index=True, return_counts=True)
    return tuple(
        Unseen(factor.levels[level], int(rows[k]), int(times))
        for level, k, times in zip(which, first, count, strict=True)
    )


C = Transform("C", _apply, _learn, factors=True, by_value=True)
