"""What a fit adds up to: deviance, dispersion (18), likelihood, degrees of freedom, information criteria."""

from dataclasses import dataclass, replace

import numpy as np

from expfam.inference.later import Pending
from expfam.model import Prepared
from expfam.nuisance.dispersion import Dispersion


@dataclass(frozen=True, slots=True)
class Statistics:
    """n observations, `df_model` free coefficients (fewer under a penalty), and the sums over rows.

    `dispersion_kind` is "fixed" (by the family), "given" (a number), "pearson", "deviance", "ml" or "adjusted" (by its
    score), and the dispersion `dispersion_fixed` where it is no estimate; `nuisances` counts theta or the power where
    they were estimated.
    `likelihood` is the log-likelihood with every constant, as R has it, of a large fit read when it is first asked for;
    NaN where the family has none or weights are sampling weights.
    """

    n: int
    weights_sum: float
    df_model: float
    df_residual: float
    deviance: float
    null_deviance: float
    dispersion: float
    dispersion_fixed: bool
    likelihood: float | Pending
    dispersion_kind: str
    nuisances: int

    @property
    def loglik(self) -> float:
        """The log-likelihood."""
        return float(self.likelihood)

    @property
    def settled(self) -> "Statistics":
        """The same with its likelihood worked out."""
        return replace(self, likelihood=self.loglik) if isinstance(self.likelihood, Pending) else self

    @property
    def df_likelihood(self) -> float:
        """Parameters that AIC and BIC count: the coefficients; dispersion, theta, power where they are estimated."""
        return self.df_model + (0 if self.dispersion_fixed else 1) + self.nuisances

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
    weights_sum: float,
    deviance: float,
    null_deviance: float,
    df: tuple[float, float],
    dispersion: Dispersion,
    nuisances: int,
) -> Statistics:
    """The sums at an optimum, the likelihood pending; `df` are those of the model and of the residuals."""
    return Statistics(
        prepared.n, weights_sum, *df, deviance, null_deviance, dispersion.phi, dispersion.known,
        Pending(lambda: _loglik(prepared, deviance, dispersion.inside)), dispersion.kind, nuisances,
    )  # fmt: skip


def left_over(sums: Statistics, left: float) -> bool:
    """Is most of the sum of squares that phi was estimated from what one more Newton step takes off, g' H^-1 g?

    The sum is S + g' H^-1 g, S that at the optimum, but for third powers of misses. So a true dispersion, however
    small, is none of these unless the solver stopped where its own misses are as large.
    """
    return sums.dispersion * (sums.n if sums.dispersion_kind == "ml" else sums.df_residual) <= 2 * left


def _loglik(prepared: Prepared, deviance: float, phi: float | None) -> float:
    """By R's convention of phi, or at the phi that maximum likelihood or the user says."""
    family = prepared.model.family
    if not family.has_likelihood or prepared.model.weights_kind == "sampling":
        return np.nan
    frequency = 1.0 if prepared.frequency is None else prepared.frequency
    if phi is None:
        return float(family.loglik(prepared.data.y, deviance, prepared.precision, frequency))
    return family.loglik_at(phi, prepared.data.y, deviance, prepared.precision, frequency)
