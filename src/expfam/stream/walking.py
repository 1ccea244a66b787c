"""Rows learned from one after the other, where coefficients are too many for their information: O(p) of memory."""

from dataclasses import dataclass, replace

import numpy as np

from expfam._typing import BoolArray, FloatArray, IntArray
from expfam.errors import SolverError
from expfam.objective import Objective
from expfam.solvers.natural import natural
from expfam.solvers.sgd import SGD
from expfam.solvers.start import null_model, scale_of
from expfam.solvers.trail import How, Trail, estimate, start
from expfam.solvers.trail import errors as scattered
from expfam.solvers.trail import widened as wider
from expfam.solvers.walk import walk

RULES = ("constant", "adagrad", "normalised", "adam")
"""Steps that need no number of passes; that of "inverse" falls with them."""


@dataclass(frozen=True, slots=True, eq=False)
class Walked:
    """What steps of first order have learned: a `Trail` and how it goes on; `theta`, the averaged iterate or the last,
    like the trail's; which columns some row has had, `met` (p,)."""

    trail: Trail
    how: How
    theta: FloatArray
    met: BoolArray

    @property
    def rows(self) -> int:
        """How many rows were learned from."""
        return self.trail.rows

    @property
    def weight(self) -> float:
        """The sum of their weights."""
        return self.trail.weight

    @property
    def progressive(self) -> float:
        """sum w loss of every row before it was learned from."""
        return self.trail.progressive


def errors(memory: Walked) -> FloatArray:
    """Standard errors by random scaling, like theta; NaN for columns no row has had, and without a Polyak average."""
    if memory.how.average != "polyak":
        return np.full_like(memory.theta, np.nan)
    met = memory.met if memory.theta.ndim == 1 else memory.met[:, None]
    return np.where(met, scattered(memory.trail, memory.how), np.nan)


def check(solver: SGD) -> None:
    """SolverError for options that a stream, read once and in order, has no meaning for."""
    refused = {
        f"passes={solver.passes}: a stream is read once": solver.passes != 1,
        f"step={solver.step!r}: it falls with passes; take {', '.join(map(repr, RULES))}": solver.step == "inverse",
        f"batch={solver.batch}: batches end where the stream says": solver.batch not in (None, 1),
        f"workers={solver.workers}: rows of a stream go by one after the other": solver.workers != 1,
        "average='exponential': take True, or False for the last iterate": solver.average == "exponential",
    }
    for reason, wrong in refused.items():
        if wrong:
            raise SolverError(f"SGD of a stream, {reason}")


def walked(objective: Objective, before: Walked | FloatArray, solver: SGD, frequency: FloatArray | None) -> Walked:
    """After the rows of an objective; the first of them, from a theta on, say in which units a rate is meant."""
    if not isinstance(before, Walked):
        how = _in_units(solver, objective)
        before = Walked(start(before, how, objective.penalty), how, before, np.zeros(len(before), dtype=bool))
    trail = walk(objective, before.trail, before.how, frequency)
    theta = estimate(trail, before.how, objective.penalty)
    if not np.isfinite(theta).all():
        raise SolverError(f"{solver} diverged after {trail.rows:,} rows; lower the rate, or take update='implicit'")
    maps, design = objective.data.design.maps, objective.data.design
    seen = maps.squares(design.squares(objective.data.weight)) > 0
    return replace(before, trail=trail, theta=theta, met=before.met | seen)


def widened(before: Walked, at: IntArray, shape: tuple[int, ...]) -> Walked:
    """The same with more coefficients: those it has are number `at` (p,) among the new ones."""
    theta, met = np.zeros(shape), np.zeros(shape[0], dtype=bool)
    theta[at], met[at] = before.theta, before.met
    return replace(before, trail=wider(before.trail, at, shape, before.how), theta=theta, met=met)


def _in_units(solver: SGD, objective: Objective) -> How:
    how = solver.first_order(solver.step or "normalised").how
    null = null_model(objective)
    units = natural(objective, null, scale_of(objective, null), how.batch)
    rate = how.rate * (units.rate if how.step == "constant" else 1.0)
    return replace(how, rate=rate, decay=0.0, burn_in=0.0, unit=units.eta)
