"""Four rows of a product of panels, every sum in a register: 4, 8 or 12 columns side by side.

Written as instructions, a loop of Python's for each sum: typed as so many lines they were most of what Numba took for a
first fit. Its cache watches the file of a kernel alone: after a change here, touch `panels` and `dense`.
"""

# mypy: disable-error-code="no-untyped-def,no-untyped-call"

from typing import Any

from llvmlite import ir  # type: ignore[import-untyped]
from numba.core import cgutils, types
from numba.extending import intrinsic

from expfam.kernels.vector import FOUR, FUSED, LANES, spread

_NUMBER, _BYTES = ir.IntType(64), 8


def _of_panels(panels: int, chains: int) -> Any:
    """An intrinsic: out += left' [right, ..] for one panel on the left and so many on the right, of n rows each.

    left is a pointer; right one and how many numbers a panel is from the next, out one and how many a row is. So many
    rows at a time, n a multiple of them, are added up in `chains` of their own, lest a sum wait for the last.
    """

    @intrinsic
    def product(_context, left, right, n, out):
        def build(context, builder, _signature, args):
            def numbers(k):
                first = builder.mul(k, _at(LANES))
                return [builder.load(builder.gep(args[0], [builder.add(first, _at(lane))])) for lane in range(LANES)]

            for place, found in _sums(builder, (panels, chains), numbers, *args[1:]):
                builder.store(builder.fadd(builder.load(place, align=_BYTES), found), place, align=_BYTES)
            return context.get_dummy_value()

        return types.none(left, right, types.intp, out), build

    return product


def _of_rows(panels: int) -> Any:
    """An intrinsic: out = (rows - 1 centre') [right, ..]' for four rows of m numbers and so many panels on the right.

    rows is a pointer, how many numbers the next of a row is away, how many the next row, and a pointer to the centre;
    right and out are as above.
    """

    @intrinsic
    def product(_context, rows, right, m, out):
        def build(context, builder, _signature, args):
            first, along, between, centre = cgutils.unpack_tuple(builder, args[0])

            def numbers(j):
                start, less = builder.mul(j, along), builder.load(builder.gep(centre, [j]))
                places = (builder.add(start, builder.mul(between, _at(lane))) for lane in range(LANES))
                each = (builder.load(builder.gep(first, [place])) for place in places)
                wide = (x if x.type == less.type else builder.fpext(x, less.type) for x in each)
                return [builder.fsub(x, less) for x in wide]

            for place, found in _sums(builder, (panels, 1), numbers, *args[1:]):
                builder.store(found, place, align=_BYTES)
            return context.get_dummy_value()

        return types.none(rows, right, types.intp, out), build

    return product


def _sums(builder, shape, numbers, right, n, out):
    """Where four numbers of `out` stand, and the sum of numbers(k)[lane] right[panel, k] over k < n that goes there."""
    panels, chains = shape
    (right, apart), (out, across) = (cgutils.unpack_tuple(builder, at) for at in (right, out))
    places = [(lane, panel) for lane in range(LANES) for panel in range(panels)]
    zero = ir.Constant(FOUR, None)
    sums = [[cgutils.alloca_once_value(builder, zero) for _ in places] for _ in range(chains)]
    with cgutils.for_range_slice(builder, _at(0), n, _at(chains), intp=_NUMBER) as (first, _):
        for step, chain in enumerate(sums):
            k = builder.add(first, _at(step))
            starts = [builder.add(builder.mul(k, _at(LANES)), builder.mul(apart, _at(q))) for q in range(panels)]
            there = [builder.load(_fours(builder, right, start), align=_BYTES) for start in starts]
            here = [spread(builder, number) for number in numbers(k)]
            for (lane, panel), total in zip(places, chain, strict=True):
                share = builder.fmul(here[lane], there[panel], flags=FUSED)
                builder.store(builder.fadd(builder.load(total), share, flags=FUSED), total)
    for (lane, panel), chained in zip(places, zip(*sums, strict=True), strict=True):
        found, *others = map(builder.load, chained)
        for other in others:
            found = builder.fadd(found, other)
        yield _fours(builder, out, builder.add(builder.mul(across, _at(lane)), _at(LANES * panel))), found


def _at(number):
    return ir.Constant(_NUMBER, number)


def _fours(builder, pointer, at):
    """Where four numbers begin."""
    return builder.bitcast(builder.gep(pointer, [at]), FOUR.as_pointer())


four, eight, twelve = _of_panels(1, 2), _of_panels(2, 1), _of_panels(3, 1)
rows_by_eight, rows_by_twelve = _of_rows(2), _of_rows(3)
