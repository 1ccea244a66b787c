"""What a formula function is: learn(x, options) -> state as JSON, apply(x, options, state) -> columns."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from inspect import Parameter, Signature, signature
from typing import Any

from expfam.errors import FormulaError
from expfam.formula.values import State


@cache
def parameters(function: Callable[..., Any]) -> Signature:
    """What a function takes."""
    return signature(function)


def nothing(**_: Any) -> State:
    """The state of a function that treats every row by itself."""
    return {}


def anything(call: str, constants: Mapping[str, Any]) -> None:
    """The check of a function whose constants need not fit each other."""


@dataclass(frozen=True, slots=True)
class Transform:
    """A listed function: `apply(*args, state=learn(*args))`; on new rows the same state is replayed.

    `columns` are the arguments that hold data, all others are constants; `factors`: the data may be text; `by_value`:
    neither function asks how often a value occurs, or in which order: any other `learn` takes `times` (n,), how many
    rows each stands for, None for one; `check` refuses constants that do not fit each other, given by their names.
    """

    name: str
    apply: Callable[..., Any]
    learn: Callable[..., State] = nothing
    columns: tuple[str, ...] = ("x",)
    factors: bool = False
    by_value: bool = False
    check: Callable[[str, Mapping[str, Any]], None] = anything

    @property
    def usage(self) -> str:
        """The call as one writes it: 'poly(x, degree=3, raw=False)'."""
        arguments = [
            name if p.default is Parameter.empty else f"{name}={p.default!r}"
            for name, p in parameters(self.apply).parameters.items()
            if name != "state"
        ]
        return f"{self.name}({', '.join(arguments)})"

    def bind(self, args: Sequence[Any], keywords: Mapping[str, Any]) -> dict[str, Any]:
        """The arguments by name; FormulaError if they do not fit the usage."""
        try:
            bound = parameters(self.apply).bind(*args, **keywords, state=None)
        except TypeError as error:
            raise FormulaError(f"{self.name}: {error}; write {self.usage}") from None
        return {name: value for name, value in bound.arguments.items() if name != "state"}


def whole(call: str, option: str, value: object, least: int) -> int:
    """`value` as a whole number >= least; FormulaError otherwise."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or value != int(value) or value < least:
        raise FormulaError(f"{call}: {option} must be a whole number of at least {least}, found {value!r}")
    return int(value)


def numbers(call: str, option: str, value: object) -> list[float]:
    """A number or list of numbers as a list; FormulaError otherwise."""
    items = value if isinstance(value, tuple) else (value,)
    if not items or not all(isinstance(item, (int, float)) and not isinstance(item, bool) for item in items):
        raise FormulaError(f"{call}: {option} must be a list of numbers such as [1, 2.5], found {value!r}")
    return [float(item) for item in items]


def flag(call: str, option: str, value: object) -> bool:
    """True or False; FormulaError otherwise."""
    if not isinstance(value, bool):
        raise FormulaError(f"{call}: {option} must be True or False, found {value!r}")
    return value
