"""How did a solver that takes rows one after the other get where it ended? Points on its way."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from expfam._typing import FloatArray, IntArray
from expfam.solvers.optimality import by_class

KEPT = 1.05  # a point is kept where the rows have grown by this factor since the last one
BANDED = 500  # coefficients up to which points have errors: these cost three products of matrices each,
TRACED = 3000  # and up to which they have coefficients


@dataclass(frozen=True, slots=True, eq=False)
class Point:
    """rows and weight so far, sum w loss of rows before they were learned from, and theta with its standard errors,
    NaN where they are not known, in the order of `names`; () stands for all names of the model."""

    rows: int
    weight: float
    loss: float
    theta: FloatArray
    se: FloatArray
    names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Learning:
    """The points as arrays: rows, weight, loss (m,); theta, se (m, k) in the order of the model's flat names.

    NaN before a coefficient was met, where it was left out, and where an error is not known; (m, 0) for more than
    TRACED. `fades`: weight and loss are those of rows that have not faded, and differences of them mean nothing.
    """

    rows: IntArray
    weight: FloatArray
    loss: FloatArray
    theta: FloatArray
    se: FloatArray
    fades: bool = False

    @property
    def mean_loss(self) -> FloatArray:
        """Of all rows up to each point, before they were learned from (m,)."""
        return self.loss / self.weight

    @property
    def recent_loss(self) -> FloatArray:
        """Of those since the point before (m,); NaN where rows fade."""
        if self.fades:
            return np.full(len(self.rows), np.nan)
        return np.diff(self.loss, prepend=0.0) / np.diff(self.weight, prepend=0.0)


def due(points: Sequence[Point], rows: int) -> bool:
    """Is it time for another point?"""
    return not points or rows >= KEPT * points[-1].rows


def stacked(points: Sequence[Point], names: Sequence[str], fades: bool = False) -> Learning:
    """The points as arrays over the coefficients `names`, class by class."""
    k = len(names) if any(point.theta.size for point in points) else 0
    theta, se = np.full((2, len(points), k), np.nan)
    place = {name: j for j, name in enumerate(names)}
    for i, point in enumerate(points):
        if not point.theta.size:
            continue
        at = [place[name] for name in point.names] if point.names else slice(None)
        theta[i, at], se[i, at] = by_class(point.theta), by_class(point.se)
    rows, weight, loss = (np.array([getattr(p, part) for p in points]) for part in ("rows", "weight", "loss"))
    return Learning(rows.astype(np.int64), weight, loss, theta, se, fades)
