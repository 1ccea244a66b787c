"""What the loops over tiles of rows share."""

from numba import njit

from expfam.kernels.elementary import WITHIN

TILE = 512  # rows whose intermediate results stay in the first cache

_summed = njit(error_model="numpy", fastmath={"reassoc", "contract", "arcp", "nsz"}, **WITHIN)


@_summed
def tile(array, lo, hi):  # type: ignore[no-untyped-def]
    """Rows lo to hi; of an array of one tile, the first hi - lo."""
    return array[lo:hi] if lo < len(array) else array[: hi - lo]


@_summed
def dot(w, x):  # type: ignore[no-untyped-def]
    total = 0.0
    for i in range(len(w)):
        total += w[i] * x[i]
    return total
