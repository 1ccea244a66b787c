"""What every competitor is handed, and what it hands back."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.check import Design, treatment

if TYPE_CHECKING:
    import pandas as pd

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Ready:
    """A model prepared outside the clock: predictors (numbers, pandas categoricals), response and exposure."""

    frame: "pd.DataFrame"
    y: Array
    exposure: Array

    @cached_property
    def design(self) -> Design:
        """The treatment-coded sparse matrix that all answers are checked on."""
        return treatment(self.frame)

    @property
    def offset(self) -> Array:
        """log(exposure), (n,)."""
        return np.log(self.exposure)

    @property
    def rate(self) -> Array:
        """y / exposure, (n,): with weight `exposure` it has the Poisson likelihood of y with offset log(exposure)."""
        return self.y / self.exposure


@dataclass(frozen=True)
class Task:
    """One model in the words of a formula, and `prepare()`, which lays the same model out for the competitors."""

    formula: str
    family: str
    path: Path
    options: Mapping[str, Any]
    prepare: Callable[[], Ready]

    @cached_property
    def ready(self) -> Ready:
        """The prepared model, made on first need."""
        return self.prepare()

    def raw(self) -> "pd.DataFrame":
        """The file as a pandas frame."""
        import pyarrow.parquet as pq

        return pq.read_table(self.path).to_pandas()


@dataclass(frozen=True, slots=True)
class Answer:
    """Coefficients by name, standard errors where the fit has them at no extra cost."""

    names: tuple[str, ...]
    coef: Array
    se: Array | None = None

    def at(self, names: tuple[str, ...]) -> "Answer":
        """The same numbers in the order of `names`; KeyError names a coefficient that is missing."""
        where = {name: j for j, name in enumerate(self.names)}
        order = [where[name] for name in names]
        return Answer(names, self.coef[order], None if self.se is None else self.se[order])


@dataclass(frozen=True, slots=True)
class Contestant:
    """One way to fit: `start(task)` prepares outside the clock and returns the lap that is timed.

    `families` are those it can fit; `most` bounds the repeats of slow ones.
    """

    package: str
    manner: str
    start: Callable[[Task], Callable[[], Answer]]
    families: tuple[str, ...]
    most: int = 1000

    @property
    def name(self) -> str:
        """`package: manner`."""
        return f"{self.package}: {self.manner}"
