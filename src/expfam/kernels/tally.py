"""R' diag(w) R of ones, slots of codes and numbers, as one read of the rows adds it up."""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import combinations
from math import prod
from typing import NamedTuple

from expfam._typing import FloatArray

LANES = 4  # numbers that go through a register side by side: rows of tables are padded to them
FEW = 2  # numbers a row whose products are had without panels


class Asked(NamedTuple):
    """What a pass is to find besides sum w loss.

    gradient  R' (w score)
    products  tallies: none, one of w weight, or another, too, of (w score)^2, times `over` (n,) if that is given
    heavy     sum w weight and the sum of w score^2 / weight
    """

    gradient: bool = False
    products: int = 0
    heavy: bool = False
    over: FloatArray | None = None

    @property
    def level(self) -> int:
        """What of a row is needed: its loss; 1, its score, too; 2, its weight."""
        return 2 if self.products or self.heavy else int(self.gradient)

    def take(self, rows: slice) -> "Asked":
        return self if self.over is None else self._replace(over=self.over[rows])


@dataclass(frozen=True, slots=True)
class Tally:
    """A monoid under +: `flat` holds one after the other, of slots a, b, .. with L levels in all and m numbers,

    - margins, (2, L): sums of w v_a by level, of slots that numbers v_a multiply, and of w of the last that none do:
      those of the others are in the tables;
    - own, (2, L): sums of w v_a^2 by level, of slots that are multiplied;
    - cells, (L_a, L_b) for every pair a < b: sums of w v_a v_b;
    - cross, (2, L, m'): sums of w v_a r by level; m' is m, padded;
    - gram, (1, W, W), and sums, (1, W): of the numbers, padded to what kernels want; and the sum of w.

    Two of a kind are added up by turns.
    """

    levels: tuple[int, ...]
    numbers: int
    flat: FloatArray

    def __add__(self, other: "Tally") -> "Tally":
        return Tally(self.levels, self.numbers, self.flat + other.flat)

    @property
    def parts(self) -> tuple[FloatArray, ...]:
        """margins, own, cells, cross, gram, sums, mass: views."""
        return _views(self.flat, shapes(self.levels, self.numbers))

    @property
    def tables(self) -> tuple[FloatArray, ...]:
        """(L_a, L_b) for every pair a < b: views."""
        return _views(self.parts[2], combinations(self.levels, 2))


def shapes(levels: tuple[int, ...], numbers: int) -> tuple[tuple[int, ...], ...]:
    """Of the parts of a tally of slots with so many levels and so many numbers."""
    L, m, W = sizes(levels, numbers)
    return (2, L), (2, L), (sum(areas(levels)),), (2, L, m), (1, W, W), (1, W), (1,)


def length(levels: tuple[int, ...], numbers: int) -> int:
    """How many numbers it holds."""
    return sum(map(prod, shapes(levels, numbers)))


def areas(levels: tuple[int, ...]) -> list[int]:
    """How many cells the table of each pair has."""
    return [a * b for a, b in combinations(levels, 2)]


def sizes(levels: tuple[int, ...], numbers: int) -> tuple[int, int, int]:
    """(L, m', W): levels, numbers padded, and numbers padded to the two panels that a product takes at least."""
    padded = numbers + -numbers % LANES
    return sum(levels), padded, max(padded, 2 * LANES) if numbers > FEW else padded


def _views(flat: FloatArray, shapes: Iterable[tuple[int, ...]]) -> tuple[FloatArray, ...]:
    """What stands in `flat` one after the other."""
    out, at = [], 0
    for shape in shapes:
        end = at + prod(shape)
        out.append(flat[at:end].reshape(shape))
        at = end
    return tuple(out)
