"""Which functions of theta do the rows determine, where columns were left out?"""

from dataclasses import dataclass

import numpy as np

from expfam._typing import BoolArray, FloatArray
from expfam.inference.scene import Scene
from expfam.parallel import ordered_sum, slices

TOL = 1e-7


@dataclass(frozen=True, slots=True, eq=False)
class Unknown:
    """Directions (p, r) along which theta may move without moving any mean, in units of the columns' `size` (p,)."""

    directions: FloatArray
    size: FloatArray

    def hit(self, gradients: FloatArray) -> BoolArray:
        """Which functions, of gradients (m, p, d), change along such a direction: their value is a matter of which
        column was left out; (m,)."""
        scaled = gradients / self.size[:, None]
        along = np.abs(np.einsum("mpd,pr->mrd", scaled, self.directions))
        return np.asarray((along > TOL * (1e-300 + np.abs(scaled).max(axis=1, keepdims=True))).any(axis=(1, 2)))


def unknown(scene: Scene, kept: BoolArray) -> Unknown | None:
    """What columns left out (kept (p,) False) leave open on these rows; None where none was.

    A left-out column is a combination of the kept ones, x_j = X b: theta and theta + (e_j - b) have the same means.
    """
    if kept.all():
        return None
    design = scene.design()
    counted = (scene.weight > 0).astype(float)
    raw = ordered_sum(lambda at: design.take(at).gram(counted[at]), slices(scene.n))
    gram = design.maps.congruence(raw)
    size = np.sqrt(np.maximum(np.diagonal(gram), 1e-300))
    unit = gram / np.outer(size, size)
    out = np.flatnonzero(~kept)
    directions = np.zeros((len(kept), len(out)))
    directions[out, np.arange(len(out))] = 1.0
    directions[kept] = -np.linalg.lstsq(unit[np.ix_(kept, kept)], unit[np.ix_(kept, ~kept)], rcond=1e-12)[0]
    return Unknown(directions, size)
