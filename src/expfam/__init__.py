"""expfam: generalized linear models, from the exponential family up."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

_HOMES = {
    "Family": "expfam.families.custom",
    "Fit": "expfam.fit",
    "LBFGS": "expfam.solvers",
    "Newton": "expfam.solvers",
    "OnlineGLM": "expfam.online",
    "ElasticNet": "expfam.penalties",
    "Ridge": "expfam.penalties",
    "SGD": "expfam.solvers",
    "compare": "expfam.report.comparison",
    "errors": "expfam.errors",
    "explain": "expfam.explanation",
    "families": "expfam.families",
    "glm": "expfam.front",
    "glm_arrays": "expfam.front",
    "links": "expfam.links",
    "load": "expfam.modelfile",
    "adjusted": "expfam.inference.multiplicity",
    "simulate_portfolio": "expfam.portfolio",
    "threads": "expfam.parallel",
    "warmup": "expfam.warming",
    **dict.fromkeys(
        ("ExpfamError", "FormulaError", "SchemaError", "ResponseError", "FamilyError", "SolverError", "ModelFileError",
         "ExpfamWarning", "ConvergenceWarning", "SeparationWarning", "AliasWarning", "DataWarning",
         "CovarianceWarning"),
        "expfam.errors",
    ),
}  # fmt: skip
"""Where each public name lives. It is imported when first asked for (PEP 562), so that `import expfam` is instant; no
module carries the name of a function, or importing one would hide the other."""

__all__ = [
    "LBFGS",
    "SGD",
    "AliasWarning",
    "ConvergenceWarning",
    "CovarianceWarning",
    "DataWarning",
    "ElasticNet",
    "ExpfamError",
    "ExpfamWarning",
    "Family",
    "FamilyError",
    "Fit",
    "FormulaError",
    "ModelFileError",
    "Newton",
    "OnlineGLM",
    "ResponseError",
    "Ridge",
    "SchemaError",
    "SeparationWarning",
    "SolverError",
    "__version__",
    "adjusted",
    "compare",
    "errors",
    "explain",
    "families",
    "glm",
    "glm_arrays",
    "links",
    "load",
    "simulate_portfolio",
    "threads",
    "warmup",
]

if TYPE_CHECKING:
    from expfam import errors, families, links
    from expfam.errors import (
        AliasWarning,
        ConvergenceWarning,
        CovarianceWarning,
        DataWarning,
        ExpfamError,
        ExpfamWarning,
        FamilyError,
        FormulaError,
        ModelFileError,
        ResponseError,
        SchemaError,
        SeparationWarning,
        SolverError,
    )
    from expfam.explanation import explain
    from expfam.families.custom import Family
    from expfam.fit import Fit
    from expfam.front import glm, glm_arrays
    from expfam.inference.multiplicity import adjusted
    from expfam.modelfile import load
    from expfam.online import OnlineGLM
    from expfam.parallel import threads
    from expfam.penalties import ElasticNet, Ridge
    from expfam.portfolio import simulate_portfolio
    from expfam.report.comparison import compare
    from expfam.solvers import LBFGS, SGD, Newton
    from expfam.warming import warmup


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'expfam' has no attribute {name!r}")
    home = import_module(_HOMES[name])
    return home if _HOMES[name] == f"expfam.{name}" else getattr(home, name)


def __dir__() -> list[str]:
    return sorted(__all__)
