"""From a request and a table to a Schema: levels, means, knots and cut points, learned in one pass."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from expfam._typing import BoolArray, FloatArray
from expfam.data.table import Table
from expfam.errors import FormulaError, SchemaError
from expfam.formula import algebra, coding
from expfam.formula.coding import Variable
from expfam.formula.expression import Call, Node, columns_of, parse
from expfam.formula.interpret import learner, value, variable
from expfam.formula.schema import ROLES, Request, Schema
from expfam.formula.values import Factor, State

Values: TypeAlias = dict[str, Factor | FloatArray]


@dataclass(frozen=True, slots=True)
class Plan:
    """The trees of a request: the terms, the offset(...) terms, and the expression of each role it names."""

    terms: tuple[tuple[Node, ...], ...]
    offsets: tuple[Node, ...]
    roles: Mapping[str, Node]

    @property
    def predictors(self) -> tuple[str, ...]:
        """Columns the terms read."""
        return _columns(tuple(node for term in self.terms for node in term))

    @property
    def columns(self) -> tuple[str, ...]:
        """All columns read, predictors first."""
        return tuple(dict.fromkeys((*self.predictors, *_columns((*self.offsets, *self.roles.values())))))


def _columns(nodes: tuple[Node, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(column for node in nodes for column in columns_of(node)))


def plan(request: Request | Schema, names: tuple[str, ...]) -> Plan:
    """Parse everything a request (or a schema made of one) says, over the columns `names`."""
    if isinstance(request, Schema):
        terms = tuple(tuple(parse(text, names) for text in term.variables) for term in request.terms)
        offsets = tuple(parse(text, names) for text in request.offsets)
        given = {role: role_text(request, role) for role in ROLES}
        return Plan(terms, offsets, {role: parse(text, names) for role, text in given.items() if text is not None})
    texts = {role: text for role in ROLES[1:] if (text := getattr(request, role)) is not None}
    roles = {role: _plain(role, parse(text, names)) for role, text in texts.items()}
    found = algebra.read(request.formula, names, hidden=_columns(tuple(roles.values())))
    if found.response is not None:
        roles = {"response": found.response, **roles}
    return Plan(found.terms, found.offsets, roles)


def role_text(schema: Schema, role: str) -> str | None:
    """The expression of a role; None if the request has none."""
    text: str | None = schema.response if role == "response" else getattr(schema.request, role)
    return text


def _plain(role: str, node: Node) -> Node:
    if isinstance(node, Call) and node.function in ("offset", "cbind"):
        raise FormulaError(f"{role}={node.text!r}: give the expression itself, without {node.function}(...)")
    return node


def needed(request: Request | Schema, names: tuple[str, ...]) -> tuple[str, ...]:
    """Which of the columns `names` does it read? For reading no more than these from a file."""
    return plan(request, names).columns


def missing_rows(request: Request | Schema, table: Table) -> tuple[BoolArray, dict[str, int]]:
    """Rows (n,) that lack a value in some column read, and how many each such column lacks.

    A NaN counts as missing in a predictor; where only the response, weights, offset, exposure or trials read
    the column it is left for their checks to refuse.
    """
    found = plan(request, table.names if isinstance(request, Request) else tuple(request.columns))
    return missing_in(table, found.columns, frozenset(found.predictors))


def missing_in(table: Table, columns: tuple[str, ...], nan_too: frozenset[str]) -> tuple[BoolArray, dict[str, int]]:
    """Rows with a null in `columns`, or a NaN in those of `nan_too`; counts by column."""
    mask = np.zeros(table.n, bool)
    counts: dict[str, int] = {}
    for name in columns:
        gone = table.missing(name, name in nan_too)
        if gone is not None:
            mask |= gone
            counts[name] = int(gone.sum())
    return mask, counts


def learn(request: Request, table: Table) -> Schema:
    """The Schema of `request` on `table`, whose rows are complete (see missing_rows)."""
    return learn_values(request, table)[0]


def learn_values(request: Request, table: Table) -> tuple[Schema, Values]:
    """The Schema, and the variables of its terms on `table`: what replaying the schema there gives again."""
    if table.n == 0:
        raise SchemaError("no rows are left to learn from; every row lacks a value in some column the model reads")
    found = plan(request, table.names)
    if not found.terms:
        raise FormulaError(f"{request.formula!r} has no terms; give at least one, or 1 for the intercept")
    states: dict[str, State] = {}
    recall = learner(states)
    values: Values = {node.text: variable(node, table, recall) for node in algebra.variables(found.terms)}
    variables = {text: _describe(text, known) for text, known in values.items()}
    factors = frozenset(text for text, known in variables.items() if known.levels)
    terms = coding.code([[node.text for node in term] for term in found.terms], factors)
    _check_levels(terms, variables)
    for node in (*found.offsets, *found.roles.values()):
        for part in node.args if isinstance(node, Call) and node.function == "cbind" else (node,):
            value(part, table, recall)
    response = found.roles.get("response")
    schema = Schema(
        request=request,
        response=None if response is None else response.text,
        terms=terms,
        variables=variables,
        offsets=tuple(node.text for node in found.offsets),
        states={text: state for text, state in states.items() if state},
        columns={name: table.kind_of(name) for name in found.columns},
        n=table.n,
    )
    return schema, values


def _describe(text: str, found: FloatArray | Factor) -> Variable:
    if isinstance(found, Factor):
        return Variable(text, None, found.levels, found.reference or found.levels[0], found.contrasts)
    return Variable(text, found.shape[1] if found.ndim > 1 else None)


def _check_levels(terms: tuple[coding.Term, ...], variables: Mapping[str, Variable]) -> None:
    for term in terms:
        for text, full in zip(term.variables, term.full, strict=True):
            levels = variables[text].levels
            if len(levels) == 1 and not full:
                raise SchemaError(
                    f"factor {text} has one level {levels[0]!r}; it cannot be told from the intercept; leave it out"
                )
