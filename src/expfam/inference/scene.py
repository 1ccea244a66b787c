"""Rows whose variables can be moved or set: what marginal effects and averaged predictions are worked out on."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias, final

import numpy as np

from expfam._typing import AnyArray, FloatArray, IntArray
from expfam.data.names import nearest
from expfam.design import Columns, Design, assemble
from expfam.errors import ExpfamError, SchemaError
from expfam.matrix import MatrixTerms
from expfam.model import Model, offset_of, unit_of
from expfam.source import RowSet, Source, check_vectors, tell_dropped

Piece: TypeAlias = tuple[slice, Design]
"""Which coefficients of the model, and their columns."""

MOST = 1 << 27  # numbers of all gradients together: a gigabyte


@dataclass(frozen=True, slots=True, eq=False)
class Move:
    """A number x of the data: dX/dx as `pieces`, the move of the offset, and x itself, (n,).

    `unit` is the coefficient that is all of it where X has x as one column and nowhere else.
    """

    name: str
    x: FloatArray
    pieces: tuple[Piece, ...] = ()
    drift: FloatArray | None = None
    unit: int | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Switch:
    """A factor of the data, its levels, the number of its reference, its codes (n,), and the coefficients it enters.

    `rows` (levels, p) are the columns of its levels where it is a term of its own and in no other; else `set(level,
    rows)` gives the columns of the terms it enters with the level put there, None for the levels as they are.
    """

    name: str
    levels: tuple[str, ...]
    reference: int
    codes: IntArray
    touched: tuple[slice, ...]
    rows: FloatArray | None
    set: Callable[[int | None, slice], list[tuple[slice, Columns]]]


@dataclass(frozen=True, slots=True, eq=False)
class Indicators:
    """X with all levels of some factors as columns: X = design @ map, block by block.

    `parts` are columns of the design, coefficients, and the matrix from these to those, None for the identity; `levels`
    the columns of each such factor.
    """

    design: Design
    parts: tuple[tuple[slice, slice, FloatArray | None], ...]
    levels: Mapping[str, slice]

    def forward(self, theta: FloatArray) -> FloatArray:
        """The coefficients of the design, (P, d), of theta (p, d)."""
        out = np.empty((self.design.p, *theta.shape[1:]))
        for wide, span, matrix in self.parts:
            out[wide] = theta[span] if matrix is None else matrix @ theta[span]
        return out

    def adjoint(self, rows: FloatArray) -> FloatArray:
        """(p, m) of (P, m): the transpose."""
        out = np.empty((self.parts[-1][1].stop if self.parts else 0, *rows.shape[1:]))
        for wide, span, matrix in self.parts:
            out[span] = rows[wide] if matrix is None else matrix.T @ rows[wide]
        return out


class Scene(ABC):
    """Complete rows: their design, offset, and how much each counts in an average.

    A row counts its frequency or sampling weight; a precision weight says how well it was measured, not how often it
    occurs, and counts once.
    """

    __slots__ = ()

    model: Model
    weight: FloatArray
    offset: FloatArray | None
    kind: str

    @property
    def n(self) -> int:
        """How many rows."""
        return len(self.weight)

    @abstractmethod
    def design(self) -> Design:
        """X."""

    def indicators(self, names: Sequence[str]) -> Indicators:
        """X with all levels of some factors as columns; each is a term of its own, and in no other."""
        design, every = self.design(), slice(0, len(self.model.names))
        return Indicators(design, ((every, every, None),), {})

    @property
    @abstractmethod
    def numbers(self) -> tuple[str, ...]:
        """The numbers of the data that X moves with."""

    @property
    @abstractmethod
    def factors(self) -> Mapping[str, tuple[str, ...]]:
        """The factors of the data, and the levels of each."""

    @property
    def order(self) -> tuple[str, ...]:
        """Numbers and factors as the formula names them."""
        return (*self.numbers, *self.factors)

    @abstractmethod
    def move(self, name: str) -> Move:
        """How X moves with a number."""

    @abstractmethod
    def switch(self, name: str) -> Switch:
        """How X looks with a factor set to a level."""

    @abstractmethod
    def held(self, values: Mapping[str, Any]) -> "Scene":
        """The same rows with some variables set to a value each."""

    @abstractmethod
    def typical(self) -> "Scene":
        """One row: numbers at their mean, factors at their most frequent level, the offset at its mean."""

    @abstractmethod
    def along(self, name: str, values: AnyArray) -> "Scene":
        """The first row again and again, without its offset, with values (m,) of a number or codes of a factor."""

    @abstractmethod
    def take(self, rows: IntArray) -> "Scene":
        """Some of the rows."""

    @abstractmethod
    def without_offset(self) -> "Scene":
        """The same rows per unit of exposure."""

    @abstractmethod
    def column(self, name: str) -> AnyArray:
        """A number of every row, (n,), or the codes of a factor."""

    @property
    @abstractmethod
    def vectors(self) -> Mapping[str, FloatArray]:
        """The weights, exposure and trials of the rows, (n,) each, of those that the model has and the data, too."""

    @property
    def unit(self) -> str:
        """What the rows are counted by, see `model.unit_of`."""
        return unit_of(self.model, self.vectors)

    @property
    def size(self) -> FloatArray:
        """How much of it each row stands for, (n,), as `model.Prepared.size`."""
        found = [vector for name, vector in self.vectors.items() if name in ("weights", "exposure", "trials")]
        return np.asarray(np.prod([np.ones(self.n), *found], axis=0))

    @abstractmethod
    def groups(self, name: str) -> tuple[tuple[str, ...], IntArray]:
        """The levels of a column, and the one of every row."""

    def resolve(self, name: str) -> str:
        """The variable meant: its own name, or a column that it alone reads; ExpfamError naming the nearest."""
        if name in self.order:
            return name
        reads = [unit for unit in self.order if name in self.reads(unit)]
        if len(reads) == 1:
            return reads[0]
        found = f"{name!r} is read by {', '.join(reads)}; name one of them" if reads else None
        raise ExpfamError(found or f"the model has no variable {name!r}; {nearest(name, self.order, 'variables')}")

    def reads(self, unit: str) -> tuple[str, ...]:
        """The columns that a variable is made of."""
        return (unit,)


@final
@dataclass(frozen=True, slots=True, eq=False)
class MatrixScene(Scene):
    """The rows of a bare matrix: every column is a number, and X moves with it one for one."""

    model: Model
    X: Any
    weight: FloatArray
    offset: FloatArray | None
    kind: str = "dict"
    vectors: Mapping[str, FloatArray] = field(default_factory=dict)

    def design(self) -> Design:
        names = self.numbers
        own = Columns(names, values=self.X) if isinstance(self.X, np.ndarray) else Columns(names, sparse=self.X)
        ones = (Columns(("Intercept",)),) if self.model.names[:1] == ("Intercept",) and self._shift else ()
        return assemble((*ones, own), self.n)

    @property
    def _shift(self) -> int:
        """The number of the first coefficient that has a column."""
        return len(self.model.names) - int(self.X.shape[1])

    @property
    def numbers(self) -> tuple[str, ...]:
        return self.model.names[self._shift :]

    @property
    def factors(self) -> Mapping[str, tuple[str, ...]]:
        return {}

    def _column(self, name: str) -> FloatArray:
        column: Any = self.X[:, [self.numbers.index(name)]]
        dense: AnyArray = column if isinstance(column, np.ndarray) else column.toarray()
        return np.asarray(dense[:, 0], dtype=np.float64)

    def move(self, name: str) -> Move:
        return Move(name, self._column(name), unit=self._shift + self.numbers.index(name))

    def switch(self, name: str) -> Switch:
        raise ExpfamError(f"{name!r}: a matrix has no factors; fit by glm(formula, frame) to have some")

    def held(self, values: Mapping[str, Any]) -> "MatrixScene":
        X = np.array(self.X if isinstance(self.X, np.ndarray) else self.X.toarray(), dtype=np.float64)
        for name, value in values.items():
            X[:, self.numbers.index(name)] = float(value)
        return replace(self, X=X)

    def typical(self) -> "MatrixScene":
        share = self.weight / self.weight.sum()
        offset = None if self.offset is None else (share @ self.offset)[None]
        return replace(self, X=np.asarray(self.X.T @ share)[None], weight=np.ones(1), offset=offset)

    def along(self, name: str, values: AnyArray) -> "MatrixScene":
        first = self.take(np.zeros(len(values), dtype=np.intp))
        X = np.array(first.X if isinstance(first.X, np.ndarray) else first.X.toarray(), dtype=np.float64)
        X[:, self.numbers.index(name)] = values
        return replace(first, X=X, offset=None)

    def without_offset(self) -> "MatrixScene":
        return replace(self, offset=None)

    def column(self, name: str) -> AnyArray:
        return self._column(name)

    def take(self, rows: IntArray) -> "MatrixScene":
        offset = None if self.offset is None else self.offset[rows]
        vectors = {name: vector[rows] for name, vector in self.vectors.items()}
        return replace(self, X=self.X[rows], weight=self.weight[rows], offset=offset, vectors=vectors)

    def groups(self, name: str) -> tuple[tuple[str, ...], IntArray]:
        from expfam.formula.transforms.factor import as_factor

        found = as_factor(self._column(self.resolve(name)))
        return found.levels, found.codes


def check_size(results: Sequence[tuple[str, int]], shape: tuple[int, ...]) -> None:
    """ExpfamError where gradients of so many results a variable would fill the memory; shape (p, d) is theta's."""
    p, d = shape
    if sum(count for _, count in results) * p * d * d > MOST:
        name, count = max(results, key=lambda result: result[1])
        raise ExpfamError(
            f"{name!r} alone has {count:,} results, each with a gradient in {p * d:,} coefficients: too many to "
            "hold. Ask for other variables by name; relativities() lists every level of such a factor"
        )


def scene(model: Model, source: Source, fitted: bool, beside: Sequence[str] = ()) -> Scene:
    """The complete rows of a source, without those of no weight or no trials where it has a column of these.

    `beside` are columns to read that the model may not know.
    """
    if isinstance(model.terms, MatrixTerms):
        return _of_matrix(model, source, fitted)
    from expfam.inference.variables import of_formula  # reads tables

    return of_formula(model, source, fitted, beside)


def _of_matrix(model: Model, source: Source, fitted: bool) -> Scene:
    assert isinstance(model.terms, MatrixTerms)
    rows = model.terms.rows(source, response=fitted, missing="drop", unseen="error")  # without y a row is not the fit's
    check_supplied(model, rows)
    if not fitted:
        tell_left_out(rows)
    X = model.terms.matrix(source.data)
    X, offset = X if rows.kept is None else X[rows.kept], offset_of(model, rows)
    found = MatrixScene(model, X, counts(model, rows), offset, vectors=rows.vectors)
    return found if counted(rows).all() else found.take(np.flatnonzero(counted(rows)))


def check_supplied(model: Model, rows: RowSet) -> None:
    """Sound row vectors, and those there that move a mean and came as arrays to the fit."""
    check_vectors(rows)
    missing = [name for name in model.moving if name not in rows.vectors]
    if missing:
        raise ExpfamError(
            f"the model was fitted with {missing[0]}= given as an array, which other rows do not have; "
            f"refit with {missing[0]}= as a column of the data"
        )


def tell_left_out(rows: RowSet) -> None:
    """DataWarning, at the line that asks for an average over `data`, where incomplete rows of it were left out."""
    tell_dropped(rows, "missing values", "fill them to have these rows averaged over, too", 7)


def counts(model: Model, rows: RowSet) -> FloatArray:
    """How much each row counts in an average, (n,)."""
    weights = rows.vectors.get("weights")
    return np.ones(rows.n) if weights is None or model.weights_kind == "precision" else np.asarray(weights, float)


def counted(rows: RowSet) -> AnyArray:
    """Which rows have a weight and trials, (n,); SchemaError where none has."""
    found = np.ones(rows.n, dtype=bool)
    for name in ("weights", "trials"):
        found &= rows.vectors[name] > 0 if name in rows.vectors else True
    if not found.any():
        raise SchemaError(
            "every row has 0 trials or the weight 0; nothing is left to average. Give some, or leave the "
            "column out to count each row once"
        )
    return found
