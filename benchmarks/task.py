"""What every competitor is handed, and what it hands back."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from benchmarks import check
from benchmarks.check import Design

if TYPE_CHECKING:
    import pandas as pd

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Ready:
    """A model laid out outside the clock: columns X without the intercept, response y (n,), its weight or exposure.

    X is a pandas frame of numbers and categoricals, a C-ordered matrix (n, p), or CSR. y is a number, 0 or 1, or a
    class 0 .. k-1. `exposure` turns counts into rates; `weight` is a precision.
    """

    X: Any
    y: Array
    weight: Array | None = None
    exposure: Array | None = None

    @cached_property
    def design(self) -> Design:
        """The treatment-coded columns that all answers are checked on."""
        return check.treatment(self.X) if hasattr(self.X, "columns") else check.numbered(self.X)

    @property
    def offset(self) -> Array | None:
        """log(exposure), (n,)."""
        return None if self.exposure is None else np.log(self.exposure)

    @property
    def rate(self) -> Array:
        """y / exposure, (n,): with weight `exposure` it has the Poisson likelihood of y with offset log(exposure)."""
        return self.y if self.exposure is None else self.y / self.exposure

    @property
    def rate_weight(self) -> Array | None:
        """The weight that belongs to `rate`."""
        return self.weight if self.exposure is None else self.exposure


@dataclass(frozen=True)
class Task:
    """One model: mean of w loss + ridge/2 |theta without intercept|^2, and `prepare()`, which lays it out for all.

    layout    "frame", "dense" or "sparse": what `prepare` puts into X
    formula   the same model for expfam on `raw()`, a pandas frame, or on the file `path`; `options` go with it
    tol       what max|gradient|/n is to reach
    steps     most steps of a first-order solver: past them it has not come there
    goal      by beginning of a contestant's name: how many times the time of expfam it is to take
    """

    title: str
    family: str
    layout: str
    prepare: Callable[[], Ready]
    ridge: float = 0.0
    tol: float = 1e-8
    steps: int = 1000
    formula: str | None = None
    raw: Callable[[], "pd.DataFrame"] | None = None
    path: Path | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    goal: Mapping[str, float] = field(default_factory=dict)

    @cached_property
    def ready(self) -> Ready:
        """The prepared model, made on first need."""
        return self.prepare()

    @property
    def rows(self) -> int:
        """n."""
        return len(self.ready.y)

    @property
    def columns(self) -> int:
        """How many coefficients are free: columns with the intercept, for every class but one."""
        return len(self.ready.design.names) * (self.classes - 1 if self.family == "categorical" else 1)

    @property
    def classes(self) -> int:
        """k of a categorical response."""
        return int(self.ready.y.max()) + 1


@dataclass(frozen=True, slots=True)
class Answer:
    """Coefficients by name, intercept included: (p,), (p, k-1), or (p, k) where every class is penalised.

    Standard errors where the fit has them at no extra cost; seconds where another process took the time.
    """

    names: tuple[str, ...]
    coef: Array
    se: Array | None = None
    seconds: float | None = None

    def at(self, names: tuple[str, ...]) -> "Answer":
        """The same numbers in the order of `names`; KeyError names a coefficient that is missing."""
        if names == self.names:
            return self
        where = {name: j for j, name in enumerate(self.names)}
        order = [where[name] for name in names]
        return Answer(names, self.coef[order], None if self.se is None else self.se[order], self.seconds)


def nothing() -> None:
    """Close what needs no closing."""


@dataclass(frozen=True, slots=True)
class Lap:
    """A fit ready to be timed, what it was handed, its process (None: this one) and BLAS threads (None: all)."""

    fit: Callable[[], Answer]
    given: tuple[Any, ...] = ()
    pid: int | None = None
    close: Callable[[], None] = nothing
    blas: int | None = None


ONE_OR_ALL = (1, None, 1)
"""The first try also loads and compiles, so it has a second one."""


@dataclass(frozen=True, slots=True)
class Contestant:
    """One way to fit: `start(task)` prepares outside the clock; `takes(task)` tells whether it can, in sane time.

    `blas` are the numbers of BLAS threads that the warm-up tries, one after the other; the fastest races. Threads of
    BLAS slow many a package down on tall, narrow matrices, and help others.
    """

    package: str
    manner: str
    start: Callable[[Task], Lap]
    takes: Callable[[Task], bool]
    blas: tuple[int | None, ...] = (None,)

    @property
    def name(self) -> str:
        """`package: manner`."""
        return f"{self.package}: {self.manner}"


@dataclass(frozen=True, slots=True)
class Takes:
    """Which tasks? Families, layouts, penalised or not (None: both), at most so many coefficients and flops a step."""

    families: tuple[str, ...]
    layouts: tuple[str, ...]
    penalised: bool | None = None
    columns: float = np.inf
    flops: float = np.inf

    def __call__(self, task: Task) -> bool:
        """Is it one of them?"""
        return (
            task.family in self.families
            and task.layout in self.layouts
            and self.penalised in (None, task.ridge > 0)
            and task.columns <= self.columns
            and task.rows * float(task.columns) ** 2 <= self.flops
        )
