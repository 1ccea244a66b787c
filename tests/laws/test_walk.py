"""Rows one after the other: compiled steps are what the definition says, for every pair, rule and storage; what is lazy
is what would be done at once; averages, weights, workers and errors are what they are said to be."""

from dataclasses import replace
from itertools import product
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numba import njit
from scipy.sparse import csr_array, random_array
from tests.laws._cases import FAMILY_CASES, LINK_CASES, exponential, label, means

import expfam as ef
from expfam.design import Columns, assemble
from expfam.design.rows import layout
from expfam.design.standard import standardise
from expfam.families import Bernoulli, Categorical, ExponentialFamily, Gamma, Gaussian, InverseGaussian, Poisson
from expfam.inference import pivot
from expfam.kernels import debt, steps, steps_classes, steps_definition, walk_batches, walk_definition
from expfam.kernels import walk as walk_rows
from expfam.kernels.pace import Ask, Average, Clock, Rule, State, Update
from expfam.kernels.pairs import domain, pair
from expfam.kernels.pointer import number, pointer, run
from expfam.kernels.scores import score
from expfam.kernels.scores import weight as weighted
from expfam.links import Identity, Link, Log, Logit, Probit, Softmax, link
from expfam.objective import Data, Objective
from expfam.penalties import ElasticNet, NoPenalty, Penalty, PenaltyForm, Ridge
from expfam.response import Level, rows
from expfam.solvers.course import CLASSES
from expfam.solvers.trail import How, Trail, errors, estimate, start, widened
from expfam.solvers.walk import walk

PAIRS = [(f, g) for f, g in product(FAMILY_CASES, LINK_CASES) if not (f.vector or g.vector) and pair(f, g)]
every_pair = pytest.mark.parametrize(("family", "link"), PAIRS, ids=label)


def numbers(family: ExponentialFamily, link: Link) -> tuple[Any, ...]:
    """The pair as kernels take it."""
    found = pair(family, link)
    assert found is not None
    return tuple(float(x) if isinstance(x, float) else int(x) for x in found)


def places(family: ExponentialFamily, link: Link, u: np.ndarray) -> np.ndarray:
    """eta inside the domain, at places u of the line."""
    low, high = domain(family, link)
    if np.isinf(low) and np.isinf(high):
        return 2 * u
    if np.isfinite(low) and np.isfinite(high):
        return low + (high - low) / (1 + np.exp(-u))
    return low + np.exp(u) if np.isfinite(low) else high - np.exp(u)


def responses(family: ExponentialFamily, n: int, rng: np.random.Generator) -> np.ndarray:
    """t at the edges of the support too."""
    low, high = family.mean_domain
    if high == 1:
        return rng.choice([0.0, 0.3, 1.0], n)
    if low < 0:
        return rng.normal(size=n)
    return np.ceil(rng.gamma(1, 3, n)) - (0 if family.outside(np.zeros(1))[0] else rng.integers(0, 2, n))


def slow(family: ExponentialFamily, link: Link, eta: np.ndarray, t: np.ndarray) -> np.ndarray:
    """The score by `response`."""
    found = rows(family, link, eta, t, np.zeros(len(eta)), Level.GRADIENT).score
    assert found is not None
    return found


@njit(error_model="numpy")
def scores(pair, eta, t):  # type: ignore[no-untyped-def]
    out = np.empty_like(eta)
    for i in range(len(eta)):
        out[i] = score(pair, eta[i], t[i])
    return out


@njit(error_model="numpy")
def weights(pair, eta):  # type: ignore[no-untyped-def]
    out = np.empty_like(eta)
    for i in range(len(eta)):
        out[i] = weighted(pair, eta[i])
    return out


@njit(error_model="numpy")
def stepped(pair, update, eta, t, k, unit, work):  # type: ignore[no-untyped-def]
    """z by the kernel at an address."""
    return number(update, (pair, eta, t, k, unit, pointer(work)))


@njit(error_model="numpy")
def stepped_classes(update, v, d):  # type: ignore[no-untyped-def]
    run(update, (pointer(v), d))


# ---- one row ----------------------------------------------------------------------------------------------------
@every_pair
def test_compiled_scores_of_every_pair(family: ExponentialFamily, link: Link) -> None:
    """To the last digits of terms that cancel, where the form or derivation of the pair is finite itself."""
    rng = np.random.default_rng(0)
    eta, t = places(family, link, rng.uniform(-4, 4, 200)), responses(family, 200, rng)
    want, bare = slow(family, link, eta, t), slow(family, link, eta, np.zeros(200))
    loss = rows(family, link, eta, t, np.zeros(200), Level.VALUE).loss
    with np.errstate(all="ignore"):
        normal = family.variance(link.inverse(eta)) > 1e-290
    known = np.isfinite(loss) & np.isfinite(want) & np.isfinite(bare) & normal
    assert known.mean() > 0.6
    size = np.abs(want[known] - bare[known]) + np.abs(bare[known])
    edge = np.min(
        np.abs(np.subtract.outer(eta[known], [b for b in domain(family, link) if np.isfinite(b)])), axis=1, initial=1.0
    )
    assert (np.abs(scores(numbers(family, link), eta, t)[known] - want[known]) <= 1e-12 / edge * size + 1e-300).all()


@every_pair
def test_compiled_weights_of_every_pair(family: ExponentialFamily, link: Link) -> None:
    """h'^2 / V: the slope that a score is expected to have."""
    eta = places(family, link, np.linspace(-1, 1, 20))
    want = link.derivative(eta) ** 2 / family.variance(link.inverse(eta))
    assert weights(numbers(family, link), eta) == pytest.approx(want, rel=1e-10)


@every_pair
def test_the_domain_of_eta_ends_where_losses_do(family: ExponentialFamily, link: Link) -> None:
    for end, side in zip(domain(family, link), (-1, 1), strict=True):
        if np.isfinite(end):
            t = means(family, np.zeros(2))
            inside, outside = (
                rows(family, link, end + s * np.array([1e-3, 1e-2]), t, np.zeros(2), Level.VALUE).loss
                for s in (-side, side)
            )
            assert np.isfinite(inside).all()
            assert np.isinf(outside).all()


def test_tails_keep_their_digits() -> None:
    eta = np.array([-300.0, -35.0, -29.0, 29.0, 35.0, 300.0])
    for name, y in product(("probit", "cloglog", "loglog", "cauchit", "logit"), (0.0, 1.0)):
        g = link(name, Bernoulli())
        t = np.full(len(eta), y)
        assert scores(numbers(Bernoulli(), g), eta, t) == pytest.approx(
            slow(Bernoulli(), g, eta, t), rel=1e-12, abs=1e-300
        )


CONVEX = [(Gaussian(), Identity()), (Bernoulli(), Logit()), (Bernoulli(), Probit()), (Poisson(), Log()),
          (Gamma(), Log()), (Gamma(), link("inverse", Gamma())), (InverseGaussian(), link(None, InverseGaussian())),
          (ef.families.NegativeBinomial(0.7), Log()), (ef.families.Tweedie(1.5), Log()), (Poisson(), Identity()),
          (Bernoulli(), link("cloglog", Bernoulli()))]  # fmt: skip


@pytest.mark.parametrize(("family", "link"), CONVEX, ids=label)
@settings(max_examples=6, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), power=st.floats(-4, 2), outside=st.booleans())
def test_compiled_steps_are_the_definitions(
    family: ExponentialFamily, link: Link, seed: int, power: float, outside: bool
) -> None:
    """Small steps, large ones, and those that end at the edge of the domain or begin beyond."""
    rng = np.random.default_rng(seed)
    eta, t, k, ends = (
        places(family, link, rng.normal(size=1)),
        responses(family, 1, rng),
        10**power,
        domain(family, link),
    )
    if outside and np.isfinite(ends[0]):
        eta = ends[0] - rng.exponential(size=1)
    for update in Update:
        if update == Update.EXPLICIT and not ends[0] < eta[0] < ends[1]:
            continue
        at, work = steps.moved(int(update)), np.empty(steps.STAGES)
        z = stepped(numbers(family, link), at, float(eta[0]), float(t[0]), k, 1.0, work)
        want = steps_definition.moved(lambda u: slow(family, link, u, t), update, ends, eta, np.array([k]), 1.0)
        assert z == pytest.approx(want[0], rel=2e-9 if update == Update.IMPORTANCE else 1e-12, abs=1e-13)
        assert ends[0] < eta[0] - z < ends[1]


@every_pair
def test_the_flow_of_a_weight_is_the_flow_of_its_parts(family: ExponentialFamily, link: Link) -> None:
    rng = np.random.default_rng(1)
    given_pair, work, flow = numbers(family, link), np.empty(steps.STAGES), steps.moved(Update.IMPORTANCE)
    for eta, t, k in zip(
        places(family, link, rng.normal(size=8) / 2), responses(family, 8, rng), rng.exponential(0.05, 8), strict=True
    ):
        whole = stepped(given_pair, flow, eta, t, k, 1.0, work)
        part = stepped(given_pair, flow, eta, t, 0.3 * k, 1.0, work)
        both = part + stepped(given_pair, flow, eta - part, t, 0.7 * k, 1.0, work)
        left = eta - whole - np.array([b for b in domain(family, link) if np.isfinite(b)])
        if np.abs(left).min(initial=1.0) > 0.2 * np.abs(eta - left).min(initial=0.0):  # not stopped at the edge
            assert both == pytest.approx(whole, rel=1e-8, abs=1e-12)


def test_implicit_steps_of_classes_bear_any_rate() -> None:
    """u + k s(u) = eta, where the reference has no mean any more and k is 1e22, too."""
    for eta, k in product(([-800.0, 30.0, 900.0], [1e3, -1e3, 0.0], [0.1, 0.2, 0.3]), (1e-8, 1.0, 1e8, 1e22)):
        work = np.zeros((steps_classes.ROOM, 3))
        work[0], work[1], work[2] = eta, [1.0, 0.0, 0.0], k
        stepped_classes(steps_classes.moved(Update.IMPLICIT), work.reshape(-1), 3)
        z = work[steps_classes.Z]
        u = work[steps_classes.ETA] - z
        s = slow(Categorical(4), Softmax(), u[None], np.array([[1.0, 0.0, 0.0]]))[0]
        assert z / k == pytest.approx(s, rel=1e-6, abs=1e-12)
        assert np.abs(u).max() <= 2e3


@settings(max_examples=6, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), power=st.floats(-3, 2.5))
def test_steps_of_several_classes(seed: int, power: float) -> None:
    rng = np.random.default_rng(seed)
    eta, t, k = 2 * rng.normal(size=3), np.eye(4)[rng.integers(4)][:3], 10**power * rng.exponential(size=3)
    family = Categorical(4)
    for update in Update:
        work = np.zeros((steps_classes.ROOM, 3))
        work[:3] = eta, t, k
        stepped_classes(steps_classes.moved(update), work.reshape(-1), 3)
        z = work[steps_classes.Z]
        want = steps_definition.moved(
            lambda u: slow(family, Softmax(), u[None], t[None])[0], update, (-np.inf, np.inf), eta, k, 1.0
        )
        assert z == pytest.approx(want, rel=1e-8, abs=1e-10)


# ---- many rows --------------------------------------------------------------------------------------------------
P, DENSE, NONZEROS = 9, 3, 2


def some_rows(n: int, rng: np.random.Generator) -> tuple[np.ndarray, ...]:
    """Three dense columns and two nonzeros of six others."""
    dense = rng.normal(size=(n, DENSE))
    dense[:, 0] = 1
    dense[rng.random(n) < 0.5, 1] = 0
    indices = np.stack([rng.choice(np.arange(DENSE, P), NONZEROS, replace=False) for _ in range(n)])
    return dense, np.arange(n + 1) * NONZEROS, indices.astype(np.uint32).ravel(), rng.normal(size=n * NONZEROS)


def blank(d: int, ask: Ask) -> State:
    state = State(*(np.zeros((P, d)) for _ in State._fields))
    return state._replace(local=np.ones((P, d))) if ask.rule in (Rule.CONSTANT, Rule.INVERSE) else state


def flat(state: State) -> State:
    return State(*(np.ascontiguousarray(part.T).ravel() for part in state))


def weight_of(family: ExponentialFamily, link: Link) -> Any:
    """h'^2 / V, or of classes the covariance of the indicators."""

    def weight(eta: np.ndarray) -> np.ndarray:
        mu = link.inverse(eta[None] if family.vector else eta)
        if family.vector:
            return np.diag(mu[0]) - np.outer(mu[0], mu[0])
        return np.diag(link.derivative(eta) ** 2 / family.variance(mu))

    return weight


TWINS = [(Bernoulli(), Logit()), (Poisson(), Identity()), (Categorical(4), Softmax())]


@pytest.mark.parametrize("rule", Rule)
@pytest.mark.parametrize("update", Update)
@pytest.mark.parametrize(("family", "link"), TWINS, ids=label)
@settings(max_examples=3, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    average=st.sampled_from(Average),
    penalised=st.integers(0, 2),
    batch=st.sampled_from([1, 5]),
)
def test_compiled_walks_are_the_definition(
    family: ExponentialFamily, link: Link, update: int, rule: int, seed: int, average: int, penalised: int, batch: int
) -> None:
    """Every array and number of the state, for every rule: dense and sparse columns, weights, some 0, and offsets."""
    if rule == Rule.ADAM and update != Update.EXPLICIT:
        return
    rng = np.random.default_rng(seed)
    n, d = 12, 3 if family.vector else 1
    ask = Ask(int(update), int(rule), int(average), 7, batch, penalised, 0.1, 0.1, 0.6, 9.0, 5.0, 1.0)
    x, w, offset = (
        some_rows(n, rng),
        rng.choice([0.0, 1.0, 2.5], n),
        0.1 * rng.normal(size=(n, d)) + (5.0 if isinstance(link, Identity) else 0),
    )
    t = family.T(rng.integers(0, 4 if d > 1 else 2, n).astype(float)).reshape(n, d)
    given_pair = tuple(CLASSES) if d > 1 else numbers(family, link)
    strength = np.full(P, 0.05), np.full(P, 0.02)
    known, clock = blank(d, ask), np.zeros(len(Clock))
    shape, ends = ((1, d), (-np.inf, np.inf)) if d > 1 else ((1,), domain(family, link))
    own = walk_definition.Family(
        lambda u, i: slow(family, link, u.reshape(shape), t[i].reshape(shape)).ravel(), weight_of(family, link), ends
    )
    eta, reached, why = walk_definition.walk(own, x, (w, offset), ask, strength, known, clock)
    twins: list[Any] = [walk_batches]
    if d == 1 and batch == 1 and rule != Rule.ADAM:
        twins.append(walk_rows)
    for twin in twins:
        state, ticks = flat(blank(d, ask)), np.zeros(len(Clock))
        seen, work = np.full(n * d, np.nan), np.zeros(twin.space(batch, d, P * d))
        out = seen, work, (steps if d == 1 else steps_classes).moved(ask.update), debt.pay()
        last, reason = twin.walk(
            given_pair, x, (t, w, offset), ask, tuple(np.tile(s, d) for s in strength), state, ticks, out
        )
        assert (last, reason) == (reached, why)
        assert ticks == pytest.approx(clock, rel=1e-9)
        assert seen.reshape(n, d) == pytest.approx(eta, rel=1e-7, abs=1e-8, nan_ok=True)
        for name, got, want in zip(State._fields, state, flat(known), strict=True):
            assert got == pytest.approx(want, rel=1e-6, abs=1e-7), name


RULES = [
    ("constant", "implicit"),
    ("inverse", "importance"),
    ("adagrad", "implicit"),
    ("normalised", "importance"),
    ("adam", "explicit"),
]


# ---- storage ----------------------------------------------------------------------------------------------------
def columns(kind: str, n: int, rng: np.random.Generator) -> tuple[Columns, ...]:
    a, b, wide = rng.integers(0, 3, n), rng.integers(0, 4, n), rng.integers(0, 1500, n)
    thin = csr_array(np.where(rng.random((n, 5)) < 0.3, rng.normal(size=(n, 5)), 0.0))
    ones, numeric = Columns(("Intercept",)), Columns(("x0", "x1"), values=rng.normal(2, 3, size=(n, 2)))
    treated = Columns(("a1", "a2"), a, 3, None, np.array([1, 2]))
    helmert = Columns(("b1", "b2", "b3"), b, 4, None, np.array([[-1.0, -1, -1], [1, -1, -1], [0, 2, -1], [0, 0, 3]]))
    slopes = Columns(("s0", "s1", "s2"), a, 3, rng.normal(size=(n, 1)))
    return {
        "dense": (ones, numeric),
        "coded": (ones, treated, helmert),
        "slopes": (slopes, ones),
        "sparse": (ones, Columns(tuple("vwxyz"), sparse=thin)),
        "wide": (treated, Columns(tuple(f"w{j}" for j in range(1, 1500)), wide, 1500, None, np.arange(1, 1500))),
        "mixed": (numeric, helmert, ones, Columns(tuple("vwxyz"), sparse=thin), treated),
    }[kind]


@pytest.mark.parametrize("standard", [False, True])
@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize("kind", ["dense", "coded", "slopes", "sparse", "wide", "mixed"])
def test_rows_in_the_coordinates_of_the_coefficients(kind: str, compiled: bool, standard: bool) -> None:
    """x_i written out is the row of X; in standard coordinates the row times the scale, stored numbers centred."""
    rng = np.random.default_rng(3)
    n = 60
    terms = columns(kind, n, rng)
    design = assemble(terms, n, compiled)
    X = np.concatenate([term.dense(n) for term in terms], axis=1)
    if standard:
        design, found = standardise(design, np.ones(n), np.zeros(design.p, bool), np.zeros(design.p))
        numeric = np.array([name.startswith("x") and len(name) == 2 for name in found.names])
        X = (X - np.where(numeric, found.centre - found.stored, 0.0)) * found.scale
        X = X[:, found.kept]
    for at in (slice(0, n), slice(7, 31), rng.permutation(n)[:20]):
        plan = layout(design)
        dense, indptr, indices, values = plan.rows(design.take(at))
        written = np.zeros((len(dense), design.p))
        written[:, : dense.shape[1]] = dense
        np.add.at(written, (np.repeat(np.arange(len(dense)), np.diff(indptr)), indices.astype(int)), values)
        np.testing.assert_allclose(written[:, np.argsort(plan.order)], X[at], rtol=1e-12, atol=1e-12)
        assert dense.flags.c_contiguous


@pytest.mark.parametrize("average", ["polyak", None])
@pytest.mark.parametrize("batch", [1, 7])
@pytest.mark.parametrize(("step", "update"), RULES)
def test_a_zero_is_the_same_stored_or_not(step: str, update: str, batch: int, average: str | None) -> None:
    """Columns of many zeros as numbers and as nonzeros: the same steps. Adam's moments go on without a gradient."""
    rng = np.random.default_rng(4)
    n = 300
    X = np.where(rng.random((n, 4)) < 0.2, rng.normal(size=(n, 4)), 0.0)
    y = (rng.random(n) < 0.4).astype(float)
    how, found = How(update, step, 0.05, 0.01, average=average, burn_in=20.0, batch=batch), []
    for term in (Columns(tuple("abcd"), values=X), Columns(tuple("abcd"), sparse=csr_array(X))):
        design = assemble((term,), n, False)
        data = Data(design, y, Bernoulli().conjugate(y), np.ones(n), None)
        goal = Objective(Bernoulli(), Logit(), NoPenalty().bind(design.names), data)
        found.append(estimate(walk(goal, begun(goal, how), how), how, goal.penalty))
    assert found[0] == pytest.approx(found[1], rel=1e-12)
    assert found[0].all()


@pytest.mark.parametrize("average", ["polyak", "exponential"])
@pytest.mark.parametrize("penalty", [Ridge(0.3), Ridge(30.0), ElasticNet(0.002, 1.0)], ids=str)
@pytest.mark.parametrize("step", ["constant", "adagrad"])
def test_an_average_counts_what_falls_off_while_it_waits(step: str, penalty: Penalty, average: str) -> None:
    """Columns that come at every row, zero or not, pay at every row; the others when they come again."""
    rng = np.random.default_rng(4)
    n = 300
    X = np.where(rng.random((n, 3)) < 0.1, rng.normal(size=(n, 3)), 0.0)
    y, w = (rng.random(n) < 0.4).astype(float), rng.choice([0.5, 1.0, 2.0], n)
    how, found = How("implicit", step, 0.1, average=average, burn_in=70.0, half_life=30.0), []
    for term in (Columns(tuple("abc"), values=X), Columns(tuple("abc"), sparse=csr_array(X))):
        data = Data(assemble((term,), n, False), y, Bernoulli().conjugate(y), w, None)
        goal = Objective(Bernoulli(), Logit(), penalty.bind(data.design.names), data)
        found.append(estimate(walk(goal, begun(goal, how), how), how, goal.penalty))
    assert found[0] == pytest.approx(found[1], rel=1e-9, abs=1e-15)
    assert found[0].any()


@pytest.mark.parametrize("strength", [0.05, 1.0])
@pytest.mark.parametrize("options", [{}, {"passes": 5}, {"average": "exponential"}, {"workers": 2}], ids=str)
def test_a_penalty_holds_the_average_of_rare_columns(options: dict[str, Any], strength: float) -> None:
    """A few numbers near zero throw a coefficient far: the objective still ends below that of the mean alone."""
    rng = np.random.default_rng(7)
    X = random_array((500, 3000), density=0.01, format="csr", rng=rng)
    y = X[:, :20].sum(axis=1) * 2 + rng.normal(size=500)
    solver = ef.SGD(step="normalised", **options)
    c = ef.glm_arrays(X, y, penalty=Ridge(strength), solver=solver).coef
    assert np.mean((y - c[0] - X @ c[1:]) ** 2) + strength * c[1:] @ c[1:] < y.var()


# ---- trails -----------------------------------------------------------------------------------------------------
def objective(
    n: int = 300, seed: int = 0, family: ExponentialFamily | None = None, penalty: PenaltyForm | None = None
) -> Objective:
    """Numbers, a factor, a sparse column block; weights and offsets."""
    rng = np.random.default_rng(seed)
    family = Bernoulli() if family is None else family
    design = assemble(columns("mixed", n, rng), n, False)
    y = rng.integers(0, family.k if isinstance(family, Categorical) and family.k else 2, n).astype(float)
    shape = (n, 2) if family.vector else (n,)
    data = Data(design, y, family.conjugate(family.T(y)), rng.choice([0.5, 1.0, 2.0], n), 0.1 * rng.normal(size=shape))
    return Objective(family, link(None, family), penalty or NoPenalty().bind(design.names), data)


def begun(objective: Objective, how: How) -> Trail:
    p = objective.data.design.p
    return start(np.zeros((p, 2) if objective.family.vector else p), how, objective.penalty)


def part(objective: Objective, lo: int, hi: int) -> Objective:
    return replace(objective, data=objective.data.take(slice(lo, hi)))


def same(one: Trail, other: Trail) -> bool:
    return all(np.array_equal(a, b) for a, b in zip((*one.state, one.clock), (*other.state, other.clock), strict=True))


@pytest.mark.parametrize(("step", "update"), RULES)
@pytest.mark.parametrize("family", [Bernoulli(), Categorical(3)], ids=label)
@pytest.mark.parametrize("average", ["polyak", "exponential", None])
def test_two_calls_are_one_to_the_last_bit(
    step: str, update: str, family: ExponentialFamily, average: str | None
) -> None:
    penalty = PenaltyForm(np.full(13, 0.01), None, np.full(13, 0.002))
    whole = objective(family=family, penalty=penalty)
    how = How(update, step, 0.05, 0.01, average=average, burn_in=20.0, half_life=30.0)
    before = begun(whole, how)
    once = walk(whole, before, how)
    twice = walk(part(whole, 101, 300), walk(part(whole, 0, 101), before, how), how)
    assert same(once, twice)
    assert once.progressive == pytest.approx(twice.progressive, rel=1e-12)
    assert not before.clock.any()
    assert not before.theta.any()


@pytest.mark.parametrize("step", ["constant", "inverse"])
@pytest.mark.parametrize("family", [Gaussian(), Bernoulli(), Poisson(), Categorical(3)], ids=label)
def test_a_weight_of_two_is_the_row_twice(step: str, family: ExponentialFamily) -> None:
    """By importance, under rules that count weight, and with a ridge to the splitting of the steps."""
    single = objective(60, family=family)
    how = How("importance", step, 0.05, 0.1, average=None)
    double = replace(single, data=replace(single.data, weight=2 * single.data.weight))
    twice = replace(single, data=single.data.take(np.repeat(np.arange(60), 2)))
    one, other = (walk(goal, begun(goal, how), how) for goal in (double, twice))
    assert one.theta == pytest.approx(other.theta, rel=1e-8, abs=1e-10)
    assert one.weight == pytest.approx(other.weight)


@pytest.mark.parametrize(("step", "update"), RULES)
def test_a_frequency_repeats_the_row(step: str, update: str) -> None:
    goal, how = objective(80), How(update, step, 0.05)
    times = np.random.default_rng(5).integers(0, 4, 80).astype(float)
    counted = replace(goal, data=replace(goal.data, weight=goal.data.weight * times))
    repeated = replace(goal, data=goal.data.take(np.repeat(np.arange(80), times.astype(int))))
    assert same(walk(counted, begun(goal, how), how, times), walk(repeated, begun(goal, how), how))


@pytest.mark.parametrize("average", ["polyak", "exponential"])
def test_averages_are_the_means_of_the_iterates(average: str) -> None:
    """By weight, after the burn-in; against a walk that looks after every row."""
    goal = objective(120)
    how = How(step="adagrad", rate=0.3, average=average, burn_in=13.2, half_life=7.0)
    trail = last = begun(goal, how)
    total, mean = 0.0, np.zeros(13)
    for i in range(120):
        trail = walk(part(goal, i, i + 1), last, how)
        w = trail.weight - last.weight
        if average == "polyak":
            counted = min(w, max(trail.weight - 13.2, 0.0))
            mean, total = mean + counted * trail.theta, total + counted
        else:
            kept = 0.5 ** (w / 7.0)
            mean, total = kept * mean + (1 - kept) * trail.theta, kept * total + (1 - kept)
        last = trail
    want = mean / total
    assert estimate(walk(goal, begun(goal, how), how), how, goal.penalty) == pytest.approx(want, rel=1e-9, abs=1e-12)


def test_the_fading_average_does_not_overflow() -> None:
    goal, how = objective(300), How(step="constant", rate=0.01, average="exponential", half_life=0.1)
    trail = walk(goal, begun(goal, how), how)
    assert trail.clock[Clock.ANCHOR] > 0
    assert estimate(trail, how, goal.penalty) == pytest.approx(trail.theta, abs=0.01)


@pytest.mark.parametrize(
    "penalty", [PenaltyForm(np.full(13, 0.05)), PenaltyForm(np.zeros(13), None, np.full(13, 0.01))]
)
@pytest.mark.parametrize(("step", "update"), RULES[:4])
def test_lazy_penalties_are_those_of_every_row(step: str, update: str, penalty: PenaltyForm) -> None:
    """Paid for all columns after every row, and only when a column comes again: the same theta."""
    goal, how = objective(100, penalty=penalty), How(update, step, 0.1, 0.1, average=None)
    lazy = walk(goal, begun(goal, how), how)
    eager = begun(goal, how)
    absolute = np.zeros(13) if penalty.absolute is None else penalty.absolute
    for i in range(100):
        eager = walk(part(goal, i, i + 1), eager, how)
        state = State(*(a[:, None] if a.size else a for a in eager.state))
        walk_definition.pay(how.ask(penalty, 13), (penalty.diagonal, absolute), state, eager.clock, np.arange(13))
    assert estimate(lazy, how, penalty) == pytest.approx(eager.theta, rel=1e-9, abs=1e-12)
    assert (estimate(lazy, how, penalty) == 0).any() == absolute.any()


@pytest.mark.parametrize(("step", "update"), RULES)
def test_levels_that_come_later(step: str, update: str) -> None:
    """A trail widened when a column first comes is that of one which knew the column all the time."""
    rng = np.random.default_rng(9)
    X = np.where(rng.random((200, 6)) < 0.4, rng.normal(size=(200, 6)), 0.0)
    X[:100, [1, 4]] = 0.0
    y = rng.integers(0, 2, 200).astype(float)

    def goal(rows_: slice, held: list[int]) -> Objective:
        design = assemble(
            (Columns(tuple(f"x{j}" for j in held), sparse=csr_array(X[rows_][:, held])),), len(y[rows_]), False
        )
        data = Data(design, y[rows_], Bernoulli().conjugate(y[rows_]), np.ones(len(y[rows_])), None)
        return Objective(Bernoulli(), Logit(), NoPenalty().bind(design.names), data)

    how, early = How(update, step, 0.1), [0, 2, 3, 5]
    whole = walk(goal(slice(0, 200), list(range(6))), start(np.zeros(6), how, PenaltyForm(np.zeros(6))), how)
    first = walk(goal(slice(0, 100), early), start(np.zeros(4), how, PenaltyForm(np.zeros(4))), how)
    then = walk(goal(slice(100, 200), list(range(6))), widened(first, np.array(early), (6,), how), how)
    assert then.theta == pytest.approx(whole.theta, rel=1e-10)
    assert estimate(then, how, PenaltyForm(np.zeros(6))) == pytest.approx(
        estimate(whole, how, PenaltyForm(np.zeros(6)))
    )


@pytest.mark.parametrize(("step", "update"), RULES)
@pytest.mark.parametrize("average", ["polyak", "exponential", None])
def test_workers_are_averaged_whatever_the_machine(step: str, update: str, average: str | None) -> None:
    goal = objective(3000, penalty=PenaltyForm(np.full(13, 0.01)))
    rate = {"adam": 0.01}.get(step, 0.1)
    how = How(update, step, rate, average=average, half_life=100.0, workers=2)
    found = []
    for count in (1, 2):
        with ef.threads(count):
            found.append(walk(goal, begun(goal, how), how))
    assert same(*found)
    alone = walk(goal, begun(goal, how), replace(how, workers=1))
    assert not np.array_equal(alone.theta, found[0].theta)
    assert found[0].weight == pytest.approx(goal.data.weight.sum())
    assert found[0].rows == 3000
    if average == "polyak":
        exact = estimate(alone, how, goal.penalty)
        assert estimate(found[0], how, goal.penalty) == pytest.approx(exact, abs=0.3)


def test_one_worker_a_block_is_the_mean_of_two_walks() -> None:
    goal, how = objective(1000), How(step="constant", rate=0.05, workers=2)
    apart = [walk(part(goal, lo, lo + 500), begun(goal, how), replace(how, workers=1)) for lo in (0, 500)]
    weight = np.array([trail.weight for trail in apart])
    together = walk(goal, begun(goal, how), how)
    mean = weight @ [trail.theta for trail in apart] / weight.sum()
    bar = weight @ [estimate(trail, how, goal.penalty) for trail in apart] / weight.sum()
    assert together.theta == pytest.approx(mean, rel=1e-12)
    assert estimate(together, how, goal.penalty) == pytest.approx(bar, rel=1e-10)


@pytest.mark.parametrize("burn_in", [300.0, 700.0])
def test_workers_average_from_the_end_of_the_burn_in_on(burn_in: float) -> None:
    """Iterates that stay where they are have that for their mean, wherever in a round it begins."""
    goal, how = objective(1000), How(step="constant", rate=1e-9, burn_in=burn_in, workers=2)
    trail = walk(goal, start(np.ones(13), how, goal.penalty), how)
    assert estimate(trail, how, goal.penalty) == pytest.approx(np.ones(13), abs=1e-4)


SCATTERED = [(Bernoulli(), Logit(), -1.5), (Poisson(), Log(), 0.5), (Poisson(), Identity(), 1.0)]


@pytest.mark.parametrize("update", ["implicit", "importance", "explicit"])
@pytest.mark.parametrize(("family", "link", "eta"), SCATTERED, ids=["logit", "log", "identity"])
def test_steps_that_scatter_do_not_move_their_mean(
    family: ExponentialFamily, link: Link, eta: float, update: str
) -> None:
    """At a constant rate the average ends a tenth of a standard error from the optimum: neither the bend of the score
    nor slopes that go with the response carry it off."""
    rng, n, at = np.random.default_rng(11), 40_000, np.array([eta])
    mu = link.inverse(at)[0]
    y = (rng.random(n) < mu).astype(float) if family.mean_domain[1] == 1 else rng.poisson(mu, n).astype(float)
    data = Data(assemble((Columns(("a",)),), n, False), y, family.conjugate(y), np.ones(n), None)
    goal, how = Objective(family, link, NoPenalty().bind(("a",)), data), How(update, "constant", 0.05)
    found = estimate(walk(goal, start(at, how, goal.penalty), how), how, goal.penalty)
    error = 1 / np.sqrt(n * link.derivative(at) ** 2 / family.variance(link.inverse(at)))
    assert np.abs(found - link(np.array([y.mean()]))) < 0.1 * error


# ---- errors -----------------------------------------------------------------------------------------------------
def test_random_scaling_is_what_its_formula_says() -> None:
    goal = objective(640)
    how = How(step="adagrad", rate=0.3)
    trail, last, path = begun(goal, how), 0.0, []
    for lo in range(0, 640, 64):
        trail = walk(part(goal, lo, lo + 64), trail, how)
        path.append((trail.weight - last, trail.weight, estimate(trail, how, goal.penalty)))
        last = trail.weight
    V = sum(gap * weight**2 * (bar - path[-1][2]) ** 2 for gap, weight, bar in path) / last**2
    assert errors(trail, how) == pytest.approx(np.sqrt(V / last), rel=1e-6)
    with pytest.raises(ef.SolverError, match="polyak"):
        errors(trail, replace(how, average=None))


def test_random_scaling_covers_the_truth() -> None:
    """200 logistic streams of four coefficients: the 95% and 90% points of the pivot, to four binomial errors, and a
    bias of two points for the averages are not yet at their limit."""
    away, truth = [], np.array([-0.3, 0.5, -0.5, 0.2])
    how = How(update="implicit", step="inverse", rate=1.0, decay=0.02, power=0.6, burn_in=300.0)
    for seed in range(200):
        rng = np.random.default_rng(seed)
        X = np.column_stack([np.ones(4000), rng.normal(size=(4000, 3))])
        y = (rng.random(4000) < 1 / (1 + np.exp(-X @ truth))).astype(float)
        design = assemble((Columns(tuple("abcd"), values=X),), 4000, False)
        data = Data(design, y, Bernoulli().conjugate(y), np.ones(4000), None)
        goal = Objective(Bernoulli(), Logit(), NoPenalty().bind(design.names), data)
        trail = walk(goal, begun(goal, how), how)
        away.append((estimate(trail, how, goal.penalty) - truth) / errors(trail, how))
    for level in (0.90, 0.95):
        held = np.mean(np.abs(away) < pivot.critical(level))
        assert held == pytest.approx(level, abs=4 * np.sqrt(level * (1 - level) / np.size(away)) + 0.02)


def test_the_pivot_of_random_scaling_has_its_published_quantiles() -> None:
    """Abadir and Paruolo (1997), table I; and p values are their inverse, from 1 at 0 to 0 at infinity."""
    levels = (0.80, 0.90, 0.95, 0.98)
    assert [pivot.critical(level) for level in levels] == pytest.approx([3.875, 5.323, 6.747, 8.613], abs=6e-4)
    assert pivot.p_values(np.array([pivot.critical(level) for level in levels])) == pytest.approx(1 - np.array(levels))
    ends = pivot.p_values(np.array([[0.0, np.inf], [np.nan, -6.747]]))
    assert ends == pytest.approx(np.array([[1, 0], [np.nan, 0.05]]), abs=1e-5, nan_ok=True)


# ---- fits -------------------------------------------------------------------------------------------------------
def logistic(n: int = 20_000, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 6)) * [1, 1e3, 1e-3, 1, 1, 1] + [0, 0, 0, 5, 0, 0]
    eta = -0.5 + X @ [0.5, 3e-4, -300.0, 0.1, 0, 0]
    return X, (rng.random(n) < 1 / (1 + np.exp(-eta))).astype(float)


@pytest.mark.parametrize("update", ["implicit", "explicit", "importance"])
@pytest.mark.parametrize("step", ["normalised", "adagrad", "inverse", "constant"])
def test_one_pass_without_tuning_is_near(step: str, update: str) -> None:
    X, y = logistic()
    exact = ef.glm_arrays(X, y, family="bernoulli")
    close = ef.glm_arrays(X, y, family="bernoulli", solver=ef.SGD(update=update, step=step))
    assert (close.deviance - exact.deviance) / (exact.null_deviance - exact.deviance) < 0.02


@pytest.mark.parametrize("options", [{"workers": 2}, {"batch": 16}, {"average": "exponential"}, {"average": False}])
def test_other_options_come_near_too(options: dict[str, Any]) -> None:
    X, y = logistic()
    exact = ef.glm_arrays(X, y, family="bernoulli")
    close = ef.glm_arrays(X, y, family="bernoulli", solver=ef.SGD(step="normalised", **options))
    assert (close.deviance - exact.deviance) / (exact.null_deviance - exact.deviance) < 0.05


def test_absolute_penalties_leave_zeros() -> None:
    """Many passes end near the exact minimum, and the last iterate has its zeros; the averaged one need not."""
    X, y = logistic(4000)
    X = (X - X.mean(axis=0)) / X.std(axis=0)
    penalty = ef.ElasticNet(0.03, 0.8)
    exact = ef.glm_arrays(X, y, family="bernoulli", penalty=penalty)
    assert (exact.coef == 0).any()
    solver = ef.SGD(30, step="inverse", rate=0.05, decay=1.0, power=1.0, average=False)
    close = ef.glm_arrays(X, y, family="bernoulli", penalty=penalty, solver=solver)
    assert close.coef == pytest.approx(exact.coef, abs=0.02)
    assert set(np.flatnonzero(close.coef == 0)) >= set(np.flatnonzero(exact.coef == 0))


def test_means_stay_inside_their_domain() -> None:
    """An identity link for counts: implicit and exact steps end inside, explicit ones that leave are refused."""
    rng = np.random.default_rng(0)
    x = rng.uniform(0, 1, 3000)
    y = rng.poisson(0.2 + 2 * x).astype(float)
    exact = ef.glm_arrays(x[:, None], y, family="poisson", link="identity")
    for update in ("implicit", "importance"):
        solver = ef.SGD(update=update, step="normalised")
        close = ef.glm_arrays(x[:, None], y, family="poisson", link="identity", solver=solver)
        assert (close.deviance - exact.deviance) / (exact.null_deviance - exact.deviance) < 0.02
    with pytest.raises(ef.SolverError, match="update='implicit'"):
        ef.glm_arrays(
            x[:, None],
            y,
            family="poisson",
            link="identity",
            solver=ef.SGD(update="explicit", step="constant", rate=20.0),
        )


def test_a_family_of_ones_own_takes_the_definition() -> None:
    """The exponential distribution is the Gamma family: row by row the same walk."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=150)
    y = rng.exponential(np.exp(0.5 + 0.3 * x))
    solver = ef.SGD(step="normalised", shuffle=False)
    own, known = (ef.glm_arrays(x[:, None], y, family=f, link="log", solver=solver) for f in (exponential(), "gamma"))
    assert own.coef == pytest.approx(known.coef, rel=1e-6)


def test_two_classes_are_logistic() -> None:
    X, y = logistic(500)
    solver = ef.SGD(step="normalised")
    two, one = (ef.glm_arrays(X, y, family=f, solver=solver) for f in (Categorical(reference="0"), Bernoulli()))
    assert two.coef[:, 0] == pytest.approx(one.coef, rel=1e-9)


def test_what_cannot_be_is_refused() -> None:
    X, y = logistic(200)
    with pytest.raises(ef.SolverError, match="adam is only explicit"):
        ef.SGD(step="adam")
    with pytest.raises(ef.SolverError, match="implicit"):
        ef.SGD(step="information", update="explicit")
    with pytest.raises(ef.SolverError, match="ties them together"):
        ef.glm_arrays(X, y, penalty=ef.Ridge(np.eye(7)), solver=ef.SGD(step="normalised"))
    with pytest.raises(ef.SolverError, match=r"diverged after .* rows"):
        ef.glm_arrays(X, X[:, 0], solver=ef.SGD(update="explicit", step="constant", rate=1e4, batch=1))
