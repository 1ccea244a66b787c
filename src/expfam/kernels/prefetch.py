"""Ask for a line of memory before it is needed: gathers and scatters over a table larger than the cache wait for it."""

from llvmlite import ir  # type: ignore[import-untyped]
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic


@intrinsic
def prefetch(_context, table, row, column):  # type: ignore[no-untyped-def]
    """prefetch(table, row, column): the cache line of table[row, column] will be wanted soon. Changes no result."""

    def generate(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
        array = context.make_array(table)(context, builder, arguments[0])
        at = [context.cast(builder, arguments[k], signature.args[k], types.intp) for k in (1, 2)]
        byte = ir.IntType(8).as_pointer()
        number = ir.IntType(32)
        place = cgutils.get_item_pointer(context, builder, table, array, at)  # type: ignore[no-untyped-call]
        kind = ir.FunctionType(ir.VoidType(), [byte, number, number, number])
        hint = cgutils.get_or_insert_function(  # type: ignore[no-untyped-call]
            builder.module, kind, "llvm.prefetch.p0i8"
        )
        builder.call(hint, [builder.bitcast(place, byte), number(0), number(3), number(1)])  # to read, keep near, data
        return context.get_dummy_value()

    return types.void(table, row, column), generate
