"""Objects with options, as one types them: 'tweedie(1.5)', 'negative_binomial(theta=2)', 'sgd(passes=50)'."""

import ast
from dataclasses import fields
from typing import TYPE_CHECKING, Any, TypeVar

import expfam
from expfam.errors import ExpfamError, FamilyError, SolverError

if TYPE_CHECKING:
    from expfam.families import ExponentialFamily
    from expfam.solvers import SGD, Solver

T = TypeVar("T")


def family(text: str, **given: float | None) -> "ExponentialFamily | str":
    """The family that `text` spells, with parameters from flags (None: not given). Raises FamilyError.

    A family that needs a number and has none is left as a name: `glm` estimates it.
    """
    name, args, options = spelled(text, FamilyError)
    known = expfam.families.FAMILIES
    key = name.lower().replace("-", "_").replace(".", "_")
    if key not in known:
        return expfam.families.family(name)  # raises, naming those there are
    flags = {flag: value for flag, value in given.items() if value is not None}
    if known[key] in expfam.families.PARAMETERS and not (args or options or flags):
        return key
    return _make(known[key], key, args, options | flags, FamilyError)


def dispersion(text: str | None) -> str | float | None:
    """A kind of dispersion, or a number; None leaves the family its own."""
    try:
        return None if text is None else float(text)
    except ValueError:
        return text


def vcov(kind: str | None, clusters: list[str] | None) -> str | dict[str, Any] | None:
    """A kind of covariance, or that of clusters; ExpfamError for both."""
    if kind is not None and clusters:
        raise ExpfamError(f"--vcov {kind} and --cluster {clusters[0]} are two covariances; give one of them")
    return {"cluster": clusters} if clusters else kind


def solver(text: str) -> "Solver | str":
    """The solver that `text` spells; a bare name is left to `glm`. Raises SolverError."""
    from expfam.solvers import SOLVERS  # brings SciPy's linear algebra

    name, args, options = spelled(text, SolverError)
    if name not in SOLVERS or not (args or options):
        return name
    return _make(SOLVERS[name], name, args, options, SolverError)


def sgd(text: str) -> "SGD":
    """The stochastic gradient descent that `text` spells, the only solver that a stream has."""
    from expfam.solvers import SGD  # brings SciPy's linear algebra

    found = SGD() if text == "sgd" else solver(text)
    if not isinstance(found, SGD):
        raise SolverError(f"--solver {text}: a stream is learned by sgd, as in \"sgd(step='normalised')\"")
    return found


def spelled(text: str, refuse: type[ExpfamError]) -> tuple[str, list[Any], dict[str, Any]]:
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


def _make(kind: type[T], name: str, args: list[Any], options: dict[str, Any], refuse: type[ExpfamError]) -> T:
    try:
        return kind(*args, **options)
    except TypeError:
        names = [field.name for field in fields(kind)]  # type: ignore[arg-type]
        given = ", ".join([*map(repr, args), *(f"{key}={value!r}" for key, value in options.items())]) or "nothing"
        takes = f"takes {', '.join(names)}" if names else "takes no parameters"
        example = f"{name}({names[0]}=...)" if names else name
        raise refuse(f"{name} {takes}; got {given}. Write '{example}'") from None
