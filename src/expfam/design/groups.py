"""Column groups: how some raw columns of X are stored, and the few verbs the rest of the library knows of them."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from types import ModuleType

import numpy as np

from expfam._typing import AnyArray, FloatArray, IntArray
from expfam.kernels import definition

COMPILE_FROM = 2_000_000
"""From so many coded cells (rows x codes a row) on, loading the compiled kernels costs less than it saves."""


class Group(ABC):
    """R theta, R' r and R' diag(w) R for n rows of some raw columns R; blocks and samples of rows are groups again."""

    __slots__ = ()

    @property
    @abstractmethod
    def width(self) -> int:
        """How many raw columns."""

    @property
    @abstractmethod
    def stored(self) -> int:
        """How many numbers a row holds: what reading it costs."""

    @abstractmethod
    def forward(self, theta: FloatArray) -> FloatArray:
        """R theta, (n,) or (n, d)."""

    @abstractmethod
    def adjoint(self, rows: FloatArray) -> FloatArray:
        """R' rows, (r,) or (r, d)."""

    @abstractmethod
    def gram(self, weights: FloatArray) -> FloatArray:
        """R' diag(weights) R, (r, r)."""

    def cross(self, weights: FloatArray, columns: FloatArray) -> FloatArray:
        """R' diag(weights) columns, (r, m) for columns (n, m)."""
        return self.adjoint(weights[:, None] * columns)

    def sums(self, weights: FloatArray, gram: FloatArray) -> FloatArray:
        """R' weights, (r,), where R' diag(weights) R is known already."""
        return self.adjoint(weights)

    @abstractmethod
    def columns(self) -> FloatArray | None:
        """R itself where it is stored as columns (n, r); None where writing it out would cost n r numbers."""

    @abstractmethod
    def take(self, rows: slice | AnyArray) -> "Group":
        """The same columns for some rows: a view for a slice, a copy for row numbers."""


@dataclass(frozen=True, slots=True)
class Ones(Group):
    """A column of ones, never stored."""

    n: int

    @property
    def width(self) -> int:
        return 1

    @property
    def stored(self) -> int:
        return 0

    def forward(self, theta: FloatArray) -> FloatArray:
        return np.broadcast_to(theta[0], (self.n, *theta.shape[1:]))

    def adjoint(self, rows: FloatArray) -> FloatArray:
        return np.asarray(rows.sum(axis=0, keepdims=True))

    def gram(self, weights: FloatArray) -> FloatArray:
        return np.asarray(weights.sum(keepdims=True))[None, :]

    def columns(self) -> FloatArray:
        return np.broadcast_to(1.0, (self.n, 1))

    def take(self, rows: slice | AnyArray) -> "Ones":
        return Ones(len(range(*rows.indices(self.n))) if isinstance(rows, slice) else len(rows))


@dataclass(frozen=True, slots=True)
class Dense(Group):
    """Columns stored as they are, (n, m), in any memory order."""

    values: FloatArray

    @property
    def width(self) -> int:
        return int(self.values.shape[1])

    @property
    def stored(self) -> int:
        return self.width

    def forward(self, theta: FloatArray) -> FloatArray:
        return np.asarray(self.values @ theta)

    def adjoint(self, rows: FloatArray) -> FloatArray:
        return np.asarray(self.values.T @ rows)

    def gram(self, weights: FloatArray) -> FloatArray:
        if weights.max(initial=0.0) <= 0:  # between two classes: a symmetric product takes half the work
            return -self.gram(-weights) if weights.any() else np.zeros((self.width, self.width))
        if weights.min() < 0:
            return np.asarray(self.values.T @ (self.values * weights[:, None]))
        half = self.values * np.sqrt(weights)[:, None]
        return np.asarray(half.T @ half)

    def columns(self) -> FloatArray:
        return self.values

    def take(self, rows: slice | AnyArray) -> "Dense":
        return Dense(self.values[rows])


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
