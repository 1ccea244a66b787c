"""The referee: one design and one gradient, in NumPy and SciPy alone, for every answer whoever computed it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse, special

if TYPE_CHECKING:
    import pandas as pd

Array = NDArray[np.float64]
TWEEDIE = 1.5
"""The power of the Tweedie problems."""


@dataclass(frozen=True, slots=True)
class Design:
    """Columns X (n, p-1), sparse or dense, and the p names of the coefficients: the intercept, unstored, is first."""

    names: tuple[str, ...]
    X: Any


def treatment(frame: "pd.DataFrame") -> Design:
    """Numbers as they are, a categorical as indicators `name[level]` of all levels but the first."""
    names: list[str] = ["Intercept"]
    blocks: list[Any] = []
    for name, column in frame.items():
        if column.dtype == "category":
            levels = column.cat.categories
            names += [f"{name}[{level}]" for level in levels[1:]]
            blocks.append(sparse.eye_array(len(levels), format="csr")[column.cat.codes.to_numpy()][:, 1:])
        else:
            names.append(str(name))
            blocks.append(sparse.csr_array(column.to_numpy(dtype=np.float64)[:, None]))
    return Design(tuple(names), sparse.hstack(blocks, format="csr"))


def numbered(X: Any) -> Design:
    """A matrix as it is, its columns x1, x2, ..."""
    return Design(("Intercept", *(f"x{j + 1}" for j in range(X.shape[1]))), X)


def linear(X: Any, theta: Array) -> Array:
    """(1, X) theta, (n,) or (n, k)."""
    return np.asarray(X @ theta[1:] + theta[0])


def softmax(eta: Array) -> Array:
    """Probabilities of the classes, (n, k)."""
    return np.asarray(special.softmax(eta, axis=1))


MEANS: dict[str, Callable[[Array], Array]] = {
    "gaussian": np.positive,
    "poisson": np.exp,
    "bernoulli": special.expit,
    "softmax": softmax,
}


def score(family: str, eta: Array, t: Array) -> Array:
    """d loss / d eta of each row (9) for T(y) = t: gamma and tweedie with log link, the others canonical.

    (n,); categorical (n, k-1) without the reference class (5); softmax (n, k), every class with coefficients.
    """
    if family == "gamma":
        return 1 - t * np.exp(-eta)
    if family == "tweedie":
        return np.exp((2 - TWEEDIE) * eta) - t * np.exp((1 - TWEEDIE) * eta)
    if family == "categorical":
        return softmax(np.column_stack([eta, np.zeros(len(eta))]))[:, :-1] - t
    return np.asarray(MEANS[family](eta)) - t


def gradient(
    family: str,
    X: Any,
    t: Array,
    theta: Array,
    offset: Array | None = None,
    weight: Array | None = None,
    ridge: float = 0.0,
) -> Array:
    """(1, X)'(w score) / sum w + ridge theta (9), in the shape of theta; no penalty touches the intercept.

    t is T(y), (n,), or an indicator for each column of theta (n, k).
    """
    eta = linear(X, theta)
    row = score(family, eta if offset is None else eta + offset, t)
    w = np.ones(len(t)) if weight is None else weight
    row = row * (w / w.sum()).reshape(-1, *(1,) * (row.ndim - 1))
    penalty = ridge * theta
    penalty[0] = 0.0
    return np.concatenate([row.sum(axis=0, keepdims=True), X.T @ row]) + penalty
