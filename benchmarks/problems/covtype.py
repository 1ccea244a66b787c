"""Forest cover, 581,012 rows, 54 columns, 7 classes (330 coefficients): aliased dummies, and levels that miss classes.

Some soil types never carry some classes, so the maximum of the likelihood lies at infinity; a slight ridge makes it
finite.
"""

from time import perf_counter
from typing import TYPE_CHECKING
from warnings import catch_warnings, simplefilter

import numpy as np

from benchmarks import check, data
from benchmarks.problems._problem import Problem, Settings
from benchmarks.table import Report

if TYPE_CHECKING:
    import pandas as pd

    from expfam import Fit

RIDGE = 1e-4
COLUMNS = ("seconds", "passes", "converged", "max|gradient|/n", "certificate", "mean loss", "aliased", "separated")


def run(settings: Settings) -> Report:
    """One fit each, for they are long: `repeat` does not apply."""
    import pyarrow.parquet as pq

    frame = pq.read_table(data.file("covtype.parquet")).to_pandas()
    penalised, maximum = (fitted(frame, ridge) for ridge in (RIDGE, 0.0))
    rows = (row(f"Ridge({RIDGE:g})", frame, *penalised, RIDGE), row("maximum likelihood", frame, *maximum, 0.0))
    certificate = maximum[0].certificate
    notes = (
        f"maximum likelihood, aliased: {', '.join(certificate.aliased) or 'none'}.",
        f"maximum likelihood, status {certificate.status.name}: {certificate.status.value}.",
        "gradient: in the columns' own units by NumPy; certificate: on standardised columns, what tol bounds.",
    )
    return Report(f"covtype: {len(frame):,} rows, 55 columns, 7 classes", ("", *COLUMNS), rows, notes)


def fitted(frame: "pd.DataFrame", ridge: float) -> tuple["Fit", float]:
    """The fit of all columns, and its seconds."""
    import expfam as ef

    formula = "Cover_Type ~ " + " + ".join(name for name in frame.columns if name != "Cover_Type")
    with catch_warnings():
        simplefilter("ignore", ef.ExpfamWarning)  # the table tells what they tell
        began = perf_counter()
        fit = ef.glm(formula, frame, family="categorical", penalty=ef.Ridge(ridge) if ridge else None)
        return fit, perf_counter() - began


def row(name: str, frame: "pd.DataFrame", fit: "Fit", seconds: float, ridge: float) -> tuple[str, ...]:
    """One line of the table."""
    design = check.treatment(frame.drop(columns="Cover_Type").astype(float))
    assert design.names == fit.names
    assert fit.classes is not None
    labels = frame["Cover_Type"].astype(str).to_numpy()
    t = (labels[:, None] == np.array(fit.classes[:-1])).astype(float)
    kept = np.isfinite(fit.coef).all(axis=1)
    gradient = check.largest("categorical", design.X[:, kept], t, fit.coef[kept], ridge=ridge)
    certificate = fit.certificate
    return (
        name, f"{seconds:.1f}", f"{certificate.passes:.3g}", str(fit.converged),
        f"{gradient:.1e}", f"{certificate.gradient:.1e}",
        f"{fit.deviance / 2 / fit.n:.6f}", str(len(certificate.aliased)), str(len(certificate.separated)),
    )  # fmt: skip


PROBLEM = Problem("covtype", "Does softmax regression cope with aliased columns and separated classes?", run)
