"""The terms of a bare matrix: its columns as they are, with or without an intercept."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from expfam._typing import AnyArray, BoolArray
from expfam.data.column import Kind
from expfam.data.entries import FLOATS, check_numbers, labels_or_numbers, numbers
from expfam.data.frame import labels, selected
from expfam.design import Columns, sought
from expfam.errors import ResponseError, SchemaError
from expfam.parallel import ordered_map
from expfam.source import Block, RowSet, Source, Terms, at_kept, check_there, vectors_of, with_gaps
from expfam.target import RawResponse, labels_of

BLOCK = 1 << 20  # numbers that a thread checks at a time


@dataclass(frozen=True, slots=True)
class MatrixTerms(Terms):
    """X (n, p) column by column; the intercept, if any, first.

    `named`: the names are those of the data, so that frames are read by them, in whatever order their columns are.
    """

    columns: tuple[str, ...]
    intercept: bool
    named: bool = False

    @property
    def names(self) -> tuple[str, ...]:
        return ("Intercept", *self.columns) if self.intercept else self.columns

    @property
    def blocks(self) -> tuple[Block, ...]:
        return tuple(
            Block(name, frozenset() if self.intercept and not j else frozenset([name]), slice(j, j + 1))
            for j, name in enumerate(self.names)
        )

    @property
    def references(self) -> Mapping[str, str]:
        return {}

    @property
    def title(self) -> str:
        return f"y ~ {len(self.columns)} columns{'' if self.intercept else ' - 1'}"

    @property
    def asked(self) -> tuple[str, ...]:
        return ()

    def rows(self, source: Source, *, response: bool, missing: str, unseen: str) -> RowSet:
        X = self.matrix(source.data)
        n, kept, columns = X.shape[0], None, self._stored(X)
        vectors, gaps = vectors_of(source, n)
        if response:
            y, absent = _response(source.y, n)
            gaps = gaps if absent is None else {"y": absent, **gaps}
        found = sought(columns, n)
        stored = [term.values for term in found if term.codes is None and term.values is not None]
        if found is not columns and all(map(_all_finite, stored)):
            columns = found  # what is coded is zero or one
        else:
            kept = _complete(X, self.columns, missing)
        kept, dropped = _without(gaps, kept, n, missing)
        columns = columns if kept is None else tuple(part.take(kept) for part in columns)
        raw = _raw(y, kept) if response else None
        left = n if kept is None else int(kept.sum())
        return RowSet(columns, left, "dict", raw, at_kept(vectors, kept), kept, dropped)

    def _stored(self, X: Any) -> tuple[Columns, ...]:
        """The terms of a matrix that is complete."""
        term = Columns(self.columns, sparse=X) if is_sparse(X) else Columns(self.columns, values=X)
        terms = ((Columns(("Intercept",)),) if self.intercept else ()) + ((term,) if self.columns else ())
        if not terms:
            raise SchemaError("X has no columns and intercept=False: there is nothing to fit; give one or the other")
        return terms

    def matrix(self, X: Any) -> Any:
        """X with the columns of the model: by name where both have names, else by position."""
        own = named(X)
        X = matrix(selected(X, self.columns) if self.named and own and own != self.columns else X)
        if X.shape[1] != len(self.columns):
            raise SchemaError(f"X has {X.shape[1]} columns; the model was fitted on {len(self.columns)}")
        return X

    def to_dict(self) -> dict[str, Any]:
        return {"matrix": list(self.columns), "intercept": self.intercept, "named": self.named}


def named(X: Any) -> tuple[str, ...]:
    """The names of the columns of a frame, () where they are numbers or there are none."""
    found = labels(X)
    return tuple(map(str, found)) if all(isinstance(label, str) for label in found) else ()


def matrix(X: Any) -> Any:
    """X as float64 or float32 in any memory order, or as sparse rows of these; without a copy where it is one already.

    Float32 stays float32 (sums are float64 all the same); float16, integers, bools and objects that are numbers become
    float64. A SciPy matrix or array of any format, or a pandas frame of sparse columns that are filled with zeros,
    becomes compressed rows with ascending columns and no column twice; filled with others it is read densely.
    SchemaError for text, complex numbers, dates, and what is no matrix.
    """
    check_there("X", X)
    if not is_sparse(X) and hasattr(X, "sparse"):  # of a pandas frame, where every column is sparse
        X = X.sparse.to_coo() if all(kind.fill_value == 0 for kind in X.dtypes) else X.sparse.to_dense()
    out = _sparse(X) if is_sparse(X) else _dense(X)
    if out.ndim != 2:
        raise SchemaError(f"X has {out.ndim} dimension(s), shape {out.shape}; give a matrix (rows, columns)")
    if out.shape[0] == 0:
        raise SchemaError("X has no rows")
    return out


def is_sparse(X: Any) -> bool:
    """Is it a sparse matrix or array of SciPy?"""
    return hasattr(X, "tocsr")


def _dense(X: Any) -> AnyArray:
    """X as an array of float64 or float32; missing numbers (None, NA, masked) as NaN."""
    try:
        values = X if isinstance(X, np.ma.MaskedArray) else np.asarray(X)
    except ValueError:
        raise SchemaError("X has rows of different lengths; give a matrix (rows, columns)") from None
    return numbers("X", values)[0]


def _sparse(X: Any) -> Any:
    """Compressed rows, ascending columns, no column twice: X itself where it is that, else a copy."""
    check_numbers("X", X.dtype)
    if X.dtype not in FLOATS and X.dtype != bool:  # SciPy adds up duplicate bools to bools
        X = X.astype(np.float64)
    if X.ndim != 2:
        return X
    rows = X.tocsr()
    if not rows.has_canonical_format:
        rows = rows.copy()
        rows.sum_duplicates()
    return rows.astype(np.float64) if rows.dtype == bool else rows


def _complete(X: Any, names: tuple[str, ...], missing: str) -> BoolArray | None:
    """Rows without NaN, None where that is all of them; infinities are refused."""
    values = X.data if is_sparse(X) else X
    if _all_finite(values):
        return None
    for bad in np.argwhere(np.isinf(values)):
        row, column = _place(X, bad)
        raise SchemaError(f"X is {values[tuple(bad)]} in row {row}, column {names[column]!r}; values must be finite")
    absent = np.argwhere(np.isnan(values))
    if missing == "error":
        row, column = _place(X, absent[0])
        raise SchemaError(f"X is missing in row {row}, column {names[column]!r}; fill it, or take missing='drop'")
    kept = np.ones(X.shape[0], dtype=bool)
    kept[np.searchsorted(X.indptr, absent[:, 0], "right") - 1 if is_sparse(X) else absent[:, 0]] = False
    if not kept.any():
        columns = X.indices[absent[:, 0]] if is_sparse(X) else absent[:, 1]
        counts = ", ".join(f"{names[j]} ({k:,})" for j, k in zip(*np.unique(columns, return_counts=True), strict=True))
        raise SchemaError(
            f"no row is left: of {X.shape[0]:,} rows each lacks a value, in {counts}; fill or drop columns"
        )
    return kept


def _place(X: Any, at: AnyArray) -> tuple[int, int]:
    """Row and column of an entry of X, which of a sparse X is numbered among the nonzeros."""
    if is_sparse(X):
        return int(np.searchsorted(X.indptr, at[0], "right")) - 1, int(X.indices[at[0]])
    return int(at[0]), int(at[1])


def _all_finite(values: AnyArray) -> bool:
    """Is no value NaN or infinite? Read once, in memory order, by blocks that threads share."""
    lines = values.T if values.flags.f_contiguous else values
    step = max(BLOCK // max(lines[:1].size, 1), 1)
    blocks = [lines[lo : lo + step] for lo in range(0, len(lines), step)]
    return all(map(_finite, blocks) if len(blocks) == 1 else ordered_map(_finite, blocks))


def _finite(block: AnyArray) -> bool:
    """A sum shows NaN and infinities at the speed of memory; where it overflows, look again."""
    with np.errstate(over="ignore", invalid="ignore"):
        return bool(np.isfinite(block.sum()) or np.isfinite(block).all())


def _without(
    gaps: Mapping[str, BoolArray], kept: BoolArray | None, n: int, missing: str
) -> tuple[BoolArray | None, dict[str, int]]:
    """The rows that X has complete and nothing beside it lacks, None for all; how many X and each of them lacks."""
    none = np.zeros(n, dtype=bool) if kept is None else ~kept
    gone, lacking = with_gaps(none, {} if kept is None else {"X": int(none.sum())}, gaps)
    if gaps and missing == "error":
        name, absent = next(iter(gaps.items()))
        raise SchemaError(f"{name} is missing in row {int(np.argmax(absent))}; fill it, or take missing='drop'")
    if gone.all():
        counts = ", ".join(f"{name} ({count:,})" for name, count in lacking.items())
        raise SchemaError(f"no row is left: of {n:,} rows each lacks a value, in {counts}; fill some")
    return ~gone if lacking else None, lacking


def _response(y: Any, n: int) -> tuple[AnyArray, BoolArray | None]:
    """The response of every row, text, booleans or float64, and which rows lack it."""
    if np.shape(y) != (n,):
        raise ResponseError(f"y has shape {np.shape(y)}; X has {n} rows: give one response a row")
    return labels_or_numbers("y", y, ResponseError)


def _raw(values: AnyArray, kept: BoolArray | None) -> RawResponse:
    rows = None if kept is None else np.flatnonzero(kept)
    values = values if kept is None else values[kept]
    if values.dtype.kind in "USb":
        labels, codes = labels_of(values)
        kind: Kind = "bool" if values.dtype.kind == "b" else "text"
        return RawResponse("y", codes=codes, labels=labels, rows=rows, label_kind=kind)
    return RawResponse("y", numbers=values.astype(np.float64, copy=False), rows=rows)
