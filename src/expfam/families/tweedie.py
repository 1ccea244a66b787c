"""V(mu) = mu^p: the families closed under scaling; for 1 < p < 2 a Poisson number of Gamma claims."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import wraps
from typing import Any, ClassVar, Concatenate, ParamSpec, TypeAlias, TypeVar, final

import numpy as np
import numpy.typing as npt
from scipy.special import gammainc, gammaln, i1e, ndtr, xlogy

from expfam._typing import BoolArray, FloatArray
from expfam.errors import FamilyError
from expfam.families._family import ExponentialFamily, Scale
from expfam.families._saddle import SMOOTH, concentrated, log_at_mean, log_variation, normal_score
from expfam.families._special import NEAR, log_ratio, log_sum_exp, poisson_draws, unit_loss
from expfam.families.gamma import Gamma
from expfam.families.gaussian import Gaussian
from expfam.families.inverse_gaussian import InverseGaussian
from expfam.families.poisson import Poisson

PARENTS: dict[float, ExponentialFamily] = {0: Gaussian(), 1: Poisson(), 2: Gamma(), 3: InverseGaussian()}
MANY = 1e6  # w mu^(2-p) / phi above which the distribution function's sum is long and its saddlepoint has ten digits
SMALLEST = -400.0  # log z from which on two terms of the series are one
CELLS = 1 << 20  # entries of one slab of the series

P = ParamSpec("P")
R = TypeVar("R")
IndexArray: TypeAlias = npt.NDArray[np.intp]


def _or_parent(method: Callable[Concatenate["Tweedie", P], R]) -> Callable[Concatenate["Tweedie", P], R]:
    """At a power of PARENTS the parent answers."""

    @wraps(method)
    def answer(self: "Tweedie", /, *args: P.args, **kwargs: P.kwargs) -> R:
        if self.parent is None:
            return method(self, *args, **kwargs)
        asked = getattr(self.parent, method.__name__)
        result: R = asked(*args, **kwargs) if callable(asked) else asked
        return result

    return answer


@final
@dataclass(frozen=True, slots=True)
class Tweedie(ExponentialFamily):
    """a(psi) = ((1-p) psi)^((2-p)/(1-p)) / (2-p), V(mu) = mu^p.

    p = 0, 1, 2, 3 are Gaussian, Poisson, Gamma, inverse Gaussian; these and 1 < p < 2 have a likelihood.
    The default link is log: the canonical one, mu^(1-p), restricts eta. Raises FamilyError for 0 < p < 1.
    """

    power: float
    name: ClassVar[str] = "tweedie"
    default_link: ClassVar[str] = "log"

    def __post_init__(self) -> None:
        if not np.isfinite(self.power) or 0 < self.power < 1:
            raise FamilyError(
                f"Tweedie(power={self.power!r}): no such family; power must be <= 0 or >= 1; "
                "take 1 < power < 2 for amounts with exact zeros"
            )

    @property
    def parent(self) -> ExponentialFamily | None:
        """The family of its own name that this power belongs to."""
        return PARENTS.get(self.power)

    @property
    def compound(self) -> bool:
        """Is this a Poisson sum of Gammas?"""
        return 1 < self.power < 2

    @property
    @_or_parent
    def mean_domain(self) -> tuple[float, float]:
        """The open interval of mu."""
        return 0.0, np.inf

    @property
    @_or_parent
    def fixed_dispersion(self) -> bool:
        """Is phi = 1 known?"""
        return False

    @property
    def has_likelihood(self) -> bool:
        """Only 1 < p < 2 and the parents' powers."""
        return self.compound or self.parent is not None

    @property
    def why_no_likelihood(self) -> str:
        """The reason, and the remedy."""
        return f"at power {self.power:g} its density has no usable form; take 1 < power < 2, or 0, 1, 2, 3"

    @property
    @_or_parent
    def allowed(self) -> str:
        """The support of y in words."""
        return "any finite number" if self.power < 0 else "a number >= 0" if self.compound else "a number > 0"

    @property
    def remedy(self) -> str:
        """What to do about a y outside the support."""
        return "correct or drop such rows" if self.power < 2 else "take 1 < power < 2 for exact zeros"

    @_or_parent
    def a(self, psi: FloatArray) -> FloatArray:
        p = self.power
        return np.power((1 - p) * psi, (2 - p) / (1 - p)) / (2 - p)

    @_or_parent
    def mean(self, psi: FloatArray) -> FloatArray:
        return np.power((1 - self.power) * psi, 1 / (1 - self.power))

    @_or_parent
    def natural(self, mu: FloatArray) -> FloatArray:
        return np.power(mu, 1 - self.power) / (1 - self.power)

    @_or_parent
    def variance(self, mu: FloatArray) -> FloatArray:
        return np.power(mu, self.power)

    @_or_parent
    def dvariance(self, mu: FloatArray) -> FloatArray:
        return self.power * np.power(mu, self.power - 1)

    @_or_parent
    def conjugate(self, t: FloatArray) -> FloatArray:
        p = self.power
        return np.power(np.maximum(t, 0.0), 2 - p) / ((1 - p) * (2 - p))

    @_or_parent
    def loss(self, t: FloatArray, mu: FloatArray) -> FloatArray:
        """mu^(2-p) [(r^(2-p) - 1) / (2-p) - (r - 1)] / (1-p) at r = t / mu."""
        q, d = 2 - self.power, np.asarray((t - mu) / mu)
        grown = np.expm1(q * log_ratio(np.maximum(t, 0.0), mu)) / q
        far = np.maximum((grown - d) / (q - 1), 0.0)
        return np.power(mu, q) * np.where(np.abs(d) < NEAR, unit_loss(d, q), far)

    @_or_parent
    def outside(self, y: FloatArray) -> BoolArray:
        if self.power < 0:
            return np.zeros(np.shape(y), dtype=np.bool_)
        return y < 0 if self.compound else y <= 0

    @_or_parent
    def log_saturated(self, y: FloatArray, precision: Scale) -> FloatArray:
        """log sum_j W_j(y) - log y + k a*(y), k = w / phi (Dunn and Smyth 2005); 0 at y = 0.

        Where phi is small the saddlepoint gives all its digits, however many terms the sum has.
        """
        if not self.compound:
            self.no_likelihood("density")
        y, k = np.broadcast_arrays(np.asarray(y, dtype=np.float64), precision)
        out, positive = np.zeros(y.shape), y > 0  # most policies have no claim
        out[positive] = self._log_saturated(y[positive], k[positive])
        return out

    def _log_saturated(self, y: FloatArray, k: FloatArray) -> FloatArray:
        """The same for y > 0."""
        log_xi = log_variation(self.power, y, k)
        far = concentrated(self.power, log_xi)
        out = np.empty(y.shape)
        out[far] = log_at_mean(self.power, y[far], log_xi[far])
        out[~far] = _log_series(self.power, y[~far], k[~far]) + k[~far] * self.conjugate(y[~far])
        return out

    @_or_parent
    def loglik(self, y: FloatArray, deviance: float, weight: Scale = 1.0, frequency: Scale = 1.0) -> float:
        """sum f log p(y; mu, phi / w) at phi = deviance / sum f w."""
        return ExponentialFamily.loglik(self, y, deviance, weight, frequency)

    @_or_parent
    def draw(self, mu: FloatArray, rng: np.random.Generator, phi: Scale = 1.0, weight: Scale = 1.0) -> FloatArray:
        if not self.compound:
            self.no_likelihood("draws")
        rate, shape, scale = self.claims(mu, weight / phi)
        return np.asarray(rng.gamma(poisson_draws(rng, rate) * shape, scale))

    @_or_parent
    def cdf(self, y: FloatArray, mu: FloatArray, phi: Scale = 1.0, weight: Scale = 1.0) -> FloatArray:
        """e^-rate + sum_j Poisson(j; rate) P(Gamma(j shape) <= y / scale); a saddlepoint where the sum is long."""
        if not self.compound:
            self.no_likelihood("distribution function")
        y, mu, k = np.broadcast_arrays(np.asarray(y, dtype=np.float64), mu, weight / phi)
        power, unit, out = self.power, k * np.power(mu, 2 - self.power), np.zeros(y.shape)
        far = unit > max(MANY, SMOOTH * (2 - power) / (power - 1))
        some = far & (y > 0)
        t, m, many = y[some], mu[some], unit[some]
        out[some] = ndtr(normal_score(power, log_ratio(t, m), self.loss(t, m) / np.power(m, 2 - power), many))
        rate, shape, scale = self.claims(mu[~far], k[~far])
        out[~far] = np.exp(-rate) + np.exp(_log_compound(rate, shape, np.maximum(y[~far], 0.0) / scale))
        return np.where(y < 0, 0.0, np.minimum(out, 1.0))

    @_or_parent
    def cdf_left(self, y: FloatArray, mu: FloatArray, phi: Scale = 1.0, weight: Scale = 1.0) -> FloatArray:
        return np.where(np.asarray(y) > 0, self.cdf(y, mu, phi, weight), 0.0)

    def claims(self, mu: FloatArray, precision: Scale) -> tuple[FloatArray, float, FloatArray]:
        """The rate of the Poisson number, and the shape and scale of one Gamma claim, for 1 < p < 2."""
        p = self.power
        rate = precision * np.power(mu, 2 - p) / (2 - p)
        return rate, (2 - p) / (p - 1), (p - 1) * np.power(mu, p - 1) / precision

    def to_dict(self) -> dict[str, Any]:
        return {"name": self.name, "power": float(self.power)}


def _log_series(p: float, y: FloatArray, k: FloatArray) -> FloatArray:
    """log b = log sum_j W_j - log y, W_j = z^j / (j! Gamma(j alpha)), largest near j = k y^(2-p) / (2-p).

    At the usual power, p = 3/2, the sum is sqrt(z) I_1(2 sqrt(z)) of Bessel's functions.
    """
    alpha = (2 - p) / (p - 1)
    log_z = alpha * np.log(k * y / (p - 1)) + np.log(k / (2 - p))
    if alpha == 1:
        root = np.exp(np.maximum(log_z, SMALLEST) / 2)
        below = np.minimum(log_z - SMALLEST, 0.0) / 2  # there I_1(x) is x / 2
        return np.asarray(log_z / 2 + np.log(i1e(2 * root)) + 2 * root + below - np.log(y))

    def log_term(rows: IndexArray, first: FloatArray, width: int) -> FloatArray:
        factorials = along(lambda j: gammaln(j + 1) + gammaln(j * alpha), first, width)
        return np.asarray((first[:, None] + np.arange(width)) * log_z[rows, None] - factorials)

    return _log_sum(k * np.power(y, 2 - p) / (2 - p), 1 / (1 + alpha), log_term) - np.log(y)


def _log_compound(rate: FloatArray, shape: float, x: FloatArray) -> FloatArray:
    """log sum_j Poisson(j; rate) P(Gamma(j shape) <= x)."""

    def log_term(rows: IndexArray, first: FloatArray, width: int) -> FloatArray:
        j = first[:, None] + np.arange(width)
        number = xlogy(j, rate[rows, None]) - rate[rows, None] - gammaln(j + 1)
        with np.errstate(divide="ignore"):
            return np.asarray(number + np.log(gammainc(j * shape, x[rows, None])))

    return _log_sum(rate, 1.0, log_term)


def _log_sum(
    centre: FloatArray, spread: float, log_term: Callable[[IndexArray, FloatArray, int], FloatArray]
) -> FloatArray:
    """log sum_(j >= 1) e^log_term over the windows of `slabs`."""
    out = np.empty(len(centre))
    for rows, first, width in slabs(centre, spread):
        out[rows] = log_sum_exp(log_term(rows, first, width))
    return out


def slabs(centre: FloatArray, spread: float) -> Iterator[tuple[IndexArray, FloatArray, int]]:
    """Rows whose windows of j are alike, their first j, (rows,), and how many j: from 20 and nine deviations
    sqrt(spread centre) before `centre`, but not before 1, to as many behind.

    A slab has about CELLS numbers, so memory stays bounded.
    """
    reach = np.ceil(9 * np.sqrt(spread * centre) + 20)
    order = np.argsort(centre)
    width = reach[order]
    slab = np.floor(np.cumsum(width) / CELLS) + np.floor(np.log2(width)) * len(centre)
    for rows in np.split(order, np.flatnonzero(np.diff(slab)) + 1):
        if len(rows):
            middle = np.floor(centre[rows])
            first = np.maximum(middle - reach[rows], 1.0)
            yield rows, first, int((middle + reach[rows] - first).max()) + 1


def along(f: Callable[[FloatArray], FloatArray], first: FloatArray, width: int) -> FloatArray:
    """f(j) for j = first, first + 1, ..., (rows, width), or (1, width) where all rows begin alike.

    Each j is computed once where that is less work.
    """
    low, high = float(first.min()), float(first.max()) + width
    if high - low > max(first.size, 2) * width:
        return f(first[:, None] + np.arange(width))
    table = f(np.arange(low, high))
    if high - low == width:
        return table[None]
    return np.lib.stride_tricks.sliding_window_view(table, width)[(first - low).astype(np.intp)]
