"""a9a, 32,561 adults, 123 indicators of which 11% are 1: sparse logistic regression with ridge 1/n (C = 1)."""

from collections.abc import Sequence
from functools import partial

import numpy as np
from scipy import sparse

from benchmarks import data
from benchmarks.contest import contest
from benchmarks.problem import Settings
from benchmarks.task import Ready, Task


def tasks(settings: Settings) -> Sequence[Task]:
    """One task; the response is whether the label is +1."""
    path = data.file("a9a.libsvm")
    step = 10 if settings.quick else 1
    ready = partial(prepare, path.read_text().splitlines()[::step])
    return (Task("a9a", "bernoulli", "sparse", ready, ridge=step / 32_561, goal={"": 2}),)


def prepare(lines: list[str]) -> Ready:
    """Lines `label column:value ...`, columns from 1, as CSR."""
    words = [line.split() for line in lines]
    entries = [entry.split(":") for row in words for entry in row[1:]]
    columns = np.array([int(column) - 1 for column, _ in entries], dtype=np.int32)
    values = np.array([float(value) for _, value in entries])
    starts = np.concatenate([[0], np.cumsum([len(row) - 1 for row in words])]).astype(np.int32)
    y = np.array([row[0] == "+1" for row in words], dtype=float)
    return Ready(sparse.csr_matrix((values, columns, starts), shape=(len(words), 123)), y)


PROBLEM = contest("a9a", "How long for a sparse logistic regression?", tasks)
