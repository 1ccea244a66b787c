"""How would the coefficients vary over other samples? Refits to resampled rows, to drawn responses, to clusters.

A refit starts at the optimum, takes its information H as the metric, corrects it by the secants of its own steps, and
ends within 0.05 standard errors, most within 0.005. A block of rows is read once for many replicates, and the first
gradient of all of them is made of the same scores. Where that does not end, Newton's method does it from the start.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from itertools import starmap

import numpy as np
from scipy.special import ndtr, ndtri

from expfam._typing import AnyArray, FloatArray
from expfam.design.coded import code_verbs
from expfam.errors import ExpfamError, is_whole, one_of
from expfam.inference.optimum import Optimum
from expfam.inference.robust import CELLS, Clusters, scores
from expfam.inference.wald import critical
from expfam.information import Covariance
from expfam.information.covariance import Written
from expfam.objective import Data
from expfam.parallel import one_blas_thread, ordered_map, ordered_sum, slices
from expfam.response import Level
from expfam.solvers import Newton, Status
from expfam.solvers.optimality import by_class, from_classes
from expfam.solvers.secants import Factored, Metric, Secants, direction, remember

CLOSE = 0.02  # standard errors, the root of the mean square over coefficients, that a refit may end away
SLOWEST = 0.2  # share of a step that its slowest direction may leave, however much the step shrank as a whole
STEEP = 0.5  # steps that shrink by less than this do not end: a coefficient may be running to infinity
STEPS = 8
TOGETHER = 16  # replicates that share a read of the rows
ROWS = 1 << 17
METHODS = ("percentile", "basic", "normal", "bca")


@dataclass(frozen=True, slots=True, eq=False)
class Replicate:
    """Another sample: how often each row counts in it, (n,), or other responses, (n,); None: as in the data."""

    counts: AnyArray | None = None
    y: FloatArray | None = None

    def of(self, data: Data, rows: slice, block: Data) -> Data:
        """The rows of a block in this sample."""
        if self.y is not None:
            return replace(block, y=self.y[rows])
        assert self.counts is not None
        return replace(block, weight=block.weight * self.counts[rows])

    def weighted(self, score: FloatArray, rows: slice) -> FloatArray:
        """The scores of some rows as often as these count."""
        assert self.counts is not None
        counts = self.counts[rows]
        return np.asarray(score * (counts if score.ndim == 1 else counts[:, None]))


Draw = Callable[[np.random.Generator], Replicate]


@dataclass(frozen=True, slots=True, eq=False)
class Bootstrap:
    """Coefficients of many replicates, `estimates` (replicates, p) or (replicates, p, d), NaN where left out.

    `estimate` is that of the data; `unbounded` counts the replicates where a coefficient ran to infinity (separation):
    their numbers are arbitrary but large, so that percentiles still mean something and standard errors do not.
    `optimum` is the fit with its rows, which "bca" reads.
    """

    estimates: FloatArray
    estimate: FloatArray
    kind: str
    unbounded: int
    optimum: Optimum = field(repr=False)

    @property
    def se(self) -> FloatArray:
        """Standard deviations over the replicates, in the shape of `coef`."""
        return np.asarray(self.estimates.std(axis=0, ddof=1))

    @property
    def bias(self) -> FloatArray:
        """The mean over the replicates less the estimate."""
        return np.asarray(self.estimates.mean(axis=0) - self.estimate)

    def vcov(self) -> FloatArray:
        """The covariance over the replicates, (p d, p d), class after class."""
        flat = self.estimates if self.estimates.ndim == 2 else self.estimates.transpose(0, 2, 1)
        return np.asarray(np.cov(flat.reshape(len(flat), -1), rowvar=False)).reshape(2 * (self.estimate.size,))

    def covariance(self) -> Covariance:
        """The covariance over the replicates in standard coordinates, as sandwiches are."""
        standard = self.optimum.posed.standard
        betas = np.array([by_class(standard.inverse(np.nan_to_num(theta))) for theta in self.estimates])
        return Written(np.atleast_2d(np.cov(betas, rowvar=False)))

    def confint(self, level: float = 0.95, *, method: str = "percentile") -> FloatArray:
        """Intervals in the shape of `coef` with a last axis of (lower, upper) (Davison and Hinkley 1997, chapter 5).

        "percentile" of the replicates; "basic": 2 estimate - percentile; "normal": estimate - bias -+ c se; "bca":
        percentiles corrected for bias and acceleration (Efron 1987).
        """
        one_of("method", method, METHODS)
        tails = np.array([(1 - level) / 2, (1 + level) / 2])
        reach = critical(level, None)
        if method == "normal":
            middle = self.estimate - self.bias
            return np.stack([middle - reach * self.se, middle + reach * self.se], axis=-1)
        if method == "bca":
            return self._accelerated(ndtri(tails))
        ends = np.moveaxis(np.quantile(self.estimates, tails, axis=0), 0, -1)
        return np.asarray(ends if method == "percentile" else 2 * self.estimate[..., None] - ends[..., ::-1])

    def _accelerated(self, z: FloatArray) -> FloatArray:
        if self.kind != "cases":
            raise ExpfamError(
                f"method='bca' needs rows drawn one by one, not {self.kind}; take 'percentile' or 'basic'"
            )
        replicates = len(self.estimates)
        below = (self.estimates < self.estimate).mean(axis=0)
        shift = ndtri(np.clip(below, 1 / replicates, 1 - 1 / replicates))[..., None]
        moved = shift + (shift + z) / (1 - acceleration(self.optimum)[..., None] * (shift + z))
        flat, tails = self.estimates.reshape(replicates, -1), np.nan_to_num(ndtr(moved).reshape(-1, 2))
        ends = [np.quantile(column, tail) for column, tail in zip(flat.T, tails, strict=True)]
        return np.array(ends).reshape(moved.shape)


def bootstrap(
    optimum: Optimum, draw: Draw, kind: str, replicates: int, seed: int, tell: Callable[[str], None]
) -> Bootstrap:
    """Refits to so many replicates; each has a random stream of its own, so the batches do not matter."""
    if not is_whole(replicates) or replicates < 2:
        raise ExpfamError(f"replicates={replicates!r}: at least 2 are needed, 1,000 for percentiles")
    streams = [np.random.default_rng(s) for s in np.random.SeedSequence(seed).spawn(replicates)]
    found, unbounded = [], 0
    with one_blas_thread():
        for batch in slices(replicates, TOGETHER):
            tell(f"bootstrap: {batch.start:,} of {replicates:,}")
            betas, runaway = _refits(optimum, ordered_map(draw, streams[batch]))
            found += [optimum.posed.standard.original(beta) for beta in betas]
            unbounded += runaway
    left_out = ~optimum.kept
    estimates, theta = np.array(found), np.array(optimum.theta)
    estimates[:, left_out], theta[left_out] = np.nan, np.nan
    return Bootstrap(estimates, theta, kind, unbounded, optimum)


# ---- samples -------------------------------------------------------------------------------------------------------


def cases(optimum: Optimum) -> Draw:
    """Rows drawn with replacement; a row of frequency f is f rows."""
    design, frequency = optimum.problem.objective.data.design, optimum.prepared.frequency
    n, verbs = design.n, code_verbs(design.compiled)

    def draw(rng: np.random.Generator) -> Replicate:
        if frequency is not None:
            return Replicate(rng.multinomial(int(frequency.sum()), frequency / frequency.sum()) / frequency)
        return Replicate(verbs.count(rng.integers(0, n, n, dtype=np.uint32), n))

    return draw


def of_clusters(clusters: Clusters) -> Draw:
    """Whole clusters drawn with replacement."""
    if clusters.count < 2:
        raise ExpfamError(f"cluster={clusters.name!r} has a single cluster: nothing to draw from; at least two")

    def draw(rng: np.random.Generator) -> Replicate:
        drawn = np.bincount(rng.integers(0, clusters.count, clusters.count), minlength=clusters.count)
        return Replicate(drawn[clusters.codes])

    return draw


def parametric(optimum: Optimum, dispersion: float) -> Draw:
    """Responses drawn from the fitted model, weights as precisions."""
    objective, model = optimum.problem.objective, optimum.model
    data, family = objective.data, model.family
    if optimum.prepared.frequency is not None and family.name in ("bernoulli", "categorical"):
        raise ExpfamError("kind='parametric' draws one response a row; repeat the rows instead of frequency weights")
    if np.isnan(dispersion):
        raise ExpfamError(
            f"kind='parametric' draws with the dispersion, and {optimum.prepared.n:,} rows leave none to estimate it "
            "from; fit with dispersion= where you know it"
        )
    mu = optimum.means(data)
    mean = family.all_means(mu) if family.vector else mu

    def draw(rng: np.random.Generator) -> Replicate:
        return Replicate(y=family.draw(mean, rng, dispersion, data.weight))

    return draw


# ---- refits --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, eq=False)
class _Walk:
    """A refit on its way; `size` is that of the last step in standard errors, `rate` its share of the one before."""

    sample: Replicate
    beta: FloatArray
    gradient: FloatArray
    secants: Secants = ()
    size: float = np.nan
    rate: float = 1.0

    @property
    def ended(self) -> bool:
        """Is what the steps to come would still add, a geometric series, too little to care?"""
        rate = max(self.rate, SLOWEST)
        return rate < STEEP and rate * self.size / (1 - rate) <= CLOSE

    def step(self, metric: Metric, unit: float) -> "_Walk":
        """The next beta; its gradient is not known yet."""
        move = direction(metric, self.secants, self.gradient)
        size = float(np.sqrt(max(-float(np.vdot(self.gradient, move)), 0.0))) / unit
        rate = size / self.size if self.size > 0 else float(size > 0)
        return replace(self, beta=self.beta + move, size=size, rate=rate)

    def learn(self, gradient: FloatArray, before: FloatArray) -> "_Walk":
        """With the gradient at its beta, and the secant of the step that led there from the beta `before`."""
        secants = remember(self.secants, self.beta - before, gradient - self.gradient)
        return replace(self, gradient=gradient, secants=secants)


def _refits(optimum: Optimum, samples: Sequence[Replicate]) -> tuple[list[FloatArray], int]:
    """beta of every sample, and how many ran to infinity. A mean outside its domain makes a gradient NaN: no end."""
    metric, unit = Factored(optimum.factor), optimum.problem.scale.response * np.sqrt(optimum.beta.size)
    walks = [_Walk(s, optimum.beta, g) for s, g in zip(samples, _first(optimum, samples), strict=True)]
    for _ in range(STEPS):
        moved = [walk if walk.ended else walk.step(metric, unit) for walk in walks]
        going = [k for k, walk in enumerate(moved) if not walk.ended]
        gradients = _gradients(optimum, [moved[k].sample for k in going], [moved[k].beta for k in going])
        for k, gradient in zip(going, gradients, strict=True):
            moved[k] = moved[k].learn(gradient, walks[k].beta)
        walks = moved
        if not going:
            break
    ended = [(w.beta, False) if w.ended else _newton(optimum, w.sample) for w in walks]
    return [beta for beta, _ in ended], sum(away for _, away in ended)


def _first(optimum: Optimum, samples: Sequence[Replicate]) -> list[FloatArray]:
    """The gradients of all samples at the optimum: the scores are the same where only counts differ."""
    if any(sample.counts is None for sample in samples):
        return _gradients(optimum, samples, [optimum.beta] * len(samples))
    objective = optimum.problem.objective
    raw = objective.data.design.maps.forward(optimum.beta)

    def part(rows: slice) -> FloatArray:
        block = objective.data.take(rows)
        score = objective.rows(block, raw, Level.GRADIENT).score
        assert score is not None
        return np.array([block.design.adjoint(sample.weighted(score, rows)) for sample in samples])

    return _whole(optimum, samples, [optimum.beta] * len(samples), ordered_sum(part, slices(objective.data.n, ROWS)))


def _gradients(optimum: Optimum, samples: Sequence[Replicate], betas: Sequence[FloatArray]) -> list[FloatArray]:
    """The gradient of each sample's F at its beta, NaN where a mean leaves its domain; one read of the rows for all."""
    objective = optimum.problem.objective
    raws = [objective.data.design.maps.forward(beta) for beta in betas]
    if not raws:
        return []

    def part(rows: slice) -> FloatArray:
        block = objective.data.take(rows)

        def one(sample: Replicate, raw: FloatArray) -> FloatArray:
            found = objective.block(sample.of(objective.data, rows, block), raw, Level.GRADIENT)
            return np.full_like(raw, np.nan) if found.gradient is None else found.gradient

        return np.array(list(starmap(one, zip(samples, raws, strict=True))))

    return _whole(optimum, samples, betas, ordered_sum(part, slices(objective.data.n, ROWS)))


def _whole(
    optimum: Optimum, samples: Sequence[Replicate], betas: Sequence[FloatArray], raws: FloatArray
) -> list[FloatArray]:
    """Gradients in standard coordinates, with those of the penalty."""
    objective = optimum.problem.objective
    maps, penalty, data = objective.data.design.maps, objective.penalty, objective.data
    found = [maps.adjoint(raw) for raw in raws]
    if penalty.is_zero:
        return found
    weights = [data.total if s.counts is None else float(data.weight @ s.counts) for s in samples]
    return [g + w * penalty.gradient(beta) for g, w, beta in zip(found, weights, betas, strict=True)]


def _newton(optimum: Optimum, sample: Replicate) -> tuple[FloatArray, bool]:
    """The optimum of a sample from the start, and whether it ran to infinity."""
    problem, family = optimum.problem, optimum.model.family
    data = problem.objective.data
    moved = sample.of(data, slice(0, data.n), data)
    if sample.y is not None:
        moved = replace(moved, conjugate=family.conjugate(family.T(sample.y)))
    own = replace(problem.objective, data=moved)
    solution = Newton().solve(replace(problem, objective=own, start=optimum.beta, first=None, sample=None))
    return solution.theta, solution.status is Status.SEPARATED


def acceleration(optimum: Optimum) -> FloatArray:
    """sum u^3 / (6 (sum u^2)^1.5) of the influences u_i = -H^-1 s_i, in the shape of theta (Efron 1987)."""
    bread, T, times = optimum.factor.inverse().full(), _units(optimum), optimum.prepared.frequency
    turn = np.asarray(bread @ T.T)

    def part(rows: slice) -> FloatArray:
        u, f = -optimum.single(scores(optimum, rows), rows) @ turn, 1.0 if times is None else times[rows, None]
        return np.array([(f * u**2).sum(axis=0), (f * u**3).sum(axis=0)])

    step = max(CELLS // max(optimum.beta.size, 1), 1)
    square, cube = ordered_sum(part, slices(optimum.problem.objective.data.n, step))
    with np.errstate(divide="ignore", invalid="ignore"):
        return from_classes(np.asarray(cube / (6 * square**1.5)), optimum.theta)


def _units(optimum: Optimum) -> FloatArray:
    """T as a matrix (p d, q d), class after class: theta = T beta."""
    one = optimum.posed.standard.original(np.eye(len(optimum.beta)))
    return np.asarray(np.kron(np.eye(optimum.classes), one))
