"""Is a coefficient zero? Estimate over standard error, p value and interval: normal, or t where phi is estimated."""

import numpy as np
from scipy.special import ndtr, ndtri, stdtr, stdtrit

from expfam._typing import FloatArray
from expfam.errors import ExpfamError


def p_values(statistic: FloatArray, df: float | None) -> FloatArray:
    """P(|Z| >= |statistic|), two-sided; `df` None is the normal distribution, else Student's t."""
    tail = -np.abs(statistic)
    if df is None:
        return np.asarray(2 * ndtr(tail))
    return np.asarray(2 * stdtr(df, tail)) if df > 0 else np.full_like(tail, np.nan)


def critical(level: float, df: float | None) -> float:
    """The c with P(|Z| <= c) = level."""
    if not 0 < level < 1:
        raise ExpfamError(f"level={level}; a confidence level lies between 0 and 1, such as 0.95")
    tail = (1 + level) / 2
    if df is None:
        return float(ndtri(tail))
    return float(stdtrit(df, tail)) if df > 0 else np.nan


def interval(estimate: FloatArray, se: FloatArray, level: float, df: float | None) -> FloatArray:
    """estimate -+ c se, with a last axis of (lower, upper)."""
    reach = critical(level, df) * se
    return np.stack([estimate - reach, estimate + reach], axis=-1)
