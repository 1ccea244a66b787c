"""A dict of arrays, lists or series."""

from collections.abc import Mapping, Set
from functools import partial
from typing import Any

import numpy as np

from expfam.data.names import Wanted, choose
from expfam.data.raw import Raw, attempt
from expfam.errors import SchemaError


def accepts(data: Any) -> bool:
    """Is it a mapping from names to columns?"""
    return isinstance(data, Mapping)


def read(data: Mapping[Any, Any], wanted: Wanted) -> Raw:
    """Each entry as a column; all must be one-dimensional and of one length."""
    names = choose(tuple(data), wanted)
    lengths = {name: _length(name, data[name]) for name in data}
    if len(set(lengths.values())) > 1:
        told = ", ".join(f"{name!r}: {n}" for name, n in list(lengths.items())[:12])
        raise SchemaError(f"the columns have unequal lengths ({told}); give every column one entry a row")
    columns = {name: attempt(partial(_arrow, data[name]), data[name]) for name in names}
    return Raw(columns, next(iter(lengths.values()), 0), "dict")


def _length(name: str, values: Any) -> int:
    shape = getattr(values, "shape", None)
    if isinstance(values, (str, bytes)) or shape == () or not hasattr(values, "__len__"):
        raise SchemaError(f"column {name!r} is the single value {values!r}; give one entry a row")
    if isinstance(values, (Mapping, Set)):
        raise SchemaError(
            f"column {name!r} is a {type(values).__name__}, whose entries are not numbered by rows; give a list of "
            "them in the order of the rows, of pandas' to_dict() that of to_dict('list')"
        )
    if shape is not None and len(shape) > 1:
        raise SchemaError(
            f"column {name!r} has shape {tuple(shape)}; give each of its columns an entry of its own, "
            "or the matrix to glm_arrays"
        )
    return len(values)


def in_order(values: Any) -> Any:
    """An array, or a pandas Series, of numbers whose bytes are in the order of this machine."""
    return values if values.dtype.isnative else values.astype(values.dtype.newbyteorder("="))


def _arrow(values: Any) -> Any:
    """NumPy's NaN stays a NaN; None, and pandas' NaN and NA, become nulls."""
    import pyarrow as pa

    if isinstance(values, (pa.Array, pa.ChunkedArray)):
        return values
    if isinstance(values, np.ndarray):
        if values.dtype.kind == "O":
            return pa.array(values, from_pandas=True)
        return pa.array(in_order(values), from_pandas=False)
    if hasattr(values, "to_arrow"):
        return values.to_arrow()
    return pa.array(values)
