"""A fit: the frozen answer. Its numbers are here; what needs rows again reads them from its source."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from os import PathLike
from typing import Any

import numpy as np

from expfam._typing import AnyArray, BoolArray, FloatArray
from expfam.data.answer import frame_like
from expfam.data.names import nearest
from expfam.diagnostics.certificate import Certificate
from expfam.errors import ExpfamError, SchemaError
from expfam.inference import prediction, profile, wald
from expfam.inference.covariance import standard_errors
from expfam.inference.optimum import Optimum, optimum
from expfam.inference.statistics import Statistics
from expfam.inference.vcov import Asked, asked, covariance
from expfam.information import Covariance
from expfam.model import Model, Prepared, choice, prepare
from expfam.report import html, summary, tables
from expfam.solvers.optimality import from_classes
from expfam.source import Source


@dataclass(frozen=True, slots=True, eq=False)
class Fit:
    """theta, its covariance and its certificate.

    theta (p,) or (p, k-1) with zeros where a column was left out; `covariance` (p d, p d), class by class, a low rank
    where a factor is very wide, None where
    there are too many coefficients for it; `dropped`
    counts missing values by column and `dropped_rows` the rows left out for them; `source` refers to the data and is
    None for a loaded or detached fit. `vcov_kind` says which covariance it carries.
    """

    model: Model
    theta: FloatArray
    kept: BoolArray
    covariance: Covariance | None
    statistics: Statistics
    certificate: Certificate
    dropped: Mapping[str, int]
    dropped_rows: int
    kind: str
    source: Source | None
    vcov_kind: str = "model"

    # ---- the coefficients --------------------------------------------------------------------------------------
    @property
    def coef(self) -> FloatArray:
        """The coefficients in formula order, intercept first, (p,) or (p, k-1); NaN where a column was left out."""
        keep = self.kept if self.theta.ndim == 1 else self.kept[:, None]
        return np.where(keep, self.theta, np.nan)

    @property
    def names(self) -> tuple[str, ...]:
        """The coefficients' names."""
        return self.model.names

    @property
    def classes(self) -> tuple[str, ...] | None:
        """The labels of the response: two-class families failure first, categorical with the reference last."""
        return self.model.classes

    @property
    def intercept(self) -> Any:
        """The intercept, a number or (k-1,); 0 for a model without one."""
        if "Intercept" not in self.names:
            return 0.0 if self.theta.ndim == 1 else np.zeros(self.theta.shape[1])
        at = self.coef[self.names.index("Intercept")]
        return float(at) if self.theta.ndim == 1 else at

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
            return self._known().full()
        return self._covariance(ask, data).full()

    def with_vcov(
        self, kind: str | Mapping[str, Any] | None = None, *, cluster: Any = None, ssc: str = "r", data: Any = None
    ) -> "Fit":
        """The same fit with another covariance, as `vcov` names it: summary, intervals and tests follow it."""
        ask = asked(kind if cluster is None else {"cluster": cluster, "ssc": ssc})
        return replace(self, covariance=self._covariance(ask, data), vcov_kind=ask.label)

    def at_rows(self, data: Any = None) -> Optimum:
        """The optimum with the rows it was fitted on, or with `data` where a loaded or detached fit has none."""
        return optimum(self._prepared(data), self.theta)

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

    def _known(self) -> Covariance:
        if self.covariance is None:
            raise ExpfamError(
                f"no covariance was computed for {self.theta.size:,} coefficients: it has as many squared entries. "
                "Fit fewer columns, or take solver='newton' if memory allows"
            )
        return self.covariance

    @property
    def se(self) -> FloatArray:
        """Standard errors, in the shape of `coef`; NaN where no covariance was computed."""
        return (
            np.full_like(self.theta, np.nan)
            if self.covariance is None
            else standard_errors(self.covariance, self.theta)
        )

    @property
    def statistic(self) -> FloatArray:
        """coef / se: z where the dispersion is known, t where it is estimated."""
        with np.errstate(divide="ignore", invalid="ignore"):
            return self.coef / self.se

    @property
    def p_values(self) -> FloatArray:
        """Two-sided p values of `statistic`."""
        return wald.p_values(self.statistic, self.df_reference)

    @property
    def df_reference(self) -> float | None:
        """Degrees of freedom of the t distribution; None for the normal."""
        return None if self.statistics.dispersion_fixed else self.statistics.df_residual

    def confint(
        self, level: float = 0.95, *, method: str = "wald", names: Sequence[str] | None = None, data: Any = None
    ) -> FloatArray:
        """Intervals of the coefficients, the shape of `coef` with a last axis of (lower, upper).

        "wald"     coef -+ c se, c of the normal distribution, or of t where the dispersion is estimated
        "profile"  where twice the profile of F rises by c^2 phi, c of the normal distribution, as R's confint; infinite
                   where it never does. It reads the rows a few times a coefficient: those of the fit, or `data`

        `names` asks for some coefficients, the others are NaN.
        """
        _allowed("method", method, ("wald", "profile"))
        chosen = self._chosen(names)
        if method == "wald":
            found = wald.interval(self.coef, self.se, level, self.df_reference)
            return np.where(chosen.reshape(-1, *[1] * self.theta.ndim), found, np.nan)
        rise = wald.critical(level, None) ** 2 * self.dispersion / 2
        return profile.intervals(self.at_rows(data), self.theta, rise, chosen)

    def _chosen(self, names: Sequence[str] | None) -> BoolArray:
        """Which coefficients are named, (p,); all for None."""
        unknown = [name for name in names or () if name not in self.names]
        if unknown:
            raise ExpfamError(f"there is no coefficient {unknown[0]!r}; {nearest(unknown[0], self.names)}")
        return np.array([names is None or name in names for name in self.names])

    # ---- the sums ----------------------------------------------------------------------------------------------
    @property
    def deviance(self) -> float:
        """2 sum w loss (4), in units of phi."""
        return self.statistics.deviance

    @property
    def null_deviance(self) -> float:
        """The deviance of the intercept alone, the offset kept."""
        return self.statistics.null_deviance

    @property
    def df_residual(self) -> float:
        """n - p, times k - 1 for k classes."""
        return self.statistics.df_residual

    @property
    def dispersion(self) -> float:
        """phi: 1 where the family fixes it, else Pearson's estimate (18)."""
        return self.statistics.dispersion

    @property
    def loglik(self) -> float:
        """The log-likelihood with every constant; NaN for quasi families and sampling weights."""
        return self.statistics.loglik

    @property
    def aic(self) -> float:
        """Akaike's criterion, as R counts it."""
        return self.statistics.aic

    @property
    def bic(self) -> float:
        """Schwarz's criterion with n observations."""
        return self.statistics.bic

    @property
    def n(self) -> int:
        """How many observations: rows of positive weight, or the sum of frequency weights."""
        return self.statistics.n

    @property
    def weights_sum(self) -> float:
        """The sum of the weights, trials included."""
        return self.statistics.weights_sum

    @property
    def timings(self) -> Mapping[str, float]:
        """Seconds of each phase of the fit: reading, design, start, solver, inference."""
        return self.certificate.timings

    @property
    def converged(self) -> bool:
        """Does the certificate show an optimum?"""
        return self.certificate.converged

    # ---- prediction --------------------------------------------------------------------------------------------
    def predict(
        self,
        new: Any = None,
        *,
        type: str = "response",
        interval: str | None = None,
        level: float = 0.95,
        offset: Any = None,
        exposure: Any = None,
        unseen: str | None = None,
    ) -> Any:
        """h(X theta + offset) for new rows (None: the fitted data), (n,), or (n, k) over all classes.

        type "response", "link" or "class" (the label); interval="confidence" answers with a frame of fit, lower, upper.
        Rows with missing values predict NaN (None for labels). `offset`, `exposure`: arrays where the fit got arrays.
        """
        _allowed("type", type, ("response", "link", "class"))
        _allowed("interval", interval, (None, "confidence"))
        line, kind = self._line(new, {"offset": offset, "exposure": exposure}, unseen)
        if type == "class":
            return prediction.spread_out(self._labels(line), line.kept)
        values = line.eta if type == "link" else prediction.mean(self.model, line.eta)
        if interval is None:
            return prediction.spread_out(values, line.kept)
        bounds = prediction.confidence(self.model, line, self._known(), type, level, self.df_reference)
        parts = {"fit": values, "lower": bounds[0], "upper": bounds[1]}
        return frame_like(kind, self._by_class({k: prediction.spread_out(v, line.kept) for k, v in parts.items()}))

    def _line(self, new: Any, given: dict[str, Any], unseen: str | None) -> tuple[prediction.Linear, str]:
        if new is None:
            source = self.rows_source()
        else:
            vectors = {name: np.asarray(values) for name, values in given.items() if values is not None}
            missing = [name for name in self.model.supplied if name not in vectors]
            if missing:
                raise SchemaError(
                    f"the model was fitted with {missing[0]}= given as an array; a prediction needs it too: "
                    f"predict(new, {missing[0]}=...)"
                )
            source = Source(new, vectors=vectors)
        policy = choice("unseen", unseen or self.model.unseen)
        rows = self.model.terms.rows(source, response=False, missing="drop", unseen=policy)
        return prediction.linear(self.model, self.theta, rows), rows.kind

    def _labels(self, line: prediction.Linear) -> AnyArray:
        if self.classes is None:
            raise ExpfamError(f'type="class" needs a response of classes; the {self.model.family.name} family has none')
        return prediction.classes(self.model, prediction.mean(self.model, line.eta))

    def _by_class(self, parts: dict[str, FloatArray]) -> dict[str, FloatArray]:
        """Matrices as one column a class, named `fit[label]`."""
        if parts["fit"].ndim == 1:
            return parts
        labels = (self.classes or ())[: parts["fit"].shape[1]]
        return {f"{key}[{label}]": part[:, k] for k, label in enumerate(labels) for key, part in parts.items()}

    # ---- the answer as tables and text -------------------------------------------------------------------------
    def summary(self) -> str:
        """The fit in the manner of R's summary."""
        return summary.text(self)

    def __str__(self) -> str:
        return self.summary()

    def __repr__(self) -> str:
        return self.summary()

    def _repr_html_(self) -> str:
        return html.fragment(self)

    def tidy(self, level: float = 0.95) -> Any:
        """One row a coefficient: term, (class,) estimate, std_error, statistic, p_value, conf_low, conf_high."""
        return frame_like(self.kind, tables.tidy(self, level))

    def glance(self) -> Any:
        """One row: deviances, degrees of freedom, dispersion, log-likelihood, AIC, BIC, n, convergence."""
        return frame_like(self.kind, tables.glance(self))

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

    def flat(self, values: FloatArray) -> FloatArray:
        """An array in the shape of `coef` as one vector, class after class."""
        return values if values.ndim == 1 else values.T.ravel()

    def shaped(self, flat: FloatArray) -> FloatArray:
        """The inverse of `flat`."""
        return from_classes(flat, self.theta)


def _allowed(name: str, value: str | None, allowed: tuple[str | None, ...]) -> None:
    if value not in allowed:
        raise ExpfamError(f"{name}={value!r} is not allowed; choose one of {', '.join(map(repr, allowed))}")
