"""The information by its root: H = R'R with R from a QR decomposition of the weighted rows, which keeps the digits that
X'WX loses. QR of stacked R's is the monoid of theory.md 4 (TSQR, Demmel et al. 2012)."""

from dataclasses import dataclass

import numpy as np
from scipy.linalg import solve_triangular

from expfam._typing import BoolArray, FloatArray
from expfam.information._information import Information
from expfam.information.full import Cholesky, cholesky, condition_of
from expfam.information.rank import independent_of_root

ROUNDED = 1e-8
"""A share of the largest eigenvalue below zero beyond which a matrix of ones on the diagonal is no rounded one."""


@dataclass(frozen=True, slots=True)
class Root(Information):
    """R, (q, q) upper triangular; `right` (q,) is Q'z for a right side z, None after a change of H alone."""

    triangle: FloatArray
    right: FloatArray | None = None

    def __add__(self, other: Information) -> "Root":
        assert isinstance(other, Root)
        both = self.right is not None and other.right is not None
        right = np.concatenate([self.right, other.right]) if both else None
        return root(np.concatenate([self.triangle, other.triangle]), right)

    def __mul__(self, share: float) -> "Root":
        return Root(np.sqrt(share) * self.triangle)

    def plus(self, diagonal: FloatArray, matrix: FloatArray | None = None) -> "Root":
        """R of H + S for a positive semidefinite S."""
        parts = [self.triangle, np.diag(np.sqrt(diagonal))]
        if matrix is not None:
            parts.append(rows_of(matrix))
        return root(np.concatenate(parts))

    @property
    def diagonal(self) -> FloatArray:
        return np.asarray(np.square(self.triangle).sum(axis=0))

    @property
    def matrix(self) -> FloatArray:
        return np.asarray(self.triangle.T @ self.triangle)

    def times(self, vector: FloatArray) -> FloatArray:
        return np.asarray(self.triangle.T @ (self.triangle @ vector))

    def part(self, kept: BoolArray) -> "Root":
        return root(self.triangle[:, kept])

    @property
    def solution(self) -> FloatArray | None:
        """The d with the least |rows d - right|, (q,): R^-1 Q'z squares no condition number; None if R is singular."""
        if self.right is None or self.singular:
            return None
        return np.asarray(solve_triangular(self.triangle, self.right))

    @property
    def singular(self) -> bool:
        """Are some columns combinations of others to all digits, as where all rows they differ in have no weight?"""
        return not independent_of_root(self.triangle).all()

    def factor(self) -> Cholesky:
        if self.singular:
            return cholesky(self.matrix, singular=True)
        scale = 1 / np.sqrt(np.where(self.diagonal > 0, self.diagonal, 1.0))
        unit = self.triangle * scale
        return Cholesky(np.asfortranarray(unit.T), scale, condition_of(unit.T, unit.T @ unit), True)


def root(rows: FloatArray, right: FloatArray | None = None) -> Root:
    """R of some weighted rows (m, q), R'R = rows' rows, and Q' right for a right side (m,)."""
    m, q = rows.shape
    whole = rows if right is None else np.column_stack([rows, right])
    padded = np.concatenate([whole, np.zeros((q - m, whole.shape[1]))]) if m < q else whole
    triangle: FloatArray = np.asarray(np.linalg.qr(padded, mode="r"), dtype=float)
    return Root(triangle[:q, :q], None if right is None else triangle[:q, q])


def rows_of(matrix: FloatArray) -> FloatArray:
    """Rows (k, q) with rows' rows = S for a positive semidefinite S (q, q) of rank k.

    Eigenvalues that are rounding are zero: their roots, some sqrt(eps), would pass for information on what S leaves
    free. They are those of S with ones on its diagonal, so that no unit of a column matters; where that is not positive
    semidefinite, its small columns are rounding themselves, and S is taken as it is.
    """
    size = np.sqrt(np.maximum(np.diagonal(matrix), 0.0))
    by = np.where(size > 0, size, 1.0)
    sizes, vectors = np.linalg.eigh(matrix / by[:, None] / by)
    if sizes[0] < -ROUNDED * sizes[-1]:
        by = np.ones(len(by))
        sizes, vectors = np.linalg.eigh(matrix)
    true = sizes > len(sizes) * np.finfo(float).eps * sizes[-1]
    return np.asarray(np.sqrt(sizes[true])[:, None] * vectors[:, true].T * by)
