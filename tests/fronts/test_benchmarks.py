"""The referee of the benchmarks is right, and their front answers; no second is asserted."""

import os
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from types import ModuleType

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import gammaln, log_softmax

ROOT = Path(__file__).parents[2]
FAMILIES = ("gaussian", "bernoulli", "poisson", "categorical")


def room(name: str) -> ModuleType:
    """A module of the benchmarks, which are no part of the installed package."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(ROOT)
        return import_module(f"benchmarks.{name}")


@pytest.fixture(scope="module")
def check() -> ModuleType:
    return room("check")


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "benchmarks", *arguments],
        cwd=ROOT, env={**os.environ, **environment}, capture_output=True, text=True, check=False,
    )  # fmt: skip


def test_list_names_every_problem_and_competitor() -> None:
    done = run("--list")
    assert done.returncode == 0, done.stderr
    for name in ("fremtpl2", "covtype", "sgd_vs_newton", "expfam", "glum", "sklearn", "statsmodels"):
        assert f"  {name} " in done.stdout


def test_absent_data_is_told_and_skipped(tmp_path: Path) -> None:
    done = run("fremtpl2", "covtype", EXPFAM_DATA=str(tmp_path))
    assert done.returncode == 0, done.stderr
    assert "fremtpl2 skipped: freMTPL2freq.parquet is not in" in done.stdout
    assert "covtype skipped: covtype.parquet is not in" in done.stdout


def density_loss(family: str, eta: np.ndarray, t: np.ndarray) -> float:
    """The mean negative log-likelihood, written from the densities."""
    if family == "gaussian":
        return float(np.mean((t - eta) ** 2) / 2)
    if family == "poisson":
        return float(np.mean(np.exp(eta) - t * eta + gammaln(t + 1)))
    if family == "bernoulli":
        return float(np.mean(np.where(t == 1, np.log1p(np.exp(-eta)), np.log1p(np.exp(eta)))))
    every = np.column_stack([t, 1 - t.sum(axis=1)])
    return -float(np.mean((every * log_softmax(np.column_stack([eta, np.zeros(len(t))]), axis=1)).sum(axis=1)))


def toy(family: str, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    draw = np.random.default_rng(seed)
    X = np.column_stack([np.ones(12), draw.standard_normal((12, 2))])
    if family == "categorical":
        return X, np.eye(3)[draw.integers(0, 3, 12)][:, :2], draw.standard_normal((3, 2)), draw.standard_normal((12, 2))
    t = {"gaussian": draw.standard_normal(12), "poisson": draw.poisson(2.0, 12), "bernoulli": draw.integers(0, 2, 12)}
    return X, t[family].astype(float), draw.standard_normal(3), draw.standard_normal(12)


@pytest.mark.parametrize("family", FAMILIES)
@given(seed=st.integers(0, 10_000), ridge=st.sampled_from([0.0, 0.3]))
@settings(max_examples=15, deadline=None)
def test_gradient_is_the_derivative_of_the_loss(check: ModuleType, family: str, seed: int, ridge: float) -> None:
    X, t, theta, offset = toy(family, seed)

    def F(at: np.ndarray) -> float:
        return density_loss(family, X @ at + offset, t) + ridge / 2 * float((at[1:] ** 2).sum())

    numeric = np.zeros_like(theta)
    for j in np.ndindex(theta.shape):
        step = np.zeros_like(theta)
        step[j] = 1e-5
        numeric[j] = (F(theta + step) - F(theta - step)) / 2e-5
    found = check.gradient(family, X, t, theta, offset, ridge)
    np.testing.assert_allclose(found, numeric, rtol=1e-6, atol=1e-8)
    assert check.largest(family, X, t, theta, offset, ridge) == np.abs(found).max()


def test_gradient_vanishes_at_a_solution_known_by_hand(check: ModuleType) -> None:
    """Poisson with one factor: the maximum reproduces the rate of each level."""
    X = np.array([[1.0, 0.0], [1.0, 0.0], [1.0, 1.0], [1.0, 1.0]])
    y, exposure = np.array([1.0, 3.0, 6.0, 2.0]), np.array([1.0, 1.0, 0.5, 0.5])
    theta = np.log([2.0, 8.0 / 2.0])
    assert check.largest("poisson", X, y, theta, np.log(exposure)) < 1e-15
    assert check.largest("poisson", X, y, theta + np.array([0.0, 0.1]), np.log(exposure)) == pytest.approx(
        8 * np.expm1(0.1) / 4, rel=1e-12
    )


def test_treatment_coding_leaves_the_first_level_out(check: ModuleType) -> None:
    frame = pd.DataFrame({"g": pd.Categorical(["b", "a", "c"]), "x": [1.5, 2.5, 3.5]})
    design = check.treatment(frame)
    assert design.names == ("Intercept", "g[b]", "g[c]", "x")
    np.testing.assert_array_equal(design.X.toarray(), [[1, 1, 0, 1.5], [1, 0, 0, 2.5], [1, 0, 1, 3.5]])
    np.testing.assert_array_equal(check.treatment(frame[["x"]]).X.toarray(), [[1, 1.5], [1, 2.5], [1, 3.5]])


def test_a_report_is_aligned_and_its_bars_are_no_columns() -> None:
    report = room("table").Report("T", ("", "max|g|"), (("a", "1"), ("long", "22")), ("a note",))
    assert report.text().splitlines() == [
        "T",
        "",
        "      max|g|",
        "------------",
        "a          1",
        "long      22",
        "",
        "a note",
    ]
    assert report.markdown().splitlines()[2:5] == [r"|  | max\|g\| |", "| --- | ---: |", "| a | 1 |"]


def test_answers_are_compared_name_by_name() -> None:
    answer = room("task").Answer(("b", "a"), np.array([2.0, 1.0]), np.array([0.2, 0.1])).at(("a", "b"))
    np.testing.assert_array_equal([answer.coef, answer.se], [[1.0, 2.0], [0.1, 0.2]])
    with pytest.raises(KeyError, match="c"):
        answer.at(("a", "c"))
