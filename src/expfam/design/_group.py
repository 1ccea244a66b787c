"""A column group: how some raw columns of X are stored, and the few verbs the rest of the library knows of them."""

from abc import ABC, abstractmethod

import numpy as np

from expfam._typing import AnyArray, FloatArray


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

    @property
    def price(self) -> tuple[float, float]:
        """Nanoseconds a row takes on one core for R theta with R' r, and for R' W R, about."""
        return 0.6 * self.stored, 0.08 * self.stored**2

    @abstractmethod
    def forward(self, theta: FloatArray) -> FloatArray:
        """R theta, (n,) or (n, d)."""

    def add(self, theta: FloatArray, out: FloatArray) -> None:
        """out += R theta, (n,) or (n, d)."""
        out += self.forward(theta)

    @abstractmethod
    def adjoint(self, rows: FloatArray) -> FloatArray:
        """R' rows, (r,) or (r, d)."""

    def collect(self, rows: FloatArray, out: FloatArray) -> FloatArray:
        """R' rows in `out`, (r,) or (r, d)."""
        out[:] = self.adjoint(rows)
        return out

    @abstractmethod
    def gram(self, weights: FloatArray) -> FloatArray:
        """R' diag(weights) R, (r, r)."""

    def crosses(self, weights: FloatArray, columns: FloatArray) -> FloatArray:
        """R' diag(w) columns for every w of weights (k, n), (k, r, m) for columns (n, m)."""
        return np.stack([self.adjoint(w[:, None] * columns) for w in weights])

    def squares(self, weights: FloatArray) -> FloatArray:
        """(R * R)' weights, (r,) or (r, m) for weights (n,) or (n, m)."""
        if weights.ndim == 2:
            return np.stack([self.squares(w) for w in np.ascontiguousarray(weights.T)], axis=1)
        return np.diagonal(self.gram(weights))

    def moments(self, weights: FloatArray) -> tuple[FloatArray, FloatArray]:
        """R' weights and (R * R)' weights, (r,) each, for weights (n,)."""
        return self.adjoint(weights), self.squares(weights)

    @abstractmethod
    def support(self, times: FloatArray) -> FloatArray:
        """The sum of `times` (n,) over the rows where a raw column is stored as other than zero, (r,)."""

    def grams(self, weights: FloatArray) -> FloatArray:
        """R' diag(w) R for every w of weights (m, n), (m, r, r)."""
        return np.stack([self.gram(w) for w in weights])

    def centred(self, centre: FloatArray) -> "Group":
        """R - 1 centre'; only columns of numbers can be, the others stay as they are."""
        return self

    def sums(self, weights: FloatArray, gram: FloatArray) -> FloatArray:
        """R' weights, (r,), where R' diag(weights) R is known already."""
        return self.adjoint(weights)

    def grams_and_sums(self, weights: FloatArray) -> tuple[FloatArray, FloatArray]:
        """R' diag(w) R and R' w for every w of weights (m, n): (m, r, r) and (m, r)."""
        grams = self.grams(weights)
        return grams, np.stack([self.sums(w, gram) for w, gram in zip(weights, grams, strict=True)])

    @abstractmethod
    def columns(self, space: str | None = None) -> FloatArray | None:
        """R itself where it is stored as columns (n, r); None where writing it out would cost n r numbers.

        What has to be worked out is in memory that the next call with this `space` may write to.
        """

    @abstractmethod
    def take(self, rows: slice | AnyArray) -> "Group":
        """The same columns for some rows: a view for a slice, a copy for row numbers."""

    def fleeting(self, rows: slice | AnyArray, space: str | None) -> "Group":
        """The same for a while: in memory that the next call with this `space` may write to."""
        return self.take(rows)
