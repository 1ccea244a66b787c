"""Which sums of means would make what was observed no surprise? Score intervals with the family's variance."""

from collections.abc import Callable

import numpy as np

from expfam._typing import BoolArray, FloatArray
from expfam.diagnostics.bins import Sums
from expfam.families import ExponentialFamily
from expfam.inference.wald import critical

DOUBLED, HALVED = 30, 60


def ends(family: ExponentialFamily, sums: Sums, level: float) -> tuple[FloatArray, FloatArray]:
    """The ends of {M: (O - M)^2 <= c^2 v V(M / W) / V(E / W)}, (k,) each, for groups of weight W and variance v of O.

    The variance moves with the mean as the family's does: Wilson's interval (1927) for shares of equal chance, Rao's
    for counts, O -+ c sqrt(v) for Gaussian sums. Infinite where the set is: few rows of a skew family. NaN without v.
    """
    seen, W, v = sums.observed, sums.weight, sums.variance
    low, high = (end * W for end in family.mean_domain)
    with np.errstate(all="ignore"):
        unit = critical(level, None) * np.sqrt(v)
        share = unit / np.sqrt(family.variance(sums.expected / W))

        def inside(M: FloatArray) -> BoolArray:
            """Within the set; a mean at the end of its domain is not, but where O itself is there."""
            return np.asarray(share**2 * family.variance(M / W) >= (seen - M) ** 2)

        found = [_end(inside, seen, side * unit, (low, high)) for side in (-1.0, 1.0)]
    known = (v > 0) & np.isfinite(v)
    return np.where(known, found[0], np.nan), np.where(known, found[1], np.nan)


def _end(
    inside: Callable[[FloatArray], BoolArray],
    seen: FloatArray,
    unit: FloatArray,
    domain: tuple[FloatArray, FloatArray],
) -> FloatArray:
    """Outward from what was seen the first place that is outside, by doubling and halving; the domain's end if none."""
    near, far, still = seen, np.clip(seen + unit, *domain), np.ones(len(seen), dtype=bool)
    for k in range(DOUBLED):
        still = still & inside(far) & (far != near)
        if not still.any():
            break
        near, far = np.where(still, far, near), np.where(still, np.clip(seen + unit * 2.0 ** (k + 1), *domain), far)
    for _ in range(HALVED):
        middle = (near + far) / 2
        there = inside(middle)
        near, far = np.where(there, middle, near), np.where(there, far, middle)
    return np.where(still, np.where(unit > 0, domain[1], domain[0]), near)
