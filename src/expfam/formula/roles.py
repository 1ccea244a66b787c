"""What do the response, weights, offset, exposure and trials come to on a table? Unchecked but for type."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, TypeAlias

import numpy as np

from expfam._typing import FloatArray
from expfam.data.column import Column
from expfam.data.table import Table
from expfam.errors import FormulaError, ResponseError
from expfam.formula.expression import Call, Node
from expfam.formula.interpret import Recall, bound, number, value
from expfam.formula.schema import Role
from expfam.formula.transforms.factor import as_factor, recode
from expfam.formula.values import Factor

NO_CLASS = frozenset(("nan", "inf", "-inf"))  # numbers that are labels only as text

Pair: TypeAlias = tuple[FloatArray, FloatArray]
Worth: TypeAlias = Column | Pair | FloatArray


def worth(which: Role, nodes: Sequence[Node], table: Table, recall: Recall) -> Worth:
    """A response as a Column or, of cbind, (successes, failures); any other role as the sum of its `nodes`, (n,)."""
    if which == "response":
        return _response(nodes[0], table, recall)
    parts = [_numbers(node, table, recall, f"{which}={node.text}") for node in nodes]
    return np.sum(parts, axis=0) if len(parts) > 1 else parts[0]


def _response(node: Node, table: Table, recall: Recall) -> Column | Pair:
    if isinstance(node, Call) and node.function == "cbind":
        successes, failures = (_numbers(part, table, recall, node.text) for part in node.args)
        return successes, failures
    found: Any = value(node, table, recall)
    if isinstance(found, Factor):
        found = _settled(node, found, table, recall)
        null = found.codes < 0
        return Column(
            node.text, "bool" if found.label_kind == "bool" else "text", codes=found.codes, labels=found.levels,
            null=null if null.any() else None, label_kind=found.label_kind,
            reference=found.reference,
        )  # fmt: skip
    return Column(node.text, "number", values=np.asarray(number(found, node, node.text)))


def plain(node: Node) -> Node:
    """A response without the C() around it."""
    return bound(node)["x"] if isinstance(node, Call) and node.function == "C" else node


def _settled(node: Node, found: Factor, table: Table, recall: Recall) -> Factor:
    """A response's factor with the reference that was asked for, if one was, and all its labels: which of them are
    classes it is for the model to say."""
    if not (isinstance(node, Call) and node.function == "C"):
        return replace(found, reference=None)
    given = bound(node)
    if "contrasts" in given:
        raise FormulaError(f"{node.text}: contrasts= codes columns, and a response has none; leave it out")
    if found.unseen or not NO_CLASS.isdisjoint(found.levels):  # only then is the column worth a second look
        x: Any = value(given["x"], table, recall)
        _check_finite(node, x, table)
        levels = (*found.levels, *(level.label for level in found.unseen))
        found = replace(recode(as_factor(x), levels), reference=found.reference)
    named = value(given["ref"], table, recall) if "ref" in given else None
    return replace(found, reference=None) if named is None else found


def _check_finite(node: Node, x: Any, table: Table) -> None:
    """ResponseError for numbers that are no classes; text may say what it likes."""
    if isinstance(x, np.ndarray) and not np.isfinite(x).all():
        at = int(np.flatnonzero(~np.isfinite(x))[0])
        row = table.row(at)
        raise ResponseError(f"{node.text}: {x[at]} in row {row} is no class; leave the row out", row=row)


def _numbers(node: Node, table: Table, recall: Recall, within: str) -> FloatArray:
    """Numbers (n,); a constant holds for every row."""
    found = number(value(node, table, recall), node, within)
    return np.broadcast_to(found, (table.n,)) if np.ndim(found) == 0 else found
