"""Four doubles as one number of a compiled kernel: `load`, `some`, `apart`, `store`, `splat`, `total`, `turn`, + - *.

LLVM keeps a `Vector` in one register (in two on a narrower machine) and makes one instruction of a product and a sum.
So a kernel says itself which sums stay in registers, which the vectoriser of plain loops does not find.
"""

# mypy: disable-error-code="no-untyped-def,no-untyped-call"

import operator
from typing import Any

from llvmlite import ir  # type: ignore[import-untyped]
from numba.core import cgutils, types
from numba.core.typing.templates import AbstractTemplate, infer_global, signature
from numba.extending import intrinsic, lower_builtin, models, register_model

LANES = 4

FOUR = ir.VectorType(ir.DoubleType(), LANES)
FUSED = ("contract",)  # a * b + c may be rounded once; nothing else is assumed, so NaN and infinity are seen


class Vector(types.Type):
    """The type of four doubles side by side."""

    def __init__(self) -> None:
        super().__init__(name="Vector")


vector = Vector()


@register_model(Vector)
class _VectorModel(models.PrimitiveModel):
    def __init__(self, dmm, fe_type):
        super().__init__(dmm, fe_type, FOUR)


def _instruction(define: Any) -> Any:
    """Numba's `intrinsic`, whose result type checkers would call with the wrong arguments."""
    return intrinsic(define)


def _address(context, builder, signature, args):
    """Where element args[1] of the array or pointer args[0] stands, as a pointer to four of its kind, and the bytes of
    one."""
    kind, at = signature.args[0], args[1]
    if isinstance(kind, types.CPointer):
        element, four = builder.gep(args[0], [at]), ir.VectorType(context.get_value_type(kind.dtype), LANES)
        return builder.bitcast(element, four.as_pointer()), kind.dtype.bitwidth // 8
    array = context.make_array(kind)(context, builder, args[0])
    shape, strides = cgutils.unpack_tuple(builder, array.shape), cgutils.unpack_tuple(builder, array.strides)
    place = cgutils.unpack_tuple(builder, at) if isinstance(signature.args[1], types.BaseTuple) else [at]
    element = cgutils.get_item_pointer2(context, builder, array.data, shape, strides, kind.layout, place)
    four = ir.VectorType(context.get_value_type(kind.dtype), LANES)
    return builder.bitcast(element, four.as_pointer()), kind.dtype.bitwidth // 8


@_instruction
def load(_context, array, at):
    """The four numbers that stand one after the other in memory from array[at] on, as doubles."""

    def generate(context, builder, signature, args):
        where, align = _address(context, builder, signature, args)
        four = builder.load(where, align=align)
        return four if four.type == FOUR else builder.fpext(four, FOUR)

    return vector(array, at), generate


@_instruction
def some(_context, array, at, count):
    """The first `count` of four numbers from array[at] on, and zeros; what stands after them is not touched."""

    def generate(context, builder, signature, args):
        where, align = _address(context, builder, signature, args)
        number, kind = ir.IntType(32), context.get_value_type(signature.args[0].dtype)
        bits, four = ir.VectorType(ir.IntType(1), LANES), ir.VectorType(kind, LANES)
        left = builder.trunc(args[2], number)
        lanes = [builder.icmp_signed("<", ir.Constant(number, k), left) for k in range(LANES)]
        mask = ir.Constant(bits, ir.Undefined)
        for k, lane in enumerate(lanes):
            mask = builder.insert_element(mask, lane, ir.Constant(number, k))
        name = f"llvm.masked.load.v{LANES}f{8 * align}.p0v{LANES}f{8 * align}"
        function = ir.FunctionType(four, [four.as_pointer(), number, bits, four])
        verb = cgutils.get_or_insert_function(builder.module, function, name)
        found = builder.call(verb, [where, ir.Constant(number, align), mask, ir.Constant(four, None)])
        return found if found.type == FOUR else builder.fpext(found, FOUR)

    return vector(array, at, types.intp), generate


@_instruction
def apart(_context, pointer, at, step):
    """The four numbers pointer[at], pointer[at + step], .., as doubles."""

    def generate(_, builder, signature, args):
        found, place = ir.Constant(FOUR, ir.Undefined), args[1]
        for k in range(LANES):
            number = builder.load(builder.gep(args[0], [place]))
            double = number if number.type == ir.DoubleType() else builder.fpext(number, ir.DoubleType())
            found = builder.insert_element(found, double, ir.Constant(ir.IntType(32), k))
            place = builder.add(place, args[2])
        return found

    return vector(pointer, types.intp, types.intp), generate


@_instruction
def store(_context, array, at, four):
    """Put four doubles one after the other in memory, from array[at] on; the array holds float64."""

    def generate(context, builder, signature, args):
        where, align = _address(context, builder, signature, args)
        builder.store(args[2], where, align=align)
        return context.get_dummy_value()

    return types.void(array, at, four), generate


@_instruction
def splat(_context, number):
    """One number in every lane."""

    def generate(context, builder, signature, args):
        return spread(builder, context.cast(builder, args[0], signature.args[0], types.float64))

    return vector(number), generate


@_instruction
def total(_context, four):
    """(v0 + v2) + (v1 + v3)."""

    def generate(_, builder, signature, args):
        v = [builder.extract_element(args[0], ir.Constant(ir.IntType(32), k)) for k in range(LANES)]
        return builder.fadd(builder.fadd(v[0], v[2]), builder.fadd(v[1], v[3]))

    return types.float64(four), generate


@_instruction
def turn(_context, a, b, c, d):
    """The transpose of the 4 x 4 matrix with rows a, b, c, d, row by row."""

    def generate(context, builder, signature, args):
        pick, halves = builder.shuffle_vector, (args[:2], args[2:])
        even, odd = ([pick(x, y, _mask(*at)) for x, y in halves] for at in ((0, 4, 2, 6), (1, 5, 3, 7)))
        rows = [pick(*pair, _mask(*at)) for at in ((0, 1, 4, 5), (2, 3, 6, 7)) for pair in (even, odd)]
        return context.make_tuple(builder, signature.return_type, rows)

    return types.UniTuple(vector, LANES)(a, b, c, d), generate


def spread(builder, double):
    """The instructions of `splat`."""
    nothing = ir.Constant(FOUR, ir.Undefined)
    first = builder.insert_element(nothing, double, ir.Constant(ir.IntType(32), 0))
    return builder.shuffle_vector(first, nothing, _mask(0, 0, 0, 0))


def _mask(*lanes: int) -> ir.Constant:
    return ir.Constant(ir.VectorType(ir.IntType(32), LANES), list(lanes))


def _define(symbol, instruction):
    """Give vectors an operator of Python, lane by lane: an instruction, with no function to compile first."""

    class Typed(AbstractTemplate):
        def generic(self, args, kws):
            return signature(vector, *args) if args == (vector, vector) else None

    infer_global(symbol)(Typed)

    @lower_builtin(symbol, Vector, Vector)
    def verb(_context, builder, _signature, args):
        return getattr(builder, instruction)(*args, flags=FUSED)


_define(operator.add, "fadd")
_define(operator.iadd, "fadd")
_define(operator.sub, "fsub")
_define(operator.mul, "fmul")
