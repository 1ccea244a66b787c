"""Options of the command line as what they spell: a family, a solver, a covariance."""

from typing import TYPE_CHECKING, Any

import expfam
from expfam.errors import ExpfamError, FamilyError, SolverError
from expfam.spelled import key, made, parts

if TYPE_CHECKING:
    from expfam.families import ExponentialFamily
    from expfam.solvers import SGD, Solver


def family(text: str, **given: float | None) -> "ExponentialFamily | str":
    """The family that `text` spells, with parameters from flags (None: not given). Raises FamilyError.

    A family that needs a number and has none is left as a name: `glm` estimates it.
    """
    flags = {flag: value for flag, value in given.items() if value is not None}
    name, args, options = parts(text, FamilyError)
    kind = expfam.families.FAMILIES.get(key(name))
    if flags and kind is not None:
        return made(kind, key(name), args, options | flags, FamilyError)
    return key(name) if kind in expfam.families.PARAMETERS and text == name else expfam.families.family(text)


def dispersion(text: str | None) -> str | float | None:
    """A kind of dispersion, or a number; None leaves the family its own."""
    try:
        return None if text is None else float(text)
    except ValueError:
        return text


def vcov(kind: str | None, clusters: list[str] | None) -> str | dict[str, Any] | None:
    """A kind of covariance, or that of clusters; ExpfamError for both."""
    if kind is not None and clusters:
        raise ExpfamError(f"--vcov {kind} and --cluster {clusters[0]} are two covariances; give one of them")
    return {"cluster": clusters} if clusters else kind


def solver(text: str) -> "Solver | str":
    """The solver that `text` spells; a bare name is left to `glm`. Raises SolverError."""
    from expfam.solvers import SOLVERS  # brings SciPy's linear algebra

    name, args, options = parts(text, SolverError)
    if name not in SOLVERS or not (args or options):
        return name
    return made(SOLVERS[name], name, args, options, SolverError)


def sgd(text: str) -> "SGD":
    """The stochastic gradient descent that `text` spells, the only solver that a stream has."""
    from expfam.solvers import SGD  # brings SciPy's linear algebra

    found = SGD() if text == "sgd" else solver(text)
    if not isinstance(found, SGD):
        raise SolverError(f"--solver {text}: a stream is learned by sgd, as in \"sgd(step='normalised')\"")
    return found
