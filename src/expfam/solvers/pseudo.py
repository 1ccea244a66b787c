"""Pseudo-rows: what a memory holds of a coefficient before rows tell, and which ones they never tell from others."""

import numpy as np

from expfam._typing import FloatArray
from expfam.design import Design
from expfam.information import Full
from expfam.parallel import ordered_sum, slices, weight_of

TOLD = 10  # rows a coefficient that tell how far others explain its column
ALIASED = 1e10  # 1 / (1 - R^2) of a column that others explain, up to rounding
AT_ONCE = 1 << 15  # rows a task reads
NEVER = 1e-6  # of a typical square: a column is at least so far from its mean


def places_of(design: Design, times: FloatArray) -> FloatArray:
    """Of every column how many rows have it, its sum and its sum of squares, and the number of rows: (4, p).

    A row has a column that is several raw ones in part, where it has some of these.
    """

    def part(rows: slice) -> FloatArray:
        block = design.take(rows)
        return np.vstack([block.support(times[rows]), block.moments(times[rows])])

    support, sums, squares = ordered_sum(part, slices(design.n, AT_ONCE))
    maps, count = design.maps, weight_of(times)
    had = maps.squares(support) / maps.squares(np.ones_like(support))
    return np.stack([had, maps.adjoint(sums), maps.squares(squares), np.full(design.p, count)])


def pseudo(places: FloatArray, classes: int, share: FloatArray | float = 1.0) -> FloatArray:
    """What a pseudo-row for every coefficient is, (p d, p d): one at the mean of the rows, and each column a typical
    distance from there, so that it matters little where a column has its zero; the square of that is at most `share`
    (p,) of the column's."""
    support, sums, squares, rows = places
    mean = sums / np.maximum(rows, 1.0)
    typical = np.divide(squares, support, out=np.ones_like(squares), where=squares > 0)
    apart = np.maximum(np.minimum(typical - mean**2, typical * share), NEVER * typical)
    return np.kron(np.eye(classes), np.outer(mean, mean) + np.diag(apart))


def own_share(information: FloatArray, rows: int, p: int) -> FloatArray:
    """1 / `inflation`, the least of any class (p,): a year and its square differ in next to nothing, and a typical
    distance for each would be many rows of what sets them apart. 1 for few rows, and where nothing is left."""
    if rows < TOLD * len(information):
        return np.ones(p)
    worst = inflation(information).reshape(-1, p).max(axis=0)
    return np.where(worst < ALIASED, 1 / worst, 1.0)


def inflation(information: FloatArray) -> FloatArray:
    """1 / (1 - R^2) of every column on the others, (p d,), by an information without pseudo-rows."""
    own = np.diagonal(information)
    inverse = np.diagonal(Full(information + np.diag(np.where(own > 0, 0.0, 1.0))).factor().inverse().full())
    return np.maximum(np.where(own > 0, own * inverse, 1.0), 1.0)
