"""Which covariance? `vcov="HC3"`, `{"cluster": "id"}`, `{"hac": 4, "time": "day"}`: what was asked, and its answer."""

import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from difflib import get_close_matches
from typing import Any, TypeAlias

import numpy as np

from expfam._typing import AnyArray, IntArray
from expfam.data.entries import entries
from expfam.data.table import read
from expfam.errors import ExpfamError, SchemaError, SeparationWarning, one_of
from expfam.inference.bootstrap import Bootstrap, bootstrap, cases, of_clusters, parametric
from expfam.inference.covariance import tell_lost
from expfam.inference.optimum import Optimum, silent
from expfam.inference.reduction import maximal
from expfam.inference.robust import HC, Clusters, clustered, heteroscedastic, serial
from expfam.information import Covariance
from expfam.source import Source, beside

Given: TypeAlias = str | AnyArray
"""A column of the data by name, or one value a row of the data."""

PLAIN = ("model", "observed", *HC)
KEYS = ("cluster", "hac", "time", "ssc", "bootstrap", "kind", "seed")


@dataclass(frozen=True, slots=True, eq=False)
class Asked:
    """`kind` is one of PLAIN, "cluster", "hac" or "bootstrap"; `by` the clusterings or the column of time; `lags` of
    "hac", None to choose them by n; `ssc` the small-sample preset of clusters; `replicates` of a bootstrap, `drawn` as
    "cases" or "parametric", with their seed."""

    kind: str = "model"
    by: tuple[Given, ...] = ()
    lags: int | None = None
    ssc: str = "r"
    replicates: int = 0
    drawn: str = "cases"
    seed: int = 0

    @property
    def robust(self) -> bool:
        """Is it made of single scores?"""
        return self.kind not in ("model", "observed")

    @property
    def label(self) -> str:
        """What a summary calls it."""
        names = " and ".join(by if isinstance(by, str) else "an array" for by in self.by)
        if self.kind == "cluster":
            return f"clustered by {names} (ssc {self.ssc})"
        if self.kind == "bootstrap":
            return (
                f"bootstrap, {self.replicates:,} replicates{f', clusters by {names}' if names else f', {self.drawn}'}"
            )
        if self.kind == "hac":
            lags = "lags by n" if self.lags is None else f"{self.lags} lags"
            return f"Newey-West, {lags}{f', ordered by {names}' if names else ''}"
        return self.kind


def trusts_variance(label: str) -> bool:
    """Do errors of this label rest on the variance of the family?"""
    return label in ("model", "observed") or label.endswith(", parametric")


def asked(vcov: str | Mapping[str, Any] | None) -> Asked:
    """What `vcov=` says; ExpfamError naming what is allowed."""
    if vcov is None:
        return Asked()
    if isinstance(vcov, str):
        if vcov in PLAIN:
            return Asked(vcov)
        near = get_close_matches(vcov.upper(), PLAIN, n=1)
        hint = f"; did you mean {near[0]!r}?" if near else "."
        raise ExpfamError(f"vcov={vcov!r} is unknown{hint} Allowed: {_allowed()}")
    if not isinstance(vcov, Mapping):
        raise ExpfamError(f"vcov= is a {type(vcov).__name__}, which asks for none. Allowed: {_allowed()}")
    wrong = [key for key in vcov if key not in KEYS]
    kinds = [key for key in ("cluster", "hac", "bootstrap") if key in vcov]
    if wrong or kinds not in (["cluster"], ["hac"], ["bootstrap"], ["cluster", "bootstrap"]):
        raise ExpfamError(f"vcov={dict(vcov)!r} is not understood. Allowed: {_allowed()}")
    if "bootstrap" in vcov:
        by = _several(vcov["cluster"]) if "cluster" in vcov else ()
        return Asked("bootstrap", by, None, "r", vcov["bootstrap"], vcov.get("kind", "cases"), vcov.get("seed", 0))
    if "cluster" in vcov:
        return Asked("cluster", _several(vcov["cluster"]), None, vcov.get("ssc", "r"))
    time = vcov.get("time")
    return Asked("hac", () if time is None else (time,), vcov["hac"])


def _allowed() -> str:
    return (
        f"{', '.join(map(repr, PLAIN))}, {{'cluster': 'column'}}, {{'cluster': ['one', 'other'], 'ssc': 'fixest'}}, "
        "{'hac': lags or None, 'time': 'column'}, {'bootstrap': replicates, 'kind': 'cases' or 'parametric', "
        "'cluster': 'column', 'seed': 0}"
    )


def _several(cluster: Any) -> tuple[Given, ...]:
    """A list of names or of arrays is several ways; anything else is one."""
    ways = isinstance(cluster, list | tuple) and all(isinstance(c, str) or np.ndim(c) == 1 for c in cluster)
    return tuple(cluster) if ways and len(cluster) else (cluster,)


def covariance(optimum: Optimum, ask: Asked, dispersion: float, source: Source) -> Covariance:
    """The covariance asked for, of beta, in standard coordinates: `optimum.original` takes it to theta."""
    tell_lost(optimum.factor, rooted=optimum.rooted and ask.kind != "bootstrap")
    if ask.kind == "model":
        return optimum.factor.inverse().times(dispersion)
    if ask.kind == "observed":
        objective = replace(optimum.problem.objective, observed=True)
        at = objective(optimum.beta)
        assert at.hessian is not None
        factor = at.hessian.factor()
        if not factor.definite:
            raise ExpfamError("the observed information is not positive definite there; take vcov='model'")
        return factor.inverse().times(dispersion)
    if ask.kind == "cluster":
        ways = tuple(clusters_of(by, source, optimum) for by in ask.by)
        return clustered(optimum, ways, ask.ssc)
    if ask.kind == "bootstrap":
        return resampled(optimum, ask, dispersion, source).covariance()
    if ask.kind == "hac":
        order = None if not ask.by else np.argsort(_beside(ask.by[0], "time", source, optimum), kind="stable")
        return serial(optimum, ask.lags, order)
    return heteroscedastic(optimum, ask.kind)


def resampled(
    optimum: Optimum, ask: Asked, dispersion: float, source: Source, tell: Callable[[str], None] = silent
) -> Bootstrap:
    """The bootstrap asked for: of clusters, of rows, of drawn responses."""
    one_of("kind", ask.drawn, ("cases", "parametric"))
    maximal(optimum.model)
    if ask.drawn == "parametric" and optimum.model.weights_kind == "sampling":
        raise ExpfamError("kind='parametric' draws from a likelihood, and sampling weights have none; take 'cases'")
    if len(ask.by) > 1:
        raise ExpfamError("a bootstrap draws clusters in one way; name one column")
    if ask.by:
        draw, name = of_clusters(clusters_of(ask.by[0], source, optimum)), "clusters"
    else:
        draw, name = cases(optimum) if ask.drawn == "cases" else parametric(optimum, dispersion), ask.drawn
    found = bootstrap(optimum, draw, name, ask.replicates, ask.seed, tell)
    if found.unbounded:
        warnings.warn(
            f"in {found.unbounded:,} of {ask.replicates:,} replicates a coefficient ran to infinity; take percentiles, "
            "not standard errors",
            SeparationWarning,
            stacklevel=3,
        )
    return found


def clusters_of(by: Given, source: Source, optimum: Optimum) -> Clusters:
    """The clusters named by a column of the data, or given as an array."""
    values = _beside(by, "cluster", source, optimum)
    codes: IntArray = np.unique(values, return_inverse=True)[1]
    return Clusters(by if isinstance(by, str) else "an array", codes)


def _beside(by: Given, what: str, source: Source, optimum: Optimum) -> AnyArray:
    """The values of a column that is no part of the model, at the rows of the fit: numbers, or codes in label order."""
    places = optimum.prepared.places
    if isinstance(by, str):
        column = read(source.data, lambda _: (by,)).column(by)
        values: AnyArray = column.values if column.codes is None else column.codes  # type: ignore[assignment]
        absent = np.isnan(values) if column.codes is None else column.codes < 0
    else:
        values, gaps = entries(beside(what, by, source.data))
        values = values if values.dtype.kind in "iufb" else np.unique(values.astype(str), return_inverse=True)[1]
        absent = np.isnan(values) if gaps is None else gaps | np.isnan(values)
    n = len(values)
    if values.ndim != 1 or n != optimum.prepared.given:
        raise SchemaError(
            f"{what} has shape {values.shape}; the data has {optimum.prepared.given} rows: one value a row"
        )
    rows = np.arange(n) if places is None else places
    if absent[rows].any():
        at = int(rows[np.flatnonzero(absent[rows])[0]])
        raise SchemaError(
            f"{what}={by if isinstance(by, str) else 'array'!r} is missing in row {at}; fill it, or leave such rows out"
        )
    return values[rows]
