"""A motor portfolio whose coefficients are known: log E[ClaimNb] = log Exposure + sum of the effects below (5)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from expfam._typing import FloatArray, IntArray
from expfam.errors import SchemaError
from expfam.families import Poisson

INTERCEPT = -2.9
FACTORS: dict[str, dict[str, float]] = {
    "Area": {"A": 0, "B": 0.05, "C": 0.09, "D": 0.18, "E": 0.24, "F": 0.31},
    "VehBrand": {"B1": 0, "B2": 0.02, "B3": 0.07, "B4": 0.04, "B5": 0.12, "B6": -0.05, "B7": 0.15, "B8": -0.18},
    "VehGas": {"Diesel": 0, "Regular": 0.06},
    "Region": {"Alps": 0, "Coast": 0.08, "East": -0.04, "Isles": -0.22, "North": 0.11, "Plains": 0.03, "South": 0.16},
}
BANDS: dict[str, dict[int, float]] = {
    "VehAge": {0: 0, 1: -0.25, 9: -0.45},
    "DrivAge": {0: 0, 21: -0.35, 25: -0.55, 40: -0.42, 70: -0.3},
}
BONUS_MALUS = 0.022
LOG_DENSITY = 0.03
"""Effects by level, or by the left end of an interval, the first one the reference; then slopes."""

SHARES = {
    "Area": (0.15, 0.11, 0.28, 0.22, 0.2, 0.04),
    "VehBrand": (0.24, 0.23, 0.08, 0.04, 0.05, 0.04, 0.25, 0.07),
    "VehGas": (0.49, 0.51),
    "Region": (0.12, 0.2, 0.1, 0.03, 0.15, 0.25, 0.15),
}
FEWEST = 100
"""From so many rows on every level has a row."""


@dataclass(frozen=True, slots=True, eq=False)
class Portfolio:
    """One policy a row (an Arrow table), and what a fit of `formula` should find.

    The model is `glm(formula, data, family="poisson", exposure="Exposure")`; `truth` holds the coefficients the claims
    were drawn with, in that model's names and order.
    """

    data: Any
    formula: str
    truth: Mapping[str, float]


def simulate_portfolio(n: int = 200_000, seed: int = 0) -> Portfolio:
    """ClaimNb ~ Poisson(Exposure exp(X truth)) for n policies; the same seed gives the same portfolio.

    Raises SchemaError for n < 100, where some level would have no row.
    """
    import pyarrow as pa  # only where a table is made

    if n < FEWEST:
        raise SchemaError(f"a portfolio of {n} rows: it needs at least {FEWEST}, so that every level occurs")
    rng = np.random.default_rng(seed)
    codes = {name: _quota(np.array(shares), n, rng) for name, shares in SHARES.items()}
    numbers = _numbers(codes["Area"], n, rng)
    claims: Any = Poisson().draw(numbers["Exposure"] * np.exp(_log_rate(codes, numbers)), rng)
    factors = {
        name: pa.DictionaryArray.from_arrays(codes[name], pa.array(list(levels))) for name, levels in FACTORS.items()
    }
    data = pa.table({"ClaimNb": claims.astype(np.int64), **factors, **numbers})
    return Portfolio(data, _formula(), _truth())


def _quota(shares: FloatArray, n: int, rng: np.random.Generator) -> IntArray:
    """Level codes (n,) in random order, level k with n shares_k rows up to rounding: none is left empty."""
    ends = np.cumsum(shares / shares.sum())
    codes = np.searchsorted(ends[:-1], (np.arange(n) + 0.5) / n, side="right").astype(np.int32)
    return rng.permutation(codes)


def _numbers(area: IntArray, n: int, rng: np.random.Generator) -> dict[str, Any]:
    """Ages in years, the bonus-malus level (young drivers pay more), inhabitants per km2, years insured (0, 1]."""
    driver = np.clip(18 + rng.gamma(3.2, 8.6, n), 18, 95).astype(np.int64)
    vehicle = np.minimum(rng.exponential(6.5, n), 40).astype(np.int64)
    malus = np.clip(50 + rng.exponential(6 + 50 * np.exp((18 - driver) / 9)), 50, 150).astype(np.int64)
    density = np.exp(2.6 + 1.05 * area + rng.normal(0, 0.45, n)).round(1)
    exposure = np.where(rng.random(n) < 0.3, 1.0, rng.uniform(0.02, 1, n)).round(3)
    return {"VehAge": vehicle, "DrivAge": driver, "BonusMalus": malus, "Density": density, "Exposure": exposure}


def _log_rate(codes: Mapping[str, IntArray], numbers: Mapping[str, Any]) -> FloatArray:
    """eta without the exposure, (n,); straight from the effects, so that a fit has something to be held against."""
    eta = INTERCEPT + BONUS_MALUS * numbers["BonusMalus"] + LOG_DENSITY * np.log(numbers["Density"])
    for name, effects in FACTORS.items():
        eta += np.array(list(effects.values()))[codes[name]]
    for name, bands in BANDS.items():
        eta += np.array(list(bands.values()))[np.searchsorted(list(bands)[1:], numbers[name], side="left")]
    return np.asarray(eta)


def _cut(name: str, bands: Mapping[int, float]) -> str:
    return f"cut({name}, {list(bands)[1:]})"


def _formula() -> str:
    cuts = (_cut(name, bands) for name, bands in BANDS.items())
    return f"ClaimNb ~ {' + '.join([*FACTORS, *cuts])} + BonusMalus + log(Density)"


def _truth() -> dict[str, float]:
    """{coefficient: value}: treatment contrasts against the first level of every factor."""
    truth = {"Intercept": INTERCEPT}
    for name, effects in FACTORS.items():
        truth |= {f"{name}[{level}]": value for level, value in list(effects.items())[1:]}
    for name, bands in BANDS.items():
        ends = [*list(bands)[2:], "inf"]
        steps = zip(list(bands.items())[1:], ends, strict=True)
        truth |= {f"{_cut(name, bands)}[({low}, {high}]]": value for (low, value), high in steps}
    return truth | {"BonusMalus": BONUS_MALUS, "log(Density)": LOG_DENSITY}
