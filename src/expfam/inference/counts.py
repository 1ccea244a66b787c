"""Do counts vary more than their family says, or have more zeros? Score tests at the fitted means."""

from dataclasses import dataclass

import numpy as np
from scipy.special import betainc, chdtrc, ndtr

from expfam._typing import FloatArray
from expfam.errors import ExpfamError
from expfam.families import Binomial, ExponentialFamily, NegativeBinomial, Poisson, QuasiBinomial, QuasiPoisson
from expfam.inference.optimum import Optimum
from expfam.information import Covariance
from expfam.parallel import ordered_sum, slices
from expfam.response import Level

AGAINST = ("quadratic", "linear")
ALTERNATIVES = ("greater", "less", "two-sided")
METHODS = ("score", "regression")
AT_ONCE = 1 << 14  # rows
TERMS, NODES = 256, 64
SIDES = {"greater": "more", "less": "less", "two-sided": "more or less"}


@dataclass(frozen=True, slots=True)
class OverdispersionTest:
    """z `statistic` (its square is chi2 on `df` = 1) and `p_value`; `estimate` is alpha of the variance `against`."""

    statistic: float
    df: int
    p_value: float
    estimate: float
    against: str
    method: str
    alternative: str

    def __str__(self) -> str:
        return (
            f"Overdispersion, {self.method} test against Var = {self.against}: z = {self.statistic:.4g}, "
            f"p = {self.p_value:.3g} ({SIDES[self.alternative]} than the family's), alpha = {self.estimate:.4g}"
        )


@dataclass(frozen=True, slots=True)
class ZeroInflationTest:
    """chi2 `statistic` on `df` = 1 and its `p_value`; `estimate` is the share of zeros beside the family's, by one
    Newton step from 0, negative where zeros are too few; `observed` and `expected` are numbers of zeros."""

    statistic: float
    df: int
    p_value: float
    estimate: float
    observed: float
    expected: float

    def __str__(self) -> str:
        return (
            f"Zeros: {self.observed:,.0f} observed, {self.expected:,.1f} expected; score test chi2 = "
            f"{self.statistic:.4g} on {self.df} df, p = {self.p_value:.3g}, extra share = {self.estimate:.4g}"
        )


def overdispersion(optimum: Optimum, against: str, method: str, alternative: str) -> OverdispersionTest:
    """Is alpha = 0 in Var = V + alpha g? From U, of mean alpha g and variance v at alpha = 0.

    score       sum (g / v) U / sqrt(sum g^2 / v), U enlarged by what the leverages took off (Dean 1992)
    regression  t of U / sqrt(v / 2) on g / sqrt(v / 2), without intercept (Cameron and Trivedi 1990; R: AER)
    """
    family = optimum.model.family
    if not isinstance(family, Poisson | QuasiPoisson | Binomial | QuasiBinomial):
        raise ExpfamError(f"overdispersion_test is for poisson and binomial fits; {_why(family)}")
    _likelihood(optimum, "overdispersion_test")
    bread = optimum.factor.inverse() if method == "score" else None

    def part(rows: slice) -> FloatArray:
        U, v, g, f = _excess(optimum, rows, against, bread)
        some = v > 0
        U, v, g, f = U[some], v[some], g[some], f[some]
        return np.array([f @ (g * U / v), f @ (g**2 / v), f @ (U**2 / v), f.sum()])

    cross, square, own, n = ordered_sum(part, slices(optimum.prepared.data.n, AT_ONCE))
    if not square > 0:
        raise ExpfamError(
            "overdispersion_test: every row is a single trial, whose variance mu (1 - mu) cannot be exceeded; "
            "sum the rows of equal predictors and give their number as trials="
        )
    if not np.isfinite(cross):
        raise ExpfamError(
            "overdispersion_test: some mean is 0 or 1, on the edge of its domain, where a share has no variance; look "
            "for separation (fit.certificate.separated), and leave such rows out"
        )
    alpha = cross / square
    error = 1.0 if method == "score" else np.sqrt((own - alpha * cross) / (n - 1))
    z = float(cross / np.sqrt(square) / error)
    p = {"greater": ndtr(-z), "less": ndtr(z), "two-sided": 2 * ndtr(-abs(z))}[alternative]
    return OverdispersionTest(z, 1, float(p), float(alpha), _variance(family, against), method, alternative)


def _excess(optimum: Optimum, rows: slice, against: str, bread: Covariance | None) -> tuple[FloatArray, ...]:
    """U, v, g and the frequency of some rows, of counts: y times its precision.

    Poisson: U = (c - m)^2 - c, v = 2 m^2, g = m^2 or m. Binomial of n trials: U = (e^2 - (1 - 2 mu) e) / (mu (1 - mu))
    - n with e = c - n mu, v = 2 n (n - 1), g = n (n - 1) or n. Leverage h adds what it takes off the squares.
    """
    y, mu, n, f, h = _rows(optimum, rows, bread)
    e, linear = n * (y - mu), against == "linear"
    if isinstance(optimum.model.family, Poisson | QuasiPoisson):
        m = n * mu
        return e**2 - n * y + h * m, 2 * m**2, m if linear else m**2, f
    with np.errstate(divide="ignore", invalid="ignore"):  # told by who asked
        U = (e**2 - (1 - 2 * mu) * e) / (mu * (1 - mu)) - n + h * n
    pairs = np.maximum(n * (n - 1), 0.0)
    return U, 2 * pairs, n if linear else pairs, f


def _variance(family: ExponentialFamily, against: str) -> str:
    if isinstance(family, Poisson | QuasiPoisson):
        return "mu + alpha mu^2" if against == "quadratic" else "(1 + alpha) mu"
    return "n mu (1 - mu) (1 + (n - 1) alpha)" if against == "quadratic" else "n mu (1 - mu) (1 + alpha)"


def _why(family: ExponentialFamily) -> str:
    if isinstance(family, NegativeBinomial):
        return "the negative binomial family has theta for it: test the fit with family='poisson'"
    if family.name in ("bernoulli", "categorical"):
        return f"a {family.name} response is a single draw, whose variance cannot be exceeded"
    if family.fixed_dispersion:
        return (
            f"the functions of the {family.name} family, which fixes its dispersion, tell means and variances, and "
            "not how squares vary. Compare np.sum(fit.residuals('pearson') ** 2) with fit.df_residual"
        )
    return f"the {family.name} family estimates its dispersion: see fit.dispersion"


def _likelihood(optimum: Optimum, what: str) -> None:
    """Refuse where the estimate is not maximum likelihood."""
    if not optimum.objective.penalty.is_zero:
        raise ExpfamError(f"{what} needs a maximum likelihood fit, not a penalised one; refit with penalty=None")
    if optimum.model.weights_kind == "sampling":
        raise ExpfamError(f"{what} needs a likelihood, and sampling weights have none; refit without them")


def _rows(optimum: Optimum, rows: slice, bread: Covariance | None = None) -> tuple[FloatArray, ...]:
    """y, mu, precision, frequency and leverage by H^-1 (0 without it) of some rows."""
    objective, prepared = optimum.problem.objective, optimum.prepared
    block = objective.data.take(rows)
    mu = optimum.means(block)
    f = np.ones(block.n) if prepared.frequency is None else prepared.frequency[rows]
    h = np.zeros(block.n)
    if bread is not None:
        weight = objective.rows(block, block.design.maps.forward(optimum.beta), Level.HESSIAN).weight
        assert weight is not None
        h = optimum.leverage(block, weight, bread) / f
    return block.y, mu, block.weight / f, f, h


def zero_inflation(optimum: Optimum, theta_estimated: bool) -> ZeroInflationTest:
    """Is omega = 0 in P(0) = omega + (1 - omega) p0, p0 = exp(-mu) or (theta / (theta + mu))^theta?

    U = sum 1{y = 0} / p0 - 1, its variance sum 1 / p0 - 1 less what estimating theta, and the theta of a negative
    binomial, takes away: c'H^-1 c with c = sum of mu psi' x (van den Broek 1995; Jansakul and Hinde 2002).
    """
    family = optimum.model.family
    if not isinstance(family, Poisson | NegativeBinomial):
        raise ExpfamError(f"zero_inflation_test is for poisson and negative binomial fits, not for {family.name}")
    _likelihood(optimum, "zero_inflation_test")
    maps = optimum.problem.objective.data.design.maps

    def part(rows: slice) -> FloatArray:
        sums, slope = _zeros(optimum, family, rows)
        return np.concatenate([sums, slope])

    total = ordered_sum(part, slices(optimum.prepared.data.n, AT_ONCE))
    U, spread, observed, expected, own, cross = total[:6]
    c = maps.adjoint(total[6:])
    variance = spread - float(c @ optimum.factor.solve(c))
    if theta_estimated and own > 0:
        variance -= cross**2 / own
    if not (np.isfinite(variance) and variance > 0):
        raise ExpfamError(
            f"zero_inflation_test: {expected:.3g} zeros are expected, too few rows for a test; it needs means near 0"
        )
    statistic = float(U**2 / variance)
    return ZeroInflationTest(
        statistic, 1, float(chdtrc(1, statistic)), float(U / variance), float(observed), float(expected)
    )


def _zeros(optimum: Optimum, family: Poisson | NegativeBinomial, rows: slice) -> tuple[FloatArray, FloatArray]:
    """(U, its variance, zeros observed and expected, theta's information and its share in U), and c in raw columns."""
    y, mu, w, f, _ = _rows(optimum, rows)
    objective = optimum.problem.objective
    block, own, cross = objective.data.take(rows), 0.0, 0.0
    if isinstance(family, NegativeBinomial):
        if np.any(w != 1):
            raise ExpfamError(
                "zero_inflation_test of a negative binomial fit needs single counts, no precision weights"
            )
        own = float(f @ information_of_theta(family.theta, mu))
        cross = float(f @ (mu / (mu + family.theta) - np.log1p(mu / family.theta)))  # theta's scores at y = 0
    log_p0 = family.log_density(np.zeros(block.n), mu, 1.0, w)
    zero = y == 0
    with np.errstate(over="ignore"):
        odds = np.expm1(-log_p0)
        U = np.where(zero, odds, -1.0)
    slope = mu * w * objective.link.derivative(objective.link(mu)) / family.variance(mu)
    sums = np.array([f @ U, f @ odds, f @ zero, f @ np.exp(log_p0), own, cross])
    return sums, block.design.adjoint(f * slope)


def information_of_theta(theta: float, mu: FloatArray) -> FloatArray:
    """E of the observed information of theta in one count of mean mu, (n,): sum_j P(Y > j) b_j, j = 0, 1, ...

    b_j = 1 / (theta + j)^2 - 1 / (theta (mu + theta)), where sum_j P(Y > j) = mu was put to use. From TERMS on the sum
    is an integral, `_tail`.
    """
    ratio, scale = mu / (mu + theta), theta * (mu + theta)
    at = np.exp(-theta * np.log1p(mu / theta))
    above = -np.expm1(-theta * np.log1p(mu / theta))
    total, counted = np.zeros_like(mu), np.zeros_like(mu)
    for j in range(TERMS):
        total += above * (theta * mu - 2 * theta * j - j * j) / ((theta + j) ** 2 * scale)
        counted += above
        at = at * ratio * ((theta + j) / (j + 1))
        above = np.maximum(above - at, 0.0)
    left = above > 1e-14
    if left.any():
        total[left] += _tail(theta, mu[left], above[left], at[left]) - (mu - counted)[left] / scale[left]
    return total


def _tail(theta: float, mu: FloatArray, above: FloatArray, at: FloatArray) -> FloatArray:
    """sum_(j >= TERMS) P(Y > j) / (theta + j)^2 by Euler and Maclaurin: the integral of P(Y > e^s - theta) e^-s over s
    from log(theta + TERMS - 1/2) on, by Gauss and Legendre where it is neither 1 nor 0, and a 24th of the slope there.

    `above` and `at` are P(Y > TERMS) and P(Y = TERMS); a count of small theta has an exponential tail.
    """
    nodes, weights = np.polynomial.legendre.leggauss(NODES)
    spread, begin = np.sqrt(mu * (1 + mu / theta)), theta + TERMS - 0.5
    sure = np.maximum(begin, theta + mu - 10 * spread)
    half = np.log(np.maximum((theta + mu + (10 + 35 / np.sqrt(theta)) * spread) / sure, 1.0)) / 2
    x = sure[:, None] * np.exp(half[:, None] * (nodes + 1))
    survival = betainc(x - theta + 1, theta, (mu / (mu + theta))[:, None])
    slope = -(2 * above + at) / begin**3 - at / begin**2
    return np.asarray(1 / begin - 1 / sure + half * ((survival / x) @ weights) + slope / 24)
