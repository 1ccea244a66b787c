"""What was seen in each row, and what the model expected there: what every chart of validation is summed from."""

from dataclasses import dataclass, replace

import numpy as np
from scipy.special import logit

from expfam._typing import FloatArray
from expfam.data.column import label as label_of
from expfam.errors import ExpfamError
from expfam.inference.optimum import Optimum
from expfam.model import Model, Prepared
from expfam.parallel import ordered_map, slices

ROWS = 1 << 16
FAR = 745.0  # beyond, a probability is 0


@dataclass(frozen=True, slots=True, eq=False)
class Judged:
    """Rows as validation sees them, (n,) each, or (n, k) for k classes, the reference last.

    observed   w y: its sum over rows is what was seen; w is the weight of the row, trials, frequency and all
    expected   w mu; `variance` that of observed, phi w V(mu), or phi w^2 V(mu) for sampling weights
    exposure   what the row stands for, `Prepared.size`: w e where the model has an exposure e, else w; observed /
               exposure is the rate that a bin shows, expected / exposure the one rows are sorted by
    line       what orders rows as their rate does, larger for larger rates: eta without log e, turned round where the
               link falls
    plain      all weights are 1
    fresh      these are not the rows of the fit; `kind` is the caller's kind of frame, `dispersion` phi
    """

    prepared: Prepared
    dispersion: float
    kind: str
    fresh: bool
    observed: FloatArray
    expected: FloatArray
    variance: FloatArray
    exposure: FloatArray
    eta: FloatArray
    line: FloatArray
    plain: bool

    @property
    def n(self) -> int:
        """How many rows."""
        return len(self.exposure)

    @property
    def unit(self) -> str:
        """The word for `exposure`: exposure, trials, weight or rows."""
        return self.prepared.unit

    @property
    def model(self) -> Model:
        """What judges them."""
        return self.prepared.model

    @property
    def weight(self) -> FloatArray:
        """w."""
        return self.prepared.data.weight

    @property
    def rate(self) -> FloatArray:
        """expected / exposure."""
        return (self.expected.T / self.exposure).T

    def one(self, label: object) -> "Judged":
        """The rows as seen by one class against all others, named as the response has it or as text; a response of
        numbers has no `label` to name."""
        classes = (self.model.classes or ()) if self.model.family.vector else ()
        if not classes and label is None:
            return self
        name = label_of(label)
        if label is None or name not in classes:
            known, said = ", ".join(map(repr, classes)), "" if label is None else f"label={label!r}: "
            raise ExpfamError(
                f"{said}a response of classes is judged class by class; name one of {known}, as in label={classes[0]!r}"
                if classes
                else f"label={label!r}: only a response of several classes has labels; leave it out"
            )
        k = classes.index(name)
        parts = {name: getattr(self, name)[:, k] for name in ("observed", "expected", "variance")}
        with np.errstate(divide="ignore"):
            eta = np.clip(logit(parts["expected"] / self.weight), -FAR, FAR)
        prepared = self.prepared.of_class(k, f"not {name}", None)
        return replace(self, prepared=prepared, eta=eta, line=eta, **parts)


def judged(optimum: Optimum, dispersion: float = 1.0, kind: str = "dict") -> Judged:
    """The rows of a fit; `dispersion` is its phi, `kind` its kind of frame."""
    return judged_rows(optimum.prepared, optimum.theta, dispersion, kind, False)


def judged_rows(prepared: Prepared, theta: FloatArray, dispersion: float, kind: str, fresh: bool) -> Judged:
    """Any rows, judged by theta, (p,) or (p, d); ExpfamError naming the row where a mean is not finite."""
    model, data, e = prepared.model, prepared.data, prepared.exposure
    raw, family, weight = data.design.maps.forward(theta), model.family, data.weight
    plain = bool((weight == 1).all())
    squared = model.weights_kind == "sampling"

    def part(rows: slice) -> tuple[FloatArray, ...]:
        block = data.take(rows)
        eta = block.design.forward(raw)
        eta = eta if block.offset is None else eta + block.offset
        with np.errstate(over="ignore", invalid="ignore"):
            mu = model.link.inverse(eta)
        _check(prepared, mu, eta, rows)
        mean = family.all_means(mu)
        V = mean * (1 - mean) if family.vector else family.variance(mean)
        same, w = V is mean and dispersion == 1, block.weight
        if not plain:
            mean, V = (w * mean.T).T, ((w**2 if squared else w) * V.T).T
        line = eta if e is None or family.vector else eta - np.log(e[rows])
        return mean, mean if same and not squared else dispersion * V, eta, line

    blocks = ordered_map(part, slices(data.n, ROWS))
    observed = family.all_means(family.T(data.y))
    observed = observed if plain else (weight * observed.T).T
    expected, variance, eta, line = map(_joined, zip(*blocks, strict=True))
    if all(block[0] is block[1] for block in blocks):  # one array is summed faster than two
        variance = expected
    if not family.vector and model.link.derivative(eta[:1])[0] < 0:
        line = -line
    return Judged(prepared, dispersion, kind, fresh, observed, expected, variance, prepared.size, eta, line, plain)


def _joined(parts: tuple[FloatArray, ...]) -> FloatArray:
    return parts[0] if len(parts) == 1 else np.concatenate(parts)


def _check(prepared: Prepared, mu: FloatArray, eta: FloatArray, rows: slice) -> None:
    """ExpfamError where a mean is infinite, NaN or outside of its domain."""
    lo, hi = prepared.model.family.mean_domain
    with np.errstate(invalid="ignore"):
        bad = ~(np.isfinite(mu) & (mu >= lo) & (mu <= hi)).reshape(len(mu), -1).all(axis=1)
    if bad.any():
        at = rows.start + int(np.argmax(bad))
        row = at if prepared.places is None else int(prepared.places[at])
        mean, line = np.ravel(mu[bad])[0], np.ravel(eta[bad])[0]
        raise ExpfamError(
            f"the model predicts {mean:g} in row {row}, where eta is {line:.4g}: "
            "no mean to judge by. Look at the predictors of that row, or leave it out"
        )
