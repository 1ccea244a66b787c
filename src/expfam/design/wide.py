"""A factor of very many levels, apart from all others: its block of R'WR is a diagonal, and kept as one."""

from dataclasses import dataclass, replace
from types import ModuleType

import numpy as np

from expfam._typing import AnyArray, FloatArray
from expfam.design._group import Group
from expfam.design.coded import Coded, code_verbs
from expfam.design.columns import Columns
from expfam.design.sparse import Sparse, verbs

WIDE = 1000
"""Levels above which a factor is stored apart: its block written out would cost more than to eliminate it."""


@dataclass(frozen=True, slots=True)
class Wide(Group):
    """codes (n,), unsigned: R[i, codes[i]] = 1, (n, levels). Large data runs on the compiled twin."""

    codes: AnyArray
    levels: int
    compiled: bool

    @property
    def width(self) -> int:
        return self.levels

    @property
    def stored(self) -> int:
        return 1

    @property
    def price(self) -> tuple[float, float]:
        return 3.0, 2.0

    @property
    def indicators(self) -> FloatArray:
        """1 for raw columns of zeros and ones, (r,)."""
        return np.ones(self.levels)

    @property
    def kernels(self) -> ModuleType:
        """The module that does the verbs."""
        return code_verbs(self.compiled)

    def forward(self, theta: FloatArray) -> FloatArray:
        return np.asarray(self.kernels.pick(self.codes[None], np.empty((0, len(self.codes))), [theta]))

    def adjoint(self, rows: FloatArray) -> FloatArray:
        if rows.ndim == 2:
            return np.asarray(self.crosses(np.ones((1, len(rows))), rows)[0])
        return np.asarray(self.kernels.sums(self.codes, rows, self.levels))

    def crosses(self, weights: FloatArray, columns: FloatArray) -> FloatArray:
        return np.asarray(self.kernels.crosses(self.codes, weights, columns, self.levels))

    def gram(self, weights: FloatArray) -> FloatArray:
        """Written out, as nothing large ever asks for."""
        return np.diag(self.adjoint(weights))

    def squares(self, weights: FloatArray) -> FloatArray:
        return self.adjoint(weights)

    def support(self, times: FloatArray) -> FloatArray:
        return self.adjoint(times)

    def pairs(self, weights: FloatArray, other: Coded | Sparse) -> FloatArray:
        """R' diag(weights) S, (levels, s), where S (n, s) is coded or sparse: two-way tables of levels."""
        pairs = verbs(self.compiled).pairs
        return np.asarray(pairs(self.nonzeros(), other.nonzeros(), weights, self.levels, other.width))

    def columns(self, space: str | None = None) -> None:
        return None

    def nonzeros(self) -> tuple[AnyArray, AnyArray, None]:
        """R in compressed rows: (indptr, indices, None for ones)."""
        return np.arange(len(self.codes) + 1), self.codes.astype(np.intp), None

    def take(self, rows: slice | AnyArray) -> "Wide":
        return replace(self, codes=self.codes[rows])


@dataclass(frozen=True, slots=True)
class Bordered:
    """R' diag(w) R for every w of m, the wide factor's columns last: a monoid under +, linear in their number l.

    own (m, l) is the diagonal of its block, border (m, l, r) its products with the others, corner (m, r, r) theirs.
    """

    own: FloatArray
    border: FloatArray
    corner: FloatArray

    def __len__(self) -> int:
        return len(self.own)

    def __add__(self, other: "Bordered") -> "Bordered":
        return Bordered(self.own + other.own, self.border + other.border, self.corner + other.corner)

    def written(self) -> FloatArray:
        """All of it, (m, raw, raw): for no more than a few thousand columns."""
        (m, levels), r = self.own.shape, self.corner.shape[1]
        out = np.empty((m, r + levels, r + levels))
        out[:, :r, :r], out[:, r:, :r], out[:, :r, r:] = self.corner, self.border, self.border.transpose(0, 2, 1)
        out[:, r:, r:] = [np.diag(own) for own in self.own]
        return out


def wide(terms: tuple[Columns, ...]) -> Columns | None:
    """The term of most levels, if they are more than WIDE and simply are columns: no multiplier, no mixing contrast."""
    simple = (t for t in terms if t.values is None and (t.contrast is None or t.contrast.ndim == 1))
    widest = max(simple, key=lambda t: t.levels, default=None)
    return widest if widest is not None and widest.levels > WIDE else None


def lay_wide(term: Columns, compiled: bool) -> Wide:
    """The group of a wide term."""
    assert term.codes is not None
    return Wide(term.codes.astype(np.min_scalar_type(term.levels - 1)), term.levels, compiled)
