"""What does a fit cost that has nothing to compute? Logistic regression on 20 x 3 and 1,000 x 10, and the first fits.

Columns and response are those of `logistic`. A fit is made a hundred times a lap, packages in turns; the least time
counts, for a machine adds to so short a time and never takes off. A first fit is that of a new process, `import expfam`
on its clock; "cold" finds no compiled kernels on disk and is made to compile them, which by itself it would do only
for more work. Factors are of twelve levels, and alone beside one column of numbers.
"""

import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from functools import partial
from statistics import median
from time import perf_counter

from benchmarks import machine
from benchmarks.competitors import contestants
from benchmarks.problem import Problem, Settings
from benchmarks.problems import logistic
from benchmarks.race import quiet
from benchmarks.table import Report
from benchmarks.task import Lap, Task

SIZES = {3: 20, 10: 1_000}
GOALS = "Goal for expfam: less than 1 ms for 20 x 3 and less than 1.5 ms for 1,000 x 10."
FITS = 100
LARGE = 1_000_000, 5
FIRST: Mapping[str, tuple[tuple[int, int], bool, str]] = {
    "20 x 3": ((20, 3), False, "numbers"),
    "1,000,000 x 5": (LARGE, False, "numbers"),
    "1,000,000 x 5, cold": (LARGE, True, "numbers"),
    "1,000,000 x 5 factors, cold": (LARGE, True, "factors"),
    "1,000,000 x 5 numbers and 5 factors, cold": (LARGE, True, "both"),
    "1,000,000 x 5, four classes, cold": (LARGE, True, "classes"),
    "1,000,000 x 5, SGD, cold": (LARGE, True, "sgd"),
    "1,000,000 x 5, SGD(step='normalised'), cold": (LARGE, True, "normalised"),
}
"""Rows and columns; whether nothing is compiled yet; which fit."""
SCRIPT = """
import sys
from time import perf_counter
began = perf_counter()
import numpy as np
import expfam as ef
ef.glm_arrays
loaded = perf_counter()
(n, p, cold), kind = map(int, sys.argv[1:4]), sys.argv[4]
if cold:
    import expfam.kernels.ready as ready
    ready.ABSENT = 1
draw = np.random.default_rng(p)
X = draw.standard_normal((n, p))
y = (draw.random(n) < 1 / (1 + np.exp(-X[:, 0]))).astype(float)
numbers = {f"x{j}": X[:, j].copy() for j in range(p)}
data = {"y": y, **numbers, **{f"g{j}": draw.integers(0, 12, n) for j in range(p)}}
some, factors = "y ~ " + " + ".join(numbers), " + ".join(f"C(g{j})" for j in range(p))
fits = {
    "numbers": lambda: ef.glm_arrays(X, y, family="bernoulli"),
    "factors": lambda: ef.glm(f"y ~ x0 + {factors}", data, family="bernoulli"),
    "both": lambda: ef.glm(f"{some} + {factors}", data, family="bernoulli"),
    "classes": lambda: ef.glm_arrays(X, data["g0"] // 3, family="categorical"),
    "sgd": lambda: ef.glm_arrays(X, y, family="bernoulli", solver="sgd"),
    "normalised": lambda: ef.glm_arrays(X, y, family="bernoulli", solver=ef.SGD(step="normalised")),
}
for _ in range(2):
    start = perf_counter()
    fits[kind]()
    print(perf_counter() - start)
print(loaded - began)
"""


def run(settings: Settings) -> tuple[Report, ...]:
    """A table of fits that come again and again, and one of first fits."""
    return again(settings), first(settings)


def again(settings: Settings) -> Report:
    """Each package that fits in this process, milliseconds a fit."""
    rows: list[tuple[str, ...]] = []
    there = ("expfam", *filter(machine.installed, settings.against))
    for p, n in SIZES.items():
        task = Task(f"{n} x {p}", "bernoulli", "dense", partial(logistic.simulate, n, p))
        with quiet():
            laps = {c.name: c.start(task) for c in contestants(task, there)}
            found = in_turns({name: lap for name, lap in laps.items() if lap.pid is None}, settings)
        for lap in laps.values():
            lap.close()
        own = min(next(iter(found.values())))
        rows += [
            (f"{n:,} x {p}, {name}", f"{1e3 * min(s):.2f}", f"{1e3 * median(s):.2f}", f"{min(s) / own:.2f}")
            for name, s in found.items()
        ]
    return Report("Small fits", ("", "least ms", "median ms", "least / expfam"), tuple(rows), (GOALS,))


def in_turns(laps: Mapping[str, Lap], settings: Settings) -> dict[str, list[float]]:
    """Seconds of every fit."""
    seconds: dict[str, list[float]] = {name: [] for name in laps}
    for _ in range(settings.repeat + 1):
        for name, lap in laps.items():
            for _ in range(5 if settings.quick else FITS):
                began = perf_counter()
                lap.fit()
                seconds[name].append(perf_counter() - began)
    return seconds


def first(settings: Settings) -> Report:
    """Seconds until the first answer of a process."""
    rows = []
    for name, ((n, p), cold, kind) in FIRST.items():
        n = n // 5 if settings.quick else n  # still work for compiled kernels
        loaded, new, repeated = (
            min(part) for part in zip(*(fresh(n, p, cold, kind) for _ in range(settings.repeat)), strict=True)
        )
        rows.append((name, f"{loaded:.2f}", f"{new:.2f}", f"{repeated:.4f}", f"{new - repeated:.2f}"))
    columns = ("", "import s", "first fit s", "again s", "first - again")
    notes = ("Least of the laps. Goal: compiling takes less than 3 s cold, for any one fit.",)
    return Report("First fits of a process", columns, tuple(rows), notes)


def fresh(n: int, p: int, cold: bool, kind: str) -> tuple[float, float, float]:
    """Seconds of import, first and second fit in a new process, with an empty folder for compiled kernels if `cold`.

    Python may keep its bytecode, as it does of a package that is installed.
    """
    with tempfile.TemporaryDirectory(prefix="expfam-cold-") as folder:
        there = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
        own = {"NUMBA_CACHE_DIR": folder} if cold else {}
        command = [sys.executable, "-c", SCRIPT, *map(str, (n, p, int(cold), kind))]
        done = subprocess.run(command, env={**there, **own}, capture_output=True, text=True, check=True)
    new, repeated, loaded = map(float, done.stdout.split())
    return loaded, new, repeated


PROBLEM = Problem("small", "What does a fit cost that has nothing to compute, and a first one?", run)
