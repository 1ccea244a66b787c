"""What a penalty is: options that become P(theta) once the columns are known."""

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np

from expfam._typing import FloatArray


@dataclass(frozen=True, slots=True)
class QuadraticForm:
    """P(theta) = sum over classes of theta' S theta / 2, `matrix` S (p, p), per unit of mean loss."""

    matrix: FloatArray

    def value(self, theta: FloatArray) -> float:
        """P(theta), theta (p,) or (p, d)."""
        return float(np.sum(theta * (self.matrix @ theta)) / 2)

    def gradient(self, theta: FloatArray) -> FloatArray:
        """S theta, the shape of theta."""
        return np.asarray(self.matrix @ theta)

    def hessian(self, classes: int) -> FloatArray:
        """S for every class, (p d, p d)."""
        return np.asarray(np.kron(np.eye(classes), self.matrix)) if classes > 1 else self.matrix

    @property
    def is_zero(self) -> bool:
        """Nothing is penalised: the estimate is maximum likelihood."""
        return not self.matrix.any()


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
        return QuadraticForm(np.zeros((len(names), len(names))))

    def to_dict(self) -> dict[str, object]:
        return {"name": "none"}
