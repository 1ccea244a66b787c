"""theta' = argmin sum_batch w loss + sum_k a_k' H_k a_k / 2, a = theta' - theta: implicit steps (12) of many classes.

As in `implicit.py` alpha_t is the inverse of the information of the rows before, but of that only what a class has with
itself, H_k = sum w mu_k (1 - mu_k) x x': d blocks of p x p where all of it would be d times as much. What classes
share is only in the loss of the rows at hand, and lost with them; so batches are as large as all rows before.

The minimum is found by L-BFGS in the metric of the blocks, which costs reads of the batch and no information: an
information of p columns costs as much as some p / 4 reads, and is taken once, when there is a batch to come.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np

from expfam._typing import AnyArray, FloatArray
from expfam.information import Factor, Full
from expfam.objective import Evaluation, Objective
from expfam.parallel import ordered_map, slices
from expfam.response import Level
from expfam.solvers.descent import fair
from expfam.solvers.learning import Point, due
from expfam.solvers.problem import WRITTEN_OUT, Problem, Solution
from expfam.solvers.pseudo import places_of, pseudo
from expfam.solvers.secants import Metric, Secants, direction, remember
from expfam.solvers.status import Status

FIRST, EACH, MOST = 1 << 14, 4, 1 << 16
"""A batch has this many rows at first, so many of them a coefficient, for classes that few rows tell apart are
remembered as certain; then as many as all rows before it; and never more than that."""

WIDEST = 1500  # columns whose blocks are worth their memory: 18 MB a class
ROWS = 1 << 14  # rows whose weights are computed at a time
STEPS = 100  # L-BFGS steps a batch is worth; late batches need ten
HALVINGS = 30
SMALL = 0.1  # a step that promises no more, in units of the log-likelihood of thousands of rows, was not worth taking


@dataclass(frozen=True, slots=True)
class Blocks(Metric):
    """diag(M_1, .., M_d), factorised: one matrix a class."""

    factors: tuple[Factor, ...]

    def solve(self, gradient: FloatArray) -> FloatArray:
        return np.stack([one.solve(part) for one, part in zip(self.factors, gradient.T, strict=True)], axis=1)


@dataclass(frozen=True, slots=True, eq=False)
class Memory:
    """What rows that are gone have taught.

    theta (p, d); `blocks` (d, p, p) are H_k without the penalty, each batch at the theta that it led to; `places`
    (4, p) tells of every column where its rows are; `rows` and `weight` count them, `curvature` is the sum of
    w mu_k (1 - mu_k), mean over k.
    """

    theta: FloatArray
    blocks: FloatArray
    places: FloatArray
    rows: int = 0
    weight: float = 0.0
    curvature: float = 0.0


def fits(problem: Problem) -> bool:
    """Are there classes, too many coefficients for all of their information, and memory for the blocks?"""
    objective, (p, *classes) = problem.objective, problem.start.shape
    return bool(classes) and problem.start.size > WRITTEN_OUT and p <= WIDEST and objective.penalty.absolute is None


def in_blocks(problem: Problem, passes: int, prior: float, shuffle: bool) -> Solution:
    """So many passes over the rows, each in batches; `prior` pseudo-rows a coefficient keep the blocks definite."""
    draw = np.random.default_rng(problem.seed) if shuffle else None
    memory, loss, steps = blank(problem.start), 0.0, 0
    last: slice | AnyArray | None = None
    points: tuple[Point, ...] = ()
    for rows in _batches(problem, passes, draw):
        if last is not None:
            memory = remembered(*_batch(problem, last), memory)
        batch, times = _batch(problem, rows)
        loss += batch.loss(memory.theta, Level.VALUE).value
        memory = replace(memory, theta=learn(batch, times, memory, prior))
        last, steps, seen = rows, steps + 1, memory.rows + int(times.sum())
        if due(points, seen):
            points = (*points, Point(seen, memory.weight + batch.weight, loss, np.zeros(0), np.zeros(0)))
        problem.tell(f"SGD in blocks: {seen:,} rows, {steps} steps")
    return Solution(memory.theta, None, Status.PASSES_DONE, steps, float(passes), float(passes), points=points)


def _batches(problem: Problem, passes: int, draw: np.random.Generator | None) -> Iterator[slice | AnyArray]:
    """The rows of each step."""
    n, first = problem.objective.data.n, max(FIRST, EACH * problem.start.size)
    for done in range(passes):
        order, lo = None if draw is None else draw.permutation(n), 0
        for _ in range(n):
            if lo == n:
                break
            hi = min(lo + min(max(first, done * n + lo), MOST), n)
            yield slice(lo, hi) if order is None else order[lo:hi]
            lo = hi


def _batch(problem: Problem, rows: slice | AnyArray) -> tuple[Objective, FloatArray]:
    """Some rows, and how often each is there."""
    batch = replace(problem.objective, data=problem.objective.data.take(rows))
    return batch, np.ones(batch.data.n) if problem.frequency is None else problem.frequency[rows]


def blank(theta: FloatArray) -> Memory:
    """Before the first row, at theta (p, d)."""
    p, d = theta.shape
    return Memory(theta, np.zeros((d, p, p)), np.zeros((4, p)))


def learn(objective: Objective, times: FloatArray, memory: Memory, prior: float) -> FloatArray:
    """theta (p, d) after one batch more, the rows of the objective, each of them `times` (n,) there.

    The loss of rows before is theirs at their minimum, so that with their share of the penalty it has no slope there.
    Their blocks, scaled up to the rows of both, are the metric; those of the batch where it is the first.
    """
    penalty, weight = objective.penalty, memory.weight + objective.weight
    known = memory if memory.weight else remembered(objective, times, memory)
    places = memory.places + places_of(objective.data.design, times)
    rows = prior * known.curvature / known.rows * pseudo(places, 1)
    share = weight / known.weight if known.weight else 1.0
    held = (Full(share * block + rows).plus(*penalty.hessian(1, weight)) for block in known.blocks)

    def both(theta: FloatArray) -> Evaluation:
        away = theta - memory.theta
        past = (memory.blocks @ away.T[:, :, None])[:, :, 0].T + rows @ away + memory.weight * penalty.gradient(away)
        batch = objective(theta, Level.GRADIENT)
        if batch.gradient is None:
            return batch
        return Evaluation(batch.value + float(np.vdot(away, past)) / 2, batch.gradient + past)

    return _nearest(both, memory.theta, Blocks(tuple(one.factor() for one in held)))


def remembered(objective: Objective, times: FloatArray, memory: Memory) -> Memory:
    """The memory with the rows of the objective, at its theta."""
    design, (own, curvature) = objective.data.design, _weights(objective, memory.theta)
    grams = np.stack(ordered_map(lambda weight: design.maps.congruence(design.gram(weight)), list(own)))
    return replace(
        memory,
        blocks=memory.blocks + grams,
        places=memory.places + places_of(design, times),
        rows=memory.rows + int(times.sum()),
        weight=memory.weight + objective.weight,
        curvature=memory.curvature + curvature,
    )


def _weights(objective: Objective, theta: FloatArray) -> tuple[FloatArray, float]:
    """w mu_k (1 - mu_k), (d, n), and the sum over rows of its mean over k."""
    data, raw = objective.data, objective.data.design.maps.forward(theta)
    parts = ordered_map(lambda rows: objective.rows(data.take(rows), raw, Level.HESSIAN).own, slices(data.n, ROWS))
    found = np.concatenate(parts, axis=1)
    return found, float(found.sum()) / len(found)


def _nearest(F: Callable[[FloatArray], Evaluation], theta: FloatArray, metric: Metric) -> FloatArray:
    """The minimum of F by L-BFGS from theta on, until no step is worth taking."""
    at = F(theta)
    secants: Secants = ()
    for _ in range(STEPS):
        assert at.gradient is not None
        step = direction(metric, secants, at.gradient)
        promised = -float(np.vdot(at.gradient, step)) / 2
        if promised <= SMALL:
            break
        trials = ((share, F(theta + share * step)) for share in (0.5**k for k in range(HALVINGS)))
        share, new = next((trial for trial in trials if fair(at, trial[1], trial[0] * promised)), (0.0, at))
        if share == 0.0 or new.gradient is None:
            break
        secants = remember(secants, share * step, new.gradient - at.gradient)
        theta, at = theta + share * step, new
    return theta
