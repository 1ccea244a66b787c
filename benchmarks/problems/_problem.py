"""What a problem is: a name, the question it answers, and a way to a report."""

from collections.abc import Callable
from dataclasses import dataclass

from benchmarks.data import Absent
from benchmarks.table import Report
from benchmarks.task import Task


@dataclass(frozen=True, slots=True)
class Settings:
    """How often to repeat, against which packages, and whether to measure memory (each in a process of its own)."""

    repeat: int = 3
    against: tuple[str, ...] = ("glum",)
    memory: bool = True


def _no_task() -> Task:
    raise Absent("this problem is not one model for many packages")


@dataclass(frozen=True, slots=True)
class Problem:
    """`run(settings)` answers `question`; `task()` is the model that the competitors share, where there is one."""

    name: str
    question: str
    run: Callable[[Settings], Report]
    task: Callable[[], Task] = _no_task
