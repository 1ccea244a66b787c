"""statsmodels' GLM on a ready-made dense design: only the fit, which brings standard errors, is on the clock.

Its default least squares by `lstsq` is the fastest of its three (QR, pseudo-inverse). It takes about 4 GB on freMTPL2.
It has no ridge of this kind. It stops when the deviance changes by less than 1e-14 of itself; its default, an absolute
1e-8, is never met where the deviance is large.
"""

import numpy as np

from benchmarks.check import TWEEDIE
from benchmarks.task import ONE_OR_ALL, Answer, Contestant, Lap, Takes, Task


def start(task: Task) -> Lap:
    """Dense matrix with the intercept, response, weight and offset ready before the clock."""
    from statsmodels.genmod import families
    from statsmodels.genmod.families.links import Log
    from statsmodels.genmod.generalized_linear_model import GLM

    ready = task.ready
    X = ready.design.X if task.layout == "dense" else ready.design.X.toarray()
    X = np.column_stack([np.ones(task.rows), X])
    kinds = {
        "poisson": families.Poisson,
        "bernoulli": families.Binomial,
        "gamma": lambda: families.Gamma(Log()),
        "tweedie": lambda: families.Tweedie(Log(), var_power=TWEEDIE),
    }

    def lap() -> Answer:
        model = GLM(ready.y, X, family=kinds[task.family](), offset=ready.offset, var_weights=ready.weight)
        fit = model.fit(tol=0, rtol=1e-14)
        return Answer(ready.design.names, np.asarray(fit.params), np.asarray(fit.bse))

    return Lap(lap, (X, ready.y, ready.offset, ready.weight))


TAKES = Takes(("poisson", "bernoulli", "gamma", "tweedie"), ("frame", "dense"), penalised=False, flops=4e10)
CONTESTANTS = (Contestant("statsmodels", "ready dense design", start, TAKES, ONE_OR_ALL),)
