"""Was as much seen as expected, level by level? Actual versus expected along any column, fitted or not."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from expfam._typing import AnyArray, FloatArray
from expfam.data.answer import frame_like
from expfam.data.names import nearest
from expfam.data.table import Table
from expfam.diagnostics.bins import Groups, Sums, cells, of_labels, of_numbers, summed, whole, with_missing
from expfam.diagnostics.intervals import ends
from expfam.diagnostics.judged import Judged
from expfam.diagnostics.text import aligned
from expfam.errors import ExpfamError, SchemaError


@dataclass(frozen=True, slots=True, eq=False)
class ActualExpected:
    """Sums of each level of each column, (m,), columns one below the other.

    column, level    "a:b" for combinations; numbers in bins of equal exposure, "18 to 25", with bounds `lower` and
                     `upper` (NaN for labels), or each its own level where they are few; missing ones "(missing)"
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
        return ActualExpected(
            (column,) * len(at), level, sums=sums, confidence=self.confidence, kind=self.kind, **numbers
        )

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


def actual_expected(judged: Judged, groups: Sequence[Groups], level: float = 0.95) -> ActualExpected:
    """The sums of all groupings by one read of the rows, levels without rows left out."""
    found = summed(judged, [g.codes for g in groups], [len(g.labels) for g in groups])
    used = [sums.rows > 0 for sums in found]
    pick = [np.flatnonzero(mask) for mask in used]
    sums = Sums(
        *(np.concatenate([getattr(s, name)[at] for s, at in zip(found, pick, strict=True)]) for name in Sums.__slots__)
    )
    low, high = ends(judged.model.family, sums, level)
    numbers = {
        name: np.concatenate([getattr(g, name)[at] for g, at in zip(groups, pick, strict=True)])
        for name in ("lower", "upper")
    }
    return ActualExpected(
        tuple(g.name for g, at in zip(groups, pick, strict=True) for _ in at),
        tuple(g.labels[k] for g, at in zip(groups, pick, strict=True) for k in at),
        sums=sums,
        low=_divided(low, sums.expected),
        high=_divided(high, sums.expected),
        confidence=level,
        kind=judged.kind,
        **numbers,
    )


def grouped(judged: Judged, table: Table, name: str, bins: int) -> Groups:
    """The groups that a column of the data makes at the rows judged."""
    places = judged.prepared.places
    few = table.few(name, False) if table.kind_of(name) == "number" else None
    if few is not None:
        return of_numbers(name, whole(_at(few.x, places), few.values), judged.exposure, bins)
    column = table.column(name)
    if column.codes is not None:
        return of_labels(name, _at(column.codes, places), column.labels)
    assert column.values is not None
    return _numbers(judged, name, column.values, bins)


def _numbers(judged: Judged, name: str, values: FloatArray, bins: int) -> Groups:
    """Numbers in bins, those that are missing a group of their own."""
    x = _at(values, judged.prepared.places)
    known = ~np.isnan(x)
    if known.all():
        return of_numbers(name, cells(x, bins), judged.exposure, bins)
    found = of_numbers(name, cells(x[known], bins), judged.exposure[known], bins)
    codes = np.full(len(x), -1)
    codes[known] = found.codes
    return with_missing(replace(found, codes=codes))


def of_array(judged: Judged, values: Any, bins: int) -> Groups:
    """The groups of an array, one value a row of the data."""
    array, prepared = np.asarray(values), judged.prepared
    if array.shape != (prepared.given,):
        raise SchemaError(f"by= has shape {array.shape}; the data has {prepared.given} rows: give one value a row")
    if array.dtype.kind in "iuf":
        return _numbers(judged, "by", array.astype(np.float64), bins)
    absent = np.array([v is None or v != v for v in array.tolist()])
    labels, codes = np.unique(np.where(absent, "", array.astype(str)), return_inverse=True)
    return of_labels("by", _at(np.where(absent, -1, codes), prepared.places), [str(label) for label in labels])


def _at(values: AnyArray, places: AnyArray | None) -> AnyArray:
    return values if places is None else values[places]
