"""What compiling asks of the process is taken back."""

import gc
from contextlib import suppress
from typing import Any

import pytest
from numba.core import config

from expfam.kernels.compiling import LEVEL, compiling

NUMBA: Any = config


def test_what_compiling_sets_is_as_before_afterwards() -> None:
    collects, level = gc.isenabled(), NUMBA.OPT
    with suppress(ZeroDivisionError), compiling():
        with compiling():
            pass
        assert not gc.isenabled()
        assert min(level, LEVEL) == NUMBA.OPT
        raise ZeroDivisionError
    assert gc.isenabled() is collects
    assert NUMBA.OPT is level


def test_a_user_may_ask_for_less(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(NUMBA, "OPT", type(NUMBA.OPT)(1))
    with compiling():
        assert NUMBA.OPT == 1
    assert NUMBA.OPT == 1
