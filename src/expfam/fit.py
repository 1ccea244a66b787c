"""A fit: the frozen answer. Its numbers are here; what needs rows again reads them from its source."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from os import PathLike
from typing import Any

import numpy as np

from expfam._typing import AnyArray, BoolArray, FloatArray
from expfam.data.answer import frame_like
from expfam.diagnostics.certificate import Certificate
from expfam.errors import ExpfamError, SchemaError
from expfam.inference import prediction, wald
from expfam.inference.covariance import standard_errors
from expfam.inference.statistics import Statistics
from expfam.information import Covariance
from expfam.model import Model, choice
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
    None for a loaded or detached fit.
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
    def vcov(self) -> FloatArray:
        """phi H^-1 (15), (p d, p d), class by class; phi (H + S)^-1 under a penalty (16); a sandwich if sampled.

        ExpfamError where no covariance was computed, or its matrix would fill the memory.
        """
        return self._known().full()

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

    def confint(self, level: float = 0.95) -> FloatArray:
        """Wald intervals, the shape of `coef` with a last axis of (lower, upper)."""
        return wald.interval(self.coef, self.se, level, self.df_reference)

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
