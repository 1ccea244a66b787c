"""What the user sees: results on stdout, notes and errors on stderr, colour only on a terminal, and the exit code."""

import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from shutil import get_terminal_size
from typing import TYPE_CHECKING, Any, TextIO, final

import typer
from typer.core import TyperCommand, TyperGroup

from expfam.cli.spelled import asked, said
from expfam.errors import (
    AliasWarning,
    ConvergenceWarning,
    DataWarning,
    ExpfamError,
    ExpfamWarning,
    SeparationWarning,
)
from expfam.outputs import located
from expfam.progress import live

if TYPE_CHECKING:
    from rich.console import Console

WIDTH = 100
STYLES = {"error": "bold red", "not converged": "bold red", "warning": "yellow", "note": "cyan"}
VERDICTS = (("Converged:", "bold green"), ("NOT converged", "bold red"))
NOT_CONVERGED, BAD_INPUT, INTERRUPTED = 1, 2, 130


@final
class Command(TyperCommand):
    """Takes a path with ~ in quotes, which the shell leaves as it is, for one without."""

    def invoke(self, ctx: Any) -> Any:
        ctx.params = {name: _located(value) for name, value in ctx.params.items()}
        return super().invoke(ctx)


@final
class Reporting(TyperGroup):
    """Runs a command; errors and warnings of the library become lines on stderr, and an exit code."""

    def invoke(self, ctx: Any) -> Any:
        with _named(ctx):
            return self._reported(ctx)

    def _reported(self, ctx: Any) -> Any:
        try:
            with _warnings_told():
                return super().invoke(ctx)
        except (ExpfamError, OSError) as error:
            say("error", str(error))
            raise typer.Exit(BAD_INPUT) from None
        except KeyboardInterrupt:
            say("error", "interrupted")
            raise typer.Exit(INTERRUPTED) from None


def _located(value: Any) -> Any:
    """Paths, and lists of them, where they are; anything else as it is."""
    if isinstance(value, list):
        return [_located(one) for one in value]
    return located(value) if isinstance(value, Path) else value


def console(stderr: bool = False) -> "Console":
    """A console as wide as the terminal, 100 columns at most; without colour in a pipe."""
    from rich.console import Console  # slow to load, and `--version` goes without

    width = min(get_terminal_size((WIDTH, 24)).columns, WIDTH)
    return Console(stderr=stderr, width=width, highlight=False, soft_wrap=True)


def say(kind: str, message: str) -> None:
    """`expfam: kind: message` on stderr, in the command's own words; lines are left whole, so that a caret stays under
    its place."""
    from rich.text import Text

    screen = live() or console(stderr=True)
    screen.print(Text.assemble("expfam: ", (f"{kind}:", STYLES[kind]), f" {own_words(message)}"), soft_wrap=True)


def own_words(message: str) -> str:
    """A message in the words of the command that runs, and of the others; where it takes no formula, what a model could
    be made by anew are the options of `fit`."""
    flags = _flags()
    flags = flags if "formula" in flags else _flags("fit") | flags
    return asked(said(message, flags), {name: _flags(name) for name in _commands()})


COLD = "This machine has no compiled kernels yet. `expfam warmup` makes them, once; large fits are faster with them."


def watched(asked: bool | None) -> bool:
    """Show progress? As asked, else where someone looks on."""
    return sys.stderr.isatty() if asked is None else asked


_context: ContextVar[Any] = ContextVar("expfam_command", default=None)


@contextmanager
def _named(ctx: Any) -> Iterator[None]:
    """What is said meanwhile is said by the command that this context comes to run."""
    token = _context.set(ctx)
    try:
        yield
    finally:
        _context.reset(token)


def _commands() -> list[str]:
    """The commands there are."""
    ctx = _context.get()
    return [] if ctx is None else list(ctx.command.list_commands(ctx))


def _flags(name: str | None = None) -> dict[str, str]:
    """The options of a command, of the one that runs without a name, by their names."""
    ctx = _context.get()
    command = None if ctx is None else ctx.command.get_command(ctx, name or ctx.invoked_subcommand or "")
    return {} if command is None else {part.name: max(part.opts, key=len) for part in command.params}


@contextmanager
def _warnings_told() -> Iterator[None]:
    """Warnings as one line each. What the certificate says is left to the command, which shows it with the fit."""
    with warnings.catch_warnings():
        warnings.simplefilter("default", ExpfamWarning)  # once
        warnings.simplefilter("ignore", ConvergenceWarning)
        warnings.simplefilter("ignore", SeparationWarning)
        warnings.showwarning = _tell
        yield


def _tell(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    say("note" if issubclass(category, (DataWarning, AliasWarning)) else "warning", str(message))
