"""What do errors, intervals, replicates and effects cost beside the fit? French motor portfolio, 53 coefficients.

Each figure is in units of the fit, or of one pass over the rows for a gradient, timed in turns with it.
"""

from collections.abc import Callable
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

from benchmarks import data
from benchmarks.problem import Problem, Settings
from benchmarks.problems._portfolio import PREDICTORS, read
from benchmarks.problems.threads import objective_of
from benchmarks.race import quiet
from benchmarks.table import Report

COLUMNS = ("", "seconds", "in units of", "ratio", "goal")
REPLICATES, FEW = 500, 10

Lines = tuple[tuple[str, ...], ...]


def portfolio(path: Path, **options: Any) -> Callable[[], Any]:
    """The fit of `benchmarks fremtpl2`, from a pandas frame."""
    import expfam as ef

    frame, formula = read(path), f"clip(ClaimNb,0,4) ~ {PREDICTORS}"
    return lambda: ef.glm(formula, frame, family="poisson", offset="log(clip(Exposure,0,1))", **options)


def seconds(work: Callable[[], Any]) -> float:
    """How long it takes."""
    began = perf_counter()
    work()
    return perf_counter() - began


def run(settings: Settings) -> tuple[Report, ...]:
    """One line a question."""
    path = data.parquet("freMTPL2freq.parquet", settings.rows(30_000))
    replicates = FEW if settings.quick else REPLICATES
    with quiet():
        rows = lines(portfolio(path), portfolio(path, vcov="HC1"), replicates, settings.repeat)
    notes = (
        "Medians of laps in which each is timed after a fit and a gradient pass; HC1 is what it adds to the fit's",
    )
    return (
        Report("Inference on freMTPL2", ("", "seconds", "in units of", "ratio", "goal"), rows, (f"{notes[0]} own.",)),
    )


def lines(
    plain: Callable[[], Any], robust: Callable[[], Any], replicates: int, repeat: int
) -> tuple[tuple[str, ...], ...]:
    """Median seconds of each question, and their ratio to the fit's or to a gradient pass."""
    from expfam.response import Level

    fit = plain()
    robust()
    objective = objective_of(fit)
    laps: dict[str, list[float]] = {}

    def keep(name: str, value: float) -> None:
        laps.setdefault(name, []).append(value)

    for lap in range(repeat):
        keep("fit", seconds(plain))
        for _ in range(5):
            keep("gradient", seconds(lambda: objective(fit.estimate, Level.GRADIENT)))
        keep("HC1", robust().timings["inference"] - plain().timings["inference"])
        keep("reading", seconds(lambda: objective_of(fit)))
        keep("effects", seconds(fit.marginal_effects))
        if lap < 2:
            keep("profile", seconds(lambda: fit.confint(method="profile")))
            keep("bootstrap", seconds(lambda: fit.bootstrap(replicates)))
    typical = {name: median(values) for name, values in laps.items()}
    asked = (
        ("HC1 errors", "HC1", "gradient", "2"),
        ("average marginal effects of every term", "effects", "gradient", "5"),
        (f"{len(fit.names)} profile intervals", "profile", "fit", "20"),
        (f"{replicates} bootstrap refits", "bootstrap", "fit", f"{40 * replicates / REPLICATES:g}"),
    )
    names = {"fit": "the fit", "gradient": "a gradient pass", "reading": "reading the rows again"}
    head = [(text, f"{typical[name]:.4f}", "", "", "") for name, text in names.items()]
    return (
        *head,
        *(
            (text, f"{typical[name]:.4f}", unit, f"{typical[name] / typical[unit]:.2f}", goal)
            for text, name, unit, goal in asked
        ),
    )


PROBLEM = Problem("inference", "What do errors, intervals, replicates and effects cost beside the fit?", run)
