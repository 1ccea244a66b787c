"""The chapters of a report, one a file, in the order of the page."""

from collections.abc import Callable

from expfam.report.parts import Section
from expfam.report.sections.calibration import calibration
from expfam.report.sections.certificate import certificate
from expfam.report.sections.coefficients import coefficients
from expfam.report.sections.computation import computation
from expfam.report.sections.data import data
from expfam.report.sections.diagnostics import diagnostics
from expfam.report.sections.effects import effects
from expfam.report.sections.experience import experience
from expfam.report.sections.model import model
from expfam.report.sections.ranking import ranking
from expfam.report.sections.relativities import relativities
from expfam.report.sections.tests import tests
from expfam.report.study import Study

SECTIONS: tuple[tuple[str, Callable[[Study], Section]], ...] = (
    ("model", model),
    ("data", data),
    ("certificate", certificate),
    ("coefficients", coefficients),
    ("effects", effects),
    ("relativities", relativities),
    ("tests", tests),
    ("diagnostics", diagnostics),
    ("calibration", calibration),
    ("ranking", ranking),
    ("experience", experience),
    ("computation", computation),
)
"""What is being written, as a line of progress tells it, and the function that does; warnings come last, and first."""
