"""Which interval (b_{j-1}, b_j] holds x? The first and the last are open, so every number has one."""

from itertools import pairwise

import numpy as np

from expfam._typing import FloatArray
from expfam.data.column import smallest
from expfam.errors import FormulaError
from expfam.formula.transforms._transform import Transform, numbers, whole
from expfam.formula.values import Factor, State


def _learn(x: FloatArray, breaks: int | tuple[float, ...]) -> State:
    """The inner breaks: those given, or the ones between `breaks` equal intervals of the data's range."""
    if not isinstance(breaks, tuple):
        count = whole("cut", "breaks", breaks, 2)
        points = np.linspace(x.min(), x.max(), count + 1)[1:-1].tolist()
    else:
        points = numbers("cut", "breaks", breaks)
    if any(not low < high for low, high in pairwise(points)):
        raise FormulaError(f"cut: breaks must increase strictly, found {points}; sort them and drop doubles")
    return {"breaks": points}


def _levels(points: list[float]) -> tuple[str, ...]:
    shown = [format(point, "g") for point in points]
    if len(set(shown)) < len(shown):
        shown = [repr(point) for point in points]
    return tuple(f"({low}, {high}]" for low, high in pairwise(["-inf", *shown, "inf"]))


def _apply(x: FloatArray, breaks: int | tuple[float, ...], *, state: State) -> Factor:
    codes = np.searchsorted(np.array(state["breaks"]), x, side="left")
    levels = _levels(state["breaks"])
    return Factor(codes.astype(smallest(len(levels))), levels, reference=levels[0])


CUT = Transform("cut", _apply, _learn, by_value=True)
