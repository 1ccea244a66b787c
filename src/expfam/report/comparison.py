"""Several fits side by side: which coefficients do they share, and which fits better?"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from expfam._typing import FloatArray
from expfam.data.answer import frame_like
from expfam.errors import ExpfamError, one_of
from expfam.report.content import Content, Row, shortened, words
from expfam.report.formats import FORMATS, written
from expfam.report.numbers import count, counted, figure, several, total

if TYPE_CHECKING:
    from expfam.fit.estimates import Estimates

FIGURES: dict[str, tuple[str, Callable[[float], str]]] = {
    "n": ("n", count),
    "df_residual": ("Residual df", count),
    "deviance": ("Deviance", total),
    "dispersion": ("Dispersion", figure),
    "loglik": ("Log-likelihood", total),
    "aic": ("AIC", total),
    "bic": ("BIC", total),
}


@dataclass(frozen=True, slots=True, eq=False)
class Comparison:
    """Fits, one column each; `str()` is written as `format` says, the methods write it in any other way.

    `whole` says what has all coefficients, where they are too many to be written.
    """

    fits: tuple["Estimates", ...]
    names: tuple[str, ...]
    format: str = "text"
    whole: str = "table() has all"

    @property
    def terms(self) -> tuple[str, ...]:
        """The coefficients that any of the fits has, in the order in which they appear; `class:name` for classes."""
        return tuple(dict.fromkeys(name for fit in self.fits for name in fit.model.flat_names))

    @property
    def notes(self) -> tuple[str, ...]:
        """What the models are, and what parts the fits, so that nothing is compared that does not compare."""
        return tuple(_notes(self.fits, self.names))

    def table(self) -> Any:
        """One row a coefficient: term, then estimate[name] and std_error[name] of every fit, NaN where it has none."""
        columns: dict[str, Any] = {"term": np.array(self.terms, dtype=object)}
        for name, fit in zip(self.names, self.fits, strict=True):
            for title, values in (("estimate", fit.coef), ("std_error", fit.se)):
                found = dict(zip(fit.model.flat_names, fit.flat(values), strict=True))
                columns[f"{title}[{name}]"] = np.array([found.get(term, np.nan) for term in self.terms])
        return frame_like(self.fits[0].kind, columns)

    def glance(self) -> Any:
        """One row a fit: its name, family, link, and figures; theta or the power where one was estimated."""
        plain = {"fit": self.names} | {title.lower(): cells for title, cells in _words(self.fits).items()}
        return frame_like(self.fits[0].kind, plain | _figures(self.fits))

    def text(self) -> str:
        """Aligned text, standard errors in brackets below the estimates."""
        return written(self._content(), "text")

    def markdown(self) -> str:
        """A pipe table."""
        return written(self._content(), "markdown")

    def latex(self) -> str:
        """A table with the rules of booktabs."""
        return written(self._content(), "latex")

    def html(self) -> str:
        """A fragment without scripts or style sheet."""
        return written(self._content(), "html")

    def __str__(self) -> str:
        return written(self._content(), self.format)

    def __repr__(self) -> str:
        return self.text()

    def _repr_html_(self) -> str:
        return self.html()

    def _content(self) -> Content:
        cells = [dict(zip(fit.model.flat_names, _cells(fit), strict=True)) for fit in self.fits]

        def pair(term: str) -> tuple[Row, Row]:
            above, below = zip(*(part.get(term, ("", "")) for part in cells), strict=True)
            return (term, above), ("", below)

        rows = tuple(shortened(self.terms, pair, self.whole, len(self.names)))
        foot = [*_words(self.fits).items(), *_totals(self.fits)]
        return Content("", "", "", self.names, rows, self.notes, tuple(foot))


def compare(*fits: "Estimates", names: Sequence[str] | None = None, format: str = "text") -> Comparison:
    """Which coefficients do these fits share, and which fits better? Estimates (standard errors), n, deviance, AIC.

    names    one a fit; "(1)", "(2)" by default
    format   what `str()` writes: "text", "markdown", "latex" (booktabs) or "html"

    Fits of other families, links, responses and rows may stand side by side: the notes say where AIC, BIC and deviance
    do not compare. ExpfamError: no fits, something that is none, names that are not one a fit.
    """
    one_of("format", format, tuple(FORMATS))
    if not fits:
        raise ExpfamError("compare() needs at least one fit")
    for k, fit in enumerate(fits):
        if not hasattr(fit, "certificate"):
            raise ExpfamError(f"argument {k + 1} of compare() is a {type(fit).__name__}; give fits, as glm() does")
    named = tuple(f"({k + 1})" for k in range(len(fits))) if names is None else tuple(map(str, names))
    if len(named) != len(fits) or len(set(named)) < len(named):
        raise ExpfamError(f"names={list(named)}: give {counted(len(fits), 'different name')}, one a fit")
    return Comparison(fits, named, format)


def _cells(fit: "Estimates") -> Iterator[tuple[str, str]]:
    """Every estimate, and what stands below it."""
    for coef, se in zip(fit.flat(fit.coef), fit.flat(fit.se), strict=True):
        yield figure(coef, se), "" if np.isnan(se) else f"({figure(se, se)})"


def _words(fits: Sequence["Estimates"]) -> dict[str, tuple[str, ...]]:
    return {
        "Family": tuple(words(fit.model.family.name) for fit in fits),
        "Link": tuple(words(fit.model.link.name) for fit in fits),
    }


def _figures(fits: Sequence["Estimates"]) -> dict[str, FloatArray]:
    """The sums of every fit, and the numbers that were estimated beside the coefficients of any."""
    numbers = [{number.name: number.value for number in fit.nuisance} for fit in fits]
    beside = dict.fromkeys(name for part in numbers for name in part if name not in FIGURES)
    found = {name: np.array([getattr(fit, name) for fit in fits], dtype=float) for name in FIGURES}
    return found | {name: np.array([part.get(name, np.nan) for part in numbers]) for name in beside}


def _totals(fits: Sequence["Estimates"]) -> Iterator[Row]:
    for name, values in _figures(fits).items():
        title, form = FIGURES.get(name, (name.capitalize(), figure))
        yield title, tuple("" if np.isnan(value) else form(value) for value in values)


def _measure(fit: "Estimates") -> tuple[str, float]:
    """At which dispersion the likelihood is taken: by R's convention of the family, by maximum likelihood, or given."""
    kind = fit.statistics.dispersion_kind
    return kind if kind in ("ml", "given") else "convention", fit.dispersion if kind == "given" else 0.0


def _against(fit: "Estimates") -> dict[str, str]:
    """What coefficients are against: the reference level of each factor, and that of a response of classes."""
    model = fit.model
    own = {} if model.reference is None else {f"the response {model.modelled_column}": model.reference}
    return {**model.terms.references, **own}


def _references(fits: Sequence["Estimates"], names: Sequence[str]) -> Iterator[str]:
    """Factors and responses whose reference is not the same in all fits that have them, and what it is in each."""
    found = [_against(fit) for fit in fits]
    for factor in dict.fromkeys(factor for part in found for factor in part):
        if len({part[factor] for part in found if factor in part}) > 1:
            each = (f"{name} {part[factor]}" for name, part in zip(names, found, strict=True) if factor in part)
            yield f"The reference of {factor} differs ({', '.join(each)}): its coefficients do not compare"


def _notes(fits: Sequence["Estimates"], names: Sequence[str]) -> Iterator[str]:
    """The models, then the reasons for which figures of these fits are not on one scale."""
    yield from (f"{name} {fit.model.terms.title}" for name, fit in zip(names, fits, strict=True))
    unlike = "deviance, log-likelihood, AIC and BIC do not compare"
    if len({fit.model.modelled_column for fit in fits}) > 1:
        yield f"The responses differ: {unlike}"
    elif len({(fit.n, round(fit.weights_sum, 6)) for fit in fits}) > 1:
        yield f"The rows or their weights differ: {unlike}; fit all on the rows that are complete in all"
    elif len({frozenset(fit.model.outcomes) for fit in fits if fit.model.outcomes}) > 1:
        yield f"The classes of the response differ: {unlike}"
    elif len({fit.model.family.name for fit in fits}) > 1:
        yield "The families differ: deviances do not compare, and likelihoods only where all count or all measure"
    elif len({_measure(fit) for fit in fits}) > 1:
        found = ", ".join(
            f"{name} {fit.statistics.dispersion_kind} {figure(fit.dispersion)}"
            for name, fit in zip(names, fits, strict=True)
        )
        yield (
            f"The likelihoods are at dispersions of different kinds ({found}): log-likelihood, AIC and BIC need not "
            "compare; fit all with the same dispersion="
        )
    yield from _references(fits, names)
    if any(np.isnan(fit.loglik) for fit in fits):
        yield "No log-likelihood: quasi families and sampling weights have none"
    if len({fit.vcov_kind for fit in fits}) > 1:
        kinds = ", ".join(f"{name} {fit.vcov_kind}" for name, fit in zip(names, fits, strict=True))
        yield f"Standard errors: {kinds}"
    failed = [name for name, fit in zip(names, fits, strict=True) if not fit.converged]
    if failed:
        yield f"Not converged: {several(failed)}"
