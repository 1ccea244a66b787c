"""Vowpal Wabbit on the rows of covtype: from a file in its text format to a model, in one pass.

As a good user runs it: its own adaptive, normalised, invariant steps, 18 bits, features named by numbers (which it does
not hash), zeros left out. It runs inside this process, `python -m vowpalwabbit` without the start of Python.
"""

from collections.abc import Callable
from functools import partial
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

import numpy as np

OPTIONS = ("--loss_function", "logistic", "-b", "18", "--no_stdin", "--quiet")
STEP = 1 << 14  # rows written at once


def installed() -> bool:
    """Is the package here? `pip install vowpalwabbit`, or the extra `bench`."""
    return find_spec("vowpalwabbit") is not None


def name() -> str:
    """With its version, where it is here."""
    return f"Vowpal Wabbit {version('vowpalwabbit')}" if installed() else "Vowpal Wabbit"


def write(path: Path, X: np.ndarray, y: np.ndarray) -> None:
    """`1 | 0:0.25 3:-1.5 12` a row: labels 1 and -1, a feature without a number is 1; eight digits."""
    with path.open("w") as out:
        for lo in range(0, len(y), STEP):
            out.writelines(map(line, X[lo : lo + STEP], y[lo : lo + STEP]))


def line(x: np.ndarray, y: float) -> str:
    """A row."""
    features = (f"{j}" if x[j] == 1 else f"{j}:{x[j]:.8g}" for j in np.flatnonzero(x).tolist())
    return f"{1 if y else -1} | {' '.join(features)}\n"


def learn(path: Path, model: Path) -> Callable[[], np.ndarray]:
    """One pass over the file, the model written; the linear predictor of every row (n,) is worked out later."""
    _run("-d", str(path), "-f", str(model), *OPTIONS)
    return partial(eta, path, model)


def eta(path: Path, model: Path) -> np.ndarray:
    """What a model says of the rows of a file, (n,)."""
    told = model.with_suffix(".eta")
    _run("-d", str(path), "-i", str(model), "-t", "-p", str(told), "--no_stdin", "--quiet")
    return np.loadtxt(told)


def _run(*words: str) -> None:
    from vowpalwabbit import Workspace

    Workspace(arg_list=list(words)).finish()
