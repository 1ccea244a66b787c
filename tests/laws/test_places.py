"""Where the rows of columns are: the sums behind standard coordinates and pseudo-rows, against columns written out."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from expfam.design import Columns, assemble
from expfam.design.standard import standardise
from expfam.solvers import pseudo

N = 400
seeds = st.integers(0, 2**32 - 1)


def terms(rng: np.random.Generator) -> tuple[Columns, ...]:
    """Ones, numbers of which many are zero, two factors, one of them with a rare last level, and slopes by level."""
    numbers = np.where(rng.random((N, 2)) < 0.3, 0.0, rng.normal(3, 2, (N, 2)))
    common, rare = rng.integers(0, 3, N), rng.integers(0, 4, N)
    rare[: N // 2] %= 3
    return (
        Columns(("Intercept",)),
        Columns(("x", "z"), values=numbers),
        Columns(("b", "c"), codes=common, levels=3, contrast=np.array([1, 2])),
        Columns(("B", "C", "D"), codes=rare, levels=4, contrast=np.array([1, 2, 3])),
        Columns(("x:a", "x:b", "x:c"), codes=common, levels=3, values=numbers[:, :1]),
    )


@given(seeds, st.booleans(), st.sampled_from([50, 1 << 15]))
def test_places_are_sums_over_columns_written_out(seed: int, compiled: bool, at_once: int) -> None:
    rng = np.random.default_rng(seed)
    columns, times = terms(rng), rng.integers(1, 4, N).astype(float)
    X = np.hstack([c.dense(N) for c in columns])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pseudo, "AT_ONCE", at_once)
        support, sums, squares, rows = pseudo.places_of(assemble(columns, N, compiled), times)
    assert np.allclose(sums, times @ X)
    assert np.allclose(squares, times @ X**2)
    assert (rows == times.sum()).all()
    stored = X != 0
    stored[:, -3:] = np.eye(3)[columns[2].codes]  # a slope is stored where its level is, be the number zero or not
    assert np.allclose(support, times @ stored)


@given(seeds, st.booleans())
def test_coordinates_take_from_all_rows_what_their_sample_lacks(seed: int, compiled: bool) -> None:
    """A level that the sample has none of is scaled as all rows say, and so are columns beside it in its group; numbers
    as the sample says."""
    rng = np.random.default_rng(seed)
    design, weight = assemble(terms(rng), N, compiled), rng.uniform(0.5, 2, N)
    held, stiff, some = np.zeros(design.p, dtype=bool), np.zeros(design.p), slice(0, N // 2)
    found = standardise(design, weight, held, stiff, (design.take(some), weight[some]))[1]
    whole = standardise(design, weight, held, stiff)[1]
    part = standardise(design.take(some), weight[some], held, stiff)[1]
    assert found.kept.all()
    assert not part.kept[design.names.index("D")]
    coded = np.arange(design.p) > 2
    for mine, all_rows, few in ((found.scale, whole.scale, part.scale), (found.centre, whole.centre, part.centre)):
        assert np.allclose(mine[coded], all_rows[coded])
        assert np.allclose(mine[~coded], few[~coded])
