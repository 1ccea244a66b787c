"""Where does the profile rise by so much, whatever its shape? Constrained refits between brackets.

Slower than following the surface (`profile`), but sure: for coefficients that run to infinity, where the profile falls
for ever to one side, and for ends that were not found otherwise.
"""

from dataclasses import replace

import numpy as np

from expfam.inference.optimum import Optimum, refit

DOUBLED = 14  # times that the first reach is doubled before there is no end


def end(optimum: Optimum, j: int, rise: float, side: float) -> float:
    """The value of theta_j where F of the best other coefficients is `rise` above the optimum's; infinite if never.

    In the columns' own units, for one linear predictor; NaN where F has no value.
    """
    from scipy.optimize import brentq

    objective, theta = optimum.objective, optimum.theta
    design, offset = objective.data.design, objective.data.offset
    column = design.forward(design.maps.forward(np.eye(design.p)[j]))
    others = np.arange(design.p) != j
    spread = float(np.ptp(column)) or 1.0

    def miss(value: float) -> float:
        shift = value * column
        data = replace(objective.data, offset=shift if offset is None else offset + shift)
        return refit(replace(objective, data=data), others, theta).value - optimum.at.value - rise

    inner = float(theta[j])
    for reach in side / spread * 2.0 ** np.arange(DOUBLED):
        outer = float(theta[j]) + reach
        found = miss(outer)
        if np.isnan(found):
            return np.nan
        if found > 0:
            try:
                return float(brentq(miss, inner, outer, xtol=1e-9 / spread, rtol=1e-10))
            except ValueError:  # `rise` is below the rounding of F, or F has no value between the two
                return np.nan
        inner = outer
    return float(side * np.inf)
