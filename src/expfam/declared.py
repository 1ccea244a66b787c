"""Does every field of a dataclass hold what its annotation declares? Asked of what was read from a file."""

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from functools import cache
from types import NoneType, UnionType
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

import numpy as np

T = TypeVar("T")

FLOATS = np.dtype[np.float64]


def declared(found: T, place: str = "") -> T:
    """A dataclass as it is; ValueError with the place of the first field, its own or of one inside, that is none.

    Numbers may be NaN, which stands for one that is not known; a whole number by itself is a count, from 0 on.
    """
    kind: Any = type(found)
    hints = _hints(kind)
    for part in fields(found):  # type: ignore[arg-type]
        where = f"{place}.{part.name}" if place else part.name
        _check(getattr(found, part.name), hints[part.name], where)
    return found


def finite(plain: Any, place: str = "") -> None:
    """ValueError with the place of the first number in JSON that no float is."""
    if isinstance(plain, float | int):
        if not abs(plain) <= np.finfo(float).max:
            raise ValueError(f"{place}: {plain!r:.40} is beyond all numbers that are written")
    elif isinstance(plain, Mapping):
        for name, value in plain.items():
            finite(value, f"{place}.{name}" if place else name)
    elif isinstance(plain, list):
        for value in plain:
            finite(value, place)


@cache
def _hints(kind: type) -> Mapping[str, Any]:
    return get_type_hints(kind)


def _check(found: Any, hint: Any, place: str) -> None:
    """ValueError unless a value is one of what is declared; what has other forms than these is left to its maker."""
    origin, inner = get_origin(hint), get_args(hint)
    if origin in (Union, UnionType):
        _check_some(found, hint, place)
    elif origin is tuple:
        _same(found, hint, place, isinstance(found, tuple) and (... in inner or len(found) == len(inner)))
        for value, part in zip(found, inner[:1] * len(found) if ... in inner else inner, strict=True):
            _same(value, hint, place, _is_whole(value)) if part is int else _check(value, part, place)
    elif isinstance(origin, type) and issubclass(origin, Mapping):
        _same(found, hint, place, isinstance(found, Mapping))
        for name, value in found.items():
            _check(value, inner[1], f"{place}.{name}")
    elif origin is Literal:
        _same(found, hint, place, found in inner)
    elif origin is np.ndarray:
        _same(found, hint, place, isinstance(found, np.ndarray) and (inner[1] != FLOATS or found.dtype.kind == "f"))
    elif hint is float or hint is int:
        whole = _is_whole(found)
        _same(found, hint, place, (whole and found >= 0) if hint is int else whole or isinstance(found, float))
    elif isinstance(hint, type) and hint is not Any and not getattr(hint, "_is_protocol", False):
        _same(found, hint, place, isinstance(found, hint))
        if is_dataclass(found):
            declared(found, place)


def _check_some(found: Any, hint: Any, place: str) -> None:
    """The one of several that it is, None or not; where none is plainly it, the first one's error."""
    told = []
    for part in get_args(hint):
        try:
            return _check(found, part, place)
        except ValueError as error:
            told.append((part is NoneType, error))
    raise min(told, key=lambda one: one[0])[1]


def _is_whole(found: Any) -> bool:
    return isinstance(found, int | np.integer) and not isinstance(found, bool)


def _same(found: Any, hint: Any, place: str, same: bool) -> None:
    if not same:
        wanted = hint.__name__ if isinstance(hint, type) and not get_args(hint) else hint
        raise ValueError(f"{place}: {type(found).__name__} {found!r:.40}, where {wanted} belongs")
