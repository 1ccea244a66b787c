"""The model as people write it down: a sentence, and three lines of formula."""

import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from expfam.matrix import MatrixTerms
from expfam.report.content import words
from expfam.report.numbers import counted, figure
from expfam.report.parts import Formula, Span
from expfam.terms import FormulaTerms

if TYPE_CHECKING:
    from expfam.fit import Fit
    from expfam.model import Model

VARIANCE: Mapping[str, str] = {
    "gaussian": "1",
    "bernoulli": "{μ} (1 − {μ})",
    "binomial": "{μ} (1 − {μ})",
    "quasibinomial": "{μ} (1 − {μ})",
    "poisson": "{μ}",
    "quasipoisson": "{μ}",
    "negative_binomial": "{μ} + {μ}^2 / θ",
    "gamma": "{μ}^2",
    "inverse_gaussian": "{μ}^3",
    "tweedie": "{μ}^p",
}
LINK: Mapping[str, str] = {
    "identity": "{μ}",
    "log": "log {μ}",
    "logit": "log( {μ} / (1 − {μ}) )",
    "probit": "Φ^−1 ( {μ} )",
    "cloglog": "log( −log(1 − {μ}) )",
    "loglog": "−log( −log {μ} )",
    "cauchit": "tan( π ({μ} − 1/2) )",
    "inverse": "1 / {μ}",
    "inverse_squared": "1 / {μ}^2",
    "sqrt": "√{μ}",
    "power": "{μ}^λ",
    "softmax": "log( {μ} / {μ}_k )",
    "canonical": "ψ({μ})",
}
"""Variance functions and links in the language of `spans`."""

EFFECT: Mapping[str, str] = {
    "identity": "Each coefficient adds to the mean.",
    "log": "Effects multiply the mean: exp of a coefficient is a factor.",
    "logit": "Effects multiply the odds: exp of a coefficient is an odds ratio.",
    "softmax": "Effects multiply the odds of a class against the reference: exp of a coefficient is an odds ratio.",
}
MOST = 12
MARK = re.compile(r"\{(?P<var>[^}]*)\}|\^(?P<sup>\S+)|_(?P<sub>\w+)")


def spans(text: str, index: str = "i") -> Iterator[Span]:
    """ "{μ}^2 / θ" as pieces: {x} a variable of row i, ^x above, _x below the line."""
    end = 0
    for found in MARK.finditer(text):
        if found.start() > end:
            yield Span("", text[end : found.start()])
        if found["var"] is not None:
            yield Span("i", found["var"])
            if index:
                yield Span("sub", index)
        elif found["sup"] is not None:
            yield Span("sup", found["sup"])
        else:
            yield Span("sub", found["sub"])
        end = found.end()
    if end < len(text):
        yield Span("", text[end:])


def sentence(fit: "Fit", link: str) -> str:
    """The model in words."""
    model = fit.model
    terms = sum(not block.is_intercept for block in model.terms.blocks)
    what = f"The mean of {model.response}"
    if model.classes:
        shown = model.classes[-1]
        what = f"The probability that {model.response} is {shown}"
        if model.family.vector:
            what = f"The probability of each class of {model.response} ({', '.join(model.classes)})"
    per = " per unit of exposure" if "exposure" in given(model) else ""
    many = f"{counted(terms, 'term')} with {counted(fit.estimate.size, 'coefficient')}"
    said = f"{what}{per} is modelled by {many}, with the {words(model.family.name)} family and the {words(link)} link."
    return f"{said} {EFFECT.get(link, '')}".strip()


def given(model: "Model") -> tuple[str, ...]:
    """The row vectors beside response and terms: weights, offset, exposure, trials."""
    return (*model.terms.asked, *model.supplied)


def formula(fit: "Fit", link: str) -> Formula:
    """Distribution, variance, link and linear predictor."""
    model, index = fit.model, "ij" if fit.model.family.vector else "i"
    left = [
        Span("", "P( "),
        Span("b", model.response),
        Span("sub", "i"),
        Span("", " = "),
        Span("i", "j"),
        Span("", " )"),
    ]
    if not model.family.vector:
        left = [Span("", "E[ "), Span("b", model.response), Span("sub", "i"), Span("", " ]")]
    mean = [*left, Span("", " = "), Span("i", "μ"), Span("sub", index)]
    if model.family.name in VARIANCE:
        mean += [Span("", ",   Var = "), *_variance(fit)]
    linked = [*spans(LINK.get(link, "g({μ})"), index), Span("", " = "), Span("i", "η"), Span("sub", index)]
    return Formula((tuple(mean), tuple(linked), tuple(_line(model, index))))


def _variance(fit: "Fit") -> Iterator[Span]:
    """phi V(mu) / w, each only where it is not 1."""
    model = fit.model
    free = fit.statistics.dispersion_kind != "fixed"
    text = VARIANCE[model.family.name]
    below = "{w}" if "weights" in given(model) and model.weights_kind == "precision" else ""
    below = "{n}" if model.family.name in ("binomial", "quasibinomial") else below
    if free:
        yield Span("i", "φ")
        text = "" if text == "1" else f" {text}" if "+" not in text and "−" not in text else f" ( {text} )"
    yield from spans(text + (f" / {below}" if below else ""))
    numbers = {"φ": fit.dispersion} if free else {}
    numbers |= {"θ": fit.theta} if model.family.name == "negative_binomial" else {}
    numbers |= {"p": fit.power} if model.family.name == "tweedie" else {}
    for name, value in numbers.items():
        yield from (Span("", ",   "), Span("i", name), Span("", f" = {figure(value)}"))


def _line(model: "Model", index: str) -> Iterator[Span]:
    yield from (Span("i", "η"), Span("sub", index), Span("", " = "))
    parts = [*_offsets(model), *_terms(model, "j" if model.family.vector else "")]
    for k, part in enumerate(parts if len(parts) <= MOST + 1 else parts[:MOST]):
        if k:
            yield Span("", " + ")
        yield from part
    if len(parts) > MOST + 1:
        yield Span("", f" + … ({len(parts) - MOST} more terms)")


def _offsets(model: "Model") -> Iterator[list[Span]]:
    texts = {name: name for name in given(model) if name in ("offset", "exposure")}
    if isinstance(model.terms, FormulaTerms):
        asked = model.terms.schema.request
        texts |= {name: getattr(asked, name) for name in texts if getattr(asked, name) is not None}
        yield from ([Span("b", text)] for text in model.terms.schema.offsets)
    for name, text in texts.items():
        inner = [Span("b", text), Span("sub", "i")]
        yield inner if name == "offset" else [Span("", "log "), *inner]


def _terms(model: "Model", of_class: str) -> Iterator[list[Span]]:
    """A term each: β₀; β[factor]; β x; f(x) for a curve; and products of these."""
    terms = model.terms
    if isinstance(terms, MatrixTerms):
        if terms.intercept:
            yield [Span("i", "β"), Span("sub", f"0{of_class}")]
        yield [Span("", "Σ"), Span("sub", "k"), Span("", " "), Span("i", "β"), Span("sub", f"k{of_class}"),
               Span("", " "), Span("i", "x"), Span("sub", "ik")]  # fmt: skip
        return
    assert isinstance(terms, FormulaTerms)
    variables = terms.schema.variables
    for k, term in enumerate(terms.schema.terms):
        kinds = [variables[text] for text in term.variables]
        factors = [v.text for v in kinds if v.levels]
        numbers = [v.text for v in kinds if not v.levels and v.width is None]
        curves = [v.text for v in kinds if not v.levels and v.width is not None]
        spanned = [Span("i", "f" if curves else "β"), Span("sub", f"{k}{of_class}")]
        if factors:
            spanned += [Span("", "["), Span("b", " × ".join(factors)), Span("", "]")]
        if curves:
            spanned += [Span("", "("), Span("b", " × ".join(curves)), Span("", ")")]
        for text in numbers:
            spanned += [Span("", " "), Span("b", text)]
        yield spanned
