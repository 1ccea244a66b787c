"""A fit: the frozen answer. What needs its rows again reads them from its source."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from os import PathLike
from typing import Any, final

import numpy as np

from expfam._typing import BoolArray, FloatArray
from expfam.data.names import nearest
from expfam.errors import ExpfamError, one_of
from expfam.fit import predictions, separations
from expfam.fit.estimates import Estimates
from expfam.inference import profile, wald
from expfam.inference.optimum import Optimum, optimum
from expfam.inference.reduction import penalised
from expfam.inference.vcov import Asked, asked, covariance
from expfam.information import Covariance
from expfam.model import Prepared, prepare
from expfam.source import Source


@final
@dataclass(frozen=True, slots=True, eq=False)
class Fit(Estimates):
    """theta, its covariance and its certificate, and what can be asked of them."""

    # ---- inference ---------------------------------------------------------------------------------------------
    def vcov(
        self,
        kind: str | Mapping[str, Any] | None = None,
        *,
        cluster: Any = None,
        ssc: str = "r",
        data: Any = None,
    ) -> FloatArray:
        """The covariance of the coefficients, (p d, p d), class by class; NaN where a column was left out.

        None        the one the fit carries: its standard errors come from it
        "model"     phi H^-1 (15) with Fisher's information; phi (H + S)^-1 under a penalty (16)
        "observed"  the same with the observed information
        "HC0"       H^-1 (sum s_i s_i') H^-1, s_i the scores: valid where the variance is not the family's. "HC1": times
                    n / (n - p); "HC2", "HC3": s_i / (1 - h_i)^(1/2), s_i / (1 - h_i), better in small samples
        cluster=    a column's name, several names, or an array: scores summed within clusters, `ssc` the small-sample
                    factors of "r", "stata", "statsmodels", "fixest"
        {"hac": L, "time": "day"}  Newey and West's, over L lags (None: by n) in the order of a column

        All but the first read the rows again: those of the fit, or `data` where it has none. ExpfamError where no
        covariance was computed, or its matrix would fill the memory.
        """
        ask = asked(kind if cluster is None else {"cluster": cluster, "ssc": ssc})
        if (kind is None and cluster is None) or (ask.kind == "model" == self.vcov_kind and not self._sampled):
            return self.known_covariance().full()
        return self._covariance(ask, data).full()

    def with_vcov(
        self, kind: str | Mapping[str, Any] | None = None, *, cluster: Any = None, ssc: str = "r", data: Any = None
    ) -> "Fit":
        """The same fit with another covariance, as `vcov` names it: summary, intervals and tests follow it."""
        ask = asked(kind if cluster is None else {"cluster": cluster, "ssc": ssc})
        return replace(self, covariance=self._covariance(ask, data), vcov_kind=ask.label)

    def at_rows(self, data: Any = None) -> Optimum:
        """The optimum with the rows it was fitted on, or with `data` where a loaded or detached fit has none."""
        return optimum(self._prepared(data), self.estimate)

    def _prepared(self, data: Any) -> Prepared:
        rows = self.model.terms.rows(self._source(data), response=True, missing=self.model.missing, unseen="error")
        prepared = prepare(self.model, rows)
        if prepared.n != self.n or not np.isclose(prepared.data.total, self.weights_sum, rtol=1e-9):
            raise ExpfamError(
                f"these are not the rows of the fit: {prepared.n:,} rows of weight {prepared.data.total:g} instead of "
                f"{self.n:,} of {self.weights_sum:g}. Hand over the data of the fit; weights given as arrays are not "
                "kept, so refit with a column of weights"
            )
        return prepared

    def _source(self, data: Any) -> Source:
        if data is None:
            return self.rows_source()
        X, y = data if isinstance(data, tuple) else (data, None)
        return Source(X, y)

    def _covariance(self, ask: Asked, data: Any) -> Covariance:
        here = self.at_rows(data)
        return here.original(covariance(here, ask, self.dispersion, self._source(data)))

    @property
    def _sampled(self) -> bool:
        return self.model.weights_kind == "sampling"

    def confint(
        self, level: float = 0.95, *, method: str = "wald", names: Sequence[str] | None = None, data: Any = None
    ) -> FloatArray:
        """Intervals of the coefficients, the shape of `coef` with a last axis of (lower, upper).

        "wald"     coef -+ c se, c of the normal distribution, or of t where the dispersion is estimated
        "profile"  where twice the profile of F rises by c^2 phi, c of the normal distribution, as R's confint; infinite
                   where it never does. It reads the rows a few times a coefficient: those of the fit, or `data`. After
                   bias="firth" F is the penalised likelihood, as R's logistf has it

        `names` asks for some coefficients, the others are NaN.
        """
        one_of("method", method, ("wald", "profile"))
        chosen = self._chosen(names)
        if method == "wald":
            found = self.wald_interval(level)
            return np.where(chosen.reshape(-1, *[1] * self.estimate.ndim), found, np.nan)
        rise = wald.critical(level, None) ** 2 * self.dispersion / 2
        here = self.at_rows(data) if self.model.bias is None else penalised(self.at_rows(data))
        return profile.intervals(here, self.estimate, rise, chosen)

    def _chosen(self, names: Sequence[str] | None) -> BoolArray:
        """Which coefficients are named, (p,); all for None."""
        unknown = [name for name in names or () if name not in self.names]
        if unknown:
            raise ExpfamError(f"there is no coefficient {unknown[0]!r}; {nearest(unknown[0], self.names)}")
        return np.array([names is None or name in names for name in self.names])

    # ---- what it says of rows ---------------------------------------------------------------------------------
    predict = predictions.predict
    separation = separations.separation

    # ---- keeping it --------------------------------------------------------------------------------------------
    def rows_source(self) -> Source:
        """The data it was fitted on; ExpfamError for a loaded or detached fit."""
        if self.source is None:
            raise ExpfamError("this fit was loaded or detached and has no rows; hand the data over")
        return self.source

    def detach(self) -> "Fit":
        """The same fit without its reference to the data."""
        return replace(self, source=None)

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickling drops the data."""
        values = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return Fit, tuple({**values, "source": None}.values())

    def save(self, path: str | PathLike[str]) -> None:
        """Write the fit as JSON, without any rows; `expfam.load` reads it."""
        from expfam.modelfile import save  # modelfile builds fits, so it comes later

        save(self, path)
