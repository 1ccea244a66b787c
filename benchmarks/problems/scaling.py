"""Does time grow no faster than the arithmetic? Rows x 10, columns x 2, one fit after a warm-up on the smallest.

dense: logistic, the generator of `logistic`. coded: Poisson on four factors. sparse: logistic, 1% of the entries.
A Newton step costs n p^2, a reading of X n p; the growth of a whole fit lies between the two, or below where a small
fit is dominated by what does not grow.
"""

from collections.abc import Callable, Sequence
from itertools import pairwise
from statistics import median
from typing import Any

import numpy as np

from benchmarks.contest import number
from benchmarks.problem import Problem, Settings
from benchmarks.problems import logistic
from benchmarks.race import timed
from benchmarks.table import Report
from benchmarks.task import Answer, Lap

COLUMNS = ("rows", "columns", "median s", "growth", "of n p^2", "of n p")
Size = tuple[int, int]
Fit = Callable[[], Any]


def dense(n: int, p: int) -> Fit:
    """Logistic regression on n x p correlated Gaussian columns."""
    import expfam as ef

    ready = logistic.simulate(n, p)
    return lambda: ef.glm_arrays(ready.X, ready.y, family="bernoulli")


def coded(n: int, p: int) -> Fit:
    """Poisson regression on four factors with p coefficients in all."""
    import expfam as ef

    draw = np.random.default_rng(p)
    codes = {name: draw.integers(0, p // 4 + 1, n) for name in "abcd"}
    frame = {name: np.array([f"L{k:03d}" for k in range(p // 4 + 1)])[code] for name, code in codes.items()}
    y = draw.poisson(np.exp(-1 + 0.02 * sum(codes.values()) / p))
    return lambda: ef.glm("y ~ a + b + c + d", {"y": y, **frame}, family="poisson")


def sparse(n: int, p: int) -> Fit:
    """Logistic regression with a ridge on n x p columns, 1% of whose entries are not 0."""
    from scipy.sparse import random_array

    import expfam as ef

    draw = np.random.default_rng(p)
    X: Any = random_array((n, p), density=0.01, format="csr", rng=draw, data_sampler=draw.standard_normal)
    y = (draw.random(n) < 1 / (1 + np.exp(-(X @ draw.standard_normal(p))))).astype(float)
    return lambda: ef.glm_arrays(X, y, family="bernoulli", penalty=ef.Ridge(1 / n))


LADDERS: dict[str, tuple[Callable[[int, int], Fit], tuple[Size, ...]]] = {
    "dense, rows": (dense, ((10_000, 20), (100_000, 20), (1_000_000, 20))),
    "dense, columns": (dense, ((100_000, 50), (100_000, 100), (100_000, 200), (100_000, 400))),
    "coded, rows": (coded, ((10_000, 80), (100_000, 80), (1_000_000, 80))),
    "coded, columns": (coded, ((500_000, 40), (500_000, 80), (500_000, 160))),
    "sparse, rows": (sparse, ((10_000, 500), (100_000, 500), (1_000_000, 500))),
    "sparse, columns": (sparse, ((100_000, 500), (100_000, 1000), (100_000, 2000))),
}


def run(settings: Settings) -> tuple[Report, ...]:
    """All ladders; one that cannot be fitted is told."""
    rows: list[tuple[str, ...]] = []
    notes = [
        "growth: time over the line above; of n p^2, of n p: what the arithmetic of a step, of a reading grows by."
    ]
    for name, (make, sizes) in LADDERS.items():
        chosen = [(n // 100, p) for n, p in sizes] if settings.quick else sizes
        try:
            rows += lines(name, make, chosen, settings.repeat)
        except Exception as error:  # told in the report
            notes.append(f"{name} failed: {type(error).__name__}: {error}.")
    return (Report("Growth of a whole fit", ("", *COLUMNS), tuple(rows), tuple(notes)),)


def lines(name: str, make: Callable[[int, int], Fit], sizes: Sequence[Size], repeat: int) -> list[tuple[str, ...]]:
    """A line for each size."""
    measured(make(*sizes[0]), 1)
    seconds = [median(measured(make(n, p), repeat)) for n, p in sizes]
    growth = ["-", *(number(after / before, ".1f") for before, after in pairwise(seconds))]
    full, linear = (
        ["-", *(f"{(m * q**power) / (n * p**power):.0f}" for (n, p), (m, q) in pairwise(sizes))] for power in (2, 1)
    )
    return [
        (name, f"{n:,}", str(p), f"{s:.3g}", *ratios)
        for (n, p), s, *ratios in zip(sizes, seconds, growth, full, linear, strict=True)
    ]


def measured(fit: Fit, repeat: int) -> list[float]:
    """Seconds of some laps."""

    def lap() -> Answer:
        made = fit()
        return Answer(made.names, made.coef)

    return [timed(Lap(lap))[0] for _ in range(repeat)]


PROBLEM = Problem("scaling", "Does time grow no faster than the arithmetic, in rows and in columns?", run)
