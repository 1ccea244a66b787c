"""Contrasts and the coding of factors in terms: R's names and columns."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from expfam.data.table import read
from expfam.formula.coding import CONTRASTS
from expfam.formula.encode import encode
from expfam.formula.learn import learn
from expfam.formula.schema import Request


def contrast_matrix(name, k, base):
    """The map of a contrast written out, (k, k - 1): kept levels are columns of the unit matrix."""
    contrast = CONTRASTS[name](k, base)
    return np.eye(k)[:, contrast] if contrast.ndim == 1 else contrast


def matrix(formula, table):
    """Names and design of `formula` on `table`."""
    schema = learn(Request(formula), table)
    return schema.names, np.hstack([part.dense(table.n) for part in encode(schema, table).columns])


# R 4.2: contr.helmert(4), contr.sum(4), contr.treatment(4)
R_CONTRASTS = {
    "helmert": (0, [[-1, -1, -1], [1, -1, -1], [0, 2, -1], [0, 0, 3]]),
    "sum": (3, [[1, 0, 0], [0, 1, 0], [0, 0, 1], [-1, -1, -1]]),
    "treatment": (0, [[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]]),
}

P_Q = "a[p]:b[u] a[q]:b[u] a[p]:b[v] a[q]:b[v] a[p]:b[w] a[q]:b[w]"

# R 4.2: d <- expand.grid(a=c("p","q"), b=c("u","v","w")); d$x <- c(1,2,3,5,8,13); d$z <- c(2,1,4,3,6,5)
#        colnames(model.matrix(formula, d)), written with our brackets
GRID = {
    "a": list("pqpqpq"),
    "b": list("uuvvww"),
    "x": [1.0, 2, 3, 5, 8, 13],
    "z": [2.0, 1, 4, 3, 6, 5],
}
R_NAMES = {
    "~ x:z + x:a": "Intercept x:z x:a[q]",
    "~ a:b": f"Intercept {P_Q}",
    "~ b + a:b": "Intercept b[v] b[w] b[u]:a[q] b[v]:a[q] b[w]:a[q]",
    "~ x + a:x": "Intercept x x:a[q]",
    "~ a:x": "Intercept a[p]:x a[q]:x",
    "~ 0 + a:b": P_Q,
    "~ 0 + a + b": "a[p] a[q] b[v] b[w]",
    "~ a + b - 1": "a[p] a[q] b[v] b[w]",
    "~ 0 + x + a:b": f"x {P_Q}",
    "~ b + a + a:b": "Intercept b[v] b[w] a[q] b[v]:a[q] b[w]:a[q]",
    "~ a:b + b": "Intercept b[v] b[w] a[q]:b[u] a[q]:b[v] a[q]:b[w]",
    "~ 0 + x:a + b": "b[u] b[v] b[w] x:a[p] x:a[q]",
    "~ a*b*x": "Intercept a[q] b[v] b[w] x a[q]:b[v] a[q]:b[w] a[q]:x b[v]:x b[w]:x a[q]:b[v]:x a[q]:b[w]:x",
    "~ 0 + b:x + a": "a[p] a[q] b[u]:x b[v]:x b[w]:x",
    "~ a:x:z + b:a": f"Intercept {P_Q} a[p]:x:z a[q]:x:z",
}


@pytest.mark.parametrize("name", CONTRASTS)
def test_contrast_matrices_are_those_of_r(name):
    base, expected = R_CONTRASTS[name]
    np.testing.assert_array_equal(contrast_matrix(name, 4, base), expected)


@pytest.mark.parametrize("name", CONTRASTS)
@given(k=st.integers(2, 9), data=st.data())
def test_contrasts_and_the_mean_span_everything(name, k, data):
    matrix = contrast_matrix(name, k, data.draw(st.integers(0, k - 1)))
    assert matrix.shape == (k, k - 1)
    assert np.linalg.matrix_rank(np.column_stack([np.ones(k), matrix])) == k
    if name != "treatment":
        np.testing.assert_allclose(matrix.sum(axis=0), 0)


@pytest.mark.parametrize("formula", R_NAMES)
def test_terms_are_coded_as_in_r(formula):
    schema = learn(Request(formula), read(GRID))
    assert list(schema.names) == R_NAMES[formula].split()


@pytest.mark.parametrize("formula", R_NAMES)
def test_a_column_is_the_product_of_what_its_name_says(formula):
    table = read(GRID)
    names, X = matrix(formula, table)
    for name, column in zip(names, X.T, strict=True):
        expected = np.ones(table.n)
        for part in name.split(":"):
            if "[" in part:
                expected *= np.array(GRID[part[0]]) == part[2]
            elif part != "Intercept":
                expected *= GRID[part]
        np.testing.assert_array_equal(column, expected, err_msg=name)


# R 4.2: g <- factor(c("a","b","c","a","b","c","d","d")); h <- factor(c("u","v","u","u","v","v","u","v"))
#        x <- c(1,2.5,3,4.2,5,7,8.5,11)
MIXED = {"g": list("abcabcdd"), "h": list("uvuuvvuv"), "x": [1, 2.5, 3, 4.2, 5, 7, 8.5, 11]}


def test_sum_contrasts_times_a_number():
    """model.matrix(~ C(g, contr.sum) * x)[c(2, 6, 8), ]"""
    names, X = matrix("~ C(g, contrasts='sum') * x", read(MIXED))
    assert names[1:5] == (*(f"C(g, contrasts='sum')[{level}]" for level in "abc"), "x")
    expected = [[1, 0, 1, 0, 2.5, 0, 2.5, 0], [1, 0, 0, 1, 7, 0, 0, 7], [1, -1, -1, -1, 11, -11, -11, -11]]
    np.testing.assert_allclose(X[[1, 5, 7]], expected)


def test_a_basis_among_factors_keeps_the_order_of_the_term():
    """model.matrix(~ h + poly(x, 2):h + g:h - 1)[c(2, 8), ]"""
    names, X = matrix("~ h + poly(x, 2):h + g:h - 1", read(MIXED))
    p = "h[u]:poly(x, 2)[{0}] h[v]:poly(x, 2)[{0}]"
    assert " ".join(names[:6]) == f"h[u] h[v] {p.format(1)} {p.format(2)}"
    assert " ".join(names[6:]) == "h[u]:g[b] h[v]:g[b] h[u]:g[c] h[v]:g[c] h[u]:g[d] h[v]:g[d]"
    second = [0, 1, 0, -0.3131348202843944, 0, 0.0731877583106337, 0, 1, 0, 0, 0, 0]
    last = [0, 1, 0, 0.6460168814876246, 0, 0.5636493242349833, 0, 0, 0, 0, 0, 1]
    np.testing.assert_allclose(X[[1, 7]], [second, last], atol=1e-13)


def test_a_basis_before_its_factor_varies_fastest():
    """colnames(model.matrix(~ poly(x, 2):h))"""
    names, X = matrix("~ poly(x, 2):h", read(MIXED))
    assert names[1:] == tuple(f"poly(x, 2)[{j}]:h[{level}]" for level in "uv" for j in (1, 2))
    np.testing.assert_allclose(X[0, 1:], [-0.4823968853029859, 0.5631819303905954, 0, 0], atol=1e-13)


def test_helmert_names_are_numbers():
    names, X = matrix("~ C(g, contrasts='helmert')", read(MIXED))
    assert names[1:] == tuple(f"C(g, contrasts='helmert')[{j}]" for j in (1, 2, 3))
    np.testing.assert_array_equal(X[[0, 1, 2, 7], 1:], R_CONTRASTS["helmert"][1])


@settings(max_examples=30, deadline=None)
@given(
    st.permutations(["a", "b", "x", "z"]),
    st.sampled_from(["{}*{}*{}", "{} + {}:{}", "({}+{}+{})**2", "{}:{}+{}"]),
)
def test_one_name_one_column(order, shape):
    schema = learn(Request(f"~ {shape.format(*order)}"), read(GRID))
    columns = encode(schema, read(GRID)).columns
    assert [name for part in columns for name in part.names] == list(schema.names)
    assert len(set(schema.names)) == len(schema.names)
    assert sum(part.dense(6).shape[1] for part in columns) == len(schema.names)
