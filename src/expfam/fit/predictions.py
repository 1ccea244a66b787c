"""What a fit says of rows: predictions with errors and intervals. The functions are methods of `Fit`."""

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np

from expfam._typing import AnyArray, BoolArray, FloatArray
from expfam.data.answer import frame_like
from expfam.data.entries import numbers
from expfam.data.names import some
from expfam.data.table import read
from expfam.errors import DataWarning, ExpfamError, SchemaError, one_of
from expfam.families import Binomial
from expfam.fit.checks import check_rows
from expfam.inference import observation, prediction
from expfam.inference.covariance import roots
from expfam.model import choice
from expfam.source import Source, beside

if TYPE_CHECKING:
    from expfam.fit import Fit


def predict(
    fit: "Fit",
    new: Any = None,
    *,
    type: str = "response",
    interval: str | None = None,
    level: float = 0.95,
    se: bool = False,
    offset: Any = None,
    exposure: Any = None,
    weights: Any = None,
    trials: Any = None,
    unseen: str | None = None,
) -> Any:
    """h(X theta + offset) for new rows (None: the fitted data, unchanged), (n,), or (n, k) over all classes.

    type       "response", "link" or "class": the most probable label, as the response has it: whole numbers as int64,
               others as float64, booleans as bool, text (and whatever is beside a row that has none) as objects
    interval   "confidence": of the mean or of eta. "prediction": of a new observation, by the family with eta and the
               dispersion as uncertain as they are; of counts and shares the innermost values whose tails hold at most
               (1 - level) / 2 each. Either answers with a frame of fit, (se,) lower, upper
    se         standard errors, of the mean by the delta method: a frame of fit, se
    offset, exposure   arrays where the fit got arrays; they move the mean, and with it a prediction interval
    weights    precision weights of the observations to come (a number, one a row, or a column): their dispersion is
               phi / w; 1 by default. `trials` instead for binomial shares, which have no interval without
    unseen     levels that the fit has not met: "error", "reference" or "missing"; None, what glm() was told

    Rows with missing values predict NaN (None for labels), and so do, told, those whose mean columns left out of the
    fit leave open. Rows whose mean no response can have are told, and have no interval. The errors are those of the
    covariance the fit carries.
    """
    one_of("type", type, ("response", "link", "class"))
    one_of("interval", interval, (None, "confidence", "prediction"))
    if interval == "prediction":
        _check_observation(fit, type, weights, trials)
    elif weights is not None or trials is not None:
        raise ExpfamError("weights= and trials= tell of an observation to come; they need interval='prediction'")
    line, kind = _line(fit, new, {"offset": offset, "exposure": exposure}, unseen)
    line = line if new is None else _determined(fit, line)
    if type == "class":
        if se or interval:
            raise ExpfamError("type='class': a label has no interval and no error; take type='response'")
        labels = _labels(fit, line)
        return prediction.spread_out(labels if line.kept is None else labels.astype(object), line.kept)
    with np.errstate(all="ignore"):  # of the strange rows, which are told
        parts = {"fit": line.eta if type == "link" else prediction.mean(fit.model, line.eta)}
        if se or interval:
            covariance = line.covariance(fit.known_covariance())
        if se:
            parts["se"] = prediction.standard_errors(fit.model, line.eta, covariance, type)
    strange = None if type == "link" else _strange(fit, line, parts["fit"])
    fine = None if strange is None else ~strange
    if interval:
        eta, around = (line.eta, covariance) if fine is None else (line.eta[fine], covariance[fine])
    if interval == "confidence":
        ends = prediction.confidence(fit.model, eta, around, type, level, fit.df_reference)
    if interval == "prediction":
        weight = _weight(fit, new, weights if trials is None else trials, line)
        ends = observation.interval(_uncertain(fit, eta, around, weight if fine is None else weight[fine]), level)
    if interval:
        parts["lower"], parts["upper"] = (prediction.spread_out(end, fine) for end in ends)
    if len(parts) == 1:
        return prediction.spread_out(parts["fit"], line.kept)
    whole = {k: prediction.spread_out(v, line.kept) for k, v in parts.items()}
    return frame_like(kind, _by_class(fit, whole), fit.rows_source().data if new is None else new)


def _line(fit: "Fit", new: Any, given: dict[str, Any], unseen: str | None) -> tuple[prediction.Linear, str]:
    if new is None:
        odd = next((name for name, values in given.items() if values is not None), None)
        if odd is not None:
            raise SchemaError(f"{odd}= goes with new rows; those of the fit have their own: predict(new, {odd}=...)")
        source = fit.rows_source()
        check_rows(fit, fit._prepared(None))
    else:
        vectors = {name: beside(name, values, new) for name, values in given.items() if values is not None}
        missing = [name for name in fit.model.moving if name not in vectors]
        if missing:
            raise SchemaError(
                f"the model was fitted with {missing[0]}= given as an array; a prediction needs it too: "
                f"predict(new, {missing[0]}=...)"
            )
        source = Source(new, vectors=vectors)
    asked = unseen or fit.model.unseen
    if new is None and asked == "error":
        asked = "missing"  # levels that only rows have which the fit counted not at all
    policy = choice("unseen", asked)
    rows = fit.model.terms.rows(source, response=False, missing="drop", unseen=policy)
    return prediction.linear(fit.model, fit.estimate, rows), rows.kind


def _determined(fit: "Fit", line: prediction.Linear) -> prediction.Linear:
    """The line without the rows whose eta columns left out leave open, which are told."""
    aliased = fit.certificate.aliased
    if fit.unknown is None:
        if aliased:
            warnings.warn(
                f"columns were left out of the fit ({some(aliased)}), and it does not know which rows they leave open: "
                "rows that have them in other proportions than those of the fit predict what depends on which of them "
                "was left out. Its file is of an earlier version: fit again",
                DataWarning,
                stacklevel=3,
            )
        return line
    found, out = fit.unknown.open_rows(line.design)
    if not found.any():
        return line
    warnings.warn(
        f"{int(found.sum()):,} of {len(found):,} rows are not estimable and have no prediction, the first of them row "
        f"{line.place(int(np.argmax(found)))}: the fit left out columns that are combinations of others in its rows "
        f"and not in these ({some([fit.names[j] for j in out])})",
        DataWarning,
        stacklevel=3,
    )
    return line.narrowed(~found)


def _strange(fit: "Fit", line: prediction.Linear, mu: FloatArray) -> BoolArray | None:
    """The rows (n,) whose mean no response can have, told; None where there are none."""
    found = prediction.outside(fit.model, line.eta, mu)
    if not found.any():
        return None
    at = int(np.argmax(found))
    warnings.warn(
        f"{int(found.sum()):,} of {len(found):,} rows are predicted a mean that the {fit.model.family.name} family "
        f"cannot have, the first of them row {line.place(at)}: {np.ravel(mu[at])[0]:g}, where eta is "
        f"{np.ravel(line.eta[at])[0]:.4g}. Compare their predictors with those of the fit; links such as log and logit "
        "map into the means, where an exponential does not overflow",
        DataWarning,
        stacklevel=3,
    )
    return found


def _labels(fit: "Fit", line: prediction.Linear) -> AnyArray:
    if fit.classes is None:
        raise ExpfamError(f'type="class" needs a response of classes; the {fit.model.family.name} family has none')
    return prediction.classes(fit.model, prediction.mean(fit.model, line.eta))


def _check_observation(fit: "Fit", type: str, weights: Any, trials: Any) -> None:
    family = fit.model.family
    observation.check(family)
    if type != "response":
        raise ExpfamError(f"type={type!r}: an observation has no {type}; a prediction interval takes type='response'")
    if isinstance(family, Binomial) != (trials is not None) or (trials is not None and weights is not None):
        raise ExpfamError(
            "a share of how many trials? Give trials=...: a number, one a row, or a column; weights= is for other "
            "families"
            if isinstance(family, Binomial)
            else f"trials= belongs to the binomial family, not to {family.name}; give weights="
        )


def _uncertain(fit: "Fit", eta: FloatArray, covariance: FloatArray, weight: FloatArray) -> observation.Uncertain:
    family, link = fit.model.family, fit.model.link
    se = roots(covariance[:, 0, 0])
    return observation.Uncertain(family, link, eta, se, fit.dispersion, fit.df_reference, weight)


def _weight(fit: "Fit", new: Any, given: Any, line: prediction.Linear) -> FloatArray:
    """The weights or trials of the rows that are predicted, (n,)."""
    name = "trials" if isinstance(fit.model.family, Binomial) else "weights"
    n = len(line.eta) if line.kept is None else len(line.kept)
    values: Any = 1.0 if given is None else given
    if isinstance(given, str):
        data = fit.rows_source().data if new is None else new
        values = read(data, lambda _: (given,)).column(given).values
    values, _ = numbers(name, np.nan if values is None else beside(name, values, new))
    if values.shape not in ((), (n,)):
        raise SchemaError(f"{name} has shape {values.shape}; give a number, or one for each of the {n} rows")
    values = np.broadcast_to(values, n)
    bad = _bad(values, whole=name == "trials") & (np.ones(n, bool) if line.kept is None else line.kept)
    if bad.any():
        at = int(np.flatnonzero(bad)[0])
        kind = "whole numbers from 1 on" if name == "trials" else "positive numbers"
        raise SchemaError(f"{name} is {values[at]:g} in row {at}; a prediction interval needs {kind}")
    return np.asarray(values if line.kept is None else values[line.kept])


def _bad(values: FloatArray, whole: bool) -> BoolArray:
    with np.errstate(invalid="ignore"):
        return np.asarray(~(np.isfinite(values) & (values > 0) & ((values == np.floor(values)) | (not whole))))


def _by_class(fit: "Fit", parts: dict[str, FloatArray]) -> dict[str, FloatArray]:
    """Matrices as one column a class, named `fit[label]`."""
    if parts["fit"].ndim == 1:
        return parts
    labels = (fit.classes or ())[: parts["fit"].shape[1]]
    return {f"{key}[{label}]": part[:, k] for k, label in enumerate(labels) for key, part in parts.items()}
