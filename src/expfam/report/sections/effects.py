"""How does the mean run along each variable, all else equal?"""

from expfam.report.parts import Omitted, Section
from expfam.report.study import Study


def effects(study: Study) -> Section:
    """Curves of numbers and points of factors, with their bands."""
    lead = "The mean along each variable with all others held at typical values, and how sure it is."
    parts = study.picture("effects") or (Omitted("No figures were asked for; fit.plot.effects() draws them."),)
    return Section("effects", "Effects", lead, parts)
