"""How far is each response from its mean? Residuals of five kinds and the randomised quantile residual.

With mu = h(eta), V its variance function and w the weight of a single row (precision, not frequency):

  response   y - mu
  working    (y - mu) / h'(eta)
  pearson    sqrt(w) (y - mu) / sqrt(V(mu))
  deviance   sign(y - mu) sqrt(2 w loss)
  anscombe   pearson's after the transformation that makes it normal, A(t) = int V^-1/3: (A(y) - A(mu)) sqrt(w) / V^1/6
  quantile   the standard normal quantile of F(y; mu, phi / w), drawn uniformly over the jump of a discrete F: it is
             standard normal if the model holds (Dunn and Smyth 1996)

As R's residuals.glm names them; phi is not divided by, but in "quantile", which needs it.
"""

from dataclasses import dataclass

import numpy as np
from scipy.special import ndtri

from expfam._typing import FloatArray
from expfam.errors import one_of
from expfam.inference.optimum import Optimum
from expfam.objective import Data
from expfam.parallel import ordered_map, slices
from expfam.response import rows as response_rows

KINDS = ("deviance", "pearson", "working", "response", "anscombe", "quantile")
ROWS = 1 << 16
NODES, SHARES = np.polynomial.legendre.leggauss(40)


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """Some rows at the optimum: y, T(y), eta, and loss, score and weight of a row of w = 1, with its precision w, (m,)
    each."""

    y: FloatArray
    t: FloatArray
    eta: FloatArray
    loss: FloatArray
    score: FloatArray
    weight: FloatArray
    precision: FloatArray


def at_rows(optimum: Optimum, block: Data, rows: slice) -> Rows:
    """What residuals and influence are made of, from one product with X."""
    family, link = optimum.model.family, optimum.model.link
    eta = block.design.forward(block.design.maps.forward(optimum.beta))
    eta, t = eta if block.offset is None else eta + block.offset, family.T(block.y)
    row = response_rows(family, link, eta, t, block.conjugate)
    assert row.score is not None
    assert row.weight is not None
    precision = optimum.single(block.weight, rows)
    return Rows(block.y, t, eta, row.loss, row.score, row.weight, precision)


def residuals(optimum: Optimum, kind: str, dispersion: float, seed: int) -> FloatArray:
    """The residuals of all rows, (n,), of two classes those of the first; ExpfamError for more, which have no single
    one."""
    one_of("kind", kind, KINDS)
    optimum = optimum.one_line("residuals()")
    data = optimum.problem.objective.data
    streams = np.random.SeedSequence(seed).spawn(-(-data.n // ROWS) or 1)

    def part(item: tuple[slice, np.random.SeedSequence]) -> FloatArray:
        rows, stream = item
        return of_rows(
            optimum, at_rows(optimum, data.take(rows), rows), kind, dispersion, np.random.default_rng(stream)
        )

    return np.concatenate(ordered_map(part, list(zip(slices(data.n, ROWS), streams, strict=True))))


def of_rows(optimum: Optimum, at: Rows, kind: str, dispersion: float, rng: np.random.Generator) -> FloatArray:
    """The residuals of some rows."""
    if kind == "pearson":
        return pearson(optimum, at)
    if kind == "deviance":
        return deviance(optimum, at)
    mu = means(optimum, at)
    if kind == "response":
        return np.asarray(at.t - mu)
    if kind == "working":
        return np.asarray((at.t - mu) / optimum.model.link.derivative(at.eta))
    if kind == "anscombe":
        return anscombe(optimum, at, mu)
    return quantile(optimum, at, mu, dispersion, rng)


def means(optimum: Optimum, at: Rows) -> FloatArray:
    """mu."""
    return optimum.model.link.inverse(at.eta)


def pearson(optimum: Optimum, at: Rows) -> FloatArray:
    """sqrt(w) (t - mu) / sqrt(V(mu)) = -+ sqrt(w / weight) score, for these are h'^2 / V and h' (mu - t) / V; 0 where
    mu = t on the edge of the means."""
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        found = _turned(optimum, at) * np.sqrt(at.precision / at.weight)
    flat = at.weight < np.finfo(float).tiny  # too small to divide by
    if flat.any():
        mu, t = means(optimum, at)[flat], at.t[flat]
        with np.errstate(divide="ignore", invalid="ignore"):
            edge = (t - mu) * np.sqrt(at.precision[flat] / optimum.model.family.variance(mu))
        found[flat] = np.where(t == mu, 0.0, edge)
    return np.asarray(found)


def deviance(optimum: Optimum, at: Rows) -> FloatArray:
    """sign(t - mu) sqrt(2 w loss)."""
    return np.copysign(np.sqrt(2 * at.precision * np.maximum(at.loss, 0.0)), _turned(optimum, at))


def _turned(optimum: Optimum, at: Rows) -> FloatArray:
    """|score| with the sign of t - mu: the score's is that of mu - t, times that of h'."""
    falls = len(at.eta) > 0 and float(optimum.model.link.derivative(at.eta[:1])[0]) < 0
    return at.score if falls else -at.score


def anscombe(optimum: Optimum, at: Rows, mu: FloatArray) -> FloatArray:
    """sqrt(w) (A(t) - A(mu)) / V(mu)^(1/6), the integral by Gauss and Legendre after the cube root of its end."""
    family = optimum.model.family
    u = (NODES + 1) / 2  # s = mu + (t - mu) (1 - (1 - u)^3): an end where V is 0 is no pole any more
    s = mu[:, None] + (at.t - mu)[:, None] * (1 - (1 - u) ** 3)
    jacobian = 3 * (1 - u) ** 2 * SHARES / 2
    with np.errstate(divide="ignore", invalid="ignore"):
        values = family.variance(s) ** (-1 / 3) * jacobian
    area = np.nan_to_num(values).sum(axis=1) * (at.t - mu)
    return np.asarray(np.sqrt(at.precision) * area / family.variance(mu) ** (1 / 6))


def quantile(optimum: Optimum, at: Rows, mu: FloatArray, dispersion: float, rng: np.random.Generator) -> FloatArray:
    """The normal quantile of a point drawn between F(y-) and F(y)."""
    family = optimum.model.family
    with np.errstate(divide="ignore", invalid="ignore"):  # of a dispersion of 0, which leaves no distribution
        below = family.cdf_left(at.y, mu, dispersion, at.precision)
        upto = family.cdf(at.y, mu, dispersion, at.precision)
    drawn = below + rng.random(len(at.y)) * (upto - below)
    tiny = np.finfo(float).tiny
    return np.asarray(ndtri(np.clip(drawn, tiny, 1 - np.finfo(float).epsneg)))
