"""What do the response, weights, offset, exposure and trials come to on a table? Unchecked but for type."""

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np

from expfam._typing import FloatArray
from expfam.data.column import Column
from expfam.data.table import Table
from expfam.formula.expression import Call, Node
from expfam.formula.interpret import Recall, number, value
from expfam.formula.schema import Role
from expfam.formula.values import Factor

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
        null = found.codes < 0
        return Column(
            node.text, "bool" if found.label_kind == "bool" else "text", codes=found.codes, labels=found.levels,
            null=null if null.any() else None, label_kind=found.label_kind,
        )  # fmt: skip
    return Column(node.text, "number", values=np.asarray(number(found, node, node.text)))


def _numbers(node: Node, table: Table, recall: Recall, within: str) -> FloatArray:
    """Numbers (n,); a constant holds for every row."""
    found = number(value(node, table, recall), node, within)
    return np.broadcast_to(found, (table.n,)) if np.ndim(found) == 0 else found
