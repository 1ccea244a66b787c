"""Options of steps of first order in whole fits: averages, batches, workers, weights and errors at their limits."""

import json
from typing import Any

import numpy as np
import pytest

import expfam as ef
from expfam.penalties import Penalty


def line(n: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Two columns and a response without noise."""
    X = np.random.default_rng(seed).normal(size=(n, 2))
    return X, X @ [1.0, 2.0] + 0.5


def test_a_fading_mean_that_hardly_fades_is_the_plain_mean() -> None:
    """The start has no more weight than any other iterate; one that fades at once is the last iterate."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(2000, 1))
    y = (rng.random(2000) < 0.5).astype(float)

    def coef(**options: Any) -> np.ndarray:
        return ef.glm_arrays(X, y, family="bernoulli", solver=ef.SGD(step="normalised", **options)).coef

    plain = coef(burn_in=0.0)
    assert coef(average="exponential", half_life=1e9) == pytest.approx(plain, rel=1e-6)
    assert coef(average="exponential", half_life=10.0) == pytest.approx(plain, rel=0.05)
    last = coef(average="exponential", half_life=1e-300)
    assert last == pytest.approx(coef(average="exponential", half_life=1e-9), rel=1e-12)
    assert np.isfinite(last).all()


@pytest.mark.parametrize("penalty", [ef.Ridge(0.1), ef.ElasticNet(0.1, 0.5), ef.Ridge(1e300)], ids=str)
def test_a_penalty_counts_in_a_mean_that_hardly_fades(penalty: Penalty) -> None:
    X, y = line(300)
    X[:, 1] = np.random.default_rng(2).random(300) < 0.03

    def coef(half_life: float) -> np.ndarray:
        solver = ef.SGD(step="normalised", average="exponential", half_life=half_life)
        return ef.glm_arrays(X, y, penalty=penalty, solver=solver).coef

    for half_life in (1e9, 1e14, 1e18, 1e300):
        assert coef(half_life) == pytest.approx(coef(1e6), rel=1e-5, abs=1e-8)


def test_a_state_that_does_not_tell_when_penalties_were_paid_goes_on() -> None:
    """That of an older version; at an even pace nothing is lost."""
    X, y = line(9000)
    frame = {"x": np.where(X[:, 0] > 1, X[:, 0], 0.0), "z": X[:, 1], "y": y}
    first, then = ({name: part[rows] for name, part in frame.items()} for rows in (slice(0, 8000), slice(8000, 9000)))
    whole = ef.OnlineGLM("y ~ x + z", penalty=ef.Ridge(0.3), solver=ef.SGD(step="adagrad")).partial_fit(first)
    state = json.loads(json.dumps(whole.state()))
    del state["digest"], state["memory"]["trail"]["state"]["since"]
    found = ef.OnlineGLM.from_state(state).partial_fit(then).fit.coef
    assert found == pytest.approx(whole.partial_fit(then).fit.coef, rel=1e-9)


@pytest.mark.parametrize("family", ["gaussian", "categorical"])
@pytest.mark.parametrize("batch", [301, 200_000, 10**12, 10**20])
def test_a_batch_of_more_rows_than_there_are_is_a_step_a_pass(batch: int, family: str) -> None:
    X, y = line(300)
    y = y if family == "gaussian" else np.digitize(y, [-1.0, 1.0])

    def coef(batch: int) -> np.ndarray:
        return ef.glm_arrays(X, y, family=family, solver=ef.SGD(step="normalised", batch=batch, shuffle=False)).coef

    assert np.array_equal(coef(batch), coef(300))


def test_more_workers_than_rows_have_a_row_each() -> None:
    X, y = line(50)
    fits = [ef.glm_arrays(X, y, solver=ef.SGD(step="normalised", workers=workers)) for workers in (50, 10**9)]
    assert np.array_equal(*(fit.coef for fit in fits))


@pytest.mark.parametrize("step", ["adagrad", "normalised"])
def test_a_mean_gradient_that_is_rounding_sets_no_rate(step: str) -> None:
    """At the null model that of the intercept is none, over all rows together."""
    X, y = line(300)
    y = y + np.random.default_rng(1).normal(size=300)
    fit = ef.glm_arrays(X, y, solver=ef.SGD(step=step, update="explicit", batch=300, passes=300))
    assert fit.coef == pytest.approx(ef.glm_arrays(X, y).coef, rel=1e-6)


@pytest.mark.parametrize("step", ["constant", "inverse", "adagrad", "normalised"])
@pytest.mark.parametrize("update", ["explicit", "implicit", "importance"])
def test_a_frequency_is_its_rows(update: str, step: str) -> None:
    rng = np.random.default_rng(0)
    x = np.concatenate([5 * rng.normal(size=50), 0.1 * rng.normal(size=500)])[:, None]
    k = np.repeat([20, 1], [50, 500])
    y = 1 + 0.5 * x[:, 0] + rng.normal(size=550)
    solver = ef.SGD(update=update, step=step, shuffle=False, average=False, batch=1)
    counted = ef.glm_arrays(x, y, weights=k.astype(float), weights_kind="frequency", solver=solver)
    written = ef.glm_arrays(np.repeat(x, k, axis=0), np.repeat(y, k), solver=solver)
    assert counted.coef == pytest.approx(written.coef, rel=1e-9)


def test_a_row_of_hardly_any_weight_sets_no_rate() -> None:
    X, y = line(300)
    solver = ef.SGD(update="explicit", step="constant", shuffle=False, average=False, batch=1)
    far = ef.glm_arrays(
        np.vstack([X, [[1e4, 0.0]]]), np.append(y, 0.0), weights=np.append(np.ones(300), 1e-12), solver=solver
    )
    assert far.coef == pytest.approx(ef.glm_arrays(X, y, solver=solver).coef, rel=0.01)


def test_a_path_of_few_points_has_no_errors() -> None:
    """Random scaling compares the averages on the way: one of them is the last, and says that nothing wandered."""
    X, y = line(3000)
    y = y + np.random.default_rng(1).normal(size=3000)
    for n, known in ((63, False), (64, False), (300, False), (3000, True)):
        frame = {"x": X[:n, 0], "z": X[:n, 1], "y": y[:n]}
        fit = ef.OnlineGLM("y ~ x + z", solver=ef.SGD(step="normalised", burn_in=0.0)).partial_fit(frame).fit
        assert (np.isfinite(fit.se) & (fit.se > 0)).all() == known
        assert np.isnan(fit.se).all() != known


@pytest.mark.parametrize(
    "options", [{"average": 1}, {"average": np.True_}, {"shuffle": "x"}, {"shuffle": None}], ids=str
)
def test_choices_of_yes_and_no_are_told_at_once(options: dict[str, Any]) -> None:
    with pytest.raises(ef.SolverError, match=r"allowed are .*True, False"):
        ef.SGD(step="normalised", **options)


def test_a_prior_beside_a_solver_is_told() -> None:
    with pytest.raises(ef.SolverError, match=r"SGD\(prior=100"):
        ef.OnlineGLM("y ~ x", prior=100.0, solver=ef.SGD(step="information"))
