"""Columns of zeros and ones, stored as numbers, that are a factor written out: one code a row holds them all."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import chain
from typing import TypeAlias

import numpy as np

from expfam._typing import AnyArray, BoolArray
from expfam.design.coded import code_verbs
from expfam.design.columns import Columns
from expfam.kernels.ready import loaded, pays
from expfam.parallel import ordered_map

FEW = 4  # columns of zeros and ones from which on it is worth a read of the rows,
SHARE, LOOKED = 64, 4000  # one row in so many is looked at for a guess which columns those are, but no more than that
TOGETHER = 8  # neighbours among them, which come from memory together
LEVELS = 255  # a code is one byte: columns of a factor
COPIED = 4  # a matrix may be copied without its indicators where at most one in so many of its columns is left
AT_ONCE = 1 << 16  # rows a task reads
TRIES = 3  # guesses, each without the columns that spoiled the one before


NOTHING = np.empty(0, dtype=np.intp)

_Left: TypeAlias = tuple[slice | AnyArray | None, AnyArray, AnyArray]
"""Which columns of a term stay numbers, None where none does; which of them are to be copied, and where to."""


@dataclass(frozen=True, slots=True)
class _Guess:
    """Which columns are indicators, (q,) among those of all terms, and which of them meet in a row, (q, q).

    The factor and level that this gives each column, (m,): factor -1 and level 0 for numbers.
    """

    found: AnyArray
    meets: BoolArray
    factor: AnyArray
    level: AnyArray


def bundled(columns: tuple[Columns, ...], n: int) -> tuple[Columns, ...]:
    """The same coefficients, columns of zeros and ones that never meet in a row stored as factors; large data only.

    The terms as they are where too few columns are such, or all have been found before; else every term knows the
    numbers of its coefficients.
    """
    dense = [c for c in columns if c.codes is None and c.values is not None and c.plain]
    guess = _guessed(dense, n) if sum(map(_hopeful, dense)) >= FEW else None
    for _ in range(TRIES):
        if guess is None or len(guess.found) < FEW or not all(map(_affordable, _parts(dense, guess))):
            return columns
        left = [_left(term, part) for term, part in _parts(dense, guess)]
        codes, odd, met = _codes(dense, guess, left, n)
        if not odd.any() and not met.any():
            return _stored(columns, dense, guess, codes, left)
        guess = _mended(guess, odd, met)
    return columns


def _hopeful(term: Columns) -> int:
    """How many of its columns hold zeros and ones in the first rows."""
    assert term.values is not None
    first = term.values[:TOGETHER]
    return int(np.count_nonzero(((first == 0) | (first == 1)).all(axis=0)))


def sought(columns: tuple[Columns, ...], n: int) -> tuple[Columns, ...]:
    """The same where `assemble` would look for them, as far as that is known before the response: what is found has no
    gaps, which spares a read of the rows."""
    return bundled(columns, n) if loaded() and pays(n * sum(c.raw for c in columns)) else columns


def _guessed(dense: list[Columns], n: int) -> _Guess:
    """The columns that some rows show to hold only zeros and ones."""
    looked = min(max(n // SHARE, TOGETHER), LOOKED)
    step = max(n * TOGETHER // looked, TOGETHER)
    seen = np.concatenate([_few(c.values, step) for c in dense if c.values is not None], axis=1)
    found = np.flatnonzero(((seen == 0) | (seen == 1)).all(axis=0))
    ones = seen[:, found].astype(np.float64)
    return _dealt(found, ones.T @ ones > 0, seen.shape[1])


def _few(values: AnyArray, step: int) -> AnyArray:
    """Some neighbours of every so many rows; the first rows where there are no so many."""
    whole = len(values) // step
    if not whole:
        return values[:TOGETHER]
    return values[: whole * step].reshape(whole, step, -1)[:, :TOGETHER].reshape(whole * TOGETHER, -1)


def _dealt(found: AnyArray, meets: BoolArray, count: int) -> _Guess:
    """Each column joins the latest factor with none that it meets: the levels of a factor mostly are neighbours, and a
    rare one, seen to meet nothing, belongs to those before it."""
    factor, level = np.full(count, -1), np.zeros(count, dtype=np.uint8)
    held: list[tuple[int, int]] = []  # the columns of every factor as bits, and how many
    for j, (column, row) in enumerate(zip(found, np.packbits(meets, axis=1, bitorder="little"), strict=True)):
        met = int.from_bytes(row.tobytes(), "little")
        fits = [a for a, (inside, size) in enumerate(held) if size < LEVELS and not inside & met]
        a = fits[-1] if fits else len(held)
        inside, size = held[a] if fits else (0, 0)
        held[a : a + 1] = [(inside | 1 << j, size + 1)]
        factor[column], level[column] = a, size + 1
    return _Guess(found, meets, factor, level)


def _mended(guess: _Guess, odd: BoolArray, met: BoolArray) -> _Guess:
    """The guess less the columns that hold other numbers, dealt anew with the meetings that all rows show."""
    found, meets = guess.found, guess.meets.copy()
    factor, level = guess.factor[found], guess.level[found]
    for j, before in np.argwhere(met[found]):
        other = int(np.flatnonzero((factor == factor[j]) & (level == before))[0])
        meets[j, other] = meets[other, j] = True
    kept = ~odd[found]
    return _dealt(found[kept], meets[np.ix_(kept, kept)], len(guess.factor))


def _parts(dense: list[Columns], guess: _Guess) -> Iterator[tuple[Columns, BoolArray]]:
    """Every term, and which of its columns stay numbers."""
    ends = np.cumsum([len(c.names) for c in dense])
    return zip(dense, np.split(guess.factor < 0, ends[:-1]), strict=True)


def _affordable(part: tuple[Columns, BoolArray]) -> bool:
    """Can the numbers that are left be had without a second copy of most of the matrix?"""
    if len(part[1]) == 1:
        return True
    left = np.flatnonzero(part[1])
    return len(left) * COPIED <= len(part[1]) or _adjacent(left)


def _adjacent(numbers: AnyArray) -> bool:
    return bool(numbers[-1] - numbers[0] == len(numbers) - 1)


def _codes(dense: list[Columns], guess: _Guess, left: list[_Left], n: int) -> tuple[AnyArray, BoolArray, BoolArray]:
    """The code of every factor in every row, (factors, n), and what forbids them: columns with other numbers, (m,), and
    columns that meet a level of their own factor, (m, levels). Copies of what is left are made on the way."""
    codes = np.zeros((int(guess.factor.max()) + 1, n), dtype=np.uint8)
    count, verbs = len(guess.factor), code_verbs(compiled=True)

    def part(lo: int) -> AnyArray:
        rows, odd, met = slice(lo, lo + AT_ONCE), np.zeros((count, 1), bool), np.zeros((count, LEVELS + 1), bool)
        start = 0
        for term, (_, taken, copy) in zip(dense, left, strict=True):
            at = slice(start, start := start + len(term.names))
            assert term.values is not None
            deal = guess.factor[at], guess.level[at]
            verbs.mark(term.values[rows], deal, codes[:, rows], odd[at, 0], met[at], taken, copy[rows])
        return np.hstack([odd, met])

    bad = np.any(ordered_map(part, range(0, n, AT_ONCE)), axis=0)
    return codes, bad[:, 0], bad[:, 1:]


def _stored(
    columns: tuple[Columns, ...], dense: list[Columns], guess: _Guess, codes: AnyArray, left: list[_Left]
) -> tuple[Columns, ...]:
    """Factors, and the terms without their indicators."""
    ends = np.cumsum([0, *(len(c.names) for c in columns)])
    numbers = {id(c): np.arange(lo, lo + len(c.names)) for c, lo in zip(columns, ends, strict=False)}
    names = np.array(list(chain.from_iterable(c.names for c in dense)), dtype=object)
    place = np.concatenate([numbers[id(c)] for c in dense])
    factors = []
    for a, row in enumerate(codes):
        held = np.flatnonzero(guess.factor == a)
        levels = guess.level[held].astype(np.intp)
        factors.append(Columns(tuple(names[held]), row, int(levels.max()) + 1, None, levels, numbers=place[held]))
    some = {id(c): own for c, own in zip(dense, left, strict=True)}
    kept = (_narrowed(c, some.get(id(c)), numbers[id(c)]) for c in columns)
    return (*(term for term in kept if term is not None), *factors)


def _left(term: Columns, kept: BoolArray) -> _Left:
    """What of a term stays numbers: some columns to be copied row by row, or all, or neighbours that are cheaper left
    where they are."""
    assert term.values is not None
    at, (n, count) = np.flatnonzero(kept), term.values.shape
    if len(at) < count and len(at) and (len(at) * COPIED <= count or not _adjacent(at)):
        return at, at, np.empty((n, len(at)), dtype=term.values.dtype)
    return slice(int(at[0]), int(at[-1]) + 1) if len(at) else None, NOTHING, np.empty((n, 0), dtype=term.values.dtype)


def _narrowed(term: Columns, left: _Left | None, numbers: AnyArray) -> Columns | None:
    """What is left of a term, None for nothing; other terms as they are."""
    if left is None:
        return replace(term, numbers=numbers)
    at, taken, copy = left
    if at is None:
        return None
    assert term.values is not None
    values = copy if len(taken) else term.values[:, at]
    names = np.array(term.names, dtype=object)[at]
    return replace(term, names=tuple(names), values=values, numbers=numbers[at])
