"""Rows of equal predictors summed to one: the same likelihood, the same answer, fewer rows."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import expfam as ef
from expfam.aggregate import moments, without_offset
from expfam.design import Columns, assemble
from expfam.families import FAMILIES, ExponentialFamily
from expfam.kernels import equal, equal_definition
from expfam.links import Log
from expfam.objective import Data, Objective
from expfam.penalties import NoPenalty

PARAMETERS = {"negative_binomial": {"theta": 1.7}, "tweedie": {"power": 1.4}}
SCALAR = [cls(**PARAMETERS.get(name, {})) for name, cls in FAMILIES.items() if name != "categorical"]
PARENTS = {"quasipoisson": "poisson", "quasibinomial": "binomial"}


def table(family: ExponentialFamily, n: int = 3000) -> dict[str, np.ndarray]:
    """Three factors and a response whose mean depends on them."""
    rng = np.random.default_rng(3)
    data = {name: rng.choice(list(levels), n) for name, levels in {"f": "ab", "g": "uvwx", "h": "klm"}.items()}
    mu = 0.2 + 0.3 * (data["f"] == "b") + 0.1 * (data["g"] == "v") + 0.2 * (data["h"] == "m")
    source = FAMILIES[PARENTS[family.name]]() if family.name in PARENTS else family
    phi, weight = (1.0 if family.fixed_dispersion else 0.1), (10.0 if "binomial" in source.name else 1.0)
    weight = 1.0 if source.name == "negative_binomial" else weight
    return {**data, "y": source.draw(mu, rng, phi=phi, weight=weight), "w": rng.uniform(0.5, 2, n)}


def same(one: ef.Fit, other: ef.Fit) -> None:
    assert one.converged
    assert one.coef == pytest.approx(other.coef, rel=1e-8, abs=1e-10)
    assert one.se == pytest.approx(other.se, rel=1e-7)
    for figure in ("deviance", "null_deviance", "dispersion", "loglik", "aic", "df_residual", "n", "weights_sum"):
        assert getattr(one, figure) == pytest.approx(getattr(other, figure), rel=1e-10, nan_ok=True), figure


@pytest.mark.parametrize("family", SCALAR, ids=lambda f: f.name)
def test_sums_of_equal_rows_are_the_same_fit(family: ExponentialFamily) -> None:
    data = table(family)
    extra = {"trials": np.full(3000, 10.0)} if family.name in ("binomial", "quasibinomial") else {"weights": "w"}
    summed, plain = (
        ef.glm("y ~ f * g + h", data, family=family, aggregate=how, **extra) for how in ("always", "never")
    )
    same(summed, plain)
    assert (summed.certificate.rows, summed.certificate.summed_from) == (24, 3000)
    assert "Rows with equal predictors summed: 3,000 to 24" in summed.summary()
    assert plain.certificate.rows == 3000


@pytest.mark.parametrize("family", ["poisson", "gamma", "inverse_gaussian", ef.families.Tweedie(1.6)])
def test_an_offset_of_a_log_link_is_a_unit(family: str) -> None:
    """V(mu) = mu^p: t exp(-offset) with weight exp((2 - p) offset) has the same likelihood."""
    rng = np.random.default_rng(4)
    data = {"g": rng.choice(list("abc"), 500), "e": rng.uniform(0.1, 3, 500)}
    mu = data["e"] * np.exp(0.3 * (data["g"] == "b"))
    data["y"] = rng.poisson(mu) if family == "poisson" else rng.gamma(2, mu / 2) + 1e-3
    same(*(ef.glm("y ~ g", data, family=family, link="log", exposure="e", aggregate=a) for a in ("always", "never")))


@pytest.mark.parametrize("power", [0.0, 1.0, 1.5, 2.0, 2.5, 3.0])
@pytest.mark.parametrize("weighty", [False, True])
def test_moments_are_sums_over_rows_without_their_offset(power: float, weighty: bool) -> None:
    """a*(t) is not worked out anew: what it changes by follows from V(mu) = mu^p."""
    rng, n, family = np.random.default_rng(5), 300, ef.families.Tweedie(power)
    y = rng.gamma(2.0, 1.0, n) * (rng.random(n) < 0.5 if 1 <= power < 2 else 1.0)
    weight = rng.uniform(0.5, 2.0, n) if weighty else np.broadcast_to(1.0, n)
    design = assemble((Columns(("Intercept",)),), n)
    data = Data(design, y, family.conjugate(y), weight, rng.normal(1.0, 2.0, n))
    objective = Objective(family, Log(), NoPenalty().bind(design.names), data)
    found, (t, w, _) = moments(objective), without_offset(objective)
    assert found is not None
    assert found.weight == pytest.approx(w.sum(), rel=1e-12)
    assert found.mean == pytest.approx(w @ t / w.sum(), rel=1e-12)
    assert found.conjugate == pytest.approx(w @ family.conjugate(t), rel=1e-12)


@pytest.mark.parametrize("level", [-800.0, 700.0, 900.0])
@pytest.mark.parametrize("power", [1.0, 1.5, 3.0])
def test_an_offset_too_far_from_zero_to_be_a_unit_is_left_one(power: float, level: float) -> None:
    """exp(900) is no number, nor is the square of exp(700), and exp(-800) is zero."""
    rng = np.random.default_rng(4)
    data = {"g": rng.choice(list("abc"), 500), "y": rng.poisson(2, 500) + float(power > 2), "zero": np.zeros(500)}
    data["far"] = level + data["zero"]
    far, near = (
        ef.glm("y ~ g", data, family=ef.families.Tweedie(power), link="log", offset=o, aggregate="always")
        for o in ("far", "zero")
    )
    assert (far.certificate.rows, near.certificate.rows) == (500, 3)
    assert far.coef + level * np.array([1, 0, 0]) == pytest.approx(near.coef, rel=1e-8, abs=1e-10)
    assert far.deviance == pytest.approx(near.deviance)


@pytest.mark.parametrize(("level", "spread"), [(1.7e9, 600.0), (1e8, 1.0), (1e4, 1.0)])
@pytest.mark.parametrize("family", ["gaussian", "gamma"])
def test_sums_keep_the_digits_of_numbers_far_from_zero(level: float, spread: float, family: str) -> None:
    rng, n = np.random.default_rng(0), 3000
    g = rng.choice(list("abc"), n)
    data = {"y": level + spread * (rng.normal(size=n) + 0.5 * (g == "b")), "g": g}
    summed, plain = (
        ef.glm("y ~ g", data, family=family, link="identity", aggregate=how) for how in ("always", "never")
    )
    for figure in ("deviance", "null_deviance", "dispersion"):
        rough = 1e-6 if family == "gaussian" else 1e-16 * (level / spread) ** 2 + 1e-6  # what the loss itself keeps
        assert getattr(summed, figure) == pytest.approx(getattr(plain, figure), rel=rough), figure


@pytest.mark.parametrize("compiled", [False, True])
@given(
    words=hnp.arrays(
        np.int64, st.integers(1, 200), elements=st.one_of(st.integers(-3, 3), st.integers(-(2**63), 2**63 - 1))
    ),
    most=st.integers(1, 200),
    small=st.booleans(),
)
def test_equal_words_have_one_number(words: np.ndarray, most: int, small: bool, compiled: bool) -> None:
    """Of the first row that has it, by one table or by several."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(equal, "SMALL", 0 if small else 1000)
        patch.setattr(equal, "SLACK", 4.0)  # few words fall unevenly
        found = (equal if compiled else equal_definition).number(words, most)
    _, first, place = np.unique(words, return_index=True, return_inverse=True)
    if len(first) > most:
        assert found is None
        return
    assert found is not None
    assert (found[1][found[0]] == first[place]).all()
    assert len(found[1]) == len(first)


@pytest.mark.parametrize("n", [3000, 60_000], ids=["definition", "compiled"])
@pytest.mark.parametrize("kind", [np.float64, np.float32, np.int64])
@pytest.mark.parametrize("formula", ["y ~ g + age", "y ~ g * age", "y ~ g + ns(age, 4)", "y ~ g * bs(age, 6)"])
def test_numbers_of_few_values_are_levels(formula: str, kind: type, n: int) -> None:
    ef.warmup()
    rng = np.random.default_rng(7)
    data = {"g": rng.choice(list("abc"), n), "age": rng.integers(-20, 21, n).astype(kind), "e": rng.uniform(0.1, 1, n)}
    data["age"] = data["age"] * kind(-1)  # zeros of both signs are one
    data["y"] = rng.poisson(np.exp(0.02 * data["age"]) * data["e"])
    summed, plain = (ef.glm(formula, data, family="poisson", exposure="e", aggregate=a) for a in ("always", "never"))
    same(summed, plain)
    assert summed.certificate.rows == 3 * 41


def test_large_data_is_summed_where_some_rows_promise_that_it_pays() -> None:
    """A table with more cells than rows, few of which have any, and a number of 40 values; not one that is continuous,
    nor cells of two rows."""
    rng, n = np.random.default_rng(8), 40_000
    held = rng.integers(0, 60, (300, 3))[rng.integers(0, 300, n)]
    data = {"g": held[:, 0].astype(str), "h": held[:, 1].astype(str), "age": held[:, 2], "y": rng.poisson(2, n)}
    data |= {"x": rng.normal(size=n), "pair": np.arange(n) // 2 % 9973}
    rows = {
        term: ef.glm(f"y ~ g + h + {term}", data, family="poisson", penalty=ef.Ridge(1e-3)).certificate.rows
        for term in ("age", "x", "pair")
    }
    assert rows["age"] <= 300
    assert rows["x"] == rows["pair"] == n


def test_some_rows_tell_of_a_table_of_few_cells_as_of_many() -> None:
    """2,500 cells in 15,000 rows: nearly all of them are among the rows looked at."""
    rng = np.random.default_rng(9)
    data = {"age": rng.integers(0, 50, 15_000), "power": rng.integers(0, 50, 15_000), "y": rng.poisson(2, 15_000)}
    assert ef.glm("y ~ age + power", data, family="poisson").certificate.rows <= 2500


def test_other_offsets_and_classes_are_left_alone() -> None:
    rng = np.random.default_rng(5)
    data = {"g": rng.choice(list("abc"), 200), "x": rng.normal(size=200), "y": rng.integers(0, 2, 200)}
    for formula, extra in (("y ~ g", {"offset": "x"}), ("y ~ g", {"weights_kind": "sampling"})):
        weights = {"weights": np.ones(200)} if extra.get("weights_kind") else {}
        fit = ef.glm(formula, data, family="bernoulli", aggregate="always", **extra, **weights)
        assert fit.certificate.rows == 200
    assert ef.glm("y ~ g", data, family="categorical", aggregate="always").certificate.rows == 200


def test_many_cells_are_numbered_only_where_asked() -> None:
    """100 x 100 cells, 2,000 rows: fewer rows are left, but to know that takes a sort."""
    rng = np.random.default_rng(6)
    levels = rng.integers(0, 100, (50, 2))[rng.integers(0, 50, 2000)]
    data = {"g": levels[:, 0].astype(str), "h": levels[:, 1].astype(str), "y": rng.poisson(2, 2000)}
    penalty = ef.Ridge(0.01)
    summed, plain, auto = (
        ef.glm("y ~ g + h", data, family="poisson", penalty=penalty, aggregate=how)
        for how in ("always", "never", "auto")
    )
    same(summed, plain)
    assert summed.certificate.rows <= 50
    assert auto.certificate.rows == 2000


def test_an_unknown_rule_is_refused() -> None:
    with pytest.raises(ef.SchemaError, match="aggregate='sometimes'"):
        ef.glm("y ~ g", {"g": ["a", "b", "a"], "y": [1.0, 2.0, 3.0]}, aggregate="sometimes")
