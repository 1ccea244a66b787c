"""Options of the command line as what they spell: a family, a solver, a covariance; and messages in these words."""

import re
from collections.abc import Mapping
from shlex import quote
from typing import TYPE_CHECKING, Any

import expfam
from expfam.errors import ExpfamError, FamilyError, SolverError
from expfam.spelled import key, made, parts

if TYPE_CHECKING:
    from expfam.families import ExponentialFamily
    from expfam.solvers import SGD, Solver


CALL, TEXT = r"[A-Za-z_]\w*\([^()]*\)", r"""(?:'[^']*'|"[^"]*")"""
SAID = re.compile(
    rf"""\b([a-z_]+)=({TEXT}|\[{TEXT}(?:, {TEXT})*\]|{CALL}|\[?\.\.\.\]?|-?\d+(?:\.\d+)?(?:e-?\d+)?|)(?!\w)|({CALL})"""
)
"""What messages write as in Python: an option with its value, if it has one, or an object, which may have options."""

FRAME = re.compile(r", or hand over the frame of pandas\.read_csv\(path, ([^()]*)\)")
METHOD = re.compile(r"\b(fit\.)?(plot\.)?(\w+)\(([^()]*)\)")
"""What messages write as a method of a fit, or as a picture of `fit.plot`."""
INSTEAD = (
    (r"\bNone, ", ""),
    (r",? or None\b", ", or leave it out"),
    (r", or an object( of your own)?\b", ""),
    (r"\bexpfam\.load\(path\)", "`expfam predict`"),
    (
        r"\bOnlineGLM\.from_state\(path\) reads; its \.fit is a model",
        "`expfam stream --resume` reads; --model writes its model",
    ),
)
"""What has no place on the command line, and what stands there instead."""


def said(message: str, flags: Mapping[str, str]) -> str:
    """A message in the words of a command, missing='drop' as --missing drop; `flags` by the names of its options."""

    def frame(found: re.Match[str]) -> str:
        told = SAID.sub(word, found[1]).replace(", --", " --")
        return f", or give {told}" if told.startswith("--") else ""

    def word(found: re.Match[str]) -> str:
        name, value, thing = found.groups()
        if thing is not None:
            return _thing(thing, flags)
        if name == "penalty" and "ridge" in flags:
            return _thing(value, flags) if value.startswith("Ridge") else flags["ridge"]
        if name not in flags:
            return found[0]
        texts = [text[1:-1] for text in re.findall(TEXT, value)]
        values = texts or [_thing(value, flags) if value.endswith(")") else value.strip("[]")]
        return " ".join(f"{flags[name]} {one if one in ('', '...') else quote(one)}".rstrip() for one in values)

    message = SAID.sub(word, FRAME.sub(frame, message))
    for pattern, instead in INSTEAD:
        message = re.sub(pattern, instead, message)
    return message


def asked(message: str, commands: Mapping[str, Mapping[str, str]]) -> str:
    """Methods of a fit as the commands that do the same, fit.anova(type=2) as `expfam anova --type 2`, and others as
    those of a model that Python loads; `commands` are the options of each by their names."""

    def word(found: re.Match[str]) -> str:
        whose, drawn, name, options = found.groups()
        if not (whose or drawn) and options and "=" not in options:
            return found[0]  # of a formula
        if not drawn and name in commands:
            typed = said(options, commands[name]).replace(", --", " --")
            return f"`expfam {name} {typed}".rstrip() + "`"
        if drawn or (name in PICTURES and not options):
            return f"`expfam plot MODEL DATA {name}`"
        return f"expfam.load(MODEL).{name}({options}) in Python" if whose else found[0]

    from expfam.pictures import PICTURES  # brings what a picture is made of

    return METHOD.sub(word, message)


def _thing(text: str, flags: Mapping[str, str]) -> str:
    """An object as it is typed: Ridge(0.1) as --ridge 0.1, Tweedie(power=1.5) as tweedie(power=1.5)."""
    name, options = text.removesuffix(")").split("(", 1)
    if name == "Ridge" and "ridge" in flags:
        return f"{flags['ridge']} {options}"
    if not name[0].isupper():
        return text
    from expfam.solvers import SOLVERS  # brings SciPy's linear algebra

    known = {kind.__name__: key for index in (expfam.families.FAMILIES, SOLVERS) for key, kind in index.items()}
    return known[name] + (f"({options})" if options else "") if name in known else text


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
    """A kind of covariance, or that of clusters; ExpfamError for both, and for one that needs more than a name."""
    if kind is not None and clusters:
        raise ExpfamError(f"--vcov {kind} and --cluster {clusters[0]} are two covariances; give one of them")
    from expfam.inference.vcov import PLAIN  # brings SciPy's linear algebra

    if kind is not None and kind not in PLAIN:
        raise ExpfamError(f"--vcov {kind} is not allowed; choose one of {', '.join(PLAIN)}, or --cluster COLUMN")
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
