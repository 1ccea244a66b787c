"""Is a larger model worth its coefficients? Likelihood ratio and F tests between fits of the same rows."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from expfam.errors import ExpfamError, one_of
from expfam.families import Categorical, ExponentialFamily
from expfam.fit.checks import check_rows
from expfam.fit.comparisons import test_of, yardstick
from expfam.inference.tails import Yardstick
from expfam.links import Link
from expfam.model import Model, Prepared
from expfam.nuisance import OF_NUMBER
from expfam.objective import Data

if TYPE_CHECKING:
    from expfam.fit import Fit


def models(fits: Sequence["Fit"], test: str | None, data: Any = None) -> dict[str, Any]:
    """One row a fit, the smallest first: model, df_residual, residual_deviance, df, deviance, statistic, p_value.

    "lrt": the fall of the deviance / phi against chi-squared; "f": per degree of freedom against F. phi and its degrees
    of freedom are the largest model's. Where a number of the family was estimated by each, the fall is that of
    -2 log-likelihood, which holds phi already.
    """
    one_of("test", test, (None, "lrt", "f"))
    strange = next((type(fit).__name__ for fit in fits if not hasattr(fit, "certificate")), None)
    if strange is not None:
        raise ExpfamError(f"anova() compares with other fits, and a {strange} is none; the type goes by name: type=3")
    for fit in fits:
        test_of(fit, test, wald_too=False)
    ordered = sorted(fits, key=lambda fit: -fit.df_residual)
    largest = ordered[-1]
    own = any(_law(fit) != _law(largest) for fit in ordered)
    levels = [-2 * fit.loglik if own else fit.deviance for fit in ordered]
    for (small, large), (above, below) in zip(pairwise(ordered), pairwise(levels), strict=True):
        _comparable(small, large)
        if not _inside(small, large, data) or above < below - 1e-9 * abs(below):
            raise _refused(
                f"{small.model.terms.title!r} is no special case of {large.model.terms.title!r}; compare their AIC"
            )
    unit = Yardstick(1.0, np.inf) if own else yardstick(largest)
    df, fallen = -np.diff([fit.df_residual for fit in ordered]), -np.diff(levels)
    columns = {"df": df, "deviance": fallen} | unit.judged(fallen, df, test or ("lrt" if unit.known else "f"))
    return {
        "model": [fit.model.terms.title for fit in ordered],
        "df_residual": [fit.df_residual for fit in ordered],
        "residual_deviance": [fit.deviance for fit in ordered],
        **{name: np.concatenate([[np.nan], values]) for name, values in columns.items()},
    }


def _refused(reason: str) -> ExpfamError:
    return ExpfamError(f"these fits cannot be compared by a likelihood ratio: {reason}")


def _law(fit: "Fit") -> ExponentialFamily:
    """The family, whatever class is the reference: any other gives the same likelihood."""
    family = fit.model.family
    return replace(family, reference=None) if isinstance(family, Categorical) else family


def _comparable(small: "Fit", large: "Fit") -> None:
    """ExpfamError with the reason, unless the likelihoods of both may be compared, as far as they say themselves."""
    one, two = small.model, large.model
    numbers = [tuple(n.name for n in fit.nuisance if n.name in OF_NUMBER) for fit in (small, large)]
    estimated = numbers[0] == numbers[1] != ()  # a theta without bound leaves a fit of the Poisson family
    same = one.family.name == two.family.name or estimated
    same = same and one.link == two.link
    classes = [sorted(model.outcomes) for model in (one, two)]
    reasons = {
        _of_others(one, two): not same,
        f"{one.response} has the classes {', '.join(classes[0])} in one and {', '.join(classes[1])} in the other; fit "
        "both on the same rows": classes[0] != classes[1],
        f"{one.reference} is the failure in one and {two.reference} in the other, which the {one.link.name} link does "
        "not take for the same model": one.reference != two.reference and not (one.family.vector or _even(one.link)),
        f"their {one.family.name} families differ by a number that was given; give both the same, or have it estimated "
        "by both": _law(small) != _law(large) and not estimated,
        f"they were fitted on different rows: {small.n:,} of weight {small.weights_sum:g}, {large.n:,} of weight "
        f"{large.weights_sum:g}; fit both on the rows that are complete in both": small.n != large.n
        or not np.isclose(small.weights_sum, large.weights_sum, rtol=1e-9),
        "they have as many coefficients; none holds the other": small.df_residual == large.df_residual,
    }
    for reason, holds in reasons.items():
        if holds:
            raise _refused(reason)


def _of_others(one: Model, two: Model) -> str:
    return (
        f"they are models of {one.response} ({one.family.name}, {one.link.name}) and of {two.response} "
        f"({two.family.name}, {two.link.name})"
    )


def _even(link: Link) -> bool:
    """h(-eta) = 1 - h(eta): may either of two classes be the failure?"""
    eta = np.array([0.3, 1.0, 2.5])
    with np.errstate(all="ignore"):
        return np.allclose(link.inverse(eta) + link.inverse(-eta), 1.0, rtol=1e-9, atol=0.0)


def _inside(small: "Fit", large: "Fit", data: Any) -> bool:
    """Does one model hold the other? By their rows, those of `data` where a fit has none; else by what both remember.

    ExpfamError where rows, responses, weights or offsets are not the same.
    """
    named = set(small.names) <= set(large.names)
    if data is None and (small.source is None or large.source is None):
        if small.model.modelled_column != large.model.modelled_column:
            raise _refused(_of_others(small.model, large.model))
        if _null_differs(small, large):
            raise _refused(
                f"their null deviances are {small.null_deviance:.10g} and {large.null_deviance:.10g}: they were fitted "
                "with different responses, weights or offsets"
            )
        return named
    one, two = (fit._prepared(data if fit.source is None else None) for fit in (small, large))
    for fit, prepared in ((small, one), (large, two)):
        check_rows(fit, prepared)
    _same_rows(one, two)
    return (named and _as_named(one, two)) or inside(one, two)


def _null_differs(small: "Fit", large: "Fit") -> bool:
    """Have models with an intercept another null deviance, so that the rows of one cannot be those of the other?"""
    one, two = small.null_deviance, large.null_deviance
    streamed = any(fit.certificate.streamed for fit in (small, large))  # too roughly
    alike = _law(small) == _law(large) and all("Intercept" in fit.names for fit in (small, large))
    return alike and not streamed and bool(np.isfinite([one, two]).all() and not np.isclose(one, two, rtol=1e-6))


def _same_rows(small: Prepared, large: Prepared) -> None:
    """ExpfamError where rows, responses, weights or offsets are not the same."""
    one, two = small.data, _referred(large, small.model)
    here, there = (np.arange(p.given) if p.places is None else p.places for p in (small, large))
    same = np.array_equal(one.y, two.y)
    if not same and small.model.modelled_column != large.model.modelled_column:
        raise _refused(_of_others(small.model, large.model))
    if not (same and np.array_equal(here, there) and np.array_equal(one.weight, two.weight)):
        raise _refused(
            "they were fitted on different rows, responses or weights; fit both on the rows that are complete in both"
        )
    left, right = (np.zeros(1) if data.offset is None else data.offset for data in (one, two))
    if not np.allclose(left, right, rtol=1e-9, atol=1e-9):
        raise _refused("they were fitted with different offsets or exposures; fit both with the same")


def _referred(prepared: Prepared, model: Model) -> Data:
    """The rows with classes in the order that another model has, its reference last: codes and offsets follow it."""
    data, own, asked = prepared.data, prepared.model.outcomes, model.outcomes
    if own == asked:
        return data
    if not model.family.vector:
        return replace(data, y=1.0 - data.y, offset=None if data.offset is None else -data.offset)
    place = [own.index(label) for label in asked]
    y = np.argsort(place)[data.y.astype(np.intp)].astype(np.float64)
    if data.offset is None:
        return replace(data, y=y)
    every = np.column_stack([data.offset, np.zeros(data.n)])[:, place]
    return replace(data, y=y, offset=every[:, :-1] - every[:, -1:])


def _as_named(small: Prepared, large: Prepared) -> bool:
    """Are columns of the same name the same? A random combination of them tells, almost surely."""
    X, Z = small.data.design, large.data.design
    theta = dict(zip(X.names, np.random.default_rng(0).normal(size=X.p), strict=True))
    z = X.forward(X.maps.forward(np.array(list(theta.values()))))
    left = z - Z.forward(Z.maps.forward(np.array([theta.get(name, 0.0) for name in Z.names])))
    return float(np.linalg.norm(left)) <= 1e-9 * float(np.linalg.norm(z))


def inside(small: Prepared, large: Prepared) -> bool:
    """Is every column of one design a combination of the other's? A random combination of them is, almost surely."""
    X, Z = small.data.design, large.data.design
    rng = np.random.default_rng(0)
    z = X.forward(X.maps.forward(rng.normal(size=X.p)))
    gram = Z.maps.congruence(Z.gram(np.ones(Z.n)))
    scale = np.sqrt(np.maximum(np.diagonal(gram), np.finfo(float).tiny))
    theta = np.linalg.lstsq(gram / np.outer(scale, scale), Z.maps.adjoint(Z.adjoint(z)) / scale, rcond=1e-12)[0] / scale
    left = z - Z.forward(Z.maps.forward(theta))
    return float(np.linalg.norm(left)) <= 1e-6 * float(np.linalg.norm(z))
