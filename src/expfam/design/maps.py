"""Linear changes of the columns (14): X = R C, so gradient = C' R'r and information = C' R'WR C, on p-sized results.

Contrasts, dropped reference levels and reordered columns are all the same thing: a `ColumnMap`, block by block.
"""

from dataclasses import dataclass

import numpy as np

from expfam._typing import AnyArray, BoolArray, FloatArray
from expfam.design._map import Split


@dataclass(frozen=True, slots=True)
class Piece:
    """The part of C that takes the coefficients `columns` to the raw columns `raw`: slices, or numbers of columns.

    `matrix` (raw, columns); None where columns[j] simply is raw[j].
    """

    raw: slice | AnyArray
    columns: slice | AnyArray
    matrix: FloatArray | None


@dataclass(frozen=True, slots=True)
class ColumnMap:
    """C, (raw, p), as pieces that share neither raw columns nor coefficients and leave out no coefficient."""

    pieces: tuple[Piece, ...]
    raw: int
    p: int

    @property
    def selection(self) -> Piece | None:
        """The only piece, if C just picks raw columns, in their order."""
        if len(self.pieces) == 1 and self.pieces[0].matrix is None and isinstance(self.pieces[0].columns, slice):
            return self.pieces[0]
        return None

    @property
    def identity(self) -> bool:
        """Are the coefficients the raw columns, one for one?"""
        only = self.selection
        return only is not None and self.raw == self.p and isinstance(only.raw, slice)

    def forward(self, theta: FloatArray) -> FloatArray:
        """C theta, (raw,) or (raw, d): coefficients to raw coefficients; theta itself where C is the identity."""
        if self.identity:
            return theta
        out = np.zeros((self.raw, *theta.shape[1:]))
        for piece in self.pieces:
            part = theta[piece.columns]
            out[piece.raw] = part if piece.matrix is None else piece.matrix @ part
        return out

    def adjoint(self, raw: FloatArray) -> FloatArray:
        """C' raw, (p,) or (p, m): a raw gradient to a gradient; a view where C picks neighbours."""
        only = self.selection
        if only is not None:
            return raw[only.raw]
        out = np.empty((self.p, *raw.shape[1:]))
        for piece in self.pieces:
            part = raw[piece.raw]
            out[piece.columns] = part if piece.matrix is None else piece.matrix.T @ part
        return out

    def squares(self, raw: FloatArray) -> FloatArray:
        """(C * C)' raw, (p,) or (p, m): second moments of columns from those of raw columns, disjoint or alone."""
        out = np.zeros((self.p, *raw.shape[1:]))
        for piece in self.pieces:
            part = raw[piece.raw]
            out[piece.columns] = part if piece.matrix is None else (piece.matrix**2).T @ part
        return out

    def congruence(self, raw: FloatArray) -> FloatArray:
        """C' H C, (p, p): raw information to information."""
        if self.identity:
            return raw
        return self.adjoint(self.adjoint(raw).T).T

    def entries(self) -> tuple[AnyArray, AnyArray, FloatArray]:
        """Raw column, coefficient and number of every entry of C that is not zero."""
        found: list[tuple[AnyArray, AnyArray, FloatArray]] = []
        for piece in self.pieces:
            raw, columns = np.arange(self.raw)[piece.raw], np.arange(self.p)[piece.columns]
            if piece.matrix is None:
                found.append((raw, columns, np.ones(len(raw))))
            else:
                i, j = np.nonzero(piece.matrix)
                found.append((raw[i], columns[j], piece.matrix[i, j]))
        raw, columns, numbers = (np.concatenate(part) for part in zip(*found, strict=True))
        return raw, columns, numbers

    def narrowed(self, kept: BoolArray) -> "ColumnMap":
        """C of the kept coefficients alone, kept (p,)."""
        place = np.cumsum(kept) - 1
        pieces = []
        for piece in self.pieces:
            raw, columns = np.arange(self.raw)[piece.raw], np.arange(self.p)[piece.columns]
            here = kept[columns]
            numbers = span(place[columns[here]])
            if piece.matrix is None:
                pieces.append(Piece(span(raw[here]), numbers, None))
            else:
                pieces.append(Piece(piece.raw, numbers, piece.matrix[:, here]))
        return ColumnMap(tuple(pieces), self.raw, int(kept.sum()))

    def split(self, at: int) -> Split:
        """C block by block, where the raw columns from `at` on are coefficients as they are, or left out."""
        levels, places, rest = [], [], []
        for piece in self.pieces:
            raw, columns = np.arange(self.raw)[piece.raw], np.arange(self.p)[piece.columns]
            if piece.matrix is None:
                wide = raw >= at
                levels.append(columns[wide])
                places.append(raw[wide] - at)
                raw, columns = raw[~wide], columns[~wide]
            rest.append((raw, columns, piece.matrix))
        picked, numbers = np.concatenate(levels), np.concatenate(places)
        free = np.ones(self.p, dtype=bool)
        free[picked] = False
        others = np.flatnonzero(free)
        pieces = (Piece(span(raw), span(np.searchsorted(others, columns)), matrix) for raw, columns, matrix in rest)
        return Split(picked, numbers, np.ones(len(picked)), others, ColumnMap(tuple(pieces), at, len(others)))


def identity(p: int) -> ColumnMap:
    """C of p coefficients that are the raw columns, one for one."""
    return ColumnMap((Piece(slice(0, p), slice(0, p), None),), p, p)


def span(numbers: AnyArray) -> slice | AnyArray:
    """Ascending neighbours as a slice, which costs nothing to take; other numbers as they are."""
    if len(numbers) and numbers[-1] - numbers[0] == len(numbers) - 1 and (numbers[1:] - numbers[:-1] == 1).all():
        return slice(int(numbers[0]), int(numbers[-1]) + 1)
    return numbers
