"""French motor portfolio, 678,013 policies, Poisson with offset log(exposure), 53 coefficients: from data to a fit."""

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from benchmarks import check, data, machine
from benchmarks.competitors import contestants
from benchmarks.memory import Memory, measure
from benchmarks.problems._problem import Problem, Settings
from benchmarks.race import Result, race
from benchmarks.table import Report
from benchmarks.task import Answer, Array, Ready, Task

if TYPE_CHECKING:
    import pandas as pd

FORMULA = (
    "clip(ClaimNb,0,4) ~ Area + C(clip(VehPower,4,9)) + cut(VehAge,[0,9]) + cut(DrivAge,[20,25,30,40,50,70])"
    " + clip(BonusMalus,50,150) + VehBrand + VehGas + log(Density) + Region"
)
COLUMNS = ("time / expfam", "median s", "min s", "max|gradient|/n", "max|eta - eta_1|", "input MiB", "peak MiB")


def task() -> Task:
    """The model of the formula, for expfam and laid out for the others."""
    path = data.file("freMTPL2freq.parquet")
    return Task(FORMULA, "poisson", path, {"offset": "log(clip(Exposure,0,1))"}, partial(prepare, path))


def prepare(path: Path) -> Ready:
    """The columns of FORMULA by pandas and NumPy alone, under the names that expfam gives them."""
    import pandas as pd
    import pyarrow.parquet as pq

    raw = pq.read_table(path).to_pandas()
    text = {name: raw[name].astype(str).astype("category") for name in ("Area", "VehBrand", "VehGas", "Region")}
    frame = pd.DataFrame(
        {
            "Area": text["Area"],
            "C(clip(VehPower, 4, 9))": raw["VehPower"].clip(4, 9).astype(str).astype("category"),
            "cut(VehAge, [0, 9])": intervals(raw["VehAge"], (0, 9)),
            "cut(DrivAge, [20, 25, 30, 40, 50, 70])": intervals(raw["DrivAge"], (20, 25, 30, 40, 50, 70)),
            "clip(BonusMalus, 50, 150)": raw["BonusMalus"].clip(50, 150).astype(float),
            "VehBrand": text["VehBrand"],
            "VehGas": text["VehGas"],
            "log(Density)": np.log(raw["Density"].astype(float)),
            "Region": text["Region"],
        }
    )
    return Ready(frame, raw["ClaimNb"].clip(0, 4).to_numpy(float), raw["Exposure"].clip(0, 1).to_numpy(float))


def intervals(x: "pd.Series[int]", edges: tuple[int, ...]) -> "pd.Categorical[str]":
    """Right-closed intervals with open ends."""
    import pandas as pd

    labels = [f"({a}, {b}]" for a, b in zip(("-inf", *edges), (*edges, "inf"), strict=True)]
    return pd.Categorical.from_codes(np.digitize(x.to_numpy(), edges, right=True), pd.Index(labels))


def run(settings: Settings) -> Report:
    """All contestants on one machine in one run."""
    shared = task()
    packages = tuple(p for p in ("expfam", *settings.against) if machine.installed(p))
    absent = sorted({*settings.against} - {*packages})
    found = race(shared, contestants(shared.family, packages), settings.repeat)
    memories = [measure("fremtpl2", r.contestant.name) if settings.memory else None for r in found]
    ready = shared.ready
    answers = [r.answer.at(ready.design.names) for r in found]
    rows = tuple(
        row(ready, result, answer, found[0], answers[0], memory)
        for result, answer, memory in zip(found, answers, memories, strict=True)
    )
    notes = (
        "expfam's clock includes reading, encoding, design, standard errors; the others' starts with the data ready.",
        "gradient: X'(h - y)/n of every answer on one design, by NumPy; eta_1: the linear predictors of the first row.",
        "input: memory before the fit, data ready; peak: highest during the fit, in a process of its own.",
        *(agreement(r.contestant.name, a, answers[0]) for r, a in zip(found[1:], answers[1:], strict=True)),
        *(f"{package} is not installed and was left out." for package in absent),
    )
    return Report(
        f"freMTPL2: {len(ready.y):,} rows, {len(ready.design.names)} coefficients", ("", *COLUMNS), rows, notes
    )


def row(
    ready: Ready, result: Result, answer: Answer, first: Result, reference: Answer, memory: Memory | None
) -> tuple[str, ...]:
    """One line of the table."""
    X = ready.design.X
    away = np.abs(X @ (answer.coef - reference.coef)).max()
    return (
        result.contestant.name,
        f"{result.median / first.median:.2f}",
        f"{result.median:.3f}",
        f"{min(result.seconds):.3f}",
        f"{check.largest('poisson', X, ready.y, answer.coef, ready.offset):.1e}",
        f"{away:.1e}",
        "-" if memory is None else f"{memory.before:,.0f}",
        "-" if memory is None else f"{memory.peak:,.0f}",
    )


def agreement(name: str, answer: Answer, reference: Answer) -> str:
    """The largest relative difference of coefficients and standard errors from the first row."""
    parts = [f"coefficients {relative(answer.coef, reference.coef):.1e}"]
    if answer.se is not None and reference.se is not None:
        parts.append(f"standard errors {relative(answer.se, reference.se):.1e}")
    return f"{name}, largest relative difference from the first row: {', '.join(parts)}."


def relative(one: Array, other: Array) -> float:
    """max_j |one_j - other_j| / |other_j|."""
    return float((np.abs(one - other) / np.abs(other)).max())


PROBLEM = Problem(
    "fremtpl2", "How long from a data file to a fitted Poisson model, and is it the same model?", run, task
)
