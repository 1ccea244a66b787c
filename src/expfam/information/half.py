"""V = A' N A by its factors: a variance is a sum of squares, where in V written out large numbers would cancel."""

from dataclasses import dataclass, replace

import numpy as np
from scipy.linalg import solve_triangular

from expfam._typing import FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class Half:
    """A = L^-1 diag(scale) for `lower` L (q, q), of which the lower triangle counts, and N `middle` (q, q), None for 1.

    Of columns whose condition is K a variance has an error of K times rounding, not of K^2 times it.
    """

    lower: FloatArray
    scale: FloatArray
    middle: FloatArray | None = None

    def times(self, share: float) -> "Half":
        """share V."""
        return replace(self, scale=np.sqrt(share) * self.scale)

    def turned(self, gradients: FloatArray) -> FloatArray:
        """A G', (q, r), for gradients G (r, q)."""
        return np.asarray(solve_triangular(self.lower, (gradients * self.scale).T, lower=True, check_finite=False))

    def weighed(self, turned: FloatArray) -> FloatArray:
        """N A G' of A G'."""
        return turned if self.middle is None else self.middle @ turned

    def of(self, gradients: FloatArray) -> FloatArray:
        """g' V g, (r,)."""
        turned = self.turned(gradients)
        return np.asarray(np.einsum("qr,qr->r", turned, self.weighed(turned)))

    def reached(self, gradients: FloatArray) -> FloatArray:
        """V G', (q, r)."""
        inner = self.weighed(self.turned(gradients))
        back = solve_triangular(self.lower, inner, lower=True, trans="T", check_finite=False)
        return np.asarray(self.scale[:, None] * back)

    def around(self, turned: FloatArray) -> "Half":
        """V M V of A M A', (q, q)."""
        inner = self.weighed(self.weighed((turned + turned.T) / 2).T)
        return replace(self, middle=np.ascontiguousarray(inner))
