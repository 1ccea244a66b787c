"""Which rows does the model miss, and which make it? Residuals and influence. The functions are methods of `Fit`."""

from typing import TYPE_CHECKING, Any

from expfam._typing import FloatArray
from expfam.diagnostics import influence as measures
from expfam.diagnostics import residuals as kinds

if TYPE_CHECKING:
    from expfam.fit import Fit


def residuals(fit: "Fit", kind: str = "deviance", *, seed: int = 0, data: Any = None) -> FloatArray:
    """How far is each response from its mean? (n,), a number a row of the data, NaN for rows that were left out.

    kind   "deviance", "pearson", "working", "response" as R's residuals.glm; "anscombe"; "quantile", randomised by
           `seed` for discrete responses: standard normal if the model holds
    data   the rows, where a loaded or detached fit has none

    Of two classes they are those of the first against the reference, 1 or 0; more have no single residual.
    """
    here = fit.at_rows(data)
    return here.prepared.placed(kinds.residuals(here, kind, fit.dispersion, seed))


def influence(fit: "Fit", *, data: Any = None) -> measures.Influence:
    """What would the fit be without a row? Leverage, Cook's distance, studentised residuals, DFFITS, DFBETAS.

    Arrays with a number a row of the data, NaN for rows that were left out and where the leverage is 1. One read of the
    rows, those of the fit or `data`.
    """
    here = fit.at_rows(data)
    return measures.influence(here, fit.dispersion, fit.df_reference)
