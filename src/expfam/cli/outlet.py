"""An output whose reader may go: what is written after that goes nowhere, and the work goes on."""

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TextIO, final


@final
@dataclass(frozen=True, slots=True, eq=False)
class Outlet:
    """A text stream as it is, but for a pipe that nobody reads any more: `expfam fit ... --save m.json | head -1` saves
    its model, and its exit code is that of the fit. Another error, such as a full disk, is raised once."""

    stream: TextIO
    seen: list[OSError] = field(default_factory=list)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.stream, name)

    def write(self, text: str) -> int:
        """Write, or do as if."""
        if text != "":  # typer tries with none
            self._kept(lambda: self.stream.write(text))
        return len(text)

    def flush(self) -> None:
        """Flush, or do as if."""
        self._kept(self.stream.flush)

    def _kept(self, step: Callable[[], object]) -> None:
        try:
            step()
        except OSError as error:
            if not (self.seen or isinstance(error, BrokenPipeError)):
                self.seen.append(error)
                raise
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self.stream.fileno())
            os.close(nowhere)
