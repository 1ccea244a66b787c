"""What a fit says of the numbers beside its coefficients: intervals, and score tests of its variance and its zeros.

The functions are methods of `Fit`.
"""

from typing import TYPE_CHECKING, Any

import numpy as np

from expfam.errors import ExpfamError, one_of
from expfam.inference import counts, wald
from expfam.inference.later import SAME
from expfam.inference.optimum import Optimum, silent
from expfam.inference.scene import check_supplied
from expfam.model import Prepared, prepare_fresh
from expfam.nuisance import NUISANCE, OF_NUMBER
from expfam.nuisance.joint import State, lay_out
from expfam.nuisance.profile import ends, profile
from expfam.objective import Objective
from expfam.penalties import NoPenalty
from expfam.response import Level
from expfam.source import RowSet, tell_dropped

if TYPE_CHECKING:
    from expfam.fit import Fit

TOL, TURNS = 1e-9, 100
ALIKE = 1e-7  # as SAME, in the columns' own units


def check_same(fit: "Fit", here: Optimum) -> None:
    """ExpfamError where rows have another deviance at the coefficients of a fit than the fit says."""
    _check(fit, 2 * (here.at.value - here.problem.objective.value_of_penalty(here.beta)), SAME)


def check_rows(fit: "Fit", prepared: Prepared) -> None:
    """The same by one read of the rows, without an information, which very wide models have none of."""
    none = NoPenalty().bind(prepared.data.design.names)
    objective = Objective(prepared.model.family, prepared.model.link, none, prepared.data)
    _check(fit, 2 * objective.loss(fit.estimate, Level.VALUE).value, ALIKE)


def _check(fit: "Fit", found: float, share: float) -> None:
    """ExpfamError where the deviance `found` is not that of the fit; streams remember theirs too roughly to tell."""
    if fit.certificate.streamed:
        return
    if not np.isclose(found, fit.deviance, rtol=share, atol=SAME * max(np.nan_to_num(fit.null_deviance), 1.0)):
        raise ExpfamError(
            f"these are not the rows of the fit, or were changed since: at its coefficients their deviance is "
            f"{found:.10g} instead of {fit.deviance:.10g}. Hand over the rows as they were, or fit anew"
        )


def fresh(fit: "Fit", data: Any, unseen: str) -> tuple[RowSet, Prepared]:
    """Rows that the model is held against, with their response; DataWarning where some had to be left out."""
    rows = fit.model.terms.rows(fit._source(data), response=True, missing=fit.model.missing, unseen=unseen)
    check_supplied(fit.model, rows)
    tell_dropped(rows, "missing values or levels never met", "fill them to have these rows judged, too", 5)
    return rows, prepare_fresh(fit.model, rows)


def nuisance_interval(
    fit: "Fit", level: float = 0.95, *, method: str = "profile", data: Any = None
) -> tuple[float, float]:
    """The interval of theta, or of the power, where it was estimated: (lower, upper).

    "profile"  where twice the profile likelihood, coefficients and phi at their best, falls by c^2; theta may have no
               upper end (infinite: Poisson), the power ends at 1 and 2
    "wald"     exp(log theta -+ c se / theta), power -+ c se

    The profile reads the rows again, a few refits an end: those of the fit, or `data` where it has none.
    """
    one_of("method", method, ("profile", "wald"))
    found = next((number for number in fit.nuisance if number.name in OF_NUMBER), None)
    if found is None:
        raise ExpfamError(
            f"no number of the {fit.model.family.name} family was estimated; family='negative_binomial' and "
            "family='tweedie', by name, estimate theta and the power"
        )
    known = fit.dispersion if fit.statistics.dispersion_kind == "given" else None
    free = NUISANCE[OF_NUMBER[found.name]][1](known)
    begin = free.at(found.value)[0]
    if found.note and found.settled and free.box.lower[0] < begin < free.box.upper[0]:
        raise ExpfamError(f"there is no interval of a number that was not estimated: {found.note}")
    reach = wald.critical(level, None)
    if method == "wald":
        if found.name == "theta":
            times = float(np.exp(reach * found.se / found.value))
            return found.value / times, found.value * times
        return found.value - reach * found.se, found.value + reach * found.se
    if not fit.model.penalty.bind(fit.names).is_zero:
        raise ExpfamError("a penalised fit has no profile likelihood; take method='wald'")
    if fit.model.weights_kind == "sampling":
        raise ExpfamError("sampling weights have no likelihood, so there is no profile of it")
    study = lay_out(fit._prepared(data), free, "auto", TOL, TURNS, 0, silent, fit.estimate)
    u = study.free.at(found.value, fit.dispersion)
    best = profile(study, begin, State(u, study.posed.standard.inverse(fit.estimate)))
    lower, upper = ends(study, best, reach)
    return free.number(lower), free.number(upper)


def overdispersion_test(
    fit: "Fit",
    against: str = "quadratic",
    *,
    method: str = "score",
    alternative: str = "greater",
    data: Any = None,
) -> counts.OverdispersionTest:
    """Do the counts of a Poisson or binomial fit vary more than the family lets them, given their means?

    against      "quadratic": Var = mu + alpha mu^2, a negative binomial; n mu (1 - mu) (1 + (n - 1) alpha), a beta
                 binomial of n trials. "linear": (1 + alpha) times the family's variance
    method       "score", Dean's (1992), corrected for leverage; "regression", Cameron and Trivedi's (1990), as R's
                 AER::dispersiontest
    alternative  "greater", "less" (underdispersion), "two-sided"
    """
    one_of("against", against, counts.AGAINST)
    one_of("method", method, counts.METHODS)
    one_of("alternative", alternative, counts.ALTERNATIVES)
    return counts.overdispersion(fit.at_rows(data), against, method, alternative)


def zero_inflation_test(fit: "Fit", data: Any = None) -> counts.ZeroInflationTest:
    """Are there more zeros than a Poisson or negative binomial fit expects? Van den Broek's score test (1995)."""
    return counts.zero_inflation(fit.at_rows(data), any(number.name == "theta" for number in fit.nuisance))
