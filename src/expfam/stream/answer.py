"""The fit that a stream amounts to: H^-1 S H^-1 or phi H^-1 as its covariance, remembered losses as its deviance."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import compress
from typing import Any
from warnings import warn

import numpy as np

from expfam._typing import BoolArray, FloatArray
from expfam.data.names import some
from expfam.diagnostics.certificate import Certificate
from expfam.errors import AliasWarning, SeparationWarning
from expfam.fit import Fit
from expfam.inference.separation import Separation
from expfam.inference.statistics import Statistics
from expfam.information import Factor, Full
from expfam.information.covariance import Apart, Covariance, Written
from expfam.information.mapped import Mapped
from expfam.model import Model
from expfam.solvers import Status
from expfam.solvers.implicit import Memory
from expfam.solvers.learning import Learning
from expfam.solvers.optimality import by_class, from_classes
from expfam.solvers.pseudo import ALIASED, inflation
from expfam.stream import walking
from expfam.stream.held import Held, held
from expfam.stream.walking import Walked


def dispersion(model: Model, memory: Memory) -> float:
    """1 where the family fixes it, else sum w (t - mu)^2 / V after each batch, over what each left free; NaN where rows
    are no more than coefficients."""
    if model.family.fixed_dispersion:
        return 1.0
    return memory.pearson / memory.free if memory.free > 0 and memory.rows > memory.met.sum() else np.nan


def factor(memory: Memory) -> Factor:
    """H with its pseudo-rows, factorised."""
    return Full(memory.metric).factor()


@dataclass(frozen=True, slots=True, eq=False)
class Context:
    """What a fit says beside its numbers: the kind of the frames, rows left out, their missing values by column, how it
    came there; and the map `back` (p, p), sparse, to its coefficients from those learned."""

    kind: str
    left_out: int
    lacking: Mapping[str, int]
    way: Learning
    back: Any


def own(theta: FloatArray, back: Any) -> FloatArray:
    """The coefficients of the columns as they are, from those learned; (p,) or (p, d)."""
    return np.asarray(back @ theta)


def aliased(memory: Memory) -> BoolArray:
    """Which coefficients only the pseudo-rows tell from others, (p d,)."""
    return np.asarray(inflation(memory.information) >= ALIASED)


def _tell_aliased(model: Model, memory: Memory, found: Covariance) -> None:
    """AliasWarning where there are such coefficients, once there are rows enough to tell: errors of NaN though met."""
    lost = np.tile(memory.met, found.size // len(memory.met)) & aliased(memory)
    if lost.any() and memory.rows > memory.met.sum():
        names = some(name for name, away in zip(model.flat_names, lost, strict=True) if away)
        warn(
            f"{names}: the rows so far do not tell these columns from others, and their errors are NaN. Leave some "
            "out; of a column far from zero in a product or a square, such as a time stamp by a factor, take the "
            "distance from its mean, or keep the other columns of the product (t*g for t:g)",
            AliasWarning,
            stacklevel=4,
        )


def _tell_held(model: Model, found: Held) -> None:
    """SeparationWarning for coefficients that the prior alone holds."""
    which = found.which
    warn(f"{some(compress(model.flat_names, which))}: {Status.HELD.value}", SeparationWarning, stacklevel=4)


def covariance(memory: Memory, kind: str, phi: float, bread: FloatArray, back: Any, away: Held | None) -> Covariance:
    """(p d, p d): "HC0" the sandwich, valid where the variance is not the family's; "model" phi H^-1, of H factorised.

    `bread` is (H + P)^-1. NaN for coefficients that were never met, or that only the pseudo-rows tell from others, and
    for all while there are no more rows than coefficients. `away` are those that only the pseudo-rows hold: their
    scores are zero, so that the sandwich is NaN for them, and takes phi (H + P)^-1 for what depends on them.
    """
    lost = aliased(memory)
    if kind == "model":
        found = phi * bread
    else:
        assert memory.meat is not None, "a stream asked for HC0 keeps its scores"
        found = bread @ memory.meat @ bread
        if away is not None:
            found, lost = found + phi * away.covariance, lost | away.which
    classes = len(found) // len(memory.met)
    unmet = np.tile(~memory.met, classes)
    found[unmet], found[:, unmet] = 0.0, 0.0
    if memory.rows <= memory.met.sum():
        found[:] = np.nan
    return Mapped(Written(found), back, unmet | lost)


def errors(model: Model, memory: Memory, kind: str, back: Any) -> FloatArray:
    """Standard errors in the shape of theta; NaN under a penalty that selects."""
    if not model.penalty.smooth:
        return np.full_like(memory.theta, np.nan)
    with np.errstate(invalid="ignore"):
        phi, bread = dispersion(model, memory), factor(memory).inverse().full()
        found = covariance(memory, kind, phi, bread, back, held(model, memory, phi, bread, back))
        return from_classes(np.sqrt(found.diagonal), memory.theta)


def walked_errors(model: Model, memory: Walked, back: Any) -> FloatArray:
    """By random scaling, in the shape of theta. They are those of single coefficients: NaN for one that is far from the
    rows, a sum of several; and NaN without a Polyak average or under a penalty that selects."""
    if not model.penalty.smooth:
        return np.full_like(memory.theta, np.nan)
    found = walking.errors(memory)
    found[np.diff(back.indptr) > 1] = np.nan
    return found


def fit_of_walk(model: Model, memory: Walked, null: Memory, context: Context) -> Fit:
    """A frozen fit of steps of first order, errors of its coefficients by random scaling where it is an average; its
    deviance is twice the loss of rows before they were learned from, which is a little more than that of the fit."""
    d, fixed = memory.theta[0:1].size, model.family.fixed_dispersion
    free = float(np.count_nonzero(memory.theta))
    left = memory.rows * d - free
    deviance = 2 * memory.progressive
    phi = 1.0 if fixed else deviance / left if left > 0 else np.nan
    sums = Statistics(
        memory.rows, memory.weight, free, left, deviance, _null_deviance(null), phi, fixed, np.nan,
        "fixed" if fixed else "deviance", 0,
    )  # fmt: skip
    certificate = _certificate(memory.rows, np.nan)
    apart = None
    if model.penalty.smooth and memory.how.average == "polyak":
        apart = Apart(by_class(walked_errors(model, memory, context.back) ** 2))
    return Fit(
        model, own(memory.theta, context.back), memory.met, apart, sums, certificate, context.lacking,
        context.left_out, context.kind, None, "model" if apart is None else "random scaling", learning=context.way,
    )  # fmt: skip


def _null_deviance(null: Memory) -> float:
    """NaN where eta = offset is no mean of the family."""
    return 2 * null.value if np.isfinite(null.value) else np.nan


def _certificate(rows: int, condition: float, away: Separation | None = None) -> Certificate:
    """Each row was read once, and there is nothing left to certify the answer by."""
    status = Status.WALKED if np.isnan(condition) else Status.STREAMED if away is None else Status.HELD
    return Certificate(
        gradient=np.nan, raw=np.nan, kkt=np.nan, decrement=np.nan, condition=condition, tol=np.nan, aliased=(),
        separation=away, status=status, steps=0, passes=1.0, hessians=0.0 if np.isnan(condition) else 1.0,
        rows=rows, summed_from=rows, timings={},
    )  # fmt: skip


def fit_of(model: Model, memory: Memory, null: Memory, vcov: str, context: Context) -> Fit:
    """A frozen fit without rows: everything that a fit says of its numbers and of new rows."""
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
        memory.rows, memory.weight, free, memory.rows * d - free, max(2 * half, 0.0), _null_deviance(null), phi,
        fixed, np.nan, "fixed" if fixed else "pearson", 0,
    )  # fmt: skip
    known = factor(memory)
    bread = known.inverse().full()
    away = held(model, memory, phi, bread, context.back) if model.penalty.smooth else None
    apart = None if away is None else away.separation(model.flat_names, memory.rows)
    certificate = _certificate(memory.rows, known.condition, apart)
    spread = covariance(memory, vcov, phi, bread, context.back, away) if model.penalty.smooth else None
    if spread is not None:
        _tell_aliased(model, memory, spread)
    if away is not None:
        _tell_held(model, away)
    return Fit(
        model, own(memory.theta, context.back), met, spread, sums, certificate, context.lacking,
        context.left_out, context.kind, None, vcov, learning=context.way,
    )  # fmt: skip
