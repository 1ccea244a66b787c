"""20 newsgroups, 15,935 postings, 62,061 words, 20 classes: sparse softmax with ridge 1/n (scikit-learn's C = 1).

A row is log(1 + count) of its words, scaled to length 1.
"""

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
from scipy import sparse

from benchmarks import data
from benchmarks.contest import contest
from benchmarks.problem import Settings
from benchmarks.task import Ready, Task


def tasks(settings: Settings) -> Sequence[Task]:
    """One task; quick: some postings, and the 50 commonest words."""
    paths = data.file("news20_X.npz"), data.file("news20_y.npy")
    counts: Any = sparse.csr_matrix(sparse.load_npz(paths[0]))
    y = np.load(paths[1]) - 1.0
    if settings.quick:
        counts, y = counts[::19], y[::19]
        counts = counts[:, np.argsort(np.diff(counts.tocsc().indptr))[-50:]]
    return (
        Task(
            "news20, 20 classes", "categorical", "sparse", partial(prepare, counts, y), ridge=1 / len(y), goal={"": 2}
        ),
    )


def prepare(counts: Any, y: np.ndarray) -> Ready:
    """Rows of logarithmic counts of length 1."""
    X = counts.astype(float).log1p()
    length = np.sqrt(np.asarray(X.multiply(X).sum(axis=1)).ravel())
    return Ready(sparse.csr_matrix(sparse.diags(1 / np.maximum(length, 1e-300)) @ X), y)


PROBLEM = contest("news20", "How long for a sparse softmax with more columns than rows?", tasks)
