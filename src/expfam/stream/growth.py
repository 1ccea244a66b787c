"""Levels that come late: the model that knows them, and what was learned with coefficients for them."""

from dataclasses import replace

import numpy as np

from expfam._typing import FloatArray, IntArray
from expfam.families import Categorical
from expfam.formula.grow import free, with_levels
from expfam.formula.schema import Schema
from expfam.model import Model
from expfam.solvers.implicit import Memory
from expfam.stream.rows import Rows
from expfam.terms import FormulaTerms


def schema_of(model: Model) -> Schema | None:
    """The terms with their levels, once a row has come."""
    return model.terms.schema if isinstance(model.terms, FormulaTerms) else None


def met(known: Model, model: Model, rows: Rows) -> Model:
    """The model with the levels of a batch and of those before, itself where no level is new; they are numbered as they
    came."""
    schema, before = schema_of(known), schema_of(model)
    assert schema is not None
    changed = before is None
    for text in free(schema):
        variable = schema.variables[text]
        count, had = int(rows.values[text].max()) + 1, 0 if before is None else len(before.variables[text].levels)
        changed |= count > had
        if max(count, had) < len(variable.levels):
            schema = with_levels(schema, text, variable.levels[: max(count, had)], variable.reference)
    return replace(known, terms=FormulaTerms(schema)) if changed else model


def places(before: Model, after: Model) -> IntArray:
    """Where the coefficients of a model are among those of one with more levels."""
    place = {name: j for j, name in enumerate(after.names)}
    return np.array([place[name] for name in before.names])


def widened(memory: Memory, at: IntArray, shape: tuple[int, ...]) -> Memory:
    """A memory of more coefficients: those it has are number `at` (p,) among the new ones."""
    p, d = shape[0], int(np.prod(shape[1:]))
    flat = np.concatenate([at + k * p for k in range(d)])

    theta, places = np.zeros(shape), np.zeros((4, p))
    theta[at], places[:, at] = memory.theta, memory.places

    def wide(old: FloatArray, new: float) -> FloatArray:
        out = new * np.eye(p * d)
        out[np.ix_(flat, flat)] = old
        return out

    pull = None if memory.pull is None else np.zeros(p * d)
    if pull is not None:
        pull[flat] = memory.pull
    meat = None if memory.meat is None else wide(memory.meat, 0.0)
    information, prior = wide(memory.information, 0.0), wide(memory.prior, 1.0)
    share = None if memory.share is None else np.ones(p)
    if share is not None:
        share[at] = memory.share
    return replace(
        memory, theta=theta, information=information, meat=meat, prior=prior, places=places, pull=pull, share=share
    )


def classes_of(model: Model, classes: tuple[str, ...]) -> Model:
    """The model with the classes of its response named beforehand."""
    family = model.family.with_classes(len(classes)) if isinstance(model.family, Categorical) else model.family
    return replace(model, family=family, classes=classes)
