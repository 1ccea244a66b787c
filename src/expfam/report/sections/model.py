"""What was fitted: in words, as a formula, and by whose rules."""

from collections.abc import Iterator

from expfam.inference.relativities import link_name
from expfam.penalties import NoPenalty
from expfam.report import equation
from expfam.report.content import KINDS, words
from expfam.report.numbers import count, figure
from expfam.report.parts import Facts, Prose, Section
from expfam.report.study import Study


def model(study: Study) -> Section:
    """The model in words and as a formula."""
    fit, link = study.fit, link_name(study.model)
    parts = (
        Prose(equation.sentence(fit, link)),
        equation.formula(fit, link),
        Facts(tuple(_facts(study, link))),
    )
    return Section("model", "The model", "What is said of the response, and by how many numbers.", parts)


def _facts(study: Study, link: str) -> Iterator[tuple[str, str]]:
    fit, model = study.fit, study.model
    yield "Response", model.response
    if model.classes:
        yield (
            "Classes",
            f"{', '.join(model.classes[:-1])} against {model.classes[-1]}"
            if model.family.vector
            else (f"{model.classes[-1]} against {model.classes[0]}"),
        )
    yield "Family, link", f"{words(model.family.name)}, {words(link)}"
    kind = fit.statistics.dispersion_kind
    yield "Dispersion", "1, fixed by the family" if kind == "fixed" else f"{figure(fit.dispersion)}, {KINDS[kind]}"
    for number in fit.nuisance:
        value, error = figure(number.value, number.se), figure(number.se, number.se)
        said = f"{value}, standard error {error}, by maximum likelihood"
        yield number.name.capitalize(), f"{figure(number.value)}: {study.advice(number.note)}" if number.note else said
    for name in equation.given(model):
        request = getattr(model.terms, "schema", None)
        text = getattr(request.request, name, None) if request is not None else None
        yield name.capitalize(), f"{text or 'given as an array'}{f', {model.weights_kind}' * (name == 'weights')}"
    if not isinstance(model.penalty, NoPenalty):
        yield "Penalty", repr(model.penalty)
    if model.bias:
        yield "Bias reduction", f"{model.bias}{' (Firth)' if model.bias == 'mean' else ''}"
    references = model.terms.references
    if references:
        shown = [f"{name}: {level}" for name, level in list(references.items())[:20]]
        more = f" and {count(len(references) - 20)} more" if len(references) > 20 else ""
        yield "Reference levels", ", ".join(shown) + more
    usual = "the sandwich of sampling weights" if model.weights_kind == "sampling" else "from the information"
    yield "Standard errors", usual if fit.vcov_kind == "model" else fit.vcov_kind
