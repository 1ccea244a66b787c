"""gradient = phi A(theta): adjusted scores, whose root has less bias than the maximum likelihood, and is finite.

mean    A = X'[W (x'H^-1 x) h'' / h'] / 2 takes the first term off the mean bias (Firth 1993; Kosmidis and Firth 2009);
        with the canonical link and phi = 1 it is the gradient of log det H / 2, Jeffreys' prior
median  adds H u, u_j = sum_i W_i tau_i (x_i'v_j)^3 / v_jj with v_j the columns of H^-1 and tau = h' V' / (6 V) - h'' /
        (2 h'): every coefficient is as likely too large as too small (Kenne Pagui, Salvan and Sartori 2017)

The iteration is Fisher scoring, theta - H^-1 (gradient - phi A), with steps halved where they lead further away.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from expfam._typing import FloatArray
from expfam.design.standard import Standard
from expfam.families import ExponentialFamily
from expfam.information import Covariance, Information
from expfam.information.covariance import Written
from expfam.links import Link
from expfam.objective import Data, Evaluation, Objective
from expfam.parallel import ordered_sum, slices
from expfam.response import Level
from expfam.solvers.loop import iterate
from expfam.solvers.newton import Newton
from expfam.solvers.optimality import Reading, read
from expfam.solvers.problem import Problem, Solution, Solver
from expfam.solvers.status import Status
from expfam.solvers.warm import is_large

HALVINGS = 12
CELLS = 1 << 20  # numbers held for a block of rows
NEAR = 1e-6  # standard errors within which a decrement that does not fall tells of rounding


@dataclass(frozen=True, slots=True, eq=False)
class AdjustedScores(Solver):
    """`kind` is "mean" or "median"; median is a matter of each coefficient of the columns in their own units, which
    `standard` leads to; `dispersion` is phi at theta (standard coordinates), given half the deviance there."""

    kind: str
    standard: Standard
    dispersion: Callable[[FloatArray, float], float]

    def solve(self, problem: Problem) -> Solution:
        begin = _arrived(self, problem, _start(problem))
        if begin is None:
            return Solution(problem.start, None, Status.STALLED, 0, 1.0, 1.0, adjusted=True)
        end = iterate(partial(_advance, self, problem), begin, partial(_report, problem))
        return Solution(end.theta, end.at, end.status, end.steps, end.passes, end.passes / 2, adjusted=True)


@dataclass(frozen=True, slots=True, eq=False)
class _State:
    """`at` holds F with the adjusted gradient; every evaluation reads the rows twice."""

    theta: FloatArray
    at: Evaluation
    reading: Reading
    status: Status = Status.RUNNING
    steps: int = 0
    passes: float = 2.0


def _start(problem: Problem) -> FloatArray:
    """The maximum likelihood, where that is finite and the rows are so many that it costs little beside a step."""
    if not is_large(problem.objective):
        return problem.start
    plain = Newton().solve(problem)
    return plain.theta if plain.status is Status.CONVERGED else problem.start


def _arrived(solver: AdjustedScores, problem: Problem, theta: FloatArray) -> _State | None:
    """The state at a point; None where a mean is outside its domain, or so far out that no information is left."""
    at = problem.objective(theta)
    if at.gradient is None or at.hessian is None:
        return None
    factor = at.hessian.factor()
    if not factor.definite:
        return None
    phi = solver.dispersion(theta, at.value)
    change = adjustment(problem.objective, solver.standard, theta, at.hessian, solver.kind)
    if not np.isfinite(change).all():
        return None
    at = replace(at, gradient=at.gradient - phi * change)
    return _State(theta, at, read(at, problem.scale, factor))


def _advance(solver: AdjustedScores, problem: Problem, state: _State) -> _State:
    """One step of Fisher scoring, halved until the decrement does not grow; the last trial is taken on trust."""
    passes, new = state.passes, None
    for k in range(HALVINGS):
        trial = _arrived(solver, problem, state.theta + 0.5**k * state.reading.step)
        passes += 2
        new = trial or new
        if trial is not None and trial.reading.decrement <= state.reading.decrement:
            break
    if new is None:
        return replace(state, status=Status.STALLED, passes=passes)
    now, before = new.reading, state.reading
    rounding = before.decrement <= now.decrement <= NEAR
    done = now.gradient <= problem.tol and (rounding or now.decrement <= problem.tol)
    steps = state.steps + 1
    status = Status.CONVERGED if done else Status.MAX_ITER if steps >= 10 * problem.max_iter else Status.RUNNING
    return replace(new, status=status, steps=steps, passes=passes)


def _report(problem: Problem, state: _State) -> None:
    problem.tell(f"adjusted score, step {state.steps}: gradient {state.reading.gradient:.1e}")


# ---- the adjustment ------------------------------------------------------------------------------------------------


def adjustment(
    objective: Objective, standard: Standard, theta: FloatArray, hessian: Information, kind: str
) -> FloatArray:
    """A(theta) in the shape of theta, standard coordinates; `hessian` is Fisher's information there."""
    data, inverse = objective.data, hessian.factor().inverse()
    maps, d = data.design.maps, theta[0:1].size
    raw = maps.forward(theta)
    turned = maps.forward(inverse.full() @ _units(standard).T) if kind == "median" else None
    spread = _spread(data, inverse, d)
    width = len(theta) * d + d**3

    def part(rows: slice) -> FloatArray:
        block = data.take(rows)
        weight, mean, median = _terms(objective, block, raw, spread(block))
        total = block.design.adjoint(mean)
        if turned is None:
            return total
        with np.errstate(over="ignore", invalid="ignore"):  # who asked sees that it is no number
            cubes = (weight * median) @ block.design.forward(turned) ** 3
        return np.concatenate([total, cubes])

    total = ordered_sum(part, slices(data.n, max(CELLS // width, 1024)))
    if turned is None:
        return maps.adjoint(total)
    cubes = np.zeros(len(standard.kept))
    cubes[standard.kept] = total[maps.raw :] / _variances(standard, inverse)
    with np.errstate(over="ignore", invalid="ignore"):
        return np.asarray(maps.adjoint(total[: maps.raw]) + hessian.times(standard.inverse(cubes)))


def _units(standard: Standard) -> FloatArray:
    """T for the kept coefficients, (q, q): theta = T beta."""
    return standard.original(np.eye(int(standard.kept.sum())))[standard.kept]


def _variances(standard: Standard, inverse: Covariance) -> FloatArray:
    """The diagonal of T H^-1 T', (q,)."""
    units = _units(standard)
    return np.asarray(np.einsum("jq,qr,jr->j", units, inverse.full(), units))


def _spread(data: Data, inverse: Covariance, d: int) -> Callable[[Data], FloatArray]:
    """x'H^-1 x of the rows of a block, (m, d, d): of the root of H^-1, which costs half, where that is written out."""
    if not isinstance(inverse, Written):
        return lambda block: inverse.of_rows(block.design, d)
    sizes, vectors = np.linalg.eigh(inverse.matrix)
    root = np.split(vectors * np.sqrt(np.maximum(sizes, 0.0)), d)
    raw = [data.design.maps.forward(part) for part in root]

    def spread(block: Data) -> FloatArray:
        if d == 1:
            z = block.design.forward(raw[0])
            return np.asarray(np.einsum("nq,nq->n", z, z)[:, None, None])
        each = np.stack([block.design.forward(part) for part in raw], axis=1)
        return np.asarray(each @ each.transpose(0, 2, 1))

    return spread


def _terms(
    objective: Objective, block: Data, raw: FloatArray, spread: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """W (m,), a row's part of the mean adjustment, (m,) or (m, d), and tau (m,); `spread` (m, d, d) is x'H^-1 x."""
    family, link = objective.family, objective.link
    eta = block.design.forward(raw)
    eta = eta if block.offset is None else eta + block.offset
    if family.vector:
        cumulants = link.second(eta)
        return block.weight, block.weight[:, None] * np.einsum("nbc,nbca->na", spread, cumulants) / 2, block.weight
    found = objective.rows(block, raw, Level.HESSIAN).weight
    assert found is not None
    weight = np.atleast_2d(found)[0]
    bend = link.bend(eta)
    with np.errstate(all="ignore"):
        tau = _skew(family, link, eta) / 6 - bend / 2
        mean = weight * spread[:, 0, 0] * bend / 2
    counts = weight > 0
    return weight, np.where(counts, mean, 0.0), np.where(counts, tau, 0.0)


def _skew(family: ExponentialFamily, link: Link, eta: FloatArray) -> FloatArray:
    """h' V' / V = V' psi', 0 where V underflows."""
    mu = link.inverse(eta)
    V = family.variance(mu)
    return np.where(V > 0, family.dvariance(mu) * link.derivative(eta) / np.where(V > 0, V, 1.0), 0.0)


@dataclass(frozen=True, slots=True, eq=False)
class Penalised:
    """F - log det H / 2, Jeffreys' prior: what mean adjusted scores maximise under a canonical link with phi = 1.

    It is called as an `Objective` is, and reads the rows three times.
    """

    objective: Objective
    standard: Standard

    def __call__(self, theta: FloatArray, level: Level = Level.HESSIAN) -> Evaluation:
        """Value, gradient, and Fisher's information in place of the second derivatives."""
        at = self.objective(theta)
        if at.hessian is None or at.gradient is None:
            return Evaluation(np.inf)
        if not at.hessian.factor().definite:
            return Evaluation(np.inf)
        value = at.value - float(np.linalg.slogdet(at.hessian.matrix)[1]) / 2
        if level == Level.VALUE:
            return Evaluation(value)
        change = adjustment(self.objective, self.standard, theta, at.hessian, "mean")
        return Evaluation(value, at.gradient - change, at.hessian)
