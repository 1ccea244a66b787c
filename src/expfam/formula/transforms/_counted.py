"""Numbers x of rows that stand for several each, `times` (n,), None for one: as NumPy has it of them written out."""

import numpy as np

from expfam._typing import FloatArray


def count(x: FloatArray, times: FloatArray | None) -> int:
    """How many rows?"""
    return x.size if times is None else int(times.sum())


def mean(x: FloatArray, times: FloatArray | None) -> float:
    """sum t x / sum t."""
    return float(np.mean(x) if times is None else np.average(x, weights=times))


def dot(x: FloatArray, y: FloatArray, times: FloatArray | None) -> float:
    """sum t x y."""
    return float(x @ y if times is None else (times * x) @ y)


def quantiles(x: FloatArray, at: FloatArray, times: FloatArray | None) -> FloatArray:
    """Those of type 7: on the line between the order statistics that lie about (sum t - 1) q."""
    if times is None:
        return np.asarray(np.quantile(x, at))
    order = np.argsort(x)
    last = np.cumsum(times[order])
    place = (last[-1] - 1) * at
    below = np.floor(place)
    low, high = (x[order[np.searchsorted(last, k, side="right")]] for k in (below, np.minimum(below + 1, last[-1] - 1)))
    return np.asarray(low + (high - low) * (place - below))
