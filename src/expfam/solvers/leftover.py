"""What do earlier columns leave over of a doubtful one? Asked of the rows, where a Gram matrix has lost the digits.

Column j is regressed on the clear ones before it by the normal equations, and the residual x_j - X_e c, worked out row
by row, is regressed once more where anything is left: as Gram and Schmidt with a second orthogonalisation it is exact
to rounding, at two reads of the rows for all doubtful columns, where a QR decomposition costs many Gram products
(Giraud, Langou and Rozloznik 2005).
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from expfam._typing import AnyArray, BoolArray, FloatArray
from expfam.information import CLEAR, Full, independent
from expfam.objective import Data, Objective
from expfam.parallel import ordered_map, ordered_sum, scratch, slices, weighed, weight_of
from expfam.response import Level

FEW = 16  # columns in doubt up to which this is worth it
ROUNDS = 3  # reads of all rows, at most, to settle what some of them leave in doubt
AT_ONCE = 1 << 15  # rows a task reads
NOTHING = 1e-22  # of a column's sum of squares: rounding leaves 1e-24 the first time, then 1e-29; NIST's Filip 1e-20
SLIGHT = 1e-25  # of the same: so little one column gives to another is rounding


@dataclass(frozen=True, slots=True)
class _Left:
    """X'W R (q, u) and R'W R (u, u) of residuals R (n, u); a monoid under +."""

    against: FloatArray
    among: FloatArray

    def __add__(self, other: "_Left") -> "_Left":
        return _Left(self.against + other.against, self.among + other.among)


def independent_by_rows(objective: Objective, theta: FloatArray, gram: FloatArray) -> BoolArray | None:
    """Which columns are no combination of earlier ones, (q,); `gram` (q, q) is X'WX at theta, of the first class. None:
    too many doubts."""
    kept = independent(gram, CLEAR)
    doubtful = np.flatnonzero(~kept & (np.diagonal(gram) > 0))
    if len(doubtful) > FEW:
        return None
    directions = _units(len(kept), doubtful) - fitted(gram, kept, doubtful, gram[:, doubtful])
    left, size = _residuals(objective, theta, directions), np.diagonal(gram)[doubtful]
    if (np.diagonal(left.among) > NOTHING * size).any():  # else the second time could only find still less
        directions -= fitted(gram, kept, doubtful, left.against)
        left = _residuals(objective, theta, directions)
    kept[doubtful] = independent(left.among, NOTHING, size)
    return kept


def independent_by_some(
    objective: Objective, some: Data, gram: FloatArray, gram_of: Callable[[Data], FloatArray]
) -> BoolArray | None:
    """The same by some of the rows, whose `gram` is given, and a read of all, or two; `gram_of` is that of other rows.

    Either clear columns leave nothing of a doubtful one in any row, or the rows where they leave most of it make it
    clear, as they do a level that the others had none of. None: neither.
    """
    data = objective.data
    share, joined = weight_of(data.weight) / weight_of(some.weight), np.zeros(0, dtype=np.intp)
    for _ in range(ROUNDS):
        kept = independent(gram, CLEAR)
        doubtful = np.flatnonzero(~kept)
        if not 0 < len(doubtful) <= FEW:
            return None if len(doubtful) else kept
        units, shares = _units(len(kept), doubtful), fitted(gram, kept, doubtful, gram[:, doubtful])
        slight = np.square(shares) * np.diagonal(gram)[:, None] <= SLIGHT * np.diagonal(gram)[doubtful]
        size = share * _squares(some, units) + _squares(data.take(joined), units)  # of a rare level in those alone
        left, rows = _most(data, units - np.where(slight, 0.0, shares), NOTHING * size)  # zeros are not read
        if (left <= NOTHING * size).all():
            return kept
        new = np.setdiff1d(rows, joined)
        if not len(new):
            return None
        gram, joined = gram + gram_of(data.take(new)), np.concatenate([joined, new])
    return None


def _squares(data: Data, directions: FloatArray) -> FloatArray:
    """sum w (x . direction)^2 of some directions (q, u), (u,)."""
    return data.weight @ np.square(data.design.forward(data.design.maps.forward(directions)))


def _most(data: Data, directions: FloatArray, nothing: FloatArray) -> tuple[FloatArray, AnyArray]:
    """sum w r^2 over the rows of every direction, (u,), and of some rows at a time that where r is largest, unless they
    have next to `nothing` (u,) of it."""
    columns, parts = np.ascontiguousarray(data.design.maps.forward(directions).T), slices(data.n, AT_ONCE)
    least = nothing / len(parts)

    def part(rows: slice) -> tuple[FloatArray, list[int]]:
        block, sums, most, r = data.take(rows), np.zeros(len(columns)), [], scratch("left", rows.stop - rows.start)
        for k, one in enumerate(columns):  # one by one is faster than a few together
            np.square(block.design.forward(one, r), out=r)
            sums[k] = weighed(block.weight, r)
            most += [rows.start + int(r.argmax())] if sums[k] > least[k] else []
        return sums, most

    found, rows = zip(*ordered_map(part, parts), strict=True)
    return np.sum(found, axis=0), np.unique(np.concatenate(rows).astype(np.intp))


def _units(q: int, columns: AnyArray) -> FloatArray:
    """The columns of an identity, (q, u)."""
    out = np.zeros((q, len(columns)))
    out[columns, np.arange(len(columns))] = 1.0
    return out


def fitted(gram: FloatArray, clear: BoolArray, columns: AnyArray, products: FloatArray) -> FloatArray:
    """Some columns regressed on the clear ones before each: (q, u), zeros for all others."""
    out, counts = np.zeros_like(products), np.cumsum(clear)[columns]
    for count in np.unique(counts[counts > 0]):
        before, here = np.flatnonzero(clear)[:count], counts == count
        out[np.ix_(before, here)] = Full(gram[np.ix_(before, before)]).factor().solve(products[np.ix_(before, here)])
    return out


def _residuals(objective: Objective, theta: FloatArray, directions: FloatArray) -> _Left:
    """The rows' products with some directions, against all columns and among themselves, weighted."""
    data, maps = objective.data, objective.data.design.maps
    raw, turn = maps.forward(theta), maps.forward(directions)

    def part(rows: slice) -> _Left:
        block = data.take(rows)
        weight = objective.rows(block, raw, Level.HESSIAN).own[0]
        residual = block.design.forward(turn)
        weighted = residual * weight[:, None]
        return _Left(block.design.adjoint(weighted), residual.T @ weighted)

    total = ordered_sum(part, slices(data.n, AT_ONCE))
    return _Left(maps.adjoint(total.against), total.among)
