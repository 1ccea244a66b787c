"""One factor of 50,000 levels and five numbers, 1,000,000 rows: Poisson with ridge 1e-4, simulated.

Level k = 1, 2, ... is drawn with probability proportional to 1/(k + 20), so sizes fall as in Zipf's law; a few levels
stay empty and are no coefficients. eta = -1 + effect of the level (normal, 0.5) + x'(0.2, -0.1, 0.1, 0.05, 0), x
standard normal. PCG64 with seed 7. `--levels K` takes another number; glum, whose Hessian is dense, needs K < 12000.
"""

from collections.abc import Sequence
from functools import cache, partial
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.contest import contest
from benchmarks.problem import Settings
from benchmarks.task import Ready, Task

if TYPE_CHECKING:
    import pandas as pd

SLOPES = np.array([0.2, -0.1, 0.1, 0.05, 0.0])


def tasks(settings: Settings) -> Sequence[Task]:
    """One task."""
    n, levels = (20_000, 500) if settings.quick else (1_000_000, settings.levels)
    raw = partial(simulate, n, levels)
    return (
        Task(
            f"a factor of {levels:,} levels", "poisson", "frame", partial(prepare, raw), ridge=1e-4,
            formula="y ~ x1 + x2 + x3 + x4 + x5 + level", raw=raw,
        ),
    )  # fmt: skip


@cache
def simulate(n: int, levels: int) -> "pd.DataFrame":
    """The frame that the head of this file describes; `level` is a categorical of text."""
    import pandas as pd

    draw = np.random.default_rng(7)
    size = 1 / (np.arange(levels) + 21)
    codes = draw.choice(levels, n, p=size / size.sum())
    X = draw.standard_normal((n, 5))
    y = draw.poisson(np.exp(-1 + 0.5 * draw.standard_normal(levels)[codes] + X @ SLOPES))
    level = pd.Categorical.from_codes(codes, pd.Index([f"L{k:06d}" for k in range(levels)])).remove_unused_categories()
    return pd.DataFrame({"y": y, **{f"x{j + 1}": X[:, j] for j in range(5)}, "level": level})


def prepare(raw: partial["pd.DataFrame"]) -> Ready:
    """The same columns, the response apart."""
    frame = raw()
    return Ready(frame.drop(columns="y"), frame["y"].to_numpy(float))


PROBLEM = contest("factor", "What does a factor of very many levels cost, in seconds and memory?", tasks)
