"""Steps of a number beside the coefficients."""

import numpy as np
import pytest

from expfam.nuisance.number import Box, Curve, ascent


@pytest.mark.parametrize("curvature", [[[-1e-310, 0.0], [0.0, -1e-312]], [[0.0, 0.0], [0.0, 0.0]]])
@pytest.mark.parametrize("slope", [[3.0, -2.0], [1e300, 1.0], [0.0, 0.0]])
def test_a_step_on_a_flat_curve_goes_as_far_as_may_be(slope: list[float], curvature: list[list[float]]) -> None:
    """Along a slope, however little the curve bends: no overflow, no NaN."""
    box = Box(np.full(2, -9.0), np.full(2, 9.0), np.array([0.5, 0.25]), (0, 1))
    step = ascent(Curve(0.0, np.array(slope), np.array(curvature)), np.zeros(2), box)
    assert np.all(np.abs(step) <= box.reach * (1 + 1e-12))
    assert np.all(step * slope >= 0)
    assert (step == 0).all() if not any(slope) else np.any(np.isclose(np.abs(step), box.reach))
