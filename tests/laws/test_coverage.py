"""Intervals hold the truth as often as they say: `python -m benchmarks coverage` in small."""

import pytest
from benchmarks.problems.coverage import CASES, LEVEL, WRONG, coverage, slack

REPLICATES = 300


@pytest.mark.parametrize("name", [name for name in CASES if name not in WRONG])
def test_nominal(name: str) -> None:
    share = coverage(CASES[name], REPLICATES)
    assert share >= LEVEL - slack(REPLICATES)
    assert CASES[name].whole or share <= LEVEL + slack(REPLICATES)


@pytest.mark.parametrize("name", WRONG)
def test_the_wrong_covariance_is_seen(name: str) -> None:
    """Without power a coverage test says nothing: these two intervals fail it."""
    assert coverage(CASES[name], REPLICATES) < LEVEL - slack(REPLICATES)
