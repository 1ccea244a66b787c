"""French motor portfolio, the money: claim severity (Gamma) and pure premium (Tweedie 1.5), both with log link.

freMTPL2sev has one row a claim; its amounts are summed by IDpol and joined with the policies of freMTPL2freq, before
the clock starts. The rating factors are those of the frequency model.

- severity: the policies with a claim amount; response mean amount a claim, weight the number of its claims:
  Gamma, E = exp(X theta). It has the likelihood of one row a claim.
- pure premium: all policies; response amount / exposure (0 without a claim), weight exposure = min(Exposure, 1):
  Tweedie with V(mu) = mu^1.5, E = exp(X theta). Amounts are in thousands, so that a score has the size of 1; expfam,
  whose `tol` is in units of the typical score, is asked for a tenth of the others'.

Amounts are not capped.
"""

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

from benchmarks import data
from benchmarks.contest import contest
from benchmarks.problem import Settings
from benchmarks.problems._portfolio import PREDICTORS, rating, read
from benchmarks.task import Ready, Task

if TYPE_CHECKING:
    import pandas as pd


def tasks(settings: Settings) -> Sequence[Task]:
    """Severity and pure premium."""
    claimed = partial(severity, settings.rows(220_000))
    insured = partial(premium, settings.rows(30_000))
    return (
        Task(
            "freMTPL2 severity, Gamma", "gamma", "frame", partial(prepare, claimed, "mean", "claims"),
            formula=f"mean ~ {PREDICTORS}", raw=claimed, options={"weights": "claims"}, goal={"glum": 5},
        ),
        Task(
            "freMTPL2 pure premium, Tweedie 1.5", "tweedie", "frame", partial(prepare, insured, "premium", "exposure"),
            formula=f"premium ~ {PREDICTORS}", raw=insured, options={"weights": "exposure", "tol": 1e-9},
            goal={"glum": 5},
        ),
    )  # fmt: skip


def policies(rows: int | None) -> "pd.DataFrame":
    """The policies with `amount` (thousands) and `claims` from the claims file, 0 without any."""
    frame = read(data.parquet("freMTPL2freq.parquet", rows))
    claims = read(data.file("freMTPL2sev.parquet")).groupby("IDpol")["ClaimAmount"].agg(amount="sum", claims="count")
    joined = frame.join(claims, on="IDpol").fillna({"amount": 0.0, "claims": 0.0})
    joined["amount"] /= 1000
    return joined


def severity(rows: int | None) -> "pd.DataFrame":
    """The policies with a claim amount, `mean` a claim."""
    frame = policies(rows).query("claims > 0").reset_index(drop=True)
    return frame.assign(mean=frame["amount"] / frame["claims"])


def premium(rows: int | None) -> "pd.DataFrame":
    """All policies, `premium` a year."""
    frame = policies(rows)
    exposure = frame["Exposure"].clip(0, 1)
    return frame.assign(premium=frame["amount"] / exposure, exposure=exposure)


def prepare(raw: partial["pd.DataFrame"], response: str, weight: str) -> Ready:
    """Ready categoricals, response and weight."""
    frame = raw()
    return Ready(rating(frame), frame[response].to_numpy(float), frame[weight].to_numpy(float))


PROBLEM = contest("severity", "How long for a Gamma and for a Tweedie model of claim amounts?", tasks)
