"""glum on ready-made pandas categoricals: only `fit` is on the clock, without standard errors.

The rate weighted by exposure and the count with an offset have the same likelihood; glum is no slower with the first.
Its `gradient_tol` bounds the L1 norm on centred columns. As it comes (`hessian_approx=0`) it stops at max|gradient|/n
near 1e-7 and needs many more iterations for 1e-8; `hessian_approx=0.1` goes below 1e-9 in about the same time. Both are
shown. A ready `tabmat.SplitMatrix` in place of the frame, `check_input=False`, `copy_X=False` and
`scale_predictors=True` gain nothing; lbfgs is slower.
"""

from collections.abc import Callable
from functools import partial

import numpy as np

from benchmarks.task import Answer, Contestant, Task


def start(task: Task, **options: float) -> Callable[[], Answer]:
    """Everything ready before the clock: categoricals, rate, weight, and the estimator."""
    from glum import GeneralizedLinearRegressor  # type: ignore[import-untyped]

    ready = task.ready
    rate = ready.rate

    def lap() -> Answer:
        regressor = GeneralizedLinearRegressor(
            family=task.family, alpha=0, drop_first=True, gradient_tol=1e-7, max_iter=100, **options
        )
        regressor.fit(ready.frame, rate, sample_weight=ready.exposure)
        return Answer(("Intercept", *regressor.feature_names_), np.append(regressor.intercept_, regressor.coef_))

    return lap


CONTESTANTS = (
    Contestant("glum", "ready categoricals, hessian_approx=0.1", partial(start, hessian_approx=0.1), ("poisson",)),
    Contestant("glum", "ready categoricals, as it comes", start, ("poisson",)),
)
