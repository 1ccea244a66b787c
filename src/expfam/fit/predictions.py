"""What a fit says of rows: predictions with their intervals. The functions are methods of `Fit`."""

from typing import TYPE_CHECKING, Any

import numpy as np

from expfam._typing import AnyArray, FloatArray
from expfam.data.answer import frame_like
from expfam.errors import ExpfamError, SchemaError, one_of
from expfam.inference import prediction
from expfam.model import choice
from expfam.source import Source

if TYPE_CHECKING:
    from expfam.fit import Fit


def predict(
    fit: "Fit",
    new: Any = None,
    *,
    type: str = "response",
    interval: str | None = None,
    level: float = 0.95,
    offset: Any = None,
    exposure: Any = None,
    unseen: str | None = None,
) -> Any:
    """h(X theta + offset) for new rows (None: the fitted data), (n,), or (n, k) over all classes.

    type "response", "link" or "class" (the label); interval="confidence" answers with a frame of fit, lower, upper.
    Rows with missing values predict NaN (None for labels). `offset`, `exposure`: arrays where the fit got arrays.
    """
    one_of("type", type, ("response", "link", "class"))
    one_of("interval", interval, (None, "confidence"))
    line, kind = _line(fit, new, {"offset": offset, "exposure": exposure}, unseen)
    if type == "class":
        return prediction.spread_out(_labels(fit, line), line.kept)
    values = line.eta if type == "link" else prediction.mean(fit.model, line.eta)
    if interval is None:
        return prediction.spread_out(values, line.kept)
    bounds = prediction.confidence(fit.model, line, fit.known_covariance(), type, level, fit.df_reference)
    parts = {"fit": values, "lower": bounds[0], "upper": bounds[1]}
    return frame_like(kind, _by_class(fit, {k: prediction.spread_out(v, line.kept) for k, v in parts.items()}))


def _line(fit: "Fit", new: Any, given: dict[str, Any], unseen: str | None) -> tuple[prediction.Linear, str]:
    if new is None:
        source = fit.rows_source()
    else:
        vectors = {name: np.asarray(values) for name, values in given.items() if values is not None}
        missing = [name for name in fit.model.supplied if name not in vectors]
        if missing:
            raise SchemaError(
                f"the model was fitted with {missing[0]}= given as an array; a prediction needs it too: "
                f"predict(new, {missing[0]}=...)"
            )
        source = Source(new, vectors=vectors)
    policy = choice("unseen", unseen or fit.model.unseen)
    rows = fit.model.terms.rows(source, response=False, missing="drop", unseen=policy)
    return prediction.linear(fit.model, fit.estimate, rows), rows.kind


def _labels(fit: "Fit", line: prediction.Linear) -> AnyArray:
    if fit.classes is None:
        raise ExpfamError(f'type="class" needs a response of classes; the {fit.model.family.name} family has none')
    return prediction.classes(fit.model, prediction.mean(fit.model, line.eta))


def _by_class(fit: "Fit", parts: dict[str, FloatArray]) -> dict[str, FloatArray]:
    """Matrices as one column a class, named `fit[label]`."""
    if parts["fit"].ndim == 1:
        return parts
    labels = (fit.classes or ())[: parts["fit"].shape[1]]
    return {f"{key}[{label}]": part[:, k] for k, label in enumerate(labels) for key, part in parts.items()}
