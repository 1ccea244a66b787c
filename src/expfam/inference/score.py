"""Which values of a coefficient does the score test not reject? Rao's test turned round (Rao 1948).

The statistic at c'beta = value is U' H^-1 U / phi, U = grad F and H the information at the optimum under that
constraint. Its root is 0 at the estimate and grows to both sides, until it crosses the critical value.
"""

from functools import partial

import numpy as np

from expfam._typing import BoolArray, FloatArray
from expfam.inference.held import Held, Plane, free, moved, plane, score
from expfam.inference.optimum import Optimum
from expfam.inference.profile import each
from expfam.solvers.optimality import newton_solve

JUMP = 0.1  # the share of the critical value by which the statistic misses it where one optimum gives way to another
DOUBLED = 8  # times that the Wald interval is doubled before there is no end


def intervals(optimum: Optimum, theta: FloatArray, dispersion: float, reach: float, columns: BoolArray) -> FloatArray:
    """Score intervals of single coefficients at the critical value `reach`, in the shape that `profile` gives them."""
    return each(optimum, theta, columns, partial(_ends, optimum, dispersion, reach))


def _ends(optimum: Optimum, dispersion: float, reach: float, c: FloatArray) -> tuple[float, float]:
    error = float(np.sqrt(np.vdot(c, newton_solve(optimum.factor, c)) * dispersion))
    of = plane(optimum, c, dispersion)
    return _end(of, reach, -error), _end(of, reach, error)


def _end(of: Plane, reach: float, error: float) -> float:
    """The value to that side of the estimate where the root of the statistic is `reach`; infinite if it never is, NaN
    where there is no F before."""
    from scipy.optimize import brentq

    def miss(held: Held) -> float:
        return score(of, held) / of.dispersion - reach**2

    def at(value: float) -> float:
        held = moved(of, inner, value)
        return miss(held) if held.value == value else np.nan

    inner = free(of)
    for asked in reach * error * 2.0 ** np.arange(DOUBLED):
        outer = moved(of, inner, float(asked))
        if miss(outer) > 0:
            try:
                end = float(brentq(at, inner.value, outer.value, xtol=1e-10 * abs(error), rtol=1e-12))
            except ValueError:  # an optimum between the two was not found
                return np.nan
            return end if abs(at(end)) < JUMP * reach**2 else np.nan
        if outer.value != asked:
            return np.nan
        inner = outer
    return float(np.sign(error) * np.inf)
