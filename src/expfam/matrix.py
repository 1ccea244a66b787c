"""The terms of a bare matrix: its columns as they are, with or without an intercept."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from expfam._typing import BoolArray, FloatArray
from expfam.design import Columns
from expfam.errors import ResponseError, SchemaError
from expfam.source import RowSet, Source, Terms, vectors_at
from expfam.target import RawResponse, labels_of


@dataclass(frozen=True, slots=True)
class MatrixTerms(Terms):
    """X (n, p) column by column; the intercept, if any, first."""

    columns: tuple[str, ...]
    intercept: bool

    @property
    def names(self) -> tuple[str, ...]:
        return ("Intercept", *self.columns) if self.intercept else self.columns

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
        X = matrix(source.data)
        if X.shape[1] != len(self.columns):
            raise SchemaError(f"X has {X.shape[1]} columns; the model was fitted on {len(self.columns)}")
        kept = _complete(X, self.columns, missing)
        kept_X = X if kept is None else X[kept]
        columns = (Columns(self.columns, values=kept_X),) if self.columns else ()
        if self.intercept:
            columns = (Columns(("Intercept",)), *columns)
        raw = _response(source.y, len(X), kept) if response else None
        dropped = {} if kept is None else {"X": int((~kept).sum())}
        return RowSet(columns, len(kept_X), "dict", raw, vectors_at(source, len(X), kept), kept, dropped)

    def to_dict(self) -> dict[str, Any]:
        return {"matrix": list(self.columns), "intercept": self.intercept}


def matrix(X: Any) -> FloatArray:
    """X as a float64 matrix, without a copy where it is one already."""
    if hasattr(X, "tocsr"):
        raise SchemaError("X is a sparse matrix; give X.toarray() if it fits in memory")
    try:
        out = np.asarray(X, dtype=np.float64)
    except (TypeError, ValueError):
        raise SchemaError(
            "X holds something that is no number; use glm(formula, frame) for text columns, or encode them first"
        ) from None
    if out.ndim != 2:
        raise SchemaError(f"X has {out.ndim} dimension(s), shape {out.shape}; give a matrix (rows, columns)")
    if len(out) == 0:
        raise SchemaError("X has no rows")
    return out


def _complete(X: FloatArray, names: tuple[str, ...], missing: str) -> BoolArray | None:
    """Rows without NaN, None where that is all of them; infinities are refused."""
    with np.errstate(over="ignore", invalid="ignore"):
        if np.isfinite(X.sum()):
            return None
    if np.isinf(X).any():
        row, column = np.argwhere(np.isinf(X))[0]
        raise SchemaError(f"X is {X[row, column]} in row {row}, column {names[column]!r}; values must be finite")
    bad = np.isnan(X)
    if bad.any() and missing == "error":
        row, column = np.argwhere(bad)[0]
        raise SchemaError(f"X is missing in row {row}, column {names[column]!r}; fill it, or take missing='drop'")
    if bad.all(axis=0).any() or bad.any(axis=1).all():
        raise SchemaError("no row is left after dropping rows with missing values")
    return np.asarray(~bad.any(axis=1)) if bad.any() else None


def _response(y: Any, n: int, kept: BoolArray | None) -> RawResponse:
    values, rows = np.asarray(y), None if kept is None else np.flatnonzero(kept)
    if values.shape != (n,):
        raise ResponseError(f"y has shape {values.shape}; X has {n} rows: give one response a row")
    if kept is not None:
        values = values[kept]
    if values.dtype.kind == "O":
        try:
            values = values.astype(np.float64)
        except (TypeError, ValueError):
            values = values.astype(str)
    if values.dtype.kind in "USb":
        labels, codes = labels_of(values)
        return RawResponse("y", codes=codes, labels=labels, rows=rows)
    return RawResponse("y", numbers=values.astype(np.float64, copy=False), rows=rows)
