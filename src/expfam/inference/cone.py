"""Is there a d with A d >= 0, E d = 0 and not A d = 0? The recession cone of a likelihood, by linear programming.

Rows are scaled so that their entries are of the order of 1. HiGHS decides; what counts as zero is GAIN.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from expfam._typing import BoolArray, FloatArray

BOX = 1e4  # the largest entry of a direction: a margin of 1 / BOX counts in full
EXACT = 1e-9  # by how much a constraint may be missed: 1e-13 of the largest entry of a direction
GAIN = 1e-5  # from which on a row is moved
MISSED = 1e-8  # by how much a direction may go against a row of the data, and be right up to rounding
AT_ONCE, ROUNDS = 2000, 60


@dataclass(frozen=True, slots=True, eq=False)
class Cone:
    """{d: A d >= 0, E d = 0}, both sparse, (m, q) and (l, q)."""

    A: Any
    E: Any

    def generic(self) -> tuple[FloatArray, BoolArray]:
        """A direction of the cone's relative interior, and the rows of A that it moves: all that any direction moves.

        max sum u, A d >= u, 0 <= u <= 1 (Freund, Roundy and Todd 1985): a row that can be moved is, for a sum of
        directions is one.
        """
        from scipy import sparse

        m, q = self.A.shape
        goal = np.concatenate([np.zeros(q), -np.ones(m)])
        above = sparse.hstack([-self.A, sparse.eye_array(m)], format="csr")
        level = sparse.hstack([self.E, sparse.csr_array((self.E.shape[0], m))], format="csr")
        bounds = np.concatenate([np.tile([-BOX, BOX], (q, 1)), np.tile([0.0, 1.0], (m, 1))])
        d = _solved(goal, above, level, bounds)[:q]
        return d, np.asarray(self.A @ d > GAIN)

    def span(self, moved: BoolArray) -> FloatArray:
        """An orthonormal basis (q, r) of what the cone spans: nothing that stays is moved by it."""
        from scipy import sparse
        from scipy.linalg import null_space

        still = sparse.vstack([self.E, self.A[~moved]], format="csr")
        if not still.shape[0]:
            return np.eye(still.shape[1])
        return np.asarray(null_space(np.linalg.qr(still.toarray(), mode="r"), rcond=1e-9))


def farthest(rows: FloatArray, c: FloatArray) -> FloatArray:
    """The z of rows z >= 0, |z| <= 1, with the largest c'z: rows (m, r), unit vectors."""
    from scipy import sparse

    bounds = np.tile([-1.0, 1.0], (len(c), 1))
    some = np.unique(np.linspace(0, len(rows) - 1, min(len(rows), AT_ONCE)).astype(np.intp))
    for _ in range(ROUNDS):
        z = _solved(-c, sparse.csr_array(-rows[some]), None, bounds)
        along = rows @ z
        worst = np.argsort(along)[:AT_ONCE]
        if len(some) == len(rows) or along[worst[0]] > -MISSED:
            break
        some = np.union1d(some, worst)
    return z


def _solved(goal: FloatArray, above: Any, level: Any, bounds: FloatArray) -> FloatArray:
    """The solution of min goal'x, above x <= 0, level x = 0; x = 0 is feasible, and all is bounded."""
    from scipy.optimize import linprog  # heavy, and rarely needed

    given: dict[str, Any] = {}
    for name, rows in (("ub", above), ("eq", level)):
        if rows is not None and rows.shape[0]:
            given |= {f"A_{name}": rows, f"b_{name}": np.zeros(rows.shape[0])}
    exact: Any = {"primal_feasibility_tolerance": EXACT, "dual_feasibility_tolerance": EXACT}
    found: Any = linprog(goal, bounds=bounds, method="highs", options=exact, **given)  # type: ignore[call-overload]
    return np.zeros(len(goal)) if found.x is None else np.asarray(found.x)
