"""Fits as columns of numbers: one row a coefficient, one row a fit."""

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from expfam.fit.estimates import Estimates


def tidy(fit: "Estimates", level: float = 0.95) -> dict[str, Any]:
    """term, (class), estimate, std_error, statistic, p_value, conf_low, conf_high."""
    ends = fit.wald_interval(level)
    classes = fit.model.modelled
    out: dict[str, Any] = {"term": np.array(fit.names * max(len(classes), 1), dtype=object)}
    if classes:
        out["class"] = np.array([label for label in classes for _ in fit.names], dtype=object)
    numbers = {"estimate": fit.coef, "std_error": fit.se, "statistic": fit.statistic, "p_value": fit.p_values}
    bounds = {"conf_low": ends[..., 0], "conf_high": ends[..., 1]}
    return out | {name: fit.flat(values) for name, values in (numbers | bounds).items()}


def glance(fit: "Estimates") -> dict[str, Any]:
    """The figures of the whole fit, one row."""
    sums, certificate = fit.statistics, fit.certificate
    values: dict[str, Any] = {
        "n": sums.n,
        "df_model": sums.df_model,
        "df_residual": sums.df_residual,
        "deviance": sums.deviance,
        "null_deviance": sums.null_deviance,
        "dispersion": sums.dispersion,
        "loglik": sums.loglik,
        "aic": sums.aic,
        "bic": sums.bic,
        "weights_sum": sums.weights_sum,
        "rows_dropped": fit.dropped_rows,
        "converged": fit.converged,
        "gradient": certificate.gradient,
    } | {number.name: number.value for number in fit.nuisance}
    return {name: np.array([value]) for name, value in values.items()}
