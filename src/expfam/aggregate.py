"""Rows with equal predictors summed to one: the same likelihood from fewer rows.

sum_i w_i (a*(t_i) + a(psi) - psi t_i) = W (a(psi) - psi mean t) + sum_i w_i a*(t_i), so a cell of equal rows is one row
with the mean of T(y), the sum W of the weights, and a constant: the deviance within the cell.
"""

from dataclasses import replace
from typing import NamedTuple

import numpy as np

from expfam._typing import AnyArray, FloatArray
from expfam.design.cells import cells
from expfam.families import ExponentialFamily, Gamma, InverseGaussian, Poisson, QuasiPoisson, Tweedie
from expfam.families._mean import weighted_mean
from expfam.links import Identity, Log
from expfam.objective import Data, Objective
from expfam.parallel import extent, ordered_sum, slices, weighed, weight_of
from expfam.response import At, Level, weighted

KEPT = 1e-3  # of two sums their difference must be this share, so that no more than three digits are lost
FEWER = 2  # rows are summed where that leaves at most one in so many
WORTH = 10_000  # rows from which on it saves anything
LONG = 1 << 17  # rows at a time where little is asked of each
FAR = 200.0  # offsets so far from zero are no units: e^o and its squares would overflow


def aggregated(objective: Objective, asked: str) -> Objective:
    """The objective with rows of equal predictors summed, where the columns are few values and that makes it smaller.

    asked: "auto", "always" (wherever it is possible), "never".
    """
    data = objective.data
    least = 0 if asked == "always" else WORTH
    if asked == "never" or data.n < least or not _plain(objective):
        return objective
    auto = asked == "auto"
    found = cells(data.design, data.n // FEWER if auto else data.n, guess=auto)
    if found is None or (data.offset is not None and not absorbs(objective)):
        return objective
    return replace(objective, data=_summed(objective, *found))


def pooled(objective: Objective) -> Objective | None:
    """All rows as one, for a design that tells none apart: the intercept alone. None where that cannot be."""
    data, family = objective.data, objective.family
    sums = moments(objective) if data.offset is None and _plain(objective) else None
    within = None if sums is None else sums.within(family)
    if sums is None or within is None:
        return None
    design, total, rows = data.design.take(slice(0, 1)), np.array([sums.weight]), data.rows or data.n
    conjugate = family.conjugate(sums.mean)
    one = Data(design, sums.mean, conjugate, total, None, within + data.within, data.total, rows)
    return replace(objective, data=one)


def _plain(objective: Objective) -> bool:
    """Is T(y) = y, a number?"""
    family, y = objective.family, objective.data.y
    if family.vector:
        return False
    t = family.T(y)
    return t is y or np.array_equal(t, y)


class Moments(NamedTuple):
    """Of all rows, in units in which an offset is none: sum w, the mean of t = T(y) as a row, (1,) or (1, d), and
    sum w a*(t)."""

    weight: float
    mean: FloatArray
    conjugate: float

    def within(self, family: ExponentialFamily) -> float | None:
        """sum w a*(t) - W a*(mean t): the loss of all rows where every mu is the mean.

        None where the difference of the two would lose digits, as for numbers far from zero.
        """
        together = float(self.weight * family.conjugate(self.mean)[0])
        return self.conjugate - together if _keeps(self.conjugate, together) else None


def moments(objective: Objective) -> Moments | None:
    """What a model that tells no rows apart sees of them; None where an offset is no unit."""
    data, family, power = objective.data, objective.family, power_of(objective.family)
    if data.offset is None:
        mean = weighted_mean(family.T, data.y, data.weight)
        mean = mean[None] if family.vector else mean
        return Moments(weight_of(data.weight), mean, float(weighed(data.weight, data.conjugate)))
    if power is None or not absorbs(objective):
        return None
    parts = slices(data.n, LONG)
    weight, total, conjugate = ordered_sum(lambda rows: _in_units(data.take(rows), power), parts).tolist()
    return Moments(weight, np.array([total / weight]), conjugate)


def _in_units(data: Data, power: float) -> FloatArray:
    """The sums over some rows of w, w t and w a*(t) `without_offset`, (3,), from a*(t) as it was: that w a*(t) does not
    change where a* is a power, and where p is 1 or 2 and a* a logarithm by as much as the offset says."""
    t, w, offset = data.y, data.weight, data.offset
    assert offset is not None
    unit, conjugate = np.exp(offset), weighed(w, data.conjugate)
    if power == 1:
        return np.array([weighed(w, unit), weighed(w, t), conjugate - weighed(w, t * offset)])
    if power == 2:
        return np.array([weight_of(w), weighed(w, t / unit), conjugate + weighed(w, offset)])
    return np.array([weighed(w, unit ** (2 - power)), weighed(w, t * unit ** (1 - power)), conjugate])


def _keeps(apart: float, together: float) -> bool:
    """Does the difference keep its digits?"""
    return apart - together > KEPT * max(abs(apart), abs(together))


def _around(family: ExponentialFamily, t: FloatArray, mean: FloatArray, weight: FloatArray) -> float:
    """sum w (a*(t) + a(psi) - psi t) of rows around the means of their cells, row by row."""
    away = (t != mean) & (weight > 0)
    at = At(mean[away], t[away], family.conjugate(t[away]), Level.VALUE)
    return weighted(family, Identity(), at, weight[away]).value


def without_offset(objective: Objective) -> tuple[FloatArray, FloatArray, FloatArray | None]:
    """t, w and no offset with the same likelihood: where V(mu) = mu^p and the link is log, an offset is a unit.

    t exp(-offset) with weight w exp((2 - p) offset): Tweedie families are closed under scaling (Jorgensen 1987).
    """
    data, power = objective.data, power_of(objective.family)
    if data.offset is None or power is None or not absorbs(objective):
        return data.y, data.weight, data.offset
    unit = np.exp(data.offset)
    return data.y / unit, data.weight * unit ** (2 - power), None


def absorbs(objective: Objective) -> bool:
    """Is an offset a unit, as in `without_offset`, of a size that can be computed with?"""
    offset, power = objective.data.offset, power_of(objective.family)
    if power is None or not isinstance(objective.link, Log):
        return False
    if offset is None:
        return True
    low, high = extent(offset)
    return max(1.0, abs(2 - power)) * max(high, -low) <= FAR


def unit_free(objective: Objective) -> Objective:
    """The same loss without an offset, where that is a unit or there is none."""
    if objective.data.offset is None:
        return objective
    y, weight, offset = without_offset(objective)
    data = replace(objective.data, y=y, conjugate=objective.family.conjugate(y), weight=weight, offset=offset)
    return replace(objective, data=data)


def power_of(family: ExponentialFamily) -> float | None:
    """p of V(mu) = mu^p."""
    if isinstance(family, Tweedie):
        return float(family.power)
    known = {Poisson: 1.0, QuasiPoisson: 1.0, Gamma: 2.0, InverseGaussian: 3.0}
    return known.get(type(family))


def _summed(objective: Objective, place: AnyArray, first: AnyArray) -> Data:
    """A row for every cell that has one: `place` (n,) numbers the cell of a row, `first` is the first row of a cell."""
    data, family = objective.data, objective.family
    t, weight = np.empty(data.n), np.empty(data.n)

    def part(rows: slice) -> float:
        t[rows], weight[rows], _ = without_offset(replace(objective, data=data.take(rows)))
        own = data.conjugate[rows] if data.offset is None else family.conjugate(t[rows])
        return float(weight[rows] @ own)

    apart = ordered_sum(part, slices(data.n))
    total = np.asarray(np.bincount(place, weight, len(first)), dtype=float)
    held = np.flatnonzero(total > 0)
    mean = np.bincount(place, weight * t, len(first))[held] / total[held]
    conjugate = family.conjugate(mean)
    together = float(total[held] @ conjugate)
    within = apart - together
    if not _keeps(apart, together):
        means = np.zeros(len(first))
        means[held] = mean
        within = _around(family, t, means[place], weight)
    design = data.design.take(first[held])
    return Data(design, mean, conjugate, total[held], None, within, data.total, data.n)
