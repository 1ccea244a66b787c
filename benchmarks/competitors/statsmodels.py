"""statsmodels' GLM on a ready-made dense design: only the fit, which brings standard errors, is on the clock.

Its default least squares by `lstsq` is the fastest of its three (QR, pseudo-inverse). It takes about 4 GB on freMTPL2.
"""

from collections.abc import Callable

import numpy as np

from benchmarks.task import Answer, Contestant, Task


def start(task: Task) -> Callable[[], Answer]:
    """Dense matrix, count and offset ready before the clock."""
    from statsmodels.genmod.families import Poisson  # type: ignore[import-untyped]
    from statsmodels.genmod.generalized_linear_model import GLM  # type: ignore[import-untyped]

    ready = task.ready
    names, X, offset = ready.design.names, ready.design.X.toarray(), ready.offset

    def lap() -> Answer:
        fit = GLM(ready.y, X, family=Poisson(), offset=offset).fit()
        return Answer(names, np.asarray(fit.params), np.asarray(fit.bse))

    return lap


CONTESTANTS = (Contestant("statsmodels", "ready dense design", start, ("poisson",), most=1),)
