"""What would the fit be without a row? Leverage, Cook's distance and their kin, from one more pass over the rows.

With h = w h'^2 x'H^-1 x / V the leverage of a single row, r and d its Pearson and deviance residual, q coefficients:

  rstandard        d / sqrt(phi (1 - h))
  rstudent         sign(d) sqrt(d^2 + h r^2 / (1 - h)), divided by s_(i) where phi is estimated (Williams 1987)
  cooks_distance   h r^2 / (q phi (1 - h)^2)
  dffits           r sqrt(h) / ((1 - h) s_(i))
  dfbeta           H^-1 x w h' (t - mu) / (V (1 - h)): one step of Newton's method without the row
  dfbetas          dfbeta / (s_(i) sqrt(diag H^-1))

with s_(i)^2 = (phi df - r^2 / (1 - h)) / (df - 1), or phi where it is known.

Leverage, Cook's distance and rstandard are those of R's influence.measures, for a Gaussian fit the others, too. Of
other families R takes d for r in dffits, dfbeta and s_(i), and s_(i) from the rows even where phi is known: its dffits
and dfbetas differ from these, and its rstudent where phi is estimated.
"""

from dataclasses import dataclass, field

import numpy as np

from expfam._typing import FloatArray
from expfam.diagnostics.residuals import at_rows, deviance, pearson
from expfam.errors import ExpfamError
from expfam.inference.optimum import Optimum
from expfam.parallel import ordered_map, slices

FULL = 1e-10  # a row of leverage 1 to this much is met whatever its response: it has no residual to judge
BLOCK = 1 << 17  # rows at once: shorter blocks make threads wait for the interpreter
MOST = 1 << 27  # numbers of dfbetas up to which they are written out: 1 GB


@dataclass(frozen=True, slots=True, eq=False)
class Influence:
    """Measures of every row of the data, (n,) each; NaN where a row was left out, or its leverage is 1.

    `sigma` is s_(i); `optimum` the fit with its rows, from which dfbeta and dfbetas come when they are asked for.
    """

    leverage: FloatArray
    cooks_distance: FloatArray
    rstandard: FloatArray
    rstudent: FloatArray
    dffits: FloatArray
    sigma: FloatArray
    optimum: Optimum = field(repr=False)

    def dfbeta(self) -> FloatArray:
        """How much each coefficient changes without the row, (n, p); ExpfamError where that would fill the memory."""
        here, placed = self.optimum, self.optimum.prepared.places
        leverage = self.leverage if placed is None else self.leverage[placed]
        n, p = len(leverage), len(here.theta)
        if n * p > MOST:
            raise ExpfamError(f"dfbeta of {n:,} rows and {p:,} coefficients: {n * p:,} numbers; take cooks_distance")
        data, maps = here.problem.objective.data, here.problem.objective.data.design.maps
        turn = here.posed.standard.original(np.eye(maps.p)) @ here.factor.inverse().full()

        def part(rows: slice) -> FloatArray:
            block = data.take(rows)
            at = at_rows(here, block, rows)
            with np.errstate(divide="ignore", invalid="ignore"):
                push = -at.precision * at.score / _left(leverage[rows])
            X = block.design.forward(maps.forward(np.eye(maps.p)))
            return np.asarray((X * push[:, None]) @ turn.T)

        found = np.concatenate(ordered_map(part, slices(n, max(MOST // (64 * p), 1))))
        found[:, ~here.kept] = np.nan
        return here.prepared.placed(found)

    def dfbetas(self) -> FloatArray:
        """dfbeta in standard errors without the row, (n, p)."""
        diagonal = self.optimum.original(self.optimum.factor.inverse()).diagonal
        return np.asarray(self.dfbeta() / (self.sigma[:, None] * np.sqrt(diagonal)))


def influence(optimum: Optimum, dispersion: float, df: float | None) -> Influence:
    """All of it but dfbeta, in one read of the rows; `df` are the residual degrees of freedom, None if phi is known."""
    optimum = optimum.one_line("influence()")
    data, bread = optimum.problem.objective.data, optimum.factor.inverse()

    found = np.empty((6, data.n))

    def part(rows: slice) -> None:
        block = data.take(rows)
        at = at_rows(optimum, block, rows)
        h = np.clip(optimum.leverage(block, at.precision * at.weight, bread), 0.0, 1.0)
        _measure(h, pearson(optimum, at), deviance(optimum, at), dispersion, df, found[:, rows])

    ordered_map(part, slices(data.n, BLOCK))
    found[1] /= optimum.beta.size
    h, cook, rstandard, rstudent, dffits, sigma = (optimum.prepared.placed(values) for values in found)
    return Influence(h, cook, rstandard, rstudent, dffits, sigma, optimum)


def _left(h: FloatArray) -> FloatArray:
    """1 - h, NaN where nothing is left."""
    return np.where(1 - h <= FULL, np.nan, 1 - h)


def _measure(h: FloatArray, r: FloatArray, d: FloatArray, dispersion: float, df: float | None, out: FloatArray) -> None:
    """The fields of Influence for some rows into out (6, m), from leverages, Pearson and deviance residuals; Cook's
    distance times q."""
    left = _left(h)
    with np.errstate(divide="ignore", invalid="ignore"):
        rest = r**2 / left
        phi = dispersion if df is None else (dispersion * df - rest) / (df - 1) if df > 1 else np.nan
        out[0], out[5], moved = h, np.sqrt(phi), h * rest
        sigma = out[5]
        np.divide(moved, dispersion * left, out=out[1])
        np.divide(d, np.sqrt(dispersion * left), out=out[2])
        np.divide(np.copysign(np.sqrt(d**2 + moved), d), sigma, out=out[3])
        np.divide(r * np.sqrt(h), left * sigma, out=out[4])
