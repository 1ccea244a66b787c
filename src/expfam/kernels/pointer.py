"""Arrays and kernels as bare pointers: in a loop over rows, what Numba does to be safe costs more than all else."""

from functools import cache, reduce
from typing import Any

from numba import types
from numba.core import cgutils
from numba.extending import intrinsic


@intrinsic
def _pointer(_context, array):  # type: ignore[no-untyped-def]
    def build(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
        return context.make_array(array)(context, builder, arguments[0]).data

    return types.CPointer(array.dtype)(array), build  # type: ignore[no-untyped-call]


pointer: Any = _pointer
"""pointer(array): where the numbers of a C-ordered array begin, for p[0], p[1], ...; the array must stay alive."""


@intrinsic
def _window(_context, array, lo, hi):  # type: ignore[no-untyped-def]
    def build(context, builder, signature, values):  # type: ignore[no-untyped-def]
        whole = context.make_array(array)(context, builder, values[0])
        part = context.make_array(array)(context, builder)
        unpack: Any = cgutils.unpack_tuple
        (_, *rest), (step, *_) = unpack(builder, whole.shape), unpack(builder, whole.strides)
        rows = builder.sub(values[2], values[1])
        part.data = cgutils.pointer_add(builder, whole.data, builder.mul(values[1], step))  # type: ignore[no-untyped-call]
        part.shape = cgutils.pack_array(builder, [rows, *rest])  # type: ignore[no-untyped-call]
        part.strides, part.itemsize, part.nitems = whole.strides, whole.itemsize, reduce(builder.mul, rest, rows)
        return part._getvalue()

    return array(array, types.intp, types.intp), build


window: Any = _window
"""window(array, lo, hi): array[lo:hi] for 0 <= lo <= hi <= len(array), which must stay alive. What a slice checks
besides, and counts, takes long to compile."""


@intrinsic
def _place(_context, array, at):  # type: ignore[no-untyped-def]
    def build(context, builder, signature, values):  # type: ignore[no-untyped-def]
        whole = context.make_array(array)(context, builder, values[0])
        unpack: Any = cgutils.unpack_tuple
        steps = unpack(builder, whole.strides)
        indices = unpack(builder, values[1]) if isinstance(at, types.BaseTuple) else [values[1]]
        offset = reduce(builder.add, map(builder.mul, indices, steps))
        return cgutils.pointer_add(builder, whole.data, offset)  # type: ignore[no-untyped-call]

    return types.CPointer(array.dtype)(array, at), build  # type: ignore[no-untyped-call]


place: Any = _place
"""place(array, at): where array[at] stands and what follows it in memory, for p[0], p[1], ..; the array must stay
alive."""


def _pointing(kind: Any) -> Any:
    """An intrinsic that takes an address, a number, for a pointer to numbers of a kind."""

    @intrinsic
    def pointing(_context, where):  # type: ignore[no-untyped-def]
        def build(context, builder, _signature, values):  # type: ignore[no-untyped-def]
            return builder.inttoptr(values[0], context.get_value_type(types.CPointer(kind)))  # type: ignore[no-untyped-call]

        return types.CPointer(kind)(types.intp), build  # type: ignore[no-untyped-call]

    return pointing


@intrinsic
def _like(_context, known, where):  # type: ignore[no-untyped-def]
    def build(context, builder, signature, values):  # type: ignore[no-untyped-def]
        return builder.inttoptr(values[1], context.get_value_type(known))

    return known(known, types.intp), build


doubles: Any = _pointing(types.float64)
like: Any = _like
"""doubles(address) is a pointer to float64, like(pointer, address) one to what another points to."""


@cache
def address(kernel: Any) -> int:
    """Where a kernel of one signature begins in memory; the kernel must stay alive."""
    (compiled,) = kernel.overloads.values()
    return int(compiled.library.get_pointer_to_function(compiled.fndesc.llvm_func_name))


def _calling(result: Any) -> Any:
    """An intrinsic that calls what begins at an address, with `result`.

    Numba's own functions as arguments do the same, and look the address up, under the lock of the interpreter, at every
    call of what they are handed to: 30 microseconds.
    """

    @intrinsic
    def call(_context, where, arguments):  # type: ignore[no-untyped-def]
        def build(context, builder, _signature, values):  # type: ignore[no-untyped-def]
            convention, kinds = context.call_conv, arguments.types
            kernel = builder.inttoptr(values[0], convention.get_function_type(result, kinds).as_pointer())
            rest = cgutils.unpack_tuple(builder, values[1])  # type: ignore[no-untyped-call]
            status, answer = convention.call_function(builder, kernel, result, kinds, rest)
            with cgutils.if_unlikely(builder, status.is_error):  # type: ignore[no-untyped-call]
                convention.return_status_propagate(builder, status)
            return answer

        return result(types.intp, arguments), build

    return call


run, number = _calling(types.void), _calling(types.float64)
"""run(address, arguments) and number(address, arguments): the kernel that begins there, and the number it answers. The
arguments must be of its kinds, but for being read-only or not."""
