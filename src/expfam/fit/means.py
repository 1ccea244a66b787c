"""Means at the levels of factors, and how they compare. The functions are methods of `Fit`."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from expfam._typing import FloatArray
from expfam.data.answer import frame_like
from expfam.errors import ExpfamError, one_of
from expfam.fit.answers import labelled, tested
from expfam.fit.effects import opened
from expfam.inference.estimable import of_scene
from expfam.inference.means import Means, means
from expfam.inference.means import pairs as pairs_of
from expfam.inference.multiplicity import METHODS
from expfam.inference.relativities import column

if TYPE_CHECKING:
    from expfam.fit import Fit


def marginal_means(
    fit: "Fit",
    terms: str | Sequence[str],
    *,
    by: str | Sequence[str] = (),
    weights: str = "equal",
    type: str = "link",
    at: str = "means",
    level: float = 0.95,
    data: Any = None,
) -> Any:
    """The mean at every level of some factors, all else equal: one row a cell of the factors `terms` and `by`.

    at        "means": R's emmeans. Linear predictors averaged over the levels of all other factors, numbers at their
              means, no offset: per unit of exposure. "rows": R's marginaleffects::avg_predictions. Predictions averaged
              over the rows, offsets included, every row given the levels of the cell
    weights   of the other factors' combinations in "means": "equal" (each once), or "proportional" (as they occur)
    type      "link", or "response": h of the averaged linear predictor; in "rows" the average of the means themselves
    data      rows to average over instead of those of the fit

    Tests are against 0. Columns: the factors, (class,) estimate, std_error, statistic, p_value, conf_low, conf_high.
    """
    one_of("weights", weights, ("equal", "proportional"))
    one_of("type", type, ("link", "response"))
    one_of("at", at, ("means", "rows"))
    fit.known_covariance()
    rows = opened(fit, data)
    names = [rows.resolve(name) for name in (*_several(terms), *_several(by))]
    if not names or len(set(names)) < len(names):
        raise ExpfamError(f"terms={terms!r}, by={by!r}: name at least one factor, and each once")
    found = means(rows, _theta(fit), names, at, weights, type)
    columns = {name: [cell[k] for cell in found.cells] for k, name in enumerate(names)}
    numbers = tested(fit, *_flat(found), level, fit.unknown or of_scene(rows, fit.kept), None)
    return frame_like(rows.kind, labelled(columns, _shown(fit, type)) | numbers)


def contrasts(
    fit: "Fit",
    term: str,
    *,
    kind: str = "reference",
    type: str = "link",
    by: str | Sequence[str] = (),
    adjust: str | None = None,
    level: float = 0.95,
    data: Any = None,
) -> Any:
    """How do the levels of a factor compare? Differences of its marginal means, as R's contrast(emmeans(...)).

    kind      "reference" (each against the reference level), "pairwise" (all pairs), "sequential" (each against the
              one before)
    type      "link": differences of linear predictors; "ratio": exp of these with a log or logit link, ratios of means
              or odds, tested on the link; "response": differences of the means h(linear predictor)
    by        factors: comparisons within each of their cells
    adjust    p values for as many tests: "bonferroni", "holm", "hochberg", "fdr", "by"; intervals stay single

    Columns: term, (by,) (class,) contrast, estimate, std_error, statistic, p_value, conf_low, conf_high.
    """
    one_of("kind", kind, ("reference", "pairwise", "sequential"))
    one_of("type", type, ("link", "ratio", "response"))
    one_of("adjust", adjust, (None, *METHODS))
    if type == "ratio":
        column(fit.model)
    fit.known_covariance()
    rows = opened(fit, data)
    name, groups = rows.resolve(term), [rows.resolve(g) for g in _several(by)]
    scale = "response" if type == "response" else "link"
    found = means(rows, _theta(fit), [*groups, name], "means", "equal", scale)
    labels = rows.factors[name]
    reference = rows.switch(name).reference
    pairs, matrix = pairs_of(labels, kind, reference)
    if not pairs:
        raise ExpfamError(f"{name} has one level, {labels[0]!r}; there is nothing to compare it with")
    cells = found.cells[:: len(labels)]
    values = np.einsum("cl,glk->gck", matrix, found.values.reshape(len(cells), len(labels), -1))
    split = found.gradients.reshape(len(cells), len(labels), *found.gradients.shape[1:])
    gradients = np.einsum("cl,gl...->gc...", matrix, split)
    sign = "{} / {}" if type == "ratio" else "{} - {}"
    columns = {"term": [name] * (len(cells) * len(pairs))}
    columns |= {g: [cell[k] for cell in cells for _ in pairs] for k, g in enumerate(groups)}
    columns["contrast"] = [sign.format(*pair) for _ in cells for pair in pairs]
    flat = Means((), values.reshape(-1, values.shape[-1]), gradients.reshape(-1, *gradients.shape[2:]))
    numbers = tested(fit, *_flat(flat), level, fit.unknown or of_scene(rows, fit.kept), adjust)
    if type == "ratio":
        numbers = _exponentiated(numbers)
    return frame_like(rows.kind, labelled(columns, _shown(fit, scale)) | numbers)


def _exponentiated(numbers: dict[str, FloatArray]) -> dict[str, FloatArray]:
    """Ratios with errors by the delta method, tested where they are differences."""
    grown = {name: np.exp(numbers[name]) for name in ("estimate", "conf_low", "conf_high")}
    return numbers | grown | {"std_error": grown["estimate"] * numbers["std_error"]}


def _several(names: str | Sequence[str]) -> tuple[str, ...]:
    return (names,) if isinstance(names, str) else tuple(names)


def _theta(fit: "Fit") -> FloatArray:
    return fit.estimate.reshape(len(fit.estimate), -1)


def _flat(found: Means) -> tuple[FloatArray, FloatArray]:
    """Values (m k,) and gradients (m k, p, d), class by class within a cell."""
    return found.values.reshape(-1), found.gradients.reshape(-1, *found.gradients.shape[2:])


def _shown(fit: "Fit", type: str) -> tuple[str, ...]:
    """The classes that have a row: all for probabilities, those with coefficients for linear predictors."""
    if not fit.model.family.vector:
        return ()
    return fit.model.modelled if type == "link" else fit.classes or ()
