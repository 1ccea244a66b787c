"""scikit-learn's newton-cholesky on a ready-made sparse one-hot matrix: only `fit` is on the clock, no standard errors.

It has no offset: the rate weighted by exposure is the same likelihood. The first level of each factor is left out, for
with all of them its Hessian is singular and it would fall back to L-BFGS. CSR beat CSC and dense matrices in either
order.
"""

from collections.abc import Callable

import numpy as np

from benchmarks.task import Answer, Contestant, Task


def start(task: Task) -> Callable[[], Answer]:
    """One-hot matrix, rate and weight ready before the clock."""
    from sklearn.linear_model import PoissonRegressor  # type: ignore[import-untyped]

    ready = task.ready
    names, X, rate = ready.design.names, ready.design.X[:, 1:], ready.rate

    def lap() -> Answer:
        regressor = PoissonRegressor(alpha=0, solver="newton-cholesky", tol=1e-8, max_iter=100)
        regressor.fit(X, rate, sample_weight=ready.exposure)
        return Answer(names, np.append(regressor.intercept_, regressor.coef_))

    return lap


CONTESTANTS = (Contestant("sklearn", "ready one-hot CSR, newton-cholesky", start, ("poisson",)),)
