"""Four rows of a product of panels, every sum in a register: `four`, `eight` and `twelve` columns side by side.

Written as instructions, a loop of Python's for each sum: as so many lines of a kernel they took Numba half a second to
type and compile.
"""

# mypy: disable-error-code="no-untyped-def,no-untyped-call"

from typing import Any

from llvmlite import ir  # type: ignore[import-untyped]
from numba.core import cgutils, types
from numba.extending import intrinsic

from expfam.kernels.vector import FOUR, FUSED, LANES, spread

_NUMBER, _BYTES = ir.IntType(64), 8


def _block(panels: int, chains: int) -> Any:
    """An intrinsic: out += left' [right, ..] for one panel on the left and so many on the right, of n rows each.

    left, right and out are pointers; panels on the right begin `apart` numbers from each other, rows of `out` `across`.
    So many rows at a time, n a multiple of them, are added up in `chains` of their own, lest a sum wait for the last.
    """

    @intrinsic
    def product(_context, left, right, apart, n, out, across):
        def build(context, builder, _signature, args):
            left, right, apart, n, out, across = args
            places = [(lane, panel) for lane in range(LANES) for panel in range(panels)]
            zero = ir.Constant(FOUR, None)
            sums = [[cgutils.alloca_once_value(builder, zero) for _ in places] for _ in range(chains)]
            with cgutils.for_range_slice(builder, _at(0), n, _at(chains), intp=_NUMBER) as (k, _):
                for row, chain in enumerate(sums):
                    first = builder.mul(builder.add(k, _at(row)), _at(LANES))
                    starts = [builder.add(first, builder.mul(apart, _at(panel))) for panel in range(panels)]
                    there = [builder.load(_fours(builder, right, start), align=_BYTES) for start in starts]
                    ones = [builder.gep(left, [builder.add(first, _at(lane))]) for lane in range(LANES)]
                    here = [spread(builder, builder.load(one)) for one in ones]
                    for (lane, panel), place in zip(places, chain, strict=True):
                        share = builder.fmul(here[lane], there[panel], flags=FUSED)
                        builder.store(builder.fadd(builder.load(place), share, flags=FUSED), place)
            for (lane, panel), chained in zip(places, zip(*sums, strict=True), strict=True):
                place = _fours(builder, out, builder.add(builder.mul(across, _at(lane)), _at(LANES * panel)))
                found, *others = map(builder.load, chained)
                for other in others:
                    found = builder.fadd(found, other)
                builder.store(builder.fadd(builder.load(place, align=_BYTES), found), place, align=_BYTES)
            return context.get_dummy_value()

        return types.none(left, right, types.intp, types.intp, out, types.intp), build

    return product


def _at(number):
    return ir.Constant(_NUMBER, number)


def _fours(builder, pointer, at):
    """Where four numbers begin."""
    return builder.bitcast(builder.gep(pointer, [at]), FOUR.as_pointer())


four, eight, twelve = _block(1, 2), _block(2, 1), _block(3, 1)
