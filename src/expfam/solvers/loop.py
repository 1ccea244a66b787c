"""The only loop: a solver is a state, a step, and a status that says when to stop."""

from collections.abc import Callable
from typing import Protocol, TypeVar

from expfam.solvers.status import Status


class HasStatus(Protocol):
    """Anything that knows whether it is still running."""

    @property
    def status(self) -> Status: ...


S = TypeVar("S", bound=HasStatus)


def iterate(step: Callable[[S], S], state: S, tell: Callable[[S], None]) -> S:
    """state, step(state), step(step(state)), ... until the status is no longer RUNNING; `tell` sees each one."""
    while state.status is Status.RUNNING:
        tell(state)
        state = step(state)
    tell(state)
    return state
