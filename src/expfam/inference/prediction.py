"""What does the model say about new rows? Means, linear predictors, classes, their standard errors and intervals."""

from dataclasses import dataclass

import numpy as np

from expfam._typing import AnyArray, BoolArray, FloatArray
from expfam.data.column import valued
from expfam.design import Design, assemble
from expfam.inference.covariance import roots
from expfam.inference.wald import critical
from expfam.information import Covariance
from expfam.model import Model, offset_of
from expfam.source import RowSet, check_vectors


@dataclass(frozen=True, slots=True, eq=False)
class Linear:
    """The design of some rows, their eta (n,) or (n, d), and which rows of the data they are (None: all)."""

    design: Design
    eta: FloatArray
    kept: BoolArray | None

    def covariance(self, vcov: Covariance) -> FloatArray:
        """The covariance of every row's eta, (n, d, d)."""
        return vcov.of_rows(self.design, 1 if self.eta.ndim == 1 else self.eta.shape[1])

    def place(self, row: int) -> int:
        """The number in the data of one of the rows."""
        return row if self.kept is None else int(np.flatnonzero(self.kept)[row])

    def narrowed(self, wanted: BoolArray) -> "Linear":
        """Some of these rows, wanted (n,)."""
        kept, at = wanted, np.flatnonzero(wanted)
        if self.kept is not None:
            kept = self.kept.copy()
            kept[self.kept] = wanted
        return Linear(self.design.take(at), self.eta[at], kept)


def linear(model: Model, theta: FloatArray, rows: RowSet) -> Linear:
    """eta = X theta + offset of rows."""
    check_vectors(rows)
    design = assemble(rows.columns, rows.n)
    offset = offset_of(model, rows)
    eta = design.forward(design.maps.forward(theta))
    return Linear(design, eta if offset is None else eta + offset, rows.kept)


def mean(model: Model, eta: FloatArray) -> FloatArray:
    """h(eta): (n,), or the probabilities of all k classes (n, k)."""
    return model.family.all_means(model.link.inverse(eta))


def outside(model: Model, eta: FloatArray, mu: FloatArray) -> BoolArray:
    """Which rows (n,) have an eta that is outside of the link's domain, or a mean that no response can have?"""
    (lo, hi), (low, high) = model.family.mean_domain, model.link.domain
    both = (np.isfinite(mu) & (mu >= lo) & (mu <= hi), (eta >= low) & (eta <= high))
    one, other = (inside.all(axis=tuple(range(1, inside.ndim))) for inside in both)
    return np.asarray(~(one & other))


def classes(model: Model, mu: FloatArray) -> AnyArray:
    """The most probable label of each row, in the type that the response had."""
    assert model.classes is not None
    codes = mu.argmax(axis=1) if mu.ndim == 2 else (mu > 0.5).astype(int)
    return np.asarray(valued(model.classes, model.label_kind or "text")[codes])


def standard_errors(model: Model, eta: FloatArray, covariance: FloatArray, type: str) -> FloatArray:
    """Of eta, the roots of its variances; of the mean |h'(eta)| times that (the delta method), for all classes."""
    if type == "link":
        errors = roots(np.einsum("naa->na", covariance))
        return np.asarray(errors[:, 0] if eta.ndim == 1 else errors)
    if eta.ndim == 1:
        return np.asarray(np.abs(model.link.derivative(eta)) * roots(covariance[:, 0, 0]))
    slopes = model.family.variance(model.link.inverse(eta))
    slopes = np.concatenate([slopes, -slopes.sum(axis=1, keepdims=True)], axis=1)
    return np.asarray(roots(np.einsum("nka,nab,nkb->nk", slopes, covariance, slopes)))


def confidence(
    model: Model, eta: FloatArray, covariance: FloatArray, type: str, level: float, df: float | None
) -> tuple[FloatArray, FloatArray]:
    """(lower, upper) of eta or of the mean: the interval of eta taken through h; for classes by the delta method."""
    reach = critical(level, df)
    if type == "link" or eta.ndim == 1:
        half = reach * standard_errors(model, eta, covariance, "link")
        if type == "link":
            return eta - half, eta + half
        with np.errstate(over="ignore", divide="ignore"):  # past the last mean, or the edge of eta, is infinity
            a, b = (model.link.inverse(np.clip(end, *model.link.domain)) for end in (eta - half, eta + half))
        return np.minimum(a, b), np.maximum(a, b)
    half, probability = reach * standard_errors(model, eta, covariance, type), mean(model, eta)
    return np.clip(probability - half, 0, 1), np.clip(probability + half, 0, 1)


def spread_out(values: AnyArray, kept: BoolArray | None) -> AnyArray:
    """Values at the places of their rows in the data; NaN (None for labels) where a row was left out."""
    if kept is None:
        return values
    out = np.full((len(kept), *values.shape[1:]), None if values.dtype == object else np.nan, dtype=values.dtype)
    out[kept] = values
    return out
