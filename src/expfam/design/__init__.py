"""X as an operator of column groups: the only room that knows how columns are stored."""

from expfam.design.columns import Columns
from expfam.design.design import Design, assemble

__all__ = ["Columns", "Design", "assemble"]
