"""Compiled kernels are taken where they pay: loaded, from little work on; on disk, from more; absent, after a rent."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from expfam.design import Columns, assemble
from expfam.kernels import ready
from expfam.kernels.ready import ABSENT, CODED, LOADED, bound_here, kept, pays, renting

State = Callable[[bool, bool], None]


@pytest.fixture
def state(monkeypatch: pytest.MonkeyPatch) -> State:
    """Are kernels loaded, are they on disk? No rent is paid yet."""

    def set_to(loaded: bool, on_disk: bool) -> None:
        monkeypatch.setattr(ready, "RENT", [])
        monkeypatch.setattr(ready, "loaded", lambda: loaded)
        monkeypatch.setattr(ready, "kept", lambda twin: on_disk)

    return set_to


@pytest.mark.parametrize(
    ("loaded", "on_disk", "bound"),
    [(True, True, CODED / LOADED), (True, False, CODED / LOADED), (False, True, CODED), (False, False, CODED * ABSENT)],
    ids=["loaded", "loaded, others on disk", "on disk", "absent"],
)
def test_bounds(state: State, loaded: bool, on_disk: bool, bound: float) -> None:
    state(loaded, on_disk)
    assert not pays(0.999 * bound, "rows", "dense")
    state(loaded, on_disk)
    assert pays(bound, "rows", "dense")
    assert bound_here() == bound, "a stream that begins goes by the same bounds"


def test_a_design_asks_for_what_reads_it(state: State, monkeypatch: pytest.MonkeyPatch) -> None:
    state(False, True)
    asked: list[str] = []
    monkeypatch.setattr(ready, "kept", lambda twin: asked.append(twin) is None)
    n = CODED // 4
    numbers = Columns(tuple("abcd"), values=np.broadcast_to(0.5, (n, 4)))
    factor = Columns(tuple("uv"), codes=np.zeros(n, dtype=np.int8), levels=2)
    assert assemble((numbers,), n).compiled
    assert asked == ["dense"]
    assert assemble((numbers, factor), n).compiled
    assert asked == ["dense", "slots", "dense"]


def test_kernels_are_bought_once_the_rent_comes_to_their_price(state: State) -> None:
    """Small work does without them for good, and pays none."""
    state(False, False)
    assert not any(pays(CODED - 1, "rows") for _ in range(3 * ABSENT))
    assert not renting()
    assert [pays(CODED, "rows") for _ in range(ABSENT + 1)] == [False] * (ABSENT - 1) + [True] * 2
    assert renting()
    state(False, False)
    assert pays(CODED, "rows", times=ABSENT)


def test_a_missing_twin_is_absent_though_others_are_on_disk(state: State, monkeypatch: pytest.MonkeyPatch) -> None:
    state(False, True)
    monkeypatch.setattr(ready, "kept", lambda twin: twin == "rows")
    assert pays(CODED, "rows")
    assert not pays(CODED, "rows", "dense")


COMPILE = """
from expfam.kernels.ready import kept, loaded
before = kept("sparse"), kept("rows")
import numpy as np
from scipy.sparse import csr_array
from expfam.kernels import sparse
matrix = csr_array(np.eye(3))
sparse.forward((matrix.indptr, matrix.indices, matrix.data), np.ones(3))
print(*before, kept("sparse"), kept("rows"), loaded())
"""


def test_what_is_on_disk_is_seen(tmp_path: Path) -> None:
    """In the folder that Numba was given: nothing at first, then what was compiled, and no more."""
    ran = subprocess.run(
        [sys.executable, "-c", COMPILE],
        env={**os.environ, "NUMBA_CACHE_DIR": str(tmp_path)}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert ran.stdout.split() == ["False", "False", "True", "False", "False"]


def test_where_numba_keeps_code_is_searched(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a kernel of this process says of its own place is a place where `kept` looks."""
    from expfam.kernels.rows import kernel

    twin = kernel("gaussian_identity")
    assert Path(twin.stats.cache_path) in set(ready._places())
    assert kept("rows")
