"""Which coefficients of a fit have no finite estimate? A method of `Fit`."""

from typing import TYPE_CHECKING, Any

from expfam.inference import separation as cone
from expfam.inference.optimum import silent
from expfam.objective import Objective
from expfam.solvers.pose import pose

if TYPE_CHECKING:
    from expfam.fit import Fit


def separation(fit: "Fit", data: Any = None) -> cone.Separation:
    """Is there complete or quasi-complete separation? Decided by linear programming on the rows, as detectseparation.

    names and signs of the coefficients that are infinite, +1 or -1 (0 where the likelihood has the same supremum
    either way), and how many rows are predicted perfectly. The rows are those of the fit, or `data` where it has none.
    Where a programme is too large, the answer is what the fit's own last step told. Of a fit by adjusted scores
    (bias=) it tells what they held finite; what a penalty holds is no longer infinite.
    """
    prepared = fit._prepared(data)
    model, design = prepared.model, prepared.data.design
    objective = Objective(model.family, model.link, model.penalty.bind(design.names), prepared.data)
    posed = pose(objective, 1e-8, 1, 0, silent)  # not at the fit: rows far out have no weight left there
    found = cone.separation(objective, posed.standard, lambda: fit.model.flat_names, cone.PATIENT)
    return found if found.exact else fit.certificate.separation or found
