"""Which coefficients are infinite? Exact arithmetic on small integers, R's data sets, and levels without events."""

import json
import warnings
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.oracles.test_r import FACTS

import expfam as ef
from expfam.families import NegativeBinomial, Tweedie
from expfam.inference import separation as programmes
from expfam.inference.separation import Separation
from expfam.links import link as link_of
from expfam.recession import coercive, directions, limits

PAIRS: dict[str, tuple[Any, str | None]] = {
    **{name: ("bernoulli", name) for name in ("logit", "probit", "cloglog", "loglog")},
    "poisson": ("poisson", "log"),
    "negative_binomial": (NegativeBinomial(theta=2.0), "log"),
    "tweedie": (Tweedie(power=1.5), "log"),
    "softmax": ("categorical", None),
}


def demands(kind: str, X: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A and E of the cone A d >= 0, E d = 0, in whole numbers."""
    none = np.zeros((0, X.shape[1]), dtype=int)
    if kind == "softmax":
        units = np.eye(3, dtype=int)[:, :2]
        return np.array(
            [np.kron(units[c] - units[j], x) for x, c in zip(X, y, strict=True) for j in range(3) if j != c]
        ), (np.zeros((0, 2 * X.shape[1]), dtype=int))
    if PAIRS[kind][0] == "bernoulli":
        return X * np.where(y == 1, 1, -1)[:, None], none
    return -X[y == 0], X[y > 0]


def rays(A: np.ndarray, E: np.ndarray) -> np.ndarray:
    """All extreme rays, exactly: each is the null space of some p - 1 rows, whose minors are whole numbers."""
    rows = np.unique(np.vstack([A, E]), axis=0)
    p, found = rows.shape[1], []
    for some in combinations(rows, p - 1):
        d = np.array([(-1) ** j * round(np.linalg.det(np.delete(some, j, 1))) for j in range(p)])
        found += [s for s in (d, -d) if d.any() and (A @ s >= 0).all() and not (E @ s).any()]
    return np.array(found).reshape(-1, p)


def meant(A: np.ndarray, E: np.ndarray) -> dict[int, int]:
    """The coefficients that some direction moves, and the sign on which all agree, or 0."""
    found = np.sign(rays(A, E))
    moved = np.flatnonzero(found.any(axis=0))
    return {int(j): 0 if np.ptp(found[found[:, j] != 0, j]) else int(found[:, j].sum() > 0) * 2 - 1 for j in moved}


def told(fit: ef.Fit) -> dict[int, int]:
    found = fit.certificate.separation or Separation()
    assert found.exact
    return {fit.model.flat_names.index(name): sign for name, sign in zip(found.names, found.signs, strict=True)}


@pytest.mark.parametrize("kind", PAIRS)
@settings(max_examples=25)
@given(seed=st.integers(0, 2**32 - 1))
def test_exactly_the_separated_are_told_with_their_signs(kind: str, seed: int) -> None:
    """Suspicion misses none, and the programme clears false alarms: on whole numbers all extreme rays are known."""
    rng = np.random.default_rng(seed)
    p, n = (2, 8) if kind == "softmax" else (int(rng.integers(2, 4)), int(rng.integers(5, 13)))
    X = np.column_stack([np.ones(n, dtype=int), rng.integers(-3, 4, (n, p - 1))])
    eta = X @ rng.normal(size=p)
    y = rng.poisson(np.exp(eta / 2 - 0.5))
    if kind == "softmax":
        y = rng.integers(0, 3, n)
    elif PAIRS[kind][0] == "bernoulli":
        y = (rng.random(n) < 1 / (1 + np.exp(-eta))).astype(int)
    if np.linalg.matrix_rank(X) < p or len(np.unique(y)) < (3 if kind == "softmax" else 2):
        return
    truth = meant(*demands(kind, X, y))
    family, link = PAIRS[kind]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ef.SeparationWarning)
        fit = ef.glm_arrays(X[:, 1:], y.astype(str) if kind == "softmax" else y, family=family, link=link)
    assert told(fit) == truth
    assert fit.converged == (not truth)
    again = fit.separation()
    assert dict(zip(map(fit.model.flat_names.index, again.names), again.signs, strict=True)) == truth


def test_rows_and_completeness() -> None:
    """Rows at the edge are those that some extreme ray moves."""
    rng = np.random.default_rng(1)
    seen = set()
    for _ in range(60):
        X = np.column_stack([np.ones(7, dtype=int), rng.integers(-2, 3, (7, 2))])
        y = (X[:, 1] + rng.integers(-1, 2, 7) > 0).astype(int)
        A, E = demands("logit", X, y)
        if np.linalg.matrix_rank(X) == 3 and 0 < y.sum() < 7:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", ef.SeparationWarning)
                found = ef.glm_arrays(X[:, 1:], y, family="bernoulli").separation()
            moved = (A @ rays(A, E).T > 0).any(axis=1)
            assert (found.rows or 0) == moved.sum()
            assert found.complete == moved.all()
            seen.add(found.kind)
    assert seen == {"none", "complete", "quasi-complete"}


@pytest.mark.parametrize("link", ["logit", "probit", "cloglog"])
@pytest.mark.parametrize("weight", [1e-4, 1e-8, 1e-12])
def test_far_out_is_not_at_infinity(link: str, weight: float) -> None:
    """Two contradicting rows of tiny weight keep the optimum finite, however flat F is before: logits of the shares."""
    data = {"x": [-1.0, -1, 1, 1, 1, -1], "y": [0, 0, 1, 1, 0, 1], "w": [1.0, 1, 1, 1, weight, weight]}
    fit = ef.glm("y ~ x", data, family="bernoulli", link=link, weights="w")
    assert fit.converged
    assert not fit.separation().names
    ends = link_of(link, fit.model.family)(np.array([weight, 2]) / (2 + weight))
    assert fit.predict({"x": [-1.0, 1.0]}, type="link") == pytest.approx(ends, rel=1e-3)


@pytest.mark.parametrize("solver", ["newton", "lbfgs"])
@pytest.mark.parametrize("family", ["bernoulli", "poisson"])
@pytest.mark.parametrize("weight", [1.0, 1e-6, 1e-12, 1e-20, 1e-100])
def test_the_weights_of_a_level_do_not_change_the_verdict(family: str, solver: str, weight: float) -> None:
    """Without events it runs to infinity, with some it ends at their share, however little it weighs."""
    g, x = np.repeat(list("abc"), 20), np.tile(np.linspace(-1, 1, 20), 3)
    y = np.tile([0, 1, 1, 0, 1], 12)
    data = {"g": g, "x": x, "y": np.where(g == "c", 0, y), "w": np.where(g == "c", weight, 1.0)}
    fit = separated("y ~ g + x", data, family=family, weights="w", solver=solver)
    assert fit.certificate.separation == fit.separation()
    assert fit.separation().limits == ("g[c] -> -inf",)
    mixed = data | {"y": np.where((g == "c") & (y == 1), np.arange(60) % 2, y)}
    finite = ef.glm("y ~ g + x", mixed, family=family, weights="w", solver=solver)
    assert finite.converged
    assert finite.separation().names == ()
    assert np.mean((finite.predict(mixed) - mixed["y"])[g == "c"]) == pytest.approx(0, abs=0.02)


# ---- known cases ------------------------------------------------------------------------------------------------
def separated(*args: Any, **options: Any) -> ef.Fit:
    with pytest.warns(ef.SeparationWarning):
        fit = ef.glm(*args, **options)
    assert not fit.converged
    return fit


def test_iris() -> None:
    """Versicolor against setosa: petals separate completely, each alone, so with both no sign is settled."""
    fact = FACTS["iris_multinomial"]
    data = {name: np.array(values)[:100] for name, values in fact["data"].items()}
    alone = separated("Species ~ Petal.Length", data, family="bernoulli").separation()
    assert alone.complete
    assert dict(zip(alone.names, alone.signs, strict=True))["Petal.Length"] in (1, -1)
    both = separated("Species ~ Petal.Length + Petal.Width", data, family="bernoulli").separation()
    assert both.complete
    assert both.rows == both.of == 100
    assert dict(zip(both.names, both.signs, strict=True)) == {"Intercept": -1, "Petal.Length": 0, "Petal.Width": 0}


def test_a_level_without_events_goes_to_minus_infinity() -> None:
    data = {"g": ["a"] * 4 + ["b"] * 3 + ["c"] * 5, "x": np.arange(12.0), "y": [1, 2, 0, 3, 0, 0, 0, 1, 4, 0, 2, 1]}
    fit = separated("y ~ g + x", data, family="poisson")
    assert fit.certificate.separation is not None
    assert fit.certificate.separation.limits == ("g[b] -> -inf",)
    assert "Run to infinity: g[b] -> -inf" in fit.summary()
    found = fit.separation()
    assert (found.rows, found.of, found.kind) == (3, 12, "quasi-complete")
    assert str(found) == "Quasi-complete separation: g[b] -> -inf, 3 of 12 rows at the edge"
    other = separated("y ~ C(g, levels=['b', 'a', 'c']) + x", data, family="poisson")
    assert other.certificate.separation is not None
    assert other.certificate.separation.signs == (-1, 1, 1)  # the reference level itself: all others are above it
    rest = [k for k, g in enumerate(data["g"]) if g != "b"]
    finite = ef.glm("y ~ g + x", {k: np.array(v)[rest] for k, v in data.items()}, family="poisson")
    assert fit.coef[[0, 2, 3]] == pytest.approx(finite.coef, rel=1e-5)


def test_a_class_that_a_level_never_has() -> None:
    rng = np.random.default_rng(0)
    g = np.repeat(["a", "b"], 60)
    y = np.where(g == "a", rng.choice(["p", "q", "r"], 120), rng.choice(["q", "r"], 120))
    fit = separated("y ~ g", {"g": g, "y": y}, family="categorical")
    assert fit.certificate.separation is not None
    assert fit.certificate.separation.limits == ("p:g[b] -> -inf",)
    found = fit.separation()
    assert (found.rows, found.complete) == (60, False)


def test_endometrial() -> None:
    fact = json.loads((Path(__file__).parent / "recorded" / "endometrial_firth.json").read_text())
    fit = separated(fact["formula"], fact["data"], family="bernoulli")
    assert fit.separation().limits == ("NV -> +inf",)
    assert fit.separation().rows == 13


def test_many_rows_are_seen_by_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    """A sample and the rows that it is wrong about give the same answer as all rows at once."""
    rng = np.random.default_rng(2)
    n = 5_000
    g, x = rng.integers(0, 40, n).astype(str), rng.normal(size=n)
    rare = rng.random(n) < 0.002
    y = np.where((g == "7") | rare, 0, rng.poisson(1.0, n))
    data = {"g": g, "x": x, "rare": rare.astype(float), "y": y, "k": np.minimum(y, 2).astype(str)}
    for formula, family in (("y ~ g + x + rare", "poisson"), ("k ~ g + x + rare", "categorical")):
        fit = separated(formula, data, family=family)
        few = fit.separation()
        monkeypatch.setattr(programmes, "SMALL", 10**6)
        assert fit.separation() == few
        monkeypatch.undo()
    assert {"0:g[7]", "0:rare"} <= set(few.names)


@pytest.mark.parametrize("rare", [1, 5])
@pytest.mark.parametrize("family", ["poisson", "bernoulli"])
def test_a_level_of_a_few_of_many_rows_runs_to_infinity(family: str, rare: int) -> None:
    """No row of it is among the first that the programme sees, and it takes the level's way without being asked."""
    rng = np.random.default_rng(rare + 6)
    n = 12_000
    X, level = rng.normal(size=(n, 6)), np.zeros(n)
    level[rng.choice(n, rare, replace=False)] = 1.0
    y = np.where(level == 1, 0, np.minimum(rng.poisson(np.exp(X[:, 0] / 4)), 1))
    with pytest.warns(ef.SeparationWarning, match="x7 -> -inf"):
        fit = ef.glm_arrays(np.column_stack([X, level]), y, family=family)
    assert fit.certificate.separated == ("x7",)
    assert fit.separation().rows == rare


# ---- which way may a row run? -----------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("family", "link", "t", "way"),
    [
        ("bernoulli", "logit", [0, 1, 0.5], [-1, 1, 0]),
        ("bernoulli", "log", [0, 1, 0.5], [-1, 0, 0]),
        ("bernoulli", "identity", [0, 1], [0, 0]),
        ("poisson", "log", [0, 3], [-1, 0]),
        ("poisson", "identity", [0, 3], [0, 0]),
        ("poisson", "sqrt", [0, 3], [0, 0]),
        (NegativeBinomial(theta=2.0), "canonical", [0, 3], [-1, 0]),
        (Tweedie(power=1.5), "inverse", [0, 3], [1, 0]),
        ("gamma", "log", [0.1, 3], [0, 0]),
        ("inverse_gaussian", "inverse_squared", [0.1, 3], [0, 0]),
        ("gaussian", "identity", [0, 3], [0, 0]),
        ("gaussian", "log", [-1, 0, 3], [-1, -1, 0]),
    ],
)
def test_ends_of_pairs(family: Any, link: str, t: list[float], way: list[int]) -> None:
    """The loss does fall for ever there, and rises somewhere on the way elsewhere."""
    chosen = ef.families.family(family)
    made = link_of(link, chosen)
    assert directions(chosen, made, np.array(t, dtype=float)).tolist() == way
    lo, hi = made.domain
    inside = [m for m in limits(chosen, made) if not np.isnan(m)]
    assert len(inside) <= int(np.isinf(lo)) + int(np.isinf(hi))
    eta = np.linspace(max(lo, -20) + 1e-3, min(hi, 20) - 1e-3, 400)
    mu = made.inverse(eta)
    here = (mu > chosen.mean_domain[0]) & (mu < chosen.mean_domain[1])
    for value, side in zip(t, way, strict=True):
        with np.errstate(all="ignore"):
            change = np.diff(chosen.loss(np.full(here.sum(), float(value)), mu[here]))
        if side:
            assert (side * change <= 1e-12).all()
            assert (side * change < 0).any()


def test_bounded_losses_are_not_decided() -> None:
    """A Gaussian response under a log link: the loss of a mean that goes to 0 stays finite, so there is no proof."""
    gaussian = ef.families.family("gaussian")
    assert not coercive(gaussian, link_of("log", gaussian))
    assert all(
        coercive(ef.families.family(f), link_of(link, ef.families.family(f)))
        for f, link in (("bernoulli", "cauchit"), ("poisson", "log"), ("gamma", "log"), ("gaussian", "identity"))
    )
    fit = ef.glm("y ~ x", {"x": [0.0, 1, 2, 3], "y": [1.0, 2.0, 3.5, 7.0]}, family="gaussian", link="log")
    assert fit.converged
    assert fit.certificate.separation is None
    assert "not decided" in str(fit.separation())


@pytest.mark.parametrize(("low", "status"), [(0.0, "SEPARATED"), (-1.0, "UNREACHED")])
@pytest.mark.parametrize("spread", [0.0, 0.5])
def test_means_that_the_link_cannot_have_are_no_separation(low: float, status: str, spread: float) -> None:
    """A group of negative mean under a log link runs to infinity, too, but no row of it is predicted perfectly."""
    e = spread * low * np.random.default_rng(3).normal(size=90)
    g = np.repeat(list("abc"), 30)
    y = np.select([g == "a", g == "b"], [2.0, 5.0], low) + e
    with pytest.warns(ef.SeparationWarning, match=r"g\[c\] -> -inf"):
        fit = ef.glm("y ~ g", {"y": y + 0.1 * np.arange(90) % 2 * (g != "c"), "g": g}, family="gaussian", link="log")
    assert fit.certificate.status.name == status
    told = str(fit.separation()), fit.checks()["separation"].sentence
    beyond = status == "UNREACHED"
    assert ["Responses beyond the link" in told[0], "take a link that reaches" in told[1]] == [beyond, beyond]
    assert ("perfectly" in fit.certificate.status.value) is not beyond


def test_what_is_too_large_for_a_programme(monkeypatch: pytest.MonkeyPatch) -> None:
    """The last step names what runs; a solution without information is a direction, and proves itself on the rows."""
    rng = np.random.default_rng(0)
    g = np.repeat(list("abcdef"), 20)
    data = {"g": g, "y": np.where(g == "d", 0, rng.poisson(2.0, 120)), "x": rng.normal(size=120)}
    monkeypatch.setattr(programmes, "MOST", 1)
    fit = separated("y ~ g + x", data, family="poisson")
    assert fit.separation().limits == ("g[d] -> -inf",)
    assert not fit.separation().exact
    assert "by the solver's last step" in str(fit.separation())
    monkeypatch.setattr("expfam.solvers.ended.affordable", lambda *_: False)
    split = {"x": data["x"], "y": (data["x"] > 0.1).astype(int)}
    fit = separated("y ~ x", split, family="bernoulli", solver="lbfgs")
    found = fit.certificate.separation
    assert found is not None
    assert (found.kind, found.rows, found.limits[-1]) == ("complete", 120, "x -> +inf")
    fit = ef.glm("y ~ x", data | {"y": rng.integers(0, 2, 120)}, family="bernoulli", solver="lbfgs")
    assert fit.converged
    assert "Separation not decided" in fit.summary()


def test_penalised_columns_stay(tmp_path: Path) -> None:
    """A ridge on the intercept's companions leaves nothing to run; on some columns it leaves the others."""
    data = {"x": [-2.0, -1, 1, 2], "z": [1.0, -1, 2, 0], "y": [0, 0, 1, 1]}
    assert ef.glm("y ~ x + z", data, family="bernoulli", penalty=ef.Ridge(0.1)).separation().names == ()
    some = separated("y ~ x + z", data, family="bernoulli", penalty=ef.Ridge({"z": 0.1}))
    assert "z" not in some.certificate.separated
    assert dict(zip(some.separation().names, some.separation().signs, strict=True))["x"] == 1
    some.save(tmp_path / "m.json")
    loaded = ef.load(tmp_path / "m.json")
    assert loaded.certificate.separation == some.certificate.separation
    assert loaded.separation(data) == some.separation()
    with pytest.raises(ef.ExpfamError, match="no rows"):
        loaded.separation()
