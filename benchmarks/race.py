"""Who is how fast: warm-up, then all in turn, forwards and backwards, the median of the laps."""

import gc
import signal
import sys
import warnings
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from statistics import median
from time import perf_counter
from typing import Any

from threadpoolctl import threadpool_limits

from benchmarks.task import Answer, Contestant, Lap, Task

LONG, VERY_LONG = 10.0, 60.0
"""Seconds: a fit longer than the first has three laps at most, one longer than the second counts by its warm-up."""


@dataclass(frozen=True, slots=True)
class Result:
    """A contestant, its seconds lap by lap, its last answer or why it has none, and its BLAS threads (None: all)."""

    contestant: Contestant
    seconds: tuple[float, ...] = ()
    answer: Answer | None = None
    failure: str = ""
    blas: int | None = None

    @property
    def median(self) -> float:
        """The median of the laps."""
        return median(self.seconds)


def race(task: Task, contestants: Sequence[Contestant], repeat: int, limit: float) -> tuple[Result, ...]:
    """Every contestant `repeat` times in alternating order, so that a drift of the machine meets all alike.

    A warm-up longer than `limit` seconds is stopped.
    """
    with ExitStack() as cleaning:
        laps: list[Lap | None] = []
        found: list[Result] = []
        for contestant in contestants:
            lap, result = warm_up(task, contestant, limit)
            laps.append(lap)
            found.append(result)
            if lap is not None:
                cleaning.callback(lap.close)
        wanted = [0 if lap is None else turns(r.seconds[0], repeat) for lap, r in zip(laps, found, strict=True)]
        seconds: list[list[float]] = [[] for _ in laps]
        for turn in range(repeat):
            order = range(len(laps)) if turn % 2 == 0 else reversed(range(len(laps)))
            for k in order:
                lap = laps[k]
                if lap is not None and turn < wanted[k]:
                    seconds[k].append(timed(lap)[0])
        return tuple(replace(r, seconds=tuple(s) or r.seconds) for r, s in zip(found, seconds, strict=True))


def warm_up(task: Task, contestant: Contestant, limit: float) -> tuple[Lap | None, Result]:
    """The first fit, which loads and compiles; a contestant that fails at it is told of and left out."""
    lap = None
    try:
        with quiet():
            lap = contestant.start(task)
        lap, seconds, answer = fastest(lap, contestant.blas, limit)
        return lap, Result(contestant, (seconds,), answer.at(task.ready.design.names), blas=lap.blas)
    except Exception as error:  # whatever a package raises on a problem is its result there
        if lap is not None:
            lap.close()
        return None, Result(contestant, failure=f"{type(error).__name__}: {error}")


def fastest(lap: Lap, blas: Sequence[int | None], limit: float) -> tuple[Lap, float, Answer]:
    """The lap with the number of BLAS threads that is fastest, its seconds and its answer."""
    best: tuple[Lap, float, Answer] | None = None
    for threads in blas:
        if best is not None and best[1] > LONG and threads == best[0].blas:
            continue  # loading is no part of so long a time
        try:
            seconds, answer = timed(replace(lap, blas=threads), limit if best is None else min(limit, best[1] + 1))
        except Stopped:
            if best is None:
                raise
            continue
        if best is None or seconds < best[1]:
            best = replace(lap, blas=threads), seconds, answer
    assert best is not None
    return best


class Stopped(TimeoutError):
    """A fit took longer than it may."""


@contextmanager
def stopped_after(limit: float) -> Iterator[None]:
    """Stopped is raised inside the block after `limit` seconds (0: never), at the next step that Python sees.

    Where that step is a callback or a finaliser, which C calls, Python reports the error and goes on: such a report
    is left out, and a second later it is raised again.
    """

    def stop(*_: Any) -> None:
        raise Stopped(f"stopped after {limit:g} s")

    def report(lost: Any) -> None:
        if lost.exc_type is not Stopped:
            reporting(lost)

    before, reporting = signal.signal(signal.SIGALRM, stop), sys.unraisablehook
    sys.unraisablehook = report
    signal.setitimer(signal.ITIMER_REAL, limit, 1.0)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
        sys.unraisablehook = reporting


def turns(warm: float, repeat: int) -> int:
    """How many laps after a warm-up of so many seconds?"""
    return repeat if warm <= LONG else min(repeat, 3) if warm <= VERY_LONG else 0


def timed(lap: Lap, limit: float = 0.0) -> tuple[float, Answer]:
    """One lap's wall seconds and its answer; warnings are for users, the referee looks for himself.

    Stopped if it takes more than `limit` seconds (0: none), of which collecting others' garbage first is no part.
    """
    gc.collect()
    with quiet(), threadpool_limits(lap.blas, "blas"), stopped_after(limit):
        began = perf_counter()
        answer = lap.fit()
        took = perf_counter() - began
    return took if answer.seconds is None else answer.seconds, answer


@contextmanager
def quiet() -> Iterator[None]:
    """No warnings inside the block."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
