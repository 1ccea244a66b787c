"""Who takes part: one file a package, one line here."""

from collections.abc import Iterator

from benchmarks.competitors import expfam, glum, r, sklearn, statsmodels
from benchmarks.task import Contestant, Task

COMPETITORS: dict[str, tuple[Contestant, ...]] = {
    "expfam": expfam.CONTESTANTS,
    "glum": glum.CONTESTANTS,
    "sklearn": sklearn.CONTESTANTS,
    "statsmodels": statsmodels.CONTESTANTS,
    "R": r.GLM,
    "glmnet": r.GLMNET,
}


def every() -> Iterator[Contestant]:
    """All contestants."""
    return (c for some in COMPETITORS.values() for c in some)


def contestants(task: Task, packages: tuple[str, ...] = tuple(COMPETITORS)) -> tuple[Contestant, ...]:
    """The contestants of some packages that take a task."""
    return tuple(c for package in packages for c in COMPETITORS[package] if c.takes(task))
