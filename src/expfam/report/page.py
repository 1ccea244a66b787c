"""The report: one page of HTML that needs nothing but itself."""

import base64
import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from importlib.resources import files
from typing import TYPE_CHECKING

from expfam import __version__
from expfam.errors import ExpfamError
from expfam.report.content import words
from expfam.report.numbers import count, total
from expfam.report.parts import Section
from expfam.report.sections import SECTIONS
from expfam.report.sections.warnings import warnings
from expfam.report.study import Study

if TYPE_CHECKING:
    from expfam.fit import Fit

FOLDER = "templates"


@dataclass(frozen=True, slots=True)
class Page:
    """Title, subtitle, a few figures of the head, and the sections."""

    title: str
    subtitle: str
    figures: tuple[tuple[str, str], ...]
    sections: tuple[Section, ...]


def assembled(study: Study, title: str | None, tell: Callable[[str], None], told: Callable[[], Sequence[str]]) -> Page:
    """All sections; warnings come first, and are made last, when everything was `told`."""
    sections = []
    for name, make in SECTIONS:
        tell(f"report: {name}")
        sections.append(make(study))
    fit = study.fit
    first = warnings(replace(study, told=tuple(dict.fromkeys(told()))))
    name = title or f"{_named(fit)} of {fit.model.response}"
    return Page(name, fit.model.terms.title, _figures(fit), (first, *sections))


def _named(fit: "Fit") -> str:
    name = words(fit.model.family.name)
    return f"{name[0].upper()}{name[1:]} model"


def _figures(fit: "Fit") -> tuple[tuple[str, str], ...]:
    """What a reader asks first."""
    sums = fit.statistics
    explained = f"{1 - sums.deviance / sums.null_deviance:.1%}" if sums.null_deviance > 0 else "NA"
    found = [
        ("Verdict", "converged" if fit.converged else "not converged"),
        ("Observations", count(fit.n)),
        ("Coefficients", count(fit.estimate.size)),
        ("Deviance explained", explained),
        ("AIC", total(fit.aic)),
    ]
    return tuple((name, text) for name, text in found if text != "NA")


def writer() -> Callable[[Page], str]:
    """What turns a page into HTML; ExpfamError where Jinja2 is missing.

    Everything that came from data is escaped, and no script but the page's own may run.
    """
    try:
        from jinja2 import Environment, StrictUndefined
    except ImportError:
        raise ExpfamError("the report is written by Jinja2, which is missing: pip install 'expfam[report]'") from None
    text, style, script = (_resource(name) for name in ("page.html.jinja", "style.css", "script.js"))
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    template = environment.from_string(text)

    def render(page: Page) -> str:
        return template.render(page=page, style=style, script=script, digest=digest, version=__version__)

    return render


def _resource(name: str) -> str:
    return files("expfam.report").joinpath(FOLDER, name).read_text(encoding="utf-8")
