"""How does the mean run along each variable, all else equal?"""

from expfam.report.parts import Omitted, Section
from expfam.report.study import Study


def effects(study: Study) -> Section:
    """Curves of numbers and points of factors, with their bands."""
    lead = "The mean along each variable with all others held at typical values, and how sure it is."
    none = Omitted(f"No figures were asked for; {study.advice('fit.plot.effects()')} draws them.")
    parts = study.picture("effects") or (none,)
    return Section("effects", "Effects", lead, parts)
