"""Is anything wrong with this fit? Every check that applies, with its size, p value, verdict and remedy.

The function `checks` is a method of `Fit`. What is large enough to matter stands in SIZES, in units of each check.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from expfam.diagnostics import calibration, influence, specification, uniformity
from expfam.diagnostics.findings import Finding, Findings, ordered, verdict
from expfam.diagnostics.judged import Judged, judged
from expfam.errors import ExpfamError
from expfam.fit.specification import vif_of
from expfam.inference import counts
from expfam.inference.optimum import Optimum
from expfam.inference.vcov import trusts_variance

if TYPE_CHECKING:
    from expfam.fit import Fit

SIZES = {
    "collinearity": (10.0, 100.0),  # GVIF^(1/df), a VIF
    "overdispersion": (0.1, 0.5),  # variance beyond the family's, as a share of it
    "zeros": (0.05, 0.2),  # beyond those expected, as a share of them
    "link": (0.03, 0.1),  # move of eta, in parts of its spread
    "form": (0.03, 0.1),  # the same
    "distribution": (0.02, 0.05),  # distance of probabilities
    "influence": (0.5, 1.0),  # Cook's distance
    "calibration": (0.05, 0.2),  # mean distance of observed from fitted rates, in parts of the spread of these
}
"""From which size on a finding is worth a look, and from which a warning; p must be below 0.01, or 0.001, as well."""


@dataclass(frozen=True, slots=True, eq=False)
class _Case:
    """A fit and its rows, read once."""

    fit: "Fit"
    here: Optimum
    rows: Judged
    measures: influence.Influence | None


def checks(fit: "Fit", data: Any = None) -> Findings:
    """Is anything wrong? Every check that applies, warnings first: name, figure, p value, verdict, sentence.

    convergence, separation, aliasing, collinearity, overdispersion, zeros, link, form of each number, distribution,
    influence, calibration. A verdict is "ok", "look" (p < 0.01) or "warning" (p < 0.001), and either of the last only
    where the size of what was found matters, too: with many rows everything is significant. Checks that the family or
    the way of fitting rules out, or that have nothing to judge by, are in `left_out`, with the reason. The rows are
    read once, and three times for influence; `data` where a loaded or detached fit has none. As
    performance::check_model and DHARMa.
    """
    here = fit.at_rows(data)
    return checked(fit, here, judged(here, fit.dispersion, fit.kind))


def checked(fit: "Fit", here: Optimum, rows: Judged, measures: influence.Influence | None = None) -> Findings:
    """The same on rows that were read, and whose influence was measured, if it was."""
    case = _Case(fit, here, rows, measures)
    found: list[Finding] = []
    left_out: dict[str, str] = {}
    for name, check in CHECKS.items():
        try:
            found += check(case)
        except ExpfamError as reason:
            left_out[name] = str(reason)
    return ordered(found, left_out, fit.kind)


def _convergence(case: _Case) -> Iterator[Finding]:
    fit, certificate = case.fit, case.fit.certificate
    said = "The certificate shows an optimum." if fit.converged else f"Not converged: {certificate.status.value}"
    figure = f"gradient {certificate.gradient:.1e} (tolerance {certificate.tol:.0e})"
    yield Finding("convergence", certificate.gradient, figure, np.nan, "ok" if fit.converged else "warning", said)


def _separation(case: _Case) -> Iterator[Finding]:
    found = case.fit.certificate.separation
    names = case.fit.certificate.separated
    if not (case.fit.converged if found is None else found.exact or names):  # an optimum has finite estimates
        raise ExpfamError("whether coefficients run to infinity was not decided by the fit: ask separation()")
    if found is None or not names:
        yield Finding("separation", 0.0, "no infinite coefficient", np.nan, "ok", "Every estimate is finite.")
        return
    said = f"{_some(names)} run to infinity: {found.remedy}."
    yield Finding("separation", float(len(names)), f"{len(names)} infinite", np.nan, "warning", said)


def _aliasing(case: _Case) -> Iterator[Finding]:
    names = case.fit.certificate.aliased
    if not names:
        yield Finding("aliasing", 0.0, "no column left out", np.nan, "ok", "No column is a combination of others.")
        return
    said = f"{_some(names)} are combinations of earlier columns and were left out: drop them from the formula."
    yield Finding("aliasing", float(len(names)), f"{len(names)} columns left out", np.nan, "look", said)


def _collinearity(case: _Case) -> Iterator[Finding]:
    found = vif_of(case.fit, lambda: case.here)
    sizes = np.where(np.isinf(found.scaled), np.nan, found.scaled**2)  # of those that follow, "aliasing" tells
    if not len(sizes):
        return
    at = int(np.argmax(np.nan_to_num(sizes)))
    word = verdict(0.0, float(sizes[at]), *SIZES["collinearity"])
    said = (
        "The terms can be told apart."
        if word == "ok"
        else f"{found.term[at]} nearly follows from other terms: its coefficients are uncertain, predictions are not. "
        "Drop one of them, centre numbers before squaring, or take a penalty."
    )
    yield Finding("collinearity", float(sizes[at]), f"VIF {sizes[at]:.3g} of {found.term[at]}", np.nan, word, said)


def _overdispersion(case: _Case) -> Iterator[Finding]:
    test = counts.overdispersion(case.here, "quadratic", "score", "greater")
    spread = uniformity.pearson_dispersion(case.here, case.fit.df_residual)
    word = verdict(test.p_value, spread - 1, *SIZES["overdispersion"])
    kind = case.fit.vcov_kind
    if word == "ok":
        said = "The variance is the family's."
    elif not case.fit.statistics.dispersion_fixed:
        word, said = "ok", "The variance is beyond the family's, and standard errors count that: phi is estimated."
    elif not trusts_variance(kind):
        word = "look"
        said = f"Standard errors stand ({kind}), but AIC, likelihood ratios and prediction intervals are the family's: "
        said += "take family='negative_binomial', or a quasi family."
    elif case.fit.statistics.dispersion_kind == "given":
        said = "Standard errors are too small for the dispersion that was given: leave dispersion= out, or vcov='HC0'."
    else:
        said = "Standard errors are too small: take family='negative_binomial', a quasi family, or vcov='HC0'."
    yield Finding("overdispersion", spread, f"Pearson chi-squared / df {spread:.4g}", test.p_value, word, said)


def _zeros(case: _Case) -> Iterator[Finding]:
    test = counts.zero_inflation(case.here, any(number.name == "theta" for number in case.fit.nuisance))
    excess = test.observed / test.expected - 1
    word = verdict(test.p_value, excess, *SIZES["zeros"])
    said = (
        "Zeros are as many as expected."
        if word == "ok"
        else "More zeros than expected: look for a missing term, overdispersion, or rows that can have no event."
    )
    figure = f"{test.observed:,.0f} zeros, {test.expected:,.1f} expected"
    yield Finding("zeros", excess, figure, test.p_value, word, said)


def _link(case: _Case) -> Iterator[Finding]:
    test = specification.link_test(case.here, case.rows)
    word = verdict(test.p_value, test.size, *SIZES["link"])
    said = (
        "The square of eta adds nothing."
        if word == "ok"
        else "The square of eta helps: try another link, or look for a missing term or interaction."
    )
    figure = f"eta^2 would move eta by {test.size:.1%} of its spread"
    yield Finding("link", test.size, figure, test.p_value, word, said)


def _form(case: _Case) -> Iterator[Finding]:
    tests = specification.form_tests(case.here, case.fit.dispersion, case.fit.kind)
    for k, term in enumerate(tests.term):
        p, size = float(tests.p_adjusted[k]), float(tests.size[k])
        word = verdict(p, size, *SIZES["form"])
        said = (
            "Linear will do."
            if word == "ok"
            else f"{term} is not linear on the scale of eta: try bs({term}, df=4), poly({term}, 2) or cut({term}, ...)."
        )
        figure = f"a curve would move eta by {size:.1%} of its spread"
        yield Finding(f"form of {term}", size, figure, p, word, said)


def _distribution(case: _Case) -> Iterator[Finding]:
    test = uniformity.uniformity_test(case.here, case.fit.dispersion, case.fit.df_residual, 0)
    word = verdict(min(test.p_value, test.anderson_p), test.distance, *SIZES["distribution"])
    said = (
        "Quantile residuals are uniform."
        if word == "ok"
        else "The responses do not follow the family: look at plot.qq(), and try a family of another variance or tail."
    )
    p = min(test.p_value, test.anderson_p)
    yield Finding("distribution", test.distance, f"KS distance {test.distance:.3g}", p, word, said)


def _influence(case: _Case) -> Iterator[Finding]:
    fit = case.fit
    found = case.measures or influence.influence(case.here, fit.dispersion, fit.df_reference)
    full = int((found.leverage > 1 - influence.FULL).sum())
    if full:
        said = "They meet their responses whatever these are: a level with one row, most often. Merge such levels."
        yield Finding("leverage", float(full), f"{full:,} rows of leverage 1", np.nan, "look", said)
    row = int(np.argmax(np.nan_to_num(found.cooks_distance)))
    most = float(found.cooks_distance[row])
    word = verdict(0.0, most, *SIZES["influence"])
    said = (
        "No row decides the fit."
        if word == "ok"
        else f"Row {row} moves the coefficients by itself: check it, and fit without it to see what changes."
    )
    yield Finding("influence", most, f"largest Cook's distance {most:.3g} (row {row})", np.nan, word, said)


def _calibration(case: _Case) -> Iterator[Finding]:
    vector = case.fit.model.family.vector
    for label in (case.fit.classes or ()) if vector else (None,):
        found = calibration.calibration(case.rows.one(label))
        share = found.sums.exposure / found.sums.exposure.sum()
        rate = found.expected
        spread = float(np.sqrt(share @ (rate - share @ rate) ** 2))
        size = found.error / spread if spread > 0 else np.nan
        word = verdict(found.p_value, size, *SIZES["calibration"])
        said = (
            "Observed rates follow the fitted ones."
            if word == "ok"
            else "Observed rates leave the fitted ones: look at calibration() bin by bin; link or terms may be wrong."
        )
        name = "calibration" if label is None else f"calibration of {label}"
        yield Finding(name, size, f"rates off by {size:.1%} of their spread", found.p_value, word, said)


def _some(names: tuple[str, ...]) -> str:
    return ", ".join(names[:5]) + (f" and {len(names) - 5:,} more" if len(names) > 5 else "")


CHECKS: dict[str, Callable[[_Case], Iterator[Finding]]] = {
    "convergence": _convergence,
    "separation": _separation,
    "aliasing": _aliasing,
    "collinearity": _collinearity,
    "overdispersion": _overdispersion,
    "zeros": _zeros,
    "link": _link,
    "form": _form,
    "distribution": _distribution,
    "influence": _influence,
    "calibration": _calibration,
}
"""In the order in which they are looked at."""
