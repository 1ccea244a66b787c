"""What a linear change of columns (14) can do: X = R C on p-sized results."""

from dataclasses import dataclass
from typing import Protocol

from expfam._typing import AnyArray, FloatArray


class Map(Protocol):
    """C, (raw, p)."""

    @property
    def raw(self) -> int:
        """How many raw columns."""

    @property
    def p(self) -> int:
        """How many coefficients."""

    def forward(self, theta: FloatArray) -> FloatArray:
        """C theta, (raw,) or (raw, d): coefficients to raw coefficients."""

    def adjoint(self, raw: FloatArray) -> FloatArray:
        """C' raw, (p,) or (p, m): a raw gradient to a gradient."""

    def squares(self, raw: FloatArray) -> FloatArray:
        """(C * C)' raw, (p,) or (p, m): second moments of columns from those of raw columns, disjoint or alone."""

    def congruence(self, raw: FloatArray) -> FloatArray:
        """C' H C, (p, p): raw information to information."""

    def entries(self) -> tuple[AnyArray, AnyArray, FloatArray]:
        """Raw column, coefficient and number of every entry of C that is not zero, but for the centring."""

    def split(self, at: int) -> "Split":
        """C block by block, where the raw columns from `at` on are the levels of a wide factor."""


@dataclass(frozen=True, slots=True)
class Split:
    """C as a block for the levels of a wide factor and one for the rest, which share nothing.

    Coefficient levels[j] is scale[j] times the raw column numbered raw[j] among the wide ones; `rest` takes the
    coefficients `others` to the raw columns before.
    """

    levels: AnyArray
    raw: AnyArray
    scale: FloatArray
    others: AnyArray
    rest: Map
