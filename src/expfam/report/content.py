"""What a report of a fit says, free of any format: a head, rows of coefficients, closing lines."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from expfam.inference.pivot import critical
from expfam.nuisance.number import Nuisance
from expfam.report.numbers import count, counted, figure, p_value, several, total

if TYPE_CHECKING:
    from expfam.fit.estimates import Estimates

WIDTH = 100
KINDS = {"given": "given", "pearson": "Pearson", "deviance": "deviance", "ml": "ML", "adjusted": "adjusted score"}
MANY = 200  # coefficients up to which a report lists all,
HEAD, TAIL = 30, 10  # and how many of more it shows from either end
T = TypeVar("T")


Row = tuple[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Content:
    """Title, model and size, a table, closing lines. Of the table: header, rows of (name, cells), a row without cells
    being a heading, and below a rule the rows of `foot`. What is empty is not shown."""

    title: str
    model: str
    size: str
    header: tuple[str, ...]
    rows: tuple[Row, ...]
    notes: tuple[str, ...]
    foot: tuple[Row, ...] = ()


def content(fit: "Estimates", level: float = 0.95, advice: Callable[[str], str] = str) -> Content:
    """Everything the summary says, as text in pieces; `advice` puts what is to be done into the words of who asks."""
    model = fit.model
    whole = advice("fit.tidy() has all")
    sides = f"{(1 - level) / 2:.1%}", f"{(1 + level) / 2:.1%}"
    letter = "z" if fit.reference is None else "t"
    return Content(
        title=f"Generalized linear model: {words(model.family.name)} family, {words(model.link.name)} link",
        model=model.terms.title,
        size=f"{counted(fit.n, 'row')}, {counted(fit.estimate.size, 'coefficient')}",
        header=("Estimate", "Std. error", letter, f"P(>|{letter}|)", *sides),
        rows=tuple(_rows(fit, level, whole)),
        notes=tuple(_notes(fit, advice)),
    )


def words(name: str) -> str:
    """A family or link as a text names it."""
    known = {
        "gaussian": "Gaussian",
        "bernoulli": "Bernoulli",
        "poisson": "Poisson",
        "gamma": "Gamma",
        "tweedie": "Tweedie",
    }
    return known.get(name, name.replace("_", " "))


def _rows(fit: "Estimates", level: float, whole: str) -> Iterator[Row]:
    blocks = (
        [("", slice(None))]
        if fit.estimate.ndim == 1
        else [(c, (slice(None), k)) for k, c in enumerate(fit.model.modelled)]
    )
    columns = fit.coef, fit.se, fit.statistic, fit.p_values, fit.wald_interval(level)
    for label, at in blocks:
        if label:
            yield f"{fit.model.response} = {label}", ()
        lines = list(zip(fit.names, *(part[at] for part in columns), strict=True))
        yield from shortened(lines, lambda line: (_row(line),), whole, 6)


def shortened(
    lines: Sequence[T], rows: Callable[[T], Iterable[Row]], whole: str, columns: int, most: int = MANY
) -> Iterator[Row]:
    """The rows of each line, of very many the first and the last, and between them who has all."""
    parts = (lines,) if len(lines) <= most else (lines[:HEAD], lines[-TAIL:])
    for part in parts:
        if part is not parts[0]:
            yield f"... {count(len(lines) - HEAD - TAIL)} more: {whole}", ("",) * columns
        for line in part:
            yield from rows(line)


def _row(line: tuple[Any, ...]) -> Row:
    name, coef, se, statistic, p, ends = line
    shown = [figure(value, se) for value in (coef, se, *ends)]
    return name, (*shown[:2], "NA" if np.isnan(statistic) else f"{statistic:.2f}", p_value(p), *shown[2:])


def _notes(fit: "Estimates", advice: Callable[[str], str]) -> Iterator[str]:
    """The closing lines: sums, certificate, warnings, and how to read classes, levels and weights."""
    model, certificate = fit.model, fit.certificate
    yield _sums(fit)
    yield from (_number(number, advice) for number in fit.nuisance)
    yield str(certificate)
    if certificate.rows < certificate.summed_from:
        yield f"Rows with equal predictors summed: {count(certificate.summed_from)} to {count(certificate.rows)}"
    if model.bias:
        yield f"Bias reduction: {model.bias}{' (Firth)' if model.bias == 'mean' else ''}"
    if not fit.converged:
        yield f"Advice: {advice(certificate.status.value)}"
    if certificate.separation is not None and certificate.separated:
        yield f"Run to infinity: {several(certificate.separation.limits)}"
    elif certificate.separation is not None and not certificate.separation.exact:
        yield str(certificate.separation)
    if certificate.aliased:
        yield f"Left out as combinations of earlier columns: {several(certificate.aliased)}"
    if model.classes:
        how = "each against" if model.family.vector else "modelled is the probability of"
        yield f"Response {model.response}: classes {', '.join(model.classes)}, {how} {model.classes[-1]}"
    if model.terms.references:
        yield "Reference levels: " + ", ".join(f"{name} {level}" for name, level in model.terms.references.items())
    if fit.reference == "random scaling":
        yield f"Standard errors: random scaling, whose t is not Student's: 5% lies beyond {critical(0.95):.3f}"
    elif fit.vcov_kind != "model":
        yield f"Standard errors: {fit.vcov_kind}"
    elif model.weights_kind == "sampling":
        yield "Standard errors: sandwich, for sampling weights"
    if fit.dropped_rows:
        columns = ", ".join(f"{name} {number:,}" for name, number in fit.dropped.items())
        yield f"{fit.dropped_rows:,} rows left out for missing values ({columns})"


def _number(number: Nuisance, advice: Callable[[str], str]) -> str:
    if number.note:
        return f"{number.name.capitalize()} {figure(number.value)}: {advice(number.note)}"
    shown, error = figure(number.value, number.se), figure(number.se, number.se)
    return f"{number.name.capitalize()} {shown} (standard error {error}), by maximum likelihood"


def _sums(fit: "Estimates") -> str:
    sums = fit.statistics
    phi = (
        "1 (fixed)" if sums.dispersion_kind == "fixed" else f"{figure(sums.dispersion)} ({KINDS[sums.dispersion_kind]})"
    )
    null = f" (null {total(sums.null_deviance)} on {count(_null_df(fit))} df)" if "Intercept" in fit.names else ""
    line = f"Deviance {total(sums.deviance)} on {count(sums.df_residual)} df{null}; dispersion {phi}"
    if np.isnan(sums.loglik):
        return line
    return f"{line}; log-likelihood {total(sums.loglik)}; AIC {total(sums.aic)}; BIC {total(sums.bic)}"


def _null_df(fit: "Estimates") -> float:
    return (fit.n - 1) * (fit.estimate.shape[1] if fit.estimate.ndim == 2 else 1)
