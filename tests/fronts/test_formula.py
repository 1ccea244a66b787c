"""A formula is data: what it means, what it remembers, what it refuses and how it says so."""

import json
import re
from unittest.mock import patch

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from expfam.data import few, share
from expfam.data.table import read
from expfam.errors import DataWarning, ExpfamError, FormulaError, ModelFileError, SchemaError
from expfam.formula import interpret
from expfam.formula.encode import encode, evaluate, lay_out
from expfam.formula.expression import parse, quoted
from expfam.formula.learn import learn, learn_values, missing_rows, needed, plan
from expfam.formula.schema import Request, Schema
from expfam.formula.transforms import TRANSFORMS

DATA = {
    "y": [1.0, 0, 2, 4, 3, 0],
    "age": [20, 35, 50, 65, 30, 41],
    "Area": ["B", "A", "C", "A", "B", "C"],
    "Region": ["N", "S", "S", "N", "S", "N"],
    "flag": [True, False, True, True, False, False],
    "e": [0.5, 1.0, 0.25, 1.0, 1.0, 0.75],
    "Sepal.Length": [5.1, 4.9, 4.7, 4.6, 5.0, 5.4],
    "odd name é": [1.0, 2, 3, 4, 5, 6],
    "num__age": [1.0, 1, 2, 2, 3, 3],
}
TABLE = read(DATA)


def fitted(formula, table=TABLE, **roles):
    schema = learn(Request(formula, **roles), table)
    return schema, encode(schema, table)


def numbers(formula):
    """The raw numbers of the last term."""
    return fitted(formula)[1].columns[-1].values[:, 0]


@pytest.mark.parametrize(
    ("formula", "names"),
    [
        ("y ~ 1", ["Intercept"]),
        ("y ~ age + Area", ["Intercept", "age", "Area[B]", "Area[C]"]),
        ("y ~ Area:age", ["Intercept", "Area[A]:age", "Area[B]:age", "Area[C]:age"]),
        ("y ~ flag", ["Intercept", "flag[True]"]),
        ("y ~ Area - 1", ["Area[A]", "Area[B]", "Area[C]"]),
        ("y ~ 0 + age", ["age"]),
        ("y ~ -1 + age", ["age"]),
        ("y~-1+age", ["age"]),
        ("y ~ +age", ["Intercept", "age"]),
        ("y ~ -1 + age - age + e", ["e"]),
        ("y ~ - -1 + age", ["Intercept", "age"]),
        ("y ~ -0 + age", ["Intercept", "age"]),
        ("y ~ (-1) + age", ["age"]),
        ("y ~ age - (-1)", ["Intercept", "age"]),
        ("y ~ e - (1 + e) + age", ["age"]),
        ("y ~ e - (0 + e) + age", ["Intercept", "age"]),
        ("y ~ (age + e - 1)", ["age", "e"]),
        ("y ~ (0 + age) * e", ["age", "e", "age:e"]),
        ("y ~ -1 + . - flag - Region - Area - `odd name é` - num__age - Sepal.Length", ["age", "e"]),
        ('y ~ C(Area, ref="B")', ["Intercept", "C(Area, ref='B')[A]", "C(Area, ref='B')[C]"]),
        ("y ~ C(clip(age,30,41))", ["Intercept", "C(clip(age, 30, 41))[35]", "C(clip(age, 30, 41))[41]"]),
        (
            "y ~ cut(age,[30, 50])",
            ["Intercept", "cut(age, [30, 50])[(30, 50]]", "cut(age, [30, 50])[(50, inf]]"],
        ),
        ("y ~ bs(age, df=3)", ["Intercept", *(f"bs(age, df=3)[{j}]" for j in (1, 2, 3))]),
        ("y ~ poly(age,2)", ["Intercept", "poly(age, 2)[1]", "poly(age, 2)[2]"]),
        ("y ~ log(age )+log( age)", ["Intercept", "log(age)"]),
        ("y ~ Sepal.Length + log(Sepal.Length)", ["Intercept", "Sepal.Length", "log(Sepal.Length)"]),
        ("y ~ `odd name é` + I(`odd name é`**2)", ["Intercept", "odd name é", "I(`odd name é` ** 2)"]),
        ("y ~ num__age\n  + offset(log(e))", ["Intercept", "num__age"]),
        (
            "log(e) ~ . - num__age - `odd name é` - Sepal.Length",
            ["Intercept", "y", "age", "Area[B]", "Area[C]", "Region[S]", "flag[True]"],
        ),
        (
            "age ~ (e + flag + Region)^2 - e:flag - Region",
            ["Intercept", "e", "flag[True]", "e:Region[S]", "flag[True]:Region[S]"],
        ),
        ("y ~ age %in% e", ["Intercept", "age:e"]),
        ("y ~ flag + e:Region %in% age", ["Intercept", "flag[True]", "e:Region[N]:age", "e:Region[S]:age"]),
        ("y ~ log (age)", ["Intercept", "log(age)"]),
        ("y ~ (1) + age - (0)", ["Intercept", "age"]),
        ("y ~ age + log(e) - log( e )", ["Intercept", "age"]),
        ("age ~ (y + e)^2", ["Intercept", "y", "e", "y:e"]),
    ],
)
def test_coefficients_are_named(formula, names):
    assert list(fitted(formula)[0].names) == names


def test_all_pairs_of_columns_are_written_as_in_r():
    assert fitted("age ~ .^2")[0].names == fitted("age ~ (.)^2")[0].names


ODD = ("a`b", "a\\b", "a\\", "a\\\\b", "`", "a\\`b", "``x", "it's", "x y")
ODD += ("0", "1", ".", "log(y)", "a:b", "class", "µg", "ﬁ")  # as other words of a formula, or of Python


@pytest.mark.parametrize("name", ODD)
def test_a_column_of_any_name_can_be_written(name):
    """As in R: in backticks, a backtick behind a backslash; what the library writes is read as the same column."""
    table = read({**{odd: np.arange(4.0) ** (j + 1) for j, odd in enumerate(ODD)}, "y": np.ones(4)})
    text = quoted(name)
    assert parse(text, ODD).column == name
    schema = learn(Request(f"y ~ {text} + I({text} + `x y`) + C({text}):{text}", weights=f"{text} + 1"), table)
    assert schema.names[:3] == ("Intercept", name, f"I({text} + `x y`)")
    assert Schema.from_dict(json.loads(json.dumps(schema.to_dict()))).names == schema.names
    assert set(learn(Request("y ~ . - " + text), table).names) == {"Intercept", *ODD} - {name}


@pytest.mark.parametrize(
    ("formula", "expected"),
    [
        ("~ I(age**2 - 3*age/e)", lambda d: d["age"] ** 2 - 3 * d["age"] / d["e"]),
        ("~ I(-age // 7 + age % 4)", lambda d: -d["age"] // 7 + d["age"] % 4),
        ("~ I(2**-1 * (age - 1))", lambda d: 0.5 * (d["age"] - 1)),
        ("~ clip(log1p(y), 0, log(3))", lambda d: np.clip(np.log1p(d["y"]), 0, np.log(3))),
        ("~ clip(age, lo=30, hi=2*age)", lambda d: np.maximum(d["age"], 30)),
        ("~ I(flag * age)", lambda d: d["flag"] * d["age"]),
        ("~ scale(center(age))", lambda d: (d["age"] - d["age"].mean()) / d["age"].std(ddof=1)),
        ("~ sqrt(abs(exp(-e) - expm1(e)))", lambda d: np.sqrt(np.abs(np.exp(-d["e"]) - np.expm1(d["e"])))),
        ("~ I(log2(age) + log10(age))", lambda d: np.log2(d["age"]) + np.log10(d["age"])),
    ],
)
def test_expressions_mean_what_they_say(formula, expected):
    plain = {name: np.array(values) for name, values in DATA.items()}
    np.testing.assert_allclose(numbers(formula), expected(plain), rtol=1e-14)


FULL = Request(
    "log1p(y) ~ age*Area + C(age, contrasts='sum') + bs(log(age), df=4) + poly(e, 2):Region + cut(age, 3)"
    " + scale(`odd name é`) + ns(Sepal.Length, df=2) + offset(log(e)) + offset(num__age)",
    weights="e + 1",
    offset="age / 10",
    exposure="e",
    trials="2",
)


def test_a_schema_goes_through_json_unchanged():
    schema = learn(FULL, TABLE)
    again = Schema.from_dict(json.loads(json.dumps(schema.to_dict(), allow_nan=False)))
    assert again == schema
    assert again.names == schema.names
    for one, other in zip(encode(schema, TABLE).columns, encode(again, TABLE).columns, strict=True):
        np.testing.assert_array_equal(one.codes, other.codes)
        np.testing.assert_array_equal(one.values, other.values)
        np.testing.assert_array_equal(one.contrast, other.contrast)


@pytest.mark.parametrize(
    "damage",
    [lambda d: d.pop("terms"), lambda d: d.update(variables=3), lambda d: d.update(request={"x": 1})],
)
def test_a_damaged_schema_is_told(damage):
    saved = learn(FULL, TABLE).to_dict()
    damage(saved)
    with pytest.raises(ModelFileError, match="damaged"):
        Schema.from_dict(saved)


def test_references_are_told():
    schema = learn(Request("y ~ Area + C(Region, ref='S') + C(age, contrasts='sum') + flag:e"), TABLE)
    assert schema.references == {"Area": "A", "C(Region, ref='S')": "S"}
    assert schema.n == 6
    assert schema.columns["Area"] == "text"
    assert schema.columns["flag"] == "bool"


@pytest.mark.parametrize("form", [pd.DataFrame, pl.DataFrame, pa.table], ids=["pandas", "polars", "arrow"])
def test_every_frame_gives_the_same_columns(form):
    (schema, one), (other_schema, other) = fitted(FULL.formula), fitted(FULL.formula, read(form(DATA)))
    assert schema == other_schema
    for a, b in zip(one.columns, other.columns, strict=True):
        np.testing.assert_array_equal(a.codes, b.codes)
        np.testing.assert_array_equal(a.values, b.values)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(0, 5), min_size=1, max_size=8))
def test_a_row_is_encoded_alike_in_any_company(rows):
    schema = learn(FULL, TABLE)
    some = read({name: [values[i] for i in rows] for name, values in DATA.items()})
    for whole, part in zip(encode(schema, TABLE).columns, encode(schema, some).columns, strict=True):
        if whole.codes is not None:
            np.testing.assert_array_equal(part.codes, whole.codes[rows])
        if whole.values is not None:
            np.testing.assert_allclose(part.values, whole.values[rows], rtol=1e-13, atol=1e-14)


BY_VALUE = (
    "y ~ C(i) + cut(i, 3) + cut(i, [0, 2]) + C(clip(i, 0, 2), ref=1) + I((2 * i)**2) + log(i + 7) + C(g):exp(i) + C(x)"
    " + I(i / (1 + x**2)) + poly(i + x, 2) + scale(abs(i)) + I(b * i) + bs(sqrt(abs(x)), df=4) + offset(i % 3)"
)


@settings(max_examples=25, deadline=None)
@given(st.integers(30, 90), st.integers(0, 4), st.integers(0, 99))
def test_values_and_blocks_are_only_quicker(n, widest, seed):
    """Worked out once a value or in blocks, shared by threads or not: the same schema and columns to the last bit."""
    rng, found = np.random.default_rng(seed), []
    data = {"i": rng.integers(-widest, widest + 1, n), "x": rng.normal(size=n).round(1), "y": rng.poisson(1.0, n)}
    data |= {"g": rng.choice(list("abc"), n), "b": rng.random(n) < 0.5}
    for at_once in (1000, 7):
        with patch.multiple(few, AT_ONCE=at_once, ROWS_A_VALUE=2), patch.object(interpret, "AT_ONCE", at_once):
            found.append(outcome(data))
            with patch.object(share, "SHARE_FROM", 0):
                found.append(outcome(data))
    first, *others = found
    assert all(other == first for other in others)


def outcome(data):
    """All that learning and replaying give, as text and bytes; or the message of the error."""
    try:
        learned = learn_values(Request(BY_VALUE, weights="1 + y", offset="log(y + 1)"), read(data))
        again = encode(learned.schema, read(data)).columns
    except ExpfamError as error:
        return type(error), str(error)
    parts = [part for term in (*lay_out(learned.schema, learned.values), *again) for part in (term.codes, term.values)]
    roles = [learned.roles["response"].values, learned.roles["weights"], learned.roles["offset"]]
    arrays = [None if part is None else (part.dtype, part.shape, part.tobytes()) for part in (*parts, *roles)]
    return learned.schema, list(learned.schema.states), arrays


@pytest.mark.parametrize(
    ("term", "says"),
    [
        ("log(i)", r"log\(i\) is -inf at row 1 .*where i = 0 \(3 such rows\)"),
        ("log(x)", r"log\(x\) is -inf at row 5 .*where x = 0 \(2 such rows\)"),
        ("C(i, levels=[0, 1])", r"level '2' \(2 rows\)"),
        ("log(g)", r"log\(g\) needs numbers"),
    ],
)
def test_quick_ways_name_the_rows_of_the_data(term, says):
    table = read({"i": [1, 0, 1, 0, 2, 2, 1, 0], "x": [1.0] * 5 + [0.0] * 2 + [1.0], "g": ["a"] * 8})
    with patch.multiple(few, AT_ONCE=3, ROWS_A_VALUE=2), patch.object(interpret, "AT_ONCE", 3):
        with pytest.raises(SchemaError, match=says):
            learn(Request(f"~ {term}"), table)
        schema = learn(Request("~ C(i)"), table)
        with pytest.raises(SchemaError, match=r"is '3' at row 6 .*1 such rows"):
            encode(schema, read({"i": [0, 1, 2, 0, 1, 2, 3, 0]}))


def test_a_formula_is_parsed_once():
    request, names = Request("y ~ log(age) + Area", weights="e"), tuple(DATA)
    assert plan(request, names) is plan(Request("y ~ log(age) + Area", weights="e"), names)


def test_roles_are_evaluated():
    schema = learn(FULL, TABLE)
    e, age = np.array(DATA["e"]), np.array(DATA["age"])
    response = evaluate(schema, TABLE, "response")
    assert (response.name, response.kind) == ("log1p(y)", "number")
    np.testing.assert_array_equal(response.values, np.log1p(DATA["y"]))
    np.testing.assert_allclose(evaluate(schema, TABLE, "offset"), np.log(e) + DATA["num__age"] + age / 10)
    np.testing.assert_array_equal(evaluate(schema, TABLE, "weights"), e + 1)
    np.testing.assert_array_equal(evaluate(schema, TABLE, "exposure"), e)
    np.testing.assert_array_equal(evaluate(schema, TABLE, "trials"), np.full(6, 2.0))
    bare = learn(Request("~ age"), TABLE)
    assert all(evaluate(bare, TABLE, role) is None for role in ("response", "weights", "offset", "exposure", "trials"))


def test_responses_may_be_text_booleans_or_pairs():
    text = evaluate(learn(Request("Area ~ age"), TABLE), TABLE, "response")
    assert (text.kind, text.labels, text.codes.tolist()) == ("text", ("A", "B", "C"), [1, 0, 2, 0, 1, 2])
    assert evaluate(learn(Request("flag ~ age"), TABLE), TABLE, "response").kind == "bool"
    successes, failures = evaluate(learn(Request("cbind(y, 4 - y) ~ age"), TABLE), TABLE, "response")
    np.testing.assert_array_equal(successes + failures, np.full(6, 4.0))


def test_only_what_is_read_is_needed():
    request = Request("log(y) ~ log(Sepal.Length)", offset="e")
    assert set(needed(request, tuple(DATA))) == {"y", "Sepal.Length", "e"}
    assert "age" not in [v.text for v in learn(Request("y ~ .", exposure="age"), TABLE).variables.values()]


def test_missing_values_are_counted_by_column():
    table = read(
        {
            "y": [1.0, np.nan, 3, 4],
            "x": [1.0, 2, np.nan, 4],
            "g": ["a", "b", "a", None],
            "w": [None, 1.0, np.nan, 1],
        }
    )
    mask, counts = missing_rows(Request("y ~ x + g", weights="w"), table)
    assert mask.tolist() == [True, False, True, True]
    assert counts == {"x": 1, "g": 1, "w": 1}
    assert missing_rows(Request("y ~ 1"), table)[1] == {}
    assert missing_rows(Request("~ y"), table)[1] == {"y": 1}
    with pytest.raises(SchemaError, match="no rows are left"):
        learn(Request("~ y"), table.filter(np.zeros(4, bool)))


def test_missing_predictors_make_a_row_invalid():
    schema = learn(Request("y ~ log(age) + Area"), TABLE)
    new = encode(schema, read({"age": [20.0, None, 30, np.nan], "Area": ["A", "B", None, "C"]}))
    assert new.valid.tolist() == [True, False, False, False]
    np.testing.assert_allclose(new.columns[1].values[:, 0], [np.log(20), 0, 0, 0])
    assert new.columns[2].codes.tolist() == [0, 0, 0, 0]
    lost = encode(schema, read({"age": [None, None], "Area": ["A", "B"]}))
    assert not lost.valid.any()


@pytest.mark.parametrize(
    ("term", "reference"),
    [
        ("Area", 0),
        ("C(Area, ref='C')", 2),
        ("C(Area, contrasts='sum')", 2),
        ("C(Area, contrasts='helmert')", 0),
        ("Area - 1", 0),
    ],
)
def test_unseen_levels_follow_the_policy(term, reference):
    schema = learn(Request(f"y ~ {term}"), TABLE)
    new = read({"Area": ["B", "Z", "A", "Z"]})
    with pytest.raises(
        SchemaError, match=r"Area.* is 'Z' at row 1 .*levels learned are 'A', 'B', 'C'.*unseen='reference'"
    ):
        encode(schema, new)
    with pytest.warns(DataWarning, match="2 rows hold levels the model never saw \\('Z'\\)"):
        told = encode(schema, new, unseen="reference")
    assert told.columns[-1].codes.tolist() == [1, reference, 0, reference]
    assert (told.valid, list(told.unseen.values())) == (None, [2])
    dropped = encode(schema, new, unseen="missing")
    assert dropped.valid.tolist() == [True, False, True, False]
    with pytest.raises(SchemaError, match="choose 'error'"):
        encode(schema, new, unseen="drop")


def test_new_levels_of_numbers_are_unseen_too():
    schema = learn(Request("y ~ C(age)"), TABLE)
    with pytest.raises(SchemaError, match="is '99' at row 1"):
        encode(schema, read({"age": [20, 99]}))


def test_kinds_must_agree_at_prediction():
    schema = learn(Request("y ~ age + flag"), TABLE)
    with pytest.raises(SchemaError, match="'age' was number when the model learned it, here it is text"):
        encode(schema, read({"age": ["20"], "flag": [True]}))
    with pytest.raises(SchemaError, match="no column 'flag'"):
        encode(schema, read({"age": [20]}))
    assert encode(schema, read({"age": [20], "flag": ["True"]})).columns[-1].codes.tolist() == [1]


REFUSED = """
age.real; I(age.real); Area['A']; I(age[0]); I(lambda: 1); I([i for i in age]); I({i for i in age})
__import__('os'); I(__builtins__); age.__class__; open('f'); eval('1'); np.log(age); log(age)(e)
I(age if flag else e); I(age > 3); I(age and e); I(not age); I(~age); I(age := 3); I(f'{age}')
log(*age); bs(age, **e); I(age @ e); I(age << 2); I(age ^ 2); I((yield)); I(await_(age)); I(1j * age)
I({'a': age}); I(age ** 9**9**9); I(age + 1e999); I(b'a'); I(...); log(offset(age)); cut(age, [e])
{age + 1}; 'text'; 2:age; age**2; (age + e)**99; age | e; I(1); offset(e):age; cbind(y, e); center(3)
log(); log(age, e); poly(age, deg=2); bs(age, df=e); bs(poly(age, 2)); I(age + 'a'); I(age + None)
clip(age, 'a', 2); clip(age, 40, 30); clip(age, hi=-2, lo=-1)
"""
TOO_MUCH = [f"I(age + 1{'0' * 400})", f"I({'(' * 300}age{')' * 300})", f"I({'-' * 900}age)"]


@pytest.mark.parametrize("term", [*re.split("[;\\n] *", REFUSED.strip()), *TOO_MUCH])
def test_anything_not_listed_is_refused(term):
    with pytest.raises(FormulaError):
        fitted(f"y ~ {term}")


@pytest.mark.parametrize("text", ["offset(e)", "cbind(y, e)", "__import__('os')", "e.real", "log("])
def test_the_other_roles_speak_the_same_language(text):
    with pytest.raises(FormulaError):
        fitted("y ~ age", weights=text)


def test_a_refusal_lists_what_is_allowed():
    with pytest.raises(FormulaError) as caught:
        fitted("y ~ age + system('ls')")
    assert "'system' is not listed" in str(caught.value)
    assert all(name in str(caught.value) for name in (*TRANSFORMS, "offset", "cbind"))


@pytest.mark.parametrize(
    ("term", "says"),
    [
        ("factor(g)", r"'factor' is not listed; write C\(x\)"),
        ("np.log(x)", r"'np.log' is not listed; write log\(...\)"),
        ("C(g, Treatment('b'))", r"'Treatment' is not listed; write C\(x, ref='b'\)"),
        ("logg(x)", r"'logg' is not listed; write log\(...\)"),
        ("quux(x)", r"'quux' is not listed\n"),
        ("I(x^2)", r"'x\^2' is refused(.|\n)*write \*\* for the power"),
        ("clip(x, 1, -2)", r"clip\(x, 1, -2\): lo=1 lies above hi=-2, so that every row would be -2; swap them"),
        ("I(x > 0)", r"'x > 0' is refused(.|\n)*compare before the fit"),
    ],
)
def test_what_others_write_is_told_as_it_is_written_here(term, says):
    with pytest.raises(FormulaError, match=says):
        parse(term, ("x", "g"))


@pytest.mark.parametrize(
    ("formula", "place"),
    [
        ("y ~ age +", 8),
        ("y ~ log(age", 7),
        ("y ~ (age", 4),
        ("y ~ age)", 7),
        ("y ~ age ~ e", 8),
        ("y ~ age + log(e +)", 17),
        ("y ~ age + log(e e)", 14),
        ("y ~ e + I(age > 2)", 10),
        ("y ~ I(`odd name é` + age.x)", 21),
        ("y ~ `odd name é` + foo(e)", 19),
        (r"y ~ `a\`b` + foo(e)", 13),
        ("y ~ e$age", 5),
        ("y ~\n age + foo(e)", 11),
    ],
)
def test_a_caret_stands_under_the_place(formula, place):
    with pytest.raises(FormulaError) as caught:
        fitted(formula)
    lines = str(caught.value).splitlines()
    assert lines[1] == "    " + formula.replace("\n", " ")
    assert lines[2] == " " * (4 + place) + "^"
    assert "\x1b" not in str(caught.value)


@pytest.mark.parametrize(
    ("formula", "error", "says"),
    [
        ("y ~ Aera", SchemaError, "no column 'Aera'.*did you mean 'Area'"),
        ("y ~ log(Agee)", SchemaError, "no column 'Agee'.*did you mean 'age'"),
        (
            "y ~ log(Region)",
            SchemaError,
            r"log\(Region\) needs numbers, but Region holds text \(level 'N'\); cast",
        ),
        ("y ~ log(y)", SchemaError, r"log\(y\) is -inf at row 1 .*where y = 0 \(2 such rows\)"),
        ("y ~ I((20 - age)**0.5)", SchemaError, r"is nan at row 1 .*where 20 - age = -15"),
        ("y ~ exp(exp(age))", SchemaError, r"exp\(exp\(age\)\) is inf at row 0 .*exp\(age\) = 4\.85165e\+08"),
        ("log(y) ~ age", SchemaError, "-inf at row 1"),
        ("y ~ bs(age, df=2)", FormulaError, "df must be a whole number of at least 3, found 2"),
        ("y ~ C(Area, ref='Z')", FormulaError, "ref='Z' is not a level; the levels are 'A', 'B', 'C'"),
        ("y:e ~ age", FormulaError, "does not parse"),
        ("1 ~ age", FormulaError, "must be one response"),
        ("offset(y) ~ age", FormulaError, "must be one response"),
        ("y", FormulaError, "no formula: write 'response ~ terms'"),
        ("", FormulaError, "no formula"),
        ("y ~ 0", FormulaError, "has no terms"),
        ("y ~ -age", FormulaError, "minus in front of age takes a term away.*\n.*\n.*\nwrite age, .* or I"),
        ("y ~ age*(-e)", FormulaError, "minus in front of e takes a term away"),
        ("y ~ -age:e + Area", FormulaError, "minus in front of age:e takes a term away"),
        ("y ~ age + 0*e", FormulaError, "the number 0 among the terms.*\n.*\n.*\nwrite I"),
        ("y ~ e:(1)", FormulaError, "the number 1 among the terms"),
        ("y ~ age + 2.5", FormulaError, "the number 2.5 among the terms"),
        ("y ~ (age + e)^(99)", FormulaError, "the power 99 of terms"),
        ("y ~ poly(age, 2) + poly(e, 9)", SchemaError, r"^poly\(e, 9\): .* needs more than 9 distinct values"),
        (
            "y ~ scale(I(0*age + 1.5))",
            SchemaError,
            r"^scale\(I\(0 \* age \+ 1.5\)\): every row holds 1.5, so its stand",
        ),
    ],
)
def test_messages_say_what_where_and_what_to_do(formula, error, says):
    with pytest.raises(error, match=says):
        fitted(formula)


@pytest.mark.parametrize(
    ("formula", "idle"),
    [
        ("y ~ age - e", "'e'"),
        ("y ~ (age - e)^2", "'e'"),
        ("y ~ age*Area - age:e", "'age:e'"),
        ("y ~ Area*(age - e) - flag", "'flag', 'e'"),
        ("y ~ age - log(e) - log(gone)", r"'log\(gone\)', 'log\(e\)'"),
    ],
)
def test_a_minus_that_takes_nothing_away_is_told(formula, idle):
    with pytest.warns(DataWarning, match=f"takes away {idle}, which no term before the minus has.* write I"):
        fitted(formula)


@pytest.mark.parametrize(
    "formula", ["y ~ Intercept - 1", "y ~ Intercept", "y ~ log(e) + `log(e)`", "y ~ e*age + `e:age`"]
)
def test_no_two_coefficients_have_one_name(formula):
    columns = {name: np.arange(4.0) + j for j, name in enumerate(("y", "e", "age", "Intercept", "log(e)", "e:age"), 1)}
    with pytest.raises(SchemaError, match=r"would be called '(Intercept|log\(e\)|e:age)'; rename the column"):
        fitted(formula, read(columns))


def test_rows_are_named_as_they_stood_in_the_data():
    table = read({"x": [1.0, np.nan, 2, 0]})
    mask, _ = missing_rows(Request("~ log(x)"), table)
    with pytest.raises(SchemaError, match="at row 3 "):
        learn(Request("~ log(x)"), table.filter(~mask))


def test_infinite_predictors_are_refused_unless_bounded():
    table = read({"x": [1.0, np.inf, 1e300]})
    with pytest.raises(SchemaError, match="x is inf at row 1"):
        learn(Request("~ x"), table)
    assert encode(learn(Request("~ clip(x, 0, 5)"), table), table).columns[1].values[:, 0].tolist() == [
        1,
        5,
        5,
    ]


def test_one_row_has_no_scale():
    with pytest.raises(SchemaError, match=r"^scale\(log\(x\)\): one row has no standard deviation; learn it from more"):
        learn(Request("~ scale(log(x))"), read({"x": [2.0]}))


def test_a_constant_factor_is_told_unless_it_stands_alone():
    table = read({"g": ["a", "a"], "x": [1.0, 2.0]})
    with pytest.raises(SchemaError, match="factor g has one level 'a'; it cannot be told from the intercept"):
        learn(Request("~ g + x"), table)
    assert learn(Request("~ g + x - 1"), table).names == ("g[a]", "x")


WORDS = [
    *"()+-*:~`'[],.=%{|^/\\\n 012é",
    *["y", "age", "Area", "e", "log", "**", "C", "I", "__", "offset", "ref", "lambda"],
]


@settings(max_examples=300, deadline=None)
@given(st.lists(st.sampled_from(WORDS), max_size=12).map("".join))
@pytest.mark.filterwarnings("ignore::SyntaxWarning", "ignore:.*takes away")
def test_nonsense_is_refused_in_our_own_words(text):
    try:
        schema, encoded = fitted(f"y ~ {text}")
    except ExpfamError:
        return
    assert [name for part in encoded.columns for name in part.names] == list(schema.names)
