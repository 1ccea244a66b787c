"""Covariances that stand when the variance is wrong: R's sandwich on recorded/, statsmodels and definitions live."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.oracles.test_r import FACTS, fit_of, named

import expfam as ef

HC = [(name, kind) for name, fact in FACTS.items() for kind in ("hc0", "hc1", "hc3") if fact.get(kind)]


@pytest.mark.parametrize(("name", "kind"), HC, ids=[f"{name}-{kind}" for name, kind in HC])
def test_sandwiches_are_those_of_r(name: str, kind: str) -> None:
    fact = FACTS[name]
    fit = fit_of(fact)
    errors = np.sqrt(np.diagonal(fit.vcov(kind.upper())))
    assert list(named(fit, errors)) == list(fact["coef"])
    assert errors == pytest.approx(np.array(list(fact[kind].values())), rel=1e-6)
    beside = fit_of(fact, vcov=kind.upper())
    assert beside.se == pytest.approx(errors, rel=1e-9)


def people(n: int = 400, seed: int = 0) -> dict[str, Any]:
    """Counts of people in families and years, an uncentred year among the predictors."""
    rng = np.random.default_rng(seed)
    family, year = rng.integers(0, 60, n), rng.integers(2000, 2012, n)
    x, kind = rng.normal(size=n), rng.choice(["a", "b", "c"], n)
    eta = 0.3 * x + 0.05 * (year - 2006) + rng.normal(size=60)[family] / 2
    return {
        "y": rng.poisson(np.exp(eta)),
        "x": x,
        "kind": kind,
        "year": year,
        "family": family,
        "day": rng.permutation(n),
    }


FORMULA = "y ~ x + kind + year"


def of_statsmodels(data: dict[str, Any], **options: Any) -> np.ndarray:
    """The same Poisson model; year centred, which changes the intercept alone."""
    import statsmodels.api as sm

    dummies = [(data["kind"] == level).astype(float) for level in "bc"]
    X = np.column_stack([np.ones(len(data["y"])), data["x"], *dummies, data["year"] - 2006.0])
    fit = sm.GLM(data["y"], X, family=sm.families.Poisson()).fit(tol=1e-14, maxiter=50, **options)
    return np.asarray(fit.cov_params())[1:, 1:]


@pytest.mark.parametrize(("groups", "ways"), [("family", 1), (["family", "year"], 2)])
def test_clusters_are_those_of_statsmodels(groups: str | Sequence[str], ways: int) -> None:
    data = people()
    fit = ef.glm(FORMULA, data, family="poisson")
    found = fit.vcov(cluster=groups, ssc="statsmodels")
    columns = [data[g] for g in ([groups] if isinstance(groups, str) else groups)]
    stacked = columns[0] if ways == 1 else np.column_stack(columns)
    meant = of_statsmodels(data, cov_type="cluster", cov_kwds={"groups": stacked})
    assert np.allclose(found[1:, 1:], meant, rtol=1e-7, atol=0)


def test_serial_correlation_is_that_of_statsmodels() -> None:
    data = people()
    fit = ef.glm(FORMULA, data, family="poisson")
    meant = of_statsmodels(data, cov_type="HAC", cov_kwds={"maxlags": 3})
    assert np.allclose(fit.vcov({"hac": 3})[1:, 1:], meant, rtol=1e-7, atol=0)
    order = np.argsort(data["day"])
    moved = {name: values[order] for name, values in data.items()}
    assert np.allclose(fit.vcov({"hac": 5, "time": "day"}), ef.glm(FORMULA, moved, family="poisson").vcov({"hac": 5}))


def written_out(data: dict[str, Any], fit: ef.Fit) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """X, w (mu - t), H^-1 of the Poisson model, by NumPy."""
    dummies = [(data["kind"] == level).astype(float) for level in "bc"]
    X = np.column_stack([np.ones(len(data["y"])), data["x"], *dummies, data["year"]])
    mu = np.exp(X @ fit.coef)
    return X, mu - data["y"], np.linalg.inv(X.T @ (mu[:, None] * X))


@pytest.mark.parametrize("blocks", [False, True])
def test_definitions(blocks: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """HC2, clusters one and two ways, and lags, each as its formula says; whatever the blocks of rows."""
    if blocks:
        monkeypatch.setattr("expfam.inference.robust.CELLS", 64)
    data = people()
    fit = ef.glm(FORMULA, data, family="poisson", tol=1e-12)
    X, r, V = written_out(data, fit)
    S = r[:, None] * X
    h = np.exp(X @ fit.coef) * np.einsum("ij,jk,ik->i", X, V, X)
    G, T = (np.eye(60)[data["family"]], np.eye(12)[data["year"] - 2000])
    both = (G[:, :, None] * T[:, None, :]).reshape(len(r), -1)
    G, both = G[:, G.any(axis=0)], both[:, both.any(axis=0)]

    def clustered(groups: np.ndarray) -> np.ndarray:
        sums, count = groups.T @ S, groups.shape[1]
        return np.asarray(sums.T @ sums * count / (count - 1))

    lagged = S.T @ S + sum((1 - k / 5) * (S[k:].T @ S[:-k] + S[:-k].T @ S[k:]) for k in range(1, 5))
    meant = {
        "HC2": (fit.vcov("HC2"), (S / (1 - h)[:, None]).T @ S),
        "one way": (fit.vcov(cluster="family"), clustered(G)),
        "two ways": (fit.vcov(cluster=["family", "year"]), clustered(G) + clustered(T) - clustered(both)),
        "lags": (fit.vcov({"hac": 4}), lagged),
    }
    scale = np.abs(V @ S.T).max()
    for name, (found, meat) in meant.items():
        full = V @ meat @ V
        error = np.abs(found - full) / np.sqrt(np.outer(np.diagonal(full), np.diagonal(full)))
        assert error.max() < 1e-6, (name, scale)


def test_classes() -> None:
    """Softmax of two classes is logistic regression, for every sandwich."""
    rng = np.random.default_rng(3)
    x, ids = rng.normal(size=150), rng.integers(0, 20, 150)
    y = np.where(rng.random(150) < 1 / (1 + np.exp(-x)), "b", "a")
    data = {"y": y, "x": x, "id": ids}
    two = ef.glm("y ~ x", data, family=ef.families.Categorical(reference="a"))
    one = ef.glm("y ~ x", data, family="bernoulli")
    for kind in ("HC0", "HC1", "HC2", "HC3", {"cluster": "id"}, {"hac": 2}, "observed"):
        assert np.allclose(two.vcov(kind), one.vcov(kind), rtol=1e-6, atol=1e-12), kind


def test_three_classes_hc3_by_its_definition() -> None:
    """s_i = (I - W_i x_i'V x_i)^-1 s_i for HC3: the residual of a row less its own pull."""
    rng = np.random.default_rng(4)
    x = rng.normal(size=(80, 2))
    y = rng.integers(0, 3, 80).astype(float)
    fit = ef.glm_arrays(x, y, family="categorical", tol=1e-12)
    X = np.column_stack([np.ones(80), x])
    mu = fit.predict()[:, :2]
    V = fit.vcov()
    total = np.zeros_like(V)
    for i in range(80):
        W = np.diag(mu[i]) - np.outer(mu[i], mu[i])
        rows = np.kron(np.eye(2), X[i])
        s = np.linalg.solve(np.eye(2) - W @ rows @ V @ rows.T, mu[i] - (y[i] == np.arange(2)))
        full = np.kron(s, X[i])
        total += np.outer(full, full)
    assert np.allclose(fit.vcov("HC3"), V @ total @ V, rtol=1e-6)


def test_the_fit_that_carries_a_sandwich() -> None:
    data = people()
    plain = ef.glm(FORMULA, data, family="poisson")
    fit = ef.glm(FORMULA, data, family="poisson", vcov={"cluster": "family"})
    assert np.allclose(fit.vcov(), plain.vcov(cluster="family"), rtol=1e-9)
    assert np.allclose(fit.vcov("model"), plain.vcov(), rtol=1e-7)
    assert "Standard errors: clustered by family (ssc r)" in fit.summary()
    assert np.array_equal(fit.with_vcov("HC1").confint()[:, 0] < fit.coef, np.ones(5, bool))


def test_a_saved_fit_asks_for_its_rows(tmp_path: Path) -> None:
    data = people()
    fit = ef.glm(FORMULA, data, family="poisson", vcov="HC1")
    fit.save(tmp_path / "model.json")
    loaded = ef.load(tmp_path / "model.json")
    assert "HC1" in loaded.summary()
    assert json.loads((tmp_path / "model.json").read_text())["vcov"] == "HC1"
    with pytest.raises(ef.ExpfamError, match="hand the data over"):
        loaded.vcov("HC3")
    assert np.allclose(loaded.vcov("HC3", data=data), fit.vcov("HC3"))
    fewer = {name: values[:-1] for name, values in data.items()}
    with pytest.raises(ef.ExpfamError, match="not the rows of the fit"):
        loaded.vcov("HC3", data=fewer)


@pytest.mark.parametrize(
    ("vcov", "message"),
    [
        ("HC4", "did you mean"),
        ({"clusters": "family"}, "not understood"),
        ({"cluster": "nobody"}, "no column 'nobody'"),
        ({"cluster": "one"}, "single cluster"),
        ({"cluster": "gaps"}, "missing in row 3"),
        ({"cluster": np.arange(7)}, "one value a row"),
        ({"cluster": "family", "ssc": "sas"}, "ssc='sas'"),
        ({"hac": -1}, "number of lags"),
    ],
)
def test_bad_input(vcov: Any, message: str) -> None:
    data = people(60)
    gaps = data["x"].copy()
    gaps[3] = np.nan
    data |= {"one": np.zeros(60), "gaps": gaps}
    with pytest.raises(ef.ExpfamError, match=message):
        ef.glm(FORMULA, data, family="poisson", vcov=vcov)


def test_clusters_of_single_rows_are_hc0_but_for_the_factor() -> None:
    data = people(100)
    fit = ef.glm(FORMULA, data, family="poisson")
    assert np.allclose(fit.vcov(cluster=np.arange(100)) * 99 / 100, fit.vcov("HC0"), rtol=1e-8)


@pytest.mark.parametrize("kind", ["HC0", "HC1", "HC2", "HC3"])
def test_a_row_of_frequency_three_is_three_rows(kind: str) -> None:
    data = people()
    times = np.random.default_rng(3).integers(1, 4, 400)
    repeated = {name: np.repeat(values, times) for name, values in data.items()}
    counted = ef.glm(FORMULA, {**data, "f": times}, family="poisson", weights="f", weights_kind="frequency")
    assert counted.vcov(kind) == pytest.approx(ef.glm(FORMULA, repeated, family="poisson").vcov(kind), rel=1e-7)


def test_few_clusters_in_several_ways_are_mended_and_told() -> None:
    """Sums and differences of matrices of rank 4, 3 and 12 for six coefficients: some variances would be negative."""
    data = people()
    rng = np.random.default_rng(0)
    few = {**data, "one": rng.integers(0, 4, 400), "other": rng.integers(0, 3, 400)}
    fit = ef.glm(FORMULA, few, family="poisson")
    with pytest.warns(ef.CovarianceWarning, match="negative eigenvalues"):
        V = fit.vcov(cluster=["one", "other"])
    scale = np.sqrt(np.diagonal(V))
    assert np.linalg.eigvalsh(V / np.outer(scale, scale)).min() > -1e-9


def test_a_hypothesis_of_more_equations_than_clusters_is_refused() -> None:
    data = people()
    fit = ef.glm(FORMULA, {**data, "two": np.arange(400) % 2}, family="poisson", vcov={"cluster": "two"})
    with pytest.raises(ef.ExpfamError, match="rank 1, as where there are fewer clusters"):
        fit.wald_test("x, kind[b], kind[c]")


FIXEST = json.loads((Path(__file__).parent / "recorded_fixest.json").read_text())
CENTRED = "y ~ x + kind + I(year - 2006)"


@pytest.mark.parametrize("case", FIXEST)
def test_clusters_are_those_of_fixest(case: str) -> None:
    """recorded_fixest.json is the output of recorded/fixest.py; its Poisson fits stop at 1e-9."""
    family, ways = case.split()
    fit = ef.glm(CENTRED, people(), family=family, vcov={"cluster": ways.split("+"), "ssc": "fixest"})
    assert fit.se == pytest.approx(np.array(FIXEST[case]), rel=1e-8)


def test_sandwiches_are_those_of_glum() -> None:
    glum = pytest.importorskip("glum")  # of the benchmarks' extra
    data = people()
    X = np.column_stack([data["x"], *[(data["kind"] == level).astype(float) for level in "bc"], data["year"] - 2006.0])
    theirs = glum.GeneralizedLinearRegressor(family="poisson", alpha=0, gradient_tol=1e-12, max_iter=200)
    theirs.fit(X, data["y"])
    fit = ef.glm(CENTRED, data, family="poisson")
    assert fit.with_vcov("HC1").se == pytest.approx(theirs.std_errors(X, data["y"], robust=True), rel=1e-8)
    ours = fit.with_vcov(cluster="family", ssc="fixest").se
    assert ours == pytest.approx(theirs.std_errors(X, data["y"], clusters=data["family"]), rel=1e-8)
