"""From an objective to a problem: standard coordinates, the null model, independent columns, a feasible start."""

from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from expfam._typing import BoolArray, FloatArray
from expfam.design import Design
from expfam.design.standard import Standard, placed, restrict, standardise
from expfam.design.written import few, scaled, standard_of, written_out
from expfam.errors import SolverError
from expfam.information import CLEAR, RANK_TOL, Arrow, Full, Information, Root, independent, independent_of_root
from expfam.objective import Data, Evaluation, Objective
from expfam.parallel import meanwhile
from expfam.response import Level
from expfam.solvers.leftover import independent_by_rows, independent_by_some
from expfam.solvers.problem import Null, Problem, Tell, affordable, rootable
from expfam.solvers.short import evaluated
from expfam.solvers.start import null_model, scale_of, starting_point
from expfam.solvers.warm import sample


@dataclass(frozen=True, slots=True)
class Posed:
    """A problem, and the coordinates that take its solution back."""

    problem: Problem
    standard: Standard


def pose(
    objective: Objective,
    tol: float,
    max_iter: int,
    seed: int,
    tell: Tell,
    near: FloatArray | None = None,
    frequency: FloatArray | None = None,
) -> Posed:
    """The problem of an objective that is written in the columns' own units.

    It starts at `near`, (p,) or (p, d) in those units, if that is given and F is finite there; else where a sample of
    the rows or the null model say. `frequency` (n,) is how often each row is there, None for once.
    """
    data = objective.data
    chosen = sample(objective, data.design.p * objective.classes, seed) if near is None else None
    holds, stiff = objective.penalty.holds, objective.penalty.diagonal
    drawing = None if chosen is None else meanwhile(partial(data.take, chosen))
    null = null_model(objective)
    drawn = None if drawing is None else drawing()
    written = few(data.design)  # asked once: without columns that are constant it might be few
    if written:
        design = written_out(data.design)
        standard = standard_of(design, data.weight, holds, stiff)
    else:
        some = None if drawn is None else (drawn.design, drawn.weight)
        design, standard = standardise(data.design, data.weight, holds, stiff, some)
    seen = _seen(objective, design, standard, written)
    start = starting_point(seen, null) if near is None else _feasible(seen, standard.inverse(near), null)
    rows = None if drawn is None else replace(drawn, design=placed(drawn.design, standard))
    kept, first, sampled = _independent(seen, rows, start)
    _check_moves(seen, first)
    if near is not None and not kept.all():  # weights may vanish there, and with them what tells columns apart
        plain = starting_point(seen, null)
        again, *found = _independent(seen, rows, plain)
        if (again != kept).any():
            start, kept, (first, sampled) = plain, again, found
    if not kept.all():
        standard = standard.restricted(kept)
        seen = _seen(objective, design, standard, written)
        rows = None if rows is None else replace(rows, design=restrict(rows.design, standard))
        first, sampled = None if first is None or np.any(start[~kept]) else _restricted(first, kept), None
        start = start[kept] if first is not None else starting_point(seen, null)
    problem = Problem(
        seen, start, first, rows, scale_of(seen, null), null, tol, max_iter, seed, tell,
        frequency=frequency, original=standard.original, sampled=sampled,
    )  # fmt: skip
    return Posed(problem, standard)


def _check_moves(objective: Objective, first: Evaluation | None) -> None:
    """SolverError where an offset takes all rows so far that their curvature is no number any more."""
    offset = objective.data.offset
    if offset is None or first is None or first.hessian is None or first.hessian.diagonal.any():
        return
    raise SolverError(
        f"the offset, from {offset.min():.4g} to {offset.max():.4g}, takes every row so far into a tail of the "
        f"{objective.link.name} link that no coefficient moves its mean: there is nothing to fit by. Check the offset, "
        "which is on the scale of the linear predictor; an intercept undoes one that is the same in all rows, and a "
        "link of heavier tails, such as logit or cauchit, goes further"
    )


def _feasible(objective: Objective, start: FloatArray, null: Null) -> FloatArray:
    """The start, if all means are inside their domain there."""
    return start if np.isfinite(objective(start, Level.VALUE).value) else starting_point(objective, null)


def _seen(objective: Objective, design: Design, standard: Standard, written: bool) -> Objective:
    """The objective as a function of beta, its design in the columns' own units given; `written`: it is written out."""
    design = scaled(design, standard) if written else restrict(design, standard)
    data = replace(objective.data, design=design)
    kept = np.flatnonzero(standard.kept)
    return replace(objective, data=data, penalty=objective.penalty.congruence(standard.scale, kept))


def _independent(
    objective: Objective, rows: Data | None, start: FloatArray
) -> tuple[BoolArray, Evaluation | None, Evaluation | None]:
    """Which columns to keep; F at the start and the loss of some `rows` there, where those had to be computed.

    Columns that are clearly independent on some rows are so on all of them.
    """
    q = objective.data.design.p
    if not affordable(objective, start.size):
        return np.ones(q, dtype=bool), None, None
    sampled, asked = None, ~objective.penalty.corners
    if rows is not None:
        few = replace(objective, data=rows)
        sampled = few.loss(start)
        information = few.penalised(sampled, start, 1.0).hessian
        if information is not None and np.isfinite(sampled.value):
            kept = _told(objective, rows, start, _part(information, asked))
            if kept is not None:
                return kept, None, sampled
    first = evaluated(objective)(start)
    return _kept(objective, start, first, asked), first, sampled


def _told(objective: Objective, rows: Data, start: FloatArray, hessian: Information) -> BoolArray | None:
    """Which columns to keep, where some rows with this information tell."""
    if _free(hessian, CLEAR).all():
        return np.ones(objective.data.design.p, dtype=bool)
    if isinstance(hessian, Arrow) or not objective.penalty.is_zero:
        return None
    asked = ~objective.penalty.corners

    def gram_of(data: Data) -> FloatArray:
        found = replace(objective, data=data)(start).hessian
        assert found is not None
        return _part(found, asked).matrix

    return independent_by_some(objective, rows, hessian.matrix, gram_of)


def _kept(objective: Objective, start: FloatArray, first: Evaluation, asked: BoolArray) -> BoolArray:
    """Which columns are no combination of earlier ones among those asked about, and all others, (q,).

    A corner holds its coefficient whatever the rank: with it F has a minimum, which may well be at several thetas. The
    columns without one are judged with those at zero, by F at the start and, in doubt, by the rows.
    """
    assert first.hessian is not None
    kept = np.ones(len(asked), dtype=bool)
    hessian = _part(first.hessian, asked)
    if not _free(hessian, CLEAR).all():
        kept[asked] = _settled(objective, start, hessian, asked)
    return kept


def _settled(objective: Objective, start: FloatArray, hessian: Information, asked: BoolArray) -> BoolArray:
    """Which of the columns asked about, whose information is given, are no combination of earlier ones on all rows."""
    if isinstance(hessian, Arrow):
        return _free(hessian, RANK_TOL)
    if objective.penalty.is_zero and not objective.observed:
        found = independent_by_rows(objective, start, hessian.matrix)
        if found is not None:
            return found
    if not rootable(objective, start):
        return _free(hessian, RANK_TOL)
    root = _part(objective.root(start), asked)
    assert isinstance(root, Root)
    return independent_of_root(root.triangle)


def _part(hessian: Information, asked: BoolArray) -> Information:
    """The information of the first class for the columns asked about."""
    others = np.zeros(len(hessian.diagonal) - len(asked), dtype=bool)
    return hessian if asked.all() and not len(others) else hessian.part(np.concatenate([asked, others]))


def _free(hessian: Information, tol: float) -> BoolArray:
    """Which columns are no combination of earlier ones, by their information."""
    if isinstance(hessian, Full) and hessian.clear:
        return np.ones(len(hessian.matrix), dtype=bool)
    return hessian.independent(tol) if isinstance(hessian, Arrow) else independent(hessian.matrix, tol)


def _restricted(at: Evaluation, kept: BoolArray) -> Evaluation:
    """F at the same point as a function of the kept coefficients alone."""
    assert at.gradient is not None
    assert at.hessian is not None
    inside = np.tile(kept, at.gradient.size // len(kept))
    return Evaluation(at.value, at.gradient[kept], at.hessian.part(inside))
