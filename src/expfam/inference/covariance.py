"""vcov = phi H^-1, and the sandwich H^-1 (sum s_i s_i') H^-1 where weights are sampling weights (15), (16)."""

import warnings
from functools import reduce
from itertools import pairwise
from operator import add
from typing import Any

import numpy as np

from expfam._typing import BoolArray, FloatArray
from expfam.design import Grams
from expfam.errors import CovarianceWarning, ExpfamError
from expfam.information import Covariance, Factor, Information
from expfam.information.covariance import Written
from expfam.objective import Objective, chunks, information
from expfam.parallel import ordered_sum
from expfam.penalties import PenaltyForm
from expfam.response import Level
from expfam.solvers.optimality import from_classes

LOST = 1e13  # the condition of an information from which the errors by sums of squares have fewer than three digits


def known(penalty: PenaltyForm) -> None:
    """Refuse whatever is made of an information, which knows nothing of an absolute penalty."""
    if penalty.absolute is not None:
        raise ExpfamError(
            "coefficients that an absolute penalty has selected have no standard errors, nor what is made of these: "
            "intervals, tests, resampled fits, leverage; refit those that are not zero on other rows, without penalty"
        )


def effective_df(objective: Objective, inverse: Covariance, classes: int) -> float:
    """tr((H + S)^-1 H) = q - tr((H + S)^-1 S): how many free coefficients the penalty leaves; `inverse`: (H + S)^-1."""
    return inverse.size - inverse.trace(*objective.penalty.hessian(classes, objective.weight))


def meat(objective: Objective, theta: FloatArray, frequency: FloatArray | None = None) -> Information:
    """sum_i s_i s_i' of the row scores s_i = w_i (mu_i - T_i) psi'_i x_i, in the form of the information: one pass.

    A row of frequency f counts as f rows, frequency (n,).
    """
    data, maps = objective.data, objective.data.design.maps
    raw = maps.forward(theta)

    def part(bounds: tuple[int, ...]) -> Any:
        return reduce(add, (outer(slice(lo, hi)) for lo, hi in pairwise(bounds)))

    def outer(rows: slice) -> Grams:
        block = data.take(rows)
        score = objective.rows(block, raw, Level.GRADIENT).score
        assert score is not None
        if score.ndim == 1:
            products = np.multiply(score, score, out=score)[None]  # in place: new pages would make threads queue
        else:
            a, b = np.triu_indices(score.shape[1])
            products = score.T[a] * score.T[b]
        return block.design.grams(products if frequency is None else products / frequency[rows])

    total = ordered_sum(part, chunks(data, raw.size, Level.HESSIAN))
    return information(total, maps)


def tell_lost(factor: Factor, rooted: bool) -> None:
    """CovarianceWarning where a matrix of sums of squares, of scores or of columns not `rooted`, has lost its digits:
    columns of condition K lose twice the digits of K, which is the root of the `condition` of the information."""
    if factor.definite and not rooted and factor.condition > LOST:
        warnings.warn(
            f"condition {factor.condition:.0e} of the information: rounding leaves few digits, or none, of these "
            "standard errors; centre or orthogonalise columns that are nearly collinear, such as year and "
            "year**2, as year - 2000 or by poly()",
            CovarianceWarning,
            stacklevel=2,
        )


def roots(variance: FloatArray) -> FloatArray:
    """Standard errors of variances; NaN, told, where rounding has left one negative."""
    lost = variance < 0
    if lost.any():
        warnings.warn(
            f"{int(lost.sum()):,} of {lost.size:,} variances are lost to rounding and their standard errors NaN: "
            "columns are nearly collinear in the units of the covariance; centre them, or take poly(), and fit again",
            CovarianceWarning,
            stacklevel=2,
        )
    return np.sqrt(np.where(lost, np.nan, variance))


def standard_errors(vcov: Covariance, like: FloatArray) -> FloatArray:
    """The roots of the variances, in the shape of theta."""
    return from_classes(roots(vcov.diagonal), like)


def unbounded(vcov: Covariance, separated: BoolArray) -> Covariance:
    """NaN for coefficients that run to infinity, (p d,): their scores are zero, a sandwich of which means nothing."""
    if not separated.any():
        return vcov
    matrix = vcov.full()
    matrix[separated], matrix[:, separated] = np.nan, np.nan
    return Written(matrix)
