"""Arrays as bare pointers: in a loop over rows, counting references to views would cost more than the arithmetic."""

from typing import Any

from numba import types
from numba.extending import intrinsic


@intrinsic
def _pointer(_context, array):  # type: ignore[no-untyped-def]
    def build(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
        return context.make_array(array)(context, builder, arguments[0]).data

    return types.CPointer(array.dtype)(array), build  # type: ignore[no-untyped-call]


pointer: Any = _pointer
"""pointer(array): where the numbers of a C-ordered array begin, for p[0], p[1], ...; the array must stay alive."""
