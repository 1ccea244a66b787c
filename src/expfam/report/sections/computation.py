"""How was it computed, and how is it repeated?"""

import platform
from collections.abc import Iterator
from dataclasses import fields
from datetime import UTC, datetime

from expfam import __version__
from expfam.families import PARAMETERS
from expfam.links import Link
from expfam.nuisance import OF_NUMBER
from expfam.penalties import NoPenalty
from expfam.report.equation import given
from expfam.report.numbers import count
from expfam.report.parts import Cell, Code, Column, Facts, Part, Section, Table, number
from expfam.report.study import Study
from expfam.terms import FormulaTerms

PACKAGES = ("numpy", "scipy", "numba", "pyarrow", "matplotlib")


def computation(study: Study) -> Section:
    """Versions, seconds of each phase, and the call."""
    timings = study.fit.timings
    rows = tuple((Cell(name), number(seconds, lambda s: f"{s:.3f}")) for name, seconds in timings.items())
    phases = Table("Seconds of each phase", (Column("Phase"), Column("Seconds", True)), rows)
    parts: list[Part] = [Code(call(study)), Facts(tuple(_facts(study))), *([phases] if rows else [])]
    lead = "What is needed to get the same numbers again."
    return Section("computation", "How it was computed", lead, tuple(parts))


def _facts(study: Study) -> Iterator[tuple[str, str]]:
    found = study.fit.certificate
    yield "Made", f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC"
    yield "expfam", __version__
    yield "Python", f"{platform.python_version()} on {platform.system()} {platform.machine()}"
    yield "Packages", ", ".join(f"{name} {number}" for name in PACKAGES if (number := _version(name)))
    yield "Passes over the rows", f"{found.passes:.3g}, {found.hessians:.3g} of them with the information"
    yield "Steps", count(found.steps)
    yield "Seconds", f"{found.seconds:.3f}"


def _version(name: str) -> str:
    from importlib.metadata import PackageNotFoundError, version  # slow to load

    try:
        return version(name)
    except PackageNotFoundError:
        return ""


def call(study: Study) -> str:
    """The call that fits the model again; arrays and penalties stand by their names."""
    model = study.model
    request = getattr(model.terms, "schema", None)
    options = [f"family={_spelled(study)}", f"link={_link(model.link)}"]
    for name in given(model):
        text = getattr(request.request, name, None) if request is not None else None
        options.append(f"{name}={text!r}" if text is not None else f"{name}={name}")
    if "weights" in given(model) and model.weights_kind != "precision":
        options.append(f"weights_kind={model.weights_kind!r}")
    if not isinstance(model.penalty, NoPenalty):
        options.append(f"penalty={model.penalty!r}")
    if model.bias:
        options.append(f"bias={model.bias!r}")
    if study.fit.vcov_kind != "model":
        options.append(f"vcov={study.fit.vcov_kind!r}")
    head = f"glm({model.terms.title!r}, data" if isinstance(model.terms, FormulaTerms) else "glm_arrays(X, y"
    return f"expfam.{head}, {', '.join(options)})"


def _link(link: Link) -> str:
    """The link by name; with its number, where it has one."""
    return f"expfam.links.{link!r}" if fields(link) else repr(link.name)  # type: ignore[arg-type]


def _spelled(study: Study) -> str:
    """The family by name; with its number, where one was given instead of estimated."""
    family = study.model.family
    given = type(family) in PARAMETERS and not any(number.name in OF_NUMBER for number in study.fit.nuisance)
    return f"expfam.families.{family!r}" if given and not family.vector else repr(family.name)
