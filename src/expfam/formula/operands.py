"""A formula with a letter in the place of every name and call: formulaic does the algebra, and reads nothing else.

It has a grammar of its own for backticks and for Python; a letter has one reading, and what it stands for is read once,
by ours. Places stay, for a letter is as long as what it stands for, by the blanks behind it.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from expfam.formula.expression import QUOTED, Node, Source, bare, parse, quoted, refusal

LETTERS, MANY = 0x20000, 40_000  # ideographs; so many that any word of a formula is one of them
TEXT = r""""(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'"""
PIECE = re.compile(rf"(?P<name>{QUOTED})|{TEXT}|(?P<word>[\w.]+)|(?P<brace>\{{)|%in%|\(\s*\d+\s*\)")
BRACKET = re.compile(rf"{QUOTED}|{TEXT}|(?P<open>[(\[{{])|(?P<close>[)\]}}])")
CALLED = re.compile(r"\s*[(\[]")


class Every(tuple[str, ...]):
    """Names of columns before any are known: whatever is asked for is one of them."""

    __slots__ = ()

    def __contains__(self, name: object) -> bool:
        return True


@dataclass(frozen=True, slots=True)
class Operand:
    """A name or a call, as it is written from `start` on."""

    written: str
    start: int
    calls: bool = False

    def node(self, names: tuple[str, ...], whole: str) -> Node:
        """Its expression over the columns `names`; FormulaError, SchemaError with its place in the `whole` formula."""
        if self.calls:
            return parse(self.written, names, whole, self.start)
        return Source(self.written, whole, self.start, names).column(bare(self.written))


@dataclass(frozen=True, slots=True)
class Lettered:
    """The formula as formulaic reads it, what its letters stand for, one for equal expressions, and those of a dot."""

    text: str
    operands: Mapping[str, Operand]
    dot: tuple[str, ...]

    def seen(self, text: str) -> str:
        """A text of formulaic's as it was written."""
        return re.sub(r"\S", lambda one: self.written(one[0]), text)

    def written(self, letter: str) -> str:
        """What a letter stands for; any other sign, or word, for itself."""
        found = self.operands.get(letter)
        return letter if found is None else found.written


def lettered(whole: str, first: int, dot: tuple[str, ...] = ()) -> Lettered:
    """The formula from place `first` on, what is before blanked; `dot` are the columns that a dot stands for."""
    letters: dict[str, str] = {}
    operands: dict[str, Operand] = {}

    def letter(operand: Operand) -> str:
        key = operand.node(Every(), whole).text
        if key not in letters:
            letters[key] = _letter(len(letters))
            operands[letters[key]] = operand
        return letters[key]

    text, at = " " * first, first
    for start, end, operand in _pieces(whole, first):
        sign = whole[start:end].strip("() ").replace("%in%", ":") if operand is None else letter(operand)
        text += whole[at:start] + sign.ljust(end - start)
        at = end
    of_dot = tuple(letter(Operand(quoted(name), 0)) for name in dot)
    return Lettered(text + whole[at:], operands, of_dot)


def dots_filled(text: str, by: str) -> str:
    """A side of a formula with its dot replaced; dots inside of names, numbers and text are no such dots."""
    dot = rf"{QUOTED}|{TEXT}|(?<![\w.)\]])\.(?![\w.(\[])"
    return re.sub(dot, lambda found: by if found[0] == "." else found[0], text)


def middle_of(whole: str) -> int:
    """Where the left side ends."""
    signs = (found.start() for found in re.finditer(rf"{QUOTED}|{TEXT}|~", whole) if found[0] == "~")
    return next(signs, 0)


def _letter(k: int) -> str:
    """The letter of this number; as many letters as it takes."""
    high, low = divmod(k, MANY)
    return (_letter(high - 1) if high else "") + chr(LETTERS + low)


def _pieces(whole: str, first: int) -> Iterator[tuple[int, int, Operand | None]]:
    """From where to where names and calls stand behind place `first`; with None every %in%, R's other word for a
    product, and numbers that brackets are around."""
    at = first
    for _ in whole:
        found = PIECE.search(whole, at)
        if found is None:
            return
        start, at = found.span()
        if found["brace"]:
            raise refusal(whole, start, "braces are refused", "write I(...) for arithmetic")
        if found[0][0] in "%(":
            yield start, at, None
        elif found["name"] or (found["word"] and found[0].strip("0123456789.")):
            called = None if found["name"] else CALLED.match(whole, at)
            at = _closed(whole, called.end() - 1) if called else at
            yield start, at, Operand(whole[start:at], start, called is not None)


def _closed(whole: str, opened: int) -> int:
    """The place behind the bracket that closes the one at `opened`, the end if none does."""
    depth = 0
    for found in BRACKET.finditer(whole, opened):
        depth += bool(found["open"]) - bool(found["close"])
        if not depth:
            return found.end()
    return len(whole)
