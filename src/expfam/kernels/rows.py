"""Weighted loss, score and curvature of a block of rows in one call: compiled twins of forms in `expfam.response`.

A pair says loss, score and weight of one row; `_fold` takes it over the tiles of a block, in short loops, each with few
enough constants for the registers and few enough arrays for the vectoriser to tell apart. Imported on first need, for
it brings Numba.
"""

from functools import cache
from typing import Any, TypeAlias

import numpy as np
from numba import njit, types

from expfam._typing import FloatArray
from expfam.families._special import NEAR
from expfam.kernels.classes import categorical_softmax, room
from expfam.kernels.compiling import ALONE, compiling
from expfam.kernels.elementary import exp, log, log1p, straight
from expfam.kernels.panels import OPTIONS
from expfam.kernels.pointer import window
from expfam.parallel import is_ones, ones, scratch

Given: TypeAlias = tuple[FloatArray, FloatArray, FloatArray, FloatArray | None]
Option: TypeAlias = tuple[int, float, bool]
Weighted: TypeAlias = tuple[float, FloatArray | None, FloatArray | None]

TILE = 512  # rows whose intermediate results stay in the first cache
PARTS = 4 * TILE  # numbers that a kernel of one linear predictor works in

_generic = njit(inline="always")  # takes functions, which only an inlined body may do if it is to be cached


# ---- a row of each pair: u for e = exp u, then (loss, score, weight) at x = eta, t, a = a*(t) ----


@straight
def _zero(x, parameter):  # type: ignore[no-untyped-def]
    return 0.0


@straight
def _plus(x, parameter):  # type: ignore[no-untyped-def]
    return x


@straight
def _minus(x, parameter):  # type: ignore[no-untyped-def]
    return -x


@straight
def _inward(x, parameter):  # type: ignore[no-untyped-def]
    return -abs(x)


@straight
def _to_theta(x, theta):  # type: ignore[no-untyped-def]
    return -abs(x - log(theta))


@straight
def _unit_loss(d, q):  # type: ignore[no-untyped-def]
    series = 1.0 + (q - 2.0) / 3.0 * d * (
        1.0 + (q - 3.0) / 4.0 * d * (1.0 + (q - 4.0) / 5.0 * d * (1.0 + (q - 5.0) / 6.0 * d))
    )
    return d * d / 2.0 * series


@straight
def _gaussian_identity(x, e, t, a, parameter, observed):  # type: ignore[no-untyped-def]
    r = x - t
    return r * r / 2, r, 1.0


@straight
def _count_log(x, mu, t, a, parameter, observed):  # type: ignore[no-untyped-def]
    return a + (mu - t * x), mu - t, mu


@straight
def _share_logit(x, e, t, a, parameter, observed):  # type: ignore[no-untyped-def]
    s = 1.0 / (1.0 + e)
    loss = a + (log1p(e) + ((x if x > 0.0 else 0.0) - t * x))
    return loss, (s if x >= 0.0 else e * s) - t, e * s * s


@straight
def _gamma_log(x, e, t, a, parameter, observed):  # type: ignore[no-untyped-def]
    r = t * e
    d = r - 1.0
    loss = _unit_loss(d, 0.0) if abs(d) < NEAR else a + (r + x)
    return loss, 1.0 - r, r if observed else 1.0


@straight
def _negative_binomial_log(x, e, t, a, theta, observed):  # type: ignore[no-untyped-def]
    u = x - log(theta)
    s = 1.0 / (1.0 + e)
    q, rest = (s if u >= 0.0 else e * s), (e * s if u >= 0.0 else s)
    loss = a + ((t + theta) * log1p(e) + (theta if u > 0.0 else -t) * u)
    return loss, theta * q - t * rest, (t + theta) * (e * s * s) if observed else theta * q


@straight
def _tweedie_log(x, e, t, a, p, observed):  # type: ignore[no-untyped-def]
    r, A = t * e, exp((2.0 - p) * x)
    weight = A * (2.0 - p + (p - 1.0) * r) if observed else A
    d = r - 1.0
    loss = A * _unit_loss(d, 2.0 - p) if abs(d) < NEAR else a + A * (r / (p - 1.0) + 1.0 / (2.0 - p))
    return loss, A * (1.0 - r), weight


# ---- blocks ----


@_generic
def _fold(exponent, row, eta, given, out, option):  # type: ignore[no-untyped-def]
    """sum w loss; w score and w weight into `out`. A row of weight 0 adds 0, whatever its eta.

    A tile works in `parts`: loss, first e; score; weight; eta: in one array, for then they cannot overlap.
    """
    (t, a, w, offset), (s, v, parts), (level, parameter, observed) = given, out, option
    total = 0.0
    for lo in range(0, len(eta), TILE):
        hi = lo + TILE if lo + TILE < len(eta) else len(eta)  # min() would be compiled apart
        x, t_, a_, w_ = window(eta, lo, hi), window(t, lo, hi), window(a, lo, hi), window(w, lo, hi)
        plus = window(offset, lo, hi) if lo < len(offset) else window(offset, 0, hi - lo)
        for i in range(hi - lo):
            at = x[i] + plus[i] if w_[i] != 0.0 else 0.0
            parts[3 * TILE + i] = at
            parts[i] = exp(exponent(at, parameter))
        for i in range(hi - lo):
            loss, score, weight = row(parts[3 * TILE + i], parts[i], t_[i], a_[i], parameter, observed)
            parts[i] = 0.0 if loss < 0.0 else loss
            parts[TILE + i] = score
            parts[2 * TILE + i] = weight
        for i in range(hi - lo):
            total += w_[i] * parts[i]
        if level > 0:
            out_ = window(s, lo, hi)
            for i in range(hi - lo):
                out_[i] = w_[i] * parts[TILE + i]
        if level > 1:
            out_ = window(v, lo, hi)
            for i in range(hi - lo):
                out_[i] = w_[i] * parts[2 * TILE + i]
    return total


def gaussian_identity(eta, given, out, option):  # type: ignore[no-untyped-def]
    return _fold(_zero, _gaussian_identity, eta, given, out, option)


def count_log(eta, given, out, option):  # type: ignore[no-untyped-def]
    return _fold(_plus, _count_log, eta, given, out, option)


def share_logit(eta, given, out, option):  # type: ignore[no-untyped-def]
    return _fold(_inward, _share_logit, eta, given, out, option)


def gamma_log(eta, given, out, option):  # type: ignore[no-untyped-def]
    return _fold(_minus, _gamma_log, eta, given, out, option)


def negative_binomial_log(eta, given, out, option):  # type: ignore[no-untyped-def]
    return _fold(_to_theta, _negative_binomial_log, eta, given, out, option)


def tweedie_log(eta, given, out, option):  # type: ignore[no-untyped-def]
    return _fold(_minus, _tweedie_log, eta, given, out, option)


# ---- what is called ----

FUNCTIONS = (
    gaussian_identity,
    count_log,
    share_logit,
    categorical_softmax,
    gamma_log,
    negative_binomial_log,
    tweedie_log,
)
NAMED = {function.__name__: function for function in FUNCTIONS}


@cache
def kernel(name: str) -> Any:
    """The function of this name compiled for C-ordered float64, read-only or not: once, or read from disk."""

    with compiling():
        return njit(signature(2 if name == "categorical_softmax" else 1), **ALONE, **OPTIONS)(NAMED[name])


def signature(d: int) -> Any:
    """sum w loss (eta, given, out, option), for eta of d dimensions."""

    def array(d: int, readonly: bool = True) -> Any:
        return types.Array(types.float64, d, "C", readonly=readonly)

    make: Any = types.Tuple
    given = make((array(d), array(1), array(1), array(d)))
    out = make((array(d, readonly=False), array(d, readonly=False), array(1, readonly=False)))
    option = make((types.int64, types.float64, types.boolean))
    return types.float64(array(d), given, out, option)


def weighted(name: str, eta: FloatArray, given: Given, option: Option) -> Weighted:
    """sum w loss; w score like eta; w weight, (n,), or (pairs, n) for the pairs of np.triu_indices(d): in `scratch`.

    `given` is t, a*(t), w and an offset or None; `option` the level (0, 1, 2), the family's parameter, and whether
    the observed weight is meant.
    """
    level, (n, *classes) = option[0], eta.shape
    pairs = [d * (d + 1) // 2 for d in classes]
    score = space("score", level > 0, n, *classes)
    weight = space("weight", level > 1, *pairs, n)
    out = score, weight, scratch("parts", room(classes[0]) if classes else PARTS)
    value = kernel(name)(np.ascontiguousarray(eta, dtype=np.float64), side_by_side(given), out, option)
    return value, score if level > 0 else None, weight if level > 1 else None


def side_by_side(given: Given) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """t, a*(t), w and offset as kernels want them: numbers one after the other, for no offset a tile of zeros."""
    t, a, w, offset = given
    plus = np.zeros((TILE, *t.shape[1:])) if offset is None else offset
    w = ones(len(w)) if is_ones(w) else w  # written out once for all blocks, not for each
    t, a, w, plus = (np.ascontiguousarray(part, dtype=np.float64) for part in (t, a, w, plus))
    return t, a, w, plus


def space(name: str, asked: bool, *shape: int) -> FloatArray:
    """An array to work in, empty where it is not asked for."""
    return scratch(name, *shape) if asked else np.empty([0] * len(shape))
