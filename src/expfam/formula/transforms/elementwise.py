"""Functions of one row at a time: nothing to learn, nothing to replay."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from expfam.errors import FormulaError
from expfam.formula.transforms._transform import Transform
from expfam.formula.values import State


def _of_one(name: str, function: Callable[[Any], Any]) -> Transform:
    def apply(x: Any, *, state: State) -> Any:
        return function(x)

    return Transform(name, apply, by_value=True)


def _clip(x: Any, lo: Any, hi: Any, *, state: State) -> Any:
    return np.clip(x, lo, hi)


def _ordered(call: str, constants: Mapping[str, Any]) -> None:
    """Where lo lies above hi every row would be hi."""
    ends = [value for name in ("lo", "hi") if isinstance(value := constants.get(name), (int, float))]
    if sorted(ends) != ends:
        lo, hi = ends
        raise FormulaError(f"{call}: lo={lo!r} lies above hi={hi!r}, so that every row would be {hi!r}; swap them")


_FUNCTIONS: dict[str, Callable[[Any], Any]] = {
    "log": np.log,
    "log2": np.log2,
    "log10": np.log10,
    "log1p": np.log1p,
    "exp": np.exp,
    "expm1": np.expm1,
    "sqrt": np.sqrt,
    "abs": np.abs,
    "I": lambda x: x,
}

ELEMENTWISE = (
    *(_of_one(name, function) for name, function in _FUNCTIONS.items()),
    Transform("clip", _clip, columns=("x", "lo", "hi"), by_value=True, check=_ordered),
)
