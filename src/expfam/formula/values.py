"""What an expression is worth on a table: numbers, or a factor."""

from dataclasses import dataclass
from typing import Any, TypeAlias

from expfam._typing import FloatArray, IntArray
from expfam.data.column import Kind


@dataclass(frozen=True, slots=True, eq=False)
class Unseen:
    """A level that the model never saw: its label, the first row that holds it, how many rows do."""

    label: str
    row: int
    count: int


@dataclass(frozen=True, slots=True, eq=False)
class Factor:
    """`codes` (n,) into `levels`, -1 where the level is missing or unseen; how contrasts are to code it.

    `label_kind` is what the levels were; arithmetic may read booleans as 0 and 1.
    """

    codes: IntArray
    levels: tuple[str, ...]
    reference: str | None = None
    contrasts: str = "treatment"
    unseen: tuple[Unseen, ...] = ()
    label_kind: Kind = "text"


State: TypeAlias = dict[str, Any]
"""What a transform learned, as JSON: numbers, text and lists of them."""

Value: TypeAlias = FloatArray | Factor | float | int | str | bool | tuple[Any, ...] | None
