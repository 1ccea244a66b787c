"""The mean response of some rows."""

import numpy as np

from expfam._typing import FloatArray
from expfam.families._family import ExponentialFamily
from expfam.parallel import ordered_sum, slices


def mean_of(family: ExponentialFamily, y: FloatArray, weight: FloatArray) -> FloatArray:
    """The weighted mean of T(y), (1,) or (d,)."""
    total = ordered_sum(lambda rows: np.atleast_1d(weight[rows] @ family.T(y[rows])), slices(len(y)))
    return np.asarray(total / weight.sum())
