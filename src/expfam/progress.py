"""Long work shows that it lives: one line on the terminal that says what is being done."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def progress(show: bool, start: str) -> Iterator[Callable[[str], None]]:
    """A function that takes lines of progress: a spinner on stderr if `show`, else silence."""
    if not show:
        yield lambda line: None
        return
    from rich.console import Console  # only where something is shown

    with Console(stderr=True).status(start) as status:
        yield status.update
