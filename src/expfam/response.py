"""(family, link) -> per-row loss (4), score (8) and curvature (10). The only place that knows a pair.

`derived` is the meaning for every pair. A form in PAIRS says the same in fewer operations, and to |eta| = 700
where means and variances underflow; the laws hold each to `derived`. A form in TWINS has a compiled twin, which
`weighted` runs where it is asked to; the laws hold it to the form.
"""

from collections.abc import Callable, Iterable
from enum import IntEnum
from functools import cache
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from expfam._typing import BoolArray, FloatArray
from expfam.families import (
    Bernoulli,
    Categorical,
    ExponentialFamily,
    Gamma,
    Gaussian,
    InverseGaussian,
    NegativeBinomial,
    Poisson,
    QuasiPoisson,
    Tweedie,
)
from expfam.families._special import NEAR, unit_loss
from expfam.kernels.pairs import SHARES
from expfam.links import Cauchit, CLogLog, Identity, Inverse, Link, Log, Logit, LogLog, Probit, Softmax
from expfam.parallel import is_ones


class Level(IntEnum):
    """How many derivatives are asked for?"""

    VALUE = 0
    GRADIENT = 1
    HESSIAN = 2


class Rows(NamedTuple):
    """loss (n,); score = d loss / d eta, (n,) or (n, d); weight = its curvature, (n,) or (n, d, d)."""

    loss: FloatArray
    score: FloatArray | None = None
    weight: FloatArray | None = None


class Weighted(NamedTuple):
    """sum_i w_i loss_i; w score, (n,) or (n, d); w weight, (n,), or (pairs, n) for the pairs of np.triu_indices(d)."""

    value: float
    score: FloatArray | None = None
    weight: FloatArray | None = None

    @property
    def own(self) -> FloatArray:
        """The weights that a class has with itself, (d, n)."""
        assert self.score is not None
        assert self.weight is not None
        return (
            self.weight[None] if self.score.ndim == 1 else self.weight[np.equal(*np.triu_indices(self.score.shape[1]))]
        )


class At(NamedTuple):
    """Where a form is asked, and what for: eta and t = T(y), (n,) or (n, d); conjugate = a*(t), (n,)."""

    eta: FloatArray
    t: FloatArray
    conjugate: FloatArray
    level: Level = Level.HESSIAN
    observed: bool = False


Form: TypeAlias = Callable[[Any, Any, At], Rows]  # family and link are of the types it is registered for
PAIRS: dict[tuple[type[ExponentialFamily], type[Link]], Form] = {}

COUNTS = (Poisson, QuasiPoisson)


def rows(
    family: ExponentialFamily,
    link: Link,
    eta: FloatArray,
    t: FloatArray,
    conjugate: FloatArray,
    level: Level = Level.HESSIAN,
    observed: bool = False,
) -> Rows:
    """loss = a*(t) + a(psi) - psi . t at eta, its score and Fisher (or observed) weight, as `level` asks.

    t = T(y) has the shape of eta; conjugate = a*(t), computed once by the caller. Where eta or mu leaves
    its domain the loss is +inf and the derivatives are 0, so that a line search turns back.
    """
    with np.errstate(all="ignore"):
        form = PAIRS.get((type(family), type(link)), derived)
        return form(family, link, At(eta, t, conjugate, level, observed))


def weighted(
    family: ExponentialFamily,
    link: Link,
    at: At,
    w: FloatArray,
    offset: FloatArray | None = None,
    compiled: bool = False,
) -> Weighted:
    """`rows` at eta + offset, times w, the losses summed. A row of weight 0 adds 0, whatever its eta.

    offset is like eta, or None. `compiled` takes the twin of a form that has one: one pass, the interpreter unlocked.
    """
    family = getattr(family, "parent", None) or family
    if compiled and (fast := twin(family, link)):
        from expfam.kernels import rows as twins  # brings Numba

        option = int(at.level), fast[1], at.observed
        return Weighted(*twins.weighted(fast[0], at.eta, (at.t, at.conjugate, w, offset), option))
    same = is_ones(w)
    every = same or bool(w.all())

    def times(x: FloatArray) -> FloatArray:
        if same:
            return x
        scale = w if x.ndim == 1 else w[:, None]
        return scale * x if every else np.where(scale == 0, 0.0, scale * x)

    form = PAIRS.get((type(family), type(link)), derived)
    with np.errstate(all="ignore"):
        row = form(family, link, at if offset is None else at._replace(eta=at.eta + offset))
        score, weight = row.score, row.weight
        if weight is not None and weight.ndim == 3:
            weight = weight[:, *np.triu_indices(weight.shape[1])]
        return Weighted(
            float(times(row.loss).sum()),
            None if score is None else times(score),
            None if weight is None else np.ascontiguousarray(times(weight).T),
        )


def twin(family: ExponentialFamily, link: Link) -> tuple[str, float] | None:
    """The compiled twin of a pair, if it has one: its name in `kernels.rows`, and the family's number that it takes."""
    family = getattr(family, "parent", None) or family
    form = PAIRS.get((type(family), type(link)), derived)
    return (form.__name__, float(getattr(family, TWINS[form], 0.0))) if form in TWINS else None


@cache
def observed_differs(family: ExponentialFamily, link: Link) -> bool:
    """Is psi'' != 0, so that the observed weight depends on t? Asked of the rows themselves, at three means."""
    if family.vector:
        return False
    lo, hi = family.mean_domain
    start, width = (lo if np.isfinite(lo) else 0.0), (hi - lo if np.isfinite(hi - lo) else 1.0)
    mu = start + width * np.array([0.2, 0.5, 0.7])
    at = At(link(mu), mu[::-1], np.zeros(3))
    fisher, observed = (np.asarray(rows(family, link, *at[:3], observed=o).weight) for o in (False, True))
    return not np.allclose(fisher, observed, rtol=1e-9, atol=0.0)


def derived(family: ExponentialFamily, link: Link, at: At) -> Rows:
    """The definition at psi' = h' / V: loss (4), score (mu - t) psi', weight V psi'^2; observed, + (mu - t) psi''."""
    eta, t, _, level, observed = at
    mu = link.inverse(eta)
    inside = _inside(eta, link.domain) & _inside(mu, family.mean_domain)
    if family.vector:
        return _derived_vector(family, link, at, inside.all(axis=-1) & (mu.sum(axis=-1) < 1))
    loss = np.where(inside, family.loss(t, mu), np.inf)
    if level == Level.VALUE:
        return Rows(loss)
    V, slope = family.variance(mu), link.derivative(eta)
    dpsi = slope / V
    score = np.where(inside, (mu - t) * dpsi, 0.0)
    if level == Level.GRADIENT:
        return Rows(loss, score)
    weight = slope * dpsi
    if observed:
        weight = weight + (mu - t) * (link.second(eta) / V - np.square(dpsi) * family.dvariance(mu))
    return Rows(loss, score, np.where(inside, weight, 0.0))


def _derived_vector(family: ExponentialFamily, link: Link, at: At, inside: BoolArray) -> Rows:
    """psi' = V^-1 h', score psi' (mu - t), weight h' psi'; the only vector link is canonical: psi'' = 0."""
    eta, t, _, level, _ = at
    mu, slope = link.inverse(eta), link.derivative(eta)
    loss = np.where(inside, family.loss(t, mu), np.inf)
    if level == Level.VALUE:
        return Rows(loss)
    safe = np.where(inside[:, None, None], family.variance(mu), np.eye(mu.shape[-1]))
    dpsi = np.linalg.solve(safe, slope)
    score = np.where(inside[:, None], np.einsum("nij,ni->nj", dpsi, mu - t), 0.0)
    if level == Level.GRADIENT:
        return Rows(loss, score)
    weight = np.einsum("nji,njk->nik", slope, dpsi)
    return Rows(loss, score, np.where(inside[:, None, None], weight, 0.0))


def pair(families: Iterable[type[ExponentialFamily]], links: Iterable[type[Link]]) -> Callable[[Form], Form]:
    """Register a form for every pair of these families and links."""

    def register(form: Form) -> Form:
        PAIRS.update({(family, link): form for family in families for link in links})
        return form

    return register


def _inside(x: FloatArray, domain: tuple[float, float]) -> BoolArray:
    return np.asarray((x > domain[0]) & (x < domain[1]))


def _answer(
    level: Level,
    loss: FloatArray,
    score: Callable[[], FloatArray],
    weight: Callable[[], FloatArray],
) -> Rows:
    """What `level` asks for; rounding may not push the loss below 0."""
    np.maximum(loss, 0.0, out=loss)
    return Rows(loss, score() if level else None, weight() if level == Level.HESSIAN else None)


def _sharpen(loss: FloatArray, r: FloatArray, q: float, size: FloatArray | float = 1.0) -> None:
    """Where r = t / mu is near 1, a sum from a* has lost its digits: size times `unit_loss` instead, in place."""
    near = np.flatnonzero(np.abs(r - 1) < NEAR)
    if near.size:
        loss[near] = np.broadcast_to(size, r.shape)[near] * unit_loss(r[near] - 1, q)


@pair([Gaussian], [Identity])
def gaussian_identity(family: Gaussian, link: Identity, at: At) -> Rows:
    """loss = r^2 / 2, score = r = eta - t, weight 1."""
    eta, t, _, level, _ = at
    r = eta - t
    return _answer(level, np.square(r) / 2, lambda: r, lambda: np.ones_like(eta))


@pair(COUNTS, [Log])
def count_log(family: Poisson, link: Log, at: At) -> Rows:
    """loss = a* + mu - t eta, score mu - t, weight mu = e^eta."""
    eta, t, conjugate, level, _ = at
    mu = np.exp(eta)
    loss = t * eta
    np.subtract(mu, loss, out=loss)
    loss += conjugate
    return _answer(level, loss, lambda: mu - t, lambda: mu)


def _logistic(u: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """e = e^-|u|, s = 1 / (1 + e), log(1 + e): sigma(u) is s or e s by the sign of u, sigma' = e s^2."""
    e = np.exp(-np.abs(u))
    return e, 1 / (1 + e), np.log1p(e)


@pair(SHARES, [Logit])
def share_logit(family: Bernoulli, link: Logit, at: At) -> Rows:
    """loss = a* + log(1 + e^eta) - t eta, score mu - t, weight mu (1 - mu)."""
    eta, t, conjugate, level, _ = at
    e, s, tail = _logistic(eta)
    loss = np.maximum(eta, 0.0)
    loss -= t * eta  # exactly 0 at t = 1, eta > 0: the tail keeps its digits
    loss += tail
    loss += conjugate
    return _answer(level, loss, lambda: np.where(eta >= 0, s, e * s) - t, lambda: e * s * s)


@pair([Categorical], [Softmax])
def categorical_softmax(family: Categorical, link: Softmax, at: At) -> Rows:
    """loss = a* + log(1 + sum e^eta) - t . eta, score mu - t, weight diag(mu) - mu mu'."""
    eta, t, conjugate, level, _ = at
    top = np.maximum(eta.max(axis=-1), 0.0)
    mu, rest = np.exp(eta - top[:, None]), np.exp(-top)
    total = rest + mu.sum(axis=-1)
    loss = conjugate + (top - np.einsum("nd,nd->n", t, eta)) + np.log(total)
    mu /= total[:, None]
    return _answer(level, loss, lambda: mu - t, lambda: _covariance(mu, rest / total))


def _covariance(mu: FloatArray, rest: FloatArray) -> FloatArray:
    """diag(mu) - mu mu', with diagonal mu_j sum_(l != j) mu_l, which never cancels; mu_k = `rest`."""
    weight = mu[:, :, None] * -mu[:, None, :]
    diagonal = np.einsum("njj->nj", weight)
    diagonal[:] = 0.0
    diagonal[:] = mu * rest[:, None] - weight.sum(axis=-1)
    return weight


@pair(SHARES, [Probit, CLogLog, LogLog, Cauchit])
def share_tolerance(family: Bernoulli, link: Probit, at: At) -> Rows:
    """loss = a* - t log F - (1 - t) log S, with u = f/F and v = f/S: score (1 - t) v - t u, weight u v.

    observed: (1 - t) v' - t u'.
    """
    eta, t, conjugate, level, observed = at
    loss = conjugate - t * link.log_cdf(eta) - (1 - t) * link.log_sf(eta)
    if level == Level.VALUE:
        return Rows(np.maximum(loss, 0.0))
    u, v = link.reversed_hazard(eta), link.hazard(eta)
    down, up = t * u, (1 - t) * v

    def weight() -> FloatArray:
        if observed:
            return np.asarray(up * link.dlog_hazard(eta) - down * link.dlog_reversed_hazard(eta))
        return np.asarray(u * v)

    return _answer(level, loss, lambda: up - down, weight)


@pair([Gamma], [Log])
def gamma_log(family: Gamma, link: Log, at: At) -> Rows:
    """loss = a* + r + eta at r = t / mu; score 1 - r; weight 1, observed r."""
    eta, t, conjugate, level, observed = at
    r = np.exp(-eta)
    r *= t
    loss = r + eta
    loss += conjugate
    _sharpen(loss, r, 0.0)
    return _answer(level, loss, lambda: 1 - r, lambda: r if observed else np.ones_like(eta))


@pair([Gamma], [Inverse])
def gamma_inverse(family: Gamma, link: Inverse, at: At) -> Rows:
    """loss = a* + t eta - log eta, score t - mu, weight mu^2: canonical but for the sign."""
    eta, t, conjugate, level, _ = at
    inside = eta > 0
    mu = np.where(inside, 1 / eta, t)
    r = t * eta
    loss = np.where(inside, conjugate + r - np.log(eta), np.inf)
    _sharpen(loss, r, 0.0)
    return _answer(level, loss, lambda: t - mu, lambda: np.where(inside, np.square(mu), 0.0))


@pair([InverseGaussian], [Log])
def inverse_gaussian_log(family: InverseGaussian, link: Log, at: At) -> Rows:
    """loss = a* (r - 1)^2 at r = t / mu; score (1 - r) / mu; weight 1 / mu, observed (2 r - 1) / mu."""
    eta, t, conjugate, level, observed = at
    e = np.exp(-eta)
    r = t * e
    loss = conjugate * np.square(r - 1)
    return _answer(level, loss, lambda: e * (1 - r), lambda: e * (2 * r - 1) if observed else e)


@pair([NegativeBinomial], [Log])
def negative_binomial_log(family: NegativeBinomial, link: Log, at: At) -> Rows:
    """At u = eta - log theta, q = sigma(u): loss = a* + (t + theta) log(1 + e^u) - t u, without t u where that cancels.

    score theta q - t (1 - q); weight theta q, observed (t + theta) q (1 - q).
    """
    eta, t, conjugate, level, observed = at
    theta = family.theta
    u = eta - np.log(theta)
    e, s, loss = _logistic(u)
    loss *= t + theta
    loss += np.where(u > 0, theta, -t) * u
    loss += conjugate
    q = np.where(u >= 0, s, e * s)

    def weight() -> FloatArray:
        return (t + theta) * (e * s * s) if observed else theta * q

    return _answer(level, loss, lambda: theta * q - t * np.where(u >= 0, e * s, s), weight)


@pair([Tweedie], [Log])
def tweedie_log(family: Tweedie, link: Log, at: At) -> Rows:
    """At A = mu^(2-p), r = t / mu: loss = a* + A (1 / (2-p) - r / (1-p)).

    score A (1 - r); weight A, observed A (2 - p - (1-p) r).
    """
    if family.parent is not None:
        return rows(family.parent, link, *at)
    eta, t, conjugate, level, observed = at
    p = family.power
    r = np.exp(-eta)
    A = 1 / np.sqrt(r) if p == 1.5 else np.exp((2 - p) * eta)  # the usual power spares an exponential
    r *= t
    loss = r / (p - 1)
    loss += 1 / (2 - p)
    loss *= A
    loss += conjugate
    _sharpen(loss, r, 2 - p, A)
    return _answer(level, loss, lambda: A * (1 - r), lambda: A * (2 - p - (1 - p) * r) if observed else A)


TWINS: dict[Form, str] = {
    gaussian_identity: "",
    count_log: "",
    share_logit: "",
    categorical_softmax: "",
    gamma_log: "",
    negative_binomial_log: "theta",
    tweedie_log: "power",
}
"""Forms with a twin of the same name in `kernels.rows`, and the parameter of the family that it takes."""
