"""What rows learned from one after the other leave behind, O(p) of it, and what can be said of that.

A `Trail` is frozen: `walk` makes the next one. Its averaged iterate has standard errors from its own path, without a
matrix (`errors`).
"""

from dataclasses import dataclass, replace

import numpy as np

from expfam._typing import FloatArray, IntArray
from expfam.errors import SolverError, one_of
from expfam.kernels.pace import Ask, Average, Clock, Rule, State, Update
from expfam.kernels.walk_definition import age, pay
from expfam.penalties import PenaltyForm

MOST = 1 << 31  # rows of a batch: more do not come at once
POINTS = 64  # rows from one point of the path of averages to the next, at least
FEW = (1 + 1 / 8) * (2 + 1 / 8) / 6  # sum of W^2 over the path in units of the last W^3, if eight points lie evenly
SPARED = 8  # and at least one row for so many coefficients: a point costs a look at all of them


@dataclass(frozen=True, slots=True)
class How:
    """How to step from row to row.

    update     "explicit", "implicit" or "importance": the step of a row of weight w is a step of Euler's method over
               time w, forward or backward, or the flow itself
    step       "constant"; "inverse", rate / (1 + decay t)^power at t the weight seen; "adagrad"; "normalised" (scale
               free: Ross, Mineiro and Langford 2013); "adam", explicit only
    rate       of the first two as it stands; of the others in natural units of eta, `unit`
    average    "polyak", the mean of the iterates by weight after the first `burn_in` of it; "exponential", their fading
               mean, of a `half_life` in weight; None, the last
    batch      rows a step, which then is the mean of theirs from one theta
    workers    blocks of rows that start from one state and walk side by side, to be averaged
    """

    update: str = "implicit"
    step: str = "normalised"
    rate: float = 4.0
    decay: float = 0.0
    power: float = 0.75
    average: str | None = "polyak"
    burn_in: float = 0.0
    half_life: float = 1000.0
    batch: int = 1
    workers: int = 1
    unit: float = 1.0

    def __post_init__(self) -> None:
        one_of("update", self.update, tuple(kind.name.lower() for kind in Update))
        one_of("step", self.step, tuple(kind.name.lower() for kind in Rule))
        one_of("average", self.average, (None, "polyak", "exponential"))
        if self.step == "adam" and self.update != "explicit":
            raise SolverError(
                f"SGD(step='adam', update={self.update!r}): adam is only explicit; take update='explicit', or "
                "step='normalised', which adapts to every column too"
            )

    def ask(self, penalty: PenaltyForm, p: int) -> Ask:
        """The same in numbers, for p coefficients a linear predictor under a penalty."""
        kinds = {None: Average.LAST, "polyak": Average.POLYAK, "exponential": Average.FADING}
        every = max(POINTS, p // SPARED) if self.average == "polyak" else 0
        penalised = 0 if penalty.is_zero else 1 if penalty.absolute is None else 2
        return Ask(
            int(Update[self.update.upper()]), int(Rule[self.step.upper()]), int(kinds[self.average]), every,
            min(self.batch, MOST), penalised, float(self.rate), float(self.decay), float(self.power),
            float(self.half_life), float(self.burn_in), float(self.unit),
        )  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class Trail:
    """What was learned: `kernels.pace.State`, arrays like theta (p,) or (p, d), those not needed empty, and `Clock`.

    `progressive` is the sum of w loss of every row before it was learned from, but for the `outside` ones whose mean
    was none of the family then.
    """

    state: State
    clock: FloatArray
    progressive: float = 0.0
    outside: int = 0

    @property
    def theta(self) -> FloatArray:
        """The last iterate, penalties that are due not yet paid."""
        return self.state.theta

    @property
    def rows(self) -> int:
        """How many rows were learned from."""
        return int(self.clock[Clock.ROWS])

    @property
    def steps(self) -> int:
        """How many steps were taken."""
        return int(self.clock[Clock.STEPS])

    @property
    def weight(self) -> float:
        """The sum of their weights."""
        return float(self.clock[Clock.WEIGHT])


def start(theta: FloatArray, how: How, penalty: PenaltyForm) -> Trail:
    """Before the first row, at theta (p,) or (p, d)."""
    none, zeros = np.zeros(0), np.zeros_like(theta)
    rule, held, corners = how.step, not penalty.is_zero, penalty.absolute is not None
    if penalty.matrix is not None:
        raise SolverError(
            "steps of first order pay penalties one coefficient at a time, and a Ridge matrix ties them together; take "
            "SGD(step='information') or solver='newton', or a strength a column"
        )
    needed = {
        "theta": True, "lag": how.average is not None, "squares": rule in ("adagrad", "normalised", "adam"),
        "moment": rule == "adam", "local": True, "scale": rule == "normalised", "paid": held, "owed": corners,
        "received": corners, "line": how.average == "polyak", "area": how.average == "polyak",
        "since": held and how.average is not None,
    }  # fmt: skip
    arrays = {name: zeros if wanted else none for name, wanted in needed.items()}
    state = State(**arrays | {"theta": theta, "local": np.full_like(theta, rule in ("constant", "inverse"))})
    return Trail(state, np.zeros(len(Clock)))


def widened(trail: Trail, at: IntArray, shape: tuple[int, ...], how: How) -> Trail:
    """A trail of more coefficients, `shape` of theta: those it has are number `at` (p,) among the new ones."""

    def wide(array: FloatArray, fill: float) -> FloatArray:
        if not array.size:
            return array
        out = np.full(shape, fill)
        out[at] = array
        return out

    fills = {"local": float(how.step in ("constant", "inverse"))}
    return replace(
        trail, state=State(**{name: wide(part, fills.get(name, 0.0)) for name, part in trail.state._asdict().items()})
    )


def dated(trail: Trail) -> Trail:
    """The trail of an older version, which did not keep at which weight penalties were paid: as if at an even pace."""
    state, due = trail.state, trail.clock[Clock.DUE]
    if not (state.paid.size and state.lag.size):
        return trail
    return replace(trail, state=state._replace(since=state.paid * (trail.weight / due if due > 0 else 0.0)))


def estimate(trail: Trail, how: How, penalty: PenaltyForm) -> FloatArray:
    """The averaged iterate, or the last where none is averaged, once penalties that are due are paid; like theta."""
    p = len(trail.theta)
    ask, clock = how.ask(penalty, p), trail.clock.copy()
    state = State(*(part.reshape(p, -1).copy() if part.size else part for part in trail.state))
    absolute = np.zeros(p) if penalty.absolute is None else penalty.absolute
    pay(ask, (penalty.diagonal, absolute), state, clock, np.arange(p))
    return (state.theta - lag_of(state.lag, ask, clock)).reshape(trail.theta.shape)


def lag_of(lag: FloatArray, ask: Ask, clock: FloatArray) -> FloatArray | float:
    """theta less its average."""
    past = age(ask, clock)
    return lag / past if past > 0 else 0.0


def errors(trail: Trail, how: How) -> FloatArray:
    """Standard errors of the averaged iterate by random scaling, like theta: the root of V / W, with

    V = sum over the path of (W_s (bar_s - bar))^2 / W^2, how far the averages bar_s of the way wandered from the last.

    No matrix and no second look at a row is needed, and precision or frequency weights count as rows would. But V does
    not settle as rows come, so (bar - truth) / error is not normal: |.| is below 6.747 with probability 95%
    (`inference.pivot`). Lee, Liao, Seo and Shin (2022). SolverError where no Polyak average is kept; NaN while its path
    has too few points, by `FEW`.
    """
    if how.average != "polyak":
        raise SolverError(
            f"average={how.average!r}: random scaling needs the path of Polyak averages, average='polyak'"
        )
    weight, mass = trail.weight - how.burn_in, trail.clock[Clock.MASS]
    gone = trail.clock[Clock.MARKED] - how.burn_in
    if not 0 < mass <= FEW * gone**3:
        return np.full_like(trail.theta, np.nan)
    bar = trail.theta - trail.state.lag / weight
    wandered = trail.state.area - 2 * bar * trail.state.line + mass * bar**2
    return np.asarray(np.sqrt(np.maximum(wandered, 0.0) / weight**3))
