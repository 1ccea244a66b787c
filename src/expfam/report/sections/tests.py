"""Which terms matter, and does the family fit? Analysis of deviance, and tests of what the family takes for granted."""

from collections.abc import Iterator

from expfam.errors import ExpfamError
from expfam.inference.vcov import trusts_variance
from expfam.report.numbers import count, figure, p_value, total
from expfam.report.parts import Facts, Part, Prose, Section, tabled
from expfam.report.study import Study

MOST = 40  # terms up to which each is dropped in turn: a refit each


def tests(study: Study) -> Section:
    """Terms by the deviance they explain; the family's own assumptions."""
    lead = "How much each term explains beyond the others, and whether counts vary as the family says."
    parts = (*study.attempt(lambda: _terms(study), "No analysis of deviance"), *_family(study))
    return Section("tests", "Tests", lead, parts)


def _terms(study: Study) -> Iterator[Part]:
    fit = study.fit
    blocks = [block for block in study.model.terms.blocks if not block.is_intercept]
    if not blocks:
        raise ExpfamError("the model has no terms but the intercept")
    if len(blocks) > MOST:
        raise ExpfamError(f"{len(blocks)} terms would be {len(blocks)} refits; fit.anova(type=2) does them")
    wald = fit.model.weights_kind == "sampling" or not trusts_variance(fit.vcov_kind)
    answer = fit.anova(type=3 if wald else 2)
    statistic = "Wald" if wald else "F" if fit.df_reference is not None else "Chi-squared"
    columns = [
        ("term", "Term", None), ("df", "df", count),
        *([("deviance", "Deviance", total)] if "deviance" in answer else []),
        ("statistic", statistic, figure), ("p_value", "P", p_value),
    ]  # fmt: skip
    note = "Each term beside all others" if wald else "Each term after all others that do not contain it (type II)"
    yield tabled(answer, columns, "Terms", note=f"{note}; small P: the rows need it.")


def _family(study: Study) -> Iterator[Part]:
    """Score tests of counts, where the family has them."""
    found = []
    for title, test in (
        ("Overdispersion", study.fit.overdispersion_test),
        ("Zero inflation", study.fit.zero_inflation_test),
    ):
        try:
            found.append((title, str(test())))
        except ExpfamError:
            continue  # a test of counts, and these are none
    if found:
        yield Prose("What the family takes for granted:")
        yield Facts(tuple(found))
