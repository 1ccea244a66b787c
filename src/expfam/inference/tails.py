"""How large is a statistic, and how rare? Ratios, and upper tails of chi-squared and F."""

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
    """P(F_(df, residual) >= statistic), NaN without degrees of freedom."""
    df, residual = np.asarray(df, dtype=float), np.asarray(residual, dtype=float)
    known = (df > 0) & (residual > 0)
    found = fdtrc(np.maximum(df, 1), np.maximum(residual, 1.0), np.maximum(statistic, 0.0))
    return np.asarray(np.where(known, found, np.nan))
