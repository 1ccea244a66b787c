"""theta <- theta - alpha_t x_i w_i (h_theta(x_i) - T(y_i)) (11): stochastic gradient descent, one line for all."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import Literal

import numpy as np

from expfam._typing import AnyArray, FloatArray
from expfam.errors import SolverError
from expfam.objective import Data
from expfam.response import Level
from expfam.solvers.loop import iterate
from expfam.solvers.problem import Problem, Solution, Solver
from expfam.solvers.status import Status


@dataclass(frozen=True, slots=True)
class SGD(Solver):
    """Robbins-Monro with mini-batches on standardised columns, started at the null model.

    passes    how often the rows are read
    batch     rows a step; 1 is the textbook's algorithm
    rate      alpha_0, in units of a step that is stable for average rows (see `_stable`)
    schedule  "inverse": alpha_t = rate / (1 + decay t)^power with t counted in passes; "constant": alpha_t = rate
    average   return the Polyak-Ruppert mean of the iterates after the first `burn_in` share of the steps
    shuffle   draw the order of the rows anew for every pass, from `seed` of the fit
    """

    passes: int = 20
    batch: int = 32
    rate: float = 0.5
    schedule: Literal["inverse", "constant"] = "inverse"
    decay: float = 1.0
    power: float = 0.75
    average: bool = True
    burn_in: float = 0.25
    shuffle: bool = True

    def __post_init__(self) -> None:
        if self.passes < 1 or self.batch < 1:
            raise SolverError(f"SGD(passes={self.passes}, batch={self.batch}): both are at least 1")
        if not (np.isfinite(self.rate) and self.rate > 0 and self.decay >= 0 and self.power >= 0):
            raise SolverError(
                f"SGD(rate={self.rate}, decay={self.decay}, power={self.power}): the rate is positive, "
                "the others not negative"
            )
        if self.schedule not in ("inverse", "constant"):
            raise SolverError(f"SGD(schedule={self.schedule!r}): allowed are 'inverse' and 'constant'")
        if not 0 <= self.burn_in < 1:
            raise SolverError(f"SGD(burn_in={self.burn_in}): a share of the steps, from 0 to below 1")

    def solve(self, problem: Problem) -> Solution:
        begin = _State(problem.start, problem.start, 0, 0, Status.RUNNING)
        draw = np.random.default_rng(problem.seed)
        end = iterate(partial(_pass, self, problem, draw), begin, partial(_report, problem))
        return Solution(end.mean if self.average else end.theta, None, end.status, end.steps, float(end.passes), 0.0)


@dataclass(frozen=True, slots=True)
class _State:
    theta: FloatArray
    mean: FloatArray
    steps: int
    passes: int
    status: Status


def _pass(options: SGD, problem: Problem, draw: np.random.Generator, state: _State) -> _State:
    """One pass over the rows in mini-batches."""
    total = options.passes * len(range(0, problem.objective.data.n, options.batch))
    first_kept = int(options.burn_in * total)
    for rows in _batches(options, problem, draw):
        theta = update(problem, state.theta, rows, _rate(options, problem, state.steps))
        steps = state.steps + 1
        share = 1 / max(steps - first_kept, 1)
        state = replace(state, theta=theta, mean=state.mean + share * (theta - state.mean), steps=steps)
    if not np.isfinite(state.theta).all():
        raise SolverError(
            f"SGD(rate={options.rate}) diverged in pass {state.passes + 1}: lower the rate, or take solver='newton'"
        )
    passes = state.passes + 1
    return replace(state, passes=passes, status=Status.PASSES_DONE if passes == options.passes else Status.RUNNING)


def update(problem: Problem, theta: FloatArray, rows: slice | AnyArray, rate: float) -> FloatArray:
    """theta - rate (X'[w (h - T) psi'] / sum w + P'(theta)) over some rows, in standard coordinates."""
    objective = problem.objective
    maps = objective.data.design.maps
    block: Data = objective.data.take(rows)
    at = objective.block(block, maps.forward(theta), Level.GRADIENT)
    if at.gradient is None:
        raise SolverError(
            f"a step of stochastic gradient descent left the means that the {objective.family.name} family allows with "
            f"the {objective.link.name} link; lower the rate, take solver='newton', or a link that maps into the domain"
        )
    gradient = maps.adjoint(at.gradient) / block.weight.sum() + objective.penalty.gradient(theta)
    return np.asarray(theta - rate * gradient)


def _batches(options: SGD, problem: Problem, draw: np.random.Generator) -> Iterator[slice | AnyArray]:
    n = problem.objective.data.n
    order = draw.permutation(n) if options.shuffle else None
    for lo in range(0, n, options.batch):
        at = slice(lo, min(lo + options.batch, n))
        yield at if order is None else order[at]


def _rate(options: SGD, problem: Problem, step: int) -> float:
    """alpha_t: the rate of the schedule, in units of a step that is stable for average rows."""
    objective = problem.objective
    stable = _stable(options, problem)
    if options.schedule == "constant":
        return options.rate * stable
    passes = step * options.batch / objective.data.n
    return float(options.rate * stable / (1 + options.decay * passes) ** options.power)


def _stable(options: SGD, problem: Problem) -> float:
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
