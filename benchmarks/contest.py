"""A race as a report: all contestants of a task, seconds beside the referee's gradient and memory."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from math import isfinite, nan

import numpy as np

from benchmarks import check, machine
from benchmarks.competitors import contestants
from benchmarks.memory import Memory, measure
from benchmarks.problem import Problem, Settings
from benchmarks.race import Result, race
from benchmarks.table import Bar, Report
from benchmarks.task import Array, Contestant, Task

COLUMNS = (
    "time / expfam", "median s", "min s", "laps", "max|gradient|/n", "max|eta - eta_1|",
    "input MiB", "peak MiB", "peak / arrays",
)  # fmt: skip
CLOCK = (
    "expfam's clock includes design and certificate, on frames and files also reading and encoding; the others' starts "
    "with the data ready. time / expfam: of expfam with standard errors where a package has them, too.",
    "gradient: (1, X)'(w score)/sum w + penalty of every answer on one design, by NumPy, each of the objective "
    "it was asked; eta_1: the linear predictors of the first row.",
    "input: memory before the fit, data ready; peak: highest during the fit, in a process of its own; peak / arrays: "
    "(arrays handed in + growth during the fit) / arrays handed in.",
)
SHORT = 10.0
"""An answer whose gradient is more than so many times the task's stopped short, and its bar is pale."""
SYMMETRIC = "A package that penalises all k classes, not k - 1, has another optimum: its eta differs, not its quality."

Note = Callable[[Task, Sequence[Result]], Sequence[str]]


def no_note(task: Task, found: Sequence[Result]) -> Sequence[str]:
    """Nothing to add."""
    return ()


def contest(
    name: str,
    question: str,
    tasks: Callable[[Settings], Sequence[Task]],
    extra: tuple[Contestant, ...] = (),
    note: Note = no_note,
) -> Problem:
    """The problem of racing some tasks."""

    def run(settings: Settings) -> tuple[Report, ...]:
        measured = partial(measure, name, settings=settings) if settings.memory else no_memory
        return tuple(
            report(task, settings, extra, note, partial(measured, k)) for k, task in enumerate(cases(settings))
        )

    def cases(settings: Settings) -> Sequence[Task]:
        return [replace(task, steps=100) if settings.quick else task for task in tasks(settings)]

    return Problem(name, question, run, cases, extra)


def no_memory(case: int, contestant: str) -> Memory | None:
    """Where memory is not asked for."""
    return None


def report(
    task: Task,
    settings: Settings,
    extra: tuple[Contestant, ...],
    note: Note,
    memory: Callable[[str], Memory | None],
) -> Report:
    """All contestants on one machine in one run."""
    packages = tuple(p for p in ("expfam", *settings.against) if machine.installed(p))
    absent = sorted({*settings.against} - {*packages})
    everyone = race(task, (*contestants(task, packages), *extra), settings.repeat, settings.limit)
    found = [r for r in everyone if r.answer is not None]
    notes = (
        *note(task, everyone),
        *((SYMMETRIC,) if task.family == "categorical" and task.ridge else ()),
        *(line for r in found[1:] for line in agreement(r, alike(r, found))),
        *threads_used(found),
        *(f"{r.contestant.name} failed: {r.failure}." for r in everyone if r.answer is None),
        *(f"{package} is not installed and was left out." for package in absent),
    )
    penalty = f", ridge {task.ridge:.2g}" if task.ridge else ""
    return Report(
        f"{task.title}: {task.rows:,} rows, {task.columns:,} coefficients{penalty}",
        ("", *COLUMNS),
        tuple(row(task, r, found, memory(r.contestant.name)) for r in found),
        notes,
        tuple(
            bar(task, r, found) for r in found if r.contestant not in extra and found[0].contestant.package == "expfam"
        ),
    )


def threads_used(found: Sequence[Result]) -> Sequence[str]:
    """Who raced with which number of BLAS threads."""
    chosen = ", ".join(f"{r.contestant.name} {r.blas or 'all'}" for r in found if len(r.contestant.blas) > 1)
    return (f"BLAS threads, the faster of one and all in the warm-up: {chosen}.",) if chosen else ()


def alike(result: Result, found: Sequence[Result]) -> Result:
    """Whom a result is measured by: the first, or the first with standard errors where another package has them."""
    if result.contestant.package == found[0].contestant.package or not with_errors(result):
        return found[0]
    return next((r for r in found if r.contestant.package == found[0].contestant.package and with_errors(r)), found[0])


def with_errors(result: Result) -> bool:
    """Does the answer have standard errors?"""
    return result.answer is not None and result.answer.se is not None


def row(task: Task, result: Result, found: Sequence[Result], memory: Memory | None) -> tuple[str, ...]:
    """One line of the table."""
    first = found[0]
    taken = ("-",) * 3 if memory is None else (f"{memory.before:,.0f}", f"{memory.peak:,.0f}", ratio(memory.ratio))
    return (
        result.contestant.name,
        ratio(relative(result, alike(result, found))),
        f"{result.median:.3g}",
        f"{min(result.seconds):.3g}",
        str(len(result.seconds)),
        number(optimality(task, result)),
        number(distance(task, result, first)),
        *taken,
    )


def relative(result: Result, first: Result) -> float:
    """time / expfam; NaN where expfam has none."""
    return result.median / first.median if first.contestant.package == "expfam" else nan


def ratio(x: float) -> str:
    """Two decimals, or a dash."""
    return number(x, ".2f")


def bar(task: Task, result: Result, found: Sequence[Result]) -> Bar:
    """One bar of the plot."""
    name = result.contestant.name
    goal = None if result is found[0] else next((g for start, g in task.goal.items() if name.startswith(start)), None)
    return Bar(
        name, result.median, relative(result, alike(result, found)), goal, optimality(task, result) <= SHORT * task.tol
    )


def number(x: float, form: str = ".1e") -> str:
    """A number, or a dash for none."""
    return format(x, form) if isfinite(x) else "-"


def optimality(task: Task, result: Result) -> float:
    """max_j |gradient_j| / n: how far an answer is from the optimum of its own objective."""
    ready, theta = task.ready, coefficients(result)
    if not np.isfinite(theta).all():
        return nan
    family, t = task.family, ready.y
    if family == "categorical":
        family = "softmax" if theta.shape[1] == task.classes else family
        t = (ready.y[:, None] == np.arange(theta.shape[1])).astype(float)
    g = check.gradient(family, ready.design.X, t, theta, ready.offset, ready.weight, task.ridge)
    return float(np.abs(g).max())


def distance(task: Task, result: Result, first: Result) -> float:
    """max_i |eta_i - eta_1i| over rows and contrasts of classes with the last."""
    one, other = (contrasts(coefficients(r), task) for r in (result, first))
    away = check.linear(task.ready.design.X, one - other)
    return float(np.abs(away).max()) if np.isfinite(away).all() else nan


def contrasts(theta: Array, task: Task) -> Array:
    """Coefficients relative to the last class, where all classes have some."""
    every = task.family == "categorical" and theta.shape[1] == task.classes
    return theta[:, :-1] - theta[:, -1:] if every else theta


def coefficients(result: Result) -> Array:
    """theta; a column that was left out has none and counts as 0."""
    assert result.answer is not None
    names, theta = result.answer.names, result.answer.coef
    return theta if np.isnan(theta).all() else np.nan_to_num(theta) if len(names) > 1 else theta


def agreement(result: Result, first: Result) -> Sequence[str]:
    """The largest relative difference of standard errors from expfam's, where both have them."""
    assert result.answer is not None
    assert first.answer is not None
    se, reference = result.answer.se, first.answer.se
    if se is None or reference is None:
        return ()
    away = np.nanmax(np.abs(se - reference) / reference)
    return (f"{result.contestant.name}: standard errors within {away:.1e} of expfam's, relatively.",)
