"""Who is how fast: warm-up, then all in turn, forwards and backwards, the median of the repeats."""

import gc
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median
from time import perf_counter

from benchmarks.task import Answer, Contestant, Task


@dataclass(frozen=True, slots=True)
class Result:
    """A contestant, its seconds lap by lap, and its last answer."""

    contestant: Contestant
    seconds: tuple[float, ...]
    answer: Answer

    @property
    def median(self) -> float:
        """The median of the laps."""
        return median(self.seconds)


def race(task: Task, contestants: Sequence[Contestant], repeat: int) -> tuple[Result, ...]:
    """Every contestant `repeat` times in alternating order, so that a drift of the machine meets all alike."""
    laps = [contestant.start(task) for contestant in contestants]
    answers = [timed(lap)[1] for lap in laps]
    seconds: list[list[float]] = [[] for _ in laps]
    for turn in range(repeat):
        order = range(len(laps)) if turn % 2 == 0 else reversed(range(len(laps)))
        for k in order:
            if turn < contestants[k].most:
                took, answers[k] = timed(laps[k])
                seconds[k].append(took)
    return tuple(map(Result, contestants, map(tuple, seconds), answers))


def timed(lap: Callable[[], Answer]) -> tuple[float, Answer]:
    """One lap's wall seconds and its answer; warnings are for users, the referee looks for himself."""
    gc.collect()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        began = perf_counter()
        answer = lap()
        return perf_counter() - began, answer
