"""What would another formula give? Terms added, removed, tried one by one, chosen by a criterion: methods of `Fit`."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from time import perf_counter
from typing import Any

import numpy as np

from expfam._typing import FloatArray
from expfam.data.answer import frame_like
from expfam.data.table import read
from expfam.errors import ExpfamError, one_of
from expfam.families import ExponentialFamily
from expfam.fit import Fit
from expfam.fit.comparisons import changes, check_trusted, test_of, yardstick
from expfam.fitting import How, begin
from expfam.fitting import fit as fit_rows
from expfam.formula import algebra
from expfam.formula.expression import columns_of as columns_in
from expfam.formula.expression import parse
from expfam.formula.operands import dots_filled
from expfam.inference import anova as terms
from expfam.inference.anova import Step, columns_of
from expfam.inference.optimum import Optimum, refit, silent
from expfam.inference.reduction import unpenalised
from expfam.inference.vcov import Asked
from expfam.model import prepare
from expfam.nuisance import NUISANCE, OF_NUMBER, Free
from expfam.nuisance import Asked as Dispersion
from expfam.nuisance import free as free_of
from expfam.objective import Objective
from expfam.source import VECTORS, Block, RowSet, Source
from expfam.terms import FormulaTerms, learn_terms

MOST = 200  # turns of a search

Tell = Callable[[str], None]


def update(fit: Fit, formula: str, *, data: Any = None) -> Fit:
    """The fit of another formula, a dot standing for the fitted one's side: ". ~ . + log(x) - z". R's update.

    Family, link, weights, offset, penalty and the kind of dispersion stay, and a theta or power that was estimated is
    estimated again; the rows are the fit's, or `data`. The covariance is the model's. ExpfamError for other data where
    weights, offset, exposure or trials were given as arrays.
    """
    if data is not None and fit.model.supplied:
        name = fit.model.supplied[0]
        raise ExpfamError(
            f"the fit was given {name}= as an array, one number a row of its own data, which other data does not have. "
            f"Make it a column and fit anew: glm(..., {name}='name of the column')"
        )
    began, source = perf_counter(), fit._source(data)
    learned, rows = _learn(fit, formula, source)
    ask = Dispersion(fit.statistics.dispersion_kind, fit.dispersion)
    family, free = _numbers(fit, ask)
    how = How("auto", fit.certificate.tol, 100, "drop", "auto", 0, silent, Asked(), ask, free)
    return fit_rows(begin(replace(fit.model, terms=learned, family=family), rows, began), source, how)


def _numbers(fit: Fit, ask: Dispersion) -> tuple[ExponentialFamily, Free | None]:
    """The family to begin with, and what estimates its number where the fit estimated it, too."""
    for number in fit.nuisance:
        if number.name in OF_NUMBER:
            family, _ = NUISANCE[OF_NUMBER[number.name]]
            return family, free_of(family, fit.model.link, ask)
    return fit.model.family, None


def add1(fit: Fit, scope: str | Sequence[str], *, test: str | None = None, data: Any = None) -> Any:
    """What would one more term explain? One row a term of `scope`, "log(x) + a:b", after that of the fit as it is.

    Columns: term, df, deviance and aic of the model with it, statistic, p_value. `test`: "rao", the score test,
    "lrt" or "f", as for `anova`. A product is tried where its parts are in the model.
    """
    chosen, source = test_of(fit, test, wald_too=False), fit._source(data)
    here = fit.at_rows(data)
    steps = [_added(fit, term, source) for term in _candidates(fit, scope, source)]
    return frame_like(fit.kind, changes(fit, here, steps, chosen, added=True))


def step(
    fit: Fit,
    scope: str | Sequence[str] | None = None,
    *,
    direction: str = "both",
    criterion: str = "aic",
    data: Any = None,
    tell: Tell = print,
) -> Fit:
    """Which terms does the criterion keep? One term at a time is dropped or added while AIC (or BIC) falls. R's step.

    scope      terms that may be added, "log(x) + a:b"; None: those of the fit only, so that "both" is backward at first
    direction  "both", "backward", "forward"; criterion: "aic", "bic"
    tell       receives a line a turn

    Selection makes p values and intervals of the final fit too good: nothing here corrects them.
    """
    unpenalised(fit.model)
    one_of("direction", direction, ("both", "backward", "forward"))
    one_of("criterion", criterion, ("aic", "bic"))
    if np.isnan(fit.aic):
        raise ExpfamError(f"the {fit.model.family.name} family has no likelihood, so no {criterion.upper()}; see drop1")
    check_trusted(
        fit, "judge terms by anova(type=3, test='wald'), or take step of .with_vcov('model') to leave it aside"
    )
    pool = [block.label for block in fit.model.terms.blocks if not block.is_intercept]
    pool += [] if scope is None else [block.label for block in _new(fit, scope, fit._source(data))]
    price = 2.0 if criterion == "aic" else float(np.log(fit.n))
    now = fit
    for _ in range(MOST):
        moves = _moves(now, pool, direction, price, data)
        change, move = min(moves, key=lambda found: found[0], default=(0.0, ""))
        if not change < -1e-7:
            break
        tell(f"{move:<40} {criterion.upper()} {change:+.3f}")
        now = update(now, f". ~ . {move}", data=data)
    return now


def _moves(fit: Fit, pool: Sequence[str], direction: str, price: float, data: Any) -> list[tuple[float, str]]:
    """By how much the criterion changes with every term that may be dropped or added, and the change of the formula."""
    here, source, found = fit.at_rows(data), fit._source(data), []
    if direction != "forward":
        steps = terms.single(here)
        fallen = terms.fallen(here, [s.without.half for s in steps], yardstick(fit))
        found += [(float(loss - price * s.df), f"- {s.term}") for loss, s in zip(fallen, steps, strict=True)]
    if direction != "backward":
        known = {block.factors for block in fit.model.terms.blocks}
        new = [term for term in pool if frozenset(term.split(":")) not in known]
        steps = [_added(fit, term, source) for term in _candidates(fit, new, source)] if new else []
        gained = _gained(fit, here, steps)
        found += [(float(price * s.df - gain), f"+ {s.term}") for gain, s in zip(gained, steps, strict=True)]
    return found


def _gained(fit: Fit, here: Optimum, steps: Sequence[Step]) -> FloatArray:
    """By how much twice the log-likelihood rises with each added term, as `anova.fallen` counts it."""
    return -terms.fallen(here, [s.whole.half for s in steps], yardstick(fit))


def _new(fit: Fit, scope: str | Sequence[str], source: Source) -> list[Block]:
    """The terms of the scope that the fit has not."""
    text = scope if isinstance(scope, str) else " + ".join(scope)
    known = {block.factors for block in fit.model.terms.blocks}
    new = [block for block in _learn(fit, f". ~ . + {text}", source)[0].blocks if block.factors not in known]
    if not new:
        raise ExpfamError(f"the scope {text!r} has no term that the fit has not; name others, such as 'x + a:b'")
    return new


def _candidates(fit: Fit, scope: str | Sequence[str], source: Source) -> list[str]:
    """Those of them that are no products of others of them (marginality)."""
    new = _new(fit, scope, source)
    return [block.label for block in new if not any(other.factors < block.factors for other in new)]


def _added(fit: Fit, term: str, source: Source) -> Step:
    """The fit's model and that with one more term, both on the larger design."""
    learned, rows = _learn(fit, f". ~ . + {term}", source)
    prepared = prepare(replace(fit.model, terms=learned), rows)
    if prepared.n != fit.n:
        raise ExpfamError(
            f"{term!r} is missing in {fit.n - prepared.n:,} of the fit's {fit.n:,} rows: the models would be of "
            "different rows. Fill its values, or fit on the complete rows first"
        )
    model, data = prepared.model, prepared.data
    objective = Objective(model.family, model.link, model.penalty.bind(data.design.names), data)
    known = {block.factors for block in fit.model.terms.blocks}
    columns = columns_of(learned.blocks, [block.factors in known for block in learned.blocks], data.design.p)
    at = dict(zip(fit.names, fit.estimate, strict=True))
    near = np.array([at.get(name, np.zeros_like(fit.estimate[0])) for name in learned.names])
    small = refit(objective, columns, near)
    every = ~np.zeros_like(columns)
    return Step(term, small, refit(objective, every, small.theta), objective, every)


def _learn(fit: Fit, formula: str, source: Source) -> tuple[FormulaTerms, RowSet]:
    """The terms of a formula with dots, and its rows, read with the weights and offsets of the fit."""
    old = fit.model.terms
    if not isinstance(old, FormulaTerms):
        raise ExpfamError("a fit to a matrix has no formula to revise; fit again with other columns")
    request = old.schema.request
    if request.hash_bits is not None:
        raise ExpfamError(
            f"the levels of this fit are hashed (hash_bits={request.hash_bits}), as only a stream does; give the other "
            "formula to OnlineGLM and read the rows again"
        )
    left, right = (side.strip() for side in request.formula.split("~", 1))
    new = formula.split("~", 1)
    sides = (new[0].strip() or ".", new[1]) if len(new) == 2 else (".", new[0])
    whole = f"{dots_filled(sides[0], left)} ~ {dots_filled(sides[1], f'({right})')}"
    texts = {name: getattr(request, name) for name in VECTORS if getattr(request, name) is not None}
    return learn_terms(_simplified(whole, texts, source), texts, source, fit.model.missing, fit.model.weights_kind)


def _simplified(formula: str, texts: Mapping[str, str], source: Source) -> str:
    """The formula with its products and differences worked out, so that a term that was taken away leaves no trace."""
    columns = read(source.data, lambda names: names).names
    hidden = [name for text in texts.values() for name in columns_in(parse(text, columns))]
    found = algebra.read(formula, columns, hidden)
    written = [":".join(node.text for node in term) for term in found.terms if term]
    written += [f"offset({node.text})" for node in found.offsets]
    constant = [] if () in found.terms else ["0"]
    response = formula.split("~", 1)[0].strip()
    return f"{response} ~ {' + '.join([*constant, *written]) or '1'}"
