"""MNIST, 60,000 digits, 784 pixels as numbers in [0, 1], 10 classes: softmax with ridge 1/n (scikit-learn's C = 1)."""

from collections.abc import Sequence
from functools import partial

import numpy as np

from benchmarks import data
from benchmarks.contest import contest
from benchmarks.problem import Settings
from benchmarks.problems._portfolio import read
from benchmarks.task import Ready, Task


def tasks(settings: Settings) -> Sequence[Task]:
    """To max|gradient|/n <= 1e-6: L-BFGS does not come to 1e-8 in a sane number of steps."""
    rows = settings.rows(1500)
    n = rows or 60_000
    return (
        Task(
            "MNIST, 10 classes", "categorical", "dense", partial(prepare, rows), ridge=1 / n, tol=1e-6,
            goal={"sklearn: lbfgs": 3},
        ),
    )  # fmt: skip


def prepare(rows: int | None) -> Ready:
    """Pixels and digits; a few rows come with a few pixels."""
    frame = read(data.parquet("mnist_train.parquet", rows))
    X = np.ascontiguousarray(frame.drop(columns="label").to_numpy(), dtype=float) / 255
    return Ready(X if rows is None else np.ascontiguousarray(X[:, ::13]), frame["label"].to_numpy(float))


PROBLEM = contest("mnist", "How long for a softmax of thousands of coefficients on images?", tasks)
