"""How often do 95% intervals hold the truth? Simulated: Wald, profile, score, HC3, clusters, new observations.

Each replicate draws rows from a known model and asks one interval for the truth. Sizes are such that the theory, which
is one of large samples, should hold to less than the binomial error of the replicates.
"""

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from benchmarks.problem import Problem, Settings
from benchmarks.table import Report

LEVEL = 0.95
REPLICATES, FEW = 4_000, 200

Rows = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Case:
    """Rows drawn, and whether an interval of a fit to them holds the truth; `whole`: it may do so more often than 95%,
    for its ends are whole numbers."""

    draw: Callable[[np.random.Generator], Rows]
    holds: Callable[[Rows], bool]
    whole: bool = False


def line(rng: np.random.Generator) -> Rows:
    x = rng.normal(size=30)
    return {"x": x, "y": 0.5 + 0.8 * x + rng.normal(size=30)}


def logistic(rng: np.random.Generator) -> Rows:
    x = rng.normal(size=120)
    return {"x": x, "y": (rng.random(120) < 1 / (1 + np.exp(0.5 - 0.8 * x))).astype(float)}


def counts(rng: np.random.Generator) -> Rows:
    x = rng.normal(size=50)
    return {"x": x, "y": rng.poisson(np.exp(0.5 + 0.8 * x)).astype(float)}


def gamma(rng: np.random.Generator) -> Rows:
    x = rng.normal(size=50)
    return {"x": x, "y": rng.gamma(3.0, np.exp(0.5 + 0.8 * x) / 3)}


def uneven(rng: np.random.Generator) -> Rows:
    """A line with errors that grow with x."""
    x = rng.normal(size=200)
    return {"x": x, "y": 0.5 + 0.8 * x + rng.normal(size=200) * (0.5 + np.abs(x))}


def grouped(rng: np.random.Generator) -> Rows:
    """Counts in 500 clusters of 2 that share an effect and a part of x."""
    g = np.repeat(np.arange(500), 2)
    x = rng.normal(size=500)[g] + 0.5 * rng.normal(size=1000)
    effect = rng.gamma(4.0, 0.25, 500)[g]
    return {"x": x, "g": g, "y": rng.poisson(np.exp(0.5 + 0.4 * x) * effect).astype(float)}


def slope(truth: float, family: str, method: str = "wald", **options: Any) -> Callable[[Rows], bool]:
    """Does the interval of x hold the truth? `method` is that of confint, the others are options of glm."""

    def holds(rows: Rows) -> bool:
        import expfam as ef

        fit = ef.glm("y ~ x", rows, family=family, **options)
        lower, upper = fit.confint(LEVEL, method=method, names=["x"])[1]
        return bool(lower <= truth <= upper)

    return holds


def newcomer(family: str, **options: Any) -> Callable[[Rows], bool]:
    """Does the prediction interval of a model of all rows but the last hold the last response?"""

    def holds(rows: Rows) -> bool:
        import expfam as ef

        fit = ef.glm("y ~ x", {name: values[:-1] for name, values in rows.items()}, family=family, **options)
        found = fit.predict({"x": rows["x"][-1:]}, interval="prediction", level=LEVEL)
        return bool(found["lower"][0] <= rows["y"][-1] <= found["upper"][0])

    return holds


CASES = {
    "logistic, Wald": Case(logistic, slope(0.8, "bernoulli")),
    "logistic, profile": Case(logistic, slope(0.8, "bernoulli", "profile")),
    "logistic, score": Case(logistic, slope(0.8, "bernoulli", "score")),
    "Poisson, Wald": Case(counts, slope(0.8, "poisson")),
    "Poisson, profile": Case(counts, slope(0.8, "poisson", "profile")),
    "Gaussian, Wald (t)": Case(line, slope(0.8, "gaussian")),
    "Gamma, Wald (t)": Case(gamma, slope(0.8, "gamma", link="log")),
    "uneven variance, HC3": Case(uneven, slope(0.8, "gaussian", vcov="HC3")),
    "uneven variance, model": Case(uneven, slope(0.8, "gaussian")),
    "clusters, cluster": Case(grouped, slope(0.4, "poisson", vcov={"cluster": "g"})),
    "clusters, model": Case(grouped, slope(0.4, "poisson")),
    "new observation, Gaussian": Case(line, newcomer("gaussian")),
    "new observation, Gamma": Case(gamma, newcomer("gamma", link="log")),
    "new observation, Poisson": Case(counts, newcomer("poisson"), whole=True),
}
"""A model and the interval asked; two are wrong on purpose: covariances that know no uneven variance, no clusters."""

WRONG = ("uneven variance, model", "clusters, model")


def coverage(case: Case, replicates: int, seed: int = 0) -> float:
    """The share of replicates whose interval holds the truth."""
    held = 0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for stream in np.random.SeedSequence(seed).spawn(replicates):
            held += case.holds(case.draw(np.random.default_rng(stream)))
    return held / replicates


def slack(replicates: int) -> float:
    """Four standard errors of a share of 95%."""
    return 4 * float(np.sqrt(LEVEL * (1 - LEVEL) / replicates))


def run(settings: Settings) -> tuple[Report, ...]:
    """One line a case."""
    replicates = FEW if settings.quick else REPLICATES
    rows = []
    for name, case in CASES.items():
        share = coverage(case, replicates)
        error = np.sqrt(share * (1 - share) / replicates)
        rows.append((name, f"{share:.1%}", f"{error:.1%}"))
    notes = (
        f"{replicates:,} replicates each, seeded; nominal {LEVEL:.0%}.",
        f"Not valid here, for comparison: {'; '.join(WRONG)}. Ends that are whole numbers hold more than nominal.",
    )
    return (Report("Coverage of 95% intervals", ("", "holds", "binomial error"), tuple(rows), notes),)


PROBLEM = Problem("coverage", "How often do 95% intervals hold the truth?", run)
