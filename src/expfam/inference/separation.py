"""Which coefficients are infinite? Complete and quasi-complete separation, decided by linear programming.

A direction d separates if no row's loss ever rises along it and some row's falls for ever: then F has no minimum, and
without such a direction it has one (Albert and Anderson 1984; Silvapulle 1981; Correia, Guimaraes and Zylkin 2019 for
counts). These directions are a cone, and a coefficient is infinite where they have an entry that is not zero: +inf or
-inf where all of them agree (Konis 2007), undecided where they do not, for then the likelihood has the same supremum
either way. Of many rows the programme sees some, and those that its answer is wrong about, until there are none.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import compress
from typing import Any, TypeAlias

import numpy as np

from expfam._typing import AnyArray, BoolArray, FloatArray
from expfam.design.standard import Standard, standardise
from expfam.families import Categorical
from expfam.inference.cone import GAIN, MISSED, Cone, farthest
from expfam.objective import Objective
from expfam.parallel import ordered_map, repeated, slices
from expfam.recession import coercive, directions, unreached
from expfam.solvers.optimality import by_class

MOST = 3000  # coefficients, of all classes, up to which the programme is solved
SMALL = 3000  # constraints up to which it sees all rows at once,
SAMPLE = 1000  # else of how many it sees some at first,
MORE = 500  # and how many more at a time,
ROUNDS = 60  # so many times
ENTRIES = 1 << 20  # numbers other than 0 in the rows it sees: seconds of work, which a fit takes unasked,
PATIENT = 1 << 23  # and minutes, where someone asked
CELLS = 1 << 22  # numbers written out at a time
Names: TypeAlias = Callable[[], tuple[str, ...]]
"""The names of all coefficients, class after class: asked for where there is something to tell, they may be many."""
SHOWN = {1: "+inf", -1: "-inf", 0: "±inf"}


@dataclass(frozen=True, slots=True)
class Separation:
    """The coefficients without a finite estimate.

    signs      +1 or -1: the estimate is +inf or -inf; 0: neither, for the likelihood has the same supremum either way
    rows       how many of the `of` rows some direction moves to the edge for ever: they are predicted perfectly, or for
               classes rule one out; None where they were not counted
    complete   all rows are predicted perfectly
    exact      linear programming decided; else names and signs are those of the solver's end, or there is no answer
    unreached  responses at that edge lie beyond every mean of the link: the rows are not predicted perfectly
    """

    names: tuple[str, ...] = ()
    signs: tuple[int, ...] = ()
    rows: int | None = None
    of: int = 0
    complete: bool = False
    exact: bool = True
    unreached: bool = False

    @property
    def kind(self) -> str:
        """none, complete or quasi-complete."""
        return "none" if not self.names else "complete" if self.complete else "quasi-complete"

    @property
    def remedy(self) -> str:
        """What to do about it, first of all."""
        if self.unreached:
            return "take a link that reaches these responses, such as 'identity', merge levels, or leave the rows out"
        return "merge levels, drop the column, or take bias='firth'"

    @property
    def limits(self) -> tuple[str, ...]:
        """`Area[C] -> -inf` for each coefficient; `±inf` where the directions do not agree on a sign."""
        return tuple(f"{name} -> {SHOWN[sign]}" for name, sign in zip(self.names, self.signs, strict=True))

    def __str__(self) -> str:
        if not self.names and not self.exact:
            return "Separation not decided: too large a linear programme, or losses that stay bounded the wrong way"
        if not self.names:
            return "No separation: every coefficient has a finite estimate"
        how = "" if self.exact else " (by the solver's last step, not by linear programming)"
        count = "" if self.rows is None else f", {self.rows:,} of {self.of:,} rows at the edge"
        what = "Responses beyond the link" if self.unreached else f"{self.kind.capitalize()} separation"
        return f"{what}{how}: {', '.join(self.limits)}{count}"


UNDECIDED = Separation(exact=False)


def separation(objective: Objective, standard: Standard, names: Names, entries: int = ENTRIES) -> Separation:
    """Is there a direction along which F falls for ever, and which coefficients does it move?

    `objective` is F in the columns' own units. Not decided where there are more than MOST coefficients or the programme
    has more than so many `entries`; nor is a "no" where a loss stays bounded the wrong way (a Gaussian response with a
    log link).
    """
    search = _search(objective, standard)
    bounded = not search.classes and not coercive(objective.family, objective.link)
    none = UNDECIDED if bounded else Separation(of=objective.data.n)
    if not search.marks.any() or not search.free:
        return none
    found = None if search.size > MOST else _direction(search, entries)
    if found is None:
        return UNDECIDED
    d, cone, moved = found
    gains = search.gains(d) > GAIN
    if not gains.any():  # of all rows: those of a rare level the programme has no need to see
        return none
    edge, basis = np.asarray(gains.any(axis=1)), cone.span(moved)
    known = _signs(search, basis, _reduced(search, basis, np.flatnonzero(edge)))
    kept = compress(names(), np.tile(standard.kept, max(search.classes - 1, 1)))
    named = [(name, int(sign)) for name, sign in zip(kept, known, strict=True) if not np.isnan(sign)]
    return Separation(
        tuple(name for name, _ in named), tuple(sign for _, sign in named),
        int(edge.sum()), objective.data.n, bool(gains.all()), unreached=out_of_reach(objective, edge),
    )  # fmt: skip


def out_of_reach(objective: Objective, rows: BoolArray) -> bool:
    """Does a response of some rows, (n,), lie beyond every mean of the link?"""
    family = objective.family
    return not family.vector and unreached(family, objective.link, family.T(objective.data.y[rows]))


@dataclass(frozen=True, slots=True, eq=False)
class _Search:
    """The rows, and the coordinates of a direction: class after class, columns centred only where that keeps digits.

    `marks` (n,) are the ways in which eta may run, +1, -1 or 0 for neither; for classes (`classes` of them, else 0) the
    codes of those that occurred, one up.
    """

    objective: Objective
    frame: Standard
    marks: FloatArray
    classes: int

    @property
    def free(self) -> bool:
        """Is there a coefficient besides the intercept that no penalty holds?"""
        open_ = self.frame.kept & ~self.objective.penalty.holds
        if self.frame.intercept is not None:
            open_[self.frame.intercept] = False
        return bool(open_.any())

    @property
    def held(self) -> FloatArray:
        """What a penalty asks of a direction: rows of E, (., size)."""
        rows = self.objective.penalty.resisted(self.frame.original(np.eye(self.columns)))
        return np.asarray(np.kron(np.eye(max(self.classes - 1, 1)), rows[rows.any(axis=1)]))

    @property
    def columns(self) -> int:
        """How many coefficients a class has."""
        return int(self.frame.kept.sum())

    @property
    def size(self) -> int:
        """How many coefficients there are in all."""
        return self.columns * max(self.classes - 1, 1)

    def gains(self, d: FloatArray) -> FloatArray:
        """How far a direction takes every row towards where its loss falls, (n, 1); -|eta| where it falls on neither
        side; for classes eta of the one that occurred less that of each other, (n, k - 1)."""

        def part(rows: slice) -> FloatArray:
            gains = self.along(rows, d[:, None])[:, :, 0]
            return gains if self.classes else np.asarray(np.where(self.marks[rows, None] == 0, -np.abs(gains), gains))

        return np.concatenate(ordered_map(part, slices(len(self.marks))))

    def along(self, rows: slice | AnyArray, d: FloatArray) -> FloatArray:
        """The same of some rows for d (size, r), eta itself where the loss falls on neither side; (m, ., r)."""
        design, marks = self.objective.data.design.take(rows), self.marks[rows]
        each = [
            design.forward(design.maps.forward(self.frame.original(d[lo : lo + self.columns])))
            for lo in range(0, self.size, self.columns)
        ]
        if not self.classes:
            return np.where(marks == 0, 1.0, marks)[:, None, None] * each[0][:, None, :]
        every = np.stack([*each, np.zeros_like(each[0])], axis=1)
        code = marks.astype(np.intp) - 1
        place = np.arange(len(code))
        return np.asarray(every[place, code][:, None] - every[place[:, None], _others(self.classes)[code]])

    def cone(self, rows: AnyArray) -> Cone:
        """What some rows demand of a direction, sparse."""
        from scipy import sparse

        some, marks = self._written(rows), self.marks[rows]
        if not self.classes:
            A, E = sparse.diags_array(marks[marks != 0]) @ some[marks != 0], some[marks == 0]
        else:
            units = np.eye(self.classes)[:, :-1]
            code = marks.astype(np.intp) - 1
            steps = [units[code] - units[other] for other in _others(self.classes)[code].T]
            blocks = [[sparse.diags_array(column) @ some for column in step.T] for step in steps]
            A, E = sparse.block_array(blocks, format="csr"), sparse.csr_array((0, self.size))
        return Cone(A.tocsr(), sparse.vstack([E, sparse.csr_array(self.held)], format="csr"))

    def _written(self, rows: AnyArray) -> Any:
        """Rows of X in the coordinates of `frame`, sparse (m, columns)."""
        from scipy import sparse

        design = self.objective.data.design
        units = design.maps.forward(self.frame.original(np.eye(self.columns)))
        step = max(CELLS // max(self.columns, 1), 1)
        parts = [design.take(rows[lo : lo + step]).forward(units) for lo in range(0, len(rows), step)]
        return sparse.vstack([sparse.csr_array(part) for part in parts], format="csr")


def _others(k: int) -> AnyArray:
    """The classes other than each, (k, k - 1)."""
    return np.array([[other for other in range(k) if other != own] for own in range(k)])


def _search(objective: Objective, standard: Standard) -> _Search:
    """Columns are centred where the mean exceeds the spread: others would lose their zeros. All rows count alike, for
    a direction that separates does so whatever their weights."""
    data, family = objective.data, objective.family
    even = standardise(data.design, repeated(1.0, data.n), objective.penalty.holds, np.zeros(data.design.p))[1]
    scale = np.where(even.scale > 0, even.scale, standard.scale)
    far = np.abs(standard.centre) * scale > 1
    frame = replace(standard, scale=scale, centre=np.where(far, standard.centre, 0.0))
    classes = (family.k or 2) if isinstance(family, Categorical) else 0
    marks = data.y + 1.0 if classes else directions(family, objective.link, family.T(data.y))
    return _Search(objective, frame, marks, classes)


def witnessed(objective: Objective, standard: Standard, theta: FloatArray, names: Names) -> Separation | None:
    """Is theta, (p,) or (p, d), itself a direction that separates? For more coefficients than a programme can have."""
    if objective.penalty.resisted(theta).any() or not theta.any():
        return None
    search = _search(objective, standard)
    gains = search.gains(by_class(search.frame.inverse(theta)))
    if gains.min() < -MISSED * np.abs(gains).max():
        return None
    edge = gains > MISSED * gains.max()
    named = [(name, int(np.sign(value))) for name, value in zip(names(), by_class(theta), strict=True) if value != 0]
    return Separation(
        tuple(name for name, _ in named), tuple(sign for _, sign in named),
        int(edge.any(axis=1).sum()), objective.data.n, bool(edge.all()), exact=False,
        unreached=out_of_reach(objective, edge.any(axis=1)),
    )  # fmt: skip


def _direction(search: _Search, entries: int) -> tuple[FloatArray, Cone, BoolArray] | None:
    """A generic direction, the cone of the rows that decide it, and those it moves; None if that is too large.

    Rows join where the direction goes against them, and where it leaves them although others, which the rows so far
    allow, would move them.
    """
    n, draw = len(search.marks), np.random.default_rng(0)
    pieces = n * max(search.classes - 1, 1)
    rows = np.arange(n)
    if pieces > SMALL:
        rows = np.unique(np.linspace(0, n - 1, min(max(SAMPLE, 3 * search.columns), n)).astype(np.intp))
    for _ in range(ROUNDS):
        cone = search.cone(rows)
        if cone.A.nnz + cone.E.nnz > entries:
            return None
        d, moved = cone.generic()
        if len(rows) == n:
            return d, cone, moved
        gains = search.gains(d)
        wrong = np.maximum(-gains.min(axis=1) - MISSED, 0.0)
        basis = cone.span(moved)
        if basis.shape[1]:
            other = basis @ draw.normal(size=basis.shape[1])
            reach = np.abs(search.gains(other / np.abs(other).max()))
            wrong += np.where(np.abs(gains) <= GAIN, np.maximum(reach - MISSED, 0.0), 0.0).max(axis=1)
        wrong[rows] = 0.0
        if not wrong.any():
            return d, cone, moved
        rows = np.union1d(rows, _worst(wrong))
    return None


def _worst(wrong: FloatArray) -> AnyArray:
    """The rows that are most wrong, and others of all sizes."""
    order = np.argsort(-wrong, kind="stable")[: int((wrong > 0).sum())]
    return np.unique(np.concatenate([order[: MORE // 2], order[:: max(len(order) // (MORE // 2), 1)]]))


def _reduced(search: _Search, basis: FloatArray, edge: AnyArray) -> FloatArray:
    """The demands on z, d = basis z, of all rows that a generic direction moves, unit vectors, each once, (m, r).

    Equal ones, up to their length, are told by where they take two random directions.
    """
    draw = np.random.default_rng(1).normal(size=(basis.shape[1], 2))
    parts = [search.along(edge[at], basis @ draw) for at in slices(len(edge))]
    first, second = np.moveaxis(np.concatenate(parts), -1, 0)
    with np.errstate(all="ignore"):
        key = np.where(np.abs(first) > MISSED, np.round(second / first, 10), np.nan) + 1j * np.sign(first)
    _, at = np.unique(key, return_index=True)
    row, piece = np.unravel_index(at[~np.isnan(key.ravel()[at])], first.shape)
    step = max(CELLS // (basis.shape[1] * first.shape[1]), 1)
    parts = []
    for part in slices(len(row), step):
        every = search.along(edge[row[part]], basis)
        parts.append(every[np.arange(len(every)), piece[part]])
    rows = np.concatenate(parts)
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True))


def _signs(search: _Search, basis: FloatArray, rows: FloatArray) -> FloatArray:
    """The sign that every direction of the cone gives a coefficient, 0 where they differ, NaN where it stays; (size,).

    A coefficient whose sign is that of some row needs no programme of its own.
    """
    kept, q = search.frame.kept, search.columns
    whole = search.frame.original(np.eye(q))[kept]
    each = [whole @ basis[lo : lo + q] for lo in range(0, search.size, q)]
    size = np.tile(np.linalg.norm(whole, axis=1), len(each))
    out, seen = np.full(search.size, np.nan), np.zeros((0, basis.shape[1]))
    for j, c in enumerate(np.concatenate(each) / size[:, None]):
        length = np.linalg.norm(c)
        if length > MISSED:
            out[j], seen = _sign(rows, c / length, seen)
    return out


def _sign(rows: FloatArray, c: FloatArray, seen: FloatArray) -> tuple[float, FloatArray]:
    """The sign of c'z for all z with rows z >= 0, 0 where both occur, and the corners `seen` on the way."""
    along = rows @ c
    for side in (1.0, -1.0):
        if (side * along).max() > 1 - 1e-9:
            return side, seen
    for side in (1.0, -1.0):
        if not (side * (seen @ c) > MISSED).any():
            seen = np.vstack([seen, farthest(rows, side * c)])
    ends = seen @ c
    return float((ends > MISSED).any()) - float((ends < -MISSED).any()), seen
