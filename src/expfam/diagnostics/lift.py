"""How far apart are the rows that the model tells apart? Lift by bins of the fitted rate, and two models compared."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from expfam._typing import FloatArray
from expfam.data.answer import frame_like
from expfam.diagnostics.bins import Fine, Sums, equal, fine
from expfam.diagnostics.calibration import check_bins
from expfam.diagnostics.judged import Judged
from expfam.diagnostics.text import aligned
from expfam.errors import ExpfamError


@dataclass(frozen=True, slots=True, eq=False)
class Lift:
    """Bins of equal exposure in the order of the fitted rate, or of its ratio to another model's (double lift).

    observed, expected   rates of each bin, and `other`, the rate that the other model expects there, None without one
    lift                 observed rate / that of all rows; `expected_lift` the same of the fitted rates
    unit                 what the exposure of a bin is made of: exposure, trials, weight or rows
    """

    sums: Sums
    other: FloatArray | None
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

    @property
    def lift(self) -> FloatArray:
        """Observed rate of each bin / that of all rows."""
        return np.asarray(self.observed / (self.sums.observed.sum() / self.sums.exposure.sum()))

    @property
    def expected_lift(self) -> FloatArray:
        """Fitted rate of each bin / that of all rows."""
        return np.asarray(self.expected / (self.sums.expected.sum() / self.sums.exposure.sum()))

    @property
    def closer(self) -> float | None:
        """By how much the other model's rates are further from the observed ones than the fit's: sum |O - E_other| /
        sum |O - E|, above 1 where this fit wins; None without another model."""
        if self.other is None:
            return None
        own = np.abs(self.sums.observed - self.sums.expected).sum()
        return float(np.abs(self.sums.observed - self.other * self.sums.exposure).sum() / own) if own else np.inf

    def table(self) -> Any:
        """bin, rows, exposure, observed, expected, (other,) lift, expected_lift; the middle ones as rates."""
        return frame_like(self.kind, self._columns())

    def _columns(self) -> dict[str, Any]:
        out: dict[str, Any] = {"bin": np.arange(len(self.sums.rows)) + 1}
        out |= {"rows": self.sums.rows, "exposure": self.sums.exposure}
        out |= {"observed": self.observed, "expected": self.expected}
        out |= {} if self.other is None else {"other": self.other}
        return out | {"lift": self.lift, "expected_lift": self.expected_lift}

    def __str__(self) -> str:
        text = aligned(self._columns())
        if self.closer is None:
            return text
        return f"{text}\n\nThe other model's bins are {self.closer:.3g} times as far from what was observed"


def lift(judged: Judged, bins: int = 10, against: FloatArray | None = None, along: Fine | None = None) -> Lift:
    """Lift of some rows by one read of them; `against` (n,) another model's rates; `along` if it is known already."""
    check_bins(bins)
    if against is None:
        cells = (fine(judged, bins) if along is None else along).sums
        return Lift(cells.merged(equal(cells.exposure, bins)), None, judged.kind, judged.unit)
    rate = judged.rate
    if not ((rate > 0).all() and (against > 0).all()):
        raise ExpfamError("a double lift sorts rows by the ratio of two rates; both must be positive everywhere")
    place = fine(replace(judged, line=np.log(rate / against)), bins)
    bin_of = equal(place.sums.exposure, bins)
    sums = place.sums.merged(bin_of)
    other = np.bincount(bin_of, np.bincount(place.cells.codes, against * judged.exposure, place.cells.count))
    return Lift(sums, other / sums.exposure, judged.kind, judged.unit)
