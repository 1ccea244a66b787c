"""Newton steps of few rows, where to look at every step would cost more than the step: full ones, while all is well."""

from collections.abc import Callable
from math import isfinite

import numpy as np
from scipy.linalg import lapack

from expfam._typing import FloatArray
from expfam.design.written import matrix_of
from expfam.information import Full
from expfam.kernels.dense_definition import gram
from expfam.objective import SHORT, Evaluation, Objective
from expfam.response import At, weighted
from expfam.solvers.descent import fair
from expfam.solvers.optimality import Reading
from expfam.solvers.problem import LOSES, Problem


def is_short(problem: Problem, condition: float) -> bool:
    """Are the rows few, and the information so well conditioned that its Cholesky factor needs no second look?"""
    return problem.objective.data.n <= SHORT and problem.start.ndim == 1 and condition < LOSES


def run(
    problem: Problem, objective: Objective, theta: FloatArray, at: Evaluation, reading: Reading
) -> tuple[FloatArray, Evaluation, int]:
    """theta, F there and the number of steps, once the optimum is reached or a step is not as it should be.

    `at` is F at theta and `reading` the Newton step from there. Whoever asked looks at where it ended.
    """
    F = evaluated(objective)
    steps, step, scale, flat = 0, reading.step, problem.scale, False
    for _ in range(problem.max_iter):
        assert at.gradient is not None
        new = F(theta + step)
        if not fair(at, new, -float(at.gradient @ step) / 2, objective):
            break
        theta, at, steps = theta + step, new, steps + 1
        assert at.gradient is not None
        if not isinstance(at.hessian, Full):
            break
        lower, info = lapack.dpotrf(at.hessian.matrix, lower=1)
        if info:
            break
        step = -lapack.dpotrs(lower, at.gradient, lower=1)[0]
        flat, before = scale.gradient(at.gradient) <= problem.tol, flat
        if flat and (before or scale.decrement(at.gradient, step) <= problem.tol):  # a step on the flat is enough
            break
    return theta, at, steps


def evaluated(objective: Objective) -> Callable[[FloatArray], Evaluation]:
    """The objective and its information as a function of theta: of a design that is written out, with one linear
    predictor, at once, without the blocks, threads and maps of long data, which take longer than sums of few rows."""
    data, X = objective.data, matrix_of(objective.data.design)
    if X is None or objective.family.vector:
        return objective
    t, free = objective.family.T(data.y), objective.penalty.is_zero

    def F(theta: FloatArray) -> Evaluation:
        at = At(X @ theta, t, data.conjugate, observed=objective.observed)
        row = weighted(objective.family, objective.link, at, data.weight, data.offset)
        assert row.score is not None
        assert row.weight is not None
        if not isfinite(row.value):
            return Evaluation(np.inf)
        with np.errstate(over="ignore", invalid="ignore"):
            total = Evaluation(row.value + data.within, X.T @ row.score, Full(gram(X, row.weight)))
        return total if free else objective.penalised(total, theta, 1.0)

    return F
