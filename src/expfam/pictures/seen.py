"""The rows as the residual pictures see them: read once, whatever is drawn of them."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from expfam._typing import AnyArray, FloatArray
from expfam.diagnostics import residuals as kinds
from expfam.diagnostics.judged import judged
from expfam.families import Bernoulli, Binomial, NegativeBinomial, Poisson, QuasiBinomial, Tweedie
from expfam.inference.relativities import link_name
from expfam.model import Model

if TYPE_CHECKING:
    from expfam.pictures.plots import Pictures

JUMPS = (Bernoulli, Binomial, NegativeBinomial, Poisson, Tweedie)
"""Families whose distribution function jumps: other residuals of theirs lie on curves, one a value of the response."""


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """Rows (n,): the fitted mean per unit of exposure, the residual of `kind`, the same divided by its standard error;
    leverage, Cook's distance and the standardised Pearson residual where they were asked for; how often the row occurs
    (None: once), and its number in the data. `log` marks means that belong on a logarithmic axis, `q` coefficients.
    """

    fitted: FloatArray
    residual: FloatArray
    standard: FloatArray
    kind: str
    times: FloatArray | None
    row: AnyArray
    log: bool
    words: str
    q: int
    leverage: FloatArray | None = None
    cooks: FloatArray | None = None
    pearson: FloatArray | None = None

    @property
    def standard_words(self) -> str:
        """What `standard` is called; quantile residuals have standard error 1 as they are."""
        return "quantile residual" if self.kind == "quantile" else "standardised deviance residual"

    def size(self) -> str:
        """How many rows, for a note."""
        n = len(self.fitted)
        if self.times is None:
            return f"{n:,} rows"
        return f"{n:,} rows that stand for {self.times.sum():,.0f}"


def residual_kind(model: Model) -> str:
    """ "quantile" where the distribution function jumps, else "deviance"."""
    return "quantile" if type(model.family) in JUMPS else "deviance"


def seen(
    plot: "Pictures", data: Any, kind: str | None, seed: int, *, standard: bool = False, influential: bool = False
) -> Seen:
    """Look at the rows: the residuals of `kind`, None for the one that suits the family."""
    fit, here = plot.fit, plot.rows(data).one_line("a picture of residuals")
    model, prepared = here.model, here.prepared
    kind = kind or residual_kind(model)
    residual = kinds.residuals(here, kind, fit.dispersion, seed)
    found: dict[str, Any] = {"standard": residual}
    if influential or (standard and kind != "quantile"):
        measures = plot.influence(here)
        places = slice(None) if prepared.places is None else prepared.places
        leverage = measures.leverage[places]
        with np.errstate(divide="ignore", invalid="ignore"):
            left = np.where(leverage < 1, np.sqrt(fit.dispersion * (1 - leverage)), np.nan)
            if kind != "quantile":
                found["standard"] = residual / left
            if influential:
                pearson = kinds.residuals(here, "pearson", fit.dispersion, seed) / left
                found |= {"leverage": leverage, "cooks": measures.cooks_distance[places], "pearson": pearson}
    return Seen(
        fitted=judged(here, fit.dispersion).rate, residual=residual, kind=kind, times=prepared.frequency,
        row=np.arange(len(residual)) if prepared.places is None else prepared.places,
        log=link_name(model) == "log", words=mean_words(model), q=here.beta.size, **found,
    )  # fmt: skip


def bins_words(rows: float, bins: int, unit: str) -> str:
    """So many rows in bins, for a note; one bin holds them all."""
    return (
        f"{rows:,.0f} rows in {bins:,} bins with equal shares of {unit}" if bins > 1 else f"{rows:,.0f} rows in 1 bin"
    )


def mean_words(model: Model) -> str:
    """The mean in words: "fitted ClaimNb per unit of exposure"."""
    return f"fitted {rate_words(model)}"


def rate_words(model: Model, label: str | None = None) -> str:
    """A rate in words, of the class `label` where there are several."""
    if model.classes:
        return f"probability of {model.response}" + (
            f" = {label or model.classes[-1]}" if label or not model.family.vector else ""
        )
    if isinstance(model.family, Binomial | QuasiBinomial):
        return f"share of {model.response}"
    return f"{model.response}{' per unit of exposure' if 'exposure' in (*model.terms.asked, *model.supplied) else ''}"
