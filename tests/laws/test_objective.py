"""F is a sum over rows with the right derivatives, the same to the last bit for any number of threads."""

from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import replace
from itertools import pairwise, product
from multiprocessing import get_all_start_methods, get_context
from threading import current_thread, main_thread
from time import sleep

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from threadpoolctl import threadpool_info, threadpool_limits

import expfam as ef
from expfam.design import Columns, assemble
from expfam.families import FAMILIES, ExponentialFamily
from expfam.links import link
from expfam.objective import Data, Objective, chunks
from expfam.parallel import ahead, blas_threads, meanwhile, one_blas_thread, ordered_map, ordered_sum, thread_count
from expfam.penalties import NoPenalty, Ridge
from expfam.response import Level

PARAMETERS = {"negative_binomial": {"theta": 1.7}, "tweedie": {"power": 1.4}, "categorical": {"k": 3}}
EVERY = [cls(**PARAMETERS.get(name, {})) for name, cls in FAMILIES.items()]
CANONICAL = {"gaussian", "bernoulli", "binomial", "poisson", "categorical", "quasipoisson", "quasibinomial"}
every_family = pytest.mark.parametrize("family", EVERY, ids=lambda f: f.name)


def objective_of(
    family: ExponentialFamily, n: int = 40, seed: int = 0, observed: bool = False
) -> tuple[Objective, np.ndarray]:
    """A small problem of a family with its default link, and a theta whose means are inside their domain."""
    rng = np.random.default_rng(seed)
    codes = rng.integers(0, 3, n).astype(np.int32)
    columns = (
        Columns(("Intercept",)),
        Columns(("g[b]", "g[c]"), codes=codes, levels=3, contrast=np.array([1, 2])),
        Columns(("x",), values=rng.uniform(0, 1, (n, 1))),
    )
    d = 2 if family.vector else 1
    theta = np.array([0.7, 0.2, -0.1, 0.3])[:, None] * np.linspace(1, 0.5, d)
    y = {"categorical": rng.integers(0, 3, n), "bernoulli": rng.integers(0, 2, n)}.get(family.name)
    if y is None:
        shares = family.mean_domain == (0.0, 1.0)
        y = rng.integers(0, 5, n) / 4 if shares else rng.gamma(2, 1, n) + 0.1
    y = np.asarray(y, dtype=float)
    data = Data(assemble(columns, n, False), y, family.conjugate(family.T(y)), rng.uniform(0.5, 2, n), None)
    penalty = Ridge(0.1).bind(data.design.names)
    objective = Objective(family, link(None, family), penalty, data, observed)
    return objective, theta if family.vector else theta[:, 0]


@every_family
@pytest.mark.parametrize("level", [Level.GRADIENT, Level.HESSIAN])
def test_derivatives_by_differences(family: ExponentialFamily, level: Level) -> None:
    objective, theta = objective_of(family, observed=True)
    at = objective(theta)
    h = 1e-5
    for k in np.ndindex(theta.shape):
        step = np.zeros(theta.shape)
        step[k] = h
        up, down = objective(theta + step), objective(theta - step)
        if level == Level.GRADIENT:
            assert at.gradient[k] == pytest.approx((up.value - down.value) / (2 * h), rel=1e-6, abs=1e-6)
        else:
            column = k[0] if theta.ndim == 1 else k[1] * len(theta) + k[0]
            numeric = (up.gradient - down.gradient) / (2 * h)
            assert at.hessian.matrix[:, column] == pytest.approx(numeric.T.ravel(), rel=1e-5, abs=1e-6)


@pytest.mark.parametrize("family", [f for f in EVERY if f.name in CANONICAL], ids=lambda f: f.name)
def test_the_gradient_is_one_line(family: ExponentialFamily) -> None:
    """(9): X' [w (h - T) psi'], for every canonical pair X' [w (h - T)]: linear, logistic and softmax alike."""
    objective, theta = objective_of(family)
    data, maps = objective.data, objective.data.design.maps
    X = np.stack([data.design.forward(maps.forward(unit)) for unit in np.eye(data.design.p)], axis=1)
    h = objective.link.inverse(X @ theta)
    w = data.weight if h.ndim == 1 else data.weight[:, None]
    assert objective.loss(theta).gradient == pytest.approx(X.T @ (w * (h - family.T(data.y))))


@every_family
def test_the_diagonal_of_the_information(family: ExponentialFamily) -> None:
    objective, theta = objective_of(family, n=3000)
    expected = objective.loss(theta).hessian.diagonal
    found = objective.diagonal(theta)
    if theta.ndim == 1:
        assert found == pytest.approx(expected)
        return
    assert found[:, :-1].T.ravel() == pytest.approx(expected)
    full, p = objective.loss(theta).hessian.matrix, len(theta)
    assert found[:, -1] == pytest.approx([full[j::p, j::p].sum() for j in range(p)])


@every_family
@given(cut=st.integers(1, 39))
def test_rows_add_up(family: ExponentialFamily, cut: int) -> None:
    """(13): evaluate(A and B) = evaluate(A) + evaluate(B)."""
    objective, theta = objective_of(family)
    first, second = (replace(objective, data=objective.data.take(s)) for s in (slice(0, cut), slice(cut, 40)))
    both, whole = first.loss(theta) + second.loss(theta), objective.loss(theta)
    assert both.value == pytest.approx(whole.value)
    assert both.gradient == pytest.approx(whole.gradient, abs=1e-9)
    assert both.hessian.matrix == pytest.approx(whole.hessian.matrix, abs=1e-9)


@every_family
def test_a_weight_of_two_is_the_row_twice(family: ExponentialFamily) -> None:
    objective, theta = objective_of(family)
    data = objective.data
    doubled = replace(
        objective, data=replace(data, weight=2 * data.weight), penalty=NoPenalty().bind(data.design.names)
    )
    twice = replace(doubled, data=data.take(np.repeat(np.arange(data.n), 2)))
    assert doubled(theta).value == pytest.approx(twice(theta).value)
    assert doubled(theta).gradient == pytest.approx(twice(theta).gradient, abs=1e-9)


@pytest.mark.parametrize("family", ["poisson", "categorical"])
def test_threads_change_no_bit(family: str) -> None:
    """Many blocks, factors and numerics: one and two threads give identical results."""
    rng = np.random.default_rng(1)
    n = 70_000
    data = {"g": rng.choice(list("abcde"), n), "x": rng.normal(size=n), "z": rng.normal(size=n)}
    data["y"] = rng.poisson(np.exp(0.2 * data["x"])) if family == "poisson" else rng.choice(list("uvw"), n)
    fits = []
    for count in (1, 2, 3):
        with ef.threads(count):
            fits.append(ef.glm("y ~ g + x + z", data, family=family))
    for other in fits[1:]:
        assert np.array_equal(fits[0].coef, other.coef)
        assert np.array_equal(fits[0].vcov(), other.vcov())
        assert fits[0].deviance == other.deviance


def test_chunks_cover_the_rows_once() -> None:
    for n in (1, 5, 1024, 100_000, 1_000_003):
        design = assemble((Columns(("x",), values=np.broadcast_to(0.5, (n, 1))),), n, compiled=False)
        rows = np.broadcast_to(1.0, n)
        for cells, level in product((1, 60, 3000), (Level.GRADIENT, Level.HESSIAN)):
            bounds = chunks(Data(design, rows, rows, rows, None), cells, level)
            edges = [bounds[0][0], *(edge for chunk in bounds for edge in chunk[1:])]
            assert edges[0] == 0
            assert edges[-1] == n
            assert all(a < b for a, b in pairwise(edges))


@pytest.mark.parametrize("count", [1, 2, 5])
def test_the_ordered_fold(count: int) -> None:
    with ef.threads(count):
        assert ordered_map(str, range(20)) == [str(k) for k in range(20)]
        assert ordered_sum(lambda k: [k], range(20)) == list(range(20))


@pytest.mark.parametrize("items", [1, 4])
def test_a_block_has_one_blas_thread(items: int) -> None:
    """Also where there is one block only: results do not depend on threads, and threads(1) means one."""
    for found in ordered_map(lambda _: threadpool_info(), range(items)):
        assert {library["num_threads"] for library in found if library["user_api"] == "blas"} == {1}


def test_an_information_is_dear_where_its_tables_are_large() -> None:
    """Of small factors it costs a few reads of the rows, of large ones or of many columns far more."""

    def dearness(levels: int, factors: int, columns: int) -> float:
        rng, n = np.random.default_rng(0), 5000
        names = [tuple(f"g{k}[{j}]" for j in range(levels)) for k in range(factors)]
        coded = [Columns(name, codes=rng.integers(0, levels, n).astype(np.int16), levels=levels) for name in names]
        x = Columns(tuple(f"x{k}" for k in range(columns)), values=rng.normal(size=(n, columns)))
        data = Data(assemble((*coded, x), n, True), np.ones(n), np.zeros(n), np.ones(n), None)
        return Objective(EVERY[0], link(None, EVERY[0]), NoPenalty().bind(data.design.names), data).dearness

    assert 1 < dearness(4, 3, 2) < 4
    assert dearness(4, 3, 2) < dearness(90, 3, 2) < dearness(90, 6, 2)
    assert dearness(4, 3, 2) < dearness(4, 3, 20) < dearness(4, 3, 60)


@pytest.mark.parametrize("bad", [0, 1, 30])
def test_an_error_in_a_part_is_raised_and_the_rest_is_left(bad: int) -> None:
    done = []

    def part(k: int) -> int:
        if k == bad:
            raise ValueError(f"part {k}")
        sleep(0.002)
        done.append(k)
        return k

    with ef.threads(3), pytest.raises(ValueError, match=f"part {bad}"):
        ordered_map(part, range(60))
    assert len(done) < bad + 30


def test_folds_inside_folds_end() -> None:
    """More folds at once than threads wait for none that never begins."""
    with ef.threads(2):
        assert ordered_map(lambda k: ordered_sum(lambda j: [(k, j)], range(3)), range(20)) == [
            [(k, j) for j in range(3)] for k in range(20)
        ]


def blas_counts() -> list[int]:
    return [library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"]


def test_helpers_work_under_what_the_caller_has_set() -> None:
    """threads(n) in folds inside folds, and np.errstate: a warning from one thread and not from another is chance."""

    def part(_: int) -> tuple[int, float]:
        sleep(0.005)
        return thread_count(), float(np.float64(1e300) * np.float64(1e300))

    with ef.threads(3), np.errstate(over="ignore"):
        assert set(ordered_map(part, range(12))) == {(3, np.inf)}


def test_a_part_of_many_leaves_blas_alone() -> None:
    """However large its matrix: the other threads are busy with the other parts."""

    def part(_: int) -> list[int]:
        sleep(0.005)
        with blas_threads(10_000):
            return blas_counts()

    with ef.threads(3):
        assert {count for counts in ordered_map(part, range(12)) for count in counts} == {1}


@threadpool_limits.wrap(limits=2, user_api="blas")
def test_blas_is_given_back_by_threads_that_overlap() -> None:
    """One that came later leaves later, and found BLAS on the one thread of the other."""
    ways = [(copy_context(), one_blas_thread()) for _ in range(2)]
    for context, way in ways:
        context.run(way.__enter__)
    for after, (context, way) in zip((1, 2), ways, strict=True):
        context.run(way.__exit__, None, None, None)
        assert set(blas_counts()) == {after}


@threadpool_limits.wrap(limits=2, user_api="blas")
def test_blas_hears_every_thread() -> None:
    """A fit in a thread is the fit in the main one, to the last bit."""

    def alone() -> list[int]:
        with one_blas_thread():
            return blas_counts()

    with ThreadPoolExecutor(1) as other:
        assert set(other.submit(alone).result()) == set(alone()) == {1}
        assert set(other.submit(blas_counts).result()) == {2}


def test_an_exit_in_a_helper_is_an_exit() -> None:
    def part(_: int) -> None:
        sleep(0.002)
        if current_thread() is not main_thread():
            raise SystemExit(3)

    with ef.threads(3), pytest.raises(SystemExit):
        ordered_map(part, range(60))


def who_works() -> set[str]:
    """The threads that share a fold."""

    def part(_: int) -> str:
        sleep(0.005)
        return current_thread().name

    with ef.threads(3):
        return set(ordered_map(part, range(12)))


@pytest.mark.skipif("fork" not in get_all_start_methods(), reason="no processes are forked here")
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_a_forked_process_has_helpers_of_its_own() -> None:
    """Those of its parent did not come along."""
    here = who_works()
    with get_context("fork").Pool(1) as pool:
        there = pool.apply_async(who_works).get(timeout=60)
    assert len(there) == len(here) == 3


def test_no_threads_is_an_error() -> None:
    with pytest.raises(ef.SolverError, match="at least 1"), ef.threads(0):
        pass


@pytest.mark.parametrize("count", [1, 2, 4])
def test_what_is_made_ahead_comes_in_order_and_no_farther_ahead_than_one(count: int) -> None:
    made: list[int] = []

    def make(k: int) -> int:
        made.append(k)
        if k == 7:
            raise ZeroDivisionError
        return k * k

    def use() -> None:
        for k, square in enumerate(ahead(make, range(9))):
            assert square == k * k
            assert max(made) <= k + 1

    with ef.threads(count), pytest.raises(ZeroDivisionError):
        use()
    assert sorted(made) in ([*range(8)], [*range(8 if count == 1 else 9)])


def test_helpers_that_ask_for_helpers_do_not_wait_for_themselves() -> None:
    """Of one helper and this thread each makes some ahead, though none is left to make it."""
    with ef.threads(2):
        found = ordered_map(lambda k: [*ahead(lambda j: (k, j), range(3)), meanwhile(lambda: (k, 3))()], range(20))
    assert found == [[(k, j) for j in range(4)] for k in range(20)]
