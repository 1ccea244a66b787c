"""Which terms matter, and which model? Analyses of deviance, terms dropped. The functions are methods of `Fit`."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from expfam._typing import AnyArray, FloatArray
from expfam.data.answer import frame_like
from expfam.data.names import some
from expfam.errors import ExpfamError, one_of
from expfam.inference import anova as terms
from expfam.inference.anova import Step
from expfam.inference.hypotheses import wald
from expfam.inference.optimum import Optimum
from expfam.inference.reduction import unpenalised
from expfam.inference.tails import Yardstick, chi_squared
from expfam.inference.vcov import trusts_variance
from expfam.nuisance.dispersion import Asked, dispersion

if TYPE_CHECKING:
    from expfam.fit import Fit

TESTS = ("lrt", "f", "rao", "wald")
Table = dict[str, Any]


def anova(fit: "Fit", *others: "Fit", type: int = 1, test: str | None = None, data: Any = None) -> Any:
    """How much deviance does each term explain? One row a term, or a model where `others` are given.

    type   1: terms in the order of the formula, each after those before it; 2: each after all terms that do not
           contain it; 3: each after all others, in the coding the fit has. R's anova, and Anova of its package car
    test   "lrt": 2 (loss without - loss with) / phi against chi-squared; "f": that per degree of freedom against F
           (the default where phi is estimated); "rao": the score test; "wald" (type 3): b' V^-1 b with the covariance
           that the fit carries, against chi-squared, or per degree of freedom against F
    data   the rows, where a loaded or detached fit has none

    Columns: term (model), df, deviance explained, statistic, p_value, and after each row of type 1 df_residual and
    residual_deviance. Other fits must be nested and of the same rows and offsets, or they are refused; phi is the
    largest model's, but where each fit estimated its theta or power, deviance is the fall of -2 log-likelihood, which
    holds phi already: chi-squared by default.
    """
    if others:
        from expfam.fit.nested import models

        return frame_like(fit.kind, models((fit, *others), test, data))
    if type not in (1, 2, 3):
        raise ExpfamError(f"type={type!r} is not allowed; choose 1 (in order), 2 (marginal) or 3 (each after all)")
    chosen = test_of(fit, test, wald_too=type == 3)
    if chosen == "wald":
        return frame_like(fit.kind, _wald(fit))
    here = fit.at_rows(data)
    steps = {1: terms.sequential, 2: terms.marginal, 3: terms.partial}[type](here)
    table: Table = {
        "term": [s.term for s in steps],
        "df": np.array([s.df for s in steps], dtype=float),
        "deviance": np.array([s.deviance for s in steps]),
    } | judged(fit, steps, chosen)
    return frame_like(fit.kind, _residuals(fit, here, steps, table) if type == 1 else table)


def drop1(fit: "Fit", *, test: str | None = None, data: Any = None) -> Any:
    """What is lost by leaving out one term? One row a term that no other contains, after that of the whole model.

    Columns: term, df, deviance and aic of the model without it, statistic, p_value; `test` as for `anova`. "lrt" of a
    Gaussian fit of unknown variance is n log(deviance / deviance), and the AIC is counted from it, as in R's drop1.
    """
    chosen = test_of(fit, test, wald_too=False)
    here = fit.at_rows(data)
    steps = terms.single(here)
    return frame_like(fit.kind, changes(fit, here, steps, chosen, added=False))


def changes(fit: "Fit", here: Optimum, steps: Sequence[Step], test: str, *, added: bool) -> Table:
    """The fit, and below it each model that has a term less, or more where `added`: R's drop1 and add1."""
    models = [s.whole if added else s.without for s in steps]
    lost = terms.fallen(here, [model.half for model in models], yardstick(fit))
    df, more = np.array([s.df for s in steps], dtype=float), 1 if added else -1
    aic = fit.aic if np.isfinite(fit.aic) else np.nan  # infinite where a fit meets every response
    table: Table = {
        "term": [s.term for s in steps],
        "df": df,
        "deviance": np.array([2 * model.half for model in models]),
        "aic": aic + lost + more * 2 * df,
    } | (_enlarged(fit, here, steps) if added and test == "f" else judged(fit, steps, test))
    if test == "lrt":
        statistic = np.maximum(-more * lost, 0.0)
        table |= {"statistic": statistic, "p_value": chi_squared(statistic, df)}
    return first(table, {"term": "<none>", "deviance": fit.deviance, "aic": aic})


def judged(fit: "Fit", steps: Sequence[Step], test: str) -> Table:
    """statistic and p_value of every step."""
    df = np.array([s.df for s in steps], dtype=float)
    fallen = np.array([s.deviance for s in steps])
    if test == "rao":
        fallen = np.array([s.score for s in steps])
    return yardstick(fit).judged(fallen, df, test)


def yardstick(fit: "Fit") -> Yardstick:
    """What falls of deviances to the fit are measured by."""
    return Yardstick(fit.dispersion, np.inf if fit.df_reference is None else fit.df_residual)


def _enlarged(fit: "Fit", here: Optimum, steps: Sequence[Step]) -> Table:
    """F of terms added to a fit: per degree of freedom and phi of the model with the term, the larger one."""
    df, fallen = (np.array([getattr(s, what) for s in steps], dtype=float) for what in ("df", "deviance"))
    if yardstick(fit).known:
        return yardstick(fit).judged(fallen, df, "f")
    left, ask = fit.df_residual - df, Asked(fit.statistics.dispersion_kind)
    phi = [
        dispersion(ask, here.prepared, s.objective, s.whole.theta, 2 * s.whole.half, free).phi
        for s, free in zip(steps, left, strict=True)
    ]
    return Yardstick(np.array(phi), left).judged(fallen, df, "f")


def test_of(fit: "Fit", test: str | None, *, wald_too: bool) -> str:
    """The test asked for, or the one that fits: LR where phi is known, else F; refused where it would not hold."""
    one_of("test", test, (None, *TESTS))
    sampled = fit.model.weights_kind == "sampling"
    own = sampled or not trusts_variance(fit.vcov_kind)
    if sampled and (test not in (None, "wald") or not wald_too):
        raise ExpfamError("sampling weights have no likelihood to compare: take anova(type=3, test='wald')")
    if test == "wald" and not wald_too:
        raise ExpfamError("test='wald' judges each term beside all others: take anova(type=3, test='wald')")
    if test is None and not wald_too:
        check_trusted(fit, "take anova(type=3, test='wald'), or name test='lrt' or test='f' to leave it aside")
    if (test == "wald") or (test is None and own):
        return "wald"
    unpenalised(fit.model)
    return test or ("lrt" if fit.df_reference is None else "f")


def check_trusted(fit: "Fit", remedy: str) -> None:
    """ExpfamError where the fit carries another covariance than that which falls of deviances go with."""
    if not trusts_variance(fit.vcov_kind):
        raise ExpfamError(f"the fit carries a covariance that deviances know nothing of ({fit.vcov_kind}): {remedy}")


def first(table: Table, row: Mapping[str, Any]) -> Table:
    """The table with a row before its first, NaN where that says nothing."""
    return {name: [row.get(name, np.nan), *values] for name, values in table.items()}


def _residuals(fit: "Fit", here: Optimum, steps: Sequence[Step], table: Table) -> Table:
    """The table of type 1 with what is left after each term, the null model first."""
    models = [steps[0].without if steps else terms.whole(here), *(s.whole for s in steps)]
    free, left = (np.array([getattr(model, what) for model in models]) for what in ("free", "half"))
    started = first(table, {"term": "NULL"})
    tests = {name: started.pop(name) for name in ("statistic", "p_value")}
    return started | {"df_residual": fit.df_residual + free[-1] - free, "residual_deviance": 2 * left} | tests


def _wald(fit: "Fit") -> Table:
    """b' V^-1 b of every term, from the fit alone."""
    blocks = [block for block in fit.model.terms.blocks if not block.is_intercept]
    tests = [wald(fit, _told(fit, np.arange(*b.columns.indices(len(fit.names))))) for b in blocks]
    return {
        "term": [block.label for block in blocks],
        "df": np.array([t.df for t in tests], dtype=float),
        "statistic": np.array([t.statistic for t in tests]),
        "p_value": np.array([t.p_value for t in tests]),
    }


def _told(fit: "Fit", columns: AnyArray) -> FloatArray:
    """What the rows tell of the coefficients of a term beside all others, for all classes, as equations (m, p d)."""
    if fit.unknown is None and not fit.kept.all():
        raise ExpfamError(
            f"columns were left out of the fit ({some(fit.certificate.aliased)}), and it does not know of which terms "
            "they are combinations. Its file is of an earlier version: fit again"
        )
    own = np.eye(len(fit.names))[columns] if fit.unknown is None else fit.unknown.told(columns)
    return np.asarray(np.kron(np.eye(fit.estimate.size // len(fit.names)), own), dtype=np.float64)
