"""vcov = phi H^-1, and the sandwich H^-1 (sum s_i s_i') H^-1 where weights are sampling weights (15), (16)."""

from functools import reduce
from itertools import pairwise
from operator import add
from typing import Any

import numpy as np

from expfam._typing import BoolArray, FloatArray
from expfam.design import Grams
from expfam.information import Covariance, Information
from expfam.information.covariance import Written
from expfam.objective import Objective, chunks, information
from expfam.parallel import ordered_sum
from expfam.response import Level
from expfam.solvers.optimality import from_classes


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


def sandwich(inverse: Covariance, scores: Information, n: float) -> Covariance:
    """H^-1 M H^-1 n / (n - 1): valid under sampling weights, as survey's svyglm for one stratum of single rows."""
    return inverse.sandwich(scores).times(n / max(n - 1, 1))


def standard_errors(vcov: Covariance, like: FloatArray) -> FloatArray:
    """The roots of the variances, in the shape of theta."""
    return from_classes(np.sqrt(vcov.diagonal), like)


def unbounded(vcov: Covariance, separated: BoolArray) -> Covariance:
    """NaN for coefficients that run to infinity, (p d,): their scores are zero, a sandwich of which means nothing."""
    if not separated.any():
        return vcov
    matrix = vcov.full()
    matrix[separated], matrix[:, separated] = np.nan, np.nan
    return Written(matrix)
