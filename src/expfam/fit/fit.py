"""A fit: the frozen answer. What needs its rows again reads them from its source."""

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from os import PathLike
from typing import TYPE_CHECKING, Any, final

import numpy as np

from expfam._typing import BoolArray, FloatArray
from expfam.data.names import nearest
from expfam.elsewhere import no_attribute
from expfam.errors import ConvergenceWarning, ExpfamError, SeparationWarning, one_of
from expfam.fit import (
    checks,
    comparisons,
    diagnosis,
    effects,
    means,
    predictions,
    relativities,
    reporting,
    separations,
    specification,
    validation,
    verdicts,
)
from expfam.fit.estimates import Estimates
from expfam.inference import profile, score, wald
from expfam.inference.bootstrap import Bootstrap
from expfam.inference.covariance import unbounded
from expfam.inference.hypotheses import WaldTest, equations, written
from expfam.inference.hypotheses import wald as wald_of
from expfam.inference.optimum import Optimum, optimum
from expfam.inference.reduction import maximal, penalised
from expfam.inference.vcov import Asked, asked, covariance, resampled
from expfam.information import Covariance
from expfam.model import Prepared, prepare
from expfam.pictures.plots import Pictures
from expfam.progress import progress as show_progress
from expfam.source import Source, beside


@final
@dataclass(frozen=True, slots=True, eq=False, repr=False)
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
        {"bootstrap": 1000}        over refits to other samples; with "kind", "cluster" and "seed" as for `bootstrap`
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
        """The optimum with the rows it was fitted on, or with `data` where a loaded or detached fit has none.

        ExpfamError where their deviance is not that of the fit: other rows, or an array that was written to since.
        """
        here = optimum(self._prepared(data), self.estimate)
        checks.check_same(self, here)
        return here

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
        return Source(X, None if y is None else beside("y", y, X))

    def _covariance(self, ask: Asked, data: Any) -> Covariance:
        if ask.kind == "bootstrap":
            self._bounded("a bootstrap")
        here = self.at_rows(data)
        found = here.original(covariance(here, ask, self.dispersion, self._source(data)))
        return unbounded(found, self.flat(self.separated)) if ask.robust else found

    @property
    def _sampled(self) -> bool:
        return self.model.weights_kind == "sampling"

    def confint(
        self, level: float = 0.95, *, method: str = "wald", names: Sequence[str] | None = None, data: Any = None
    ) -> FloatArray:
        """Intervals of the coefficients, the shape of `coef` with a last axis of (lower, upper).

        "wald"     coef -+ c se, c of the normal distribution, or of t where the dispersion is estimated
        "profile"  where twice the profile of F rises by c^2 phi, c of the normal distribution, as R's confint; infinite
                   and told where it never does. It reads the rows a few times a coefficient: those of the fit, or
                   `data`. After bias="firth" F is the penalised likelihood, as R's logistf has it
        "score"    the values that Rao's test does not reject: a few constrained fits for each end, which is infinite
                   where it never rejects

        `names` asks for some coefficients, the others are NaN.
        """
        one_of("method", method, ("wald", "profile", "score"))
        chosen = self._chosen(names)
        if method == "wald":
            found = self.wald_interval(level)
            return np.where(chosen.reshape(-1, *[1] * self.estimate.ndim), found, np.nan)
        reach = wald.critical(level, None)
        self._likely(f"method={method!r}")
        if method == "score":
            maximal(self.model)
            self._bounded("method='score'")
            found = score.intervals(self.at_rows(data), self.estimate, self.dispersion, reach, chosen)
            return self._sought(found, chosen)
        rise = reach**2 * self.dispersion / 2
        here = self.at_rows(data) if self.model.bias is None else penalised(self.at_rows(data))
        found = profile.intervals(here, self.estimate, rise, chosen, self.separated)
        endless = self.flat(np.asarray(np.isinf(found).any(axis=-1)))
        if endless.any():
            which = ", ".join(np.array(self.model.flat_names)[endless][:10])
            warnings.warn(
                f"{which}: the profile never rises to the level on one side; the interval is one-sided",
                SeparationWarning,
                stacklevel=2,
            )
        return self._sought(found, chosen)

    def _sought(self, found: FloatArray, chosen: BoolArray) -> FloatArray:
        """The intervals; ConvergenceWarning for ends asked for that were not found."""
        lost = np.isnan(found).any(axis=-1) & (chosen & self.kept).reshape(-1, *[1] * (found.ndim - 2))
        if lost.any():
            which = ", ".join(np.array(self.model.flat_names)[self.flat(lost)][:10])
            tiny = f", or the dispersion, {self.dispersion:.2g}, is so small that rounding hides how F rises"
            warnings.warn(
                f"{which}: an end of the interval was not found and is NaN, where with that coefficient held on the "
                "way there the others have no optimum, as they run to infinity or means to the edge of their range, or "
                "jump from one to another"
                f"{'' if self.statistics.dispersion_fixed else tiny}; method='wald' has both ends",
                ConvergenceWarning,
                stacklevel=3,
            )
        return found

    def _likely(self, what: str) -> None:
        """ExpfamError where there is no likelihood to follow, or no dispersion to measure it in."""
        if self._sampled:
            raise ExpfamError(f"{what} follows a likelihood, and sampling weights have none; take method='wald'")
        if np.isnan(self.dispersion):
            raise ExpfamError(f"{what} needs the dispersion, and {self.n:,} rows leave none to estimate it from")
        if self.dispersion == 0:
            raise ExpfamError(
                f"{what} needs a dispersion above 0, and this fit meets all {self.n:,} rows: its estimate is 0, and "
                "every interval a point, as method='wald' says. Fit with dispersion= where you know it"
            )

    def _bounded(self, what: str) -> None:
        """ExpfamError where coefficients run to infinity."""
        if self.certificate.separated:
            raise ExpfamError(
                f"{what} needs finite estimates, and {self.certificate.separated[0]} runs to infinity: merge levels, "
                "drop the column, take bias='firth', or method='profile', which has one end there"
            )

    def _chosen(self, names: Sequence[str] | None) -> BoolArray:
        """Which coefficients are named, (p,); all for None."""
        unknown = [name for name in names or () if name not in self.names]
        if unknown:
            raise ExpfamError(
                f"there is no coefficient {unknown[0]!r}; {nearest(unknown[0], self.names, 'coefficients')}"
            )
        return np.array([names is None or name in names for name in self.names])

    def bootstrap(
        self,
        replicates: int = 1000,
        *,
        kind: str = "cases",
        cluster: Any = None,
        seed: int = 0,
        data: Any = None,
        progress: bool = False,
    ) -> Bootstrap:
        """How would the coefficients vary over other samples? Refits to so many replicates: se, vcov, confint, bias.

        kind      "cases": rows drawn with replacement; "parametric": responses drawn from the fitted model
        cluster   a column's name or an array: whole clusters are drawn
        seed      of the replicates; data: the rows, where a loaded or detached fit has none

        Each refit ends within 0.05 standard errors of its optimum, most within 0.005: less than the noise of so many
        replicates. Those where a coefficient runs to infinity are counted, and told.
        """
        ask = Asked("bootstrap", () if cluster is None else (cluster,), None, "r", replicates, kind, seed)
        self._bounded("a bootstrap")
        with show_progress(progress, "bootstrap") as tell:
            return resampled(self.at_rows(data), ask, self.dispersion, self._source(data), tell)

    # ---- tests -------------------------------------------------------------------------------------------------
    anova = comparisons.anova
    drop1 = comparisons.drop1

    def add1(self, scope: str | Sequence[str], *, test: str | None = None, data: Any = None) -> Any:
        """What would one more term explain? See `expfam.revision.add1`."""
        from expfam.revision import add1  # revisions make fits, so they come later

        return add1(self, scope, test=test, data=data)

    def update(self, formula: str, *, data: Any = None) -> "Fit":
        """The fit of another formula, ". ~ . + log(x) - z". See `expfam.revision.update`."""
        from expfam.revision import update

        return update(self, formula, data=data)

    def step(self, scope: str | Sequence[str] | None = None, **options: Any) -> "Fit":
        """Which terms does AIC or BIC keep? See `expfam.revision.step` for direction, criterion, data, tell."""
        from expfam.revision import step

        return step(self, scope, **options)

    def wald_test(self, hypothesis: str | Sequence[str]) -> WaldTest:
        """Do the coefficients meet "a = b, 2 * c = 1"? W = (R theta - r)' (R V R')^-1 (R theta - r).

        Equations between commas, or a list of them, tested together; in the names of the coefficients (`class:name` for
        several classes), "= 0" understood; with the covariance that the fit carries, so that a sandwich tests robustly.
        """
        text = written(hypothesis)
        R, r = equations(text, self.model.flat_names)
        return wald_of(self, R, r, text)

    # ---- what it says of rows ---------------------------------------------------------------------------------
    _opened = effects.opened
    _of_levels = relativities.of_levels
    predict = predictions.predict
    residuals = diagnosis.residuals
    influence = diagnosis.influence
    marginal_effects = effects.marginal_effects
    marginal_means = means.marginal_means
    contrasts = means.contrasts
    relativities = relativities.relativities
    separation = separations.separation
    nuisance_interval = checks.nuisance_interval
    overdispersion_test = checks.overdispersion_test
    zero_inflation_test = checks.zero_inflation_test

    # ---- is it right? ------------------------------------------------------------------------------------------
    calibration = validation.calibration
    roc = validation.roc
    lift = validation.lift
    lorenz = validation.lorenz
    actual_expected = validation.actual_expected
    vif = specification.vif
    partial_residuals = specification.partial_residuals
    link_test = specification.link_test
    form_tests = specification.form_tests
    uniformity_test = specification.uniformity_test
    checks = verdicts.checks

    # ---- all of it on a page -------------------------------------------------------------------------------------
    report = reporting.report

    @property
    def plot(self) -> Pictures:
        """Pictures of the fit, `fit.plot.panels()`: see `expfam.pictures.PICTURES`."""
        return Pictures(self)

    if not TYPE_CHECKING:  # a type checker is to find such names itself

        def __getattr__(self, name: str) -> Any:
            raise no_attribute(name, () if name.startswith("_") else dir(Fit))

    # ---- keeping it --------------------------------------------------------------------------------------------
    def rows_source(self) -> Source:
        """The data it was fitted on; ExpfamError for a loaded or detached fit."""
        if self.source is None:
            raise ExpfamError(
                "this fit was loaded or detached and has no rows; hand the data over: data=..., or predict(new)"
            )
        return self.source

    def detach(self) -> "Fit":
        """The same fit without its reference to the data."""
        covariance = None if self.covariance is None else self.covariance.apart()
        return replace(self, source=None, covariance=covariance, statistics=self.statistics.settled)

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickling drops the data."""
        values = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return Fit, tuple({**values, "source": None}.values())

    def __copy__(self) -> "Fit":
        """Nothing changes a fit, so that its copies, deep ones too, are itself and keep the data."""
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> "Fit":
        return self

    def save(self, path: str | PathLike[str]) -> None:
        """Write the fit as JSON, without any rows; `expfam.load` reads it."""
        from expfam.modelfile import save  # modelfile builds fits, so it comes later

        save(self, path)
