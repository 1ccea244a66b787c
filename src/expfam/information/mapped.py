"""V of the coefficients of plain columns, by that of coefficients of columns less what is far from zero in them.

The rows of new data go through the map first, as differences of numbers: products of x and T V T' would cancel.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from expfam._typing import BoolArray, FloatArray
from expfam.design import Design
from expfam.information import covariance as covariances
from expfam.information.covariance import CELLS, Covariance, Written
from expfam.parallel import slices


@dataclass(frozen=True, slots=True, eq=False)
class Mapped(Covariance):
    """T V T' for V `inner` (p d, p d) and T `back` (p, p) in compressed rows, of each class.

    NaN in the rows and columns of coefficients that are `lost` (p d,), by themselves: what rows tell of sums of them, V
    knows.
    """

    inner: Written
    back: Any
    lost: BoolArray

    @property
    def size(self) -> int:
        return self.inner.size

    @property
    def diagonal(self) -> FloatArray:
        return np.diagonal(self.full())

    def full(self) -> FloatArray:
        found = self._outside(self._outside(self.inner.matrix).T)
        found[self.lost], found[:, self.lost] = np.nan, np.nan
        return found

    def times(self, share: float) -> "Mapped":
        return replace(self, inner=self.inner.times(share))

    def of(self, gradients: FloatArray) -> FloatArray:
        return self.inner.of(self._inside(gradients))

    def reached(self, gradients: FloatArray) -> FloatArray:
        return self._outside(self.inner.reached(self._inside(gradients)))

    def of_rows(self, design: Design, classes: int) -> FloatArray:
        if self.back.nnz == design.p:
            return self.inner.of_rows(design, classes)
        p, inner = design.p, self.inner.matrix.reshape(classes, design.p, classes, design.p)
        units, out = design.maps.forward(self.back.toarray()), np.empty((design.n, classes, classes))
        for rows in slices(design.n, max(CELLS // max(p * classes, 1), 1)):
            x = design.take(rows).forward(units)
            for a, b in zip(*np.triu_indices(classes), strict=True):
                out[rows, a, b] = np.einsum("np,np->n", x @ inner[a, :, b], x)
                out[rows, b, a] = out[rows, a, b]
        return out

    def to_json(self) -> Any:
        entries = {name: getattr(self.back, name).tolist() for name in ("data", "indices", "indptr")}
        return {"map": entries, "lost": self.lost.tolist(), "inside": self.inner.to_json()}

    @property
    def _classes(self) -> int:
        return self.size // int(self.back.shape[0])

    def _inside(self, gradients: FloatArray) -> FloatArray:
        """T' of gradients (r, p d), class after class."""
        return np.concatenate([(self.back.T @ part.T).T for part in np.split(gradients, self._classes, axis=1)], axis=1)

    def _outside(self, rows: FloatArray) -> FloatArray:
        """T of columns (p d, r), class after class."""
        return np.concatenate([self.back @ part for part in np.split(rows, self._classes)])


def from_json(plain: Mapping[str, Any], p: int) -> Mapped:
    """The covariance that `to_json` wrote, of p coefficients."""
    from scipy.sparse import csr_array  # few fits have one

    inner, lost = covariances.from_json(plain["inside"]), np.array(plain["lost"], dtype=bool)
    data, indices, indptr = (np.array(plain["map"][name]) for name in ("data", "indices", "indptr"))
    if not isinstance(inner, Written) or not inner.size == len(lost) or inner.size % p:
        raise ValueError(f"a covariance of size {inner.size} for {p} coefficients and {len(lost)} marks")
    if not np.isfinite(data.astype(float)).all():
        raise ValueError("map.data: null among numbers")
    return Mapped(inner, csr_array((data.astype(float), indices, indptr), shape=(p, p)), lost)
