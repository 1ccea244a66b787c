"""Factors as integer codes, all factors of a row side by side."""

from dataclasses import dataclass
from types import ModuleType

import numpy as np

from expfam._typing import AnyArray, FloatArray, IntArray
from expfam.design._group import Group
from expfam.kernels import definition

COMPILE_FROM = 2_000_000
"""From so many coded cells (rows x codes a row) on, loading the compiled kernels costs less than it saves."""


@dataclass(frozen=True, slots=True)
class Coded(Group):
    """All factors of a row side by side: codes (n, k) are raw column numbers, ascending along a row.

    values (n, k) multiply them, None is ones; `raw` raw columns in all. Large data runs on the compiled twin.
    """

    codes: IntArray
    values: FloatArray | None
    raw: int
    compiled: bool

    @property
    def width(self) -> int:
        return self.raw

    @property
    def stored(self) -> int:
        return int(self.codes.shape[1])

    def forward(self, theta: FloatArray) -> FloatArray:
        return np.asarray(verbs(self.compiled).forward(self.codes, self.values, theta))

    def adjoint(self, rows: FloatArray) -> FloatArray:
        return np.asarray(verbs(self.compiled).adjoint(self.codes, self.values, rows, self.raw))

    def gram(self, weights: FloatArray) -> FloatArray:
        return np.asarray(verbs(self.compiled).gram(self.codes, self.values, weights, self.raw))

    def cross(self, weights: FloatArray, columns: FloatArray) -> FloatArray:
        return np.asarray(verbs(self.compiled).cross(self.codes, self.values, weights, columns, self.raw))

    def sums(self, weights: FloatArray, gram: FloatArray) -> FloatArray:
        """A level's sum of weights stands on the diagonal, unless its rows are multiplied."""
        return np.diagonal(gram) if self.values is None else self.adjoint(weights)

    def columns(self) -> None:
        return None

    def take(self, rows: slice | AnyArray) -> "Coded":
        return Coded(self.codes[rows], None if self.values is None else self.values[rows], self.raw, self.compiled)


def verbs(compiled: bool) -> ModuleType:
    """The module that does the coded verbs: compiled, or the NumPy definition."""
    if not compiled:
        return definition
    from expfam.kernels import compiled as twin  # brings Numba, so only where it pays

    return twin
