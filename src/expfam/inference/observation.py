"""Where will a new observation fall? Quantiles of the family mixed over what is not known: eta, and the dispersion.

Given phi, eta is normal around its estimate with the variance that phi gives it; phi df / phi^ is chi-square where it
is estimated. F(y) = E P(Y <= y | eta, phi) is a sum over quadrature nodes, and its quantiles are found by bracketing.
For Gaussian means and the identity link F is a t distribution: mu -+ t sqrt(phi / w + x' V x).
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from scipy.special import gammainccinv, gammaincinv, ndtr, ndtri

from expfam._typing import FloatArray, IntArray
from expfam.errors import ExpfamError
from expfam.families import Bernoulli, Binomial, Categorical, ExponentialFamily, Gaussian, NegativeBinomial, Poisson
from expfam.families.tweedie import Tweedie
from expfam.inference.wald import critical
from expfam.links import Identity, Link
from expfam.parallel import ordered_map

LATTICE = (Poisson, NegativeBinomial, Binomial)  # y w is a whole number
GAUSS = ((0.03, 3), (0.1, 5), (0.3, 7), (0.7, 13))  # nodes where eta's error moves the mean by that share of the noise
CHI = ((1000, 3), (100, 5), (12, 9), (5, 13), (2, 21))  # nodes for the dispersion by degrees of freedom, at least
COARSEST = 40.0  # beyond this ratio of eta's error to the noise the steps get no finer
CELLS = 1 << 20  # rows times nodes worked on at once
Below: TypeAlias = Callable[[FloatArray, IntArray], FloatArray]

HALVINGS, DOUBLINGS, CLOSE = 80, 60, 1e-9


@dataclass(frozen=True, slots=True, eq=False)
class Uncertain:
    """What is known of some new rows: eta and its standard error (n,), phi with its degrees of freedom (None: known),
    and the precision weight w of the observation to come, (n,)."""

    family: ExponentialFamily
    link: Link
    eta: FloatArray
    se: FloatArray
    phi: float
    df: float | None
    weight: FloatArray


def interval(of: Uncertain, level: float) -> tuple[FloatArray, FloatArray]:
    """(lower, upper), (n,), outside of which Y falls with probability at most (1 - level) / 2 on either side.

    Exactly that for continuous families; where Y is a count over its weight the ends are the innermost values of the
    lattice that keep both tails at most that.
    """
    reach = critical(level, of.df)
    if isinstance(of.family, Gaussian) and isinstance(of.link, Identity):
        half = reach * np.sqrt(of.phi / of.weight + of.se**2)
        return of.eta - half, of.eta + half
    known = np.isfinite(of.se) & np.isfinite(of.eta) & (of.phi > 0)
    ends = np.full((2, len(of.eta)), np.nan)
    blocks = list(_alike(of, np.flatnonzero(known)))
    tails = (1 - level) / 2, (1 + level) / 2
    for (rows, *_), found in zip(blocks, ordered_map(lambda block: _quantiles(of, *block, tails), blocks), strict=True):
        ends[:, rows] = found
    return ends[0], ends[1]


def check(family: ExponentialFamily) -> None:
    """ExpfamError where an interval of a new observation says nothing, or there is no distribution to take it from."""
    if isinstance(family, Bernoulli | Categorical):
        raise ExpfamError(
            f"a new observation of the {family.name} family is one of its classes and has no interval; its "
            "probability is the whole answer: predict(new), with interval='confidence' for how well that is known"
        )
    if not family.has_likelihood or type(family).cdf is ExponentialFamily.cdf:
        family.no_likelihood("distribution function")


def _alike(of: Uncertain, rows: IntArray) -> Iterator[tuple[IntArray, FloatArray, FloatArray]]:
    """Blocks of rows that need equally many nodes, with the nodes of eta and their weights."""
    mu = of.link.inverse(of.eta[rows])
    noise = np.sqrt(of.phi * of.family.variance(mu) / of.weight[rows])
    ratio = np.abs(of.link.derivative(of.eta[rows])) * of.se[rows] / np.maximum(noise, 1e-300)
    edges = [0.0, *(edge for edge, _ in GAUSS), *np.geomspace(1, COARSEST, 8)]
    place = np.digitize(ratio, edges, right=True)
    for k in np.unique(place):
        here = rows[place == k]
        nodes = _nodes(edges[min(k, len(edges) - 1)])
        step = max(CELLS // (len(nodes[0]) * len(_dispersions(of.df)[0])), 1)
        yield from ((here[lo : lo + step], *nodes) for lo in range(0, len(here), step))


def _nodes(ratio: float) -> tuple[FloatArray, FloatArray]:
    """Nodes z and weights of a standard normal for functions like Phi(a - ratio z), to 1e-9: Gauss and Hermite's, or
    the trapezoid rule with steps 1 / sqrt(1 + ratio^2), whose error falls faster than any power."""
    m = next((m for edge, m in GAUSS if ratio <= edge), None)
    return _trapezoid(1 / np.sqrt(1 + ratio**2)) if m is None else _hermite(m)


def _hermite(m: int) -> tuple[FloatArray, FloatArray]:
    z, w = np.polynomial.hermite_e.hermegauss(m)
    return z, w / w.sum()


def _trapezoid(step: float) -> tuple[FloatArray, FloatArray]:
    z = step * np.arange(-np.ceil(7 / step), np.ceil(7 / step) + 1)
    w = np.exp(-(z**2) / 2)
    return z, w / w.sum()


def _dispersions(df: float | None) -> tuple[FloatArray, FloatArray]:
    """Nodes of phi / phi^ = df / chi2_df and their weights: a normal score z is a quantile of chi2."""
    if df is None:
        return np.ones(1), np.ones(1)
    m = next((m for least, m in CHI if df >= least), None)
    z, w = _trapezoid(0.25) if m is None else _hermite(m)
    half = np.where(z < 0, gammaincinv(df / 2, ndtr(z)), gammainccinv(df / 2, ndtr(-z)))
    return df / (2 * half), w


def _quantiles(of: Uncertain, rows: IntArray, z: FloatArray, w: FloatArray, tails: tuple[float, ...]) -> FloatArray:
    """The quantiles of some rows at some levels, (tails, rows)."""
    family, (times, share) = of.family, _dispersions(of.df)
    if isinstance(family, Tweedie) and family.parent is not None:
        family = family.parent
    eta, se, size = of.eta[rows], of.se[rows], of.weight[rows]
    with np.errstate(over="ignore", divide="ignore"):
        nodes = eta[:, None, None] + se[:, None, None] * np.sqrt(times)[:, None] * z
        mu = of.link.inverse(np.clip(nodes, *of.link.domain))

    def below(y: FloatArray, at: IntArray) -> FloatArray:
        with np.errstate(all="ignore"):
            found = family.cdf(y[:, None, None], mu[at], of.phi * times[:, None], size[at, None, None])
        return np.asarray(np.einsum("nkm,k,m->n", np.nan_to_num(found), share, w))

    centre = of.link.inverse(eta)
    spread = np.sqrt(of.phi * family.variance(centre) / size) + np.abs(of.link.derivative(eta)) * se
    if isinstance(family, LATTICE):
        most = size if isinstance(family, Binomial) else np.full(len(size), np.inf)
        counts = [_smallest(lambda c, at: below(c / size[at], at), p, centre * size, most) for p in tails]
        return np.asarray(np.stack(counts) / size)
    if family.mean_domain[0] == 0:
        atom = below(np.zeros(len(rows)), np.arange(len(rows)))  # P(Y = 0); where it is p or more the quantile is 0
        goals = [np.where(atom < p, p, (1 + atom) / 2) for p in tails]
        with np.errstate(over="ignore"):  # an end that is infinite
            log = [
                _root(lambda s, at: below(np.exp(s), at), q, np.log(centre), np.log1p(spread / centre)) for q in goals
            ]
            return np.stack([np.where(atom < p, np.exp(s), 0.0) for p, s in zip(tails, log, strict=True)])
    return np.stack([_root(below, np.full(len(rows), p), centre, spread) for p in tails])


def _smallest(below: Below, p: float, near: FloatArray, most: FloatArray) -> FloatArray:
    """The smallest whole number c, at most `most`, with below(c) >= p, (n,): an outward search, then halving."""
    every = np.arange(len(near))
    low, high = np.full(len(near), -1.0), np.minimum(np.ceil(near) + 1, most)
    for _ in range(DOUBLINGS):
        short = (below(high, every) < p) & (high < most)
        if not short.any():
            break
        low, high = np.where(short, high, low), np.where(short, np.minimum(2 * high + 1, most), high)
    for _ in range(HALVINGS):
        live = np.flatnonzero(high - low > 1)
        if not len(live):
            break
        middle = np.floor((low[live] + high[live]) / 2)
        enough = below(middle, live) >= p
        low[live], high[live] = np.where(enough, low[live], middle), np.where(enough, middle, high[live])
    return np.asarray(high)


def _root(below: Below, p: FloatArray, centre: FloatArray, spread: FloatArray) -> FloatArray:
    """The y with below(y) = p, (n,): a bracket, then secants of normal scores, every third step a halving."""
    goal, every = ndtri(p), np.arange(len(p))

    def gap(y: FloatArray, at: IntArray) -> FloatArray:
        return np.asarray(ndtri(np.clip(below(y, at), 1e-300, 1 - 1e-16)) - goal[at])

    step = np.where(spread > 0, spread, 1.0)
    low, high = (centre + (goal + side) * step for side in (-1, 1))
    under, over = gap(low, every), gap(high, every)
    for _ in range(DOUBLINGS):
        left, right = np.flatnonzero(under > 0), np.flatnonzero(over < 0)
        if not (len(left) or len(right)):
            break
        step = 2 * step
        high[left], over[left], low[right], under[right] = low[left], under[left], high[right], over[right]
        low[left], high[right] = low[left] - step[left], high[right] + step[right]
        under[left], over[right] = gap(low[left], left), gap(high[right], right)
    found, live, moved = np.where(under == 0, low, high), np.flatnonzero((under < 0) & (over > 0)), np.zeros(len(p))
    for k in range(HALVINGS):
        if not len(live):
            break
        a, b, f, g, last = low[live], high[live], under[live], over[live], moved[live]
        middle = (a + b) / 2 if k % 5 == 4 else a - f / (g - f) * (b - a)
        here = gap(middle, live)
        short = here < 0
        found[live], moved[live] = middle, np.where(short, 1, -1)
        low[live], high[live] = np.where(short, middle, a), np.where(short, b, middle)
        under[live] = np.where(short, here, np.where(last < 0, f / 2, f))  # Illinois: an end that stays twice
        over[live] = np.where(short, np.where(last > 0, g / 2, g), here)
        live = live[(np.abs(here) > CLOSE) & (b - a > CLOSE * (np.abs(a) + np.abs(b)))]
    return found
