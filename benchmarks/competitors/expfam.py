"""expfam, everything on the clock: reading, parsing, learning levels, design, fit, standard errors, certificate."""

from collections.abc import Callable
from functools import partial
from typing import Any

from benchmarks.task import Answer, Contestant, Task

FAMILIES = ("gaussian", "bernoulli", "poisson", "categorical")


def from_frame(task: Task) -> Callable[[], Answer]:
    """A formula on the raw pandas frame, read before the clock starts."""
    return partial(_fit, task, task.raw())


def from_parquet(task: Task) -> Callable[[], Answer]:
    """A formula on the path of the file."""
    return partial(_fit, task, task.path)


def _fit(task: Task, data: Any) -> Answer:
    import expfam as ef

    fit = ef.glm(task.formula, data, family=task.family, **task.options)
    return Answer(fit.names, fit.coef, fit.se)


CONTESTANTS = (
    Contestant("expfam", "formula, Parquet path", from_parquet, FAMILIES),
    Contestant("expfam", "formula, pandas frame", from_frame, FAMILIES),
)
