"""Which coefficients of a stream does its prior alone hold? Those that no row holds: they would run to infinity.

Where some rows are predicted perfectly, as those of a level without events, their weights vanish as theta runs off, and
with them the information H of all rows about that direction. The steps end where the pseudo-rows P withstand what is
left of the scores, so H is next to nothing there: beside P, and beside what one event tells of a linear predictor. So
are the scores, and a sandwich of them would be sure of a theta that no row has asked for.
"""

from dataclasses import dataclass
from itertools import compress
from typing import Any

import numpy as np

from expfam._typing import BoolArray, FloatArray, IntArray
from expfam.families import Categorical
from expfam.inference.separation import Separation
from expfam.model import Model
from expfam.recession import directions
from expfam.solvers.implicit import Memory
from expfam.solvers.optimality import by_class
from expfam.solvers.pseudo import ALIASED, TOLD, inflation, pseudo

HELD = 50.0, 1000.0  # of P, a hundredth of a row: half a row, of many rows a tenth of their number, up to ten. What
# columns that are nearly collinear leave is more, for P then is less
LITTLE = 0.5  # of an eta squared: one event tells about 1
MOVES = 1e-3  # of the most that a direction moves a linear predictor,
NAMED = 0.1  # and from which share on a coefficient is named: what H mixes in from others is less


@dataclass(frozen=True, slots=True, eq=False)
class Held:
    """Directions V (p d, k) in the coordinates learned, (V'(H + P)V)^-1 = diag(`spread`), where theta is along them,
    (p d,), and how large a typical entry of a column is, (p d,); `back` takes V to coefficients of the columns as they
    are."""

    V: FloatArray
    spread: FloatArray
    along: FloatArray
    typical: FloatArray
    back: Any

    @property
    def covariance(self) -> FloatArray:
        """(H + P)^-1 as far as it is along them, (p d, p d)."""
        return np.asarray((self.V * self.spread) @ self.V.T)

    @property
    def which(self) -> BoolArray:
        """The coefficients that a direction moves, (p d,), by what that does to a linear predictor."""
        size = np.abs(self._own(self.V)) * self.typical[:, None]
        return np.asarray((size > NAMED * size.max(axis=0)).any(axis=1))

    @property
    def signs(self) -> IntArray:
        """Which way each went, (p d,)."""
        return np.sign(self._own(self.along[:, None])[:, 0]).astype(np.intp)

    def separation(self, names: tuple[str, ...], rows: int) -> Separation:
        """The same as a certificate tells it."""
        known, which = tuple(int(sign) for sign in self.signs[self.which]), self.which
        return Separation(tuple(compress(names, which)), known, of=rows, exact=False)

    def _own(self, inner: FloatArray) -> FloatArray:
        p = self.back.shape[1]
        return np.concatenate([self.back @ inner[lo : lo + p] for lo in range(0, len(inner), p)])


def held(model: Model, memory: Memory, phi: float, bread: FloatArray, back: Any) -> Held | None:
    """None where there are none, or rows too few to tell; `bread` is (H + P)^-1."""
    d = memory.theta[0:1].size
    met = np.tile(memory.met, d)
    if not _can_run(model) or memory.rows < TOLD * met.sum() or not phi > 0:
        return None
    every = np.diagonal(pseudo(memory.places, d))
    unit = every[met]
    if phi * (np.diagonal(bread)[met] @ unit) <= 1 / LITTLE:
        return None
    from scipy.linalg import eigh

    sub = np.ix_(met, met)
    found, V = eigh(memory.information[sub], memory.prior[sub])
    lost = inflation(memory.information)[met] >= ALIASED
    size = np.abs(V) * np.sqrt(unit)[:, None]
    away = size.max(axis=0) ** 2
    aliased = (size[lost] > MOVES * size.max(axis=0)).any(axis=0)
    few = float(np.clip(memory.rows / 10, *HELD))
    chosen = (found < few) & (found < LITTLE * phi * away) & ~aliased & ~_resisted(model, V, met)
    if not chosen.any():
        return None
    whole = np.zeros((len(met), int(chosen.sum())))
    whole[met] = V[:, chosen]
    along = whole @ (whole.T @ memory.prior @ by_class(memory.theta))
    return Held(whole, 1 / (1 + found[chosen]), along, np.sqrt(every), back)


def _resisted(model: Model, V: FloatArray, met: BoolArray) -> BoolArray:
    """Which directions, of the columns met, a penalty holds: they do not run to infinity."""
    holds = model.penalty.bind(model.names).holds
    size = np.abs(V[np.tile(holds, len(met) // len(holds))[met]])
    return np.asarray((size > MOVES * np.abs(V).max(axis=0)).any(axis=0))


def _can_run(model: Model) -> bool:
    """Is there a response whose loss falls for ever as eta runs off?"""
    family = model.family
    if isinstance(family, Categorical):
        return True
    ends = np.array([end for end in family.mean_domain if np.isfinite(end)])
    ends = ends[~family.outside(ends)]
    return bool(directions(family, model.link, family.T(ends)).any())
