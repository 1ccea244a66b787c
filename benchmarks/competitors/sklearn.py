"""scikit-learn on a ready-made matrix: only `fit` is on the clock, no standard errors; `tol` is the task's.

It has no offset: the rate weighted by exposure is the same likelihood. The first level of each factor is left out, for
with all of them an unpenalised Hessian is singular and newton-cholesky would fall back to L-BFGS. A factor's one-hot
matrix is CSR, which beat CSC and dense matrices in either order; dense matrices are C-ordered. Columns keep their
units, as for everybody: newton-cholesky does not mind, lbfgs does.

Softmax has coefficients for all k classes, and penalises them all. liblinear penalises the intercept, too: with
`intercept_scaling=100` by a ten-thousandth of the ridge, so that its optimum is that of the others (with 1000 it stops
short for rounding on some machines). saga, sag and liblinear stop by other measures than the gradient; they are given
`tol` of 1e-3 of the task's.
"""

from functools import partial
from typing import Any

import numpy as np

from benchmarks.check import TWEEDIE
from benchmarks.task import ONE_OR_ALL, Answer, Contestant, Lap, Takes, Task

ALL = ("frame", "dense", "sparse")
MEANS = ("poisson", "gamma", "tweedie")
CLASSES = ("bernoulli", "categorical")
SECOND_ORDER = {"newton-cholesky": 100, "newton-cg": 200, "liblinear": 1000}


def start(task: Task, solver: str) -> Lap:
    """Matrix, response and weight ready before the clock."""
    ready = task.ready
    names, X, y, weight = ready.design.names, ready.design.X, ready.rate, ready.rate_weight

    def lap() -> Answer:
        fitted = estimator(task, solver).fit(X, y, sample_weight=weight)
        coef = np.vstack([np.ravel(fitted.intercept_), np.atleast_2d(fitted.coef_).T])
        return Answer(names, coef if task.family == "categorical" else coef[:, 0])

    return Lap(lap, (X, y, weight))


def estimator(task: Task, solver: str) -> Any:
    """The estimator of a task."""
    from sklearn import linear_model as lm

    most = SECOND_ORDER.get(solver, task.steps)
    if task.family not in CLASSES:
        power = {"poisson": 1, "tweedie": TWEEDIE, "gamma": 2}[task.family]
        return lm.TweedieRegressor(
            power=power, link="log", alpha=task.ridge, solver=solver, tol=task.tol, max_iter=most
        )
    options = {"intercept_scaling": 100} if solver == "liblinear" else {}
    strict = task.tol * (1e-3 if solver in ("saga", "sag", "liblinear") else 1)
    C = 1 / (task.rows * task.ridge) if task.ridge else np.inf
    return lm.LogisticRegression(C=C, solver=solver, tol=strict, max_iter=most, random_state=0, **options)


def manner(solver: str, takes: Takes) -> Contestant:
    """A contestant for a solver."""
    return Contestant("sklearn", solver, partial(start, solver=solver), takes, ONE_OR_ALL)


CONTESTANTS = (
    manner("newton-cholesky", Takes((*MEANS, *CLASSES), ALL, columns=1000)),
    manner("lbfgs", Takes((*MEANS, *CLASSES), ALL)),
    manner("newton-cg", Takes(CLASSES, ALL)),
    manner("liblinear", Takes(("bernoulli",), ("sparse",), penalised=True)),
    manner("saga", Takes(CLASSES, ("sparse",), penalised=True)),
    manner("sag", Takes(CLASSES, ("sparse",), penalised=True)),
)
