"""The actuary's table: every level with its relativity, interval and exposure. The function is a method of `Fit`."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from expfam.data.answer import frame_like
from expfam.fit.checks import check_rows, fresh
from expfam.inference import wald
from expfam.inference.relativities import Levels, column, experience, levels
from expfam.model import Prepared, prepare
from expfam.source import RowSet

if TYPE_CHECKING:
    from expfam.fit import Fit


def relativities(fit: "Fit", level: float = 0.95, data: Any = None) -> Any:
    """exp(effect) of every level of every term, the references, 1, among them: one row a level.

    A term of a spline or a polynomial has none, for no column of it means anything alone: see `plot.effects`. Without
    an intercept the levels of the first factor have no reference: theirs are means, or odds, of their own. Levels of
    g:x without x are factors for one unit more of x; those of sum contrasts are against the average of all levels.

    term, (class,) level     "B:Diesel" for interactions; empty for a number, whose relativity is that of one unit more
    estimate, std_error      of the effect on the linear predictor; 0 for a reference level
    relativity               exp(estimate), the factor on the mean with a log link; `odds_ratio`, the factor on the odds
                             with logit and softmax; conf_low, conf_high: the ends of its interval
    exposure, share          the level's sum of weight times exposure or trials, of whichever the model has, else of
                             rows, and its share of all
    rows                     how many observations, frequencies counted
    observed, fitted         sums of weight times the response, and times the fitted mean: equal for every level of a
                             factor where the link is canonical

    The last five are of the rows of the fit, or of `data`; a loaded or detached fit without data leaves them out.
    ExpfamError for links where exp of an effect is no factor, and where the rows of the fit were changed since.
    """
    found = of_levels(fit, level, data)
    return frame_like(found.kind, found.columns)


@dataclass(frozen=True, slots=True, eq=False)
class OfLevels:
    """The columns of the table, the kind of frame it is to be, what rows are counted by, "" without rows, and the terms
    by their names."""

    columns: dict[str, Any]
    kind: str
    unit: str
    terms: Mapping[str, Levels]


def of_levels(fit: "Fit", level: float, data: Any = None) -> OfLevels:
    """What `relativities` answers."""
    shown = column(fit.model)
    vcov, terms = fit.known_covariance(), levels(fit.model.terms)
    theta, se = (values.reshape(len(fit.estimate), -1) for values in (fit.coef, fit.se))
    reach = wald.critical(level, fit.reference)
    d = theta.shape[1]
    estimates = np.concatenate([part.effects(theta) for part in terms]).ravel()
    errors = np.concatenate([part.errors(vcov, se) for part in terms]).ravel()
    out: dict[str, Any] = {"term": _text([part.term for part in terms for _ in part.labels], d)}
    if fit.model.modelled:
        out["class"] = np.array(fit.model.modelled * (len(estimates) // d), dtype=object)
    out["level"] = _text([label for part in terms for label in part.labels], d)
    with np.errstate(over="ignore"):
        ends = np.exp(estimates - reach * errors), np.exp(estimates + reach * errors)
        out |= {"estimate": estimates, "std_error": errors, shown: np.exp(estimates)}
    out |= {"conf_low": ends[0], "conf_high": ends[1]}
    named = {part.term: part for part in terms}
    if data is None and fit.source is None:
        return OfLevels(out, fit.kind, "", named)
    rows, prepared = _rows(fit, data)
    found = experience(prepared, fit.estimate.reshape(len(fit.estimate), -1), rows, terms)
    exposure = np.repeat(np.concatenate([part.exposure for part in found]), d)
    total = np.repeat(np.concatenate([np.full(len(part.exposure), found[0].whole) for part in found]), d)
    out |= {"exposure": exposure, "share": exposure / total}
    out["rows"] = np.repeat(np.concatenate([part.rows for part in found]), d).astype(np.int64)
    out |= {name: np.concatenate([getattr(part, name) for part in found]).ravel() for name in ("observed", "fitted")}
    return OfLevels(out, rows.kind, prepared.unit, named)


def _rows(fit: "Fit", data: Any) -> tuple[RowSet, Prepared]:
    """The rows of the fit, unchanged, or those of `data`."""
    if data is not None:
        return fresh(fit, data, "error")
    rows = fit.model.terms.rows(fit.rows_source(), response=True, missing=fit.model.missing, unseen="error")
    prepared = prepare(fit.model, rows)
    check_rows(fit, prepared)
    return rows, prepared


def _text(values: list[str], d: int) -> Any:
    return np.repeat(np.array(values, dtype=object), d)
