"""phi by an adjusted score, as brglm2's: beside coefficients whose bias is reduced, mean or median.

Where a density is c(y) exp(G(k) - k loss), k = w / phi, the deviance tells all that the responses say of phi. The score
of phi, adjusted, is then that of Kosmidis, Kenne Pagui and Sartori (2020), with their a_1, a_2, a_3 = 2 G', -2 G'', 2
G''' at k:

  deviance - sum f w a_1 + phi free + sum f w^3 a_3 / (share sum f w^2 a_2) = 0

where free = q - 2, share = 1 for the mean, free = q, share = 3 for the median, with q coefficients.
"""

import numpy as np
from scipy.special import polygamma

from expfam.families import ExponentialFamily, Gamma, Gaussian, InverseGaussian, Tweedie
from expfam.families.gamma import slopes_of_less_factorial
from expfam.model import Prepared


def adjusts(family: ExponentialFamily) -> bool:
    """Has the density that form, with a phi that is free?"""
    return isinstance(_plain(family), Gaussian | Gamma | InverseGaussian)


def _plain(family: ExponentialFamily) -> ExponentialFamily:
    """The family of its own name that a Tweedie power may stand for."""
    return family.parent or family if isinstance(family, Tweedie) else family


def adjusted(prepared: Prepared, deviance: float, df_residual: float) -> float:
    """The root: deviance / (n - q) for Gaussian and inverse Gaussian, median deviance / (n - q - 2/3); else Gamma's."""
    median = prepared.model.bias == "median"
    if isinstance(_plain(prepared.model.family), Gamma):
        return _gamma(prepared, median, deviance, df_residual)
    left = df_residual - (2 / 3 if median else 0.0)
    return deviance / left if left > 0 else np.nan


def _gamma(prepared: Prepared, median: bool, deviance: float, df_residual: float) -> float:
    """With G = k log k - k - log Gamma(k)."""
    from scipy.optimize import brentq  # heavy, and rarely needed

    w = prepared.precision
    f = np.ones_like(w) if prepared.frequency is None else prepared.frequency
    q = prepared.n - df_residual
    free, share = (q, 3) if median else (q - 2, 1)

    def score(log_phi: float) -> float:
        phi = float(np.exp(log_phi))
        k = w / phi
        first, second = slopes_of_less_factorial(k)
        third = -2 * polygamma(2, k) - 2 / k**2
        skew = float(f @ (w**3 * third)) / (share * float(f @ (w**2 * (-2 * second / k))))
        return (deviance - 2 * float(f @ (w * first)) + skew) / phi + free

    near = np.log(max(deviance, 1e-300) / df_residual)
    return float(np.exp(brentq(score, near - 5.0, near + 5.0, xtol=1e-13, rtol=1e-13)))
