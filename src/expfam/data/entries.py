"""Arrays as handed in: which of their entries are missing, and the others as numbers, text or booleans."""

from decimal import Decimal
from numbers import Real
from types import NoneType
from typing import Any

import numpy as np

from expfam._typing import AnyArray, BoolArray
from expfam.data.raw import mixed
from expfam.errors import ExpfamError, SchemaError

FLOATS = (np.dtype(np.float64), np.dtype(np.float32))
"""What is taken as it is."""
TEXT = "which is no number; give numbers, .astype(float) of numerals. Predictors that are text suit glm(formula, frame)"
REFUSED = {
    "c": "complex numbers; give their real and imaginary parts by themselves",
    "U": f"text, {TEXT}",
    "S": f"text, {TEXT}",
    "M": "dates; give numbers, such as the days since the first",
    "m": "durations; give numbers, such as days",
    "O": "Python objects; give numbers, .astype(float)",
}
NOTHING = ("NoneType", "NAType", "NaTType")
"""Types whose values say that there is none, those of pandas by name, without importing it."""


def array(values: Any) -> AnyArray:
    """An array without a copy where it is one; masked where a mask, or the nulls of a column, say so."""
    if isinstance(values, np.ma.MaskedArray):
        return values
    found = np.asarray(values)
    ask = getattr(values, "isna", getattr(values, "is_null", None))  # of pandas; of polars and Arrow
    absent = np.zeros((), dtype=bool) if ask is None else np.asarray(ask())
    return np.ma.masked_array(found, absent) if absent.any() else found


def entries(values: Any) -> tuple[AnyArray, BoolArray | None]:
    """The entries without a mask, and which of them are missing, None where none is.

    Missing are masked entries; None, NaN, NA and NaT among Python objects, where None then stands for each; NaT among
    dates. A NaN among numbers is an entry.
    """
    found = np.asarray(values)
    absent: BoolArray = np.ma.getmaskarray(values) if np.ma.is_masked(values) else np.zeros((), dtype=bool)
    if found.dtype.kind == "T":  # text of any length, among which NumPy may hold None
        found = found.astype(object)
    if found.dtype.kind == "O":
        absent = absent | _nothing(found)
        found = found.copy()
        found[absent] = None
    elif found.dtype.kind in "mM":
        absent = absent | np.isnat(found)
    return found, absent if absent.any() else None


def numbers(name: str, values: Any, error: type[ExpfamError] = SchemaError) -> tuple[AnyArray, BoolArray | None]:
    """The entries as float64 or float32, NaN where they are missing, and which are; `error` for what is no number.

    Bools, integers, float16 and objects that are numbers become float64.
    """
    found, absent = entries(values)
    found = _of_objects(name, found, error) if found.dtype.kind == "O" else found
    check_numbers(name, found.dtype, error)
    found = found if found.dtype in FLOATS else found.astype(np.float64)
    return (found if absent is None else np.where(absent, np.nan, found)), absent


def labels_or_numbers(
    name: str, values: Any, error: type[ExpfamError] = SchemaError
) -> tuple[AnyArray, BoolArray | None]:
    """Text and booleans as they are, objects that all are text or booleans as these; else `numbers`."""
    found, absent = entries(values)
    if found.dtype.kind == "O":
        kinds = set(map(type, found.flat)) - {NoneType}
        for those, plain in (((str, bytes), np.str_), ((bool, np.bool_), np.bool_)):
            if kinds and all(issubclass(kind, those) for kind in kinds):
                return found.astype(plain), absent
        if both := mixed(found.flat):
            raise error(f"{name} is no column of one kind: {both}; make it all numbers or all text")
    return (found, absent) if found.dtype.kind in "USb" else numbers(name, values, error)


def check_numbers(name: str, dtype: Any, error: type[ExpfamError] = SchemaError) -> None:
    """Bools, integers and real numbers pass."""
    if dtype.kind not in "biuf":
        raise error(f"{name} holds {REFUSED.get(dtype.kind, f'values of type {dtype}; give numbers')}")


def _nothing(found: AnyArray) -> BoolArray:
    """Which Python objects say that there is no value."""
    kinds = set(map(type, found.flat))
    absent = {kind for kind in kinds if kind.__name__ in NOTHING}
    floats = {kind for kind in kinds if issubclass(kind, float | np.floating | Decimal)}
    if not absent and not floats:
        return np.zeros(found.shape, dtype=bool)
    each = (type(v) in absent or (type(v) in floats and v != v) for v in found.flat)
    return np.fromiter(each, bool, found.size).reshape(found.shape)


def _of_objects(name: str, found: AnyArray, error: type[ExpfamError]) -> AnyArray:
    """Python objects as numbers, None as NaN; text that looks like a number is text."""
    wrong = {k for k in set(map(type, found.flat)) if not issubclass(k, Real | Decimal | np.bool_ | NoneType)}
    for at, value in np.ndenumerate(found) if wrong else ():
        if type(value) in wrong:
            place = ", ".join(f"{what} {k}" for what, k in zip(("row", "column"), at, strict=False))
            raise error(f"{name} holds {value!r} in {place}, {TEXT}")
    return found.astype(np.float64)
