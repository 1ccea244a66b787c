"""vcov = phi H^-1, and the sandwich H^-1 (sum s_i s_i') H^-1 where weights are sampling weights (15), (16)."""

from itertools import pairwise

import numpy as np

from expfam._typing import BoolArray, FloatArray
from expfam.objective import Data, Evaluation, Objective, chunks, gram_blocks
from expfam.parallel import ordered_sum
from expfam.response import Level
from expfam.solvers.linear import factorise
from expfam.solvers.optimality import from_classes


def bread(at: Evaluation, kept: BoolArray) -> FloatArray:
    """H^-1 over the kept columns of every class (p d, p d), NaN for aliased ones; under a penalty (H + S)^-1."""
    assert at.hessian is not None
    inside = np.tile(kept, len(at.hessian) // len(kept))
    out = np.full(at.hessian.shape, np.nan)
    out[np.ix_(inside, inside)] = factorise(at.hessian[np.ix_(inside, inside)]).inverse()
    return out


def effective_df(at: Evaluation, loss: FloatArray, kept: BoolArray) -> float:
    """tr((H + S)^-1 H): how many free coefficients the penalty leaves; `loss` is H without S."""
    assert at.hessian is not None
    inside = np.ix_(*[np.tile(kept, len(loss) // len(kept))] * 2)
    return float(np.trace(factorise(at.hessian[inside]).solve(loss[inside])))


def meat(objective: Objective, theta: FloatArray) -> FloatArray:
    """sum_i s_i s_i' of the row scores s_i = w_i (mu_i - T_i) psi'_i x_i, (p d, p d): one pass."""
    data, maps = objective.data, objective.data.design.maps
    raw = maps.forward(theta)

    def part(bounds: tuple[int, ...]) -> FloatArray:
        blocks = [data.take(slice(lo, hi)) for lo, hi in pairwise(bounds)]
        return np.asarray(np.sum([_outer(objective, block, raw) for block in blocks], axis=0))

    total = ordered_sum(part, chunks(data.n, raw.size, Level.HESSIAN, data.design))
    d = len(total)
    return np.block([[maps.congruence(total[a, b]) for b in range(d)] for a in range(d)])


def _outer(objective: Objective, block: Data, raw: FloatArray) -> FloatArray:
    score = objective.rows(block, raw, Level.GRADIENT).score
    assert score is not None
    products = score**2 if score.ndim == 1 else score[:, :, None] * score[:, None, :]
    return gram_blocks(block.design, block.weight**2, products)


def sandwich(inverse: FloatArray, scores: FloatArray, n: float) -> FloatArray:
    """H^-1 M H^-1 n / (n - 1): valid under sampling weights, as survey's svyglm for one stratum of single rows."""
    filled = np.nan_to_num(inverse)
    out = filled @ scores @ filled * (n / max(n - 1, 1))
    return np.where(np.isnan(inverse), np.nan, out)


def standard_errors(vcov: FloatArray, like: FloatArray) -> FloatArray:
    """The roots of the diagonal, in the shape of theta."""
    return from_classes(np.sqrt(np.diagonal(vcov)), like)
