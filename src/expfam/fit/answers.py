"""Functions of theta as a table: estimates, delta-method errors, tests and intervals, in the manner of `tidy`."""

import warnings
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from expfam._typing import FloatArray
from expfam.errors import AliasWarning
from expfam.inference import wald
from expfam.inference.estimable import Unknown
from expfam.inference.multiplicity import adjusted

if TYPE_CHECKING:
    from expfam.fit import Fit


def labelled(names: Mapping[str, Sequence[str]], shown: Sequence[str]) -> dict[str, Any]:
    """The columns of names, each name repeated for the classes shown, and these as `class` behind the first column."""
    k = max(len(shown), 1)
    out: dict[str, Any] = {}
    for key, values in names.items():
        out[key] = np.repeat(np.array(values, dtype=object), k)
        if shown and len(out) == 1:
            out["class"] = np.array(list(shown) * len(values), dtype=object)
    return out


def tested(
    fit: "Fit",
    estimates: FloatArray,
    gradients: FloatArray,
    level: float,
    unknown: Unknown | None,
    adjust: str | None,
) -> dict[str, FloatArray]:
    """estimate, std_error, statistic, p_value, conf_low, conf_high of functions with values (m,) and gradients (m, p,
    d): normal, or t where the dispersion is estimated. NaN, told, where columns left out leave a value open."""
    flat = gradients.transpose(0, 2, 1).reshape(len(gradients), -1)
    errors = np.sqrt(np.maximum(fit.known_covariance().of(flat), 0.0))
    errors = np.where(np.isnan(estimates), np.nan, errors)
    if unknown is not None and (open_ := unknown.hit(gradients)).any():
        warnings.warn(
            f"{int(open_.sum())} of {len(open_)} results are not estimable and NaN: columns that were left out "
            f"({', '.join(fit.certificate.aliased[:6])}) leave them open",
            AliasWarning,
            stacklevel=4,
        )
        estimates, errors = np.where(open_, np.nan, estimates), np.where(open_, np.nan, errors)
    with np.errstate(divide="ignore", invalid="ignore"):
        statistic = np.where(errors > 0, estimates / errors, np.nan)
    p = wald.p_values(statistic, fit.df_reference)
    ends = wald.interval(estimates, errors, level, fit.df_reference)
    return {
        "estimate": estimates,
        "std_error": errors,
        "statistic": statistic,
        "p_value": p if adjust is None else adjusted(p, adjust),
        "conf_low": ends[:, 0],
        "conf_high": ends[:, 1],
    }
