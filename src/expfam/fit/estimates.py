"""What a fit says by itself, of numbers it holds: coefficients, errors, p values, sums, tables."""

from abc import ABC
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from expfam._typing import AnyArray, BoolArray, FloatArray
from expfam.data.answer import frame_like
from expfam.diagnostics.certificate import Certificate
from expfam.errors import ExpfamError
from expfam.inference import wald
from expfam.inference.covariance import known, standard_errors
from expfam.inference.estimable import Unknown
from expfam.inference.statistics import Statistics
from expfam.information import Covariance
from expfam.model import Model
from expfam.nuisance.number import Nuisance
from expfam.report import tables
from expfam.report.content import content
from expfam.report.formats import written
from expfam.solvers.learning import Learning
from expfam.solvers.optimality import from_classes
from expfam.source import Source


@dataclass(frozen=True, slots=True, eq=False)
class Estimates(ABC):
    """The coefficients, their covariance and the sums over rows: all that a fit says without reading rows.

    `estimate` (p,) or (p, k-1) with zeros where a column was left out (`kept` (p,) False); `covariance` (p d, p d),
    class by class, a low rank where a factor is very wide, None where there are too many coefficients for it, of a
    large fit read from the rows when it is first asked for;
    `dropped` counts missing values by column and `dropped_rows` the rows left out for them; `source` refers to the
    data and is None for a loaded or detached fit. `vcov_kind` says which covariance it carries; `nuisance` are the
    numbers beside the coefficients that were estimated by maximum likelihood; `learning` is how a fit that was learned
    row after row came there, None for others; `unknown` is what columns left out leave open, None where none was or
    nobody knows.
    """

    model: Model
    estimate: FloatArray
    kept: BoolArray
    covariance: Covariance | None
    statistics: Statistics
    certificate: Certificate
    dropped: Mapping[str, int]
    dropped_rows: int
    kind: str
    source: Source | None
    vcov_kind: str = "model"
    nuisance: tuple[Nuisance, ...] = ()
    learning: Learning | None = None
    unknown: Unknown | None = None

    # ---- the coefficients --------------------------------------------------------------------------------------
    @property
    def coef(self) -> FloatArray:
        """The coefficients in formula order, intercept first, (p,) or (p, k-1); NaN where a column was left out."""
        keep = self.kept if self.estimate.ndim == 1 else self.kept[:, None]
        return np.where(keep, self.estimate, np.nan)

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
            return 0.0 if self.estimate.ndim == 1 else np.zeros(self.estimate.shape[1])
        at = self.coef[self.names.index("Intercept")]
        return float(at) if self.estimate.ndim == 1 else at

    # ---- inference ---------------------------------------------------------------------------------------------
    def known_covariance(self) -> Covariance:
        """The covariance; ExpfamError where none was computed."""
        if self.covariance is None:
            known(self.model.penalty.bind(self.names))
            raise ExpfamError(
                f"no covariance was computed for {self.estimate.size:,} coefficients: it has as many squared entries. "
                "Fit fewer columns, or take solver='newton' if memory allows"
            )
        return self.covariance

    @property
    def se(self) -> FloatArray:
        """Standard errors, in the shape of `coef`; NaN where no covariance was computed."""
        return (
            np.full_like(self.estimate, np.nan)
            if self.covariance is None
            else standard_errors(self.covariance, self.estimate)
        )

    @property
    def statistic(self) -> FloatArray:
        """coef / se: z where the dispersion is known, t where it is estimated."""
        with np.errstate(divide="ignore", invalid="ignore"):
            return self.coef / self.se

    @property
    def p_values(self) -> FloatArray:
        """Two-sided p values of `statistic`."""
        return wald.p_values(self.statistic, self.reference)

    @property
    def df_reference(self) -> float | None:
        """Degrees of freedom of the t distribution; None for the normal."""
        return None if self.statistics.dispersion_fixed else self.statistics.df_residual

    @property
    def reference(self) -> wald.Reference:
        """What `statistic` is compared with: `df_reference`, or the pivot of random scaling, whose errors do not settle
        as rows come."""
        return "random scaling" if self.vcov_kind == "random scaling" else self.df_reference

    @property
    def separated(self) -> BoolArray:
        """Which coefficients run to infinity, in the shape of `coef`."""
        names = set(self.certificate.separated)
        return np.asarray(self.shaped(np.array([name in names for name in self.model.flat_names])))

    def wald_interval(self, level: float = 0.95) -> FloatArray:
        """coef -+ c se, the shape of `coef` with a last axis of (lower, upper); c as `reference` says."""
        return wald.interval(self.coef, self.se, level, self.reference)

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
        """phi: 1 where the family fixes it, else Pearson's estimate (18) or what `dispersion=` asked for."""
        return self.statistics.dispersion

    # ---- numbers of the family ---------------------------------------------------------------------------------
    def _number(self, name: str, known: float | None) -> tuple[float, float]:
        """A number and its standard error: estimated, or known and without one (NaN)."""
        for found in self.nuisance:
            if found.name == name:
                return found.value, found.se
        if known is None:
            raise ExpfamError(f"a fit of the {self.model.family.name} family has no {name}")
        return known, np.nan

    @property
    def theta(self) -> float:
        """theta of Var = mu + mu^2 / theta, as estimated (infinite for Poisson's limit) or as given."""
        return self._number("theta", getattr(self.model.family, "theta", None))[0]

    @property
    def theta_se(self) -> float:
        """The standard error of theta as MASS::glm.nb has it, by its observed information; NaN where it was given."""
        return self._number("theta", getattr(self.model.family, "theta", None))[1]

    @property
    def power(self) -> float:
        """p of V(mu) = mu^p of a Tweedie fit, as estimated or as given."""
        return self._number("power", getattr(self.model.family, "power", None))[0]

    @property
    def power_se(self) -> float:
        """The standard error of the power, phi estimated beside it; NaN where it was given."""
        return self._number("power", getattr(self.model.family, "power", None))[1]

    @property
    def shape(self) -> float:
        """1 / phi of a Gamma fit, its shape; with dispersion="ml" that of MASS::gamma.shape."""
        return 1 / self._number("shape", self.dispersion if self.model.family.name == "gamma" else None)[0]

    @property
    def shape_se(self) -> float:
        """The standard error of the shape; NaN unless dispersion="ml"."""
        return self.dispersion_se * self.shape**2

    @property
    def dispersion_se(self) -> float:
        """The standard error of phi by maximum likelihood; NaN unless dispersion="ml"."""
        return self._number("dispersion", self.dispersion)[1]

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
        """Does the certificate show an optimum, and have the numbers beside the coefficients settled?"""
        return self.certificate.converged and all(number.settled for number in self.nuisance)

    # ---- the answer as tables and text -------------------------------------------------------------------------
    def summary(self, *, format: str = "text", level: float = 0.95) -> str:
        """The fit in the manner of R's summary: "text", "markdown", "latex" (booktabs) or "html", names escaped."""
        return written(content(self, level), format)

    def __str__(self) -> str:
        return self.summary()

    def __repr__(self) -> str:
        return self.summary()

    def _repr_html_(self) -> str:
        return self.summary(format="html")

    def tidy(self, level: float = 0.95) -> Any:
        """One row a coefficient: term, (class,) estimate, std_error, statistic, p_value, conf_low, conf_high."""
        return frame_like(self.kind, tables.tidy(self, level))

    def glance(self) -> Any:
        """One row: deviances, degrees of freedom, dispersion, log-likelihood, AIC, BIC, n, convergence."""
        return frame_like(self.kind, tables.glance(self))

    def known_learning(self) -> Learning:
        """How it was learned, point by point; ExpfamError for a solver that reads all rows at every step."""
        if self.learning is None:
            raise ExpfamError(
                "this fit has no learning curve: its solver read all rows at every step, or its file is older than "
                "such curves. solver='sgd' takes rows one after the other, and so does OnlineGLM"
            )
        return self.learning

    def learning_curve(self) -> Any:
        """How did it learn? A row each time the rows had grown by a twentieth: rows, loss of all rows so far before
        they were learned from, and recent_loss, of those since the row above; for OnlineGLM and solver="sgd"."""
        found = self.known_learning()
        if not len(found.rows):
            raise ExpfamError("no batch is complete yet: the learning curve begins after some hundred rows")
        columns = {"rows": found.rows, "loss": found.mean_loss, "recent_loss": found.recent_loss}
        return frame_like(self.kind, columns)

    def flat(self, values: AnyArray) -> AnyArray:
        """An array in the shape of `coef` as one vector, class after class."""
        return values if values.ndim == 1 else values.T.ravel()

    def shaped(self, flat: FloatArray) -> FloatArray:
        """The inverse of `flat`."""
        return from_classes(flat, self.estimate)
