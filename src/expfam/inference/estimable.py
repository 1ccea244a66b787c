"""Which functions of theta do the rows determine, where columns were left out?"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy import sparse

from expfam._typing import AnyArray, BoolArray, FloatArray
from expfam.design import Design
from expfam.design.standard import Standard, seen_in, standardise
from expfam.inference.scene import Scene
from expfam.information import CLEAR, Full, Information, independent
from expfam.information.original import plain_of, standard_of
from expfam.objective import information
from expfam.parallel import ordered_map, ordered_sum, slices

TOL = 1e-7  # of a function's size: what moves by less is rounding
WIDER = 10.0  # times the most that a row of the fit moves: rows like it are determined
SCREEN = 1e-9  # by less than this no row moves that moves by TOL
SLIGHT = 1e-13  # shares below it are rounding
ROWS = 1 << 12  # of the fit, that are asked how far they move
WELL = 1e6  # the condition up to which these tell the columns apart
CELLS, COLUMNS = 1 << 20, 64  # numbers of rows by directions, and directions, at a time


@dataclass(frozen=True, slots=True, eq=False)
class Unknown:
    """Directions along which theta may move without moving any mean of the rows.

    A column left out is a combination of others, x_j = X b: theta and theta + (e_j - b) have the same means. `out` (r,)
    numbers these columns, `shares` (p, r) are their b, in the coordinates of `standard`; `slack` (r,) is by how much,
    relatively, a function may move and be taken for still.
    """

    standard: Standard
    out: AnyArray
    shares: Any
    slack: FloatArray

    def hit(self, gradients: FloatArray) -> BoolArray:
        """Which functions, of gradients (m, p, d), change along such a direction: their value is a matter of which
        column was left out; (m,)."""
        m, p, d = gradients.shape
        moved = self._moved(gradients.transpose(1, 0, 2).reshape(p, m * d))[0] != 0
        return np.asarray(moved.reshape(-1, m, d).any(axis=(0, 2)))

    def told(self, columns: AnyArray) -> FloatArray:
        """What the rows tell of the coefficients of some columns whatever the others are: the combinations (k, p) of
        them that no such direction changes, in terms of the columns that were kept."""
        units = _units(self.shares.shape[0], columns)
        moved, size = self._moved(units)
        free = ~moved.any(axis=0)
        along = moved[:, ~free]
        _, values, turned = np.linalg.svd(along / np.abs(along).max(axis=1, initial=1e-300, keepdims=True))
        rank = int((values > TOL * values.max(initial=0.0)).sum())
        mixed = turned[rank:] / size[~free]
        mixed = (mixed / np.abs(mixed).max(axis=1, initial=1e-300, keepdims=True)) @ units[:, ~free].T
        found = np.concatenate([units[:, free].T, mixed])
        found[:, self.out] = 0.0  # their coefficients are zero
        return found

    def _moved(self, gradients: FloatArray) -> tuple[FloatArray, FloatArray]:
        """By how much functions, of gradients (p, m), change along every direction, in parts of their own size, and
        this size (m,); (r, m), zero where that is rounding."""
        scaled = self.standard.adjoint(gradients)
        along, size = scaled[self.out] - self.shares.T @ scaled, 1e-300 + np.abs(scaled).max(axis=0, initial=0.0)
        return np.where(np.abs(along) > self.slack[:, None] * size, along / size, 0.0), size

    def open_rows(self, design: Design) -> tuple[BoolArray, AnyArray]:
        """The rows (n,) whose eta changes along such a direction, and the columns left out that these belong to.

        One direction, a sum of all with random factors, is looked at first: along it such rows move, too.
        """
        seen = seen_in(design, self.standard)
        factors = np.random.default_rng(0).uniform(1, 2, len(self.out))
        mixed = -np.asarray(self.shares @ factors)
        mixed[self.out] += factors
        found = np.abs(seen.forward(seen.maps.forward(mixed))) > SCREEN
        at, which = np.flatnonzero(found), np.zeros(len(self.out), dtype=bool)
        for rows in slices(len(at), max(CELLS // max(len(self.out), COLUMNS), 1)):
            moved = _moves(seen.take(at[rows]), self.out, self.shares) > self.slack
            found[at[rows]] = moved.any(axis=1)
            which |= moved.any(axis=0)
        return found, self.out[which]

    def to_json(self) -> dict[str, Any]:
        """As JSON types, of `shares` the entries that are not zero."""
        entries = self.shares.tocoo()
        return {
            "standard": plain_of(self.standard),
            "out": self.out.tolist(),
            "shares": [entries.row.tolist(), entries.col.tolist(), entries.data.tolist()],
            "slack": self.slack.tolist(),
        }


def from_json(plain: Mapping[str, Any], names: tuple[str, ...]) -> Unknown:
    """The inverse of `Unknown.to_json`."""
    out, slack, (row, column, entries) = np.array(plain["out"]), np.array(plain["slack"], dtype=float), plain["shares"]
    if out.shape != slack.shape or not all(type(j) is int and 0 <= j < len(names) for j in plain["out"]):
        raise ValueError(f"out {out}, slack {slack.shape}: columns left out of {len(names)} coefficients")
    shares = sparse.csc_matrix((np.array(entries, dtype=float), (row, column)), shape=(len(names), len(out)))
    if not (np.isfinite(shares.data).all() and np.isfinite(slack).all()):
        raise ValueError("shares, slack: null among numbers")
    return Unknown(standard_of(plain["standard"], names, np.ones(len(names), dtype=bool)), out, shares, slack)


def of_scene(scene: Scene, kept: BoolArray) -> Unknown | None:
    """What columns left out (kept (p,) False) leave open on these rows; None where none was."""
    if kept.all():
        return None
    counted, none = np.flatnonzero(scene.weight > 0), np.zeros(len(kept))
    design = scene.design().take(counted)
    _, standard = standardise(design, np.ones(design.n), none > 0, none)
    return unknown(design, standard, kept)


def unknown(design: Design, standard: Standard, kept: BoolArray, held: BoolArray | None = None) -> Unknown | None:
    """What columns left out (kept (p,) False) leave open, by the rows of the fit; None where none was.

    `standard` has their means and spreads; held (p,) are coefficients that a penalty determines.
    """
    if kept.all():
        return None
    level = standard.scale > 0  # a column without spread is the intercept's multiple
    size = np.where(standard.centre == 0.0, 1.0, np.abs(standard.centre))
    scale = np.where(level, standard.scale, 1 / size)
    whole = replace(standard, scale=scale, stored=standard.centre, kept=np.ones_like(kept), shift=None)
    seen, out = seen_in(design, whole), np.flatnonzero(~kept)
    inside = kept & level & (True if held is None else ~held)
    shares = sparse.csc_matrix((len(kept), len(out)))
    some = seen.take(np.arange(0, seen.n, max(seen.n // ROWS, 1)))
    if (level & ~kept).any():
        shares = sparse.csc_matrix(_shares(some, seen, inside, out))
    slack = np.maximum(WIDER * _moves(some, out, shares).max(axis=0, initial=0.0), TOL)
    return Unknown(whole, out, shares, slack)


def _shares(some: Design, every: Design, inside: BoolArray, out: AnyArray) -> FloatArray:
    """The columns `out` regressed on those `inside`, (p, r): on some rows, where they tell these apart, or with those
    where columns stir that do not in them; for what holds in every row holds there."""
    gram = _gram(some)
    if some.n < every.n and not _tells(gram, inside):
        gram = gram + _gram(every.take(_stirred(some, every, gram, inside)))
    if some.n < every.n and not _tells(gram, inside):
        gram = _gram(every)
    found = np.zeros((every.p, len(out)))
    found[inside] = gram.part(inside).factor().solve(gram.times(_units(every.p, out))[inside])
    return np.where(np.abs(found) > SLIGHT, found, 0.0)


def _tells(gram: Information, inside: BoolArray) -> bool:
    """Are these columns told apart, with digits to spare?"""
    factor = gram.part(inside).factor()
    return factor.definite and factor.condition < WELL


def _stirred(some: Design, every: Design, gram: Information, inside: BoolArray) -> AnyArray:
    """Rows where a column is a spread away that some rows do not tell from others, all of them at once."""
    lost = inside.copy()
    if isinstance(gram, Full):
        lost[inside] = ~independent(gram.part(inside).matrix, CLEAR)
    mixed = every.maps.forward(np.where(lost, np.random.default_rng(0).uniform(1, 2, len(lost)), 0.0))
    away = np.abs(every.forward(mixed) - some.forward(mixed).mean())
    return np.flatnonzero(away > 1.0)[:ROWS]


def _gram(design: Design) -> Information:
    """X'X."""

    def part(rows: slice) -> Any:
        block = design.take(rows)
        return block.grams(np.ones((1, block.n)))

    return information(ordered_sum(part, slices(design.n)), design.maps)


def _moves(design: Design, out: AnyArray, shares: Any) -> FloatArray:
    """By how much every row's eta moves along e_j - b, in parts of x_j or x'b or one spread, the largest; (n, r)."""

    def part(at: slice) -> FloatArray:
        own, others = (
            design.forward(design.maps.forward(columns))
            for columns in (_units(design.p, out[at]), shares[:, at].toarray())
        )
        return np.abs(own - others) / np.maximum(np.maximum(np.abs(own), np.abs(others)), 1.0)

    return np.concatenate(ordered_map(part, slices(len(out), COLUMNS)), axis=1)


def _units(p: int, columns: Sequence[int] | AnyArray) -> FloatArray:
    """The columns of an identity, (p, r)."""
    out = np.zeros((p, len(columns)))
    out[columns, np.arange(len(columns))] = 1.0
    return out
