"""The fit that a stream amounts to: H^-1 S H^-1 or phi H^-1 as its covariance, remembered losses as its deviance."""

from collections.abc import Mapping

import numpy as np

from expfam._typing import FloatArray
from expfam.diagnostics.certificate import Certificate
from expfam.fit import Fit
from expfam.inference.statistics import Statistics
from expfam.information import Factor, Full
from expfam.information.covariance import Apart, Written
from expfam.model import Model
from expfam.solvers import Status
from expfam.solvers.implicit import Memory
from expfam.solvers.learning import Learning
from expfam.solvers.optimality import by_class, from_classes
from expfam.stream import walking
from expfam.stream.walking import Walked


def dispersion(model: Model, memory: Memory) -> float:
    """1 where the family fixes it, else sum w (t - mu)^2 / V after each batch, over what each left free."""
    if model.family.fixed_dispersion:
        return 1.0
    return memory.pearson / memory.free if memory.free > 0 else np.nan


def factor(memory: Memory) -> Factor:
    """H with its pseudo-rows, factorised."""
    return Full(memory.metric).factor()


def covariance(model: Model, memory: Memory, kind: str) -> FloatArray:
    """(p d, p d), NaN for coefficients that were never met: "HC0" the sandwich, valid where the variance is not the
    family's; "model" phi H^-1."""
    bread = factor(memory).inverse().full()
    if kind == "model":
        found = dispersion(model, memory) * bread
    else:
        assert memory.meat is not None, "a stream asked for HC0 keeps its scores"
        found = bread @ memory.meat @ bread
    unmet = np.tile(~memory.met, len(found) // len(memory.met))
    found[unmet], found[:, unmet] = np.nan, np.nan
    return found


def errors(model: Model, memory: Memory, kind: str) -> FloatArray:
    """Standard errors in the shape of theta; NaN under a penalty that selects."""
    if not model.penalty.smooth:
        return np.full_like(memory.theta, np.nan)
    with np.errstate(invalid="ignore"):
        return from_classes(np.sqrt(np.diagonal(covariance(model, memory, kind))), memory.theta)


def fit_of_walk(
    model: Model, memory: Walked, null: Memory, kind: str, lost: tuple[int, Mapping[str, int]], way: Learning
) -> Fit:
    """A frozen fit of steps of first order, errors of its coefficients by random scaling where it is an average; its
    deviance is twice the loss of rows before they were learned from, which is a little more than that of the fit."""
    d, fixed = memory.theta[0:1].size, model.family.fixed_dispersion
    free = float(np.count_nonzero(memory.theta))
    left = memory.rows * d - free
    deviance = 2 * memory.progressive
    phi = 1.0 if fixed else deviance / left if left > 0 else np.nan
    sums = Statistics(
        memory.rows, memory.weight, free, left, deviance, 2 * null.value, phi, fixed, np.nan,
        "fixed" if fixed else "deviance", 0,
    )  # fmt: skip
    certificate = _certificate(memory.rows, np.nan)
    apart = None
    if model.penalty.smooth and memory.how.average == "polyak":
        apart = Apart(by_class(walking.errors(memory) ** 2))
    return Fit(
        model, memory.theta, memory.met, apart, sums, certificate, lost[1], lost[0], kind, None,
        "model" if apart is None else "random scaling", learning=way,
    )  # fmt: skip


def _certificate(rows: int, condition: float) -> Certificate:
    """Each row was read once, and there is nothing left to certify the answer by."""
    status = Status.WALKED if np.isnan(condition) else Status.STREAMED
    return Certificate(
        gradient=np.nan, raw=np.nan, kkt=np.nan, decrement=np.nan, condition=condition, tol=np.nan, aliased=(),
        separation=None, status=status, steps=0, passes=1.0, hessians=0.0 if np.isnan(condition) else 1.0,
        rows=rows, summed_from=rows, timings={},
    )  # fmt: skip


def fit_of(
    model: Model, memory: Memory, null: Memory, vcov: str, kind: str, lost: tuple[int, Mapping[str, int]], way: Learning
) -> Fit:
    """A frozen fit without rows: everything that a fit says of its numbers and of new rows.

    `lost` are the rows left out, and their missing values by column; `way` is how it came there.
    """
    d = memory.theta[0:1].size
    met = memory.met
    phi, free = (
        dispersion(model, memory),
        float(met.sum() * d if model.penalty.smooth else np.count_nonzero(memory.theta)),
    )
    fixed = model.family.fixed_dispersion
    slope = model.penalty.bind(model.names).gradient(memory.theta)
    half = memory.value - memory.weight * float(np.vdot(memory.theta, slope)) / 2
    sums = Statistics(
        memory.rows, memory.weight, free, memory.rows * d - free, max(2 * half, 0.0), 2 * null.value, phi,
        fixed, np.nan, "fixed" if fixed else "pearson", 0,
    )  # fmt: skip
    certificate = _certificate(memory.rows, factor(memory).condition)
    held = Written(covariance(model, memory, vcov)) if model.penalty.smooth else None
    return Fit(model, memory.theta, met, held, sums, certificate, lost[1], lost[0], kind, None, vcov, learning=way)
