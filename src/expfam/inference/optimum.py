"""A fit with its rows at hand: what sandwiches, tests and refits are computed from."""

import warnings
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from expfam._remembers import Remembers
from expfam._typing import AnyArray, BoolArray, FloatArray
from expfam.errors import ConvergenceWarning
from expfam.inference.covariance import known
from expfam.information import Covariance, Factor, Root
from expfam.information.original import Original
from expfam.model import Model, Prepared
from expfam.objective import Data, Evaluation, Objective
from expfam.parallel import weighed, weight_of
from expfam.response import Level
from expfam.solvers import Newton, Problem, Status
from expfam.solvers.edge import edged
from expfam.solvers.pose import Posed, pose
from expfam.solvers.problem import loses, sharpened

TOL, STEPS = 1e-9, 100


@dataclass(frozen=True, slots=True, eq=False)
class Optimum(Remembers):
    """The rows, the problem in standard coordinates, and the optimum there: F at beta with its information, factorised.

    `objective` is F as a function of theta, (p,) or (p, d) in the columns' own units; `solved` the information of what
    is smooth of it.
    """

    prepared: Prepared
    objective: Objective
    posed: Posed
    beta: FloatArray
    at: Evaluation
    solved: Factor

    @property
    def factor(self) -> Factor:
        """The information, factorised, from which all errors come; ExpfamError where it is not that of F."""
        known(self.objective.penalty)
        return self.solved

    @property
    def model(self) -> Model:
        """What was fitted."""
        return self.prepared.model

    @property
    def problem(self) -> Problem:
        """F in standard coordinates."""
        return self.posed.problem

    @property
    def theta(self) -> FloatArray:
        """The coefficients, zero where a column was left out."""
        return self.posed.standard.original(self.beta)

    @property
    def kept(self) -> BoolArray:
        """The columns that were not left out, (p,)."""
        return self.posed.standard.kept

    @property
    def rooted(self) -> bool:
        """Comes the information from QR of the rows, not from a matrix of sums of squares?"""
        return isinstance(self.at.hessian, Root)

    @property
    def classes(self) -> int:
        """d, how many linear predictors a row has."""
        return 1 if self.beta.ndim == 1 else self.beta.shape[1]

    def one_line(self, what: str) -> "Optimum":
        """The optimum as that of a response of numbers, for `what` reads a row as one: of two classes as that of the
        first against the reference, which has the same odds. ExpfamError for more."""
        self.model.check_one_line(what)
        return self._line

    @cached_property
    def _line(self) -> "Optimum":
        if not self.model.family.vector:
            return self
        assert self.model.classes is not None
        offset = self.prepared.data.offset
        rows = self.prepared.of_class(0, self.model.classes[1], None if offset is None else offset[:, 0])
        return optimum(rows, self.theta[:, 0])

    def means(self, block: Data) -> FloatArray:
        """mu of some rows, (n,) or (n, d)."""
        eta = block.design.forward(block.design.maps.forward(self.beta))
        return np.asarray(self.objective.link.inverse(eta if block.offset is None else eta + block.offset))

    def single(self, values: FloatArray, rows: slice | AnyArray) -> FloatArray:
        """What a row of frequency f has f times, (n,) or (n, m), once."""
        times = self.prepared.frequency
        return values if times is None else (values.T / times[rows]).T

    def leverage(self, block: Data, weight: FloatArray, bread: Covariance) -> FloatArray:
        """h = w x' V x of some rows, (n,), for w of the information (n,) and V = H^-1, one linear predictor."""
        return np.asarray(np.ravel(weight) * bread.of_rows(block.design, 1)[:, 0, 0])

    def original(self, covariance: Covariance) -> Covariance:
        """A covariance of beta as one of theta, NaN where a column was left out."""
        return Original(covariance, self.posed.standard, self.classes)


def optimum(prepared: Prepared, theta: FloatArray) -> Optimum:
    """The optimum theta, (p,) or (p, d), of a model on some rows: two reads of these."""
    model = prepared.model
    penalty = model.penalty.bind(prepared.data.design.names)
    objective = Objective(model.family, model.link, penalty, prepared.data)
    posed = pose(objective, TOL, STEPS, 0, silent, theta)
    beta = posed.standard.inverse(theta)
    at = posed.problem.first
    if at is None or not np.array_equal(posed.problem.start, beta):
        at = posed.problem.objective(beta)
    at, factor = sharpened(posed.problem.objective, beta, at, loses(posed.problem.objective))
    return Optimum(prepared, objective, posed, beta, at, factor)


@dataclass(frozen=True, slots=True, eq=False)
class Refit:
    """The optimum of some columns: theta, zero for all others; half the deviance; F.

    `free` is how many coefficients are free, of all classes, aliased ones not counted.
    """

    theta: FloatArray
    half: float
    value: float
    free: int


def refit(objective: Objective, columns: BoolArray, near: FloatArray | None = None) -> Refit:
    """Minimise F over some columns, columns (p,), the others left out; started at `near`, (p,) or (p, d), if given."""
    part = narrowed(objective, columns)
    if not part.data.design.p:
        theta = np.zeros((len(columns), *_classes(objective)))
        half = objective.loss(theta, Level.VALUE).value
        return Refit(theta, half, half, 0)
    posed = pose(part, TOL, STEPS, 0, silent, None if near is None else _near(objective, columns, near))
    solution = edged(posed.problem, Newton().solve(posed.problem))
    theta = np.zeros((len(columns), *solution.theta.shape[1:]))
    theta[columns] = posed.standard.original(solution.theta)
    at = solution.at or posed.problem.objective(solution.theta, Level.VALUE)
    penalty = posed.problem.objective.value_of_penalty(solution.theta)
    if solution.status not in (Status.CONVERGED, Status.SEPARATED):
        where = "ends on an edge" if solution.status is Status.EDGE else "has not converged"
        warnings.warn(
            f"a refit to {int(columns.sum())} of {len(columns)} columns {where}, so that comparisons with it are not "
            f"exact: {solution.status.value}",
            ConvergenceWarning,
            stacklevel=2,
        )
    return Refit(theta, at.value - penalty, at.value, solution.theta.size)


def _near(objective: Objective, columns: BoolArray, theta: FloatArray) -> FloatArray:
    """theta of some columns, the intercept with what the others have given to the mean row: of a year or a time stamp
    that is thousands, without which means would be at the end of their range."""
    design, weight, start = objective.data.design, objective.data.weight, theta[columns]
    at = design.intercept
    if at is None or not columns[at]:
        return start
    gone = np.where(columns if theta.ndim == 1 else columns[:, None], 0.0, theta)
    start[int(columns[:at].sum())] += weighed(weight, design.forward(design.maps.forward(gone))) / weight_of(weight)
    return start


def narrowed(objective: Objective, columns: BoolArray) -> Objective:
    """F as a function of some columns' coefficients, the others zero."""
    design = objective.data.design.narrowed(columns)
    penalty = objective.penalty.congruence(np.ones(len(columns)), np.flatnonzero(columns))
    return replace(objective, data=replace(objective.data, design=design), penalty=penalty)


def _classes(objective: Objective) -> tuple[int, ...]:
    return (objective.classes,) if objective.family.vector else ()


def silent(_: str) -> None:
    """No progress is told."""
