"""Are the fitted rates right, the low ones and the high ones? Bins of them, a smooth curve, Cox's recalibration."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from expfam._typing import FloatArray
from expfam.data.answer import frame_like
from expfam.diagnostics.bins import Fine, Sums, equal, fine, summed
from expfam.diagnostics.groups import Levels
from expfam.diagnostics.intervals import ends
from expfam.diagnostics.judged import Judged
from expfam.diagnostics.refits import small
from expfam.diagnostics.text import aligned
from expfam.errors import ExpfamError, is_whole
from expfam.families import Bernoulli, Binomial
from expfam.inference.tails import chi_squared
from expfam.target import extremes

FINE = 200  # bins that are smoothed
MOST = 1 << 20  # cells of rates times levels of `by`


@dataclass(frozen=True, slots=True)
class Recalibration:
    """eta -> intercept + slope eta, the GLM that the rows ask for (Cox 1958): 0 and 1 where the model is right.

    The fit's own offset is kept, and is no part of the eta that is multiplied. Slope below 1: predictions too extreme.
    `statistic` is Wald's for (0, 1), chi-squared on `df` 2; of the rows of the fit it is small by construction. Where
    this eta is the same in every row there is no slope to be had: it is NaN, held at 1, and df is 1. All NaN where no
    intercept is finite, for all responses are as extreme as can be.
    """

    intercept: float
    intercept_se: float
    slope: float
    slope_se: float
    statistic: float
    df: int
    p_value: float

    def __str__(self) -> str:
        if np.isnan(self.intercept):
            return "none, for all responses are as extreme as can be"
        slope = "held at 1, for no predictor varies" if self.df == 1 else f"{self.slope:.4g} (se {self.slope_se:.2g})"
        return (
            f"intercept {self.intercept:.4g} (se {self.intercept_se:.2g}), slope {slope}, chi-squared "
            f"{self.statistic:.4g} on {self.df} df, P {self.p_value:.3g}"
        )


@dataclass(frozen=True, slots=True, eq=False)
class Calibration:
    """Bins of equal exposure along the fitted rate: sums, and the ends of the interval of each observed rate.

    group      the level of `by` that each bin is of, "" without
    sums       of each bin; `observed` and `expected` are rates: sums over exposure
    low, high  score interval of the observed rate at `level`, by the family's variance
    ratio      observed / expected of all rows
    recalibration  Cox's intercept and slope
    statistic  sum (O - E)^2 / Var(O) over bins on `df`, bins - 2 for the rows of the fit, bins for others (Hosmer and
               Lemeshow 1980: for shares Var is that of the bin's mean rate); 0, and no p value, with `by`
    error      the expected calibration error, sum |O - E| / sum exposure: how far a rate is off on average
    unit       what the exposure of a bin is made of: exposure, trials, weight or rows
    smooth     (2, m): fitted rates, and the non-decreasing curve through the observed rates of FINE bins (isotonic)
    """

    by: str | None
    group: tuple[str, ...]
    sums: Sums
    low: FloatArray
    high: FloatArray
    level: float
    ratio: float
    recalibration: Recalibration
    statistic: float
    df: int
    p_value: float
    error: float
    smooth: FloatArray
    kind: str
    unit: str

    @property
    def observed(self) -> FloatArray:
        """Observed rates, (bins,)."""
        return self.sums.observed / self.sums.exposure

    @property
    def expected(self) -> FloatArray:
        """Mean fitted rates, (bins,)."""
        return self.sums.expected / self.sums.exposure

    def table(self) -> Any:
        """One row a bin: (by), bin, rows, exposure, expected, observed, conf_low, conf_high; the last four as rates."""
        return frame_like(self.kind, self._columns())

    def _columns(self) -> dict[str, Any]:
        starts = {name: self.group.index(name) for name in self.group}
        out: dict[str, Any] = {} if self.by is None else {self.by: list(self.group)}
        out |= {"bin": np.array([k - starts[name] + 1 for k, name in enumerate(self.group)])}
        out |= {"rows": self.sums.rows, "exposure": self.sums.exposure}
        return out | {
            "expected": self.expected,
            "observed": self.observed,
            "conf_low": self.low,
            "conf_high": self.high,
        }

    def __str__(self) -> str:
        lines = [
            f"{aligned(self._columns())}\n",
            f"Observed / expected {self.ratio:.4g}; rates are off by {self.error:.3g} on average",
            f"Recalibration: {self.recalibration}",
        ]
        if self.df:
            lines.append(f"Bins: chi-squared {self.statistic:.4g} on {self.df} df, P {self.p_value:.3g}")
        return "\n".join(lines)


def calibration(
    judged: Judged, bins: int = 10, by: Levels | None = None, level: float = 0.95, along: Fine | None = None
) -> Calibration:
    """The calibration of some rows, by one read of them and a small refit; `along` if it is known already."""
    check_bins(bins)
    along = fine(judged, bins) if along is None else along
    group, sums = _binned(judged, along, by, bins)
    low, high = ends(judged.model.family, sums, level)
    whole = sums.whole
    with np.errstate(divide="ignore", invalid="ignore"):
        variance = sums.variance
        if isinstance(judged.model.family, Bernoulli | Binomial) and judged.model.weights_kind != "sampling":
            variance = sums.expected * (1 - sums.expected / sums.weight)
        statistic = float(np.nansum((sums.observed - sums.expected) ** 2 / variance))
    df = 0 if by is not None else len(group) if judged.fresh else max(len(group) - 2, 0)
    return Calibration(
        None if by is None else by.name,
        group,
        sums,
        low / sums.exposure,
        high / sums.exposure,
        level,
        float(whole.observed[0] / whole.expected[0]) if whole.expected[0] else np.nan,
        recalibration(judged),
        statistic,
        df,
        float(chi_squared(statistic, df)),
        float(np.abs(sums.observed - sums.expected).sum() / whole.exposure[0]),
        _smooth(along.sums),
        judged.kind,
        judged.unit,
    )


def check_bins(bins: int) -> None:
    """ExpfamError unless it is a whole number from 1 on."""
    if not is_whole(bins) or bins < 1:
        raise ExpfamError(f"bins={bins!r} is not allowed; give a whole number from 1 on, such as 10")


def _binned(judged: Judged, along: Fine, by: Levels | None, bins: int) -> tuple[tuple[str, ...], Sums]:
    """The level of each bin, and the sums of the bins."""
    count = along.cells.count
    if by is None:
        sums = along.sums.merged(equal(along.sums.exposure, bins))
        return ("",) * len(sums.rows), sums
    levels = len(by.labels)
    if levels * count > MOST:
        raise ExpfamError(
            f"by={by.name!r} has {levels:,} levels, too many for a calibration of each; actual_expected({by.name!r}) "
            "compares each as a whole"
        )
    codes = by.codes.astype(np.intp) * count + along.cells.codes
    (joint,) = summed(judged, [codes], [levels * count])
    place = np.empty(levels * count, dtype=np.intp)
    group: list[str] = []
    for k, label in enumerate(by.labels):
        span = slice(k * count, (k + 1) * count)
        own = equal(joint.exposure[span], bins)
        place[span] = len(group) + own
        group += [label] * (int(own.max()) + 1)
    sums = joint.merged(place)
    seen = sums.rows > 0
    kept = Sums(*(getattr(sums, name)[seen] for name in Sums.__slots__))
    return tuple(label for label, there in zip(group, seen, strict=True) if there), kept


def recalibration(judged: Judged) -> Recalibration:
    """Cox's intercept and slope with their errors; the intercept alone where eta without its offset is constant."""
    prepared, data = judged.prepared, judged.prepared.data
    if extremes(judged.model.family, data.y, data.weight).size:
        return Recalibration(np.nan, np.nan, np.nan, np.nan, np.nan, 0, np.nan)
    offset = data.offset
    eta = judged.eta if offset is None else judged.eta - offset
    found = small(prepared, eta[:, None], np.array([0.0, 1.0]), judged.dispersion)
    if np.isnan(found.coef[1]):  # eta is what the intercept is
        whole = replace(prepared, data=replace(data, offset=judged.eta))
        found = small(whole, np.empty((judged.n, 0)), np.zeros(1), judged.dispersion)
    df = len(found.coef)
    away = found.coef - np.array([0.0, 1.0])[:df]
    statistic = np.nan
    if np.isfinite(found.covariance).all() and np.linalg.det(found.covariance) > 0:  # 0: every row is met exactly
        statistic = float(away @ np.linalg.solve(found.covariance, away))
    (a, b), (sa, sb) = ([*values, np.nan][:2] for values in (found.coef.tolist(), found.se.tolist()))
    return Recalibration(a, sa, b, sb, statistic, df, float(chi_squared(statistic, df)))


def _smooth(cells: Sums) -> FloatArray:
    """The isotonic curve of observed on fitted rates over FINE bins of equal exposure."""
    from scipy.optimize import isotonic_regression

    sums = cells.merged(equal(cells.exposure, FINE))
    sums = Sums(*(getattr(sums, name)[sums.exposure > 0] for name in Sums.__slots__))
    x = sums.expected / sums.exposure
    return np.stack([x, isotonic_regression(sums.observed / sums.exposure, weights=sums.exposure).x])
