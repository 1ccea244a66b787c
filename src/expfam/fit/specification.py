"""Are link, forms and distribution right, and can the terms be told apart? The functions are methods of `Fit`."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from expfam.data.answer import frame_like
from expfam.data.names import nearest
from expfam.diagnostics import partial, specification, uniformity
from expfam.diagnostics.collinearity import Collinearity, collinearity
from expfam.diagnostics.judged import Judged, judged
from expfam.errors import ExpfamError
from expfam.inference.optimum import Optimum

if TYPE_CHECKING:
    from expfam.fit import Fit


def vif(fit: "Fit", data: Any = None) -> Collinearity:
    """By how much do the other terms blow up the variance of a term? VIF, generalised for terms of several columns.

    term, df, gvif, and gvif^(1 / (2 df)), by how much intervals are longer for it: 2 is much, 3 very much. As car::vif.
    Infinite where a term follows from others, whichever of their columns was left out.
    From the covariance of the fit; where that is a sandwich the rows are read again, those of the fit or `data`.
    """
    return vif_of(fit, lambda: fit.at_rows(data))


def vif_of(fit: "Fit", here: Callable[[], Optimum]) -> Collinearity:
    """The same, from the rows read by `here` where the covariance of the fit does not do."""
    fit.model.check_one_line("vif()")
    own = fit.vcov_kind == "model" and fit.model.weights_kind != "sampling"
    at = None if own else here()
    vcov = fit.known_covariance() if at is None else at.original(at.factor.inverse())
    return collinearity(fit.model.terms.blocks, vcov.full(), fit.kept, fit.kind, fit.unknown)


def partial_residuals(fit: "Fit", term: str | None = None, data: Any = None) -> Any:
    """What would a term have to be, for its residuals to vanish? Working residuals plus what the term adds to eta.

    One column a term, a number a row of the data, NaN for rows left out; centred as R's residuals(type="partial").
    `term` asks for one; `data` are the rows, where a loaded or detached fit has none.
    """
    blocks = [block for block in fit.model.terms.blocks if not block.is_intercept]
    known = tuple(block.label for block in blocks)
    if term is not None:
        blocks = [block for block in blocks if block.label == term]
        if not blocks:
            raise ExpfamError(f"the model has no term {term!r}; {nearest(term, known, 'terms')}")
    found = partial.partial_residuals(fit.at_rows(data), blocks)
    columns = {block.label: found[:, k] for k, block in enumerate(blocks)}
    return frame_like(fit.kind, columns, fit._source(data).data)


def link_test(fit: "Fit", data: Any = None) -> specification.LinkTest:
    """Does eta^2 help? Then the link is wrong, or a term is missing or in the wrong form. Pregibon's test (1980).

    Rao's score test beside all terms, and the z of eta^2 in a refit to 1, eta, eta^2, as Stata's linktest. Not for
    penalised fits, bias reduction and sampling weights, which have no likelihood scores.
    """
    here = fit.at_rows(data)
    return specification.link_test(here, of_rows(fit, here))


def form_tests(fit: "Fit", data: Any = None) -> specification.FormTests:
    """Is each number linear on the scale of eta? Score tests of a restricted cubic spline and of the square of each.

    One row a term of one numeric column, beside all terms, with Holm's p values over the terms, and by how much the
    curve would move eta. Numbers of two values have no form; splines and polynomials are curves already.
    """
    return specification.form_tests(fit.at_rows(data), fit.dispersion, fit.kind)


def uniformity_test(fit: "Fit", seed: int = 0, data: Any = None) -> uniformity.UniformityTest:
    """Are the responses spread as the family says? Quantile residuals against the uniform: KS and Anderson-Darling.

    `seed` draws within the jumps of discrete distributions. Families without a distribution (quasi) are refused.
    """
    return uniformity.uniformity_test(fit.at_rows(data), fit.dispersion, fit.df_residual, seed)


def of_rows(fit: "Fit", here: Optimum) -> Judged:
    """The rows of the fit as validation sees them, from an optimum that has read them."""
    return judged(here, fit.dispersion, fit.kind)
