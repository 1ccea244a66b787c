"""glum on ready-made data: only `fit` is on the clock, without standard errors.

A frame has its categoricals ready; the rate weighted by exposure and the count with an offset have the same likelihood,
and glum is no slower with the first. A matrix is in the order it likes, Fortran's; a sparse one is CSC. Its
`gradient_tol` bounds the L1 norm on centred columns. As it comes (`hessian_approx=0`) it stops on freMTPL2 at
max|gradient|/n near 1e-7 and needs many more iterations for 1e-8; `hessian_approx=0.1` goes below 1e-9 in about the
same time. Both are shown. A ready `tabmat.SplitMatrix` in place of the frame, `check_input=False`, `copy_X=False` and
`scale_predictors=True` gain nothing; lbfgs is slower. A factor of 10,000 levels takes it minutes and 7 GB, growing with
the square.
"""

from functools import partial
from typing import Any

import numpy as np

from benchmarks.check import TWEEDIE
from benchmarks.task import ONE_OR_ALL, Answer, Contestant, Lap, Takes, Task

FAMILIES = {"poisson": "poisson", "gamma": "gamma", "bernoulli": "binomial", "tweedie": f"tweedie({TWEEDIE})"}


def start(task: Task, **options: float) -> Lap:
    """Everything ready before the clock: categoricals or matrix, rate, weight."""
    from glum import GeneralizedLinearRegressor

    ready = task.ready
    X, y, weight = laid_out(task), ready.rate, ready.rate_weight
    link = "logit" if task.family == "bernoulli" else "log"

    def lap() -> Answer:
        regressor = GeneralizedLinearRegressor(
            family=FAMILIES[task.family], link=link, alpha=task.ridge, drop_first=True,
            gradient_tol=10 * task.tol, max_iter=100, **options,
        )  # fmt: skip
        regressor.fit(X, y, sample_weight=weight)
        names = regressor.feature_names_ if task.layout == "frame" else ready.design.names[1:]
        return Answer(("Intercept", *names), np.append(regressor.intercept_, regressor.coef_))

    return Lap(lap, (X, y, weight))


def laid_out(task: Task) -> Any:
    """The columns as glum likes them."""
    from scipy import sparse

    X = task.ready.X
    if task.layout == "frame":
        return X
    return np.asfortranarray(X) if task.layout == "dense" else sparse.csc_matrix(X)


TAKES = Takes(tuple(FAMILIES), ("frame", "dense", "sparse"), columns=12_000)
CONTESTANTS = (
    Contestant("glum", "hessian_approx=0.1", partial(start, hessian_approx=0.1), TAKES, ONE_OR_ALL),
    Contestant("glum", "as it comes", start, TAKES, ONE_OR_ALL),
)
