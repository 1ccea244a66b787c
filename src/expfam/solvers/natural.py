"""In what units does a rate make sense? A step that is stable for an average row, and how far eta may well move."""

from dataclasses import dataclass

import numpy as np

from expfam.design.rows import layout
from expfam.objective import Objective
from expfam.solvers.optimality import Scale
from expfam.solvers.problem import Null

LOOKED = 4000  # rows looked at for the typical size of one
POWERS = 15  # steps of the power method


@dataclass(frozen=True, slots=True)
class Natural:
    """rate   what multiplies a rate that is not adapted
    eta    the size of a change of eta: a standard error of one row, but no further than where the mean bends"""

    rate: float
    eta: float


def natural(objective: Objective, null: Null, scale: Scale, batch: int = 1) -> Natural:
    """1 / (W max(top, |x|^2 / batch)), W the Fisher weight of an average row and top the largest eigenvalue of x x';
    less where the noise of a batch would carry eta across |h' / h''|: rare events of a log link have a tiny W and a
    loud score."""
    weight, bend = null.weight / scale.weight, _bend(objective, null)
    size, top = _sizes(objective)
    calm = 1 / (weight * max(top, size / batch))
    noise = scale.response * np.sqrt(weight * max(1.0, size / batch) / batch)
    return Natural(float(min(calm, 0.1 * bend / noise)), float(min(bend, scale.response / np.sqrt(weight))))


def _sizes(objective: Objective) -> tuple[float, float]:
    """The mean of |x|^2 over some rows by weight, and the largest eigenvalue of that of x x', by the power method."""
    data, step = objective.data, max(objective.data.n // LOOKED, 1)
    design, w = data.design, data.weight[::step]
    w = w / w.sum() if w.sum() > 0 else np.full(len(w), 1 / len(w))
    some = design.take(slice(None, None, step))
    dense, indptr, _, values = layout(design).rows(some)
    size = float(w @ np.square(dense).sum(axis=1) + np.repeat(w, np.diff(indptr)) @ np.square(values))
    v, top = np.random.default_rng(0).normal(size=design.p), 0.0
    for _ in range(POWERS):
        v /= np.linalg.norm(v)
        v = design.maps.adjoint(some.adjoint(w * some.forward(design.maps.forward(v))))
        top = float(np.linalg.norm(v))
    return size, max(top, 1.0)


def _bend(objective: Objective, null: Null) -> float:
    """|h' / h''| at the null model: how far eta moves before the mean stops being linear; infinite for the identity.

    For classes 1 / |1 - 2 mu| of the rarest, as for the logistic link.
    """
    link, eta = objective.link, null.eta
    if objective.family.vector:
        slope, bend = 1.0, float(np.abs(1 - 2 * link.inverse(eta[None, :])).max())
    else:
        slope, bend = abs(float(link.derivative(eta)[0])), abs(float(link.second(eta)[0]))
    return slope / bend if bend > 0 else np.inf
