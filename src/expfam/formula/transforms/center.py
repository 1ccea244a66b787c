"""x - mean(x), and (x - mean(x)) / sd(x) with n - 1 as in R's scale."""

from math import sqrt

from expfam._typing import FloatArray
from expfam.errors import SchemaError
from expfam.formula.transforms._counted import count, dot, mean
from expfam.formula.transforms._transform import Transform
from expfam.formula.values import State


def _learn_center(x: FloatArray, times: FloatArray | None = None) -> State:
    return {"mean": mean(x, times)}


def _center(x: FloatArray, *, state: State) -> FloatArray:
    return x - float(state["mean"])


def _learn_scale(x: FloatArray, times: FloatArray | None = None) -> State:
    n, centre = count(x, times), mean(x, times)
    if n < 2:
        raise SchemaError("scale: one row has no standard deviation; learn it from more, or take center(x) or x itself")
    sd = sqrt(dot(x - centre, x - centre, times) / (n - 1))
    if not (sd > 0.0 and x.min() < x.max()):
        raise SchemaError(f"scale: every row holds {x[0]:g}, so its standard deviation is 0; leave the column out")
    return {"mean": centre, "sd": sd}


def _scale(x: FloatArray, *, state: State) -> FloatArray:
    mean, sd = float(state["mean"]), float(state["sd"])
    if not sd > 0:
        raise ValueError(f"sd {sd!r}, where a number > 0 belongs")
    return (x - mean) / sd


CENTER = Transform("center", _center, _learn_center)
SCALE = Transform("scale", _scale, _learn_scale)
