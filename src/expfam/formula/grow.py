"""A Schema that goes on learning: levels in the order in which a stream brings them, each with its own coefficient."""

from dataclasses import replace

import numpy as np

from expfam._typing import FloatArray
from expfam.data.names import some
from expfam.data.table import Table
from expfam.errors import SchemaError
from expfam.formula.algebra import variables
from expfam.formula.buckets import bucketed
from expfam.formula.coding import Variable
from expfam.formula.expression import Call, Node, columns_of
from expfam.formula.interpret import replayer, variable
from expfam.formula.learn import Learned, Values, learn_values, plan
from expfam.formula.schema import Request, Schema
from expfam.formula.transforms.factor import recode
from expfam.formula.values import Factor


def begin(request: Request, table: Table, times: FloatArray | None = None) -> Learned:
    """The schema of the first rows of a stream, which stand for so many each (n,): as `learn_values`, but factors have
    their levels as they come.

    So the schema does not depend on where the first rows end. What `center`, `scale`, `poly` and splines learn does.
    """
    found = learn_values(request, table, times, streams=True)
    schema, values = found.schema, dict(found.values)
    for node in variables(plan(schema, tuple(schema.columns)).terms):
        factor = values[node.text]
        if isinstance(factor, Factor) and _free(node):
            if request.hash_bits is not None and not _truth(schema, node):
                schema, factor = _hashed(schema, node.text, factor, request.hash_bits)
            first = (factor.reference,) if factor.reference is not None and _fixed(node, "ref") else ()
            order = tuple(dict.fromkeys(first + _appearance(factor)))
            schema = with_levels(schema, node.text, order, order[0])
            values[node.text] = _recoded(factor, order)
    return Learned(schema, values, found.roles)


def grown(schema: Schema, table: Table) -> tuple[Schema, Values]:
    """The schema with the levels that a table without gaps brings, behind those it has, and the table's variables."""
    recall, values = replayer(schema.states), Values()
    for node in variables(plan(schema, tuple(schema.columns)).terms):
        found = variable(node, table, recall)
        if isinstance(found, Factor) and found.unseen:
            new = tuple(level.label for level in sorted(found.unseen, key=lambda level: level.row))
            _check(schema.variables[node.text], node, new, table, found)
            known = schema.variables[node.text]
            schema = with_levels(schema, node.text, known.levels + new, known.reference)
            found = variable(node, table, replayer(schema.states))
        values[node.text] = found
    return schema, values


def free(schema: Schema) -> tuple[str, ...]:
    """The variables that may have levels yet to come."""
    nodes = variables(plan(schema, tuple(schema.columns)).terms)
    return tuple(node.text for node in nodes if schema.variables[node.text].levels and _free(node))


def _truth(schema: Schema, node: Node) -> bool:
    """Are the labels True and False?"""
    return any(schema.columns[name] == "bool" for name in columns_of(node))


def _hashed(schema: Schema, text: str, factor: Factor, bits: int) -> tuple[Schema, Factor]:
    """The schema that takes labels of a variable to their buckets from now on, and the variable with these for levels.

    So whatever reads its state, for more rows or to predict, hashes too.
    """
    state = {**schema.states[text], "hash": {"name": text, "bits": bits}}
    return replace(schema, states={**schema.states, text: state}), bucketed(factor, text, bits)


def with_levels(schema: Schema, text: str, levels: tuple[str, ...], reference: str) -> Schema:
    """The schema with other levels of a variable."""
    states = {**schema.states, text: {**schema.states[text], "levels": list(levels), "reference": reference}}
    variable = replace(schema.variables[text], levels=levels, reference=reference)
    return replace(schema, states=states, variables={**schema.variables, text: variable})


def _free(node: Node) -> bool:
    """May the factor have other levels than those it has? Not those of cut(), nor where they are listed."""
    return not isinstance(node, Call) or (node.function == "C" and not _fixed(node, "levels"))


def _fixed(node: Node, option: str) -> bool:
    return isinstance(node, Call) and option in dict(node.keywords)


def _check(known: Variable, node: Node, new: tuple[str, ...], table: Table, found: Factor) -> None:
    """SchemaError where new levels would change the meaning of coefficients that are there, or were not asked for."""
    row = table.row(min(level.row for level in found.unseen))
    if not _free(node):
        raise SchemaError(
            f"{known.text} is {new[0]!r} at row {row}, which is none of its levels {some(known.levels)}; add it there",
            row=row,
        )
    if known.contrasts != "treatment":
        raise SchemaError(
            f"{known.text} is {new[0]!r} at row {row}, a new level, and under {known.contrasts} contrasts all "
            "coefficients would change their meaning; take treatment contrasts, or list them: C(x, levels=[...])",
            row=row,
        )


def _appearance(factor: Factor) -> tuple[str, ...]:
    """The levels that occur, in the order of their first rows."""
    codes, first = np.unique(factor.codes, return_index=True)
    return tuple(factor.levels[codes[k]] for k in np.argsort(first))


def _recoded(factor: Factor, order: tuple[str, ...]) -> Factor:
    return replace(recode(factor, order), reference=factor.reference, contrasts=factor.contrasts)
