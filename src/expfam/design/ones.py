"""The intercept's column."""

from dataclasses import dataclass

import numpy as np

from expfam._typing import AnyArray, FloatArray
from expfam.design._group import Group


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
        return np.asarray(np.ones((1, self.n)) @ rows if rows.ndim == 2 else rows.sum(keepdims=True))

    def gram(self, weights: FloatArray) -> FloatArray:
        return np.asarray(weights.sum(keepdims=True))[None, :]

    def squares(self, weights: FloatArray) -> FloatArray:
        return np.asarray(weights.sum(axis=0, keepdims=True))

    def support(self, times: FloatArray) -> FloatArray:
        return np.asarray(times.sum(keepdims=True))

    def columns(self, space: str | None = None) -> FloatArray:
        return np.broadcast_to(1.0, (self.n, 1))

    def take(self, rows: slice | AnyArray) -> "Ones":
        return Ones(len(range(*rows.indices(self.n))) if isinstance(rows, slice) else len(rows))
