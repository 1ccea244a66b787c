"""expfam, everything on the clock: reading, parsing, learning levels, design, fit and certificate.

A large fit reads its standard errors when they are first asked for, as others that have any take them: so there is a
contestant with them and one without, up to 1000 coefficients; past them nobody looks at all.
"""

from functools import partial
from typing import Any

from benchmarks.check import TWEEDIE
from benchmarks.task import Answer, Contestant, Lap, Task

MOST = 1000


def from_frame(task: Task, errors: bool = False) -> Lap:
    """A formula on the raw pandas frame, read before the clock starts."""
    assert task.raw is not None
    _load()
    frame = task.raw()
    return Lap(partial(_formula, task, frame, errors), (frame,))


def from_parquet(task: Task) -> Lap:
    """A formula on the path of the file."""
    _load()
    return Lap(partial(_formula, task, task.path, False))


def from_arrays(task: Task, errors: bool = False) -> Lap:
    """The matrix as it is, C-ordered or CSR, and the response."""
    _load()
    return Lap(partial(_arrays, task, errors), (task.ready.X, task.ready.y))


def _load() -> None:
    """The compiled kernels, as the others' come with an import; a large fit's would come with the warm-up."""
    import expfam as ef

    ef.warmup()


def _formula(task: Task, data: Any, errors: bool) -> Answer:
    import expfam as ef

    return _answer(ef.glm(task.formula or "", data, **_options(task)), errors)


def _arrays(task: Task, errors: bool) -> Answer:
    import expfam as ef

    return _answer(ef.glm_arrays(task.ready.X, task.ready.y, **_options(task)), errors)


def _options(task: Task) -> dict[str, Any]:
    import expfam as ef

    family = ef.families.Tweedie(TWEEDIE) if task.family == "tweedie" else task.family
    link = {"link": "log"} if task.family == "gamma" else {}
    penalty = ef.Ridge(task.ridge) if task.ridge else None
    return {"family": family, **link, "penalty": penalty, "tol": task.tol, **task.options}


def _answer(fit: Any, errors: bool) -> Answer:
    return Answer(fit.names, fit.coef, fit.se if errors else None)


CONTESTANTS = (
    Contestant("expfam", "formula, pandas frame", from_frame, lambda task: task.raw is not None),
    Contestant(
        "expfam", "formula, pandas frame, standard errors", partial(from_frame, errors=True),
        lambda task: task.raw is not None and task.columns <= MOST,
    ),
    Contestant("expfam", "formula, Parquet path", from_parquet, lambda task: task.path is not None),
    Contestant("expfam", "arrays", from_arrays, lambda task: task.layout != "frame"),
    Contestant(
        "expfam", "arrays, standard errors", partial(from_arrays, errors=True),
        lambda task: task.layout != "frame" and task.columns <= MOST,
    ),
)  # fmt: skip
