"""Arrow array -> Column: float64 numbers, or int32 codes of labels sorted by codepoint."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np

from expfam._typing import BoolArray, FloatArray, IntArray
from expfam.errors import SchemaError

Kind: TypeAlias = Literal["number", "text", "bool"]


@dataclass(frozen=True, slots=True, eq=False)
class Column:
    """One column: `values` (n,) of a number, or `codes` (n,) into `labels` of text or bool.

    `null` (n,) marks the rows the backend calls missing, None where there are none; there `values` is NaN and
    `codes` -1. A NaN that is not null stays a value: whoever reads the column decides what it means.
    """

    name: str
    kind: Kind
    values: FloatArray | None = None
    codes: IntArray | None = None
    labels: tuple[str, ...] = ()
    null: BoolArray | None = None


def label(value: object) -> str:
    """4.0 -> '4', 4.5 -> '4.5', anything else as text: one level has one name, whatever type held it."""
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return str(int(value))
    return str(value)


def compact(array: Any) -> Any:
    """Text as an Arrow dictionary, so that it is hashed once however often it is read; the rest as it is."""
    import pyarrow as pa
    import pyarrow.types as is_

    if is_.is_string_view(array.type):
        array = array.cast(pa.large_string())
    return array.dictionary_encode() if is_.is_string(array.type) or is_.is_large_string(array.type) else array


def kind_of(name: str, kind: Any) -> Kind:
    """What an Arrow type is to a model; SchemaError for dates, lists and all that has no coding."""
    import pyarrow.types as is_

    if is_.is_dictionary(kind):
        kind_of(name, kind.value_type)
        return "text"
    for answer, tests in _kinds().items():
        if any(test(kind) for test in tests):
            return answer
    if is_.is_temporal(kind):
        remedy = "turn it into a number (days since a date, the year) or text (the month) first"
    elif is_.is_nested(kind):
        remedy = "give each of its entries a column of its own"
    else:
        remedy = "cast it to one of these first"
    raise SchemaError(
        f"column {name!r} is of type {kind}; a model reads numbers, text, categories and booleans: {remedy}"
    )


def _kinds() -> dict[Kind, tuple[Callable[[Any], bool], ...]]:
    import pyarrow.types as is_

    return {
        "number": (is_.is_integer, is_.is_floating, is_.is_decimal, is_.is_null),
        "text": (is_.is_string, is_.is_large_string, is_.is_string_view),
        "bool": (is_.is_boolean,),
    }


def missing(name: str, array: Any, nan_too: bool) -> BoolArray | None:
    """Rows (n,) that are null, or also NaN; None if there are none."""
    import pyarrow.types as is_

    if is_.is_dictionary(array.type):
        return decode(name, array).null
    gone = np.asarray(array.is_null(nan_is_null=nan_too)) if array.null_count or nan_too else None
    return gone if gone is not None and gone.any() else None


def decode(name: str, array: Any) -> Column:
    """The Column of a pyarrow array, of any type that kind_of knows."""
    import pyarrow as pa

    kind = kind_of(name, array.type)
    array = _one_chunk(compact(array))
    if kind == "number":
        null = np.asarray(array.is_null()) if array.null_count else None
        values = array if pa.types.is_float64(array.type) else array.cast(pa.float64(), safe=False)
        return Column(name, kind, values=values.to_numpy(zero_copy_only=False), null=null)
    if kind == "bool":
        return _coded(name, kind, _integers(array), ["False", "True"])
    return _coded(name, kind, _integers(array.indices), array.dictionary.to_pylist())


def _integers(array: Any) -> IntArray:
    """int32 with -1 for null, read from the buffer: Arrow's own `fill_null` makes a scalar, which imports pandas."""
    import pyarrow as pa

    array = array.cast(pa.int32())
    values = np.frombuffer(array.buffers()[1], np.int32, len(array) + array.offset)[array.offset :]
    return np.where(np.asarray(array.is_valid()), values, np.int32(-1)) if array.null_count else values


def _one_chunk(array: Any) -> Any:
    import pyarrow as pa

    if not isinstance(array, pa.ChunkedArray):
        return array
    if pa.types.is_dictionary(array.type):
        array = array.unify_dictionaries()
    if array.num_chunks == 1:
        return array.chunk(0)
    return pa.concat_arrays(array.chunks) if array.num_chunks else pa.array([], array.type)


def _coded(name: str, kind: Kind, codes: IntArray, values: list[Any]) -> Column:
    """Codes into the sorted labels that occur: the backend's order and unused categories are left behind."""
    seen = np.zeros(len(values) + 1, bool)
    seen[codes] = True  # -1, a null, lands behind the last value
    used = [value for value, there in zip(values, seen[:-1], strict=True) if there and value is not None]
    labels = tuple(dict.fromkeys(map(label, sorted(used))))
    place = {text: code for code, text in enumerate(labels)}
    table = np.array([*(place.get(label(v), -1) if v is not None else -1 for v in values), -1], np.int32)
    if not np.array_equal(table[:-1], np.arange(len(values))):
        codes = table[codes]
    null = codes < 0 if (seen & (table < 0)).any() else None
    return Column(name, kind, codes=codes, labels=labels, null=null)
