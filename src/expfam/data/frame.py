"""A data frame: pandas, polars, Arrow, and what else narwhals reads or the Arrow stream protocol gives."""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from expfam.data.arrays import in_order
from expfam.data.names import Wanted, choose
from expfam.data.raw import Raw, attempt
from expfam.data.share import each

FLOATS = (np.dtype(np.float64), np.dtype(np.float32))
"""Numbers that hold NaN where none is there."""
LABELS = ("string", "integer", "floating", "boolean")
"""What the categories of pandas may be, all of one kind, for Arrow to take them as they are."""
GLANCE = 10
"""Of so many rows a column is taken over in the time in which others work on one."""


def accepts(data: Any) -> bool:
    """Is it a frame, eager or lazy?"""
    import narwhals as nw

    if hasattr(data, "__arrow_c_stream__") or hasattr(data, "__arrow_c_array__"):
        return not hasattr(data, "name") or hasattr(data, "columns")
    found = nw.from_native(data, pass_through=True)
    return isinstance(found, (nw.DataFrame, nw.LazyFrame))


def read(data: Any, wanted: Wanted) -> Raw:
    """The wanted columns as Arrow arrays; a lazy frame is collected with these columns only."""
    import narwhals as nw
    import pyarrow as pa

    if isinstance(data, pa.Table):  # nothing to convert, and a stream brings many
        names = choose(data.column_names, wanted)
        return Raw({name: data.column(name) for name in names}, data.num_rows, "arrow")
    if nw.dependencies.is_pandas_dataframe(data):
        return _raw(partial(_of_pandas, data), choose(labels(data), wanted), len(data), "pandas")
    choose(labels(data), None)
    native = nw.from_native(data, pass_through=True)
    if not isinstance(native, (nw.DataFrame, nw.LazyFrame)):
        native = nw.from_native(_arrow_table(data))
    names = choose(native.collect_schema().names() if isinstance(native, nw.LazyFrame) else native.columns, wanted)
    eager = native.select(names).collect() if isinstance(native, nw.LazyFrame) else native
    kind = "polars" if native.implementation.value == "polars" else "arrow"
    return _raw(partial(_column, eager), names, len(eager), kind)


def _raw(column: Callable[[str], Any], names: tuple[str, ...], n: int, kind: str) -> Raw:
    return Raw(dict(zip(names, each(column, names, n // GLANCE), strict=True)), n, kind)


def selected(data: Any, names: tuple[str, ...]) -> Any:
    """An eager frame with these columns only, in this order; SchemaError for doubled or missing ones."""
    import narwhals as nw

    choose(labels(data), names)
    return nw.from_native(data, eager_only=True).select(names).to_native()


def _column(frame: Any, name: str) -> Any:
    column = frame.get_column(name)
    return attempt(column.to_arrow, column)


def _of_pandas(frame: Any, name: str) -> Any:
    """The same, without asking every value whether it is missing where a type, a sum or the least code tells that none
    is."""
    import narwhals as nw

    series = frame[name]
    if isinstance(series.dtype, np.dtype):  # asked first: categories compare by all they are printed as
        series = in_order(series)
    elif series.dtype.name.startswith("Sparse"):
        series = series.sparse.to_dense()
    quick = attempt(partial(_quickly, series), series)
    return _column(nw.from_native(series.to_frame()), name) if quick is None else quick


def _quickly(series: Any) -> Any:
    """The Arrow array of a Series that lacks no value, None where more than a glance would tell."""
    import pyarrow as pa

    if isinstance(series.dtype, np.dtype):
        values = series.to_numpy()
        with np.errstate(over="ignore", invalid="ignore"):
            if series.dtype.kind in "iu" or (series.dtype in FLOATS and not np.isnan(values.sum())):
                return pa.array(values)
    elif series.dtype.name == "category":
        found = series.array
        if len(found) and found.codes.min() >= 0 and found.categories.inferred_type in LABELS:
            levels = pa.array(found.categories)
            return pa.DictionaryArray.from_arrays(found.codes, levels, ordered=found.ordered, safe=False)  # all within
    return None


def labels(data: Any) -> tuple[object, ...]:
    """Column labels as an eager frame itself has them, () for other data: narwhals stumbles over doubled ones."""
    if isinstance(data, np.ndarray) or hasattr(data, "collect"):
        return ()
    return tuple(data.column_names if hasattr(data, "column_names") else getattr(data, "columns", ()))


def _arrow_table(data: Any) -> Any:
    import pyarrow as pa

    return pa.table(data)
