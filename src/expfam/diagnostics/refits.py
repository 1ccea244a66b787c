"""The rows of a fit explained anew by a few numbers of each, its offset kept: what calibration and link tests fit."""

from dataclasses import dataclass, replace

import numpy as np

from expfam._typing import FloatArray
from expfam.design import Columns, assemble
from expfam.inference.optimum import optimum, refit
from expfam.inference.robust import sampled
from expfam.model import Prepared
from expfam.objective import Objective
from expfam.penalties import NoPenalty
from expfam.solvers.problem import loses

STEPS = 6
CLOSE = 1e-6  # standard errors that are left


@dataclass(frozen=True, slots=True, eq=False)
class Small:
    """An intercept and a coefficient a column, (m + 1,), with their covariance; NaN where a column was left out."""

    coef: FloatArray
    covariance: FloatArray

    @property
    def se(self) -> FloatArray:
        """Standard errors."""
        return np.asarray(np.sqrt(np.diagonal(self.covariance)))


def small(prepared: Prepared, columns: FloatArray, near: FloatArray, dispersion: float) -> Small:
    """Maximum likelihood of 1 and columns (n, m), started at `near`; phi H^-1, for sampling weights a sandwich."""
    names = tuple(f"z{j}" for j in range(columns.shape[1]))
    own = (Columns(names, values=columns),) if names else ()
    design = assemble((Columns(("Intercept",)), *own), len(columns))
    model = replace(prepared.model, penalty=NoPenalty(), bias=None)
    prepared = replace(prepared, model=model, data=replace(prepared.data, design=design))
    objective = Objective(model.family, model.link, model.penalty.bind(design.names), prepared.data)
    close = None if model.weights_kind == "sampling" else _close(objective, near, dispersion)
    if close is not None:
        return close
    theta = refit(objective, np.ones(design.p, dtype=bool), near).theta
    here = optimum(prepared, theta)
    bread = here.factor.inverse()
    found = sampled(here, bread) if model.weights_kind == "sampling" else bread.times(dispersion)
    return Small(np.where(here.kept, theta, np.nan), here.original(found).full())


def _close(objective: Objective, theta: FloatArray, dispersion: float) -> Small | None:
    """The optimum by a few plain Newton steps, as calibrated predictions need one or two; None if it is further off."""
    for _ in range(STEPS):
        at = objective(theta)
        if at.hessian is None or at.gradient is None:
            return None
        factor = at.hessian.factor()
        if not factor.definite or factor.condition > loses(objective):
            return None
        step = factor.solve(at.gradient)
        theta = theta - step
        if float(step @ at.gradient) <= CLOSE**2 * dispersion:
            return Small(theta, factor.inverse().times(dispersion).full())
    return None
