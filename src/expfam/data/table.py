"""Where does the data come from? `read` turns anything tabular into one Table of Arrow columns."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from expfam._typing import AnyArray, BoolArray
from expfam.data import arrays, files, frame
from expfam.data.bits import LOOKED, bits
from expfam.data.column import Column, Kind, compact, decode, kind_of, missing, nulls
from expfam.data.few import Few, few
from expfam.data.names import Wanted, nearest
from expfam.data.raw import Raw, Unreadable
from expfam.data.share import each
from expfam.errors import SchemaError


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """Columns by name, each a compact Arrow array, all of length n.

    `kind` is what the caller gave (dict, pandas, polars or arrow), for answers in the same manner; `rows`
    (n,) are the places the rows had in the data as given, None while all are there. `bits` are columns known to hold
    nothing but zeros and ones, as bytes.
    """

    columns: Mapping[str, Any]
    n: int
    kind: str
    rows: AnyArray | None = None
    bits: Mapping[str, AnyArray] = field(default_factory=dict)

    @property
    def names(self) -> tuple[str, ...]:
        """The columns at hand, in the order of the data."""
        return tuple(self.columns)

    def column(self, name: str) -> Column:
        """The column in its one inner form; SchemaError if there is none, or its type has no coding."""
        return decode(name, self.array(name))

    def kind_of(self, name: str) -> Kind:
        """Is the column number, text or bool? Errors as for `column`."""
        return kind_of(name, self.array(name).type)

    def missing(self, name: str, nan_too: bool) -> BoolArray | None:
        """Rows (n,) where the column is null, or also where it is NaN; None if there are none."""
        return None if name in self.bits else missing(name, self.array(name), nan_too)

    def few(self, name: str, occur: bool) -> Few | None:
        """The column by its distinct values, if they are few whole numbers: those that occur, or all in their range."""
        return few(self.array(name), occur)

    def part(self, names: tuple[str, ...], rows: slice) -> "Table":
        """Some columns at some neighbouring rows, nothing copied; for work whose messages name no row."""
        return Table({name: self.array(name)[rows] for name in names}, len(range(*rows.indices(self.n))), self.kind)

    def with_bits(self, names: Iterable[str]) -> "Table":
        """The same, with those of some columns as bytes that hold nothing but zeros and ones; few rows as they are."""
        if self.n < LOOKED:
            return self
        held = [name for name in names if name not in self.bits]
        found = each(_bits, [self.array(name) for name in held], self.n)
        told = {name: x for name, x in zip(held, found, strict=True) if x is not None}
        return replace(self, bits={**self.bits, **told})

    def array(self, name: str) -> Any:
        """The Arrow array of a column."""
        if name not in self.columns:
            raise SchemaError(f"the data has no column {name!r}; {nearest(name, self.columns)}")
        array = self.columns[name]
        if isinstance(array, Unreadable):
            raise SchemaError(f"column {name!r} cannot be read: {array.reason}")
        return array

    def filter(self, mask: BoolArray) -> "Table":
        """The rows where `mask` (n,) is true; they remember where they were."""
        if mask.shape != (self.n,):
            raise SchemaError(f"a mask of shape {mask.shape} cannot choose among {self.n} rows")
        if mask.all():
            return self
        kept = {
            name: array if isinstance(array, Unreadable) else array.filter(mask) for name, array in self.columns.items()
        }
        rows = np.flatnonzero(mask) if self.rows is None else self.rows[mask]
        return Table(kept, int(rows.size), self.kind, rows, {name: x[mask] for name, x in self.bits.items()})

    def take(self, rows: AnyArray) -> "Table":
        """The rows of these numbers (m,), which may repeat."""
        columns = {n: a if isinstance(a, Unreadable) else a.take(rows) for n, a in self.columns.items()}
        bytes_of = {name: x[rows] for name, x in self.bits.items()}
        return Table(columns, len(rows), self.kind, rows if self.rows is None else self.rows[rows], bytes_of)

    def typed(self, kinds: Mapping[str, Kind]) -> "Table":
        """The same, where columns that have no value in any row are of these kinds, whatever type held them."""
        bare = {name: nulls(kind, self.n) for name, kind in kinds.items() if self._bare(name, kind)}
        return replace(self, columns={**self.columns, **bare}) if bare else self

    def _bare(self, name: str, kind: Kind) -> bool:
        gone = None if self.kind_of(name) == kind else self.missing(name, nan_too=True)
        return gone is not None and bool(gone.all())

    def row(self, i: int) -> int:
        """Where row i stood in the data as given, counted from 0."""
        return i if self.rows is None else int(self.rows[i])


BACKENDS: tuple[tuple[Callable[[Any], bool], Callable[[Any, Wanted], Raw]], ...] = (
    (files.accepts, files.read),
    (arrays.accepts, arrays.read),
    (frame.accepts, frame.read),
)
"""(predicate, reader): the first that accepts the data reads it."""


def read(data: Any, columns: Wanted = None, *, empty: bool = False) -> Table:
    """A dict of arrays, a pandas, polars or Arrow frame, or a path to Parquet or CSV, as a Table.

    Only `columns` are read: names, or a function from the names at hand to those wanted; None is all. `empty` allows
    no rows.
    SchemaError: no table, no rows, a missing or doubled column, unequal lengths, a missing or damaged file.
    """
    if isinstance(data, Table):
        return data
    reader = next((reader for accepts, reader in BACKENDS if accepts(data)), None)
    if reader is None:
        shape = f" of shape {data.shape}" if isinstance(data, np.ndarray) else ""
        raise SchemaError(
            f"a {type(data).__name__}{shape} is not a table; give a dict of arrays, a pandas, polars or "
            "Arrow frame, or a path to a .parquet or .csv file (a bare matrix goes to glm_arrays)"
        )
    raw = reader(data, columns)
    if raw.n == 0 and not empty:
        raise SchemaError("the data has no rows; at least one is needed")
    held = each(_held, tuple(raw.columns.values()), raw.n)
    return Table(dict(zip(raw.columns, held, strict=True)), raw.n, raw.kind)


def _bits(array: Any) -> AnyArray | None:
    """The bits of a column of numbers without gaps."""
    import pyarrow.types as is_

    if array.null_count or not (is_.is_integer(array.type) or is_.is_floating(array.type)):
        return None
    return bits(np.from_dlpack(array))


def _held(array: Any) -> Any:
    return array if isinstance(array, Unreadable) else compact(array)
