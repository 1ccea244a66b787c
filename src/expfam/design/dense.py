"""Numeric columns as one matrix."""

from dataclasses import dataclass

import numpy as np

from expfam._typing import AnyArray, FloatArray
from expfam.design._group import Group


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
