"""The referee: one design and one gradient, in NumPy and SciPy alone, for every answer whoever computed it."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse, special

if TYPE_CHECKING:
    import pandas as pd

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Design:
    """X (n, p), sparse, with the intercept first, and the names of its columns."""

    names: tuple[str, ...]
    X: Any


def treatment(frame: "pd.DataFrame") -> Design:
    """X = (1, columns): numbers as they are, a categorical as indicators `name[level]` of all levels but the first."""
    names: list[str] = ["Intercept"]
    blocks: list[Any] = [sparse.csr_array(np.ones((len(frame), 1)))]
    for name, column in frame.items():
        if column.dtype == "category":
            levels = column.cat.categories
            names += [f"{name}[{level}]" for level in levels[1:]]
            blocks.append(sparse.eye_array(len(levels), format="csr")[column.cat.codes.to_numpy()][:, 1:])
        else:
            names.append(str(name))
            blocks.append(sparse.csr_array(column.to_numpy(dtype=np.float64)[:, None]))
    return Design(tuple(names), sparse.hstack(blocks, format="csr"))


def mean(family: str, eta: Array) -> Array:
    """h(eta) of the canonical link, (n,); categorical: (n, k-1) without the reference class (5)."""
    if family == "categorical":
        return np.asarray(special.softmax(np.column_stack([eta, np.zeros(len(eta))]), axis=1)[:, :-1])
    return np.asarray({"gaussian": np.positive, "poisson": np.exp, "bernoulli": special.expit}[family](eta))


def gradient(family: str, X: Any, t: Array, theta: Array, offset: Any = 0.0, ridge: float = 0.0) -> Array:
    """X'(h(X theta + offset) - T(y)) / n + ridge theta (9), in the shape of theta.

    t is T(y), (n,) or (n, k-1); the first column of X is the intercept, which no penalty touches.
    """
    penalty = ridge * theta
    penalty[0] = 0.0
    return np.asarray(X.T @ (mean(family, X @ theta + offset) - t) / len(t) + penalty)


def largest(family: str, X: Any, t: Array, theta: Array, offset: Any = 0.0, ridge: float = 0.0) -> float:
    """max_j |gradient_j| / n: how far an answer is from the optimum."""
    return float(np.abs(gradient(family, X, t, theta, offset, ridge)).max())
