"""The information as a matrix."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.linalg import lapack

from expfam._typing import BoolArray, FloatArray
from expfam.information._information import Factor, Information
from expfam.information.covariance import Written
from expfam.information.half import Half
from expfam.parallel import blas_threads

LIFTS = (0.0, *(10.0**k for k in range(-15, 9)))
"""What a unit diagonal is raised by, in turn, until the matrix is positive definite."""
SMALL = 512  # rows of a matrix whose factor is remembered: rank, step and certificate ask for it in turn
WELL = 1e4  # the condition up to which no column is nearly a combination of others
KEPT = 1e7  # the condition from which L is kept beside H^-1, whose products lose this many digits of sixteen


@dataclass(frozen=True, slots=True)
class Cholesky(Factor):
    """`lower` L of S H S = L L' with S = diag(scale)."""

    lower: FloatArray
    scale: FloatArray
    condition: float
    definite: bool

    def solve(self, rhs: FloatArray) -> FloatArray:
        if not len(self.scale):
            return rhs
        scale = self.scale if rhs.ndim == 1 else self.scale[:, None]
        solved, _ = lapack.dpotrs(self.lower, rhs * scale, lower=1)
        return np.asarray(solved) * scale

    def inverse(self) -> Written:
        if not len(self.scale):
            return Written(self.lower)
        with blas_threads(len(self.lower)):
            inverse, _ = lapack.dpotri(self.lower, lower=1)
        full = inverse + inverse.T  # above the diagonal LAPACK has left zeros
        full.flat[:: len(full) + 1] = inverse.diagonal()
        half = Half(self.lower, self.scale) if self.condition > KEPT else None
        return Written(full * self.scale[:, None] * self.scale, half)


@dataclass(frozen=True, slots=True)
class Full(Information):
    """H written out, (q, q)."""

    matrix: FloatArray

    def __add__(self, other: Information) -> "Full":
        assert isinstance(other, Full)
        return Full(self.matrix + other.matrix)

    def __mul__(self, share: float) -> "Full":
        return Full(self.matrix * share)

    def plus(self, diagonal: FloatArray, matrix: FloatArray | None = None) -> "Full":
        total = self.matrix + np.diag(diagonal)
        return Full(total if matrix is None else total + matrix)

    @property
    def diagonal(self) -> FloatArray:
        return self.matrix.diagonal()

    def times(self, vector: FloatArray) -> FloatArray:
        return np.asarray(self.matrix @ vector)

    def part(self, kept: BoolArray) -> "Full":
        return Full(self.matrix[np.ix_(kept, kept)])

    def factor(self) -> Cholesky:
        return self._factor if len(self.matrix) <= SMALL else cholesky(self.matrix)

    @property
    def clear(self) -> bool:
        """Are the columns independent beyond doubt, by a condition that is known or wanted anyway? The others leave of
        each at least 1 / condition of its square, which is estimated to a small factor."""
        return len(self.matrix) <= SMALL and self.factor().condition < WELL

    @cached_property
    def _factor(self) -> Cholesky:
        return cholesky(self.matrix)


def cholesky(hessian: FloatArray, singular: bool = False) -> Cholesky:
    """Cholesky of a symmetric matrix scaled to unit diagonal, with a 1-norm condition estimate.

    Where it is not positive definite, the diagonal is raised just enough: a step stays a descent direction. So is that
    of a matrix known to be `singular`, which rounding may have left positive definite.
    """
    diagonal = np.abs(hessian.diagonal())
    scale = 1 / np.sqrt(np.where(diagonal > 0, diagonal, 1.0))
    unit = hessian * scale[:, None] * scale
    for lift in LIFTS[singular:]:
        with blas_threads(len(unit)):
            lower, info = lapack.dpotrf(unit + lift * np.eye(len(unit)) if lift else unit, lower=1)
        if info == 0:
            break
    return Cholesky(lower, scale, np.inf if lift else condition_of(lower, unit), lift == 0)


def condition_of(lower: FloatArray, unit: FloatArray) -> float:
    """The condition in the 1-norm of `unit` = L L', estimated from L."""
    if not len(unit):
        return 1.0
    norm = lapack.dlange("1", unit)  # type: ignore[call-arg]
    rcond, _ = lapack.dpocon(lower, norm, uplo="L")
    return 1 / float(rcond) if rcond > 0 else np.inf
