"""V of the coefficients of x, kept in the standard coordinates of the fit: T V T' is written out only where asked for.

A variance x' T V T' x is that of T'x, numbers less their centre, in spreads: of columns far from zero, such as years,
products of x and T V T' would cancel to nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from expfam._typing import BoolArray, FloatArray
from expfam.design import Design
from expfam.design.standard import Standard, seen_in
from expfam.information import covariance as covariances
from expfam.information import mapped
from expfam.information.covariance import Covariance


@dataclass(frozen=True, slots=True, eq=False)
class Original(Covariance):
    """T V T' for V `inner` (q d, q d) and T of `standard`, d `classes`; NaN where a column was left out."""

    inner: Covariance
    standard: Standard
    classes: int

    @property
    def size(self) -> int:
        return len(self.standard.kept) * self.classes

    @property
    def diagonal(self) -> FloatArray:
        kept = self.standard.kept
        out = np.full((self.classes, len(kept)), np.nan)
        out[:, kept] = self.standard.scale[kept] ** 2 * self.inner.diagonal.reshape(self.classes, -1)
        intercepts = self._intercepts()
        if len(intercepts):
            out[:, self.standard.intercept] = self.of(intercepts)
        return out.ravel()

    def full(self) -> FloatArray:
        full = self._outside(self._outside(self.inner.full()).T)
        intercepts = self._intercepts()
        if len(intercepts):
            at = intercepts.argmax(axis=1)
            full[:, at] = self._outside(self.inner.reached(self._inside(intercepts)))
            full[at] = full[:, at].T
            full[at, at] = self.of(intercepts)
        out = np.tile(~self.standard.kept, self.classes)
        full[out], full[:, out] = np.nan, np.nan
        return full

    def apart(self) -> "Original":
        return replace(self, inner=self.inner.apart())

    def times(self, share: float) -> "Original":
        return replace(self, inner=self.inner.times(share))

    def of(self, gradients: FloatArray) -> FloatArray:
        return self.inner.of(self._inside(gradients))

    def reached(self, gradients: FloatArray) -> FloatArray:
        return self._outside(self.inner.reached(self._inside(gradients)))

    def of_rows(self, design: Design, classes: int) -> FloatArray:
        return self.inner.of_rows(seen_in(design, self.standard), classes)

    def to_json(self) -> Any:
        return {"standard": plain_of(self.standard), "classes": self.classes, "inside": self.inner.to_json()}

    def _intercepts(self) -> FloatArray:
        """The gradients of the intercepts, which alone take up the centring, (d, p d); (0, p d) without."""
        at, p = self.standard.intercept, len(self.standard.kept)
        if at is None or not self.standard.kept[at]:
            return np.zeros((0, self.size))
        out = np.zeros((self.classes, self.size))
        out[np.arange(self.classes), at + p * np.arange(self.classes)] = 1.0
        return out

    def _inside(self, gradients: FloatArray) -> FloatArray:
        """T' of gradients, class after class: (r, p d) to (r, q d)."""
        parts = np.split(gradients, self.classes, axis=1)
        return np.concatenate([self.standard.adjoint(part.T).T for part in parts], axis=1)

    def _outside(self, rows: FloatArray) -> FloatArray:
        """T of columns, class after class: (q d, r) to (p d, r)."""
        return np.concatenate([self.standard.original(part) for part in np.split(rows, self.classes)])


def from_json(plain: Any, names: tuple[str, ...], kept: BoolArray) -> Covariance:
    """The covariance that `to_json` wrote of the coefficients `names`, of which some were kept; older files have it
    written out."""
    if isinstance(plain, Mapping) and "map" in plain:
        return mapped.from_json(plain, len(names))
    if not isinstance(plain, Mapping) or "standard" not in plain:
        return covariances.from_json(plain)
    inner, classes = covariances.from_json(plain["inside"]), int(plain["classes"])
    if inner.size != kept.sum() * classes:
        raise ValueError(f"a covariance of size {inner.size} for {int(kept.sum())} coefficients kept")
    return Original(inner, standard_of(plain["standard"], names, kept), classes)


def plain_of(standard: Standard) -> dict[str, Any]:
    """Standard coordinates as JSON types."""
    return {"centre": standard.centre.tolist(), "scale": standard.scale.tolist(), "intercept": standard.intercept}


def standard_of(plain: Mapping[str, Any], names: tuple[str, ...], kept: BoolArray) -> Standard:
    """The inverse of `plain_of`, for the coefficients `names`."""
    centre, scale = (np.array(plain[name], dtype=float) for name in ("centre", "scale"))
    if not centre.shape == scale.shape == (len(names),):
        raise ValueError(f"standard: {len(names)} coefficients, centre {centre.shape}, scale {scale.shape}")
    if not (np.isfinite(centre).all() and np.isfinite(scale).all()):
        raise ValueError("standard: null in centre or scale")
    intercept = plain["intercept"]
    if not (intercept is None or intercept in range(len(names))):
        raise ValueError(f"standard.intercept: {intercept!r}, where null or a place among {len(names)} belongs")
    return Standard(names, centre, scale, centre, kept, intercept)
