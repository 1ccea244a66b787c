"""To compile makes millions of objects that live until it ends: looking for garbage among them takes a tenth longer."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

ALONE: dict[str, Any] = {"nogil": True, "cache": True, "no_cfunc_wrapper": True}
"""For kernels that Python calls: no wrapper for other languages, which would be compiled, too."""


@contextmanager
def compiling() -> Iterator[None]:
    """No look for garbage inside the block; as before after it."""
    collects = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collects:
            gc.enable()
