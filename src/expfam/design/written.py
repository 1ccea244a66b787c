"""A design of few numbers written out, (x - centre) scale and all, where calls cost more than arithmetic.

The same coordinates as in `standard`, from the same formulas, on one matrix.
"""

import numpy as np

from expfam._typing import BoolArray, FloatArray
from expfam.design.dense import Dense
from expfam.design.design import Design
from expfam.design.maps import ColumnMap, identity
from expfam.design.ones import Ones
from expfam.design.standard import CONSTANT, Standard, check_overflow, check_underflow, power_of_two, short, softened

WRITTEN = 1 << 16  # numbers: half a megabyte


def few(design: Design) -> bool:
    """Are the numbers of X so few that it is written out?"""
    return design.n * design.p <= WRITTEN and design.wide is None


def written_out(design: Design) -> Design:
    """The same columns as one matrix of numbers: column by column, so that rows are weighted in long strides."""
    columns = [group.columns() for group in design.groups if isinstance(group, Ones | Dense)]
    if len(columns) == len(design.groups) and _is_raw(design):
        return _of(np.concatenate([part.T for part in columns]).T, design.names)
    values = design.forward(design.maps.forward(np.eye(design.p)))
    return _of(np.asfortranarray(values), design.names)


def _of(values: FloatArray, names: tuple[str, ...]) -> Design:
    n, p = values.shape
    return Design((Dense(values),), identity(p), names, n, (slice(0, p),))


def standard_of(design: Design, weight: FloatArray, held: BoolArray, stiff: FloatArray) -> Standard:
    """Mean and spread of every column of a design that is written out, as `standard.standardise` has them.

    Centre and scale are of few bits, so that (x - centre) scale is exact for whole numbers and for indicators.
    """
    X, at = _values(design), design.intercept
    free = at is not None and not held[at]
    weight = np.ascontiguousarray(weight)  # of one number n times BLAS makes nothing
    total = float(weight.sum())
    with np.errstate(over="ignore", invalid="ignore"):
        centre = weight @ X / total if free else np.zeros(design.p)
        if free:
            centre[at] = 0.0
        R = X - centre if free else X
        square = weight @ np.square(R) / total
    check_overflow(design.names, square)
    first = weight @ R / total
    check_underflow(design.names, square, centre + first)
    spread = np.sqrt(np.maximum(square - np.square(first), 0.0) if free else square)
    level = spread > CONSTANT * (np.sqrt(square) + np.abs(centre))
    scale = np.where(level, 1 / np.where(level, spread, 1.0), np.where(held, 1.0, 0.0))
    if free:
        scale[at] = 1.0
    kept = scale > 0
    scale = power_of_two(softened(scale, stiff)) * kept
    centre = short(centre, 1 / np.where(kept, scale, 1.0))
    return Standard(design.names, centre, scale, centre, kept, at if free else None)


def scaled(design: Design, standard: Standard) -> Design:
    """A design that is written out in the coordinates of `standard`, its aliased columns gone."""
    values, kept = _values(design), standard.kept
    if kept.all():
        return _of((values - standard.centre) * standard.scale, design.names)
    names = tuple(name for name, keep in zip(design.names, kept, strict=True) if keep)
    return _of((values[:, kept] - standard.centre[kept]) * standard.scale[kept], names)


def matrix_of(design: Design) -> FloatArray | None:
    """X of a design that is written out, None of another."""
    group, *others = design.groups
    if others or not isinstance(group, Dense) or not _is_raw(design):
        return None
    return group.values if group.centre is None and group.values.dtype == np.float64 and not group.compiled else None


def _is_raw(design: Design) -> bool:
    """Are its columns those that are stored, one for one?"""
    return isinstance(design.maps, ColumnMap) and design.maps.identity


def _values(design: Design) -> FloatArray:
    X = matrix_of(design)
    assert X is not None, "this design is written out"
    return X
