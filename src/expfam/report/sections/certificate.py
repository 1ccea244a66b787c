"""Is it an optimum, and what does the fit add up to?"""

from collections.abc import Iterator

import numpy as np

from expfam.report.numbers import count, figure, total
from expfam.report.parts import Facts, Section
from expfam.report.study import Study


def certificate(study: Study) -> Section:
    """The certificate and the sums."""
    lead = "The evidence that the coefficients are those that the likelihood asks for, and the sums over all rows."
    return Section(
        "certificate", "Certificate and fit", lead, (Facts(tuple(_figures(study))), Facts(tuple(_sums(study))))
    )


def _figures(study: Study) -> Iterator[tuple[str, str]]:
    found = study.fit.certificate
    yield "Verdict", "converged" if study.fit.converged else f"not converged: {study.advice(found.status.value)}"
    yield "Gradient", f"{found.gradient:.1e} per unit of weight, columns standardised; the bound was {found.tol:.0e}"
    if not np.isnan(found.kkt):
        yield "KKT residual", f"{found.kkt:.1e}, free of any scale of the columns"
    if not np.isnan(found.decrement):
        yield "Newton decrement", f"{found.decrement:.1e} standard errors still to go"
    if not np.isnan(found.condition):
        yield "Condition", f"{found.condition:.3g}, of the information scaled to unit diagonal"
    if found.aliased:
        yield "Left out", f"{count(len(found.aliased))} columns that are combinations of earlier ones"


def _sums(study: Study) -> Iterator[tuple[str, str]]:
    sums = study.fit.statistics
    yield "Deviance", f"{total(sums.deviance)} on {count(sums.df_residual)} degrees of freedom"
    explained = 1 - sums.deviance / sums.null_deviance if sums.null_deviance > 0 else np.nan
    if not np.isnan(explained):
        yield "Null deviance", f"{total(sums.null_deviance)}: the model explains {explained:.2%} of it"
    if sums.dispersion_kind != "fixed":
        yield "Dispersion", figure(sums.dispersion)
    if not np.isnan(sums.loglik):
        yield "Log-likelihood", total(sums.loglik)
        yield "AIC, BIC", f"{total(sums.aic)}, {total(sums.bic)}"
    else:
        yield "Log-likelihood", "none: quasi families and sampling weights have no likelihood"
