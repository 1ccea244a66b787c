"""Does the model put the rows in the right order? ROC and its area, Lorenz and concentration curves, Gini."""

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np

from expfam._typing import AnyArray, FloatArray
from expfam.data.answer import frame_like
from expfam.diagnostics.bins import tied
from expfam.diagnostics.judged import Judged
from expfam.errors import DataWarning, ExpfamError
from expfam.families import Bernoulli
from expfam.target import TWO

POINTS = 2000  # of a curve that is kept; areas are those of all rows


@dataclass(frozen=True, slots=True, eq=False)
class Roc:
    """The share of successes (tpr) and of failures (fpr) among the rows above each threshold of the fitted mean.

    auc is P(a success has a higher mean than a failure) + P(they are equal) / 2, se its standard error (DeLong, DeLong
    and Clarke-Pearson 1988). 2 auc - 1 is the normalised Gini of `lorenz()` where rows weigh alike. Curves are thinned
    to 2,000 points, the area is that of all rows.
    """

    label: str
    fpr: FloatArray
    tpr: FloatArray
    threshold: FloatArray
    auc: float
    se: float
    kind: str

    def table(self) -> Any:
        """threshold, fpr, tpr."""
        return frame_like(self.kind, {"threshold": self.threshold, "fpr": self.fpr, "tpr": self.tpr})

    def __str__(self) -> str:
        of = f" of {self.label}" if self.label else ""
        return f"AUC{of} {self.auc:.4f} (se {self.se:.2g}); Gini 2 AUC - 1 = {2 * self.auc - 1:.4f}"


@dataclass(frozen=True, slots=True, eq=False)
class ClassRocs:
    """Each class against all others, in the order of the classes; auc is the plain mean of theirs."""

    rocs: tuple[Roc, ...]

    @property
    def auc(self) -> float:
        """The mean over classes (macro average, one against the rest)."""
        return float(np.mean([roc.auc for roc in self.rocs]))

    def table(self) -> Any:
        """class, threshold, fpr, tpr, one class below the other."""
        names = ("threshold", "fpr", "tpr")
        out: dict[str, Any] = {"class": [roc.label for roc in self.rocs for _ in roc.fpr]}
        out |= {name: np.concatenate([getattr(roc, name) for roc in self.rocs]) for name in names}
        return frame_like(self.rocs[0].kind, out)

    def __getitem__(self, label: str) -> Roc:
        found = next((roc for roc in self.rocs if roc.label == label), None)
        if found is None:
            raise ExpfamError(f"there is no class {label!r}; the classes are {[roc.label for roc in self.rocs]}")
        return found

    def __str__(self) -> str:
        return "\n".join([*map(str, self.rocs), f"Mean AUC {self.auc:.4f}"])


def roc(judged: Judged) -> Roc | ClassRocs:
    """The curve of a response of two classes or of shares; of several classes one each, if any row has it."""
    family = judged.model.family
    if family.vector:
        return ClassRocs(tuple(_roc(judged.one(label), label) for label in _seen(judged)))
    if not isinstance(family, TWO):
        raise ExpfamError(
            f"roc() is for responses of classes or shares, not for the {family.name} family; lorenz() says how well a "
            "model orders rows of any kind, and its normalised Gini is 2 AUC - 1"
        )
    return _roc(judged, "")


def _seen(judged: Judged) -> tuple[str, ...]:
    """The classes that some of the rows have; DataWarning naming those that none has."""
    classes, there = judged.model.classes or (), judged.observed.sum(axis=0) > 0
    absent = [label for label, seen in zip(classes, there, strict=True) if not seen]
    if absent:
        warnings.warn(
            f"no row has the class {', '.join(absent[:10])}, which has no ROC curve here and no part in the mean area",
            DataWarning,
            stacklevel=4,
        )
    return tuple(label for label in classes if label not in absent)


def _roc(judged: Judged, label: str) -> Roc:
    order, starts = tied(-judged.line)
    hits, misses = judged.observed[order], (judged.weight - judged.observed)[order]
    counted = judged.model.weights_kind == "frequency" or not isinstance(judged.model.family, Bernoulli)
    hit, miss = (np.add.reduceat(values, starts) for values in (hits, misses))
    P, N = hit.sum(), miss.sum()
    if not (P > 0 and N > 0):
        raise ExpfamError("an ROC curve needs successes and failures; these rows have one of them only")
    tp, fp = np.cumsum(hit), np.cumsum(miss)
    above, below = (
        (tp - hit / 2) / P,
        1 - (fp - miss / 2) / N,
    )  # of a failure: successes above; of a success: failures below
    auc = float(miss @ above / N)
    square = (hit, miss) if counted else (np.add.reduceat(values**2, starts) for values in (hits, misses))
    counts = (P, N) if counted else (np.count_nonzero(hits), np.count_nonzero(misses))
    variance = 0.0
    for squares, share, whole, count in zip(square, (below, above), (P, N), counts, strict=True):
        spread = float(squares @ (share - auc) ** 2) / whole**2
        variance += spread * count / (count - 1) if count > 1 else np.nan
    keep = thinned(tp / P + fp / N)
    means = (judged.expected / judged.weight)[order[starts]]
    return Roc(
        label,
        np.append(0.0, fp[keep] / N),
        np.append(0.0, tp[keep] / P),
        np.append(np.inf, means[keep]),
        auc,
        float(np.sqrt(variance)),
        judged.kind,
    )


def thinned(along: FloatArray) -> AnyArray:
    """Which points of a curve to keep, along (m,) increasing: POINTS of them at even steps, the last among them."""
    if len(along) <= POINTS:
        return np.arange(len(along))
    steps = np.linspace(along[0], along[-1], POINTS)
    return np.unique(np.append(np.searchsorted(along, steps), len(along) - 1).clip(max=len(along) - 1))


@dataclass(frozen=True, slots=True, eq=False)
class Lorenz:
    """Shares of exposure, rows in the order of their fitted rate, against shares of what was observed and expected.

    `unit` is what exposure is made of: exposure, trials, weight or rows.

    exposure, observed, expected   cumulative shares (m,), from 0 to 1: `observed` is the concentration curve,
                                   `expected` the Lorenz curve of the fitted rates
    gini       1 - 2 area under `observed`: 0 for a useless order; rows of equal rate are one straight piece
    oracle     the same in the order of the observed rates themselves, what no model can exceed
    spread     1 - 2 area under `expected`: the Gini that the model would have if it were right
    """

    exposure: FloatArray
    observed: FloatArray
    expected: FloatArray
    gini: float
    oracle: float
    spread: float
    kind: str
    unit: str

    @property
    def normalised(self) -> float:
        """gini / oracle: 2 AUC - 1 for a 0/1 response of equal weights."""
        return self.gini / self.oracle if self.oracle else np.nan

    def table(self) -> Any:
        """exposure, observed, expected, as cumulative shares."""
        names = ("exposure", "observed", "expected")
        return frame_like(self.kind, {name: getattr(self, name) for name in names})

    def __str__(self) -> str:
        return (
            f"Gini {self.gini:.4f}, {self.normalised:.1%} of the {self.oracle:.4f} of a perfect order; that of the "
            f"fitted rates themselves is {self.spread:.4f}"
        )


def lorenz(judged: Judged) -> Lorenz:
    """Lorenz and concentration curves, thinned to 2,000 points; the Ginis are those of all rows."""
    if (judged.observed < 0).any() or not judged.observed.sum() > 0:
        raise ExpfamError(
            "a Lorenz curve is of shares of a total, and the response has negative values (or sums to 0); look at "
            "calibration() or lift()"
        )
    order, starts = tied(judged.line)
    names = ("exposure", "observed", "expected")
    shares = [_shares(getattr(judged, name)[order], starts) for name in names]
    own, at = tied(judged.observed / judged.exposure)
    oracle = [_shares(getattr(judged, name)[own], at) for name in names[:2]]
    keep = thinned(shares[0] + shares[1])
    exposure, observed, expected = (share[keep] for share in shares)
    gini, best, spread = _gini(shares[0], shares[1]), _gini(*oracle), _gini(shares[0], shares[2])
    return Lorenz(exposure, observed, expected, gini, best, spread, judged.kind, judged.unit)


def _shares(values: FloatArray, starts: AnyArray) -> FloatArray:
    """Cumulative shares at the ends of groups, 0 first."""
    total = np.cumsum(np.append(0.0, np.add.reduceat(values, starts)))
    return np.asarray(total / total[-1])


def _gini(x: FloatArray, y: FloatArray) -> float:
    """1 - 2 area under y over x."""
    return 1 - float(np.diff(x) @ (y[1:] + y[:-1]))
