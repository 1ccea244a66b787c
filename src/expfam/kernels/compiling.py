"""Compiling as fast as may be.

It makes millions of objects that live until it ends: to look for garbage among them takes a tenth longer. LLVM's last
level of optimisation takes another tenth, and kernels that say themselves what stays in registers run no faster for it.
"""

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from numba.core import config

_numba: Any = config  # whose options it sets on itself as it is read
LEVEL = 2  # of optimisation at most: a user may ask for less by NUMBA_OPT
ALONE: dict[str, Any] = {"nogil": True, "cache": True, "no_cfunc_wrapper": True}
"""For kernels that Python calls: no wrapper for other languages, which would be compiled, too."""


@contextmanager
def compiling() -> Iterator[None]:
    """No look for garbage and no last level inside the block; as before after it.

    Of blocks in several threads the first to enter sets both back: what the others still compile takes longer.
    """
    collects, level = gc.isenabled(), _numba.OPT
    gc.disable()
    if level > LEVEL:
        _numba.OPT = type(level)(LEVEL)
    try:
        yield
    finally:
        if level > LEVEL:
            _numba.OPT = level
        if collects:
            gc.enable()
