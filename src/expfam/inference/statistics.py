"""What a fit adds up to: deviance, dispersion (18), likelihood, degrees of freedom, information criteria."""

from dataclasses import dataclass

import numpy as np

from expfam._typing import FloatArray
from expfam.model import Prepared
from expfam.objective import Objective
from expfam.parallel import ordered_sum

AT_ONCE = 1 << 15  # rows


@dataclass(frozen=True, slots=True)
class Statistics:
    """n observations, `df_model` free coefficients (fewer under a penalty), and the sums over rows.

    `loglik` carries every constant, as R does; NaN where the family has no likelihood or weights are sampling weights.
    """

    n: int
    weights_sum: float
    df_model: float
    df_residual: float
    deviance: float
    null_deviance: float
    dispersion: float
    dispersion_fixed: bool
    loglik: float

    @property
    def df_likelihood(self) -> float:
        """Parameters that AIC and BIC count: the coefficients, and the dispersion where it is estimated."""
        return self.df_model + (0 if self.dispersion_fixed else 1)

    @property
    def aic(self) -> float:
        """-2 loglik + 2 parameters."""
        return -2 * self.loglik + 2 * self.df_likelihood

    @property
    def bic(self) -> float:
        """-2 loglik + log(n) parameters."""
        return -2 * self.loglik + float(np.log(self.n)) * self.df_likelihood


def statistics(
    prepared: Prepared,
    objective: Objective,
    theta: FloatArray,
    half_deviance: float,
    null_deviance: float,
    df_model: float,
) -> Statistics:
    """The sums at theta; one more read of the rows where the dispersion needs the means, NaN without a degree of
    freedom."""
    family = prepared.model.family
    d = theta.shape[1] if theta.ndim == 2 else 1
    deviance = max(2 * half_deviance, 0.0)
    df_residual = prepared.n * d - df_model
    dispersion = 1.0 if family.fixed_dispersion else np.nan
    if not family.fixed_dispersion and df_residual > 0:
        dispersion = pearson(objective, theta) / df_residual
    loglik = np.nan
    if family.has_likelihood and prepared.model.weights_kind != "sampling":
        frequency = 1.0 if prepared.frequency is None else prepared.frequency
        loglik = float(family.loglik(prepared.data.y, deviance, prepared.precision, frequency))
    return Statistics(
        prepared.n,
        objective.weight,
        df_model,
        df_residual,
        deviance,
        null_deviance,
        dispersion,
        family.fixed_dispersion,
        loglik,
    )


def pearson(objective: Objective, theta: FloatArray) -> float:
    """sum w (T(y) - mu)^2 / V(mu), one read of the rows."""
    data, family = objective.data, objective.family
    raw = data.design.maps.forward(theta)

    def part(rows: slice) -> float:
        block = data.take(rows)
        eta = block.design.forward(raw)
        mu = objective.link.inverse(eta if block.offset is None else eta + block.offset)
        return float(np.sum(block.weight * (family.T(block.y) - mu) ** 2 / family.variance(mu)))

    return ordered_sum(part, [slice(lo, lo + AT_ONCE) for lo in range(0, data.n, AT_ONCE)])
