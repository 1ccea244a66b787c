"""Objects with options, as one types them: 'tweedie(1.5)', 'negative_binomial(theta=2)', 'sgd(passes=50)'."""

import ast
from collections.abc import Mapping
from dataclasses import fields
from functools import lru_cache
from typing import Any, TypeVar

from expfam.errors import ExpfamError

T = TypeVar("T")


def parts(text: str, refuse: type[ExpfamError]) -> tuple[str, list[Any], dict[str, Any]]:
    """'name(1, key=2)' -> name, positional and named values; literals only."""
    name, bracket, rest = text.strip().partition("(")
    if not bracket:
        return name, [], {}
    try:
        node = ast.parse(f"f({rest}", mode="eval").body
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name)):
            raise ValueError
        values = [ast.literal_eval(value) for value in node.args]
        return name.strip(), values, {str(key.arg): ast.literal_eval(key.value) for key in node.keywords}
    except (SyntaxError, ValueError):
        raise refuse(f"{text!r} is not understood; write a name, or a name with numbers: 'tweedie(1.5)'") from None


@lru_cache(256)  # asked for some names over and over
def key(name: str) -> str:
    """A name as an index has it: 'Inverse-Gaussian' is inverse_gaussian."""
    return name.strip().lower().replace("-", "_").replace(".", "_")


def made(kind: type[T], name: str, args: list[Any], options: Mapping[str, Any], refuse: type[ExpfamError]) -> T:
    """The object of these values; the error names the parameters that there are."""
    try:
        return kind(*args, **options)
    except TypeError:
        names = [field.name for field in fields(kind)]  # type: ignore[arg-type]
        given = ", ".join([*map(repr, args), *(f"{key}={value!r}" for key, value in options.items())]) or "nothing"
        takes = f"takes {', '.join(names)}" if names else "takes no parameters"
        example = f"{name}({names[0]}=...)" if names else name
        raise refuse(f"{name} {takes}; got {given}. Write '{example}'") from None
