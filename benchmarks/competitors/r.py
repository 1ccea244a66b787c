"""R's glm and glmnet in a process of their own; data go over by files before the clock, R's `system.time` is the clock.

glm is `glm.fit` on a ready dense design: no formula, no model frame on the clock; epsilon=1e-14 of the deviance. glmnet
gets the matrix dense, or sparse for factors, alpha=0, columns as they are, thresh=tol^2: at the one strength asked
for, which is faster but runs off on a softmax, and on a path of nine strengths down to it, as its manual advises.
Softmax has coefficients for all k classes, and penalises them all.
"""

import subprocess
import tempfile
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.task import Answer, Contestant, Lap, Takes, Task

SCRIPT = Path(__file__).with_name("fit.R")


def start(task: Task, how: str) -> Lap:
    """Write the arrays, start R, and wait for its words."""
    folder = tempfile.TemporaryDirectory(prefix="expfam-R-")
    hand_over(task, how, Path(folder.name))
    command = ["Rscript", "--vanilla", str(SCRIPT), folder.name, how, task.family, repr(task.ridge), repr(task.tol)]
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )

    def close() -> None:
        process.kill()
        process.communicate()
        folder.cleanup()

    try:
        answer(process, "ready")
    except RuntimeError:
        close()
        raise
    return Lap(partial(fit, task, process, Path(folder.name)), pid=process.pid, close=close)


def fit(task: Task, process: "subprocess.Popen[str]", folder: Path) -> Answer:
    """Have it fit once; its seconds are the answer's."""
    assert process.stdin is not None
    process.stdin.write("fit\n")
    process.stdin.flush()
    seconds = float(answer(process, "done"))
    coef = np.fromfile(folder / "coef")
    names = task.ready.design.names
    return Answer(names, coef.reshape(-1, len(names)).T if len(coef) > len(names) else coef, seconds=seconds)


def answer(process: "subprocess.Popen[str]", word: str) -> str:
    """What follows `word` on the line it starts; RuntimeError with R's own words if R ends first."""
    assert process.stdout is not None
    assert process.stderr is not None
    line = next((line for line in process.stdout if line.startswith(word)), None)
    if line is None:
        raise RuntimeError(process.stderr.read().strip().replace("\n", " "))
    return line.removeprefix(word).strip()


def hand_over(task: Task, how: str, folder: Path) -> None:
    """Raw arrays in files: X dense in Fortran's order (glm: with the intercept), or its three CSC parts."""
    ready = task.ready
    X: Any = ready.design.X
    parts = {"y": ready.y, "weight": ready.weight, "offset": ready.offset}
    if how == "glm":
        X = np.column_stack([np.ones(task.rows), X if task.layout == "dense" else X.toarray()])
    if hasattr(X, "tocsc"):
        X = X.tocsc()
        parts |= {"data": X.data.astype(float), "indices": X.indices.astype("i4"), "indptr": X.indptr.astype("i4")}
    else:
        parts["X"] = X.ravel(order="F")
    parts["size"] = np.array(X.shape, dtype="i4")
    for name, values in parts.items():
        if values is not None:
            values.tofile(folder / name)


GLM = (
    Contestant(
        "R", "glm.fit, ready dense design", partial(start, how="glm"),
        Takes(("poisson", "bernoulli", "gamma", "tweedie"), ("frame", "dense"), penalised=False, flops=6e9),
    ),
)  # fmt: skip
GLMNET = (
    Contestant(
        "glmnet", "alpha=0, one strength", partial(start, how="strength"),
        Takes(("poisson", "bernoulli"), ("frame", "dense", "sparse")),
    ),
    Contestant(
        "glmnet", "alpha=0, path", partial(start, how="path"),
        Takes(("poisson", "bernoulli", "categorical"), ("frame", "dense", "sparse"), penalised=True),
    ),
)  # fmt: skip
