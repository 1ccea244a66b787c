"""theta <- theta - R x z / x'Rx, row after row: explicit (11), implicit (12) and exact steps over the rows of a fit.

`walk` is a pure function from a `Trail` and rows to the next `Trail`. However the rows are cut into calls, it ends at
the same bits, as long as cuts fall between batches, and between rounds where several workers walk.
"""

import numpy as np

from expfam._typing import AnyArray, FloatArray
from expfam.design.rows import Layout, layout
from expfam.kernels.pace import State
from expfam.objective import Objective
from expfam.solvers.course import Course, Place, Queue, advance, pair_of
from expfam.solvers.trail import How, Trail
from expfam.solvers.workers import abreast


def walk(
    objective: Objective,
    trail: Trail,
    how: How,
    frequency: FloatArray | None = None,
    rows: slice | AnyArray | None = None,
    plan: Layout | None = None,
) -> Trail:
    """The trail after the rows of an objective, each of them `frequency` (n,) times; of some `rows`, in their order.
    `plan` is the layout of the design, where it is at hand.

    The weight of a row is w, and of one of its repetitions w / frequency; theta is in the coordinates of the design but
    for the centring of its map. SolverError where a step diverges, or a mean that the family does not allow leaves
    nowhere to step from.
    """
    p, *classes = trail.theta.shape
    plan, penalty = plan or layout(objective.data.design), objective.penalty
    absolute = np.zeros(p) if penalty.absolute is None else penalty.absolute
    ridge, corners = (np.tile(part[plan.order], *classes or (1,)) for part in (penalty.diagonal, absolute))
    queue = Queue(slice(0, objective.data.n) if rows is None else rows, frequency)
    course = Course(objective, plan, how, how.ask(penalty, p), (ridge, corners), queue, pair_of(objective))
    arrays = State(*(_flat(part, plan.order) for part in trail.state))
    place = Place(arrays, trail.clock.copy(), trail.progressive, trail.outside)
    place = advance(course, place, 0, queue.count) if how.workers == 1 else abreast(course, place)
    back = np.argsort(plan.order)
    state = State(*(_shaped(part, back, trail.theta.shape) for part in place.state))
    return Trail(state, place.clock, place.progressive, place.outside)


def _flat(part: FloatArray, order: AnyArray) -> FloatArray:
    """A copy class after class, in another order."""
    return np.ascontiguousarray(part[order].T).reshape(-1) if part.size else part


def _shaped(part: FloatArray, back: AnyArray, shape: tuple[int, ...]) -> FloatArray:
    return np.ascontiguousarray(part.reshape(shape[::-1]).T[back]) if part.size else part
