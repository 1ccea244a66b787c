"""Are the responses as spread as the family says? Quantile residuals against the uniform distribution."""

from dataclasses import dataclass

import numpy as np
from scipy.special import kolmogorov, ndtr

from expfam._typing import FloatArray
from expfam.diagnostics.residuals import residuals
from expfam.errors import ExpfamError
from expfam.inference.optimum import Optimum


@dataclass(frozen=True, slots=True)
class UniformityTest:
    """F(y) of every row, drawn within the jumps of a discrete F, against the uniform distribution.

    distance, p_value      Kolmogorov and Smirnov's sup |F_n - F|, and P of a larger one: a distance of 0.02 is a
                           probability that is wrong by 2 points somewhere, whatever n
    anderson, anderson_p   Anderson and Darling's A^2, which sees the tails, with its limiting distribution
    dispersion             Pearson's chi-squared / df: about 1 where phi is 1, else the phi that the fit has
    n                      observations
    The coefficients were estimated from the same rows, which brings residuals nearer to uniform than new ones: p values
    are too large where rows are few for the coefficients, never too small. As DHARMa's testUniformity.
    """

    distance: float
    p_value: float
    anderson: float
    anderson_p: float
    dispersion: float
    n: int

    def __str__(self) -> str:
        return (
            f"Uniformity of {self.n:,} quantile residuals: KS distance {self.distance:.4g}, P {self.p_value:.3g}; "
            f"Anderson-Darling {self.anderson:.4g}, P {self.anderson_p:.3g}; Pearson chi-squared / df "
            f"{self.dispersion:.4g}"
        )


def uniformity_test(optimum: Optimum, dispersion: float, df_residual: float, seed: int) -> UniformityTest:
    """The test of all rows; a row of frequency f is f residuals at one place."""
    if optimum.model.weights_kind == "sampling":
        raise ExpfamError("sampling weights make no distribution that responses could follow; refit without them")
    u = ndtr(residuals(optimum, "quantile", dispersion, seed))
    times = optimum.prepared.frequency
    f = np.ones(len(u)) if times is None else times
    order = np.argsort(u)
    u, f = u[order], f[order]
    upto, n = np.cumsum(f), float(f.sum())
    distance = float(np.maximum(upto / n - u, u - (upto - f) / n).max())
    square = _anderson(u, f, upto, n)
    spread = pearson_dispersion(optimum, df_residual)
    return UniformityTest(
        distance, float(kolmogorov(distance * np.sqrt(n))), square, anderson_tail(square), spread, round(n)
    )


def pearson_dispersion(optimum: Optimum, df_residual: float) -> float:
    """Pearson's chi-squared / df: about 1 where the variance is the family's and phi is 1."""
    times, r = optimum.prepared.frequency, residuals(optimum, "pearson", 1.0, 0)
    return float(np.sum(r**2 if times is None else times * r**2)) / df_residual if df_residual > 0 else np.nan


def _anderson(u: FloatArray, f: FloatArray, upto: FloatArray, n: float) -> float:
    """A^2 = n int (F_n - F)^2 / (F (1 - F)) dF: F_n is upto / n between neighbours."""
    tiny = np.finfo(float).tiny
    low, high = np.log(np.maximum(u, tiny)), np.log1p(-np.minimum(u, 1 - np.finfo(float).epsneg))
    before = upto - f
    return float(-n - np.sum((upto**2 - before**2) / n * low + ((n - before) ** 2 - (n - upto) ** 2) / n * high))


def anderson_tail(z: float) -> float:
    """P(A^2 > z) for large n, by the approximations of Marsaglia and Marsaglia (2004), good to 2e-5."""
    if not z > 0:
        return np.nan if np.isnan(z) else 1.0
    if z < 2:
        series = np.polyval([0.00168691, -0.011672, 0.0347962, -0.0649821, 0.247105, 2.00012], z)
        return float(1 - np.exp(-1.2337141 / z) / np.sqrt(z) * series)
    return float(-np.expm1(-np.exp(np.polyval([-0.0003146, 0.008056, -0.082433, 0.43424, -2.30695, 1.0776], z))))
