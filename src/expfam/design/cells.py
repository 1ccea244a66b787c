"""Which rows have equal predictors? Asked of designs that are all factors."""

from math import prod

import numpy as np

from expfam._typing import AnyArray
from expfam.design.coded import Coded
from expfam.design.design import Design
from expfam.design.ones import Ones
from expfam.design.wide import Wide

MOST = 1 << 62  # cells that an int64 can number


def cells(design: Design) -> tuple[AnyArray, int] | None:
    """The cell of the table of all factors that each row lies in, (n,), and how many cells there are; None where a
    column holds numbers, or the cells are too many to be numbered."""
    factors = _factors(design)
    if factors is None or prod(levels for _, levels in factors) > MOST:
        return None
    place = np.zeros(design.n, dtype=np.int64)
    for codes, levels in factors:
        place *= levels
        place += codes
    return place, prod(levels for _, levels in factors)


def _factors(design: Design) -> list[tuple[AnyArray, int]] | None:
    """Codes and number of levels of every factor; None where something is none."""
    found: list[tuple[AnyArray, int]] = []
    for group in design.groups:
        if isinstance(group, Coded) and not len(group.values):
            found += [(codes, slot.levels) for codes, slot in zip(group.codes, group.slots, strict=True)]
        elif isinstance(group, Wide):
            found.append((group.codes, group.width))
        elif not isinstance(group, Ones):
            return None
    return found
