"""French motor portfolio, 678,013 policies, Poisson with offset log(exposure), 53 coefficients: from data to a fit."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from benchmarks import data
from benchmarks.contest import contest
from benchmarks.problem import Settings
from benchmarks.problems._portfolio import PREDICTORS, rating, read
from benchmarks.task import Ready, Task

SPREAD = 16  # of the bonus-malus: expfam's tol is for columns of spread 1, the referee takes them as they are


def tasks(settings: Settings) -> Sequence[Task]:
    """min(ClaimNb, 4) with offset log(min(Exposure, 1)), from the file or from its raw frame."""
    path = data.parquet("freMTPL2freq.parquet", settings.rows(30_000))
    return (
        Task(
            "freMTPL2 frequency, Poisson",
            "poisson",
            "frame",
            partial(prepare, path),
            formula=f"clip(ClaimNb,0,4) ~ {PREDICTORS}",
            raw=partial(read, path),
            path=path,
            options={"offset": "log(clip(Exposure,0,1))", "tol": 1e-8 / SPREAD},
            goal={"glum": 10, "sklearn: newton": 10, "statsmodels": 100},
        ),
    )


def prepare(path: Path) -> Ready:
    """Ready categoricals, capped counts, capped exposure."""
    raw = read(path)
    exposure = raw["Exposure"].clip(0, 1).to_numpy(float)
    return Ready(rating(raw), raw["ClaimNb"].clip(0, 4).to_numpy(float), exposure=exposure)


PROBLEM = contest("fremtpl2", "How long from a data file to a fitted Poisson model, and is it the same model?", tasks)
