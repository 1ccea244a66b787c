"""How much faster are two threads than one, pass by pass? Gradient and Hessian passes over each kind of column.

A pass is one evaluation of the objective at the coefficients of a fit; the fit itself is not timed. One thread and two
take turns, five times a lap, and the median of each counts. The last lines are the machine's own: two equal loops of
arithmetic that touch no memory, and two that add up what no cache holds, one after the other and side by side. Cores
that share their units or their way to memory, or a host with others, do not get to 2.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from statistics import median
from time import perf_counter
from typing import Any

import numpy as np

from benchmarks.problem import Problem, Settings
from benchmarks.problems import logistic, scaling
from benchmarks.race import quiet
from benchmarks.table import Report

COLUMNS = ("rows", "1 thread ms", "2 threads ms", "ratio")


def softmax(n: int, p: int) -> Callable[[], Any]:
    """Four classes on n x p correlated Gaussian columns."""
    import expfam as ef

    X = logistic.simulate(n, p).X
    draw = np.random.default_rng(p)
    y = np.argmax(X[:, :4] + draw.gumbel(size=(n, 4)), axis=1)
    return lambda: ef.glm_arrays(X, y, family="categorical")


KINDS = {
    "dense": (scaling.dense, 1_000_000, 20),
    "dense, wide": (scaling.dense, 200_000, 200),
    "coded": (scaling.coded, 1_000_000, 80),
    "sparse": (scaling.sparse, 200_000, 1000),
    "softmax": (softmax, 200_000, 50),
}


def run(settings: Settings) -> tuple[Report, ...]:
    """Two lines for each kind; one that cannot be fitted is told."""
    rows: list[tuple[str, ...]] = []
    notes = ["Goal: at least 1.7."]
    for name, (make, n, p) in KINDS.items():
        try:
            with quiet():
                fit = make(n // 100 if settings.quick else n, p)()
            rows += lines(name, fit, settings.repeat)
        except Exception as error:  # told in the report
            notes.append(f"{name} failed: {type(error).__name__}: {error}.")
    for name, alone in (("arithmetic alone", arithmetic), ("memory alone", memory)):
        one, two = alone(settings)
        rows.append((name, "-", f"{1e3 * one:.1f}", f"{1e3 * two:.1f}", f"{one / two:.2f}"))
    return (Report("Two threads over one", ("", *COLUMNS), tuple(rows), tuple(notes)),)


def lines(name: str, fit: Any, repeat: int) -> list[tuple[str, ...]]:
    """Gradient pass and Hessian pass."""
    from expfam.response import Level

    passes = {"gradient": Level.GRADIENT, "Hessian": Level.HESSIAN}
    objective = objective_of(fit)
    out: list[tuple[str, ...]] = []
    for what, level in passes.items():
        one, two = in_turns(lambda level=level: objective(fit.estimate, level), repeat)  # type: ignore[misc]
        cells = (f"{fit.n:,}", f"{1e3 * one:.1f}", f"{1e3 * two:.1f}", f"{one / two:.2f}")
        out.append((f"{name}, {what}", *cells))
    return out


def arithmetic(settings: Settings) -> tuple[float, float]:
    """Median seconds of two loops of arithmetic on one thread and on two."""
    from numba import njit

    @njit(nogil=True)
    def spin(n: int) -> float:
        total = 0.0
        for i in range(n):
            total += (i % 7) * 0.5
        return total

    return _side_by_side(spin, [200_000 if settings.quick else 20_000_000] * 2, settings)


def memory(settings: Settings) -> tuple[float, float]:
    """Median seconds of adding up 160 MB, which no cache holds, in two halves."""
    from numba import njit

    @njit(nogil=True, fastmath=True)
    def total(x: Any) -> float:
        found = 0.0
        for i in range(len(x)):
            found += x[i]
        return found

    return _side_by_side(total, np.split(np.ones(200_000 if settings.quick else 20_000_000), 2), settings)


def _side_by_side(work: Callable[[Any], float], pair: list[Any], settings: Settings) -> tuple[float, float]:
    """Median seconds of the two on one thread and on two."""
    with ThreadPoolExecutor(2) as pool:
        ways = {1: lambda: list(map(work, pair)), 2: lambda: list(pool.map(work, pair))}
        return _in_turns(ways, settings.repeat)


def objective_of(fit: Any) -> Callable[..., Any]:
    """The objective of a fit, its rows read again."""
    from expfam.model import prepare
    from expfam.objective import Objective

    model = fit.model
    rows = model.terms.rows(fit.rows_source(), response=True, missing=model.missing, unseen=model.unseen)
    prepared = prepare(model, rows)
    penalty = prepared.model.penalty.bind(prepared.data.design.names)
    return Objective(prepared.model.family, prepared.model.link, penalty, prepared.data)


def in_turns(evaluate: Callable[[], Any], repeat: int) -> tuple[float, float]:
    """Median seconds with one thread and with two."""
    import expfam as ef

    def on(n: int) -> Callable[[], Any]:
        def run() -> None:
            with ef.threads(n):
                evaluate()

        return run

    return _in_turns({1: on(1), 2: on(2)}, repeat)


def _in_turns(ways: dict[int, Callable[[], Any]], repeat: int) -> tuple[float, float]:
    """Median seconds of both ways, in alternating order after a warm-up."""
    seconds: dict[int, list[float]] = {1: [], 2: []}
    for turn in range(5 * repeat + 1):
        for n in (1, 2) if turn % 2 else (2, 1):
            began = perf_counter()
            ways[n]()
            seconds[n].append(perf_counter() - began)
    return median(seconds[1][1:]), median(seconds[2][1:])


PROBLEM = Problem("threads", "How much faster are two threads than one, for each kind of pass?", run)
