"""Minimising F: a solver is data with one verb, `solve(problem) -> Solution`."""

from expfam.solvers.choose import SOLVERS, choose, passing
from expfam.solvers.lbfgs import LBFGS
from expfam.solvers.newton import Newton
from expfam.solvers.problem import Problem, Solution, Solver
from expfam.solvers.sgd import SGD
from expfam.solvers.status import Status

__all__ = ["LBFGS", "SGD", "SOLVERS", "Newton", "Problem", "Solution", "Solver", "Status", "choose", "passing"]
