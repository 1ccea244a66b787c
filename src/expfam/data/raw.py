"""What a backend hands over: Arrow columns by name, their length, and the caller's kind of frame."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from math import isnan
from typing import Any


@dataclass(frozen=True, slots=True)
class Unreadable:
    """Stands for a column Arrow cannot hold: an error only if the model asks for it."""

    reason: str


@dataclass(frozen=True, slots=True)
class Raw:
    """Columns as Arrow arrays (or Unreadable), all of length n; kind is dict, pandas, polars or arrow."""

    columns: Mapping[str, Any]
    n: int
    kind: str


def attempt(convert: Callable[[], Any], values: Iterable[object]) -> Any:
    """The Arrow column of some values, or why there is none."""
    import pyarrow as pa

    try:
        return convert()
    except (pa.ArrowException, TypeError, ValueError, OverflowError) as error:
        both, reason = mixed(values), str(error).strip().splitlines()
        if both:
            return Unreadable(f"{both}; make it all numbers or all text")
        return Unreadable(f"{reason[0] if reason else type(error).__name__}; cast it to float64, or to text")


def mixed(values: Iterable[object]) -> str:
    """Text beside something else: the first of each, and where; "" where there is no such pair."""
    first: dict[bool, str] = {}
    for i, value in enumerate(values):
        missing = value is None or (isinstance(value, float) and isnan(value))
        if not missing:
            first.setdefault(isinstance(value, str), f"{value!r} (row {i})")
        if len(first) > 1:
            return f"it holds {first[True]} beside {first[False]}"
    return ""
