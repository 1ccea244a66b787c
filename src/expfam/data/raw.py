"""What a backend hands over: Arrow columns by name, their length, and the caller's kind of frame."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
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


def attempt(convert: Callable[[], Any]) -> Any:
    """The Arrow column, or why there is none."""
    import pyarrow as pa

    try:
        return convert()
    except (pa.ArrowException, TypeError, ValueError, OverflowError) as error:
        reason = str(error).strip().splitlines()
        return Unreadable(f"{reason[0] if reason else type(error).__name__}; make it all numbers or all text")
