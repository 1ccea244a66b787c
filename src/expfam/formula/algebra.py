"""The formula algebra, parsed by formulaic: 'y ~ a*b + offset(e)' -> response, terms, offsets."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from expfam.errors import ExpfamError, FormulaError
from expfam.formula.expression import ALLOWED, Call, Constant, Name, Node, columns_of, parse, refusal
from expfam.formula.operands import Lettered, lettered, middle_of

MOST = 6
"""The largest power of a sum of terms: (a + b + c)**2 is the use, (...)**99 would fill the memory."""

ONE = "1"
POWERS = ("**", "^")
NUMBER, PRODUCT = re.compile(r"\.?\d[\d.]*"), re.compile(r"(?<!\*)\*(?!\*)|[:/]")


@dataclass(frozen=True, slots=True)
class Algebra:
    """`terms` in R's order: by degree, then as written; the empty one is the intercept.

    A term lists its variables in the order in which the formula first names them. `idle`: what a minus takes away that
    is not there.
    """

    response: Node | None
    terms: tuple[tuple[Node, ...], ...]
    offsets: tuple[Node, ...]
    idle: tuple[str, ...]


def read(formula: str, names: tuple[str, ...], hidden: Iterable[str] = ()) -> Algebra:
    """Parse `formula` over the columns `names`; '.' stands for those the response and `hidden` leave."""
    whole = re.sub(r"\s", " ", checked(formula))
    middle = middle_of(whole)
    adapter = _Adapter(whole, middle, names, lettered(whole, middle))
    tokens = adapter.tokens()
    response = adapter.response()
    if any(token.token == "." for token in tokens):
        used = {*hidden, *(columns_of(response) if response else ())}
        adapter = replace(adapter, seen=lettered(whole, middle, tuple(name for name in names if name not in used)))
    right, taken = adapter.right()
    written = [tuple(adapter.node(factor) for factor in term.factors) for term in right]
    order = adapter.order(right)
    offsets = tuple(_offset(whole, term) for term in written if _is(term, "offset"))
    ones = [(Constant(ONE, ONE),)] if _intercept(tokens) else []
    others = [term for term in written if not _is(term, "offset") and [node.text for node in term] != [ONE]]
    terms = {frozenset(node.text for node in term): term for term in (*ones, *others)}
    for term in terms.values():
        _check(whole, term)
        if response is not None and response.text in [node.text for node in term]:
            raise FormulaError(f"{response.text} stands on both sides of {whole!r}; leave it out on the right")
    ranked = [tuple(sorted(filter(_varies, term), key=lambda node: order[node.text])) for term in terms.values()]
    idle = tuple(dict.fromkeys(adapter.seen.seen(str(term)) for term in taken))
    return Algebra(response, tuple(sorted(ranked, key=len)), offsets, idle)


def checked(formula: str) -> str:
    """The formula, if it is text with two sides."""
    if not isinstance(formula, str):
        raise FormulaError(
            f"the formula is a {type(formula).__name__}, not text; it stands before the data: glm('y ~ a', data)"
        )
    if "~" not in formula:
        raise FormulaError(f"{formula!r} is no formula: write 'response ~ terms', for example 'y ~ a + log(b)'")
    return formula


@dataclass(frozen=True, slots=True)
class _Adapter:
    """formulaic's tokens and terms of what stands behind `middle`, with our errors and our expressions.

    `seen` is what it reads.
    """

    whole: str
    middle: int
    names: tuple[str, ...]
    seen: Lettered

    def tokens(self) -> list[Any]:
        """The tokens, every power bounded, every number in its place."""
        from formulaic.parser.algos.tokenize import tokenize

        try:
            tokens = list(tokenize(self.seen.text))
        except Exception as error:
            raise self.syntax(error) from None
        for before, token, after in zip(["", *tokens], tokens, [*tokens[1:], ""], strict=False):
            if str(token) in POWERS and str(after).isdigit():
                self.power(before, token, after)
            if NUMBER.fullmatch(str(token)) and str(before) not in POWERS:
                self.number(token, f"{before} {after}")
        return tokens

    def number(self, token: Any, beside: str) -> None:
        if str(token) not in ("0", ONE) or PRODUCT.search(beside):
            remedy = "write I(2 * x) to scale a column; 0 and 1 stand alone, for the intercept"
            raise refusal(self.whole, token.source_start, f"the number {token} among the terms", remedy)

    def power(self, base: Any, sign: Any, token: Any) -> None:
        if int(str(token)) > MOST:
            raise refusal(self.whole, token.source_start, f"the power {token} of terms", f"allowed: up to {MOST}")
        if str(base) not in (")", "."):
            one = self.seen.written(str(base))
            found = f"{one}{sign}{token} is {one} in the algebra of formulas"
            raise refusal(self.whole, sign.source_start, found, f"write I({one}**{token}) for the power")

    def syntax(self, error: Exception) -> FormulaError:
        """formulaic marks the place inside its message; ours puts a caret there."""
        from formulaic.errors import FormulaicError

        known = str(error) if isinstance(error, FormulaicError) else "brackets or operators do not match"
        message, _, context = known.partition("\n\n")
        message, _, _ = message.partition(" (tip")  # of what is refused here
        place = context.find("⧛") if "⧛" in context else len(self.whole)
        return refusal(
            self.whole,
            place,
            f"the formula does not parse: {self.seen.seen(message.rstrip('.'))}",
            f"{ALLOWED}, joined by + : * / - ^",
        )

    def right(self) -> tuple[list[Any], list[Any]]:
        """The terms on the right, and those taken away that were not there, as formulaic has them."""
        from formulaic.parser import DefaultFormulaParser

        parser = DefaultFormulaParser(include_intercept=True, feature_flags={"TWOSIDED"})
        known = {"available": list(self.seen.dot), "used_lhs": []}
        context: dict[str, Any] = {f"__formulaic_variables_{name}__": found for name, found in known.items()}
        try:
            tree = parser.get_ast(self.seen.text, context=context)
            found = parser.get_terms_from_ast(tree, context=context)
            taken = [self.idle(*pair) for pair in _subtractions(tree, context)]
        except RecursionError:
            raise FormulaError("the formula nests too deeply; write fewer brackets") from None
        except ExpfamError:
            raise
        except Exception as error:  # formulaic stumbles over some unmatched brackets in ways of its own
            raise self.syntax(error) from None
        sides = found._to_dict() if hasattr(found, "_to_dict") else {"root": found}
        return list(sides.get("rhs", sides.get("root", ()))), [term for terms in taken for term in terms]

    def idle(self, before: list[Any] | None, taken: list[Any]) -> list[Any]:
        """The terms of a minus if none of them stands `before` it; FormulaError for a minus in front of all (None)."""
        named = [term for term in taken if str(term) != ONE]
        if before is None and named:
            term = self.seen.seen(str(named[0]))
            found = f"the minus in front of {term} takes a term away, as in . - {term}, but none is before it"
            remedy = f"write {term}, whose coefficient has the sign, or I(-x) for the negated numbers of a column x"
            raise refusal(self.whole, named[0].factors[0].token.source_start, found, remedy)
        return [] if any(term in (before or ()) for term in named) else named

    def node(self, factor: Any) -> Node:
        """A factor as an expression."""
        if factor.eval_method.value == "literal":
            return Constant(factor.expr, factor.expr)
        return self.seen.operands[factor.expr].node(self.names, self.whole)

    def response(self) -> Node | None:
        """The expression on the left, if there is one: arithmetic as it stands, as in R's s/n ~ x."""
        left = self.whole[: self.middle]
        if not left.strip():
            return None
        node = parse(left, self.names, self.whole)
        if not columns_of(node) or _is((node,), "offset"):
            raise FormulaError(
                f"the left side of {self.whole!r} must be one response: a column, an expression such as "
                "log(y) or s/n, or cbind(successes, failures)"
            )
        return node

    def order(self, terms: list[Any]) -> dict[str, tuple[int, int]]:
        """Where the formula first names each variable; those of '.' come first, in the order of the data."""
        order: dict[str, tuple[int, int]] = {}
        for rank, factor in enumerate(factor for term in terms for factor in term.factors):
            start = factor.token.source_start if factor.token and factor.token.source_start is not None else -1
            text = self.node(factor).text
            order[text] = min(order.get(text, (start, rank)), (start, rank))
        return order


def _subtractions(tree: Any, context: dict[str, Any]) -> Iterator[tuple[list[Any] | None, list[Any]]]:
    """The terms before and behind every minus of formulaic's tree; before one in front of all there are None.

    Not where a dot stands before it, which may have any. The 1 that formulaic puts before has no place in the formula.
    """
    for node in _branches(tree):
        if node.operator.symbol == "-" and not any(left.operator.symbol == "." for left in _branches(node.args[0])):
            *before, taken = (list(arg.to_terms(context=context)) for arg in node.args)
            front = not before or getattr(node.args[0], "source_start", 0) is None
            yield None if front else before[0], taken


def _branches(tree: Any) -> list[Any]:
    """The operations of formulaic's tree."""
    found = [tree] if hasattr(tree, "operator") else []
    for node in found:  # grows
        found += [arg for arg in node.args if hasattr(arg, "operator")]
    return found


def _parts(token: Any) -> bool:
    """Does the token part left from right? A sign behind '~' is of the same token: '~ -1'."""
    return bool(token.token.startswith("~"))


def _intercept(tokens: list[Any]) -> bool:
    """R's rule: is the last 1 or 0 of the sums on the right a 1? A minus before it, or before its brackets, turns it
    around; where there is none there is an intercept."""
    start = next((k for k, token in enumerate(tokens) if _parts(token)), 0)
    texts = ["~", *(token.token for token in tokens[start:]), "~"]
    outer, sign, found = [1], 1, 1
    for before, text, after in zip(texts, texts[1:], texts[2:], strict=False):
        if text == "(":
            outer.append(sign)
        elif text == ")":
            sign = outer.pop()
        elif not text.strip("~+-"):
            sign = outer[-1] * (-1) ** text.count("-")
        elif text in ("0", ONE) and not f"{before}{after}".strip("()+-~"):
            found = sign if text == ONE else -sign
    return found > 0


def _varies(node: Node) -> bool:
    return not isinstance(node, Constant)


def _is(term: tuple[Node, ...], function: str) -> bool:
    return any(isinstance(node, Call) and node.function == function for node in term)


def _offset(whole: str, term: tuple[Node, ...]) -> Node:
    if len(term) > 1:
        raise FormulaError(f"an offset in an interaction, in {whole!r}: offset(...) must be a term of its own")
    call = term[0]
    assert isinstance(call, Call)
    return call.args[0]


def _check(whole: str, term: tuple[Node, ...]) -> None:
    """Every variable reads a column, and no number scales a term."""
    if len(term) == 1 and isinstance(term[0], Constant) and term[0].text == ONE:
        return
    for node in term:
        if isinstance(node, Name):
            continue
        if _is((node,), "cbind"):
            raise FormulaError(f"{node.text!r} stands on the right of {whole!r}; cbind is for the response on the left")
        if not columns_of(node):
            raise FormulaError(f"{node.text!r} in {whole!r} reads no column; to scale a column write I(2 * x)")


def variables(terms: Iterable[tuple[Node, ...]]) -> Iterator[Node]:
    """The distinct expressions of the terms."""
    return iter({node.text: node for term in terms for node in term}.values())
