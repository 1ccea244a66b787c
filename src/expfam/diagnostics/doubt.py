"""Does the solution look like one at infinity? Then linear programming decides, and a finite optimum is gone on to.

Along a separating direction, with s_i the scores and W_i the weights of the rows that it moves by m_i, gradient and
information are sum s m and sum W m^2. So the Newton step left still moves some eta by sum s m / sum W m, at least 1 /
max(W / s): by 1 in an exponential tail, by 1 / log(1 / s) in a thinner one (cloglog). A step that moves no eta by
STIRRED, with an information that is positive definite, excludes separation, without a further read of the rows.
"""

from dataclasses import replace
from itertools import compress

import numpy as np

from expfam._typing import FloatArray
from expfam.inference.separation import Names, Separation, out_of_reach, separation, witnessed
from expfam.information import Factor
from expfam.objective import Objective
from expfam.solvers import Newton, Problem, Solution, Status
from expfam.solvers.optimality import RUNAWAY, Reading, by_class, movers, reach, runs_away, stirred
from expfam.solvers.pose import Posed

STIRRED = 1e-3
VAGUE = 3.0  # the error of a linear predictor of which the rows hold less than one event
FEW = 100  # coefficients up to which it is worth a programme to say more than that all of them are infinite


def doubtful(problem: Problem, solution: Solution, factor: Factor | None, reading: Reading) -> bool:
    """Could a coefficient be infinite? A solver that was stopped at random is asked where the rows say next to nothing
    of a linear predictor that the step left still moves: its error is above the ratio of that to the decrement."""
    if solution.status is Status.OUTSIDE:
        return False
    if solution.status is Status.PASSES_DONE:
        known, scale = factor is not None and not solution.near, problem.scale
        moved = reach(reading.step, problem.objective.data) if known else 0.0
        return moved >= RUNAWAY and scale.slope * moved >= VAGUE * reading.decrement * scale.response
    if solution.status is not Status.CONVERGED or factor is None or not factor.definite:
        return True
    return reach(reading.step, problem.objective.data) >= STIRRED


def settled(objective: Objective, posed: Posed, names: Names, theta: FloatArray, reading: Reading) -> Separation:
    """Which coefficients run to infinity, by linear programming; where that is too large, by the step left, and where
    the solution itself predicts every row, that is proof enough of complete separation.

    `objective` is F in the columns' own units, `theta` the solution in standard coordinates.
    """
    problem, standard = posed.problem, posed.standard
    direct = witnessed(objective, standard, standard.original(theta), names)
    if direct is not None and direct.complete and theta.size > FEW:
        return direct
    found = separation(objective, standard, names)
    if found.exact:
        return found
    flat = reading.gradient <= max(problem.tol, 1e-6)
    runaway = flat and runs_away(reading, problem.scale, problem.objective.data)
    return direct or (_along(reading.step, posed, names()) if runaway else found)


def _along(step: FloatArray, posed: Posed, names: tuple[str, ...]) -> Separation:
    """The coefficients that carry a runaway step, and which way they go."""
    standard = posed.standard
    spreads = by_class(standard.spreads(step))
    kept = compress(names, np.tile(standard.kept, len(names) // len(standard.kept)))
    moved = [(name, int(np.sign(s))) for name, s, mark in zip(kept, spreads, movers(spreads), strict=True) if mark]
    objective = posed.problem.objective
    return Separation(
        tuple(n for n, _ in moved), tuple(s for _, s in moved), of=objective.data.n, exact=False,
        unreached=out_of_reach(objective, movers(stirred(step, objective.data.design))),
    )  # fmt: skip


def resumed(problem: Problem, solution: Solution) -> Solution:
    """Newton's method from a solution on, for an optimum that is far out but not at infinity."""
    again = replace(problem, start=solution.theta, first=None, sample=None, bounded=True)
    more = Newton().solve(again)
    done = {name: getattr(solution, name) + getattr(more, name) for name in ("steps", "passes", "hessians")}
    return replace(more, **done)
