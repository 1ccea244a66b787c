"""What was found where, what is allowed, what to do: every error and warning of the library, one family each."""

from math import isfinite
from numbers import Integral, Real
from typing import TypeGuard


class ExpfamError(ValueError):
    """Anything the library refuses; catch this one to catch all of them.

    `row` is the row that is refused, the first is 0, and None where it is no row alone.
    """

    def __init__(self, message: str = "", row: int | None = None) -> None:
        super().__init__(*(message, row)[: 1 if row is None else 2])

    def __str__(self) -> str:
        return str(self.args[0])

    @property
    def row(self) -> int | None:
        return self.args[1] if len(self.args) > 1 else None


class FormulaError(ExpfamError):
    """The formula does not parse, or asks for something outside the listed functions."""


class SchemaError(ExpfamError):
    """The data does not fit the model: columns, types, levels, lengths."""


class ResponseError(ExpfamError):
    """The response lies outside the family's support, or has too few classes."""


class FamilyError(ExpfamError):
    """A family breaks a law of the exponential family, or an option of it is out of range."""


class SolverError(ExpfamError):
    """No solver can start or go on: infeasible means, an option out of range."""


class ModelFileError(ExpfamError):
    """A saved model is damaged, foreign, or newer than this library."""


class ExpfamWarning(UserWarning):
    """Anything the library tells without stopping."""


class ConvergenceWarning(ExpfamWarning):
    """The certificate does not show an optimum."""


class SeparationWarning(ExpfamWarning):
    """Coefficients run off to infinity: the likelihood has no maximum."""


class AliasWarning(ExpfamWarning):
    """Columns are linear combinations of earlier ones and were left out."""


class CovarianceWarning(ExpfamWarning):
    """A covariance had to be mended: it was not positive semidefinite."""


class DataWarning(ExpfamWarning):
    """Rows were left out or replaced."""


def is_finite(value: object) -> TypeGuard[float]:
    """Is it a finite real number, Python's or NumPy's, and no truth value?"""
    return isinstance(value, Real) and not isinstance(value, bool) and isfinite(value)


def is_whole(value: object) -> bool:
    """Is it a whole number, Python's or NumPy's, and no truth value?"""
    return isinstance(value, Integral) and not isinstance(value, bool)


def one_of(name: str, value: str | None, allowed: tuple[str | None, ...]) -> None:
    """ExpfamError naming the allowed values, unless it is one of them."""
    if value not in allowed:
        raise ExpfamError(f"{name}={value!r} is not allowed; choose one of {', '.join(map(repr, allowed))}")
