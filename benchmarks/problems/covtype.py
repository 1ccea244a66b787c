"""Forest cover, 581,012 rows, 7 classes: a race with a slight ridge, and what expfam says of the data as they come.

The race has 52 columns (312 coefficients): the ten measurements standardised, the indicators of Wilderness_Area1 and
Soil_Type1 left out, since each set adds up to 1. Ridge 1e-4/n is scikit-learn's C = 10,000. The rule is max|gradient|/n
<= 1e-6: some soil types never carry some classes, so curvature is slight in many directions.

As they come, all 54 columns are aliased with the intercept, and without a penalty the maximum of the likelihood lies at
infinity.
"""

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING

import numpy as np

from benchmarks import check, data
from benchmarks.contest import contest
from benchmarks.problem import Problem, Settings
from benchmarks.problems._portfolio import read
from benchmarks.race import quiet
from benchmarks.table import Report
from benchmarks.task import Ready, Task

if TYPE_CHECKING:
    import pandas as pd

    from expfam import Fit

FILE, FEW = "covtype.parquet", 2000
MEASURED = 10
RIDGE = 1e-4
COLUMNS = ("seconds", "passes", "converged", "max|gradient|/n", "certificate", "mean loss", "aliased", "separated")


def tasks(settings: Settings) -> Sequence[Task]:
    """The race."""
    path = data.parquet(FILE, settings.rows(FEW))
    n = settings.rows(FEW) or 581_012
    return (
        Task(
            "covtype, 7 classes", "categorical", "dense", partial(prepare, path), ridge=RIDGE / n, tol=1e-6,
            goal={"sklearn: newton-cholesky": 10},
        ),
    )  # fmt: skip


def prepare(path: Path) -> Ready:
    """52 columns, measurements standardised; classes 0 .. 6. A soil type that a quick run misses is left out."""
    frame = read(path)
    X = frame.drop(columns=["Cover_Type", "Wilderness_Area1", "Soil_Type1"]).to_numpy(float)
    X = X[:, X.std(axis=0) > 0]
    X[:, :MEASURED] = (X[:, :MEASURED] - X[:, :MEASURED].mean(axis=0)) / X[:, :MEASURED].std(axis=0)
    return Ready(X, frame["Cover_Type"].to_numpy(float) - 1)


def as_they_come(settings: Settings) -> Report:
    """All columns in their own units, one fit each, for they are long: `repeat` does not apply."""
    frame = read(data.parquet(FILE, settings.rows(FEW)))
    penalised, maximum = (fitted(frame, ridge) for ridge in (RIDGE, 0.0))
    rows = (row(f"Ridge({RIDGE:g})", frame, *penalised, RIDGE), row("maximum likelihood", frame, *maximum, 0.0))
    certificate = maximum[0].certificate
    notes = (
        f"maximum likelihood, aliased: {', '.join(certificate.aliased) or 'none'}.",
        f"maximum likelihood, status {certificate.status.name}: {certificate.status.value}.",
        "gradient: in the columns' own units by NumPy; certificate: on standardised columns, what tol bounds.",
    )
    return Report(f"covtype as it comes: {len(frame):,} rows, 55 columns, 7 classes", ("", *COLUMNS), rows, notes)


def fitted(frame: "pd.DataFrame", ridge: float) -> tuple["Fit", float]:
    """The fit of all columns, and its seconds."""
    import expfam as ef

    formula = "Cover_Type ~ " + " + ".join(name for name in frame.columns if name != "Cover_Type")
    with quiet():  # the table tells what the warnings tell
        began = perf_counter()
        fit = ef.glm(formula, frame, family="categorical", penalty=ef.Ridge(ridge) if ridge else None)
        return fit, perf_counter() - began


def row(name: str, frame: "pd.DataFrame", fit: "Fit", seconds: float, ridge: float) -> tuple[str, ...]:
    """One line of the table; a column that was left out counts as 0."""
    design = check.treatment(frame.drop(columns="Cover_Type").astype(float))
    assert design.names == fit.names
    assert fit.classes is not None
    labels = frame["Cover_Type"].astype(str).to_numpy()
    t = (labels[:, None] == np.array(fit.classes[:-1])).astype(float)
    g = check.gradient("categorical", design.X, t, np.nan_to_num(fit.coef), ridge=ridge)
    kept = np.isfinite(fit.coef).all(axis=1)
    certificate = fit.certificate
    return (
        name, f"{seconds:.1f}", f"{certificate.passes:.3g}", str(fit.converged),
        f"{np.abs(g[kept]).max():.1e}", f"{certificate.gradient:.1e}",
        f"{fit.deviance / 2 / fit.n:.6f}", str(len(certificate.aliased)), str(len(certificate.separated)),
    )  # fmt: skip


RACE = contest("covtype", "How long for a softmax on many rows, and are aliased and separated columns told?", tasks)


def run(settings: Settings) -> tuple[Report, ...]:
    """The race, then the data as they come."""
    return (*RACE.run(settings), as_they_come(settings))


PROBLEM = Problem(RACE.name, RACE.question, run, RACE.tasks)
