"""One pass of softmax with more coefficients than an information is written out for: implicit steps in blocks."""

from functools import partial
from typing import Any

import numpy as np
import pytest
from scipy.linalg import block_diag
from scipy.sparse import csr_array
from tests.laws.test_objective import objective_of

import expfam as ef
from expfam._typing import FloatArray
from expfam.families import Categorical
from expfam.information import Full
from expfam.response import Level
from expfam.solvers import blocks, problem, sgd
from expfam.solvers.blocks import Blocks, blank, learn, remembered

N, P, K = 2000, 39, 5
softmax = partial(ef.glm_arrays, family="categorical")


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """160 coefficients are many, and 640 rows a batch."""
    for room in (blocks, problem):
        monkeypatch.setattr(room, "WRITTEN_OUT", 100)
    monkeypatch.setattr(blocks, "FIRST", 256)


@pytest.fixture
def to_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """One batch of all rows, whose minimum is found to all digits."""
    monkeypatch.setattr(blocks, "FIRST", N)
    monkeypatch.setattr(blocks, "SMALL", 1e-16)


def rows(seed: int = 0, n: int = N, size: float = 0.4) -> tuple[FloatArray, FloatArray]:
    """Columns in units of every size, and classes that they tell apart for most rows."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, P))
    eta = X @ (size * rng.normal(size=(P, K)))
    return X * 10.0 ** rng.integers(-3, 4, P) + 5, (eta + rng.gumbel(size=(n, K))).argmax(axis=1).astype(float)


def missing(close: ef.Fit, exact: ef.Fit) -> float:
    """The share of the reduction of the deviance that is missing."""
    return (close.deviance - exact.deviance) / (exact.null_deviance - exact.deviance)


@pytest.mark.parametrize("strength", [0.0, 1e-3])
@pytest.mark.parametrize("seed", range(4))
def test_one_pass_is_near(seed: int, strength: float) -> None:
    """In batches of 640, 640 and 720 rows: what classes share is forgotten with the rows, and costs up to 3% where
    classes are as mixed, and rows as few, as here; digits, which are neither, are within 1% (tests/oracles)."""
    penalty = ef.Ridge(strength) if strength else None
    exact, close = (softmax(*rows(seed), penalty=penalty, solver=s, seed=seed) for s in ("newton", "sgd"))
    assert abs(missing(close, exact)) < 0.03
    assert close.learning_curve()["rows"].tolist() == [640, 1280, 2000]
    assert close.covariance is None


def test_more_passes_come_closer() -> None:
    exact, one, five = (softmax(*rows(), solver=s) for s in ("newton", ef.SGD(), ef.SGD(passes=5)))
    assert 0 <= missing(five, exact) < missing(one, exact)


def test_the_loss_of_rows_before_they_were_learned_from() -> None:
    """Of the first batch it is that of the null model, whose theta is the start."""
    close = softmax(*rows(), solver=ef.SGD(shuffle=False))
    y, share = rows()[1][:640].astype(int), np.bincount(rows()[1].astype(int)) / N
    assert close.learning_curve()["loss"][0] == pytest.approx(-np.log(share[y]).mean(), rel=1e-10)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"penalty": ef.Ridge(0.01)},
        {"weights": np.random.default_rng(5).uniform(0.0, 3.0, N)},
        {"weights": np.random.default_rng(6).integers(1, 4, N), "weights_kind": "frequency"},
        {"offset": np.random.default_rng(7).normal(size=(N, K - 1))},
    ],
    ids=["plain", "ridge", "weights", "frequency", "offset"],
)
@pytest.mark.usefixtures("to_the_end")
def test_one_batch_is_the_exact_fit(options: dict[str, Any]) -> None:
    """All rows at hand: what is left is that of a pseudo-row in a million."""
    exact, close = (softmax(*rows(), solver=s, **options) for s in ("newton", ef.SGD(prior=1e-9)))
    assert close.predict() == pytest.approx(exact.predict(), abs=1e-6)
    assert close.deviance == pytest.approx(exact.deviance, rel=1e-9)


def test_storage_and_threads_change_nothing() -> None:
    """Sparse rows are the same rows; 1 and 2 threads give the same bits."""
    X, y = rows()
    X = np.where(np.abs(X - 5) > 1, X, 0.0)
    dense, sparse = (softmax(x, y, solver="sgd", penalty=ef.Ridge(0.01)) for x in (X, csr_array(X)))
    assert sparse.predict() == pytest.approx(dense.predict(), abs=1e-3)  # steps end where none is worth taking
    with ef.threads(1):
        assert np.array_equal(softmax(X, y, solver="sgd", penalty=ef.Ridge(0.01)).coef, dense.coef)


def test_repeated_columns_classes_that_come_late_and_rows_of_no_weight() -> None:
    """Nothing is definite but by the pseudo-rows, and nothing runs away."""
    X, y = rows(size=0.1)
    late = np.r_[np.sort(y[:1000]), y[1000:]]
    weights = np.r_[np.zeros(300), np.ones(N - 300)]
    doubled = np.column_stack([X, X[:, :3]])
    solver = ef.SGD(shuffle=False)
    exact, close = (softmax(x, late, weights=weights, solver=s) for x, s in ((X, "newton"), (doubled, solver)))
    assert exact.deviance < close.deviance < exact.null_deviance
    assert np.isfinite(close.predict()).all()


def test_the_blocks_are_those_of_the_information() -> None:
    objective, theta = objective_of(Categorical(k=3))
    memory = remembered(objective, np.ones(40), blank(theta))
    whole = objective.loss(theta).hessian.matrix  # type: ignore[union-attr]
    p = len(theta)
    assert memory.blocks == pytest.approx(np.stack([whole[:p, :p], whole[p:, p:]]), rel=1e-12)
    assert memory.curvature == pytest.approx(sum(np.diag(whole)[[0, p]]) / 2, rel=1e-12)  # intercepts
    twice = remembered(objective, np.full(40, 2.0), memory)
    assert twice.blocks == pytest.approx(2 * memory.blocks)
    assert (twice.rows, twice.weight) == (120, 2 * objective.weight)
    factors = tuple(Full(block).factor() for block in memory.blocks)
    assert Blocks(factors).solve(theta).T.ravel() == pytest.approx(
        np.linalg.solve(block_diag(*memory.blocks), theta.T.ravel())
    )


def test_a_step_is_implicit(monkeypatch: pytest.MonkeyPatch) -> None:
    """theta' = theta - M^-1 gradient of the batch at theta', M the blocks with the penalty of the rows before."""
    monkeypatch.setattr(blocks, "SMALL", 1e-20)
    first, theta = objective_of(Categorical(k=3))
    then, _ = objective_of(Categorical(k=3), seed=1)
    memory = remembered(first, np.ones(40), blank(theta))
    new = learn(then, np.ones(40), memory, 1e-12)
    slope = then(new, Level.GRADIENT).gradient
    past = memory.blocks + memory.weight * np.diag(first.penalty.diagonal)
    step = np.stack([np.linalg.solve(block, part) for block, part in zip(past, slope.T, strict=True)], axis=1)
    assert new == pytest.approx(theta - step, abs=1e-8)
    assert not np.allclose(new, theta, atol=0.01)


@pytest.mark.parametrize("options", [{"batch": 32}, {"update": "explicit"}], ids=str)
def test_who_asks_for_other_steps_has_them(options: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows a step that were asked for, explicit steps, and more columns than blocks have memory for."""

    def refuse(*_: object) -> None:
        raise AssertionError("in blocks")

    monkeypatch.setattr(sgd, "in_blocks", refuse)
    assert np.isfinite(softmax(*rows(), solver=ef.SGD(**options)).coef).all()
    monkeypatch.setattr(blocks, "WIDEST", P)
    monkeypatch.setattr(sgd, "WRITTEN_OUT", 100)
    assert np.isfinite(softmax(*rows(), solver="sgd").coef).all()
    monkeypatch.setattr(blocks, "WIDEST", P + 1)
    with pytest.raises(AssertionError, match="in blocks"):
        softmax(*rows(), solver="sgd")
