"""An answer in the caller's kind of frame: polars in, polars out; a path in, Arrow out."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from expfam._typing import AnyArray


def _pandas(columns: Mapping[str, Any]) -> Any:
    import pandas as pd

    return pd.DataFrame(columns)


def _polars(columns: Mapping[str, Any]) -> Any:
    import polars as pl

    return pl.DataFrame(columns)


def _arrow(columns: Mapping[str, Any]) -> Any:
    import pyarrow as pa

    return pa.table(columns)


def _dict(columns: Mapping[str, Any]) -> dict[str, AnyArray]:
    return {name: np.asarray(values) for name, values in columns.items()}


KINDS: dict[str, Callable[[Mapping[str, Any]], Any]] = {
    "dict": _dict,
    "pandas": _pandas,
    "polars": _polars,
    "arrow": _arrow,
}


def frame_like(kind: str, columns: Mapping[str, Any], rows: Any = None) -> Any:
    """`columns` (arrays or lists of one length; text too) as the frame `kind` names: see Table.kind.

    `rows` is the data that the answer has a row for each row of: pandas aligns by label, so it has their labels.
    """
    answer = KINDS[kind]({name: _plain(values) for name, values in columns.items()})
    index = getattr(rows, "index", None)
    return answer.set_axis(index) if kind == "pandas" and hasattr(index, "equals") else answer


def columns_of(frame: Any) -> dict[str, AnyArray]:
    """The columns of such an answer as arrays: the inverse of `frame_like`."""
    names = getattr(frame, "column_names", None) or list(getattr(frame, "columns", frame))
    return {name: np.asarray(frame[name]) for name in names}


def _plain(values: Any) -> Any:
    """Text as a list: the one form that every kind takes for its own text type."""
    array = np.asarray(values)
    return array.tolist() if array.dtype.kind in "UOT" else array
