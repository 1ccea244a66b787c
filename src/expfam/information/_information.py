"""What an information is: a symmetric matrix that is added up over rows, damped and factorised."""

from abc import ABC, abstractmethod

from expfam._remembers import Remembers
from expfam._typing import BoolArray, FloatArray
from expfam.information.covariance import Covariance


class Factor(ABC):
    """S H S = L L' with S the diagonal scaling to a unit diagonal, L a Cholesky factor in some form.

    `condition` estimates that of S H S; `definite` is False where the diagonal had to be raised.
    """

    __slots__ = ()

    condition: float
    definite: bool

    @abstractmethod
    def solve(self, rhs: FloatArray) -> FloatArray:
        """H^-1 rhs, (q,) or (q, m)."""

    @abstractmethod
    def inverse(self) -> Covariance:
        """H^-1, symmetric."""


class Information(Remembers, ABC):
    """H, (q, q), class after class; a commutative monoid under +."""

    __slots__ = ()

    @abstractmethod
    def __add__(self, other: "Information") -> "Information":
        """The information of both sets of rows."""

    @abstractmethod
    def __mul__(self, share: float) -> "Information":
        """share H."""

    @abstractmethod
    def plus(self, diagonal: FloatArray, matrix: FloatArray | None = None) -> "Information":
        """H + diag(diagonal) + matrix: a penalty, or damping."""

    @property
    @abstractmethod
    def diagonal(self) -> FloatArray:
        """The diagonal, (q,)."""

    @property
    @abstractmethod
    def matrix(self) -> FloatArray:
        """H written out, (q, q)."""

    @abstractmethod
    def times(self, vector: FloatArray) -> FloatArray:
        """H vector, (q,) or (q, m)."""

    @abstractmethod
    def part(self, kept: BoolArray) -> "Information":
        """The rows and columns of the kept coefficients, kept (q,)."""

    @abstractmethod
    def factor(self) -> Factor:
        """Cholesky, the diagonal raised just enough where H is not positive definite."""
