"""Where does a measure of the optima with one combination held reach its level, whatever its shape? Between brackets.

Slower than following a surface (`profile`), but sure: for Rao's statistic, for profiles of coefficients that run to
infinity, which fall for ever to one side, and for ends that were not found otherwise.
"""

from collections.abc import Callable

import numpy as np

from expfam.inference.held import Held, Plane, free, moved

DOUBLED = 8  # times that the first reach is doubled before there is no end
FINE = 1e-10  # share of the first reach that an end may be away
JUMP = 0.1  # the share by which the level is missed where the optimum found gives way to another


def ends(of: Plane, level: Callable[[Held], float], first: float) -> tuple[float, float]:
    """How far c'beta may fall and rise until `level`, 0 at the optimum, is 1; infinite where it never is.

    `first` is the distance looked at first. NaN where the others have no optimum on the way, or `level` jumps over 1.
    """
    return _end(of, level, -first), _end(of, level, first)


def _end(of: Plane, level: Callable[[Held], float], first: float) -> float:
    from scipy.optimize import brentq

    def miss(value: float) -> float:
        held = moved(of, inner, value)
        return level(held) - 1 if held.value == value else np.nan

    inner = free(of)
    for value in first * 2.0 ** np.arange(DOUBLED):
        outer = moved(of, inner, float(value))
        if level(outer) > 1:
            try:
                end = float(brentq(miss, inner.value, outer.value, xtol=FINE * abs(first), rtol=1e-12))
            except ValueError:  # an optimum between the two was not found
                return np.nan
            return end if abs(miss(end)) < JUMP else np.nan
        if outer.value != value:
            return np.nan
        inner = outer
    return float(np.sign(first) * np.inf)
