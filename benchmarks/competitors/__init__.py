"""Who takes part: one file a package, one line here."""

from benchmarks.competitors import expfam, glum, sklearn, statsmodels
from benchmarks.task import Contestant

COMPETITORS: dict[str, tuple[Contestant, ...]] = {
    "expfam": expfam.CONTESTANTS,
    "glum": glum.CONTESTANTS,
    "sklearn": sklearn.CONTESTANTS,
    "statsmodels": statsmodels.CONTESTANTS,
}


def contestants(family: str, packages: tuple[str, ...] = tuple(COMPETITORS)) -> tuple[Contestant, ...]:
    """The contestants of some packages that fit a family."""
    return tuple(c for package in packages for c in COMPETITORS[package] if family in c.families)
