"""R' diag(w) R as one compiled read adds it up, by level of slots, until it is written out in raw columns."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import accumulate, pairwise
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from expfam._typing import AnyArray, FloatArray
from expfam.design._group import Group
from expfam.design.coded import Coded, margins, products
from expfam.design.dense import Dense
from expfam.design.ones import Ones
from expfam.kernels.tally import Asked, Tally

if TYPE_CHECKING:
    from expfam.kernels.rows import Given
    from expfam.kernels.sweep import Row


@dataclass(frozen=True, slots=True)
class Tallied:
    """Of ones or none, then codes or none, then numbers or none: a monoid under +."""

    tally: Tally
    ones: bool
    codes: Coded | None

    def __len__(self) -> int:
        return 1

    def __add__(self, other: "Tallied") -> "Tallied":
        return replace(self, tally=self.tally + other.tally)

    def written(self) -> FloatArray:
        """(1, raw, raw)."""
        *_, gram, sums, mass = self.tally.parts
        m, width = self.tally.numbers, 0 if self.codes is None else self.codes.width
        first, middle, last = (slice(*at) for at in pairwise(accumulate((int(self.ones), width, m), initial=0)))
        out = np.empty((1, last.stop, last.stop))
        total = out[0]
        total[first, first], total[first, last], total[last, last] = mass, sums[0, :m], gram[0, :m, :m]
        if self.codes is not None:
            total[first, middle], total[middle, middle], total[middle, last] = self._coded(self.codes)
            total[middle, first], total[last, middle] = total[first, middle].T, total[middle, last].T
        total[last, first] = total[first, last].T
        return out

    def _coded(self, codes: Coded) -> tuple[FloatArray, FloatArray, FloatArray]:
        """The sums of R_codes, (width,), and its products with itself and with the numbers."""
        single, own, _, cross, *_ = (part.sum(axis=0) if part.ndim > 1 else part for part in self.tally.parts)
        at = [slice(*bounds) for bounds in pairwise(accumulate(self.tally.levels, initial=0))]
        pairs = iter(self.tally.tables)
        tables = [[next(pairs) for _ in at[a + 1 :]] for a in range(len(at))]
        ready = margins(tables, codes.plain)
        by_level = [*ready, *(single[part] for part in at[len(ready) :])]
        squares = [*by_level[: codes.plain], *(own[part] for part in at[codes.plain :])]
        collected = [slot.collect(sums) for slot, sums in zip(codes.slots, by_level, strict=True)]
        crosses = [slot.collect(cross[part, : self.tally.numbers]) for slot, part in zip(codes.slots, at, strict=True)]
        return np.concatenate(collected), products(codes.slots, tables, squares), np.concatenate(crosses)


class Swept(NamedTuple):
    """sum w loss, R' (w score), and the products R' diag R of w weight and of (w score)^2; sum w weight and the sum of
    w score^2 / weight: as far as they were `Asked` for."""

    loss: float
    score: FloatArray | None
    products: tuple[Tallied, ...]
    weight: float
    pearson: float


KINDS = Ones, Coded, Dense
EMPTY = np.empty(0)
NO_CODES, NO_VALUES = np.empty((0, 0), np.uint8), np.empty((0, 0))


def is_swept(groups: Sequence[Group]) -> bool:
    """Can one compiled pass read these groups? Codes, numbers or both, with ones before them or not."""
    kinds = [type(group) for group in groups]
    return kinds[-1:] not in ([], [Ones]) and kinds == [kind for kind in KINDS if kind in kinds]


def sweep(
    groups: Sequence[Group], spans: Sequence[slice], theta: FloatArray, row: "Row", given: "Given", asked: Asked
) -> Swept:
    """One pass over rows that are all in `groups`, at R theta: `kernels.sweep`."""
    from expfam.kernels.plan import in_lines
    from expfam.kernels.plan import slots as lay
    from expfam.kernels.sweep import sweep as read  # both bring Numba

    ones, codes, levels, slopes, laid = isinstance(groups[0], Ones), None, EMPTY, EMPTY, (NO_CODES, NO_VALUES)
    numbers: tuple[AnyArray, FloatArray | None] = np.empty((len(given[0]), 0)), None
    for group, at in zip(groups, spans, strict=True):
        if isinstance(group, Coded):
            codes, laid = group, (in_lines(group.codes), in_lines(group.values))
            parts = [slot.spread(theta[at]) for slot in group.slots]
            levels = np.concatenate(parts) if len(parts) > 1 else parts[0]
        elif isinstance(group, Dense):
            numbers, slopes = (group.values, group.centre), theta[at]
    slots = lay(*laid, () if codes is None else tuple(slot.levels for slot in codes.slots))
    found = read(slots, numbers, (float(theta[0]) if ones else 0.0, levels, slopes), row, given, asked)
    products = tuple(Tallied(tally, ones, codes) for tally in found.tallies)
    return Swept(found.loss, _raw(found.score, ones, codes), products, found.weight, found.pearson)


def _raw(score: tuple[float, FloatArray, FloatArray] | None, ones: bool, codes: Coded | None) -> FloatArray | None:
    """From ones, levels and numbers to raw columns."""
    if score is None:
        return None
    total, by_level, numbers = score
    parts, first = [np.array([total])] if ones else [], 0
    for slot in () if codes is None else codes.slots:
        parts.append(slot.collect(by_level[first : first + slot.levels]))
        first += slot.levels
    return np.concatenate([*parts, numbers])
