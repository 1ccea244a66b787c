"""What is an expression worth on a table? A walk of its tree: no code of the formula is ever run."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import lru_cache
from typing import Any, TypeAlias

import numpy as np

from expfam._typing import AnyArray, FloatArray
from expfam.data.few import AT_ONCE, TABLED, Few, blocks
from expfam.data.numerals import foremost
from expfam.data.table import Table, read
from expfam.errors import ExpfamError, FormulaError, SchemaError
from expfam.formula.expression import Call, Constant, Name, Node, Operation, columns_of, parts_of
from expfam.formula.transforms import TRANSFORMS
from expfam.formula.transforms._transform import Transform, nothing
from expfam.formula.values import Factor, State, Value
from expfam.kernels.ready import loaded

Recall: TypeAlias = Callable[[str, Transform, dict[str, Any]], State]
"""The state of the call with that text: learned now from its arguments, or looked up."""

LOOKED = 1 << 12
"""Rows from which on it pays to look for few values."""

ARITHMETIC: dict[str, Callable[..., Any]] = {
    "+": np.add,
    "-": np.subtract,
    "*": np.multiply,
    "/": np.divide,
    "//": np.floor_divide,
    "%": np.mod,
    "**": np.power,
}


def learner(states: dict[str, State], times: FloatArray | None = None) -> Recall:
    """Learns every state on first meeting, from rows that stand for so many each (n,), and files it in `states`; a
    refusal names the whole call."""

    def recall(text: str, transform: Transform, arguments: dict[str, Any]) -> State:
        if text not in states:
            try:
                counts = {} if transform.by_value else {"times": times}
                states[text] = transform.learn(**arguments, **counts)
            except ExpfamError as error:
                reason = str(error)
                told = reason.removeprefix(f"{transform.name}: ")
                raise (error if told == reason else type(error)(f"{text}: {told}")) from None
        return states[text]

    return recall


def replayer(states: Mapping[str, State]) -> Recall:
    """Replays the states learned before; what learned nothing has none."""
    return lambda text, transform, arguments: states.get(text, {})


def variable(node: Node, table: Table, recall: Recall) -> AnyArray | Factor:
    """The value of a variable of a term: finite numbers (n,) or (n, m), as bytes where the table knows them to be zeros
    and ones, or a factor with its levels fixed."""
    if isinstance(node, Name) and node.column in table.bits:
        return table.bits[node.column]
    found = value(node, table, recall)
    if isinstance(node, Name) and isinstance(found, Factor):
        state = recall(node.text, TRANSFORMS["C"], {"x": found})
        return TRANSFORMS["C"].apply(found, state=state)  # type: ignore[no-any-return]
    if isinstance(found, Factor):
        return found
    if not isinstance(found, np.ndarray):
        raise FormulaError(f"{node.text!r} is the constant {found!r}; a term must vary with the rows")
    if not np.isfinite(found).all():
        row = int(np.flatnonzero(~np.isfinite(found.reshape(len(found), -1)).all(axis=1))[0])
        raise SchemaError(
            f"{node.text} is {np.atleast_1d(found[row])[0]} at row {table.row(row)} (the first row is 0); "
            "predictors must be finite: drop the row, or bound the column with clip(...)",
            row=table.row(row),
        )
    return found


def value(node: Node, table: Table, recall: Recall) -> Value:
    """The value of any expression: a constant, numbers (n,) or (n, m), or a factor."""
    match node:
        case Constant():
            return node.value
        case Name():
            return _column(table, node.column)
        case _:
            found = _quickly(node, table, recall) if table.n > LOOKED else None
            return _plainly(node, table, recall) if found is None else found


def _plainly(node: Operation | Call, table: Table, recall: Recall) -> Value:
    return _operate(node, table, recall) if isinstance(node, Operation) else _call(node, table, recall)


def _quickly(node: Operation | Call, table: Table, recall: Recall) -> Factor | FloatArray | None:
    """The value by a table of the few whole numbers its column holds, or block by block; None where neither will do.

    An error, or a level never seen, must name its rows: it is left to the plain way.
    """
    calls, columns = {TRANSFORMS[call.function] for call in _calls(node)}, columns_of(node)
    plain = all(transform.learn is nothing for transform in calls)  # so cheap that a table pays for many rows alone
    short = table.n <= (TABLED if loaded() else AT_ONCE)
    if not columns or not all(transform.by_value for transform in calls) or (plain and short):
        return None
    few = table.few(columns[0], any(transform.factors for transform in calls)) if len(columns) == 1 else None
    try:
        if few is not None:
            return _looked_up(few, value(node, read({columns[0]: few.values}), recall))
        if plain and table.n > AT_ONCE:
            return _in_blocks(node, columns, table, recall)
    except ExpfamError:
        pass
    return None


def _looked_up(few: Few, found: Value) -> Factor | FloatArray | None:
    if isinstance(found, Factor):
        return None if found.unseen else replace(found, codes=few.spread(found.codes))
    return few.spread(found) if isinstance(found, np.ndarray) else None


def _in_blocks(node: Node, columns: tuple[str, ...], table: Table, recall: Recall) -> FloatArray:
    """The value of an expression that treats every row by itself: what is worked out on the way stays in cache."""
    out = np.empty(table.n)
    for rows in blocks(table.n):
        out[rows] = number(value(node, table.part(columns, rows), recall), node, node.text)
    return out


def _calls(node: Node) -> Iterator[Call]:
    """The calls an expression is made of."""
    if isinstance(node, Call):
        yield node
    for part in parts_of(node):
        yield from _calls(part)


def _column(table: Table, name: str) -> Value:
    column = table.column(name)
    if column.values is not None:
        return column.values
    assert column.codes is not None
    return Factor(column.codes, column.labels, label_kind=column.label_kind)


def number(found: Value, node: Node, within: str) -> Any:
    """`found` as a float or as numbers (n,); a boolean counts as 0 and 1; SchemaError for text."""
    if isinstance(found, Factor):
        if found.label_kind != "bool":
            example = f" (level {foremost(found.levels)!r})" if found.levels else ""
            raise SchemaError(
                f"{within} needs numbers, but {node.text} holds text{example}; cast the column to a number, "
                f"or use it as a factor: {node.text} or C({node.text}) by itself"
            )
        return np.array([*(float(level == "True") for level in found.levels), np.nan])[found.codes]
    if isinstance(found, np.ndarray):
        if found.ndim > 1:
            raise FormulaError(f"{within}: {node.text} gives {found.shape[1]} columns where one is needed")
        return found
    if isinstance(found, bool) or not isinstance(found, (int, float)):
        raise FormulaError(f"{within} needs a number, found {found!r}")
    return np.float64(found)


def _operate(node: Operation, table: Table, recall: Recall) -> Value:
    operands = [number(value(part, table, recall), part, node.text) for part in node.operands]
    with np.errstate(all="ignore"):
        if len(operands) == 1:
            found = -operands[0] if node.symbol == "-" else operands[0]
        else:
            found = ARITHMETIC[node.symbol](*operands)
    return _finite(node, found, dict(zip([part.text for part in node.operands], operands, strict=True)), table)


@lru_cache(maxsize=1024)
def bound(call: Call) -> Mapping[str, Node]:
    """The arguments of a call by name."""
    return TRANSFORMS[call.function].bind(call.args, dict(call.keywords))


def arguments_of(node: Call, table: Table, recall: Recall) -> tuple[dict[str, Any], Mapping[str, Node]]:
    """What a call is given, by name: the values, and the expressions they come from."""
    transform, nodes = TRANSFORMS[node.function], bound(node)
    values = {name: value(part, table, recall) for name, part in nodes.items()}
    return {name: _argument(transform, node, name, nodes[name], found) for name, found in values.items()}, nodes


def _call(node: Call, table: Table, recall: Recall) -> Value:
    transform, (arguments, nodes) = TRANSFORMS[node.function], arguments_of(node, table, recall)
    state = recall(node.text, transform, arguments)
    with np.errstate(all="ignore"):
        found: Value = transform.apply(**arguments, state=state)
    inputs = {nodes[name].text: x for name, x in arguments.items() if name in transform.columns}
    return _finite(node, found, inputs, table)


def _argument(transform: Transform, call: Call, name: str, node: Node, found: Value) -> Any:
    """A column where columns go, a constant where constants go."""
    if name in transform.columns:
        if transform.factors and isinstance(found, Factor):
            return found
        if found is None and name != "x":
            return None
        x = number(found, node, call.text)
        if transform.learn is not TRANSFORMS["I"].learn and not isinstance(x, np.ndarray):
            raise FormulaError(
                f"{call.text}: {node.text} is a constant where a column is needed; write {transform.usage}"
            )
        return x
    if isinstance(found, (np.ndarray, Factor)):
        raise FormulaError(f"{call.text}: {name}={node.text} must be a constant; write {transform.usage}")
    return found


def _finite(node: Node, found: Value, inputs: Mapping[str, Any], table: Table) -> Value:
    """`found`, unless finite inputs made a number that is not: SchemaError says which, where, from what."""
    if isinstance(found, np.generic):
        found = float(found)
    if not isinstance(found, (np.ndarray, float)) or np.isfinite(found).all():
        return found
    inputs = {text: x for text, x in inputs.items() if isinstance(x, (np.ndarray, np.generic, float))}
    bad = ~np.isfinite(np.atleast_1d(found))
    bad = bad if bad.ndim == 1 else bad.any(axis=1)
    for x in inputs.values():
        bad = bad & np.isfinite(x)
    if not bad.any():
        return found
    row = int(np.flatnonzero(bad)[0])
    where = ", ".join(f"{text} = {x[row]:g}" for text, x in inputs.items() if isinstance(x, np.ndarray))
    result = np.atleast_1d(np.atleast_1d(found)[row])[0]
    if not where:
        raise FormulaError(f"the constant {node.text} is {result}; write a finite number")
    raise SchemaError(
        f"{node.text} is {result} at row {table.row(row)} (the first row is 0), where {where} "
        f"({int(bad.sum())} such rows); drop them, or bound the column first as in log(clip(x, 1, 1000))",
        row=table.row(row),
    )
