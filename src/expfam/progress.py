"""Long work shows that it lives: one line on the terminal that says what is being done."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console

_live: ContextVar["Console | None"] = ContextVar("expfam_live_console", default=None)


@contextmanager
def progress(show: bool, start: str) -> Iterator[Callable[[str], None]]:
    """A function that takes lines of progress: a spinner on stderr if `show`, else silence."""
    if not show:
        yield lambda line: None
        return
    from rich.console import Console  # only where something is shown

    with Console(stderr=True).status(start) as status:
        token = _live.set(status.console)
        try:
            yield status.update
        finally:
            _live.reset(token)


def live() -> "Console | None":
    """The console whose last line is taken by progress now: what else is told goes above it, by the same console."""
    return _live.get()
