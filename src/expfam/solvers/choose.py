"""Which solver: a table of rows, each with its reason. The first row whose question is answered yes is taken."""

from collections.abc import Callable
from dataclasses import dataclass
from difflib import get_close_matches

from expfam.errors import SolverError
from expfam.solvers.lbfgs import LBFGS
from expfam.solvers.newton import Newton
from expfam.solvers.problem import Problem, Solver, affordable
from expfam.solvers.proximal import Proximal
from expfam.solvers.sgd import SGD

SOLVERS: dict[str, type[Solver]] = {"newton": Newton, "lbfgs": LBFGS, "proximal": Proximal, "sgd": SGD}


@dataclass(frozen=True, slots=True)
class Row:
    """A question about the problem, the solver it leads to, and why."""

    when: Callable[[Problem], bool]
    solver: Solver
    reason: str


TABLE: tuple[Row, ...] = (
    Row(
        lambda problem: problem.objective.penalty.absolute is not None,
        Proximal(),
        "F has corners at zero, where no gradient vanishes",
    ),
    Row(
        lambda problem: not affordable(problem.objective, problem.start.size),
        LBFGS(),
        "the information would have more than WRITTEN_OUT squared entries, levels of a wide factor apart; "
        "a read of X costs a hundredth of it",
    ),
    Row(lambda problem: True, Newton(), "exact, affine invariant, and its information is wanted for the errors anyway"),
)


def passing(given: str | Solver, passes: int | None) -> str | Solver:
    """The solver asked for, told how often to read the rows; SolverError where `passes` is nothing to it."""
    if passes is None:
        return given
    if given == "sgd":
        return SGD(passes)
    if isinstance(given, SGD):
        raise SolverError(f"passes={passes} beside an SGD, which has passes={given.passes}: write SGD(passes={passes})")
    raise SolverError(
        f"passes={passes} is for solver='sgd', not for {given!r}: the others read the rows until the gradient "
        "vanishes; tol= and max_iter= bound them"
    )


def choose(given: str | Solver, problem: Problem) -> Solver:
    """The solver asked for: an object, a name of SOLVERS, or "auto" for the first fitting row of TABLE."""
    if isinstance(given, Solver) or given in SOLVERS:
        solver = given if isinstance(given, Solver) else SOLVERS[given]()
        if not isinstance(solver, SGD | Proximal) and problem.objective.penalty.absolute is not None:
            raise SolverError(f"solver={given!r} knows no |theta_j|; allowed with this penalty: 'proximal' and 'sgd'")
        return solver
    if given == "auto":
        return next(row.solver for row in TABLE if row.when(problem))
    near = get_close_matches(str(given), SOLVERS, n=1)
    hint = f"; did you mean {near[0]!r}?" if near else "."
    raise SolverError(
        f"solver={given!r} is unknown{hint} Allowed: 'auto', {', '.join(map(repr, SOLVERS))}, or an object"
    )
