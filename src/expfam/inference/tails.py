"""How large is a statistic, and how rare? Ratios, and upper tails of chi-squared and F."""

from dataclasses import dataclass

import numpy as np
from scipy.special import chdtrc, fdtrc

from expfam._typing import FloatArray


def ratio(over: FloatArray | float, under: FloatArray | float) -> FloatArray:
    """over / under; infinite or NaN where a fit meets every response and `under` is 0."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.divide(over, under))


def chi_squared(statistic: FloatArray | float, df: FloatArray | float) -> FloatArray:
    """P(chi2_df >= statistic), NaN without degrees of freedom."""
    df = np.asarray(df, dtype=float)
    return np.asarray(np.where(df > 0, chdtrc(np.maximum(df, 1), np.maximum(statistic, 0.0)), np.nan))


def f_tail(statistic: FloatArray | float, df: FloatArray | float, residual: FloatArray | float) -> FloatArray:
    """P(F_(df, residual) >= statistic), NaN without degrees of freedom; of infinite ones chi-squared / df."""
    df, residual = np.asarray(df, dtype=float), np.asarray(residual, dtype=float)
    known = (df > 0) & (residual > 0)
    endless = np.isinf(residual)
    found = fdtrc(np.maximum(df, 1), np.where(endless, 1.0, np.maximum(residual, 1.0)), np.maximum(statistic, 0.0))
    found = np.where(endless, chi_squared(np.multiply(statistic, df), df), found)
    return np.asarray(np.where(known, found, np.nan))


@dataclass(frozen=True, slots=True)
class Yardstick:
    """What falls of deviances are measured by: phi, and the degrees of freedom it was estimated with.

    These are infinite where phi is no estimate: where it is known, and where it is 1 as falls of -2 log-likelihood hold
    it already.
    """

    phi: FloatArray | float
    df: FloatArray | float

    @property
    def known(self) -> bool:
        """Is phi no estimate, so that tests are by chi-squared?"""
        return bool(np.isinf(self.df).all())

    def judged(self, fallen: FloatArray, df: FloatArray, test: str) -> dict[str, FloatArray]:
        """statistic and p_value of falls for `df` coefficients: "f" per degree of freedom against F, else
        chi-squared."""
        statistic = ratio(fallen, self.phi)
        if test == "f":
            statistic = np.where(df > 0, ratio(statistic, df), np.nan)  # of none the fall is rounding
            return {"statistic": statistic, "p_value": f_tail(statistic, df, self.df)}
        return {"statistic": statistic, "p_value": chi_squared(statistic, df)}
