"""Transforms: R's numbers, and the laws of learning once and replaying."""

import json
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from expfam.errors import DataWarning, FormulaError, SchemaError
from expfam.formula.transforms import TRANSFORMS
from expfam.formula.values import Factor

X = np.array([1, 2.5, 3, 4.2, 5, 7, 8.5, 11])
NEW = np.array([0.5, 2, 6, 12.5])
COLUMN = arrays(float, st.integers(12, 60), elements=st.integers(-50, 50).map(float)).filter(
    lambda x: np.unique(x).size > 8
)


def run(name, x, new=None, **options):
    """Learn on x, replay on `new` after the state has been through JSON."""
    transform = TRANSFORMS[name]
    state = json.loads(json.dumps(transform.learn(x, **options), allow_nan=False))
    return transform.apply(x if new is None else new, state=state, **options)


# Each row of numbers: R 4.2, library(splines), x <- c(1,2.5,3,4.2,5,7,8.5,11), new <- c(0.5,2,6,12.5)
R_FACTS = {
    "bs(x, df=5)[c(2, 4), ]": (
        lambda: run("bs", X, df=5)[[1, 3]],
        [
            0.5792236328125,
            0.3416748046875,
            0.0263671875,
            0,
            0,
            0.11636363636363620,
            0.63720574162679422,
            0.24340871317048615,
            0.00302190883908336,
            0,
        ],
    ),
    "predict(bs(x, df=5), new)": (
        lambda: run("bs", X, NEW, df=5),
        [
            -0.828744393807870794,
            0.065470377604166741,
            -0.000976562500000005,
            0,
            0,
            0.614330150462963021,
            0.179361979166666741,
            0.007812500000000003,
            0,
            0,
            0.000443892045454541,
            0.351492411782296510,
            0.544327231805590506,
            0.103736464366658357,
            0,
            0,
            -0.009515977443609006,
            0.232747929504211526,
            -1.530675465180135753,
            2.307443513119533218,
        ],
    ),
    "bs(x, knots=c(3, 6), degree=2, intercept=TRUE)[c(1, 6, 8), ]": (
        lambda: run("bs", X, knots=(3, 6), degree=2, intercept=True)[[0, 5, 7]],
        [1, 0, 0, 0, 0, 0, 0, 0.4, 0.56, 0.04, 0, 0, 0, 0, 1],
    ),
    "ns(x, df=4)[c(2, 8), ]": (
        lambda: run("ns", X, df=4)[[1, 7]],
        [
            0.0784313725490196,
            -0.1798769858304785,
            0.4974529056415301,
            -0.3175759198110517,
            0,
            -0.1500634697326186,
            0.4150031128467590,
            0.7350603568858596,
        ],
    ),
    "predict(ns(x, df=4), new)": (
        lambda: run("ns", X, NEW, df=4),
        [
            0,
            0.0755661143109918,
            -0.2089793919910876,
            0.1334132776800959,
            0.0232389251997095,
            -0.1372592339249475,
            0.3795927779579580,
            -0.2423335440330107,
            0.5730466514780239,
            0.3353624695984924,
            0.1203656922371050,
            -0.0614300175374531,
            0,
            -0.6281482200176262,
            0.4957754222556414,
            1.1323727977619840,
        ],
    ),
    "ns(x, knots=4, intercept=TRUE)[c(1, 8), ]": (
        lambda: run("ns", X, knots=4, intercept=True)[[0, 7]],
        [
            -0.41705998728176813,
            0.58778681592916582,
            -0.34575695054656808,
            -0.15266634269563126,
            0.37841912783704279,
            0.77740051303703361,
        ],
    ),
    "poly(x, 3)[c(1, 8), ]": (
        lambda: run("poly", X, degree=3)[[0, 7]],
        [
            -0.4823968853029859,
            0.5631819303905954,
            -0.4760047964002087,
            0.6460168814876246,
            0.5636493242349833,
            0.3454025044897056,
        ],
    ),
    "predict(poly(x, 3), new)": (
        lambda: run("poly", X, NEW, degree=3),
        [
            -0.5388175736425167,
            0.7649497352922794,
            -0.9027961615227565,
            -0.3695555086239251,
            0.2173009418997735,
            0.0837675518907685,
            0.0818099980923192,
            -0.3974947278962697,
            -0.0985791097039100,
            0.8152789465062162,
            1.2267475784058925,
            2.0165117889878879,
        ],
    ),
    "scale(x)[c(1, 8)]": (lambda: run("scale", X)[[0, 7]], [-1.2763021917438504, 1.7092000111657408]),
    "as.integer(cut(x, 4))": (lambda: run("cut", X, breaks=4).codes + 1.0, [1, 1, 1, 2, 2, 3, 3, 4]),
}


@pytest.mark.filterwarnings("ignore::expfam.errors.DataWarning")
@pytest.mark.parametrize("call", R_FACTS)
def test_agrees_with_r(call):
    compute, expected = R_FACTS[call]
    np.testing.assert_allclose(compute().ravel(), expected, rtol=1e-12, atol=1e-13)


STATEFUL = {
    "poly": {"degree": 3},
    "bs": {"df": 5},
    "ns": {"df": 3},
    "center": {},
    "scale": {},
    "cut": {"breaks": 4},
    "C": {},
}


def test_every_stateful_transform_is_tried():
    assert set(STATEFUL) == {name for name, t in TRANSFORMS.items() if t.learn is not TRANSFORMS["log"].learn}


@pytest.mark.parametrize("name", STATEFUL)
@settings(max_examples=25, deadline=None)
@given(x=COLUMN, data=st.data())
def test_a_row_that_stands_for_k_is_k_rows(name, x, data):
    times = data.draw(arrays(float, x.size, elements=st.integers(1, 4).map(float)))
    learn = TRANSFORMS[name].learn
    own = {} if TRANSFORMS[name].by_value else {"times": times}
    counted, repeated = learn(x, **own, **STATEFUL[name]), learn(np.repeat(x, times.astype(int)), **STATEFUL[name])
    assert counted.keys() == repeated.keys()
    for key, learned in counted.items():
        same = isinstance(learned, str) or (isinstance(learned, list) and isinstance(learned[0], str))
        assert learned == (repeated[key] if same else pytest.approx(repeated[key], rel=1e-9, abs=1e-9))


@pytest.mark.parametrize("name", STATEFUL)
@settings(max_examples=25, deadline=None)
@given(x=COLUMN, data=st.data())
def test_a_row_is_coded_alike_whatever_rows_come_along(name, x, data):
    rows = data.draw(st.lists(st.integers(0, x.size - 1), min_size=1, max_size=9))
    every, some = run(name, x, **STATEFUL[name]), run(name, x, x[rows], **STATEFUL[name])
    if isinstance(every, Factor):
        assert every.levels == some.levels
        every, some = every.codes, some.codes
    np.testing.assert_allclose(some, every[rows], rtol=0, atol=1e-12)


@settings(max_examples=40, deadline=None)
@given(COLUMN, st.integers(1, 5))
def test_polynomials_are_orthonormal_and_have_mean_zero(x, degree):
    basis = run("poly", x, degree=degree)
    np.testing.assert_allclose(basis.T @ basis, np.eye(degree), atol=1e-9)
    np.testing.assert_allclose(basis.sum(axis=0), 0, atol=1e-8)


@settings(max_examples=40, deadline=None)
@given(COLUMN, st.integers(1, 3), st.integers(0, 4))
def test_b_splines_are_a_partition_of_one(x, degree, inner):
    basis = run("bs", x, df=degree + 1 + inner, degree=degree, intercept=True)
    assert basis.shape == (x.size, degree + 1 + inner)
    assert (basis >= 0).all()
    np.testing.assert_allclose(basis.sum(axis=1), 1, atol=1e-12)


@settings(max_examples=25, deadline=None)
@given(COLUMN, st.integers(1, 4))
def test_natural_splines_are_straight_outside(x, df):
    span = np.ptp(x)
    far = np.array([x.min() - 2 * span, x.min() - span, x.min(), x.max(), x.max() + span, x.max() + 2 * span])
    with pytest.warns(DataWarning, match="straight line"):
        basis = run("ns", x, far, df=df)
    scale = np.abs(basis).max()
    np.testing.assert_allclose(np.diff(basis[:3], 2, axis=0) / scale, 0, atol=1e-10)
    np.testing.assert_allclose(np.diff(basis[3:], 2, axis=0) / scale, 0, atol=1e-10)


@settings(max_examples=40, deadline=None)
@given(COLUMN, st.lists(st.integers(-60, 60), min_size=1, max_size=6, unique=True).map(sorted))
def test_cut_intervals_are_closed_on_the_right(x, breaks):
    factor = run("cut", x, breaks=tuple(breaks))
    ends = np.array([-np.inf, *breaks, np.inf])
    assert ((ends[factor.codes] < x) & (x <= ends[factor.codes + 1])).all()
    assert factor.codes.dtype == np.int8
    assert factor.levels[0] == f"(-inf, {breaks[0]}]"
    assert factor.levels[-1] == f"({breaks[-1]}, inf]"


def test_cut_labels_never_collide():
    assert run("cut", X, breaks=(1.00000001, 1.00000002)).levels[1] == "(1.00000001, 1.00000002]"
    assert run("cut", X, breaks=(0, 20, 25.5)).levels == ("(-inf, 0]", "(0, 20]", "(20, 25.5]", "(25.5, inf]")


@settings(max_examples=40, deadline=None)
@given(arrays(float, 30, elements=st.sampled_from([-0.0, 0.0, 1.5, 4.0, 10.0, 2.0**21, -7.25])))
def test_numbers_become_levels_in_increasing_order(x):
    factor = run("C", x)
    assert [float(level) for level in factor.levels] == sorted(set(x.tolist()))
    np.testing.assert_array_equal(np.array(factor.levels, float)[factor.codes], x)


@given(arrays(float, 20, elements=st.integers(-5, 30).map(float)))
def test_counted_and_hashed_levels_agree(x):
    counted, hashed = run("C", x), run("C", np.append(x, 0.5))
    assert set(hashed.levels) - {"0.5"} == set(counted.levels)
    assert [hashed.levels[c] for c in hashed.codes[:-1]] == [counted.levels[c] for c in counted.codes]


@pytest.mark.parametrize(
    ("name", "options", "error", "says"),
    [
        ("poly", {"degree": 0}, FormulaError, "at least 1, found 0"),
        ("poly", {"degree": 8}, SchemaError, "needs more than 8 distinct values, the column has 8"),
        ("poly", {"raw": 1}, FormulaError, "True or False"),
        ("bs", {"df": 2}, FormulaError, "at least 3, found 2"),
        ("bs", {"knots": (0.5, 4)}, SchemaError, "knot 0.5 must lie strictly between 1.0 and 11.0"),
        ("ns", {"knots": "a"}, FormulaError, "list of numbers"),
        ("cut", {"breaks": (3, 3)}, FormulaError, "increase strictly"),
        ("cut", {"breaks": 1}, FormulaError, "at least 2"),
        ("C", {"contrasts": "poly"}, FormulaError, "'treatment', 'sum', 'helmert'"),
        ("C", {"ref": 9}, FormulaError, "ref=9 is not a level"),
        ("C", {"levels": (1, 3)}, SchemaError, "level '2.5' \\(1 rows\\)"),
        ("C", {"levels": (1, 1)}, FormulaError, "distinct"),
    ],
)
def test_options_out_of_range_are_refused(name, options, error, says):
    with pytest.raises(error, match=says):
        run(name, X, **options)


@pytest.mark.parametrize("name", ["bs", "ns", "scale"])
def test_a_constant_column_is_refused(name):
    with pytest.raises(SchemaError, match="leave the column out"):
        run(name, np.full(5, 3.0))


def test_levels_beyond_exact_integers_are_refused():
    with pytest.raises(SchemaError, match="cast it to text"):
        run("C", np.array([1.0, 2.0**53]))


def test_beyond_the_boundary_a_warning_tells_how_many():
    with pytest.warns(DataWarning, match=r"bs: 2 rows lie beyond the range \[1, 11\]"):
        run("bs", X, NEW, df=4)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert run("bs", X, X[:0], df=4).shape == (0, 4)
