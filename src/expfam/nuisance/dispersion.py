"""phi: Pearson's, the mean deviance, maximum likelihood, or a number that is known (18).

With k = w / phi a likelihood is sum f log p(y; mu = y, k) - deviance / (2 phi), so its maximum needs no means: it is a
curve in lambda = -log phi. Gaussian and inverse Gaussian: phi = deviance / n; Gamma: the digamma equation of
MASS::gamma.shape, whose shape is 1 / phi; Tweedie with 1 < p < 2: the series.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from expfam._typing import FloatArray
from expfam.errors import FamilyError, is_finite
from expfam.families import ExponentialFamily, Gamma, Gaussian, InverseGaussian, Tweedie
from expfam.families._mean import mean_of
from expfam.families.gamma import less_factorial, slopes_of_less_factorial
from expfam.model import Prepared
from expfam.nuisance.adjusted import adjusted, adjusts
from expfam.nuisance.joint import Base
from expfam.nuisance.number import Box, Curve, Nuisance, climb
from expfam.nuisance.tweedie import log_saturated
from expfam.objective import Objective
from expfam.parallel import ordered_sum, slices
from expfam.response import Level

KINDS = ("pearson", "deviance", "ml")
AT_ONCE = 1 << 16  # rows
TINY = 1e-290  # weights below it are too small to divide by
NOTHING = 1e-26  # square of a relative miss that rounding leaves of none
EXACT = (
    "the fit meets every response: no dispersion is left to estimate, so standard errors, log-likelihood and AIC tell "
    "nothing of such data. Look for a column that holds the response, take fewer columns, or give dispersion="
)
SO_FAR = (
    "the fit meets every response as far as tol={tol:g} tells: what it misses of them is what the solver's last step "
    "left, so dispersion, standard errors, log-likelihood and AIC tell nothing of such data. Take a smaller tol= to "
    "see more, look for a column that holds the response, take fewer columns, or give dispersion="
)
BOX = Box(np.array([-300.0]), np.array([300.0]), np.array([3.0]), (0,))


@dataclass(frozen=True, slots=True)
class Asked:
    """Which dispersion: a kind of KINDS, "adjusted" score, "fixed" by the family, or "given" as a number."""

    kind: str
    value: float = 1.0


@dataclass(frozen=True, slots=True)
class Dispersion:
    """phi and how it was found; `inside` is the phi of the log-likelihood where that is not R's convention."""

    kind: str
    phi: float
    inside: float | None = None
    numbers: tuple[Nuisance, ...] = ()

    @property
    def known(self) -> bool:
        """Is it no estimate, so that tests use the normal distribution?"""
        return self.kind in ("fixed", "given")


def asked(given: str | float | None, family: ExponentialFamily, bias: str | None = None) -> Asked:
    """What `dispersion=` says for this family, beside adjusted scores by default its own; FamilyError naming what is
    allowed."""
    known = given in (None, *KINDS) if given is None or isinstance(given, str) else is_finite(given) and given > 0
    if not known:
        raise FamilyError(
            f"dispersion={given!r} is not allowed; choose 'pearson', 'deviance', 'ml', or a known number > 0"
        )
    if family.fixed_dispersion:
        if given is None or given == 1:
            return Asked("fixed")
        raise FamilyError(
            f"dispersion={given!r}: the {family.name} family fixes phi = 1, its variance follows from its mean; "
            + _remedy(family)
        )
    if given is None or isinstance(given, str):
        if given == "ml":
            _measure(family)
        return Asked(given or ("adjusted" if bias is not None and adjusts(family) else "pearson"))
    return Asked("given", float(given))


def _remedy(family: ExponentialFamily) -> str:
    if family.name in ("poisson", "negative_binomial"):
        return "family='quasipoisson' has a free one, family='negative_binomial' a free theta"
    if family.name in ("binomial", "bernoulli"):
        return "family='quasibinomial' has a free one"
    return "for errors that do not trust the variance take vcov='HC1'"


def dispersion(
    ask: Asked, prepared: Prepared, objective: Objective, theta: FloatArray, deviance: float, df_residual: float
) -> Dispersion:
    """The dispersion asked for, NaN where no degree of freedom is left for it."""
    if ask.kind == "fixed":
        return Dispersion("fixed", 1.0)
    if ask.kind == "given":
        return Dispersion("given", ask.value, ask.value)
    if ask.kind == "ml":
        found = maximum_likelihood(prepared, deviance)
        return Dispersion("ml", found.value, found.value, (found,))
    if not df_residual > 0:
        return Dispersion(ask.kind, np.nan)
    if ask.kind == "adjusted":
        return Dispersion("adjusted", adjusted(prepared, deviance, df_residual))
    total = deviance if ask.kind == "deviance" else pearson(objective, theta)
    return Dispersion(ask.kind, total / df_residual)


def meets(prepared: Prepared, family: ExponentialFamily, phi: float, null_deviance: float) -> bool:
    """Do the means differ from the responses by rounding alone: is phi nothing beside the square of the mean response
    and the spread around it?"""
    data = prepared.data
    middle = mean_of(family, data.y, data.weight)
    with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
        size = float((data.weight.sum() * middle**2 / family.variance(middle))[0])
    return phi <= NOTHING * float(np.nan_to_num([size, null_deviance], posinf=0.0).sum()) / prepared.n


def pearson(objective: Objective, theta: FloatArray) -> float:
    """sum w (T(y) - mu)^2 / V(mu) = sum score^2 / weight, one read of the rows."""
    data, family = objective.data, objective.family
    raw = data.design.maps.forward(theta)

    def part(rows: slice) -> float:
        block = data.take(rows)
        row = objective.rows(block, raw, Level.HESSIAN)
        if row.weight is not None and row.score is not None and row.weight.min(initial=1.0) >= TINY:
            return float(row.score / row.weight @ row.score)
        eta = block.design.forward(raw)
        mu = objective.link.inverse(eta if block.offset is None else eta + block.offset)
        return float(np.sum(block.weight * (family.T(block.y) - mu) ** 2 / family.variance(mu)))

    return ordered_sum(part, slices(data.n, AT_ONCE))


def maximum_likelihood(prepared: Prepared, deviance: float) -> Nuisance:
    """phi that maximises sum f log p(y; y, w / phi) - deviance / (2 phi), with its standard error."""
    family, data = prepared.model.family, prepared.data
    frequency = np.ones(data.n) if prepared.frequency is None else prepared.frequency
    base = Base(data.y, prepared.precision, frequency)
    if not deviance > 0:
        return Nuisance("dispersion", 0.0, np.nan, EXACT)
    measure = _measure(family)

    def curve(u: FloatArray) -> Curve:
        fall = deviance / 2 * float(np.exp(u[0]))
        total = measure(float(np.exp(u[0])), base)
        return total + Curve(-fall, np.array([-fall]), np.array([[-fall]]))

    u, at, _ = climb(curve, np.array([np.log(float(frequency.sum()) / deviance)]), BOX)
    phi = float(np.exp(-u[0]))
    return Nuisance("dispersion", phi, phi / float(np.sqrt(-at.curvature[0, 0])))


def _measure(family: ExponentialFamily) -> Callable[[float, Base], Curve]:
    """(1 / phi, rows) -> sum f log p(y; y, w / phi) as a curve in lambda, but for constants."""
    parent = family.parent if isinstance(family, Tweedie) else None
    if isinstance(family, Tweedie) and family.compound:
        return lambda scale, base: _compound(family, scale, base)
    known = {Gaussian: _normal, InverseGaussian: _normal, Gamma: _gamma}
    if (found := known.get(type(parent or family))) is None:
        why = "it has no likelihood" if not family.has_likelihood else "its log b is known as a function alone"
        raise FamilyError(f"dispersion='ml' of the {family.name} family: {why}; take 'pearson' or 'deviance'")
    return found


def _normal(scale: float, base: Base) -> Curve:
    """log k / 2 for each observation."""
    n = float(base.frequency.sum())
    return Curve(n * float(np.log(scale)) / 2, np.array([n / 2]), np.zeros((1, 1)))


def _gamma(scale: float, base: Base) -> Curve:
    """k log k - k - log Gamma(k); its slope in log k is k (log k - digamma(k))."""
    w, place = np.unique(base.precision, return_inverse=True)
    f, k = np.bincount(place, base.frequency, len(w)), scale * w
    first, second = slopes_of_less_factorial(k)
    return Curve(float(f @ less_factorial(k)), np.array([f @ (k * first)]), np.array([[f @ (k * (first + second))]]))


def _compound(family: Tweedie, scale: float, base: Base) -> Curve:
    """log p(y; mu = y) of the positive responses, in lambda alone; it is 0 at y = 0."""
    u, positive = np.array([family.power, np.log(scale)]), base.take(base.y > 0)
    whole = ordered_sum(lambda at: log_saturated(u, positive.take(at)), slices(len(positive.y), 1 << 11))
    return Curve(whole.value, whole.slope[1:], whole.curvature[1:, 1:])
