"""Was as much seen as expected, level by level? Actual versus expected along any column, fitted or not."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from expfam._typing import FloatArray
from expfam.data.answer import frame_like
from expfam.data.names import nearest
from expfam.diagnostics.bins import Sums, joined, summed
from expfam.diagnostics.groups import Groups
from expfam.diagnostics.intervals import ends
from expfam.diagnostics.judged import Judged
from expfam.diagnostics.text import aligned
from expfam.errors import ExpfamError


@dataclass(frozen=True, slots=True, eq=False)
class ActualExpected:
    """Sums of each level of each column, (m,), columns one below the other.

    column, level    "a:b" for combinations; numbers in bins of equal exposure, "18 to 25", with bounds `lower` and
                     `upper` (NaN for labels), or each its own level where they are few; missing ones "(missing)"
    unit             what exposure is made of: exposure, trials, weight or rows
    sums             rows, exposure, observed, expected and the variance of observed
    low, high        score interval of `ratio`, observed / expected, at `confidence`, by the family's variance: a level
                     whose interval leaves out 1 was not met by the model
    """

    column: tuple[str, ...]
    level: tuple[str, ...]
    lower: FloatArray
    upper: FloatArray
    sums: Sums
    low: FloatArray
    high: FloatArray
    confidence: float
    kind: str
    unit: str

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns, each once."""
        return tuple(dict.fromkeys(self.column))

    @property
    def ratio(self) -> FloatArray:
        """observed / expected."""
        return _divided(self.sums.observed, self.sums.expected)

    @property
    def z(self) -> FloatArray:
        """(observed - expected) / its standard deviation under the model."""
        return _divided(self.sums.observed - self.sums.expected, np.sqrt(self.sums.variance))

    def __getitem__(self, column: str) -> "ActualExpected":
        """The part of one column."""
        if column not in self.column:
            raise ExpfamError(f"there is no column {column!r} here; {nearest(column, self.columns)}")
        at = np.flatnonzero(np.array(self.column) == column)
        sums = Sums(*(getattr(self.sums, name)[at] for name in Sums.__slots__))
        numbers = {name: getattr(self, name)[at] for name in ("lower", "upper", "low", "high")}
        level = tuple(self.level[k] for k in at)
        return replace(self, column=(column,) * len(at), level=level, sums=sums, **numbers)

    def table(self) -> Any:
        """One row a level: column, level, lower, upper, rows, exposure, observed, expected, ratio, conf_low, conf_high.

        observed and expected are sums, as for `relativities`.
        """
        return frame_like(self.kind, self._columns() | {"lower": self.lower, "upper": self.upper})

    def _columns(self) -> dict[str, Any]:
        out: dict[str, Any] = {"column": list(self.column), "level": list(self.level)}
        out |= {name: getattr(self.sums, name) for name in ("rows", "exposure", "observed", "expected")}
        return out | {"ratio": self.ratio, "conf_low": self.low, "conf_high": self.high}

    def __str__(self) -> str:
        return aligned(self._columns())


def _divided(a: FloatArray, b: FloatArray) -> FloatArray:
    return np.asarray(np.divide(a, b, out=np.full(len(a), np.nan), where=b != 0))


def actual_expected(judged: Judged, parts: Sequence[Groups], bins: int, level: float = 0.95) -> ActualExpected:
    """The sums of all groupings by one read of the rows, levels without rows left out."""
    found = summed(judged, [part.codes for part in parts], [part.count for part in parts])
    named = [part.named(sums.exposure, bins) for part, sums in zip(parts, found, strict=True)]
    sums = joined([part.merged(names.place) for part, names in zip(found, named, strict=True)])
    low, high = np.sort([_divided(end, sums.expected) for end in ends(judged.model.family, sums, level)], axis=0)
    return ActualExpected(
        tuple(part.name for part, names in zip(parts, named, strict=True) for _ in names.labels),
        tuple(label for names in named for label in names.labels),
        np.concatenate([names.lower for names in named]),
        np.concatenate([names.upper for names in named]),
        sums,
        low,
        high,
        level,
        judged.kind,
        judged.unit,
    )
