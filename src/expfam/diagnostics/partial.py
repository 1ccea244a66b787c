"""What would a term have to be, for its residuals to vanish? Partial residuals: working residuals plus what it adds."""

from collections.abc import Sequence

import numpy as np

from expfam._typing import FloatArray
from expfam.diagnostics.residuals import at_rows, means
from expfam.inference.optimum import Optimum
from expfam.parallel import ordered_map, ordered_sum, slices
from expfam.source import Block

CELLS = 1 << 20  # numbers of X theta, term by term, that are held together


def partial_residuals(optimum: Optimum, blocks: Sequence[Block]) -> FloatArray:
    """(y - mu) / h'(eta) + X_j theta_j for every row and term, (n, terms), as R's residuals(type="partial").

    Beside an intercept what a term adds has mean 0 over the rows (frequencies counted). Aliased columns add nothing.
    """
    optimum = optimum.one_line("partial_residuals()")
    data, theta = optimum.prepared.data, optimum.theta
    each = np.zeros((len(theta), len(blocks)))
    for k, block in enumerate(blocks):
        each[block.columns, k] = theta[block.columns]
    raw, parts = data.design.maps.forward(each), slices(data.n, max(CELLS // max(len(blocks), 1), 1))
    times = optimum.prepared.frequency
    centre = np.zeros(len(blocks))
    if any(block.is_intercept for block in optimum.model.terms.blocks):
        f = np.ones(data.n) if times is None else times
        centre = ordered_sum(lambda rows: f[rows] @ data.design.take(rows).forward(raw), parts) / f.sum()

    def part(rows: slice) -> FloatArray:
        at = at_rows(optimum, optimum.problem.objective.data.take(rows), rows)
        working = (at.t - means(optimum, at)) / optimum.model.link.derivative(at.eta)
        return np.asarray(working[:, None] + data.design.take(rows).forward(raw) - centre)

    return optimum.prepared.placed(np.concatenate(ordered_map(part, parts)))
