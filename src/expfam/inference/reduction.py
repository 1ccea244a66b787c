"""Bias reduction of a whole model: what it suits, what it excludes, its penalised likelihood."""

from dataclasses import replace
from typing import Any

from expfam.errors import ExpfamError, SolverError
from expfam.inference.optimum import Optimum
from expfam.model import Model, Prepared
from expfam.penalties import NoPenalty
from expfam.response import observed_differs
from expfam.solvers import Newton, Solver
from expfam.solvers.adjusted import Penalised

NAMES = {"firth": "mean", "mean": "mean", "median": "median"}


def bias(asked: str | None) -> str | None:
    """What `bias=` says: None, "mean" (also "firth") or "median". Raises SolverError."""
    if asked is None or asked in NAMES:
        return None if asked is None else NAMES[asked]
    raise SolverError(f"bias={asked!r} is not allowed; choose one of {', '.join(map(repr, NAMES))}, or None")


def check(prepared: Prepared, solver: str | Solver, left: float) -> None:
    """Refuse, with the reason, what adjusted scores have no meaning for; `left` are the degrees of freedom."""
    model, family = prepared.model, prepared.model.family
    name = f"bias={model.bias!r}"
    reasons = {
        f"{name} and penalty=: the adjustment is for the bias of maximum likelihood; leave one out": not (
            model.penalty.bind(model.names).is_zero
        ),
        f"{name} needs the information at every step; take solver='auto', not {solver!r}": not (
            isinstance(solver, Newton) or solver in ("auto", "newton")
        ),
        f"{name} and sampling weights: the bias of a weighted score depends on the design of the sample, which is "
        "unknown; take weights_kind='precision' or 'frequency'": model.weights_kind == "sampling",
        f"{name} needs the dispersion, and {prepared.n} rows leave none to estimate it from": not (
            family.fixed_dispersion or left > 0
        ),
        "bias='median' is worked out for one linear predictor; take bias='mean' for classes": (
            model.bias == "median" and family.vector
        ),
        f"bias='median' needs third moments, and the {family.name} family is given by mean and variance; take "
        "bias='mean'": model.bias == "median" and not family.has_likelihood,
    }
    for reason, holds in reasons.items():
        if holds:
            raise SolverError(reason)


def maximal(model: Model) -> None:
    """Refuse what refits by maximum likelihood, or compares deviances, where a fit is by adjusted scores itself."""
    if model.bias is not None:
        raise ExpfamError(
            f"the fit has bias={model.bias!r} and does not minimise the deviance: no comparison of deviances, score "
            "test or refit by maximum likelihood goes with it. Fit without bias=, or use Wald's tests and intervals"
        )


def unpenalised(model: Model) -> None:
    """Refuse what compares models by their deviances or AIC, unless the fit minimises the deviance."""
    maximal(model)
    if not isinstance(model.penalty, NoPenalty):
        raise ExpfamError(
            "a penalised fit does not minimise the deviance, so that neither deviances nor the AIC of its terms can be "
            "compared; fit without penalty"
        )


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
