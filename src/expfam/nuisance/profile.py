"""Where does the profile likelihood of theta or the power fall by c^2 / 2? The ends of its interval.

r = sqrt(2 (max - profile)) is nearly linear, with slope -profile' / r, and profile' is that at fixed coefficients, for
they are at their best (the envelope theorem): Newton's method on r = c, kept in a bracket, takes a few refits an end.
"""

from dataclasses import replace

import numpy as np

from expfam.nuisance.joint import State, Study
from expfam.nuisance.number import climb, covariance
from expfam.solvers import choose

CLOSE = 1e-8  # shares of c from the end
STEPS = 60
FAR = 3.0  # on the scale of u: a first step where the curve says nothing


def profile(study: Study, first: float, near: State) -> State:
    """The best coefficients, and the best of the other numbers, with the first number held."""
    box = study.free.box
    others = replace(box, moving=box.moving[1:])
    begin = np.array([first, *near.u[1:]])
    problem = study.problem(study.free.family(begin), near.beta)
    beta = choose("auto", problem).solve(problem).theta
    means = study.means(beta)
    u, at, _ = climb(lambda u: study.free.curve(u, study.base, means), begin, others)
    return State(u, beta, at)


def ends(study: Study, best: State, reach: float) -> tuple[float, float]:
    """The first number where r = `reach` on either side; the end of its box where the profile stays above."""
    return _end(study, best, reach, -1.0), _end(study, best, reach, 1.0)


def _end(study: Study, best: State, reach: float, side: float) -> float:
    box = study.free.box
    bound = float((box.lower if side < 0 else box.upper)[0])
    inside, outside, near = float(best.u[0]), None, best
    if inside == bound:
        return bound
    v = inside + side * min(reach * _error(best, study), FAR)
    for _ in range(STEPS):
        v = side * min(side * v, side * bound)
        near = profile(study, v, near)
        assert best.at is not None
        assert near.at is not None
        r = float(np.sqrt(max(2 * (best.at.value - near.at.value), 0.0)))
        if abs(r - reach) <= CLOSE * reach or (r < reach and v == bound):
            break
        inside, outside = (v, outside) if r < reach else (inside, v)
        slope = -float(near.at.slope[0]) / r if r > 0 else 0.0
        newton = v - (r - reach) / slope if slope * side > 0 else np.inf * side
        if outside is None:
            v = side * min(side * newton, side * inside + FAR)
        else:
            v = newton if side * inside < side * newton < side * outside else (inside + outside) / 2
    return v


def _error(best: State, study: Study) -> float:
    """The standard error of the first number; FAR where the curve has none."""
    assert best.at is not None
    variance = float(covariance(best.at, study.free.box.moving)[0, 0])
    return float(np.sqrt(variance)) if np.isfinite(variance) else FAR
