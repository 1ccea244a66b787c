"""From a response as written to y, its classes and its trials: the family learns how many classes it has here."""

from dataclasses import dataclass, replace

import numpy as np

from expfam._typing import AnyArray, FloatArray, IntArray
from expfam.data.column import Kind
from expfam.data.column import label as label_of
from expfam.data.numerals import is_numeral, strangers
from expfam.errors import ResponseError
from expfam.families import ExponentialFamily
from expfam.families._family import LEAST
from expfam.families._mean import mean_of
from expfam.families.bernoulli import Bernoulli
from expfam.families.binomial import Binomial
from expfam.families.categorical import Categorical
from expfam.families.quasi_binomial import QuasiBinomial

TWO = Bernoulli | Binomial | QuasiBinomial  # the families of two classes, or of shares of one


@dataclass(frozen=True, slots=True)
class RawResponse:
    """A response column: numbers (n,); or codes (n,) of sorted labels; or numbers with trials (successes, failures).

    `rows` (n,) are the places in the data as given, None where no row was left out; `label_kind` is what labels were;
    `reference` the label that is to be failure, or the class that the others are against, None where none was named.
    """

    name: str
    numbers: FloatArray | None = None
    codes: IntArray | None = None
    labels: tuple[str, ...] = ()
    trials: FloatArray | None = None
    rows: AnyArray | None = None
    label_kind: Kind = "number"
    reference: str | None = None


@dataclass(frozen=True, slots=True)
class Target:
    """The response a fit works on: y (n,) numbers or class codes, trials (n,) or None, the family bound to its classes.

    `classes` are labels in code order: for two-class families failure first, for Categorical the reference last. They
    were of `label_kind`.
    """

    family: ExponentialFamily
    y: FloatArray
    trials: FloatArray | None
    classes: tuple[str, ...] | None
    label_kind: Kind


def target(family: ExponentialFamily, raw: RawResponse, again: bool = False) -> Target:
    """Check the response against the family's support and number its classes; `again`: the family learned its number
    of classes from other rows, and learns it anew from these."""
    if isinstance(family, Categorical):
        return _classes(replace(family, k=None) if again else family, raw)
    if raw.codes is not None:
        return _two_levels(family, raw)
    assert raw.numbers is not None
    if raw.trials is not None and not isinstance(family, Binomial | QuasiBinomial):
        raise ResponseError(
            f"{raw.name}: successes and trials belong to the binomial family, not to {family.name}; "
            "use family='binomial'"
        )
    family.check(raw.numbers, raw.name, raw.rows)
    classes = ("0", "1") if isinstance(family, Bernoulli) else None
    return Target(family, raw.numbers, raw.trials, classes, raw.label_kind)


def known(family: ExponentialFamily, classes: tuple[str, ...] | None, raw: RawResponse, remedy: str) -> Target:
    """The response numbered by the `classes` that a model knows, not all of which need be here; ResponseError naming
    one that it does not know, with the `remedy`."""
    numbers = raw.numbers is not None and not isinstance(family, Categorical)
    if classes is None or (numbers and (raw.trials is not None or classes == ("0", "1"))):
        return target(family, raw)
    labels, codes = (raw.labels, raw.codes) if raw.codes is not None else labelled(raw)
    _check_reference(raw, classes[-1 if isinstance(family, Categorical) else 0], "the model's classes have")
    place = {label: k for k, label in enumerate(classes)}
    strange = [k for k, label in enumerate(labels) if label not in place and (codes == k).any()]
    if strange:
        first = int(np.argmax(codes == strange[0]))
        row = first if raw.rows is None else int(raw.rows[first])
        raise ResponseError(
            f"{raw.name} is {labels[strange[0]]!r} in row {row}, which is none of the classes {', '.join(classes)}; "
            f"{remedy}",
            row=row,
        )
    table = np.array([place.get(label, -1) for label in labels], dtype=float)
    return Target(family, table[codes], raw.trials, classes, raw.label_kind)


def _check_numerals(raw: RawResponse) -> None:
    """ResponseError where text stands among numbers: which, and in what row."""
    strange = strangers(raw.labels)
    if strange and raw.codes is not None:
        at = int(np.flatnonzero(np.isin(raw.codes, strange))[0])
        row = at if raw.rows is None else int(raw.rows[at])
        raise ResponseError(
            f"{raw.name} is {raw.labels[raw.codes[at]]!r} in row {row}, where nearly all others are numbers; mend it, "
            "or leave it empty if it is missing",
            row=row,
        )


def _remedy(labels: tuple[str, ...]) -> str:
    """What to do with labels where numbers are needed."""
    if set(labels) <= {"False", "True"}:
        return "Cast the column to numbers, 0 and 1, or take family='bernoulli'"
    if all(map(is_numeral, labels)):
        return "Cast the column to numbers"
    return "Text responses suit family='bernoulli' (two levels) and family='categorical'"


def _two_levels(family: ExponentialFamily, raw: RawResponse) -> Target:
    """Text and booleans as a 0/1 response: the first level, or the reference that is named, is failure."""
    if not isinstance(family, TWO):
        _check_numerals(raw)
        raise ResponseError(
            f"{raw.name} holds text or booleans ({_some(raw.labels)}); the {family.name} family needs numbers. "
            f"{_remedy(raw.labels)}"
        )
    if len(raw.labels) != 2:
        remedy = "use family='categorical'" if len(raw.labels) > 2 else "both outcomes must occur"
        raise ResponseError(
            f"{raw.name} has {len(raw.labels)} levels ({_some(raw.labels)}); {family.name} needs 2: {remedy}"
        )
    assert raw.codes is not None
    first = 0 if raw.reference is None else raw.labels.index(raw.reference)
    labels = raw.labels[first], raw.labels[1 - first]
    return Target(family, (raw.codes != first).astype(float), raw.trials, labels, raw.label_kind)


def _check_reference(raw: RawResponse, other: str, whose: str) -> None:
    """ResponseError where the response names another reference than the one that is there."""
    if raw.reference not in (None, other):
        raise ResponseError(f"{raw.name} has the reference {raw.reference!r}, {whose} {other!r}; leave one out")


def _classes(family: Categorical, raw: RawResponse) -> Target:
    """Any labels as codes 0 .. k-1 with the reference class last."""
    labels, codes = (raw.labels, raw.codes) if raw.codes is not None else labelled(raw)
    present = np.flatnonzero(np.bincount(codes, minlength=len(labels)))
    used = [labels[k] for k in present]
    if len(used) < 2:
        raise ResponseError(
            f"{raw.name} has one class only ({_some(labels)}); a categorical response needs two or more"
        )
    if family.reference is not None:
        _check_reference(raw, label_of(family.reference), "Categorical(reference=...)")
    named = family.reference if raw.reference is None else raw.reference
    reference = used[-1] if named is None else label_of(named)
    if reference not in used:
        raise ResponseError(f"reference={named!r} is no class of {raw.name}; the classes are {_some(tuple(used))}")
    order = [label for label in used if label != reference] + [reference]
    places = np.full(len(labels), -1, dtype=np.int32)
    for k, label in enumerate(labels):
        places[k] = order.index(label) if label in order else -1
    bound = family.with_classes(len(order))
    return Target(bound, places[codes].astype(float), None, tuple(order), raw.label_kind)


def labelled(raw: RawResponse) -> tuple[tuple[str, ...], IntArray]:
    """Numbers as class labels, sorted as numbers, whole ones written without a point."""
    assert raw.numbers is not None
    if not np.isfinite(raw.numbers).all():
        at = int(np.flatnonzero(~np.isfinite(raw.numbers))[0])
        row = at if raw.rows is None else int(raw.rows[at])
        found = f"{raw.name} is {raw.numbers[at]} in row {row}; classes must be finite. Leave the row out"
        raise ResponseError(found, row=row)
    values, codes = np.unique(raw.numbers, return_inverse=True)
    return tuple(map(label_of, values.tolist())), codes.astype(np.int32)


def check_weighed(classes: tuple[str, ...], y: FloatArray, weight: FloatArray, name: str) -> None:
    """Every class needs rows that count: the odds of one without are zero, and its coefficients infinite."""
    total = np.bincount(y.astype(np.intp), weight, len(classes))
    if not total.all():
        bare = [repr(label) for label, sum_ in zip(classes, total, strict=True) if sum_ == 0]
        raise ResponseError(
            f"{name}: all rows of the class {', '.join(bare)} have weight 0, so no finite model fits best; leave these "
            "rows out, and with them the class, or give them a weight"
        )


def check_interior(family: ExponentialFamily, y: FloatArray, weight: FloatArray, name: str) -> None:
    """The mean response must lie inside the domain of means, else the null model already is infinite; nor may all
    responses be so small that their squares underflow."""
    (lo, hi), mean = family.mean_domain, mean_of(family, y, weight)
    extreme = _outside(family, mean)
    if extreme.size:
        bad = float(extreme[0])
        raise ResponseError(
            f"{name}: the mean response is {bad:g}, on the edge of the means of the {family.name} family, "
            f"({lo:g}, {hi:g}): every row has the same extreme value (one class only, or all zero), so the best model "
            "of an intercept alone, by which every fit begins and is measured, is infinite. Add rows of other "
            "responses, or check how the rows were chosen"
        )
    if np.abs(mean).max() < LEAST and 0 < np.abs(y).max() < LEAST:
        raise ResponseError(
            f"{name}: the largest response is {np.abs(y).max():g}; numbers below {LEAST:g} "
            "have squares that underflow: multiply the response by a power of ten"
        )


def extremes(family: ExponentialFamily, y: FloatArray, weight: FloatArray) -> FloatArray:
    """The mean responses, a number a component of T(y), that are not inside the domain of means."""
    return _outside(family, mean_of(family, y, weight))


def _outside(family: ExponentialFamily, mean: FloatArray) -> FloatArray:
    lo, hi = family.mean_domain
    return np.asarray(mean[~((mean > lo) & (mean < hi))])


def labels_of(values: AnyArray) -> tuple[tuple[str, ...], IntArray]:
    """Sorted labels and codes of an array of text or booleans."""
    labels, codes = np.unique(values.astype(str), return_inverse=True)
    return tuple(str(label) for label in labels), codes.astype(np.int32)


def _some(labels: tuple[str, ...], most: int = 6) -> str:
    shown = ", ".join(repr(label) for label in labels[:most])
    return shown + (f", ... {len(labels)} in all" if len(labels) > most else "")
