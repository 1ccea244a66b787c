"""What is read from the rows when it is first asked for, of a large fit: the errors, and the likelihood.

F of the rows is looked at again first: rows that were written to meanwhile would give the numbers of another fit.
"""

from collections.abc import Callable
from dataclasses import dataclass
from threading import Lock
from typing import Any

import numpy as np

from expfam._typing import FloatArray
from expfam.errors import ExpfamError
from expfam.inference.covariance import tell_lost
from expfam.information import Covariance, Root
from expfam.information.later import Later
from expfam.objective import Evaluation, Objective
from expfam.parallel import one_blas_thread
from expfam.response import Level
from expfam.solvers.problem import loses, sharpened

SAME = 1e-9  # the share of F, or of the null deviance, by which F of the same rows may differ: they are added otherwise


@dataclass(frozen=True, slots=True, eq=False)
class Pending:
    """A number that `read` works out, once. Copies and pickles are the number itself, and no rows behind it."""

    read: Callable[[], float]

    def __float__(self) -> float:
        return self.read()

    def __reduce__(self) -> tuple[Any, ...]:
        return float, (self.read(),)


@dataclass(frozen=True, slots=True, eq=False)
class End:
    """Where a fit ended: the objective and theta in standard coordinates, F there, and the deviance of the null model,
    which says how exactly F is known."""

    objective: Objective
    theta: FloatArray
    value: float
    null: float

    def again(self, level: Level) -> Evaluation:
        """F read anew; ExpfamError where it is another."""
        at = self.objective(self.theta, level)
        if not np.isclose(at.value, self.value, rtol=SAME, atol=SAME * self.null):
            raise ExpfamError(
                f"the data was changed since the fit: at its coefficients F is {at.value:.10g}, not {self.value:.10g}. "
                "A large fit reads the errors of its coefficients and its likelihood when they are first asked for: "
                "ask before you write to its arrays, or fit a copy"
            )
        return at


def later(end: End, dispersion: float, loglik: Callable[[], float]) -> tuple[Later, Pending]:
    """phi H^-1 at an optimum in standard coordinates, and the log-likelihood there; who asks for the errors has both
    read, and the rows are let go of."""
    held, found, one_by_one = [(end, loglik)], dict[str, Any](), Lock()

    def errors() -> Covariance:
        with one_by_one, one_blas_thread():
            if held:
                there, work_out = held[0]
                found["errors"] = _inverse(there).times(dispersion)
                if "loglik" not in found:
                    found["loglik"] = work_out()
                held.clear()
            known: Covariance = found["errors"]
            return known

    def likelihood() -> float:
        with one_by_one, one_blas_thread():
            if "loglik" not in found:
                there, work_out = held[0]
                there.again(Level.VALUE)
                found["loglik"] = work_out()
            return float(found["loglik"])

    return Later(end.theta.size, errors), Pending(likelihood)


def _inverse(end: End) -> Covariance:
    at, factor = sharpened(end.objective, end.theta, end.again(Level.HESSIAN), loses(end.objective))
    tell_lost(factor, isinstance(at.hessian, Root))
    return factor.inverse()
