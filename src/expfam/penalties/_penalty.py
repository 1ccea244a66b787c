"""What a penalty is: options that become P(theta) once the columns are known."""

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np

from expfam._typing import AnyArray, BoolArray, FloatArray
from expfam.parallel import MANY, multiplied


@dataclass(frozen=True, slots=True)
class PenaltyForm:
    """P(theta) = sum over classes of theta' S theta / 2 + l' |theta|, S = diag(`diagonal`) + `matrix`, per unit of mean
    loss.

    diagonal (p,); matrix (p, p), None for zero, so that a ridge on a million columns stays a vector; `absolute` l (p,),
    None for zero. What has a derivative is the quadratic part: `gradient` and `hessian` are its.
    """

    diagonal: FloatArray
    matrix: FloatArray | None = None
    absolute: FloatArray | None = None

    def gradient(self, theta: FloatArray, scale: float = 1.0) -> FloatArray:
        """scale S theta, the shape of theta; half its product with theta is scale P(theta) without l' |theta|."""
        diagonal = scale * self.diagonal
        by = diagonal if theta.ndim == 1 else diagonal[:, None]
        scaled = by * theta if theta.size < MANY else multiplied(by, theta)
        return scaled if self.matrix is None else scaled + scale * (self.matrix @ theta)

    def hessian(self, classes: int, scale: float) -> tuple[FloatArray, FloatArray | None]:
        """scale S for every class, as a diagonal (p d,) and what is beside it, (p d, p d)."""
        matrix = None if self.matrix is None else np.asarray(np.kron(np.eye(classes), scale * self.matrix))
        return np.tile(scale * self.diagonal, classes), matrix

    def congruence(self, scale: FloatArray, kept: AnyArray) -> "PenaltyForm":
        """P as a function of beta, theta_j = scale_j beta_j for the kept columns, the others zero (14)."""
        half = scale[kept]
        matrix = None if self.matrix is None else self.matrix[np.ix_(kept, kept)] * half[:, None] * half
        absolute = None if self.absolute is None else self.absolute[kept] * np.abs(half)
        return PenaltyForm(self.diagonal[kept] * half**2, matrix, absolute)

    def residual(self, gradient: FloatArray, theta: FloatArray, scale: float) -> FloatArray:
        """The subgradient nearest to zero of F = smooth + scale l' |theta|, from the gradient of what is smooth: zero
        at the optimum, and nowhere else."""
        if self.absolute is None:
            return gradient
        bound = (scale * self.absolute).reshape(-1, *[1] * (theta.ndim - 1))
        inside = np.sign(gradient) * np.maximum(np.abs(gradient) - bound, 0.0)
        return np.where(theta == 0, inside, gradient + bound * np.sign(theta))

    def resisted(self, direction: FloatArray) -> FloatArray:
        """S d, and d itself where there is a corner, the shape of d: zero only where P stays the same along d."""
        corners = self.corners.reshape(-1, *[1] * (direction.ndim - 1))
        return self.gradient(direction) + np.where(corners, direction, 0.0)

    @property
    def holds(self) -> BoolArray:
        """Which coefficients P depends on, (p,)."""
        held = self.diagonal > 0 if self.matrix is None else (self.diagonal > 0) | self.matrix.any(axis=0)
        return held | self.corners

    @property
    def corners(self) -> BoolArray:
        """Which coefficients P has a corner in at zero, (p,)."""
        return np.zeros(len(self.diagonal), dtype=bool) if self.absolute is None else self.absolute > 0

    @property
    def is_zero(self) -> bool:
        """Nothing is penalised: the estimate is maximum likelihood."""
        if self.matrix is not None and self.matrix.any():
            return False
        return not self.diagonal.any() and (self.absolute is None or not self.absolute.any())


class Penalty(ABC):
    """Options of a penalty, free of any data; `bind` makes it a function of theta."""

    __slots__ = ()

    @property
    def smooth(self) -> bool:
        """Has P a derivative everywhere?"""
        return True

    @abstractmethod
    def bind(self, names: tuple[str, ...]) -> PenaltyForm:
        """P for the columns `names`."""

    @abstractmethod
    def to_dict(self) -> dict[str, object]:
        """The options as JSON."""


@dataclass(frozen=True, slots=True)
class NoPenalty(Penalty):
    """P = 0: maximum likelihood."""

    def bind(self, names: tuple[str, ...]) -> PenaltyForm:
        return PenaltyForm(np.zeros(len(names)))

    def to_dict(self) -> dict[str, object]:
        return {"name": "none"}
