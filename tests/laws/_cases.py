"""One list of families and one of links for all laws; a new entry of an index must appear here to be tested."""

from collections.abc import Callable

import numpy as np
from hypothesis import strategies as st

import expfam as ef
from expfam.families import (
    Bernoulli,
    Binomial,
    Categorical,
    ExponentialFamily,
    Family,
    Gamma,
    Gaussian,
    InverseGaussian,
    NegativeBinomial,
    Poisson,
    QuasiBinomial,
    QuasiPoisson,
    Tweedie,
)
from expfam.links import (
    Canonical,
    Cauchit,
    CLogLog,
    Identity,
    Inverse,
    InverseSquared,
    Link,
    Log,
    Logit,
    LogLog,
    Power,
    Probit,
    Softmax,
    Sqrt,
)


def exponential(**changes: object) -> Family:
    """The exponential distribution as a user would write it down; a test may spoil one function."""
    parts = {
        "name": "exponential",
        "a": lambda psi: -np.log(-psi),
        "natural": lambda mu: -1 / mu,
        "variance": lambda mu: mu**2,
        "conjugate": lambda t: -1 - np.log(t),
        "support": (0, np.inf),
    }
    return Family(**(parts | changes))


def pareto(**changes: object) -> Family:
    """p(y) = alpha y^-(alpha + 1) on y > 1: the exponential family in T = log y, psi = -alpha."""
    return exponential(name="pareto", T=np.log, support=(1, np.inf), log_b=lambda y, phi, weight: -np.log(y), **changes)


FAMILY_CASES: list[ExponentialFamily] = [
    Gaussian(),
    Bernoulli(),
    Binomial(),
    Categorical(2),
    Categorical(4),
    Poisson(),
    Gamma(),
    InverseGaussian(),
    NegativeBinomial(0.7),
    NegativeBinomial(40.0),
    *(Tweedie(p) for p in (-1.0, 0, 1, 1.15, 1.5, 1.85, 2, 2.5, 3)),
    QuasiPoisson(),
    QuasiBinomial(),
    exponential(),
    pareto(),
]
SCALAR = [f for f in FAMILY_CASES if not f.vector]
LIKELIHOOD = [f for f in SCALAR if f.has_likelihood]
LINK_CASES: list[Link] = [
    Identity(),
    Log(),
    Logit(),
    Probit(),
    CLogLog(),
    LogLog(),
    Cauchit(),
    Inverse(),
    InverseSquared(),
    Sqrt(),
    Power(0.5),
    Power(-1.5),
    Softmax(),
    Canonical(Gamma()),
    Canonical(NegativeBinomial(2.0)),
    Canonical(exponential()),
]


def label(case: object) -> str:
    return repr(case).split(", a=")[0]


def points(bound: float = 4.0, size: int = 6) -> st.SearchStrategy[np.ndarray]:
    """`size` places on the line."""
    place = st.floats(-bound, bound, allow_nan=False).map(lambda u: round(u, 4))
    return st.lists(place, min_size=size, max_size=size).map(np.array)


def means(family: ExponentialFamily, u: np.ndarray) -> np.ndarray:
    """The means of `family` that stand at the places u: (n,), or (n, k-1)."""
    if family.vector:
        return Softmax().inverse(np.outer(u, np.linspace(-0.7, 1.0, family.k - 1)))
    low, high = family.mean_domain
    if np.isinf(low):
        return 2.0 * u
    return low + np.exp(u) if np.isinf(high) else 1 / (1 + np.exp(-u))


def slope(f: Callable[[np.ndarray], np.ndarray], x: np.ndarray, h: np.ndarray) -> np.ndarray:
    """f'(x) by Richardson's extrapolation of central differences."""
    wide, narrow = ((f(x + s) - f(x - s)) / (2 * s) for s in (h, h / 2))
    return (4 * narrow - wide) / 3


def apart(fit: ef.Fit, other: ef.Fit) -> float:
    """How many standard errors of the other two fits lie apart at most."""
    return float(np.nanmax(np.abs(fit.coef - other.coef) / other.se))
