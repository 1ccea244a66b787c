"""e^x, log x and log(1 + x) as straight lines of arithmetic: in a loop, four rows go through a vector register at once.

None branches, raises or calls a library. Numba's cache watches the file of a kernel alone: after a change here, touch
the files that import this one.
"""

import math
from typing import Any

from numba import njit, types
from numba.extending import intrinsic
from numpy.polynomial import Chebyshev, Polynomial

WITHIN: dict[str, Any] = {"nogil": True, "no_cpython_wrapper": True, "no_cfunc_wrapper": True}
"""For what only kernels call: half the compilation."""
# What rounds on purpose may not be reassociated.
straight = njit(forceinline=True, error_model="numpy", fastmath={"contract"}, **WITHIN)


def _bitcast(source: Any, target: Any) -> Any:
    """The same 64 bits, read as another type."""

    @intrinsic
    def cast(typing, x):  # type: ignore[no-untyped-def]
        def build(context, builder, signature, args):  # type: ignore[no-untyped-def]
            return builder.bitcast(args[0], context.get_value_type(target))

        return target(source), build

    return cast


@intrinsic
def _shifted(typing, bits):  # type: ignore[no-untyped-def]
    """The exponent in the bits of a positive float: bits >> 52."""

    def build(context, builder, signature, args):  # type: ignore[no-untyped-def]
        return builder.lshr(args[0], args[0].type(52))  # the shift of signed numbers has no vector form

    return types.int64(types.int64), build


_exponent: Any = _shifted
_bits = _bitcast(types.float64, types.int64)
_real = _bitcast(types.int64, types.float64)


def economised(series: list[float], low: float, high: float) -> tuple[float, ...]:
    """Ten coefficients that say on [low, high] what the longer power series says: its Chebyshev series cut short."""
    chebyshev = Polynomial(series).convert(domain=[low, high], kind=Chebyshev)
    return tuple(map(float, chebyshev.truncate(10).convert(kind=Polynomial).coef))


def _chosen(comparison: str) -> Any:
    """Of two floats the second where it compares so with the first: what max() and min() mean, as one instruction."""

    @intrinsic
    def choose(typing, x, y):  # type: ignore[no-untyped-def]
        def build(context, builder, signature, args):  # type: ignore[no-untyped-def]
            return builder.select(builder.fcmp_ordered(comparison, args[1], args[0]), args[1], args[0])

        return types.float64(types.float64, types.float64), build

    return choose


larger = _chosen(">")
smaller = _chosen("<")
"""max() and min() of two floats, which Numba would compile apart."""

LOG2_E = 1 / math.log(2)
LN2_HIGH = float.fromhex("0x1.62e42fefap-1")  # 37 bits: k LN2_HIGH is exact for every exponent k
LN2_LOW = 1.6465949582897082e-12
ROUND = 1.5 * 2.0**52  # x + ROUND has the whole number next to x in its lowest bits
HALF = 0x3FE << 52  # the bits of 1/2
ROOT_HALF = 0x3FE6A09E667F3BCD  # the bits of sqrt(1/2)
BIAS, WHOLE = 1024, 0x433 << 52  # WHOLE: the bits of 2^52, to whose lowest a whole number may be added

EXP = economised([1 / math.factorial(k + 2) for k in range(18)], -0.35, 0.35)  # (e^r - 1 - r) / r^2
ATANH = economised([2 / (2 * k + 3) for k in range(24)], 0.0, 1 / 9)  # (2 atanh s - 2 s) / s^3 in s^2


@straight
def _polynomial(c, x):  # type: ignore[no-untyped-def]
    """sum_k c_k x^k of ten terms, as a tree: less waiting than in Horner's rule."""
    x2 = x * x
    x4 = x2 * x2
    low = (c[0] + c[1] * x) + x2 * (c[2] + c[3] * x)
    high = (c[4] + c[5] * x) + x2 * (c[6] + c[7] * x)
    return low + x4 * (high + x4 * (c[8] + c[9] * x))


@straight
def exp(x):  # type: ignore[no-untyped-def]
    """e^x = 2^k e^r, x = k log 2 + r, |r| <= log(2) / 2, to 1 ulp for |x| <= 708; 0 below, inf above 709.78."""
    y = 710.0 if x > 710.0 else x
    shifted = y * LOG2_E + ROUND
    k = shifted - ROUND
    r = (y - k * LN2_HIGH) - k * LN2_LOW
    p = _polynomial(EXP, r) * (r * r) + r
    power = (2.0 * p + 2.0) * _real((_bits(shifted) << 52) + HALF)  # 2^(k-1), for 2^1024 is no number
    return 0.0 if x < -708.0 else power


@straight
def _twice_atanh(s):  # type: ignore[no-untyped-def]
    """2 atanh s = log((1 + s) / (1 - s)), |s| <= 1/3."""
    z = s * s
    return 2.0 * s + s * z * _polynomial(ATANH, z)


@straight
def log1p(x):  # type: ignore[no-untyped-def]
    """log(1 + x) for 0 <= x <= 1, to 2 ulp."""
    return _twice_atanh(x / (2.0 + x))


@straight
def log(x):  # type: ignore[no-untyped-def]
    """log x = k log 2 + log m, x = 2^k m, sqrt(1/2) <= m < sqrt(2), to 2 ulp for normal x > 0; NaN for inf and NaN."""
    biased = _exponent(_bits(x) - ROOT_HALF + (BIAS << 52))
    m = _real(_bits(x) - ((biased - BIAS) << 52))
    k = _real(biased + WHOLE) - (2.0**52 + BIAS)
    return k * LN2_HIGH + (_twice_atanh((m - 1.0) / (m + 1.0)) + k * LN2_LOW) + (x - x)
