"""Where a compiled twin takes the place of its definition: where it saves more than it costs, on this machine and now.

Loaded, a twin costs nothing; on disk, the time to load it; where it was never compiled, seconds. Those are bought like
skis: rent, until the rent comes to the price. So no machine waits for a compiler over a fit that does without, and
none that fits much goes without for long.
"""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

CODED = 2_000_000
"""From so many numbers or codes (rows x columns) on, loading the compiled kernels costs less than it saves."""
SPARSE = 5_000_000
"""And from so many pairs of nonzeros of a row, over all rows."""
LOADED = 40
"""How many times smaller the work may be where they are loaded already."""
ABSENT = 100
"""And how many times as much it must be, over all fits of the process, where they would have to be compiled first."""

RENT: list[float] = []
"""Work of this process, in units of the bound, without kernels that would have paid had they been on disk."""


def pays(work: float, *twins: str, bound: int = CODED, times: int = 1) -> bool:
    """Is there so much to do that these compiled twins, modules of `expfam.kernels`, pay?

    Where twins are loaded, from a `LOADED`th of `bound` on; where these are on disk, from `bound`; else from `ABSENT`
    times as much, over all that was asked about, each work done so many `times`.
    """
    if loaded():
        return work * LOADED >= bound
    return work >= bound and (all(map(kept, twins)) or _due(times * work / bound))


def bound_here() -> int:
    """From so many numbers on a stream that begins now takes compiled kernels: it keeps this bound wherever it goes."""
    if loaded():
        return CODED // LOADED
    return CODED if kept("slots") or kept("dense") else CODED * ABSENT


def _due(part: float) -> bool:
    """Does the rent come to the price, with this part of it?"""
    RENT.append(part)
    return sum(RENT) >= ABSENT


def loaded() -> bool:
    """Has a large fit of this process, or `expfam.warmup()`, loaded compiled kernels?"""
    return "expfam.kernels.rows" in sys.modules


def renting() -> bool:
    """Has this process gone without kernels that would have paid, had they been on disk?"""
    return bool(RENT) and not loaded()


def kept(twin: str) -> bool:
    """Is there compiled code of this twin on disk? Asked without Numba, whose import costs as much as a fit."""
    mine = f"{twin}.*.py{sys.version_info.major}{sys.version_info.minor}.nbi"
    return any(next(place.glob(mine), None) for place in _places())


def _places() -> Iterator[Path]:
    """Where Numba may keep compiled code: the folder it was given, or the source's own and those in a user's cache."""
    here, given = Path(__file__).parent, os.environ.get("NUMBA_CACHE_DIR")
    if not given:
        yield here / "__pycache__"
    cache = os.environ.get("XDG_CACHE_HOME", "~/.cache")
    caches = f"{cache}/numba", "~/Library/Caches/numba", "~/AppData/Local/numba/Cache"
    for root in (given,) if given else caches:
        yield from Path(root).expanduser().glob(f"{here.name}_*")
