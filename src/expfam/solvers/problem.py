"""What a solver is handed and what it returns."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass

from expfam._typing import BoolArray, FloatArray
from expfam.objective import Evaluation, Objective
from expfam.solvers.optimality import Scale
from expfam.solvers.status import Status

Tell = Callable[[str], None]
"""Receives a line of progress; the default keeps silent."""


@dataclass(frozen=True, slots=True)
class Null:
    """The model that only has an intercept: its eta (1,) or (d,), its deviance, and sum W of its first class."""

    eta: FloatArray
    deviance: float
    weight: float


@dataclass(frozen=True, slots=True)
class Problem:
    """An objective seen from its starting point: F there (`first`), independent columns, scale, and when to stop.

    `start` and every theta have shape (p,) or (p, d); columns that are not `kept` stay at zero.
    """

    objective: Objective
    start: FloatArray
    first: Evaluation
    kept: BoolArray
    scale: Scale
    null: Null
    tol: float
    max_iter: int
    seed: int
    tell: Tell


@dataclass(frozen=True, slots=True)
class Solution:
    """Where a solver ended. `at` is F with gradient and Fisher information there, None if the solver has none."""

    theta: FloatArray
    at: Evaluation | None
    status: Status
    steps: int
    passes: float


class Solver(ABC):
    """A way to minimise F; its options are its fields, its name the one that `solver=` accepts."""

    __slots__ = ()

    @abstractmethod
    def solve(self, problem: Problem) -> Solution:
        """Minimise problem.objective from problem.start."""
