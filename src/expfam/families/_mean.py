"""The mean response of some rows, and of any function of them."""

from collections.abc import Callable

import numpy as np

from expfam._typing import FloatArray
from expfam.families._family import ExponentialFamily
from expfam.parallel import ordered_sum, slices, weighed, weight_of

AT_ONCE = 1 << 18  # rows


def mean_of(family: ExponentialFamily, y: FloatArray, weight: FloatArray) -> FloatArray:
    """The weighted mean of T(y), (1,) or (d,)."""
    return weighted_mean(family.T, y, weight)


def weighted_mean(of: Callable[[FloatArray], FloatArray], values: FloatArray, weight: FloatArray) -> FloatArray:
    """That of a function of values, (n, ...): (1,) or (d,)."""
    parts = slices(len(values), AT_ONCE)
    total = ordered_sum(lambda rows: np.atleast_1d(weighed(weight[rows], of(values[rows]))), parts)
    return np.asarray(total / weight_of(weight))
