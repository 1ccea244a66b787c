"""How rare is a statistic? Upper tails of chi-squared and F."""

import numpy as np
from scipy.special import chdtrc, fdtrc

from expfam._typing import FloatArray


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
