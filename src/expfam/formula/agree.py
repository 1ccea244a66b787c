"""Does a schema agree with itself? What its variables are and how terms are coded follows from what else it says."""

from collections.abc import Callable
from functools import partial
from typing import TypeVar

import numpy as np

from expfam.data.table import Table, read
from expfam.errors import ExpfamError
from expfam.formula import algebra, coding
from expfam.formula.coding import Variable
from expfam.formula.expression import Node
from expfam.formula.interpret import replayer, variable
from expfam.formula.learn import describe, plan
from expfam.formula.roles import worth
from expfam.formula.schema import ROLES, Schema

EMPTY = {"number": np.float64, "text": np.str_, "bool": np.bool_}
T = TypeVar("T")


def check_agrees(schema: Schema) -> None:
    """ValueError with the name of the first part that does not follow from the others, found out on a table of no rows:
    before any rows are learned from or predicted."""
    for name, kind in schema.columns.items():
        _same(f"columns.{name}", kind, "number, text or bool", kind in tuple(EMPTY))
    trees = _part("response, terms, offsets", lambda: plan(schema, tuple(schema.columns)))
    read_by = "the columns of response, terms and offsets"
    _same("columns", list(schema.columns), f"{read_by} {list(trees.columns)}", set(schema.columns) == {*trees.columns})
    nodes = tuple(algebra.variables(trees.terms))
    texts = [node.text for node in nodes]
    _same("variables", list(schema.variables), f"those of terms {texts}", set(schema.variables) == set(texts))
    nothing = read({name: np.zeros(0, EMPTY[kind]) for name, kind in schema.columns.items()}, empty=True)
    for node in nodes:
        known = schema.variables[node.text]
        found = _part(f"states.{node.text}", partial(_described, node, schema, nothing))
        _same(f"variables.{node.text}", known, f"by its state {found}", known == found)
    for role in ROLES:
        if asked := trees.asks(role):
            _part(f"states of {role}", partial(worth, role, asked, nothing, replayer(schema.states)))
    factors = frozenset(text for text, known in schema.variables.items() if known.levels)
    terms = coding.code([term.variables for term in schema.terms], factors)
    _same("terms", schema.terms, f"by R's rule {terms}", terms == schema.terms)


def _described(node: Node, schema: Schema, table: Table) -> Variable:
    """What a variable of a term is by what was learned."""
    return describe(node.text, variable(node, table, replayer(schema.states)))


def _part(place: str, make: Callable[[], T]) -> T:
    try:
        return make()
    except (ExpfamError, LookupError, TypeError, ValueError, AttributeError) as error:
        raise ValueError(f"{place}: {type(error).__name__}: {error}") from None


def _same(place: str, found: object, wanted: str, same: bool) -> None:
    if not same:
        raise ValueError(f"{place}: {found!r}, where {wanted} belongs")
