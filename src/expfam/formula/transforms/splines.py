"""B-splines (bs) and natural cubic splines (ns) in the parametrisation of R's package splines."""

from typing import Any
from warnings import warn

import numpy as np

from expfam._typing import AnyArray, FloatArray
from expfam.errors import DataWarning, SchemaError
from expfam.formula.transforms._counted import quantiles
from expfam.formula.transforms._transform import Transform, flag, numbers, whole
from expfam.formula.values import State

CUBIC = 3


def _place(call: str, x: FloatArray, knots: Any, inner: int, times: FloatArray | None) -> State:
    """Inner knots: those given, else `inner` quantiles (type 7); the boundary is the data's range."""
    low, high = float(x.min()), float(x.max())
    if not low < high:
        raise SchemaError(f"{call}: every row holds {low!r}, no curve can be drawn; leave the column out")
    if knots is None:
        points = quantiles(x, np.linspace(0, 1, inner + 2)[1:-1], times).tolist()
        return {"knots": points, "boundary": [low, high]}
    points = sorted(numbers(call, "knots", knots)) if knots != () else []
    outside = [point for point in points if not low < point < high]
    if outside:
        raise SchemaError(
            f"{call}: knot {outside[0]!r} must lie strictly between {low!r} and {high!r}, the data's range"
        )
    return {"knots": points, "boundary": [low, high]}


def _inner(call: str, df: Any, least: int) -> int:
    """df - least inner knots; none without df."""
    if df is None:
        return 0
    return whole(call, "df", df, least) - least


def _knots(state: State, degree: int) -> FloatArray:
    """Inner and boundary knots; ValueError where they do not rise, which only a damaged state has."""
    low, high = state["boundary"]
    knots = np.array([low] * (degree + 1) + state["knots"] + [high] * (degree + 1))
    if knots.dtype.kind not in "if" or not (low < high and (np.diff(knots) >= 0).all()):
        raise ValueError(f"knots {state['knots']!r} within {state['boundary']!r} do not rise")
    return knots


def _basis(x: FloatArray, knots: FloatArray, degree: int) -> FloatArray:
    """All B-splines at x, (n, knots - degree - 1); beyond the boundary the outer polynomials go on."""
    from scipy.interpolate import BSpline

    if not x.size:
        return np.zeros((0, knots.size - degree - 1))
    found: FloatArray = BSpline.design_matrix(x, knots, degree, extrapolate=True).toarray()
    return found


def _at_boundary(state: State, nu: int) -> FloatArray:
    """The nu-th derivative of every cubic B-spline at both boundary knots, (2, m)."""
    from scipy.interpolate import BSpline

    knots = _knots(state, CUBIC)
    every = BSpline(knots, np.eye(knots.size - CUBIC - 1), CUBIC)
    found: FloatArray = every(np.array(state["boundary"]), nu=nu)
    return found


def _outside(call: str, x: FloatArray, state: State, manner: str) -> tuple[AnyArray, AnyArray]:
    low, high = state["boundary"]
    below, above = np.flatnonzero(x < low), np.flatnonzero(x > high)
    count = below.size + above.size
    if count:
        warn(
            f"{call}: {count} rows lie beyond the range [{low:g}, {high:g}] it was learned on; the curve "
            f"goes on as a {manner} there; clip the column to stay inside",
            DataWarning,
            stacklevel=2,
        )
    return below, above


def _learn_bs(
    x: FloatArray,
    df: Any = None,
    knots: Any = None,
    degree: Any = 3,
    intercept: Any = False,
    times: FloatArray | None = None,
) -> State:
    degree = whole("bs", "degree", degree, 1)
    return _place("bs", x, knots, _inner("bs", df, degree + flag("bs", "intercept", intercept)), times)


def _bs(
    x: FloatArray, df: Any = None, knots: Any = None, degree: Any = 3, intercept: Any = False, *, state: State
) -> FloatArray:
    _outside("bs", x, state, "polynomial")
    return _basis(x, _knots(state, int(degree)), int(degree))[:, 0 if intercept else 1 :]


def _learn_ns(
    x: FloatArray, df: Any = None, knots: Any = None, intercept: Any = False, times: FloatArray | None = None
) -> State:
    return _place("ns", x, knots, _inner("ns", df, 1 + flag("ns", "intercept", intercept)), times)


def _ns(x: FloatArray, df: Any = None, knots: Any = None, intercept: Any = False, *, state: State) -> FloatArray:
    """The cubic basis turned so that its curvature at both boundaries is zero, straight lines beyond them."""
    basis = _basis(np.clip(x, *state["boundary"]), _knots(state, CUBIC), CUBIC)
    slopes = _at_boundary(state, 1)
    for slope, end, rows in zip(slopes, state["boundary"], _outside("ns", x, state, "straight line"), strict=True):
        basis[rows] += np.outer(x[rows] - end, slope)
    first = 0 if intercept else 1
    turned, _ = np.linalg.qr(_at_boundary(state, 2)[:, first:].T, mode="complete")
    return np.asarray(basis[:, first:] @ turned[:, 2:])


BS = Transform("bs", _bs, _learn_bs)
NS = Transform("ns", _ns, _learn_ns)
