"""Logistic regression on correlated Gaussian columns: 1M x 20, 500k x 100, 200k x 400, maximum likelihood.

The rows of X are a stationary first-order autoregression: x_1 = z_1, x_j = rho x_(j-1) + sqrt(1 - rho^2) z_j,
z standard normal, rho = 0.5, so that cor(x_i, x_j) = rho^|i-j|. theta_j is normal with variance 1/p, the
intercept -1; y is drawn from the model. PCG64 with seed p.

Beside the packages runs one blocked X'WX in NumPy: blocks of rows in cache, `half.T @ half`, one BLAS thread each, all
cores. It is the floor of a second-order fit; the notes tell what the whole fit costs in its units.
"""

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import numpy as np

from benchmarks.contest import contest
from benchmarks.problem import Settings
from benchmarks.race import Result
from benchmarks.task import Answer, Array, Contestant, Lap, Ready, Task

SIZES = {20: 1_000_000, 100: 500_000, 400: 200_000}
CEILING = {20: 6, 100: 5, 400: 4}
"""Goals: the price of a whole fit in blocked Gram products."""
RHO = 0.5
BLOCK = 4_000_000 // 8  # entries of a block: 4 MB, in the shared cache of every machine we know


def tasks(settings: Settings) -> Sequence[Task]:
    """One task a size."""
    return tuple(task(settings.rows(2000) or n, p) for p, n in SIZES.items())


def task(n: int, p: int) -> Task:
    """n rows of p columns."""
    return Task("logistic, correlated columns", "bernoulli", "dense", partial(simulate, n, p), goal={"": 4})


def simulate(n: int, p: int) -> Ready:
    """X (n, p), C-ordered, and y, as the head of this file says."""
    draw = np.random.default_rng(p)
    X = draw.standard_normal((n, p))
    for j in range(1, p):
        X[:, j] = RHO * X[:, j - 1] + np.sqrt(1 - RHO**2) * X[:, j]
    theta = draw.standard_normal(p) / np.sqrt(p)
    return Ready(X, (draw.random(n) < 1 / (1 + np.exp(1 - X @ theta))).astype(float))


def gram(X: Array, w: Array) -> Array:
    """X'WX over blocks of rows, shared by the cores."""
    from threadpoolctl import threadpool_limits

    rows = max(BLOCK // X.shape[1], 1)

    def part(lo: int) -> Array:
        half = X[lo : lo + rows] * np.sqrt(w[lo : lo + rows, None])
        return np.asarray(half.T @ half)

    with threadpool_limits(1, "blas"), ThreadPoolExecutor(os.cpu_count()) as pool:
        return np.asarray(np.sum(list(pool.map(part, range(0, len(X), rows))), axis=0))


def start(task: Task) -> Lap:
    """One blocked X'WX; it answers no question, so its coefficients are NaN."""
    ready = task.ready
    w = np.full(task.rows, 0.25)

    def lap() -> Answer:
        gram(ready.X, w)
        return Answer(ready.design.names, np.full(task.columns, np.nan))

    return Lap(lap, (ready.X, w))


def in_grams(task: Task, found: Sequence[Result]) -> Sequence[str]:
    """The price of expfam's whole fit in blocked Gram products."""
    seconds = {r.contestant.package: r.median for r in reversed(found) if r.answer is not None}
    if "expfam" not in seconds:
        return ()
    ratio = seconds["expfam"] / seconds["numpy"]
    return (f"expfam's whole fit costs {ratio:.1f} blocked X'WX; the goal is {CEILING[task.columns - 1]}.",)


GRAM = Contestant("numpy", "one blocked X'WX", start, lambda task: True)
PROBLEM = contest("logistic", "How many Gram products does a whole dense fit cost?", tasks, (GRAM,), in_grams)
