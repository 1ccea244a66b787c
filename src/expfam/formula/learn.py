"""From a request and a table to a Schema: levels, means, knots and cut points, learned in one pass."""

import warnings
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import TypeAlias, TypeVar

import numpy as np

from expfam._typing import BoolArray, FloatArray
from expfam.data.names import some
from expfam.data.numerals import strangers
from expfam.data.share import each
from expfam.data.table import Table
from expfam.errors import DataWarning, FormulaError, SchemaError
from expfam.formula import algebra, coding
from expfam.formula.coding import Variable
from expfam.formula.expression import Call, Name, Node, columns_of, parse
from expfam.formula.interpret import Recall, learner, variable
from expfam.formula.operands import Every
from expfam.formula.roles import Worth, worth
from expfam.formula.schema import ROLES, Request, Schema
from expfam.formula.values import Factor, State

T = TypeVar("T")

Values: TypeAlias = dict[str, Factor | FloatArray]


@dataclass(frozen=True, slots=True)
class Plan:
    """The trees of a request: the terms, the offset(...) terms, and the expression of each role it names.

    `idle`: terms that its formula takes away, but has not.
    """

    terms: tuple[tuple[Node, ...], ...]
    offsets: tuple[Node, ...]
    roles: Mapping[str, Node]
    idle: tuple[str, ...] = ()

    @property
    def predictors(self) -> tuple[str, ...]:
        """Columns the terms read."""
        return _columns(tuple(node for term in self.terms for node in term))

    def asks(self, role: str) -> tuple[Node, ...]:
        """The expressions of a role; those of an offset are summed."""
        given = (self.roles[role],) if role in self.roles else ()
        return given + self.offsets if role == "offset" else given

    @property
    def pair(self) -> tuple[Node, ...]:
        """Successes and failures, where the response is a cbind of them."""
        node = self.roles.get("response")
        return node.args if isinstance(node, Call) and node.function == "cbind" else ()

    @property
    def columns(self) -> tuple[str, ...]:
        """All columns read, predictors first."""
        return tuple(dict.fromkeys((*self.predictors, *_columns((*self.offsets, *self.roles.values())))))


def _columns(nodes: tuple[Node, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(column for node in nodes for column in columns_of(node)))


def plan(request: Request | Schema, names: tuple[str, ...]) -> Plan:
    """Parse everything a request (or a schema made of one) says, over the columns `names`."""
    return _of_schema(request, names) if isinstance(request, Schema) else _of_request(request, names)


def syntax(request: Request) -> Plan:
    """What a request says of whatever columns there will be, before any row has come; FormulaError where it cannot be
    read."""
    return _parsed(request, Every())


def _of_schema(schema: Schema, names: tuple[str, ...]) -> Plan:
    terms = tuple(tuple(parse(text, names) for text in term.variables) for term in schema.terms)
    texts = {role: getattr(schema if role == "response" else schema.request, role) for role in ROLES}
    roles: dict[str, Node] = {role: parse(text, names) for role, text in texts.items() if text is not None}
    return Plan(terms, tuple(parse(text, names) for text in schema.offsets), roles)


@lru_cache(maxsize=256)
def _of_request(request: Request, names: tuple[str, ...]) -> Plan:
    return _parsed(request, names)


def _parsed(request: Request, names: tuple[str, ...]) -> Plan:
    texts = {role: text for role in ROLES[1:] if (text := getattr(request, role)) is not None}
    roles: dict[str, Node] = {role: _plain(role, parse(text, names)) for role, text in texts.items()}
    found = algebra.read(request.formula, names, hidden=_columns(tuple(roles.values())))
    if found.response is not None:
        roles = {"response": found.response, **roles}
    return Plan(found.terms, found.offsets, roles, found.idle)


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
    return learn_values(request, table).schema


@dataclass(frozen=True, slots=True, eq=False)
class Learned:
    """A schema, and what replaying it on the table it was learned from gives again: its variables, and its roles."""

    schema: Schema
    values: Values
    roles: Mapping[str, Worth]


def learn_values(request: Request, table: Table, times: FloatArray | None = None, streams: bool = False) -> Learned:
    """Learn `request` on `table`, every variable and role by itself, shared by the threads.

    `times` (n,): each row stands for so many equal ones, at least one. `streams` tells that other levels may come, so
    that a factor may have one.
    """
    if table.n == 0:
        raise SchemaError("no rows are left to learn from; every row lacks a value in some column the model reads")
    trees = plan(request, table.names)
    if not trees.terms:
        raise FormulaError(f"{request.formula!r} has no terms; give at least one, or 1 for the intercept")
    _tell_idle(request.formula, trees.idle)
    nodes = tuple(algebra.variables(trees.terms))
    asked = tuple(which for which in ROLES if trees.asks(which))
    tasks = [partial(worth, which, trees.asks(which)) for which in asked] + [partial(variable, node) for node in nodes]
    done = each(partial(_learn, table, times), tasks, table.n)
    states = {text: state for _, learned in done for text, state in learned.items() if state}
    roles: dict[str, Worth] = {which: found for which, (found, _) in zip(asked, done, strict=False)}
    values = {node.text: found for node, (found, _) in zip(nodes, done[len(asked) :], strict=True)}
    for node in nodes:
        _tell_numerals(node, values[node.text], table)
    return Learned(_schema(request, trees, values, states, table, streams), values, roles)


def _tell_idle(formula: str, idle: tuple[str, ...]) -> None:
    """DataWarning where a minus takes away what is not there: a slip of the pen, or meant as arithmetic."""
    if idle:
        warnings.warn(
            f"{formula!r} takes away {some(idle)}, which no term before the minus has: nothing is removed. Leave it "
            "out, or write I(...) if arithmetic is meant, as in I(x - z)",
            DataWarning,
            stacklevel=5,
        )


def _tell_numerals(node: Node, found: Factor | FloatArray, table: Table) -> None:
    """DataWarning where a column became a factor for a few cells that are no numbers; C(x) says that one is meant."""
    strange = strangers(found.levels) if isinstance(node, Name) and isinstance(found, Factor) else ()
    if strange:
        assert isinstance(found, Factor)
        row = int(np.flatnonzero(np.isin(found.codes, strange))[0])
        warnings.warn(
            f"{node.text} is text and became a factor of {len(found.levels):,} levels, though nearly all are numbers: "
            f"the first that is none is {found.levels[found.codes[row]]!r}, in row {table.row(row)} (the first row is "
            f"0). Mend it, or leave it empty if it is missing; write C({node.text}) if a factor is meant",
            DataWarning,
            stacklevel=5,
        )


def _learn(table: Table, times: FloatArray | None, task: Callable[[Table, Recall], T]) -> tuple[T, dict[str, State]]:
    """What the task finds, and the states it learned on the way."""
    states: dict[str, State] = {}
    return task(table, learner(states, times)), states


def _schema(
    request: Request, trees: Plan, values: Values, states: Mapping[str, State], table: Table, streams: bool
) -> Schema:
    variables = {text: describe(text, known) for text, known in values.items()}
    factors = frozenset(text for text, known in variables.items() if known.levels)
    terms = coding.code([[node.text for node in term] for term in trees.terms], factors)
    if not streams:
        _check_levels(terms, variables)
    response = trees.roles.get("response")
    learned = Schema(
        request=request,
        response=None if response is None else response.text,
        terms=terms,
        variables=variables,
        offsets=tuple(node.text for node in trees.offsets),
        states=states,
        columns={name: table.kind_of(name) for name in trees.columns},
        n=table.n,
    )
    _check_names(learned)
    return learned


def _check_names(schema: Schema) -> None:
    """SchemaError where two coefficients would have one name: a column may be called as another term is written."""
    found = [name for term in schema.terms if term.variables for name in coding.names(term, schema.variables)]
    counts = Counter(["Intercept", *found])
    if len(counts) <= len(found):
        name = next(name for name, count in counts.items() if count > 1)
        raise SchemaError(
            f"a second coefficient of {schema.formula!r} would be called {name!r}; rename the column of that name"
        )


def describe(text: str, found: FloatArray | Factor) -> Variable:
    """What a variable of that value is."""
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
