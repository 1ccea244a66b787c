"""Rows as an objective: the loss of a batch as a function of all coefficients, and of the intercept alone."""

from dataclasses import replace
from itertools import count, takewhile

import numpy as np

from expfam._typing import FloatArray
from expfam.aggregate import absorbs, pooled, unit_free
from expfam.design import Columns, assemble
from expfam.design.standard import recentred
from expfam.errors import SolverError
from expfam.families._mean import mean_of
from expfam.formula.origins import Origins, lay_out, origins_of
from expfam.model import Model
from expfam.objective import Data, Objective
from expfam.penalties import NoPenalty
from expfam.response import At, Level, weighted
from expfam.solvers.implicit import Memory, Options, learn
from expfam.stream.rows import Rows
from expfam.terms import FormulaTerms

MANY = 1 << 20  # rows that may wait for a first event, or for every class


def objectives(
    model: Model, rows: Rows, compiled: bool, origins: Origins = (), seek: bool = False
) -> tuple[Objective, Objective]:
    """The loss of some rows as a function of all coefficients, of numbers less their origins, and of the intercept
    alone."""
    assert isinstance(model.terms, FormulaTerms)
    schema = model.terms.schema
    columns = lay_out(schema, rows.variables(schema), origins)
    design = assemble(columns, rows.n, compiled, seek=seek)
    alone = assemble((Columns(("Intercept",)),), rows.n, compiled)
    conjugate = model.family.conjugate(model.family.T(rows.y))
    data = Data(design, rows.y, conjugate, rows.weight, rows.offset if rows.offset.any() else None)
    penalty, none = model.penalty.bind(design.names), NoPenalty().bind(alone.names)
    return (
        Objective(model.family, model.link, penalty, data),
        Objective(model.family, model.link, none, replace(data, design=alone)),
    )


def origins(model: Model, rows: Rows) -> Origins:
    """What is taken off numbers that are far from zero in some rows. Under a penalty coefficients mean what they are in
    plain columns, but for the intercept."""
    assert isinstance(model.terms, FormulaTerms)
    schema, plain = model.terms.schema, model.penalty.bind(model.names).is_zero
    return origins_of(schema, rows.variables(schema), [plain or not term.variables for term in schema.terms])


def part_of(objective: Objective, rows: slice) -> Objective:
    """The same of some of the rows."""
    return replace(objective, data=objective.data.take(rows))


def centred(objective: Objective, centre: FloatArray) -> Objective:
    """The same as a function of the coefficients of columns less their `centre` (p,)."""
    if not centre.any():
        return objective
    return replace(objective, data=replace(objective.data, design=recentred(objective.data.design, centre)))


def inside(objective: Objective, like: FloatArray, mean: FloatArray) -> FloatArray:
    """A theta at which all means are those of the intercept alone."""
    found, at = np.zeros_like(like), objective.data.design.intercept
    if at is not None:
        found[at] = mean[0]
    return found


def begun(objective: Objective, memory: Memory, start: FloatArray) -> Memory:
    """A memory of no rows at `start`, where its pseudo-rows are then, if rows have a loss there: at zero they pull
    means of thousands that are not learned anew."""
    if memory.rows or not np.isfinite(objective.loss(start, Level.VALUE).value):
        return memory
    return replace(memory, theta=start)


def begins(model: Model, rows: Rows) -> bool:
    """Have some rows a mean response that the model can have? Not where none is an event, or a class lacks."""
    mean, (lo, hi) = mean_of(model.family, rows.y, rows.weight), model.family.mean_domain
    with np.errstate(all="ignore"):
        eta = model.link(mean[None] if model.family.vector else mean)
    return bool(((mean > lo) & (mean < hi)).all() and np.isfinite(eta).all())


def lead(model: Model, rows: Rows, first: int) -> int | None:
    """How many rows a first batch has: `first`, or twice as many, and so on, until it begins; None: it has to wait."""
    sizes = takewhile(lambda size: size <= rows.n, (first << k for k in count()))
    found = next((size for size in sizes if begins(model, rows.take(slice(0, size)))), None)
    if found is None and rows.n >= MANY:
        raise SolverError(f"{waits(model, rows)}, which are as many as may wait")
    return found


def waits(model: Model, rows: Rows) -> str:
    """Why rows that do not begin are not learned from."""
    mean = mean_of(model.family, rows.y, rows.weight)
    return (
        f"the mean response of the first {rows.n:,} rows is {', '.join(f'{part:.4g}' for part in mean)}, which "
        f"the {model.family.name} family with the {model.link.name} link cannot have (one class only, or all zero?); "
        "they wait for rows that change it"
    )


def rested(
    objective: Objective, alone: Objective, memory: Memory, how: Options, frequency: FloatArray | None, offsets: bool
) -> Memory:
    """What the null model learns from a batch: the intercept alone; eta = offset where there is none.

    But for offsets that are no unit it is exact, whatever order rows come in: rows before are one of their mean.
    """
    centre = objective.data.design.intercept is not None
    if centre and offsets and not absorbs(alone):
        return learn(alone, memory, how, frequency, memory.theta)
    times, past = alone.data.n if frequency is None else int(frequency.sum()), how.keep**alone.weight
    theta, apart, before = np.zeros_like(memory.theta), 0.0, past * memory.weight
    if centre:
        alone = unit_free(alone)
        theta, apart = _moved(alone, memory.theta, before)
    value = past * memory.value + apart + (pooled(alone) or alone).loss(theta, Level.VALUE).value
    return replace(memory, theta=theta, value=value, weight=before + alone.weight, rows=memory.rows + times)


def _moved(alone: Objective, theta: FloatArray, before: float) -> tuple[FloatArray, float]:
    """The intercept of rows before, of this weight and the mean at theta, and those of a batch; and by how much their
    loss grows with it."""
    family, link, data = alone.family, alone.link, alone.data
    known, new = link.inverse(theta), mean_of(family, data.y, data.weight)
    both = link((before * known + alone.weight * new) / (before + alone.weight))
    grown = weighted(family, link, At(both, known, family.conjugate(known), Level.VALUE), np.array([before]))
    return both, grown.value
