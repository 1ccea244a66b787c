"""Which terms matter? Analysis of deviance: terms added in turn, dropped one by one, or judged by their scores."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from expfam._typing import BoolArray, FloatArray
from expfam.families import Gaussian
from expfam.inference.optimum import Optimum, Refit, narrowed, refit, silent
from expfam.inference.tails import Yardstick, ratio
from expfam.objective import Objective
from expfam.solvers.optimality import newton_solve
from expfam.solvers.pose import pose
from expfam.source import Block


@dataclass(frozen=True, slots=True, eq=False)
class Step:
    """One line: a term, the model without it, and the model with it: `columns` (p,) of the coefficients of F."""

    term: str
    without: Refit
    whole: Refit
    objective: Objective
    columns: BoolArray

    @property
    def df(self) -> int:
        """How many coefficients the term adds, aliased ones not counted."""
        return self.whole.free - self.without.free

    @property
    def deviance(self) -> float:
        """By how much the deviance falls."""
        return 2 * (self.without.half - self.whole.half)

    @property
    def score(self) -> float:
        """U' H^-1 U of the larger model at the optimum of the smaller: how steep is F in the new term (Rao 1948)?"""
        larger, near = narrowed(self.objective, self.columns), self.without.theta[self.columns]
        problem = pose(larger, 1e-9, 1, 0, silent, near).problem
        at = problem.first
        if at is None or len(problem.start) < len(near):  # what is aliased beside the term keeps its part of eta
            data, seen = larger.data, problem.objective
            eta = data.design.forward(data.design.maps.forward(near)) + (0.0 if data.offset is None else data.offset)
            at = replace(seen, data=replace(seen.data, offset=eta))(np.zeros_like(problem.start))
        assert at.gradient is not None
        assert at.hessian is not None
        return float(np.vdot(at.gradient, newton_solve(at.hessian.factor(), at.gradient)))


def columns_of(blocks: Sequence[Block], chosen: Sequence[bool], p: int) -> BoolArray:
    """The columns of the chosen terms, (p,)."""
    out = np.zeros(p, dtype=bool)
    for block, here in zip(blocks, chosen, strict=True):
        out[block.columns] = here
    return out


def whole(optimum: Optimum) -> Refit:
    """The fit itself as one of the models compared."""
    half = optimum.at.value - optimum.problem.objective.value_of_penalty(optimum.beta)
    return Refit(optimum.theta, half, optimum.at.value, optimum.beta.size)


def sequential(optimum: Optimum) -> list[Step]:
    """Type I: each term after those before it, in the order of the formula, as R's anova."""
    blocks, steps = optimum.model.terms.blocks, []
    chosen = [block.is_intercept for block in blocks]
    last, columns = _fit(optimum, chosen, None)
    for k, block in enumerate(blocks):
        if block.is_intercept:
            continue
        chosen[k] = True
        found, columns = (whole(optimum), ~np.zeros_like(columns)) if all(chosen) else _fit(optimum, chosen, last.theta)
        steps.append(Step(block.label, last, found, optimum.objective, columns))
        last = found
    return steps


def marginal(optimum: Optimum) -> list[Step]:
    """Type II: each term after all that do not contain it, as car::Anova."""
    blocks, steps = optimum.model.terms.blocks, []
    for block in blocks:
        if block.is_intercept:
            continue
        base = [other is block or not block.factors < other.factors for other in blocks]
        larger, columns = (whole(optimum), ~np.zeros_like(optimum.kept)) if all(base) else _fit(optimum, base)
        without = [keep and other is not block for keep, other in zip(base, blocks, strict=True)]
        smaller, _ = _fit(optimum, without, larger.theta)
        steps.append(Step(block.label, smaller, larger, optimum.objective, columns))
    return steps


def partial(optimum: Optimum) -> list[Step]:
    """Type III: each term dropped from the full model."""
    return [_without(optimum, block) for block in optimum.model.terms.blocks if not block.is_intercept]


def single(optimum: Optimum) -> list[Step]:
    """Each term dropped that no other contains (marginality): R's drop1."""
    blocks = optimum.model.terms.blocks
    free = [b for b in blocks if not b.is_intercept and not any(b.factors < other.factors for other in blocks)]
    return [_without(optimum, block) for block in free]


def _without(optimum: Optimum, block: Block) -> Step:
    smaller, _ = _fit(optimum, [other != block for other in optimum.model.terms.blocks])
    return Step(block.label, smaller, whole(optimum), optimum.objective, ~np.zeros_like(optimum.kept))


def _fit(optimum: Optimum, chosen: Sequence[bool], near: FloatArray | None = None) -> tuple[Refit, BoolArray]:
    """The model of some terms, and its columns; started at the fit."""
    columns = columns_of(optimum.model.terms.blocks, chosen, len(optimum.kept))
    return refit(optimum.objective, columns, optimum.theta if near is None else near), columns


def fallen(optimum: Optimum, halves: Sequence[float], unit: Yardstick) -> FloatArray:
    """By how much twice the log-likelihood falls to models of so much half deviance, as R's drop1 counts it.

    n log(deviance / deviance of the fit) for a Gaussian response of unknown variance, else their difference / phi.
    """
    full = whole(optimum).half
    if isinstance(optimum.model.family, Gaussian) and not unit.known:
        with np.errstate(divide="ignore"):
            return np.asarray(optimum.prepared.n * np.log(ratio(np.array(halves), full)))
    return ratio(2 * (np.array(halves) - full), unit.phi)
