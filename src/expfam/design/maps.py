"""Linear changes of the columns (14): X = R C, so gradient = C' R'r and information = C' R'WR C, on p-sized results.

Contrasts, dropped reference levels and reordered columns are all the same thing: a `ColumnMap`, block by block.
"""

from dataclasses import dataclass

import numpy as np

from expfam._typing import AnyArray, FloatArray


@dataclass(frozen=True, slots=True)
class Piece:
    """The part of C that takes the coefficients `columns` to the raw columns `raw` (both index vectors).

    `matrix` (raw, columns); None where columns[j] simply is raw[j].
    """

    raw: AnyArray
    columns: AnyArray
    matrix: FloatArray | None


@dataclass(frozen=True, slots=True)
class ColumnMap:
    """C, (raw, p), as pieces that share neither raw columns nor coefficients."""

    pieces: tuple[Piece, ...]
    raw: int
    p: int

    def forward(self, theta: FloatArray) -> FloatArray:
        """C theta, (raw,) or (raw, d): coefficients to raw coefficients."""
        out = np.zeros((self.raw, *theta.shape[1:]))
        for piece in self.pieces:
            part = theta[piece.columns]
            out[piece.raw] = part if piece.matrix is None else piece.matrix @ part
        return out

    def adjoint(self, raw: FloatArray) -> FloatArray:
        """C' raw, (p,) or (p, m): a raw gradient to a gradient."""
        out = np.zeros((self.p, *raw.shape[1:]))
        for piece in self.pieces:
            part = raw[piece.raw]
            out[piece.columns] = part if piece.matrix is None else piece.matrix.T @ part
        return out

    def congruence(self, raw: FloatArray) -> FloatArray:
        """C' H C, (p, p): raw information to information."""
        return self.adjoint(self.adjoint(raw).T).T
