"""Where rows come from: the data as handed in, the row vectors beside it, and what a model makes of both.

A `Source` can be read again and again; `Terms` (a formula's schema, or the columns of a matrix) turn it into `RowSet`s.
"""

import warnings
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from expfam._typing import AnyArray, BoolArray, FloatArray
from expfam.data.entries import array, numbers
from expfam.design import Columns
from expfam.errors import DataWarning, SchemaError
from expfam.families._family import LARGEST, LEAST
from expfam.parallel import extent
from expfam.target import RawResponse

VECTORS = ("weights", "offset", "exposure", "trials")


@dataclass(frozen=True, slots=True, eq=False)
class Source:
    """The data as handed in (a frame, a path, a matrix with its response), never a copy of it.

    `vectors`: weights, offset, exposure, trials that were given as arrays, one number a row of the data.
    """

    data: Any
    y: Any = None
    vectors: Mapping[str, AnyArray] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, eq=False)
class RowSet:
    """Rows as a model sees them: the columns of its terms, and the row vectors (n,) that are there.

    `kept` marks the rows of the data that are here (None: all); `dropped` counts missing values by column; `idle` are
    the rows not here though they lack nothing, for their weight is 0; `kind` is the caller's kind of frame.
    """

    columns: tuple[Columns, ...]
    n: int
    kind: str
    response: RawResponse | None = None
    vectors: Mapping[str, FloatArray] = field(default_factory=dict)
    kept: BoolArray | None = None
    dropped: Mapping[str, int] = field(default_factory=dict)
    idle: int = 0

    @property
    def incomplete(self) -> int:
        """How many rows were left out for what they lack."""
        return 0 if self.kept is None else int((~self.kept).sum()) - self.idle

    @property
    def bare(self) -> "RowSet":
        """What is told of the rows, without their numbers."""
        return replace(self, columns=(), response=None, vectors={})

    def place(self, row: int) -> int:
        """Where a row stood in the data as given."""
        return row if self.kept is None else int(np.flatnonzero(self.kept)[row])


@dataclass(frozen=True, slots=True)
class Block:
    """One term: its label, the variables it is a product of, and the numbers of its coefficients."""

    label: str
    factors: frozenset[str]
    columns: slice

    @property
    def is_intercept(self) -> bool:
        """Is it the column of ones?"""
        return not self.factors


class Terms(ABC):
    """The right side of a model as learned data: which columns of a source make which columns of X."""

    __slots__ = ()

    @property
    @abstractmethod
    def names(self) -> tuple[str, ...]:
        """The coefficient names, in order."""

    @property
    @abstractmethod
    def blocks(self) -> tuple[Block, ...]:
        """The terms, in order, the intercept among them."""

    @property
    @abstractmethod
    def references(self) -> Mapping[str, str]:
        """The reference level of every factor."""

    @property
    @abstractmethod
    def title(self) -> str:
        """The model in words, for the head of a summary."""

    @property
    @abstractmethod
    def asked(self) -> tuple[str, ...]:
        """Row vectors that the model reads from the data by itself."""

    def column(self, response: str) -> str:
        """What a response is of: itself, but for what only says that it is classes, and which they are against."""
        return response

    @abstractmethod
    def rows(self, source: Source, *, response: bool, missing: str, unseen: str) -> RowSet:
        """Read a source. missing: "drop" leaves incomplete rows out, "error" refuses them; unseen as in `glm`."""

    @abstractmethod
    def to_dict(self) -> dict[str, Any]:
        """All of it as JSON."""


def tell_dropped(rows: RowSet, why: str, remedy: str, depth: int) -> None:
    """DataWarning, so many calls above this one, where rows were left out."""
    if rows.kept is not None and rows.incomplete:
        counts = ", ".join(f"{name} ({count:,})" for name, count in rows.dropped.items())
        warnings.warn(
            f"{rows.incomplete:,} of {len(rows.kept):,} rows left out for {why} in {counts}; {remedy}",
            DataWarning,
            stacklevel=depth,
        )


def check_there(name: str, values: Any) -> None:
    """SchemaError for a frame that is a plan of a query: as an array it has no rows yet."""
    if hasattr(type(values), "collect") and not hasattr(values, "__array__"):
        kind = type(values).__name__
        raise SchemaError(f"{name} is a {kind}, whose rows are not read yet; hand over what its .collect() returns")


def beside(name: str, values: Any, data: Any) -> AnyArray:
    """What is given beside the data as an array, row by row, with its mask; SchemaError for a Series of another index
    than the data's, where row by row is not what pandas would do, nor sure to be what was meant."""
    check_there(name, values)
    mine: Any = getattr(values, "index", None)
    its: Any = getattr(data, "index", None)
    if hasattr(mine, "equals") and hasattr(its, "equals") and not mine.equals(its):
        found = f"{len(mine)} labels for {len(its)} rows"
        if len(mine) == len(its):
            row = next((k for k, (a, b) in enumerate(zip(mine, its, strict=True)) if a != b), 0)
            found = f"label {mine.tolist()[row]!r} where the data has {its.tolist()[row]!r}, in row {row}"
        raise SchemaError(
            f"the index of {name} is not that of the data: {found}. Give a column of the data by its name, align by "
            "label with .reindex(data.index), or take it row by row with .to_numpy()"
        )
    return array(values)


def vectors_of(source: Source, n: int) -> tuple[dict[str, FloatArray], dict[str, BoolArray]]:
    """The array row vectors of a source as float64, checked for length; and of those with gaps, which rows (n,) lack a
    value."""
    vectors: dict[str, FloatArray] = {}
    gaps: dict[str, BoolArray] = {}
    for name, values in source.vectors.items():
        found, absent = numbers(name, values)
        if found.ndim == 0 or found.shape[0] != n or (found.ndim > 1 and name != "offset"):
            raise SchemaError(f"{name} has shape {found.shape}; the data has {n} rows: give one number a row")
        vectors[name] = found.astype(np.float64, copy=False)
        if absent is not None:
            gaps[name] = np.asarray(absent.reshape(n, -1).any(axis=1))
    return vectors, gaps


def with_gaps(
    gone: BoolArray, lacking: Mapping[str, int], gaps: Mapping[str, BoolArray]
) -> tuple[BoolArray, dict[str, int]]:
    """The rows (n,) that lack a value in the data or beside it, and how many there are by name."""
    for absent in gaps.values():
        gone = gone | absent
    return gone, {**lacking, **{name: int(absent.sum()) for name, absent in gaps.items()}}


def at_kept(vectors: Mapping[str, FloatArray], kept: BoolArray | None) -> dict[str, FloatArray]:
    """Row vectors at the kept rows."""
    return dict(vectors) if kept is None else {name: vector[kept] for name, vector in vectors.items()}


def check_felt(weight: float, rows: int) -> None:
    """SchemaError where so many rows, zero weights aside, weigh so little that nothing is left of their squares."""
    if weight < LEAST * rows:
        raise SchemaError(
            f"the weights of {rows:,} rows average {weight / rows:g}; below {LEAST:g} squares of weights are lost. "
            "Multiply all weights by a power of ten"
        )


def check_vectors(rows: RowSet, *, some: bool = True) -> None:
    """Finite offsets, weights >= 0 whose squares do not overflow, and `some` of them neither zero nor so small that
    their squares are, exposure > 0, trials >= 0: else SchemaError naming row and value."""
    rules: dict[str, tuple[Callable[[Any], Any], str, str]] = {
        "weights": (
            lambda v: (v >= 0) & (v <= LARGEST),
            f"finite, not negative, and up to {LARGEST:g}, whose squares do not overflow",
            "drop the row, give it the weight 0, or divide all weights by a power of ten",
        ),
        "offset": (np.isfinite, "finite", "drop the row, or mend the offset"),
        "exposure": (lambda v: v > 0, "finite and positive", "drop rows without exposure"),
        "trials": (lambda v: v >= 0, "finite and not negative", "drop the row"),
    }
    for name, vector in rows.vectors.items():
        holds, allowed, remedy = rules[name]
        low, high = extent(vector) if vector.size else (np.inf, -np.inf)
        if vector.size and not (np.isfinite(low) and np.isfinite(high) and holds(low) and holds(high)):
            bad = ~(np.isfinite(vector) & holds(vector))
            at = int(np.flatnonzero(bad.reshape(len(vector), -1).any(axis=1))[0])
            value, row = np.atleast_1d(vector[at])[0], rows.place(at)
            found = f"{name} is {value:g} in row {row}; it must be {allowed}. {remedy[0].upper()}{remedy[1:]}"
            raise SchemaError(found, row=row)
        if name == "weights" and some and not high > 0:
            raise SchemaError("weights are all zero; at least one row must count")
        if name == "weights" and some and low < LEAST:
            check_felt(float(vector.sum()), int(np.count_nonzero(vector)))


def whole(weights: FloatArray, rows: RowSet) -> FloatArray:
    """Frequency weights, which are whole numbers; SchemaError naming one that is not."""
    bad = weights != np.round(weights)
    if bad.any():
        at = int(np.flatnonzero(bad)[0])
        raise SchemaError(
            f"weights is {weights[at]:g} in row {rows.place(at)}; frequency weights count rows and must be whole. "
            "For other weights take weights_kind='precision' or 'sampling'",
            row=rows.place(at),
        )
    return weights
