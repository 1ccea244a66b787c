"""What a solver is handed and what it returns."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np

from expfam._typing import FloatArray
from expfam.elsewhere import no_option
from expfam.information import Factor, Full
from expfam.objective import Data, Evaluation, Objective
from expfam.solvers.learning import Point
from expfam.solvers.optimality import Scale
from expfam.solvers.status import Status

WRITTEN_OUT = 3000
"""Coefficients, those of all classes together, up to which the information is a matrix worth having; the levels of a
wide factor, which are eliminated from it, do not count."""

AWAY, ENOUGH = 1000.0, 1e-5
"""Where `theta` alone is asked for of large data it may be so many times `tol` standard errors from the optimum, up to
1e-5 of one, at which F is above its minimum by 5e-11 phi: as much as a sum of a hundred thousand losses rounds."""

BORDER = 1 << 25
"""Products of those levels with the other columns up to which they are worth having: 256 MiB."""

ROOTED = 1500
"""Coefficients up to which doubts of rank and condition are settled by a QR decomposition of the rows."""

Tell = Callable[[str], None]
"""Receives a line of progress; the default keeps silent."""


def within(tell: Tell, stage: str) -> Tell:
    """Lines of progress of a part of the work, with the stage in front: their steps begin anew at each."""
    return lambda line: tell(f"{stage}: {line}")


@dataclass(frozen=True, slots=True)
class Null:
    """The model that only has an intercept: its eta (1,) or (d,), its deviance, and sum W of its first class."""

    eta: FloatArray
    deviance: float
    weight: float


@dataclass(frozen=True, slots=True)
class Problem:
    """An objective in standard coordinates, seen from a feasible `start`, (p,) or (p, d), and when to stop.

    `first` is F at the start with its information, where that was needed to find the independent columns; `sample`
    some of the rows, where the data is so large that a solution on those is a good start, and `sampled` their loss at
    the start, where it is known. `bounded` tells that the minimum is known to be at a finite theta, however flat F is
    before; `alone` that theta is asked for without the information there, and `slack` that it may then be so many times
    `tol` standard errors from the optimum. `frequency` (n,) is how often each row is there, None for once; `original`
    takes theta to the columns' own units, a linear map.
    """

    objective: Objective
    start: FloatArray
    first: Evaluation | None
    sample: Data | None
    scale: Scale
    null: Null
    tol: float
    max_iter: int
    seed: int
    tell: Tell
    bounded: bool = False
    frequency: FloatArray | None = None
    original: Callable[[FloatArray], FloatArray] = np.asarray
    sampled: Evaluation | None = None
    alone: bool = False
    slack: float = 1.0

    def enough(self, value: float) -> float:
        """How many standard errors of the null model from the optimum a theta may be whose gradient is below `tol`, and
        where F is `value`: what is beyond `tol` counts in those of the model at hand, which may be far smaller."""
        if not self.alone:
            return self.tol
        fixed, mean = self.objective.family.fixed_dispersion, 2 * max(value, 0.0) / self.scale.weight
        share = 1.0 if fixed else min(float(np.sqrt(mean)) / self.scale.response, 1.0)
        return max(self.tol, min(self.slack * self.tol, ENOUGH) * share)


@dataclass(frozen=True, slots=True)
class Solution:
    """Where a solver ended. `at` is F with gradient and Fisher information there, None if the solver has none.

    `adjusted` tells that the gradient is that of adjusted scores; `near` that the information in `at` is that of a
    sample or of an earlier point, which led to an end where none was asked for; `points` are those of the way of a
    solver that takes rows one after the other, theta in the columns' own units.

    passes   how often the rows were read, a sample's reads in proportion; hessians: how many of them for information
    """

    theta: FloatArray
    at: Evaluation | None
    status: Status
    steps: int
    passes: float
    hessians: float
    adjusted: bool = False
    near: bool = False
    points: tuple[Point, ...] = ()


LOSES = 1e6  # condition from which X'WX has lost too many digits for the errors of coefficients,
LOST = 1e12  # and from which on even for a step
ROOTED_CLASSES = 2e10  # n p^2 of the rows of several classes up to which QR takes no more than seconds
DEAR, LOSES_DEAR = 1e9, 1e9  # n p^2 from which a QR decomposition takes seconds, and the condition that is worth it


def loses(objective: Objective) -> float:
    """The condition from which errors of coefficients come from QR of the rows: at it those by X'WX have ten digits
    where that is cheap, and seven where it is dear."""
    return LOSES if _work(objective) < DEAR else LOSES_DEAR


def rootable(objective: Objective, theta: FloatArray) -> bool:
    """Is a QR decomposition of the rows worth its time? Of d classes it has d rows for each, and X'WX no more work than
    before."""
    return theta.size <= ROOTED and (theta.ndim == 1 or _work(objective) <= ROOTED_CLASSES)


def _work(objective: Objective) -> float:
    """n p^2 of the rows of a QR decomposition."""
    data, d = objective.data, objective.classes
    return data.n * d * float(data.design.p * d) ** 2


def sharpened(
    objective: Objective, theta: FloatArray, at: Evaluation, condition: float, adjusted: bool = False
) -> tuple[Evaluation, Factor]:
    """The evaluation and its factor, by QR of the rows where X'WX is worse conditioned than that.

    An observed information that is not positive definite stays what it is. The step that QR brings along is that of
    likelihood scores, not of `adjusted` ones.
    """
    assert at.hessian is not None
    factor = at.hessian.factor()
    able = isinstance(at.hessian, Full) and rootable(objective, theta)
    if not able or factor.condition < condition or (objective.observed and not factor.definite):
        return at, factor
    root = objective.root(theta)
    root = replace(root, right=None) if adjusted else root
    return replace(at, hessian=root), root.factor()


def affordable(objective: Objective, coefficients: int) -> bool:
    """Is the information small enough to be written out, but for the diagonal block of a wide factor?

    Levels are eliminated where there is one coefficient each, not one a class.
    """
    levels = 0 if objective.family.vector else objective.data.design.levels
    rest = coefficients - levels
    return rest <= WRITTEN_OUT and rest * levels <= BORDER


class Solver(ABC):
    """A way to minimise F; its options are its fields, its name the one that `solver=` accepts."""

    __slots__ = ()

    def __new__(cls, *_: Any, **options: Any) -> Self:
        """TypeError for an option that it has not, with what is meant; the options themselves are set by the fields."""
        names = tuple(getattr(cls, "__dataclass_fields__", ()))
        if unknown := [name for name in options if name not in names]:
            raise no_option(cls.__name__, unknown[0], names)
        return super().__new__(cls)

    @abstractmethod
    def solve(self, problem: Problem) -> Solution:
        """Minimise problem.objective from problem.start."""
