"""What is the mean at each level of a factor, all else equal? Points of X, and their means with gradients in theta.

On a balanced grid (Searle, Speed and Milliken 1980; R's emmeans): every combination of the other factors counts once,
or as often as it occurs, numbers stand at their means, and the mean is taken of linear predictors. Or over the rows as
they are, each given the level: averaged predictions.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from math import prod
from typing import Any, TypeAlias

import numpy as np

from expfam._typing import FloatArray
from expfam.data.names import some
from expfam.errors import ExpfamError
from expfam.inference.effects import averages
from expfam.inference.parts import derivatives
from expfam.inference.scene import Scene, check_size
from expfam.inference.variables import FormulaScene

Cells: TypeAlias = tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True, eq=False)
class Means:
    """The cells of some factors, a level of each, their values (m, k) and gradients in theta (m, k, p, d)."""

    cells: Cells
    values: FloatArray
    gradients: FloatArray


def means(rows: Scene, theta: FloatArray, names: Sequence[str], at: str, weights: str, type: str) -> Means:
    """The marginal means of the cells of some factors; theta (p, d).

    at "means" or "rows"; weights "equal" or "proportional"; type "link" or "response".
    """
    if not isinstance(rows, FormulaScene):
        raise ExpfamError("marginal means are of factors, and a matrix has none; fit by glm(formula, frame)")
    for name in names:
        if name not in rows.factors:
            raise ExpfamError(
                f"{name!r} is a number, and marginal means are of factors; there are {some(rows.factors) or 'none'}. "
                "Take predict() at the values you want, or marginal_effects() for its slope"
            )
    check_size([(":".join(names), prod(len(rows.factors[name]) for name in names))], theta.shape)
    cells = tuple(product(*(rows.factors[name] for name in names)))
    held = [dict(zip(names, cell, strict=True)) for cell in cells]
    if at == "rows" and type == "response":
        return _averaged(rows, theta, names, cells)
    X = np.array([_point(rows, levels, at, weights) for levels in held])
    offset = 0.0 if at == "means" or rows.offset is None else (rows.weight @ rows.offset) / rows.weight.sum()
    return _of_points(rows, theta, cells, X, offset, type)


def _point(rows: FormulaScene, levels: Mapping[str, str], at: str, weights: str) -> FloatArray:
    if at == "rows" or weights == "proportional":
        return rows.observed(levels, means=at == "means")
    return rows.balanced(levels)


def _of_points(rows: Scene, theta: FloatArray, cells: Cells, X: FloatArray, offset: Any, type: str) -> Means:
    """X theta, or h of it; X (m, p)."""
    eta, d = X @ theta + offset, theta.shape[1]
    if type == "link":
        return Means(cells, eta, np.einsum("mp,ab->mapb", X, np.eye(d)))
    mean, slope = derivatives(rows.model, eta, relative=False, order=1)
    return Means(cells, mean, np.einsum("mka,mp->mkpa", slope, X))


def _averaged(rows: FormulaScene, theta: FloatArray, names: Sequence[str], cells: Cells) -> Means:
    """The means of h(eta) over all rows with the levels of a cell: all factors but the last held, the last switched."""
    *outer, last = names
    parts = []
    for levels in product(*(rows.factors[name] for name in outer)):
        there = rows.held(dict(zip(outer, levels, strict=True)))
        parts += averages(there, theta, [there.switch(last)], relative=False, times_x=False)
    values, gradients = (np.concatenate([getattr(p, what) for p in parts]) for what in ("values", "gradients"))
    return Means(cells, values, gradients)


def pairs(levels: Sequence[str], kind: str, reference: int) -> tuple[list[tuple[str, str]], FloatArray]:
    """Pairs (level, of level) to compare, and the matrix (pairs, levels) that does."""
    n = len(levels)
    places = {
        "reference": [(k, reference) for k in range(n) if k != reference],
        "pairwise": [(b, a) for a in range(n) for b in range(a + 1, n)],
        "sequential": [(k, k - 1) for k in range(1, n)],
    }[kind]
    matrix = np.zeros((len(places), n))
    for row, (one, other) in enumerate(places):
        matrix[row, one], matrix[row, other] = 1.0, -1.0
    return [(levels[one], levels[other]) for one, other in places], matrix
