"""Which values of a coefficient does the score test not reject? Rao's test turned round (Rao 1948).

The statistic at c'beta = value is U' H^-1 U / phi, U = grad F and H the information at the optimum under that
constraint. Its root is 0 at the estimate and grows to both sides, until it crosses the critical value.
"""

from functools import partial

import numpy as np

from expfam._typing import BoolArray, FloatArray
from expfam.inference.optimum import Optimum
from expfam.inference.profile import each
from expfam.solvers.optimality import by_class, newton_solve

STEPS = 30
CLOSE = 1e-9  # standard errors that a constrained optimum may be away
NEAR = 1e-9  # standard errors at phi = 1 within which a step that does not shrink tells of rounding
DOUBLED = 8  # times that the Wald interval is doubled before there is no end


def intervals(optimum: Optimum, theta: FloatArray, dispersion: float, reach: float, columns: BoolArray) -> FloatArray:
    """Score intervals of single coefficients at the critical value `reach`, in the shape that `profile` gives them."""
    return each(optimum, theta, columns, partial(_ends, optimum, dispersion, reach))


def _ends(optimum: Optimum, dispersion: float, reach: float, c: FloatArray) -> tuple[float, float]:
    error = float(np.sqrt(np.vdot(c, newton_solve(optimum.factor, c)) * dispersion))
    return _end(optimum, dispersion, reach, c, -error), _end(optimum, dispersion, reach, c, error)


def _end(optimum: Optimum, dispersion: float, reach: float, c: FloatArray, error: float) -> float:
    """The value to that side of the estimate where the root of the statistic is `reach`; infinite if it never is."""
    from scipy.optimize import brentq

    def miss(value: float) -> float:
        return statistic(optimum, c, value, dispersion) / dispersion - reach**2

    inner = 0.0
    for outer in reach * error * 2.0 ** np.arange(DOUBLED):
        found = miss(outer)
        if np.isnan(found):
            return np.nan
        if found > 0:
            try:
                return float(brentq(miss, inner, outer, xtol=1e-10 * abs(error), rtol=1e-12))
            except ValueError:  # no value between the two
                return np.nan
        inner = outer
    return float(np.sign(error) * np.inf)


def statistic(optimum: Optimum, c: FloatArray, value: float, dispersion: float) -> float:
    """U' H^-1 U at the optimum where c'beta is by `value` more than at the estimate; NaN where it was not found."""
    objective = optimum.problem.objective
    a = newton_solve(optimum.factor, c)
    beta, last = optimum.beta + value / float(np.vdot(c, a)) * a, np.inf
    for _ in range(STEPS):
        at = objective(beta)
        if at.hessian is None or at.gradient is None:
            return np.nan
        factor = at.hessian.factor()
        a, b = newton_solve(factor, c), newton_solve(factor, at.gradient)
        step = float(np.vdot(c, b)) / float(np.vdot(c, a)) * a - b
        left = float(np.vdot(by_class(step), at.hessian.times(by_class(step))))
        if left <= CLOSE**2 * dispersion or last <= left <= NEAR**2:
            return float(np.vdot(at.gradient, b))
        beta, last = beta + step, left
    return np.nan
