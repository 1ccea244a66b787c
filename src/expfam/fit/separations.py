"""Which coefficients of a fit have no finite estimate? A method of `Fit`."""

from typing import TYPE_CHECKING, Any

from expfam.inference import separation as cone

if TYPE_CHECKING:
    from expfam.fit import Fit


def separation(fit: "Fit", data: Any = None) -> cone.Separation:
    """Is there complete or quasi-complete separation? Decided by linear programming on the rows, as detectseparation.

    names and signs of the coefficients that are infinite, +1 or -1 (0 where the likelihood has the same supremum
    either way), and how many rows are predicted perfectly. The rows are those of the fit, or `data` where it has none.
    It asks whether F has a minimum: of a fit under a penalty, or by adjusted scores, it tells what either held finite.
    """
    here = fit.at_rows(data)
    return cone.separation(here.objective, here.posed.standard, fit.model.flat_names)
