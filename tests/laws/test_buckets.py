"""Hashed levels: a fit on buckets is the fit on levels that are those buckets; nothing else of a stream changes."""

import json
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.laws.test_stream import Frame, part, same

import expfam as ef
from expfam.formula.buckets import bucket

N, BITS = 1500, 4
KNOWN = ["#1e410", "#1242f", "#01d1e"]
FORMULA = "y ~ x + site + C(zip) + site:x"


def rows(n: int = N, seed: int = 0) -> Frame:
    """Counts on a number and two factors of more labels than there are buckets."""
    rng = np.random.default_rng(seed)
    site = np.array([f"site{k}.example" for k in rng.integers(0, 40, n)], dtype=object)
    x, code = rng.normal(size=n), rng.integers(10_000, 10_030, n)
    y = rng.poisson(np.exp(0.2 * x + 0.3 * (code % 3 == 0)))
    return {"y": y.astype(float), "x": x, "site": site, "zip": code}


def learned(data: Frame, cuts: tuple[int, ...] = (), formula: str = FORMULA, **options: Any) -> ef.OnlineGLM:
    model = ef.OnlineGLM(formula, "poisson", **{"hash_bits": BITS, **options})
    for lo, hi in zip((0, *cuts), (*cuts, len(data["y"])), strict=True):
        model.partial_fit(part(data, lo, hi))
    return model


def replaced(data: Frame) -> Frame:
    """The same rows with buckets where the labels were, by the definition written out."""

    def of(name: str, label: object) -> str:
        digest = blake2b(f"{name}\0{label}".encode(), digest_size=4).digest()
        return f"#{int.from_bytes(digest, 'little') % 2**BITS:x}"

    site = np.array([of("site", label) for label in data["site"]], dtype=object)
    code = np.array([of("C(zip)", label) for label in data["zip"]], dtype=object)
    return {**data, "site": site, "zip": code}


def test_it_is_the_fit_on_buckets_as_levels() -> None:
    """To the last bit, and so are predictions of new rows; of 40 labels no more than 2^4 are told apart."""
    data = rows()
    hashed, plain = learned(data, (300,)), learned(replaced(data), (300,), hash_bits=None)
    assert same(hashed, plain)
    assert len([name for name in hashed.fit.names if name.startswith("site[")]) == 2**BITS - 1
    new = rows(50, 1)
    new["site"][0] = "never-seen.example"
    assert np.array_equal(hashed.predict(new), plain.predict(replaced(new)))


@settings(max_examples=8, deadline=None)
@given(st.lists(st.integers(0, N), max_size=5).map(sorted))
def test_frames_of_any_size_teach_the_same(cuts: list[int]) -> None:
    data = rows()
    assert same(learned(data), learned(data, tuple(cuts)))


def test_buckets_are_the_same_everywhere() -> None:
    """`printf 'site\\0a.com' | b2sum -l 32` prints 10e4c970, whose lowest byte is the first."""
    assert [bucket("site", label, 18) for label in ("a.com", "b.com", "")] == KNOWN
    assert bucket("site", "a.com", 1) == f"#{int(KNOWN[0][1:], 16) & 1:x}"


@settings(max_examples=30, deadline=None)
@given(st.text(), st.text(), st.integers(1, 31))
def test_buckets_nest(name: str, label: str, bits: int) -> None:
    """Fewer bits are the last ones of more, and none lies beyond 2^bits."""
    few, many = (int(bucket(name, label, b)[1:], 16) for b in (bits, 31))
    assert few == many % 2**bits


def test_labels_share_buckets_as_chance_has_it() -> None:
    """10,000 labels in 2^14 buckets: those that are met number 2^14 (1 - e^(-10000 / 2^14)), to four deviations; labels
    that meet in one factor do not meet in another."""
    labels, size = [f"user{k:05d}" for k in range(10_000)], 2**14
    one, other = ([bucket(name, label, 14) for label in labels] for name in ("user", "friend"))
    share = np.exp(-len(labels) / size)
    sd = np.sqrt(size * share * (1 - share * (1 + len(labels) / size)))
    for found in (one, other):
        assert len(set(found)) == pytest.approx(size * (1 - share), abs=4 * sd)
    met: dict[str, int] = {}
    pairs = [(first, k) for k, b in enumerate(one) if (first := met.setdefault(b, k)) != k]
    again = sum(other[a] == other[b] for a, b in pairs)
    assert again <= 2, "of some 2,500 pairs 0.15 meet again by chance"


def test_state_and_model_file_go_on_hashing(tmp_path: Path) -> None:
    data = rows()
    first = learned(part(data, 0, 700))
    again = ef.OnlineGLM.from_state(json.loads(json.dumps(first.state())))
    assert same(learned(data), again.partial_fit(part(data, 700, N)))
    again.fit.save(tmp_path / "model.json")
    new = rows(50, 1)
    assert np.array_equal(ef.load(tmp_path / "model.json").predict(new), again.predict(new))


def test_numbers_text_and_what_is_not_hashed() -> None:
    """A label is its text; booleans, listed levels and cut() have few levels and keep them."""
    data = rows() | {"flag": np.arange(N) % 3 == 0}
    listed = ", ".join(f"'{label}'" for label in sorted(set(data["site"])))
    model = learned(data, formula=f"y ~ C(zip) + flag + C(site, levels=[{listed}]) + cut(x, [0])")
    names = model.fit.names
    assert names[-1].startswith("cut(x, [0])[(")
    assert {"flag[True]", "flag[False]"} & set(names)
    met = {bucket("C(zip)", str(label), BITS) for label in data["zip"]}
    first = bucket("C(zip)", str(data["zip"][0]), BITS)
    assert model.fit.model.terms.references["C(zip)"] == first
    assert {name for name in names if "[#" in name} == {f"C(zip)[{one}]" for one in met - {first}}
    assert model.bucket("C(zip)", 10_001) == model.bucket("C(zip)", "10001") == bucket("C(zip)", "10001", BITS)
    with pytest.raises(ef.ExpfamError, match="no hashed factor"):
        model.bucket("flag", True)


def test_a_reference_is_the_bucket_of_its_label() -> None:
    data = rows()
    label = data["site"][7]
    model = learned(data, formula=f"y ~ C(site, ref='{label}')")
    assert model.fit.model.terms.references == {
        f"C(site, ref='{label}')": model.bucket(f"C(site, ref='{label}')", label)
    }


def test_a_bucket_that_no_row_had_is_told_at_prediction() -> None:
    data = part(rows(), 0, 6)
    model = learned(data, formula="y ~ site", hash_bits=12)
    with pytest.warns(ef.DataWarning, match="never saw"):
        model.predict(rows(200, 3))


def test_gaps_are_left_out_and_not_hashed() -> None:
    data = rows()
    data["site"][[3, 900]] = None
    whole = np.delete(np.arange(N), [3, 900])
    assert same(learned(data, (500,)), learned({name: column[whole] for name, column in data.items()}))


@pytest.mark.parametrize("bits", [0, 32, -1, 2.0, True, "8"])
def test_bits_out_of_range(bits: Any) -> None:
    with pytest.raises(ef.SchemaError, match="from 1 to 31"):
        ef.OnlineGLM("y ~ x", hash_bits=bits)


def test_a_state_of_other_bits_is_refused() -> None:
    state = learned(rows()).state()
    for place, bits in ((("request",), 5), (("model", "terms", "schema", "request"), None)):
        broken = json.loads(json.dumps(state))
        inner = broken
        for key in place:
            inner = inner[key]
        inner["hash_bits"] = bits
        with pytest.raises(ef.ModelFileError, match="hash_bits"):
            ef.OnlineGLM.from_state(broken)


def test_states_from_before_there_was_hashing() -> None:
    state = learned(rows(), hash_bits=None).state()
    for request in (state["request"], *(state[name]["terms"]["schema"]["request"] for name in ("known", "model"))):
        del request["hash_bits"]
    del state["digest"]
    assert same(ef.OnlineGLM.from_state(state), learned(rows(), hash_bits=None))


def test_another_formula_cannot_be_hashed_alike() -> None:
    with pytest.raises(ef.ExpfamError, match="hashed"):
        learned(rows()).fit.update(". ~ . - site", data=rows())
