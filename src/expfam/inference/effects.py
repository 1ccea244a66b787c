"""Sums over rows for many variables at once: averages of slopes and of means, with their gradients in theta."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from expfam._typing import FloatArray
from expfam.inference.parts import Block, Part, Totals, Unit, adjoint, derivatives, forward, part_of
from expfam.inference.scene import Move, Scene, Switch, check_size
from expfam.links import Log
from expfam.parallel import ordered_sum, slices

CELLS = 1 << 21  # numbers of a block of rows
ROWS = 1 << 17  # rows of a block, at most
TABLE = 1000  # columns up to which X' diag(w mu) X serves all factors with levels that multiply


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


def averages(
    scene: Scene, theta: FloatArray, variables: Sequence[Move | Switch], relative: bool, times_x: bool
) -> list[Averages]:
    """The averages of all variables, rows weighted as the scene says; theta (p, d). One pass over the rows.

    `relative` averages log mu instead of mu, `times_x` slopes in log x.
    """
    check_size([(v.name, len(v.levels) if isinstance(v, Switch) else 1) for v in variables], theta.shape)
    multiplies = isinstance(scene.model.link, Log) and not relative
    products = [v for v in variables if isinstance(v, Switch) and v.rows is not None and multiplies]
    columns = len(theta) + len(products)
    tabled = [v.name for v in products] if len(products) > 1 and columns <= TABLE else []
    parts = [part_of(v, multiplies, times_x, tabled) for v in variables]
    X = scene.indicators(tabled)
    design, d = X.design, theta.shape[1]
    k = d + 1 if scene.model.family.vector else 1
    raw, shared = design.maps.forward(X.forward(theta)), any(isinstance(part, Unit) for part in parts)
    order = 2 if any(isinstance(v, Move) for v in variables) else 0
    ends = np.cumsum([k * d * d if shared else 0, *(part.width(k, d) for part in parts)]).tolist()

    def sums(at: slice) -> _Sums:
        rows = design.take(at)
        eta = forward(rows, raw)
        if scene.offset is not None:
            eta += scene.offset[at].reshape(rows.n, d)
        with np.errstate(all="ignore"):
            local = derivatives(scene.model, eta, relative, order)
            block = Block(scene.model, at, scene.weight[at], eta, relative, theta, local)
            vectors, arrays = _vectors(block, parts, ends)
            slope = np.einsum("n,nka->ka", block.weight, local[1]) if shared else np.zeros(0)
            gram = rows.gram(block.weight * local[0][:, 0]) if tabled else np.zeros((0, 0))
            return _Sums((adjoint(rows, vectors), slope, gram, *arrays))

    step = min(max(CELLS // (ends[-1] + 8), 1024), ROWS)
    across, slope, gram, *own = ordered_sum(sums, slices(scene.n, step)).arrays
    gradients = X.adjoint(design.maps.adjoint(across))
    gram = design.maps.congruence(gram) if tabled else gram
    totals = Totals(theta, slope, gradients[:, : ends[0]].reshape(len(theta), -1, d, d), gram, X)
    share, out = 1 / scene.weight.sum(), []
    for j, (v, part) in enumerate(zip(variables, parts, strict=True)):
        values, slopes = part.finish(totals, gradients[:, ends[j] : ends[j + 1]], own[2 * j], own[2 * j + 1])
        out.append(Averages(v.name, share * values, share * slopes))
    return out


def _vectors(block: Block, parts: Sequence[Part], ends: Sequence[int]) -> tuple[FloatArray, list[FloatArray]]:
    """All v of some rows, (n, ends[-1]), those that are shared first, and the sums of every part."""
    n = len(block.weight)
    vectors = np.empty((n, ends[-1]))
    if ends[0]:
        vectors[:, : ends[0]] = (block.weight[:, None, None, None] * block.local[2]).reshape(n, -1)
    arrays: list[FloatArray] = []
    for part, lo, hi in zip(parts, ends, ends[1:], strict=False):
        arrays += part.block(block, vectors[:, lo:hi])
    return vectors, arrays
