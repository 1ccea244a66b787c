"""A compiled look-up says what indexing says, whatever whole numbers and values it moves."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import expfam as ef
from expfam.data.few import few
from expfam.kernels.lookup import look_up

WHOLE = [np.dtype(kind) for kind in ("i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8")]
VALUES = [np.dtype(kind) for kind in ("i1", "i2", "i4", "f4", "f8")]


@settings(max_examples=200, deadline=None)
@given(
    kind=st.sampled_from(WHOLE),
    value=st.sampled_from(VALUES),
    count=st.integers(1, 100),
    share=st.floats(0, 1),
    n=st.integers(0, 50),
    seed=st.integers(0, 2**32 - 1),
)
def test_a_look_up_is_an_index(kind, value, count, share, n, seed):
    """Ranges at both ends of what a type holds, or between."""
    rng, ends = np.random.default_rng(seed), np.iinfo(kind)
    lowest = int(ends.min) + int(share * (int(ends.max) - int(ends.min) - count))
    places, table = rng.integers(0, count, n), rng.integers(0, 100, count).astype(value)
    x, out = np.array([lowest + int(place) for place in places], dtype=kind), np.empty(n, value)
    look_up(x, lowest, table, out)
    np.testing.assert_array_equal(out, table[places])


@pytest.mark.parametrize("kind", ["int8", "int32", "int64", "uint16"])
def test_a_column_of_few_whole_numbers_is_spread_alike(kind, monkeypatch):
    pa = pytest.importorskip("pyarrow")
    ef.warmup()
    x = pa.array(np.random.default_rng(0).integers(3, 90, 5000).astype(kind))
    found = few(x, False)
    values = np.log(found.values)
    compiled = found.spread(values)
    monkeypatch.setattr("expfam.data.few.loaded", lambda: False)
    np.testing.assert_array_equal(compiled, found.spread(values))
    np.testing.assert_array_equal(compiled, np.log(np.asarray(x, dtype=float)))
