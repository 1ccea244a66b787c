"""How small is a p value among many? Holm, Hochberg, Benjamini and Hochberg, Benjamini and Yekutieli, Bonferroni."""

import numpy as np

from expfam._typing import FloatArray
from expfam.errors import one_of

METHODS = ("bonferroni", "holm", "hochberg", "fdr", "by")


def adjusted(p: FloatArray, method: str) -> FloatArray:
    """The adjusted p values of R's p.adjust, in the order of p (m,); "fdr" is Benjamini and Hochberg's.

    NaN stays NaN and does not count among the m tests.
    """
    one_of("adjust", method, METHODS)
    known = ~np.isnan(p)
    m = int(known.sum())
    order = np.argsort(p[known], kind="stable")
    rank = np.arange(1, m + 1)
    sorted_p = p[known][order]
    if method in ("bonferroni", "holm"):
        found = np.maximum.accumulate(sorted_p * (m if method == "bonferroni" else m - rank + 1))
    else:
        times = {"hochberg": m - rank + 1.0, "fdr": m / rank, "by": m / rank * np.sum(1 / rank)}[method]
        found = np.minimum.accumulate((sorted_p * times)[::-1])[::-1]
    out = np.full(p.shape, np.nan)
    out[np.flatnonzero(known)[order]] = np.minimum(found, 1.0)
    return out
