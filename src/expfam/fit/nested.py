"""Is a larger model worth its coefficients? Likelihood ratio and F tests between fits of the same rows."""

from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from expfam.errors import ExpfamError, one_of
from expfam.fit.comparisons import yardstick
from expfam.model import Prepared
from expfam.penalties import NoPenalty

if TYPE_CHECKING:
    from expfam.fit import Fit


def models(fits: Sequence["Fit"], test: str | None) -> dict[str, Any]:
    """One row a fit, the smallest first: model, df_residual, residual_deviance, df, deviance, statistic, p_value.

    "lrt": the fall of the deviance / phi against chi-squared, of -2 log-likelihood where families have parameters of
    their own; "f": per degree of freedom against F. phi and its degrees of freedom are the largest model's.
    """
    one_of("test", test, (None, "lrt", "f"))
    strange = next((type(fit).__name__ for fit in fits if not hasattr(fit, "certificate")), None)
    if strange is not None:
        raise ExpfamError(f"anova() compares with other fits, and a {strange} is none; the type goes by name: type=3")
    ordered = sorted(fits, key=lambda fit: -fit.df_residual)
    for small, large in pairwise(ordered):
        _comparable(small, large)
    largest = ordered[-1]
    chosen = test or ("lrt" if largest.df_reference is None else "f")
    df = -np.diff([fit.df_residual for fit in ordered])
    fallen = -np.diff([fit.deviance for fit in ordered])
    if any(fit.model.family != largest.model.family for fit in ordered):
        fallen = 2 * np.diff([fit.loglik for fit in ordered])
    columns = {"df": df, "deviance": fallen} | yardstick(largest).judged(fallen, df, chosen)
    return {
        "model": [fit.model.terms.title for fit in ordered],
        "df_residual": [fit.df_residual for fit in ordered],
        "residual_deviance": [fit.deviance for fit in ordered],
        **{name: np.concatenate([[np.nan], values]) for name, values in columns.items()},
    }


def _comparable(small: "Fit", large: "Fit") -> None:
    """ExpfamError with the reason, unless the likelihoods of both may be compared and one model holds the other."""
    one, two = small.model, large.model
    same = one.family.name == two.family.name and one.link == two.link and one.response == two.response
    reasons = {
        f"they are models of {one.response} ({one.family.name}, {one.link.name}) and of {two.response} "
        f"({two.family.name}, {two.link.name})": not same,
        f"they were fitted on different rows: {small.n:,} of weight {small.weights_sum:g}, {large.n:,} of weight "
        f"{large.weights_sum:g}; fit both on the rows that are complete in both": small.n != large.n
        or not np.isclose(small.weights_sum, large.weights_sum, rtol=1e-9),
        "sampling weights have no likelihood; use wald_test": "sampling" in (one.weights_kind, two.weights_kind),
        f"bias={(one.bias or two.bias)!r} is no maximum likelihood; use wald_test": bool(one.bias or two.bias),
        "a penalised fit has no known distribution of deviances": not (
            isinstance(one.penalty, NoPenalty) and isinstance(two.penalty, NoPenalty)
        ),
        "they have as many coefficients; none holds the other": small.df_residual == large.df_residual,
    }
    for reason, holds in reasons.items():
        if holds:
            raise ExpfamError(f"these fits cannot be compared by a likelihood ratio: {reason}")
    if small.source is None or large.source is None:
        inside = set(small.names) <= set(large.names)
    else:
        inside = _same_rows(small._prepared(None), large._prepared(None), set(small.names) <= set(large.names))
    if not inside or small.deviance < large.deviance * (1 - 1e-9):
        raise ExpfamError(
            f"these fits cannot be compared by a likelihood ratio: {one.terms.title!r} is no special case of "
            f"{two.terms.title!r}; compare their AIC"
        )


def _same_rows(small: Prepared, large: Prepared, named: bool) -> bool:
    """Is the smaller design inside the larger one? ExpfamError where the rows are not the same."""
    one, two = small.data, large.data
    here, there = (np.arange(p.given) if p.places is None else p.places for p in (small, large))
    if not (np.array_equal(here, there) and np.array_equal(one.y, two.y) and np.array_equal(one.weight, two.weight)):
        raise ExpfamError(
            "these fits cannot be compared by a likelihood ratio: they were fitted on different rows, responses or "
            "weights; fit both on the rows that are complete in both"
        )
    return named or inside(small, large)


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
