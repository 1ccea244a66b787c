"""Which way may eta run for ever without a row's loss rising? The recession directions of (4), for any family and link.

The loss of a row falls towards the mean t = T(y) and rises beyond it, on either side. So it falls for ever exactly
where t is an end of the means, and eta reaches that end at infinity: Poisson's zero with a log link, a share of 0 or
1, a Gaussian t <= 0 under a log link; not with an identity link, where the end is met at a finite eta.
"""

import numpy as np

from expfam._typing import FloatArray
from expfam.families import ExponentialFamily
from expfam.links import Link


def limits(family: ExponentialFamily, link: Link) -> tuple[float, float]:
    """The means that eta -> -inf and eta -> +inf lead to; NaN where eta or mu would leave its domain."""
    low, high = (_end(family, link, side) for side in (0, 1))
    inside = family.mean_domain
    return tuple(  # type: ignore[return-value]
        m if np.isinf(end) and inside[0] <= m <= inside[1] else np.nan
        for m, end in zip((low, high), link.domain, strict=True)
    )


def _end(family: ExponentialFamily, link: Link, side: int) -> float:
    """h at an end of eta; where a user's family has no number for it, the end of its means (natural increases)."""
    with np.errstate(all="ignore"):
        mean = float(link.inverse(np.array([link.domain[side]]))[0])
    return family.mean_domain[side] if np.isnan(mean) else mean


def directions(family: ExponentialFamily, link: Link, t: FloatArray) -> FloatArray:
    """+1 or -1 where the loss of t (n,) falls for ever as eta rises or falls, 0 where it does neither; (n,)."""
    increasing = _end(family, link, 0) < _end(family, link, 1)
    low, high = limits(family, link)
    falls, rises = (t <= low, t >= high) if increasing else (t >= low, t <= high)
    return np.asarray(rises.astype(float) - falls.astype(float))


def unreached(family: ExponentialFamily, link: Link, t: FloatArray) -> bool:
    """Is some t (n,) beyond every mean of a scalar link, as a negative Gaussian one is of the log link?"""
    low, high = sorted((_end(family, link, 0), _end(family, link, 1)))
    return bool(((t < low) | (t > high)).any())


def coercive(family: ExponentialFamily, link: Link) -> bool:
    """Does the loss of a mean inside the domain rise beyond all bounds as eta -> -inf and as eta -> +inf?

    If so, an optimum is at infinity only along `directions`, and a linear programme decides whether it is.
    """
    lo, hi = family.mean_domain
    start, width = (lo if np.isfinite(lo) else 0.0), (hi - lo if np.isfinite(hi - lo) else 1.0)
    t = np.array([start + width / 2])
    reached = np.array([m for m in limits(family, link) if not np.isnan(m)])
    with np.errstate(all="ignore"):
        return not any(np.isfinite(family.fenchel_young(t, family.natural(m[None]))).any() for m in reached)
