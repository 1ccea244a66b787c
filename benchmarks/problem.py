"""What a problem is: a name, the question it answers, and a way to reports; most are races of the same model."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from benchmarks.table import Report
from benchmarks.task import Contestant, Task


@dataclass(frozen=True, slots=True)
class Settings:
    """How often to repeat, against which packages, whether to measure memory, on a few rows only, how many levels
    the problem `factor` has, and after how many seconds a fit is stopped.
    """

    repeat: int = 5
    against: tuple[str, ...] = ()
    memory: bool = True
    quick: bool = False
    levels: int = 50_000
    limit: float = 300.0

    def rows(self, few: int) -> int | None:
        """How many rows of a file to keep: None for all."""
        return few if self.quick else None

    def small(self) -> "Settings":
        """The same with a few rows."""
        return replace(self, quick=True)


def no_tasks(settings: Settings) -> Sequence[Task]:
    """The problem is not one model for many packages."""
    return ()


@dataclass(frozen=True, slots=True)
class Problem:
    """`run(settings)` answers `question`; `tasks` are the models that the competitors share, `extra` joins in here."""

    name: str
    question: str
    run: Callable[[Settings], tuple[Report, ...]]
    tasks: Callable[[Settings], Sequence[Task]] = no_tasks
    extra: tuple[Contestant, ...] = ()
