"""Which values of a coefficient does the score test not reject? Rao's test turned round (Rao 1948).

The statistic at c'beta = value is U' H^-1 U / phi, U = grad F and H the information at the optimum under that
constraint. Its root is 0 at the estimate and grows to both sides, until it crosses the critical value.
"""

from functools import partial

import numpy as np

from expfam._typing import BoolArray, FloatArray
from expfam.inference import bracket
from expfam.inference.held import Held, plane, score
from expfam.inference.optimum import Optimum
from expfam.inference.profile import asked, each
from expfam.solvers.optimality import newton_solve

CLOSE = 1e-9  # standard errors that a constrained optimum may be away


def intervals(optimum: Optimum, theta: FloatArray, dispersion: float, reach: float, columns: BoolArray) -> FloatArray:
    """Score intervals of single coefficients at the critical value `reach`, in the shape that `profile` gives them."""
    return each(optimum, theta, asked(optimum, columns), partial(_ends, optimum, dispersion, reach))


def _ends(optimum: Optimum, dispersion: float, reach: float, c: FloatArray) -> tuple[float, float]:
    of = plane(optimum, c, CLOSE**2 * dispersion / 2)

    def level(held: Held) -> float:
        return score(of, held) / (dispersion * reach**2)

    return bracket.ends(of, level, reach * float(np.sqrt(np.vdot(c, newton_solve(optimum.factor, c)) * dispersion)))
