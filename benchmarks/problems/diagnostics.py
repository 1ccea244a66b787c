"""What do diagnostics and the report cost? French motor portfolio, 53 coefficients, nine rating columns.

Each figure is in passes over the rows, for a gradient or for a gradient with the information, timed in turns with it.
What is read again from the frame is told apart: a fit keeps no rows.
"""

from collections.abc import Callable
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks import data
from benchmarks.problem import Problem, Settings
from benchmarks.problems.inference import portfolio, seconds
from benchmarks.problems.threads import objective_of
from benchmarks.race import quiet
from benchmarks.table import Report

COLUMNS = ("", "seconds", "in units of", "ratio", "goal")


def run(settings: Settings) -> tuple[Report, ...]:
    """One line a question."""
    path = data.parquet("freMTPL2freq.parquet", settings.rows(30_000))
    with quiet():
        rows = lines(portfolio(path)(), settings.repeat)
    notes = (
        "Medians of laps. Influence: leverage, Cook's distance, both residuals, DFFITS, s_(i) of every row.",
        "Validation: actual and expected of every column the model reads, calibration and lift.",
    )
    return (Report("Diagnostics on freMTPL2", COLUMNS, rows, notes),)


def lines(fit: Any, repeat: int) -> tuple[tuple[str, ...], ...]:
    """Median seconds of each question, and their ratio to a pass."""
    from expfam.response import Level

    here = fit.at_rows()
    objective = objective_of(fit)
    work = {
        "gradient": lambda: objective(fit.estimate, Level.GRADIENT),
        "information": lambda: objective(fit.estimate, Level.HESSIAN),
        "reading": fit.at_rows,
        "influence": lambda: influence_of(fit, here),
        "validation": validation_of(fit),
    }
    laps: dict[str, list[float]] = {name: [] for name in work}
    for do in work.values():
        do()
    for _ in range(max(repeat, 5)):
        for name, do in work.items():
            laps[name].append(seconds(do))
    typical = {name: median(values) for name, values in laps.items()}
    names = {"gradient": "a gradient pass", "information": "an information pass", "reading": "reading the rows again"}
    asked = (
        ("influence", "influence of every row", "information", "3"),
        ("validation", "validation", "gradient", "10"),
    )
    return (
        *((text, f"{typical[name]:.4f}", "", "", "") for name, text in names.items()),
        *(
            (text, f"{typical[name]:.4f}", f"{unit} passes", f"{typical[name] / typical[unit]:.1f}", goal)
            for name, text, unit, goal in asked
        ),
        report_of(fit),
    )


def influence_of(fit: Any, here: Any) -> Any:
    """Every measure of influence, the rows at hand."""
    from expfam.diagnostics.influence import influence

    return influence(here, fit.dispersion, None if fit.df_reference is None else fit.df_residual)


def validation_of(fit: Any) -> Callable[[], Any]:
    """Actual and expected of every column with calibration and lift, the rows and columns at hand."""
    from expfam.diagnostics import experience
    from expfam.diagnostics.bins import fine
    from expfam.diagnostics.calibration import calibration
    from expfam.diagnostics.judged import judged
    from expfam.diagnostics.lift import lift
    from expfam.fit.validation import groups_of

    here = fit.at_rows()
    parts = groups_of(fit, judged(here, fit.dispersion, fit.kind), None, None)

    def work() -> Any:
        rows = judged(here, fit.dispersion, fit.kind)
        along = fine(rows, 10)
        return (
            experience.actual_expected(rows, parts, 10, 0.95),
            calibration(rows, along=along),
            lift(rows, along=along),
        )

    return work


def report_of(fit: Any) -> tuple[str, ...]:
    """The whole page, once."""
    with TemporaryDirectory() as folder:
        page = Path(folder) / "model.html"
        took = seconds(lambda: fit.report(page))
        size = page.stat().st_size / 1e6
    return f"the report ({size:.2f} MB; goal 2)", f"{took:.2f}", "seconds", f"{took:.1f}", "20"


PROBLEM = Problem("diagnostics", "What do diagnostics and the report cost beside passes over the rows?", run)
