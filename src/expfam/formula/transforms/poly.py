"""Orthogonal polynomials p_{k+1}(x) = (x - alpha_k) p_k(x) - (norm2_k / norm2_{k-1}) p_{k-1}(x), R's poly."""

from collections.abc import Iterator

import numpy as np

from expfam._typing import FloatArray
from expfam.errors import SchemaError
from expfam.formula.transforms._counted import dot, mean
from expfam.formula.transforms._transform import Transform, flag, whole
from expfam.formula.values import State


def _learn(x: FloatArray, degree: int = 3, raw: bool = False, times: FloatArray | None = None) -> State:
    """alpha_k = <x p_k, p_k> / norm2_k and norm2_k = <p_k, p_k>: the coefficients R keeps for predict.poly.

    Stieltjes' procedure (Gautschi 2004, section 2.2). SchemaError with too few distinct values.
    """
    degree = whole("poly", "degree", degree, 1)
    if flag("poly", "raw", raw):
        return {}
    distinct = np.unique(x[:1000]).size
    if distinct <= degree and (distinct := np.unique(x).size) <= degree:
        raise SchemaError(
            f"poly: degree {degree} needs more than {degree} distinct values, the column has {distinct}; "
            "lower the degree"
        )
    alpha: list[float] = []
    norm2: list[float] = []
    older, p = np.zeros_like(x), np.ones_like(x)
    for k in range(degree + 1):
        norm2.append(dot(p, p, times))
        alpha.append(dot(x * p, p, times) / norm2[k] if k else mean(x, times))
        ratio = norm2[k] / norm2[k - 1] if k else 0.0
        older, p = p, (x - alpha[k]) * p - ratio * older
    return {"alpha": alpha[:degree], "norm2": norm2}


def _monic(x: FloatArray, alpha: list[float], norm2: list[float]) -> Iterator[FloatArray]:
    """p_1, p_2, ... by the three-term recurrence."""
    older, p = np.zeros_like(x), np.ones_like(x)
    for k, centre in enumerate(alpha):
        ratio = norm2[k] / norm2[k - 1] if k else 0.0
        older, p = p, (x - centre) * p - ratio * older
        yield p


def _apply(x: FloatArray, degree: int = 3, raw: bool = False, *, state: State) -> FloatArray:
    if raw:
        return np.asarray(np.power.outer(x, np.arange(1.0, degree + 1)))
    alpha, norm2 = state["alpha"], state["norm2"]
    if not len(norm2) == len(alpha) + 1 == degree + 1 or not min(norm2) > 0:
        raise ValueError(f"norm2 {norm2!r} of {degree} polynomials")
    return np.column_stack([p / np.sqrt(norm2[k + 1]) for k, p in enumerate(_monic(x, alpha, norm2))])


POLY = Transform("poly", _apply, _learn)
