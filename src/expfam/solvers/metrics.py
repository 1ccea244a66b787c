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
from expfam.solvers.secants import Diagonal, Factored, Metric

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
    """The information at the null model: with up to `widest` columns in full, else the diagonal at the start."""
    objective = problem.objective
    if problem.start.shape[0] > widest:
        return diagonal_at(objective, problem.start)
    gram, (sizes, turn) = _gram(objective), np.linalg.eigh(_curvature(problem))
    penalty = objective.penalty.hessian(1, problem.scale.weight)
    factors = tuple((gram * float(size)).plus(*penalty).factor() for size in sizes)
    return Kronecker(factors, turn) if problem.start.ndim == 2 else Factored(factors[0])


def diagonal_at(objective: Objective, theta: FloatArray) -> Diagonal:
    """The diagonal of the information at theta, (p,) or (p, d)."""
    held = objective.penalty.hessian(1, objective.weight)[0]
    values = objective.diagonal(theta) + held.reshape(-1, *[1] * (theta.ndim - 1))
    return Diagonal(np.maximum(values, SMALLEST * values.max()))


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
