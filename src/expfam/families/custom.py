"""A family of one's own: four functions, checked against the laws of a family when it is made."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from numbers import Real
from typing import Any, Protocol, TypeAlias, final

import numpy as np

from expfam._typing import BoolArray, FloatArray
from expfam.errors import FamilyError
from expfam.families._family import ExponentialFamily, Scale
from expfam.families._line import Interval, derivatives, from_line, invert, spread

Map: TypeAlias = Callable[[FloatArray], FloatArray]

GRID = np.linspace(-5.0, 5.0, 21)  # places on the line where the laws are checked
TOLERANCE = 1e-6
AS_SUPPORT: Interval = (np.nan, np.nan)
FUNCTIONS = ("a", "natural", "variance", "conjugate", "T", "mean", "log_b")


class Measure(Protocol):
    """log b(y, phi/w) of (3)."""

    def __call__(self, y: FloatArray, phi: Scale = 1.0, weight: Scale = 1.0) -> FloatArray: ...


def _itself(y: FloatArray) -> FloatArray:
    return np.asarray(y, dtype=np.float64)


def _from_natural(psi: FloatArray) -> FloatArray:
    raise NotImplementedError("stands for the inverse of `natural`, put in place when the family is made")


def _no_measure(y: FloatArray, phi: Scale = 1.0, weight: Scale = 1.0) -> FloatArray:
    raise FamilyError("this family was made without log_b and has no density; give log_b=")


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Family(ExponentialFamily):
    """p(y; psi) = b(y) exp(psi T(y) - a(psi)) from a, natural = (a')^-1, variance V(mu) and conjugate a*(t).

    All are functions of arrays (n,) and return such. `support` is the interval of y (an end belongs to it
    where a* is finite), `mean_domain` the open interval of mu, by default T of the support. `mean` = a' is
    found from `natural` unless given. `log_b(y, phi, weight)` gives a density.
    Raises FamilyError: which law fails, where, by how much.
    """

    name: str
    a: Map
    natural: Map
    variance: Map
    conjugate: Map
    T: Map = _itself
    mean: Map = _from_natural
    support: Interval = (-np.inf, np.inf)
    mean_domain: Interval = AS_SUPPORT
    log_b: Measure = _no_measure
    fixed_dispersion: bool = False
    default_link: str = "canonical"

    def __post_init__(self) -> None:
        _check_parts(self)
        if self.mean_domain is AS_SUPPORT:
            with np.errstate(all="ignore"):
                low, high = np.sort(_shaped(self, "T", np.array(self.support, dtype=np.float64)))
            object.__setattr__(self, "mean_domain", (float(low), float(high)))
        _check_interval(self, "mean_domain", "the means")
        if self.mean is _from_natural:
            inverse = partial(invert, self.natural, self.variance, self.mean_domain)
            object.__setattr__(self, "mean", inverse)
        _check_laws(self)

    @property
    def allowed(self) -> str:
        """The support of y in words."""
        return f"a number in {self.support} where the conjugate is finite"

    @property
    def has_likelihood(self) -> bool:
        """Was log_b given?"""
        return self.log_b is not _no_measure

    @property
    def why_no_likelihood(self) -> str:
        """The reason, and the remedy."""
        return "a, natural, variance and conjugate do not tell it; log_b= gives a density, and nothing more"

    def dvariance(self, mu: FloatArray) -> FloatArray:
        """V'(mu), by differences."""
        return derivatives(self.variance, mu, 1e-3 * spread(mu, self.mean_domain))[0]

    def outside(self, y: FloatArray) -> BoolArray:
        with np.errstate(all="ignore"):
            known = np.isfinite(self.conjugate(self.T(y)))
        return np.asarray((y < self.support[0]) | (y > self.support[1]) | ~known)

    def log_saturated(self, y: FloatArray, precision: Scale) -> FloatArray:
        if not self.has_likelihood:
            self.no_likelihood("density")
        return self.log_b(y, 1 / np.asarray(precision), 1.0) + precision * self.conjugate(self.T(y))

    def to_dict(self) -> dict[str, Any]:
        """The name alone: functions cannot be saved."""
        return {"name": self.name, "custom": True}


def _check_parts(family: Family) -> None:
    """FamilyError naming the first part that is of another kind: no function, no interval, no text."""
    for part in FUNCTIONS:
        if not callable(getattr(family, part)):
            raise FamilyError(f"family {family.name!r}: {part}={getattr(family, part)!r} is no function of an array")
    for part in ("name", "default_link"):
        if not isinstance(getattr(family, part), str):
            raise FamilyError(f"a family's {part}={getattr(family, part)!r} is no text; give a name")
    if not isinstance(family.fixed_dispersion, bool):
        raise FamilyError(f"family {family.name!r}: fixed_dispersion={family.fixed_dispersion!r}; allowed: True, False")
    _check_interval(family, "support", "the responses")


def _check_interval(family: Family, part: str, what: str) -> None:
    given = getattr(family, part)
    pair = isinstance(given, tuple | list) and len(given) == 2 and all(isinstance(end, Real) for end in given)
    if not (pair and given[0] < given[1]):
        raise FamilyError(
            f"family {family.name!r}: {what} lie in {given!r}, which is no interval; give {part}=(low, high), "
            "low < high"
        )


def _check_measure(family: Family, y: FloatArray) -> None:
    """log_b answers one number a row, phi known or one a row; whole responses where there are some."""
    whole = np.unique(np.round(y))
    whole = whole[~family.outside(whole)]
    for phi in (1.0, np.ones(len(whole) or len(y))):
        _shaped(family, "log_b", whole if len(whole) else y, phi, 1.0)


def _check_laws(family: Family) -> None:
    mu, y = (from_line(GRID, interval) for interval in (family.mean_domain, family.support))
    with np.errstate(all="ignore"):
        _shaped(family, "T", y)
        if family.has_likelihood:
            _check_measure(family, y)
        psi, V = (_shaped(family, f, mu) for f in ("natural", "variance"))
        finite = np.isfinite(psi) & np.isfinite(V)
        _hold(family, "natural and variance are finite", mu, finite, 1.0, 0.5)
        _hold(family, "natural increases", mu[1:], np.diff(psi) > 0, 1.0, 0.5)
        _hold(family, "variance > 0", mu, np.minimum(V, 0.0), 0.0, 0.0)
        step = 0.03 * np.minimum(1 / np.sqrt(V), spread(mu, family.mean_domain) / V)
        _shaped(family, "a", psi)
        slope, curvature = derivatives(family.a, psi, step)
        size = TOLERANCE * (np.abs(mu) + np.sqrt(V))
        _hold(family, "a'(natural(mu)) = mu", mu, slope, mu, size)
        _hold(family, "a''(natural(mu)) = variance(mu)", mu, curvature, V, TOLERANCE * V)
        _hold(family, "mean(natural(mu)) = mu", mu, _shaped(family, "mean", psi), mu, size)
        _check_fenchel_young(family, mu, psi)


def _check_fenchel_young(family: Family, mu: FloatArray, psi: FloatArray) -> None:
    a, conjugate = _shaped(family, "a", psi), _shaped(family, "conjugate", mu)
    equal = "conjugate(mu) + a(psi) = psi mu at psi = natural(mu)"
    size = 1e-9 * (1 + np.abs(a) + np.abs(conjugate) + np.abs(psi * mu))
    _hold(family, equal, mu, conjugate + a, psi * mu, size)
    loss = conjugate[:, None] + a - psi * mu[:, None]
    law = "conjugate(t) + a(psi) - psi t >= 0 for every t"
    _hold(family, law, mu, np.minimum(loss, 0).min(axis=0), 0.0, size + size.max())


def _shaped(family: Family, function: str, x: FloatArray, *others: Scale) -> FloatArray:
    """What a function answers; FamilyError where it fails or gives other than a number each."""
    try:
        value = np.asarray(getattr(family, function)(x, *others), dtype=np.float64)
    except (TypeError, ValueError, LookupError, ArithmeticError, AttributeError) as error:
        takes = "(y, phi, weight)" if others else "(x)"
        raise FamilyError(
            f"family {family.name!r}: {function}{takes} of an array of shape {x.shape} fails, {type(error).__name__}: "
            f"{error}; correct the function"
        ) from error
    if value.shape != x.shape:
        raise FamilyError(
            f"family {family.name!r}: {function} gives shape {value.shape} for an array of shape {x.shape}; "
            "it must answer one number each, for example np.ones_like(mu) for a constant"
        )
    return value


def _hold(
    family: Family, law: str, mu: FloatArray, left: Any, right: FloatArray | float, size: FloatArray | float
) -> None:
    gap = np.abs(left - np.asarray(right, dtype=np.float64))
    bad = ~(gap <= size)
    if bad.any():
        i = int(np.argmax(bad))
        right = np.broadcast_to(right, mu.shape)
        raise FamilyError(
            f"family {family.name!r} breaks the law {law!r} at mu = {mu[i]:.6g}: found "
            f"{float(left[i]):.10g}, expected {right[i]:.10g}, gap {gap[i]:.3g}; correct the function, or "
            f"narrow mean_domain={family.mean_domain} if the law holds only on a part of it"
        )
