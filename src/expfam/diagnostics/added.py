"""Would more columns help? Rao's score test of columns that are made row by row, never stored."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from expfam._typing import FloatArray
from expfam.errors import ExpfamError
from expfam.inference.optimum import Optimum
from expfam.inference.tails import chi_squared
from expfam.parallel import ordered_sum, slices
from expfam.response import Level

Made = Callable[[slice, FloatArray], FloatArray]
"""The new columns Z (m, d, q) of some rows, whose eta without offset is (m, d): coefficient j moves predictor a by
Z[:, a, j]."""

CELLS = 1 << 20
SPAN = 1e-9  # of its sum of squares: what of a new column must be left beside the old ones


@dataclass(frozen=True, slots=True, eq=False)
class Scores:
    """U = Z's and V, its variance / phi once the old coefficients are fitted: Z'WZ - Z'WX (X'WX)^-1 X'WZ.

    `own` is the diagonal of Z'WZ; `spread` the root mean square of eta around its mean, both weighted by W, `total`.
    """

    U: FloatArray
    V: FloatArray
    own: FloatArray
    spread: float
    total: float

    def test(self, columns: slice, dispersion: float) -> "Score":
        """Of some of the new columns together; those that the old ones span do not count."""
        U, V, own = self.U[columns], self.V[columns, columns], self.own[columns]
        scale = np.sqrt(np.where(own > 0, own, 1.0))
        values, axes = np.linalg.eigh(V / np.outer(scale, scale))
        free = values > SPAN
        steps = (axes.T @ (U / scale))[free]
        statistic, df = float(np.sum(steps**2 / values[free])) / (dispersion or np.nan), int(free.sum())
        excess = max(statistic - df, 0.0) * dispersion
        moved = np.sqrt(excess / self.total) / self.spread if self.spread > 0 else np.nan
        slope = axes[:, free] @ (steps / values[free]) / scale
        return Score(statistic if df else np.nan, df, float(chi_squared(statistic, df)), float(moved), slope)


@dataclass(frozen=True, slots=True, eq=False)
class Score:
    """Chi-squared `statistic` on `df`; `size`: by how much the columns would move eta, in parts of its spread, beyond
    what chance moves it; `slope`: their coefficients by one Newton step."""

    statistic: float
    df: int
    p_value: float
    size: float
    slope: FloatArray


def check_likelihood(optimum: Optimum, what: str) -> None:
    """ExpfamError where scores are not zero at the estimate, or their variance is not the information."""
    reasons = {
        "a penalised fit has scores of its own; refit it with penalty=None": not optimum.objective.penalty.is_zero,
        "bias reduction adjusts the scores; refit with bias=None": optimum.model.bias is not None,
        "sampling weights have no likelihood; refit without them": optimum.model.weights_kind == "sampling",
    }
    for reason, holds in reasons.items():
        if holds:
            raise ExpfamError(f"{what} is a score test of maximum likelihood: {reason}")


def scores(optimum: Optimum, made: Made, q: int) -> Scores:
    """The sums of q new columns by one read of the rows."""
    objective = optimum.problem.objective
    data, maps, d = objective.data, objective.data.design.maps, optimum.classes
    raw = maps.forward(optimum.beta)
    a, b = np.triu_indices(d)

    def part(rows: slice) -> FloatArray:
        block = data.take(rows)
        eta = block.design.forward(raw).reshape(block.n, d)
        Z = made(rows, eta)
        row = objective.rows(block, raw, Level.HESSIAN)
        assert row.score is not None
        assert row.weight is not None
        W = np.empty((block.n, d, d))
        W[:, a, b] = np.atleast_2d(row.weight).T
        W[:, b, a] = W[:, a, b]
        WZ = np.einsum("nab,nbj->naj", W, Z)
        w = np.einsum("naa->na", W)
        sums = [-np.einsum("naj,na->j", Z, row.score.reshape(block.n, d)), np.einsum("nai,naj->ij", Z, WZ).ravel()]
        sums += [block.design.adjoint(WZ.reshape(block.n, d * q)).ravel()]
        return np.concatenate([*sums, [w.sum(), (w * eta).sum(), (w * eta**2).sum()]])

    step = max(CELLS // ((d + 1) * max(q, 1) + d * d), 256)
    total = ordered_sum(part, slices(data.n, step))
    U, A, B, (whole, first, second) = np.split(total, [q, q + q * q, len(total) - 3])
    A = A.reshape(q, q)
    B = maps.adjoint(B.reshape(-1, d * q)).reshape(-1, d, q)
    by_class = B.transpose(1, 0, 2).reshape(-1, q)
    V = A - by_class.T @ optimum.factor.solve(by_class)
    spread = np.sqrt(max(second / whole - (first / whole) ** 2, 0.0)) if whole > 0 else np.nan
    return Scores(U, V, np.diagonal(A).copy(), float(spread), float(whole))
