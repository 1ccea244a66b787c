"""NIST's StRD linear regressions through `glm`: digits right against values certified to 15 (shared/oracles)."""

import json
from contextlib import nullcontext
from pathlib import Path

import numpy as np
import pytest

import expfam as ef

FILE = Path(__file__).parents[3] / "shared" / "oracles" / "nist_strd.json"
EXACT = ("wampler1", "wampler2")
HARD = {"filip": 7, "wampler4": 7, "wampler5": 7}


@pytest.mark.skipif(not FILE.is_file(), reason="shared/oracles/nist_strd.json is not beside the repository")
def test_digits_of_every_data_set() -> None:
    cases = {name: case for name, case in json.loads(FILE.read_text()).items() if isinstance(case, dict)}
    assert len(cases) == 11
    for name, case in cases.items():
        columns = {key: np.array(values) for key, values in case["x"].items()}
        constant = "no intercept" not in case["model"]
        slopes = len(case["coef"]) - constant
        one = next(iter(columns))
        terms = [*columns] if len(columns) > 1 else [one, *(f"I({one}**{k})" for k in range(2, slopes + 1))]
        formula = f"y ~ {' + '.join(terms)}{'' if constant else ' - 1'}"
        told = pytest.warns(ef.ConvergenceWarning, match="meets every response") if name in EXACT else nullcontext()
        with told:
            fit = ef.glm(formula, {"y": np.array(case["y"]), **columns})
        coef, se = (np.array(case[key], dtype=float) for key in ("coef", "se"))
        digits = 10.0 ** -HARD.get(name, 9)
        assert fit.coef == pytest.approx(coef, rel=digits), name
        assert fit.se == pytest.approx(se, rel=digits, abs=digits * np.abs(coef).min()), name
