"""Bias reduction of a whole model: what it suits, the dispersion that goes with it, its penalised likelihood."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from scipy.special import polygamma, psi

from expfam._typing import FloatArray
from expfam.errors import ExpfamError, SolverError
from expfam.families import ExponentialFamily, Gamma, Gaussian, InverseGaussian, Tweedie
from expfam.inference.optimum import Optimum
from expfam.inference.statistics import pearson
from expfam.model import Model, Prepared
from expfam.objective import Objective
from expfam.response import observed_differs
from expfam.solvers import Newton, Solver
from expfam.solvers.adjusted import Penalised

NAMES = {"firth": "mean", "mean": "mean", "median": "median"}


def bias(asked: str | None) -> str | None:
    """What `bias=` says: None, "mean" (also "firth") or "median". Raises SolverError."""
    if asked is None or asked in NAMES:
        return None if asked is None else NAMES[asked]
    raise SolverError(f"bias={asked!r} is not allowed; choose one of {', '.join(map(repr, NAMES))}, or None")


def check(model: Model, solver: str | Solver) -> None:
    """Refuse, with the reason, what adjusted scores have no meaning for."""
    name = f"bias={model.bias!r}"
    if not model.penalty.bind(model.names).is_zero:
        raise SolverError(f"{name} and penalty=: the adjustment is for the bias of maximum likelihood; leave one out")
    if not (isinstance(solver, Newton) or solver in ("auto", "newton")):
        raise SolverError(f"{name} needs the information at every step; take solver='auto', not {solver!r}")
    if model.weights_kind == "sampling":
        raise SolverError(f"{name} and sampling weights: the bias of a weighted score depends on the design of the "
                          "sample, which is unknown; take weights_kind='precision' or 'frequency'")  # fmt: skip
    if model.bias == "median" and model.family.vector:
        raise SolverError("bias='median' is worked out for one linear predictor; take bias='mean' for classes")
    if model.bias == "median" and not model.family.has_likelihood:
        raise SolverError(
            f"bias='median' needs third moments, and the {model.family.name} family is given by mean and variance; "
            "take bias='mean'"
        )


def maximal(model: Model) -> None:
    """Refuse what refits by maximum likelihood, or compares deviances, where a fit is by adjusted scores itself."""
    if model.bias is not None:
        raise ExpfamError(
            f"the fit has bias={model.bias!r} and does not minimise the deviance: no comparison of deviances, score "
            "test or refit by maximum likelihood goes with it. Fit without bias=, or use Wald's tests and intervals"
        )


def plain(family: ExponentialFamily) -> ExponentialFamily:
    """The family of its own name that a Tweedie power may stand for."""
    return family.parent or family if isinstance(family, Tweedie) else family


def adjusts(family: ExponentialFamily) -> bool:
    """Is the dispersion estimated by an adjusted score, too? Where the density parts into c(y) + G(w / phi)."""
    return isinstance(plain(family), Gaussian | Gamma | InverseGaussian)


def dispersion(prepared: Prepared, objective: Objective, kind: str, q: int) -> Callable[[FloatArray, float], float]:
    """phi as a function of theta and half the deviance there, for q coefficients: 1 where it is known.

    Gaussian, inverse Gaussian: deviance / (n - q), median deviance / (n - q - 2/3). Gamma: the root of its adjusted
    score. Others: Pearson's estimate. Raises SolverError without a degree of freedom.
    """
    family = plain(prepared.model.family)
    if family.fixed_dispersion:
        return lambda theta, half: 1.0
    left = prepared.n - q - (2 / 3 if kind == "median" and adjusts(family) else 0.0)
    if left <= 0:
        raise SolverError(
            f"bias={kind!r} needs the dispersion, and {prepared.n} rows with {q} coefficients leave none to estimate it"
        )
    if isinstance(family, Gamma):
        return lambda theta, half: _gamma(prepared, kind, q, 2 * half)
    if adjusts(family):
        return lambda theta, half: 2 * half / left
    return lambda theta, half: pearson(objective, theta) / left


def _gamma(prepared: Prepared, kind: str, q: int, deviance: float) -> float:
    """The phi with sum f (d - w a') + phi (q - 2 [mean]) + sum f w^3 a''' / ({1, 3} sum f w^2 a'') = 0 at k = w / phi.

    a(-k) = 2 (log Gamma(k) - k log k + k) is what the density has of k alone (Kosmidis, Kenne Pagui, Sartori 2020).
    """
    from scipy.optimize import brentq  # heavy, and rarely needed

    w = prepared.precision
    f = np.ones_like(w) if prepared.frequency is None else prepared.frequency
    free, share = (q - 2, 1) if kind == "mean" else (q, 3)

    def score(log_phi: float) -> float:
        phi = float(np.exp(log_phi))
        k = w / phi
        first = 2 * (np.log(k) - psi(k))
        second, third = 2 * polygamma(1, k) - 2 / k, -2 * polygamma(2, k) - 2 / k**2
        skew = float(f @ (w**3 * third)) / (share * float(f @ (w**2 * second)))
        return (deviance - float(f @ (w * first)) + skew) / phi + free

    near = np.log(max(deviance, 1e-300) / (prepared.n - q))
    return float(np.exp(brentq(score, near - 5.0, near + 5.0, xtol=1e-13, rtol=1e-13)))


def dispersion_by(model: Model, phi: str = "Pearson") -> str:
    """How the dispersion was estimated."""
    return f"{model.bias} adjusted score" if model.bias and adjusts(model.family) else phi


def penalised(optimum: Optimum) -> Optimum:
    """The optimum as that of the penalised likelihood, for its profiles (Heinze and Schemper 2002; R's logistf).

    Raises SolverError where adjusted scores are no gradient: other links than the canonical one, a free dispersion, and
    median bias reduction.
    """
    model = optimum.model
    if model.bias != "mean" or observed_differs(model.family, model.link) or not model.family.fixed_dispersion:
        raise SolverError(
            f"bias={model.bias!r} with the {model.family.name} family and the {model.link.name} link solves an "
            "equation that is the gradient of no function, so there is no profile; take method='wald'"
        )
    objective: Any = Penalised(optimum.problem.objective, optimum.posed.standard)
    problem = replace(optimum.problem, objective=objective)
    return replace(optimum, posed=replace(optimum.posed, problem=problem), at=objective(optimum.beta))
