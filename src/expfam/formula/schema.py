"""What a model remembers of its formula and data: frozen, and JSON there and back."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Literal, TypeAlias, get_args

from expfam.data.column import Kind
from expfam.errors import ModelFileError
from expfam.formula import coding
from expfam.formula.algebra import checked
from expfam.formula.buckets import check_bits
from expfam.formula.coding import Term, Variable
from expfam.formula.values import State

Role: TypeAlias = Literal["response", "weights", "offset", "exposure", "trials"]
ROLES: tuple[Role, ...] = get_args(Role)


@dataclass(frozen=True, slots=True)
class Request:
    """The formula, and the expressions (in the same language) of what else a fit reads from the data.

    `hash_bits`: factors whose levels are learned on the fly have buckets of labels for levels, 2^bits at most.
    """

    formula: str
    weights: str | None = None
    offset: str | None = None
    exposure: str | None = None
    trials: str | None = None
    hash_bits: int | None = field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        checked(self.formula)
        check_bits(self.hash_bits)


@dataclass(frozen=True, slots=True)
class Schema:
    """`terms` over `variables`, the `states` of stateful calls by their text, the `columns` with their kinds.

    `offsets` are the offset(...) terms; `n` is how many rows it was learned from.
    """

    request: Request
    response: str | None
    terms: tuple[Term, ...]
    variables: Mapping[str, Variable]
    offsets: tuple[str, ...]
    states: Mapping[str, State]
    columns: Mapping[str, Kind]
    n: int

    @property
    def formula(self) -> str:
        """The formula as given."""
        return self.request.formula

    @property
    def names(self) -> tuple[str, ...]:
        """The coefficient names, in the order of the design."""
        return tuple(name for term in self.terms for name in coding.names(term, self.variables))

    @property
    def references(self) -> dict[str, str]:
        """The reference level of each factor in treatment contrasts."""
        contrasted = {v for term in self.terms for v, full in zip(term.variables, term.full, strict=True) if not full}
        return {
            text: variable.reference
            for text, variable in self.variables.items()
            if variable.levels and variable.contrasts == "treatment" and text in contrasted
        }

    def to_dict(self) -> dict[str, Any]:
        """The schema as plain dicts, lists, text and numbers: what JSON holds, exactly."""
        plain: dict[str, Any] = _plain(asdict(self))
        return plain

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> "Schema":
        """The schema that gave `data`; ModelFileError if something is absent or out of shape."""
        parts: dict[str, Any] = {}
        for name in (part.name for part in fields(cls)):
            try:
                parts[name] = _MADE[name](data[name]) if name in _MADE else data[name]
            except (KeyError, TypeError, ValueError, AttributeError) as error:
                raise ModelFileError(f"{name!r} of the schema is damaged: {error!r}; save the model again") from error
        found = cls(**parts)
        bits = {state["hash"]["bits"] for state in found.states.values() if "hash" in state}
        if bits - {found.request.hash_bits}:
            raise ModelFileError(f"'states' of the schema are of {bits} hash_bits, not {found.request.hash_bits}")
        return found


def _variables(plain: Mapping[str, Any]) -> dict[str, Variable]:
    return {text: Variable(**{**variable, "levels": tuple(variable["levels"])}) for text, variable in plain.items()}


def _state(plain: Mapping[str, Any]) -> State:
    """What a transform learned: numbers, text and lists of one of them; of hashing, how."""
    for name, value in plain.items():
        kinds = {type(one) for one in value} if isinstance(value, list) else {type(value)}
        if not (kinds <= {int, float} or kinds == {str} or name == "hash"):
            raise ValueError(f"{name}: {value!r:.60}, where numbers or text belong")
    return dict(plain)


_MADE: Mapping[str, Callable[[Any], Any]] = {
    "request": lambda plain: Request(**plain),
    "terms": lambda plain: tuple(Term(tuple(term["variables"]), tuple(term["full"])) for term in plain),
    "variables": _variables,
    "offsets": tuple,
    "states": lambda plain: {text: _state(state) for text, state in plain.items()},
    "columns": dict,
}
"""What is not made of JSON as it is."""


def _plain(item: Any) -> Any:
    if isinstance(item, Mapping):
        return {key: _plain(value) for key, value in item.items()}
    return [_plain(value) for value in item] if isinstance(item, (list, tuple)) else item
