"""Column names: which are near, which are wanted, which are missing or doubled."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from difflib import get_close_matches
from typing import TypeAlias

from expfam.errors import SchemaError

Wanted: TypeAlias = Iterable[str] | Callable[[tuple[str, ...]], Iterable[str]] | None
"""Columns to read: their names, a function from the names at hand to those wanted, or None for all."""


def some(items: Iterable[str], most: int = 12) -> str:
    """The first few of `items`, quoted, for a message."""
    found = [repr(item) for item in items]
    return ", ".join(found[:most]) + (f", ... ({len(found)} in all)" if len(found) > most else "")


def near(name: str, names: Iterable[str]) -> str:
    """'did you mean ...? ' where something is near."""
    folded = {other.casefold(): other for other in reversed(tuple(names))}
    found = [folded[match] for match in get_close_matches(name.casefold(), folded, n=3)]
    return f"did you mean {some(found)}? " if found else ""


def nearest(name: str, names: Iterable[str], what: str = "columns") -> str:
    """'did you mean ...?' where something is near, then what there is."""
    names = tuple(names)
    hint = near(name, names)
    there = f"{what} at hand: {some(names)}" if names else f"there are no {what}"
    return f"{hint}{there[0].upper()}{there[1:]}" if hint else there


def choose(names: Sequence[object], wanted: Wanted) -> tuple[str, ...]:
    """The names to read, each once, in the order of the data; SchemaError for doubled or missing ones."""
    odd = [name for name in names if not isinstance(name, str)]
    if odd:
        raise SchemaError(f"column name {odd[0]!r} is a {type(odd[0]).__name__}; names must be text: rename the column")
    known = tuple(str(name) for name in names)
    doubled = [name for name, count in Counter(known).items() if count > 1]
    if doubled:
        raise SchemaError(f"column names occur more than once: {some(doubled)}; rename or drop the doubles")
    if wanted is None:
        return known
    asked = frozenset(wanted(known) if callable(wanted) else wanted)
    for name in sorted(asked.difference(known)):
        raise SchemaError(f"the data has no column {name!r}; {nearest(name, known)}")
    return tuple(name for name in known if name in asked)
