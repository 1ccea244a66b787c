"""theta <- theta - alpha_t x_i w_i (h_theta(x_i) - T(y_i)) (11): stochastic gradient descent, one line for all."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from expfam._typing import AnyArray, FloatArray
from expfam.errors import SolverError
from expfam.objective import Data
from expfam.response import Level
from expfam.solvers.learning import TRACED, Point, due
from expfam.solvers.loop import iterate
from expfam.solvers.problem import Problem, Solution
from expfam.solvers.status import Status


@dataclass(frozen=True, slots=True)
class Textbook:
    """Robbins-Monro with mini-batches on standardised columns, started at the null model; the fields are SGD's."""

    passes: int
    batch: int
    rate: float
    schedule: str
    decay: float
    power: float
    average: bool
    burn_in: float
    shuffle: bool

    def solve(self, problem: Problem) -> Solution:
        """The last iterate, or the mean of those after the burn-in."""
        begin = _State(problem.start, problem.start)
        draw = np.random.default_rng(problem.seed)
        end = iterate(partial(_pass, self, problem, draw), begin, partial(_report, problem))
        theta, passes = end.mean if self.average else end.theta, float(end.passes)
        return Solution(theta, None, end.status, end.steps, passes, 0.0, points=end.points)


@dataclass(frozen=True, slots=True)
class _State:
    """theta, the mean of the iterates, and what came before: rows, weight, and w loss of rows not yet learned from."""

    theta: FloatArray
    mean: FloatArray
    steps: int = 0
    passes: int = 0
    rows: int = 0
    weight: float = 0.0
    loss: float = 0.0
    points: tuple[Point, ...] = ()
    status: Status = Status.RUNNING


def _pass(options: Textbook, problem: Problem, draw: np.random.Generator, state: _State) -> _State:
    """One pass over the rows in mini-batches."""
    total = options.passes * len(range(0, problem.objective.data.n, options.batch))
    first_kept = int(options.burn_in * total)
    for rows in _batches(options, problem, draw):
        share = 1 / max(state.steps + 1 - first_kept, 1)
        state = _stepped(problem, state, rows, _rate(options, problem, state.steps), share)
        if due(state.points, state.rows):
            state = replace(state, points=(*state.points, _point(options, problem, state)))
    if not np.isfinite(state.theta).all():
        raise SolverError(
            f"SGD(update='explicit', rate={options.rate}) diverged in pass {state.passes + 1}: lower the rate, or take "
            "update='implicit', which cannot"
        )
    passes = state.passes + 1
    return replace(state, passes=passes, status=Status.PASSES_DONE if passes == options.passes else Status.RUNNING)


def _stepped(problem: Problem, state: _State, rows: slice | AnyArray, rate: float, share: float) -> _State:
    """theta - rate (X'[w (h - T) psi'] / sum w + P'(theta)) over some rows, in standard coordinates, and its share of
    the mean of the iterates."""
    objective = problem.objective
    maps = objective.data.design.maps
    block: Data = objective.data.take(rows)
    at = objective.block(block, maps.forward(state.theta), Level.GRADIENT)
    if at.gradient is None:
        raise SolverError(
            f"a step of stochastic gradient descent left the means that the {objective.family.name} family allows with "
            f"the {objective.link.name} link; lower the rate, take SGD(update='implicit'), whose steps are "
            "damped, or a link that maps into the domain"
        )
    weight = float(block.weight.sum())
    theta = state.theta - rate * (maps.adjoint(at.gradient) / weight + objective.penalty.gradient(state.theta))
    mean = state.mean + share * (theta - state.mean)
    seen = state.rows + (block.n if problem.frequency is None else int(problem.frequency[rows].sum()))
    weight, loss = state.weight + weight, state.loss + at.value
    return replace(state, theta=theta, mean=mean, steps=state.steps + 1, rows=seen, weight=weight, loss=loss)


def _point(options: Textbook, problem: Problem, state: _State) -> Point:
    """What would be returned now, in the columns' own units; single steps know no errors."""
    theta = state.mean if options.average else state.theta
    theta = problem.original(theta) if theta.size <= TRACED else np.zeros(0)
    return Point(state.rows, state.weight, state.loss, theta, np.full_like(theta, np.nan))


def _batches(options: Textbook, problem: Problem, draw: np.random.Generator) -> Iterator[slice | AnyArray]:
    n = problem.objective.data.n
    order = draw.permutation(n) if options.shuffle else None
    for lo in range(0, n, options.batch):
        at = slice(lo, min(lo + options.batch, n))
        yield at if order is None else order[at]


def _rate(options: Textbook, problem: Problem, step: int) -> float:
    """alpha_t: the rate of the schedule, in units of a step that is stable for average rows."""
    objective = problem.objective
    stable = _stable(options, problem)
    if options.schedule == "constant":
        return options.rate * stable
    passes = step * options.batch / objective.data.n
    return float(options.rate * stable / (1 + options.decay * passes) ** options.power)


def _stable(options: Textbook, problem: Problem) -> float:
    """The step 1 / (W max(1, p / batch)), W the Fisher weight of an average row; less where its noise would carry eta
    across |h' / h''|, where the mean bends: rare events of a log link have a tiny W and a loud score."""
    objective, scale = problem.objective, problem.scale
    weight = problem.null.weight / scale.weight
    calm = 1 / (weight * max(1.0, objective.data.design.p / options.batch))
    noise = scale.response * np.sqrt(weight / options.batch)
    return float(min(calm, 0.1 * _bend(problem) / noise))


def _bend(problem: Problem) -> float:
    """|h' / h''| at the null model: how far eta moves before the mean stops being linear; infinite for the identity.

    For classes 1 / |1 - 2 mu| of the rarest, as for the logistic link.
    """
    link, eta = problem.objective.link, problem.null.eta
    if problem.objective.family.vector:
        slope, bend = 1.0, float(np.abs(1 - 2 * link.inverse(eta[None, :])).max())
    else:
        slope, bend = abs(float(link.derivative(eta)[0])), abs(float(link.second(eta)[0]))
    return slope / bend if bend > 0 else np.inf


def _report(problem: Problem, state: _State) -> None:
    problem.tell(f"SGD pass {state.passes}: {state.steps} steps")
