"""What is fitted, free of any rows: family, link, terms, penalty, and the rules for weights and missing values."""

from collections.abc import Collection
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from expfam._typing import AnyArray, FloatArray
from expfam.data.column import Kind
from expfam.design import assemble
from expfam.errors import ExpfamError, ResponseError, SchemaError
from expfam.families import Bernoulli, ExponentialFamily
from expfam.families._special import AT_ONCE
from expfam.links import Link, Logit
from expfam.objective import Data
from expfam.parallel import is_ones, meanwhile, ordered_map, repeated, slices
from expfam.penalties import Penalty
from expfam.source import RowSet, Terms, check_vectors, whole
from expfam.target import TWO, Target, check_interior, check_weighed, known, target

CHOICES = {
    "weights_kind": ("precision", "frequency", "sampling"),
    "missing": ("drop", "error"),
    "aliased": ("drop", "error"),
    "aggregate": ("auto", "always", "never"),
    "unseen": ("error", "reference", "missing"),
}


@dataclass(frozen=True, slots=True, eq=False)
class Model:
    """Family, link, terms and penalty.

    `classes` are the response's labels (two-class: failure first; else reference last), None for numbers; `supplied`
    the row vectors that came as arrays at the fit, which other data does not have; `bias` is what adjusted scores
    reduce, "mean" or "median", None for maximum likelihood; `label_kind` is what the labels were, None where no row has
    come and in files of before it was kept.
    """

    family: ExponentialFamily
    link: Link
    terms: Terms
    penalty: Penalty
    response: str
    classes: tuple[str, ...] | None
    weights_kind: str
    missing: str
    unseen: str
    supplied: tuple[str, ...]
    bias: str | None = None
    label_kind: Kind | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """Coefficient names of one class."""
        return self.terms.names

    @property
    def moving(self) -> tuple[str, ...]:
        """Those of `supplied` that move a mean and must come again for a prediction."""
        return tuple(name for name in self.supplied if name in ("offset", "exposure"))

    @property
    def modelled(self) -> tuple[str, ...]:
        """The classes that have a column of coefficients: all but the reference; () for scalar families."""
        return self.classes[:-1] if self.family.vector and self.classes else ()

    @property
    def outcomes(self) -> tuple[str, ...]:
        """The labels of the response, "0" and "1" of numbers that a family of two classes has; () of other numbers."""
        return self.classes or (("0", "1") if isinstance(self.family, TWO) else ())

    @property
    def reference(self) -> str | None:
        """The label that the others are against: the failure of two, else the last; None for numbers."""
        return self.outcomes[-1 if self.family.vector else 0] if self.outcomes else None

    @property
    def modelled_column(self) -> str:
        """What the response is of, however its classes were named: y of C(y, ref=1)."""
        return self.terms.column(self.response)

    @property
    def flat_names(self) -> tuple[str, ...]:
        """One name a number in the order of the information: `class:name` for vector families."""
        if not self.modelled:
            return self.names
        return tuple(f"{label}:{name}" for label in self.modelled for name in self.names)

    def check_one_line(self, what: str) -> None:
        """ExpfamError where a row has several linear predictors, and `what` needs one."""
        if (d := len(self.modelled)) > 1:
            raise ExpfamError(
                f"{what} needs one linear predictor, and a response of several classes has more ({self.response} {d}): "
                "fit the classes of interest one against another"
            )


@dataclass(frozen=True, slots=True, eq=False)
class Prepared:
    """Rows ready for an objective: Data without zero weights, and the frequency (n,) of each row (None: one each).

    `places` (n,) are the rows' numbers in the data, None for all of its `given` rows; `exposure` (n,) that of a single
    row, None where the model has none; `unit` is what rows are counted by (see `unit_of`).
    """

    model: Model
    data: Data
    frequency: FloatArray | None
    places: AnyArray | None
    given: int
    exposure: FloatArray | None = None
    unit: str = "rows"

    @property
    def size(self) -> FloatArray:
        """What each row stands for, (n,): its weight, trials and frequency in it, times its exposure."""
        weight, exposure = self.data.weight, self.exposure
        return weight if exposure is None else exposure if is_ones(weight) else weight * exposure

    @property
    def n(self) -> int:
        """How many observations the rows stand for."""
        return self.data.n if self.frequency is None else int(self.frequency.sum())

    def placed(self, values: FloatArray) -> FloatArray:
        """Values of the rows, (n, ...), at their places in the data; NaN where a row was left out."""
        if self.places is None:
            return values
        out = np.full((self.given, *values.shape[1:]), np.nan)
        out[self.places] = values
        return out

    def of_class(self, k: int, rest: str, offset: FloatArray | None) -> "Prepared":
        """The rows of a response of classes as those of two: class k, the success, against the `rest`."""
        model, data = self.model, self.data
        assert model.classes is not None
        model = replace(model, family=Bernoulli(), link=Logit(), classes=(rest, model.classes[k]))
        y = (data.y == k).astype(np.float64)
        return replace(self, model=model, data=replace(data, y=y, conjugate=np.zeros_like(y), offset=offset))

    @property
    def precision(self) -> FloatArray:
        """The weight inside the density (3): w times trials, without the frequency."""
        return self.data.weight if self.frequency is None else self.data.weight / self.frequency


def choice(name: str, value: str) -> str:
    """The value, if it is one of the allowed ones."""
    if value not in CHOICES[name]:
        raise SchemaError(f"{name}={value!r} is not allowed; choose one of {', '.join(map(repr, CHOICES[name]))}")
    return value


def prepare(model: Model, rows: RowSet) -> Prepared:
    """Check the row vectors and the response, bind the family to its classes, and lay out the design."""
    assert rows.response is not None
    found = _laid_out(model, rows, target(model.family, rows.response, model.classes is not None))
    bound, data = found.model, found.data
    if bound.family.vector and bound.classes is not None:
        check_weighed(bound.classes, data.y, data.weight, bound.response)
    check_interior(bound.family, data.y, data.weight, bound.response)
    return found


def prepare_fresh(model: Model, rows: RowSet) -> Prepared:
    """The same for rows that a fitted model is held against: classes may be missing, all responses may be extreme."""
    raw = rows.response
    assert raw is not None
    goal = known(model.family, model.classes, raw, "leave such rows out, or fit anew with some of them")
    if goal.classes != model.classes:
        raise ResponseError(
            f"{raw.name} holds the classes {goal.classes}, the model knows {model.classes}: name them as at the fit"
        )
    return _laid_out(model, rows, goal)


def _laid_out(model: Model, rows: RowSet, goal: Target) -> Prepared:
    check_meaning(model.family, model.link, rows.vectors)
    check_vectors(rows)
    assert rows.response is not None
    weights = rows.vectors.get("weights")
    frequency = None
    if weights is not None and model.weights_kind == "frequency":
        frequency = whole(weights, rows)
    trials = trials_of(goal, rows)
    weight = repeated(1.0, rows.n)  # n times the same number, until a factor tells them apart
    for factor in (weights, trials):
        weight = weight if factor is None else weight * factor
    if not weight.any():
        raise SchemaError("no row has a positive weight; at least one must count")
    bound = replace(
        model, family=goal.family, classes=goal.classes, response=rows.response.name, label_kind=goal.label_kind
    )
    conjugate = meanwhile(partial(_conjugate, goal), rows.n)
    design = assemble(rows.columns, rows.n, pairs=_pairs(goal))
    data = Data(design, goal.y, conjugate(), weight, offset_of(bound, rows))
    exposure = rows.vectors.get("exposure")
    places = None if rows.kept is None else np.flatnonzero(rows.kept)
    if not (is_ones(weight) or (counted := weight > 0).all()):
        data = data.take(np.flatnonzero(counted))
        frequency = None if frequency is None else frequency[counted]
        exposure = None if exposure is None else exposure[counted]
        places = np.flatnonzero(counted) if places is None else places[counted]
    unit = unit_of(model, (*rows.vectors, *(() if trials is None else ("trials",))))
    return Prepared(bound, data, frequency, places, rows.n if rows.kept is None else len(rows.kept), exposure, unit)


def unit_of(model: Model, given: Collection[str]) -> str:
    """What rows with such row vectors are counted by: exposure, else trials, else weight, else rows.

    Exposure and trials are those of a row times its weight; a frequency says how many rows a row is.
    """
    weighed = "weights" in given and model.weights_kind != "frequency"
    return next((name for name in ("exposure", "trials") if name in given), "weight" if weighed else "rows")


def _conjugate(goal: Target) -> FloatArray:
    """a*(T(y)) of every row, (n,), shared by the threads."""
    out = np.empty(len(goal.y))

    def part(rows: slice) -> None:
        out[rows] = goal.family.conjugate(goal.family.T(goal.y[rows]))

    ordered_map(part, slices(len(out), AT_ONCE))
    return out


def _pairs(goal: Target) -> int:
    """How many curvatures a row has: one for every pair of the components of its T(y)."""
    d = goal.family.T(goal.y[:1]).size
    return d * (d + 1) // 2


def check_meaning(family: ExponentialFamily, link: Link, given: Collection[str]) -> None:
    """SchemaError where the family or the link gives a row vector no meaning, whatever its numbers are."""
    if "trials" in given and family.name not in ("binomial", "quasibinomial"):
        raise SchemaError(f"trials= belongs to the binomial family, not to {family.name}; use family='binomial'")
    if "exposure" in given and link.name != "log":
        raise SchemaError(
            f"exposure= means offset=log(exposure) and needs the log link, not {link.name}: only there it multiplies "
            "the mean. Use offset=, or weights="
        )


def trials_of(goal: Target, rows: RowSet) -> FloatArray | None:
    """The trials of the response or of `trials=`, None where there are none."""
    given = rows.vectors.get("trials")
    if given is None:
        return goal.trials
    if goal.trials is not None:
        raise SchemaError("trials are given twice: by cbind(successes, failures) and by trials=; leave one out")
    return given


def offset_of(model: Model, rows: RowSet) -> FloatArray | None:
    """offset + log(exposure), (n,) or None; refused where the link gives it no meaning."""
    offset, exposure = rows.vectors.get("offset"), rows.vectors.get("exposure")
    if exposure is not None:
        check_meaning(model.family, model.link, ("exposure",))
        offset = np.log(exposure) + (0.0 if offset is None else offset)
    if offset is not None and model.family.vector:
        d = len(model.modelled)
        if offset.shape != (rows.n, d):
            raise SchemaError(
                f"the offset has shape {offset.shape}; the {model.family.name} family needs a column for each class "
                f"but the last, an array of shape ({rows.n}, {d}). Give one, or leave the offset out"
            )
    elif offset is not None and offset.ndim != 1:
        raise SchemaError(f"offset has shape {offset.shape}; give one number a row")
    return offset
