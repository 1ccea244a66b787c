"""Are the rows of a batch what a step takes them for: in no order that the response follows, and with means that the
coefficients so far allow?

Rows in no order move the coefficients by a standard error or so of the rows before, whatever their predictors are: the
mean of (theta' - theta)' H (theta' - theta) is below p phi. Rows sorted by the response, or of a model that drifts,
move them by many.
"""

from warnings import warn

from expfam.errors import DataWarning
from expfam.families import Gaussian
from expfam.links import Identity
from expfam.objective import Objective

MOST = 5.0
"""Standard errors, the root of the mean square over all coefficients."""


def tell_outside(objective: Objective) -> None:
    """DataWarning where the coefficients of the rows before give a batch means that are none: the optimum of all rows
    is near the edge, where F is no quadratic that could be remembered."""
    warn(
        f"by the {objective.link.name} link some rows have means outside {objective.family.mean_domain}, those of the "
        f"{objective.family.name} family, at the coefficients of the rows before, which are drawn back for them: the "
        "answer may be far from that of all rows together, and its errors and deviance do not hold. Take a link that "
        "allows every mean (log for positive ones, logit for shares), or fit all rows at once, glm(...)",
        DataWarning,
        stacklevel=2,
    )


def tell_order(objective: Objective, square: float, usual: float) -> None:
    """DataWarning where a batch moved the coefficients by more than that: `square` is the form above, `usual` p phi.

    Not where F is quadratic: then rows are remembered exactly, whatever their order.
    """
    quadratic = isinstance(objective.family, Gaussian) and isinstance(objective.link, Identity)
    if not quadratic and square > MOST**2 * usual:
        warn(
            f"a batch of rows moved the coefficients by more than {MOST:g} standard errors of the rows before: rows "
            "come in an order that the response follows, or the model drifts. The answer may be as far from that of "
            "all rows together; hand them over in random order, or let old ones fade, half_life=...",
            DataWarning,
            stacklevel=2,
        )
