"""Where a compiled twin takes the place of its definition: where it saves more than loading it costs."""

import sys

CODED = 2_000_000
"""From so many numbers or codes (rows x columns) on, loading the compiled kernels costs less than it saves."""
SPARSE = 5_000_000
"""And from so many pairs of nonzeros of a row, over all rows."""
LOADED = 40
"""How many times smaller the work may be where they are loaded already."""


def pays(work: float, bound: int = CODED) -> bool:
    """Is there so much to do that compiled kernels pay: `bound`, or a `LOADED`th of it once they are loaded?"""
    return work * (LOADED if loaded() else 1) >= bound


def loaded() -> bool:
    """Has a large fit of this process, or `expfam.warmup()`, loaded compiled kernels?"""
    return "expfam.kernels.rows" in sys.modules
