"""What a penalty is: options that become P(theta) once the columns are known."""

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np

from expfam._typing import AnyArray, BoolArray, FloatArray


@dataclass(frozen=True, slots=True)
class QuadraticForm:
    """P(theta) = sum over classes of theta' S theta / 2, S = diag(`diagonal`) + `matrix`, per unit of mean loss.

    diagonal (p,); matrix (p, p), None for zero, so that a ridge on a million columns stays a vector.
    """

    diagonal: FloatArray
    matrix: FloatArray | None = None

    def gradient(self, theta: FloatArray) -> FloatArray:
        """S theta, the shape of theta; P(theta) is half its product with theta."""
        scaled = self.diagonal * theta if theta.ndim == 1 else self.diagonal[:, None] * theta
        return scaled if self.matrix is None else scaled + self.matrix @ theta

    def hessian(self, classes: int, scale: float) -> tuple[FloatArray, FloatArray | None]:
        """scale S for every class, as a diagonal (p d,) and what is beside it, (p d, p d)."""
        matrix = None if self.matrix is None else np.asarray(np.kron(np.eye(classes), scale * self.matrix))
        return np.tile(scale * self.diagonal, classes), matrix

    def congruence(self, scale: FloatArray, kept: AnyArray) -> "QuadraticForm":
        """P as a function of beta, theta_j = scale_j beta_j for the kept columns, the others zero (14)."""
        half = scale[kept]
        matrix = None if self.matrix is None else self.matrix[np.ix_(kept, kept)] * half[:, None] * half
        return QuadraticForm(self.diagonal[kept] * half**2, matrix)

    @property
    def holds(self) -> BoolArray:
        """Which coefficients P depends on, (p,)."""
        return self.diagonal > 0 if self.matrix is None else (self.diagonal > 0) | self.matrix.any(axis=0)

    @property
    def is_zero(self) -> bool:
        """Nothing is penalised: the estimate is maximum likelihood."""
        return not self.diagonal.any() and (self.matrix is None or not self.matrix.any())


class Penalty(ABC):
    """Options of a penalty, free of any data; `bind` makes it a function of theta."""

    __slots__ = ()

    @abstractmethod
    def bind(self, names: tuple[str, ...]) -> QuadraticForm:
        """P for the columns `names`."""

    @abstractmethod
    def to_dict(self) -> dict[str, object]:
        """The options as JSON."""


@dataclass(frozen=True, slots=True)
class NoPenalty(Penalty):
    """P = 0: maximum likelihood."""

    def bind(self, names: tuple[str, ...]) -> QuadraticForm:
        return QuadraticForm(np.zeros(len(names)))

    def to_dict(self) -> dict[str, object]:
        return {"name": "none"}
