"""Columns that are mostly zero: compressed rows, of which only the nonzeros are stored and read."""

from dataclasses import dataclass, replace
from types import ModuleType
from typing import Any

import numpy as np

from expfam._typing import AnyArray, FloatArray
from expfam.design._group import Group
from expfam.design.coded import Coded
from expfam.design.dense import Dense
from expfam.kernels import sparse_definition as definition
from expfam.kernels.ready import SPARSE, pays
from expfam.parallel import in_pieces

TURNED = 1 << 18  # numbers of R' rows that a cache does not hold: it is dear to add to them here and there
WRITTEN_FROM = 0.3  # share of nonzeros above which a product of written-out rows beats adding up their pairs
ROWS_AT_ONCE = 1 << 12  # rows written out together


@dataclass(frozen=True, slots=True)
class Sparse(Group):
    """Compressed rows: row i holds data[a:b] in the columns indices[a:b], ascending, where a, b = indptr[i:i+2].

    indptr (n + 1,) and indices are int32 or int64, data float32 or float64, None where every nonzero is one. A slice of
    rows is a shorter indptr into the same arrays. Sums are float64. Large data runs on the compiled twin.

    `turned` is R' in compressed rows, where sums over all rows are better taken column by column.
    """

    indptr: AnyArray
    indices: AnyArray
    data: AnyArray | None
    raw: int
    compiled: bool
    turned: "Sparse | None" = None

    @property
    def width(self) -> int:
        return self.raw

    @property
    def n(self) -> int:
        """How many rows."""
        return len(self.indptr) - 1

    @property
    def span(self) -> slice:
        """Where the nonzeros of these rows stand in indices and data."""
        return slice(int(self.indptr[0]), int(self.indptr[-1]))

    @property
    def stored(self) -> int:
        nonzeros = int(self.indptr[-1] - self.indptr[0])
        return max(nonzeros // max(self.n, 1), 1)

    @property
    def price(self) -> tuple[float, float]:
        k = self.stored
        return 1.6 * k, 0.36 * k * (k + 1)

    def nonzeros(self) -> definition.Rows:
        """R in compressed rows: (indptr, indices ascending along a row, data or None for ones)."""
        return self.indptr, self.indices, self.data

    def forward(self, theta: FloatArray) -> FloatArray:
        return np.asarray(verbs(self.compiled).forward(self.nonzeros(), theta))

    def adjoint(self, rows: FloatArray) -> FloatArray:
        if self.turned is not None:
            return self.collect(rows, np.empty((self.raw, *rows.shape[1:])))
        return np.asarray(verbs(self.compiled).adjoint(self.nonzeros(), rows, self.raw))

    def collect(self, rows: FloatArray, out: FloatArray) -> FloatArray:
        columns, together = self.turned, np.ascontiguousarray(rows)
        if columns is None:
            return Group.collect(self, rows, out)
        verb = verbs(self.compiled).forward

        def part(at: slice) -> None:
            verb(columns.take(at).nonzeros(), together, out[at])

        in_pieces(part, out)
        return out

    def gram(self, weights: FloatArray) -> FloatArray:
        if self.stored > WRITTEN_FROM * self.raw:
            blocks = [slice(lo, lo + ROWS_AT_ONCE) for lo in range(0, self.n, ROWS_AT_ONCE)]
            return np.asarray(sum(Dense(self.take(rows).written()).gram(weights[rows]) for rows in blocks))
        return np.asarray(verbs(self.compiled).gram(self.nonzeros(), weights, self.raw))

    def pairs(self, weights: FloatArray, other: "Sparse | Coded") -> FloatArray:
        """R' diag(weights) S, (r, s), where S (n, s) is sparse or coded too."""
        return np.asarray(verbs(self.compiled).pairs(self.nonzeros(), other.nonzeros(), weights, self.raw, other.width))

    def squares(self, weights: FloatArray) -> FloatArray:
        if self.data is None:
            return self.adjoint(weights)
        at = self.span
        squared = np.square(self.data[at], dtype=np.float64)
        part = replace(self, indptr=self.indptr - at.start, indices=self.indices[at], data=squared, turned=None)
        return part.adjoint(weights)

    def support(self, times: FloatArray) -> FloatArray:
        return replace(self, data=None, turned=None).adjoint(times)

    def columns(self, space: str | None = None) -> None:
        return None

    def written(self) -> FloatArray:
        """R written out, (n, r): for small blocks of rows."""
        return np.asarray(definition.matrix(self.nonzeros(), self.raw).toarray())

    def take(self, rows: slice | AnyArray) -> "Sparse":
        if isinstance(rows, slice):
            lo, hi, step = rows.indices(self.n)
            if step == 1:
                return replace(self, indptr=self.indptr[lo : max(lo, hi) + 1], turned=None)
            rows = np.arange(lo, hi, step)
        counts = np.diff(self.indptr)[rows]
        indptr = np.concatenate([[0], np.cumsum(counts)])
        at = np.arange(indptr[-1]) + np.repeat(self.indptr[:-1][rows] - indptr[:-1], counts)
        data = None if self.data is None else self.data[at]
        return replace(self, indptr=indptr, indices=self.indices[at], data=data, turned=None)


def sparse(matrix: Any, compiled: bool | None = None, classes: int = 1) -> Sparse:
    """The group of a SciPy matrix in canonical compressed rows; `compiled` picks the kernels (None: by size).

    It is turned for so many classes that R' rows is larger than a cache, and itself no smaller than half of R.
    """
    n, raw = matrix.shape
    pairs = len(matrix.data) ** 2 / max(n, 1)
    data = None if _all_ones(matrix.data) else matrix.data
    large = pays(pairs, "sparse", bound=SPARSE) if compiled is None else compiled
    found = Sparse(matrix.indptr, matrix.indices, data, raw, large)
    return turned(found) if large and classes > 1 and raw * classes >= max(TURNED, len(matrix.data) / 2) else found


def turned(group: Sparse) -> Sparse:
    """The same with R' at hand, a copy of its numbers."""
    from scipy.sparse import csr_array  # on first need: most fits have no sparse columns

    indptr, indices, data = group.nonzeros()
    values = np.ones(len(indices), dtype=np.int8) if data is None else data
    columns = csr_array((values, indices, indptr), shape=(group.n, group.raw)).tocsc()
    own = None if data is None else columns.data
    return replace(group, turned=Sparse(columns.indptr, columns.indices, own, group.n, group.compiled))


def verbs(compiled: bool) -> ModuleType:
    """The module that does the sparse verbs: compiled, or the SciPy definition."""
    if not compiled:
        return definition
    from expfam.kernels import sparse as twin  # brings Numba, so only where it pays

    return twin


def _all_ones(data: AnyArray) -> bool:
    """Is every nonzero one? Text and codes as zeros and ones often are, and then need no reading."""
    return bool((data[:1024] == 1).all() and (data == 1).all())
