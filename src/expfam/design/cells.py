"""Which rows have equal predictors? Asked of designs that are all factors."""

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
    total = 1
    place = np.zeros(design.n, dtype=np.int64)
    for codes, levels in _factors(design):
        if codes is None or total * levels > MOST:
            return None
        place *= levels
        place += codes
        total *= levels
    return place, total


def _factors(design: Design) -> list[tuple[AnyArray | None, int]]:
    """Codes and number of levels of every factor; codes None for what is none."""
    found: list[tuple[AnyArray | None, int]] = []
    for group in design.groups:
        if isinstance(group, Coded) and not len(group.values):
            found += [(codes, slot.levels) for codes, slot in zip(group.codes, group.slots, strict=True)]
        elif isinstance(group, Wide):
            found.append((group.codes, group.width))
        elif not isinstance(group, Ones):
            found.append((None, 1))
    return found
