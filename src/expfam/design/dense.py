"""Numeric columns as one matrix."""

from dataclasses import dataclass, replace
from types import ModuleType

import numpy as np

from expfam._typing import AnyArray, FloatArray
from expfam.design._group import Group
from expfam.kernels import dense_definition as definition
from expfam.parallel import picked, room

NARROW = 64  # columns up to which products of all pairs cost less than a second read


@dataclass(frozen=True, slots=True)
class Dense(Group):
    """R = values - 1 centre': values (n, m) float64 or float32 in any memory order, centre (m,) or None for zeros.

    R is never written out in full; results are float64, of centred numbers. Large data runs on the compiled twin.
    """

    values: AnyArray
    centre: FloatArray | None = None
    compiled: bool = False

    @property
    def width(self) -> int:
        return int(self.values.shape[1])

    @property
    def stored(self) -> int:
        return self.width

    @property
    def price(self) -> tuple[float, float]:
        m = self.width
        return 0.6 * m, 6.0 + 0.3 * m + 0.022 * m**2

    def forward(self, theta: FloatArray) -> FloatArray:
        return np.asarray(verbs(self.compiled).forward(self.values, self.centre, theta))

    def add(self, theta: FloatArray, out: FloatArray) -> None:
        verbs(self.compiled).forward(self.values, self.centre, theta, out)

    def adjoint(self, rows: FloatArray) -> FloatArray:
        return np.asarray(verbs(self.compiled).adjoint(self.values, self.centre, rows))

    def gram(self, weights: FloatArray) -> FloatArray:
        return np.asarray(self.grams(weights[None])[0])

    def grams(self, weights: FloatArray) -> FloatArray:
        return self.grams_and_sums(weights)[0]

    def grams_and_sums(self, weights: FloatArray) -> tuple[FloatArray, FloatArray]:
        """R' diag(w) R and R' w for every w of weights: the rows are read, and centred, once for all."""
        grams, sums = verbs(self.compiled).grams(self.values, self.centre, weights)
        return grams, sums

    def squares(self, weights: FloatArray) -> FloatArray:
        if weights.ndim == 2:
            return Group.squares(self, weights)
        return np.asarray(verbs(self.compiled).squares(self.values, self.centre, weights))

    def moments(self, weights: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Of few columns all products come in one read, at less than a second one for the squares."""
        if self.width > NARROW:
            return Group.moments(self, weights)
        grams, sums = self.grams_and_sums(weights[None])
        return sums[0], np.diagonal(grams[0])

    def dots(self, rows: FloatArray, out: FloatArray) -> None:
        """out += the sum of R * rows over the columns, (n,) for rows (n, m)."""
        verbs(self.compiled).dots(self.values, self.centre, rows, out)

    def support(self, times: FloatArray) -> FloatArray:
        return np.asarray(times @ (self.values != 0).astype(np.float64))  # a product is the quickest sum

    def centred(self, centre: FloatArray) -> "Dense":
        return replace(self, centre=centre if self.centre is None else self.centre + centre)

    def columns(self, space: str | None = None) -> FloatArray:
        """R, (n, m): the values themselves, or a copy where they are centred or float32; for blocks of rows."""
        if self.centre is None and self.values.dtype == np.float64:
            return self.values
        out = room(space, *self.values.shape)
        definition.columns(self.values, self.centre, out)  # nothing to gain by compiling
        return out

    def take(self, rows: slice | AnyArray) -> "Dense":
        return self.fleeting(rows, None)

    def fleeting(self, rows: slice | AnyArray, space: str | None) -> "Dense":
        return Dense(picked(self.values, rows, space), self.centre, self.compiled)


def verbs(compiled: bool) -> ModuleType:
    """The module that does the dense verbs: compiled, or the NumPy definition."""
    if not compiled:
        return definition
    from expfam.kernels import dense as twin  # brings Numba, so only where it pays

    return twin
