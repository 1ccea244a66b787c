"""By how much does the mean move with a variable, on average over rows? Values, and their gradients in theta.

Of G(eta), the mean h(eta) or its logarithm, with theta (p, d) and k means a row (d = k = 1 but for classes):

  a number x    A = sum w c G'(eta) (x' theta),  x' = dX/dx, c = 1 or x for elasticities
                dA/dtheta = sum w c [ G''(eta) (x' theta) x_i + G'(eta) x' ]
  a factor      A_l = sum w G(eta with level l),  dA_l/dtheta = sum w G'(eta with l) (x_i with l)

One pass over blocks of rows for all variables. With a log link a level multiplies every mean alike, so that one sum a
factor gives all its levels. Gradients are exact: no step, no simulation.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from expfam._typing import FloatArray, IntArray
from expfam.design import Design, assemble
from expfam.inference.scene import Move, Piece, Scene, Switch
from expfam.links import Log
from expfam.model import Model
from expfam.parallel import ordered_sum, slices

CELLS = 1 << 20  # numbers of a block of rows: they stay in cache


@dataclass(frozen=True, slots=True, eq=False)
class Averages:
    """Of one variable: its results, one for a number, one a level for a factor: (m, k), and their gradients in theta,
    (m, k, p, d)."""

    name: str
    values: FloatArray
    gradients: FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class _Sums:
    """Arrays that are added up block by block."""

    arrays: tuple[FloatArray, ...]

    def __add__(self, other: "_Sums") -> "_Sums":
        return _Sums(tuple(a + b for a, b in zip(self.arrays, other.arrays, strict=True)))


@dataclass(frozen=True, slots=True, eq=False)
class _Block:
    """Some rows: which, their w, their eta (n, d), and what is averaged."""

    model: Model
    at: slice
    weight: FloatArray
    eta: FloatArray
    relative: bool
    theta: FloatArray

    def local(self, eta: FloatArray, order: int) -> tuple[FloatArray, ...]:
        """G, G', G'' up to an order: (n, k), (n, k, d), (n, k, d, d)."""
        return derivatives(self.model, eta, self.relative, order)


def derivatives(model: Model, eta: FloatArray, relative: bool, order: int) -> tuple[FloatArray, ...]:
    """The mean h (relative: log h) at eta (n, d), and its derivatives up to an order; NaN where h is not defined."""
    link, low, high = model.link, *model.link.domain
    if np.isfinite(low) or np.isfinite(high):
        eta = np.where((eta > low) & (eta < high), eta, np.nan)
    place = eta if model.family.vector else eta[:, 0]
    parts = (link.inverse, link.derivative, link.second)[: order + 1]
    same = isinstance(link, Log)  # h = h' = h'': one exponential
    found = [np.exp(place)] * len(parts) if same else [np.asarray(part(place)) for part in parts]
    if model.family.vector:
        found = [model.family.all_means(found[0]), *(_all_classes(part) for part in found[1:])]
    else:
        found = [part.reshape(-1, *(1,) * (rank + 1)) for rank, part in enumerate(found)]
    if not relative:
        return tuple(found)
    mean = found[0]
    slope = [found[1] / mean[:, :, None]] if order else []
    curve = [found[2] / mean[:, :, None, None] - slope[0][..., None] * slope[0][..., None, :]] if order > 1 else []
    return (np.log(mean), *slope, *curve)


def _all_classes(part: FloatArray) -> FloatArray:
    """Derivatives of all k probabilities, which add up to one, from those of the first k - 1."""
    return np.concatenate([part, -part.sum(axis=1, keepdims=True)], axis=1)


def averages(
    scene: Scene, theta: FloatArray, variables: Sequence[Move | Switch], relative: bool, times_x: bool
) -> list[Averages]:
    """The averages of all variables, rows weighted as the scene says; theta (p, d). One pass over the rows."""
    design, d = scene.design(), theta.shape[1]
    k = d + 1 if scene.model.family.vector else 1
    raw, p = design.maps.forward(theta), len(theta)
    multiplies = isinstance(scene.model.link, Log) and not relative
    widths = [_width(v, times_x, multiplies) * k * d for v in variables]
    ends = np.cumsum([k * d * d if 0 in widths else 0, *widths])

    def part(at: slice) -> _Sums:
        rows = design.take(at)
        eta = _forward(rows, raw)
        if scene.offset is not None:
            eta += scene.offset[at].reshape(rows.n, d)
        with np.errstate(all="ignore"):
            block = _Block(scene.model, at, scene.weight[at], eta, relative, theta)
            return _block(block, rows, variables, ends, times_x)

    step = max(CELLS // max(int(ends[-1]) + 8, 1), 1024)
    total = ordered_sum(part, slices(scene.n, step))
    across, mean_slope, *own = total.arrays
    gradients = design.maps.adjoint(across)
    base = gradients[:, : ends[0]].reshape(p, -1, d, d)
    share = 1 / scene.weight.sum()
    out = []
    for place, v in enumerate(variables):
        mine = gradients[:, ends[place] : ends[place + 1]].reshape(p, -1, k, d).transpose(1, 2, 0, 3)
        found = _finish(v, mine, base, mean_slope, own[2 * place : 2 * place + 2], theta, multiplies)
        out.append(Averages(v.name, share * found[0], share * found[1]))
    return out


def _width(variable: Move | Switch, times_x: bool, multiplies: bool) -> int:
    """How many sums X'v it needs for each of the k d pairs: none of its own where dX/dx is one coefficient, one where a
    level multiplies all means alike."""
    if isinstance(variable, Move):
        return 0 if variable.unit is not None and not times_x else 1
    return 1 if multiplies and variable.rows is not None else len(variable.levels)


def _block(block: _Block, rows: Design, variables: Sequence[Move | Switch], ends: IntArray, times_x: bool) -> _Sums:
    """X'v of everything, sum w G', and the values and own gradients of every variable.

    `ends` says where the v of each variable end; those before the first are w G'', which shared ones need.
    """
    n, shared = rows.n, int(ends[0])
    at = block.local(block.eta, 2 if any(isinstance(v, Move) for v in variables) else 0)
    slope = np.einsum("n,nka->ka", block.weight, at[1]) if shared else np.zeros(0)
    vectors = np.empty((n, int(ends[-1])))
    if shared:
        vectors[:, :shared] = (block.weight[:, None, None, None] * at[2]).reshape(n, -1)
    mean = block.weight * at[0][:, 0]
    arrays: list[FloatArray] = []
    for v, lo, hi in zip(variables, ends, ends[1:], strict=False):
        out = vectors[:, lo:hi]
        if lo == hi:
            arrays += [np.zeros(0), np.zeros(0)]
        elif isinstance(v, Move):
            arrays += _moved(v, block, at, times_x, out)
        elif hi - lo == 1 and v.rows is not None:
            shift = np.exp(-(v.rows @ block.theta)[:, 0])
            np.multiply(mean, shift.take(v.codes[block.at]), out=out[:, 0])  # what every level multiplies
            arrays += [np.ones(n) @ out, np.zeros(0)]
        else:
            arrays += _switched(v, block, out)
    return _Sums((_adjoint(rows, vectors), slope, *arrays))


def _moved(
    v: Move, block: _Block, at: tuple[FloatArray, ...], times_x: bool, out: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """sum w c G' s, the gradient's own part sum w c G' x', and in `out` the v = w c G'' s to be multiplied by X'."""
    _, slope, curve = at
    weight = block.weight * v.x[block.at] if times_x else block.weight
    theta, n = block.theta, len(weight)
    if v.unit is not None:
        s = np.broadcast_to(theta[v.unit], (n, theta.shape[1]))
    else:
        pieces = [(span, design.take(block.at)) for span, design in v.pieces]
        s = sum((_eta(piece, theta) for piece in pieces), np.zeros((n, theta.shape[1])))
        s = s if v.drift is None else s + v.drift[block.at, None]
    weighted = weight[:, None, None] * slope
    own = np.zeros((len(theta), slope[0].size))
    if v.unit is not None:
        own[v.unit] = weighted.sum(axis=0).ravel()
    else:
        for span, design in pieces:
            own[span] += design.maps.adjoint(_adjoint(design, weighted.reshape(n, -1)))
    out[:] = (np.einsum("nkab,nb->nka", curve, s) * weight[:, None, None]).reshape(n, -1)
    return np.einsum("nka,na->k", weighted, s), own


def _eta(piece: Piece, theta: FloatArray) -> FloatArray:
    span, design = piece
    return _forward(design, design.maps.forward(theta[span]))


def _forward(design: Design, raw: FloatArray) -> FloatArray:
    """R raw, (n, d): a single column by the quicker way of vectors."""
    return design.forward(raw[:, 0])[:, None] if raw.shape[1] == 1 else design.forward(raw)


def _adjoint(design: Design, rows: FloatArray) -> FloatArray:
    """R' rows, (raw, m)."""
    return design.adjoint(np.ascontiguousarray(rows[:, 0]))[:, None] if rows.shape[1] == 1 else design.adjoint(rows)


def _switched(v: Switch, block: _Block, out: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Level by level: sum w G, the gradient of the coefficients that the factor enters, and in `out` w G' for all
    others."""
    theta, n, p = block.theta, len(block.weight), len(block.theta)
    if v.rows is not None:
        shift = v.rows @ theta
        bare = block.eta - shift[v.codes[block.at]]
    else:
        bare = block.eta - sum(_eta(piece, theta) for piece in _pieces(v, None, block, n))
    values, own = [], []
    for level in range(len(v.levels)):
        pieces = [] if v.rows is not None else _pieces(v, level, block, n)
        eta = bare + (shift[level] if v.rows is not None else sum(_eta(piece, theta) for piece in pieces))
        mean, slope = block.local(eta, 1)
        weighted = (block.weight[:, None, None] * slope).reshape(n, -1)
        part = np.zeros((p, weighted.shape[1]))
        if v.rows is not None:
            part += np.outer(v.rows[level], weighted.sum(axis=0))
        for span, design in pieces:
            part[span] += design.maps.adjoint(_adjoint(design, weighted))
        values.append(block.weight @ mean)
        own.append(part)
        out[:, level * weighted.shape[1] : (level + 1) * weighted.shape[1]] = weighted
    return np.array(values), np.array(own)


def _pieces(v: Switch, level: int | None, block: _Block, n: int) -> list[Piece]:
    return [(span, assemble((columns,), n, compiled=False)) for span, columns in v.set(level, block.at)]


def _finish(
    v: Move | Switch,
    across: FloatArray,
    base: FloatArray,
    mean_slope: FloatArray,
    own: Sequence[FloatArray],
    theta: FloatArray,
    multiplies: bool,
) -> tuple[FloatArray, FloatArray]:
    """Values (m, k) and gradients (m, k, p, d) from the sums of a variable; across (m, k, p, d) is X'v."""
    p, d = theta.shape
    values, part = own
    if isinstance(v, Move) and across.shape[0] == 0:
        assert v.unit is not None
        gradients = np.einsum("pkab,b->kpa", base, theta[v.unit])
        gradients[:, v.unit] += mean_slope
        return (mean_slope @ theta[v.unit])[None], gradients[None]
    k = across.shape[1]
    if isinstance(v, Move):
        return values[None], across + part.reshape(p, k, d).transpose(1, 0, 2)
    across = across.copy()
    for span in v.touched:
        across[:, :, span] = 0.0
    if multiplies and v.rows is not None:
        times = np.exp(v.rows @ theta)
        found = times * values
        return found, times[:, :, None, None] * across + (found * v.rows)[:, None, :, None]
    return values, across + part.reshape(-1, p, k, d).transpose(0, 2, 1, 3)
