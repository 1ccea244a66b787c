"""By how much does the mean move with each variable? The function is a method of `Fit`."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from expfam._typing import FloatArray
from expfam.data.answer import frame_like
from expfam.errors import ExpfamError, one_of
from expfam.fit.answers import labelled, tested
from expfam.fit.checks import check_rows
from expfam.inference.effects import Averages, averages
from expfam.inference.estimable import of_scene
from expfam.inference.scene import Move, Scene, Switch, scene
from expfam.source import Source

if TYPE_CHECKING:
    from expfam.fit import Fit

METHODS = ("dydx", "eyex", "eydx", "dyex")


def marginal_effects(
    fit: "Fit",
    terms: str | Sequence[str] | None = None,
    *,
    at: str | Mapping[str, Any] = "average",
    by: str | None = None,
    method: str = "dydx",
    level: float = 0.95,
    data: Any = None,
) -> Any:
    """E d mu / d x: average marginal effects, one row a number, one a level of each factor against its reference.

    A number x of the data moves the mean through every column that it enters (log(x), bs(x), x:z). A factor's effect
    is the mean change of mu when every row is given the level instead of the reference. For k classes there is a row
    for each probability. As R's marginaleffects::avg_slopes, Stata's margins.

    terms     names of variables, all by default: columns of the data, or a factor as written, "cut(age, 3)"
    at        "average" over rows; "means": one row of means and most frequent levels; {"age": 40, "area": "B"}: all
              rows with these values instead of their own
    by        a column: one set of effects for each of its levels, averaged over the rows that have it
    method    "dydx"; elasticities "eyex" d log mu / d log x, "eydx", "dyex". A factor has no log x: there "ey.." is the
              mean change of log mu, and "..ex" the same as "..dx"
    data      rows to average over instead of those of the fit

    Rows count their frequency or sampling weight, else once; those of weight 0 or no trials not at all. Errors by the
    delta method from the fit's covariance, with exact gradients. Columns: (by,) term, (class,) contrast, estimate,
    std_error, statistic, p_value, conf_low, conf_high. Raises ExpfamError: no such variable, no covariance, no rows.
    """
    one_of("method", method, METHODS)
    fit.known_covariance()
    rows = opened(fit, data, [] if by is None else [by])
    names = [rows.resolve(name) for name in ([terms] if isinstance(terms, str) else terms or rows.order)]
    if not names:
        raise ExpfamError("the model has no variables, only an intercept; there is nothing to move")
    parts = []
    for label, group in grouped(rows, by):
        place = _placed(group, at)
        parts.append((label, _effects(place, fit, names, method)))
    columns: dict[str, list[str]] = {} if by is None else {by: []}
    columns |= {"term": [], "contrast": []}
    values, gradients = [], []
    for label, effects in parts:
        for name, contrasts, estimate, gradient in effects:
            columns["term"] += [name] * len(contrasts)
            columns["contrast"] += contrasts
            if by is not None:
                columns[by] += [label] * len(contrasts)
            values.append(estimate.reshape(-1))
            gradients.append(gradient.reshape(-1, *gradient.shape[2:]))
    numbers = tested(
        fit, np.concatenate(values), np.concatenate(gradients), level, fit.unknown or of_scene(rows, fit.kept), None
    )
    return frame_like(rows.kind, labelled(columns, _shown(fit)) | numbers)


def opened(fit: "Fit", data: Any, beside: Sequence[str] = ()) -> Scene:
    """The rows to average over: those of the fit, or of `data`; ExpfamError where those of the fit were changed."""
    if data is None:
        check_rows(fit, fit._prepared(None))
    source = fit.rows_source() if data is None else Source(data[0] if isinstance(data, tuple) else data)
    return scene(fit.model, source, data is None, beside)


def grouped(rows: Scene, by: str | None) -> list[tuple[str, Scene]]:
    """The rows of each level of a column; all of them without one."""
    if by is None:
        return [("", rows)]
    levels, codes = rows.groups(by)
    places = ((label, np.flatnonzero(codes == code)) for code, label in enumerate(levels))
    return [(label, rows.take(place)) for label, place in places if len(place)]


def _placed(rows: Scene, at: str | Mapping[str, Any]) -> Scene:
    if isinstance(at, Mapping):
        return rows.held({rows.resolve(name): value for name, value in at.items()})
    one_of("at", at, ("average", "means"))
    return rows if at == "average" else rows.typical()


def _effects(
    rows: Scene, fit: "Fit", names: Sequence[str], method: str
) -> list[tuple[str, list[str], FloatArray, FloatArray]]:
    """Of each variable: its name, its contrasts, their estimates (m, k) and gradients (m, k, p, d)."""
    relative, times_x = method.startswith("ey"), method.endswith("ex")
    variables = [rows.move(name) if name in rows.numbers else rows.switch(name) for name in names]
    theta = fit.estimate.reshape(len(fit.estimate), -1)
    found = averages(rows, theta, variables, relative, times_x)
    return [_contrasted(v, part, method) for v, part in zip(variables, found, strict=True)]


def _contrasted(v: Move | Switch, part: Averages, method: str) -> tuple[str, list[str], FloatArray, FloatArray]:
    if isinstance(v, Move):
        y, x = ("log y" if method[0] == "e" else "y"), ("log x" if method[2] == "e" else "x")
        return v.name, [f"d {y} / d {x}"], part.values, part.gradients
    others = [k for k in range(len(v.levels)) if k != v.reference]
    sign = "log {} - log {}" if method[0] == "e" else "{} - {}"
    labels = [sign.format(v.levels[k], v.levels[v.reference]) for k in others]
    estimates = part.values[others] - part.values[v.reference]
    return v.name, labels, estimates, part.gradients[others] - part.gradients[v.reference]


def _shown(fit: "Fit") -> tuple[str, ...]:
    """The classes whose probabilities are shown: all, of a response of more than two."""
    return (fit.classes or ()) if fit.model.family.vector else ()
