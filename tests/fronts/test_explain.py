"""Every family of the index is explained, legibly, with numbers that agree."""

import re

import pytest

from expfam.errors import FamilyError
from expfam.explanation import explain
from expfam.families import FAMILIES, Bernoulli, Categorical, Family, NegativeBinomial, Tweedie

PARTS = (
    "1. The density",
    "ψ    = ",
    "T(y) = ",
    "a(ψ) = ",
    "b(y) = ",
    "gradient of a",
    "curvature of a",
    "canonical link",
)


@pytest.mark.parametrize("name", FAMILIES)
def test_every_family_is_derived_from_density_to_update(name):
    told = explain(name)
    text = str(told)
    assert told.family == name
    assert all(part in text for part in PARTS)
    assert "θ <- θ + α (T(y) - h(x)) x" in text
    assert max(map(len, text.splitlines())) <= 105
    assert explain(FAMILIES[name]).text == text


@pytest.mark.parametrize("name", FAMILIES)
def test_the_numbers_beside_each_other_agree(name):
    pairs = re.findall(r"a'+ += (-?[\d.]+) .* = (-?[\d.]+)$", explain(name).text, flags=re.MULTILINE)
    assert len(pairs) == 2
    for left, right in pairs:
        assert float(left) == pytest.approx(float(right), abs=2e-6)


def test_a_family_with_parameters_is_explained_as_it_is():
    assert "NegativeBinomial(theta=5.0)" in str(explain(NegativeBinomial(5.0)))
    assert "Tweedie(power=1.5)" in str(explain("tweedie"))
    for case in (Tweedie(1.2), Tweedie(-1.0), Tweedie(2), Categorical(5), Categorical()):
        assert repr(case) in str(explain(case))


def test_the_sigmoid_is_derived_for_bernoulli_and_the_softmax_for_classes():
    assert "log(φ/(1-φ)), the log-odds" in str(explain())
    assert "1/(1 + e^-(x·θ))" in explain(Bernoulli()).text
    assert "softmax" in str(explain("categorical"))


def test_html_is_escaped():
    html = explain("poisson")._repr_html_()
    assert html.startswith("<h3>Poisson: y counts")
    assert "&lt;- θ" in html
    assert html.endswith("</pre>")


def test_what_has_no_derivation_is_refused():
    with pytest.raises(FamilyError, match="did you mean 'bernoulli'"):
        explain("bernouli")
    own = Family(
        **{part: getattr(Bernoulli(), part) for part in ("a", "natural", "variance", "conjugate")},
        name="own",
        support=(0, 1),
    )
    with pytest.raises(FamilyError, match=r"'own'.*bernoulli"):
        explain(own)
