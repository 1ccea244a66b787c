"""One expression of a formula -> a small tree: Python's grammar, but only what is listed may stand in it."""

import ast
import re
from dataclasses import dataclass
from functools import lru_cache
from keyword import iskeyword
from typing import TypeAlias

from expfam.data.names import nearest
from expfam.elsewhere import no_function
from expfam.errors import FormulaError, SchemaError
from expfam.formula.transforms import TRANSFORMS

SPECIAL = ("offset", "cbind")
"""Calls that say what a term is; they stand alone, around an expression."""

ALLOWED = (
    "allowed are column names (`odd names` in backticks, where \\` is one), numbers, text, lists, + - * / // % **, "
    f"{', '.join(TRANSFORMS)}, offset(...) on the right, cbind(successes, failures) on the left"
)

QUOTED = r"`(?:\\.|[^`\\])*`"
"""A column in backticks."""

OPERATORS: dict[type[ast.operator] | type[ast.unaryop], str] = {
    ast.Add: "+",
    ast.Sub: "-",
    ast.Mult: "*",
    ast.Div: "/",
    ast.FloorDiv: "//",
    ast.Mod: "%",
    ast.Pow: "**",
    ast.UAdd: "+",
    ast.USub: "-",
}


@dataclass(frozen=True, slots=True)
class Name:
    """A column."""

    text: str
    column: str


@dataclass(frozen=True, slots=True)
class Constant:
    """A number, text, True, False, None, or a tuple of these."""

    text: str
    value: float | int | str | bool | tuple[object, ...] | None


@dataclass(frozen=True, slots=True)
class Operation:
    """Arithmetic on one or two operands."""

    text: str
    symbol: str
    operands: tuple["Node", ...]


@dataclass(frozen=True, slots=True)
class Call:
    """A listed function with its arguments."""

    text: str
    function: str
    args: tuple["Node", ...]
    keywords: tuple[tuple[str, "Node"], ...]


Node: TypeAlias = Name | Constant | Operation | Call


def refusal(whole: str, place: int, found: str, do: str) -> FormulaError:
    """`found`, the formula (what is near, of a long one) with a caret under `place`, and what to do."""
    start = max(0, place - 60)
    return FormulaError(f"{found}\n    {whole[start : start + 120]}\n    {' ' * (place - start)}^\n{do}")


def quoted(column: str) -> str:
    """A column as a formula writes it: in backticks unless it is a (dotted) identifier."""
    plain = all(part.isidentifier() and not iskeyword(part) for part in column.split("."))
    return column if plain else f"`{escaped(column)}`"


def escaped(column: str) -> str:
    """What stands between backticks, as in R: behind a backslash a backtick, or a backslash that would else escape."""
    return re.sub(r"`|\\(?=[\\`]|$)", r"\\\g<0>", column)


def unescaped(text: str) -> str:
    """The column of which `escaped` makes this."""
    return re.sub(r"\\([\\`])", r"\1", text)


def bare(text: str) -> str:
    """The column that `quoted` writes so."""
    return unescaped(text[1:-1]) if text.startswith("`") else text


def parts_of(node: Node) -> tuple[Node, ...]:
    """The expressions that an expression is made of, from left to right."""
    match node:
        case Operation():
            return node.operands
        case Call():
            return (*node.args, *(part for _, part in node.keywords))
        case _:
            return ()


def columns_of(node: Node) -> tuple[str, ...]:
    """The columns an expression reads, each once, from left to right."""
    if isinstance(node, Name):
        return (node.column,)
    return tuple(dict.fromkeys(column for part in parts_of(node) for column in columns_of(part)))


@dataclass(frozen=True, slots=True)
class Source:
    """An expression's text, where it starts in the `whole` formula, and the columns it may name."""

    text: str
    whole: str
    start: int
    names: tuple[str, ...]

    def refusal(self, offset: int, found: str, do: str = ALLOWED) -> FormulaError:
        """The error with a caret under byte `offset` of the text."""
        before = self.text.encode()[:offset].decode(errors="ignore")
        return refusal(self.whole, self.start + len(before), found, do)

    def column(self, name: str, offset: int = 0) -> Name:
        """The column of that name; FormulaError for `__` and attributes, SchemaError for others absent."""
        if name in self.names:
            return Name(quoted(name), name)
        if "__" in name:
            raise self.refusal(offset, f"{name!r}: names with '__' are refused")
        if name.partition(".")[0] in self.names:
            raise self.refusal(offset, f"{name!r}: attribute access is refused, and no column has this name")
        asks = f", which {self.whole!r} asks for" if self.whole.strip() != name else ""
        raise SchemaError(f"the data has no column {name!r}{asks}; {nearest(name, self.names)}")

    def tree(self) -> Node:
        """The expression as a tree."""
        masked = re.sub(QUOTED, lambda odd: "_" * len(odd.group().encode()), self.text)
        try:
            body = ast.parse(masked, mode="eval").body
            for node in ast.walk(body):
                if isinstance(node, ast.Name):
                    node.id = self.cut(node)
            return self.node(body, root=True)
        except SyntaxError as error:
            before = masked[: (error.offset or 1) - 1]
            found = f"the expression does not parse: {error.msg}"
            raise self.refusal(len(before.encode()), found) from None
        except (RecursionError, MemoryError):
            raise self.refusal(0, "the expression nests too deeply", "write fewer brackets") from None

    def cut(self, node: ast.expr) -> str:
        """The text of a node as written."""
        return self.text.encode()[node.col_offset : node.end_col_offset].decode()

    def node(self, node: ast.expr, root: bool = False) -> Node:
        """One node of Python's tree as one of ours; whatever is not listed is refused."""
        text = ast.unparse(node)
        match node:
            case ast.Name(id=name):
                return self.column(bare(name), node.col_offset)
            case ast.Attribute() if re.fullmatch(r"\w+(\.\w+)+", text):
                return self.column(text, node.col_offset)
            case ast.Constant():
                return Constant(text, self.constant(node))
            case ast.List(elts=items) | ast.Tuple(elts=items):
                return Constant(text, tuple(self.literal(item) for item in items))
            case ast.UnaryOp(op=op, operand=inner) if type(op) in OPERATORS:
                return self.signed(text, OPERATORS[type(op)], self.node(inner))
            case ast.BinOp(op=op, left=left, right=right) if type(op) in OPERATORS:
                return Operation(text, OPERATORS[type(op)], (self.node(left), self.node(right)))
            case ast.Call():
                return self.call(text, node, root)
            case ast.BinOp(op=ast.BitXor()):
                raise self.refusal(node.col_offset, f"{self.cut(node)!r} is refused", "write ** for the power")
            case ast.Compare():
                do = "compare before the fit, in a column of the data of its own"
                raise self.refusal(node.col_offset, f"{self.cut(node)!r} is refused", do)
            case _:
                raise self.refusal(node.col_offset, f"{self.cut(node)!r} is refused ({type(node).__name__.lower()})")

    def constant(self, node: ast.Constant) -> float | int | str | bool | None:
        """A literal; text is read again as written, for it may hold backticks."""
        value = node.value
        if isinstance(value, str):
            return str(ast.literal_eval(self.cut(node)))
        if value is None or isinstance(value, bool):
            return value
        if not isinstance(value, (int, float)):
            raise self.refusal(node.col_offset, f"{self.cut(node)!r} is no number or text")
        if abs(value) > 1.7e308:
            raise self.refusal(node.col_offset, "this number is too large", "write one below 1.7e308")
        return value if abs(value) < 2**53 else float(value)

    def literal(self, node: ast.expr) -> object:
        """An item of a list: a constant, nothing computed from columns."""
        item = self.node(node)
        if not isinstance(item, Constant):
            raise self.refusal(node.col_offset, f"{item.text!r} in a list; its items must be numbers or text")
        return item.value

    def signed(self, text: str, symbol: str, operand: Node) -> Node:
        """+x or -x, at once where x is a number."""
        if isinstance(operand, Constant) and isinstance(operand.value, (int, float)):
            return Constant(text, -operand.value if symbol == "-" else operand.value)
        return Operation(text, symbol, (operand,))

    def call(self, text: str, node: ast.Call, root: bool) -> Call:
        """f(...) for a listed f."""
        function = node.func.id if isinstance(node.func, ast.Name) else ast.unparse(node.func)
        if function in SPECIAL and not root:
            raise self.refusal(node.col_offset, f"{function}(...) must stand alone, not inside {self.text!r}")
        if function not in TRANSFORMS and function not in SPECIAL:
            hint = no_function(function, (*TRANSFORMS, *SPECIAL))
            raise self.refusal(node.col_offset, f"the function {function!r} is not listed{hint}")
        keywords = tuple((word.arg, self.node(word.value)) for word in node.keywords if word.arg is not None)
        if len(keywords) < len(node.keywords):
            raise self.refusal(node.col_offset, f"{text!r} holds **; write every argument by itself")
        args = tuple(self.node(arg) for arg in node.args)
        if function in TRANSFORMS:
            bound = TRANSFORMS[function].bind(args, dict(keywords))
            constants = {name: part.value for name, part in bound.items() if isinstance(part, Constant)}
            TRANSFORMS[function].check(text, constants)
        elif keywords or len(args) != (1 if function == "offset" else 2):
            raise self.refusal(node.col_offset, f"{text!r}: write offset(expression) or cbind(successes, failures)")
        return Call(text, function, args, keywords)


@lru_cache(maxsize=1024)
def parse(text: str, names: tuple[str, ...], whole: str | None = None, start: int = 0) -> Node:
    """The tree of an expression that may read the columns `names`; FormulaError with a caret in `whole`."""
    flat = re.sub(r"\s", " ", text)
    lead = len(flat) - len(flat.lstrip())
    return Source(flat.strip(), flat if whole is None else whole, start + lead, names).tree()
