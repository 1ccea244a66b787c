"""Do the rows of a stream come in an order that the response follows? Then they are not what a step takes them for.

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
