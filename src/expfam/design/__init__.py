"""X as an operator of column groups: the only room that knows how columns are stored."""

from expfam.design._map import Map, Split
from expfam.design.assemble import assemble
from expfam.design.beside import shared
from expfam.design.columns import Columns
from expfam.design.design import Design, Grams, in_full
from expfam.design.indicators import sought
from expfam.design.tallied import Swept
from expfam.design.wide import Bordered
from expfam.kernels.tally import Asked

__all__ = [
    "Asked", "Bordered", "Columns", "Design", "Grams", "Map", "Split", "Swept",
    "assemble", "in_full", "shared", "sought",
]  # fmt: skip
