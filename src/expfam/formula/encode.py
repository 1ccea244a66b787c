"""From a Schema and a table to columns: the same path for the rows of the fit and for new ones."""

from dataclasses import dataclass, replace
from typing import Any, Literal, TypeAlias
from warnings import warn

import numpy as np

from expfam._typing import BoolArray
from expfam.data.names import some
from expfam.data.table import Table
from expfam.design.columns import Columns
from expfam.errors import DataWarning, SchemaError
from expfam.formula import coding
from expfam.formula.algebra import variables
from expfam.formula.coding import Variable
from expfam.formula.interpret import replayer, variable
from expfam.formula.learn import Values, missing_in, plan
from expfam.formula.roles import Worth, worth
from expfam.formula.schema import ROLES, Role, Schema
from expfam.formula.values import Factor

Policy: TypeAlias = Literal["error", "reference", "missing"]


@dataclass(frozen=True, slots=True, eq=False)
class Encoded:
    """The `columns` of every term; `valid` (n,) false where a row lacks a value, None if none does.

    The columns hold zeros and first levels in such rows. `unseen` counts rows of unseen levels by variable.
    """

    columns: tuple[Columns, ...]
    valid: BoolArray | None
    unseen: dict[str, int]


def encode(schema: Schema, table: Table, unseen: Policy = "error") -> Encoded:
    """The design columns of `table`, all states replayed.

    A level the model never saw: "error" raises SchemaError; "reference" codes it as the reference (the
    level `ref` names, else the first, of sum contrasts the last) and warns; "missing" invalidates the row.
    """
    if unseen not in ("error", "reference", "missing"):
        raise SchemaError(f"unseen={unseen!r} is not allowed; choose 'error', 'reference' or 'missing'")
    found = plan(schema, tuple(schema.columns))
    table = table.typed({name: schema.columns[name] for name in found.predictors})
    _check_kinds(schema, table, found.predictors)
    gone, _ = missing_in(table, found.predictors, frozenset(found.predictors))
    values, invalid, counts = replay(schema, table.filter(~gone), unseen)
    columns = lay_out(schema, values)
    valid = ~gone
    valid[valid] = ~invalid
    if gone.any():
        columns = tuple(_spread(part, ~gone) for part in columns)
    return Encoded(columns, None if valid.all() else valid, counts)


def replay(schema: Schema, present: Table, unseen: Policy = "error") -> tuple[Values, BoolArray, dict[str, int]]:
    """The variables of a table without gaps; which rows unseen levels make invalid (n,), how many by variable."""
    recall = replayer(schema.states)
    values: Values = {}
    counts: dict[str, int] = {}
    invalid = np.zeros(present.n, bool)
    for node in variables(plan(schema, tuple(schema.columns)).terms):
        known = variable(node, present, recall)
        if isinstance(known, Factor) and known.unseen:
            counts[node.text] = sum(level.count for level in known.unseen)
            invalid |= (known.codes < 0) & (unseen == "missing")
            known = _settle(schema.variables[node.text], known, unseen, present)
        values[node.text] = known
    return values, invalid, counts


def lay_out(schema: Schema, values: Values) -> tuple[Columns, ...]:
    """The columns of every term from the values of its variables."""
    return tuple(coding.columns(term, schema.variables, values) for term in schema.terms)


def _settle(known: Variable, factor: Factor, unseen: Policy, table: Table) -> Factor:
    """Unseen levels told, and put where the policy says (under "missing" anywhere: the row is invalid)."""
    total = sum(level.count for level in factor.unseen)
    first = factor.unseen[0]
    if unseen == "error":
        raise SchemaError(
            f"{known.text} is {first.label!r} at row {table.row(first.row)} (the first row is 0; {total} "
            f"such rows); the levels learned are {some(known.levels)}; mend the data, or pass "
            "unseen='reference' or unseen='missing'"
        )
    if unseen == "reference":
        labels = some(level.label for level in factor.unseen)
        warn(
            f"{known.text}: {total} rows hold levels the model never saw ({labels}); coded as the "
            f"reference level {known.reference!r}",
            DataWarning,
            stacklevel=3,
        )
    code = known.levels.index(known.reference)
    return replace(factor, codes=np.where(factor.codes < 0, factor.codes.dtype.type(code), factor.codes))


def _check_kinds(schema: Schema, table: Table, names: tuple[str, ...]) -> None:
    """Numbers stay numbers and text stays text (a boolean may come as text)."""
    for name in names:
        kind, learned = table.kind_of(name), schema.columns[name]
        if (kind == "number") != (learned == "number"):
            raise SchemaError(
                f"column {name!r} was {learned} when the model learned it, here it is {kind}; cast it to {learned}"
            )


def _spread(part: Columns, rows: BoolArray) -> Columns:
    """The columns of the rows that are present, put back among all rows, zeros elsewhere."""
    return replace(part, codes=_scatter(part.codes, rows), values=_scatter(part.values, rows))


def _scatter(array: Any, rows: BoolArray) -> Any:
    if array is None:
        return None
    whole = np.zeros((rows.size, *array.shape[1:]), array.dtype)
    whole[rows] = array
    return whole


def evaluate(schema: Schema, table: Table, which: Role) -> Worth | None:
    """The values of one role on `table`, unchecked but for type; None if the model has none.

    response: a Column of numbers or of codes, or (successes, failures) for cbind; weights, exposure, trials:
    (n,); offset: (n,), the sum of the offset(...) terms and of the request's offset.
    """
    if which not in ROLES:
        raise SchemaError(f"which={which!r} is not allowed; choose one of {some(ROLES)}")
    nodes = plan(schema, tuple(schema.columns)).asks(which)
    return worth(which, nodes, table, replayer(schema.states)) if nodes else None
