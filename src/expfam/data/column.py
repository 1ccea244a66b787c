"""Arrow array -> Column: float64 numbers, or codes of labels sorted by codepoint, in as few bytes as hold them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeAlias

import numpy as np

from expfam._typing import AnyArray, BoolArray, FloatArray, IntArray
from expfam.errors import SchemaError

Kind: TypeAlias = Literal["number", "text", "bool"]

ASKED = 1 << 15
"""Rows asked at once for the codes they hold."""


@dataclass(frozen=True, slots=True, eq=False)
class Column:
    """One column: `values` (n,) of a number, or `codes` (n,) into `labels` of text or bool.

    `null` (n,) marks the rows the backend calls missing, None where there are none; there `values` is NaN and
    `codes` -1. A NaN that is not null stays a value: whoever reads the column decides what it means. `label_kind` is
    what the labels were: a category may be a number. `reference` is the label that C(y, ref=...) names of a response.
    """

    name: str
    kind: Kind
    values: FloatArray | None = None
    codes: IntArray | None = None
    labels: tuple[str, ...] = ()
    null: BoolArray | None = None
    label_kind: Kind = "text"
    reference: str | None = None


def label(value: object) -> str:
    """4.0 -> '4', 4.5 -> '4.5', anything else as text: one level has one name, whatever type held it."""
    if isinstance(value, float | np.floating) and value.is_integer() and abs(float(value)) < 2**53:
        return str(int(value))
    return str(value)


def valued(labels: Sequence[str], kind: Kind) -> AnyArray:
    """The inverse of `label`, (k,): whole numbers as int64, others as float64, booleans as bool, text as objects."""
    if kind == "bool":
        return np.array([{"False": False, "True": True}[text] for text in labels])
    if kind == "text":
        return np.array(labels, dtype=object)
    try:
        return np.array(list(map(int, labels)))
    except ValueError:
        return np.array(list(map(float, labels)))


def smallest(levels: int) -> np.dtype[np.signedinteger[Any]]:
    """The smallest integers that hold the codes -1, 0, ..., levels - 1."""
    return np.min_scalar_type(-max(levels, 1))


def compact(array: Any) -> Any:
    """One piece; text as an Arrow dictionary, so that it is hashed once however often it is read; the rest as it is."""
    import pyarrow as pa
    import pyarrow.types as is_

    if is_.is_string_view(array.type):
        array = array.cast(pa.large_string())
    text = is_.is_string(array.type) or is_.is_large_string(array.type)
    return _one_chunk(array.dictionary_encode() if text else array)


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


def nulls(kind: Kind, n: int) -> Any:
    """A compact Arrow array of this kind without a single value, (n,)."""
    import pyarrow as pa

    types = {"number": pa.float64, "text": pa.string, "bool": pa.bool_}
    return compact(pa.nulls(n, types[kind]()))


def missing(name: str, array: Any, nan_too: bool) -> BoolArray | None:
    """Rows (n,) that are null, or also NaN; None if there are none."""
    import pyarrow.types as is_

    if is_.is_dictionary(array.type):
        return decode(name, array).null if array.null_count or array.dictionary.null_count else None
    if array.null_count or (nan_too and is_.is_floating(array.type) and np.isnan(np.from_dlpack(array)).any()):
        return np.asarray(array.is_null(nan_is_null=nan_too))
    return None


def decode(name: str, array: Any) -> Column:
    """The Column of a compact pyarrow array, of any type that kind_of knows."""
    import pyarrow as pa

    kind = kind_of(name, array.type)
    if kind == "number":
        if not array.null_count and (pa.types.is_integer(array.type) or pa.types.is_floating(array.type)):
            values: AnyArray = np.from_dlpack(array)  # NumPy casts faster than Arrow
            return Column(name, kind, values=values.astype(np.float64, copy=False))
        floats = array.cast(pa.float64(), safe=False)
        null = np.asarray(array.is_null()) if array.null_count else None
        return Column(name, kind, values=floats.to_numpy(zero_copy_only=False), null=null)
    if kind == "bool":
        return replace(_coded(name, kind, array.cast(pa.int8()), ["False", "True"]), label_kind=kind)
    found = _coded(name, kind, array.indices, _texts(name, array.dictionary))
    return replace(found, label_kind=kind_of(name, array.type.value_type))


def _texts(name: str, labels: Any) -> list[Any]:
    """Labels as Python has them."""
    try:
        return list(labels.to_pylist())
    except UnicodeDecodeError as error:
        raise SchemaError(
            f"column {name!r} holds text that is not UTF-8, the bytes {error.object[:30]!r}; decode it with the "
            "encoding that it is in, or write it anew"
        ) from None


def _integers(array: Any) -> AnyArray:
    """The integers as they lie, -1 for nulls. Arrow's own `fill_null` makes a scalar, which imports pandas."""
    import pyarrow as pa

    if not array.null_count:
        return np.from_dlpack(array)
    array = array.cast(pa.int32())
    values = np.frombuffer(array.buffers()[1], np.int32, len(array) + array.offset)[array.offset :]
    return np.where(np.asarray(array.is_valid()), values, np.int32(-1))


def _one_chunk(array: Any) -> Any:
    import pyarrow as pa

    if not isinstance(array, pa.ChunkedArray):
        return array
    if pa.types.is_dictionary(array.type):
        array = array.unify_dictionaries()
    if array.num_chunks == 1:
        return array.chunk(0)
    return pa.concat_arrays(array.chunks) if array.num_chunks else pa.array([], array.type)


def occurring(codes: AnyArray, count: int, lowest: int = 0) -> BoolArray:
    """Which of lowest, ..., lowest + count - 1 occur, (count,)? Only as many rows are asked as it takes to see all."""
    seen = np.zeros(count, bool)
    for start in range(0, codes.size, ASKED):
        if not seen.all():
            seen[np.subtract(codes[start : start + ASKED], lowest, dtype=np.intp)] = True
    return seen


def _coded(name: str, kind: Kind, array: Any, values: list[Any]) -> Column:
    """Codes into the sorted labels that occur: the backend's order and unused categories are left behind."""
    codes, nulls = _integers(array), array.null_count > 0
    seen = occurring(codes, len(values) + nulls)  # -1, a null, lands behind the last value
    used = [value for value, there in zip(values, seen, strict=False) if there and value is not None]
    labels = tuple(dict.fromkeys(map(label, sorted(used))))
    place = {text: code for code, text in enumerate(labels)}
    table = np.array([*(place.get(label(v), -1) if v is not None else -1 for v in values), -1], smallest(len(labels)))
    same = np.array_equal(table[:-1], np.arange(len(values)))
    codes = codes.astype(table.dtype, copy=False) if same else table[codes]
    missing = nulls or (seen & (table[:-1] < 0)).any()
    return Column(name, kind, codes=codes, labels=labels, null=codes < 0 if missing else None)
