"""Metrics for first-order solvers: the information at the null model, in the form that fits the memory.

For d classes it is Z'WZ kron V with V = diag(mu) - mu mu' at the null model, exactly; Boehning (1992) bounds V by
(I - 11'/k) / 2 instead, which serves any point as well but none as closely.
"""

from dataclasses import dataclass, replace

import numpy as np

from expfam._typing import FloatArray
from expfam.families import Gaussian
from expfam.information import Factor, Information
from expfam.links import Identity
from expfam.objective import Objective
from expfam.solvers.problem import Problem
from expfam.solvers.secants import Coupled, Diagonal, Factored, Metric

SMALLEST = 1e-8  # of the largest diagonal entry: what a column without information is given


@dataclass(frozen=True, slots=True)
class Kronecker(Metric):
    """G kron V + S kron I, by the eigenvectors `turn` of V: a factor of v_k G + S for each eigenvalue v_k."""

    factors: tuple[Factor, ...]
    turn: FloatArray

    def solve(self, gradient: FloatArray) -> FloatArray:
        turned = gradient @ self.turn
        solved = [factor.solve(column) for factor, column in zip(self.factors, turned.T, strict=True)]
        return np.asarray(np.stack(solved, axis=1) @ self.turn.T)


def null_metric(problem: Problem, widest: int) -> Metric:
    """The information at the null model: with up to `widest` columns in full, else column by column at the start."""
    objective = problem.objective
    if problem.start.shape[0] > widest:
        return columns_at(objective, problem.start)
    gram, (sizes, turn) = _gram(objective), np.linalg.eigh(_curvature(problem))
    penalty = objective.penalty.hessian(1, problem.scale.weight)
    factors = tuple((gram * float(size)).plus(*penalty).factor() for size in sizes)
    return Kronecker(factors, turn) if problem.start.ndim == 2 else Factored(factors[0])


def columns_at(objective: Objective, theta: FloatArray) -> Diagonal | Coupled:
    """The information at theta column by column, as if they had nothing in common.

    The block of the classes c of one column has the diagonal D_c that it has, and beside it -D_c D_b / sum D, the
    reference in the sum: what rows of one mean have, but for a factor. With v = D / sqrt(sum D) that is diag(D + v^2) -
    v v', positive definite whatever the rows are, and its inverse that of Sherman and Morrison (1950). The step of all
    classes together, for which the diagonal alone is many times too large, is then of about the right length.
    """
    held = objective.penalty.hessian(1, objective.weight)[0]
    diagonal = objective.diagonal(theta)
    if diagonal.ndim == 1:
        values = diagonal + held
        return Diagonal(np.maximum(values, SMALLEST * values.max()))
    total, free = diagonal.sum(axis=1, keepdims=True), diagonal[:, :-1]
    v = np.divide(free, np.sqrt(total), out=np.zeros_like(free), where=total > 0)
    own = free + v**2 + held[:, None]
    own = np.maximum(own, SMALLEST * own.max())
    share = v / own
    left = 1 - np.einsum("jc,jc->j", v, share)
    return Coupled(1 / own, share / np.sqrt(left)[:, None])


def _curvature(problem: Problem) -> FloatArray:
    """V of an average row at the null model, (d, d)."""
    family, link = problem.objective.family, problem.objective.link
    if family.vector:
        return np.asarray(family.variance(link.inverse(problem.null.eta[None]))[0])
    return np.array([[problem.null.weight / problem.scale.weight]])


def _gram(objective: Objective) -> Information:
    """Z'WZ: the information of the linear model with the same rows."""
    data = objective.data
    linear = replace(objective, family=Gaussian(), link=Identity(), data=replace(data, offset=None))
    found = linear.loss(np.zeros(data.design.p)).hessian
    assert found is not None
    return found
