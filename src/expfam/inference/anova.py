"""Which terms matter? Analysis of deviance: terms added in turn, dropped one by one, or against another model."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import chdtrc, fdtrc

from expfam._typing import BoolArray, FloatArray
from expfam.families import Gaussian
from expfam.inference.optimum import Optimum, Refit, maximal, refit
from expfam.source import Block


@dataclass(frozen=True, slots=True, eq=False)
class Step:
    """One line: a term, the model without it and the model with it, and the coefficients that it has more."""

    term: str
    without: Refit
    whole: Refit

    @property
    def df(self) -> int:
        """How many coefficients the term adds, aliased ones not counted."""
        return self.whole.free - self.without.free

    @property
    def deviance(self) -> float:
        """By how much the deviance falls."""
        return 2 * (self.without.half - self.whole.half)


def columns_of(blocks: Sequence[Block], chosen: Sequence[bool], p: int) -> BoolArray:
    """The columns of the chosen terms, (p,)."""
    out = np.zeros(p, dtype=bool)
    for block, here in zip(blocks, chosen, strict=True):
        out[block.columns] = here
    return out


def whole(optimum: Optimum) -> Refit:
    """The fit itself as one of the models compared."""
    half = optimum.at.value - optimum.problem.objective.value_of_penalty(optimum.beta)
    return Refit(optimum.theta, half, optimum.at.value, optimum.beta.size, converged=True)


def sequential(optimum: Optimum) -> list[Step]:
    """Type I: each term after those before it, in the order of the formula, as R's anova."""
    maximal(optimum)
    blocks, steps = optimum.model.terms.blocks, []
    chosen = [block.is_intercept for block in blocks]
    last = refit(optimum.objective, columns_of(blocks, chosen, len(optimum.kept)))
    for k, block in enumerate(blocks):
        if block.is_intercept:
            continue
        chosen[k] = True
        done = all(chosen)
        found = whole(optimum) if done else _fit(optimum, chosen, last.theta)
        steps.append(Step(block.label, last, found))
        last = found
    return steps


def marginal(optimum: Optimum) -> list[Step]:
    """Type II: each term after all that do not contain it, as car::Anova."""
    maximal(optimum)
    blocks, full = optimum.model.terms.blocks, whole(optimum)
    steps = []
    for block in blocks:
        if block.is_intercept:
            continue
        above = [other is not block and block.factors < other.factors for other in blocks]
        base = [not higher for higher in above]
        larger = full if all(base) else _fit(optimum, base, optimum.theta)
        smaller = _fit(
            optimum, [keep and other is not block for keep, other in zip(base, blocks, strict=True)], larger.theta
        )
        steps.append(Step(block.label, smaller, larger))
    return steps


def single(optimum: Optimum, *, respect: bool) -> list[Step]:
    """Each term dropped from the full model: R's drop1, which with `respect` leaves terms that others contain in place
    (marginality); Type III without."""
    maximal(optimum)
    blocks, full = optimum.model.terms.blocks, whole(optimum)
    scope = [b for b in blocks if not b.is_intercept]
    if respect:
        scope = [b for b in scope if not any(b.factors < other.factors for other in blocks)]
    return [
        Step(block.label, _fit(optimum, [other is not block for other in blocks], optimum.theta), full)
        for block in scope
    ]


def _fit(optimum: Optimum, chosen: Sequence[bool], near: FloatArray) -> Refit:
    blocks = optimum.model.terms.blocks
    return refit(optimum.objective, columns_of(blocks, chosen, len(optimum.kept)), near)


def chi_squared(statistic: FloatArray, df: FloatArray) -> FloatArray:
    """P(chi2_df >= statistic), NaN without degrees of freedom."""
    return np.asarray(np.where(df > 0, chdtrc(np.maximum(df, 1), np.maximum(statistic, 0.0)), np.nan))


def f_tail(statistic: FloatArray, df: FloatArray, residual: float) -> FloatArray:
    """P(F_(df, residual) >= statistic), NaN without degrees of freedom."""
    known = (df > 0) & (residual > 0)
    return np.asarray(np.where(known, fdtrc(np.maximum(df, 1), max(residual, 1.0), np.maximum(statistic, 0.0)), np.nan))


def criterion(optimum: Optimum, half: float, dispersion: float) -> float:
    """Minus twice a log-likelihood up to a constant, as R's drop1 counts it.

    n log(deviance / n) for a Gaussian response of unknown variance, else deviance / phi.
    """
    n = optimum.prepared.n
    if isinstance(optimum.model.family, Gaussian):
        return float(n * np.log(2 * half / n))
    return 2 * half / dispersion
