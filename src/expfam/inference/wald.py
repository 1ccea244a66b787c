"""Is a coefficient zero? Estimate over standard error, p value and interval: normal, t where phi is estimated, or of
random scaling."""

from typing import Literal, TypeAlias

import numpy as np
from scipy.special import ndtr, ndtri, stdtr, stdtrit

from expfam._typing import FloatArray
from expfam.errors import ExpfamError, is_finite
from expfam.inference import pivot

Reference: TypeAlias = float | Literal["random scaling"] | None
"""What (estimate - truth) / error is compared with: Student's t of so many degrees of freedom, the pivot of random
scaling, or, None, the normal distribution."""


def p_values(statistic: FloatArray, reference: Reference) -> FloatArray:
    """P(|Z| >= |statistic|), two-sided."""
    if reference == "random scaling":
        return pivot.p_values(statistic)
    tail = -np.abs(statistic)
    if reference is None:
        return np.asarray(2 * ndtr(tail))
    return np.asarray(2 * stdtr(reference, tail)) if reference > 0 else np.full_like(tail, np.nan)


def critical(level: float, reference: Reference) -> float:
    """The c with P(|Z| <= c) = level."""
    if not (is_finite(level) and 0 < level < 1):
        raise ExpfamError(f"level={level!r}; a confidence level lies between 0 and 1, such as 0.95")
    if reference == "random scaling":
        return pivot.critical(level)
    tail = (1 + level) / 2
    if reference is None:
        return float(ndtri(tail))
    return float(stdtrit(reference, tail)) if reference > 0 else np.nan


def interval(estimate: FloatArray, se: FloatArray, level: float, reference: Reference) -> FloatArray:
    """estimate -+ c se, with a last axis of (lower, upper)."""
    reach = critical(level, reference) * se
    return np.stack([estimate - reach, estimate + reach], axis=-1)
