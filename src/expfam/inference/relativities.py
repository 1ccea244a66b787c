"""How much more does each level pay? exp of the effect of every level, and how many rows stand behind it."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from expfam._typing import AnyArray, FloatArray, IntArray
from expfam.errors import ExpfamError
from expfam.formula import coding
from expfam.information import Covariance
from expfam.matrix import MatrixTerms
from expfam.model import Model, Prepared
from expfam.parallel import ordered_map, slices
from expfam.source import RowSet, Terms
from expfam.terms import FormulaTerms

CANONICAL = {
    "poisson": "log", "quasipoisson": "log", "bernoulli": "logit", "binomial": "logit", "quasibinomial": "logit",
    "categorical": "softmax",
}  # fmt: skip
COLUMNS = {"log": "relativity", "logit": "odds_ratio", "softmax": "odds_ratio"}


@dataclass(frozen=True, slots=True, eq=False)
class Levels:
    """One term, the `place`-th: the labels of its raw columns, its coefficients, the contrast that takes these to those
    (see `design.Columns`), and what its labels are compared with:

    "reference"  the level whose effect is 0
    "average"    the mean effect of all levels, as of sum and Helmert contrasts
    "slope"      the same row with one less of `number`, which has an effect of its own at each level
    "others"     what the other terms say: every level has a coefficient beside an intercept
    "nothing"    the term stands for the intercept, its levels are means
    """

    term: str
    place: int
    labels: tuple[str, ...]
    columns: slice
    contrast: AnyArray | None
    against: str = "slope"
    number: str = ""

    def effects(self, theta: FloatArray) -> FloatArray:
        """C theta, (labels, d): what each adds to eta; 0 for a reference level."""
        part = theta[self.columns]
        if self.contrast is None:
            return part
        if self.contrast.ndim == 2:
            return np.asarray(self.contrast @ part)
        out = np.zeros((len(self.labels), theta.shape[1]))
        out[self.contrast] = part
        return out

    def errors(self, vcov: Covariance, se: FloatArray) -> FloatArray:
        """The standard errors of the effects, (labels, d); se (p, d) are those of theta."""
        if self.contrast is None or self.contrast.ndim == 1:
            return self.effects(se)
        p, d = se.shape
        gradients = np.zeros((d, len(self.labels), d, p))
        for a in range(d):
            gradients[a, :, a, self.columns] = self.contrast
        variance = vcov.of(gradients.reshape(-1, d * p)).reshape(d, -1).T
        lost = np.isnan(se[self.columns])
        return np.asarray(np.where(np.abs(self.contrast) @ lost > 0, np.nan, np.sqrt(variance)))


def link_name(model: Model) -> str:
    """The link's name, a canonical one's by what it is: log, logit, softmax."""
    return CANONICAL.get(model.family.name, "canonical") if model.link.name == "canonical" else model.link.name


def column(model: Model) -> str:
    """What exp of a coefficient is called; ExpfamError for links where it is nothing."""
    name = link_name(model)
    if name not in COLUMNS:
        raise ExpfamError(
            f"relativities are factors on the mean or on its odds; with the {model.link.name} link effects do neither. "
            "Take link='log', or marginal_effects() for changes of the mean"
        )
    return COLUMNS[name]


def levels(terms: Terms) -> tuple[Levels, ...]:
    """The terms and their levels, in the order of the formula; without those of a basis, splines and polynomials, whose
    columns are no quantities that could be one more. ExpfamError where no other is there."""
    if isinstance(terms, MatrixTerms):
        return tuple(Levels(block.label, k, ("",), block.columns, None) for k, block in enumerate(terms.blocks))
    assert isinstance(terms, FormulaTerms)
    variables, found, based = terms.schema.variables, [], any(block.is_intercept for block in terms.blocks)
    for k, (block, term) in enumerate(zip(terms.blocks, terms.schema.terms, strict=True)):
        if any(variables[name].width is not None for name in term.variables):
            continue
        labels, contrast = coding.cells(term, variables)
        number = ":".join(name for name in term.variables if not variables[name].levels)
        against = _against(len(labels), contrast, number, based)
        based |= against == "nothing"
        found.append(Levels(block.label, k, labels, block.columns, contrast, against, number))
    if len(found) < len(terms.blocks) and all(terms.blocks[part.place].is_intercept for part in found):
        raise ExpfamError(
            "the model has only splines or polynomials: no effect of theirs is one factor; marginal_effects() and "
            "plot.effects() show how the mean runs"
        )
    return tuple(found)


def _against(count: int, contrast: AnyArray | None, number: str, based: bool) -> str:
    """What `count` labels are compared with; `based`: some term before stands for the intercept, or is it."""
    if contrast is not None and (contrast.ndim == 2 or len(contrast) < count):
        return "average" if contrast.ndim == 2 and contrast.any(axis=1).all() else "reference"
    return "slope" if number else "others" if based else "nothing"


@dataclass(frozen=True, slots=True, eq=False)
class Experience:
    """Sums over the rows of every level of a term: exposure, what they stand for (`Prepared.size`), rows, (labels,),
    observed and fitted, (labels, d); `whole` is the exposure of all rows."""

    whole: float
    exposure: FloatArray
    rows: FloatArray
    observed: FloatArray
    fitted: FloatArray


def experience(prepared: Prepared, theta: FloatArray, rows: RowSet, terms: tuple[Levels, ...]) -> list[Experience]:
    """What stands behind each level; theta (p, d)."""
    model, data = prepared.model, prepared.data
    counted = _counted(prepared.places, rows)
    raw = data.design.maps.forward(theta)
    frequency = np.ones(data.n) if prepared.frequency is None else prepared.frequency
    d = theta.shape[1]
    fitted = np.empty((d, data.n))
    for at in slices(data.n):
        eta = data.design.take(at).forward(raw)
        eta = eta if data.offset is None else eta + data.offset[at].reshape(len(eta), -1)
        mean = model.link.inverse(eta if model.family.vector else eta[:, 0])
        fitted[:, at] = data.weight[at] * mean.reshape(len(eta), d).T
    observed = (data.weight * model.family.T(data.y).T).reshape(d, -1)
    columns = [prepared.size, frequency, *observed, *fitted]
    whole = np.array([column.sum() for column in columns])
    coded = [rows.columns[part.place] if part.place < len(rows.columns) else None for part in terms]
    here = [None if part is None or part.codes is None else part.codes[counted] for part in coded]
    levels = [0 if part is None else part.levels for part in coded]
    tasks = list(zip(terms, here, levels, strict=True))
    return ordered_map(lambda task: _summed(*task, columns, whole, d), tasks)


def _summed(
    part: Levels, codes: AnyArray | None, count: int, columns: Sequence[FloatArray], whole: FloatArray, d: int
) -> Experience:
    """Each level's sums of the columns; a number has those of all rows, a level times a number those of its level."""
    if codes is None:
        found = np.tile(whole, (len(part.labels), 1))
    else:
        places = codes.astype(np.intp)
        table = np.stack([np.bincount(places, column, count) for column in columns], axis=1)
        found = np.tile(table, (len(part.labels) // count, 1))
    return Experience(float(whole[0]), found[:, 0], found[:, 1], found[:, 2 : 2 + d], found[:, 2 + d :])


def _counted(places: AnyArray | None, rows: RowSet) -> slice | IntArray:
    """Which of the rows were counted: those of positive weight."""
    if places is None:
        return slice(None)
    return places if rows.kept is None else np.searchsorted(np.flatnonzero(rows.kept), places)
