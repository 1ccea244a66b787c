"""Few rows are summed at once: the same F, gradient and information as by blocks."""

import numpy as np
import pytest
from tests.laws.test_solvers import every_family, simulate

import expfam as ef
from expfam.design import Columns, assemble
from expfam.design.written import written_out
from expfam.families import ExponentialFamily
from expfam.links import link
from expfam.objective import Data, Objective
from expfam.penalties import NoPenalty
from expfam.solvers.short import evaluated

N = 50
NEAR, FAR = np.array([-1.0, 0.2, -0.1, 0.3]), np.array([1e6, 1e6, 0.0, 0.0])


@every_family
@pytest.mark.parametrize("observed", [False, True])
@pytest.mark.parametrize("how", ["plain", "weighted", "penalised", "canonical"])
def test_few_rows_are_summed_as_many_are(family: ExponentialFamily, how: str, observed: bool) -> None:
    rng = np.random.default_rng(3)
    X = assemble((Columns(("Intercept",)), Columns(("a", "b", "c"), values=rng.normal(size=(N, 3)))), N)
    penalty = (ef.Ridge(0.3) if how == "penalised" else NoPenalty()).bind(X.names)
    weight = rng.choice([0.0, 0.5, 3.0], N) if how == "weighted" else np.ones(N)
    y, offset = simulate(family, N)["y"], rng.normal(size=N) / 10
    data = Data(written_out(X), y, family.conjugate(family.T(y)), weight, offset, within=0.7)
    objective = Objective(family, link(None if how == "canonical" else "log", family), penalty, data, observed)
    short = evaluated(objective)
    assert short is not objective
    for theta in (NEAR, FAR):
        found, long = short(theta), objective(theta)
        assert found.value == pytest.approx(long.value, rel=1e-12)
        assert (found.gradient is None) == (long.gradient is None)
        if long.gradient is not None and long.hessian is not None:
            assert np.isfinite(long.value)
            assert np.allclose(found.gradient, long.gradient, rtol=1e-12, atol=1e-9)
            assert found.hessian is not None
            assert np.allclose(found.hessian.matrix, long.hessian.matrix, rtol=1e-12, atol=1e-9)


def test_designs_that_are_not_written_out_are_summed_by_blocks() -> None:
    design = assemble((Columns(("Intercept",)), Columns(("a",), values=np.ones((N, 1)))), N)
    rows = Data(design, np.zeros(N), np.zeros(N), np.ones(N), None)
    objective = Objective(
        ef.families.Gaussian(), link(None, ef.families.Gaussian()), NoPenalty().bind(design.names), rows
    )
    assert evaluated(objective) is objective
