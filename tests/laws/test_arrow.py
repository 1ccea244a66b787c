"""A factor of very many levels: its block is eliminated, and nothing of the answer changes."""

import tracemalloc
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import expfam as ef
from expfam._typing import FloatArray
from expfam.design import Columns, assemble, wide
from expfam.design.standard import Standard, standardise
from expfam.errors import ExpfamError, SolverError
from expfam.information import Arrow, Full
from expfam.information.covariance import LowRank, Written
from expfam.information.half import Half
from expfam.information.original import Original, from_json
from expfam.objective import information
from expfam.solvers import Newton, choose

seeds = st.integers(0, 2**32 - 1)


@pytest.fixture
def narrow(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten levels are very many."""
    monkeypatch.setattr(wide, "WIDE", 10)


def arrow(rng: np.random.Generator, levels: int, others: int) -> Arrow:
    """X'X of a factor and some numbers, the coefficients in any order."""
    codes, X = np.arange(4 * levels + 2 * others) % max(levels, 1), rng.normal(size=(4 * levels + 2 * others, others))
    J = np.eye(levels)[codes] if levels else np.zeros((len(X), 0))
    order = rng.permutation(levels + others)
    return Arrow(J.sum(axis=0), J.T @ X, X.T @ X, order[:levels], order[levels:])


@given(levels=st.integers(0, 7), others=st.integers(0, 4), seed=seeds)
def test_an_arrow_is_its_matrix(levels: int, others: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    H = arrow(rng, levels, others)
    q = levels + others
    M = H.matrix
    extra, vector, many = rng.uniform(0.1, 1, q), rng.normal(size=q), rng.normal(size=(q, 3))
    corner = np.zeros((q, q))
    corner[np.ix_(H.others, H.others)] = np.eye(others) + 1
    kept = rng.random(q) < 0.7
    assert np.array_equal(M, M.T)
    assert np.allclose((H + H * 2.0).matrix, 3 * M)
    assert np.allclose(H.plus(extra).matrix, M + np.diag(extra))
    assert np.allclose(H.plus(extra, corner).matrix, Full(M).plus(extra, corner).matrix)
    assert np.array_equal(H.diagonal, np.diagonal(M))
    assert np.allclose(H.times(vector), M @ vector)
    assert np.allclose(H.times(many), M @ many)
    assert np.array_equal(H.part(kept).matrix, M[np.ix_(kept, kept)])
    assert H.independent().all()


@given(levels=st.integers(1, 7), others=st.integers(0, 4), seed=seeds)
def test_elimination_solves(levels: int, others: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    H = arrow(rng, levels, others).plus(np.full(levels + others, 0.1))
    units = 10.0 ** rng.uniform(-6, 6, others)
    H = replace(H, border=H.border * units, corner=H.corner * units[:, None] * units)
    factor, full = H.factor(), Full(H.matrix).factor()
    vector, many = rng.normal(size=len(H.diagonal)), rng.normal(size=(len(H.diagonal), 2))
    assert factor.definite
    assert factor.condition <= 10 * full.condition
    assert factor.solve(vector) == pytest.approx(full.solve(vector), rel=1e-9)
    assert factor.solve(many) == pytest.approx(full.solve(many), rel=1e-9)
    assert factor.inverse().full() == pytest.approx(full.inverse().full(), rel=1e-9)


@given(seed=seeds, where=st.integers(0, 6))
def test_an_indefinite_arrow_still_points_downhill(seed: int, where: int) -> None:
    H = arrow(np.random.default_rng(seed), 4, 3)
    down = np.zeros(7)
    down[where] = -3 * H.diagonal[where]
    factor = H.plus(down).factor()
    gradient = np.random.default_rng(seed).normal(size=7)
    assert not factor.definite
    assert factor.condition == np.inf
    assert gradient @ factor.solve(gradient) > 0


@given(seed=seeds)
def test_the_low_rank_covariance_is_its_matrix(seed: int) -> None:
    rng = np.random.default_rng(seed)
    H, M = arrow(rng, 6, 3).plus(np.ones(9)), arrow(rng, 6, 3)
    M = replace(M, levels=H.levels, others=H.others)
    V = H.factor().inverse()
    W, S = Written(V.full()), rng.normal(size=(9, 9))
    assert V.size == W.size == 9
    assert np.allclose(V.diagonal, W.diagonal)
    assert np.allclose(V.times(3.0).full(), W.times(3.0).full())
    assert V.trace(M.diagonal, None) == pytest.approx(W.trace(M.diagonal, None))
    assert V.trace(M.diagonal, S + S.T) == pytest.approx(W.trace(M.diagonal, S + S.T))
    assert np.allclose(V.sandwich(M).full(), W.sandwich(M).full())
    assert np.allclose(V.sandwich(M).diagonal, W.sandwich(M).diagonal)


@given(seed=seeds, classes=st.integers(1, 3), intercept=st.booleans(), halved=st.booleans())
def test_a_covariance_in_standard_coordinates_is_its_matrix(
    seed: int, classes: int, intercept: bool, halved: bool
) -> None:
    rng = np.random.default_rng(seed)
    names = ("Intercept", "a", "b", "c") if intercept else ("a", "b", "c", "d")
    centre = np.append(0.0, rng.normal(size=3)) if intercept else np.zeros(4)
    kept = np.array([True, True, False, True])
    scale = np.where(kept, np.append(1.0, rng.uniform(0.5, 2, 3)), 0.0)
    standard = Standard(names, centre, scale, centre, kept, 0 if intercept else None)
    root = np.tril(rng.normal(size=(3 * classes, 3 * classes))) + 3 * np.eye(3 * classes)
    S, M = rng.uniform(0.5, 2, 3 * classes), rng.normal(size=(3 * classes, 3 * classes))
    inner = np.linalg.inv(root @ root.T) * S[:, None] * S
    V = Original(Written(inner, Half(np.asfortranarray(root), S) if halved else None), standard, classes)
    T = np.kron(np.eye(classes), standard.original(np.eye(3)))
    left = np.tile(~kept, classes)

    def same(V: Original, inner: FloatArray) -> None:
        full = T @ inner @ T.T
        G, n = rng.normal(size=(5, 4 * classes)), 6
        assert np.isnan(V.diagonal[left]).all()
        assert np.allclose(V.diagonal[~left], np.diagonal(full)[~left])
        assert np.allclose(V.full()[np.ix_(~left, ~left)], full[np.ix_(~left, ~left)])
        assert np.isnan(V.full()[left]).all()
        assert np.allclose(V.of(G), np.diagonal(G @ full @ G.T))
        assert np.allclose(V.reached(G), full @ G.T)
        X = rng.normal(size=(n, 4))
        X[:, 0] = 1.0 if intercept else X[:, 0]
        columns = (*((Columns(("Intercept",)),) if intercept else ()), Columns(names[-3:], values=X[:, -3:]))
        columns = columns if intercept else (Columns(names, values=X),)
        each = np.einsum("ni,aibj,nj->nab", X, full.reshape(classes, 4, classes, 4), X)
        assert np.allclose(V.of_rows(assemble(columns, n), classes), each)

    same(V, inner)
    same(V.times(3.0), 3 * inner)
    meat = Full(M @ M.T)
    same(replace(V, inner=V.inner.sandwich(meat)), inner @ meat.matrix @ inner)
    again = from_json(V.to_json(), names, kept)
    assert np.array_equal(again.full(), V.full(), equal_nan=True)


@given(seed=seeds, compiled=st.booleans(), intercept=st.booleans())
def test_the_bordered_gram_is_the_gram_by_blocks(seed: int, compiled: bool, intercept: bool) -> None:
    """With ones, numbers, other factors, sparse columns, in raw and in standard coordinates."""
    from scipy.sparse import random_array

    rng = np.random.default_rng(seed)
    n, levels = 60, 30
    codes = rng.choice(rng.choice(levels, 8), n)
    rows = random_array((n, 3), density=0.4, rng=rng).tocsr()
    columns = (
        *((Columns(("Intercept",)),) if intercept else ()),
        Columns(tuple("bcd"), codes=rng.integers(0, 4, n), levels=4, contrast=np.arange(1, 4)),
        Columns(tuple(f"g{k}" for k in range(1, levels)), codes=codes, levels=levels, contrast=np.arange(1, levels)),
        Columns(("x", "y"), values=rng.normal(size=(n, 2)) + 5),
        Columns(tuple("stu"), sparse=rows),
        Columns(("ax", "bx"), codes=rng.integers(0, 2, n), levels=2, values=rng.normal(size=(n, 1))),
    )
    weight = rng.uniform(0.5, 2, n)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(wide, "WIDE", 10)
        design = assemble(columns, n, compiled)
    X = np.concatenate([c.dense(n) for c in columns], axis=1)
    found = information(design.grams(weight[None]), design.maps)
    assert isinstance(found, Arrow)
    assert len(found.own) == design.levels == levels - 1
    assert np.allclose(found.matrix, X.T @ (weight[:, None] * X))
    assert np.allclose(design.maps.congruence(design.gram(weight)), found.matrix)
    scaled, standard = standardise(design, weight, np.zeros(design.p, dtype=bool), np.zeros(design.p))
    T = standard.original(np.eye(scaled.p))
    found = information(scaled.grams(weight[None]), scaled.maps)
    assert len(found.own) == len(np.unique(codes[codes > 0]))
    assert np.allclose(found.matrix, T.T @ X.T @ (weight[:, None] * X) @ T)


def portfolio(levels: int, n: int = 6000, seed: int = 0) -> dict[str, Any]:
    rng = np.random.default_rng(seed)
    g, h, x = rng.permutation(np.arange(n) % levels), rng.integers(0, 4, n), rng.normal(size=(n, 2))
    eta = 1 + rng.normal(size=levels)[g] / 4 + 0.3 * x[:, 0] + 0.1 * h
    return {
        "y": rng.poisson(np.exp(eta)) + 1.0, "x": x[:, 0], "year": 2000 + x[:, 1], "h": np.array(list("abcd"))[h],
        "g": np.array([f"L{k:05d}" for k in g]), "w": rng.uniform(0.5, 2, n),
    }  # fmt: skip


def both(monkeypatch: pytest.MonkeyPatch, formula: str, data: Any, **options: Any) -> tuple[ef.Fit, ef.Fit]:
    """The fit by elimination, and that with every matrix written out."""
    fit = ef.glm(formula, data, **options)
    monkeypatch.setattr(wide, "WIDE", np.inf)
    full = ef.glm(formula, data, **options)
    assert isinstance(fit.covariance.inner, LowRank)
    assert isinstance(full.covariance.inner, Written)
    return fit, full


def agree(fit: ef.Fit, full: ef.Fit, data: dict[str, Any]) -> None:
    assert fit.converged
    assert full.converged
    assert fit.certificate.aliased == full.certificate.aliased
    assert fit.coef == pytest.approx(full.coef, rel=1e-8, abs=1e-8, nan_ok=True)
    assert fit.se == pytest.approx(full.se, rel=1e-8, nan_ok=True)
    assert np.allclose(fit.vcov(), full.vcov(), rtol=1e-6, atol=1e-8 * np.nanmax(full.se) ** 2, equal_nan=True)
    assert fit.deviance == pytest.approx(full.deviance, rel=1e-10)
    assert fit.statistics.df_model == pytest.approx(full.statistics.df_model, rel=1e-8)
    assert fit.dispersion == pytest.approx(full.dispersion, rel=1e-8)
    new = {name: values[:40] for name, values in data.items()}
    one, two = (f.predict(new, interval="confidence", unseen="reference") for f in (fit, full))
    for name in ("fit", "lower", "upper"):
        assert one[name] == pytest.approx(two[name], rel=1e-8, nan_ok=True)


@pytest.mark.parametrize("penalty", [None, ef.Ridge(1e-3)], ids=["free", "ridge"])
@pytest.mark.parametrize("formula", ["y ~ h + x + year + g", "y ~ g + year - 1", "y ~ g + h + x:h", "y ~ g - 1"])
@pytest.mark.parametrize("family", ["poisson", "gamma"])
@pytest.mark.usefixtures("narrow")
def test_elimination_changes_nothing(family: str, formula: str, penalty: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    data = portfolio(40, 1500)
    agree(*both(monkeypatch, formula, data, family=family, link="log", penalty=penalty), data)


@pytest.mark.usefixtures("narrow")
def test_levels_that_are_multiplied_are_not_eliminated() -> None:
    fit = ef.glm("y ~ x:g + h", portfolio(40, 1500), family="poisson")
    assert isinstance(fit.covariance.inner, Written)


def test_more_than_a_thousand_levels(monkeypatch: pytest.MonkeyPatch) -> None:
    data = portfolio(1050, 3150)
    agree(*both(monkeypatch, "y ~ x + year + h + g", data, family="poisson"), data)


@pytest.mark.usefixtures("narrow")
def test_sampling_weights_have_their_sandwich(monkeypatch: pytest.MonkeyPatch) -> None:
    data = portfolio(40, 1500)
    agree(*both(monkeypatch, "y ~ x + g + h", data, family="poisson", weights="w", weights_kind="sampling"), data)


@pytest.mark.usefixtures("narrow")
def test_a_level_without_rows_and_one_without_weight_are_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    data = portfolio(40, 1500)
    data["w"][data["g"] == "L00007"] = 0.0
    with pytest.warns(ef.errors.ExpfamWarning):
        fit, full = both(monkeypatch, "y ~ x + g", data, family="poisson", weights="w")
    with pytest.warns(ef.errors.DataWarning, match="not estimable"):
        agree(fit, full, data)
    assert fit.certificate.aliased == ("g[L00007]",)


@pytest.mark.usefixtures("narrow")
def test_a_column_that_levels_tell_is_left_out() -> None:
    """Which of the two is left out is a choice: levels come first, as they are eliminated first."""
    data = portfolio(40, 1500)
    data["z"] = np.char.count(data["g"], "3") + 0.0
    with pytest.warns(ef.errors.AliasWarning):
        fit = ef.glm("y ~ x + z + g", data, family="poisson")
    plain = ef.glm("y ~ x + g", data, family="poisson")
    assert fit.certificate.aliased == ("z",)
    assert fit.deviance == pytest.approx(plain.deviance, rel=1e-12)
    assert fit.predict()[:50] == pytest.approx(plain.predict()[:50], rel=1e-9)


@pytest.mark.usefixtures("narrow")
def test_more_levels_than_rows_under_a_ridge(monkeypatch: pytest.MonkeyPatch) -> None:
    data = portfolio(100, 100)
    levels = [f"L{k:05d}" for k in range(120)]
    import pandas as pd

    frame = pd.DataFrame(data | {"g": pd.Categorical(data["g"], categories=levels)})
    fit, full = both(monkeypatch, "y ~ x + h + g", frame, family="poisson", penalty=ef.Ridge(1e-3))
    assert fit.estimate.size > fit.n
    assert fit.coef == pytest.approx(full.coef, rel=1e-8, abs=1e-8)
    assert fit.se == pytest.approx(full.se, rel=1e-8)


@pytest.mark.parametrize("vcov", ["HC2", "HC3"])
@pytest.mark.usefixtures("narrow")
def test_leverages_of_many_levels_are_those_of_the_matrix(vcov: str, monkeypatch: pytest.MonkeyPatch) -> None:
    agree(*both(monkeypatch, "y ~ x + year + g", data := portfolio(40, 400), family="poisson", vcov=vcov), data)


@pytest.mark.usefixtures("narrow")
def test_a_saved_fit_keeps_its_low_rank(tmp_path: Any) -> None:
    data = portfolio(40, 1500)
    fit = ef.glm("y ~ x + g", data, family="poisson")
    fit.save(tmp_path / "fit.json")
    again = ef.load(tmp_path / "fit.json")
    assert isinstance(again.covariance.inner, LowRank)
    assert np.array_equal(again.se, fit.se)
    assert np.array_equal(again.vcov(), fit.vcov())


@pytest.mark.usefixtures("narrow")
@pytest.mark.parametrize("solver", ["lbfgs", "newton"])
@pytest.mark.parametrize("link", ["log", "identity"])
def test_every_exact_solver_meets_it(solver: str, link: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without an intercept, and with a link whose observed information is another matrix."""
    data = portfolio(30, 1500)
    fit = ef.glm("y ~ g - 1", data, family="gamma", link=link, solver=solver)
    assert isinstance(fit.covariance.inner, LowRank)
    assert fit.converged
    means = [data["y"][data["g"] == name].mean() for name in sorted(set(data["g"]))]
    assert fit.predict({"g": np.array(sorted(set(data["g"])))}) == pytest.approx(means, rel=1e-6)


@pytest.mark.usefixtures("narrow")
def test_threads_do_not_matter() -> None:
    data = portfolio(40, 6000)
    fits = []
    for n in (1, 3):
        with ef.threads(n):
            fits.append(ef.glm("y ~ x + g + h", data, family="poisson"))
    assert np.array_equal(fits[0].coef, fits[1].coef)
    assert np.array_equal(fits[0].se, fits[1].se)


@pytest.mark.usefixtures("narrow")
def test_a_penalty_that_ties_levels_is_refused() -> None:
    data = portfolio(20, 400)
    with pytest.raises(SolverError, match="ties levels of the factor with 19 levels"):
        ef.glm("y ~ x + g", data, family="poisson", penalty=ef.Ridge(np.eye(21) + 1))


@pytest.mark.usefixtures("narrow")
def test_classes_are_written_out() -> None:
    data = portfolio(20, 900) | {"y": np.random.default_rng(1).choice(["u", "v", "w"], 900)}
    fit = ef.glm("y ~ x + g", data, family="categorical", penalty=ef.Ridge(1e-3))
    assert isinstance(fit.covariance.inner, Written)
    assert fit.converged


def test_memory_is_linear_in_levels() -> None:
    """20,000 levels beside four other columns: a matrix of them would take 3.2 GB, a border 0.8 MB."""
    levels = 20_000
    data = portfolio(levels, 2 * levels)
    formula = "y ~ x + year + w + g"
    ef.glm(formula, portfolio(1100, 2200), family="poisson", penalty=ef.Ridge(1e-3))  # imports, compilation
    tracemalloc.start()
    fit = ef.glm(formula, data, family="poisson", penalty=ef.Ridge(1e-3))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert fit.converged
    assert np.isfinite(fit.se).all()
    assert peak < 60 * levels * 5 * 8
    with pytest.raises(ExpfamError, match=r"the covariance of 20,003 coefficients would take 3 GB"):
        fit.vcov()


def test_a_report_of_very_many_coefficients_is_short() -> None:
    fit = ef.glm("y ~ x + g", portfolio(1100, 2200), family="poisson", penalty=ef.Ridge(1e-3))
    text = fit.summary()
    assert len(text.splitlines()) < 60
    assert "1,061 more: fit.tidy() has all" in text
    assert "g[L01099]" in text
    assert len(fit.tidy()["term"]) == 1101


def test_newton_is_chosen_for_it() -> None:
    from expfam.families import Poisson
    from expfam.links import Log
    from expfam.objective import Data, Objective
    from expfam.penalties import NoPenalty
    from expfam.solvers.pose import pose

    rng = np.random.default_rng(0)
    n, levels = 12_000, 4000
    terms = (
        Columns(("Intercept",)),
        Columns(tuple(map(str, range(1, levels))), codes=rng.permutation(np.arange(n) % levels), levels=levels,
                contrast=np.arange(1, levels)),
    )  # fmt: skip
    design, y = assemble(terms, n), rng.poisson(3.0, n) + 1.0
    family = Poisson()
    data = Data(design, y, family.conjugate(y), np.ones(n), None)
    objective = Objective(family, Log(), NoPenalty().bind(design.names), data)
    problem = pose(objective, 1e-8, 50, 0, lambda _: None).problem
    assert isinstance(choose("auto", problem), Newton)
