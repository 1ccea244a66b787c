"""How does an expression move with a column? The chain rule along its tree, exact but for learned curves.

Splines, polynomials and other learned functions are differenced in their own argument, by central differences with
a step of STEP of the range they were learned on: truncation and rounding stay below 1e-8 of the slope. At a kink, as
at the ends of clip(x, lo, hi), the answer is the mean of the slopes on both sides.
"""

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from expfam._typing import FloatArray
from expfam.data.table import Table
from expfam.formula.expression import Call, Constant, Name, Node, Operation, columns_of
from expfam.formula.interpret import Recall, arguments_of, number, value
from expfam.formula.transforms import TRANSFORMS
from expfam.formula.values import State

STEP = 1e-5

ELEMENTARY: dict[str, Callable[[Any], Any]] = {
    "log": lambda x: 1 / x,
    "log2": lambda x: 1 / (x * np.log(2)),
    "log10": lambda x: 1 / (x * np.log(10)),
    "log1p": lambda x: 1 / (1 + x),
    "exp": np.exp,
    "expm1": np.exp,
    "sqrt": lambda x: 0.5 / np.sqrt(x),
    "abs": np.sign,
    "I": np.ones_like,
}


def slope(node: Node, column: str, table: Table, recall: Recall) -> Any:
    """d node / d column at every row: (n,), (n, m) where the expression has m columns, or 0.0 where it never moves."""
    if isinstance(node, Constant) or column not in columns_of(node):
        return 0.0
    if isinstance(node, Name):
        return np.ones(table.n)
    with np.errstate(all="ignore"):
        return (
            _operation(node, column, table, recall)
            if isinstance(node, Operation)
            else _call(node, column, table, recall)
        )


def _operation(node: Operation, column: str, table: Table, recall: Recall) -> Any:
    moves = [slope(part, column, table, recall) for part in node.operands]
    if len(moves) == 1:
        return -moves[0] if node.symbol == "-" else moves[0]
    (a, b), (da, db) = (number(value(part, table, recall), part, node.text) for part in node.operands), moves
    match node.symbol:
        case "+":
            return da + db
        case "-":
            return da - db
        case "*":
            return da * b + a * db
        case "/":
            return (da - a / b * db) / b
        case "**":
            base = b * np.power(a, b - 1) * da if np.ndim(da) else 0.0
            return base + (np.power(a, b) * np.log(a) * db if np.ndim(db) else 0.0)
        case "%":
            return da - np.floor(a / b) * db
        case _:  # a // b jumps, and is flat between
            return 0.0


def _call(node: Call, column: str, table: Table, recall: Recall) -> Any:
    transform, arguments, parts = TRANSFORMS[node.function], *arguments_of(node, table, recall)
    if node.function in ELEMENTARY:
        return ELEMENTARY[node.function](arguments["x"]) * slope(parts["x"], column, table, recall)
    if node.function == "clip":
        x, lo, hi = (arguments[name] for name in ("x", "lo", "hi"))
        ends = [slope(parts[name], column, table, recall) for name in ("x", "lo", "hi")]
        inside = ((x > lo) * 1.0 + (x >= lo)) / 2 * (((x < hi) * 1.0 + (x <= hi)) / 2)
        below, above = ((x < lo) * 1.0 + (x <= lo)) / 2, ((x > hi) * 1.0 + (x >= hi)) / 2
        return inside * ends[0] + below * ends[1] + above * ends[2]
    state = recall(node.text, transform, arguments)
    x, move = arguments["x"], slope(parts["x"], column, table, recall)

    def at(place: FloatArray) -> Any:
        return transform.apply(**{**arguments, "x": place}, state=state)

    step = STEP * _scale(state, x)
    up, down = x + step, x - step
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a step beyond the range a curve was learned on
        found = at(up) - at(down)
    return (found.T / (up - down) * move).T


def _scale(state: State, x: FloatArray) -> float:
    """Over which distance a learned function changes: its range, its standard deviation, else the size of x."""
    if "boundary" in state:
        return float(np.ptp(state["boundary"]))
    if "norm2" in state:
        return float(np.sqrt(state["norm2"][1] / state["norm2"][0]))
    return float(np.abs(x).max(initial=0.0)) or 1.0
