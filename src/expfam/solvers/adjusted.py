"""gradient = phi A(theta): adjusted scores, whose root has less bias than the maximum likelihood, and is finite.

mean    A = X'[W (x'H^-1 x) h'' / h'] / 2 takes the first term off the mean bias (Firth 1993; Kosmidis and Firth 2009);
        with the canonical link and phi = 1 it is the gradient of log det H / 2, Jeffreys' prior
median  adds H u, u_j = sum_i W_i tau_i (x_i'v_j)^3 / v_jj with v_j the columns of H^-1 and tau = h' V' / (6 V) - h'' /
        (2 h'): every coefficient is as likely too large as too small (Kenne Pagui, Salvan and Sartori 2017)

The iteration is theta - (H + phi C)^-1 (gradient - phi A), with steps halved where they lead further away: Fisher
scoring, but for C, the curvature that A has where leverages stay as they are. Of rows whose weights are tiny A is
nearly all there is, and H alone would have steps that are far too long.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import NamedTuple

import numpy as np

from expfam._typing import FloatArray
from expfam.design.standard import Standard
from expfam.families import ExponentialFamily
from expfam.information import Covariance, Information
from expfam.information.covariance import Written
from expfam.links import Link
from expfam.objective import Data, Evaluation, Objective, Sums, information
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
STEP = 1e-4  # of a linear predictor, over which the slope of h'' / h' is taken
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
    hessian = at.hessian
    if at.gradient is None or hessian is None:
        return None
    factor = hessian.factor()
    if not factor.definite:
        return None
    phi = solver.dispersion(theta, at.value)
    change, bent = _adjusted(problem.objective, solver.standard, theta, hessian, solver.kind)
    if not np.isfinite(change).all():
        return None
    at = replace(at, gradient=at.gradient - phi * change)
    if bent is not None:
        factor = (hessian + bent * phi).factor()
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
    return _adjusted(objective, standard, theta, hessian, kind)[0]


def _adjusted(
    objective: Objective, standard: Standard, theta: FloatArray, hessian: Information, kind: str
) -> tuple[FloatArray, Information | None]:
    """A(theta), and the curvature C that it has with leverages as they are, where that is positive; None of classes."""
    data, inverse = objective.data, hessian.factor().inverse()
    maps, d = data.design.maps, theta[0:1].size
    raw = maps.forward(theta)
    turned = maps.forward(inverse.full() @ _units(standard).T) if kind == "median" else None
    spread = _spread(data, inverse, d)
    width = len(theta) * d + d**3

    def part(rows: slice) -> Sums:
        block = data.take(rows)
        row = _terms(objective, block, raw, spread(block), kind)
        total = block.design.adjoint(row.mean)
        grams = None if row.bent is None else block.design.grams(row.bent[None])
        if turned is None:
            return Sums(0.0, total, grams)
        with np.errstate(over="ignore", invalid="ignore"):  # who asked sees that it is no number
            cubes = (row.weight * row.median) @ block.design.forward(turned) ** 3
        return Sums(0.0, np.concatenate([total, cubes]), grams)

    found = ordered_sum(part, slices(data.n, max(CELLS // width, 1024)))
    total, bent = found.gradient, None if found.grams is None else information(found.grams, maps)
    assert total is not None
    if turned is None:
        return maps.adjoint(total), bent
    cubes = np.zeros(len(standard.kept))
    cubes[standard.kept] = total[maps.raw :] / _variances(standard, inverse)
    with np.errstate(over="ignore", invalid="ignore"):
        return np.asarray(maps.adjoint(total[: maps.raw]) + hessian.times(standard.inverse(cubes))), bent


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


class _Row(NamedTuple):
    """W (m,), a row's part of the mean adjustment, (m,) or (m, d), tau and the weight of C, (m,), None of classes."""

    weight: FloatArray
    mean: FloatArray
    median: FloatArray
    bent: FloatArray | None


def _terms(objective: Objective, block: Data, raw: FloatArray, spread: FloatArray, kind: str) -> _Row:
    """What A adds up over rows; `spread` (m, d, d) is x'H^-1 x."""
    family, link = objective.family, objective.link
    eta = block.design.forward(raw)
    eta = eta if block.offset is None else eta + block.offset
    if family.vector:
        cumulants = link.second(eta)
        mean = block.weight[:, None] * np.einsum("nbc,nbca->na", spread, cumulants) / 2
        return _Row(block.weight, mean, block.weight, None)
    found = objective.rows(block, raw, Level.HESSIAN).weight
    assert found is not None
    weight = np.atleast_2d(found)[0]
    bend = link.bend(eta)
    with np.errstate(all="ignore"):
        tau = _skew(family, link, eta) / 6 - bend / 2
        half = weight * spread[:, 0, 0] / 2
        lean = link.bend if kind == "mean" else lambda eta: _skew(family, link, eta) / 3  # A / half of one coefficient
        bent = half * (lean(eta - STEP) - lean(eta + STEP)) / (2 * STEP)
    counts = weight > 0
    bent = np.where(np.isfinite(bent) & (bent > 0), bent, 0.0)
    return _Row(weight, np.where(counts, half * bend, 0.0), np.where(counts, tau, 0.0), bent)


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
